/* Any bytes as an adapter for a small model: refused, or parts that fit its layers. */
#include "io/safetensors.h"
#include "weights/lora_file.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const i4_lora_target targets[] = {
    {"input_proj", 8, 4, 0},
    {"final_layer.linear", 4, 8, 1},
    {"layers.0.attention.qkv", 12, 4, 2},
    {"layers.0.attention.o", 4, 4, 3},
    {"layers.0.feed_forward.w1", 6, 4, 4},
};
enum { TARGETS = sizeof targets / sizeof targets[0] };

static void check(bool promise) {
    if (!promise) {
        abort();
    }
}

static void check_weight(const i4_weight *w) {
    float row[4096];
    check(w->rows > 0 && w->cols > 0 && w->cols <= 4096);
    for (int64_t r = 0; r < w->rows; r++) {
        i4_weight_row(w, r, 0, w->cols, row);
        for (int64_t c = 0; c < w->cols; c++) {
            check(isfinite(row[c]));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    i4_lora lora;
    i4_err err = {0};
    bool good = i4_lora_from(i4_st_parse(data, size, "fuzz", &err), targets, TARGETS, &lora, &err);
    check(good || err.status != I4_E_OK);
    for (size_t i = 0; i < lora.part_count; i++) {
        const i4_lora_part *p = &lora.part[i];
        check(p->slot >= 0 && p->slot < TARGETS && isfinite(p->factor));
        check(p->down.rows == p->up.cols && p->down.cols == targets[p->slot].in);
        check(p->first >= 0 && p->first + p->up.rows <= targets[p->slot].out);
        check_weight(&p->down);
        check_weight(&p->up);
    }
    i4_lora_close(&lora);
    return 0;
}
