/* Which route a path belongs to. */
#include "http/private.h"

#include <stdio.h>
#include <string.h>

typedef struct placeholder {
    i4_str name;
    bool is_int, is_rest;
} placeholder;

/* "{name:int}" at text; the number of characters it takes. */
static size_t read_placeholder(const char *text, placeholder *p) {
    const size_t size = strcspn(text, "}");
    *p = (placeholder){.name = i4_str_of(text + 1, size - 1)};
    p->is_int = i4_str_ends(p->name, ":int");
    p->is_rest = i4_str_ends(p->name, "...");
    p->name.len -= p->is_int ? 4 : p->is_rest ? 3 : 0;
    return size + (text[size] == '}');
}

static void capture(i4_http_request *r, const placeholder *p, const char *text, size_t size) {
    if (r->param_count < I4_HTTP_PARAMS) {
        r->params[r->param_count++] = (i4_param){
            .name = p->name.ptr,
            .name_size = p->name.len,
            .value = i4_request_copy(r, text, size),
            .is_int = p->is_int,
        };
    }
}

/* Captures into r when it is not NULL. */
static bool matches(const char *pattern, const char *path, i4_http_request *r) {
    while (*pattern) {
        if (*pattern != '{') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        placeholder p;
        pattern += read_placeholder(pattern, &p);
        const size_t size = p.is_rest ? strlen(path) : strcspn(path, "/");
        if (size == 0 && !p.is_rest) {
            return false;
        }
        if (r) {
            capture(r, &p, path, size);
        }
        path += size;
    }
    return *path == '\0';
}

/* GET answers HEAD too. */
static bool takes_method(const i4_route *route, const char *method) {
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static void add_method(char *allow, size_t size, const char *method) {
    const size_t used = strlen(allow);
    if (!strstr(allow, method)) {
        snprintf(allow + used, size - used, "%s%s", used ? ", " : "", method);
    }
}

i4_route_result i4_route_find(const i4_route *routes, i4_http_request *r, char *allow,
                              size_t size) {
    allow[0] = '\0';
    for (const i4_route *route = routes; r->path && route->method; route++) {
        if (!matches(route->pattern, r->path, NULL)) {
            continue;
        }
        if (takes_method(route, r->method)) {
            r->route = route;
            matches(route->pattern, r->path, r);
            return I4_ROUTE_FOUND;
        }
        add_method(allow, size, route->method);
        if (strcmp(route->method, "GET") == 0) {
            add_method(allow, size, "HEAD");
        }
    }
    return allow[0] ? I4_ROUTE_METHOD : I4_ROUTE_NONE;
}

bool i4_route_owns(const i4_route *routes, const char *path) {
    const size_t size = path[0] == '/' ? 1 + strcspn(path + 1, "/") : 0;
    for (const i4_route *route = routes; size > 1 && route->method; route++) {
        if (strncmp(route->pattern, path, size) == 0 &&
            (route->pattern[size] == '/' || route->pattern[size] == '\0')) {
            return true;
        }
    }
    return false;
}
