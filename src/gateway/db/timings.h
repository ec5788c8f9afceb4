/* Floor 6, private to the gateway. How long the phases of pictures took on this machine: of each
 * phase, preset and number of pixels the last 20. Any thread; one function, one transaction. */
#ifndef I4_GATEWAY_DB_TIMINGS_H
#define I4_GATEWAY_DB_TIMINGS_H

#include "gateway/db/db.h"

/* What was measured: "encode", "step" (one of them), "decode", "save" or "load". */
typedef struct i4_timing {
    const char *phase;
    double seconds;
} i4_timing;

i4_db_result i4_db_add_timings(i4_db *db, const char *preset, int64_t pixels,
                               const i4_timing *timings, size_t count, i4_err *err);
/* The median of what is kept; NONE if nothing is. */
i4_db_result i4_db_timing(i4_db *db, const char *phase, const char *preset, int64_t pixels,
                          double *median, i4_err *err);
/* The numbers of pixels next to this one that are known, either way; 0 for none. */
i4_db_result i4_db_timing_near(i4_db *db, const char *phase, const char *preset, int64_t pixels,
                               int64_t *below, int64_t *above, i4_err *err);

#endif
