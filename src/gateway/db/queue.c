/* Statements of queue. */
#include "gateway/db/private.h"

bool i4_db_make_queue(i4_db *db, i4_err *err) {
    (void)db;
    (void)err;
    return true;
}

bool i4_db_finish_job(i4_db *db, const i4_new_image *image, int64_t image_id, i4_err *err) {
    (void)db;
    (void)image;
    (void)image_id;
    (void)err;
    return true;
}
