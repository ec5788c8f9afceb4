/* The database as a file: is it one, is it whole, is it of this program's layout. What is damaged
 * is left alone: the report says how to go back to a copy. */
#include "gateway/check/checkup.h"

#include "base/limits.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>

/* --- copies -------------------------------------------------------------------------------- */

static bool is_whole(const char *path, const char *output_dir) {
    json_t *problems = NULL;
    i4_db_look *look = i4_db_look_open(path, output_dir, NULL);
    const bool whole =
        look && i4_db_look_damage(look, &problems, NULL) && json_array_size(problems) == 0;
    json_decref(problems);
    i4_db_look_close(look);
    return whole;
}

/* "<name>.before-<layout>" and "<name>.before-<layout>.<n>" beside the database. */
static bool is_copy(const char *name, const char *database) {
    static const char mark[] = ".before-";
    const size_t length = strlen(database);
    const char *tail = name + length;
    return strncmp(name, database, length) == 0 && strncmp(tail, mark, strlen(mark)) == 0 &&
           tail[strlen(mark)] != '\0' &&
           strspn(tail + strlen(mark), "0123456789.") == strlen(tail + strlen(mark));
}

/* The last whole copy by name: of the newest layout. False: there is none. */
static bool find_copy(const i4_checkup *c, char *out, size_t size) {
    char folder[I4_LIMIT_PATH_BYTES], path[I4_LIMIT_PATH_BYTES], **names = NULL;
    size_t count = 0;
    bool found = false;
    snprintf(folder, sizeof folder, "%s", c->settings->db_path);
    char *slash = strrchr(folder, '/');
    const char *name = slash ? slash + 1 : c->settings->db_path;
    char database[256];
    snprintf(database, sizeof database, "%s", name);
    snprintf(slash ? slash : folder, 2, "%s", slash ? "" : ".");
    if (!i4_dir_list(folder[0] ? folder : "/", I4_CHECKUP_FILES, &names, &count, NULL)) {
        return false;
    }
    for (size_t i = count; i-- > 0 && !found;) {
        found = is_copy(names[i], database) &&
                i4_checkup_path(folder, names[i], path, sizeof path) &&
                is_whole(path, c->settings->output_dir);
    }
    i4_dir_list_free(names, count);
    return found && snprintf(out, size, "%s", path) < (int)size;
}

/* --- damage -------------------------------------------------------------------------------- */

static void say_damage(i4_checkup *c, const json_t *problems, const char *reason) {
    const char *path = c->settings->db_path;
    char copy[I4_LIMIT_PATH_BYTES];
    const i4_finding f = {.area = "database",
                          .code = "damaged",
                          .count = problems ? (int64_t)json_array_size(problems) : 1,
                          .names = (json_t *)problems};
    if (find_copy(c, copy, sizeof copy)) {
        i4_checkup_say(c, I4_FINDING_TODO, f,
                       "the database '%s' is damaged (%s) and was not touched; stop the gateway, "
                       "move it away together with '-wal' and '-shm' beside it, copy '%s' to its "
                       "place and check again: pictures that are newer get rows then",
                       path, reason, copy);
    } else {
        i4_checkup_say(c, I4_FINDING_TODO, f,
                       "the database '%s' is damaged (%s) and was not touched; there is no whole "
                       "copy '%s.before-…': restore one of your own, or move it away, start the "
                       "gateway once and check again: pictures get rows then",
                       path, reason, path);
    }
}

/* False: no more can be asked of it. */
static bool check_damage(i4_checkup *c) {
    json_t *problems = NULL;
    i4_err err = {0};
    if (!i4_db_look_damage(c->look, &problems, &err)) {
        if (err.status == I4_E_FORMAT) {
            say_damage(c, NULL, "it is no database, or its beginning is lost");
        } else {
            i4_checkup_say_error(c, "database", "unreadable", &err);
        }
        return false;
    }
    const bool whole = json_array_size(problems) == 0;
    if (!whole) {
        say_damage(c, problems, json_string_value(json_array_get(problems, 0)));
    }
    json_decref(problems);
    return whole;
}

/* --- layout -------------------------------------------------------------------------------- */

static bool check_layout(i4_checkup *c) {
    int64_t layout = 0, known = 0;
    i4_err err = {0};
    if (!i4_db_look_layout(c->look, &layout, &known, &err)) {
        i4_checkup_say_error(c, "database", "unreadable", &err);
        return false;
    }
    const i4_finding f = {.area = "database", .code = "layout", .count = layout};
    if (layout == known) {
        i4_checkup_say(c, I4_FINDING_OK, f, "the database is whole (layout %lld)",
                       (long long)layout);
    } else if (layout < known) {
        i4_checkup_say(c, I4_FINDING_TODO, f,
                       "the database is whole, of the older layout %lld; start the gateway once, "
                       "which keeps a copy and upgrades it to %lld, then check again",
                       (long long)layout, (long long)known);
    } else {
        i4_checkup_say(c, I4_FINDING_TODO, f,
                       "the database is of a newer version of this program (layout %lld, known is "
                       "%lld); update the program or set IDEOGRAM4_DB_PATH to another file",
                       (long long)layout, (long long)known);
    }
    return layout == known;
}

void i4_check_database(i4_checkup *c) {
    i4_err err = {0};
    const i4_settings *s = c->settings;
    c->look = i4_db_look_open(s->db_path, s->output_dir, &err);
    if (!c->look && err.status == I4_E_NOT_FOUND) {
        i4_checkup_say(c, I4_FINDING_NOTE, (i4_finding){.area = "database", .code = "none"},
                       "there is no database '%s' yet; the gateway makes it at its first start",
                       s->db_path);
    } else if (!c->look) {
        i4_checkup_say_error(c, "database", "unreadable", &err);
    } else if (!check_damage(c) || !check_layout(c)) {
        i4_db_look_close(c->look);
        c->look = NULL;
    }
}
