/* Any bytes as what HTTP brings before a handler runs: a whole head (target, method, headers), a
 * Range, a Host, an Origin, a JSON body, a number. The first byte picks. Text that reaches a
 * handler must be text; what is served must be ours; ranges must lie in the file; JSON must
 * survive. */
#include "base/memory.h"
#include "http/private.h"
#include "http/wire.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const origins[] = {"http://localhost:5173", NULL};
static const char *const hosts[] = {"studio.lan", "proxy.lan:443", NULL};
static const i4_guard guard = {
    .host = "127.0.0.5", .port = 8000, .origins = origins, .hosts = hosts, .token = "secret"};

static const i4_route routes[] = {
    {.method = "GET", .pattern = "/api/images/{id:int}/file"},
    {.method = "DELETE", .pattern = "/api/images/all"},
    {.method = "PATCH", .pattern = "/api/images/{id:int}", .body = I4_BODY_JSON},
    {.method = "GET", .pattern = "/outputs/{path...}"},
    {.method = NULL},
};

static void check(bool promise) {
    if (!promise) {
        abort();
    }
}

static void try_range(const char *text) {
    static const uint64_t sizes[] = {0, 1, 10, UINT64_MAX / 2};
    i4_span spans[I4_HTTP_RANGES];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const int count = i4_range_parse(text, sizes[i], spans);
        uint64_t end = 0;
        check(count >= -1 && count <= I4_HTTP_RANGES);
        for (int k = 0; k < count; k++) {
            check(spans[k].size > 0 && (k == 0 || spans[k].start > end));
            end = spans[k].start + spans[k].size;
            check(end > spans[k].start && end <= sizes[i]);
        }
    }
}

static void try_host(const char *text) {
    static const char *const ours[] = {"127.0.0.1:8000", "localhost:8000",  "[::1]:8000",
                                       "127.0.0.5:8000", "studio.lan:8000", "proxy.lan:443"};
    bool is_ours = false;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        is_ours = is_ours || strcasecmp(text, ours[i]) == 0;
    }
    check(i4_guard_host(&guard, text) == is_ours);
}

static void try_origin(const char *text) {
    if (i4_guard_own_origin(&guard, text)) {
        check(strncmp(text, "http://", 7) == 0 && i4_guard_host(&guard, text + 7));
    }
}

static void try_number(const char *text) {
    int64_t value = 0;
    if (i4_int_parse(text, &value) == I4_INT_FINE) {
        check(strpbrk(text, "0123456789") != NULL);
    }
}

static void try_json(const char *text, size_t size) {
    json_t *value, *again;
    if (i4_wire_read(text, size, &value, NULL) != I4_WIRE_OK) {
        check(value == NULL);
        return;
    }
    char *written = i4_wire_text(value);
    check(written && i4_utf8_valid(i4_str_c(written)));
    check(i4_wire_read(written, strlen(written), &again, NULL) == I4_WIRE_OK);
    check(json_equal(value, again));
    i4_free(written);
    json_decref(value);
    json_decref(again);
}

static void check_text(const char *text) {
    check(text && i4_utf8_valid(i4_str_c(text)));
}

/* "target\nMETHOD\nName: value\n…" */
static void try_head(char *text) {
    char allow[128];
    char *rest = NULL;
    char *line = strtok_r(text, "\n", &rest);
    i4_http_request *r = line ? i4_request_new(NULL, line) : NULL;
    if (!r) {
        return;
    }
    line = strtok_r(NULL, "\n", &rest);
    r->method = line ? line : "GET";
    while ((line = strtok_r(NULL, "\n", &rest)) != NULL) {
        char *colon = strstr(line, ": ");
        if (colon) {
            *colon = '\0';
            i4_request_add_header(r, line, colon + 2);
        }
    }
    if (i4_request_split_target(r)) {
        if (r->path) {
            check_text(r->path);
            i4_route_owns(routes, r->path);
        }
        for (int i = 0; i < r->query_count; i++) {
            check_text(r->queries[i].name);
            check_text(r->queries[i].value);
        }
        const i4_verdict verdict = i4_guard_check(&guard, r);
        if (verdict.status == 0) {
            const char *host = i4_req_header(r, "Host");
            check(host && i4_guard_host(&guard, host));
            check(strstr(i4_req_header(r, "Origin") ? i4_req_header(r, "Origin") : "", "null") ==
                      NULL ||
                  i4_request_is_safe(r));
        }
        i4_route_find(routes, r, allow, sizeof allow);
        for (int i = 0; i < r->param_count; i++) {
            check_text(r->params[i].value);
        }
    }
    i4_request_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = size > 0 ? malloc(size) : NULL;
    if (!text) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 6) {
    case 0:
        try_head(text);
        break;
    case 1:
        try_range(text);
        break;
    case 2:
        try_host(text);
        break;
    case 3:
        try_origin(text);
        break;
    case 4:
        try_json(text, size - 1);
        break;
    default:
        try_number(text);
        break;
    }
    free(text);
    return 0;
}
