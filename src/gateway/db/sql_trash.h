/* Floor 6, private to this folder. Statements of trash.c and recipe.c: part of I4_SQL_LIST
 * (private.h). */
#ifndef I4_GATEWAY_DB_SQL_TRASH_H
#define I4_GATEWAY_DB_SQL_TRASH_H

#include "gateway/db/db.h"

/* Entries chosen for a restoration or for good; filled and emptied within one transaction. */
#define I4_PART_CHOSEN " WHERE id IN(SELECT id FROM trash_chosen)"

/* A stored path is read under a second name: "file_path" would be cut to a bare name (db.c). */
#define I4_SQL_TRASH(X)                                                                            \
    X(TRASH_ACTION, "INSERT INTO trash_actions(trashed_at)VALUES(datetime('now'))")                \
    X(TRASH_COLUMNS, "SELECT name FROM pragma_table_info(?1)ORDER BY cid")                         \
    X(TRASH_ADD, "INSERT INTO trash(trash_id,kind,row_id,prompt_id,file_path,content)"             \
                 "VALUES(?1,?2,?3,?4,?5,?6)")                                                      \
    X(TRASH_IMAGE_ROW, "SELECT *,file_path AS stored_path FROM images WHERE id=?1")                \
    X(TRASH_PROMPT_ROW, "SELECT * FROM prompts WHERE id=?1")                                       \
    X(TRASH_FAVORITE_ROW, "SELECT * FROM favorites WHERE image_id=?1")                             \
    X(TRASH_TAGS, "SELECT t.* FROM image_tags i JOIN tags t ON t.id=i.tag_id WHERE i.image_id=?1 " \
                  "ORDER BY t.id")                                                                 \
    X(TRASH_TAG_ADD,                                                                               \
      "INSERT OR IGNORE INTO image_tags(image_id,tag_id)SELECT ?1,id FROM tags WHERE key=?2")      \
    X(TRASH_PROMPT_KNOWN, "SELECT 1 FROM prompts WHERE id=?1 UNION ALL "                           \
                          "SELECT 1 FROM trash WHERE kind='prompt' AND row_id=?1")                 \
    X(TRASH_PROMPT_IMAGES, "SELECT id FROM images WHERE prompt_id=?1 ORDER BY id")                 \
    X(TRASH_IMAGES_OF, "SELECT row_id FROM trash WHERE trash_id=?1 AND kind='image'ORDER BY id")   \
    X(TRASH_PAGE, "SELECT t.id AS place,t.kind AS kind,t.trash_id AS trash_id,"                    \
                  "a.trashed_at AS trashed_at,"                                                    \
                  "CAST((unixepoch_now-CAST(strftime('%s',a.trashed_at)AS INTEGER))/86400 "        \
                  "AS INTEGER)AS age_days,t.content AS content,"                                   \
                  "(SELECT count(*)FROM trash c WHERE t.kind='prompt' AND c.kind='image' AND "     \
                  "c.prompt_id=t.row_id AND c.trash_id=t.trash_id)AS images "                      \
                  "FROM trash t JOIN trash_actions a ON a.id=t.trash_id,"                          \
                  "(SELECT CAST(strftime('%s','now')AS INTEGER)AS unixepoch_now)"                  \
                  "WHERE t.id<?1 ORDER BY t.id DESC LIMIT ?2")                                     \
    X(TRASH_TOTAL, "SELECT count(*)FROM trash WHERE kind='image'")                                 \
    X(TRASHED_FILE, "SELECT content FROM trash WHERE file_path=?1 LIMIT 1")                        \
    X(TRASHED_IMAGE, "SELECT content FROM trash WHERE kind='image' AND row_id=?1")                 \
    X(TRASH_CHOOSE_ACTION, "INSERT OR IGNORE INTO trash_chosen "                                   \
                           "SELECT id FROM trash WHERE trash_id=?1")                               \
    X(TRASH_CHOOSE_IMAGE, "INSERT OR IGNORE INTO trash_chosen "                                    \
                          "SELECT id FROM trash WHERE kind='image' AND row_id=?1")                 \
    X(TRASH_CHOOSE_PROMPT, "INSERT OR IGNORE INTO trash_chosen SELECT c.id FROM trash t "          \
                           "JOIN trash c ON c.trash_id=t.trash_id AND"                             \
                           "(c.id=t.id OR(c.kind='image' AND c.prompt_id=t.row_id))"               \
                           "WHERE t.kind='prompt' AND t.row_id=?1")                                \
    X(TRASH_CHOOSE_OLD, "INSERT OR IGNORE INTO trash_chosen SELECT t.id FROM trash_actions a "     \
                        "JOIN trash t ON t.trash_id=a.id "                                         \
                        "WHERE a.trashed_at<=datetime('now','-'||?1||' days')")                    \
    X(TRASH_CHOOSE_ALL, "INSERT INTO trash_chosen SELECT id FROM trash")                           \
    X(TRASH_CHOSEN_ROWS,                                                                           \
      "SELECT kind,row_id,content FROM trash" I4_PART_CHOSEN " ORDER BY kind DESC,id")             \
    X(TRASH_CHOSEN_IMAGES, "SELECT row_id FROM trash" I4_PART_CHOSEN " AND kind='image'")          \
    X(TRASH_CHOSEN_PROMPTS, "SELECT count(*)FROM trash" I4_PART_CHOSEN " AND kind='prompt'")       \
    X(TRASH_CHOSEN_UNLINK, "UPDATE images SET prompt_id=NULL WHERE prompt_id IN("                  \
                           "SELECT row_id FROM trash" I4_PART_CHOSEN " AND kind='prompt')")        \
    X(TRASH_CHOSEN_FILES,                                                                          \
      "INSERT OR IGNORE INTO removals SELECT file_path FROM trash" I4_PART_CHOSEN                  \
      " AND file_path IS NOT NULL")                                                                \
    X(TRASH_CHOSEN_END, "DELETE FROM trash" I4_PART_CHOSEN)                                        \
    X(TRASH_CHOSEN_CLEAR, "DELETE FROM trash_chosen")                                              \
    X(TRASH_ACTIONS_END, "DELETE FROM trash_actions WHERE NOT EXISTS("                             \
                         "SELECT 1 FROM trash t WHERE t.trash_id=trash_actions.id)")               \
    X(RECIPE_IMAGE, "SELECT * FROM images WHERE id=?1")                                            \
    X(RECIPE_FORM, "SELECT form_json FROM prompts WHERE id=?1")                                    \
    X(RECIPE_JOB, "SELECT caption AS job_caption,seconds FROM jobs WHERE task_id=?1")

#endif
