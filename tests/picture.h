/* Looking at pictures instead of numbers: which pixels have the colour of a shape, the box around
 * them, and how far colours are from those asked for. */
#ifndef ID4_TESTS_PICTURE_H
#define ID4_TESTS_PICTURE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { PICTURE_SIDE_MAX = 2048 };

typedef struct colour {
    uint8_t r, g, b;
} colour;

typedef struct box { /* pixels, ends exclusive */
    int x0, y0, x1, y1;
} box;

typedef struct picture {
    int width, height;
    const uint8_t *rgb; /* [height, width, 3], borrowed */
} picture;

/* Captions give [y0, x0, y1, x1] in thousandths. */
static inline box box_of_caption(const int thousandths[4], const picture *p) {
    return (box){.x0 = thousandths[1] * p->width / 1000,
                 .y0 = thousandths[0] * p->height / 1000,
                 .x1 = thousandths[3] * p->width / 1000,
                 .y1 = thousandths[2] * p->height / 1000};
}

static inline const uint8_t *pixel_at(const picture *p, int x, int y) {
    return p->rgb + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
}

static inline int colour_distance(const uint8_t *pixel, colour c) {
    return abs(pixel[0] - c.r) + abs(pixel[1] - c.g) + abs(pixel[2] - c.b);
}

/* Index of the nearest of `count` colours. */
static inline int nearest_colour(const uint8_t *pixel, const colour *colours, int count) {
    int best = 0;
    for (int i = 1; i < count; i++) {
        if (colour_distance(pixel, colours[i]) < colour_distance(pixel, colours[best])) {
            best = i;
        }
    }
    return best;
}

/* First place and one past the last; 2 in 1000 of all are left out on either side. */
static inline void robust_ends(const int *counts, int size, int *first, int *end) {
    long total = 0, before = 0, after = 0;
    for (int i = 0; i < size; i++) {
        total += counts[i];
    }
    for (*first = 0; *first < size; ++*first) {
        before += counts[*first];
        if (before * 1000 > total * 2) {
            break;
        }
    }
    for (*end = size; *end > 0; --*end) {
        after += counts[*end - 1];
        if (after * 1000 > total * 2) {
            break;
        }
    }
}

typedef struct sought { /* colours[which] among count colours */
    const colour *colours;
    int count, which;
} sought;

static inline bool has_colour(const picture *p, const sought *s, int x, int y) {
    return x >= 0 && y >= 0 && x < p->width && y < p->height &&
           nearest_colour(pixel_at(p, x, y), s->colours, s->count) == s->which;
}

enum { BOX_RIM = 2 };

/* On the rim of a shape two colours mix, perhaps to a third one's neighbourhood: only pixels with
 * their like on all four sides count. */
static inline bool is_within_colour(const picture *p, const sought *s, int x, int y) {
    return has_colour(p, s, x, y) && has_colour(p, s, x - BOX_RIM, y) &&
           has_colour(p, s, x + BOX_RIM, y) && has_colour(p, s, x, y - BOX_RIM) &&
           has_colour(p, s, x, y + BOX_RIM);
}

/* Box around the pixels that are nearer to colours[which] than to the others. */
static inline box box_of_colour(const picture *p, const colour *colours, int count, int which) {
    static int rows[PICTURE_SIDE_MAX], columns[PICTURE_SIDE_MAX];
    const sought s = {colours, count, which};
    for (int i = 0; i < PICTURE_SIDE_MAX; i++) {
        rows[i] = columns[i] = 0;
    }
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            if (is_within_colour(p, &s, x, y)) {
                rows[y]++;
                columns[x]++;
            }
        }
    }
    box b;
    robust_ends(rows, p->height, &b.y0, &b.y1);
    robust_ends(columns, p->width, &b.x0, &b.x1);
    return (box){b.x0 - BOX_RIM, b.y0 - BOX_RIM, b.x1 + BOX_RIM, b.y1 + BOX_RIM};
}

static inline double box_area(box b) {
    return b.x1 > b.x0 && b.y1 > b.y0 ? (double)(b.x1 - b.x0) * (double)(b.y1 - b.y0) : 0.0;
}

static inline double box_iou(box a, box b) {
    const box both = {a.x0 > b.x0 ? a.x0 : b.x0, a.y0 > b.y0 ? a.y0 : b.y0,
                      a.x1 < b.x1 ? a.x1 : b.x1, a.y1 < b.y1 ? a.y1 : b.y1};
    const double shared = box_area(both);
    return shared / (box_area(a) + box_area(b) - shared);
}

static inline bool box_holds(box b, int margin, int x, int y) {
    return x >= b.x0 - margin && x < b.x1 + margin && y >= b.y0 - margin && y < b.y1 + margin;
}

/* The middle fifth of a box in both directions: inside of any filled shape. */
static inline box box_middle(box b) {
    const int w = (b.x1 - b.x0) * 2 / 5, h = (b.y1 - b.y0) * 2 / 5;
    return (box){b.x0 + w, b.y0 + h, b.x1 - w, b.y1 - h};
}

/* Mean of |channel − wanted| over the pixels in a box, of 255. */
static inline double colour_error_inside(const picture *p, box b, colour c) {
    double sum = 0.0;
    for (int y = b.y0; y < b.y1; y++) {
        for (int x = b.x0; x < b.x1; x++) {
            sum += colour_distance(pixel_at(p, x, y), c);
        }
    }
    return sum / (box_area(b) * 3.0);
}

/* The same over all pixels outside of some boxes and a margin around them. */
static inline double colour_error_outside(const picture *p, const box *boxes, int count, colour c) {
    double sum = 0.0, pixels = 0.0;
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            bool is_outside = true;
            for (int i = 0; i < count; i++) {
                is_outside = is_outside && !box_holds(boxes[i], 10, x, y);
            }
            if (is_outside) {
                sum += colour_distance(pixel_at(p, x, y), c);
                pixels += 1.0;
            }
        }
    }
    return sum / (pixels * 3.0);
}

static inline int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static inline double median_of(double *numbers, int count) {
    qsort(numbers, (size_t)count, sizeof *numbers, compare_doubles);
    return count % 2 ? numbers[count / 2] : (numbers[count / 2 - 1] + numbers[count / 2]) / 2.0;
}

#endif
