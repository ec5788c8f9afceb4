/* Routes of pictures (docs/api.md 3.2): thumbnails, recipes, files without their recipe, import.
 * All but the last find a picture in the lists or in the trash. */
#include "gateway/library/thumbs.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/db/recipe.h"
#include "gateway/db/trash.h"
#include "gateway/library/recipe.h"
#include "gateway/library/reply.h"
#include "image/image.h"

#include <stdio.h>
#include <string.h>

enum { IMPORT_BYTES = 64 << 20, THUMB_BYTES = 4 << 20, SIDE = 320 };

/* What is wrong with a file is said to whoever asked; the rest is the gateway's own fault. */
static void reply_fault(i4_http_reply *reply, const i4_err *err) {
    if (err->status == I4_E_NOT_FOUND) {
        i4_reply_error(reply, 404, "%s", err->text);
    } else if (err->status == I4_E_FORMAT || err->status == I4_E_UNSUPPORTED) {
        i4_reply_error(reply, 422, "%s", err->text);
    } else {
        i4_library_fail(reply, err);
    }
}

/* The picture's bare file name; false when it is answered. */
static bool find_file(const i4_gateway *g, i4_http_request *request, i4_http_reply *reply,
                      const char *missing, char out[I4_LIMIT_PATH_BYTES]) {
    const int64_t id = i4_req_id(request, "image_id");
    json_t *row;
    i4_err err = {0};
    i4_db_result result = i4_db_image(g->db, id, &row, &err);
    if (result == I4_DB_NONE) {
        result = i4_db_trashed_image(g->db, id, &row, &err);
    }
    if (result == I4_DB_FAILED) {
        i4_library_fail(reply, &err);
        return false;
    }
    const char *file = json_string_value(json_object_get(row, "file_path"));
    snprintf(out, I4_LIMIT_PATH_BYTES, "%s", file ? file : "");
    json_decref(row);
    if (result == I4_DB_NONE) {
        i4_reply_error(reply, 404, "%s", missing);
    }
    return result == I4_DB_OK;
}

/* --- thumbnails ------------------------------------------------------------------------------ */

/* Of a name that never gets another content. */
static void make_etag(const char *file, int side, char out[40]) {
    uint64_t hash = 0xCBF29CE484222325U;
    for (; *file; file++) {
        hash = (hash ^ (unsigned char)*file) * 0x100000001B3U;
    }
    snprintf(out, 40, "\"%016llx-%d\"", (unsigned long long)hash, side);
}

static void set_caching(i4_http_reply *reply, const char *etag) {
    i4_reply_header(reply, "Cache-Control", "private, max-age=31536000, immutable");
    i4_reply_header(reply, "ETag", etag);
}

/* Others may have taken its place between making and reading: then it is made again. */
static bool read_thumb(const i4_gateway *g, const char *file, int side, char **bytes, size_t *size,
                       i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES];
    bool good = false;
    for (int i = 0; !good && i < 3; i++) {
        *err = (i4_err){0};
        if (!i4_thumb(g->thumbs, file, side, path, sizeof path, err)) {
            return false;
        }
        good = i4_file_read(path, THUMB_BYTES, bytes, size, err);
    }
    return good || i4_fail(err, I4_E_IO, "the thumbnail cannot be read; try again");
}

static void thumb(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    int64_t side = SIDE;
    char file[I4_LIMIT_PATH_BYTES], etag[40], *bytes = NULL;
    size_t size = 0;
    i4_err err = {0};
    i4_check_begin(&c, request);
    if (i4_check_query_int(&c, "w", true, &side) && side != 160 && side != 320 && side != 640) {
        i4_check_rule_enum(&c, "w", "160, 320 or 640");
    }
    if (i4_check_failed(&c, reply) ||
        !find_file(g, request, reply, "there is no such image", file)) {
        return;
    }
    make_etag(file, (int)side, etag);
    if (!read_thumb(g, file, (int)side, &bytes, &size, &err)) {
        reply_fault(reply, &err);
        return;
    }
    const char *known = i4_req_header(request, "If-None-Match");
    set_caching(reply, etag);
    if (known && (strstr(known, etag) || strcmp(known, "*") == 0)) {
        i4_free(bytes);
        i4_reply_text(reply, 304, "image/webp", "");
        return;
    }
    i4_reply_bytes(reply, 200, "image/webp", bytes, size);
}

/* --- recipes --------------------------------------------------------------------------------- */

static json_t *recipe_in_file(const i4_gateway *g, const char *file) {
    char path[I4_LIMIT_PATH_BYTES];
    char *bytes = NULL;
    size_t size = 0;
    json_t *recipe = NULL;
    if (file && i4_output_path(g, file, path, sizeof path) &&
        i4_file_read(path, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, NULL)) {
        recipe = i4_recipe_of_file((const uint8_t *)bytes, size, NULL);
    }
    i4_free(bytes);
    return recipe;
}

/* The file does not know how long it took. */
static void recipe(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    json_t *row;
    i4_err err = {0};
    const i4_db_result result = i4_db_recipe(g->db, i4_req_id(request, "image_id"), &row, &err);
    if (result != I4_DB_OK) {
        if (result == I4_DB_NONE) {
            i4_reply_error(reply, 404, "there is no such image");
        } else {
            i4_library_fail(reply, &err);
        }
        return;
    }
    json_t *found = recipe_in_file(g, json_string_value(json_object_get(row, "file_path")));
    json_t *seconds = json_object_get(row, "seconds");
    if (found && json_is_number(seconds)) {
        json_object_set(found, "seconds", seconds);
    }
    i4_reply_json(reply, 200, found ? found : i4_recipe_of_row(row));
    json_decref(row);
}

static void send_stripped(i4_http_reply *reply, const char *type, const char *path) {
    char *bytes = NULL;
    uint8_t *clean = NULL;
    size_t size = 0, clean_size = 0;
    i4_err err = {0};
    if (i4_file_read(path, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, &err) &&
        i4_image_strip((const uint8_t *)bytes, size, &clean, &clean_size, &err)) {
        i4_reply_bytes(reply, 200, type, clean, clean_size);
    } else {
        reply_fault(reply, &err);
    }
    i4_free(bytes);
}

/* docs/http-api.md 3.8, and without the recipe when recipe=0 is asked for. */
static void file(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    char name[I4_LIMIT_PATH_BYTES], path[I4_LIMIT_PATH_BYTES];
    i4_check_begin(&c, request);
    const bool with_recipe = i4_check_query_bool(&c, "recipe", true);
    if (i4_check_failed(&c, reply) || !find_file(g, request, reply, "not found", name)) {
        return;
    }
    if (!i4_output_path(g, name, path, sizeof path)) {
        i4_reply_error(reply, 404, "not found");
    } else if (with_recipe) {
        i4_reply_file(request, reply, i4_output_type(name), path);
    } else {
        send_stripped(reply, i4_output_type(name), path);
    }
}

/* --- import ---------------------------------------------------------------------------------- */

static void import(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_str bytes = i4_req_bytes(request);
    i4_err err = {0};
    (void)user;
    if (bytes.len == 0) {
        i4_reply_error(reply, 422, "send the bytes of a PNG, WebP or JPEG picture, or JSON");
        return;
    }
    json_t *found = i4_recipe_import(bytes.ptr, bytes.len, &err);
    if (found) {
        i4_reply_json(reply, 200, found);
    } else if (err.status == I4_E_OUT_OF_MEMORY) {
        i4_library_fail(reply, &err);
    } else {
        i4_reply_error(reply, 422, "%s", err.text);
    }
}

/* --- the table ------------------------------------------------------------------------------- */

/* Those that decode pictures run on the slow workers, so that a page full of thumbnails does not
 * hold up the rest. */
const i4_route i4_picture_routes[] = {
    {"GET", "/api/images/{image_id:int}/thumb", I4_BODY_NONE, 0, false, true, thumb},
    {"GET", "/api/images/{image_id:int}/recipe", I4_BODY_NONE, 0, false, true, recipe},
    {"GET", "/api/images/{image_id:int}/file", I4_BODY_NONE, 0, false, false, file},
    {"POST", "/api/import", I4_BODY_BYTES, IMPORT_BYTES, false, true, import},
    {0},
};
