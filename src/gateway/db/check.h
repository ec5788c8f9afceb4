/* Floor 6, private to the gateway. A database looked at from outside, for `check`.
 *
 * A look opens the file for reading only and never upgrades, mends or empties anything, so that it
 * serves for damaged, older and newer databases and beside a running gateway. What may be mended
 * is mended through an opened i4_db. One thread. */
#ifndef I4_GATEWAY_DB_CHECK_H
#define I4_GATEWAY_DB_CHECK_H

#include "gateway/db/db.h"

typedef struct i4_db_look i4_db_look;

/* What can be asked of a database of the present layout. */
typedef enum i4_db_question {
    I4_DB_FAVORITES_LOST, /* favourites whose picture has no row */
    I4_DB_TAGS_LOST,      /* tags of pictures without a row */
    I4_DB_DANGLING,       /* pictures whose history entry is gone */
    I4_DB_INDEX_MISSING,  /* pictures that search does not know */
    I4_DB_INDEX_SURPLUS,  /* what search knows of pictures without a row */
    I4_DB_JOBS_PENDING,
    I4_DB_JOBS_RUNNING,
    I4_DB_JOBS_PICTURELESS, /* done, and the picture has no row */
    I4_DB_JOBS_ODD,         /* in a state that no program of ours writes */
    I4_DB_TRASH_OVERDUE,    /* pictures in the trash for longer than the given number of days */
    I4_DB_QUESTIONS
} i4_db_question;

/* NOT_FOUND when there is no file. Whether it is a database shows with the first question. */
i4_db_look *i4_db_look_open(const char *path, const char *output_dir, i4_err *err);
void i4_db_look_close(i4_db_look *look);

/* Reads all of it. *problems: a list of texts, empty when it is whole. False: it cannot be read,
 * for it is no database or another program holds it. */
bool i4_db_look_damage(i4_db_look *look, json_t **problems, i4_err *err);
/* *known: the layout of this program. */
bool i4_db_look_layout(i4_db_look *look, int64_t *layout, int64_t *known, i4_err *err);
/* days is for I4_DB_TRASH_OVERDUE. */
bool i4_db_look_count(i4_db_look *look, i4_db_question question, int64_t days, int64_t *count,
                      i4_err *err);
/* Objects (new references) whose keys are names: files of pictures with the bare name, for which
 * the value is the id of the row; files that wait for removal; ids of tasks whose pictures may
 * still be on their way. */
bool i4_db_look_files(i4_db_look *look, json_t **files, i4_err *err);
bool i4_db_look_removals(i4_db_look *look, json_t **files, i4_err *err);
bool i4_db_look_tasks(i4_db_look *look, json_t **ids, i4_err *err);

/* Mends what such a question found, in one transaction; for those that say nothing about people's
 * pictures: FAVORITES_LOST, TAGS_LOST, INDEX_MISSING, INDEX_SURPLUS. */
bool i4_db_mend(i4_db *db, i4_db_question question, i4_err *err);

#endif
