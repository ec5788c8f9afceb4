/* `ideogram4-gateway check`: what it finds, what it mends, and what it leaves alone. */
#include "gateway_rig.h"

#include "gateway/check/check.h"
#include "gateway/check/checkup.h"
#include "gateway/db/check.h"
#include "gateway/tasks/tasks.h"
#include "image/image.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>

#define ID "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

/* --- the library to look at --------------------------------------------------------------------
 */

static void begin(rig *r, const char *test) {
    rig_settings(r, test);
    snprintf(r->settings.spool_dir, sizeof r->settings.spool_dir, "%s",
             folder_at(&r->folder, "spool"));
    i4_db *db = i4_db_open(r->settings.db_path, r->settings.output_dir, NULL);
    assert_non_null(db);
    i4_db_close(db);
}

static void sql(const rig *r, const char *text) {
    sqlite3 *handle;
    char *problem = NULL;
    assert_int_equal(sqlite3_open(r->settings.db_path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, text, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", text, problem);
    }
    sqlite3_close(handle);
}

static int take_number(void *user, int count, char **values, char **names) {
    (void)names;
    *(int *)user = count > 0 && values[0] ? (int)strtol(values[0], NULL, 10) : -1;
    return 0;
}

static int number(const rig *r, const char *text) {
    sqlite3 *handle;
    int value = -1;
    assert_int_equal(sqlite3_open(r->settings.db_path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, text, take_number, &value, NULL), SQLITE_OK);
    sqlite3_close(handle);
    return value;
}

/* A small picture; recipe NULL: none inside. */
static void picture(const rig *r, const char *name, i4_image_format format, const char *recipe) {
    i4_image image;
    uint8_t *bytes;
    size_t size;
    const i4_pair pair = {"ideogram4", recipe};
    assert_true(i4_image_new(&image, 16, 16, NULL));
    memset(image.rgb, 200, (size_t)16 * 16 * 3);
    assert_true(i4_image_encode(&image, format, 90, &pair, recipe ? 1 : 0, &bytes, &size, NULL));
    assert_true(i4_file_write(folder_at(&r->folder, name), bytes, size, NULL));
    i4_free(bytes);
    i4_image_free(&image);
}

static const char recipe[] = "{\"caption\":\"{\\\"high_level_description\\\":\\\"a find\\\"}\","
                             "\"preset\":\"V4_TURBO_12\",\"seed\":99}";

#define ROW(file) \
    "INSERT INTO images(hld,width,height,preset,seed,file_path)VALUES('x',16,16,'p',1,'" file "')"

/* --- reports -----------------------------------------------------------------------------------
 */

static json_t *check(const rig *r, bool dry_run) {
    i4_err err = {0};
    json_t *report = i4_gateway_check(&r->settings, dry_run, &err);
    if (!report) {
        fail_msg("check: %s", err.text);
    }
    return report;
}

static const json_t *find(const json_t *report, const char *code) {
    const json_t *findings = json_object_get(report, "findings");
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *f = json_array_get(findings, i);
        if (strcmp(json_string_value(json_object_get(f, "code")), code) == 0) {
            return f;
        }
    }
    return NULL;
}

/* One finding, or "" for none: "todo 2" */
static void expect(const json_t *report, const char *code, const char *expected) {
    char got[64] = "";
    const json_t *f = find(report, code);
    if (f) {
        snprintf(got, sizeof got, "%s %d", json_string_value(json_object_get(f, "state")),
                 (int)json_integer_value(json_object_get(f, "count")));
    }
    if (strcmp(got, expected) != 0) {
        char *text = json_dumps(report, JSON_INDENT(1));
        fail_msg("%s is '%s', not '%s': %s", code, got, expected, text);
    }
}

static void expect_ok(const json_t *report, bool ok) {
    if (json_is_true(json_object_get(report, "ok")) != ok) {
        char *text = json_dumps(report, JSON_INDENT(1));
        fail_msg("ok is not %d: %s", ok, text);
    }
}

static const char *text_of(const json_t *report, const char *code) {
    return json_string_value(json_object_get(find(report, code), "text"));
}

/* Checks thrice: looking only says so and changes nothing, then it is mended, then it is gone. */
static void expect_mending(const rig *r, const char *code, int count) {
    char todo[32], mended[32];
    snprintf(todo, sizeof todo, "todo %d", count);
    snprintf(mended, sizeof mended, "mended %d", count);
    for (int i = 0; i < 2; i++) {
        json_t *dry = check(r, true);
        expect(dry, code, todo);
        expect_ok(dry, false);
        assert_non_null(strstr(text_of(dry, code), "--dry-run"));
        assert_int_equal(json_integer_value(json_object_get(dry, "mended")), 0);
        json_decref(dry);
    }
    json_t *real = check(r, false);
    expect(real, code, mended);
    expect_ok(real, true);
    assert_int_equal(json_integer_value(json_object_get(real, "mended")), 1);
    assert_true(json_is_null(json_object_get(real, "only_looked")));
    json_decref(real);
    json_t *after = check(r, false);
    expect(after, code, "");
    expect_ok(after, true);
    json_decref(after);
}

/* --- the database ------------------------------------------------------------------------------
 */

static void nothing_there_is_nothing_wrong(void **state) {
    rig r;
    (void)state;
    rig_settings(&r, "check_none");
    json_t *report = check(&r, false);
    expect(report, "none", "note 0");
    expect_ok(report, true);
    json_decref(report);
    assert_int_equal(i4_path_look(r.settings.db_path), I4_PATH_NONE);
    rig_end(&r);
}

static void whole_library_is_ok(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_whole");
    picture(&r, "output/" ID ".png", I4_PNG, recipe);
    sql(&r, ROW(ID ".png"));
    json_decref(check(&r, false)); /* search learns of the row */
    json_t *report = check(&r, false);
    expect_ok(report, true);
    expect(report, "layout", "ok 3");
    expect(report, "file_missing", "ok 1");
    assert_int_equal(json_integer_value(json_object_get(report, "mended")), 0);
    json_decref(report);
    rig_end(&r);
}

/* Nothing of it is touched, and the report names the copy that is whole. */
static void damaged_database_is_left_alone(void **state) {
    rig r;
    char *before, *after, garbage[4096];
    size_t size, size_after;
    (void)state;
    begin(&r, "check_damage");
    sql(&r, "CREATE TABLE filler(x);INSERT INTO filler "
            "WITH RECURSIVE c(n)AS(SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<2000)"
            "SELECT hex(randomblob(20))FROM c;PRAGMA journal_mode=DELETE");
    assert_true(i4_file_read(r.settings.db_path, 64 << 20, &before, &size, NULL));
    assert_true(i4_file_write(folder_at(&r.folder, "test.db.before-2"), before, size, NULL));
    assert_true(i4_file_write(folder_at(&r.folder, "test.db.before-3"), "no database", 11, NULL));
    memset(garbage, 'x', sizeof garbage);
    memcpy(before + size / 4096 * 4096 - 8 * 4096, garbage, sizeof garbage);
    memcpy(before + size / 4096 * 4096 - 20 * 4096, garbage, sizeof garbage);
    assert_true(i4_file_write(r.settings.db_path, before, size, NULL));
    json_t *report = check(&r, false);
    expect_ok(report, false);
    assert_non_null(find(report, "damaged"));
    assert_non_null(strstr(text_of(report, "damaged"), "test.db.before-2"));
    json_decref(report);
    assert_true(i4_file_read(r.settings.db_path, 64 << 20, &after, &size_after, NULL));
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    i4_free(before);
    i4_free(after);
    rig_end(&r);
}

static void other_files_and_layouts_are_left_alone(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_layout");
    sql(&r, "PRAGMA user_version=2");
    json_t *report = check(&r, false);
    expect(report, "layout", "todo 2");
    json_decref(report);
    assert_int_equal(number(&r, "PRAGMA user_version"), 2);
    sql(&r, "PRAGMA user_version=99");
    report = check(&r, false);
    expect(report, "layout", "todo 99");
    json_decref(report);
    assert_true(i4_file_write(r.settings.db_path, "not a database at all", 21, NULL));
    report = check(&r, false);
    expect(report, "damaged", "todo 1");
    json_decref(report);
    rig_end(&r);
}

static void rows_that_lead_nowhere_are_removed(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_rows");
    sql(&r, "INSERT INTO favorites(image_id)VALUES(77),(78)");
    expect_mending(&r, "favorites", 2);
    assert_int_equal(number(&r, "SELECT count(*)FROM favorites"), 0);
    sql(&r, "INSERT INTO tags(name,key)VALUES('a','a');INSERT INTO image_tags VALUES(1,77)");
    expect_mending(&r, "tags", 1);
    assert_int_equal(number(&r, "SELECT sum(uses)FROM tag_counts"), 0);
    rig_end(&r);
}

static void search_is_brought_up_to_date(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_search");
    picture(&r, "output/a.png", I4_PNG, NULL);
    sql(&r, ROW("a.png"));
    expect_mending(&r, "search_missing", 1);
    sql(&r, "DELETE FROM image_words"); /* the mark stays */
    expect_mending(&r, "search_missing", 1);
    assert_int_equal(number(&r, "SELECT count(*)FROM image_words"), 1);
    sql(&r, "INSERT INTO image_words(rowid,words)VALUES(50,'lost')");
    expect_mending(&r, "search_surplus", 1);
    rig_end(&r);
}

static void rows_of_people_are_only_counted(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_counts");
    picture(&r, "output/a.png", I4_PNG, NULL);
    picture(&r, "output/b.png", I4_PNG, NULL);
    sql(&r, ROW("a.png") ";UPDATE images SET prompt_id=12;"
                         "INSERT INTO jobs(batch,origin,state,place,created_at,finished_at,caption,"
                         "form_json,width,height,preset,seed,format,image_id)"
                         "VALUES('1','queue','pending',1,'','','c','{}',1,1,'p',1,'png',NULL),"
                         "('2','queue','pending',1,'',NULL,'c','{}',1,1,'p',1,'png',NULL),"
                         "('3','queue','running',1,'',NULL,'c','{}',1,1,'p',1,'png',NULL),"
                         "('4','queue','done',1,'','x','c','{}',1,1,'p',1,'png',55);"
                         "INSERT INTO trash_actions VALUES(1,'2001-01-01 00:00:00');"
                         "INSERT INTO trash(trash_id,kind,row_id,file_path,content)"
                         "VALUES(1,'image',9,'b.png','{}')");
    for (int i = 0; i < 2; i++) {
        json_t *report = check(&r, false);
        expect(report, "dangling", "note 1");
        expect(report, "jobs_pending", "note 2");
        expect(report, "jobs_running", "note 1");
        expect(report, "jobs_without_picture", "note 1");
        expect(report, "jobs_odd", "todo 1"); /* it waits, and has an end */
        expect(report, "trash", "note 1");
        expect(report, "file_missing", "ok 2"); /* what is in the trash has its file too */
        json_decref(report);
    }
    rig_end(&r);
}

/* --- pictures ----------------------------------------------------------------------------------
 */

static void missing_files_are_reported(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_missing");
    folder_write(&r.folder, "output/empty.png", "");
    sql(&r, ROW("gone.png") ";" ROW("empty.png"));
    json_t *report = check(&r, false);
    expect(report, "file_missing", "todo 2");
    json_decref(report);
    assert_int_equal(number(&r, "SELECT count(*)FROM images"), 2);
    rig_end(&r);
}

static void pictures_of_ours_get_their_rows(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_found");
    picture(&r, "output/" ID ".webp", I4_WEBP, recipe);
    expect_mending(&r, "row_missing", 1);
    assert_int_equal(number(&r, "SELECT count(*)FROM images WHERE file_path='" ID ".webp' AND "
                                "hld='a find' AND seed=99 AND preset='V4_TURBO_12' AND width=16"),
                     1);
    rig_end(&r);
}

static void other_pictures_are_left_alone(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_foreign");
    picture(&r, "output/holiday.png", I4_PNG, NULL);
    picture(&r, "output/" ID ".png", I4_PNG, NULL);      /* no recipe */
    picture(&r, "output/named.png", I4_PNG, recipe);     /* not a name of ours */
    picture(&r, "output/" OTHER ".png", I4_PNG, recipe); /* of a task that has not ended */
    folder_write(&r.folder, "output/notes.txt", "mine");
    sql(&r, "INSERT INTO tasks(created_at,task_id)VALUES('','" OTHER "')");
    json_t *report = check(&r, false);
    expect(report, "file_foreign", "note 3");
    expect(report, "row_coming", "note 1");
    expect(report, "row_missing", "");
    expect_ok(report, true);
    json_decref(report);
    assert_int_equal(number(&r, "SELECT count(*)FROM images"), 0);
    assert_int_equal(i4_path_look(folder_at(&r.folder, "output/notes.txt")), I4_PATH_FILE);
    rig_end(&r);
}

static void broken_pictures_of_ours_are_reported(void **state) {
    rig r;
    char *bytes;
    size_t size;
    (void)state;
    begin(&r, "check_broken");
    picture(&r, "output/" ID ".png", I4_PNG, recipe);
    assert_true(
        i4_file_read(folder_at(&r.folder, "output/" ID ".png"), 1 << 20, &bytes, &size, NULL));
    char *pixels = NULL; /* the chunk after the recipe loses its meaning */
    for (size_t i = 0; i + 4 < size && !pixels; i++) {
        pixels = memcmp(bytes + i, "IDAT", 4) == 0 ? bytes + i : NULL;
    }
    assert_non_null(pixels);
    memset(pixels + 4, 0xff, 12);
    assert_true(i4_file_write(folder_at(&r.folder, "output/" ID ".png"), bytes, size, NULL));
    i4_free(bytes);
    json_t *report = check(&r, false);
    expect(report, "file_broken", "todo 1");
    json_decref(report);
    assert_int_equal(i4_path_look(folder_at(&r.folder, "output/" ID ".png")), I4_PATH_FILE);
    rig_end(&r);
}

static void remains_are_removed(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_remains");
    folder_write(&r.folder, "output/.ideogram4-0123456789abcdef.tmp", "half");
    assert_true(i4_sweep_is_leftover(".ideogram4-0123456789abcdef.tmp"));
    assert_false(i4_sweep_is_leftover("a.png"));
    expect_mending(&r, "leftover", 1);
    picture(&r, "output/" ID ".png", I4_PNG, recipe);
    sql(&r, "INSERT INTO removals VALUES('" ID ".png')");
    expect_mending(&r, "removal", 1);
    assert_int_equal(i4_path_look(folder_at(&r.folder, "output/" ID ".png")), I4_PATH_NONE);
    folder_sub(&r.folder, "thumbs/160");
    folder_sub(&r.folder, "thumbs/320");
    picture(&r, "output/a.png", I4_PNG, NULL);
    sql(&r, ROW("a.png"));
    json_decref(check(&r, false));
    folder_write(&r.folder, "thumbs/160/a.png.webp", "t");
    folder_write(&r.folder, "thumbs/160/gone.png.webp", "t");
    folder_write(&r.folder, "thumbs/320/gone.png.webp", "t");
    expect_mending(&r, "leftover", 2);
    assert_int_equal(i4_path_look(folder_at(&r.folder, "thumbs/160/a.png.webp")), I4_PATH_FILE);
    rig_end(&r);
}

/* --- the spool ---------------------------------------------------------------------------------
 */

static void fill_spool(const rig *r) {
    folder_sub(&r->folder, "spool");
    folder_write(&r->folder, "spool/lock", "");
    picture(r, "spool/" ID ".png", I4_PNG, recipe); /* finished, waits */
    folder_write(&r->folder, "spool/" ID ".json", "{}");
    picture(r, "spool/11111111111111111111111111111111.png", I4_PNG, recipe); /* stored */
    folder_write(&r->folder, "spool/11111111111111111111111111111111.taken", "{}");
    folder_write(&r->folder, "spool/" OTHER ".json", "{}");                      /* no picture */
    folder_write(&r->folder, "spool/22222222222222222222222222222222.png", "h"); /* half */
    picture(r, "spool/33333333333333333333333333333333.png", I4_PNG, recipe);    /* no record */
    folder_write(&r->folder, "spool/44444444444444444444444444444444.png", "h"); /* broken */
    folder_write(&r->folder, "spool/44444444444444444444444444444444.json", "{}");
    folder_write(&r->folder, "spool/mine.txt", "mine");
}

static void spool_is_mended_without_loss(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_spool");
    fill_spool(&r);
    json_t *report = check(&r, true);
    expect(report, "leftover", "note 1");
    json_decref(report);
    report = check(&r, false);
    expect(report, "waiting", "note 1");
    expect(report, "stored", "mended 2");
    expect(report, "picture_missing", "mended 1");
    expect(report, "leftover", "mended 1");
    expect(report, "record_missing", "todo 1");
    expect(report, "picture_broken", "todo 1");
    json_decref(report);
    char **names;
    size_t count;
    assert_true(i4_dir_list(folder_at(&r.folder, "spool"), 100, &names, &count, NULL));
    assert_int_equal(count, 7); /* lock, two pairs, the picture without record, mine.txt */
    i4_dir_list_free(names, count);
    rig_end(&r);
}

/* --- beside running programs -------------------------------------------------------------------
 */

/* A process that holds a lock until the pipe closes. */
static pid_t hold(const rig *r, bool spool, int *pipe_end) {
    int to[2], from[2];
    char byte = 0;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = -1;
        const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        close(to[1]);
        if (spool) {
            fd = open(folder_at(&r->folder, "spool/lock"), O_RDWR);
            (void)fcntl(fd, F_SETLK, &whole);
        } else {
            (void)i4_instance_lock(r->settings.db_path, &fd, NULL);
        }
        (void)!write(from[1], &byte, 1);
        (void)!read(to[0], &byte, 1);
        _exit(0);
    }
    close(to[0]);
    close(from[1]);
    assert_int_equal(read(from[0], &byte, 1), 1);
    close(from[0]);
    *pipe_end = to[1];
    return pid;
}

static void let_go(pid_t pid, int pipe_end) {
    close(pipe_end);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void beside_a_running_gateway_it_only_looks(void **state) {
    rig r;
    int pipe_end;
    (void)state;
    begin(&r, "check_running");
    sql(&r, "INSERT INTO favorites(image_id)VALUES(77)");
    folder_write(&r.folder, "output/.ideogram4-0123456789abcdef.tmp", "half");
    const pid_t pid = hold(&r, false, &pipe_end);
    json_t *report = check(&r, false);
    assert_non_null(strstr(json_string_value(json_object_get(report, "only_looked")), "running"));
    expect(report, "favorites", "todo 1");
    assert_non_null(strstr(text_of(report, "favorites"), "stop the gateway"));
    expect(report, "leftover", "note 1");
    json_decref(report);
    let_go(pid, pipe_end);
    assert_int_equal(number(&r, "SELECT count(*)FROM favorites"), 1);
    assert_int_equal(i4_path_look(folder_at(&r.folder, "output/.ideogram4-0123456789abcdef.tmp")),
                     I4_PATH_FILE);
    rig_end(&r);
}

static void beside_a_running_daemon_its_spool_is_not_touched(void **state) {
    rig r;
    int pipe_end;
    (void)state;
    begin(&r, "check_held");
    fill_spool(&r);
    const pid_t pid = hold(&r, true, &pipe_end);
    json_t *report = check(&r, false);
    expect(report, "held", "note 0");
    expect(report, "stored", "");
    expect_ok(report, true);
    json_decref(report);
    let_go(pid, pipe_end);
    rig_end(&r);
}

/* --- folders -----------------------------------------------------------------------------------
 */

static void folders_that_are_none_are_reported(void **state) {
    rig r;
    (void)state;
    begin(&r, "check_folders");
    folder_write(&r.folder, "file", "x");
    snprintf(r.settings.log_dir, sizeof r.settings.log_dir, "%s",
             folder_at(&r.folder, "file/logs"));
    json_t *report = check(&r, false);
    expect(report, "rights", "todo 1");
    assert_non_null(strstr(text_of(report, "rights"), "IDEOGRAM4_LOG_DIR"));
    expect_ok(report, false);
    json_decref(report);
    rig_end(&r);
}

/* --- the parts ---------------------------------------------------------------------------------
 */

static void looks_answer_questions(void **state) {
    rig r;
    int64_t layout, known, count = -1;
    json_t *names, *problems;
    (void)state;
    begin(&r, "check_look");
    assert_null(i4_db_look_open("no such file", "output", NULL));
    sql(&r, ROW("a.png") ";INSERT INTO removals VALUES('b.png');"
                         "INSERT INTO tasks(created_at,task_id)VALUES('','" ID "');"
                         "INSERT INTO favorites(image_id)VALUES(9)");
    i4_db_look *look = i4_db_look_open(r.settings.db_path, r.settings.output_dir, NULL);
    assert_non_null(look);
    assert_true(i4_db_look_damage(look, &problems, NULL));
    assert_int_equal(json_array_size(problems), 0);
    json_decref(problems);
    assert_true(i4_db_look_layout(look, &layout, &known, NULL));
    assert_int_equal(layout, known);
    for (int i = 0; i < I4_DB_QUESTIONS; i++) {
        assert_true(i4_db_look_count(look, (i4_db_question)i, 30, &count, NULL));
    }
    assert_true(i4_db_look_files(look, &names, NULL));
    assert_int_equal(json_integer_value(json_object_get(names, "a.png")), 1);
    json_decref(names);
    assert_true(i4_db_look_removals(look, &names, NULL));
    assert_non_null(json_object_get(names, "b.png"));
    json_decref(names);
    assert_true(i4_db_look_tasks(look, &names, NULL));
    assert_non_null(json_object_get(names, ID));
    json_decref(names);
    i4_db *db = i4_db_open(r.settings.db_path, r.settings.output_dir, NULL);
    assert_true(i4_db_mend(db, I4_DB_FAVORITES_LOST, NULL));
    assert_true(i4_db_look_count(look, I4_DB_FAVORITES_LOST, 0, &count, NULL));
    assert_int_equal(count, 0);
    i4_db_look_close(look);
    i4_db_close(db);
    rig_end(&r);
}

static void reports_keep_some_names(void **state) {
    static i4_settings settings; /* large */
    i4_checkup c = {.settings = &settings, .findings = json_array()};
    json_t *names = json_array();
    char path[16];
    const i4_err err = {.text = "a sentence"};
    (void)state;
    for (int i = 0; i < 20; i++) {
        i4_checkup_name(&c, names, i % 2 ? "fine" : "bad \xff");
    }
    const i4_finding f = {.area = "a", .code = "c", .count = 20, .names = names};
    i4_checkup_say(&c, I4_FINDING_NOTE, f, "%d", 20);
    i4_checkup_say_mended(&c, f, true, "things", "removed");
    i4_checkup_say_mended(&c, (i4_finding){.area = "a", .code = "c"}, true, "none", "removed");
    i4_checkup_say_error(&c, "a", "c", &err);
    assert_int_equal(json_array_size(c.findings), 3);
    assert_int_equal(c.mended, 1);
    assert_int_equal(c.left, 1);
    assert_true(json_array_size(json_object_get(json_array_get(c.findings, 0), "names")) < 10);
    assert_true(i4_checkup_path("a", "b", path, sizeof path));
    assert_string_equal(path, "a/b");
    assert_false(i4_checkup_path("a", "longer than the room", path, sizeof path));
    assert_string_equal(i4_checkup_suffix(ID ".png"), "png");
    assert_null(i4_checkup_suffix("holiday.png"));
    json_decref(names);
    json_decref(c.findings);
}

/* Each area alone says nothing where there is nothing. */
static void areas_need_no_database(void **state) {
    rig r;
    (void)state;
    rig_settings(&r, "check_areas");
    i4_checkup c = {.settings = &r.settings, .findings = json_array()};
    i4_check_folders(&c);
    i4_check_database(&c);
    i4_check_rows(&c);
    i4_check_remains(&c);
    i4_check_pictures(&c);
    i4_check_spool(&c);
    assert_int_equal(c.left + c.mended, 0);
    assert_null(c.look);
    json_decref(c.findings);
    rig_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_there_is_nothing_wrong),
        cmocka_unit_test(whole_library_is_ok),
        cmocka_unit_test(damaged_database_is_left_alone),
        cmocka_unit_test(other_files_and_layouts_are_left_alone),
        cmocka_unit_test(rows_that_lead_nowhere_are_removed),
        cmocka_unit_test(search_is_brought_up_to_date),
        cmocka_unit_test(rows_of_people_are_only_counted),
        cmocka_unit_test(missing_files_are_reported),
        cmocka_unit_test(pictures_of_ours_get_their_rows),
        cmocka_unit_test(other_pictures_are_left_alone),
        cmocka_unit_test(broken_pictures_of_ours_are_reported),
        cmocka_unit_test(remains_are_removed),
        cmocka_unit_test(spool_is_mended_without_loss),
        cmocka_unit_test(beside_a_running_gateway_it_only_looks),
        cmocka_unit_test(beside_a_running_daemon_its_spool_is_not_touched),
        cmocka_unit_test(folders_that_are_none_are_reported),
        cmocka_unit_test(looks_answer_questions),
        cmocka_unit_test(reports_keep_some_names),
        cmocka_unit_test(areas_need_no_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
