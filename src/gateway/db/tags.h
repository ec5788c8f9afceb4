/* Floor 6, private to this folder. Tags of pictures, and their LoRA as a list; all inside a
 * transaction or under the lock. Tags that differ in case only are the same. */
#ifndef I4_GATEWAY_DB_TAGS_H
#define I4_GATEWAY_DB_TAGS_H

#include "gateway/db/private.h"

#include "gateway/db/view.h"

/* Names, in order (new reference). */
bool i4_db_tags_of(i4_db *db, int64_t image_id, json_t **names, i4_err *err);
/* The id of each name; unknown ones are made if `make`, else passed over. */
bool i4_tags_ids(i4_db *db, const json_t *names, bool make, i4_id_list *ids, i4_err *err);
/* -1: there is no such tag. */
bool i4_tag_id(i4_db *db, const char *name, int64_t *id, i4_err *err);
bool i4_tags_put(i4_db *db, int64_t image_id, const i4_id_list *tags, i4_err *err);
bool i4_tags_take(i4_db *db, int64_t image_id, const i4_id_list *tags, i4_err *err);

/* library.c: as i4_db_item. */
i4_db_result i4_db_item_inside(i4_db *db, int64_t image_id, json_t **item, i4_err *err);

/* [{"name", "strength"}] of a row with lora_name, lora_strength, lora_stack_json; NULL: no
 * memory. */
json_t *i4_lora_list(const json_t *row);

#endif
