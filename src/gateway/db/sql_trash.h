/* Floor 6, private to this folder. Statements of trash.c: part of I4_SQL_LIST (private.h). */
#ifndef I4_GATEWAY_DB_SQL_TRASH_H
#define I4_GATEWAY_DB_SQL_TRASH_H

#define I4_SQL_TRASH(X)

#endif
