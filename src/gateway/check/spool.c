/* The spool of the model daemon: finished pictures on their way to the library. What its own next
 * start would remove is removed, unless a daemon holds the folder; pictures never. */
#include "gateway/check/checkup.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- the lock ------------------------------------------------------------------------------ */

/* True while a daemon has the folder. Otherwise *fd keeps daemons out until it is closed; -1: there
 * was never one. */
static bool is_held(const char *folder, int *fd) {
    char path[I4_LIMIT_PATH_BYTES];
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *fd = i4_checkup_path(folder, "lock", path, sizeof path) ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (*fd < 0) {
        return errno != ENOENT;
    }
    if (fcntl(*fd, F_SETLK, &whole) == 0 || (errno != EACCES && errno != EAGAIN)) {
        return false;
    }
    close(*fd);
    *fd = -1;
    return true;
}

/* --- names --------------------------------------------------------------------------------- */

/* Names of one folder, sorted, and what each is. */
typedef struct spool {
    i4_checkup *c;
    const char *folder;
    char **names; /* owned */
    size_t count;
    bool may_mend;
    json_t *waiting, *stored, *half, *unrecorded, *pictureless, *broken; /* owned lists */
} spool;

static bool is_picture(const char *suffix) {
    return strcmp(suffix, "png") == 0 || strcmp(suffix, "webp") == 0 || strcmp(suffix, "jpeg") == 0;
}

static bool is_wanted(const char *name, const char *wanted) {
    const char *suffix = i4_checkup_suffix(name);
    return suffix && (wanted ? strcmp(suffix, wanted) == 0 : is_picture(suffix));
}

static bool is_same_task(const char *a, const char *b) {
    return strncmp(a, b, 32) == 0;
}

/* Is there a file <the id of that name>.<wanted>? NULL: any picture. Names are sorted, so those of
 * one task are neighbours. */
static bool has_sibling(const spool *s, size_t at, const char *wanted) {
    const char *name = s->names[at];
    size_t first = at;
    while (first > 0 && is_same_task(s->names[first - 1], name)) {
        first--;
    }
    for (size_t i = first; i < s->count && is_same_task(s->names[i], name); i++) {
        if (is_wanted(s->names[i], wanted)) {
            return true;
        }
    }
    return false;
}

static bool is_temporary(const char *name) {
    const size_t length = strlen(name);
    return strncmp(name, ".ideogram4-", 11) == 0 && length > 4 &&
           strcmp(name + length - 4, ".tmp") == 0;
}

static bool is_whole(const spool *s, const char *name) {
    char path[I4_LIMIT_PATH_BYTES], *bytes = NULL;
    size_t size = 0;
    i4_image image = {0};
    const bool whole = i4_checkup_path(s->folder, name, path, sizeof path) &&
                       i4_file_read(path, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, NULL) &&
                       i4_image_decode((const uint8_t *)bytes, size, &image, NULL);
    i4_image_free(&image);
    i4_free(bytes);
    return whole;
}

static json_t *kind_of_picture(const spool *s, size_t at) {
    if (has_sibling(s, at, "taken")) {
        return s->stored;
    }
    const bool whole = is_whole(s, s->names[at]);
    if (!has_sibling(s, at, "json")) {
        return whole ? s->unrecorded : s->half;
    }
    return whole ? s->waiting : s->broken;
}

/* NULL: of no interest, or not ours. */
static json_t *kind_of(const spool *s, size_t at) {
    const char *name = s->names[at];
    const char *suffix = i4_checkup_suffix(name);
    if (!suffix) {
        return is_temporary(name) ? s->half : NULL;
    }
    if (is_picture(suffix)) {
        return kind_of_picture(s, at);
    }
    if (strcmp(suffix, "taken") == 0) {
        return s->stored;
    }
    if (strcmp(suffix, "json") == 0) {
        return has_sibling(s, at, NULL) ? NULL : s->pictureless;
    }
    if (strcmp(suffix, "fetched") == 0) {
        return has_sibling(s, at, "json") ? NULL : s->stored;
    }
    return NULL;
}

/* --- saying -------------------------------------------------------------------------------- */

static bool remove_all(const spool *s, const json_t *names) {
    bool all = true;
    for (size_t i = 0; i < json_array_size(names); i++) {
        char path[I4_LIMIT_PATH_BYTES];
        all = i4_checkup_path(s->folder, json_string_value(json_array_get(names, i)), path,
                              sizeof path) &&
              unlink(path) == 0 && all;
    }
    return all;
}

static i4_finding finding_of(const char *code, json_t *names) {
    return (i4_finding){
        .area = "spool", .code = code, .count = (int64_t)json_array_size(names), .names = names};
}

static void remove_kind(const spool *s, const char *code, json_t *names, const char *what) {
    const i4_finding f = finding_of(code, names);
    if (f.count > 0 && s->may_mend) {
        i4_checkup_say_mended(s->c, f, remove_all(s, names), what, "removed");
    } else if (f.count > 0) {
        i4_checkup_say(s->c, I4_FINDING_NOTE, f,
                       "%s: %lld; the model daemon removes them at its next start", what,
                       (long long)f.count);
    }
}

static void say_kinds(const spool *s) {
    const i4_finding waiting = finding_of("waiting", s->waiting);
    const i4_finding unrecorded = finding_of("record_missing", s->unrecorded);
    const i4_finding broken = finding_of("picture_broken", s->broken);
    remove_kind(s, "leftover", s->half, "half-written files in the spool");
    remove_kind(s, "stored", s->stored, "files in the spool that are stored already");
    remove_kind(s, "picture_missing", s->pictureless, "records in the spool without a picture");
    if (waiting.count > 0) {
        i4_checkup_say(s->c, I4_FINDING_NOTE, waiting,
                       "finished pictures in the spool: %lld; the gateway stores them as soon as "
                       "both programs run",
                       (long long)waiting.count);
    }
    if (unrecorded.count > 0) {
        i4_checkup_say(s->c, I4_FINDING_TODO, unrecorded,
                       "whole pictures in the spool without a record: %lld; copy those that you "
                       "want to keep out of '%s' before the model daemon's next start, which "
                       "removes them",
                       (long long)unrecorded.count, s->folder);
    }
    if (broken.count > 0) {
        i4_checkup_say(s->c, I4_FINDING_TODO, broken,
                       "finished pictures in the spool that cannot be decoded: %lld; look at the "
                       "disk of '%s'",
                       (long long)broken.count, s->folder);
    }
}

static void look(spool *s) {
    for (size_t i = 0; i < s->count; i++) {
        json_t *kind = kind_of(s, i);
        if (kind) {
            i4_checkup_name(s->c, kind, s->names[i]);
        }
    }
    say_kinds(s);
    i4_checkup_say(s->c, I4_FINDING_OK, (i4_finding){.area = "spool", .code = "files"},
                   "files in the spool: %zu", s->count);
}

/* --- the whole ----------------------------------------------------------------------------- */

static void look_in(i4_checkup *c, const char *folder, bool may_mend) {
    i4_err err = {0};
    spool s = {.c = c, .folder = folder, .may_mend = may_mend};
    if (!i4_dir_list(folder, I4_CHECKUP_FILES, &s.names, &s.count, &err)) {
        i4_checkup_say_error(c, "spool", "unreadable", &err);
        return;
    }
    json_t **const lists[] = {&s.waiting,    &s.stored,      &s.half,
                              &s.unrecorded, &s.pictureless, &s.broken};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        *lists[i] = json_array();
        c->out_of_memory = c->out_of_memory || !*lists[i];
    }
    look(&s);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        json_decref(*lists[i]);
    }
    i4_dir_list_free(s.names, s.count);
}

/* What a daemon that runs has in its spool is its own business and changes while one looks. */
void i4_check_spool(i4_checkup *c) {
    const char *folder = c->settings->spool_dir;
    int lock = -1;
    if (!folder[0] || i4_path_look(folder) == I4_PATH_NONE) {
        return;
    }
    if (is_held(folder, &lock)) {
        i4_checkup_say(c, I4_FINDING_NOTE, (i4_finding){.area = "spool", .code = "held"},
                       "the model daemon is running; its spool '%s' was not looked at", folder);
        return;
    }
    look_in(c, folder, !c->only_looked);
    if (lock >= 0) {
        close(lock);
    }
}
