/* Any bytes as each of the JSON files that tell what a model folder is, and as a configuration for
 * the typed getters. The first byte picks the file. */
#include "base/os.h"
#include "io/json.h"
#include "io/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64] = "fuzz_manifest.XXXXXX";

static const char *const shards[] = {
    "vae/0.safetensors",
    "transformer/0.safetensors",
    "unconditional_transformer/0.safetensors",
    "text_encoder/0.safetensors",
    "vae.safetensors",
    "conditional_transformer.safetensors",
    "unconditional_transformer.safetensors",
    "text_encoder.safetensors",
};
static const char *const subfolders[] = {"vae", "transformer", "unconditional_transformer",
                                         "text_encoder"};
static const char *const jsons[] = {"split_model.json", "vae/model.safetensors.index.json",
                                    "text_encoder/config.json"};

static void check(bool promise) {
    if (!promise) {
        abort();
    }
}

static void put(const char *name, const void *data, size_t size) {
    char path[192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "wb");
    check(stream && fwrite(data, 1, size, stream) == size && fclose(stream) == 0);
}

static void take_away(const char *name) {
    char path[192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    remove(path);
}

static void clean(void) {
    for (size_t i = 0; i < sizeof shards / sizeof shards[0]; i++) {
        take_away(shards[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        take_away(subfolders[i]);
    }
    remove(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static const char shard[] = "\x35\0\0\0\0\0\0\0"
                                "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}!";
    char path[192];
    (void)argc;
    (void)argv;
    check(mkdtemp(folder) != NULL);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, subfolders[i]);
        check(i4_dir_make(path, NULL));
    }
    for (size_t i = 0; i < sizeof shards / sizeof shards[0]; i++) {
        put(shards[i], shard, sizeof shard - 1);
    }
    atexit(clean);
    return 0;
}

static void read_values(const char *text, size_t size) {
    json_t *root = i4_json_parse(text, size, "fuzz", NULL);
    i4_json object = {root, "fuzz", ""};
    int64_t whole, list[4];
    double real;
    bool yes;
    float numbers[3];
    size_t count;
    const char *string;
    if (!root) {
        return;
    }
    if (i4_json_int(object, "i", -5, 5, 0, &whole, NULL)) {
        check(whole >= -5 && whole <= 5);
    }
    if (i4_json_real(object, "r", 0, 1, 0, &real, NULL)) {
        check(real >= 0 && real <= 1);
    }
    if (i4_json_ints(object, "l", 0, 9, list, 4, &count, NULL)) {
        check(count <= 4);
    }
    i4_json_bool(object, "b", false, &yes, NULL);
    i4_json_string(object, "s", &string, NULL);
    i4_json_floats(object, "f", numbers, 3, &yes, NULL);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    i4_manifest manifest;
    i4_err err = {0};
    if (size == 0) {
        return 0;
    }
    const char *name = jsons[data[0] % 3];
    read_values((const char *)data + 1, size - 1);
    put(name, data + 1, size - 1);
    bool good = i4_manifest_read(folder, &manifest, &err);
    check(good || err.status != I4_E_OK);
    for (int part = 0; good && part < I4_PART_COUNT; part++) {
        check(manifest.part[part].file_count > 0);
    }
    i4_manifest_free(&manifest);
    take_away(name);
    return 0;
}
