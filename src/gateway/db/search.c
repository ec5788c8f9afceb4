/* The words of pictures and history entries in the database: two FTS5 tables, by id of picture and
 * of entry. The words of an entry count for all its pictures and are kept once.
 *
 * At the end of a transaction the words of the rows it changed are made again where they differ
 * (marks). Rows that another program wrote are noticed at the next start. */
#include "base/memory.h"
#include "gateway/db/tags.h"
#include "gateway/db/view.h"
#include "gateway/db/words.h"

#include <stdio.h>
#include <string.h>

enum {
    WORDS_VERSION = 1,        /* of the rules in words.c: another number makes all words again */
    ROWS_TO_OPTIMIZE = 10000, /* written at once: searches are quicker afterwards */
    PICTURES_AGAIN = 1000,    /* of an entry that was rewritten */
    ROW_BYTES = 2 * I4_WORDS_BYTES
};

static uint64_t mark_of(const char *text, size_t size) {
    return i4_view_hash(text, size) + WORDS_VERSION;
}

static bool run_id_value(i4_db *db, i4_sql which, int64_t id, int64_t value, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    i4_query_int(&q, 2, value);
    return i4_query_run(&q, err);
}

static bool run_id_text(i4_db *db, i4_sql which, int64_t id, const char *text, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    i4_query_text(&q, 2, text);
    return i4_query_run(&q, err);
}

static bool fail_words(i4_err *err) {
    return i4_fail_memory(err, "the words of a picture", ROW_BYTES);
}

/* --- pictures ------------------------------------------------------------------------------- */

static bool forget_image(i4_db *db, int64_t id, i4_err *err) {
    return i4_db_run_id(db, I4_SQL_WORDS_END, id, err) &&
           i4_db_run_id(db, I4_SQL_WORDS_MARK_END, id, err) &&
           i4_db_run_id(db, I4_SQL_LORAS_END, id, err) &&
           i4_db_run_id(db, I4_SQL_TAGS_TAKE, id, err);
}

/* The caption a job drew the picture from, where its words are not those of the entry. */
static bool add_job_caption(i4_db *db, int64_t image_id, int64_t prompt_id, i4_buf *out,
                            i4_err *err) {
    i4_buf caption, form;
    i4_buf_init(&caption, ROW_BYTES);
    i4_buf_init(&form, ROW_BYTES);
    i4_query q = i4_query_of(db, I4_SQL_WORDS_CAPTION);
    i4_query_int(&q, 1, image_id);
    if (i4_query_next(&q)) {
        i4_words_add_caption(&caption, (const char *)sqlite3_column_text(q.stmt, 0));
    }
    bool good = i4_query_end(&q, err);
    if (good && caption.len > 0 && prompt_id >= 0) {
        i4_query p = i4_query_of(db, I4_SQL_FORM_OF);
        i4_query_int(&p, 1, prompt_id);
        if (i4_query_next(&p)) {
            i4_words_add_form(&form, (const char *)sqlite3_column_text(p.stmt, 2));
        }
        good = i4_query_end(&p, err);
    }
    const bool is_same = caption.len == form.len &&
                         (caption.len == 0 || memcmp(caption.ptr, form.ptr, caption.len) == 0);
    if (!is_same && out->len + caption.len < ROW_BYTES) {
        i4_buf_add(out, caption.ptr, caption.len);
    }
    good = good && ((!caption.failed && !form.failed) || fail_words(err));
    i4_buf_free(&caption);
    i4_buf_free(&form);
    return good;
}

static void add_texts(i4_buf *out, const json_t *list, const char *key) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        i4_words_add(out, json_string_value(key ? json_object_get(value, key) : value));
    }
}

static bool set_loras(i4_db *db, int64_t id, const json_t *loras, i4_err *err) {
    bool good = i4_db_run_id(db, I4_SQL_LORAS_END, id, err);
    for (size_t i = 0; good && i < json_array_size(loras); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(loras, i), "name"));
        good = !name || run_id_text(db, I4_SQL_LORA_SET, id, name, err);
    }
    return good;
}

/* Makes the words of a picture again unless they are those it has. */
static bool set_image(i4_db *db, int64_t id, const json_t *row, const json_t *loras, i4_buf *words,
                      i4_err *err) {
    char seed[32];
    json_t *tags = NULL;
    const json_t *prompt = json_object_get(row, "prompt_id");
    snprintf(seed, sizeof seed, "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(row, "seed")));
    if (!i4_db_tags_of(db, id, &tags, err)) {
        return false;
    }
    i4_words_add(words, json_string_value(json_object_get(row, "hld")));
    i4_words_add(words, json_string_value(json_object_get(row, "title")));
    add_texts(words, tags, NULL);
    i4_words_add(words, seed);
    add_texts(words, loras, "name");
    json_decref(tags);
    if (!add_job_caption(db, id, json_is_integer(prompt) ? json_integer_value(prompt) : -1, words,
                         err)) {
        return false;
    }
    if (words->failed) {
        return fail_words(err);
    }
    int64_t mark;
    bool found;
    i4_query q = i4_query_of(db, I4_SQL_WORDS_MARK);
    i4_query_int(&q, 1, id);
    const int64_t now = (int64_t)mark_of(words->ptr, words->len);
    if (!i4_query_number(&q, &mark, &found, err) || (found && mark == now)) {
        return q.code == SQLITE_ROW || q.code == SQLITE_DONE;
    }
    return i4_db_run_id(db, I4_SQL_WORDS_END, id, err) &&
           run_id_text(db, I4_SQL_WORDS_SET, id, words->ptr, err) &&
           run_id_value(db, I4_SQL_WORDS_MARK_SET, id, now, err) && set_loras(db, id, loras, err);
}

static bool settle_image(i4_db *db, int64_t id, i4_err *err) {
    json_t *row;
    i4_query q = i4_query_of(db, I4_SQL_WORDS_IMAGE);
    i4_query_int(&q, 1, id);
    if (!i4_query_row(&q, &row, err)) {
        return false;
    }
    if (!row) {
        return forget_image(db, id, err);
    }
    i4_buf words;
    i4_buf_init(&words, ROW_BYTES);
    json_t *loras = i4_lora_list(row);
    const bool good = loras ? set_image(db, id, row, loras, &words, err) : fail_words(err);
    i4_buf_free(&words);
    json_decref(loras);
    json_decref(row);
    return good;
}

/* --- entries -------------------------------------------------------------------------------- */

static bool forget_form(i4_db *db, int64_t id, i4_err *err) {
    return i4_db_run_id(db, I4_SQL_FORM_WORDS_END, id, err) &&
           i4_db_run_id(db, I4_SQL_FORM_MARK_END, id, err);
}

/* What the mark of an entry is made of: the texts as they are stored, which is quick to look at. */
static int64_t form_mark(const i4_query *q) {
    const char *hld = (const char *)sqlite3_column_text(q->stmt, 1);
    const char *form = (const char *)sqlite3_column_text(q->stmt, 2);
    const uint64_t first = hld ? mark_of(hld, (size_t)sqlite3_column_bytes(q->stmt, 1)) : 0;
    const uint64_t second = form ? mark_of(form, (size_t)sqlite3_column_bytes(q->stmt, 2)) : 0;
    return (int64_t)(first * 31 + second);
}

static bool set_form(i4_db *db, const i4_query *row, i4_buf *words, i4_err *err) {
    const int64_t id = sqlite3_column_int64(row->stmt, 0), mark = form_mark(row);
    i4_words_add(words, (const char *)sqlite3_column_text(row->stmt, 1));
    i4_words_add_form(words, (const char *)sqlite3_column_text(row->stmt, 2));
    i4_buf_adds(words, "");
    return (!words->failed || fail_words(err)) &&
           i4_db_run_id(db, I4_SQL_FORM_WORDS_END, id, err) &&
           run_id_text(db, I4_SQL_FORM_WORDS_SET, id, words->ptr, err) &&
           run_id_value(db, I4_SQL_FORM_MARK_SET, id, mark, err);
}

/* Of the entry that a query of FORMS or FORM_OF stands on. */
static bool look_at_form(i4_db *db, const i4_query *row, bool *is_new, i4_err *err) {
    *is_new = sqlite3_column_type(row->stmt, 3) == SQLITE_NULL ||
              sqlite3_column_int64(row->stmt, 3) != form_mark(row);
    if (!*is_new) {
        return true;
    }
    i4_buf words;
    i4_buf_init(&words, ROW_BYTES);
    const bool good = set_form(db, row, &words, err);
    i4_buf_free(&words);
    return good;
}

/* Captions of its pictures that were the entry's may have to be kept with the pictures now. */
static bool note_pictures(i4_db *db, int64_t id, i4_err *err) {
    bool good = true;
    i4_query q = i4_query_of(db, I4_SQL_FORM_IMAGES);
    i4_query_int(&q, 1, id);
    i4_query_int(&q, 2, PICTURES_AGAIN);
    while (good && i4_query_next(&q)) {
        good = i4_id_list_add(&db->view->word_images, sqlite3_column_int64(q.stmt, 0)) ||
               fail_words(err);
    }
    return i4_query_end(&q, err) && good;
}

static bool settle_form(i4_db *db, int64_t id, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_FORM_OF);
    i4_query_int(&q, 1, id);
    bool good = true, is_new = false;
    const bool found = i4_query_next(&q);
    if (found) {
        good = look_at_form(db, &q, &is_new, err);
    }
    if (!i4_query_end(&q, err) || !good) {
        return false;
    }
    return found ? !is_new || note_pictures(db, id, err) : forget_form(db, id, err);
}

/* --- when ----------------------------------------------------------------------------------- */

bool i4_words_settle(i4_db *db, i4_err *err) {
    i4_view *view = db->view;
    if (view->word_prompts.count + view->word_images.count > 0) {
        i4_found_forget(view);
    }
    bool good = !view->words_failed || fail_words(err);
    i4_id_list_sort(&view->word_prompts);
    for (size_t i = 0; good && i < view->word_prompts.count; i++) {
        good = settle_form(db, view->word_prompts.ids[i], err);
    }
    i4_id_list_sort(&view->word_images);
    for (size_t i = 0; good && i < view->word_images.count; i++) {
        good = settle_image(db, view->word_images.ids[i], err);
    }
    i4_view_forget_words(view);
    return good;
}

bool i4_db_index_image(i4_db *db, int64_t image_id, i4_err *err) {
    return i4_id_list_add(&db->view->word_images, image_id) || fail_words(err);
}

/* Ids of pictures that have a row or a mark but not both. */
static bool find_odd_images(i4_db *db, i4_id_list *odd, i4_err *err) {
    const i4_view *view = db->view;
    size_t at = 0;
    bool good = true;
    i4_query q = i4_query_of(db, I4_SQL_WORDS_MARKS);
    i4_query_int(&q, 1, INT64_MIN);
    while (good && i4_query_next(&q)) {
        const int64_t id = sqlite3_column_int64(q.stmt, 0);
        for (; good && at < view->count && view->rows[at].id < id; at++) {
            good = i4_id_list_add(odd, view->rows[at].id);
        }
        if (at < view->count && view->rows[at].id == id) {
            at++;
        } else {
            good = good && i4_id_list_add(odd, id);
        }
    }
    for (; good && at < view->count; at++) {
        good = i4_id_list_add(odd, view->rows[at].id);
    }
    return i4_query_end(&q, err) && (good || fail_words(err));
}

/* Ids of entries whose mark is missing or another one, or that are gone. */
static bool find_odd_forms(i4_db *db, i4_id_list *odd, i4_err *err) {
    bool good = true;
    i4_query q = i4_query_of(db, I4_SQL_FORMS);
    i4_query_int(&q, 1, INT64_MIN);
    while (good && i4_query_next(&q)) {
        if (sqlite3_column_type(q.stmt, 3) == SQLITE_NULL ||
            sqlite3_column_int64(q.stmt, 3) != form_mark(&q)) {
            good = i4_id_list_add(odd, sqlite3_column_int64(q.stmt, 0));
        }
    }
    good = i4_query_end(&q, err) && (good || fail_words(err));
    q = i4_query_of(db, I4_SQL_FORM_MARKS_LOST);
    i4_query_int(&q, 1, INT64_MIN);
    while (good && i4_query_next(&q)) {
        good = i4_id_list_add(odd, sqlite3_column_int64(q.stmt, 0)) || fail_words(err);
    }
    return i4_query_end(&q, err) && good;
}

bool i4_words_catch_up(i4_db *db, i4_err *err) {
    i4_view *view = db->view;
    i4_view_forget_words(view);
    if (!find_odd_images(db, &view->word_images, err) ||
        !find_odd_forms(db, &view->word_prompts, err)) {
        return false;
    }
    if (view->word_images.count == 0 && view->word_prompts.count == 0) {
        return true; /* a start that has nothing to do writes nothing */
    }
    const bool many = view->word_images.count + view->word_prompts.count > ROWS_TO_OPTIMIZE;
    return i4_db_begin(db, err) && i4_db_end(db, I4_DB_OK, err) == I4_DB_OK &&
           (!many || i4_db_run_text(db,
                                    "INSERT INTO image_words(image_words)VALUES('optimize');"
                                    "INSERT INTO prompt_words(prompt_words)VALUES('optimize')",
                                    err));
}
