/* Making pictures smaller: each new pixel is the mean of the area it covers, with the parts of
 * pixels at its rims by their share. */
#include "image/codec.h"

#include "base/memory.h"

#include <math.h>

/* Which old pixels a new one covers along one side, and how much of the first and the last. */
typedef struct cover {
    int first, last;
    float head, tail; /* shares of those two; of the others all */
} cover;

static cover cover_of(int place, int new_size, int old_size) {
    const double step = (double)old_size / new_size;
    const double from = place * step, to = (place + 1) * step;
    cover c = {.first = (int)floor(from + 1e-9), .last = (int)ceil(to - 1e-9) - 1};
    c.last = c.last < old_size ? c.last : old_size - 1;
    if (c.last <= c.first) {
        c.last = c.first;
        c.head = 1.0F;
        c.tail = 0.0F;
    } else {
        c.head = (float)(c.first + 1 - from);
        c.tail = (float)(to - c.last);
    }
    return c;
}

static float share(const cover *c, int place) {
    if (place == c->first) {
        return c->head;
    }
    return place == c->last ? c->tail : 1.0F;
}

typedef struct job {
    const i4_image *from;
    const cover *across; /* one for each new column */
    int width;           /* new */
    float *sums;         /* [width, 3], of the rows so far */
} job;

/* Adds `weight` of one old row. */
static void add_row(const job *j, int y, float weight) {
    const uint8_t *row = j->from->rgb + (size_t)y * (size_t)j->from->width * 3;
    for (int x = 0; x < j->width; x++) {
        const cover *c = &j->across[x];
        float sum[3] = {0.0F, 0.0F, 0.0F};
        for (int i = c->first; i <= c->last; i++) {
            const float part = share(c, i);
            for (int k = 0; k < 3; k++) {
                sum[k] += part * (float)row[3 * i + k];
            }
        }
        for (int k = 0; k < 3; k++) {
            j->sums[3 * x + k] += weight * sum[k];
        }
    }
}

static void make_rows(const job *j, i4_image *out) {
    const float area =
        ((float)j->from->width / (float)out->width) * ((float)j->from->height / (float)out->height);
    const int count = 3 * j->width;
    for (int y = 0; y < out->height; y++) {
        const cover down = cover_of(y, out->height, j->from->height);
        for (int i = 0; i < count; i++) {
            j->sums[i] = 0.0F;
        }
        for (int i = down.first; i <= down.last; i++) {
            add_row(j, i, share(&down, i));
        }
        uint8_t *to = out->rgb + (size_t)y * (size_t)count;
        for (int i = 0; i < count; i++) {
            const float value = j->sums[i] / area + 0.5F;
            to[i] = value >= 255.0F ? 255 : (uint8_t)value;
        }
    }
}

bool i4_image_shrink(const i4_image *image, int width, int height, i4_image *out, i4_err *err) {
    if (width > image->width || height > image->height) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "a picture of %d x %d pixels cannot be made smaller to %d x %d",
                       image->width, image->height, width, height);
    }
    i4_image made;
    if (!i4_image_new(&made, width, height, err)) {
        return false;
    }
    cover *across = i4_malloc((size_t)width * sizeof *across);
    float *sums = i4_malloc((size_t)width * 3 * sizeof *sums);
    const bool ok = across && sums;
    if (ok) {
        for (int x = 0; x < width; x++) {
            across[x] = cover_of(x, width, image->width);
        }
        const job j = {.from = image, .across = across, .width = width, .sums = sums};
        make_rows(&j, &made);
        *out = made;
    } else {
        i4_image_free(&made);
        i4_fail_memory(err, "a smaller picture", (size_t)width * 3 * sizeof *sums);
    }
    i4_free(sums);
    i4_free(across);
    return ok;
}
