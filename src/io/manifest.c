/* Which layout a folder has and which files make it up. Three readers, one per layout, tried in
 * the order of their telling marks; shard indices are resolved and proved against the shards. */
#include "io/manifest.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "io/json.h"
#include "io/safetensors.h"

#include <stdlib.h>
#include <string.h>

static const char supported[] =
    "supported layouts are mlx-forge split (split_model.json), mflux saved, and official fp8 "
    "(text_encoder/config.json with ideogram_fp8_weight_only)";

const char *i4_layout_name(i4_layout layout) {
    static const char *const names[] = {"mlx-forge split", "mflux saved", "official fp8"};
    return names[layout];
}

const char *i4_part_name(i4_part part) {
    static const char *const names[] = {"text_encoder", "conditional_transformer",
                                        "unconditional_transformer", "vae"};
    return names[part];
}

/* Folder of a part in the two layouts that have folders. */
static const char *part_folder(int part) {
    static const char *const names[] = {"text_encoder", "transformer", "unconditional_transformer",
                                        "vae"};
    return names[part];
}

/* --- paths --------------------------------------------------------------------------------- */

typedef struct path {
    char text[4096];
} path;

/* root/a or root/a/b (b may be NULL) */
static bool join(const char *root, const char *a, const char *b, path *out, i4_err *err) {
    int n = snprintf(out->text, sizeof out->text, "%s/%s%s%s", root, a, b ? "/" : "", b ? b : "");
    return (n > 0 && (size_t)n < sizeof out->text) ||
           i4_fail(err, I4_E_INVALID_ARGUMENT, "the path %s/%s is too long", root, a);
}

static bool is_file(const char *text) {
    return i4_path_look(text) == I4_PATH_FILE;
}

static bool copied(const char *text, char **out, i4_err *err) {
    *out = i4_strdup(text);
    return *out || i4_fail_memory(err, "a file name", strlen(text));
}

/* *out: the path if such a file is there, else NULL. */
static bool optional_file(const char *root, const char *a, const char *b, char **out, i4_err *err) {
    path p;
    *out = NULL;
    return join(root, a, b, &p, err) && (!is_file(p.text) || copied(p.text, out, err));
}

static bool missing(const i4_manifest *m, const char *file, i4_err *err) {
    return i4_fail(err, I4_E_FORMAT, "%s is missing in %s (layout: %s); copy the whole model again",
                   file, m->root, i4_layout_name(m->layout));
}

/* --- lists of files ------------------------------------------------------------------------ */

/* Appends a copy of text; there is room for `room` of them in all. */
static bool add_file(i4_manifest *m, int part, size_t room, const char *text, i4_err *err) {
    char **files = m->part[part].files;
    if (!files) {
        files = i4_calloc(room, sizeof *files);
        if (!files) {
            return i4_fail_memory(err, "a list of files", room * sizeof *files);
        }
        m->part[part].files = files;
    }
    if (!copied(text, &files[m->part[part].file_count], err)) {
        return false;
    }
    m->part[part].file_count++;
    return true;
}

static bool is_shard(const char *name) {
    return i4_str_ends(i4_str_c(name), ".safetensors") && strncmp(name, "._", 2) != 0;
}

/* --- shard indices ------------------------------------------------------------------------- */

typedef struct mapping {
    const char *tensor, *file;
} mapping;

static int by_file(const void *a, const void *b) {
    return strcmp(((const mapping *)a)->file, ((const mapping *)b)->file);
}

static bool is_plain_name(const char *name) {
    return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/\\");
}

/* One shard: it exists and holds every tensor the index says. */
static bool check_shard(const char *shard, const mapping *entry, size_t count, i4_err *err) {
    if (!is_file(shard)) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s is missing, though the index names it; copy the whole "
                       "model again",
                       shard);
    }
    i4_st_file *file = i4_st_open(shard, err);
    bool good = file != NULL;
    for (size_t i = 0; good && i < count; i++) {
        good = i4_st_find(file, entry[i].tensor) ||
               i4_fail(err, I4_E_FORMAT, "%s lacks a tensor that the index promises there ('%s')",
                       shard, entry[i].tensor);
    }
    i4_st_close(file);
    return good;
}

static bool add_indexed(i4_manifest *m, int part, const char *folder, const mapping *entry,
                        size_t count, i4_err *err) {
    size_t shards = 0;
    for (size_t i = 0; i < count; i++) {
        shards += i == 0 || strcmp(entry[i].file, entry[i - 1].file) != 0;
    }
    if (shards > I4_LIMIT_SHARDS) {
        return i4_fail(err, I4_E_FORMAT, "the index in %s names %zu files; at most %d are allowed",
                       folder, shards, I4_LIMIT_SHARDS);
    }
    for (size_t first = 0, end; first < count; first = end) {
        path p;
        for (end = first + 1; end < count && strcmp(entry[first].file, entry[end].file) == 0;) {
            end++;
        }
        if (!join(folder, entry[first].file, NULL, &p, err) ||
            !check_shard(p.text, entry + first, end - first, err) ||
            !add_file(m, part, shards, p.text, err)) {
            return false;
        }
    }
    m->part[part].indexed = true;
    return true;
}

static bool collect(json_t *map, const char *label, mapping *entry, i4_err *err) {
    const char *tensor;
    json_t *file;
    size_t n = 0;
    json_object_foreach(map, tensor, file) {
        const char *name = json_string_value(file);
        if (!name || !is_plain_name(name)) {
            return i4_fail(err, I4_E_FORMAT,
                           "%s: a weight_map entry is not the plain name of a file in the same "
                           "folder ('%s')",
                           label, tensor);
        }
        entry[n++] = (mapping){tensor, name};
    }
    return true;
}

/* index: the parsed index file at `label`. */
static bool read_index(i4_manifest *m, int part, const char *folder, const char *label,
                       json_t *index, i4_err *err) {
    json_t *map = json_object_get(index, "weight_map");
    size_t count = json_object_size(map);
    if (count == 0 || count > I4_LIMIT_ST_TENSORS) {
        return i4_fail(err, I4_E_FORMAT, "%s: weight_map must be an object of 1 to %d entries",
                       label, I4_LIMIT_ST_TENSORS);
    }
    mapping *entry = i4_calloc(count, sizeof *entry);
    if (!entry) {
        return i4_fail_memory(err, "a shard index", count * sizeof *entry);
    }
    bool good = collect(map, label, entry, err);
    if (good) {
        qsort(entry, count, sizeof *entry, by_file);
        good = add_indexed(m, part, folder, entry, count, err);
    }
    i4_free(entry);
    return good;
}

/* *found: there is an index and its files were added. */
static bool try_index(i4_manifest *m, int part, const char *folder, const char *stem, bool *found,
                      i4_err *err) {
    path p;
    char name[64];
    snprintf(name, sizeof name, "%s.safetensors.index.json", stem);
    *found = false;
    if (!join(folder, name, NULL, &p, err)) {
        return false;
    }
    if (!is_file(p.text)) {
        return true;
    }
    json_t *index = i4_json_load(p.text, I4_LIMIT_INDEX_BYTES, err);
    *found = index && read_index(m, part, folder, p.text, index, err);
    json_decref(index);
    return *found;
}

/* --- mlx-forge split ----------------------------------------------------------------------- */

static bool read_split_json(i4_manifest *m, const char *label, i4_err *err) {
    const char *format = NULL, *source = NULL;
    json_t *root = i4_json_load(label, I4_LIMIT_CONFIG_BYTES, err);
    i4_json object = {root, label, ""};
    bool good = root && i4_json_string(object, "format", &format, err) &&
                i4_json_string(object, "source", &source, err);
    if (good && format && strcmp(format, "split") != 0) {
        good = i4_fail(err, I4_E_UNSUPPORTED, "%s: format is '%s'; only 'split' is supported",
                       label, format);
    }
    if (good && source && strlen(source) < sizeof m->source) {
        memcpy(m->source, source, strlen(source) + 1);
    }
    json_decref(root);
    return good;
}

static bool read_split(i4_manifest *m, const char *split_json, i4_err *err) {
    m->layout = I4_LAYOUT_SPLIT;
    if (!read_split_json(m, split_json, err)) {
        return false;
    }
    for (int part = 0; part < I4_PART_COUNT; part++) {
        path p;
        char weights[64], config[64];
        snprintf(weights, sizeof weights, "%s.safetensors", i4_part_name((i4_part)part));
        snprintf(config, sizeof config, "%s_config.json", i4_part_name((i4_part)part));
        if (!join(m->root, weights, NULL, &p, err)) {
            return false;
        }
        if (!is_file(p.text)) {
            return missing(m, weights, err);
        }
        if (!add_file(m, part, 1, p.text, err) ||
            !optional_file(m->root, config, NULL, &m->part[part].config_path, err)) {
            return false;
        }
    }
    return true;
}

/* --- mflux saved --------------------------------------------------------------------------- */

/* A shard's header carries one of mflux's notes. */
static bool shard_is_marked(const char *shard, bool *marked, i4_err *err) {
    i4_st_file *file = i4_st_open(shard, err);
    if (!file) {
        return false;
    }
    *marked = i4_st_metadata(file, "mflux_version") || i4_st_metadata(file, "quantization_level");
    i4_st_close(file);
    return true;
}

static bool index_is_marked(const char *label, bool *marked, i4_err *err) {
    json_t *root = i4_json_load(label, I4_LIMIT_INDEX_BYTES, err);
    const char *version =
        json_string_value(json_object_get(json_object_get(root, "metadata"), "mflux_version"));
    *marked = version && *version;
    json_decref(root);
    return root != NULL;
}

static bool folder_is_marked(const char *folder, bool *marked, i4_err *err) {
    path p;
    char **names;
    size_t count;
    if (i4_path_look(folder) != I4_PATH_DIR) {
        return true;
    }
    if (!join(folder, "model.safetensors.index.json", NULL, &p, err) ||
        (is_file(p.text) && !index_is_marked(p.text, marked, err))) {
        return false;
    }
    if (*marked) {
        return true;
    }
    if (!i4_dir_list(folder, I4_LIMIT_SHARDS, &names, &count, err)) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && !*marked && i < count; i++) {
        good = !is_shard(names[i]) ||
               (join(folder, names[i], NULL, &p, err) && shard_is_marked(p.text, marked, err));
    }
    i4_dir_list_free(names, count);
    return good;
}

static bool is_mflux(const i4_manifest *m, bool *marked, i4_err *err) {
    *marked = false;
    for (int part = 0; part < I4_PART_COUNT && !*marked; part++) {
        path folder;
        if (!join(m->root, part_folder(part), NULL, &folder, err) ||
            !folder_is_marked(folder.text, marked, err)) {
            return false;
        }
    }
    return true;
}

/* Every shard of the folder, in bytewise order: later ones win. */
static bool add_all_shards(i4_manifest *m, int part, const char *folder, i4_err *err) {
    char **names;
    size_t count;
    if (!i4_dir_list(folder, I4_LIMIT_SHARDS, &names, &count, err)) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        path p;
        good = !is_shard(names[i]) ||
               (join(folder, names[i], NULL, &p, err) && add_file(m, part, count, p.text, err));
    }
    i4_dir_list_free(names, count);
    return good;
}

static bool read_mflux(i4_manifest *m, i4_err *err) {
    m->layout = I4_LAYOUT_MFLUX;
    for (int part = 0; part < I4_PART_COUNT; part++) {
        path folder;
        bool found;
        if (!join(m->root, part_folder(part), NULL, &folder, err)) {
            return false;
        }
        if (i4_path_look(folder.text) != I4_PATH_DIR) {
            return missing(m, part_folder(part), err);
        }
        if (!try_index(m, part, folder.text, "model", &found, err) ||
            (!found && !add_all_shards(m, part, folder.text, err)) ||
            !optional_file(folder.text, "config.json", NULL, &m->part[part].config_path, err)) {
            return false;
        }
        if (m->part[part].file_count == 0) {
            return missing(m, "any *.safetensors file of a component", err);
        }
    }
    return true;
}

/* --- official fp8 -------------------------------------------------------------------------- */

static bool is_fp8(const i4_manifest *m, bool *flagged, i4_err *err) {
    path p;
    *flagged = false;
    if (!join(m->root, "text_encoder", "config.json", &p, err)) {
        return false;
    }
    if (!is_file(p.text)) {
        return true;
    }
    json_t *root = i4_json_load(p.text, I4_LIMIT_CONFIG_BYTES, err);
    i4_json object = {root, p.text, ""};
    bool good = root && i4_json_bool(object, "ideogram_fp8_weight_only", false, flagged, err);
    json_decref(root);
    return good;
}

static bool read_fp8(i4_manifest *m, i4_err *err) {
    m->layout = I4_LAYOUT_FP8;
    for (int part = 0; part < I4_PART_COUNT; part++) {
        path folder, file;
        bool found;
        char name[96];
        const char *stem = part == I4_PART_TEXT ? "model" : "diffusion_pytorch_model";
        snprintf(name, sizeof name, "%s/%s.safetensors", part_folder(part), stem);
        if (!join(m->root, part_folder(part), NULL, &folder, err) ||
            !join(m->root, name, NULL, &file, err)) {
            return false;
        }
        if (!try_index(m, part, folder.text, stem, &found, err)) {
            return false;
        }
        if (!found && !is_file(file.text)) {
            return missing(m, name, err);
        }
        if ((!found && !add_file(m, part, 1, file.text, err)) ||
            !optional_file(folder.text, "config.json", NULL, &m->part[part].config_path, err)) {
            return false;
        }
    }
    return true;
}

/* --- neither ------------------------------------------------------------------------------- */

static bool holds_nf4(const char *shard, bool *nf4, i4_err *err) {
    i4_st_file *file = i4_st_open(shard, err);
    for (size_t i = 0; file && i < i4_st_count(file); i++) {
        *nf4 = *nf4 ||
               i4_str_ends(i4_str_c(i4_st_at(file, i)->name), ".quant_state.bitsandbytes__nf4");
    }
    i4_st_close(file);
    return file != NULL;
}

static bool is_nf4(const i4_manifest *m, bool *nf4, i4_err *err) {
    path folder, p;
    char **names;
    size_t count;
    *nf4 = false;
    if (!join(m->root, "transformer", NULL, &folder, err)) {
        return false;
    }
    if (i4_path_look(folder.text) != I4_PATH_DIR) {
        return true;
    }
    if (!i4_dir_list(folder.text, I4_LIMIT_SHARDS, &names, &count, err)) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = !is_shard(names[i]) ||
               (join(folder.text, names[i], NULL, &p, err) && holds_nf4(p.text, nf4, err));
    }
    i4_dir_list_free(names, count);
    return good;
}

/* The most helpful sentence for a folder that is no model of a known layout. */
static bool unknown_layout(const i4_manifest *m, i4_err *err) {
    path p;
    bool nf4;
    if (!is_nf4(m, &nf4, err)) {
        return false;
    }
    if (nf4) {
        return i4_fail(err, I4_E_UNSUPPORTED, "%s is quantised to NF4, which is not supported; %s",
                       m->root, supported);
    }
    for (int part = 0; part < I4_PART_COUNT; part++) {
        char name[64];
        snprintf(name, sizeof name, "%s.safetensors", i4_part_name((i4_part)part));
        if (join(m->root, name, NULL, &p, err) && is_file(p.text)) {
            return i4_fail(err, I4_E_FORMAT, "split_model.json is missing in %s, where %s lies; %s",
                           m->root, name, supported);
        }
    }
    return i4_fail(err, I4_E_FORMAT, "%s is not a model folder of a known layout; %s", m->root,
                   supported);
}

/* --- the whole ----------------------------------------------------------------------------- */

static bool set_root(i4_manifest *m, const char *folder, i4_err *err) {
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/') {
        len--;
    }
    if (len == 0 || len >= sizeof m->root) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the model folder's path is %s",
                       len == 0 ? "empty" : "too long");
    }
    memcpy(m->root, folder, len);
    m->root[len] = '\0';
    switch (i4_path_look(m->root)) {
    case I4_PATH_DIR:
        return true;
    case I4_PATH_NONE:
        return i4_fail(err, I4_E_NOT_FOUND, "there is no model folder %s; check the path", m->root);
    default:
        return i4_fail(err, I4_E_FORMAT, "%s is not a folder; give the folder of the model",
                       m->root);
    }
}

static bool read_layout(i4_manifest *m, i4_err *err) {
    path split;
    bool yes;
    if (!join(m->root, "split_model.json", NULL, &split, err)) {
        return false;
    }
    if (is_file(split.text)) {
        return read_split(m, split.text, err);
    }
    if (!is_mflux(m, &yes, err)) {
        return false;
    }
    if (yes) {
        return read_mflux(m, err);
    }
    if (!is_fp8(m, &yes, err)) {
        return false;
    }
    return yes ? read_fp8(m, err) : unknown_layout(m, err);
}

bool i4_manifest_read(const char *folder, i4_manifest *manifest, i4_err *err) {
    memset(manifest, 0, sizeof *manifest);
    bool good =
        set_root(manifest, folder, err) && read_layout(manifest, err) &&
        optional_file(manifest->root, "tokenizer", "tokenizer.json", &manifest->tokenizer_path,
                      err) &&
        optional_file(manifest->root, "latent_norm.json", NULL, &manifest->latent_norm_path, err);
    if (!good) {
        i4_manifest_free(manifest);
    }
    return good;
}

void i4_manifest_free(i4_manifest *manifest) {
    for (int part = 0; part < I4_PART_COUNT; part++) {
        for (size_t i = 0; i < manifest->part[part].file_count; i++) {
            i4_free(manifest->part[part].files[i]);
        }
        i4_free(manifest->part[part].files);
        i4_free(manifest->part[part].config_path);
    }
    i4_free(manifest->tokenizer_path);
    i4_free(manifest->latent_norm_path);
    memset(manifest, 0, sizeof *manifest);
}
