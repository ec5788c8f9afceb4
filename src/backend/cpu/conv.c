/* Floor 1. Convolution over NHWC as a product: an output pixel is a row, its k·k·I neighbourhood
 * the terms, gathered tile by tile; upsampling and borders are a matter of addresses. */
#include "backend/cpu/gemm.h"

#include <string.h>

typedef struct taps {
    const i4_tensor *x;
    int64_t height, width, channels; /* of the virtual input, upsampled if so */
    int kernel, shift;               /* shift 1: each input pixel stands for 2x2 */
} taps;

static taps taps_of(const i4_op *op) {
    const i4_tensor *x = &op->in[0];
    int shift = op->up2 ? 1 : 0;
    return (taps){
        .x = x,
        .height = x->dim[0] << shift,
        .width = x->dim[1] << shift,
        .channels = x->dim[2],
        .kernel = op->weight[0]->kernel == 3 ? 3 : 1,
        .shift = shift,
    };
}

/* Channels from `channel` on of virtual pixel (y, x), or NULL outside. */
static const uint8_t *pixel_at(const taps *t, int64_t y, int64_t x, int64_t channel) {
    if (y < 0 || y >= t->height || x < 0 || x >= t->width) {
        return NULL;
    }
    int64_t row = (y >> t->shift) * t->x->dim[1] + (x >> t->shift);
    return i4_row_at(t->x, row, channel);
}

/* How many terms from this one on lie side by side in memory: the rest of a kernel row where it
 * is inside the picture, else the rest of a pixel. */
static int64_t run_length(const taps *t, int64_t x, int64_t tap, int64_t channel) {
    bool inside = x >= 0 && x + t->kernel <= t->width;
    bool packed = t->shift == 0 && t->x->row_stride == t->channels;
    int64_t pixels = inside && packed ? t->kernel - tap : 1;
    return pixels * t->channels - channel;
}

static void fetch_patch(const i4_gemm *g, int64_t row, int64_t first, int count, void *dst) {
    taps t = taps_of(g->op);
    size_t item = g->isa->item_bytes;
    int64_t out_width = g->op->out.dim[1];
    int64_t top = g->op->origin + row / out_width;
    int64_t left = row % out_width - (t.kernel - 1) / 2;
    uint8_t *to = dst;
    int64_t tap = first / t.channels, channel = first % t.channels;
    int64_t i = tap / t.kernel, j = tap % t.kernel;
    while (count > 0) {
        int64_t run = run_length(&t, left, j, channel);
        run = run < count ? run : count;
        const uint8_t *from = pixel_at(&t, top + i, left + j, channel);
        if (from) {
            g->isa->items(t.x->dtype, from, run, to);
        } else {
            memset(to, 0, (size_t)run * item);
        }
        to += (size_t)run * item;
        count -= (int)run;
        channel += run;
        for (; channel >= t.channels; channel -= t.channels) {
            j++;
        }
        if (j == t.kernel) {
            j = 0;
            i++;
        }
    }
}

void i4_cpu_conv2d(i4_cpu *cpu, const i4_op *op) {
    i4_gemm g = {
        .op = op,
        .rows = i4_rows_of(op->out),
        .weight = {op->weight[0], NULL},
        .fetch = fetch_patch,
        .finish = i4_gemm_store,
    };
    i4_gemm_run(cpu, &g);
}
