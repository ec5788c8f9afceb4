/* bench_thumbs [PICTURES]: seconds for thumbnails of so many new pictures of 1024 x 1024 pixels
 * (200) in mixed formats, for each side, as the gateway makes them, the processor's share of it
 * (other programs may be at work), and for asking again.
 *
 * The pictures are smooth shapes with grain, about as hard to compress as generated ones. */
#include "base/memory.h"
#include "base/os.h"
#include "gateway/library/thumbs.h"
#include "image/image.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIDE = 1024, KINDS = 6, ASKERS = 8 };

static char folder[64];
static i4_settings settings;
static i4_gateway gateway;
static int pictures = 200, side;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards next, failures, bytes */
static int next_picture, failures;

static void name_of(int number, char out[32]) {
    static const char *const suffixes[] = {"png", "webp", "jpeg"};
    snprintf(out, 32, "p%04d.%s", number, suffixes[number % 3]);
}

static void draw(i4_image *image, int kind) {
    uint32_t chance = 12345u + (uint32_t)kind;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            uint8_t *pixel = image->rgb + (y * SIDE + x) * 3;
            const double wave = sin(x * 0.011 * (kind + 1)) * cos(y * 0.007 * (kind + 2));
            const int is_inside = (x / 128 + y / 96 + kind) % 3 == 0;
            chance = chance * 1664525u + 1013904223u;
            const int grain = (int)(chance >> 29) - 3;
            pixel[0] = (uint8_t)(128 + (int)(90 * wave) + grain);
            pixel[1] = (uint8_t)(120 + is_inside * 60 + grain);
            pixel[2] = (uint8_t)(140 - (int)(60 * wave) + grain);
        }
    }
}

static bool make_pictures(void) {
    static const i4_image_format formats[] = {I4_PNG, I4_WEBP, I4_JPEG};
    static const int qualities[] = {0, 95, 95};
    i4_image image;
    uint8_t *bytes[KINDS];
    size_t size[KINDS];
    bool good = i4_image_new(&image, SIDE, SIDE, NULL);
    for (int i = 0; good && i < KINDS; i++) {
        draw(&image, i);
        good = i4_image_encode(&image, formats[i % 3], qualities[i % 3], NULL, 0, &bytes[i],
                               &size[i], NULL);
        printf("# %s: %zu bytes\n", i % 3 == 0 ? "png" : i % 3 == 1 ? "webp" : "jpeg", size[i]);
    }
    for (int i = 0; good && i < pictures; i++) {
        char name[32], path[1200];
        name_of(i, name);
        snprintf(path, sizeof path, "%s/%s", settings.output_dir, name);
        good = i4_file_write(path, bytes[i % KINDS], size[i % KINDS], NULL);
    }
    return good;
}

static void *ask(void *user) {
    (void)user;
    for (;;) {
        char name[32], path[1200];
        pthread_mutex_lock(&lock);
        const int number = next_picture++;
        pthread_mutex_unlock(&lock);
        if (number >= pictures) {
            return NULL;
        }
        name_of(number, name);
        if (!i4_thumb(gateway.thumbs, name, side, path, sizeof path, NULL)) {
            pthread_mutex_lock(&lock);
            failures++;
            pthread_mutex_unlock(&lock);
        }
    }
}

static double seconds_for_all(void) {
    pthread_t threads[ASKERS];
    const double start = i4_seconds();
    next_picture = 0;
    for (int i = 0; i < ASKERS; i++) {
        pthread_create(&threads[i], NULL, ask, NULL);
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    return i4_seconds() - start;
}

static void clean_up(void) {
    char name[32], path[1200];
    for (int i = 0; i < pictures; i++) {
        name_of(i, name);
        i4_thumb_forget(gateway.thumbs, name);
        snprintf(path, sizeof path, "%s/%s", settings.output_dir, name);
        (void)unlink(path);
    }
    static const char *const folders[] = {"thumbs/160", "thumbs/320", "thumbs/640",
                                          "thumbs",     "output",     ""};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        (void)rmdir(path);
    }
}

int main(int argc, char **argv) {
    static const int sides[] = {320, 160, 640};
    i4_err err = {0};
    pictures = argc > 1 ? (int)strtol(argv[1], NULL, 10) : pictures;
    snprintf(folder, sizeof folder, "bench_thumbs.XXXXXX");
    if (!mkdtemp(folder)) {
        fprintf(stderr, "bench_thumbs: cannot make a folder here\n");
        return 1;
    }
    snprintf(settings.db_path, sizeof settings.db_path, "%s/library.db", folder);
    snprintf(settings.output_dir, sizeof settings.output_dir, "%s/output", folder);
    settings.thumbs_mib = 512;
    gateway.settings = &settings;
    if (!i4_dir_make(settings.output_dir, &err) || !make_pictures() ||
        !(gateway.thumbs = i4_thumbs_start(&gateway, &err))) {
        fprintf(stderr, "bench_thumbs: %s\n", err.text);
        return 1;
    }
    printf("side,pictures,cores,seconds,cpu_seconds,seconds_again\n");
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        side = sides[i];
        const clock_t start = clock();
        const double first = seconds_for_all();
        const double cpu = (double)(clock() - start) / CLOCKS_PER_SEC;
        const double again = seconds_for_all();
        printf("%d,%d,%d,%.3f,%.3f,%.4f\n", side, pictures, i4_cpu_count(), first, cpu, again);
    }
    clean_up();
    i4_thumbs_stop(gateway.thumbs);
    return failures > 0;
}
