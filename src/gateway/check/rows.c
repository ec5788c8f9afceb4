/* The database as rows: references that lead nowhere, search, jobs, trash. */
#include "gateway/check/checkup.h"

/* What is asked, and what it means when the answer is not 0. */
typedef struct row_check {
    i4_db_question question;
    const char *code;
    i4_finding_state state; /* MENDED: mended where that may be */
    const char *what, *then;
} row_check;

static const row_check checks[] = {
    {I4_DB_FAVORITES_LOST, "favorites", I4_FINDING_MENDED, "favourites of pictures without a row",
     "removed"},
    {I4_DB_TAGS_LOST, "tags", I4_FINDING_MENDED, "tags of pictures without a row", "removed"},
    {I4_DB_INDEX_MISSING, "search_missing", I4_FINDING_MENDED, "pictures that search does not find",
     "entered into search"},
    {I4_DB_INDEX_SURPLUS, "search_surplus", I4_FINDING_MENDED,
     "entries of search without a picture", "removed"},
    {I4_DB_DANGLING, "dangling", I4_FINDING_NOTE, "pictures whose history entry was deleted",
     "they stay and are shown without one"},
    {I4_DB_JOBS_PENDING, "jobs_pending", I4_FINDING_NOTE, "jobs that wait",
     "they run once gateway and model daemon do"},
    {I4_DB_JOBS_RUNNING, "jobs_running", I4_FINDING_NOTE, "jobs that were interrupted",
     "they are followed or begun again at the next start"},
    {I4_DB_JOBS_PICTURELESS, "jobs_without_picture", I4_FINDING_NOTE,
     "finished jobs whose picture was deleted", "they leave the list in time"},
    {I4_DB_JOBS_ODD, "jobs_odd", I4_FINDING_TODO, "jobs in a state that does not exist",
     "another program has changed the database; remove them in the queue"},
    {I4_DB_TRASH_OVERDUE, "trash", I4_FINDING_NOTE, "pictures that were in the trash long enough",
     "the gateway deletes them at its next start"},
};

enum { CHECKS = sizeof checks / sizeof *checks };

/* Opening mends what search knows; so what the answers were before counts. */
static bool mend(i4_checkup *c, const row_check *check) {
    int64_t left = -1;
    i4_err err = {0};
    const bool is_mended = c->db && i4_db_mend(c->db, check->question, &err) &&
                           i4_db_look_count(c->look, check->question, 0, &left, &err) && left == 0;
    if (err.status != I4_E_OK) {
        i4_checkup_say_error(c, "rows", check->code, &err);
    }
    return is_mended;
}

static void say_one(i4_checkup *c, const row_check *check, int64_t count) {
    const i4_finding f = {.area = "rows", .code = check->code, .count = count};
    if (check->state == I4_FINDING_MENDED) {
        i4_checkup_say_mended(c, f, mend(c, check), check->what, check->then);
    } else {
        const bool is_normal = c->is_running && check->state == I4_FINDING_NOTE;
        i4_checkup_say(c, check->state, f, "%s: %lld%s%s", check->what, (long long)count,
                       is_normal ? "" : "; ", is_normal ? "" : check->then);
    }
}

static void open_for_mending(i4_checkup *c) {
    i4_err err = {0};
    if (!c->only_looked) {
        c->db = i4_db_open(c->settings->db_path, c->settings->output_dir, &err);
        if (!c->db) {
            i4_checkup_say_error(c, "database", "unreadable", &err);
        }
    }
}

void i4_check_rows(i4_checkup *c) {
    int64_t counts[CHECKS];
    for (size_t i = 0; c->look && i < CHECKS; i++) {
        i4_err err = {0};
        if (!i4_db_look_count(c->look, checks[i].question, c->settings->trash_days, &counts[i],
                              &err)) {
            counts[i] = 0;
            i4_checkup_say_error(c, "rows", checks[i].code, &err);
        }
    }
    if (c->look) {
        open_for_mending(c);
    }
    for (size_t i = 0; c->look && i < CHECKS; i++) {
        if (counts[i] > 0) {
            say_one(c, &checks[i], counts[i]);
        }
    }
}
