/* Rows and files of pictures: each row has its file, each picture of ours its row. A picture says
 * itself what it is, so that a row can be given to it; a row without file is reported only, for the
 * file may be on a disk that is not mounted. */
#include "gateway/check/checkup.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/names.h"
#include "gateway/tasks/tasks.h"
#include "image/image.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct known {
    json_t *files, *removals, *tasks; /* owned: see gateway/db/check.h */
} known;

static bool read_known(i4_checkup *c, known *k) {
    i4_err err = {0};
    if (i4_db_look_files(c->look, &k->files, &err) &&
        i4_db_look_removals(c->look, &k->removals, &err) &&
        i4_db_look_tasks(c->look, &k->tasks, &err)) {
        return true;
    }
    i4_checkup_say_error(c, "pictures", "unreadable", &err);
    return false;
}

static void free_known(known *k) {
    json_decref(k->files);
    json_decref(k->removals);
    json_decref(k->tasks);
}

/* --- rows without file --------------------------------------------------------------------- */

static bool has_content(const char *output_dir, const char *name) {
    char path[I4_LIMIT_PATH_BYTES];
    struct stat info;
    return i4_name_find(output_dir, name, path, sizeof path) && stat(path, &info) == 0 &&
           info.st_size > 0;
}

static void check_rows(i4_checkup *c, const known *k) {
    const char *folder = c->settings->output_dir, *name;
    json_t *row, *names = json_array();
    i4_finding f = {.area = "pictures", .code = "file_missing", .names = names};
    json_object_foreach(k->files, name, row) {
        if (!has_content(folder, name)) {
            f.count++;
            i4_checkup_name(c, names, name);
        }
    }
    if (f.count > 0) {
        i4_checkup_say(c, I4_FINDING_TODO, f,
                       "pictures whose file is missing or empty: %lld; put the files back into "
                       "'%s', or delete these pictures in the library",
                       (long long)f.count, folder);
    } else {
        f.count = (int64_t)json_object_size(k->files);
        i4_checkup_say(c, I4_FINDING_OK, f, "pictures with their files: %lld", (long long)f.count);
    }
    json_decref(names);
}

/* --- files without row --------------------------------------------------------------------- */

static bool has_recipe(const char *output_dir, const char *name) {
    char path[I4_LIMIT_PATH_BYTES], *bytes = NULL;
    size_t size = 0;
    i4_pairs pairs = {0};
    const bool good = i4_name_find(output_dir, name, path, sizeof path) &&
                      i4_file_read(path, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, NULL) &&
                      i4_image_text((const uint8_t *)bytes, size, &pairs, NULL) &&
                      i4_pairs_get(&pairs, "ideogram4") != NULL;
    i4_pairs_free(&pairs);
    i4_free(bytes);
    return good;
}

/* A picture of ours under the name that the gateway gives. */
static bool is_ours(const char *output_dir, const char *name) {
    const char *suffix = i4_checkup_suffix(name);
    return suffix &&
           (strcmp(suffix, "png") == 0 || strcmp(suffix, "webp") == 0 ||
            strcmp(suffix, "jpeg") == 0) &&
           has_recipe(output_dir, name);
}

static void id_of(const char *name, char id[I4_TASK_ID_BYTES]) {
    snprintf(id, I4_TASK_ID_BYTES, "%.32s", name);
}

/* False: it is no whole picture, or the database refused. */
static bool give_row(i4_checkup *c, const char *name) {
    i4_gateway gateway = {.settings = c->settings, .db = c->db};
    char id[I4_TASK_ID_BYTES];
    json_t *row = NULL;
    id_of(name, id);
    const bool is_given = i4_store_found_file(&gateway, id) &&
                          i4_db_image_by_file(c->db, name, &row, NULL) == I4_DB_OK;
    json_decref(row);
    return is_given;
}

/* Names of files that no row knows, by what can be done. */
typedef struct unknown {
    json_t *mended, *mendable, *broken, *coming, *foreign; /* owned lists */
} unknown;

static json_t *kind_of(i4_checkup *c, const known *k, const unknown *u, const char *name) {
    char id[I4_TASK_ID_BYTES];
    if (!is_ours(c->settings->output_dir, name)) {
        return u->foreign;
    }
    id_of(name, id);
    if (json_object_get(k->tasks, id)) {
        return u->coming;
    }
    if (!c->db) {
        return u->mendable;
    }
    return give_row(c, name) ? u->mended : u->broken;
}

static bool is_known(const known *k, const char *name) {
    return json_object_get(k->files, name) || json_object_get(k->removals, name);
}

static i4_finding finding_of(const char *code, json_t *names) {
    return (i4_finding){
        .area = "pictures", .code = code, .count = (int64_t)json_array_size(names), .names = names};
}

static void say_unknown(i4_checkup *c, const unknown *u) {
    static const char without[] = "pictures of ours without a row";
    i4_checkup_say_mended(c, finding_of("row_missing", u->mended), true, without,
                          "entered into the library");
    i4_checkup_say_mended(c, finding_of("row_missing", u->mendable), false, without,
                          "entered into the library");
    const i4_finding broken = finding_of("file_broken", u->broken);
    const i4_finding coming = finding_of("row_coming", u->coming);
    const i4_finding foreign = finding_of("file_foreign", u->foreign);
    if (broken.count > 0) {
        i4_checkup_say(c, I4_FINDING_TODO, broken,
                       "pictures without a row that cannot be decoded: %lld; look at them, then "
                       "move them out of '%s'",
                       (long long)broken.count, c->settings->output_dir);
    }
    if (coming.count > 0) {
        i4_checkup_say(c, I4_FINDING_NOTE, coming,
                       "pictures whose drawing is being ended: %lld, the gateway does it",
                       (long long)coming.count);
    }
    if (foreign.count > 0) {
        i4_checkup_say(c, I4_FINDING_NOTE, foreign,
                       "pictures of other make in '%s': %lld, left alone; the gateway does not "
                       "show them",
                       c->settings->output_dir, (long long)foreign.count);
    }
}

static void check_names(i4_checkup *c, const known *k, char *const *names, size_t count) {
    unknown u = {json_array(), json_array(), json_array(), json_array(), json_array()};
    for (size_t i = 0; i < count; i++) {
        if (i4_name_is_good(names[i]) && !i4_sweep_is_leftover(names[i]) &&
            !is_known(k, names[i])) {
            i4_checkup_name(c, kind_of(c, k, &u, names[i]), names[i]);
        }
    }
    say_unknown(c, &u);
    json_decref(u.mended);
    json_decref(u.mendable);
    json_decref(u.broken);
    json_decref(u.coming);
    json_decref(u.foreign);
}

/* --- both ---------------------------------------------------------------------------------- */

/* The names are read before the rows: a gateway that runs writes the file first. */
void i4_check_pictures(i4_checkup *c) {
    const char *folder = c->settings->output_dir;
    char **names = NULL;
    size_t count = 0;
    known k = {0};
    i4_err err = {0};
    if (!c->look) {
        return;
    }
    if (i4_path_look(folder) != I4_PATH_NONE &&
        !i4_dir_list(folder, I4_CHECKUP_FILES, &names, &count, &err)) {
        i4_checkup_say_error(c, "pictures", "unreadable", &err);
        return;
    }
    if (read_known(c, &k)) {
        check_rows(c, &k);
        check_names(c, &k, names, count);
    }
    free_known(&k);
    i4_dir_list_free(names, count);
}
