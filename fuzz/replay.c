/* Takes libFuzzer's place where there is none: runs the target on every file of the given folders
 * and on some deterministic damage to each, so that every test run replays all past crashes.
 *
 *     fuzz_FORMAT FOLDER|FILE...     with IDEOGRAM4_MUTATIONS damaged forms of each (default 1000)
 *
 * Before each input its name is kept in `now`, for the debugger. */
#include "base/os.h"
#include "mutate.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#ifdef REPLAY_INITIALIZE
int LLVMFuzzerInitialize(int *argc, char ***argv);
#endif

enum { FILES_MAX = 10000, SEED = 4 };

static char now[1200];

static size_t inputs;

/* In a block of exactly its size, so that the sanitizer sees a read past the end. */
static void run(const blob *input) {
    uint8_t *exact = malloc(input->size ? input->size : 1);
    if (!exact) {
        abort();
    }
    if (input->size) {
        memcpy(exact, input->data, input->size);
    }
    LLVMFuzzerTestOneInput(exact, input->size);
    free(exact);
    inputs++;
}

/* donor: the file before, for splicing; replaced by this one. */
static bool replay_file(const char *path, size_t number, size_t mutations, blob *donor) {
    blob whole = {0}, damaged = {0};
    if (!blob_load(&whole, path)) {
        fprintf(stderr, "cannot read %s\n", path);
        return false;
    }
    snprintf(now, sizeof now, "%s", path);
    run(&whole);
    for (size_t i = 0; i < mutations; i++) {
        chance c = chance_of(SEED, number, i);
        snprintf(now, sizeof now, "%s, mutation %zu", path, i);
        blob_set(&damaged, whole.data, whole.size);
        if (i % 2) {
            mutate(&damaged, donor, &c);
        } else {
            mutate_safetensors(&damaged, donor, &c); /* other formats: as the line above */
        }
        run(&damaged);
    }
    blob_free(&damaged);
    blob_free(donor);
    *donor = whole;
    return true;
}

static bool replay(const char *path, size_t mutations, blob *donor) {
    char **names = NULL;
    size_t count = 0;
    i4_err err = {0};
    if (i4_path_look(path) != I4_PATH_DIR) {
        return replay_file(path, 0, mutations, donor);
    }
    if (!i4_dir_list(path, FILES_MAX, &names, &count, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    bool good = count > 0;
    for (size_t i = 0; good && i < count; i++) {
        char file[1024];
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        good = replay_file(file, i, mutations, donor);
    }
    i4_dir_list_free(names, count);
    return good;
}

int main(int argc, char **argv) {
    const char *wanted = getenv("IDEOGRAM4_MUTATIONS");
    const size_t mutations = wanted ? (size_t)strtoul(wanted, NULL, 10) : 1000;
    blob donor = {0};
    bool good = argc > 1;
#ifdef REPLAY_INITIALIZE
    LLVMFuzzerInitialize(&argc, &argv);
#endif
    for (int i = 1; good && i < argc; i++) {
        good = replay(argv[i], mutations, &donor);
    }
    blob_free(&donor);
    printf("%zu inputs\n", inputs);
    return good && inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
