/* The library over HTTP: the real gateway on a database of the original with known rows
 * (docs/api.md 3). No daemon runs. */
#include "library_rows.h"
#include "stack.h"

#include "gateway/library/cursor.h"
#include "gateway/library/filters.h"

enum { IMAGES = 260, PROMPTS = 20 };

static stack it;

static sqlite3 *connect_to(void) {
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(folder_at(&it.folder, "library.db"), &handle), SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    return handle;
}

static int begin(void **state) {
    (void)state;
    stack_begin(&it, "library");
    stack_use_database(&it, "later");
    sqlite3 *handle = connect_to();
    assert_int_equal(rows_fill(handle, IMAGES, PROMPTS, 300), 0);
    sqlite3_close(handle);
    stack_start_gateway(&it);
    return 0;
}

static int end(void **state) {
    (void)state;
    stack_end(&it);
    return 0;
}

static json_t *get(const char *path, const char *expected) {
    return say(&it, GATEWAY, "GET", path, NULL, 200, expected);
}

/* "3,2,1" of a page */
static const char *ids_at(const char *path) {
    static char text[8192];
    const json_t *items = json_object_get(get(path, NULL), "items");
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(items); i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", i ? "," : "",
                                 (int)number_at(json_array_get(items, i), "id"));
        assert_true(used < sizeof text);
    }
    return text;
}

#define ASSERT_IDS(path, expected) assert_string_equal(ids_at(path), expected)

static void refused(const char *path) {
    say(&it, GATEWAY, "GET", path, NULL, 422, "{'detail':'<list>'}");
}

/* --- reading ---------------------------------------------------------------------------------- */

static void library_page_has_items_next_and_total(void **state) {
    (void)state;
    const json_t *page =
        get("/api/library?limit=3", "{'items':'<list>','next':'<text>','total':260}");
    ASSERT_IDS("/api/library?limit=3", "260,259,258");
    sayf(&it, GATEWAY, "GET", 200, "{'items':'<list>','next':'<text>','total':260}",
         "/api/library?limit=3&cursor=%s", text_at(page, "next"));
    char path[200];
    snprintf(path, sizeof path, "/api/library?limit=3&cursor=%s", text_at(page, "next"));
    ASSERT_IDS(path, "257,256,255");
    get("/api/library?limit=500", "{'items':'<list>','next':null,'total':260}");
    assert_int_equal(json_array_size(json_object_get(get("/api/library", NULL), "items")), 200);
    ASSERT_IDS("/api/library?sort=oldest&limit=2", "1,2");
    ASSERT_IDS("/api/library?sort=size&limit=2", "259,255");
    get("/api/library/7",
        "{'id':7,'w':2048,'h':1024,'created_at':'2024-01-01 01:10:00','hld':'<text>','title':null,"
        "'preset':'V4_DEFAULT_20','seed':500007,'format':'png','prompt_id':8,"
        "'parent_image_id':null,'fav':false,'rating':0,'tags':[],'flag':null,'loras':[],"
        "'file':'p000007.png'}");
    say(&it, GATEWAY, "GET", "/api/library/100000", NULL, 404, "{'error':'<text>'}");
    refused("/api/library/x");
}

static void library_filters_come_from_the_query(void **state) {
    (void)state;
    ASSERT_IDS("/api/library?q=picture77", "77");
    ASSERT_IDS("/api/library?q=CAF%C3%89%20picture25&sort=oldest", "25,251,253,255,257,259");
    ASSERT_IDS("/api/library?q=%E7%8C%AB%E3%81%A8&limit=2", "260,258");
    ASSERT_IDS("/api/library?q=500013", "13");
    ASSERT_IDS("/api/library?prompt_id=3&limit=3", "242,222,202");
    ASSERT_IDS("/api/library?prompt_id=none&limit=2", "260,250");
    ASSERT_IDS("/api/library?lora=night.safetensors&limit=2", "260,255");
    ASSERT_IDS("/api/library?lora=none&limit=2", "259,258");
    ASSERT_IDS("/api/library?preset=V4_TURBO_12&ratio=16:9&limit=2", "257,245");
    ASSERT_IDS("/api/library?ratio=portrait&limit=1", "258");
    ASSERT_IDS("/api/library?from=2024-01-02&to=2024-01-02&sort=oldest&limit=1", "144");
    ASSERT_IDS("/api/library?from=2024-01-02&to=2024-01-02&limit=1", "260");
    ASSERT_IDS("/api/library?to=2023-12-31", "");
    ASSERT_IDS("/api/library?fav=1", "");
    ASSERT_IDS("/api/library?tag=nothing", "");
    get("/api/library/timeline", "{'unit':'day','buckets':[{'date':'2024-01-02','count':117},"
                                 "{'date':'2024-01-01','count':143}],'total':260}");
    get("/api/library/timeline?unit=month&q=picture77",
        "{'unit':'month','buckets':[{'date':'2024-01','count':1}],'total':1}");
}

static void library_what_cannot_be_is_refused_with_a_sentence(void **state) {
    (void)state;
    static const char *const bad[] = {
        "cursor=x",
        "cursor=n00",
        "cursor=o000000000000000000000000000000000000000000000000",
        "cursor=n00000000000000000000000000000000000000000000000G",
        "cursor=%00",
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=x",
        "limit=99999999999999999999",
        "sort=best",
        "fav=2",
        "fav=true",
        "rating=6",
        "rating=-1",
        "ratio=16:0",
        "ratio=0:9",
        "ratio=1e9:2",
        "ratio=16:9x",
        "from=2024-02-30",
        "from=2023-02-29",
        "to=yesterday",
        "to=2024-1-1",
        "flag=real",
        "prompt_id=x",
        "prompt_id=-1",
        "tag=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
    };
    char path[12000];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(path, sizeof path, "/api/library?%s", bad[i]);
        int status;
        ask(&it, GATEWAY, "GET", path, NULL, &status);
        if (status != 422 && !(strcmp(bad[i], "cursor=%00") == 0 && status == 400)) {
            fail_msg("%s: %d", bad[i], status);
        }
    }
    refused("/api/library/timeline?unit=year");
    refused("/api/prompts?cursor=zz");
    refused("/api/prompts?limit=0");
    /* long, but a request all the same */
    size_t used = (size_t)snprintf(path, sizeof path, "/api/library?q=");
    memset(path + used, 'a', 1001);
    path[used + 1001] = '\0';
    refused(path);
    path[used + 1000] = '\0';
    get(path, "{'items':[],'next':null,'total':0}");
    memset(path + used, 'a', 10000);
    path[used + 10000] = '\0';
    int status;
    ask(&it, GATEWAY, "GET", path, NULL, &status);
    assert_true(status == 422 || status == 414 || status == 431);
    say(&it, GATEWAY, "GET",
        "/api/library?q=1%201%201%201%201%201%201%201%201%201%201%201%201%201%201%201%201%201%201%"
        "201%201%201%201%201%201%201%201%201%201%201%201%201%201%201",
        NULL, 422, "{'error':'<has:words>'}");
    ask(&it, GATEWAY, "GET", "/api/library?q=%ff%fe%22*", NULL, &status);
    assert_true(status == 200 || status == 400);
    get("/api/library?prompt_id=99999999999999999999", "{'items':[],'next':null,'total':0}");
    get("/api/library?q=%22%20OR%20NEAR(%20*", "{'items':[],'next':null,'total':0}");
}

/* --- changing --------------------------------------------------------------------------------- */

static void library_a_picture_is_changed_and_found_by_it(void **state) {
    (void)state;
    const json_t *item =
        say(&it, GATEWAY, "PATCH", "/api/library/5",
            "{'title':'Zebra crossing','rating':4,'fav':true,'tags':['City','night, no'],'x':1}",
            422, "{'detail':'<list>'}");
    item = say(&it, GATEWAY, "PATCH", "/api/library/5",
               "{'title':'Zebra crossing','rating':4,'fav':true,'tags':['City','night sky'],'x':1}",
               200, NULL);
    assert_string_equal(text_at(item, "title"), "Zebra crossing");
    assert_int_equal(number_at(item, "rating"), 4);
    assert_true(json_is_true(json_object_get(item, "fav")));
    ASSERT_IDS("/api/library?q=zebra", "5");
    ASSERT_IDS("/api/library?tag=city,NIGHT%20SKY", "5");
    ASSERT_IDS("/api/library?tag=city&tag=other", "");
    ASSERT_IDS("/api/library?rating=4&fav=1", "5");
    ASSERT_IDS("/api/library?sort=rating&limit=2", "5,260");
    get("/api/library/tags", "{'tags':[{'name':'City','count':1},{'name':'night sky','count':1}]}");
    get("/api/library/tags?q=NI", "{'tags':[{'name':'night sky','count':1}]}");
    /* the old routes see the same mark */
    const json_t *old = get("/api/favorites", NULL);
    assert_int_equal(number_at(json_array_get(old, 0), "image_id"), 5);
    say(&it, GATEWAY, "DELETE", "/api/favorites/images/5", NULL, 200, "{'ok':true}");
    ASSERT_IDS("/api/library?fav=1", "");
    say(&it, GATEWAY, "PATCH", "/api/library/5", "{'title':null,'rating':0,'tags':[]}", 200, NULL);
    ASSERT_IDS("/api/library?q=zebra", "");
    get("/api/library/tags", "{'tags':[]}");
    say(&it, GATEWAY, "PATCH", "/api/library/100000", "{'rating':1}", 404, "{'error':'<text>'}");
    static const char *const bad[] = {"{'rating':6}",
                                      "{'rating':1.5}",
                                      "{'rating':'5'}",
                                      "{'fav':1}",
                                      "{'tags':'a'}",
                                      "{'tags':[1]}",
                                      "{'tags':['']}",
                                      "{'tags':['  ']}",
                                      "{'flag':'green'}",
                                      "{'title':5}",
                                      "[]",
                                      "{'tags':['a\\u0007']}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        say(&it, GATEWAY, "PATCH", "/api/library/5", bad[i], 422, "{'detail':'<list>'}");
    }
    char many[9000] = "{'tags':[";
    for (int i = 0; i < 1000; i++) {
        snprintf(many + strlen(many), sizeof many - strlen(many), "%s'%d'", i ? "," : "", i);
    }
    snprintf(many + strlen(many), sizeof many - strlen(many), "]}");
    say(&it, GATEWAY, "PATCH", "/api/library/5", many, 422, "{'detail':'<list>'}");
    get("/api/library/tags", "{'tags':[]}");
}

static void library_a_refusal_card_is_hidden_until_overruled(void **state) {
    (void)state;
    say(&it, GATEWAY, "PATCH", "/api/library/260", "{'flag':'blocked'}", 200, NULL);
    ASSERT_IDS("/api/library?limit=1", "259");
    ASSERT_IDS("/api/library?flag=blocked", "260");
    ASSERT_IDS("/api/library?flag=any&limit=1", "260");
    /* old clients know nothing of it */
    assert_int_equal(number_at(json_array_get(get("/api/images?limit=1", NULL), 0), "id"), 260);
    say(&it, GATEWAY, "PATCH", "/api/library/260", "{'flag':'real'}", 200, NULL);
    ASSERT_IDS("/api/library?limit=1", "260");
}

static void library_many_are_changed_at_once(void **state) {
    (void)state;
    say(&it, GATEWAY, "POST", "/api/library/bulk",
        "{'ids':[1,2,2,3,99999],'set':{'rating':5,'fav':true,'add_tags':['best']}}", 200,
        "{'changed':3,'trash_id':null}");
    ASSERT_IDS("/api/library?tag=best&rating=5&fav=1", "3,2,1");
    say(&it, GATEWAY, "POST", "/api/library/bulk",
        "{'filter':{'q':'harbor','tag':['best'],'rating':5,'fav':true,'flag':'any'},"
        "'set':{'remove_tags':['best','unknown']}}",
        200, "{'changed':3,'trash_id':null}");
    ASSERT_IDS("/api/library?tag=best", "");
    const json_t *done = say(&it, GATEWAY, "POST", "/api/library/bulk",
                             "{'filter':{'rating':5},'set':{'trash':true}}", 200,
                             "{'changed':3,'trash_id':'<int>'}");
    ASSERT_IDS("/api/library?rating=5", "");
    get("/api/library?limit=1", "{'items':'<list>','next':'<text>','total':257}");
    char body[100];
    snprintf(body, sizeof body, "{'trash_id':%d}", (int)number_at(done, "trash_id"));
    say(&it, GATEWAY, "POST", "/api/trash/restore", body, 200, NULL);
    ASSERT_IDS("/api/library?rating=5", "3,2,1");
    static const char *const bad[] = {
        "{}",
        "{'ids':[1]}",
        "{'ids':[1],'set':{}}",
        "{'ids':[1],'set':{'color':1}}",
        "{'ids':[1],'filter':{},'set':{'rating':1}}",
        "{'ids':['1'],'set':{'rating':1}}",
        "{'ids':1,'set':{'rating':1}}",
        "{'filter':[],'set':{'rating':1}}",
        "{'filter':{'rating':9},'set':{'rating':1}}",
        "{'filter':{'q':{}},'set':{'rating':1}}",
        "{'filter':{'tag':[null,'best']},'set':{'rating':1}}", /* not everything */
        "{'ids':[1],'set':{'trash':'yes'}}",
        "{'ids':[1],'set':{'add_tags':['']}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        say(&it, GATEWAY, "POST", "/api/library/bulk", bad[i], 422, "{'detail':'<list>'}");
    }
    char *many = malloc(80000);
    assert_non_null(many);
    size_t used = (size_t)snprintf(many, 80000, "{'ids':[1");
    for (int i = 0; i < 10000; i++) {
        used += (size_t)snprintf(many + used, 80000 - used, ",%d", i);
    }
    snprintf(many + used, 80000 - used, "],'set':{'rating':1}}");
    say(&it, GATEWAY, "POST", "/api/library/bulk", many, 422, NULL);
    free(many);
    ASSERT_IDS("/api/library?rating=5", "3,2,1");
}

static void library_history_has_pages_for_those_who_ask(void **state) {
    (void)state;
    assert_int_equal(json_array_size(get("/api/prompts", NULL)), PROMPTS);
    const json_t *page =
        get("/api/prompts?limit=2", "{'items':'<list>','next':'<text>','total':20}");
    const json_t *entry = json_array_get(json_object_get(page, "items"), 0);
    assert_true(answer_fits(entry,
                            "{'id':20,'saved_at':'<when>','hld':'scene20','form_json':"
                            "'<text>','images':13,'cover':259}",
                            (char[200]){0}, 200));
    char path[300];
    snprintf(path, sizeof path, "/api/prompts?limit=2&cursor=%s", text_at(page, "next"));
    ASSERT_IDS(path, "18,17");
    ASSERT_IDS("/api/prompts?q=scene7", "7");
    get("/api/prompts?q=", "{'items':'<list>','next':null,'total':20}");
}

static void library_cursors_are_checked(void **state) {
    char text[I4_CURSOR_BYTES], saved[I4_CURSOR_BYTES];
    const i4_place place = {-5, INT64_MAX, 7};
    i4_place read;
    int64_t id;
    (void)state; /* i4_filters_read is what the queries above go through */
    i4_cursor_write(I4_SORT_SIZE, &place, text);
    assert_true(i4_cursor_read(text, I4_SORT_SIZE, &read));
    assert_memory_equal(&read, &place, sizeof place);
    assert_false(i4_cursor_read(text, I4_SORT_RATING, &read));
    i4_prompt_cursor_write("2026-01-01 10:00:00", 9, text);
    assert_true(i4_prompt_cursor_read(text, saved, &id));
    assert_int_equal(id, 9);
    assert_string_equal(saved, "2026-01-01 10:00:00");
    assert_false(i4_prompt_cursor_read("p", saved, &id));
    assert_false(i4_prompt_cursor_read("p000000000000000900", saved, &id)); /* a NUL */
    assert_true(i4_tag_fits("a b") && !i4_tag_fits(" ") && !i4_tag_fits("a,b"));
    assert_int_equal(i4_characters("\xC3\xA9x"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_page_has_items_next_and_total),
        cmocka_unit_test(library_filters_come_from_the_query),
        cmocka_unit_test(library_what_cannot_be_is_refused_with_a_sentence),
        cmocka_unit_test(library_a_picture_is_changed_and_found_by_it),
        cmocka_unit_test(library_a_refusal_card_is_hidden_until_overruled),
        cmocka_unit_test(library_many_are_changed_at_once),
        cmocka_unit_test(library_history_has_pages_for_those_who_ask),
        cmocka_unit_test(library_cursors_are_checked),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
