/* The library against a model: random changes of every kind, some of them rolled back or made by
 * another program, and after each of them random filters, orders and page sizes, the history and
 * the view compared with plain queries of another connection. */
#include "folder.h"
#include "library_rows.h"

#include "gateway/db/library.h"
#include "gateway/db/private.h"
#include "gateway/db/trash.h"
#include "gateway/db/view.h"

enum { IMAGES = 260, PROMPTS = 24, STEPS = 160, TEXT_BYTES = 1 << 16, ID_MOST = 400 };

typedef struct world {
    folder root;
    i4_db *db;
    sqlite3 *other; /* the model's connection */
    uint64_t random;
    int64_t trashed[STEPS];
    int trashed_count;
} world;

static int set_up(void **state) {
    static world w;
    memset(&w, 0, sizeof w);
    w.random = 20260630;
    folder_make(&w.root, "library_model");
    folder_sub(&w.root, "out");
    i4_err err = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s", folder_at(&w.root, "library.db"));
    for (int i = 0; i < 2; i++) { /* the first open makes the tables */
        w.db = i4_db_open(path, folder_at(&w.root, "out"), &err);
        if (!w.db) {
            fail_msg("%s", err.text);
        }
        if (i == 0) {
            i4_db_close(w.db);
            assert_int_equal(sqlite3_open(path, &w.other), SQLITE_OK);
            sqlite3_busy_timeout(w.other, 5000);
            assert_int_equal(rows_fill(w.other, IMAGES, PROMPTS, 300), 0);
        }
    }
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    sqlite3_close(w->other);
    i4_db_close(w->db);
    folder_remove(&w->root);
    return 0;
}

static int below(world *w, int limit) {
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (int)((w->random >> 33) % (uint64_t)limit);
}

/* --- the model ------------------------------------------------------------------------------- */

/* The rows of a query, columns joined by ':', rows by ','. */
static const char *ask(const world *w, const char *query) {
    static char text[TEXT_BYTES];
    sqlite3_stmt *stmt;
    size_t used = 0;
    if (sqlite3_prepare_v2(w->other, query, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", query, sqlite3_errmsg(w->other));
    }
    text[0] = '\0';
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *value = (const char *)sqlite3_column_text(stmt, i);
            used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s%s",
                                     i > 0  ? ":"
                                     : used ? ","
                                            : "",
                                     value ? value : "-");
            assert_true(used < TEXT_BYTES);
        }
    }
    sqlite3_finalize(stmt);
    return text;
}

#define HAS_TAG(key)                                                                   \
    "EXISTS(SELECT 1 FROM image_tags x JOIN tags t ON t.id=x.tag_id WHERE t.key='" key \
    "' AND x.image_id=i.id)"
#define LINKED "EXISTS(SELECT 1 FROM prompts p WHERE p.id=i.prompt_id)"

/* A filter of one kind and what docs/api.md 3.3 says of it. */
static const char *choose(i4_filter *f, int kind, int way) {
    switch (kind * 10 + way) {
    case 0:
        f->fav = 1;
        return "EXISTS(SELECT 1 FROM favorites f WHERE f.image_id=i.id)";
    case 1:
        f->fav = 0;
        return "NOT EXISTS(SELECT 1 FROM favorites f WHERE f.image_id=i.id)";
    case 10:
        f->rating = 2;
        return "i.rating>=2";
    case 20:
        f->preset = "V4_TURBO_12";
        return "i.preset='V4_TURBO_12'";
    case 30:
        f->from = 1704067200 + 40 * 600;
        f->to = 1704067200 + 190 * 600;
        return "unixepoch(i.created_at)BETWEEN 1704067200+40*600 AND 1704067200+190*600";
    case 40:
        f->ratio = I4_RATIO_LANDSCAPE;
        return "i.width>i.height";
    case 41:
        f->ratio = I4_RATIO_SIDES;
        f->ratio_value = 16.0 / 9;
        return "i.width=1280 AND i.height=720";
    case 50:
        f->lora = "night.safetensors";
        return "i.lora_name='night.safetensors'";
    case 51:
        f->lora_none = true;
        return "i.lora_name IS NULL";
    case 60:
        f->has_prompt = true;
        f->prompt_id = 7;
        return "i.prompt_id=7 AND " LINKED;
    case 61:
        f->unlinked = true;
        return "NOT " LINKED;
    case 70:
        f->q = "TABLES cafe";
        return "i.hld LIKE'%tables%'";
    case 71:
        f->q = "best";
        return HAS_TAG("best");
    case 80:
        f->tags[f->tag_count++] = "Best";
        return HAS_TAG("best");
    case 81:
        f->tags[f->tag_count++] = "best";
        f->tags[f->tag_count++] = "sea";
        return HAS_TAG("best") " AND " HAS_TAG("sea");
    default:
        return NULL;
    }
}

/* --- comparing ------------------------------------------------------------------------------- */

/* Ids of a whole list, read in pages. */
static const char *ids_of(const world *w, const i4_filter *f, i4_sort sort, int64_t limit) {
    static char text[TEXT_BYTES];
    i4_page page = {0};
    i4_place after;
    size_t used = 0;
    int64_t seen = 0;
    text[0] = '\0';
    do {
        assert_int_equal(i4_db_library(w->db, f, sort, seen ? &after : NULL, limit, &page, NULL),
                         I4_DB_OK);
        for (size_t i = 0; i < json_array_size(page.items); i++, seen++) {
            const json_t *item = json_array_get(page.items, i);
            used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s%d", used ? "," : "",
                                     (int)json_integer_value(json_object_get(item, "id")));
        }
        after = page.next;
        json_decref(page.items);
    } while (page.has_next);
    assert_int_equal(seen, page.total);
    return text;
}

static void compare_pages(world *w) {
    static const char *const orders[] = {"unixepoch(i.created_at)DESC,i.id DESC",
                                         "unixepoch(i.created_at),i.id",
                                         "i.rating DESC,unixepoch(i.created_at)DESC,i.id DESC",
                                         ("i.width*i.height DESC,unixepoch(i.created_at)DESC,"
                                          "i.id DESC")};
    static const char *const flags[] = {"i.flag IS NOT'blocked'", "i.flag='blocked'", "1"};
    i4_filter f;
    i4_filter_init(&f);
    f.shown = (i4_shown)below(w, 3);
    char query[4096];
    size_t used =
        (size_t)snprintf(query, sizeof query, "SELECT i.id FROM images i WHERE %s", flags[f.shown]);
    for (int kind = 0; kind < 9; kind++) {
        const char *where = below(w, 4) == 0 ? choose(&f, kind, below(w, 2)) : NULL;
        used += (size_t)snprintf(query + used, sizeof query - used, "%s%s", where ? " AND " : "",
                                 where ? where : "");
    }
    const int order = below(w, 4);
    snprintf(query + used, sizeof query - used, " ORDER BY %s", orders[order]);
    assert_string_equal(ids_of(w, &f, (i4_sort)order, 1 + below(w, 90)), ask(w, query));
}

/* Entries with the number of their pictures and their cover, in pages. */
static void compare_history(world *w) {
    static char text[TEXT_BYTES];
    char saved[64] = "";
    int64_t id = 0, total;
    size_t used = 0;
    bool has_next = true;
    text[0] = '\0';
    const int64_t limit = 1 + below(w, 12);
    while (has_next) {
        json_t *items;
        assert_int_equal(i4_db_prompt_page(w->db, NULL, saved[0] ? saved : NULL, id, limit, &items,
                                           &total, &has_next, NULL),
                         I4_DB_OK);
        for (size_t i = 0; i < json_array_size(items); i++) {
            const json_t *entry = json_array_get(items, i);
            const json_t *cover = json_object_get(entry, "cover");
            id = json_integer_value(json_object_get(entry, "id"));
            snprintf(saved, sizeof saved, "%s",
                     json_string_value(json_object_get(entry, "saved_at")));
            used +=
                (size_t)snprintf(text + used, TEXT_BYTES - used, "%s%d:%d:%d", used ? "," : "",
                                 (int)id, (int)json_integer_value(json_object_get(entry, "images")),
                                 json_is_null(cover) ? -1 : (int)json_integer_value(cover));
        }
        json_decref(items);
    }
    assert_string_equal(
        text, ask(w, "SELECT p.id,(SELECT count(*)FROM images i WHERE i.prompt_id=p.id),ifnull(("
                     "SELECT i.id FROM images i WHERE i.prompt_id=p.id AND i.flag IS NOT'blocked' "
                     "AND unixepoch(i.created_at)>=unixepoch(p.saved_at)-120 ORDER BY "
                     "unixepoch(i.created_at)DESC,i.id DESC LIMIT 1),-1)"
                     "FROM prompts p ORDER BY p.saved_at DESC,p.id DESC"));
}

/* --- changing -------------------------------------------------------------------------------- */

static json_t *some_ids(world *w, int most) {
    json_t *ids = json_array();
    for (int left = 1 + below(w, most); left > 0; left--) {
        json_array_append_new(ids, json_integer(1 + below(w, ID_MOST)));
    }
    return ids;
}

static void change_some(world *w) {
    json_t *tags = below(w, 2) ? json_pack("[s,s]", "best", "Sea") : json_pack("[s]", "sea");
    json_t *ids = some_ids(w, 60), *changed;
    int64_t trash_id;
    const i4_change change = {.has_rating = below(w, 2),
                              .rating = below(w, 6),
                              .has_fav = below(w, 2),
                              .fav = below(w, 2),
                              .add_tags = below(w, 3) == 0 ? tags : NULL,
                              .remove_tags = below(w, 6) == 0 ? tags : NULL};
    assert_int_equal(i4_db_change_items(w->db, ids, NULL, &change, &changed, &trash_id, NULL),
                     I4_DB_OK);
    json_decref(changed);
    json_decref(ids);
    json_decref(tags);
}

static void change_flag(world *w) {
    static const char *const flags[] = {"blocked", "real", NULL};
    const i4_change change = {.has_flag = true, .flag = flags[below(w, 3)]};
    json_t *item;
    assert_true(i4_db_change_item(w->db, 1 + below(w, IMAGES), &change, &item, NULL) !=
                I4_DB_FAILED);
    json_decref(item);
}

static void throw_away(world *w) {
    json_t *images = some_ids(w, 40), *prompts = json_array();
    int64_t trash_id, count, entries;
    if (below(w, 3) == 0) {
        json_array_append_new(prompts, json_integer(1 + below(w, PROMPTS)));
    }
    assert_int_equal(i4_db_trash(w->db, images, prompts, &trash_id, &count, &entries, NULL),
                     I4_DB_OK);
    if (trash_id >= 0) {
        w->trashed[w->trashed_count++] = trash_id;
    }
    json_decref(images);
    json_decref(prompts);
}

/* Any of the actions, not only the last. */
static void bring_back(world *w) {
    if (w->trashed_count == 0) {
        return;
    }
    const int which = below(w, w->trashed_count);
    const i4_trash_choice choice = {.trash_id = w->trashed[which], .days = -1};
    i4_trash_done done;
    assert_int_equal(i4_db_restore(w->db, &choice, &done, NULL), I4_DB_OK);
    i4_trash_done_free(&done);
    w->trashed[which] = w->trashed[--w->trashed_count];
}

static void link_one(world *w) {
    bool missing;
    assert_true(i4_db_link(w->db, 1 + below(w, IMAGES), 1 + below(w, PROMPTS), &missing, NULL) !=
                I4_DB_FAILED);
}

static void undo(world *w) {
    assert_true(i4_db_begin(w->db, NULL));
    assert_true(i4_db_run_text(w->db,
                               "DELETE FROM images WHERE id%7=0;UPDATE images SET rating=5,"
                               "flag='blocked';DELETE FROM prompts WHERE id%3=0;"
                               "DELETE FROM favorites WHERE image_id>9",
                               NULL));
    assert_int_equal(i4_db_end(w->db, I4_DB_NONE, NULL), I4_DB_NONE);
}

/* Another program: what it writes is in no words before the next start, so these have none. */
static void write_elsewhere(world *w) {
    assert_int_equal(
        sqlite3_exec(w->other,
                     "INSERT INTO images(hld,width,height,preset,file_path,prompt_id,created_at)"
                     "SELECT'',640,480,'V4_TURBO_12','o'||seq||'.png',7,'2024-01-02 00:00:00'"
                     "FROM sqlite_sequence WHERE name='images';"
                     "UPDATE images SET rating=(rating+1)%6 WHERE id%11=0;"
                     "DELETE FROM favorites WHERE image_id%13=0",
                     NULL, NULL, NULL),
        SQLITE_OK);
}

static void delete_old(world *w) {
    json_t *files;
    assert_true(i4_db_delete_image(w->db, 1 + below(w, ID_MOST), &files, NULL) != I4_DB_FAILED);
    json_decref(files);
}

static void library_model_agrees_after_every_change(void **state) {
    world *w = *state;
    static void (*const changes[])(world *) = {change_some,     change_flag, throw_away,
                                               bring_back,      link_one,    undo,
                                               write_elsewhere, delete_old};
    for (int i = 0; i < STEPS; i++) {
        changes[below(w, sizeof changes / sizeof *changes)](w);
        for (int k = 0; k < 3; k++) {
            compare_pages(w);
        }
        compare_history(w);
    }
    while (w->trashed_count > 0) {
        bring_back(w);
    }
    compare_history(w);
    assert_string_equal(ask(w, "SELECT count(*)FROM trash"), "0");
}

/* More rows than are read again one by one leave and come back to their places. */
static void library_model_many_leave_and_come_back(void **state) {
    world *w = *state;
    json_t *odd = json_array();
    for (int i = 1; i < IMAGES; i += 2) {
        json_array_append_new(odd, json_integer(i));
    }
    int64_t trash_id, count, entries;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(i4_db_trash(w->db, odd, NULL, &trash_id, &count, &entries, NULL),
                         I4_DB_OK);
        assert_int_equal(count, IMAGES / 2);
        compare_pages(w);
        const i4_trash_choice choice = {.trash_id = trash_id, .days = -1};
        i4_trash_done done;
        assert_int_equal(i4_db_restore(w->db, &choice, &done, NULL), I4_DB_OK);
        i4_trash_done_free(&done);
        i4_db_lock(w->db);
        assert_true(i4_view_refresh(w->db, NULL));
        assert_int_equal(w->db->view->count, IMAGES);
        for (size_t i = 0; i < IMAGES; i++) {
            assert_int_equal(w->db->view->rows[i].id, i + 1);
            assert_false(w->db->view->rows[i].is_gone);
        }
        i4_db_unlock(w->db);
    }
    json_decref(odd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(library_model_agrees_after_every_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(library_model_many_leave_and_come_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
