/* For tests and benchmarks: a database of the original, filled with rows that are known. */
#ifndef ID4_TESTS_LIBRARY_ROWS_H
#define ID4_TESTS_LIBRARY_ROWS_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rows_presets[] = {"V4_QUALITY_48", "V4_DEFAULT_20", "V4_TURBO_12"};
static const int rows_sides[][2] = {{1024, 1024}, {1280, 720}, {720, 1280}, {2048, 1024}};

/* A form as the original's page stores it, with its caption; about `bytes` long. */
static inline char *rows_form(int id, size_t bytes) {
    static const char *const words[] = {"harbor", "lantern", "velvet", "mountain", "copper",
                                        "winter", "garden",  "mirror", "signal",   "orchid"};
    char text[8192];
    size_t used = 0;
    json_t *elements = json_array();
    for (int e = 0; e < 4; e++) {
        used = (size_t)snprintf(text, sizeof text, "element%d", e);
        while (used < bytes / 9) {
            used +=
                (size_t)snprintf(text + used, sizeof text - used, " %s%d",
                                 words[(id * 7 + (int)used * 3 + e) % 10], (id + (int)used) % 400);
        }
        json_array_append_new(elements, json_pack("{s:s,s:s,s:s}", "type", e ? "obj" : "text",
                                                  "text", e ? "" : "OPEN LATE", "desc", text));
    }
    snprintf(text, sizeof text, "scene%d over the %s", id, words[id % 10]);
    json_t *caption = json_pack("{s:s,s:{s:s,s:O}}", "high_level_description", text,
                                "compositional_deconstruction", "background", "a plain wall",
                                "elements", elements);
    char *raw = json_dumps(caption, JSON_COMPACT);
    json_t *form =
        json_pack("{s:s,s:s,s:o,s:i,s:i,s:s,s:s,s:s,s:s,s:s}", "hld", text, "bg", "a plain wall",
                  "els", elements, "w", 1024, "h", 1024, "preset", "V4_TURBO_12", "seed", "42",
                  "format", "png", "rawJson", raw, "_savedAt", "2026-06-30T14:03:22.000Z");
    char *out = json_dumps(form, JSON_COMPACT);
    json_decref(caption);
    json_decref(form);
    free(raw);
    return out;
}

/* A picture each ten minutes from 2024 on; the i-th belongs to entry i % prompts + 1, every tenth
 * to none. */
static inline int rows_fill(sqlite3 *db, int images, int prompts, size_t form_bytes) {
    sqlite3_stmt *prompt, *image;
    int bad = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    bad += sqlite3_prepare_v2(db,
                              "INSERT INTO prompts(saved_at,hld,form_json)"
                              "VALUES(datetime(1704067200+?1*600,'unixepoch'),?2,?3)",
                              -1, &prompt, NULL);
    bad += sqlite3_prepare_v2(
        db,
        "INSERT INTO images(created_at,hld,width,height,preset,seed,file_path,prompt_id,lora_name,"
        "lora_strength,lora_stack_json)VALUES(datetime(1704067200+?1*600,'unixepoch'),?2,?3,?4,?5,"
        "?6,?7,nullif(?8,0),?9,?10,?11)",
        -1, &image, NULL);
    for (int i = 1; !bad && i <= prompts; i++) {
        char hld[64];
        char *form = rows_form(i, form_bytes);
        snprintf(hld, sizeof hld, "scene%d", i);
        sqlite3_bind_int(prompt, 1, i);
        sqlite3_bind_text(prompt, 2, hld, -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(prompt, 3, form, -1, SQLITE_TRANSIENT);
        bad += sqlite3_step(prompt) != SQLITE_DONE;
        sqlite3_reset(prompt);
        free(form);
    }
    for (int i = 1; !bad && i <= images; i++) {
        char hld[128], file[64];
        const int *sides = rows_sides[i % 4];
        const int has_lora = i % 5 == 0;
        snprintf(hld, sizeof hld, "a picture%d of the harbor%d at dusk with %s", i, i % 97,
                 i % 2 ? "caf\xC3\xA9 tables" : "\xE7\x8C\xAB\xE3\x81\xA8\xE7\x8A\xAC");
        snprintf(file, sizeof file, "p%06d.%s", i, i % 3 ? "png" : "webp");
        sqlite3_bind_int(image, 1, i);
        sqlite3_bind_text(image, 2, hld, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int(image, 3, sides[0]);
        sqlite3_bind_int(image, 4, sides[1]);
        sqlite3_bind_text(image, 5, rows_presets[i % 3], -1, SQLITE_STATIC);
        sqlite3_bind_int(image, 6, 500000 + i);
        sqlite3_bind_text(image, 7, file, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int(image, 8, i % 10 == 0 || prompts == 0 ? 0 : i % prompts + 1);
        sqlite3_bind_text(image, 9, has_lora ? "night.safetensors" : NULL, -1, SQLITE_STATIC);
        if (has_lora) {
            sqlite3_bind_double(image, 10, 0.5);
        }
        sqlite3_bind_text(image, 11,
                          has_lora ? "[{\"name\":\"night.safetensors\",\"strength\":0.5}]" : NULL,
                          -1, SQLITE_STATIC);
        bad += sqlite3_step(image) != SQLITE_DONE;
        sqlite3_reset(image);
        sqlite3_clear_bindings(image);
    }
    sqlite3_finalize(prompt);
    sqlite3_finalize(image);
    return bad + sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}

#endif
