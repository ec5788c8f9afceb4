/* What ended programs left behind: half-written files, files of deleted pictures, and thumbnails of
 * pictures that are gone. */
#include "gateway/check/checkup.h"

#include "base/limits.h"
#include "base/os.h"
#include "gateway/names.h"
#include "gateway/tasks/tasks.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- half-written files -------------------------------------------------------------------- */

/* Names of such files; NULL after a failure, which is said. */
static json_t *list_leftovers(i4_checkup *c) {
    const char *folder = c->settings->output_dir;
    char **names = NULL;
    size_t count = 0;
    i4_err err = {0};
    json_t *found = json_array();
    if (i4_path_look(folder) == I4_PATH_NONE) {
        return found;
    }
    if (!i4_dir_list(folder, I4_CHECKUP_FILES, &names, &count, &err)) {
        i4_checkup_say_error(c, "pictures", "unreadable", &err);
        json_decref(found);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (i4_sweep_is_leftover(names[i])) {
            i4_checkup_name(c, found, names[i]);
        }
    }
    i4_dir_list_free(names, count);
    return found;
}

static void check_leftovers(i4_checkup *c) {
    json_t *found = list_leftovers(c), *left = NULL;
    const i4_finding f = {.area = "pictures",
                          .code = "leftover",
                          .count = (int64_t)json_array_size(found),
                          .names = found};
    if (f.count > 0 && c->is_running) {
        i4_checkup_say(c, I4_FINDING_NOTE, f,
                       "half-written files: %lld; the running gateway may be writing them",
                       (long long)f.count);
    } else if (f.count > 0) {
        if (!c->only_looked) {
            i4_sweep_output(c->settings->output_dir);
            left = list_leftovers(c);
        }
        i4_checkup_say_mended(c, f, left && json_array_size(left) == 0, "half-written files",
                              "removed");
    }
    json_decref(found);
    json_decref(left);
}

/* --- files of deleted pictures ------------------------------------------------------------- */

static bool remove_files(i4_checkup *c) {
    json_t *files = NULL, *left = NULL;
    if (!c->db || i4_db_removals(c->db, &files, NULL) != I4_DB_OK) {
        return false;
    }
    i4_library_remove(c->db, c->settings->output_dir, files);
    const bool all = i4_db_look_removals(c->look, &left, NULL) && json_object_size(left) == 0;
    json_decref(left);
    return all;
}

static void check_removals(i4_checkup *c) {
    json_t *files = NULL;
    i4_err err = {0};
    if (!i4_db_look_removals(c->look, &files, &err)) {
        i4_checkup_say_error(c, "pictures", "unreadable", &err);
        return;
    }
    const i4_finding f = {
        .area = "pictures", .code = "removal", .count = (int64_t)json_object_size(files)};
    if (f.count > 0) {
        i4_checkup_say_mended(c, f, remove_files(c), "files of deleted pictures", "removed");
    }
    json_decref(files);
}

/* --- thumbnails ----------------------------------------------------------------------------- */

/* "<folder of the database>/thumbs/<side>": see library/thumbs.c. */
static bool thumb_folder(const i4_checkup *c, const char *side, char *out, size_t size) {
    const char *path = c->settings->db_path, *slash = strrchr(path, '/');
    const int length = slash
                           ? snprintf(out, size, "%.*s/thumbs/%s", (int)(slash - path), path, side)
                           : snprintf(out, size, "thumbs/%s", side);
    return length > 0 && (size_t)length < size && i4_path_look(out) == I4_PATH_DIR;
}

/* Names of pictures too long for a file's name are sums there: those are kept. */
static bool is_of_no_picture(const json_t *files, const char *name) {
    static const char end[] = ".webp";
    char picture[I4_NAME_BYTES];
    const size_t length = strlen(name);
    if (length < sizeof end || length >= sizeof picture ||
        strcmp(name + length - (sizeof end - 1), end) != 0) {
        return i4_sweep_is_leftover(name);
    }
    snprintf(picture, sizeof picture, "%.*s", (int)(length - (sizeof end - 1)), name);
    return i4_name_is_good(picture) && !json_object_get(files, picture);
}

/* Counts them, and removes them where that may be. */
static void check_side(i4_checkup *c, const json_t *files, const char *side, i4_finding *f,
                       bool *all) {
    char folder[I4_LIMIT_PATH_BYTES], path[I4_LIMIT_PATH_BYTES], **names = NULL;
    size_t count = 0;
    if (!thumb_folder(c, side, folder, sizeof folder) ||
        !i4_dir_list(folder, I4_CHECKUP_FILES, &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_of_no_picture(files, names[i])) {
            f->count++;
            i4_checkup_name(c, f->names, names[i]);
            *all = !c->only_looked && i4_checkup_path(folder, names[i], path, sizeof path) &&
                   unlink(path) == 0 && *all;
        }
    }
    i4_dir_list_free(names, count);
}

static void check_thumbs(i4_checkup *c) {
    static const char *const sides[] = {"160", "320", "640"};
    json_t *files = NULL;
    bool all = true;
    i4_err err = {0};
    i4_finding f = {.area = "thumbs", .code = "leftover", .names = json_array()};
    if (!i4_db_look_files(c->look, &files, &err)) {
        i4_checkup_say_error(c, "thumbs", "unreadable", &err);
    }
    for (size_t i = 0; files && i < sizeof sides / sizeof *sides; i++) {
        check_side(c, files, sides[i], &f, &all);
    }
    i4_checkup_say_mended(c, f, all, "thumbnails without a picture", "removed");
    json_decref(f.names);
    json_decref(files);
}

void i4_check_remains(i4_checkup *c) {
    check_leftovers(c);
    if (c->look) {
        check_removals(c);
        check_thumbs(c);
    }
}
