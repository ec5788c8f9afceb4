/* Recognising the refusal card: a picture that is one flat grey.
 *
 * Compared are means of blocks, so that what a codec does within a block (noise, a faint texture)
 * does not count, and extremes of single pixels, so that a small detail does. Bounds: a card that
 * went through JPEG or WebP at quality 30 stays within 6 of its grey; the faintest shape that
 * people draw on purpose is further away. */
#include "image/image.h"

enum {
    BLOCK = 16,   /* pixels a side */
    DARKEST = 60, /* a card is neither black nor white */
    LIGHTEST = 210,
    BLOCK_SPREAD = 6, /* between the means of the darkest and the lightest block */
    TINT = 8,         /* between the channels of a block's mean, and of the whole */
    PIXEL_SPREAD = 14 /* of any pixel from the mean grey */
};

typedef struct survey {
    int low[3], high[3];             /* means of blocks */
    int pixel_low[3], pixel_high[3]; /* single pixels */
} survey;

static void widen(int *low, int *high, int value) {
    *low = value < *low ? value : *low;
    *high = value > *high ? value : *high;
}

static void look_at_block(const i4_image *image, int x0, int y0, survey *s) {
    const int x1 = x0 + BLOCK < image->width ? x0 + BLOCK : image->width;
    const int y1 = y0 + BLOCK < image->height ? y0 + BLOCK : image->height;
    const int count = (x1 - x0) * (y1 - y0);
    int sum[3] = {0, 0, 0};
    for (int y = y0; y < y1; y++) {
        const uint8_t *pixel = image->rgb + ((size_t)y * (size_t)image->width + (size_t)x0) * 3;
        for (int x = x0; x < x1; x++, pixel += 3) {
            for (int c = 0; c < 3; c++) {
                sum[c] += pixel[c];
                widen(&s->pixel_low[c], &s->pixel_high[c], pixel[c]);
            }
        }
    }
    for (int c = 0; c < 3; c++) {
        widen(&s->low[c], &s->high[c], (sum[c] + count / 2) / count);
    }
}

/* Whether what was seen so far can be part of a card. */
static bool is_card(const survey *s) {
    int low = 255, high = 0;
    for (int c = 0; c < 3; c++) {
        const int middle = (s->low[c] + s->high[c]) / 2;
        widen(&low, &high, middle);
        if (s->high[c] - s->low[c] > BLOCK_SPREAD || middle < DARKEST || middle > LIGHTEST ||
            middle - s->pixel_low[c] > PIXEL_SPREAD || s->pixel_high[c] - middle > PIXEL_SPREAD) {
            return false;
        }
    }
    return high - low <= TINT;
}

bool i4_image_is_refusal(const i4_image *image) {
    survey s = {{255, 255, 255}, {0, 0, 0}, {255, 255, 255}, {0, 0, 0}};
    if (image->rgb == NULL || image->width <= 0 || image->height <= 0) {
        return false;
    }
    bool fits = true;
    for (int y = 0; fits && y < image->height; y += BLOCK) {
        for (int x = 0; x < image->width; x += BLOCK) {
            look_at_block(image, x, y, &s);
        }
        fits = is_card(&s); /* most pictures are done here after one row */
    }
    return fits;
}
