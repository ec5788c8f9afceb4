/* Floor 6. Looking after the library without a running gateway: a report, and the deletion of
 * pictures that belong to no prompt. */
#ifndef I4_GATEWAY_MAINTENANCE_H
#define I4_GATEWAY_MAINTENANCE_H

#include "base/status.h"
#include "settings/settings.h"

#include <jansson.h>

/* A report (new reference), its numbers in this order: total, linked, orphans, null_prompt_id,
 * dangling; missing_files (rows whose picture is gone), unknown_files (pictures without a row);
 * when orphans are to be deleted, also deleted, or for a dry run would_delete. The counts are those
 * before the deletion. Safe beside a running gateway. NOT_FOUND if there is no database. */
json_t *i4_gateway_maintenance(const i4_settings *settings, bool delete_orphans, bool dry_run,
                               i4_err *err);

#endif
