/* One content of the hub becomes blobs/<etag>. While it is fetched it lies in
 * blobs/<etag>.incomplete, guarded by a lock file; whatever ends the program, what is in there is
 * a beginning of the content, and the next try goes on behind it. */
#include "hub/blob.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/sha256.h"
#include "hub/hub_os.h"
#include "hub/sha1.h"

#include <stdio.h>
#include <string.h>

enum { READ_BYTES = 256 << 10 };

/* --- hashes --------------------------------------------------------------------------------- */

/* What an ETag says about the content: SHA-256 of large files, git's id of small ones. */
typedef struct sum {
    enum { SUM_SHA256, SUM_BLOB, SUM_NONE } kind;
    i4_sha256 sha256;
    i4_sha1 sha1;
} sum;

static void sum_begin(sum *s, const i4_hub_remote *remote) {
    const size_t digits = strlen(remote->etag);
    const bool is_hex = strspn(remote->etag, "0123456789abcdef") == digits;
    s->kind = is_hex && digits == 64 ? SUM_SHA256 : is_hex && digits == 40 ? SUM_BLOB : SUM_NONE;
    i4_sha256_begin(&s->sha256);
    i4_sha1_begin_blob(&s->sha1, remote->size);
}

static void sum_add(sum *s, const void *bytes, size_t size) {
    if (s->kind == SUM_SHA256) {
        i4_sha256_add(&s->sha256, bytes, size);
    } else if (s->kind == SUM_BLOB) {
        i4_sha1_add(&s->sha1, bytes, size);
    }
}

static bool sum_matches(sum *s, const char *etag) {
    uint8_t digest[I4_SHA256_BYTES];
    char hex[I4_SHA256_HEX_BYTES];
    if (s->kind == SUM_SHA256) {
        i4_sha256_end(&s->sha256, digest);
        i4_sha256_hex(digest, hex);
    } else if (s->kind == SUM_BLOB) {
        i4_sha1_end(&s->sha1, hex);
    }
    return s->kind == SUM_NONE || strcmp(hex, etag) == 0;
}

/* --- one download --------------------------------------------------------------------------- */

typedef struct download {
    i4_hub_store *store;
    const char *file;
    i4_hub_remote *remote;
    i4_hub_part part;
    sum sum; /* of all that is in the part */
} download;

static bool fail_cancelled(i4_err *err) {
    return i4_fail(err, I4_E_CANCELLED,
                   "the download was cancelled; started again, it goes on where it stopped");
}

static bool goes_on(const i4_hub_store *store) {
    return store->talk->go_on(store->talk->user);
}

static bool start_over(download *d, i4_err *err) {
    sum_begin(&d->sum, d->remote);
    d->store->file_bytes = 0;
    return i4_hub_part_empty(&d->part, err);
}

/* Hashes what an earlier try left behind. */
static bool take_stock(download *d, i4_err *err) {
    sum_begin(&d->sum, d->remote);
    if (d->part.size > d->remote->size) {
        return start_over(d, err);
    }
    if (d->part.size == 0) {
        return true;
    }
    char *bytes = i4_malloc(READ_BYTES);
    if (!bytes) {
        return i4_fail_memory(err, "reading an unfinished download", READ_BYTES);
    }
    bool is_good = true;
    for (uint64_t at = 0; is_good && at < d->part.size;) {
        const uint64_t left = d->part.size - at;
        const size_t size = left < READ_BYTES ? (size_t)left : READ_BYTES;
        is_good = (goes_on(d->store) || fail_cancelled(err)) &&
                  i4_hub_part_read(&d->part, at, bytes, size, err);
        if (is_good) {
            sum_add(&d->sum, bytes, size);
            at += size;
            d->store->file_bytes = at;
        }
    }
    i4_free(bytes);
    return is_good;
}

static bool begin_at(void *user, uint64_t from, i4_err *err) {
    download *d = user;
    return from == d->part.size || start_over(d, err);
}

static bool take(void *user, const void *bytes, size_t size, i4_err *err) {
    download *d = user;
    if (size > d->remote->size - d->part.size) {
        return i4_fail(err, I4_E_FORMAT,
                       "the server sends more of %.200s than the hub announced; try again later",
                       d->file);
    }
    if (!i4_hub_part_add(&d->part, bytes, size, err)) {
        return false;
    }
    sum_add(&d->sum, bytes, size);
    d->store->file_bytes = d->part.size;
    return goes_on(d->store) || fail_cancelled(err);
}

/* The address has expired: a new look, which must find the same content. */
static bool renew(download *d, i4_err *err) {
    i4_hub_remote fresh;
    if (!i4_hub_look(d->store->talk, d->store->commit, d->file, &fresh, err)) {
        return false;
    }
    if (strcmp(fresh.etag, d->remote->etag) != 0 || fresh.size != d->remote->size) {
        return i4_fail(err, I4_E_IO,
                       "%.200s changed while it was fetched; start the download again", d->file);
    }
    *d->remote = fresh;
    return true;
}

/* Fetches until the part has every byte. Tries that bring bytes are free, others are counted. */
static bool fill(download *d, i4_err *err) {
    i4_hub_talk *talk = d->store->talk;
    const i4_hub_taker taker = {.begin = begin_at, .take = take, .user = d};
    int tries = 0;
    while (d->part.size < d->remote->size) {
        const uint64_t before = d->part.size;
        double wait;
        const i4_hub_outcome outcome =
            i4_hub_get(talk, d->file, d->remote, before, &taker, &wait, err);
        if (outcome == I4_HUB_FAILED) {
            return false;
        }
        if (d->part.size == d->remote->size) {
            break;
        }
        if (outcome == I4_HUB_DONE) {
            i4_fail(err, I4_E_IO, "the server ends %.200s too early; try again later", d->file);
        }
        tries = d->part.size > before ? 0 : tries + 1;
        if (tries > talk->patience.retries) {
            return false;
        }
        if (!i4_hub_pause(talk, tries > 0 ? tries - 1 : 0, wait, err) ||
            (outcome == I4_HUB_REWIND && !start_over(d, err)) ||
            (outcome == I4_HUB_RENEW && !renew(d, err))) {
            return false;
        }
    }
    return true;
}

/* A leftover may be damaged without anyone's fault now: it gets one fresh start. */
static bool fill_rightly(download *d, i4_err *err) {
    const bool had_leftover = d->part.size > 0;
    if (!take_stock(d, err) || !fill(d, err)) {
        return false;
    }
    if (sum_matches(&d->sum, d->remote->etag)) {
        return true;
    }
    if (had_leftover) {
        i4_log(I4_LOG_WARN, "hub", "the unfinished %s was damaged and is fetched anew", d->file);
        if (!start_over(d, err) || !fill(d, err)) {
            return false;
        }
        if (sum_matches(&d->sum, d->remote->etag)) {
            return true;
        }
    }
    i4_hub_part_drop(&d->part);
    return i4_fail(err, I4_E_FORMAT,
                   "%.200s arrived with another hash than the hub names and was removed; try "
                   "again, and if it stays so tell the owner of the repository",
                   d->file);
}

static bool fetch_blob(i4_hub_store *store, const char *file, i4_hub_remote *remote,
                       const char *blob, i4_err *err) {
    download d = {.store = store, .file = file, .remote = remote};
    char incomplete[I4_LIMIT_PATH_BYTES];
    if (!i4_hub_path(incomplete, sizeof incomplete, err, "%s.incomplete", blob) ||
        !i4_hub_part_open(&d.part, incomplete, err)) {
        return false;
    }
    const bool is_done = fill_rightly(&d, err) && i4_hub_part_finish(&d.part, blob, err);
    i4_hub_part_close(&d.part);
    if (is_done && d.sum.kind == SUM_NONE) {
        i4_log(I4_LOG_WARN, "hub", "the hub gives no hash of %s; only its length was checked",
               file);
    }
    return is_done;
}

/* --- places --------------------------------------------------------------------------------- */

static bool blob_path(const i4_hub_store *store, const i4_hub_remote *remote, const char *suffix,
                      char *out, i4_err *err) {
    return i4_hub_path(out, I4_LIMIT_PATH_BYTES, err, "%s/blobs/%s%s", store->cache->folder,
                       remote->etag, suffix);
}

static bool snapshot_path(const i4_hub_store *store, const char *file, char *out, i4_err *err) {
    return i4_hub_path(out, I4_LIMIT_PATH_BYTES, err, "%s/snapshots/%s/%s", store->cache->folder,
                       store->commit, file);
}

static bool make_folder_of(const char *path, i4_err *err) {
    char folder[I4_LIMIT_PATH_BYTES];
    const int length = (int)(strrchr(path, '/') - path);
    return i4_hub_path(folder, sizeof folder, err, "%.*s", length, path) &&
           i4_dir_make(folder, err);
}

bool i4_hub_store_has(const i4_hub_store *store, const char *file, uint64_t *size) {
    char path[I4_LIMIT_PATH_BYTES];
    return snapshot_path(store, file, path, NULL) && i4_hub_file_size(path, size);
}

uint64_t i4_hub_store_lacks(const i4_hub_store *store, const i4_hub_remote *remote) {
    char path[I4_LIMIT_PATH_BYTES];
    uint64_t have = 0;
    if (blob_path(store, remote, "", path, NULL) && i4_hub_file_size(path, &have) &&
        have == remote->size) {
        return 0;
    }
    have = 0;
    if (blob_path(store, remote, ".incomplete", path, NULL)) {
        (void)i4_hub_file_size(path, &have);
    }
    return have < remote->size ? remote->size - have : 0;
}

/* ../../blobs/<etag>, one ../ more for each folder inside the snapshot. */
static bool link_blob(const i4_hub_store *store, const char *file, const i4_hub_remote *remote,
                      const char *blob, i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES];
    bool is_unsupported;
    i4_buf target;
    if (!snapshot_path(store, file, path, err) || !make_folder_of(path, err)) {
        return false;
    }
    i4_buf_init(&target, I4_LIMIT_PATH_BYTES);
    i4_buf_adds(&target, "../../");
    for (const char *c = file; *c; c++) {
        i4_buf_adds(&target, *c == '/' ? "../" : "");
    }
    i4_buf_addf(&target, "blobs/%s", remote->etag);
    bool is_done = !target.failed || i4_fail_memory(err, "a link", I4_LIMIT_PATH_BYTES);
    if (is_done) {
        is_done = i4_hub_link(target.ptr, path, &is_unsupported, err) ||
                  (is_unsupported && i4_hub_move(blob, path, err));
    }
    i4_buf_free(&target);
    return is_done;
}

/* --- all of it, under the lock -------------------------------------------------------------- */

static bool wait_for_lock(const i4_hub_store *store, const i4_hub_remote *remote, int *lock,
                          i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES];
    if (!i4_hub_path(path, sizeof path, err, "%s/%s.lock", store->cache->locks, remote->etag)) {
        return false;
    }
    for (bool busy = true; busy;) {
        if (!i4_hub_lock(path, lock, &busy, err)) {
            return false;
        }
        if (busy) {
            if (!goes_on(store)) {
                return fail_cancelled(err);
            }
            i4_hub_sleep(0.05);
        }
    }
    return true;
}

bool i4_hub_store_fetch(i4_hub_store *store, const char *file, i4_hub_remote *remote, i4_err *err) {
    char blob[I4_LIMIT_PATH_BYTES];
    int lock;
    uint64_t size;
    if (!blob_path(store, remote, "", blob, err) || !make_folder_of(blob, err) ||
        !i4_dir_make(store->cache->locks, err) || !wait_for_lock(store, remote, &lock, err)) {
        return false;
    }
    const bool is_there = i4_hub_file_size(blob, &size) && size == remote->size;
    const bool is_done = (is_there || fetch_blob(store, file, remote, blob, err)) &&
                         link_blob(store, file, remote, blob, err);
    i4_hub_unlock(lock);
    return is_done;
}
