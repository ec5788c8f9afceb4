/* Floor 6, private to this folder. Statements of timings.c: part of I4_SQL_LIST (private.h). All
 * are answered from the index of their table. */
#ifndef I4_GATEWAY_DB_SQL_TIMINGS_H
#define I4_GATEWAY_DB_SQL_TIMINGS_H

#include "gateway/db/db.h"

/* The newest 20 of one kind count; no more are kept. */
#define I4_PART_TIMINGS "FROM timings WHERE phase=?1 AND preset=?2 AND pixels=?3 ORDER BY id DESC "

#define I4_SQL_TIMINGS(X)                                                                     \
    X(TIMING_ADD, "INSERT INTO timings(phase,preset,pixels,seconds,at)"                       \
                  "VALUES(?1,?2,?3,?4,datetime('now'))")                                      \
    X(TIMING_FORGET,                                                                          \
      "DELETE FROM timings WHERE id IN(SELECT id " I4_PART_TIMINGS "LIMIT -1 OFFSET 20)")     \
    X(TIMING_FORGET_OLD, "DELETE FROM timings WHERE id<=(SELECT max(id)FROM timings)-20000")  \
    X(TIMINGS, "SELECT seconds " I4_PART_TIMINGS "LIMIT 20")                                  \
    X(TIMING_BELOW, "SELECT pixels FROM timings WHERE phase=?1 AND preset=?2 AND pixels<=?3 " \
                    "ORDER BY pixels DESC LIMIT 1")                                           \
    X(TIMING_ABOVE, "SELECT pixels FROM timings WHERE phase=?1 AND preset=?2 AND pixels>=?3 " \
                    "ORDER BY pixels LIMIT 1")

#endif
