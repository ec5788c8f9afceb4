/* Stopping: from another thread and from the observer, in every phase and at every call, while a
 * model is opened and while a picture is drawn. It stops within a layer, and the engine is as good
 * as new. */
#include "folder.h"
#include "golden_folder.h"

#include "ideogram4.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { SIDE = 256, PIXEL_BYTES = SIDE * SIDE * 3, STEPS = 2, CALLS_MAX = 4096 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STRIDE = 12, ROUNDS = 8 }; /* the sanitizers are slow */
#else
enum { STRIDE = 1, ROUNDS = 24 };
#endif

typedef struct world {
    char root[GOLDEN_PATH];
    id4_model *model;
    uint8_t *expected;            /* pixels of the undisturbed picture */
    id4_progress call[CALLS_MAX]; /* what its observer was told */
    int count;
} world;

/* --- drawing -------------------------------------------------------------------------------- */

static id4_engine *new_engine(const world *w) {
    id4_engine *engine = NULL;
    assert_int_equal(id4_engine_new(w->model, NULL, &engine, NULL), ID4_OK);
    return engine;
}

static id4_status draw(id4_engine *engine, const id4_observer *observer, id4_image **image,
                       id4_error *err) {
    id4_request request;
    id4_request_init(&request);
    request.caption = "a red circle on a white background";
    request.width = request.height = SIDE;
    request.seed = 20260608;
    request.steps = STEPS;
    return id4_generate(engine, &request, observer, image, NULL, err);
}

static void draws_as_ever(const world *w, id4_engine *engine) {
    id4_image *image = NULL;
    id4_error err = {0};
    if (draw(engine, NULL, &image, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    assert_memory_equal(id4_image_pixels(image), w->expected, PIXEL_BYTES);
    id4_image_free(image);
}

static void was_cancelled(id4_status status, const id4_error *err, const id4_image *image) {
    if (status != ID4_CANCELLED) {
        fail_msg("%s: '%s'", id4_status_name(status), err->text);
    }
    assert_int_equal(err->status, ID4_CANCELLED);
    assert_true(err->text[0] != '\0');
    assert_null(image);
}

/* --- what the observer is told -------------------------------------------------------------- */

typedef struct recorder {
    world *w;
    pthread_t thread;
} recorder;

static int record(const id4_progress *progress, void *user) {
    recorder *r = user;
    assert_true(pthread_equal(r->thread, pthread_self()));
    assert_true(r->w->count < CALLS_MAX);
    r->w->call[r->w->count++] = *progress;
    return 0;
}

static void cancel_progress_is_told_in_order(void **state) {
    const world *w = *state;
    int layers[4] = {0};
    assert_true(w->count > 0);
    for (int i = 0; i < w->count; i++) {
        const id4_progress *p = &w->call[i];
        assert_true(p->phase >= ID4_PHASE_ENCODE && p->phase <= ID4_PHASE_DECODE);
        assert_true(p->layer_index >= 0 && p->layer_index < p->layer_count);
        assert_true(p->fraction >= 0.0 && p->fraction <= 1.0);
        layers[p->phase]++;
        if (i > 0) {
            assert_true(p->phase >= p[-1].phase);
            assert_true(p->fraction >= p[-1].fraction);
            assert_true(p->seconds >= p[-1].seconds);
        }
        if (p->phase == ID4_PHASE_DENOISE && p->step_count > 0) {
            assert_int_equal(p->step_count, STEPS);
            assert_true(p->step_index >= 0 && p->step_index < STEPS);
            assert_true(p->step_index == 0 || p->step_seconds > 0.0);
        }
    }
    print_message("%d calls: %d encode, %d denoise, %d decode\n", w->count,
                  layers[ID4_PHASE_ENCODE], layers[ID4_PHASE_DENOISE], layers[ID4_PHASE_DECODE]);
    assert_true(layers[ID4_PHASE_ENCODE] >= 36); /* of the tiny model's text tower */
    assert_true(layers[ID4_PHASE_DENOISE] >= STEPS * 2 * 2);
    assert_true(layers[ID4_PHASE_DECODE] > 0);
}

/* --- the observer says no ------------------------------------------------------------------- */

typedef struct counter {
    int calls, stop_at;
    id4_engine *engine; /* to be cancelled instead of saying no; or NULL */
} counter;

static int stop_at(const id4_progress *progress, void *user) {
    counter *c = user;
    (void)progress;
    if (c->calls++ != c->stop_at) {
        return 0;
    }
    id4_engine_cancel(c->engine);
    return c->engine == NULL;
}

static void cancel_by_the_observer_works_at_every_call(void **state) {
    const world *w = *state;
    id4_engine *engine = NULL;
    for (int i = 0; i < w->count; i += STRIDE) {
        counter c = {.stop_at = i};
        const id4_observer observer = {stop_at, &c};
        id4_image *image = NULL;
        id4_error err = {0};
        if (w->call[i].phase == ID4_PHASE_ENCODE || engine == NULL) {
            id4_engine_free(engine); /* one that does not know the prompt yet */
            engine = new_engine(w);
        } else {
            /* one that does: its first call is that of the first step's preparations */
            c.stop_at = i - 36;
        }
        was_cancelled(draw(engine, &observer, &image, &err), &err, image);
        assert_int_equal(c.calls, c.stop_at + 1);
        draws_as_ever(w, engine);
    }
    id4_engine_free(engine);
}

static void cancel_in_the_observer_stops_before_the_next_call(void **state) {
    const world *w = *state;
    for (int i = 0; i + 1 < w->count; i += 6 + STRIDE) {
        id4_engine *engine = new_engine(w);
        counter c = {.stop_at = i, .engine = engine};
        const id4_observer observer = {stop_at, &c};
        id4_image *image = NULL;
        id4_error err = {0};
        was_cancelled(draw(engine, &observer, &image, &err), &err, image);
        assert_int_equal(c.calls, i + 1);
        draws_as_ever(w, engine);
        id4_engine_free(engine);
    }
}

/* --- another thread cancels ----------------------------------------------------------------- */

/* The drawing thread says where it is; the other one cancels when it is told to. */
typedef struct meeting {
    id4_engine *engine;
    id4_phase phase;
    int layer, step;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool reached, cancelled; /* under mutex */
    int calls_after;
} meeting;

static void *cancel_when_reached(void *user) {
    meeting *m = user;
    pthread_mutex_lock(&m->mutex);
    while (!m->reached) {
        pthread_cond_wait(&m->changed, &m->mutex);
    }
    id4_engine_cancel(m->engine);
    m->cancelled = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->mutex);
    return NULL;
}

static int meet(const id4_progress *p, void *user) {
    meeting *m = user;
    pthread_mutex_lock(&m->mutex);
    if (m->cancelled) {
        m->calls_after++;
    } else if (p->phase == m->phase && p->layer_index >= m->layer && p->step_index >= m->step) {
        m->reached = true;
        pthread_cond_broadcast(&m->changed);
        while (!m->cancelled) {
            pthread_cond_wait(&m->changed, &m->mutex);
        }
    }
    pthread_mutex_unlock(&m->mutex);
    return 0;
}

static void cancel_at(const world *w, id4_phase phase, int layer, int step) {
    meeting m = {.engine = new_engine(w), .phase = phase, .layer = layer, .step = step};
    pthread_t other;
    id4_image *image = NULL;
    id4_error err = {0};
    const id4_observer observer = {meet, &m};
    assert_int_equal(pthread_mutex_init(&m.mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&m.changed, NULL), 0);
    assert_int_equal(pthread_create(&other, NULL, cancel_when_reached, &m), 0);
    const id4_status status = draw(m.engine, &observer, &image, &err);
    pthread_mutex_lock(&m.mutex);
    const bool reached = m.reached;
    m.reached = true; /* so that the thread ends even if the place was never met */
    pthread_cond_broadcast(&m.changed);
    pthread_mutex_unlock(&m.mutex);
    pthread_join(other, NULL);
    assert_true(reached);
    was_cancelled(status, &err, image);
    assert_true(m.calls_after <= 1);
    draws_as_ever(w, m.engine);
    pthread_cond_destroy(&m.changed);
    pthread_mutex_destroy(&m.mutex);
    id4_engine_free(m.engine);
}

static void cancel_while_encoding_stops_within_a_layer(void **state) {
    cancel_at(*state, ID4_PHASE_ENCODE, 0, 0);
    cancel_at(*state, ID4_PHASE_ENCODE, 17, 0);
    cancel_at(*state, ID4_PHASE_ENCODE, 35, 0);
}

static void cancel_while_denoising_stops_within_a_layer(void **state) {
    cancel_at(*state, ID4_PHASE_DENOISE, 0, 0);
    cancel_at(*state, ID4_PHASE_DENOISE, 1, 0);
    cancel_at(*state, ID4_PHASE_DENOISE, 3, 1); /* the text-free transformer, last step */
}

static void cancel_while_decoding_stops_within_a_layer(void **state) {
    cancel_at(*state, ID4_PHASE_DECODE, 0, 0);
    cancel_at(*state, ID4_PHASE_DECODE, 1, 0);
    cancel_at(*state, ID4_PHASE_DECODE, 9, 0);
}

typedef struct surprise {
    id4_engine *engine;
    long nanoseconds;
    atomic_int calls;
    int calls_then; /* when the cancel had been said; read after the join */
} surprise;

static void *cancel_some_time(void *user) {
    surprise *s = user;
    const struct timespec pause = {0, s->nanoseconds};
    nanosleep(&pause, NULL);
    id4_engine_cancel(s->engine);
    s->calls_then = atomic_load(&s->calls);
    return NULL;
}

static int count_call(const id4_progress *progress, void *user) {
    surprise *s = user;
    (void)progress;
    atomic_fetch_add(&s->calls, 1);
    return 0;
}

/* No meeting: whenever it comes, at most one more layer begins, and if it comes too early or too
 * late the picture is whole. */
static void cancel_at_any_moment_is_clean(void **state) {
    const world *w = *state;
    id4_engine *engine = new_engine(w);
    const double seconds = w->call[w->count - 1].seconds;
    int cancelled = 0;
    for (int i = 0; i < ROUNDS; i++) {
        surprise s = {.engine = engine,
                      .nanoseconds = (long)(seconds * 1e9 * i / ROUNDS) % 999999999};
        pthread_t other;
        id4_image *image = NULL;
        id4_error err = {0};
        const id4_observer observer = {count_call, &s};
        assert_int_equal(pthread_create(&other, NULL, cancel_some_time, &s), 0);
        const id4_status status = draw(engine, &observer, &image, &err);
        pthread_join(other, NULL);
        if (status == ID4_OK) {
            assert_memory_equal(id4_image_pixels(image), w->expected, PIXEL_BYTES);
            id4_image_free(image);
        } else {
            was_cancelled(status, &err, image);
            assert_true(atomic_load(&s.calls) <= s.calls_then + 1);
            cancelled++;
        }
    }
    print_message("%d of %d met a picture at work\n", cancelled, ROUNDS);
    draws_as_ever(w, engine);
    id4_engine_free(engine);
}

static void cancel_without_a_picture_does_nothing(void **state) {
    const world *w = *state;
    id4_engine *engine = new_engine(w);
    id4_engine_cancel(NULL);
    id4_engine_cancel(engine);
    draws_as_ever(w, engine);
    id4_engine_cancel(engine);
    draws_as_ever(w, engine);
    id4_engine_free(engine);
}

/* --- loading -------------------------------------------------------------------------------- */

static int check_loading(const id4_progress *p, void *user) {
    assert_int_equal(p->phase, ID4_PHASE_LOAD);
    assert_true(p->layer_index >= 0 && p->layer_index < p->layer_count);
    assert_true(p->fraction >= 0.0 && p->fraction <= 1.0);
    return stop_at(p, user);
}

static void cancel_while_loading_leaves_nothing(void **state) {
    const world *w = *state;
    for (int i = 0;; i++) {
        counter c = {.stop_at = i};
        const id4_observer observer = {check_loading, &c};
        id4_model *model = NULL;
        id4_error err = {0};
        const id4_status status = id4_model_open(w->root, NULL, &observer, &model, &err);
        if (c.calls <= i) {
            assert_int_equal(status, ID4_OK);
            assert_int_equal(id4_model_close(model), ID4_OK);
            print_message("%d calls while loading\n", c.calls);
            assert_true(i >= 4);
            return;
        }
        assert_int_equal(status, ID4_CANCELLED);
        assert_int_equal(err.status, ID4_CANCELLED);
        assert_null(model);
        assert_int_equal(c.calls, i + 1);
    }
}

/* --- all ------------------------------------------------------------------------------------ */

static int set_up(void **state) {
    static world w;
    id4_model_options options;
    id4_error err = {0};
    id4_image *image = NULL;
    recorder r = {&w, pthread_self()};
    const id4_observer observer = {record, &r};
    id4_model_options_init(&options);
    options.threads = 2;
    w.expected = malloc(PIXEL_BYTES);
    if (w.expected == NULL ||
        !golden_root(ID4_SOURCE_DIR "/tests/golden/tiny-a", "mlx-q8", w.root) ||
        id4_model_open(w.root, &options, NULL, &w.model, &err) != ID4_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    id4_engine *engine = new_engine(&w);
    const id4_status status = draw(engine, &observer, &image, &err);
    id4_engine_free(engine);
    if (status != ID4_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    memcpy(w.expected, id4_image_pixels(image), PIXEL_BYTES);
    id4_image_free(image);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    id4_model_close(w->model);
    golden_root_remove(w->root);
    free(w->expected);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel_progress_is_told_in_order),
        cmocka_unit_test(cancel_by_the_observer_works_at_every_call),
        cmocka_unit_test(cancel_in_the_observer_stops_before_the_next_call),
        cmocka_unit_test(cancel_while_encoding_stops_within_a_layer),
        cmocka_unit_test(cancel_while_denoising_stops_within_a_layer),
        cmocka_unit_test(cancel_while_decoding_stops_within_a_layer),
        cmocka_unit_test(cancel_at_any_moment_is_clean),
        cmocka_unit_test(cancel_without_a_picture_does_nothing),
        cmocka_unit_test(cancel_while_loading_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
