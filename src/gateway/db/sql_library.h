/* Floor 6, private to this folder. Statements of library.c: part of I4_SQL_LIST (private.h). */
#ifndef I4_GATEWAY_DB_SQL_LIBRARY_H
#define I4_GATEWAY_DB_SQL_LIBRARY_H

#define I4_SQL_LIBRARY(X)

#endif
