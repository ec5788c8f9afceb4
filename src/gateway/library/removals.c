/* Files of deleted rows: removed after the commit, and again at the next start if that did not
 * happen. */
#include "base/log.h"
#include "gateway/library/thumbs.h"
#include "gateway/library/trash.h"
#include "gateway/names.h"

void i4_library_remove(i4_db *db, const char *output_dir, json_t *files) {
    json_t *gone = json_array();
    for (size_t i = 0; i < json_array_size(files); i++) {
        json_t *name = json_array_get(files, i);
        if (i4_name_remove(output_dir, json_string_value(name))) {
            json_array_append(gone, name); /* if it is not noted it is tried again */
        } else {
            i4_log(I4_LOG_WARN, "gateway", "cannot remove a picture's file file=%s",
                   json_string_value(name));
        }
    }
    i4_err err = {0};
    if (i4_db_removed(db, gone, &err) == I4_DB_FAILED) {
        i4_log(I4_LOG_WARN, "gateway", "%s", err.text);
    }
    json_decref(gone);
    json_decref(files);
}

void i4_library_remove_files(const i4_gateway *gateway, json_t *files) {
    for (size_t i = 0; i < json_array_size(files); i++) {
        i4_thumb_forget(gateway->thumbs, json_string_value(json_array_get(files, i)));
    }
    i4_library_remove(gateway->db, gateway->settings->output_dir, files);
}

void i4_library_sweep(const i4_gateway *g) {
    json_t *files;
    i4_err err = {0};
    if (i4_db_removals(g->db, &files, &err) == I4_DB_OK) {
        i4_library_remove(g->db, g->settings->output_dir, files);
    } else {
        i4_log(I4_LOG_WARN, "gateway", "%s", err.text);
    }
}
