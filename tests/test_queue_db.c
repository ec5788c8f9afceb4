/* The queue's table without HTTP: order, moving, idempotence, what may follow what, the end with a
 * picture, and that nothing scans. */
#include "folder.h"

#include "gateway/db/private.h"
#include "gateway/db/queue.h"

typedef struct world {
    folder root;
    char path[1024], out[1024];
    i4_db *db;
} world;

static void begin(world *w) {
    i4_err err = {0};
    folder_make(&w->root, "queue_db");
    snprintf(w->path, sizeof w->path, "%s", folder_at(&w->root, "test.db"));
    snprintf(w->out, sizeof w->out, "%s", folder_at(&w->root, "out"));
    w->db = i4_db_open(w->path, w->out, &err);
    if (!w->db) {
        fail_msg("%s", err.text);
    }
}

static void end(world *w) {
    i4_db_close(w->db);
    folder_remove(&w->root);
}

static const i4_db_job plain = {
    .batch = "b",
    .origin = "queue",
    .caption = "{\"high_level_description\":\"A mug\"}",
    .hld = "A mug",
    .form_json = "{\"hld\":\"A mug\"}",
    .preset = "V4_TURBO_12",
    .format = "png",
    .begins_item = true,
    .width = 512,
    .height = 256,
    .seed = 7,
    .prompt_id = -1,
    .retry_of = -1,
};

static int64_t id_at(const json_t *ids, size_t i) {
    return json_integer_value(json_array_get(ids, i));
}

/* Adds one, gives its id. */
static int64_t add_as(world *w, i4_db_job job, bool next) {
    json_t *ids;
    int64_t pending;
    assert_int_equal(i4_db_add_jobs(w->db, &job, 1, next, 200, &ids, &pending, NULL), I4_DB_OK);
    const int64_t id = id_at(ids, 0);
    json_decref(ids);
    return id;
}

static int64_t add(world *w, bool next) {
    return add_as(w, plain, next);
}

static json_t *row(world *w, int64_t id) {
    json_t *value;
    assert_int_equal(i4_db_job_row(w->db, id, &value, NULL), I4_DB_OK);
    return value;
}

static const char *text(world *w, int64_t id, const char *key) {
    static char turns[4][256];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    json_t *value = row(w, id);
    const char *found = json_string_value(json_object_get(value, key));
    snprintf(out, 256, "%s", found ? found : "-");
    json_decref(value);
    return out;
}

static int64_t number(world *w, int64_t id, const char *key) {
    json_t *value = row(w, id);
    const json_t *found = json_object_get(value, key);
    const int64_t result = json_is_integer(found) ? json_integer_value(found) : -1;
    json_decref(value);
    return result;
}

/* Ids of the pending ones in order, as text. */
static const char *order(world *w) {
    static char out[4096];
    json_t *running, *pending;
    size_t used = 0;
    out[0] = '\0';
    assert_int_equal(i4_db_job_ids(w->db, &running, &pending, NULL), I4_DB_OK);
    for (size_t i = 0; i < json_array_size(pending); i++) {
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%lld", i > 0 ? " " : "",
                                 (long long)id_at(pending, i));
    }
    json_decref(running);
    json_decref(pending);
    return out;
}

static i4_db_result move(world *w, int64_t id, i4_db_place place, int64_t anchor) {
    bool is_anchor;
    return i4_db_change_job(w->db, id, NULL, place, anchor, &is_anchor, NULL);
}

/* --- order --------------------------------------------------------------------------------- */

static void queue_db_keeps_the_order_and_moves(void **state) {
    (void)state;
    world w;
    bool is_anchor;
    begin(&w);
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(add(&w, false), i);
    }
    assert_string_equal(order(&w), "1 2 3 4");
    assert_int_equal(add(&w, true), 5);
    assert_string_equal(order(&w), "5 1 2 3 4");
    assert_int_equal(move(&w, 4, I4_PLACE_BEFORE, 2), I4_DB_OK);
    assert_string_equal(order(&w), "5 1 4 2 3");
    assert_int_equal(move(&w, 5, I4_PLACE_AFTER, 3), I4_DB_OK);
    assert_string_equal(order(&w), "1 4 2 3 5");
    assert_int_equal(move(&w, 3, I4_PLACE_NEXT, -1), I4_DB_OK);
    assert_string_equal(order(&w), "3 1 4 2 5");
    assert_int_equal(move(&w, 1, I4_PLACE_END, -1), I4_DB_OK);
    assert_string_equal(order(&w), "3 4 2 5 1");
    assert_int_equal(move(&w, 3, I4_PLACE_NEXT, -1), I4_DB_OK);
    assert_int_equal(move(&w, 3, I4_PLACE_BEFORE, 3), I4_DB_OK);
    assert_int_equal(move(&w, 1, I4_PLACE_AFTER, 5), I4_DB_OK);
    assert_int_equal(move(&w, 2, I4_PLACE_KEEP, -1), I4_DB_OK);
    assert_string_equal(order(&w), "3 4 2 5 1");
    assert_int_equal(number(&w, 2, "position"), 2);
    assert_int_equal(move(&w, 99, I4_PLACE_END, -1), I4_DB_NONE);
    assert_int_equal(i4_db_change_job(w.db, 2, NULL, I4_PLACE_AFTER, 99, &is_anchor, NULL),
                     I4_DB_NONE);
    assert_true(is_anchor);
    end(&w);
}

/* Between the same two neighbours until there is no room, and further; a cancelled one in between
 * comes back to where it was. */
static void queue_db_never_runs_out_of_room(void **state) {
    (void)state;
    world w;
    json_t *rest, *restored;
    int64_t pending;
    begin(&w);
    for (int i = 1; i <= 4; i++) {
        add(&w, false);
    }
    json_t *gone = NULL;
    assert_int_equal(i4_db_drop_job(w.db, 3, &gone, NULL), I4_DB_OK);
    json_decref(gone);
    for (int i = 0; i < 60; i++) { /* 1 and 4 take turns right behind 2 */
        const int64_t moved = i % 2 == 0 ? 4 : 1;
        assert_int_equal(move(&w, moved, I4_PLACE_AFTER, 2), I4_DB_OK);
        assert_string_equal(order(&w), moved == 4 ? (i == 0 ? "1 2 4" : "2 4 1") : "2 1 4");
    }
    rest = json_pack("[i]", 3);
    assert_int_equal(i4_db_restore_jobs(w.db, rest, 200, &restored, &pending, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(restored), 1);
    assert_string_equal(order(&w), "2 1 4 3");
    json_decref(restored);
    json_decref(rest);
    end(&w);
}

/* --- adding -------------------------------------------------------------------------------- */

static void queue_db_adding_is_idempotent_and_all_or_none(void **state) {
    (void)state;
    world w;
    json_t *ids, *again;
    int64_t pending;
    i4_db_job jobs[3] = {plain, plain, plain};
    begin(&w);
    jobs[0].client_id = jobs[1].client_id = "known";
    jobs[1].begins_item = false;
    assert_int_equal(i4_db_add_jobs(w.db, jobs, 3, false, 3, &ids, &pending, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(ids), 3);
    assert_int_equal(pending, 0);
    assert_int_equal(i4_db_add_jobs(w.db, jobs, 2, false, 3, &again, &pending, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(again), 2);
    assert_int_equal(id_at(again, 0), id_at(ids, 0));
    assert_int_equal(id_at(again, 1), id_at(ids, 1));
    json_decref(ids);
    json_decref(again);
    assert_int_equal(i4_db_add_jobs(w.db, jobs, 3, false, 3, &ids, &pending, NULL), I4_DB_NONE);
    assert_null(ids);
    assert_int_equal(pending, 3);
    assert_string_equal(order(&w), "1 2 3");
    end(&w);
}

static void queue_db_content_changes_only_while_pending(void **state) {
    (void)state;
    world w;
    bool is_anchor;
    json_t *content;
    i4_db_job other = plain;
    begin(&w);
    const int64_t id = add(&w, false);
    other.caption = "a plain prompt";
    other.is_text = true;
    other.seed = 4294967295;
    other.loras_json = "[]";
    assert_int_equal(i4_db_change_job(w.db, id, &other, I4_PLACE_KEEP, -1, &is_anchor, NULL),
                     I4_DB_OK);
    assert_int_equal(number(&w, id, "seed"), 4294967295);
    assert_int_equal(i4_db_job_content(w.db, id, &content, NULL), I4_DB_OK);
    assert_string_equal(json_string_value(json_object_get(content, "caption")), "a plain prompt");
    json_decref(content);
    assert_int_equal(i4_db_begin_job(w.db, id, "t1", NULL), I4_DB_OK);
    assert_int_equal(i4_db_change_job(w.db, id, &plain, I4_PLACE_KEEP, -1, &is_anchor, NULL),
                     I4_DB_NONE);
    assert_false(is_anchor);
    end(&w);
}

/* --- running ------------------------------------------------------------------------------- */

static void queue_db_a_job_runs_goes_back_and_ends_once(void **state) {
    (void)state;
    world w;
    json_t *work;
    begin(&w);
    const int64_t id = add(&w, false);
    assert_int_equal(i4_db_work(w.db, true, &work, NULL), I4_DB_NONE);
    assert_int_equal(i4_db_begin_job(w.db, id, "t1", NULL), I4_DB_OK);
    assert_int_equal(i4_db_begin_job(w.db, id, "t2", NULL), I4_DB_NONE);
    assert_string_equal(text(&w, id, "task_id"), "t1");
    assert_int_equal(i4_db_put_job_back(w.db, id, NULL), I4_DB_OK);
    assert_string_equal(text(&w, id, "state"), "pending");
    assert_string_equal(text(&w, id, "task_id"), "-"); /* it never ran */
    assert_int_equal(i4_db_begin_job(w.db, id, "t2", NULL), I4_DB_OK);
    assert_string_equal(text(&w, id, "task_id"), "t1"); /* should the first arrive late */
    assert_int_equal(i4_db_reach_job(w.db, id, I4_JOB_ACCEPTED, "t1", NULL), I4_DB_OK);
    assert_int_equal(i4_db_send_job_again(w.db, id, true, NULL), I4_DB_OK);
    assert_int_equal(number(&w, id, "restarts"), 1);
    assert_int_equal(i4_db_work(w.db, true, &work, NULL), I4_DB_OK);
    assert_int_equal(json_integer_value(json_object_get(work, "accepted")), I4_JOB_NOT_SENT);
    json_decref(work);
    assert_int_equal(i4_db_put_job_back(w.db, id, NULL), I4_DB_OK);
    assert_string_equal(text(&w, id, "task_id"), "t1"); /* it did run */
    assert_int_equal(i4_db_begin_job(w.db, id, "t3", NULL), I4_DB_OK);
    assert_int_equal(i4_db_end_job(w.db, id, "it broke", NULL), I4_DB_OK);
    assert_string_equal(text(&w, id, "state"), "failed");
    assert_string_equal(text(&w, id, "error"), "it broke");
    assert_int_equal(i4_db_end_job(w.db, id, NULL, NULL), I4_DB_NONE);
    const i4_new_image image = {.task_id = "t1", .seconds = 1};
    assert_int_equal(i4_db_end_job_with(w.db, &image, 5, NULL), I4_DB_OK);
    assert_string_equal(text(&w, id, "state"), "failed");
    end(&w);
}

static void queue_db_dropping_by_state(void **state) {
    (void)state;
    world w;
    json_t *some;
    int64_t removed;
    begin(&w);
    const int64_t first = add(&w, false), second = add(&w, false), third = add(&w, false);
    i4_db_begin_job(w.db, first, "t", NULL);
    assert_int_equal(i4_db_drop_jobs(w.db, true, false, &some, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(some), 1);
    json_decref(some);
    assert_int_equal(number(&w, first, "cancelling"), 1);
    assert_string_equal(text(&w, first, "state"), "running");
    /* what is put back while it is to be cancelled ends */
    assert_int_equal(i4_db_put_job_back(w.db, first, NULL), I4_DB_OK);
    assert_string_equal(text(&w, first, "state"), "cancelled");
    assert_int_equal(i4_db_drop_jobs(w.db, true, true, &some, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(some), 2);
    json_decref(some);
    assert_string_equal(text(&w, second, "state"), "cancelled");
    assert_int_equal(i4_db_drop_job(w.db, third, &some, NULL), I4_DB_OK); /* no longer listed */
    assert_string_equal(json_string_value(json_object_get(some, "state")), "cancelled");
    json_decref(some);
    assert_int_equal(i4_db_drop_job(w.db, 99, &some, NULL), I4_DB_NONE);
    json_t *running, *pending, *finished;
    assert_int_equal(i4_db_job_lists(w.db, &running, &pending, &finished, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(finished), 2);
    json_decref(running);
    json_decref(pending);
    json_decref(finished);
    assert_int_equal(i4_db_hide_jobs(w.db, &removed, NULL), I4_DB_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(i4_db_prune_jobs(w.db, NULL), I4_DB_OK);
    assert_string_equal(text(&w, third, "state"), "cancelled");
    end(&w);
}

static void queue_db_restores_only_what_never_ran_and_fits(void **state) {
    (void)state;
    world w;
    json_t *ids, *restored, *gone;
    int64_t pending;
    begin(&w);
    const int64_t ran = add(&w, false), waited = add(&w, false), done = add(&w, false);
    i4_db_begin_job(w.db, ran, "t", NULL);
    i4_db_end_job(w.db, ran, NULL, NULL);
    i4_db_begin_job(w.db, done, "u", NULL);
    i4_db_end_job(w.db, done, "x", NULL);
    assert_int_equal(i4_db_drop_job(w.db, waited, &gone, NULL), I4_DB_OK);
    json_decref(gone);
    ids = json_pack("[I,I,I,i]", (json_int_t)ran, (json_int_t)waited, (json_int_t)done, 77);
    assert_int_equal(i4_db_restore_jobs(w.db, ids, 0, &restored, &pending, NULL), I4_DB_NONE);
    assert_string_equal(text(&w, waited, "state"), "cancelled");
    assert_int_equal(i4_db_restore_jobs(w.db, ids, 1, &restored, &pending, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(restored), 1);
    assert_int_equal(id_at(restored, 0), waited);
    json_decref(restored);
    json_decref(ids);
    end(&w);
}

static void queue_db_pause_outlives_the_connection(void **state) {
    (void)state;
    world w;
    bool paused;
    begin(&w);
    assert_int_equal(i4_db_paused(w.db, &paused, NULL), I4_DB_OK);
    assert_false(paused);
    assert_int_equal(i4_db_pause(w.db, true, NULL), I4_DB_OK);
    i4_db_close(w.db);
    w.db = i4_db_open(w.path, w.out, NULL);
    assert_int_equal(i4_db_paused(w.db, &paused, NULL), I4_DB_OK);
    assert_true(paused);
    end(&w);
}

/* --- the end with a picture ---------------------------------------------------------------- */

static int64_t store(world *w, const char *task, const char *flag) {
    char name[64];
    json_t *image;
    snprintf(name, sizeof name, "%s.png", task);
    const i4_new_image picture = {.hld = "",
                                  .width = 512,
                                  .height = 256,
                                  .seed = 7,
                                  .preset = "V4_TURBO_12",
                                  .file_path = name,
                                  .prompt_id = -1,
                                  .parent_image_id = -1,
                                  .flag = flag,
                                  .task_id = task,
                                  .seconds = 1.5};
    assert_int_equal(i4_db_add_image(w->db, &picture, &image, NULL), I4_DB_OK);
    const int64_t id = json_integer_value(json_object_get(image, "id"));
    json_decref(image);
    return id;
}

static int64_t prompt_of_image(world *w, int64_t image_id) {
    json_t *image;
    assert_int_equal(i4_db_image(w->db, image_id, &image, NULL), I4_DB_OK);
    const json_t *prompt = json_object_get(image, "prompt_id");
    const int64_t id = json_is_integer(prompt) ? json_integer_value(prompt) : -1;
    json_decref(image);
    return id;
}

static void queue_db_a_picture_ends_its_job_with_its_entry(void **state) {
    (void)state;
    world w;
    json_t *prompts;
    begin(&w);
    const int64_t a = add(&w, false), b = add(&w, false);
    i4_db_job alone = plain;
    alone.batch = "c";
    const int64_t c = add_as(&w, alone, false);
    i4_db_begin_job(w.db, a, "ta", NULL);
    const int64_t first = store(&w, "ta", NULL);
    assert_string_equal(text(&w, a, "state"), "done");
    assert_int_equal(number(&w, a, "image_id"), first);
    assert_int_equal(number(&w, a, "prompt_id"), number(&w, b, "prompt_id"));
    assert_int_equal(prompt_of_image(&w, first), number(&w, a, "prompt_id"));
    assert_int_equal(store(&w, "ta", NULL), first); /* again: the same row, nothing else */
    i4_db_begin_job(w.db, b, "tb", NULL);
    const int64_t second = store(&w, "tb", NULL);
    assert_int_equal(prompt_of_image(&w, second), prompt_of_image(&w, first));
    i4_db_begin_job(w.db, c, "tc", NULL);
    const int64_t third = store(&w, "tc", "blocked");
    assert_string_equal(text(&w, c, "flag"), "blocked");
    assert_true(prompt_of_image(&w, third) != prompt_of_image(&w, first));
    assert_int_equal(i4_db_prompts(w.db, -1, &prompts, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(prompts), 2);
    json_decref(prompts);
    json_t *image;
    assert_int_equal(i4_db_image(w.db, first, &image, NULL), I4_DB_OK);
    assert_string_equal(json_string_value(json_object_get(image, "hld")), "A mug");
    json_decref(image);
    end(&w);
}

static void queue_db_a_picture_joins_the_entry_it_was_asked_for(void **state) {
    (void)state;
    world w;
    int64_t prompt;
    json_t *entry, *files;
    begin(&w);
    assert_int_equal(i4_db_add_prompt(w.db, "old", "{\"old\":1}", &prompt, NULL), I4_DB_OK);
    i4_db_job job = plain;
    job.prompt_id = prompt;
    const int64_t sent = add_as(&w, job, false); /* its form replaces the entry's */
    job.batch = "made";
    job.is_form_made = true;
    const int64_t made = add_as(&w, job, false); /* a form made here does not */
    i4_db_begin_job(w.db, made, "tm", NULL);
    assert_int_equal(prompt_of_image(&w, store(&w, "tm", NULL)), prompt);
    assert_int_equal(i4_db_prompt(w.db, prompt, &entry, NULL), I4_DB_OK);
    assert_string_equal(json_string_value(json_object_get(entry, "form_json")), "{\"old\":1}");
    json_decref(entry);
    i4_db_begin_job(w.db, sent, "ts", NULL);
    assert_int_equal(prompt_of_image(&w, store(&w, "ts", NULL)), prompt);
    assert_int_equal(i4_db_prompt(w.db, prompt, &entry, NULL), I4_DB_OK);
    assert_string_equal(json_string_value(json_object_get(entry, "form_json")),
                        "{\"hld\":\"A mug\"}");
    json_decref(entry);
    /* an entry that is gone is made again */
    job.batch = "late";
    const int64_t late = add_as(&w, job, false);
    assert_int_equal(i4_db_delete_prompt(w.db, prompt, &files, NULL), I4_DB_OK);
    json_decref(files);
    i4_db_begin_job(w.db, late, "tl", NULL);
    assert_true(prompt_of_image(&w, store(&w, "tl", NULL)) > prompt);
    end(&w);
}

static void queue_db_until_picture_ends_the_rest(void **state) {
    (void)state;
    world w;
    json_t *ids;
    int64_t job[4];
    begin(&w);
    i4_db_job one = plain;
    one.until_picture = true;
    for (int i = 0; i < 4; i++) {
        job[i] = add_as(&w, one, false);
    }
    i4_db_begin_job(w.db, job[0], "t0", NULL);
    store(&w, "t0", "blocked");
    assert_string_equal(text(&w, job[1], "state"), "pending");
    i4_db_begin_job(w.db, job[1], "t1", NULL);
    store(&w, "t1", NULL);
    assert_string_equal(text(&w, job[1], "state"), "done");
    assert_string_equal(text(&w, job[2], "state"), "cancelled");
    assert_string_equal(text(&w, job[3], "state"), "cancelled");
    assert_int_equal(i4_db_batch_ids(w.db, "b", &ids, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(ids), 4);
    json_decref(ids);
    end(&w);
}

static void queue_db_direct_jobs_have_no_entry(void **state) {
    (void)state;
    world w;
    json_t *rows, *work, *prompts;
    begin(&w);
    i4_db_job job = plain;
    job.origin = "direct";
    job.task_id = "td";
    const int64_t id = add_as(&w, job, false);
    assert_string_equal(text(&w, id, "state"), "running");
    assert_int_equal(i4_db_direct_work(w.db, &rows, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(rows), 1);
    json_decref(rows);
    assert_int_equal(i4_db_work(w.db, false, &work, NULL), I4_DB_NONE);
    assert_int_equal(prompt_of_image(&w, store(&w, "td", NULL)), -1);
    assert_string_equal(text(&w, id, "state"), "done");
    assert_int_equal(i4_db_prompts(w.db, -1, &prompts, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(prompts), 0);
    json_decref(prompts);
    end(&w);
}

/* --- speed --------------------------------------------------------------------------------- */

/* No statement of the queue reads a whole table: SQLite says how it would run each. */
static void queue_db_nothing_scans(void **state) {
    (void)state;
    static const char *const statements[] = {
#define X(name, text) text,
        I4_SQL_QUEUE(X)
#undef X
    };
    world w;
    sqlite3 *handle;
    begin(&w);
    assert_int_equal(sqlite3_open(w.path, &handle), SQLITE_OK);
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        char explain[4096];
        sqlite3_stmt *stmt;
        snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", statements[i]);
        assert_int_equal(sqlite3_prepare_v2(handle, explain, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *plan = (const char *)sqlite3_column_text(stmt, 3);
            const bool scans = strncmp(plan, "SCAN", 4) == 0 && !strstr(plan, "jobs_finished") &&
                               !strstr(plan, "CONSTANT ROW");
            if (scans || strstr(plan, "TEMP B-TREE")) {
                fail_msg("%s: %s", statements[i], plan);
            }
        }
        sqlite3_finalize(stmt);
    }
    sqlite3_close(handle);
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_db_keeps_the_order_and_moves),
        cmocka_unit_test(queue_db_never_runs_out_of_room),
        cmocka_unit_test(queue_db_adding_is_idempotent_and_all_or_none),
        cmocka_unit_test(queue_db_content_changes_only_while_pending),
        cmocka_unit_test(queue_db_a_job_runs_goes_back_and_ends_once),
        cmocka_unit_test(queue_db_dropping_by_state),
        cmocka_unit_test(queue_db_restores_only_what_never_ran_and_fits),
        cmocka_unit_test(queue_db_pause_outlives_the_connection),
        cmocka_unit_test(queue_db_a_picture_ends_its_job_with_its_entry),
        cmocka_unit_test(queue_db_a_picture_joins_the_entry_it_was_asked_for),
        cmocka_unit_test(queue_db_until_picture_ends_the_rest),
        cmocka_unit_test(queue_db_direct_jobs_have_no_entry),
        cmocka_unit_test(queue_db_nothing_scans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
