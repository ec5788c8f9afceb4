/* Thumbnails: a cache of files, <folder of the database>/thumbs/<side>/<picture's name>.webp.
 *
 * An index in memory knows every file of it, in the order of their last use; the folder is looked
 * at once, at the start. A picture's name never gets another content, so that nothing has to be
 * compared. One mutex guards all of it and is not held while a picture is read or made. */
#include "gateway/library/thumbs.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/names.h"
#include "image/image.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUCKETS = 1 << 14,
    FILES_MAX = 1 << 20, /* names read from one folder */
    NAME_BYTES = I4_NAME_BYTES + 8,
    BAD_MAX = 1024, /* damaged pictures that are remembered */
    QUALITY = 80,
    HEAD_BYTES = 12 /* of a WebP file */
};

static const int sides[] = {160, 320, 640};
enum { SIDES = sizeof sides / sizeof *sides };

typedef enum entry_state { MAKING, KEPT, FOUND } entry_state; /* FOUND: not looked into yet */

typedef struct entry {
    struct entry *next;          /* of its bucket */
    struct entry *older, *newer; /* by last use */
    entry_state state;
    int side;
    int64_t bytes, time; /* time: of a file found at the start */
    char name[];         /* of the thumbnail's file */
} entry;

struct i4_thumbs {
    const i4_gateway *gateway;
    char folder[I4_LIMIT_PATH_BYTES];
    int64_t limit;
    int makers_max;
    pthread_mutex_t lock;   /* guards all below */
    pthread_cond_t changed; /* a maker is done */
    int makers;
    int64_t bytes;
    entry *bucket[BUCKETS];
    entry *oldest, *newest;
    uint64_t bad[BAD_MAX]; /* hashes of names of pictures that cannot be read; a ring */
    size_t bad_count;
};

/* --- names --------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text) {
    uint64_t hash = 0xCBF29CE484222325U;
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3U;
    }
    return hash;
}

/* The picture's name and ".webp"; of a name too long for that, its sum. */
static void thumb_name(const char *file, char out[NAME_BYTES]) {
    if (strlen(file) + strlen(".webp") < I4_NAME_BYTES) {
        snprintf(out, NAME_BYTES, "%s.webp", file);
    } else {
        snprintf(out, NAME_BYTES, "%016llx-%zu.webp", (unsigned long long)hash_of(file),
                 strlen(file));
    }
}

static bool path_of(const i4_thumbs *t, int side, const char *name, char *out, size_t size) {
    const int length = snprintf(out, size, "%s/%d/%s", t->folder, side, name);
    return length > 0 && (size_t)length < size;
}

/* --- the index (the lock is held) ------------------------------------------------------------ */

static entry **slot_of(i4_thumbs *t, int side, const char *name) {
    entry **slot = &t->bucket[(hash_of(name) + (uint64_t)side) % BUCKETS];
    while (*slot && ((*slot)->side != side || strcmp((*slot)->name, name) != 0)) {
        slot = &(*slot)->next;
    }
    return slot;
}

static void take_out(i4_thumbs *t, entry *e) {
    *(e->older ? &e->older->newer : &t->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &t->newest) = e->older;
    e->older = e->newer = NULL;
}

static void put_newest(i4_thumbs *t, entry *e) {
    e->older = t->newest;
    e->newer = NULL;
    *(t->newest ? &t->newest->newer : &t->oldest) = e;
    t->newest = e;
}

static entry *add_entry(i4_thumbs *t, int side, const char *name, entry_state state) {
    entry *e = i4_calloc(1, sizeof *e + strlen(name) + 1);
    if (e) {
        memcpy(e->name, name, strlen(name) + 1);
        e->side = side;
        e->state = state;
        *slot_of(t, side, name) = e;
        put_newest(t, e);
    }
    return e;
}

static void drop_entry(i4_thumbs *t, entry *e) {
    *slot_of(t, e->side, e->name) = e->next;
    take_out(t, e);
    t->bytes -= e->bytes;
    i4_free(e);
}

static void remove_entry(i4_thumbs *t, entry *e) {
    char path[I4_LIMIT_PATH_BYTES];
    if (path_of(t, e->side, e->name, path, sizeof path)) {
        (void)unlink(path);
    }
    drop_entry(t, e);
}

/* The oldest go until the sum is within the limit; the newest stays whatever the limit is. */
static void make_room(i4_thumbs *t) {
    for (entry *e = t->oldest; e && e != t->newest && t->bytes > t->limit;) {
        entry *next = e->newer;
        if (e->state != MAKING) {
            remove_entry(t, e);
        }
        e = next;
    }
}

static bool is_bad(const i4_thumbs *t, const char *file) {
    const uint64_t hash = hash_of(file);
    const size_t count = t->bad_count < BAD_MAX ? t->bad_count : BAD_MAX;
    for (size_t i = 0; i < count; i++) {
        if (t->bad[i] == hash) {
            return true;
        }
    }
    return false;
}

/* --- the folder at the start ----------------------------------------------------------------- */

static int older_first(const void *a, const void *b) {
    const entry *const *x = a, *const *y = b;
    return ((*x)->time > (*y)->time) - ((*x)->time < (*y)->time);
}

/* What is no thumbnail is left over from a process that died while it wrote. */
static bool look_at(i4_thumbs *t, int side, const char *name) {
    char path[I4_LIMIT_PATH_BYTES];
    struct stat info;
    const size_t length = strlen(name);
    if (length >= NAME_BYTES || !path_of(t, side, name, path, sizeof path) ||
        stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return true;
    }
    if (length < 5 || strcmp(name + length - 5, ".webp") != 0 || info.st_size < HEAD_BYTES) {
        (void)unlink(path);
        return true;
    }
    entry *e = add_entry(t, side, name, FOUND);
    if (e) {
        e->bytes = info.st_size;
        e->time = info.st_mtime;
        t->bytes += e->bytes;
    }
    return e != NULL;
}

static bool look_at_side(i4_thumbs *t, int side, i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES];
    char **names;
    size_t count;
    const int length = snprintf(path, sizeof path, "%s/%d", t->folder, side);
    if (length < 0 || (size_t)length >= sizeof path) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the path of the database is too long; shorten IDEOGRAM4_DB_PATH");
    }
    if (!i4_dir_make(path, err) || !i4_dir_list(path, FILES_MAX, &names, &count, err)) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = look_at(t, side, names[i]);
    }
    i4_dir_list_free(names, count);
    return good || i4_fail_memory(err, "the list of thumbnails", sizeof(entry));
}

/* Threads the entries again, by the times of their files. */
static bool sort_by_time(i4_thumbs *t, i4_err *err) {
    size_t count = 0;
    for (const entry *e = t->oldest; e; e = e->newer) {
        count++;
    }
    entry **all = i4_malloc((count + 1) * sizeof(entry *));
    if (!all) {
        return i4_fail_memory(err, "the list of thumbnails", count * sizeof(entry *));
    }
    size_t i = 0;
    for (entry *e = t->oldest; e; e = e->newer) {
        all[i++] = e;
    }
    qsort(all, count, sizeof(entry *), older_first);
    t->oldest = t->newest = NULL;
    for (i = 0; i < count; i++) {
        put_newest(t, all[i]);
    }
    i4_free(all);
    return true;
}

static bool look_at_all(i4_thumbs *t, i4_err *err) {
    const char *db_path = t->gateway->settings->db_path;
    const char *slash = strrchr(db_path, '/');
    const int folder = slash ? (int)(slash - db_path) : 0;
    const int length = slash ? snprintf(t->folder, sizeof t->folder, "%.*s/thumbs", folder, db_path)
                             : snprintf(t->folder, sizeof t->folder, "thumbs");
    if (length < 0 || (size_t)length >= sizeof t->folder) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the path of the database is too long; shorten IDEOGRAM4_DB_PATH");
    }
    for (int i = 0; i < SIDES; i++) {
        if (!look_at_side(t, sides[i], err)) {
            return false;
        }
    }
    if (!sort_by_time(t, err)) {
        return false;
    }
    make_room(t);
    return true;
}

i4_thumbs *i4_thumbs_start(i4_gateway *gateway, i4_err *err) {
    i4_thumbs *t = i4_calloc(1, sizeof *t);
    if (!t) {
        i4_fail_memory(err, "thumbnails", sizeof *t);
        return NULL;
    }
    t->gateway = gateway;
    t->limit = (int64_t)gateway->settings->thumbs_mib << 20;
    t->makers_max = i4_cpu_count();
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    if (!look_at_all(t, err)) {
        i4_thumbs_stop(t);
        return NULL;
    }
    return t;
}

void i4_thumbs_stop(i4_thumbs *thumbs) {
    if (!thumbs) {
        return;
    }
    while (thumbs->oldest) {
        drop_entry(thumbs, thumbs->oldest);
    }
    pthread_cond_destroy(&thumbs->changed);
    pthread_mutex_destroy(&thumbs->lock);
    i4_free(thumbs);
}

/* --- making one ------------------------------------------------------------------------------ */

static bool shrink_to(const i4_image *image, int side, i4_image *small, i4_err *err) {
    const int longer = image->width > image->height ? image->width : image->height;
    int width = (int)(((int64_t)image->width * side + longer / 2) / longer);
    int height = (int)(((int64_t)image->height * side + longer / 2) / longer);
    width = width > 0 ? width : 1;
    height = height > 0 ? height : 1;
    return i4_image_shrink(image, width, height, small, err);
}

/* Never larger than the picture. */
static bool encode_small(const i4_image *image, int side, uint8_t **bytes, size_t *size,
                         i4_err *err) {
    if (image->width <= side && image->height <= side) {
        return i4_image_encode_quick(image, QUALITY, bytes, size, err);
    }
    i4_image small = {0};
    const bool good = shrink_to(image, side, &small, err) &&
                      i4_image_encode_quick(&small, QUALITY, bytes, size, err);
    i4_image_free(&small);
    return good;
}

/* Written beside and renamed, but not synced as pictures are: a thumbnail that a power cut takes is
 * made again (see is_whole), and waiting for the disk would cost more than making it. */
static bool write_thumb(const char *path, const uint8_t *bytes, size_t size, i4_err *err) {
    char beside[I4_LIMIT_PATH_BYTES + 8];
    snprintf(beside, sizeof beside, "%s.part", path);
    FILE *file = fopen(beside, "wb");
    bool good = file && fwrite(bytes, 1, size, file) == size;
    good = file && fclose(file) == 0 && good;
    if (!good || rename(beside, path) != 0) {
        (void)unlink(beside);
        return i4_fail(err, I4_E_IO,
                       "cannot write the thumbnail '%s'; make room or look at the rights of its "
                       "folder",
                       path);
    }
    return true;
}

static bool make_thumb(const char *picture, int side, const char *path, int64_t *bytes,
                       i4_err *err) {
    char *data = NULL;
    size_t size = 0, small_size = 0;
    uint8_t *small = NULL;
    i4_image image = {0};
    if (!i4_file_read(picture, I4_LIMIT_IMAGE_FILE_BYTES, &data, &size, err)) {
        return false;
    }
    const bool good = i4_image_decode_small((const uint8_t *)data, size, side, &image, err) &&
                      encode_small(&image, side, &small, &small_size, err) &&
                      write_thumb(path, small, small_size, err);
    *bytes = (int64_t)small_size;
    i4_free(small);
    i4_image_free(&image);
    i4_free(data);
    return good;
}

/* --- asking for one -------------------------------------------------------------------------- */

/* A file found at the start may have lost its content in a power cut. */
static bool is_whole(const char *path, int64_t bytes) {
    unsigned char head[HEAD_BYTES];
    FILE *file = fopen(path, "rb");
    const bool is_read = file && fread(head, 1, sizeof head, file) == sizeof head;
    if (file) {
        fclose(file);
    }
    return is_read && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0 &&
           (int64_t)(head[4] | head[5] << 8 | head[6] << 16 | (uint32_t)head[7] << 24) + 8 == bytes;
}

/* True when the thumbnail is there; its use is noted. Waits for whoever makes it. */
static bool find_kept(i4_thumbs *t, int side, const char *name, const char *path) {
    entry *e;
    while ((e = *slot_of(t, side, name)) != NULL && e->state == MAKING) {
        pthread_cond_wait(&t->changed, &t->lock);
    }
    if (e && (e->state == FOUND ? !is_whole(path, e->bytes) : access(path, R_OK) != 0)) {
        remove_entry(t, e);
        e = NULL;
    }
    if (e) {
        e->state = KEPT;
        take_out(t, e);
        put_newest(t, e);
    }
    return e != NULL;
}

/* Makes what `e` stands for, without the lock; then it is kept or gone. */
static bool fill_entry(i4_thumbs *t, entry *e, const char *file, const char *picture,
                       const char *path, i4_err *err) {
    int64_t bytes = 0;
    i4_err why = {0};
    while (t->makers >= t->makers_max) {
        pthread_cond_wait(&t->changed, &t->lock);
    }
    t->makers++;
    pthread_mutex_unlock(&t->lock);
    const bool good = make_thumb(picture, e->side, path, &bytes, &why);
    pthread_mutex_lock(&t->lock);
    t->makers--;
    if (good) {
        e->state = KEPT;
        e->bytes = bytes;
        t->bytes += bytes;
        make_room(t);
    } else {
        drop_entry(t, e);
        if (why.status == I4_E_FORMAT || why.status == I4_E_UNSUPPORTED) {
            t->bad[t->bad_count++ % BAD_MAX] = hash_of(file);
        }
        i4_fail(err, why.status, "%s", why.text);
    }
    pthread_cond_broadcast(&t->changed);
    return good;
}

static bool get(i4_thumbs *t, const char *file, int side, const char *picture, const char *path,
                i4_err *err) {
    char name[NAME_BYTES];
    thumb_name(file, name);
    if (find_kept(t, side, name, path)) {
        return true;
    }
    if (is_bad(t, file)) {
        return i4_fail(err, I4_E_FORMAT,
                       "the picture '%s' is damaged or of a kind that cannot be read", file);
    }
    entry *e = add_entry(t, side, name, MAKING);
    return e ? fill_entry(t, e, file, picture, path, err)
             : i4_fail_memory(err, "a thumbnail", sizeof *e);
}

bool i4_thumb(i4_thumbs *thumbs, const char *file, int side, char *path, size_t size, i4_err *err) {
    char picture[I4_LIMIT_PATH_BYTES], name[NAME_BYTES];
    if (!file ||
        !i4_name_find(thumbs->gateway->settings->output_dir, file, picture, sizeof picture)) {
        return i4_fail(err, I4_E_NOT_FOUND, "the file of this picture is missing");
    }
    thumb_name(file, name);
    if (!path_of(thumbs, side, name, path, size)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the path of the database is too long; shorten IDEOGRAM4_DB_PATH");
    }
    pthread_mutex_lock(&thumbs->lock);
    const bool good = get(thumbs, file, side, picture, path, err);
    pthread_mutex_unlock(&thumbs->lock);
    return good;
}

void i4_thumb_forget(i4_thumbs *thumbs, const char *file) {
    char name[NAME_BYTES];
    if (!thumbs || !file) {
        return;
    }
    thumb_name(file, name);
    pthread_mutex_lock(&thumbs->lock);
    for (int i = 0; i < SIDES; i++) {
        entry *e;
        while ((e = *slot_of(thumbs, sides[i], name)) != NULL && e->state == MAKING) {
            pthread_cond_wait(&thumbs->changed, &thumbs->lock);
        }
        if (e) {
            remove_entry(thumbs, e);
        }
    }
    pthread_mutex_unlock(&thumbs->lock);
}

int64_t i4_thumbs_bytes(i4_thumbs *thumbs) {
    pthread_mutex_lock(&thumbs->lock);
    const int64_t bytes = thumbs->bytes;
    pthread_mutex_unlock(&thumbs->lock);
    return bytes;
}
