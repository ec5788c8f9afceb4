/* The demo model draws what a caption says: captions that no reference picture exists for, judged
 * by looking at the pictures. Place: the box around the pixels of a shape's colour against the box
 * in the caption. Colour: the middle of each shape and the background against what was asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ideogram4.h"
#include "picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- captions ----------------------------------------------------------------------------- */

/* A colour as the caption words it ("red", "#RRGGBB") and as it shall look. */
typedef struct paint {
    const char *text;
    colour look;
} paint;

typedef struct shape {
    const char *name; /* NULL: no shape */
    paint paint;
    int box[4]; /* y0, x0, y1, x1 in thousandths */
} shape;

enum { SHAPES_MAX = 2 };

typedef struct scene {
    paint ground;
    shape shape[SHAPES_MAX];
    int width, height; /* 0: 256 */
} scene;

#define RED             \
    {                   \
        "red", {        \
            224, 32, 32 \
        }               \
    }
#define GREEN           \
    {                   \
        "green", {      \
            32, 160, 64 \
        }               \
    }
#define BLUE            \
    {                   \
        "blue", {       \
            32, 80, 224 \
        }               \
    }
#define YELLOW           \
    {                    \
        "yellow", {      \
            248, 216, 32 \
        }                \
    }
#define WHITE             \
    {                     \
        "white", {        \
            255, 255, 255 \
        }                 \
    }
#define BLACK       \
    {               \
        "black", {  \
            0, 0, 0 \
        }           \
    }
#define PURPLE           \
    {                    \
        "purple", {      \
            128, 48, 176 \
        }                \
    }
#define ORANGE           \
    {                    \
        "orange", {      \
            248, 136, 32 \
        }                \
    }
#define LIGHT_GRAY        \
    {                     \
        "light gray", {   \
            208, 208, 208 \
        }                 \
    }
#define HEX(r, g, b)            \
    {                           \
        "#" #r #g #b, {         \
            0x##r, 0x##g, 0x##b \
        }                       \
    }

static const scene scenes[] = {
    {WHITE, {{"circle", RED, {200, 200, 800, 800}}}, 0, 0},
    {WHITE, {{"square", BLUE, {100, 120, 500, 520}}}, 0, 0},
    {BLACK, {{"triangle", YELLOW, {300, 250, 850, 800}}}, 0, 0},
    {LIGHT_GRAY, {{"star", GREEN, {150, 400, 750, 1000}}}, 0, 0},
    {WHITE, {{"heart", PURPLE, {220, 180, 780, 740}}}, 0, 0},
    {YELLOW, {{"diamond", BLUE, {150, 300, 850, 800}}}, 0, 0},
    {BLUE, {{"hexagon", WHITE, {250, 250, 750, 750}}}, 0, 0},
    {GREEN, {{"pentagon", ORANGE, {200, 100, 700, 600}}}, 0, 0},
    {HEX(10, 20, 30), {{"circle", HEX(FF, A0, 30), {400, 50, 950, 600}}}, 0, 0},
    {HEX(F0, E8, D8), {{"square", HEX(30, 60, 90), {450, 450, 900, 900}}}, 0, 0},
    {HEX(20, 40, 20), {{"triangle", HEX(C0, F0, 40), {100, 100, 600, 650}}}, 0, 0},
    {HEX(E0, E0, FF), {{"star", HEX(D0, 20, 90), {200, 200, 850, 850}}}, 0, 0},
    {HEX(40, 10, 40), {{"heart", HEX(FF, 80, C0), {250, 300, 800, 850}}}, 0, 0},
    {HEX(F8, F8, C0), {{"diamond", HEX(00, 80, 80), {200, 100, 900, 700}}}, 0, 0},
    {HEX(08, 30, 60), {{"hexagon", HEX(40, E0, C0), {300, 350, 850, 900}}}, 0, 0},
    {HEX(FF, D0, B0), {{"cross", HEX(A0, 20, 10), {200, 200, 750, 750}}}, 0, 0},
    {HEX(30, 30, 30), {{"rectangle", HEX(F0, F0, F0), {300, 150, 700, 850}}}, 0, 0},
    {HEX(C0, E8, FF), {{"ellipse", HEX(F0, 50, 20), {350, 150, 700, 850}}}, 0, 0},
    {HEX(90, 20, 30), {{"pentagon", HEX(F0, D0, 60), {150, 250, 700, 800}}}, 0, 0},
    {WHITE, {{"rectangle", ORANGE, {550, 100, 900, 900}}}, 0, 0},
    {WHITE, {{"circle", RED, {300, 60, 700, 460}}, {"square", BLUE, {300, 540, 700, 940}}}, 0, 0},
    {BLACK, {{"star", YELLOW, {60, 60, 520, 520}}, {"circle", GREEN, {520, 500, 940, 920}}}, 0, 0},
    {HEX(F0, F0, F0),
     {{"triangle", HEX(D0, 30, 30), {80, 280, 480, 720}},
      {"rectangle", HEX(30, 60, C0), {580, 150, 900, 850}}},
     0,
     0},
    {HEX(18, 28, 40),
     {{"hexagon", HEX(F0, B0, 20), {100, 80, 540, 500}},
      {"heart", HEX(E0, 40, 70), {480, 520, 920, 940}}},
     0,
     0},
    {HEX(D8, F0, D8),
     {{"diamond", HEX(60, 30, A0), {250, 80, 750, 480}},
      {"ellipse", HEX(20, 90, 60), {300, 540, 700, 940}}},
     0,
     0},
    {YELLOW, {{"circle", BLUE, {200, 300, 800, 700}}}, 384, 256},
    {HEX(20, 20, 50), {{"square", HEX(F0, 80, 40), {250, 100, 750, 430}}}, 384, 256},
};
enum { SCENES = sizeof scenes / sizeof scenes[0], RESULTS_MAX = SCENES * SHAPES_MAX };

static int shape_count(const scene *s) {
    return s->shape[1].name != NULL ? 2 : 1;
}

typedef struct caption {
    char text[1024];
} caption;

static void add(caption *c, const char *text) {
    const size_t used = strlen(c->text);
    assert_true(used + strlen(text) < sizeof c->text);
    snprintf(c->text + used, sizeof c->text - used, "%s", text);
}

static void add_shape(caption *c, const shape *s, bool is_first) {
    char number[96];
    const char *article = strchr("aeiou", s->paint.text[0]) != NULL ? "an " : "a ";
    add(c, is_first ? "" : ",");
    snprintf(number, sizeof number, "{\"type\":\"obj\",\"bbox\":[%d,%d,%d,%d],\"desc\":\"",
             s->box[0], s->box[1], s->box[2], s->box[3]);
    add(c, number);
    add(c, article);
    add(c, s->paint.text);
    add(c, " ");
    add(c, s->name);
    add(c, "\"}");
}

static caption caption_of(const scene *s) {
    caption c = {""};
    add(&c, "{\"high_level_description\":\"Simple geometric shapes.\","
            "\"compositional_deconstruction\":{\"background\":\"");
    add(&c, s->ground.text[0] == '#' ? "" : "plain ");
    add(&c, s->ground.text);
    add(&c, "\",\"elements\":[");
    for (int i = 0; i < shape_count(s); i++) {
        add_shape(&c, &s->shape[i], i == 0);
    }
    add(&c, "]}}");
    return c;
}

/* --- drawing and looking ------------------------------------------------------------------ */

typedef struct results {
    double iou[RESULTS_MAX], shape_error[RESULTS_MAX], ground_error[SCENES];
    int shapes, scenes;
} results;

static void look(const picture *p, const scene *s, results *r) {
    const int count = shape_count(s);
    colour colours[1 + SHAPES_MAX] = {s->ground.look};
    box boxes[SHAPES_MAX];
    for (int i = 0; i < count; i++) {
        colours[1 + i] = s->shape[i].paint.look;
        boxes[i] = box_of_caption(s->shape[i].box, p);
    }
    const double ground = colour_error_outside(p, boxes, count, s->ground.look);
    r->ground_error[r->scenes++] = ground;
    for (int i = 0; i < count; i++) {
        const box found = box_of_colour(p, colours, 1 + count, 1 + i);
        const double iou = box_iou(found, boxes[i]);
        const double error = colour_error_inside(p, box_middle(boxes[i]), colours[1 + i]);
        r->iou[r->shapes] = iou;
        r->shape_error[r->shapes++] = error;
        printf("%-10s %-9s on %-10s %dx%d  IoU %.2f  colour off by %5.1f, background by %4.1f\n",
               s->shape[i].paint.text, s->shape[i].name, s->ground.text, p->width, p->height, iou,
               error, ground);
    }
}

static void draw(id4_engine *engine, const scene *s, uint64_t seed, results *r) {
    const caption c = caption_of(s);
    id4_error err = {0};
    id4_image *image = NULL;
    id4_request request;
    id4_request_init(&request);
    request.caption = c.text;
    request.width = s->width ? s->width : 256;
    request.height = s->height ? s->height : 256;
    request.preset = "V4_TURBO_12";
    request.seed = seed;
    if (id4_generate(engine, &request, NULL, &image, NULL, &err) != ID4_OK) {
        fail_msg("%s: %s", c.text, err.text);
    }
    const picture p = {id4_image_width(image), id4_image_height(image), id4_image_pixels(image)};
    assert_int_equal(p.width, request.width);
    assert_int_equal(p.height, request.height);
    look(&p, s, r);
    id4_image_free(image);
}

static void demo_captions_are_drawn_in_place_and_colour(void **state) {
    (void)state;
    static results r;
    id4_error err = {0};
    id4_model *model = NULL;
    id4_engine *engine = NULL;
    if (id4_model_open(ID4_SOURCE_DIR "/models/demo", NULL, NULL, &model, &err) != ID4_OK ||
        id4_engine_new(model, NULL, &engine, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    for (int i = 0; i < SCENES; i++) {
        draw(engine, &scenes[i], 1000 + (uint64_t)i, &r);
    }
    id4_engine_free(engine);
    assert_int_equal(id4_model_close(model), ID4_OK);
    const double iou = median_of(r.iou, r.shapes), shape_error = median_of(r.shape_error, r.shapes);
    const double ground_error = median_of(r.ground_error, r.scenes);
    printf("%d pictures, %d shapes; medians: IoU %.2f, colour off by %.1f, background by %.1f\n",
           r.scenes, r.shapes, iou, shape_error, ground_error);
    assert_true(r.scenes >= 24);
    assert_true(iou >= 0.7);
    assert_true(shape_error <= 12.0);
    assert_true(ground_error <= 12.0);
}

/* --- the measures themselves -------------------------------------------------------------- */

/* A picture made by hand: a box of one colour on another, and stray pixels. */
static void picture_measures_see_a_known_box(void **state) {
    (void)state;
    enum { W = 100, H = 80 };
    static uint8_t rgb[W * H * 3];
    const picture p = {W, H, rgb};
    const colour colours[2] = {{10, 20, 30}, {200, 100, 50}};
    const box want = {20, 30, 60, 70};
    for (int i = 0; i < W * H; i++) {
        const bool is_inside = box_holds(want, 0, i % W, i / W) || i == 5 || i == W * H - 3;
        memcpy(rgb + i * 3, &colours[is_inside], 3);
    }
    const box found = box_of_colour(&p, colours, 2, 1);
    assert_memory_equal(&found, &want, sizeof want);
    assert_true(box_iou(found, want) > 0.999999);
    assert_true(fabs(box_iou(want, (box){40, 30, 80, 70}) - 1.0 / 3.0) < 1e-9);
    assert_true(box_iou(want, (box){60, 30, 80, 70}) <= 0.0);
    assert_true(colour_error_inside(&p, box_middle(want), colours[1]) <= 0.0);
    assert_true(fabs(colour_error_inside(&p, want, (colour){203, 94, 50}) - 3.0) < 1e-9);
    assert_true(colour_error_outside(&p, &want, 1, colours[0]) < 0.1);
    assert_true(colour_error_outside(&p, &want, 1, colours[1]) > 90.0);
    const box asked = box_of_caption((const int[]){375, 200, 875, 600}, &p);
    assert_memory_equal(&asked, &want, sizeof want);
    double numbers[] = {5, 1, 3, 9};
    assert_true(fabs(median_of(numbers, 4) - 4.0) < 1e-9);
    assert_true(fabs(median_of(numbers, 3) - 3.0) < 1e-9);
}

static void captions_are_what_the_library_has_nothing_against(void **state) {
    (void)state;
    for (int i = 0; i < SCENES; i++) {
        const caption c = caption_of(&scenes[i]);
        id4_error err = {0};
        id4_bytes prompt = {0};
        assert_int_equal(id4_caption_prompt(c.text, strlen(c.text), &prompt, &err), ID4_OK);
        assert_string_equal((const char *)prompt.data, c.text); /* compact already */
        id4_bytes_free(&prompt);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_measures_see_a_known_box),
        cmocka_unit_test(captions_are_what_the_library_has_nothing_against),
        cmocka_unit_test(demo_captions_are_drawn_in_place_and_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
