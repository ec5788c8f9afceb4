/* Floor 6, private to this folder. What queue.c and order.c share; all inside a transaction, or at
 * its end. */
#ifndef I4_GATEWAY_DB_JOBS_H
#define I4_GATEWAY_DB_JOBS_H

#include "gateway/db/private.h"
#include "gateway/db/queue.h"

/* Ids that a statement with one text gives. */
bool i4_jobs_ids(i4_db *db, i4_sql which, const char *text, json_t **ids, i4_err *err);
bool i4_jobs_count_pending(i4_db *db, int64_t *pending, i4_err *err);
/* Ends the transaction; without OK there are no ids. */
i4_db_result i4_jobs_end(i4_db *db, i4_db_result result, json_t **ids, i4_err *err);

#endif
