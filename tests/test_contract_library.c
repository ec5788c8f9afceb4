/* The real gateway on databases made by the original's schema: pictures, files, prompts,
 * favourites, the last form, links and deletions (docs/http-api.md 3.8 to 3.12 and 7). No daemon
 * runs.
 */
#include "stack.h"

static stack it;

/* --- a database of the original ------------------------------------------------------------- */

/* A picture with its file; prompt 0: none. */
static void picture(int id, const char *created, int prompt, const char *file) {
    char text[512], path[300];
    snprintf(text, sizeof text,
             "INSERT INTO images (id, created_at, hld, width, height, preset, seed, file_path, "
             "prompt_id) VALUES (%d, '%s', 'picture %d', 1024, 768, 'V4_TURBO_12', %d, '%s', "
             "nullif(%d, 0))",
             id, created, id, 100 + id, file, prompt);
    stack_sql(&it, text);
    snprintf(path, sizeof path, "output/%.200s", file);
    stack_file(&it, path, file);
}

static void prompt(int id, const char *saved) {
    char text[256];
    snprintf(text, sizeof text,
             "INSERT INTO prompts (id, saved_at, hld, form_json) VALUES (%d, '%s', 'prompt %d', "
             "'{\"hld\":\"%d\"}')",
             id, saved, id, id);
    stack_sql(&it, text);
}

static void favorite(int id, const char *created, int image) {
    char text[160];
    snprintf(text, sizeof text,
             "INSERT INTO favorites (id, created_at, image_id) VALUES (%d, '%s', %d)", id, created,
             image);
    stack_sql(&it, text);
}

static json_t *get(const char *path, const char *expected) {
    return say(&it, GATEWAY, "GET", path, NULL, 200, expected);
}

/* Ids of the list at path, "3,1,2". */
static const char *ids_at(const char *path, const char *key) {
    static char text[1024];
    const json_t *rows = say(&it, GATEWAY, "GET", path, NULL, 200, NULL);
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(rows); i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", i ? "," : "",
                                 (int)number_at(json_array_get(rows, i), key));
        assert_true(used < sizeof text);
    }
    return text;
}

#define ASSERT_IDS(path, expected) assert_string_equal(ids_at(path, "id"), expected)

/* --- opening -------------------------------------------------------------------------------- */

static void library_original_databases_of_each_age_are_upgraded_and_a_copy_is_kept(void **state) {
    static const struct {
        const char *part, *rows;
    } cases[] = {
        {"later",
         "INSERT INTO images (hld, file_path, prompt_id, lora_name, lora_strength, "
         "lora_stack_json, parent_image_id) VALUES ('a', 'a.png', NULL, 'l', 0.5, '[]', 4)"},
        {"readme", "INSERT INTO images (hld, file_path, prompt_id, lora_name, lora_strength, "
                   "lora_stack_json) VALUES ('a', 'a.png', NULL, 'l', 0.5, '[]')"},
        {"oldest", "INSERT INTO images (hld, file_path) VALUES ('a', 'a.png')"},
    };
    static const char *const expected[] = {
        "[{'id':1,'created_at':'<when>','hld':'a','width':1024,'height':1024,'preset':'<text>',"
        "'seed':0,'file_path':'a.png','prompt_id':null,'lora_name':'l','lora_strength':0.5,"
        "'lora_stack_json':'[]','parent_image_id':4}]",
        "[{'id':1,'created_at':'<when>','hld':'a','width':1024,'height':1024,'preset':'<text>',"
        "'seed':0,'file_path':'a.png','prompt_id':null,'lora_name':'l','lora_strength':0.5,"
        "'lora_stack_json':'[]','parent_image_id':null}]",
        "[{'id':1,'created_at':'<when>','hld':'a','width':1024,'height':1024,'preset':'<text>',"
        "'seed':0,'file_path':'a.png','prompt_id':null,'lora_name':null,'lora_strength':null,"
        "'lora_stack_json':null,'parent_image_id':null}]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unlink(folder_at(&it.folder, "library.db"));
        stack_use_database(&it, cases[i].part);
        stack_sql(&it, cases[i].rows);
        const int copies = stack_file_count(&it, ".", "");
        stack_start_gateway(&it);
        get("/api/images", expected[i]);
        get("/api/prompts", "[]");
        get("/api/favorites", "[]");
        get("/api/form", "{'form_json':null}");
        assert_int_equal(stack_stop_gateway(&it), 0);
        assert_true(stack_file_count(&it, ".", "") > copies);
        /* a second start finds nothing to do, and the original's queries still work */
        stack_start_gateway(&it);
        get("/api/images", expected[i]);
        assert_string_equal(stack_rows(&it, "SELECT id, file_path, parent_image_id IS NULL FROM "
                                            "images ORDER BY created_at DESC LIMIT 50"),
                            i == 0 ? "1|a.png|0" : "1|a.png|1");
        assert_string_equal(stack_rows(&it, "PRAGMA journal_mode"), "wal");
        assert_int_equal(stack_stop_gateway(&it), 0);
    }
}

static void library_old_favorites_become_favorites_of_images(void **state) {
    (void)state;
    stack_use_database(&it, "readme");
    stack_sql(&it, "DROP TABLE favorites");
    stack_use_database(&it, "old favorites");
    prompt(1, "2026-01-01 10:00:00");
    prompt(2, "2026-01-01 10:00:00");
    picture(1, "2026-01-01 11:00:00", 1, "a.png");
    picture(2, "2026-01-01 12:00:00", 1, "b.png");
    picture(3, "2026-01-01 12:00:00", 0, "c.png");
    stack_sql(&it,
              "INSERT INTO favorites (id, created_at, kind, target_id) VALUES "
              "(10, '2026-02-01 00:00:00', 'image', 3), (11, '2026-02-02 00:00:00', 'image', 99),"
              "(12, '2026-02-03 00:00:00', 'prompt', 1), (13, '2026-02-04 00:00:00', 'prompt', 2),"
              "(14, '2026-02-05 00:00:00', 'image', 2)");
    stack_start_gateway(&it);
    const json_t *rows = get("/api/favorites", NULL);
    assert_int_equal(json_array_size(rows), 2);
    assert_string_equal(stack_rows(&it, "SELECT id, created_at FROM favorites WHERE image_id = 3"),
                        "10|2026-02-01 00:00:00");
    assert_string_equal(stack_rows(&it, "SELECT count(*) FROM favorites WHERE image_id = 2"), "1");
}

static void library_paths_of_old_rows_become_bare_names(void **state) {
    char text[1024];
    (void)state;
    stack_use_database(&it, "later");
    folder_sub(&it.folder, "output/deep");
    stack_file(&it, "output/deep/n.png", "nested");
    stack_file(&it, "output/b.png", "bare");
    stack_file(&it, "outside.png", "outside");
    snprintf(text, sizeof text,
             "INSERT INTO images (id, file_path) VALUES (1, 'x/y/b.png'), (2, 'deep/n.png'), "
             "(3, '%s/output/b.png'), (4, '/etc/passwd.png'), (5, '../outside.png'), (6, 'a.txt'), "
             "(7, 'B.WEBP'), (8, 'x.gif')",
             it.folder.path);
    stack_sql(&it, text);
    stack_start_gateway(&it);
    const json_t *rows = get("/api/images?limit=0", NULL);
    static const char *const expected[] = {"", "b.png", "n.png", "b.png", "", "", "", "B.WEBP", ""};
    assert_int_equal(json_array_size(rows), 8);
    for (size_t i = 0; i < 8; i++) {
        const json_t *row = json_array_get(rows, i);
        const int64_t id = number_at(row, "id");
        if (id != 5) { /* a base name that is no file of ours: any acceptable one will do */
            assert_string_equal(text_at(row, "file_path"), expected[id]);
        }
    }
    say(&it, GATEWAY, "GET", "/api/images/4/file", NULL, 404, "{'error':'not found'}");
    say(&it, GATEWAY, "GET", "/api/images/5/file", NULL, 404, "{'error':'not found'}");
    say(&it, GATEWAY, "GET", "/api/images/6/file", NULL, 404, "{'error':'not found'}");
    i4_answer file = fetch(&it, GATEWAY, "/api/images/1/file");
    assert_string_equal(file.body, "bare");
    i4_answer_free(&file);
}

/* --- listing -------------------------------------------------------------------------------- */

/* Prompts 1 (two versions) and 2 (none); 3: no prompt; 4: of a prompt that is gone. */
static void usual_rows(void) {
    stack_use_database(&it, "later");
    prompt(1, "2026-01-01 10:00:00");
    prompt(2, "2026-01-02 10:00:00");
    picture(1, "2026-01-01 10:00:05", 1, "one.png");
    picture(2, "2026-01-03 00:00:00", 1, "two.webp");
    picture(3, "2026-01-02 00:00:00", 0, "three.jpeg");
    picture(4, "2026-01-04 00:00:00", 99, "four.jpg");
    favorite(1, "2026-01-05 00:00:00", 1);
    favorite(2, "2026-01-06 00:00:00", 4);
}

static void library_images_are_listed_by_filter_newest_first(void **state) {
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    ASSERT_IDS("/api/images", "4,2,3,1");
    ASSERT_IDS("/api/images?limit=2", "4,2");
    ASSERT_IDS("/api/images?limit=0", "4,2,3,1");
    ASSERT_IDS("/api/images?linked_only=1", "2,1");
    ASSERT_IDS("/api/images?orphans_only=1&limit=0", "4,3");
    ASSERT_IDS("/api/images?prompt_id=1", "2,1");
    ASSERT_IDS("/api/images?prompt_id=99", "4"); /* existence is not checked */
    ASSERT_IDS("/api/images?prompt_id=1234", "");
    ASSERT_IDS("/api/images?prompt_id=1&orphans_only=1", "2,1"); /* the prompt wins */
    ASSERT_IDS("/api/images?prompt_id=1&limit=1", "2");
    say(&it, GATEWAY, "GET", "/api/images?linked_only=1&orphans_only=1", NULL, 400,
        "{'error':'<text>'}");
    get("/api/images?prompt_id=1&limit=1",
        "[{'id':2,'created_at':'2026-01-03 00:00:00','hld':'picture 2','width':1024,'height':768,"
        "'preset':'V4_TURBO_12','seed':102,'file_path':'two.webp','prompt_id':1,'lora_name':null,"
        "'lora_strength':null,'lora_stack_json':null,'parent_image_id':null}]");
    get("/api/images/stats", "{'total':4,'linked':2,'orphans':2,'null_prompt_id':1,'dangling':1}");
}

static void library_images_without_a_limit_are_fifty_unless_configured(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    stack_sql(&it, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
                   "INSERT INTO images (file_path) SELECT i || '.png' FROM n");
    stack_start_gateway(&it);
    assert_int_equal(json_array_size(get("/api/images", NULL)), 50);
    assert_int_equal(json_array_size(get("/api/images?orphans_only=1", NULL)), 50);
    assert_int_equal(json_array_size(get("/api/images?limit=0", NULL)), 60);
    assert_int_equal(json_array_size(get("/api/images?limit=55", NULL)), 55);
    assert_int_equal(stack_stop_gateway(&it), 0);
    stack_set(&it, "DB_QUERY_LIMIT", "7");
    stack_start_gateway(&it);
    assert_int_equal(json_array_size(get("/api/images", NULL)), 7);
    assert_int_equal(stack_stop_gateway(&it), 0);
    stack_set(&it, "DB_QUERY_LIMIT", "-1");
    stack_start_gateway(&it);
    assert_int_equal(json_array_size(get("/api/images", NULL)), 60);
}

static void library_prompts_are_kept_as_they_were_sent(void **state) {
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    get("/api/prompts", "[{'id':2,'saved_at':'2026-01-02 10:00:00','hld':'prompt 2',"
                        "'form_json':'{\\\"hld\\\":\\\"2\\\"}'},"
                        "{'id':1,'saved_at':'2026-01-01 10:00:00','hld':'prompt 1',"
                        "'form_json':'{\\\"hld\\\":\\\"1\\\"}'}]");
    get("/api/prompts/1", "{'id':1,'saved_at':'2026-01-01 10:00:00','hld':'prompt 1',"
                          "'form_json':'{\\\"hld\\\":\\\"1\\\"}'}");
    say(&it, GATEWAY, "GET", "/api/prompts/77", NULL, 404, "{'error':'not found'}");
    say(&it, GATEWAY, "POST", "/api/prompts",
        "{'hld':'\xe7\x8c\xab','form_json':' { \\\"b\\\" : 1, \\\"a\\\":2 } '}", 200, "{'id':3}");
    get("/api/prompts/3", "{'id':3,'saved_at':'<when>','hld':'\xe7\x8c\xab',"
                          "'form_json':' { \\\"b\\\" : 1, \\\"a\\\":2 } '}");
    say(&it, GATEWAY, "POST", "/api/prompts", "{'form_json':'0'}", 200, "{'id':4}");
    get("/api/prompts/4", "{'id':4,'saved_at':'<when>','hld':'','form_json':'0'}");
}

static void library_last_form_is_one_row(void **state) {
    (void)state;
    stack_start_gateway(&it);
    get("/api/form", "{'form_json':null}");
    say(&it, GATEWAY, "POST", "/api/form", "{'form_json':'{\\\"a\\\":1}'}", 200, "{'ok':true}");
    say(&it, GATEWAY, "POST", "/api/form", "{'form_json':'[2]'}", 200, "{'ok':true}");
    get("/api/form", "{'form_json':'[2]'}");
    assert_string_equal(stack_rows(&it, "SELECT id, form_json FROM last_form"), "1|[2]");
    assert_int_equal(stack_stop_gateway(&it), 0);
    stack_start_gateway(&it);
    get("/api/form", "{'form_json':'[2]'}");
}

/* --- linking -------------------------------------------------------------------------------- */

static void library_link_pushes_out_what_is_older_than_the_prompt(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    prompt(1, "2026-01-01 10:00:00");
    picture(1, "2026-01-01 09:57:59", 1, "a.png"); /* 121 s older */
    picture(2, "2026-01-01 09:58:30", 1, "b.png"); /* within the grace (I5) */
    picture(3, "2026-01-01 11:00:00", 1, "c.png");
    picture(4, "2025-01-01 00:00:00", 0, "d.png"); /* the linked one itself may be of any age */
    stack_start_gateway(&it);
    say(&it, GATEWAY, "PATCH", "/api/images/4", "{'prompt_id':1}", 200,
        "{'ok':true,'prompt_id':1}");
    assert_string_equal(stack_rows(&it, "SELECT id, prompt_id FROM images ORDER BY id"),
                        "1|-;2|1;3|1;4|1");
    assert_true(stack_has_file(&it, "output/a.png")); /* row and file stay */
    assert_string_equal(stack_rows(&it, "SELECT saved_at FROM prompts"), "2026-01-01 10:00:00");
}

static void library_link_checks_the_prompt_first(void **state) {
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    const char *both = text_at(
        say(&it, GATEWAY, "PATCH", "/api/images/77", "{'prompt_id':77}", 404, "{'error':'<text>'}"),
        "error");
    const char *no_prompt = text_at(
        say(&it, GATEWAY, "PATCH", "/api/images/3", "{'prompt_id':77}", 404, "{'error':'<text>'}"),
        "error");
    const char *no_image = text_at(
        say(&it, GATEWAY, "PATCH", "/api/images/77", "{'prompt_id':1}", 404, "{'error':'<text>'}"),
        "error");
    assert_string_equal(both, no_prompt);
    assert_string_not_equal(both, no_image);
    assert_string_equal(stack_rows(&it, "SELECT prompt_id FROM images ORDER BY id"), "1;1;-;99");
}

static void library_attach_history_makes_or_overwrites_a_prompt(void **state) {
    static const char body[] = "{'hld':'new','form_json':'{\\\"x\\\":1}'}";
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    say(&it, GATEWAY, "POST", "/api/images/3/attach-history", body, 200,
        "{'ok':true,'prompt_id':3}");
    get("/api/prompts/3", "{'id':3,'saved_at':'<when>','hld':'new','form_json':'{\\\"x\\\":1}'}");
    ASSERT_IDS("/api/images?prompt_id=3", "3");
    /* again: another prompt, and the picture moves */
    say(&it, GATEWAY, "POST", "/api/images/3/attach-history", body, 200,
        "{'ok':true,'prompt_id':4}");
    ASSERT_IDS("/api/images?prompt_id=3", "");
    ASSERT_IDS("/api/images?prompt_id=4", "3");
    /* with an id: overwritten, but not its date; an older date pushes nothing of ours out */
    say(&it, GATEWAY, "POST", "/api/images/3/attach-history",
        "{'hld':'over','form_json':'[]','prompt_id':1}", 200, "{'ok':true,'prompt_id':1}");
    get("/api/prompts/1",
        "{'id':1,'saved_at':'2026-01-01 10:00:00','hld':'over','form_json':'[]'}");
    ASSERT_IDS("/api/images?prompt_id=1", "2,3,1");
    say(&it, GATEWAY, "POST", "/api/images/3/attach-history", "{'form_json':'1','prompt_id':null}",
        200, "{'ok':true,'prompt_id':5}");
}

static void library_attach_history_to_what_is_missing_changes_nothing(void **state) {
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    const char *both = text_at(say(&it, GATEWAY, "POST", "/api/images/77/attach-history",
                                   "{'form_json':'1','prompt_id':77}", 404, "{'error':'<text>'}"),
                               "error");
    const char *no_image = text_at(say(&it, GATEWAY, "POST", "/api/images/77/attach-history",
                                       "{'form_json':'1'}", 404, "{'error':'<text>'}"),
                                   "error");
    const char *no_prompt =
        text_at(say(&it, GATEWAY, "POST", "/api/images/3/attach-history",
                    "{'form_json':'1','prompt_id':77}", 404, "{'error':'<text>'}"),
                "error");
    assert_string_equal(both, no_image); /* the image is checked first */
    assert_string_not_equal(both, no_prompt);
    assert_string_equal(stack_rows(&it, "SELECT count(*) FROM prompts"), "2");
    assert_string_equal(stack_rows(&it, "SELECT prompt_id FROM images ORDER BY id"), "1;1;-;99");
}

/* --- deleting ------------------------------------------------------------------------------- */

static void library_deleted_image_takes_its_favorite_and_file_along(void **state) {
    (void)state;
    usual_rows();
    picture(5, "2026-02-01 00:00:00", 0, "child.png");
    stack_sql(&it, "UPDATE images SET parent_image_id = 1 WHERE id = 5");
    stack_start_gateway(&it);
    say(&it, GATEWAY, "DELETE", "/api/images/1", NULL, 200, "{'ok':true}");
    say(&it, GATEWAY, "DELETE", "/api/images/1", NULL, 200, "{'ok':false}");
    assert_false(stack_has_file(&it, "output/one.png"));
    assert_string_equal(stack_rows(&it, "SELECT image_id FROM favorites"), "4");
    assert_string_equal(stack_rows(&it, "SELECT parent_image_id FROM images WHERE id = 5"), "1");
    unlink(folder_at(&it.folder, "output/two.webp")); /* a missing file is no obstacle */
    say(&it, GATEWAY, "DELETE", "/api/images/2", NULL, 200, "{'ok':true}");
    ASSERT_IDS("/api/images", "5,4,3");
}

static void library_deleted_prompt_takes_its_images_along(void **state) {
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    say(&it, GATEWAY, "DELETE", "/api/prompts/1", NULL, 200, "{'ok':true}");
    ASSERT_IDS("/api/images", "4,3");
    assert_false(stack_has_file(&it, "output/one.png"));
    assert_false(stack_has_file(&it, "output/two.webp"));
    assert_true(stack_has_file(&it, "output/three.jpeg"));
    assert_string_equal(stack_rows(&it, "SELECT image_id FROM favorites"), "4");
    say(&it, GATEWAY, "DELETE", "/api/prompts/1", NULL, 200, "{'ok':false}");
    /* a prompt that is gone, but whose picture is not */
    say(&it, GATEWAY, "DELETE", "/api/prompts/99", NULL, 200, "{'ok':true}");
    assert_false(stack_has_file(&it, "output/four.jpg"));
    say(&it, GATEWAY, "DELETE", "/api/prompts/2", NULL, 200, "{'ok':true}"); /* without pictures */
    ASSERT_IDS("/api/images", "3");
    ASSERT_IDS("/api/prompts", "");
}

static void library_orphans_are_deleted_with_favorites_and_files(void **state) {
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    say(&it, GATEWAY, "DELETE", "/api/images/orphans", NULL, 200, "{'ok':true,'deleted':2}");
    ASSERT_IDS("/api/images", "2,1");
    assert_false(stack_has_file(&it, "output/three.jpeg"));
    assert_false(stack_has_file(&it, "output/four.jpg"));
    assert_string_equal(stack_rows(&it, "SELECT image_id FROM favorites"), "1");
    say(&it, GATEWAY, "DELETE", "/api/images/orphans", NULL, 200, "{'ok':true,'deleted':0}");
    get("/api/images/stats", "{'total':2,'linked':2,'orphans':0,'null_prompt_id':0,'dangling':0}");
}

static void library_deletion_leaves_files_outside_alone(void **state) {
    char text[900];
    (void)state;
    stack_use_database(&it, "later");
    stack_file(&it, "precious.png", "precious");
    snprintf(text, sizeof text,
             "INSERT INTO images (id, file_path) VALUES (1, '%s/precious.png'), "
             "(2, '../precious.png'), (3, 'link.png')",
             it.folder.path);
    stack_sql(&it, text);
    folder_link(&it.folder, "output/link.png", folder_at(&it.folder, "precious.png"));
    stack_start_gateway(&it);
    say(&it, GATEWAY, "GET", "/api/images/3/file", NULL, 404, "{'error':'not found'}");
    say(&it, GATEWAY, "DELETE", "/api/images/orphans", NULL, 200, "{'ok':true,'deleted':3}");
    assert_true(stack_has_file(&it, "precious.png"));
}

/* --- favourites ----------------------------------------------------------------------------- */

static void library_favorites_name_the_prompt_of_its_preview_only(void **state) {
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    get("/api/favorites",
        "[{'id':2,'created_at':'2026-01-06 00:00:00','image_id':4,'hld':'picture 4',"
        "'preset':'V4_TURBO_12','w':1024,'h':768,'prompt_id':null,'history_linked':false},"
        "{'id':1,'created_at':'2026-01-05 00:00:00','image_id':1,'hld':'picture 1',"
        "'preset':'V4_TURBO_12','w':1024,'h':768,'prompt_id':null,'history_linked':false}]");
    say(&it, GATEWAY, "POST", "/api/favorites", "{'prompt_id':1}", 200,
        "{'id':'<int>','created_at':'<when>','image_id':2,'hld':'picture 2','preset':'V4_TURBO_12',"
        "'w':1024,'h':768,'prompt_id':1,'history_linked':true}");
    get("/api/favorites/1", "{'id':1,'image_id':1,'...':0}");
    say(&it, GATEWAY, "GET", "/api/favorites/77", NULL, 404, "{'error':'<text>'}");
}

static void library_favorites_resolve_their_target(void **state) {
    static const struct {
        const char *body;
        int status;
        const char *answer;
    } cases[] = {
        {"{'image_id':1}", 200, "{'id':1,'created_at':'2026-01-05 00:00:00','image_id':1,'...':0}"},
        {"{'image_id':3}", 200, "{'image_id':3,'prompt_id':null,'...':0}"},
        {"{'image_id':3,'prompt_id':1}", 200, "{'image_id':3,'...':0}"}, /* the image wins */
        {"{'image_id':3,'prompt_id':null}", 200, "{'image_id':3,'...':0}"},
        {"{'image_id':null,'prompt_id':1}", 200, "{'image_id':2,'...':0}"},
        {"{'image_id':77}", 404, "{'error':'<text>'}"},
        {"{'prompt_id':2}", 404, "{'error':'<text>'}"}, /* no picture */
        {"{'prompt_id':77}", 404, "{'error':'<text>'}"},
        {"{}", 404, "{'error':'<text>'}"},
        {"{'image_id':null}", 404, "{'error':'<text>'}"},
    };
    (void)state;
    usual_rows();
    stack_start_gateway(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        say(&it, GATEWAY, "POST", "/api/favorites", cases[i].body, cases[i].status,
            cases[i].answer);
    }
    say(&it, GATEWAY, "DELETE", "/api/favorites/images/3", NULL, 200, "{'ok':true}");
    say(&it, GATEWAY, "DELETE", "/api/favorites/images/3", NULL, 200, "{'ok':false}");
    say(&it, GATEWAY, "DELETE", "/api/favorites/images/77", NULL, 200, "{'ok':false}");
    say(&it, GATEWAY, "DELETE", "/api/favorites/prompts/2", NULL, 200, "{'ok':false}");
    say(&it, GATEWAY, "DELETE", "/api/favorites/prompts/1", NULL, 200, "{'ok':true}");
}

static void library_favorites_without_their_image_are_left_out(void **state) {
    (void)state;
    usual_rows();
    favorite(9, "2026-03-01 00:00:00", 1234);
    stack_start_gateway(&it);
    ASSERT_IDS("/api/favorites", "2,1");
}

static void library_preview_has_two_minutes_of_grace(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    prompt(1, "2026-01-01 10:00:00");
    prompt(2, "2026-01-01 10:00:00");
    picture(1, "2026-01-01 09:58:00", 1, "a.png"); /* 120 s before: in */
    picture(2, "2026-01-01 09:57:59", 2, "b.png"); /* 121 s before: out */
    stack_start_gateway(&it);
    say(&it, GATEWAY, "POST", "/api/favorites", "{'prompt_id':1}", 200,
        "{'image_id':1,'prompt_id':1,'history_linked':true,'...':0}");
    say(&it, GATEWAY, "POST", "/api/favorites", "{'prompt_id':2}", 404, NULL);
    say(&it, GATEWAY, "POST", "/api/favorites", "{'image_id':2}", 200,
        "{'image_id':2,'prompt_id':null,'history_linked':false,'...':0}");
}

static void library_zones_in_timestamps_are_honoured(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    prompt(1, "2026-01-01T10:00:00Z");
    prompt(2, "2026-01-01 12:00:00+02:00");
    picture(1, "2026-01-01 09:59:00", 1, "a.png");
    picture(2, "2026-01-01 09:59:00", 2, "b.png");
    stack_start_gateway(&it);
    say(&it, GATEWAY, "POST", "/api/favorites", "{'prompt_id':1}", 200, "{'image_id':1,'...':0}");
    say(&it, GATEWAY, "POST", "/api/favorites", "{'prompt_id':2}", 200, "{'image_id':2,'...':0}");
}

/* --- files ---------------------------------------------------------------------------------- */

static raw_answer get_file(const char *path, const char *lines) {
    return raw_ask(it.gateway.port, "GET", path, lines, NULL);
}

static void library_files_have_the_type_of_their_suffix(void **state) {
    static const struct {
        const char *file, *type;
    } cases[] = {
        {"a.png", "image/png"},          {"b.webp", "image/webp"}, {"c.jpeg", "image/jpeg"},
        {"d.jpg", "image/jpeg"},         {"e.PNG", "image/png"},   {"f.JpG", "image/jpeg"},
        {"\xc3\xa4 1.png", "image/png"},
    };
    char path[64];
    (void)state;
    stack_use_database(&it, "later");
    for (int i = 0; i < 7; i++) {
        picture(i + 1, "2026-01-01 00:00:00", 0, cases[i].file);
    }
    stack_start_gateway(&it);
    for (int i = 0; i < 7; i++) {
        snprintf(path, sizeof path, "/api/images/%d/file", i + 1);
        raw_answer a = get_file(path, NULL);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, cases[i].file);
        assert_string_equal(raw_header(&a, "Content-Type"), cases[i].type);
        assert_string_equal(raw_header(&a, "Accept-Ranges"), "bytes");
        assert_true(raw_header(&a, "Last-Modified")[0] != '\0');
        assert_int_equal(raw_header(&a, "ETag")[0], '"');
        assert_int_equal(strtoul(raw_header(&a, "Content-Length"), NULL, 10), a.size);
        assert_string_equal(raw_header(&a, "Content-Disposition"), "");
        assert_string_equal(raw_header(&a, "Cache-Control"), "");
        raw_free(&a);
    }
    raw_answer a = get_file("/outputs/%C3%A4%201.png", NULL);
    assert_int_equal(a.status, 200);
    raw_free(&a);
}

static void library_files_are_given_in_ranges(void **state) {
    static const struct {
        const char *range;
        int status;
        const char *body, *content_range;
    } cases[] = {
        {"bytes=0-3", 206, "0123", "bytes 0-3/20"},
        {"bytes=16-", 206, "ghij", "bytes 16-19/20"},
        {"bytes=-2", 206, "ij", "bytes 18-19/20"},
        {"bytes=18-99", 206, "ij", "bytes 18-19/20"},
        {"bytes=0-", 206, "0123456789abcdefghij", "bytes 0-19/20"},
        {"bytes=20-", 416, NULL, "bytes */20"},
        {"bytes=99-100", 416, NULL, "bytes */20"},
        {"bytes=x-3", 400, NULL, ""},
        {"bytes", 400, NULL, ""},
        {"bytes=5-3", 400, NULL, ""},
    };
    char line[96];
    (void)state;
    stack_file(&it, "output/r.png", "0123456789abcdefghij");
    stack_start_gateway(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(line, sizeof line, "Range: %s\r\n", cases[i].range);
        raw_answer a = get_file("/outputs/r.png", line);
        if (a.status != cases[i].status) {
            fail_msg("%s: %d instead of %d", cases[i].range, a.status, cases[i].status);
        }
        if (cases[i].body) {
            assert_string_equal(a.body, cases[i].body);
        }
        assert_string_equal(raw_header(&a, "Content-Range"), cases[i].content_range);
        if (cases[i].status == 400) {
            assert_memory_equal(raw_header(&a, "Content-Type"), "text/plain", 10);
        }
        raw_free(&a);
    }
    raw_answer many = get_file("/outputs/r.png", "Range: bytes=0-1,10-11\r\n");
    assert_int_equal(many.status, 206);
    assert_memory_equal(raw_header(&many, "Content-Type"), "multipart/byteranges; boundary=", 31);
    assert_non_null(strstr(many.body, "bytes 0-1/20"));
    assert_non_null(strstr(many.body, "\r\n\r\n01\r\n"));
    assert_non_null(strstr(many.body, "\r\n\r\nab\r\n"));
    raw_free(&many);
}

static void library_files_know_if_range_but_no_conditional_get(void **state) {
    char line[300], tag[128], date[128];
    (void)state;
    stack_file(&it, "output/r.png", "0123456789");
    stack_start_gateway(&it);
    raw_answer a = get_file("/outputs/r.png", NULL);
    snprintf(tag, sizeof tag, "%.100s", raw_header(&a, "ETag"));
    snprintf(date, sizeof date, "%.100s", raw_header(&a, "Last-Modified"));
    raw_free(&a);
    const struct {
        const char *name, *value, *range;
        int status;
    } cases[] = {
        {"If-Range", tag, "0-3", 206},
        {"If-Range", "\"other\"", "0-3", 200},
        {"If-Range", date, "0-3", 206},
        {"If-Range", "Thu, 01 Jan 1970 00:00:00 GMT", "0-3", 200},
        {"If-None-Match", tag, NULL, 200},
        {"If-Modified-Since", date, NULL, 200},
        {"If-None-Match", "*", NULL, 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(line, sizeof line, "%s: %s\r\n%s%s%s", cases[i].name, cases[i].value,
                 cases[i].range ? "Range: bytes=" : "", cases[i].range ? cases[i].range : "",
                 cases[i].range ? "\r\n" : "");
        a = get_file("/outputs/r.png", line);
        if (a.status != cases[i].status) {
            fail_msg("%s: %d", line, a.status);
        }
        assert_int_equal(a.size, cases[i].status == 206 ? 4 : 10);
        raw_free(&a);
    }
}

static void library_outputs_serve_bare_names_of_pictures_only(void **state) {
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/outputs/a.png", 200},
        {"/outputs/%61.png", 200},
        {"/outputs/B.WEBP", 200},
        {"/outputs/inside.png", 200},
        {"/outputs/x/../a.png", 404},
        {"/outputs/x/a.png", 404},
        {"/outputs/./a.png", 404},
        {"/outputs//a.png", 404},
        {"/outputs/..%2foutput%2fa.png", 404},
        {"/outputs/../library.db", 404},
        {"/outputs/..%2flibrary.db", 404},
        {"/outputs/%2e%2e/secret.png", 404},
        {"/outputs/%2Fetc%2Fpasswd", 404},
        {"/outputs//etc/passwd", 404},
        {"/outputs/a.txt", 404},
        {"/outputs/a.png%00.txt", 404},
        {"/outputs/folder.png", 404},
        {"/outputs/outside.png", 404},
        {"/outputs/missing.png", 404},
        {"/outputs/.png", 404},
        {"/outputs/", 404},
        {"/outputs/..\\secret.png", 404},
    };
    (void)state;
    stack_file(&it, "output/a.png", "picture");
    stack_file(&it, "output/B.WEBP", "picture");
    stack_file(&it, "output/a.txt", "text");
    stack_file(&it, "secret.png", "secret");
    folder_sub(&it.folder, "output/folder.png");
    folder_sub(&it.folder, "output/x");
    folder_link(&it.folder, "output/outside.png", folder_at(&it.folder, "secret.png"));
    folder_link(&it.folder, "output/inside.png", folder_at(&it.folder, "output/a.png"));
    stack_start_gateway(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        raw_answer a = get_file(cases[i].path, NULL);
        if (a.status != cases[i].status || strstr(a.body, "secret")) {
            fail_msg("%s: %d %s", cases[i].path, a.status, a.body);
        }
        raw_free(&a);
    }
    say(&it, GATEWAY, "GET", "/outputs/missing.png", NULL, 404, "{'error':'not found'}");
    say(&it, GATEWAY, "GET", "/api/images/5/file", NULL, 404, "{'error':'not found'}");
}

/* --- maintenance ---------------------------------------------------------------------------- */

static void library_maintenance_reports_and_deletes_orphans(void **state) {
    static const char *const report[] = {"maintain", NULL};
    static const char *const dry[] = {"maintain", "--delete-orphans", "--dry-run", NULL};
    static const char *const remove_all[] = {"maintain", "--delete-orphans", NULL};
    char *said;
    (void)state;
    usual_rows();
    assert_int_equal(stack_run(&it, "IDEOGRAM4_GATEWAY", report, &said), 0);
    assert_non_null(strstr(said, "total: 4"));
    assert_non_null(strstr(said, "orphans: 2"));
    free(said);
    assert_int_equal(stack_run(&it, "IDEOGRAM4_GATEWAY", dry, &said), 0);
    free(said);
    assert_string_equal(stack_rows(&it, "SELECT count(*) FROM images"), "4");
    assert_int_equal(stack_run(&it, "IDEOGRAM4_GATEWAY", remove_all, &said), 0);
    free(said);
    assert_string_equal(stack_rows(&it, "SELECT count(*) FROM images"), "2");
    assert_false(stack_has_file(&it, "output/three.jpeg"));
}

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_library");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stack_end(&it);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(library_original_databases_of_each_age_are_upgraded_and_a_copy_is_kept),
        TEST(library_old_favorites_become_favorites_of_images),
        TEST(library_paths_of_old_rows_become_bare_names),
        TEST(library_images_are_listed_by_filter_newest_first),
        TEST(library_images_without_a_limit_are_fifty_unless_configured),
        TEST(library_prompts_are_kept_as_they_were_sent),
        TEST(library_last_form_is_one_row),
        TEST(library_link_pushes_out_what_is_older_than_the_prompt),
        TEST(library_link_checks_the_prompt_first),
        TEST(library_attach_history_makes_or_overwrites_a_prompt),
        TEST(library_attach_history_to_what_is_missing_changes_nothing),
        TEST(library_deleted_image_takes_its_favorite_and_file_along),
        TEST(library_deleted_prompt_takes_its_images_along),
        TEST(library_orphans_are_deleted_with_favorites_and_files),
        TEST(library_deletion_leaves_files_outside_alone),
        TEST(library_favorites_name_the_prompt_of_its_preview_only),
        TEST(library_favorites_resolve_their_target),
        TEST(library_favorites_without_their_image_are_left_out),
        TEST(library_preview_has_two_minutes_of_grace),
        TEST(library_zones_in_timestamps_are_honoured),
        TEST(library_files_have_the_type_of_their_suffix),
        TEST(library_files_are_given_in_ranges),
        TEST(library_files_know_if_range_but_no_conditional_get),
        TEST(library_outputs_serve_bare_names_of_pictures_only),
        TEST(library_maintenance_reports_and_deletes_orphans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
