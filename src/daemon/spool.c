/* Finished pictures on disk: see spool.h for the layout and what survives what. */
#include "daemon/spool.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SPOOL_FILES = 200000,   /* a folder with more is not ours */
    RECORD_BYTES = 2 << 20, /* a record holds at most the caption's one description */
    NAME_BYTES = 64,        /* of a file in the folder */
    ID_CHARS = I4_TASK_ID_BYTES - 1
};

struct i4_spool {
    char *folder;
    int lock; /* descriptor of the lock file; the lock ends with it */
};

/* --- formats ------------------------------------------------------------------------------- */

static const char *const format_names[] = {"", "png", "webp", "jpeg"};
static const char *const format_types[] = {"", "image/png", "image/webp", "image/jpeg"};

const char *i4_picture_name(i4_picture_format format) {
    return format_names[format];
}

const char *i4_picture_type(i4_picture_format format) {
    return format_types[format];
}

bool i4_picture_find(const char *name, i4_picture_format *format) {
    for (int i = I4_PICTURE_PNG; i <= I4_PICTURE_JPEG; i++) {
        if (strcmp(name, format_names[i]) == 0) {
            *format = (i4_picture_format)i;
            return true;
        }
    }
    return false;
}

/* --- names --------------------------------------------------------------------------------- */

static bool path_of(const i4_spool *s, const char *id, const char *suffix, char *out, size_t size) {
    const int n = snprintf(out, size, "%s/%s.%s", s->folder, id, suffix);
    return n > 0 && (size_t)n < size;
}

bool i4_spool_path(i4_spool *spool, const char *id, i4_picture_format format, char *out,
                   size_t size) {
    return path_of(spool, id, format_names[format], out, size);
}

/* Splits "<32 hex digits>.<suffix>". */
static bool split_name(const char *name, char id[I4_TASK_ID_BYTES], const char **suffix) {
    if (strspn(name, "0123456789abcdef") != ID_CHARS || name[ID_CHARS] != '.') {
        return false;
    }
    memcpy(id, name, ID_CHARS);
    id[ID_CHARS] = '\0';
    *suffix = name + ID_CHARS + 1;
    return true;
}

static void remove_file(const i4_spool *s, const char *id, const char *suffix) {
    char path[4200];
    if (path_of(s, id, suffix, path, sizeof path) && unlink(path) != 0 && errno != ENOENT) {
        i4_log(I4_LOG_WARN, "spool", "cannot remove '%s': %s", path, strerror(errno));
    }
}

/* --- life ---------------------------------------------------------------------------------- */

/* A lock of the whole file, which the system gives back however the process ends. */
static bool lock_folder(i4_spool *s, i4_err *err) {
    char path[4200];
    const int n = snprintf(path, sizeof path, "%s/lock", s->folder);
    if (n < 0 || (size_t)n >= sizeof path) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the spool folder's path is too long");
    }
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) {
        return i4_fail(err, I4_E_IO, "cannot open '%s': %s", path, strerror(errno));
    }
    const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(s->lock, F_SETLK, &whole) != 0 && (errno == EACCES || errno == EAGAIN)) {
        return i4_fail(err, I4_E_BUSY,
                       "another model daemon uses the spool folder '%s': stop it, or name another "
                       "folder with IDEOGRAM4_SPOOL_DIR",
                       s->folder);
    }
    return true; /* file systems without locks: the port is guard enough */
}

i4_spool *i4_spool_open(const char *folder, i4_err *err) {
    i4_spool *s = i4_calloc(1, sizeof *s);
    if (s == NULL) {
        i4_fail_memory(err, "the spool", sizeof *s);
        return NULL;
    }
    s->lock = -1;
    s->folder = i4_strdup(folder);
    bool ok = s->folder != NULL || i4_fail_memory(err, "the spool", strlen(folder) + 1);
    ok = ok && i4_dir_make(folder, err) && lock_folder(s, err);
    if (!ok) {
        i4_spool_close(s);
        return NULL;
    }
    return s;
}

void i4_spool_close(i4_spool *spool) {
    if (spool != NULL) {
        if (spool->lock >= 0) {
            close(spool->lock);
        }
        i4_free(spool->folder);
        i4_free(spool);
    }
}

/* --- records ------------------------------------------------------------------------------- */

static json_t *read_record(const i4_spool *s, const char *id, const char *suffix) {
    char path[4200], *text = NULL;
    size_t size = 0;
    if (!path_of(s, id, suffix, path, sizeof path) ||
        !i4_file_read(path, RECORD_BYTES, &text, &size, NULL)) {
        return NULL;
    }
    json_t *record = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    i4_free(text);
    return record;
}

/* Takes the picture's description out of its record; false if this is no record of ours. */
static bool know_record(const json_t *record, i4_spooled *picture) {
    const char *format = json_string_value(json_object_get(record, "format"));
    const char *msg = json_string_value(json_object_get(record, "msg"));
    const json_int_t steps = json_integer_value(json_object_get(record, "total_steps"));
    if (format == NULL || msg == NULL || !i4_picture_find(format, &picture->format) ||
        !json_is_object(json_object_get(record, "image_meta"))) {
        return false;
    }
    picture->finished = (int64_t)json_integer_value(json_object_get(record, "finished_at"));
    picture->total_steps = steps > 0 && steps < 100000 ? (int)steps : 0;
    snprintf(picture->msg, sizeof picture->msg, "%s", msg);
    i4_detail_read(&picture->detail, json_object_get(record, "detail"), picture->total_steps);
    return true;
}

json_t *i4_spool_meta(i4_spool *spool, const char *id) {
    json_t *record = read_record(spool, id, "json");
    if (record == NULL) {
        record = read_record(spool, id, "taken");
    }
    json_t *meta = json_incref(json_object_get(record, "image_meta"));
    json_decref(record);
    return meta;
}

static bool write_record(const i4_spool *s, const i4_spooled *p, const json_t *meta, i4_err *err) {
    char path[4200];
    json_t *record = json_pack("{s:s, s:I, s:i, s:s, s:O, s:o}", "format", format_names[p->format],
                               "finished_at", (json_int_t)p->finished, "total_steps",
                               p->total_steps, "msg", p->msg, "image_meta", meta, "detail",
                               i4_detail_json(&p->detail, "done", -1, 0.0));
    char *text = record != NULL ? json_dumps(record, JSON_INDENT(2)) : NULL;
    json_decref(record);
    if (text == NULL) {
        return i4_fail_memory(err, "a picture's record", RECORD_BYTES);
    }
    const bool ok = path_of(s, p->id, "json", path, sizeof path)
                        ? i4_file_write(path, text, strlen(text), err)
                        : i4_fail(err, I4_E_IO, "the spool folder's path is too long");
    free(text); /* jansson's */
    return ok;
}

/* --- storing ------------------------------------------------------------------------------- */

bool i4_spool_store(i4_spool *spool, const i4_spooled *picture, const void *bytes,
                    const json_t *meta, i4_err *err) {
    char path[4200];
    if (!i4_spool_path(spool, picture->id, picture->format, path, sizeof path)) {
        return i4_fail(err, I4_E_IO, "the spool folder's path is too long");
    }
    if (!i4_file_write(path, bytes, (size_t)picture->bytes, err)) {
        return false;
    }
    if (!write_record(spool, picture, meta, err)) {
        remove_file(spool, picture->id, format_names[picture->format]);
        return false;
    }
    return true;
}

void i4_spool_mark_fetched(i4_spool *spool, const char *id) {
    char path[4200];
    const int fd = path_of(spool, id, "fetched", path, sizeof path)
                       ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)
                       : -1;
    if (fd >= 0) {
        close(fd);
    }
}

bool i4_spool_take(i4_spool *spool, const char *id, i4_err *err) {
    char from[4200], to[4200];
    if (!path_of(spool, id, "json", from, sizeof from) ||
        !path_of(spool, id, "taken", to, sizeof to)) {
        return i4_fail(err, I4_E_IO, "the spool folder's path is too long");
    }
    if (rename(from, to) != 0) {
        return i4_fail(err, errno == ENOENT ? I4_E_NOT_FOUND : I4_E_IO, "cannot rename '%s': %s",
                       from, strerror(errno));
    }
    remove_file(spool, id, "fetched");
    return true;
}

void i4_spool_drop(i4_spool *spool, const char *id, i4_picture_format format) {
    /* the record first: a picture without one is rubbish, a record without picture a lie */
    remove_file(spool, id, "json");
    remove_file(spool, id, "taken");
    remove_file(spool, id, "fetched");
    remove_file(spool, id, format_names[format]);
}

/* --- the start ----------------------------------------------------------------------------- */

typedef struct found_list {
    i4_spooled *item;
    size_t count;
} found_list;

static bool has_picture(const i4_spool *s, i4_spooled *p) {
    char path[4200];
    struct stat info;
    if (!path_of(s, p->id, format_names[p->format], path, sizeof path) || stat(path, &info) != 0 ||
        !S_ISREG(info.st_mode) || info.st_size <= 0) {
        return false;
    }
    p->bytes = (uint64_t)info.st_size;
    return true;
}

static bool was_fetched(const i4_spool *s, const char *id) {
    char path[4200];
    return path_of(s, id, "fetched", path, sizeof path) && i4_path_look(path) == I4_PATH_FILE;
}

static bool know_picture(const i4_spool *s, const char *id, i4_spooled *p) {
    json_t *record = read_record(s, id, "json");
    *p = (i4_spooled){.format = I4_PICTURE_PNG};
    snprintf(p->id, sizeof p->id, "%s", id);
    const bool ok = know_record(record, p) && has_picture(s, p);
    p->is_fetched = was_fetched(s, id);
    json_decref(record);
    return ok;
}

static int by_time(const void *a, const void *b) {
    const i4_spooled *x = a, *y = b;
    return x->finished != y->finished ? (x->finished > y->finished) - (x->finished < y->finished)
                                      : strcmp(x->id, y->id);
}

static int by_id(const void *key, const void *item) {
    return strcmp(key, ((const i4_spooled *)item)->id);
}

/* Is a file, named by id and suffix, part of a finished picture? `found` is sorted by id. */
static bool belongs(const found_list *found, const char *id, const char *suffix) {
    const i4_spooled *p = found->count > 0
                              ? bsearch(id, found->item, found->count, sizeof *found->item, by_id)
                              : NULL;
    return p != NULL && (strcmp(suffix, "json") == 0 || strcmp(suffix, "fetched") == 0 ||
                         strcmp(suffix, format_names[p->format]) == 0);
}

/* Leftovers of i4_file_write that a kill left behind. */
static bool is_temporary(const char *name) {
    const size_t len = strlen(name);
    return strncmp(name, ".ideogram4-", 11) == 0 && len > 4 && strcmp(name + len - 4, ".tmp") == 0;
}

/* Files of other makes are left alone: the folder may be shared with what we do not know. */
static void sweep(const i4_spool *s, char *const *names, size_t count, const found_list *found) {
    size_t removed = 0;
    for (size_t i = 0; i < count; i++) {
        char id[I4_TASK_ID_BYTES], path[4200];
        const char *suffix = NULL;
        const bool ours = split_name(names[i], id, &suffix);
        if (ours ? belongs(found, id, suffix) : !is_temporary(names[i])) {
            continue;
        }
        const int n = snprintf(path, sizeof path, "%s/%s", s->folder, names[i]);
        removed += n > 0 && (size_t)n < sizeof path && unlink(path) == 0;
    }
    if (removed > 0) {
        i4_log(I4_LOG_INFO, "spool", "removed %zu files that were stored elsewhere or half-written",
               removed);
    }
}

static void find_pictures(const i4_spool *s, char *const *names, size_t count, found_list *found) {
    for (size_t i = 0; i < count; i++) { /* names are sorted, so ids are */
        char id[I4_TASK_ID_BYTES];
        const char *suffix = NULL;
        if (split_name(names[i], id, &suffix) && strcmp(suffix, "json") == 0 &&
            know_picture(s, id, &found->item[found->count])) {
            found->count++;
        }
    }
}

bool i4_spool_scan(i4_spool *spool, i4_spool_fn fn, void *user, i4_err *err) {
    char **names = NULL;
    size_t count = 0;
    if (!i4_dir_list(spool->folder, SPOOL_FILES, &names, &count, err)) {
        return false;
    }
    found_list found = {i4_calloc(count + 1, sizeof(i4_spooled)), 0};
    if (found.item == NULL) {
        i4_dir_list_free(names, count);
        return i4_fail_memory(err, "the list of finished pictures", count * sizeof(i4_spooled));
    }
    find_pictures(spool, names, count, &found);
    sweep(spool, names, count, &found);
    qsort(found.item, found.count, sizeof *found.item, by_time);
    bool ok = true;
    for (size_t i = 0; ok && i < found.count; i++) {
        ok = fn(&found.item[i], user);
    }
    i4_free(found.item);
    i4_dir_list_free(names, count);
    return ok || i4_fail_memory(err, "the finished pictures of the last run", count);
}
