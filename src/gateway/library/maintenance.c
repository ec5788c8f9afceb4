/* The report of a library and the deletion of its orphans. */
#include "gateway/library/maintenance.h"

#include "base/limits.h"
#include "base/os.h"
#include "gateway/gateway.h"
#include "gateway/names.h"

enum { FILES_AT_MOST = 1 << 20 }; /* names read from the output folder */

static bool put(json_t *report, const char *key, json_int_t value, i4_err *err) {
    return json_object_set_new(report, key, json_integer(value)) == 0 ||
           i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for the report");
}

static bool count_missing(i4_db *db, const char *output_dir, json_t *report, i4_err *err) {
    json_t *rows;
    json_int_t missing = 0;
    if (i4_db_images(db, -1, false, false, -1, &rows, err) != I4_DB_OK) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *name = json_object_get(json_array_get(rows, i), "file_path");
        char path[I4_LIMIT_PATH_BYTES];
        missing += !i4_name_find(output_dir, json_string_value(name), path, sizeof path);
    }
    json_decref(rows);
    return put(report, "missing_files", missing, err);
}

static bool count_unknown(i4_db *db, const char *output_dir, json_t *report, i4_err *err) {
    char **names;
    size_t count;
    if (!i4_dir_list(output_dir, FILES_AT_MOST, &names, &count, err)) {
        return false;
    }
    json_int_t unknown = 0;
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        if (!i4_name_is_good(names[i])) {
            continue;
        }
        json_t *row;
        const i4_db_result result = i4_db_image_by_file(db, names[i], &row, err);
        json_decref(row);
        good = result != I4_DB_FAILED;
        unknown += result == I4_DB_NONE;
    }
    i4_dir_list_free(names, count);
    return good && put(report, "unknown_files", unknown, err);
}

static bool remove_orphans(i4_db *db, const char *output_dir, bool dry_run, json_t *report,
                           i4_err *err) {
    if (dry_run) {
        const json_int_t orphans = json_integer_value(json_object_get(report, "orphans"));
        return put(report, "would_delete", orphans, err);
    }
    int64_t deleted;
    json_t *files;
    if (i4_db_delete_orphans(db, &deleted, &files, err) == I4_DB_FAILED) {
        return false;
    }
    i4_library_remove(db, output_dir, files);
    return put(report, "deleted", deleted, err);
}

json_t *i4_gateway_maintenance(const i4_settings *settings, bool delete_orphans, bool dry_run,
                               i4_err *err) {
    const char *output_dir = settings->output_dir;
    if (i4_path_look(settings->db_path) == I4_PATH_NONE) {
        i4_fail(err, I4_E_NOT_FOUND,
                "there is no database '%s' yet; start the gateway once or set IDEOGRAM4_DB_PATH",
                settings->db_path);
        return NULL;
    }
    i4_db *db = i4_db_open(settings->db_path, output_dir, err);
    json_t *report = NULL;
    bool good = db && i4_db_stats(db, &report, err) == I4_DB_OK &&
                count_missing(db, output_dir, report, err) &&
                count_unknown(db, output_dir, report, err);
    if (good && delete_orphans) {
        good = remove_orphans(db, output_dir, dry_run, report, err);
    }
    i4_db_close(db);
    if (!good) {
        json_decref(report);
        return NULL;
    }
    return report;
}
