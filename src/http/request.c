/* A request as text: arena, headers, target, query. It copies what it needs, so that it outlives
 * its connection. */
#include "base/checked.h"
#include "base/memory.h"
#include "http/private.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* --- arena --------------------------------------------------------------------------------- */

enum { ARENA_BYTES = 4096 };

typedef struct i4_arena {
    struct i4_arena *next;
    size_t used, size;
    max_align_t bytes[];
} i4_arena;

void *i4_req_alloc(i4_http_request *r, size_t size) {
    const size_t unit = sizeof(max_align_t);
    size_t need;
    if (!i4_add_size(size, unit - 1, &need)) {
        return NULL;
    }
    need -= need % unit;
    i4_arena *top = r->arena;
    if (!top || top->size - top->used < need) {
        const size_t room = need > ARENA_BYTES ? need : ARENA_BYTES;
        size_t bytes;
        i4_arena *block = i4_add_size(room, sizeof *block, &bytes) ? i4_malloc(bytes) : NULL;
        if (!block) {
            return NULL;
        }
        *block = (i4_arena){.next = top, .size = room};
        r->arena = top = block;
    }
    void *given = (char *)top->bytes + top->used;
    top->used += need;
    return given;
}

char *i4_request_copy(i4_http_request *r, const char *text, size_t size) {
    char *copy = size == SIZE_MAX ? NULL : i4_req_alloc(r, size + 1);
    if (copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    } else {
        r->out_of_memory = true;
    }
    return copy;
}

/* --- life ---------------------------------------------------------------------------------- */

i4_http_request *i4_request_new(i4_http_server *server, const char *target) {
    i4_http_request *r = i4_calloc(1, sizeof *r);
    if (!r) {
        return NULL;
    }
    r->server = server;
    r->reply.request = r;
    r->method = "";
    r->header_bytes = strlen(target);
    i4_buf_init(&r->body, 0);
    r->target = i4_request_copy(r, target, strlen(target));
    if (!r->target) {
        i4_request_free(r);
        return NULL;
    }
    return r;
}

void i4_request_free(i4_http_request *r) {
    if (!r) {
        return;
    }
    i4_reply_drop(&r->reply);
    json_decref(r->json);
    json_decref(r->detail);
    i4_buf_free(&r->body);
    while (r->arena) {
        i4_arena *block = r->arena;
        r->arena = block->next;
        i4_free(block);
    }
    i4_free(r);
}

/* --- headers ------------------------------------------------------------------------------- */

bool i4_request_add_header(i4_http_request *r, const char *name, const char *value) {
    const size_t name_size = strlen(name), value_size = strlen(value);
    r->header_bytes += name_size + value_size + 4; /* ": " and the line's end */
    if (r->header_count == I4_HTTP_HEADERS || r->header_bytes > I4_HTTP_HEADER_BYTES) {
        r->too_many_headers = true;
        return false;
    }
    const char *own_name = i4_request_copy(r, name, name_size);
    const char *own_value = i4_request_copy(r, value, value_size);
    if (!own_name || !own_value) {
        return false;
    }
    r->headers[r->header_count++] = (i4_pair){own_name, own_value};
    return true;
}

const char *i4_req_header(const i4_http_request *r, const char *name) {
    for (int i = 0; i < r->header_count; i++) {
        if (strcasecmp(r->headers[i].name, name) == 0) {
            return r->headers[i].value;
        }
    }
    return NULL;
}

int i4_request_count(const i4_http_request *r, const char *name) {
    int count = 0;
    for (int i = 0; i < r->header_count; i++) {
        count += strcasecmp(r->headers[i].name, name) == 0;
    }
    return count;
}

bool i4_request_is_safe(const i4_http_request *r) {
    return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0 ||
           strcmp(r->method, "OPTIONS") == 0;
}

void i4_request_type(const i4_http_request *r, char *out, size_t size) {
    const char *type = i4_req_header(r, "Content-Type");
    size_t used = 0;
    for (; type && *type && *type != ';' && used + 1 < size; type++) {
        if (*type != ' ' && *type != '\t') {
            out[used++] = (char)(*type >= 'A' && *type <= 'Z' ? *type - 'A' + 'a' : *type);
        }
    }
    out[used] = '\0';
}

/* --- target -------------------------------------------------------------------------------- */

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Bytes only; returns their number, at most size. A '%' without two digits stands for itself. */
static size_t decode_bytes(const char *text, size_t size, bool plus_is_blank, char *out) {
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        const int high = text[i] == '%' && size - i > 2 ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low >= 0) {
            out[used++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[used++] = plus_is_blank && text[i] == '+' ? ' ' : text[i];
        }
    }
    return used;
}

/* Writes the bytes that lie at out + from to the front of out, mended, with a NUL.
 * Each byte read becomes three at most: see the caller for why that fits. */
static void mend_bytes(char *out, size_t from, size_t size) {
    static const char replacement[] = "\xef\xbf\xbd";
    const i4_str text = i4_str_of(out + from, size);
    size_t pos = 0, used = 0;
    while (pos < text.len) {
        const size_t start = pos;
        uint32_t code_point;
        if (i4_utf8_next(text, &pos, &code_point) && code_point != 0) {
            memmove(out + used, text.ptr + start, pos - start);
            used += pos - start;
        } else {
            pos = start + 1;
            memcpy(out + used, replacement, 3);
            used += 3;
        }
    }
    out[used] = '\0';
}

bool i4_percent_decode(const char *text, size_t size, bool plus_is_blank, bool mend, char *out) {
    /* Mending writes at most three bytes for each one it has read, so it can work in place when
     * the bytes lie at the end of the room. */
    const size_t from = mend ? 2 * size : 0;
    const size_t count = decode_bytes(text, size, plus_is_blank, out + from);
    if (mend) {
        mend_bytes(out, from, count);
        return true;
    }
    out[count] = '\0';
    return !memchr(out, '\0', count) && i4_utf8_valid(i4_str_of(out, count));
}

static const char *decode_query(i4_http_request *r, const char *text, size_t size) {
    char *out = i4_req_alloc(r, 3 * size + 1);
    if (!out) {
        r->out_of_memory = true;
        return NULL;
    }
    i4_percent_decode(text, size, true, true, out);
    return out;
}

/* One "name=value"; a repeated name keeps its last value. */
static void add_query(i4_http_request *r, const char *text, size_t size) {
    const char *equals = memchr(text, '=', size);
    const size_t name_size = equals ? (size_t)(equals - text) : size;
    const char *name = decode_query(r, text, name_size);
    const char *value = equals ? decode_query(r, equals + 1, size - name_size - 1) : "";
    if (!name || !value) {
        return;
    }
    for (int i = 0; i < r->query_count; i++) {
        if (strcmp(r->queries[i].name, name) == 0) {
            r->queries[i].value = value;
            return;
        }
    }
    if (r->query_count < I4_HTTP_QUERIES) {
        r->queries[r->query_count++] = (i4_pair){name, value};
    }
}

static void split_query(i4_http_request *r, const char *text) {
    while (*text) {
        const size_t size = strcspn(text, "&");
        if (size > 0) {
            add_query(r, text, size);
        }
        text += size;
        text += *text == '&';
    }
}

bool i4_request_split_target(i4_http_request *r) {
    const char *target = r->target;
    if (target[0] != '/' || strchr(target, '#')) {
        return false;
    }
    const size_t path_size = strcspn(target, "?");
    char *path = i4_req_alloc(r, path_size + 1);
    if (!path) {
        r->out_of_memory = true;
        return true;
    }
    r->path = i4_percent_decode(target, path_size, false, false, path) ? path : NULL;
    if (target[path_size] == '?') {
        split_query(r, target + path_size + 1);
    }
    return true;
}

/* --- accessors ----------------------------------------------------------------------------- */

const char *i4_req_method(const i4_http_request *r) {
    return r->method;
}

const char *i4_req_path(const i4_http_request *r) {
    return r->path;
}

static const i4_param *find_param(const i4_http_request *r, const char *name) {
    for (int i = 0; i < r->param_count; i++) {
        if (i4_str_is(i4_str_of(r->params[i].name, r->params[i].name_size), name)) {
            return &r->params[i];
        }
    }
    return NULL;
}

const char *i4_req_param(const i4_http_request *r, const char *name) {
    const i4_param *param = find_param(r, name);
    return param ? param->value : NULL;
}

int64_t i4_req_id(const i4_http_request *r, const char *name) {
    const i4_param *param = find_param(r, name);
    return param && param->is_int ? param->number : -1;
}

const char *i4_req_query_at(const i4_http_request *r, const char *name, int index) {
    for (int i = 0; i < r->query_count; i++) {
        if (strcmp(r->queries[i].name, name) == 0 && index-- == 0) {
            return r->queries[i].value;
        }
    }
    return NULL;
}

const char *i4_req_query(const i4_http_request *r, const char *name) {
    return i4_req_query_at(r, name, 0);
}

json_t *i4_req_json(const i4_http_request *r) {
    return r->json;
}

i4_str i4_req_bytes(const i4_http_request *r) {
    return i4_str_of(r->body.ptr, r->body.len);
}
