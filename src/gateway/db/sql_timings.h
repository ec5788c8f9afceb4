/* Floor 6, private to this folder. Statements of timings.c: part of I4_SQL_LIST (private.h). */
#ifndef I4_GATEWAY_DB_SQL_TIMINGS_H
#define I4_GATEWAY_DB_SQL_TIMINGS_H

#define I4_SQL_TIMINGS(X)

#endif
