/* seed_library DATABASE OUTPUT ROWS PICTURE...: a library as large as one likes, for the tests of
 * the page. The database is made by the gateway's own migrations; every row has a file of its own
 * name in OUTPUT, a link to one of the PICTUREs (bare names in OUTPUT, 256 x 256).
 *
 * About four pictures belong to each entry, every fiftieth to none. Five pictures, far apart,
 * belong to an entry whose caption has the literal text ZANZIBAR, which no other has. Row n has
 * seed 500000 + n; rows are 20 minutes apart, the last one an hour old. */
#include "gateway/db/db.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PER_ENTRY = 4, UNLINKED = 50, HITS = 5, PATH_BYTES = 4096 };

static void die(const char *what, sqlite3 *db) {
    fprintf(stderr, "seed_library: %s: %s\n", what, db ? sqlite3_errmsg(db) : "failed");
    exit(1);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text) {
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK) {
        die(text, db);
    }
    return stmt;
}

static void step(sqlite3 *db, sqlite3_stmt *stmt) {
    if (sqlite3_step(stmt) != SQLITE_DONE) {
        die("insert", db);
    }
    sqlite3_reset(stmt);
}

static void add_entry(sqlite3 *db, sqlite3_stmt *stmt, long id, bool is_hit) {
    char form[1024];
    snprintf(form, sizeof form,
             "{\"w\":256,\"h\":256,\"preset\":\"V4_TURBO_12\",\"seed\":\"1\",\"format\":\"png\","
             "\"rawJson\":\"{\\\"high_level_description\\\":\\\"Series %ld\\\","
             "\\\"compositional_deconstruction\\\":{\\\"background\\\":\\\"plain\\\","
             "\\\"elements\\\":[{\\\"type\\\":\\\"text\\\",\\\"bbox\\\":[100,100,300,900],"
             "\\\"text\\\":\\\"%s\\\",\\\"desc\\\":\\\"bold letters\\\"}]}}\"}",
             id, is_hit ? "ZANZIBAR" : "OPEN LATE");
    char hld[64];
    snprintf(hld, sizeof hld, "Series %ld", id);
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_text(stmt, 2, hld, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(stmt, 3, form, -1, SQLITE_TRANSIENT);
    step(db, stmt);
}

static void link_picture(const char *output, const char *picture, const char *name) {
    char from[PATH_BYTES], to[PATH_BYTES];
    snprintf(from, sizeof from, "%s/%s", output, picture);
    snprintf(to, sizeof to, "%s/%s", output, name);
    if (link(from, to) != 0) {
        perror(to);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc < 5 || strtol(argv[3], NULL, 10) < HITS) {
        fprintf(stderr, "usage: seed_library DATABASE OUTPUT ROWS PICTURE...\n");
        return 2;
    }
    const char *output = argv[2];
    long rows = strtol(argv[3], NULL, 10);
    i4_err err = {0};
    i4_db *made = i4_db_open(argv[1], output, &err);
    if (!made) {
        fprintf(stderr, "seed_library: %s\n", err.text);
        return 1;
    }
    i4_db_close(made);

    sqlite3 *db;
    if (sqlite3_open(argv[1], &db) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        die(argv[1], db);
    }
    long others = rows / PER_ENTRY, hit = others + 1;
    sqlite3_stmt *entry =
        prepare(db, "INSERT INTO prompts(id,saved_at,hld,form_json)"
                    "VALUES(?1,datetime('now','-1 day','+'||?1||' seconds'),?2,?3)");
    for (long i = 1; i <= hit; i++) {
        add_entry(db, entry, i, i == hit);
    }
    sqlite3_stmt *image = prepare(
        db,
        "INSERT INTO images(id,created_at,hld,width,height,preset,seed,file_path,prompt_id)"
        "VALUES(?1,datetime('now','-'||((?2-?1)*20+60)||' minutes'),'Seeded picture '||?1,256,256,"
        "CASE ?1%3 WHEN 0 THEN 'V4_TURBO_12' WHEN 1 THEN 'V4_DEFAULT_20' ELSE 'V4_QUALITY_48' END,"
        "500000+?1,?3,?4)");
    for (long i = 1; i <= rows; i++) {
        char name[64];
        snprintf(name, sizeof name, "seeded-%06ld.png", i);
        link_picture(output, argv[4 + i % (argc - 4)], name);
        sqlite3_bind_int64(image, 1, i);
        sqlite3_bind_int64(image, 2, rows);
        sqlite3_bind_text(image, 3, name, -1, SQLITE_TRANSIENT);
        if (i % (rows / HITS) == 1) {
            sqlite3_bind_int64(image, 4, hit);
        } else if (i % UNLINKED == 0) {
            sqlite3_bind_null(image, 4);
        } else {
            sqlite3_bind_int64(image, 4, 1 + (i - 1) % others);
        }
        step(db, image);
    }
    sqlite3_finalize(entry);
    sqlite3_finalize(image);
    if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        die("commit", db);
    }
    sqlite3_close(db);
    return 0;
}
