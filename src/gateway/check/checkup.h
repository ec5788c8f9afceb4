/* Floor 6, private to this folder. One run of `check`: what its parts share, and the report they
 * write. Each part looks at one area; none of them fails the whole: what cannot be looked at is a
 * finding too. */
#ifndef I4_GATEWAY_CHECKUP_H
#define I4_GATEWAY_CHECKUP_H

#include "gateway/check/check.h"
#include "gateway/db/check.h"
#include "gateway/gateway.h"

enum { I4_CHECKUP_FILES = 1 << 21 }; /* names read from one folder */

typedef enum i4_finding_state {
    I4_FINDING_OK,
    I4_FINDING_NOTE,
    I4_FINDING_MENDED,
    I4_FINDING_TODO
} i4_finding_state;

typedef struct i4_checkup {
    const i4_settings *settings;
    json_t *findings; /* owned */
    int64_t mended, left;
    const char *only_looked; /* constant text; NULL: may mend */
    bool is_dry;             /* nobody wants anything mended */
    bool is_running;         /* a gateway uses the database now */
    i4_db_look *look;        /* NULL: there is no database, or none that can be read */
    i4_db *db;               /* opened for mending; NULL: none may be mended */
    bool out_of_memory;
} i4_checkup;

/* A thing with some names of which the report shows a few. */
typedef struct i4_finding {
    const char *area, *code;
    int64_t count;
    json_t *names; /* list, borrowed; NULL: none */
} i4_finding;

void i4_checkup_say(i4_checkup *c, i4_finding_state state, i4_finding finding, const char *format,
                    ...) I4_PRINTF(4, 5);
/* What an error says, as something to do. */
void i4_checkup_say_error(i4_checkup *c, const char *area, const char *code, const i4_err *err);
/* "<what>: <count>"; mended or, where nothing may be mended, what would be done. Nothing for a
 * count of 0. `did`: "removed". */
void i4_checkup_say_mended(i4_checkup *c, i4_finding finding, bool is_mended, const char *what,
                           const char *did);

/* Name lists: appends; memory that is missing is noted. */
void i4_checkup_name(i4_checkup *c, json_t *names, const char *name);
/* "<folder>/<name>"; false when too long. */
bool i4_checkup_path(const char *folder, const char *name, char *out, size_t size);
/* "<32 hex digits>.<suffix>": the suffix, else NULL. */
const char *i4_checkup_suffix(const char *name);

/* The areas, in the order in which they are looked at. */
void i4_check_folders(i4_checkup *c);  /* folders.c: rights, disk space */
void i4_check_database(i4_checkup *c); /* database.c: damage, layout; opens look */
void i4_check_rows(i4_checkup *c);     /* rows.c: references, search, jobs, trash; opens db */
void i4_check_pictures(i4_checkup *c); /* pictures.c: rows without file, files without row */
void i4_check_remains(i4_checkup *c);  /* remains.c: half-written files, removals, thumbnails */
void i4_check_spool(i4_checkup *c);    /* spool.c: the model daemon's spool */

#endif
