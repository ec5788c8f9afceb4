/* Floor 6, private to this folder. Statements of the library (view.c, search.c, tags.c, library.c,
 * prompt_page.c): part of I4_SQL_LIST (private.h). None walks a table: tests/test_library_db.c asks
 * SQLite for the plan of each. */
#ifndef I4_GATEWAY_DB_SQL_LIBRARY_H
#define I4_GATEWAY_DB_SQL_LIBRARY_H

#include "gateway/db/db.h"

#define I4_PART_VIEW                                                                             \
    "SELECT i.id,i.created_at,i.width,i.height,i.preset,i.rating,i.flag,ifnull(i.prompt_id,-1)," \
    "p.id IS NOT NULL,ifnull(i.lora_name,'')<>''OR ifnull(length(i.lora_stack_json),0)>2,"       \
    "EXISTS(SELECT 1 FROM favorites f WHERE f.image_id=i.id)"                                    \
    "FROM images i LEFT JOIN prompts p ON p.id=i.prompt_id "

/* Newest first, below a place; ?1 is a blob, above all texts, for the first page. */
#define I4_PART_BELOW(prompts)                                                                 \
    "(" prompts ".saved_at," prompts ".id)<(?1,?2)ORDER BY " prompts ".saved_at DESC," prompts \
    ".id DESC LIMIT ?3"

#define I4_SQL_LIBRARY(X)                                                                        \
    /* the view */                                                                               \
    X(VIEW_VERSION, "PRAGMA data_version")                                                       \
    X(VIEW_TIME, "SELECT ifnull(CAST(strftime('%s',?1)AS INTEGER),0)")                           \
    X(VIEW_LOAD, I4_PART_VIEW "WHERE i.id>?1 ORDER BY i.id")                                     \
    X(VIEW_IMAGE, I4_PART_VIEW "WHERE i.id=?1")                                                  \
    X(VIEW_PROMPT_IMAGES, "SELECT id FROM images WHERE prompt_id=?1")                            \
    X(VIEW_FAVORITES, "SELECT image_id FROM favorites WHERE image_id>?1 ORDER BY image_id")      \
    /* words of pictures */                                                                      \
    X(WORDS_IMAGE, "SELECT hld,title,seed,lora_name,lora_stack_json,prompt_id FROM images "      \
                   "WHERE id=?1")                                                                \
    X(WORDS_CAPTION, "SELECT caption FROM jobs WHERE image_id=?1 LIMIT 1")                       \
    X(WORDS_MARKS, "SELECT image_id FROM image_marks WHERE image_id>?1 ORDER BY image_id")       \
    X(WORDS_MARK, "SELECT mark FROM image_marks WHERE image_id=?1")                              \
    X(WORDS_MARK_SET, "INSERT OR REPLACE INTO image_marks(image_id,mark)VALUES(?1,?2)")          \
    X(WORDS_MARK_END, "DELETE FROM image_marks WHERE image_id=?1")                               \
    X(WORDS_SET, "INSERT INTO image_words(rowid,words)VALUES(?1,?2)")                            \
    X(WORDS_END, "DELETE FROM image_words WHERE rowid=?1")                                       \
    X(WORDS_FIND, "SELECT rowid FROM image_words WHERE image_words MATCH ?1 ORDER BY rowid")     \
    X(LORA_SET, "INSERT OR IGNORE INTO image_loras(image_id,name)VALUES(?1,?2)")                 \
    X(LORAS_END, "DELETE FROM image_loras WHERE image_id=?1")                                    \
    X(LORA_IMAGES, "SELECT image_id FROM image_loras WHERE name=?1 ORDER BY image_id")           \
    /* words of history entries */                                                               \
    X(FORMS, "SELECT p.id,p.hld,p.form_json,m.mark FROM prompts p LEFT JOIN prompt_marks m "     \
             "ON m.prompt_id=p.id WHERE p.id>?1 ORDER BY p.id")                                  \
    X(FORM_OF, "SELECT p.id,p.hld,p.form_json,m.mark FROM prompts p LEFT JOIN prompt_marks m "   \
               "ON m.prompt_id=p.id WHERE p.id=?1")                                              \
    X(FORM_MARKS_LOST, "SELECT prompt_id FROM prompt_marks m WHERE prompt_id>?1 AND NOT EXISTS(" \
                       "SELECT 1 FROM prompts p WHERE p.id=m.prompt_id)")                        \
    X(FORM_MARK_SET, "INSERT OR REPLACE INTO prompt_marks(prompt_id,mark)VALUES(?1,?2)")         \
    X(FORM_MARK_END, "DELETE FROM prompt_marks WHERE prompt_id=?1")                              \
    X(FORM_WORDS_SET, "INSERT INTO prompt_words(rowid,words)VALUES(?1,?2)")                      \
    X(FORM_WORDS_END, "DELETE FROM prompt_words WHERE rowid=?1")                                 \
    X(FORM_WORDS_FIND, "SELECT rowid FROM prompt_words WHERE prompt_words MATCH ?1 "             \
                       "ORDER BY rowid")                                                         \
    X(FORM_IMAGES, "SELECT id FROM images WHERE prompt_id=?1 LIMIT ?2")                          \
    /* tags */                                                                                   \
    X(TAG_FIND, "SELECT id FROM tags WHERE key=?1")                                              \
    X(TAG_ADD, "INSERT INTO tags(name,key)VALUES(?1,?2)")                                        \
    X(TAGS_USED, "SELECT t.name AS name,c.uses AS count FROM tag_counts c CROSS JOIN tags t "    \
                 "ON t.id=c.tag_id WHERE c.uses>0 ORDER BY c.uses DESC,c.tag_id LIMIT ?1")       \
    X(TAGS_BEGINNING, "SELECT t.name AS name,c.uses AS count FROM tags t CROSS JOIN "            \
                      "tag_counts c ON c.tag_id=t.id WHERE t.key>=?2 AND "                       \
                      "t.key<?2||char(1114111)AND c.uses>0 ORDER BY t.key LIMIT ?1")             \
    X(TAGS_OF, "SELECT t.name FROM image_tags i CROSS JOIN tags t ON t.id=i.tag_id "             \
               "WHERE i.image_id=?1 ORDER BY t.key")                                             \
    X(TAG_IMAGES, "SELECT image_id FROM image_tags WHERE tag_id=?1 ORDER BY image_id")           \
    X(TAG_PUT, "INSERT OR IGNORE INTO image_tags(image_id,tag_id)VALUES(?1,?2)")                 \
    X(TAG_TAKE, "DELETE FROM image_tags WHERE image_id=?1 AND tag_id=?2")                        \
    X(TAGS_TAKE, "DELETE FROM image_tags WHERE image_id=?1")                                     \
    /* pictures */                                                                               \
    X(ITEM, "SELECT i.id AS id,i.width AS w,i.height AS h,i.created_at AS created_at,"           \
            "i.hld AS hld,i.title AS title,i.preset AS preset,i.seed AS seed,"                   \
            "i.file_path AS file_path,p.id AS prompt_id,i.parent_image_id AS parent_image_id,"   \
            "EXISTS(SELECT 1 FROM favorites f WHERE f.image_id=i.id)AS fav,"                     \
            "i.rating AS rating,i.flag AS flag,i.lora_name AS lora_name,"                        \
            "i.lora_strength AS lora_strength,i.lora_stack_json AS lora_stack_json "             \
            "FROM images i LEFT JOIN prompts p ON p.id=i.prompt_id WHERE i.id=?1")               \
    X(TITLE_SET, "UPDATE images SET title=?2 WHERE id=?1")                                       \
    X(RATING_SET, "UPDATE images SET rating=?2 WHERE id=?1")                                     \
    X(FLAG_SET, "UPDATE images SET flag=?2 WHERE id=?1")                                         \
    /* pages of the history */                                                                   \
    X(PROMPT_PAGE, "SELECT p.id FROM prompts p WHERE " I4_PART_BELOW("p"))                       \
    X(PROMPT_COUNT, "SELECT count(*)FROM prompts WHERE saved_at>=''")                            \
    X(PROMPT_PAGE_FOUND, "SELECT p.id FROM prompt_words w CROSS JOIN prompts p ON p.id=w.rowid " \
                         "WHERE w.prompt_words MATCH ?4 AND " I4_PART_BELOW("p"))                \
    X(PROMPT_COUNT_FOUND, "SELECT count(*)FROM prompt_words WHERE prompt_words MATCH ?1")

#endif
