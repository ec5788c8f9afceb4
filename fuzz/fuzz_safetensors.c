/* Any bytes as a safetensors file: refused, or every tensor lies inside and can be read. */
#include "io/safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise of the reader is a crash here. */
static void check(bool promise) {
    if (!promise) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    volatile uint8_t sink = 0;
    char text[64];
    i4_err err = {0};
    i4_st_file *file = i4_st_parse(data, size, "fuzz", &err);
    check(file || err.status != I4_E_OK);
    for (size_t i = 0; file && i < i4_st_count(file); i++) {
        const i4_st_tensor *t = i4_st_at(file, i);
        check(t->data >= data && t->size <= size && t->data - data <= (ptrdiff_t)(size - t->size));
        check(i4_st_find(file, t->name) == t);
        i4_st_describe(t, text, sizeof text);
        for (size_t n = 0; n < t->size; n++) {
            sink = sink ^ t->data[n];
        }
    }
    if (file) {
        i4_st_metadata(file, "format");
    }
    i4_st_close(file);
    return 0;
}
