/* Routes of pictures: thumbnails over HTTP, recipes out of files and rows, files without their
 * recipe, and import of what people and hostile programs bring. */
#include "gateway_rig.h"

#include "gateway/db/recipe.h"
#include "gateway/library/find.h"
#include "gateway/library/recipe.h"
#include "image/image.h"

#include <sqlite3.h>

static const char caption[] =
    "{\"high_level_description\": \"A <b>mug</b> \\u00e9\", \"compositional_deconstruction\": "
    "{\"background\": \"white\", \"elements\": [{\"type\": \"text\", \"text\": \"HI\", "
    "\"desc\": \"black letters\"}]}}";

static int set_up(void **state) {
    static rig r;
    rig_settings(&r, "pictures");
    rig_start(&r);
    *state = &r;
    return 0;
}

static int tear_down(void **state) {
    rig_end(*state);
    return 0;
}

/* --- pictures -------------------------------------------------------------------------------- */

typedef struct file {
    uint8_t *bytes; /* owned */
    size_t size;
} file;

static file picture(i4_image_format format, const char *key, const char *value) {
    i4_image image;
    file f;
    const i4_pair pair = {key, value};
    assert_true(i4_image_new(&image, 64, 48, NULL));
    for (int i = 0; i < 64 * 48 * 3; i++) {
        image.rgb[i] = (uint8_t)(i * 7);
    }
    assert_true(i4_image_encode(&image, format, 90, &pair, key ? 1 : 0, &f.bytes, &f.size, NULL));
    i4_image_free(&image);
    return f;
}

static char *recipe_text(void) {
    json_t *recipe =
        json_pack("{s:i,s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:i,s:f,s:i,s:[{s:s,s:f}]}", "version", 1,
                  "program", "ideogram4.c 0.1.0", "model", "demo", "format", "png", "caption",
                  caption, "width", 64, "height", 48, "preset", "V4_TURBO_12", "steps", 0,
                  "guidance", -1.0, "seed", 42, "loras", "name", "night", "strength", 0.6);
    char *text = json_dumps(recipe, JSON_COMPACT);
    json_decref(recipe);
    return text;
}

static int64_t add_file(rig *r, const char *name, file f) {
    char path[1200];
    json_t *row;
    snprintf(path, sizeof path, "%s/%s", r->settings.output_dir, name);
    assert_true(i4_file_write(path, f.bytes, f.size, NULL));
    const i4_new_image image = {.hld = "A mug",
                                .width = 64,
                                .height = 48,
                                .seed = 9,
                                .preset = "V4_QUALITY_48",
                                .file_path = name,
                                .prompt_id = -1,
                                .parent_image_id = -1,
                                .seconds = -1};
    assert_int_equal(i4_db_add_image(r->gateway.db, &image, &row, NULL), I4_DB_OK);
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    json_decref(row);
    return id;
}

/* --- requests of bytes ----------------------------------------------------------------------- */

/* Status; *got is to be freed. */
static int ask(rig *r, const char *method, const char *path, const void *body, size_t size,
               const char *header, i4_answer *got) {
    const char *headers[] = {header ? header : "Accept: */*", NULL};
    char url[1200];
    i4_err err = {0};
    i4_http_client *client = i4_http_client_new(&err);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", i4_gateway_port(&r->gateway), path);
    const i4_call call = {.method = method,
                          .url = url,
                          .headers = headers,
                          .body = body,
                          .body_size = size,
                          .read_seconds = 60};
    if (!i4_http_call(client, &call, got, &err)) {
        fail_msg("%s %s: %s", method, path, err.text);
    }
    i4_http_client_free(client);
    return got->status;
}

static json_t *import(rig *r, const void *bytes, size_t size, int status) {
    i4_answer got = {0};
    const int was =
        ask(r, "POST", "/api/import", bytes, size, "Content-Type: application/octet-stream", &got);
    json_t *json = i4_answer_json(&got);
    if (was != status) {
        fail_msg("import: %d %s", was, text_at(json, "error"));
    }
    if (status != 200) {
        assert_true(text_at(json, "error")[0]);
    }
    i4_answer_free(&got);
    return json;
}

static json_t *import_text(rig *r, const char *text, int status) {
    return import(r, text, strlen(text), status);
}

/* --- thumbnails ------------------------------------------------------------------------------ */

static void pictures_thumb_is_served_and_cached(void **state) {
    rig *r = *state;
    file f = picture(I4_PNG, NULL, NULL);
    add_file(r, "a.png", f);
    i4_answer got = {0};
    assert_int_equal(ask(r, "GET", "/api/images/1/thumb?w=160", NULL, 0, NULL, &got), 200);
    i4_image image;
    assert_true(i4_image_decode((const uint8_t *)got.body, got.size, &image, NULL));
    assert_int_equal(image.width, 64);
    i4_image_free(&image);
    i4_answer_free(&got);
    /* any tag is fine, so that the exact form of ours is nobody's business */
    assert_int_equal(ask(r, "GET", "/api/images/1/thumb", NULL, 0, "If-None-Match: *", &got), 304);
    assert_int_equal(got.size, 0);
    i4_answer_free(&got);
    assert_int_equal(rig_ask(r, "GET", "/api/images/1/thumb?w=100", NULL, NULL), 422);
    assert_int_equal(rig_ask(r, "GET", "/api/images/1/thumb?w=x", NULL, NULL), 422);
    assert_int_equal(rig_ask(r, "GET", "/api/images/x/thumb", NULL, NULL), 422);
    assert_int_equal(rig_ask(r, "GET", "/api/images/77/thumb", NULL, NULL), 404);
    i4_free(f.bytes);
    f = (file){(uint8_t *)"no picture", 10};
    add_file(r, "bad.png", f);
    assert_int_equal(rig_ask(r, "GET", "/api/images/2/thumb", NULL, NULL), 422);
    assert_true(unlink(folder_at(&r->folder, "output/bad.png")) == 0);
    assert_int_equal(rig_ask(r, "GET", "/api/images/2/thumb", NULL, NULL), 404);
}

/* --- recipes --------------------------------------------------------------------------------- */

static void assert_recipe(const json_t *recipe) {
    json_t *expected = json_loads(caption, 0, NULL);
    assert_true(json_equal(json_object_get(recipe, "caption"), expected));
    assert_string_equal(text_at(recipe, "caption_text"), caption);
    assert_int_equal(json_integer_value(json_object_get(recipe, "seed")), 42);
    assert_int_equal(json_integer_value(json_object_get(recipe, "steps")), 12);
    assert_int_equal(json_integer_value(json_object_get(recipe, "width")), 64);
    assert_string_equal(text_at(recipe, "preset"), "V4_TURBO_12");
    assert_string_equal(text_at(recipe, "program"), "ideogram4.c 0.1.0");
    assert_string_equal(text_at(json_array_get(json_object_get(recipe, "loras"), 0), "name"),
                        "night");
    json_decref(expected);
}

static void pictures_recipe_comes_from_the_file(void **state) {
    rig *r = *state;
    static const i4_image_format formats[] = {I4_PNG, I4_WEBP, I4_JPEG};
    static const char *const names[] = {"a.png", "a.webp", "a.jpeg"};
    char *text = recipe_text(), path[64];
    for (int i = 0; i < 3; i++) {
        file f = picture(formats[i], "ideogram4", text);
        json_t *recipe;
        add_file(r, names[i], f);
        snprintf(path, sizeof path, "/api/images/%d/recipe", i + 1);
        assert_int_equal(rig_ask(r, "GET", path, NULL, &recipe), 200);
        assert_recipe(recipe);
        assert_string_equal(text_at(recipe, "source"), "file");
        json_decref(recipe);
        recipe = i4_recipe_of_file(f.bytes, f.size, NULL);
        assert_recipe(recipe);
        json_decref(recipe);
        json_t *found = import(r, f.bytes, f.size, 200);
        assert_string_equal(text_at(found, "kind"), "ideogram4");
        assert_recipe(found);
        json_decref(found);
        i4_free(f.bytes);
    }
    free(text);
    assert_int_equal(rig_ask(r, "GET", "/api/images/77/recipe", NULL, NULL), 404);
}

static void pictures_recipe_comes_from_the_row(void **state) {
    rig *r = *state;
    json_t *recipe, *row;
    int64_t prompt;
    file f = picture(I4_PNG, NULL, NULL);
    add_file(r, "a.png", f);
    i4_free(f.bytes);
    assert_int_equal(rig_ask(r, "GET", "/api/images/1/recipe", NULL, &recipe), 200);
    assert_string_equal(text_at(recipe, "source"), "row");
    assert_string_equal(text_at(recipe, "caption"), "A mug");
    assert_int_equal(json_integer_value(json_object_get(recipe, "steps")), 48);
    assert_true(json_is_null(json_object_get(recipe, "model")));
    json_decref(recipe);
    static const char form[] =
        "{\"hld\":\"A cup\",\"aes\":\"calm\",\"light\":\"\",\"cam\":\"85mm\",\"bg\":\"wall\","
        "\"med\":\"photograph\",\"els\":[{\"id\":\"e1\",\"type\":\"obj\",\"text\":\"\","
        "\"bbox\":\"1,2,3,4\",\"desc\":\"cup\"}],\"rawJson\":\"\"}";
    static const char expected[] =
        "{\"high_level_description\": \"A cup\", \"style_description\": {\"aesthetics\": \"calm\", "
        "\"photo\": \"85mm\", \"medium\": \"photograph\"}, \"compositional_deconstruction\": "
        "{\"background\": \"wall\", \"elements\": [{\"type\": \"obj\", \"bbox\": [1, 2, 3, 4], "
        "\"desc\": \"cup\"}]}}";
    bool missing;
    assert_int_equal(i4_db_attach(r->gateway.db, 1, "A cup", form, -1, &prompt, &missing, NULL),
                     I4_DB_OK);
    assert_int_equal(i4_db_recipe(r->gateway.db, 1, &row, NULL), I4_DB_OK);
    recipe = i4_recipe_of_row(row);
    assert_string_equal(text_at(recipe, "caption_text"), expected);
    json_decref(recipe);
    json_decref(row);
    json_t *with_text = json_pack("{s:s,s:s}", "hld", "x", "rawJson", caption);
    char *text = json_dumps(with_text, 0);
    assert_int_equal(i4_db_attach(r->gateway.db, 1, "A cup", text, prompt, &prompt, &missing, NULL),
                     I4_DB_OK);
    assert_int_equal(rig_ask(r, "GET", "/api/images/1/recipe", NULL, &recipe), 200);
    json_t *value = json_loads(caption, 0, NULL);
    assert_true(json_equal(json_object_get(recipe, "caption"), value));
    json_decref(value);
    json_decref(recipe);
    json_decref(with_text);
    free(text);
    assert_int_equal(i4_db_recipe(r->gateway.db, 5, &row, NULL), I4_DB_NONE);
}

static void pictures_file_without_recipe_has_the_same_pixels(void **state) {
    rig *r = *state;
    static const i4_image_format formats[] = {I4_PNG, I4_WEBP, I4_JPEG};
    static const char *const names[] = {"a.png", "a.webp", "a.jpeg"};
    char *text = recipe_text(), path[64];
    for (int i = 0; i < 3; i++) {
        file f = picture(formats[i], "ideogram4", text);
        file bare = picture(formats[i], NULL, NULL);
        i4_answer got = {0};
        i4_image a, b;
        add_file(r, names[i], f);
        snprintf(path, sizeof path, "/api/images/%d/file?recipe=0", i + 1);
        assert_int_equal(ask(r, "GET", path, NULL, 0, NULL, &got), 200);
        assert_true(got.size < f.size);
        assert_null(i4_recipe_of_file((const uint8_t *)got.body, got.size, NULL));
        assert_true(i4_image_decode((const uint8_t *)got.body, got.size, &a, NULL));
        assert_true(i4_image_decode(bare.bytes, bare.size, &b, NULL));
        assert_memory_equal(a.rgb, b.rgb, 64 * 48 * 3);
        i4_image_free(&a);
        i4_image_free(&b);
        i4_answer_free(&got);
        snprintf(path, sizeof path, "/api/images/%d/file", i + 1);
        assert_int_equal(ask(r, "GET", path, NULL, 0, NULL, &got), 200);
        assert_int_equal(got.size, f.size);
        assert_memory_equal(got.body, f.bytes, f.size);
        i4_answer_free(&got);
        i4_free(f.bytes);
        i4_free(bare.bytes);
    }
    free(text);
    assert_int_equal(rig_ask(r, "GET", "/api/images/1/file?recipe=maybe", NULL, NULL), 422);
    assert_int_equal(rig_ask(r, "GET", "/api/images/77/file?recipe=0", NULL, NULL), 404);
}

/* --- import of what is foreign -----------------------------------------------------------------
 */

static void assert_found(json_t *found, const char *kind, size_t repairs) {
    json_t *expected = json_loads(caption, 0, NULL);
    assert_string_equal(text_at(found, "kind"), kind);
    assert_true(json_equal(json_object_get(found, "caption"), expected));
    assert_int_equal(json_array_size(json_object_get(found, "repaired")), repairs);
    json_decref(expected);
    json_decref(found);
}

static char *quoted(const char *text) {
    json_t *value = json_string(text);
    char *out = json_dumps(value, JSON_ENCODE_ANY);
    json_decref(value);
    return out;
}

static void pictures_import_finds_captions_in_text(void **state) {
    rig *r = *state;
    char text[4096], *once = quoted(caption), *ours = recipe_text();
    assert_found(import_text(r, caption, 200), "caption", 0);
    snprintf(text, sizeof text, "```json\n%s\n```\n", caption);
    assert_found(import_text(r, text, 200), "caption", 1);
    snprintf(text, sizeof text, "Here it is: {not this} %s\nSteps: 20, Seed: 1", caption);
    assert_found(import_text(r, text, 200), "caption", 0);
    snprintf(text, sizeof text, "{\"nodes\":[{\"inputs\":{\"text\":%s}}]}", once);
    assert_found(import_text(r, text, 200), "foreign", 0);
    snprintf(text, sizeof text, "{\"nodes\":[1,{\"inputs\":{\"prompt\":%s,},},],}", caption);
    assert_found(import_text(r, text, 200), "foreign", 1);
    json_t *found = import_text(r, ours, 200);
    assert_recipe(found);
    assert_found(found, "ideogram4", 0);
    found = import_text(r,
                        "{\"caption\":\"a mug\",\"width\":256,\"height\":256,\"preset\":"
                        "\"V4_TURBO_12\",\"seed\":\"18446744073709551615\"}",
                        200);
    assert_string_equal(text_at(found, "kind"), "ideogram4");
    assert_string_equal(text_at(found, "caption"), "a mug");
    assert_string_equal(text_at(found, "seed"), "18446744073709551615");
    json_decref(found);
    free(once);
    free(ours);
}

static void pictures_import_finds_captions_in_pictures(void **state) {
    rig *r = *state;
    static const i4_image_format formats[] = {I4_PNG, I4_WEBP, I4_JPEG};
    static const char *const keys[] = {"parameters", "prompt", "workflow", "Description"};
    char text[4096];
    snprintf(text, sizeof text, "%s\nNegative prompt: none\nSteps: 20", caption);
    for (int i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) { /* WebP and JPEG: within XMP, escaped */
            file f = picture(formats[i], keys[k], text);
            assert_found(import(r, f.bytes, f.size, 200), "foreign", 0);
            i4_free(f.bytes);
        }
    }
    file none = picture(I4_PNG, "parameters", "a mug, best quality");
    json_decref(import(r, none.bytes, none.size, 422));
    i4_free(none.bytes);
}

/* A JPEG with one more segment after its start. */
static file with_segment(int marker, const char *head, size_t head_size, const char *body,
                         size_t body_size) {
    file plain = picture(I4_JPEG, NULL, NULL), out;
    const size_t size = head_size + body_size + 2;
    out.size = plain.size + size + 2;
    out.bytes = i4_malloc(out.size);
    memcpy(out.bytes, plain.bytes, 2);
    const uint8_t lead[] = {0xFF, (uint8_t)marker, (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(out.bytes + 2, lead, 4);
    memcpy(out.bytes + 6, head, head_size);
    memcpy(out.bytes + 6 + head_size, body, body_size);
    memcpy(out.bytes + 6 + head_size + body_size, plain.bytes + 2, plain.size - 2);
    i4_free(plain.bytes);
    return out;
}

static void pictures_import_reads_comments_and_exif(void **state) {
    rig *r = *state;
    char wide[2048];
    file f = with_segment(0xFE, "", 0, caption, strlen(caption));
    assert_found(import(r, f.bytes, f.size, 200), "foreign", 0);
    i4_free(f.bytes);
    f = with_segment(0xE1, "Exif\0\0II*\0ASCII\0\0\0", 18, caption, strlen(caption));
    assert_found(import(r, f.bytes, f.size, 200), "foreign", 0);
    i4_free(f.bytes);
    for (int high = 0; high < 2; high++) {
        for (size_t i = 0; i < strlen(caption); i++) {
            wide[2 * i + high] = caption[i];
            wide[2 * i + 1 - high] = 0;
        }
        f = with_segment(0xE1, "Exif\0\0MM\0*UNICODE", 18, wide, 2 * strlen(caption));
        assert_found(import(r, f.bytes, f.size, 200), "foreign", 0);
        i4_free(f.bytes);
    }
}

/* --- import of what is hostile ------------------------------------------------------------------
 */

static char *repeated(const char *piece, size_t times, const char *tail) {
    const size_t size = strlen(piece);
    char *text = i4_malloc(size * times + strlen(tail) + 1);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + i * size, piece, size);
    }
    memcpy(text + size * times, tail, strlen(tail) + 1);
    return text;
}

/* Each is refused with a sentence, and quickly: the search has a budget. */
static void pictures_import_refuses_hostile_text(void **state) {
    rig *r = *state;
    static const struct {
        const char *piece;
        size_t times;
        const char *tail;
    } texts[] = {
        {"[", 10000, "\"compositional_deconstruction\""},
        {"{\"a\":", 10000, "{\"compositional_deconstruction\":{}}"},
        {"{", 1000000, "compositional_deconstruction"},
        {"{\"compositional_deconstruction\":[", 30000, ""},
        {"{\"compositional_deconstruction\"", 50000, "}"},
        {"\"compositional_deconstruction", 50000, ""},
        {"{\"x\":\"compositional_deconstruction\"}", 40000, ""},
        {"{compositional_deconstruction},", 60000, "}"},
        {"&quot;{", 200000, "compositional_deconstruction"},
        {"compositional_deconstructio", 70000, ""},
        {"x", 3 << 20, ""},
        {"\xff\xfe", 100, "compositional_deconstruction"},
        {"", 0, "<script>alert(1)</script>"},
        {"", 0, "null"},
        {"", 0, "{}"},
        {"", 0, "{\"compositional_deconstruction\":\"text\"}"},
        {"", 0, "{\"caption\":{\"x\":1}}"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text = repeated(texts[i].piece, texts[i].times, texts[i].tail);
        json_decref(import_text(r, text, 422));
        i4_free(text);
    }
    json_decref(import(r, "", 0, 422));
}

static void pictures_find_searches_text_and_xml(void **state) {
    (void)state;
    i4_find s;
    i4_find_begin(&s);
    i4_find_text(&s, i4_str_c("nothing"));
    assert_null(s.caption);
    char text[256];
    snprintf(text, sizeof text, "<a>{&quot;%s&quot;:{&quot;t&quot;:&quot;&lt;b&gt;&quot;}}</a>",
             i4_caption_mark);
    i4_find_text(&s, i4_str_c(text));
    assert_null(s.caption);
    i4_find_xml(&s, i4_str_c(text));
    assert_string_equal(text_at(json_object_get(s.caption, i4_caption_mark), "t"), "<b>");
    json_t *value = i4_find_parse(&s, i4_find_trim(i4_str_c(" [1,\"a,]\",\n] ")));
    assert_int_equal(json_array_size(value), 2);
    assert_int_equal(json_array_size(s.repaired), 1);
    json_decref(value);
    i4_find_end(&s);
}

static void pictures_import_stops_at_nested_strings(void **state) {
    rig *r = *state;
    char *text = strdup(caption);
    for (int level = 1; level <= 6; level++) {
        char *inner = quoted(text);
        free(text);
        const size_t size = strlen(inner) + 16;
        text = malloc(size);
        snprintf(text, size, "{\"a\":%s}", inner);
        free(inner);
        json_t *found = import_text(r, text, level <= I4_FIND_NESTED ? 200 : 422);
        json_decref(found);
    }
    free(text);
}

static void pictures_import_refuses_hostile_pictures(void **state) {
    rig *r = *state;
    static const i4_image_format formats[] = {I4_PNG, I4_WEBP, I4_JPEG};
    char *text = recipe_text();
    for (int i = 0; i < 3; i++) {
        file f = picture(formats[i], "ideogram4", text);
        for (size_t size = 3; size < f.size; size += size < 64 ? 1 : 97) {
            i4_answer got = {0};
            const int status =
                ask(r, "POST", "/api/import", f.bytes, size, "Content-Type: image/png", &got);
            if (status != 200 && status != 422) { /* a text before the cut may be whole */
                fail_msg("format %d, %zu bytes: %d", i, size, status);
            }
            i4_answer_free(&got);
            uint8_t *clean = NULL;
            size_t clean_size;
            i4_pairs pairs = {0};
            if (i4_image_strip(f.bytes, size, &clean, &clean_size, NULL)) {
                i4_free(clean);
            }
            (void)i4_image_foreign(f.bytes, size, &pairs, NULL);
            i4_pairs_free(&pairs);
        }
        i4_free(f.bytes);
    }
    free(text);
    /* a text chunk of 50 MB */
    file plain = picture(I4_PNG, NULL, NULL);
    const size_t bytes = 50 << 20, size = plain.size + bytes + 12;
    uint8_t *huge = i4_calloc(size, 1);
    memcpy(huge, plain.bytes, 33);
    const uint8_t head[] = {
        (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16), 0, 0, 't', 'E', 'X', 't', 'p', 0};
    memcpy(huge + 33, head, sizeof head);
    memset(huge + 33 + sizeof head, '{', bytes - 2);
    memcpy(huge + 33 + bytes + 12, plain.bytes + 33, plain.size - 33);
    json_decref(import(r, huge, size, 422));
    i4_free(huge);
    i4_free(plain.bytes);
    char *deep = repeated("[", 10000, "compositional_deconstruction");
    file f = picture(I4_PNG, "ideogram4", deep);
    json_decref(import(r, f.bytes, f.size, 422));
    i4_free(f.bytes);
    f = picture(I4_PNG, "ideogram4", "<img src=x onerror=alert(1)>");
    json_decref(import(r, f.bytes, f.size, 422));
    i4_free(f.bytes);
    i4_free(deep);
    i4_err err = {0};
    assert_null(i4_recipe_import("RIFFxxxxWEBP", 12, &err));
    assert_true(err.text[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pictures_thumb_is_served_and_cached),
        TEST(pictures_recipe_comes_from_the_file),
        TEST(pictures_recipe_comes_from_the_row),
        TEST(pictures_file_without_recipe_has_the_same_pixels),
        TEST(pictures_import_finds_captions_in_text),
        TEST(pictures_import_finds_captions_in_pictures),
        TEST(pictures_import_reads_comments_and_exif),
        TEST(pictures_import_refuses_hostile_text),
        TEST(pictures_find_searches_text_and_xml),
        TEST(pictures_import_stops_at_nested_strings),
        TEST(pictures_import_refuses_hostile_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
