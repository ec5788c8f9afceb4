/* Statements of library. */
#include "gateway/db/private.h"

bool i4_db_make_library(i4_db *db, i4_err *err) {
    (void)db;
    (void)err;
    return true;
}

bool i4_db_index_image(i4_db *db, int64_t image_id, i4_err *err) {
    (void)db;
    (void)image_id;
    (void)err;
    return true;
}

bool i4_db_unindex_image(i4_db *db, int64_t image_id, i4_err *err) {
    (void)db;
    (void)image_id;
    (void)err;
    return true;
}
