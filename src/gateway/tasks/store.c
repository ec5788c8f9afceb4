/* Storing one finished picture: the artifact comes from the daemon, the file is written beside,
 * synced and renamed, then the row is written. Every step may be repeated. */
#include "gateway/tasks/tasks.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/db/trash.h"
#include "gateway/events/events.h"
#include "http/wire.h"
#include "image/image.h"

#include <stdio.h>
#include <string.h>

static const char *const formats[] = {"webp", "png", "jpeg"};
enum { FORMAT_COUNT = sizeof formats / sizeof *formats, NAME_BYTES = 48 };
static const char recipe_key[] = "ideogram4"; /* of the text that the engine puts into pictures */
static const double quick_seconds = 5;
static const i4_wire_style spaced = {.comma = ", ", .colon = ": "}; /* as in older rows */

/* --- rows ---------------------------------------------------------------------------------- */

static void file_name(char out[NAME_BYTES], const char *id, const char *format) {
    snprintf(out, NAME_BYTES, "%s.%s", id, format);
}

/* A picture that was thrown away meanwhile is stored too: it must not come back by itself. */
i4_db_result i4_store_find(i4_gateway *gateway, const char *id, json_t **row, i4_err *err) {
    i4_db_result result = I4_DB_NONE;
    *row = NULL;
    for (int i = 0; i < FORMAT_COUNT && result == I4_DB_NONE; i++) {
        char name[NAME_BYTES];
        file_name(name, id, formats[i]);
        result = i4_db_image_by_file(gateway->db, name, row, err);
        if (result == I4_DB_NONE) {
            result = i4_db_trashed_file(gateway->db, name, row, err);
        }
    }
    return result;
}

static int64_t int_of(const json_t *meta, const char *key, int64_t fallback) {
    const json_t *value = json_object_get(meta, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static const char *text_of(const json_t *meta, const char *key, const char *fallback) {
    const char *value = json_string_value(json_object_get(meta, key));
    return value ? value : fallback;
}

static double real_of(const json_t *meta, const char *key, double fallback) {
    const json_t *value = json_object_get(meta, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

static void say_added(const i4_gateway *gateway, const json_t *row) {
    const json_t *prompt = json_object_get(row, "prompt_id");
    i4_events_image(gateway->events, "added", json_pack("[O]", json_object_get(row, "id")),
                    json_is_integer(prompt) ? json_integer_value(prompt) : -1);
}

/* What is known of a picture beside its meta data. */
typedef struct finished {
    const char *id, *name; /* task and file */
    bool is_blocked;       /* it is the refusal card */
} finished;

static bool add_row(i4_gateway *gateway, const finished *picture, const json_t *meta, json_t **row,
                    i4_err *err) {
    const json_t *loras = json_object_get(meta, "applied_loras");
    const json_t *strength = json_object_get(meta, "lora_strength");
    i4_buf stack;
    i4_buf_init(&stack, 1 << 20);
    if (json_array_size(loras) > 0) {
        i4_wire_write(loras, &spaced, &stack);
    }
    if (stack.failed) {
        i4_buf_free(&stack);
        return i4_fail_memory(err, "the LoRA stack of a picture", 1 << 20);
    }
    const i4_new_image image = {
        .hld = text_of(meta, "hld", ""),
        .width = int_of(meta, "width", 1024),
        .height = int_of(meta, "height", 1024),
        .seed = int_of(meta, "seed", 0),
        .preset = text_of(meta, "preset", gateway->settings->default_preset),
        .file_path = picture->name,
        .prompt_id = int_of(meta, "prompt_id", -1),
        .parent_image_id = -1,
        .lora_name = text_of(meta, "lora_name", NULL),
        .has_lora_strength = json_is_number(strength),
        .lora_strength = json_number_value(strength),
        .lora_stack_json = stack.ptr,
        .flag = picture->is_blocked ? "blocked" : NULL,
        .task_id = picture->id,
        .seconds = real_of(meta, "generation_seconds", -1),
    };
    const i4_db_result result = i4_db_add_image(gateway->db, &image, row, err);
    i4_buf_free(&stack);
    if (result == I4_DB_OK) {
        say_added(gateway, *row);
    }
    return result == I4_DB_OK;
}

/* --- from the daemon ----------------------------------------------------------------------- */

static const char *format_of(const i4_gateway *gateway, const json_t *meta) {
    const char *said = text_of(meta, "format", "");
    for (int i = 0; i < FORMAT_COUNT; i++) {
        size_t k = 0;
        while (said[k] && (said[k] | 0x20) == formats[i][k]) {
            k++;
        }
        if (said[k] == '\0' && formats[i][k] == '\0') {
            return formats[i];
        }
    }
    return gateway->settings->default_format;
}

static bool write_picture(const i4_gateway *gateway, const char *name, const i4_answer *answer,
                          i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES + NAME_BYTES];
    snprintf(path, sizeof path, "%s/%s", gateway->settings->output_dir, name);
    return i4_file_write(path, answer->body, answer->size, err);
}

/* What cannot be read is stored as it is, and is no card. */
static bool is_refusal(const i4_answer *answer) {
    i4_image image = {0};
    const bool is_card =
        i4_image_decode((const uint8_t *)answer->body, answer->size, &image, NULL) &&
        i4_image_is_refusal(&image);
    i4_image_free(&image);
    return is_card;
}

static bool fetch_picture(i4_gateway *gateway, finished *picture, i4_err *err) {
    char path[64];
    i4_answer answer;
    snprintf(path, sizeof path, "/artifact/%s", picture->id);
    if (!i4_daemon_call(gateway, "GET", path, NULL, gateway->settings->daemon_timeout, &answer,
                        err)) {
        return false;
    }
    const bool is_stored =
        answer.status != 200 || answer.size == 0
            ? i4_fail(err, I4_E_IO,
                      "the model daemon did not give the picture (HTTP %d, %zu bytes)",
                      answer.status, answer.size)
            : write_picture(gateway, picture->name, &answer, err);
    picture->is_blocked = is_stored && is_refusal(&answer);
    i4_answer_free(&answer);
    return is_stored;
}

bool i4_store_artifact(i4_gateway *gateway, const char *id, const json_t *meta, json_t **row,
                       i4_err *err) {
    const i4_db_result found = i4_store_find(gateway, id, row, err);
    if (found != I4_DB_NONE) {
        return found == I4_DB_OK;
    }
    char name[NAME_BYTES];
    file_name(name, id, format_of(gateway, meta));
    finished picture = {.id = id, .name = name};
    return fetch_picture(gateway, &picture, err) && add_row(gateway, &picture, meta, row, err);
}

void i4_store_taken(i4_gateway *gateway, const char *id) {
    char path[64];
    i4_answer answer;
    i4_err err = {0};
    snprintf(path, sizeof path, "/spool/%s", id);
    if (i4_daemon_call(gateway, "DELETE", path, NULL, quick_seconds, &answer, &err)) {
        i4_answer_free(&answer);
    }
}

/* --- from the output folder ---------------------------------------------------------------- */

/* The part of a picture's recipe that a row holds, as if the daemon had said it. */
static json_t *meta_of_recipe(const char *recipe, const i4_image *image) {
    json_t *meta = json_pack("{s:i, s:i}", "width", image->width, "height", image->height);
    json_t *said = NULL, *caption = NULL;
    if (recipe) {
        (void)i4_wire_read(recipe, strlen(recipe), &said, NULL);
    }
    const char *text = text_of(said, "caption", "");
    (void)i4_wire_read(text, strlen(text), &caption, NULL);
    /* Setting NULL is refused and changes nothing: the row then gets its default. */
    (void)json_object_set(meta, "seed", json_object_get(said, "seed"));
    (void)json_object_set(meta, "preset", json_object_get(said, "preset"));
    (void)json_object_set(meta, "hld", json_object_get(caption, "high_level_description"));
    json_decref(caption);
    json_decref(said);
    return meta;
}

/* NULL when there is no such file or it is no whole picture. */
static json_t *meta_of_file(const i4_gateway *gateway, const char *name, bool *is_blocked) {
    char path[I4_LIMIT_PATH_BYTES + NAME_BYTES];
    char *bytes = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", gateway->settings->output_dir, name);
    if (!i4_file_read(path, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, NULL)) {
        return NULL;
    }
    i4_image image = {0};
    i4_pairs pairs = {0};
    json_t *meta = NULL;
    if (i4_image_decode((const uint8_t *)bytes, size, &image, NULL)) {
        (void)i4_image_text((const uint8_t *)bytes, size, &pairs, NULL);
        meta = meta_of_recipe(i4_pairs_get(&pairs, recipe_key), &image);
        *is_blocked = i4_image_is_refusal(&image);
    }
    i4_pairs_free(&pairs);
    i4_image_free(&image);
    i4_free(bytes);
    return meta;
}

bool i4_store_found_file(i4_gateway *gateway, const char *id) {
    bool is_stored = false;
    for (int i = 0; i < FORMAT_COUNT && !is_stored; i++) {
        char name[NAME_BYTES];
        json_t *row = NULL;
        i4_err err = {0};
        file_name(name, id, formats[i]);
        finished picture = {.id = id, .name = name};
        json_t *meta = meta_of_file(gateway, name, &picture.is_blocked);
        is_stored = meta && add_row(gateway, &picture, meta, &row, &err);
        json_decref(row);
        json_decref(meta);
    }
    if (is_stored) {
        i4_log(I4_LOG_INFO, "tasks", "gave a picture without a row its row id=%s", id);
    }
    return is_stored;
}
