/* How long the library takes with many pictures, and how long a database of the original takes to
 * be opened for the first time.
 *
 *     bench_library [IMAGES [RUNS]]
 *
 * Prints CSV: what, runs, median and longest milliseconds, and how many rows it left. The database
 * lies in the working directory and is removed at the end. "first" is the first time of each query:
 * nothing of it is in any cache of ours. */
#include "../tests/library_rows.h"

#include "base/os.h"
#include "gateway/db/library.h"

#include <unistd.h>

enum { IMAGES = 100000, RUNS = 20, RUNS_MAX = 1000, PROMPTS = 1000, FORM_BYTES = 3000 };

static const char path[] = "bench_library.db", output[] = "bench_library.out";

static const char original[] =
    "CREATE TABLE images(id INTEGER PRIMARY KEY AUTOINCREMENT,created_at TEXT NOT NULL DEFAULT"
    "(datetime('now')),hld TEXT NOT NULL DEFAULT '',width INTEGER NOT NULL DEFAULT 1024,height "
    "INTEGER NOT NULL DEFAULT 1024,preset TEXT NOT NULL DEFAULT '',seed INTEGER NOT NULL DEFAULT 0,"
    "file_path TEXT NOT NULL,prompt_id INTEGER,lora_name TEXT,lora_strength REAL,lora_stack_json "
    "TEXT);CREATE TABLE prompts(id INTEGER PRIMARY KEY AUTOINCREMENT,saved_at TEXT NOT NULL "
    "DEFAULT(datetime('now')),hld TEXT NOT NULL DEFAULT '',form_json TEXT NOT NULL);"
    "CREATE TABLE last_form(id INTEGER PRIMARY KEY CHECK(id=1),form_json TEXT NOT NULL);"
    "CREATE TABLE favorites(id INTEGER PRIMARY KEY AUTOINCREMENT,created_at TEXT NOT NULL DEFAULT"
    "(datetime('now')),image_id INTEGER NOT NULL UNIQUE)";

static void remove_all(void) {
    static const char *const tails[] = {"", "-wal", "-shm", ".before-3"};
    char name[128];
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        remove(name);
    }
    rmdir(output);
}

static bool make(int images, int prompts) {
    sqlite3 *handle;
    remove_all();
    bool good =
        sqlite3_open(path, &handle) == SQLITE_OK &&
        sqlite3_exec(handle, original, NULL, NULL, NULL) == SQLITE_OK &&
        rows_fill(handle, images, prompts, FORM_BYTES) == 0 &&
        sqlite3_exec(handle, "INSERT INTO favorites(image_id)SELECT id FROM images WHERE id%50=0",
                     NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_close(handle);
    return good;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, double *times, int runs, long long rows) {
    const double first = times[0];
    qsort(times, (size_t)runs, sizeof *times, compare);
    printf("%s,%d,%.2f,%.2f,%.2f,%lld\n", what, runs, first, times[runs / 2], times[runs - 1],
           rows);
}

static i4_db *open_timed(const char *what, i4_err *err) {
    double time = i4_seconds();
    i4_db *db = i4_db_open(path, output, err);
    time = (i4_seconds() - time) * 1e3;
    print(what, &time, 1, 0);
    return db;
}

typedef struct query {
    const char *what;
    i4_filter filter;
    i4_sort sort;
    i4_place after;
} query;

static bool run_query(i4_db *db, const query *q, int runs, i4_err *err) {
    double times[RUNS_MAX];
    int64_t total = 0;
    for (int i = 0; i < runs; i++) {
        i4_page page;
        const double begin = i4_seconds();
        if (i4_db_library(db, &q->filter, q->sort, q->after.first ? &q->after : NULL, 200, &page,
                          err) != I4_DB_OK) {
            return false;
        }
        times[i] = (i4_seconds() - begin) * 1e3;
        total = page.total;
        json_decref(page.items);
    }
    print(q->what, times, runs, total);
    return true;
}

static bool run_timeline(i4_db *db, bool by_month, int runs, i4_err *err) {
    double times[RUNS_MAX];
    int64_t total = 0;
    i4_filter all;
    i4_filter_init(&all);
    for (int i = 0; i < runs; i++) {
        json_t *buckets;
        const double begin = i4_seconds();
        if (i4_db_timeline(db, &all, by_month, &buckets, &total, err) != I4_DB_OK) {
            return false;
        }
        times[i] = (i4_seconds() - begin) * 1e3;
        json_decref(buckets);
    }
    print(by_month ? "timeline by month" : "timeline by day", times, runs, total);
    return true;
}

static bool run_prompts(i4_db *db, const char *what, const char *q, int runs, i4_err *err) {
    double times[RUNS_MAX];
    int64_t total = 0;
    for (int i = 0; i < runs; i++) {
        json_t *items;
        bool has_next;
        const double begin = i4_seconds();
        if (i4_db_prompt_page(db, q, NULL, 0, 200, &items, &total, &has_next, err) != I4_DB_OK) {
            return false;
        }
        times[i] = (i4_seconds() - begin) * 1e3;
        json_decref(items);
    }
    print(what, times, runs, total);
    return true;
}

/* The page after a change: the changed row is read again first. */
static bool run_change(i4_db *db, int runs, i4_err *err) {
    double times[RUNS_MAX], pages[RUNS_MAX];
    i4_filter all;
    i4_filter_init(&all);
    for (int i = 0; i < runs; i++) {
        i4_change change = {.has_rating = true, .rating = i % 6, .has_fav = true, .fav = i % 2};
        json_t *item;
        i4_page page;
        double begin = i4_seconds();
        if (i4_db_change_item(db, 5000 + i, &change, &item, err) != I4_DB_OK) {
            return false;
        }
        times[i] = (i4_seconds() - begin) * 1e3;
        json_decref(item);
        begin = i4_seconds();
        if (i4_db_library(db, &all, I4_SORT_NEWEST, NULL, 200, &page, err) != I4_DB_OK) {
            return false;
        }
        pages[i] = (i4_seconds() - begin) * 1e3;
        json_decref(page.items);
    }
    print("change of one", times, runs, 1);
    print("page after a change", pages, runs, 1);
    return true;
}

/* Every 7th picture gets a tag, every 3rd stars. */
static bool mark(i4_db *db, int images, i4_err *err) {
    json_t *tagged = json_array(), *names = json_pack("[s]", "keeper"), *done;
    int64_t trash_id;
    for (int i = 7; i <= images; i += 7) {
        json_array_append_new(tagged, json_integer(i));
    }
    const i4_change change = {.add_tags = names, .has_rating = true, .rating = 3};
    double time = i4_seconds();
    const bool good =
        i4_db_change_items(db, tagged, NULL, &change, &done, &trash_id, err) == I4_DB_OK;
    time = (i4_seconds() - time) * 1e3;
    print("tag and stars for every 7th", &time, 1, (long long)json_array_size(done));
    json_decref(done);
    json_decref(names);
    json_decref(tagged);
    return good;
}

/* What is set in a query; the rest is "any". */
static void complete(i4_filter *f) {
    i4_filter any;
    i4_filter_init(&any);
    f->fav = f->fav ? f->fav : any.fav;
    f->from = f->from ? f->from : any.from;
    f->to = f->to ? f->to : any.to;
}

static bool run_all(i4_db *db, int images, int runs, i4_err *err) {
    const int64_t middle = 1704067200 + (int64_t)images * 300;
    query queries[] = {
        {"newest", {0}, I4_SORT_NEWEST, {0}},
        {"newest from the middle", {0}, I4_SORT_NEWEST, {middle, images / 2, 0}},
        {"newest near the end", {0}, I4_SORT_NEWEST, {1704067200 + 120000, 200, 0}},
        {"oldest", {0}, I4_SORT_OLDEST, {0}},
        {"rating", {0}, I4_SORT_RATING, {0}},
        {"size", {0}, I4_SORT_SIZE, {0}},
        {"favourites", {.fav = 1}, I4_SORT_NEWEST, {0}},
        {"3 stars by size", {.rating = 3}, I4_SORT_SIZE, {0}},
        {"preset ratio dates",
         {.preset = "V4_TURBO_12",
          .ratio = I4_RATIO_SIDES,
          .ratio_value = 16.0 / 9,
          .from = middle},
         I4_SORT_NEWEST,
         {0}},
        {"tag", {.tags = {"keeper"}, .tag_count = 1}, I4_SORT_NEWEST, {0}},
        {"lora", {.lora = "night.safetensors"}, I4_SORT_RATING, {0}},
        {"no lora unlinked", {.lora_none = true, .unlinked = true}, I4_SORT_NEWEST, {0}},
        {"one entry", {.has_prompt = true, .prompt_id = 7}, I4_SORT_NEWEST, {0}},
        {"blocked (none)", {.shown = I4_SHOWN_BLOCKED}, I4_SORT_NEWEST, {0}},
        {"q rare: picture77777", {.q = "picture77777"}, I4_SORT_NEWEST, {0}},
        {"q seed: 577777", {.q = "577777"}, I4_SORT_NEWEST, {0}},
        {"q half: cafe", {.q = "CAFE"}, I4_SORT_NEWEST, {0}},
        {"q all: harbor", {.q = "harbor"}, I4_SORT_NEWEST, {0}},
        {"q one letter: p", {.q = "p"}, I4_SORT_NEWEST, {0}},
        {"q two letters: pi", {.q = "pi"}, I4_SORT_NEWEST, {0}},
        {"q three letters: pic", {.q = "pic"}, I4_SORT_NEWEST, {0}},
        {"q CJK part", {.q = "\xE7\x8C\xAB\xE3\x81\xA8"}, I4_SORT_NEWEST, {0}},
        {"q literal text", {.q = "\"open late\""}, I4_SORT_SIZE, {0}},
        {"q 3 words of entries", {.q = "velvet copper scene77"}, I4_SORT_NEWEST, {0}},
        {"q 3 words of all", {.q = "harbor picture dusk"}, I4_SORT_NEWEST, {0}},
        {"everything",
         {.q = "harbor",
          .tags = {"keeper"},
          .tag_count = 1,
          .lora = "night.safetensors",
          .rating = 1,
          .preset = "V4_TURBO_12"},
         I4_SORT_SIZE,
         {0}},
    };
    bool good = true;
    for (size_t i = 0; good && i < sizeof queries / sizeof queries[0]; i++) {
        complete(&queries[i].filter);
        good = run_query(db, &queries[i], runs, err);
    }
    return good && run_timeline(db, false, runs, err) && run_timeline(db, true, runs, err) &&
           run_prompts(db, "history page", NULL, runs, err) &&
           run_prompts(db, "history q", "velvet scene7", runs, err) && run_change(db, runs, err);
}

static bool run(int images, int runs, i4_err *err) {
    if (!make(5000, PROMPTS)) {
        return i4_fail(err, I4_E_IO, "cannot make %s", path);
    }
    i4_db *db = open_timed("first opening of 5000 pictures", err);
    i4_db_close(db);
    if (!db || !make(images, PROMPTS)) {
        return false;
    }
    db = open_timed("first opening of all", err);
    i4_db_close(db);
    db = db ? open_timed("opening", err) : NULL;
    const bool good = db && mark(db, images, err) && run_all(db, images, runs, err);
    i4_db_close(db);
    return good;
}

int main(int count, char **arguments) {
    const int images = count > 1 ? (int)strtol(arguments[1], NULL, 10) : IMAGES;
    const int runs = count > 2 ? (int)strtol(arguments[2], NULL, 10) : RUNS;
    i4_err err = {0};
    if (images < 1 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "bench_library [IMAGES [RUNS]]: numbers from 1 on, at most %d runs\n",
                RUNS_MAX);
        return 2;
    }
    printf("what,runs,first_ms,median_ms,longest_ms,rows\n");
    const bool good = run(images, runs, &err);
    remove_all();
    if (!good) {
        fprintf(stderr, "%s\n", err.text);
    }
    return good ? 0 : 1;
}
