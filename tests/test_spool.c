/* Finished pictures on disk: what a new start finds, what it sweeps, what a failure leaves behind;
 * and how long the table of the daemon keeps them. */
#include "folder.h"

#include "daemon/jobs.h"
#include "daemon/spool.h"

#include <stdbool.h>

static const char id_a[] = "00000000000000000000000000000aaa";
static const char id_b[] = "11111111111111111111111111111bbb";
static const char id_c[] = "22222222222222222222222222222ccc";

static folder place;

static int make_place(void **state) {
    (void)state;
    folder_make(&place, "spool");
    return 0;
}

static int remove_place(void **state) {
    (void)state;
    folder_remove(&place);
    return 0;
}

static i4_spooled picture_of(const char *id, i4_picture_format format, const char *bytes,
                             int64_t finished) {
    i4_spooled p = {
        .format = format, .bytes = strlen(bytes), .finished = finished, .total_steps = 12};
    snprintf(p.id, sizeof p.id, "%s", id);
    snprintf(p.msg, sizeof p.msg, "done in 1.5 s");
    return p;
}

static bool store(i4_spool *spool, const char *id, i4_picture_format format, const char *bytes,
                  int64_t finished, i4_err *err) {
    const i4_spooled p = picture_of(id, format, bytes, finished);
    json_t *meta = json_pack("{s:s, s:i}", "hld",
                             "a gr\xc3\xbc"
                             "n circle",
                             "width", 256);
    const bool ok = i4_spool_store(spool, &p, bytes, meta, err);
    json_decref(meta);
    return ok;
}

static i4_spool *open_spool(void) {
    i4_err err = {0};
    i4_spool *spool = i4_spool_open(place.path, &err);
    if (spool == NULL) {
        fail_msg("%s", err.text);
    }
    return spool;
}

typedef struct seen {
    i4_spooled picture[8];
    size_t count;
} seen;

static bool note(const i4_spooled *picture, void *user) {
    seen *s = user;
    assert_true(s->count < 8);
    s->picture[s->count++] = *picture;
    return true;
}

static seen scan(i4_spool *spool) {
    seen s = {.count = 0};
    assert_true(i4_spool_scan(spool, note, &s, NULL));
    return s;
}

static bool exists(const char *name) {
    return i4_path_look(folder_at(&place, name)) != I4_PATH_NONE;
}

static const char *file_of(const char *id, const char *suffix) {
    static char name[4][64];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(name[turn], sizeof name[turn], "%s.%s", id, suffix);
    return name[turn];
}

/* --- a new start --------------------------------------------------------------------------- */

static void spool_stored_pictures_are_found_again_oldest_first(void **state) {
    (void)state;
    i4_spool *spool = open_spool();
    assert_true(store(spool, id_a, I4_PICTURE_WEBP, "webp bytes", 2000, NULL));
    assert_true(store(spool, id_b, I4_PICTURE_PNG, "png", 1000, NULL));
    i4_spool_close(spool);
    spool = open_spool();
    const seen s = scan(spool);
    assert_int_equal(s.count, 2);
    assert_string_equal(s.picture[0].id, id_b);
    assert_int_equal(s.picture[0].format, I4_PICTURE_PNG);
    assert_int_equal(s.picture[0].bytes, 3);
    assert_string_equal(s.picture[1].id, id_a);
    assert_int_equal(s.picture[1].finished, 2000);
    assert_int_equal(s.picture[1].total_steps, 12);
    assert_string_equal(s.picture[1].msg, "done in 1.5 s");
    json_t *meta = i4_spool_meta(spool, id_a);
    assert_string_equal(json_string_value(json_object_get(meta, "hld")), "a gr\xc3\xbc"
                                                                         "n circle");
    json_decref(meta);
    i4_spool_close(spool);
}

static void spool_taken_pictures_stay_until_the_next_start(void **state) {
    (void)state;
    i4_spool *spool = open_spool();
    assert_true(store(spool, id_a, I4_PICTURE_WEBP, "webp", 1, NULL));
    assert_true(i4_spool_take(spool, id_a, NULL));
    assert_true(exists(file_of(id_a, "webp")));
    json_t *meta = i4_spool_meta(spool, id_a);
    assert_non_null(meta);
    json_decref(meta);
    i4_err err = {0};
    assert_false(i4_spool_take(spool, id_a, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
    i4_spool_close(spool);
    spool = open_spool();
    assert_int_equal(scan(spool).count, 0);
    assert_false(exists(file_of(id_a, "webp")));
    assert_false(exists(file_of(id_a, "taken")));
    i4_spool_close(spool);
}

static void spool_fetched_pictures_stay_and_the_next_start_knows(void **state) {
    (void)state;
    i4_spool *spool = open_spool();
    assert_true(store(spool, id_a, I4_PICTURE_WEBP, "webp", 1, NULL));
    assert_true(store(spool, id_b, I4_PICTURE_WEBP, "webp", 2, NULL));
    i4_spool_mark_fetched(spool, id_a);
    i4_spool_mark_fetched(spool, id_a);
    i4_spool_mark_fetched(spool, id_c); /* of no picture: rubbish */
    i4_spool_close(spool);
    spool = open_spool();
    const seen s = scan(spool);
    assert_int_equal(s.count, 2);
    assert_true(s.picture[0].is_fetched);
    assert_false(s.picture[1].is_fetched);
    assert_false(exists(file_of(id_c, "fetched")));
    assert_true(i4_spool_take(spool, id_a, NULL));
    assert_false(exists(file_of(id_a, "fetched")));
    i4_spool_close(spool);
}

static void spool_half_written_pictures_are_swept(void **state) {
    (void)state;
    folder_write(&place, file_of(id_a, "webp"), "no record");
    folder_write(&place, file_of(id_b, "json"),
                 "{\"format\":\"png\",\"finished_at\":1,\"total_steps\":12,\"msg\":\"done\","
                 "\"image_meta\":{}}");
    folder_write(&place, file_of(id_c, "json"), "{\"format\":\"png\",");
    folder_write(&place, file_of(id_c, "png"), "its record is torn");
    folder_write(&place, ".ideogram4-0123456789abcdef.tmp", "torn");
    i4_spool *spool = open_spool();
    assert_int_equal(scan(spool).count, 0);
    i4_spool_close(spool);
    assert_false(exists(file_of(id_a, "webp")));
    assert_false(exists(file_of(id_b, "json")));
    assert_false(exists(file_of(id_c, "json")));
    assert_false(exists(file_of(id_c, "png")));
    assert_false(exists(".ideogram4-0123456789abcdef.tmp"));
}

static void spool_files_of_others_are_left_alone(void **state) {
    (void)state;
    folder_write(&place, "holiday.png", "mine");
    folder_write(&place, "0123.json", "mine");
    folder_write(&place, ".ideogram4-notes", "mine");
    folder_sub(&place, "folder");
    i4_spool *spool = open_spool();
    assert_int_equal(scan(spool).count, 0);
    i4_spool_close(spool);
    assert_true(exists("holiday.png"));
    assert_true(exists("0123.json"));
    assert_true(exists(".ideogram4-notes"));
    assert_true(exists("folder"));
}

static void spool_records_of_another_make_are_swept_not_trusted(void **state) {
    static const char *const records[] = {"[]",
                                          "null",
                                          "{}",
                                          "{\"format\":\"gif\",\"msg\":\"\",\"image_meta\":{}}",
                                          "{\"format\":\"../png\",\"msg\":\"\",\"image_meta\":{}}",
                                          "{\"format\":\"png\",\"msg\":7,\"image_meta\":{}}",
                                          "{\"format\":\"png\",\"msg\":\"\",\"image_meta\":[]}"};
    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        folder_write(&place, file_of(id_a, "json"), records[i]);
        folder_write(&place, file_of(id_a, "png"), "bytes");
        i4_spool *spool = open_spool();
        assert_int_equal(scan(spool).count, 0);
        i4_spool_close(spool);
        assert_false(exists(file_of(id_a, "png")));
    }
}

static void spool_dropped_pictures_leave_nothing(void **state) {
    (void)state;
    i4_spool *spool = open_spool();
    assert_true(store(spool, id_a, I4_PICTURE_JPEG, "jpeg", 1, NULL));
    assert_true(store(spool, id_b, I4_PICTURE_JPEG, "jpeg", 1, NULL));
    assert_true(i4_spool_take(spool, id_b, NULL));
    i4_spool_mark_fetched(spool, id_a);
    i4_spool_drop(spool, id_a, I4_PICTURE_JPEG);
    i4_spool_drop(spool, id_b, I4_PICTURE_JPEG);
    char **names = NULL;
    size_t count = 0;
    assert_true(i4_dir_list(place.path, 100, &names, &count, NULL));
    assert_int_equal(count, 1); /* the lock */
    i4_dir_list_free(names, count);
    assert_null(i4_spool_meta(spool, id_a));
    i4_spool_close(spool);
}

/* --- failures ------------------------------------------------------------------------------ */

/* True when the picture is stored; then it is whole, else nothing of it is there. */
static bool store_once(i4_err *err) {
    i4_spool *spool = i4_spool_open(place.path, err);
    if (spool == NULL) {
        return false;
    }
    const bool ok = store(spool, id_a, I4_PICTURE_PNG, "bytes", 1, err);
    i4_fault_set(NULL, NULL);
    assert_int_equal(exists(file_of(id_a, "json")), ok);
    assert_int_equal(exists(file_of(id_a, "png")), ok);
    i4_spool_drop(spool, id_a, I4_PICTURE_PNG);
    i4_spool_close(spool);
    return ok;
}

/* Syncing the folder is best effort, so a fault there may go unreported. */
static void spool_failing_writes_leave_nothing_or_all(void **state) {
    (void)state;
    int failures = 0;
    for (int n = 0;; n++) {
        fault f = {n, false};
        i4_err err = {0};
        i4_fault_set(fault_nth, &f);
        const bool ok = store_once(&err);
        i4_fault_set(NULL, NULL);
        if (!f.hit) {
            assert_true(ok && failures >= 8);
            return;
        }
        failures += !ok;
        assert_true(ok || err.text[0] != '\0');
    }
}

static bool scan_once(i4_err *err) {
    seen s = {.count = 0};
    i4_spool *spool = i4_spool_open(place.path, err);
    const bool ok = spool != NULL && i4_spool_scan(spool, note, &s, err);
    i4_spool_close(spool);
    return ok;
}

static void spool_failing_scans_are_reported(void **state) {
    (void)state;
    faults_are_reported(scan_once, 3);
}

/* --- retention ------------------------------------------------------------------------------ */

typedef struct keeper {
    i4_spool *spool;
    i4_table table;
} keeper;

static void open_keeper(keeper *k) {
    k->spool = open_spool();
    assert_true(i4_table_init(&k->table, k->spool, NULL));
    i4_table_lock(&k->table);
}

static void close_keeper(keeper *k) {
    i4_table_unlock(&k->table);
    i4_table_free(&k->table);
    i4_spool_close(k->spool);
}

/* A finished picture of ten bytes, kept since `since`. */
static i4_job *add_picture(keeper *k, const char *id, double since) {
    assert_true(store(k->spool, id, I4_PICTURE_PNG, "ten  bytes", 1, NULL));
    const i4_spooled p = picture_of(id, I4_PICTURE_PNG, "ten  bytes", 1);
    assert_true(i4_job_restore(&k->table, &p, 0.0, since));
    return i4_job_find(&k->table, I4_JOB_DRAW, id);
}

static bool has(keeper *k, const char *id) {
    const bool known = i4_job_find(&k->table, I4_JOB_DRAW, id) != NULL;
    assert_int_equal(known, exists(file_of(id, "png")));
    return known;
}

static void spool_taken_pictures_go_after_an_hour_and_others_after_a_week(void **state) {
    keeper k;
    (void)state;
    open_keeper(&k);
    add_picture(&k, id_a, 100.0)->is_taken = true;
    add_picture(&k, id_b, 100.0);
    i4_table_purge(&k.table, 100.0 + 3599.0, true);
    assert_true(has(&k, id_a) && has(&k, id_b));
    i4_table_purge(&k.table, 100.0 + 3601.0, true);
    assert_false(has(&k, id_a));
    assert_true(has(&k, id_b));
    i4_table_purge(&k.table, 100.0 + 7.0 * 86400.0 - 1.0, true);
    assert_true(has(&k, id_b));
    i4_table_purge(&k.table, 100.0 + 7.0 * 86400.0 + 1.0, true);
    assert_false(has(&k, id_b));
    assert_int_equal(k.table.picture_bytes, 0);
    close_keeper(&k);
}

static void spool_too_many_bytes_drop_stored_pictures_first_then_the_oldest(void **state) {
    keeper k;
    (void)state;
    open_keeper(&k);
    k.table.picture_limit = 20;
    add_picture(&k, id_a, 1.0);
    add_picture(&k, id_b, 2.0)->is_taken = true;
    add_picture(&k, id_c, 3.0);
    i4_table_purge(&k.table, 4.0, true);
    assert_true(has(&k, id_a) && has(&k, id_c));
    assert_false(has(&k, id_b));
    k.table.picture_limit = 10;
    i4_table_purge(&k.table, 4.0, true);
    assert_false(has(&k, id_a));
    assert_true(has(&k, id_c));
    close_keeper(&k);
}

static void improve_i30_too_many_bytes_drop_fetched_pictures_first(void **state) {
    keeper k;
    (void)state;
    open_keeper(&k);
    k.table.picture_limit = 10;
    add_picture(&k, id_a, 1.0);
    add_picture(&k, id_b, 2.0)->is_fetched = true;
    i4_table_purge(&k.table, 3.0, true);
    assert_true(has(&k, id_a));
    assert_false(has(&k, id_b));
    close_keeper(&k);
}

static void spool_running_and_held_jobs_are_never_dropped(void **state) {
    keeper k;
    i4_item item;
    (void)state;
    open_keeper(&k);
    i4_job *job = i4_job_new(&k.table, I4_JOB_DRAW, i4_calloc(1, sizeof(i4_order)), 1.0);
    assert_non_null(job);
    assert_int_not_equal(i4_turn_add(&k.table, I4_WORK_DRAW, job, 1.0), 0);
    i4_table_purge(&k.table, 1e9, true);
    assert_ptr_equal(i4_job_find(&k.table, I4_JOB_DRAW, job->id), job);
    assert_true(i4_turn_take(&k.table, &item));
    i4_job_fail(&k.table, job, "reason", 1.0);
    i4_table_purge(&k.table, 1e9, true); /* done, but the worker still has it */
    assert_ptr_equal(i4_job_find(&k.table, I4_JOB_DRAW, item.job->id), job);
    i4_turn_done(&k.table);
    i4_table_purge(&k.table, 1e9, true);
    assert_int_equal(k.table.job_count, 0);
    close_keeper(&k);
}

/* The worker still tidies up; whoever saw the end may load or unload at once. */
static void pipeline_is_free_as_soon_as_its_task_is_over(void **state) {
    keeper k;
    i4_item item;
    (void)state;
    open_keeper(&k);
    i4_job *job = i4_job_new(&k.table, I4_JOB_DRAW, i4_calloc(1, sizeof(i4_order)), 1.0);
    assert_non_null(job);
    assert_int_not_equal(i4_turn_add(&k.table, I4_WORK_DRAW, job, 1.0), 0);
    assert_non_null(i4_pipeline_holder(&k.table));
    assert_true(i4_turn_take(&k.table, &item));
    assert_ptr_equal(i4_pipeline_holder(&k.table)->job, job);
    i4_job_end_cancelled(&k.table, job, 1.0);
    assert_null(i4_pipeline_holder(&k.table));
    assert_int_not_equal(i4_turn_add(&k.table, I4_WORK_LOAD, NULL, 1.0), 0);
    assert_int_equal(i4_pipeline_holder(&k.table)->work, I4_WORK_LOAD);
    i4_turn_done(&k.table);
    assert_true(i4_turn_take(&k.table, &item));
    assert_int_equal(i4_pipeline_holder(&k.table)->work, I4_WORK_LOAD);
    i4_turn_done(&k.table);
    assert_null(i4_pipeline_holder(&k.table));
    close_keeper(&k);
}

static void spool_too_many_jobs_drop_those_without_a_picture_first(void **state) {
    keeper k;
    (void)state;
    open_keeper(&k);
    k.table.job_limit = 2;
    add_picture(&k, id_a, 1.0);
    add_picture(&k, id_b, 1.0);
    i4_job *job = i4_job_new(&k.table, I4_JOB_DOWNLOAD, NULL, 1.0);
    i4_job_fail(&k.table, job, "reason", 1.0);
    i4_table_purge(&k.table, 2.0, true);
    assert_int_equal(k.table.job_count, 2);
    assert_true(has(&k, id_a) && has(&k, id_b));
    close_keeper(&k);
}

static void spool_expired_jobs_are_looked_for_once_a_second(void **state) {
    keeper k;
    (void)state;
    open_keeper(&k);
    i4_table_purge(&k.table, 10000.0, false);
    add_picture(&k, id_a, 1.0)->is_taken = true;
    i4_table_purge(&k.table, 10000.5, false);
    assert_true(has(&k, id_a));
    i4_table_purge(&k.table, 10001.5, false);
    assert_false(has(&k, id_a));
    close_keeper(&k);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(spool_stored_pictures_are_found_again_oldest_first),
        CASE(spool_taken_pictures_stay_until_the_next_start),
        CASE(spool_fetched_pictures_stay_and_the_next_start_knows),
        CASE(spool_half_written_pictures_are_swept),
        CASE(spool_files_of_others_are_left_alone),
        CASE(spool_records_of_another_make_are_swept_not_trusted),
        CASE(spool_dropped_pictures_leave_nothing),
        CASE(spool_failing_writes_leave_nothing_or_all),
        CASE(spool_failing_scans_are_reported),
        CASE(spool_taken_pictures_go_after_an_hour_and_others_after_a_week),
        CASE(spool_too_many_bytes_drop_stored_pictures_first_then_the_oldest),
        CASE(improve_i30_too_many_bytes_drop_fetched_pictures_first),
        CASE(spool_running_and_held_jobs_are_never_dropped),
        CASE(pipeline_is_free_as_soon_as_its_task_is_over),
        CASE(spool_too_many_jobs_drop_those_without_a_picture_first),
        CASE(spool_expired_jobs_are_looked_for_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
