/* Floor 6. All that the database knows of what made a picture. */
#ifndef I4_GATEWAY_DB_RECIPE_H
#define I4_GATEWAY_DB_RECIPE_H

#include "gateway/db/db.h"

/* A row with every column of the picture, in the lists or in the trash, and, where they are known,
 * "form_json" of its history entry and "job_caption" and "seconds" of its job. */
i4_db_result i4_db_recipe(i4_db *db, int64_t image_id, json_t **row, i4_err *err);

#endif
