/* Halving a picture with a stretched Lanczos-3 kernel. The centre of target pixel i lies between
 * the source pixels 2i and 2i + 1, so that every pixel has the same twelve weights. */
#include "gateway/upscale/lanczos.h"

#include "base/checked.h"
#include "base/memory.h"

#include <math.h>

enum { LOBES = 3, TAPS = 4 * LOBES };

static double sinc(double x) {
    const double t = 3.14159265358979323846 * x;
    return fabs(t) < 1e-12 ? 1.0 : sin(t) / t;
}

static void make_weights(float weights[TAPS]) {
    double exact[TAPS], sum = 0;
    for (int k = 0; k < TAPS; k++) {
        const double x = (k - TAPS / 2 + 0.5) / 2; /* in target pixels */
        exact[k] = sinc(x) * sinc(x / LOBES);
        sum += exact[k];
    }
    for (int k = 0; k < TAPS; k++) {
        weights[k] = (float)(exact[k] / sum);
    }
}

/* Source index of tap k for target i; beyond the edge its pixels repeat. */
static int source_index(int i, int k, int count) {
    const int at = 2 * i + 1 - TAPS / 2 + k;
    return at < 0 ? 0 : at >= count ? count - 1 : at;
}

/* from: [width, 3] bytes; to: [half, 3] */
static void halve_row(const uint8_t *from, int width, const float *weights, float *to, int half) {
    for (int x = 0; x < half; x++) {
        float sum[3] = {0, 0, 0};
        for (int k = 0; k < TAPS; k++) {
            const uint8_t *p = from + 3 * (size_t)source_index(x, k, width);
            for (int c = 0; c < 3; c++) {
                sum[c] += weights[k] * p[c];
            }
        }
        for (int c = 0; c < 3; c++) {
            to[3 * (size_t)x + (size_t)c] = sum[c];
        }
    }
}

static uint8_t to_byte(float value) {
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)(value + 0.5f);
}

/* A window of TAPS halved rows wanders down the picture: row r stands in slot r % TAPS. */
static void halve(const i4_image *from, i4_image *to, float *window) {
    float weights[TAPS];
    const size_t row = 3 * (size_t)to->width;
    int next = 0; /* first source row that is not in the window yet */
    make_weights(weights);
    for (int y = 0; y < to->height; y++) {
        for (; next <= source_index(y, TAPS - 1, from->height); next++) {
            halve_row(from->rgb + 3 * (size_t)from->width * (size_t)next, from->width, weights,
                      window + row * (size_t)(next % TAPS), to->width);
        }
        uint8_t *out = to->rgb + row * (size_t)y;
        for (size_t i = 0; i < row; i++) {
            float sum = 0;
            for (int k = 0; k < TAPS; k++) {
                const int at = source_index(y, k, from->height);
                sum += weights[k] * window[row * (size_t)(at % TAPS) + i];
            }
            out[i] = to_byte(sum);
        }
    }
}

bool i4_lanczos_half(const i4_image *from, i4_image *to, i4_err *err) {
    size_t bytes;
    if (!i4_image_new(to, from->width / 2 + from->width % 2, from->height / 2 + from->height % 2,
                      err)) {
        return false;
    }
    float *window =
        i4_mul_size((size_t)to->width, 3 * TAPS * sizeof(float), &bytes) ? i4_malloc(bytes) : NULL;
    if (!window) {
        i4_image_free(to);
        return i4_fail_memory(err, "halving a picture", 0);
    }
    halve(from, to, window);
    i4_free(window);
    return true;
}
