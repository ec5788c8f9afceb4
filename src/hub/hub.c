/* A snapshot: list the revision, choose files, look at those that are missing, see that there is
 * room, fetch them one after the other, and only then point the revision at the commit. */
#include "hub/hub.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "hub/blob.h"
#include "hub/fetch.h"
#include "hub/hub_os.h"

#include <string.h>

enum { FILES_MOST = 100000 };

static const double progress_seconds = 0.05; /* between two calls of the progress function */

typedef struct item {
    const char *name; /* borrowed from the listing */
    uint64_t size;
    bool is_there;
} item;

typedef struct run {
    const i4_hub_options *options;
    const char *revision; /* never empty */
    i4_hub_env env;
    i4_hub_cache cache;
    i4_hub_talk talk;
    i4_hub_store store;
    char commit[I4_HUB_COMMIT_BYTES];
    json_t *listing; /* owned */
    item *items;     /* owned */
    size_t count;
    i4_hub_progress progress;
    uint64_t finished; /* bytes of the files that are done */
    double told_at;    /* when progress was last told */
    bool is_cancelled;
} run;

/* --- progress ------------------------------------------------------------------------------- */

static bool tell(run *r) {
    r->told_at = i4_seconds();
    r->progress.done_bytes = r->finished + r->store.file_bytes;
    if (r->options->progress && !r->options->progress(&r->progress, r->options->user)) {
        r->is_cancelled = true;
    }
    return !r->is_cancelled;
}

static bool go_on(void *user) {
    run *r = user;
    if (r->is_cancelled || i4_seconds() - r->told_at < progress_seconds) {
        return !r->is_cancelled;
    }
    return tell(r);
}

static bool tell_file(run *r, const char *name, size_t index, i4_err *err) {
    r->progress.file = name;
    r->progress.file_index = (int)index;
    return tell(r) || i4_fail(err, I4_E_CANCELLED, "the download was cancelled");
}

/* --- choice of files ------------------------------------------------------------------------ */

static const char *sibling_name(const json_t *siblings, size_t index, size_t *length) {
    const json_t *name = json_object_get(json_array_get(siblings, index), "rfilename");
    *length = json_string_length(name);
    return json_string_value(name);
}

/* One bad name makes the whole listing suspect. */
static bool check_names(const json_t *siblings, i4_err *err) {
    const size_t count = json_array_size(siblings);
    if (count > FILES_MOST) {
        return i4_fail(err, I4_E_FORMAT, "the repository has %zu files, more than the %d allowed",
                       count, FILES_MOST);
    }
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *name = sibling_name(siblings, i, &length);
        if (!name) {
            return i4_fail(err, I4_E_FORMAT, "the hub lists a file without a name");
        }
        if (!i4_hub_file_check(i4_str_of(name, length), err)) {
            return false;
        }
    }
    return true;
}

static bool is_listed(const json_t *siblings, const char *wanted) {
    for (size_t i = 0; i < json_array_size(siblings); i++) {
        size_t length;
        if (strcmp(sibling_name(siblings, i, &length), wanted) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const char *name, const char *const *patterns) {
    for (; *patterns; patterns++) {
        if (i4_hub_matches(*patterns, name)) {
            return true;
        }
    }
    return false;
}

/* Weights come last: a snapshot that has them has everything. */
static void choose(run *r, const json_t *siblings, const char *const *patterns) {
    for (int weights = 0; weights < 2; weights++) {
        for (size_t i = 0; i < json_array_size(siblings); i++) {
            size_t length;
            const char *name = sibling_name(siblings, i, &length);
            if (i4_str_ends(i4_str_c(name), ".safetensors") == (weights == 1) &&
                is_wanted(name, patterns)) {
                r->items[r->count++].name = name;
            }
        }
    }
}

static bool choose_files(run *r, i4_err *err) {
    const json_t *siblings = json_object_get(r->listing, "siblings");
    const size_t room = json_array_size(siblings);
    if (!check_names(siblings, err)) {
        return false;
    }
    r->items = i4_calloc(room + 1, sizeof *r->items);
    if (!r->items) {
        return i4_fail_memory(err, "a list of files", (room + 1) * sizeof *r->items);
    }
    const char *const *patterns = r->options->patterns;
    if (!patterns) {
        patterns =
            is_listed(siblings, "split_model.json") ? i4_hub_split_files : i4_hub_folder_patterns;
    }
    choose(r, siblings, patterns);
    r->progress.file_count = (int)r->count;
    return r->count > 0 || i4_fail(err, I4_E_NOT_FOUND,
                                   "%s has none of the files that a model consists of; is it the "
                                   "right repository?",
                                   r->options->repo);
}

/* --- sizes and room ------------------------------------------------------------------------- */

static bool look_at_files(run *r, uint64_t *missing, i4_err *err) {
    i4_hub_remote remote;
    *missing = 0;
    for (size_t i = 0; i < r->count; i++) {
        item *it = &r->items[i];
        it->is_there = i4_hub_store_has(&r->store, it->name, &it->size);
        if (!it->is_there) {
            if (!i4_hub_look(&r->talk, r->commit, it->name, &remote, err)) {
                return false;
            }
            it->size = remote.size;
            *missing += i4_hub_store_lacks(&r->store, &remote);
        }
        r->progress.total_bytes += it->size;
    }
    return true;
}

static bool check_room(const run *r, uint64_t missing, i4_err *err) {
    uint64_t room;
    if (!i4_dir_make(r->env.cache, err)) {
        return false;
    }
    if (!i4_hub_free_bytes(r->env.cache, &room) || missing <= room) {
        return true;
    }
    return i4_fail(err, I4_E_IO,
                   "%.2f GB are still to come, but %.200s has only %.2f GB free; make room, or set "
                   "HF_HUB_CACHE to a folder on another disk",
                   (double)missing / 1e9, r->env.cache, (double)room / 1e9);
}

/* --- the fetch ------------------------------------------------------------------------------ */

/* Looked at again when its turn comes: signed addresses live an hour, a model may take longer. */
static bool fetch_file(run *r, size_t index, i4_err *err) {
    const item *it = &r->items[index];
    i4_hub_remote remote;
    r->store.file_bytes = 0;
    return tell_file(r, it->name, index, err) &&
           i4_hub_look(&r->talk, r->commit, it->name, &remote, err) &&
           i4_hub_store_fetch(&r->store, it->name, &remote, err);
}

static bool fetch_files(run *r, i4_err *err) {
    for (size_t i = 0; i < r->count; i++) {
        if (!r->items[i].is_there && !fetch_file(r, i, err)) {
            return false;
        }
        r->finished += r->items[i].size;
        r->store.file_bytes = 0;
    }
    return tell_file(r, NULL, r->count, err);
}

static bool fetch_snapshot(run *r, bool has_copy, i4_err *err) {
    uint64_t missing;
    const int retries = r->talk.patience.retries;
    /* With a copy at hand nobody waits long for a hub that cannot be reached. */
    r->talk.patience.retries = has_copy && retries > 1 ? 1 : retries;
    if (!i4_hub_list(&r->talk, r->revision, r->commit, &r->listing, err)) {
        return false;
    }
    r->talk.patience.retries = retries;
    r->store = (i4_hub_store){.talk = &r->talk, .cache = &r->cache, .commit = r->commit};
    return choose_files(r, err) && look_at_files(r, &missing, err) && check_room(r, missing, err) &&
           fetch_files(r, err) &&
           (strcmp(r->revision, r->commit) == 0 ||
            i4_hub_ref_write(&r->cache, r->revision, r->commit, err));
}

/* copy: folder of a whole snapshot in the cache, "" for none. */
static bool fetch_or_copy(run *r, const char *copy, char *folder, size_t size, i4_err *err) {
    if (fetch_snapshot(r, copy[0] != '\0', err)) {
        return i4_hub_path(folder, size, err, "%s/snapshots/%s", r->cache.folder, r->commit);
    }
    if (!r->talk.unreachable || !copy[0] || !err || err->status != I4_E_IO) {
        return false;
    }
    i4_log(I4_LOG_WARN, "hub", "%s; going on with the copy in the cache, which may be older",
           err->text);
    return i4_hub_path(folder, size, err, "%s", copy);
}

static bool find_offline(const run *r, char *folder, size_t size, i4_err *err) {
    const i4_hub_options *o = r->options;
    return i4_hub_cache_find(&r->cache, o->repo, o->revision, o->patterns, folder, size, NULL) ||
           i4_fail(err, I4_E_NOT_FOUND,
                   "%s (%.100s) is not, or not completely, in the cache at %.150s, and "
                   "HF_HUB_OFFLINE forbids to fetch it; unset that and try again",
                   o->repo, r->revision, r->cache.folder);
}

static bool begin(run *r, const i4_hub_options *options, i4_err *err) {
    const bool has_revision = options->revision && *options->revision;
    r->options = options;
    r->revision = has_revision ? options->revision : "main";
    return i4_hub_repo_check(options->repo, err) && i4_hub_revision_check(r->revision, err) &&
           i4_hub_env_local(&r->env, err) &&
           i4_hub_cache_init(&r->cache, r->env.cache, options->repo, err);
}

static bool fetch_online(run *r, i4_hub_patience patience, char *folder, size_t size, i4_err *err) {
    char copy[I4_LIMIT_PATH_BYTES];
    if (!i4_hub_env_remote(&r->env, err)) {
        return false;
    }
    if (!i4_hub_cache_find(&r->cache, r->options->repo, r->options->revision, r->options->patterns,
                           copy, sizeof copy, NULL)) {
        copy[0] = '\0';
    }
    r->talk = (i4_hub_talk){.env = &r->env,
                            .repo = r->options->repo,
                            .client = i4_http_client_new(err),
                            .patience = patience,
                            .go_on = go_on,
                            .user = r};
    if (!r->talk.client) {
        return false;
    }
    const bool is_done = fetch_or_copy(r, copy, folder, size, err);
    i4_http_client_free(r->talk.client);
    json_decref(r->listing);
    i4_free(r->items);
    memset(r->env.token, 0, sizeof r->env.token);
    return is_done;
}

bool i4_hub_fetch_patiently(const i4_hub_options *options, i4_hub_patience patience, char *folder,
                            size_t size, i4_err *err) {
    i4_err local; /* the sentence is needed here too */
    run *r = i4_calloc(1, sizeof *r);
    if (!r) {
        return i4_fail_memory(err, "a download", sizeof *r);
    }
    err = err ? err : &local;
    bool is_done = begin(r, options, err);
    if (is_done) {
        is_done = r->env.offline ? find_offline(r, folder, size, err)
                                 : fetch_online(r, patience, folder, size, err);
    }
    i4_free(r);
    return is_done;
}

bool i4_hub_fetch(const i4_hub_options *options, char *folder, size_t size, i4_err *err) {
    const i4_hub_patience patience = {.retries = 5, .pause_seconds = 0.25, .longest_seconds = 300};
    return i4_hub_fetch_patiently(options, patience, folder, size, err);
}

bool i4_hub_find(const char *repo, const char *revision, char *folder, size_t size, i4_err *err) {
    i4_hub_env env;
    i4_hub_cache cache;
    return i4_hub_repo_check(repo, err) &&
           (!revision || !*revision || i4_hub_revision_check(revision, err)) &&
           i4_hub_env_local(&env, err) && i4_hub_cache_init(&cache, env.cache, repo, err) &&
           i4_hub_cache_find(&cache, repo, revision, NULL, folder, size, err);
}
