/* Adapter files: the golden one, one file for each spelling, each way to be wrong, and LoKr against
 * the Kronecker product written out. */
#include "weights/lora.h"

#include "made_file.h"

#include <math.h>

static folder temp;
static made_file made;
static char path[600];

/* Small layers; slots are arbitrary numbers that must come back. */
enum { IN = 6, OUT = 9, RANK = 2 };
static const i4_lora_target targets[] = {
    {"input_proj", OUT, IN, 50},
    {"final_layer.linear", OUT, IN, 51},
    {"layers.0.adaln_modulation", OUT, IN, 10},
    {"layers.0.attention.qkv", 3 * OUT, IN, 11},
    {"layers.0.attention.o", OUT, IN, 12},
    {"layers.0.feed_forward.w1", OUT, IN, 13},
    {"layers.12.feed_forward.w2", IN, OUT, 23},
};
enum { TARGETS = sizeof targets / sizeof targets[0] };

static int setup(void **state) {
    (void)state;
    folder_make(&temp, "test_lora");
    snprintf(path, sizeof path, "%s", folder_at(&temp, "lora.safetensors"));
    made.count = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(&temp);
    return 0;
}

/* --- making files -------------------------------------------------------------------------- */

/* Numbers that differ from key to key and within. */
static float *add_floats(const char *key, int rank, const int64_t *dim, float first) {
    float *x = made_add(&made, key, I4_ST_F32, rank, dim, NULL);
    size_t count = made.size[made.count - 1] / 4;
    for (size_t i = 0; i < count; i++) {
        x[i] = sinf(first + 1.7f * (float)i);
    }
    return x;
}

static float *add_matrix(const char *key, int64_t rows, int64_t cols) {
    const int64_t dim[2] = {rows, cols};
    return add_floats(key, 2, dim, (float)(made.count + 1));
}

static void add_alpha(const char *key, float alpha) {
    memcpy(made_add(&made, key, I4_ST_F32, 0, NULL, NULL), &alpha, 4);
}

static void open_made(i4_lora *lora) {
    i4_err err = {0};
    made_write(&made, path);
    if (!i4_lora_open(path, targets, TARGETS, lora, &err)) {
        fail_msg("%s", err.text);
    }
}

static void refuse_made(i4_status status, const char *words) {
    i4_lora lora;
    i4_err err = {0};
    made_write(&made, path);
    if (i4_lora_open(path, targets, TARGETS, &lora, &err)) {
        fail_msg("taken instead of: %s", words);
    }
    if (err.status != status || !strstr(err.text, words)) {
        fail_msg("%s: '%s' does not say '%s'", i4_status_name(err.status), err.text, words);
    }
    i4_lora_close(&lora); /* harmless */
}

static bool near(float a, float b) {
    return fabsf(a - b) <= 1e-6f * (1 + fabsf(b));
}

/* --- the golden file ----------------------------------------------------------------------- */

static void lora_golden_file_opens(void **state) {
    (void)state;
    static const struct {
        const char *tail;
        int out, in;
    } kinds[] = {{"adaln_modulation", 512, 64}, {"attention.qkv", 384, 128},
                 {"attention.o", 128, 128},     {"feed_forward.w1", 320, 128},
                 {"feed_forward.w3", 320, 128}, {"feed_forward.w2", 128, 320}};
    i4_lora_target tiny[12];
    char names[12][64];
    i4_lora lora;
    i4_err err = {0};
    for (int i = 0; i < 12; i++) {
        snprintf(names[i], sizeof names[i], "layers.%d.%s", i / 6, kinds[i % 6].tail);
        tiny[i] = (i4_lora_target){names[i], kinds[i % 6].out, kinds[i % 6].in, 100 + i};
    }
    if (!i4_lora_open(ID4_SOURCE_DIR "/tests/golden/tiny-a/lora.safetensors", tiny, 12, &lora,
                      &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(lora.part_count, 12);
    assert_int_equal(lora.matched_keys, 36);
    assert_int_equal(lora.unmatched_keys, 0);
    for (int i = 0; i < 12; i++) {
        const i4_lora_part *p = &lora.part[i];
        char key[96];
        float row[4];
        assert_int_equal(p->slot, 100 + i);
        assert_int_equal(p->first, 0);
        assert_true(near(p->factor, 2)); /* alpha 8, rank 4 */
        assert_int_equal(p->down.rows, 4);
        assert_int_equal(p->down.cols, kinds[i % 6].in);
        assert_int_equal(p->up.rows, kinds[i % 6].out);
        assert_int_equal(p->up.cols, 4);
        assert_int_equal(p->up.format, I4_W_BF16);
        assert_int_equal(p->up.slot, -1);
        snprintf(key, sizeof key, "transformer.%s.lora_B.weight", names[i]);
        assert_string_equal(p->up.name, key);
        const i4_st_tensor *t = i4_st_find(lora.file, key);
        assert_ptr_equal(p->up.data, t->data);
        i4_weight_row(&p->up, p->up.rows - 1, 0, 4, row);
        assert_true(isfinite(row[3]));
    }
    i4_lora_close(&lora);
}

/* --- spellings ----------------------------------------------------------------------------- */

static void spelled(const char *down, const char *up, const char *alpha, int slot, int first,
                    int out, int in) {
    i4_lora lora;
    float *a = add_matrix(down, RANK, in), *b = add_matrix(up, out, RANK);
    const float a0 = a[1], b0 = b[1];
    float row[OUT];
    if (alpha) {
        add_alpha(alpha, 5);
    }
    open_made(&lora);
    assert_int_equal(lora.part_count, 1);
    assert_int_equal(lora.matched_keys, alpha ? 3 : 2);
    assert_int_equal(lora.unmatched_keys, 0);
    const i4_lora_part *p = lora.part;
    assert_int_equal(p->slot, slot);
    assert_int_equal(p->first, first);
    assert_int_equal(p->up.rows, out);
    assert_int_equal(p->down.cols, in);
    assert_true(near(p->factor, alpha ? 2.5f : 1));
    i4_weight_row(&p->down, 0, 0, in, row);
    assert_true(near(row[1], a0));
    i4_weight_row(&p->up, 0, 0, RANK, row);
    assert_true(near(row[1], b0));
    i4_lora_close(&lora);
}

static void lora_every_prefix_is_taken(void **state) {
    (void)state;
    static const char *const prefixes[] = {"transformer.",
                                           "diffusion_model.",
                                           "",
                                           "conditional_transformer.",
                                           "base_model.model.",
                                           "model.diffusion_model.",
                                           "base_model.model.transformer."};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char down[128], up[128], alpha[128];
        snprintf(down, sizeof down, "%slayers.12.feed_forward.w2.lora_A.weight", prefixes[i]);
        snprintf(up, sizeof up, "%slayers.12.feed_forward.w2.lora_B.weight", prefixes[i]);
        snprintf(alpha, sizeof alpha, "%slayers.12.feed_forward.w2.alpha", prefixes[i]);
        spelled(down, up, i % 2 ? alpha : NULL, 23, 0, IN, OUT);
    }
}

static void lora_every_role_name_is_taken(void **state) {
    (void)state;
    static const char *const roles[][2] = {
        {"lora_A.weight", "lora_B.weight"},     {"lora_A", "lora_B"},
        {"lora_down.weight", "lora_up.weight"}, {"lora_down", "lora_up"},
        {"lora.down.weight", "lora.up.weight"}, {"lora.down", "lora.up"}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        char down[128], up[128];
        snprintf(down, sizeof down, "transformer.layers.0.attention.o.%s", roles[i][0]);
        snprintf(up, sizeof up, "transformer.layers.0.attention.o.%s", roles[i][1]);
        spelled(down, up, "transformer.layers.0.attention.o.alpha", 12, 0, OUT, IN);
    }
}

static void lora_underscored_names_are_taken(void **state) {
    (void)state;
    static const struct {
        const char *stem;
        int slot, first, out, in;
    } cases[] = {{"final_linear", 51, 0, OUT, IN},
                 {"final_layer_linear", 51, 0, OUT, IN},
                 {"layers_0_adaln_modulation", 10, 0, OUT, IN},
                 {"layers_0_attention_qkv", 11, 0, 3 * OUT, IN},
                 {"layers_0_attention_to_k", 11, OUT, OUT, IN},
                 {"layers_0_attention_to_out_0", 12, 0, OUT, IN},
                 {"layers_12_feed_forward_w2", 23, 0, IN, OUT},
                 {"input_proj", 50, 0, OUT, IN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char down[128], up[128], alpha[128];
        snprintf(down, sizeof down, "lora_unet_%s.lora_down.weight", cases[i].stem);
        snprintf(up, sizeof up, "lora_unet_%s.lora_up.weight", cases[i].stem);
        snprintf(alpha, sizeof alpha, "lora_unet_%s.alpha", cases[i].stem);
        spelled(down, up, alpha, cases[i].slot, cases[i].first, cases[i].out, cases[i].in);
    }
}

static void lora_split_attention_goes_to_its_rows(void **state) {
    (void)state;
    i4_lora lora;
    static const char *const names[] = {"to_v", "to_q", "to_k"};
    for (int i = 0; i < 3; i++) {
        char key[128];
        snprintf(key, sizeof key, "transformer.layers.0.attention.%s.lora_A.weight", names[i]);
        add_matrix(key, RANK + i, IN);
        snprintf(key, sizeof key, "transformer.layers.0.attention.%s.lora_B.weight", names[i]);
        add_matrix(key, OUT, RANK + i);
    }
    add_matrix("transformer.layers.0.attention.to_out.0.lora_A.weight", 1, IN);
    add_matrix("transformer.layers.0.attention.to_out.0.lora_B.weight", OUT, 1);
    open_made(&lora);
    assert_int_equal(lora.part_count, 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lora.part[i].slot, 11);
        assert_int_equal(lora.part[i].first, i * OUT);
        assert_int_equal(lora.part[i].up.rows, OUT);
        assert_int_equal(lora.part[i].down.rows, RANK + (i + 1) % 3);
    }
    assert_int_equal(lora.part[3].slot, 12);
    i4_lora_close(&lora);
}

#define A "layers.0.attention.o.lora_A.weight"
#define B "layers.0.attention.o.lora_B.weight"
#define ALPHA "layers.0.attention.o.alpha"

static void lora_half_precision_is_taken(void **state) {
    (void)state;
    i4_lora lora;
    made_matrix(&made, "odd", I4_ST_U8, 1, 3, NULL); /* puts the rest at odd addresses */
    made_matrix(&made, A, I4_ST_F16, 1, IN, NULL);
    made_matrix(&made, B, I4_ST_BF16, OUT, 1, NULL);
    const uint16_t three = i4_to_bf16(3);
    const int64_t one = 1;
    made_add(&made, ALPHA, I4_ST_BF16, 1, &one, &three);
    open_made(&lora);
    assert_int_equal(lora.part[0].down.format, I4_W_F16);
    assert_int_equal(lora.part[0].up.format, I4_W_BF16);
    assert_true(near(lora.part[0].factor, 3));
    i4_lora_close(&lora);
}

static void lora_unmatched_keys_are_counted_and_named(void **state) {
    (void)state;
    i4_lora lora;
    char key[96];
    for (int i = 0; i < 7; i++) {
        snprintf(key, sizeof key, "layers.%d.attention.o.lora_A.weight", 90 + i);
        add_matrix(key, 1, 1);
    }
    add_matrix("text_encoder.x.lora_A.weight", 1, 1);
    add_matrix("layers.0.attention.o.diff", 1, 1);
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK);
    open_made(&lora);
    assert_int_equal(lora.matched_keys, 2);
    assert_int_equal(lora.unmatched_keys, 9);
    assert_string_equal(lora.unmatched[0], "layers.0.attention.o.diff");
    assert_string_equal(lora.unmatched[4], "layers.93.attention.o.lora_A.weight");
    i4_lora_close(&lora);
}

/* --- failures ------------------------------------------------------------------------------ */

static void lora_unreadable_file_is_refused(void **state) {
    (void)state;
    i4_lora lora;
    i4_err err = {0};
    assert_false(i4_lora_open(path, targets, TARGETS, &lora, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
    i4_lora_close(&lora);
    folder_write(&temp, "lora.safetensors", "text");
    assert_false(i4_lora_open(path, targets, TARGETS, &lora, &err));
    assert_int_equal(err.status, I4_E_FORMAT);
}

static void lora_without_any_match_is_refused(void **state) {
    (void)state;
    add_matrix("double_blocks.0.lora_A.weight", 1, 1);
    refuse_made(I4_E_FORMAT, "none of its 1 keys fits");
    refuse_made(I4_E_FORMAT, "none of its 0 keys fits");
}

static void lora_incomplete_pair_is_refused(void **state) {
    (void)state;
    add_matrix(A, RANK, IN);
    refuse_made(I4_E_FORMAT, "incomplete");
    add_matrix(B, OUT, RANK);
    add_alpha(ALPHA, 1);
    refuse_made(I4_E_FORMAT, "incomplete");
    add_alpha(ALPHA, 1);
    refuse_made(I4_E_FORMAT, "incomplete");
}

static void lora_shapes_that_do_not_fit_are_refused(void **state) {
    (void)state;
    const int64_t three[3] = {RANK, IN, 1};
    add_matrix(A, RANK, IN + 1);
    add_matrix(B, OUT, RANK);
    refuse_made(I4_E_FORMAT, "layer's input");
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT + 1, RANK);
    refuse_made(I4_E_FORMAT, "layer's output");
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK + 1);
    refuse_made(I4_E_FORMAT, "rank");
    add_matrix(A, 0, IN);
    add_matrix(B, OUT, 0);
    refuse_made(I4_E_FORMAT, "rank");
    add_floats(A, 3, three, 0);
    add_matrix(B, OUT, RANK);
    refuse_made(I4_E_FORMAT, "layer's input");
    add_matrix("layers.0.attention.to_q.lora_A", RANK, IN);
    add_matrix("layers.0.attention.to_q.lora_B", 3 * OUT, RANK);
    refuse_made(I4_E_FORMAT, "layer's output");
    add_matrix(A, 4097, IN);
    add_matrix(B, OUT, 4097);
    refuse_made(I4_E_UNSUPPORTED, "rank 4097");
}

static void lora_wrong_numbers_are_refused(void **state) {
    (void)state;
    made_matrix(&made, A, I4_ST_I32, RANK, IN, NULL);
    add_matrix(B, OUT, RANK);
    refuse_made(I4_E_FORMAT, "F32, F16 or BF16");
    add_matrix(A, RANK, IN)[RANK * IN - 1] = NAN;
    add_matrix(B, OUT, RANK);
    refuse_made(I4_E_FORMAT, "infinite number or NaN");
    uint16_t *bf16 = made_matrix(&made, A, I4_ST_BF16, RANK, IN, NULL);
    bf16[3] = 0xff80; /* minus infinity */
    add_matrix(B, OUT, RANK);
    refuse_made(I4_E_FORMAT, "infinite number or NaN");
    add_matrix(A, RANK, IN);
    uint16_t *f16 = made_matrix(&made, B, I4_ST_F16, OUT, RANK, NULL);
    f16[0] = 0x7e00; /* NaN */
    refuse_made(I4_E_FORMAT, "infinite number or NaN");
}

static void lora_wrong_alpha_is_refused(void **state) {
    (void)state;
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK);
    add_alpha(ALPHA, INFINITY);
    refuse_made(I4_E_FORMAT, "infinite number or NaN");
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK);
    made_vector(&made, ALPHA, I4_ST_F32, 2, NULL);
    refuse_made(I4_E_FORMAT, "one number");
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK);
    add_matrix(ALPHA, 1, 1);
    refuse_made(I4_E_FORMAT, "one number");
}

static void lora_two_spellings_of_one_layer_are_refused(void **state) {
    (void)state;
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK);
    add_matrix("transformer." A, RANK, IN);
    add_matrix("transformer." B, OUT, RANK);
    refuse_made(I4_E_FORMAT, "twice");
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK);
    add_matrix("layers.0.attention.to_out.0.lora_down", RANK, IN);
    refuse_made(I4_E_FORMAT, "twice");
    add_matrix("layers.0.attention.qkv.lora_A", RANK, IN);
    add_matrix("layers.0.attention.qkv.lora_B", 3 * OUT, RANK);
    add_matrix("layers.0.attention.to_k.lora_A", RANK, IN);
    add_matrix("layers.0.attention.to_k.lora_B", OUT, RANK);
    refuse_made(I4_E_FORMAT, "whole and split");
}

static void lora_dora_is_unsupported(void **state) {
    (void)state;
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK);
    add_matrix("transformer.layers.0.attention.o.dora_scale", OUT, 1);
    refuse_made(I4_E_UNSUPPORTED, "DoRA");
}

/* --- LoKr ---------------------------------------------------------------------------------- */

/* layers.0.feed_forward.w1 is [9, 6] = kron([3, 3], [3, 2]) */
enum { A1 = 3, B1 = 3, C2 = 3, D2 = 2 };
#define L(name) "transformer.layers.0.feed_forward.w1." name

/* What the file means: up·down of the only part against w1 ⊗ w2. */
static void expect_product(const float *w1, const float *w2, float factor) {
    i4_lora lora;
    open_made(&lora);
    assert_int_equal(lora.part_count, 1);
    const i4_lora_part *p = lora.part;
    assert_int_equal(p->slot, 13);
    assert_int_equal(p->up.rows, OUT);
    assert_int_equal(p->down.cols, IN);
    assert_int_equal(p->up.cols, p->down.rows);
    assert_true(p->down.rows <= IN); /* never wider than needed here */
    assert_true(near(p->factor, factor));
    for (int o = 0; o < OUT; o++) {
        float up[64], down[64], sum[IN] = {0};
        i4_weight_row(&p->up, o, 0, p->up.cols, up);
        for (int r = 0; r < p->up.cols; r++) {
            i4_weight_row(&p->down, r, 0, IN, down);
            for (int i = 0; i < IN; i++) {
                sum[i] += up[r] * down[i];
            }
        }
        for (int i = 0; i < IN; i++) {
            float expected = w1[o / C2 * B1 + i / D2] * w2[o % C2 * D2 + i % D2];
            if (fabsf(sum[i] - expected) > 1e-5f) {
                fail_msg("[%d, %d] %g, expected %g", o, i, (double)sum[i], (double)expected);
            }
        }
    }
    i4_lora_close(&lora);
}

static void multiply(const float *x, const float *y, int rows, int inner, int cols, float *out) {
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < cols; j++) {
            out[i * cols + j] = 0;
            for (int k = 0; k < inner; k++) {
                out[i * cols + j] += x[i * inner + k] * y[k * cols + j];
            }
        }
    }
}

/* The factor whole (inner 0) or decomposed; its dense values into out. */
static void add_factor(const char *name, int rows, int inner, int cols, float *out) {
    char key[128];
    snprintf(key, sizeof key, L("%s"), name);
    if (inner == 0) {
        memcpy(out, add_matrix(key, rows, cols), sizeof(float) * (size_t)(rows * cols));
        return;
    }
    snprintf(key, sizeof key, L("%s_a"), name);
    const float *a = add_matrix(key, rows, inner);
    snprintf(key, sizeof key, L("%s_b"), name);
    multiply(a, add_matrix(key, inner, cols), rows, inner, cols, out);
}

static void lokr_every_decomposition_is_the_kronecker_product(void **state) {
    (void)state;
    for (int first = 0; first < 5; first++) {
        for (int second = 0; second < 5; second++) {
            float w1[A1 * B1], w2[C2 * D2];
            const int dim = second ? second : first;
            add_factor("lokr_w1", A1, first, B1, w1);
            add_factor("lokr_w2", C2, second, D2, w2);
            add_alpha(L("alpha"), 6);
            /* alpha counts only with a decomposed factor; the second's size goes first */
            expect_product(w1, w2, dim ? 6.0f / (float)dim : 1);
        }
    }
}

static void lokr_without_alpha_has_factor_one(void **state) {
    (void)state;
    float w1[A1 * B1], w2[C2 * D2];
    add_factor("lokr_w1", A1, 0, B1, w1);
    add_factor("lokr_w2", C2, 1, D2, w2);
    expect_product(w1, w2, 1);
}

static void lokr_core_is_multiplied_out(void **state) {
    (void)state;
    enum { I = 2, J = 3 };
    for (int taps = 1; taps <= 2; taps++) {
        const int r_count = D2 / taps;
        const int64_t dim[4] = {I, J, 1, taps};
        float w1[A1 * B1], w2[C2 * D2] = {0};
        add_factor("lokr_w1", A1, 0, B1, w1);
        const float *a = add_matrix(L("lokr_w2_a"), I, C2);
        const float *b = add_matrix(L("lokr_w2_b"), J, r_count);
        const float *t = add_floats(L("lokr_t2"), 4, dim, 0.3f);
        add_alpha(L("alpha"), 6);
        for (int p = 0; p < C2; p++) {
            for (int r = 0; r < r_count; r++) {
                for (int l = 0; l < taps; l++) {
                    for (int ij = 0; ij < I * J; ij++) {
                        w2[p * D2 + r * taps + l] +=
                            t[ij * taps + l] * b[ij % J * r_count + r] * a[ij / J * C2 + p];
                    }
                }
            }
        }
        expect_product(w1, w2, 6.0f / J);
    }
}

static void lokr_four_dimensional_factor_is_flattened(void **state) {
    (void)state;
    const int64_t dim[4] = {C2, 1, 1, D2};
    float w1[A1 * B1], w2[C2 * D2];
    add_factor("lokr_w1", A1, 0, B1, w1);
    memcpy(w2, add_floats(L("lokr_w2"), 4, dim, 2), sizeof w2);
    expect_product(w1, w2, 1);
}

static void lokr_incomplete_or_mixed_factors_are_refused(void **state) {
    (void)state;
    float sink[64];
    add_factor("lokr_w1", A1, 0, B1, sink);
    refuse_made(I4_E_FORMAT, "needs w1 and w2");
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_matrix(L("lokr_w2_a"), C2, 1);
    refuse_made(I4_E_FORMAT, "needs w1 and w2");
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_factor("lokr_w1", A1, 1, B1, sink);
    add_factor("lokr_w2", C2, 0, D2, sink);
    refuse_made(I4_E_FORMAT, "needs w1 and w2");
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_factor("lokr_w2", C2, 0, D2, sink);
    add_matrix(L("lokr_t2"), 1, 1);
    refuse_made(I4_E_FORMAT, "needs w1 and w2");
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_factor("lokr_w2", C2, 0, D2, sink);
    add_matrix(L("lora_A"), 1, IN);
    refuse_made(I4_E_FORMAT, "both LoRA and LoKr");
}

static void lokr_shapes_that_do_not_fit_are_refused(void **state) {
    (void)state;
    float sink[64];
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_factor("lokr_w2", C2, 0, 1, sink);
    refuse_made(I4_E_FORMAT, "another shape");
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_factor("lokr_w2", 4, 0, D2, sink);
    refuse_made(I4_E_FORMAT, "does not divide");
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_matrix(L("lokr_w2_a"), C2, 2);
    add_matrix(L("lokr_w2_b"), 1, D2);
    refuse_made(I4_E_FORMAT, "differ in rank");
    made_vector(&made, L("lokr_w1"), I4_ST_F32, 3, NULL);
    add_factor("lokr_w2", C2, 0, D2, sink);
    refuse_made(I4_E_FORMAT, "1 dimensions");
    add_matrix(L("lokr_w1"), 0, 3);
    add_factor("lokr_w2", C2, 0, D2, sink);
    refuse_made(I4_E_FORMAT, "no numbers");
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_matrix(L("lokr_w2_a"), 2, C2);
    add_matrix(L("lokr_w2_b"), 3, D2);
    add_matrix(L("lokr_t2"), 2, 3);
    refuse_made(I4_E_FORMAT, "lokr_t2 has the wrong shape");
    add_factor("lokr_w1", A1, 0, B1, sink);
    add_matrix(L("lokr_w2_a"), C2, 4097);
    add_matrix(L("lokr_w2_b"), 4097, D2);
    refuse_made(I4_E_UNSUPPORTED, "exceeds 4096");
    add_matrix(L("lokr_w1"), A1, B1)[0] = 1e30f;
    add_matrix(L("lokr_w2_a"), C2, 1)[0] = 1e30f;
    add_matrix(L("lokr_w2_b"), 1, D2);
    refuse_made(I4_E_FORMAT, "not finite");
}

static void lokr_rank_beyond_the_limit_is_unsupported(void **state) {
    (void)state;
    const i4_lora_target wide = {"layers.0.attention.o", 65 * 65, 65 * 65, 0};
    i4_lora lora;
    i4_err err = {0};
    made_matrix(&made, "layers.0.attention.o.lokr_w1", I4_ST_BF16, 65, 65, NULL);
    made_matrix(&made, "layers.0.attention.o.lokr_w2", I4_ST_BF16, 65, 65, NULL);
    made_write(&made, path);
    assert_false(i4_lora_open(path, &wide, 1, &lora, &err));
    assert_int_equal(err.status, I4_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "rank 4225"));
}

/* --- failing memory and system calls ------------------------------------------------------- */

static bool open_again(i4_err *err) {
    i4_lora lora;
    bool good = i4_lora_open(path, targets, TARGETS, &lora, err);
    i4_lora_close(&lora);
    return good;
}

static void lora_every_fault_is_reported(void **state) {
    (void)state;
    const int64_t core[4] = {2, 3, 1, 1};
    float sink[64];
    add_matrix(A, RANK, IN);
    add_matrix(B, OUT, RANK);
    add_factor("lokr_w1", A1, 5, B1, sink);
    add_matrix(L("lokr_w2_a"), 2, C2);
    add_matrix(L("lokr_w2_b"), 3, D2);
    add_floats(L("lokr_t2"), 4, core, 1);
    made_write(&made, path);
    faults_are_reported(open_again, 18);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(lora_golden_file_opens),
        CASE(lora_every_prefix_is_taken),
        CASE(lora_every_role_name_is_taken),
        CASE(lora_underscored_names_are_taken),
        CASE(lora_split_attention_goes_to_its_rows),
        CASE(lora_half_precision_is_taken),
        CASE(lora_unmatched_keys_are_counted_and_named),
        CASE(lora_unreadable_file_is_refused),
        CASE(lora_without_any_match_is_refused),
        CASE(lora_incomplete_pair_is_refused),
        CASE(lora_shapes_that_do_not_fit_are_refused),
        CASE(lora_wrong_numbers_are_refused),
        CASE(lora_wrong_alpha_is_refused),
        CASE(lora_two_spellings_of_one_layer_are_refused),
        CASE(lora_dora_is_unsupported),
        CASE(lokr_every_decomposition_is_the_kronecker_product),
        CASE(lokr_without_alpha_has_factor_one),
        CASE(lokr_core_is_multiplied_out),
        CASE(lokr_four_dimensional_factor_is_flattened),
        CASE(lokr_incomplete_or_mixed_factors_are_refused),
        CASE(lokr_shapes_that_do_not_fit_are_refused),
        CASE(lokr_rank_beyond_the_limit_is_unsupported),
        CASE(lora_every_fault_is_reported),
    };
    return cmocka_run_group_tests_name("lora", tests, NULL, NULL);
}
