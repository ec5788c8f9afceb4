/* The queue's table: adding jobs, changing pending ones, and their order (docs/api.md 1.2, 1.3). */
#include "gateway/db/jobs.h"

#include <string.h>

static const int64_t gap = 1 << 20; /* between two places */

static void bind_id(i4_query *q, int place, int64_t id) {
    if (id != -1) { /* unbound is null */
        i4_query_int(q, place, id);
    }
}

/* --- adding -------------------------------------------------------------------------------- */

static bool insert_job(i4_db *db, const i4_db_job *job, int64_t place, int64_t *id, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_JOB_ADD);
    i4_query_text(&q, 1, job->client_id);
    i4_query_text(&q, 2, job->batch);
    i4_query_text(&q, 3, job->origin);
    i4_query_text(&q, 4, job->task_id ? "running" : "pending");
    i4_query_int(&q, 5, place);
    i4_query_text(&q, 6, job->caption);
    i4_query_int(&q, 7, job->is_text);
    i4_query_text(&q, 8, job->hld);
    i4_query_text(&q, 9, job->form_json);
    i4_query_int(&q, 10, job->is_form_made);
    bind_id(&q, 11, job->prompt_id);
    i4_query_int(&q, 12, job->is_joined);
    i4_query_int(&q, 13, job->width);
    i4_query_int(&q, 14, job->height);
    i4_query_text(&q, 15, job->preset);
    i4_query_int(&q, 16, job->seed);
    i4_query_text(&q, 17, job->format);
    i4_query_text(&q, 18, job->loras_json);
    i4_query_text(&q, 19, job->task_id);
    i4_query_int(&q, 20, job->task_id ? I4_JOB_ACCEPTED : I4_JOB_NOT_SENT);
    bind_id(&q, 21, job->retry_of);
    i4_query_int(&q, 22, job->until_picture);
    const bool good = i4_query_run(&q, err);
    *id = sqlite3_last_insert_rowid(db->handle);
    return good;
}

/* The place of the first of `count` new ones. The end is behind everything that ever had a place,
 * so that what comes back from cancellation comes before it. */
static bool first_place(i4_db *db, size_t count, bool next, int64_t *place, i4_err *err) {
    json_t *row = NULL;
    bool found;
    if (next) {
        i4_query q = i4_query_of(db, I4_SQL_JOB_FIRST);
        i4_query_int(&q, 1, -1);
        if (!i4_query_row(&q, &row, err)) {
            return false;
        }
    }
    if (row) {
        const int64_t first = json_integer_value(json_object_get(row, "place"));
        *place = first - gap * (int64_t)count;
        json_decref(row);
        return true;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_PLACE_LAST);
    const bool good = i4_query_number(&q, place, &found, err);
    *place += gap;
    return good;
}

/* Appends the jobs of an item that was added before; *known false: it was not. */
static bool find_known(i4_db *db, const char *client_id, json_t *ids, bool *known, i4_err *err) {
    json_t *found = NULL;
    *known = false;
    if (!client_id) {
        return true;
    }
    if (!i4_jobs_ids(db, I4_SQL_JOB_IDS_OF_CLIENT, client_id, &found, err)) {
        return false;
    }
    *known = json_array_size(found) > 0;
    const bool good = json_array_extend(ids, found) == 0 || i4_fail_memory(err, "jobs", 0);
    json_decref(found);
    return good;
}

static bool add_jobs(i4_db *db, const i4_db_job *jobs, size_t count, bool next, json_t *ids,
                     i4_err *err) {
    int64_t place, id;
    bool known = false;
    if (!first_place(db, count, next, &place, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].begins_item && !find_known(db, jobs[i].client_id, ids, &known, err)) {
            return false;
        }
        if (known) {
            continue;
        }
        if (!insert_job(db, &jobs[i], place + gap * (int64_t)i, &id, err)) {
            return false;
        }
        if (json_array_append_new(ids, json_integer(id)) != 0) {
            return i4_fail_memory(err, "jobs", 0);
        }
    }
    return true;
}

i4_db_result i4_db_add_jobs(i4_db *db, const i4_db_job *jobs, size_t count, bool next,
                            int64_t limit, json_t **ids, int64_t *pending, i4_err *err) {
    int64_t before = 0, after = 0;
    *pending = 0;
    *ids = NULL;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    *ids = json_array();
    const bool good = i4_jobs_count_pending(db, &before, err) &&
                      add_jobs(db, jobs, count, next, *ids, err) &&
                      i4_jobs_count_pending(db, &after, err);
    *pending = before;
    const bool is_full = after > before && after > limit;
    return i4_jobs_end(db, !good ? I4_DB_FAILED : is_full ? I4_DB_NONE : I4_DB_OK, ids, err);
}

/* --- order --------------------------------------------------------------------------------- */

typedef struct spot {
    bool is_there;
    int64_t place, id;
} spot;

static bool find_spot(i4_query *q, spot *out, i4_err *err) {
    json_t *row;
    const bool good = i4_query_row(q, &row, err);
    *out = (spot){.is_there = row != NULL,
                  .place = json_integer_value(json_object_get(row, "place")),
                  .id = json_integer_value(json_object_get(row, "id"))};
    json_decref(row);
    return good;
}

static bool find_neighbour(i4_db *db, i4_sql which, const spot *of, int64_t without, spot *out,
                           i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, of->place);
    i4_query_int(&q, 2, of->id);
    i4_query_int(&q, 3, without);
    return find_spot(&q, out, err);
}

static bool shift(i4_db *db, const spot *from, i4_err *err) {
    const i4_sql both[] = {I4_SQL_JOBS_SHIFT_PENDING, I4_SQL_JOBS_SHIFT_CANCELLED};
    for (int i = 0; i < 2; i++) {
        i4_query q = i4_query_of(db, both[i]);
        i4_query_int(&q, 1, from->place);
        i4_query_int(&q, 2, from->id);
        i4_query_int(&q, 3, gap);
        if (!i4_query_run(&q, err)) {
            return false;
        }
    }
    return true;
}

static bool set_place(i4_db *db, int64_t id, int64_t place, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_JOB_MOVE);
    i4_query_int(&q, 1, id);
    i4_query_int(&q, 2, place);
    return i4_query_run(&q, err);
}

/* Between two neighbours of which one may be missing; room is made if there is none. */
static bool move_between(i4_db *db, int64_t id, const spot *low, const spot *high, i4_err *err) {
    if (!high->is_there) {
        return set_place(db, id, low->place + gap, err);
    }
    if (!low->is_there) {
        return set_place(db, id, high->place - gap, err);
    }
    if (high->place - low->place >= 2) {
        return set_place(db, id, low->place + (high->place - low->place) / 2, err);
    }
    return shift(db, high, err) && set_place(db, id, low->place + gap / 2, err);
}

static i4_db_result move_beside(i4_db *db, int64_t id, i4_db_place place, int64_t anchor,
                                bool *is_anchor, i4_err *err) {
    spot at, other;
    i4_query q = i4_query_of(db, I4_SQL_JOB_PLACE);
    i4_query_int(&q, 1, anchor);
    if (!find_spot(&q, &at, err)) {
        return I4_DB_FAILED;
    }
    *is_anchor = !at.is_there;
    if (!at.is_there) {
        return I4_DB_NONE;
    }
    if (anchor == id) {
        return I4_DB_OK;
    }
    const bool before = place == I4_PLACE_BEFORE;
    const bool good =
        find_neighbour(db, before ? I4_SQL_JOB_BEFORE : I4_SQL_JOB_AFTER, &at, id, &other, err) &&
        move_between(db, id, before ? &other : &at, before ? &at : &other, err);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

static bool move_to_end(i4_db *db, int64_t id, i4_db_place place, i4_err *err) {
    spot first;
    int64_t last;
    if (place == I4_PLACE_END) {
        return first_place(db, 1, false, &last, err) && set_place(db, id, last, err);
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_FIRST);
    i4_query_int(&q, 1, id);
    return find_spot(&q, &first, err) &&
           (!first.is_there || set_place(db, id, first.place - gap, err));
}

static i4_db_result move_job(i4_db *db, int64_t id, i4_db_place place, int64_t anchor,
                             bool *is_anchor, i4_err *err) {
    switch (place) {
    case I4_PLACE_BEFORE:
    case I4_PLACE_AFTER:
        return move_beside(db, id, place, anchor, is_anchor, err);
    case I4_PLACE_NEXT:
    case I4_PLACE_END:
        return move_to_end(db, id, place, err) ? I4_DB_OK : I4_DB_FAILED;
    default:
        return I4_DB_OK;
    }
}

static bool rewrite_job(i4_db *db, int64_t id, const i4_db_job *job, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_JOB_CHANGE);
    i4_query_int(&q, 1, id);
    i4_query_text(&q, 2, job->caption);
    i4_query_int(&q, 3, job->is_text);
    i4_query_text(&q, 4, job->hld);
    i4_query_text(&q, 5, job->form_json);
    i4_query_int(&q, 6, job->is_form_made);
    bind_id(&q, 7, job->prompt_id);
    i4_query_int(&q, 8, job->width);
    i4_query_int(&q, 9, job->height);
    i4_query_text(&q, 10, job->preset);
    i4_query_int(&q, 11, job->seed);
    i4_query_text(&q, 12, job->format);
    i4_query_text(&q, 13, job->loras_json);
    return i4_query_run(&q, err);
}

i4_db_result i4_db_change_job(i4_db *db, int64_t id, const i4_db_job *job, i4_db_place place,
                              int64_t anchor, bool *is_anchor, i4_err *err) {
    spot here;
    *is_anchor = false;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_PLACE);
    i4_query_int(&q, 1, id);
    i4_db_result result = find_spot(&q, &here, err) ? I4_DB_OK : I4_DB_FAILED;
    if (result == I4_DB_OK && !here.is_there) {
        result = I4_DB_NONE;
    }
    if (result == I4_DB_OK && job && !rewrite_job(db, id, job, err)) {
        result = I4_DB_FAILED;
    }
    if (result == I4_DB_OK) {
        result = move_job(db, id, place, anchor, is_anchor, err);
    }
    return i4_db_end(db, result, err);
}
