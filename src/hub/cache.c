/* Paths, references and whole snapshots of the cache. A snapshot is judged by its layout: shards
 * and what the indices name must be there, and no link may dangle. */
#include "hub/cache.h"

#include "base/memory.h"
#include "base/os.h"
#include "hub/hub_os.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_MOST = 10000, DEPTH_MOST = 8, REF_BYTES_MOST = 256 };

bool i4_hub_path(char *out, size_t size, i4_err *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(out, size, format, args);
    va_end(args);
    return (n > 0 && (size_t)n < size) ||
           i4_fail(err, I4_E_INVALID_ARGUMENT,
                   "the path %.200s… is too long; set HF_HUB_CACHE to a shorter one", out);
}

static bool is_file(const char *folder, const char *name) {
    char path[I4_LIMIT_PATH_BYTES];
    return i4_hub_path(path, sizeof path, NULL, "%s/%s", folder, name) &&
           i4_path_look(path) == I4_PATH_FILE;
}

bool i4_hub_cache_init(i4_hub_cache *cache, const char *root, const char *repo, i4_err *err) {
    const char *slash = strchr(repo, '/');
    const int owner = slash ? (int)(slash - repo) : 0;
    const char *name = slash ? slash + 1 : repo;
    const char *join = slash ? "--" : "";
    return i4_hub_path(cache->folder, sizeof cache->folder, err, "%s/models--%.*s%s%s", root, owner,
                       repo, join, name) &&
           i4_hub_path(cache->locks, sizeof cache->locks, err, "%s/.locks/models--%.*s%s%s", root,
                       owner, repo, join, name);
}

/* --- references ----------------------------------------------------------------------------- */

bool i4_hub_ref_read(const i4_hub_cache *cache, const char *revision,
                     char commit[I4_HUB_COMMIT_BYTES]) {
    char path[I4_LIMIT_PATH_BYTES];
    char *text;
    size_t size;
    if (i4_hub_is_commit(revision)) {
        memcpy(commit, revision, I4_HUB_COMMIT_BYTES);
        return true;
    }
    if (!i4_hub_path(path, sizeof path, NULL, "%s/refs/%s", cache->folder, revision) ||
        !i4_file_read(path, REF_BYTES_MOST, &text, &size, NULL)) {
        return false;
    }
    text[strcspn(text, " \r\n")] = '\0';
    const bool is_commit = i4_hub_is_commit(text);
    if (is_commit) {
        memcpy(commit, text, I4_HUB_COMMIT_BYTES);
    }
    i4_free(text);
    return is_commit;
}

bool i4_hub_ref_write(const i4_hub_cache *cache, const char *revision, const char *commit,
                      i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES], folder[I4_LIMIT_PATH_BYTES];
    char known[I4_HUB_COMMIT_BYTES];
    if (i4_hub_ref_read(cache, revision, known) && strcmp(known, commit) == 0) {
        return true;
    }
    if (!i4_hub_path(path, sizeof path, err, "%s/refs/%s", cache->folder, revision)) {
        return false;
    }
    const int length = (int)(strrchr(path, '/') - path);
    return i4_hub_path(folder, sizeof folder, err, "%.*s", length, path) &&
           i4_dir_make(folder, err) && i4_file_write(path, commit, strlen(commit), err);
}

/* --- whole snapshots: by layout ------------------------------------------------------------- */

static bool is_whole_split(const char *folder) {
    static const char *const needed[] = {
        "conditional_transformer.safetensors",
        "unconditional_transformer.safetensors",
        "text_encoder.safetensors",
        "vae.safetensors",
        "tokenizer/tokenizer.json",
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!is_file(folder, needed[i])) {
            return false;
        }
    }
    return true;
}

/* Every file that the index names is there. */
static bool is_index_met(const char *folder, const char *index) {
    char path[I4_LIMIT_PATH_BYTES];
    char *text;
    size_t size;
    if (!i4_hub_path(path, sizeof path, NULL, "%s/%s", folder, index) ||
        !i4_file_read(path, I4_LIMIT_INDEX_BYTES, &text, &size, NULL)) {
        return false;
    }
    json_t *root = json_loadb(text, size, 0, NULL);
    i4_free(text);
    json_t *map = json_object_get(root, "weight_map");
    bool is_met = json_object_size(map) > 0;
    const char *tensor;
    const char *last = "";
    json_t *file;
    json_object_foreach(map, tensor, file) {
        const char *name = json_string_value(file);
        /* Neighbours mostly lie in the same shard: one look is enough. */
        if (is_met && name && strcmp(name, last) != 0) {
            is_met = i4_hub_file_check(i4_str_c(name), NULL) && is_file(folder, name);
            last = name;
        }
        is_met = is_met && name;
    }
    json_decref(root);
    return is_met;
}

/* A folder of shards: at least one, none dangling, every index met. */
static bool is_whole_part(const char *snapshot, const char *part) {
    char folder[I4_LIMIT_PATH_BYTES];
    char **names;
    size_t count, shards = 0;
    if (!i4_hub_path(folder, sizeof folder, NULL, "%s/%s", snapshot, part) ||
        !i4_dir_list(folder, NAMES_MOST, &names, &count, NULL)) {
        return false;
    }
    bool is_whole = true;
    for (size_t i = 0; i < count && is_whole; i++) {
        const i4_str name = i4_str_c(names[i]);
        const bool is_weights = i4_str_ends(name, ".safetensors");
        const bool is_index = i4_str_ends(name, ".safetensors.index.json");
        if ((is_weights || is_index) && !i4_str_starts(name, "._")) {
            is_whole = is_file(folder, names[i]) && (!is_index || is_index_met(folder, names[i]));
            shards += is_weights;
        }
    }
    i4_dir_list_free(names, count);
    return is_whole && shards > 0;
}

static bool is_whole_model(const char *folder) {
    if (is_file(folder, "split_model.json")) {
        return is_whole_split(folder);
    }
    static const char *const parts[] = {"vae", "transformer", "unconditional_transformer",
                                        "text_encoder"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!is_whole_part(folder, parts[i])) {
            return false;
        }
    }
    return is_file(folder, "tokenizer/tokenizer.json");
}

/* --- whole snapshots: by patterns ----------------------------------------------------------- */

/* Whether a file below `folder` matches. prefix: its name inside the snapshot, "" or with a final
 * slash. */
static bool has_match(const char *folder, const char *prefix, const char *pattern, int depth) {
    char **names;
    size_t count;
    if (depth > DEPTH_MOST || !i4_dir_list(folder, NAMES_MOST, &names, &count, NULL)) {
        return false;
    }
    bool is_found = false;
    for (size_t i = 0; i < count && !is_found; i++) {
        char path[I4_LIMIT_PATH_BYTES], name[I4_HUB_NAME_BYTES + 1];
        if (!i4_hub_path(path, sizeof path, NULL, "%s/%s", folder, names[i]) ||
            !i4_hub_path(name, sizeof name - 1, NULL, "%s%s", prefix, names[i])) {
            continue;
        }
        const i4_path_kind kind = i4_path_look(path);
        is_found = kind == I4_PATH_FILE && i4_hub_matches(pattern, name);
        if (kind == I4_PATH_DIR) {
            const size_t length = strlen(name);
            memcpy(name + length, "/", 2);
            is_found = has_match(path, name, pattern, depth + 1);
        }
    }
    i4_dir_list_free(names, count);
    return is_found;
}

static bool is_whole(const char *folder, const char *const *patterns) {
    if (!patterns) {
        return is_whole_model(folder);
    }
    for (; *patterns; patterns++) {
        if (!has_match(folder, "", *patterns, 0)) {
            return false;
        }
    }
    return i4_path_look(folder) == I4_PATH_DIR;
}

/* --- finding -------------------------------------------------------------------------------- */

/* Empties *folder if no snapshot is whole. */
static void find_newest(const i4_hub_cache *cache, const char *const *patterns, char *folder,
                        size_t size) {
    char snapshots[I4_LIMIT_PATH_BYTES];
    char **names;
    size_t count;
    int64_t newest = -1;
    folder[0] = '\0';
    if (!i4_hub_path(snapshots, sizeof snapshots, NULL, "%s/snapshots", cache->folder) ||
        !i4_dir_list(snapshots, NAMES_MOST, &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char path[I4_LIMIT_PATH_BYTES];
        if (!i4_hub_path(path, sizeof path, NULL, "%s/%s", snapshots, names[i])) {
            continue;
        }
        const int64_t changed = i4_hub_changed_at(path);
        if (changed > newest && is_whole(path, patterns) &&
            i4_hub_path(folder, size, NULL, "%s", path)) {
            newest = changed;
        }
    }
    i4_dir_list_free(names, count);
}

bool i4_hub_cache_find(const i4_hub_cache *cache, const char *repo, const char *revision,
                       const char *const *patterns, char *folder, size_t size, i4_err *err) {
    const bool is_named = revision && *revision;
    char commit[I4_HUB_COMMIT_BYTES];
    if (i4_hub_ref_read(cache, is_named ? revision : "main", commit)) {
        if (!i4_hub_path(folder, size, err, "%s/snapshots/%s", cache->folder, commit)) {
            return false;
        }
        if (is_whole(folder, patterns)) {
            return true;
        }
    }
    if (!is_named) {
        find_newest(cache, patterns, folder, size);
        if (folder[0]) {
            return true;
        }
    }
    return i4_fail(err, I4_E_NOT_FOUND,
                   "%s (%.100s) is not, or not completely, in the cache at %.150s; get it with "
                   "`ideogram4 download --repo %s`",
                   repo, is_named ? revision : "main", cache->folder, repo);
}
