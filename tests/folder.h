/* For tests: a throw-away folder in the working directory, files in it, and a fault that hits the
 * n-th allocation or system call. */
#ifndef ID4_TESTS_FOLDER_H
#define ID4_TESTS_FOLDER_H

#include "base/memory.h"
#include "base/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct folder {
    char path[512];
} folder;

static inline void folder_make(folder *f, const char *test) {
    snprintf(f->path, sizeof f->path, "%s.XXXXXX", test);
    assert_non_null(mkdtemp(f->path));
}

/* path of a name inside it; valid until the fourth call after */
static inline const char *folder_at(const folder *f, const char *name) {
    static char text[4][1024];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(text[turn], sizeof text[turn], "%s/%s", f->path, name);
    return text[turn];
}

static inline void folder_write(const folder *f, const char *name, const char *text) {
    FILE *stream = fopen(folder_at(f, name), "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, strlen(text), stream), strlen(text));
    assert_int_equal(fclose(stream), 0);
}

static inline void folder_sub(const folder *f, const char *name) {
    assert_true(i4_dir_make(folder_at(f, name), NULL));
}

/* name becomes a link to the absolute path */
static inline void folder_link(const folder *f, const char *name, const char *to) {
    assert_int_equal(symlink(to, folder_at(f, name)), 0);
}

static inline void path_remove(const char *path) {
    char **names = NULL;
    size_t count = 0;
    if (remove(path) == 0 || !i4_dir_list(path, 10000, &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(path) + strlen(names[i]) + 2;
        char *inner = malloc(size);
        assert_non_null(inner);
        snprintf(inner, size, "%s/%s", path, names[i]);
        path_remove(inner);
        free(inner);
    }
    i4_dir_list_free(names, count);
    remove(path);
}

static inline void folder_remove(const folder *f) {
    path_remove(f->path);
}

/* --- faults -------------------------------------------------------------------------------- */

typedef struct fault {
    int countdown; /* the call at which it reaches 0 fails */
    bool hit;
} fault;

static inline bool fault_nth(i4_fault_kind kind, size_t size, void *user) {
    fault *f = user;
    bool now = f->countdown-- == 0;
    (void)kind;
    (void)size;
    f->hit = f->hit || now;
    return now;
}

/* Runs `work` with every call failing in turn, until none is left to fail. `work` frees what it
 * made and tells whether all went well; with a fault it must not, and must say why. */
static inline void faults_are_reported(bool (*work)(i4_err *err), int at_least) {
    for (int n = 0;; n++) {
        fault f = {n, false};
        i4_err err = {0};
        i4_fault_set(fault_nth, &f);
        bool good = work(&err);
        i4_fault_set(NULL, NULL);
        if (!f.hit) {
            assert_true(good);
            assert_true(n >= at_least);
            return;
        }
        if (good || (err.status != I4_E_OUT_OF_MEMORY && err.status != I4_E_IO)) {
            fail_msg("fault %d: good %d, '%s'", n, good, err.text);
        }
    }
}

#endif
