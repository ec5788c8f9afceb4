/* Tags and LoRA of pictures. */
#include "gateway/db/tags.h"

#include "base/memory.h"
#include "gateway/db/library.h"
#include "gateway/db/words.h"

#include <string.h>

enum { TAGS_LISTED = 1000 };

static bool fail_tags(i4_err *err) {
    return i4_fail_memory(err, "tags", 4096);
}

bool i4_db_tags_of(i4_db *db, int64_t image_id, json_t **names, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_TAGS_OF);
    i4_query_int(&q, 1, image_id);
    return i4_query_texts(&q, names, err);
}

bool i4_tag_id(i4_db *db, const char *name, int64_t *id, i4_err *err) {
    char *key = i4_words_key(name);
    if (!key) {
        return fail_tags(err);
    }
    bool found;
    i4_query q = i4_query_of(db, I4_SQL_TAG_FIND);
    i4_query_text(&q, 1, key);
    const bool good = i4_query_number(&q, id, &found, err);
    i4_free(key);
    if (!found) {
        *id = -1;
    }
    return good;
}

static bool make_tag(i4_db *db, const char *name, int64_t *id, i4_err *err) {
    char *key = i4_words_key(name);
    if (!key) {
        return fail_tags(err);
    }
    i4_query q = i4_query_of(db, I4_SQL_TAG_ADD);
    i4_query_text(&q, 1, name);
    i4_query_text(&q, 2, key);
    const bool good = i4_query_run(&q, err);
    *id = sqlite3_last_insert_rowid(db->handle);
    i4_free(key);
    return good;
}

bool i4_tags_ids(i4_db *db, const json_t *names, bool make, i4_id_list *ids, i4_err *err) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        int64_t id;
        if (!i4_tag_id(db, name, &id, err) || (id < 0 && make && !make_tag(db, name, &id, err))) {
            return false;
        }
        if (id >= 0 && !i4_id_list_add(ids, id)) {
            return fail_tags(err);
        }
    }
    return true;
}

static bool run_each(i4_db *db, i4_sql which, int64_t image_id, const i4_id_list *tags,
                     i4_err *err) {
    bool good = true;
    for (size_t i = 0; good && i < tags->count; i++) {
        i4_query q = i4_query_of(db, which);
        i4_query_int(&q, 1, image_id);
        i4_query_int(&q, 2, tags->ids[i]);
        good = i4_query_run(&q, err);
    }
    return good;
}

bool i4_tags_put(i4_db *db, int64_t image_id, const i4_id_list *tags, i4_err *err) {
    return run_each(db, I4_SQL_TAG_PUT, image_id, tags, err);
}

bool i4_tags_take(i4_db *db, int64_t image_id, const i4_id_list *tags, i4_err *err) {
    return run_each(db, I4_SQL_TAG_TAKE, image_id, tags, err);
}

i4_db_result i4_db_tag_list(i4_db *db, const char *beginning, json_t **tags, i4_err *err) {
    *tags = NULL;
    char *key = i4_words_key(beginning ? beginning : "");
    if (!key) {
        fail_tags(err);
        return I4_DB_FAILED;
    }
    i4_db_lock(db);
    i4_query q = i4_query_of(db, key[0] ? I4_SQL_TAGS_BEGINNING : I4_SQL_TAGS_USED);
    i4_query_int(&q, 1, TAGS_LISTED);
    if (key[0]) {
        i4_query_text(&q, 2, key);
    }
    const bool good = i4_query_rows(&q, tags, err);
    i4_db_unlock(db);
    i4_free(key);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

/* --- LoRA ----------------------------------------------------------------------------------- */

static bool append_lora(json_t *list, json_t *name, json_t *strength) {
    json_t *lora = json_pack("{s:O,s:O}", "name", name, "strength",
                             json_is_number(strength) ? strength : json_null());
    return lora && json_array_append_new(list, lora) == 0;
}

json_t *i4_lora_list(const json_t *row) {
    const char *text = json_string_value(json_object_get(row, "lora_stack_json"));
    json_t *stack = text ? json_loads(text, 0, NULL) : NULL;
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < json_array_size(stack); i++) {
        json_t *name = json_object_get(json_array_get(stack, i), "name");
        good = !json_is_string(name) ||
               append_lora(list, name, json_object_get(json_array_get(stack, i), "strength"));
    }
    json_t *name = json_object_get(row, "lora_name");
    if (good && json_array_size(list) == 0 && json_string_length(name) > 0) {
        good = append_lora(list, name, json_object_get(row, "lora_strength"));
    }
    json_decref(stack);
    if (!good) {
        json_decref(list);
        list = NULL;
    }
    return list;
}
