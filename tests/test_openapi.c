/* docs/openapi.json says what the gateway's table of routes says: the same paths, methods and
 * parameters, none more and none less. Its schemas are held against real answers in clients/. */
#include "folder.h"

#include "gateway/gateway.h"

#include "base/memory.h"
#include "base/os.h"

static json_t *file;

static int set_up(void **state) {
    char *text;
    size_t size;
    (void)state;
    assert_true(i4_file_read(ID4_SOURCE_DIR "/docs/openapi.json", 4 << 20, &text, &size, NULL));
    file = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    i4_free(text);
    assert_non_null(file);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    json_decref(file);
    return 0;
}

static const json_t *paths(void) {
    return json_object_get(file, "paths");
}

static void lower(const char *from, char *to, size_t size) {
    size_t i = 0;
    for (; from[i] && i + 1 < size; i++) {
        to[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] - 'A' + 'a' : from[i]);
    }
    to[i] = '\0';
}

/* "/a/{x:int}" as the file writes it: "/a/{x}". */
static void plain_path(const char *pattern, char *out, size_t size) {
    size_t used = 0;
    while (*pattern && used + 1 < size) {
        if (*pattern == ':' || *pattern == '.') {
            const size_t skipped = strcspn(pattern, "}");
            if (pattern[skipped] == '}') {
                pattern += skipped;
            }
        }
        out[used++] = *pattern++;
    }
    out[used] = '\0';
}

static const json_t *operation_of(const i4_route *route) {
    char path[160], method[16];
    plain_path(route->pattern, path, sizeof path);
    lower(route->method, method, sizeof method);
    return json_object_get(json_object_get(paths(), path), method);
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The type of a path parameter, "" when the operation has none of that name. */
static const char *path_type(const json_t *operation, const char *name, size_t name_size) {
    const json_t *parameters = json_object_get(operation, "parameters");
    for (size_t i = 0; i < json_array_size(parameters); i++) {
        const json_t *p = json_array_get(parameters, i);
        const char *found = text_of(p, "name");
        if (strcmp(text_of(p, "in"), "path") == 0 && strlen(found) == name_size &&
            memcmp(found, name, name_size) == 0) {
            assert_true(json_is_true(json_object_get(p, "required")));
            return text_of(json_object_get(p, "schema"), "type");
        }
    }
    return "";
}

static size_t path_parameters(const json_t *operation) {
    const json_t *parameters = json_object_get(operation, "parameters");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(parameters); i++) {
        count += strcmp(text_of(json_array_get(parameters, i), "in"), "path") == 0;
    }
    return count;
}

static void openapi_has_every_route_with_its_parameters(void **state) {
    (void)state;
    for (const i4_route *r = i4_gateway_routes(); r->method; r++) {
        const json_t *operation = operation_of(r);
        size_t count = 0;
        if (!operation) {
            fail_msg("docs/openapi.json has no %s %s", r->method, r->pattern);
        }
        for (const char *p = strchr(r->pattern, '{'); p; p = strchr(p + 1, '{'), count++) {
            const size_t name = strcspn(p + 1, ":.}");
            const char *wanted = strncmp(p + 1 + name, ":int", 4) == 0 ? "integer" : "string";
            assert_string_equal(path_type(operation, p + 1, name), wanted);
        }
        assert_int_equal(path_parameters(operation), count);
        assert_int_equal(json_object_get(operation, "requestBody") != NULL,
                         r->body != I4_BODY_NONE);
    }
}

static bool has_route(const char *path, const char *method) {
    char plain[160], lowered[16];
    for (const i4_route *r = i4_gateway_routes(); r->method; r++) {
        plain_path(r->pattern, plain, sizeof plain);
        lower(r->method, lowered, sizeof lowered);
        if (strcmp(plain, path) == 0 && strcmp(lowered, method) == 0) {
            return true;
        }
    }
    return false;
}

static void openapi_has_no_route_that_is_not_there(void **state) {
    const char *path, *method;
    json_t *item, *operation;
    (void)state;
    json_object_foreach((json_t *)paths(), path, item) {
        json_object_foreach(item, method, operation) {
            if (!has_route(path, method)) {
                fail_msg("the gateway has no %s %s", method, path);
            }
        }
    }
}

static void openapi_names_each_operation_once(void **state) {
    const char *path, *method;
    json_t *item, *operation, *seen = json_object();
    (void)state;
    json_object_foreach((json_t *)paths(), path, item) {
        json_object_foreach(item, method, operation) {
            const char *id = text_of(operation, "operationId");
            assert_true(id[0] != '\0');
            assert_null(json_object_get(seen, id));
            json_object_set_new(seen, id, json_true());
        }
    }
    json_decref(seen);
}

/* Every "$ref" leads somewhere. */
static void follow_references(const json_t *value) {
    const char *key;
    json_t *member;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            follow_references(json_array_get(value, i));
        }
        return;
    }
    json_object_foreach((json_t *)value, key, member) {
        if (strcmp(key, "$ref") != 0) {
            follow_references(member);
            continue;
        }
        char kind[32], name[64];
        assert_int_equal(sscanf(json_string_value(member), "#/components/%31[^/]/%63s", kind, name),
                         2);
        const json_t *kinds = json_object_get(json_object_get(file, "components"), kind);
        if (!json_object_get(kinds, name)) {
            fail_msg("nothing is at %s", json_string_value(member));
        }
    }
}

static void openapi_references_lead_somewhere(void **state) {
    (void)state;
    follow_references(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openapi_has_every_route_with_its_parameters),
        cmocka_unit_test(openapi_has_no_route_that_is_not_there),
        cmocka_unit_test(openapi_names_each_operation_once),
        cmocka_unit_test(openapi_references_lead_somewhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
