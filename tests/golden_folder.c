/* See golden_folder.h. */
#define _DEFAULT_SOURCE
#include "golden_folder.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool exists(const char *folder, const char *name) {
    char path[GOLDEN_PATH];
    struct stat st;
    const int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    return len > 0 && len < GOLDEN_PATH && stat(path, &st) == 0;
}

int golden_each(const char *folder, int (*fn)(const char *folder, void *user), void *user) {
    if (exists(folder, "manifest.json") && exists(folder, "tokenizer_cases.json")) {
        return fn(folder, user);
    }
    int failures = 0, found = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir)) {
        char path[GOLDEN_PATH];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' && exists(path, "manifest.json") &&
            exists(path, "tokenizer_cases.json")) {
            failures += fn(path, user);
            found++;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (found == 0) {
        fprintf(stderr, "%s holds no golden folder (manifest.json, tokenizer_cases.json)\n",
                folder);
        return 1;
    }
    return failures;
}

static bool link_into(const char *root, const char *name, const char *target) {
    char path[GOLDEN_PATH], *full = realpath(target, NULL);
    snprintf(path, sizeof path, "%s/%s", root, name);
    const bool ok = full != NULL && symlink(full, path) == 0;
    free(full);
    return ok;
}

bool golden_root(const char *folder, const char *layout, char root[GOLDEN_PATH]) {
    char path[GOLDEN_PATH], target[GOLDEN_PATH];
    const char *tmp = getenv("TMPDIR");
    snprintf(root, GOLDEN_PATH, "%s/ideogram4-golden-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(root) == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "%s/%s", folder, layout);
    DIR *dir = opendir(path);
    bool ok = dir != NULL;
    for (struct dirent *e = ok ? readdir(dir) : NULL; ok && e != NULL; e = readdir(dir)) {
        if (e->d_name[0] != '.') {
            snprintf(target, sizeof target, "%.500s/%.255s", path, e->d_name);
            ok = link_into(root, e->d_name, target);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    snprintf(target, sizeof target, "%s/tokenizer", folder);
    return ok && (exists(root, "tokenizer") || link_into(root, "tokenizer", target));
}

void golden_root_remove(const char *root) {
    DIR *dir = opendir(root);
    for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir)) {
        char path[2 * GOLDEN_PATH];
        snprintf(path, sizeof path, "%s/%s", root, e->d_name);
        unlink(path);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    rmdir(root);
}

const float *golden_floats(const i4_st_file *file, const char *name, size_t *count) {
    const i4_st_tensor *t = i4_st_find(file, name);
    if (t == NULL || (t->dtype != I4_ST_F32 && t->dtype != I4_ST_I32)) {
        return NULL;
    }
    float *copy = malloc(t->size + 4); /* the file's data may lie at any byte */
    memcpy(copy, t->data, t->size);
    if (count != NULL) {
        *count = t->size / 4;
    }
    return copy;
}

double relative_l2(const float *got, const float *want, size_t count) {
    double d = 0.0, w = 0.0;
    for (size_t i = 0; i < count; i++) {
        d += ((double)got[i] - (double)want[i]) * ((double)got[i] - (double)want[i]);
        w += (double)want[i] * (double)want[i];
    }
    const double e = sqrt(d / w);
    return isnan(e) ? HUGE_VAL : e;
}

double psnr_u8(const unsigned char *a, const unsigned char *b, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    }
    return sum > 0.0 ? 10.0 * log10(255.0 * 255.0 * (double)count / sum) : 999.0;
}

double golden_number(const json_t *manifest, const char *layout, const char *key, const char *key2,
                     double fallback) {
    const json_t *v =
        json_object_get(json_object_get(json_object_get(manifest, "layouts"), layout), key);
    v = key2 != NULL ? json_object_get(v, key2) : v;
    return json_is_number(v) ? json_number_value(v) : fallback;
}
