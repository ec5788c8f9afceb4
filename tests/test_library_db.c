/* The library's database without HTTP: words and terms, filters and orders against a plain loop,
 * pages, tags, changes, what another program wrote, and the plans of all statements. */
#include "folder.h"
#include "library_rows.h"

#include "gateway/db/library.h"
#include "gateway/db/private.h"
#include "gateway/db/select.h"
#include "gateway/db/tags.h"
#include "gateway/db/trash.h"
#include "gateway/db/view.h"
#include "gateway/db/words.h"

#include <pthread.h>

enum { IMAGES = 300, PROMPTS = 40 };

typedef struct world {
    folder root;
    char path[1024], out[1024];
    i4_db *db;
} world;

/* --- the world ------------------------------------------------------------------------------- */

static sqlite3 *connect_to(const world *w) {
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(w->path, &handle), SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    return handle;
}

/* Through another connection, as another program would. */
static void sql(const world *w, const char *text) {
    sqlite3 *handle = connect_to(w);
    char *problem = NULL;
    if (sqlite3_exec(handle, text, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", text, problem);
    }
    sqlite3_close(handle);
}

static int64_t number(const world *w, const char *text) {
    sqlite3 *handle = connect_to(w);
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(handle, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return value;
}

static void open_db(world *w) {
    i4_err err = {0};
    w->db = i4_db_open(w->path, w->out, &err);
    if (!w->db) {
        fail_msg("%s", err.text);
    }
}

static void reopen(world *w) {
    i4_db_close(w->db);
    open_db(w);
}

static int set_up(void **state) {
    static world w;
    memset(&w, 0, sizeof w);
    folder_make(&w.root, "library_db");
    folder_sub(&w.root, "out");
    snprintf(w.path, sizeof w.path, "%s", folder_at(&w.root, "library.db"));
    snprintf(w.out, sizeof w.out, "%s", folder_at(&w.root, "out"));
    open_db(&w);
    *state = &w;
    return 0;
}

static int set_up_full(void **state) {
    set_up(state);
    world *w = *state;
    sqlite3 *handle = connect_to(w);
    assert_int_equal(rows_fill(handle, IMAGES, PROMPTS, 400), 0);
    sqlite3_close(handle);
    sql(w, "INSERT INTO favorites(image_id)SELECT id FROM images WHERE id%9=0;"
           "UPDATE images SET rating=id%6;"
           "UPDATE images SET flag='blocked' WHERE id%31=0;"
           "UPDATE images SET flag='real' WHERE id%37=0");
    reopen(w); /* another program wrote: noticed at the start */
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    i4_db_close(w->db);
    folder_remove(&w->root);
    return 0;
}

static int64_t add_titled(const world *w, const char *file, const char *hld) {
    const i4_new_image image = {.hld = hld,
                                .width = 64,
                                .height = 64,
                                .preset = "V4_TURBO_12",
                                .file_path = file,
                                .prompt_id = -1,
                                .parent_image_id = -1,
                                .seconds = -1};
    json_t *row;
    i4_err err = {0};
    if (i4_db_add_image(w->db, &image, &row, &err) != I4_DB_OK) {
        fail_msg("%s", err.text);
    }
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    json_decref(row);
    return id;
}

/* --- pages as text --------------------------------------------------------------------------- */

static i4_filter everything(void) {
    i4_filter f;
    i4_filter_init(&f);
    return f;
}

/* Ids of a whole list, read in pages of `limit`, as "3,2,1". */
static const char *ids_of(const world *w, const i4_filter *filter, i4_sort sort, int64_t limit) {
    static char text[1 << 16];
    i4_page page = {0};
    i4_place after;
    size_t used = 0, seen = 0;
    bool first = true;
    i4_err err = {0};
    text[0] = '\0';
    do {
        const i4_db_result result =
            i4_db_library(w->db, filter, sort, first ? NULL : &after, limit, &page, &err);
        if (result != I4_DB_OK) {
            fail_msg("%s", err.text);
        }
        for (size_t i = 0; i < json_array_size(page.items); i++, seen++) {
            const json_t *item = json_array_get(page.items, i);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", seen ? "," : "",
                                     (int)json_integer_value(json_object_get(item, "id")));
            assert_true(used < sizeof text);
        }
        assert_true(!page.has_next || (int64_t)json_array_size(page.items) == limit);
        after = page.next;
        first = false;
        json_decref(page.items);
    } while (page.has_next);
    assert_int_equal(seen, page.total);
    return text;
}

static const char *found(const world *w, const char *q) {
    i4_filter f = everything();
    f.q = q;
    return ids_of(w, &f, I4_SORT_OLDEST, 500);
}

/* The same from SQL: an independent reading of docs/api.md 3.3. */
static const char *ids_by_sql(const world *w, const char *where, const char *order) {
    static char text[1 << 16];
    char query[2048];
    sqlite3 *handle = connect_to(w);
    sqlite3_stmt *stmt;
    size_t used = 0;
    snprintf(query, sizeof query, "SELECT i.id FROM images i WHERE %s ORDER BY %s", where, order);
    if (sqlite3_prepare_v2(handle, query, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", query, sqlite3_errmsg(handle));
    }
    text[0] = '\0';
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", used ? "," : "",
                                 sqlite3_column_int(stmt, 0));
        assert_true(used < sizeof text);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return text;
}

/* --- filters and orders ---------------------------------------------------------------------- */

static const char *const orders[] = {"i.created_at DESC,i.id DESC", "i.created_at,i.id",
                                     "i.rating DESC,i.created_at DESC,i.id DESC",
                                     "i.width*i.height DESC,i.created_at DESC,i.id DESC"};

/* One of the ways to filter, by number; false: there is no such way. Appends its SQL. */
static bool choose(i4_filter *f, int which, int way, char *where, size_t size) {
    const char *text = NULL;
    if (way == 0) {
        return true;
    }
    switch (which * 10 + way) {
    case 1:
        f->fav = 1;
        text = "EXISTS(SELECT 1 FROM favorites f WHERE f.image_id=i.id)";
        break;
    case 2:
        f->fav = 0;
        text = "NOT EXISTS(SELECT 1 FROM favorites f WHERE f.image_id=i.id)";
        break;
    case 11:
        f->rating = 3;
        text = "i.rating>=3";
        break;
    case 21:
        f->preset = "V4_TURBO_12";
        text = "i.preset='V4_TURBO_12'";
        break;
    case 31:
        f->from = 1704067200 + 50 * 600;
        f->to = 1704067200 + 250 * 600;
        text = "unixepoch(i.created_at)BETWEEN 1704067200+50*600 AND 1704067200+250*600";
        break;
    case 41:
        f->ratio = I4_RATIO_SQUARE;
        text = "i.width=i.height";
        break;
    case 42:
        f->ratio = I4_RATIO_LANDSCAPE;
        text = "i.width>i.height";
        break;
    case 43:
        f->ratio = I4_RATIO_PORTRAIT;
        text = "i.width<i.height";
        break;
    case 44:
        f->ratio = I4_RATIO_SIDES;
        f->ratio_value = 16.0 / 9;
        text = "i.width=1280 AND i.height=720";
        break;
    case 51:
        f->lora = "night.safetensors";
        text = "i.lora_name='night.safetensors'";
        break;
    case 52:
        f->lora_none = true;
        text = "i.lora_name IS NULL";
        break;
    case 61:
        f->has_prompt = true;
        f->prompt_id = 7;
        text = "i.prompt_id=7";
        break;
    case 62:
        f->unlinked = true;
        text = "i.prompt_id IS NULL";
        break;
    case 71:
        f->q = "TABLES cafe";
        text = "i.id%2=1";
        break;
    case 81:
        f->tags[f->tag_count++] = "keeper";
        text = "i.id%4=0";
        break;
    case 82:
        f->tags[f->tag_count++] = "Keeper";
        f->tags[f->tag_count++] = "sea";
        text = "i.id%12=0";
        break;
    default:
        return false;
    }
    const size_t used = strlen(where);
    snprintf(where + used, size - used, " AND %s", text);
    return true;
}

static void tag_each(const world *w, int step, const char *name) {
    json_t *ids = json_array(), *names = json_pack("[s]", name), *changed;
    int64_t trash_id;
    for (int i = step; i <= IMAGES; i += step) {
        json_array_append_new(ids, json_integer(i));
    }
    const i4_change change = {.add_tags = names};
    assert_int_equal(i4_db_change_items(w->db, ids, NULL, &change, &changed, &trash_id, NULL),
                     I4_DB_OK);
    assert_int_equal(json_array_size(changed), IMAGES / step);
    assert_int_equal(trash_id, -1);
    json_decref(changed);
    json_decref(ids);
    json_decref(names);
}

/* Every pair of ways to filter, in every order, in pages of a size that no count divides. */
static void library_db_filters_and_orders_agree_with_a_plain_query(void **state) {
    world *w = *state;
    tag_each(w, 4, "keeper");
    tag_each(w, 3, "sea");
    int cases = 0;
    for (int a = 0; a < 9; a++) {
        for (int way_a = 0; way_a < 5; way_a++) {
            for (int b = a + 1; b < 9; b++) {
                for (int way_b = 0; way_b < 5; way_b++) {
                    i4_filter f = everything();
                    char where[1024] = "i.flag IS NOT'blocked'";
                    if (!choose(&f, a, way_a, where, sizeof where) ||
                        !choose(&f, b, way_b, where, sizeof where)) {
                        break;
                    }
                    const int order = cases++ % 4;
                    assert_string_equal(ids_of(w, &f, (i4_sort)order, 47),
                                        ids_by_sql(w, where, orders[order]));
                }
            }
        }
    }
    assert_true(cases > 150);
}

static void library_db_blocked_pictures_are_shown_when_asked_for(void **state) {
    world *w = *state;
    i4_filter f = everything();
    for (int order = 0; order < 4; order++) {
        f.shown = I4_SHOWN_BLOCKED;
        assert_string_equal(ids_of(w, &f, (i4_sort)order, 3),
                            ids_by_sql(w, "i.flag='blocked'", orders[order]));
        f.shown = I4_SHOWN_ALL;
        assert_string_equal(ids_of(w, &f, (i4_sort)order, 100), ids_by_sql(w, "1", orders[order]));
    }
}

static void library_db_pages_stay_whole_while_pictures_come_and_go(void **state) {
    world *w = *state;
    i4_filter f = everything();
    i4_page page;
    assert_int_equal(i4_db_library(w->db, &f, I4_SORT_NEWEST, NULL, 10, &page, NULL), I4_DB_OK);
    json_decref(page.items);
    const i4_place after = page.next;
    const int64_t total = page.total;
    add_titled(w, "new.png", "new");
    json_t *files;
    assert_int_equal(i4_db_delete_image(w->db, IMAGES, &files, NULL), I4_DB_OK);
    json_decref(files);
    assert_int_equal(i4_db_library(w->db, &f, I4_SORT_NEWEST, &after, 10, &page, NULL), I4_DB_OK);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(page.items, 0), "id")),
                     IMAGES - 10);
    assert_int_equal(page.total, total);
    json_decref(page.items);
}

static void library_db_timeline_counts_days_and_months(void **state) {
    world *w = *state;
    sql(w, "UPDATE images SET created_at='2024-02-29 23:59:59' WHERE id<=3;"
           "UPDATE images SET created_at='1969-12-31 00:00:00' WHERE id=4;"
           "UPDATE images SET created_at='no time' WHERE id=5");
    i4_filter f = everything();
    f.shown = I4_SHOWN_ALL;
    json_t *buckets;
    int64_t total;
    assert_int_equal(i4_db_timeline(w->db, &f, true, &buckets, &total, NULL), I4_DB_OK);
    char *text = json_dumps(buckets, JSON_COMPACT);
    assert_string_equal(text, "[{\"date\":\"2024-02\",\"count\":3},"
                              "{\"date\":\"2024-01\",\"count\":295},"
                              "{\"date\":\"1970-01\",\"count\":1},"
                              "{\"date\":\"1969-12\",\"count\":1}]");
    free(text);
    json_decref(buckets);
    assert_int_equal(total, IMAGES);
    assert_int_equal(i4_db_timeline(w->db, &f, false, &buckets, &total, NULL), I4_DB_OK);
    const json_t *first = json_array_get(buckets, 0);
    assert_string_equal(json_string_value(json_object_get(first, "date")), "2024-02-29");
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(buckets); i++) {
        sum += json_integer_value(json_object_get(json_array_get(buckets, i), "count"));
    }
    assert_int_equal(sum, IMAGES);
    json_decref(buckets);
}

/* --- words ----------------------------------------------------------------------------------- */

static const char *words(const char *text) {
    static char turns[4][4096];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    i4_buf b;
    i4_buf_init(&b, 1 << 20);
    i4_words_add(&b, text);
    assert_false(b.failed);
    snprintf(out, 4096, "%.*s", (int)b.len, b.len ? b.ptr : "");
    i4_buf_free(&b);
    return out;
}

#define END " \xE2\x90\x9F"

static void library_db_words_are_folded_letters_and_digits(void **state) {
    (void)state;
    assert_string_equal(words("Caf\xC3\xA9, STRASSE-12"), " cafe strasse 12" END);
    assert_string_equal(words("e\xCC\x81t\xC3\xA9"), " ete" END);
    assert_string_equal(words("Stra\xC3\x9F"
                              "e"),
                        " strasse" END);
    assert_string_equal(words("\xEF\xBC\xA1\xEF\xBC\xA2"), " ab" END); /* full width */
    assert_string_equal(words("\xE7\x8C\xAB\xE3\x81\xA8x"), " \xE7\x8C\xAB \xE3\x81\xA8 x" END);
    assert_string_equal(words("\xED\x95\x9C\xEA\xB8\x80"), " \xED\x95\x9C \xEA\xB8\x80" END);
    assert_string_equal(words("..!?"), "");
    assert_string_equal(words(""), "");
    assert_string_equal(words("a\xFF\xFE"
                              "b\xC3"),
                        " a b" END);
    char *key = i4_words_key("  Night SKY ");
    assert_string_equal(key, "night sky");
    i4_free(key);
    i4_buf caption, form;
    i4_buf_init(&caption, 1 << 20);
    i4_buf_init(&form, 1 << 20);
    i4_words_add_caption(&caption, "{\"high_level_description\":\"One\",\"compositional_"
                                   "deconstruction\":{\"background\":\"Two\",\"elements\":["
                                   "{\"text\":\"Three\",\"desc\":\"Four\"}]}}");
    assert_string_equal(caption.ptr, " one" END " two" END " three" END " four" END);
    i4_words_add_form(&form, "{\"rawJson\":\"{oops\",\"hld\":\"One\",\"bg\":\"Two\",\"els\":"
                             "[{\"text\":\"Three\",\"desc\":\"Four\"}]}");
    assert_string_equal(form.ptr, caption.ptr);
    i4_words_add_form(&form, "not JSON");
    i4_words_add_form(&form, "[1]");
    assert_int_equal(form.len, caption.len);
    i4_buf_free(&caption);
    i4_buf_free(&form);
}

static const char *terms_of(const char *query) {
    static char text[4096];
    i4_terms terms;
    size_t used = 0;
    i4_terms_read(&terms, query);
    text[0] = '\0';
    for (int i = 0; i < terms.count; i++) {
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "|" : "", terms.match[i]);
    }
    if (terms.too_many) {
        return "too many";
    }
    i4_terms_free(&terms);
    return text;
}

static void library_db_terms_are_safe_expressions(void **state) {
    (void)state;
    assert_string_equal(terms_of("Caf\xC3\xA9 har"), "\"cafe\" *|\"har\" *");
    assert_string_equal(terms_of("\"Open late\" x"), "\"open late\"|\"x\" *");
    assert_string_equal(terms_of("\"open"), "\"open\"");
    assert_string_equal(terms_of("well-known"), "\"well known\" *");
    assert_string_equal(terms_of("\xE7\x8C\xAB\xE3\x81\xA8"), "\"\xE7\x8C\xAB \xE3\x81\xA8\"");
    assert_string_equal(terms_of("a OR b NOT c* NEAR(d) words:e ^f"),
                        "\"a\" *|\"or\" *|\"b\" *|\"not\" *|\"c\" *|\"near d\" *|\"words e\" *|"
                        "\"f\" *");
    assert_string_equal(terms_of("\"\"\" -- ';"), "");
    char many[200] = "";
    for (int i = 0; i < I4_QUERY_TERMS + 1; i++) {
        snprintf(many + strlen(many), sizeof many - strlen(many), "w%d ", i);
    }
    i4_terms terms;
    i4_terms_read(&terms, many);
    assert_true(terms.too_many);
    i4_terms_free(&terms);
    i4_terms_read(&terms, " \t");
    assert_true(terms.is_blank);
    i4_terms_free(&terms);
}

static void library_db_words_find_pictures_wherever_they_stand(void **state) {
    world *w = *state;
    add_titled(w, "a.png", "A Caf\xC3\xA9 in Z\xC3\xBCrich");
    add_titled(w, "b.png", "\xE9\xBB\x92\xE3\x81\x84\xE7\x8C\xAB\xE3\x81\xAE\xE7\xB5\xB5");
    add_titled(w, "c.png", "plain");
    bool missing;
    int64_t prompt;
    assert_int_equal(i4_db_attach(w->db, 3, "entry",
                                  "{\"rawJson\":\"{\\\"high_level_"
                                  "description\\\":\\\"Lighthouse\\\",\\\"comp"
                                  "ositional_deconstruction\\\":{\\\"elements"
                                  "\\\":[{\\\"text\\\":\\\"OPEN LATE\\\"}]}}\"}",
                                  -1, &prompt, &missing, NULL),
                     I4_DB_OK);
    assert_string_equal(found(w, "CAFE zurich"), "1");
    assert_string_equal(found(w, "caf zur"), "1");
    assert_string_equal(found(w, "afe"), "");
    assert_string_equal(found(w, "\"cafe in\""), "1");
    assert_string_equal(found(w, "\"in cafe\""), "");
    assert_string_equal(found(w, "\xE7\x8C\xAB"), "2");
    assert_string_equal(found(w, "\xE7\x8C\xAB\xE3\x81\xAE"), "2");
    assert_string_equal(found(w, "\xE3\x81\xAE\xE7\x8C\xAB"), "");
    assert_string_equal(found(w, "lighth"), "3");
    assert_string_equal(found(w, "\"open late\" plain"), "3"); /* of entry and of picture */
    assert_string_equal(found(w, "\"lighthouse open\""), "");  /* across two texts */
    assert_string_equal(found(w, "!!!"), "");
    assert_string_equal(found(w, "  "), "1,2,3");
    i4_change change = {.has_title = true, .title = "Harbor", .has_rating = true, .rating = 2};
    json_t *item;
    assert_int_equal(i4_db_change_item(w->db, 3, &change, &item, NULL), I4_DB_OK);
    json_decref(item);
    assert_string_equal(found(w, "harb"), "3");
    change = (i4_change){.has_title = true};
    assert_int_equal(i4_db_change_item(w->db, 3, &change, &item, NULL), I4_DB_OK);
    json_decref(item);
    assert_string_equal(found(w, "harb"), "");
    /* the entry is rewritten, then goes */
    assert_int_equal(
        i4_db_attach(w->db, 3, "x", "{\"hld\":\"Volcano\"}", prompt, &prompt, &missing, NULL),
        I4_DB_OK);
    assert_string_equal(found(w, "lighthouse"), "");
    assert_string_equal(found(w, "volcano"), "3");
    json_t *files;
    assert_int_equal(i4_db_delete_prompt(w->db, prompt, &files, NULL), I4_DB_OK);
    json_decref(files);
    assert_string_equal(found(w, "plain"), "");
    assert_int_equal(number(w, "SELECT count(*)FROM prompt_marks"), 0);
    assert_int_equal(number(w, "SELECT count(*)FROM image_marks"), 2);
    assert_int_equal(number(w, "SELECT count(*)FROM image_words"), 2);
}

static void library_db_caption_of_the_job_is_found_too(void **state) {
    world *w = *state;
    sql(w, "INSERT INTO jobs(batch,origin,state,place,created_at,caption,form_json,width,height,"
           "preset,seed,format,image_id)VALUES('b','queue','done',1,'2026-01-01 00:00:00',"
           "'{\"high_level_description\":\"Zeppelin\"}','{}',64,64,'V4_TURBO_12',1,'png',1)");
    add_titled(w, "a.png", "plain");
    assert_string_equal(found(w, "zeppelin"), "1");
}

static void library_db_seed_tags_and_lora_are_words(void **state) {
    world *w = *state;
    tag_each(w, 100, "Sunset Beach");
    assert_string_equal(found(w, "500123"), "123");
    assert_string_equal(found(w, "beach 500"), "100,200,300");
    assert_string_equal(found(w, "picture25 night"), ids_by_sql(w,
                                                                "i.id%5=0 AND(i.id=25 OR "
                                                                "i.id BETWEEN 250 AND 259)",
                                                                "i.id"));
}

static void library_db_hostile_searches_find_nothing_and_break_nothing(void **state) {
    world *w = *state;
    char *large = i4_malloc(10001);
    memset(large, 'a', 10000);
    large[10000] = '\0';
    static const char *const hostile[] = {"\"",    "'",   "a\" OR \"b", "*",
                                          "-",     "a:b", "\xFF\xFE",   "'; DROP TABLE images;--",
                                          "NEAR(", "{",   "^",          "+"};
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        found(w, hostile[i]);
    }
    assert_string_equal(found(w, large), "");
    i4_free(large);
    i4_filter f = everything();
    char many[400] = "";
    for (int i = 0; i < I4_QUERY_TERMS + 1; i++) {
        snprintf(many + strlen(many), sizeof many - strlen(many), "w%d ", i);
    }
    f.q = many;
    i4_page page;
    i4_err err = {0};
    assert_int_equal(i4_db_library(w->db, &f, I4_SORT_NEWEST, NULL, 10, &page, &err), I4_DB_FAILED);
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    assert_int_equal(number(w, "SELECT count(*)FROM images"), IMAGES);
}

/* --- tags and changes ------------------------------------------------------------------------- */

static const char *tag_list(const world *w, const char *beginning) {
    static char text[4096];
    json_t *tags;
    size_t used = 0;
    assert_int_equal(i4_db_tag_list(w->db, beginning, &tags, NULL), I4_DB_OK);
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const json_t *tag = json_array_get(tags, i);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %d", i ? "," : "",
                                 json_string_value(json_object_get(tag, "name")),
                                 (int)json_integer_value(json_object_get(tag, "count")));
    }
    json_decref(tags);
    return text;
}

static void library_db_tags_are_counted_by_use(void **state) {
    world *w = *state;
    tag_each(w, 100, "sea");
    tag_each(w, 50, "Sunset");
    tag_each(w, 150, "SUNSET"); /* the same */
    assert_string_equal(tag_list(w, NULL), "Sunset 6,sea 3");
    assert_string_equal(tag_list(w, "s"), "sea 3,Sunset 6");
    assert_string_equal(tag_list(w, "SU"), "Sunset 6");
    assert_string_equal(tag_list(w, "%"), "");
    json_t *files;
    assert_int_equal(i4_db_delete_image(w->db, 100, &files, NULL), I4_DB_OK);
    json_decref(files);
    assert_string_equal(tag_list(w, NULL), "Sunset 5,sea 2");
    json_t *none = json_array(), *item;
    const i4_change change = {.tags = none};
    assert_int_equal(i4_db_change_item(w->db, 200, &change, &item, NULL), I4_DB_OK);
    json_decref(item);
    json_decref(none);
    assert_string_equal(tag_list(w, NULL), "Sunset 4,sea 1");
}

static void library_db_item_says_all_of_a_picture(void **state) {
    world *w = *state;
    json_t *tags = json_pack("[s,s]", "b tag", "A"), *item;
    const i4_change change = {.has_title = true,
                              .title = "T",
                              .has_rating = true,
                              .rating = 5,
                              .has_fav = true,
                              .fav = true,
                              .has_flag = true,
                              .flag = "real",
                              .tags = tags};
    assert_int_equal(i4_db_change_item(w->db, 5, &change, &item, NULL), I4_DB_OK);
    json_t *again;
    assert_int_equal(i4_db_item(w->db, 5, &again, NULL), I4_DB_OK);
    assert_true(json_equal(item, again));
    char *text = json_dumps(item, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(
        text, "{\"created_at\":\"2024-01-01 00:50:00\",\"fav\":true,\"file\":\"p000005.png\","
              "\"flag\":\"real\",\"format\":\"png\",\"h\":720,\"hld\":\"a picture5 of the harbor5 "
              "at dusk with caf\xC3\xA9 tables\",\"id\":5,\"loras\":[{\"name\":\"night.safetensors"
              "\",\"strength\":0.5}],\"parent_image_id\":null,\"preset\":\"V4_TURBO_12\","
              "\"prompt_id\":6,\"rating\":5,\"seed\":500005,\"tags\":[\"A\",\"b tag\"],\"title\":"
              "\"T\",\"w\":1280}");
    free(text);
    json_decref(item);
    json_decref(again);
    json_decref(tags);
    assert_int_equal(i4_db_item(w->db, 99999, &item, NULL), I4_DB_NONE);
    assert_int_equal(i4_db_change_item(w->db, 99999, &change, &item, NULL), I4_DB_NONE);
}

static void library_db_changes_by_filter_are_one_transaction(void **state) {
    world *w = *state;
    i4_filter f = everything();
    f.rating = 5;
    json_t *add = json_pack("[s]", "best"), *changed;
    const i4_change change = {.has_fav = true, .fav = true, .add_tags = add};
    int64_t trash_id;
    assert_int_equal(i4_db_change_items(w->db, NULL, &f, &change, &changed, &trash_id, NULL),
                     I4_DB_OK);
    const size_t count = json_array_size(changed);
    json_decref(changed);
    assert_int_equal(count, number(w, "SELECT count(*)FROM images WHERE rating=5 AND flag IS NOT "
                                      "'blocked'"));
    assert_int_equal(count, number(w, "SELECT count(*)FROM image_tags"));
    i4_filter tagged = everything();
    tagged.tags[tagged.tag_count++] = "best";
    tagged.fav = 1;
    assert_string_equal(ids_of(w, &tagged, I4_SORT_NEWEST, 500),
                        ids_by_sql(w, "rating=5 AND flag IS NOT'blocked'", orders[0]));
    const i4_change end = {.remove_tags = add, .trash = true};
    assert_int_equal(i4_db_change_items(w->db, NULL, &f, &end, &changed, &trash_id, NULL),
                     I4_DB_OK);
    assert_int_equal(json_array_size(changed), count);
    assert_true(trash_id > 0);
    json_decref(changed);
    assert_string_equal(ids_of(w, &f, I4_SORT_NEWEST, 500), "");
    assert_string_equal(tag_list(w, NULL), "");
    json_decref(add);
    /* the trash gives them back, findable as before */
    const i4_trash_choice all = {.trash_id = trash_id, .days = -1};
    i4_trash_done done = {0};
    assert_int_equal(i4_db_restore(w->db, &all, &done, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(done.images), count);
    i4_trash_done_free(&done);
    assert_string_equal(ids_of(w, &f, I4_SORT_NEWEST, 500),
                        ids_by_sql(w, "rating=5 AND flag IS NOT'blocked'", orders[0]));
    assert_string_equal(found(w, "picture11"), "11,110,111,112,113,114,115,116,117,118,119");
}

static void library_db_cover_is_no_refusal_card(void **state) {
    world *w = *state;
    add_titled(w, "a.png", "a");
    add_titled(w, "b.png", "b");
    int64_t prompt;
    bool missing;
    assert_int_equal(i4_db_attach(w->db, 1, "h", "{}", -1, &prompt, &missing, NULL), I4_DB_OK);
    assert_int_equal(i4_db_link(w->db, 2, prompt, &missing, NULL), I4_DB_OK);
    const i4_change block = {.has_flag = true, .flag = "blocked"};
    json_t *item, *row, *items;
    assert_int_equal(i4_db_change_item(w->db, 2, &block, &item, NULL), I4_DB_OK);
    json_decref(item);
    assert_int_equal(i4_db_add_favorite(w->db, -1, prompt, &row, NULL), I4_DB_OK);
    assert_int_equal(json_integer_value(json_object_get(row, "image_id")), 1);
    json_decref(row);
    int64_t total;
    bool has_next;
    assert_int_equal(i4_db_prompt_page(w->db, NULL, NULL, 0, 10, &items, &total, &has_next, NULL),
                     I4_DB_OK);
    const json_t *entry = json_array_get(items, 0);
    assert_int_equal(json_integer_value(json_object_get(entry, "cover")), 1);
    assert_int_equal(json_integer_value(json_object_get(entry, "images")), 2);
    json_decref(items);
}

/* --- history ---------------------------------------------------------------------------------- */

static void library_db_history_comes_in_pages(void **state) {
    world *w = *state;
    char saved[64] = "";
    int64_t id = 0, expected = PROMPTS, total;
    bool has_next = true;
    while (has_next) {
        json_t *items;
        assert_int_equal(i4_db_prompt_page(w->db, NULL, saved[0] ? saved : NULL, id, 7, &items,
                                           &total, &has_next, NULL),
                         I4_DB_OK);
        for (size_t i = 0; i < json_array_size(items); i++) {
            const json_t *entry = json_array_get(items, i);
            id = json_integer_value(json_object_get(entry, "id"));
            assert_int_equal(id, expected--);
            snprintf(saved, sizeof saved, "%s",
                     json_string_value(json_object_get(entry, "saved_at")));
        }
        json_decref(items);
        assert_int_equal(total, PROMPTS);
    }
    assert_int_equal(expected, 0);
    json_t *items;
    assert_int_equal(i4_db_prompt_page(w->db, "SCENE17 \"open late\"", NULL, 0, 5, &items, &total,
                                       &has_next, NULL),
                     I4_DB_OK);
    assert_int_equal(total, 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(items, 0), "id")), 17);
    json_decref(items);
    assert_int_equal(i4_db_prompt_page(w->db, "*", NULL, 0, 5, &items, &total, &has_next, NULL),
                     I4_DB_OK);
    assert_int_equal(total, 0);
    json_decref(items);
}

/* --- other programs --------------------------------------------------------------------------- */

static void library_db_rows_of_other_programs_are_noticed(void **state) {
    world *w = *state;
    i4_filter f = everything();
    assert_string_equal(found(w, "submarine"), "");
    sql(w, "INSERT INTO images(id,hld,file_path)VALUES(900,'submarine','s.png');"
           "INSERT INTO favorites(image_id)VALUES(900);"
           "UPDATE prompts SET form_json='{\"hld\":\"periscope\"}'WHERE id=3;"
           "DELETE FROM images WHERE id=1");
    f.fav = 1;
    f.from = 1750000000; /* at once in lists */
    assert_string_equal(ids_of(w, &f, I4_SORT_NEWEST, 10), "900");
    reopen(w); /* in searches from the next start on */
    assert_string_equal(found(w, "submarine"), "900");
    assert_string_equal(found(w, "periscope"), ids_by_sql(w, "i.prompt_id=3", "i.created_at,i.id"));
    assert_int_equal(number(w, "SELECT count(*)FROM image_words WHERE rowid=1"), 0);
    assert_int_equal(number(w, "SELECT count(*)FROM image_marks"), IMAGES);
    /* a start that finds nothing to do writes nothing */
    const int64_t before = number(w, "SELECT sum(id*mark%1000003)FROM(SELECT image_id AS id,mark "
                                     "FROM image_marks)");
    reopen(w);
    assert_int_equal(before, number(w, "SELECT sum(id*mark%1000003)FROM(SELECT image_id AS id,mark "
                                       "FROM image_marks)"));
}

static void library_db_what_is_rolled_back_is_not_seen(void **state) {
    world *w = *state;
    i4_filter f = everything();
    const int64_t total = number(w, "SELECT count(*)FROM images WHERE flag IS NOT'blocked'");
    assert_true(i4_db_begin(w->db, NULL));
    assert_true(i4_db_run_text(w->db, "DELETE FROM images WHERE id<100", NULL));
    assert_true(i4_db_index_image(w->db, 50, NULL));
    assert_int_equal(i4_db_end(w->db, I4_DB_NONE, NULL), I4_DB_NONE);
    i4_page page;
    assert_int_equal(i4_db_library(w->db, &f, I4_SORT_NEWEST, NULL, 1, &page, NULL), I4_DB_OK);
    assert_int_equal(page.total, total);
    json_decref(page.items);
    assert_string_equal(found(w, "picture50"), "50");
}

/* --- the view --------------------------------------------------------------------------------- */

static void library_db_view_follows_every_change(void **state) {
    world *w = *state;
    i4_view *view = w->db->view;
    i4_db_lock(w->db);
    assert_true(i4_view_refresh(w->db, NULL));
    assert_int_equal(view->count, IMAGES);
    assert_int_equal(i4_view_place(view, 0), 0);
    assert_int_equal(i4_view_place(view, IMAGES + 5), IMAGES);
    assert_true(view->rows[i4_view_place(view, 9)].fav);
    i4_filter f = everything();
    i4_selection selection;
    f.preset = "V4_TURBO_12";
    assert_true(i4_select(w->db, &f, &selection, NULL));
    assert_true(i4_selected(&selection, view, 1));
    assert_false(i4_selected(&selection, view, 2));
    i4_selection_free(&selection);
    i4_db_unlock(w->db);
    assert_int_equal(i4_db_delete_favorite(w->db, 9, -1, NULL), I4_DB_OK);
    json_t *files;
    int64_t deleted;
    assert_int_equal(i4_db_delete_prompt(w->db, 2, &files, NULL), I4_DB_OK);
    json_decref(files);
    assert_int_equal(i4_db_delete_orphans(w->db, &deleted, &files, NULL), I4_DB_OK);
    json_decref(files);
    i4_db_lock(w->db);
    assert_true(i4_view_refresh(w->db, NULL));
    assert_false(view->rows[i4_view_place(view, 9)].fav);
    i4_view *fresh = i4_view_new();
    w->db->view = fresh;
    assert_true(i4_view_load(w->db, NULL));
    assert_int_equal(view->count, fresh->count);
    assert_memory_equal(view->rows, fresh->rows, view->count * sizeof *view->rows);
    w->db->view = view;
    i4_view_free(fresh);
    i4_view_forget_words(view);
    assert_int_equal(view->word_images.count, 0);
    const i4_found *first = i4_words_find(w->db, "\"harbor3\"", NULL);
    assert_int_equal(first->images.count, 3);
    assert_ptr_equal(i4_words_find(w->db, "\"harbor3\"", NULL), first);
    i4_found_forget(view);
    assert_null(first->match);
    int64_t time;
    assert_true(i4_view_time(w->db, "2024-02-29T00:00:00+01:00", &time, NULL));
    assert_int_equal(time, 1709161200);
    i4_db_unlock(w->db);
    i4_view_watch(w->db);
    assert_true(i4_view_hash("a", 1) != i4_view_hash("b", 1));
}

static void library_db_lists_of_ids_sort_and_find(void **state) {
    (void)state;
    i4_id_list ids = {0};
    i4_id_list_sort(&ids);
    assert_false(i4_id_list_has(&ids, 1));
    for (int i = 0; i < 200; i++) {
        assert_true(i4_id_list_add(&ids, 100 - i % 100));
    }
    i4_id_list_sort(&ids);
    assert_int_equal(ids.count, 100);
    assert_true(i4_id_list_has(&ids, 1) && i4_id_list_has(&ids, 100) && !i4_id_list_has(&ids, 101));
    i4_id_list_free(&ids);
}

static void library_db_tags_inside_a_transaction(void **state) {
    world *w = *state;
    json_t *names = json_pack("[s,s]", "x", "y"), *list, *item;
    i4_id_list ids = {0};
    int64_t id;
    assert_true(i4_db_begin(w->db, NULL));
    assert_true(i4_tags_ids(w->db, names, false, &ids, NULL));
    assert_int_equal(ids.count, 0);
    assert_true(i4_tags_ids(w->db, names, true, &ids, NULL));
    assert_int_equal(ids.count, 2);
    assert_true(i4_tag_id(w->db, "X", &id, NULL));
    assert_int_equal(id, ids.ids[0]);
    assert_true(i4_tags_put(w->db, 1, &ids, NULL));
    assert_true(i4_db_tags_of(w->db, 1, &list, NULL));
    assert_true(json_equal(list, names));
    json_decref(list);
    assert_true(i4_tags_take(w->db, 1, &ids, NULL));
    assert_int_equal(i4_db_item_inside(w->db, 1, &item, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(json_object_get(item, "tags")), 0);
    json_decref(item);
    assert_true(i4_words_settle(w->db, NULL));
    assert_int_equal(i4_db_end(w->db, I4_DB_OK, NULL), I4_DB_OK);
    assert_true(i4_words_catch_up(w->db, NULL));
    i4_id_list_free(&ids);
    json_decref(names);
    json_t *row = json_pack("{s:s,s:f}", "lora_name", "a", "lora_strength", 0.5);
    json_t *loras = i4_lora_list(row);
    assert_int_equal(json_array_size(loras), 1);
    json_decref(loras);
    json_decref(row);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void *read_pages(void *user) {
    const world *w = user;
    i4_filter f = everything();
    for (int i = 0; i < 40; i++) {
        i4_page page;
        f.q = i % 2 ? "harbor" : NULL;
        if (i4_db_library(w->db, &f, (i4_sort)(i % 4), NULL, 20, &page, NULL) != I4_DB_OK) {
            return user;
        }
        json_decref(page.items);
    }
    return NULL;
}

static void library_db_readers_and_writers_share_it(void **state) {
    world *w = *state;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_pages, w), 0);
    }
    for (int i = 1; i <= 40; i++) {
        const i4_change change = {
            .has_title = true, .title = "moved", .has_fav = true, .fav = true};
        json_t *item;
        assert_int_equal(i4_db_change_item(w->db, i, &change, &item, NULL), I4_DB_OK);
        json_decref(item);
    }
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_string_equal(found(w, "moved"),
                        ids_by_sql(w, "i.id<=40 AND flag IS NOT'blocked'", orders[1]));
}

/* --- plans ------------------------------------------------------------------------------------ */

/* The rule: filters and orders never become SQL, whatever their combination (they look at the view
 * in memory), so the library's statements are these few. No step of the plan of any of them is a
 * SCAN, except of a virtual table (FTS5, which is asked by MATCH or by rowid) or of a constant row;
 * every other step is a SEARCH with an index or the rowid. A sort (TEMP B-TREE) is allowed only
 * where it sorts what such a search found. VIEW_LOAD, FORMS and their like read whole tables once,
 * when the database is opened, as a SEARCH from the first id on. */
static void expect_plan(sqlite3 *handle, const char *name, const char *text) {
    char query[4096];
    sqlite3_stmt *stmt;
    snprintf(query, sizeof query, "EXPLAIN QUERY PLAN %s", text);
    if (sqlite3_prepare_v2(handle, query, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", name, sqlite3_errmsg(handle));
    }
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(stmt, 3);
        if (strncmp(step, "SCAN", 4) == 0 && !strstr(step, "VIRTUAL TABLE INDEX") &&
            strcmp(step, "SCAN CONSTANT ROW") != 0 && !strstr(step, "(subquery")) {
            fail_msg("%s: %s", name, step);
        }
        if (strstr(step, "VIRTUAL TABLE INDEX 0:") && !strstr(step, "VIRTUAL TABLE INDEX 0:M") &&
            !strstr(step, "VIRTUAL TABLE INDEX 0:=")) {
            fail_msg("%s: %s", name, step); /* every row of the FTS5 table */
        }
    }
    sqlite3_finalize(stmt);
}

static void library_db_no_statement_scans_a_table(void **state) {
    world *w = *state;
    sqlite3 *handle = connect_to(w);
#define X(name, text) expect_plan(handle, #name, text);
    I4_SQL_LIBRARY(X)
#undef X
    /* what the planner may choose must not hang on what it knows about the tables */
    assert_int_equal(sqlite3_exec(handle, "ANALYZE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
    handle = connect_to(w);
#define X(name, text) expect_plan(handle, #name, text);
    I4_SQL_LIBRARY(X)
#undef X
    sqlite3_close(handle);
}

int main(void) {
#define fresh(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define full(test) cmocka_unit_test_setup_teardown(test, set_up_full, tear_down)
    const struct CMUnitTest tests[] = {
        full(library_db_filters_and_orders_agree_with_a_plain_query),
        full(library_db_blocked_pictures_are_shown_when_asked_for),
        full(library_db_pages_stay_whole_while_pictures_come_and_go),
        full(library_db_timeline_counts_days_and_months),
        cmocka_unit_test(library_db_words_are_folded_letters_and_digits),
        cmocka_unit_test(library_db_terms_are_safe_expressions),
        fresh(library_db_words_find_pictures_wherever_they_stand),
        fresh(library_db_caption_of_the_job_is_found_too),
        full(library_db_seed_tags_and_lora_are_words),
        full(library_db_hostile_searches_find_nothing_and_break_nothing),
        full(library_db_tags_are_counted_by_use),
        full(library_db_item_says_all_of_a_picture),
        full(library_db_changes_by_filter_are_one_transaction),
        fresh(library_db_cover_is_no_refusal_card),
        full(library_db_history_comes_in_pages),
        full(library_db_rows_of_other_programs_are_noticed),
        full(library_db_what_is_rolled_back_is_not_seen),
        full(library_db_view_follows_every_change),
        cmocka_unit_test(library_db_lists_of_ids_sort_and_find),
        full(library_db_tags_inside_a_transaction),
        full(library_db_readers_and_writers_share_it),
        full(library_db_no_statement_scans_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
