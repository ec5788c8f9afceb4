/* Statements of timings. */
#include "gateway/db/timings.h"
#include "gateway/db/private.h"

enum { KEPT = 20 };

bool i4_db_make_timings(i4_db *db, i4_err *err) {
    return i4_db_run_text(db,
                          "CREATE TABLE timings(id INTEGER PRIMARY KEY AUTOINCREMENT,"
                          "phase TEXT NOT NULL,preset TEXT NOT NULL,pixels INTEGER NOT NULL,"
                          "seconds REAL NOT NULL,at TEXT NOT NULL);"
                          "CREATE INDEX timings_by_kind ON timings(phase,preset,pixels,id)",
                          err);
}

static i4_query query_of(i4_db *db, i4_sql which, const char *phase, const char *preset,
                         int64_t pixels) {
    i4_query q = i4_query_of(db, which);
    i4_query_text(&q, 1, phase);
    i4_query_text(&q, 2, preset);
    i4_query_int(&q, 3, pixels);
    return q;
}

static bool add_one(i4_db *db, const char *preset, int64_t pixels, const i4_timing *timing,
                    i4_err *err) {
    i4_query add = query_of(db, I4_SQL_TIMING_ADD, timing->phase, preset, pixels);
    i4_query_real(&add, 4, timing->seconds);
    if (!i4_query_run(&add, err)) {
        return false;
    }
    i4_query forget = query_of(db, I4_SQL_TIMING_FORGET, timing->phase, preset, pixels);
    return i4_query_run(&forget, err);
}

i4_db_result i4_db_add_timings(i4_db *db, const char *preset, int64_t pixels,
                               const i4_timing *timings, size_t count, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = add_one(db, preset, pixels, &timings[i], err);
    }
    if (good) { /* sizes that nobody draws any more */
        i4_query q = i4_query_of(db, I4_SQL_TIMING_FORGET_OLD);
        good = i4_query_run(&q, err);
    }
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
}

static void sort(double *values, size_t count) {
    for (size_t i = 1; i < count; i++) {
        const double value = values[i];
        size_t place = i;
        for (; place > 0 && values[place - 1] > value; place--) {
            values[place] = values[place - 1];
        }
        values[place] = value;
    }
}

/* 0 for no rows. */
static double median_of(const json_t *rows) {
    double values[KEPT];
    size_t count = 0;
    for (; count < KEPT && count < json_array_size(rows); count++) {
        values[count] = json_number_value(json_object_get(json_array_get(rows, count), "seconds"));
    }
    sort(values, count);
    return count == 0 ? 0 : (values[(count - 1) / 2] + values[count / 2]) / 2;
}

i4_db_result i4_db_timing(i4_db *db, const char *phase, const char *preset, int64_t pixels,
                          double *median, i4_err *err) {
    json_t *rows = NULL;
    i4_db_lock(db);
    i4_query q = query_of(db, I4_SQL_TIMINGS, phase, preset, pixels);
    const bool good = i4_query_rows(&q, &rows, err);
    i4_db_unlock(db);
    *median = good ? median_of(rows) : 0;
    const i4_db_result result = !good                       ? I4_DB_FAILED
                                : json_array_size(rows) > 0 ? I4_DB_OK
                                                            : I4_DB_NONE;
    json_decref(rows);
    return result;
}

i4_db_result i4_db_timing_near(i4_db *db, const char *phase, const char *preset, int64_t pixels,
                               int64_t *below, int64_t *above, i4_err *err) {
    bool has_below = false, has_above = false;
    *below = *above = 0;
    i4_db_lock(db);
    i4_query q = query_of(db, I4_SQL_TIMING_BELOW, phase, preset, pixels);
    bool good = i4_query_number(&q, below, &has_below, err);
    if (good) {
        q = query_of(db, I4_SQL_TIMING_ABOVE, phase, preset, pixels);
        good = i4_query_number(&q, above, &has_above, err);
    }
    i4_db_unlock(db);
    if (!good) {
        return I4_DB_FAILED;
    }
    *below = has_below ? *below : 0;
    *above = has_above ? *above : 0;
    return has_below || has_above ? I4_DB_OK : I4_DB_NONE;
}
