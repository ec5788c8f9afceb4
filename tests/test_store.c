/* Components in every layout: the golden folders compared with each other, an mflux folder put
 * together from them, and files with one thing wrong. */
#include "weights/store.h"

#include "made_file.h"

#include <math.h>

#define GOLDEN ID4_SOURCE_DIR "/tests/golden/tiny-a/"

/* tiny-a's configuration */
enum { WIDTH = 128, FF = 320, ADALN = 64, FEATURES = 832, LAYERS = 2, HEAD = 64 };
enum { TEXT_WIDTH = 64, TEXT_KV = 32, TEXT_LAYERS = 36, VOCABULARY = 512, CHANNELS = 32 };

static folder temp;
static made_file made;

static int setup(void **state) {
    (void)state;
    folder_make(&temp, "test_store");
    made.count = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(&temp);
    return 0;
}

/* --- opening whole components -------------------------------------------------------------- */

static i4_store *open_part(const char *path, i4_part part) {
    i4_manifest m;
    i4_err err = {0};
    if (!i4_manifest_read(path, &m, &err)) {
        fail_msg("%s", err.text);
    }
    i4_store *s = i4_store_open(&m, part, &err);
    if (!s) {
        fail_msg("%s", err.text);
    }
    i4_manifest_free(&m);
    return s;
}

static i4_weight *linear(i4_store *s, const char *name, int64_t out, int64_t in, bool bias) {
    i4_err err = {0};
    i4_weight *w = i4_store_linear(s, name, out, in, bias, &err);
    if (!w) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(w->name, name);
    assert_int_equal(w->rows, out);
    assert_int_equal(w->cols, in);
    assert_int_equal(w->slot, -1);
    assert_int_equal(w->kernel, 0);
    assert_true(bias == (w->bias != NULL));
    return w;
}

static void vector(i4_store *s, const char *name, int64_t count) {
    i4_err err = {0};
    const float *v = i4_store_floats(s, name, count, &err);
    if (!v) {
        fail_msg("%s", err.text);
    }
    assert_int_equal((uintptr_t)v % 64, 0);
    for (int64_t i = 0; i < count; i++) {
        assert_true(isfinite(v[i]));
    }
}

static void conv(i4_store *s, const char *name, int64_t out, int64_t in, int kernel) {
    i4_err err = {0};
    const i4_weight *w = i4_store_conv(s, name, out, in, kernel, &err);
    if (!w) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(w->kernel, kernel);
    assert_int_equal(w->cols, kernel * kernel * in);
    assert_non_null(w->bias);
}

static const struct {
    const char *name;
    int out, in;
    bool bias;
} dit_linears[] = {
    {"input_proj", WIDTH, 128, true},
    {"llm_cond_proj", WIDTH, FEATURES, true},
    {"t_embedding.mlp_in", WIDTH, WIDTH, true},
    {"t_embedding.mlp_out", WIDTH, WIDTH, true},
    {"adaln_proj", ADALN, WIDTH, true},
    {"final_layer.linear", 128, WIDTH, true},
    {"final_layer.adaln_modulation", WIDTH, ADALN, true},
    {"layers.0.adaln_modulation", 4 * WIDTH, ADALN, true},
    {"layers.1.attention.qkv", 3 * WIDTH, WIDTH, false},
    {"layers.0.attention.o", WIDTH, WIDTH, false},
    {"layers.1.feed_forward.w1", FF, WIDTH, false},
    {"layers.1.feed_forward.w2", WIDTH, FF, false},
    {"layers.0.feed_forward.w3", FF, WIDTH, false},
};
enum { DIT_LINEARS = sizeof dit_linears / sizeof dit_linears[0] };

static void check_dit(const char *path, i4_part part) {
    i4_store *s = open_part(path, part);
    for (int i = 0; i < DIT_LINEARS; i++) {
        linear(s, dit_linears[i].name, dit_linears[i].out, dit_linears[i].in, dit_linears[i].bias);
    }
    assert_non_null(i4_store_table(s, "embed_image_indicator", 2, WIDTH, NULL));
    vector(s, "llm_cond_norm.weight", FEATURES);
    vector(s, "layers.1.attention.norm_q.weight", HEAD);
    vector(s, "layers.0.ffn_norm2.weight", WIDTH);
    assert_true(i4_store_has(s, "layers.1.attention_norm1.weight"));
    assert_false(i4_store_has(s, "layers.2.attention_norm1.weight"));
    i4_store_close(s);
}

static void check_text(const char *path) {
    i4_store *s = open_part(path, I4_PART_TEXT);
    char name[96];
    assert_non_null(i4_store_table(s, "embed_tokens", VOCABULARY, TEXT_WIDTH, NULL));
    for (int n = 0; n < TEXT_LAYERS; n++) {
        snprintf(name, sizeof name, "layers.%d.self_attn.k_proj", n);
        linear(s, name, TEXT_KV, TEXT_WIDTH, false);
        snprintf(name, sizeof name, "layers.%d.mlp.down_proj", n);
        linear(s, name, TEXT_WIDTH, TEXT_WIDTH, false);
        snprintf(name, sizeof name, "layers.%d.self_attn.q_norm.weight", n);
        vector(s, name, TEXT_KV);
    }
    vector(s, "norm.weight", TEXT_WIDTH);
    i4_store_close(s);
}

static void check_vae(const char *path) {
    i4_store *s = open_part(path, I4_PART_VAE);
    conv(s, "post_quant_conv", CHANNELS, CHANNELS, 1);
    conv(s, "decoder.conv_in", CHANNELS, CHANNELS, 3);
    conv(s, "decoder.conv_out", 3, CHANNELS, 3);
    conv(s, "decoder.up_blocks.2.resnets.0.conv1", CHANNELS, CHANNELS, 3);
    linear(s, "decoder.mid_block.attentions.0.to_q", CHANNELS, CHANNELS, true);
    linear(s, "decoder.mid_block.attentions.0.to_out", CHANNELS, CHANNELS, true);
    vector(s, "decoder.mid_block.attentions.0.group_norm.weight", CHANNELS);
    vector(s, "bn.running_var", 128);
    i4_store_close(s);
}

static void check_all(const char *path, i4_format dit_format, i4_format vae_format) {
    i4_store *s;
    check_dit(path, I4_PART_COND);
    check_dit(path, I4_PART_FREE);
    check_text(path);
    check_vae(path);
    s = open_part(path, I4_PART_TEXT);
    assert_int_equal(i4_store_format(s), dit_format);
    i4_store_close(s);
    s = open_part(path, I4_PART_VAE);
    assert_int_equal(i4_store_format(s), vae_format);
    assert_true(i4_store_bytes(s) > 1000000);
    i4_store_need(s);
    i4_store_done(s);
    i4_store_close(s);
    s = open_part(path, I4_PART_COND);
    assert_int_equal(i4_store_format(s), dit_format);
    assert_int_equal(linear(s, "input_proj", WIDTH, 128, true)->format, dit_format);
    assert_int_equal(i4_store_format(s), dit_format);
    i4_store_close(s);
}

static void store_golden_q8_opens(void **state) {
    (void)state;
    check_all(GOLDEN "mlx-q8", I4_W_AFFINE8, I4_W_BF16);
}

static void store_golden_q4_opens(void **state) {
    (void)state;
    check_all(GOLDEN "mlx-q4", I4_W_AFFINE4, I4_W_BF16);
}

static void store_golden_bf16_opens(void **state) {
    (void)state;
    check_all(GOLDEN "mlx-bf16", I4_W_BF16, I4_W_BF16);
}

static void store_golden_fp8_opens(void **state) {
    (void)state;
    check_all(GOLDEN "fp8", I4_W_FP8, I4_W_BF16);
}

/* --- values -------------------------------------------------------------------------------- */

/* The golden layouts hold the same weights, so quantised ones may differ from bf16 by half a step
 * and the rounding of scale and bias to bf16 (2^-9 of each). */
static void compare_affine(const char *path, float levels) {
    i4_store *q = open_part(path, I4_PART_COND), *b = open_part(GOLDEN "mlx-bf16", I4_PART_COND);
    for (int i = 0; i < DIT_LINEARS; i++) {
        const int out = dit_linears[i].out, in = dit_linears[i].in;
        const i4_weight *wq = linear(q, dit_linears[i].name, out, in, dit_linears[i].bias);
        const i4_weight *wb = linear(b, dit_linears[i].name, out, in, dit_linears[i].bias);
        float x[FEATURES], y[FEATURES];
        assert_int_equal(wq->group, 64);
        for (int row = 0; row < out; row++) {
            i4_weight_row(wq, row, 0, in, x);
            i4_weight_row(wb, row, 0, in, y);
            for (int c = 0; c < in; c++) {
                uint16_t s, z;
                size_t at = 2 * ((size_t)row * (size_t)(in / 64) + (size_t)(c / 64));
                memcpy(&s, wq->scales + at, 2);
                memcpy(&z, wq->zeros + at, 2);
                float step = fabsf(i4_from_bf16(s)), zero = fabsf(i4_from_bf16(z));
                float bound = step * (0.51f + levels / 512) + zero / 512;
                if (!(fabsf(x[c] - y[c]) <= bound)) {
                    fail_msg("%s [%d, %d]: %g, bf16 %g", wq->name, row, c, (double)x[c],
                             (double)y[c]);
                }
            }
            if (wq->bias) {
                assert_true(fabsf(wq->bias[row] - wb->bias[row]) <= 0);
            }
        }
    }
    i4_store_close(q);
    i4_store_close(b);
}

static void store_q8_rows_are_within_a_step_of_bf16(void **state) {
    (void)state;
    compare_affine(GOLDEN "mlx-q8", 255);
}

static void store_q4_rows_are_within_a_step_of_bf16(void **state) {
    (void)state;
    compare_affine(GOLDEN "mlx-q4", 15);
}

/* e4m3 keeps three bits of mantissa, and 2^-10 of the row's scale below its normal numbers */
static void compare_fp8(const char *path, i4_part part) {
    i4_store *f = open_part(path, part), *b = open_part(GOLDEN "mlx-bf16", part);
    for (int i = 0; i < DIT_LINEARS; i++) {
        const int out = dit_linears[i].out, in = dit_linears[i].in;
        const i4_weight *wf = linear(f, dit_linears[i].name, out, in, dit_linears[i].bias);
        const i4_weight *wb = linear(b, dit_linears[i].name, out, in, dit_linears[i].bias);
        float x[FEATURES], y[FEATURES];
        assert_int_equal(wf->format, I4_W_FP8);
        for (int row = 0; row < out; row++) {
            i4_weight_row(wf, row, 0, in, x);
            i4_weight_row(wb, row, 0, in, y);
            for (int c = 0; c < in; c++) {
                float bound = fabsf(y[c]) * 0.0667f + wf->row_scale[row] / 1000;
                if (!(fabsf(x[c] - y[c]) <= bound)) {
                    fail_msg("%s [%d, %d]: %g, bf16 %g", wf->name, row, c, (double)x[c],
                             (double)y[c]);
                }
            }
        }
    }
    i4_store_close(f);
    i4_store_close(b);
}

static void store_fp8_rows_are_within_a_step_of_bf16(void **state) {
    (void)state;
    compare_fp8(GOLDEN "fp8", I4_PART_COND);
    compare_fp8(GOLDEN "fp8", I4_PART_FREE);
}

static void store_official_convolutions_are_turned(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int out, in, kernel;
    } convs[] = {{"decoder.conv_in", CHANNELS, CHANNELS, 3},
                 {"decoder.conv_out", 3, CHANNELS, 3},
                 {"post_quant_conv", CHANNELS, CHANNELS, 1}};
    i4_store *official = open_part(GOLDEN "fp8", I4_PART_VAE);
    i4_store *split = open_part(GOLDEN "mlx-bf16", I4_PART_VAE);
    for (int i = 0; i < 3; i++) {
        const i4_weight *a = i4_store_conv(official, convs[i].name, convs[i].out, convs[i].in,
                                           convs[i].kernel, NULL);
        const i4_weight *b =
            i4_store_conv(split, convs[i].name, convs[i].out, convs[i].in, convs[i].kernel, NULL);
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal(a->format, I4_W_BF16);
        assert_memory_equal(a->data, b->data, (size_t)(a->rows * a->cols) * 2);
        assert_memory_equal(a->bias, b->bias, (size_t)a->rows * sizeof *a->bias);
    }
    const char *name = "decoder.mid_block.attentions.0.to_out";
    assert_memory_equal(linear(official, name, CHANNELS, CHANNELS, true)->data,
                        linear(split, name, CHANNELS, CHANNELS, true)->data,
                        CHANNELS * CHANNELS * 2);
    i4_store_close(official);
    i4_store_close(split);
}

/* --- an mflux folder ----------------------------------------------------------------------- */

/* Adds the tensors of a golden file whose index is `half` modulo 2, or all with half < 0; prefix
 * is cut off, F8_E4M3 becomes U8, names beginning with `without` stay out. */
static void take(const char *path, const char *prefix, const char *without, int half) {
    i4_err err = {0};
    i4_st_file *f = i4_st_open(path, &err);
    assert_non_null(f);
    for (size_t i = 0; i < i4_st_count(f); i++) {
        const i4_st_tensor *t = i4_st_at(f, i);
        const char *name = t->name + strlen(prefix);
        i4_st_dtype dtype = t->dtype == I4_ST_F8_E4M3 ? I4_ST_U8 : t->dtype;
        if ((half < 0 || (int)(i % 2) == half) &&
            (!without || strncmp(name, without, strlen(without)) != 0)) {
            made_add(&made, name, dtype, t->rank, t->dim, t->data);
        }
    }
    i4_st_close(f);
}

/* Affine 8-bit triplet of a bf16 matrix in groups, scale negative in odd groups. */
static void add_triplet(const char *name, const uint8_t *bf16, int rows, int cols, int group) {
    char full[96];
    const int groups = cols / group;
    snprintf(full, sizeof full, "%s.weight", name);
    uint8_t *q = made_matrix(&made, full, I4_ST_U32, rows, cols / 4, NULL);
    snprintf(full, sizeof full, "%s.scales", name);
    uint16_t *scales = made_matrix(&made, full, I4_ST_BF16, rows, groups, NULL);
    snprintf(full, sizeof full, "%s.biases", name);
    uint16_t *zeros = made_matrix(&made, full, I4_ST_BF16, rows, groups, NULL);
    for (int g = 0; g < rows * groups; g++) {
        float x[128], low = 1e30f, high = -1e30f;
        for (int i = 0; i < group; i++) {
            uint16_t half;
            memcpy(&half, bf16 + 2 * (g * group + i), 2);
            x[i] = i4_from_bf16(half);
            low = fminf(low, x[i]);
            high = fmaxf(high, x[i]);
        }
        bool down = g % 2;
        scales[g] = i4_to_bf16((down ? low - high : high - low) / 254 * 1.01f);
        zeros[g] = i4_to_bf16(down ? high : low);
        for (int i = 0; i < group; i++) {
            float code = (x[i] - i4_from_bf16(zeros[g])) / i4_from_bf16(scales[g]);
            q[g * group + i] = (uint8_t)fminf(fmaxf(roundf(code), 0), 255);
        }
    }
}

static void make_mflux(void) {
    char map[64 << 10];
    int n = snprintf(map, sizeof map,
                     "{\"metadata\":{\"quantization_level\":\"8\","
                     "\"mflux_version\":\"0.12\"},\"weight_map\":{");
    i4_st_file *text = i4_st_open(GOLDEN "mlx-bf16/text_encoder.safetensors", NULL);
    i4_st_file *vae = i4_st_open(GOLDEN "mlx-bf16/vae.safetensors", NULL);
    assert_true(text && vae);
    folder_sub(&temp, "transformer");
    folder_sub(&temp, "unconditional_transformer");
    folder_sub(&temp, "text_encoder");
    folder_sub(&temp, "vae");
    /* affine in two shards with an index, and tensors that must be ignored */
    for (int half = 0; half < 2; half++) {
        char name[64];
        take(GOLDEN "mlx-q8/conditional_transformer.safetensors", "conditional_transformer.", NULL,
             half);
        for (size_t i = 0; i < made.count; i++) {
            n += snprintf(map + n, sizeof map - (size_t)n, "%s\"%s\":\"%d.safetensors\"",
                          half || i ? "," : "", made.name[i], half);
        }
        if (half) {
            made_vector(&made, "rotary_emb.inv_freq", I4_ST_F32, 32, NULL);
        }
        snprintf(name, sizeof name, "transformer/%d.safetensors", half);
        made_write(&made, folder_at(&temp, name));
    }
    snprintf(map + n, sizeof map - (size_t)n, "}}");
    folder_write(&temp, "transformer/model.safetensors.index.json", map);
    /* raw fp8 bytes, labelled U8 */
    take(GOLDEN "fp8/unconditional_transformer/diffusion_pytorch_model.safetensors", "", NULL, -1);
    made_write(&made, folder_at(&temp, "unconditional_transformer/0.safetensors"));
    /* embedding rows affine */
    take(GOLDEN "mlx-q8/text_encoder.safetensors", "text_encoder.", "embed_tokens", -1);
    add_triplet("embed_tokens", i4_st_find(text, "text_encoder.embed_tokens.weight")->data,
                VOCABULARY, TEXT_WIDTH, 64);
    made_write(&made, folder_at(&temp, "text_encoder/0.safetensors"));
    /* VAE attention affine */
    take(GOLDEN "mlx-bf16/vae.safetensors", "vae.", "decoder.mid_block.attentions.0.to_q.weight",
         -1);
    add_triplet("decoder.mid_block.attentions.0.to_q",
                i4_st_find(vae, "vae.decoder.mid_block.attentions.0.to_q.weight")->data, CHANNELS,
                CHANNELS, 32);
    made_write(&made, folder_at(&temp, "vae/0.safetensors"));
    i4_st_close(text);
    i4_st_close(vae);
}

static void expect_close(const i4_weight *a, const i4_weight *b, float bound) {
    float x[TEXT_WIDTH], y[TEXT_WIDTH];
    for (int64_t row = 0; row < a->rows; row++) {
        i4_weight_row(a, row, 0, a->cols, x);
        i4_weight_row(b, row, 0, b->cols, y);
        for (int64_t c = 0; c < a->cols; c++) {
            assert_true(fabsf(x[c] - y[c]) <= bound);
        }
    }
}

static void store_mflux_folder_opens(void **state) {
    (void)state;
    make_mflux();
    check_dit(temp.path, I4_PART_COND);
    check_dit(temp.path, I4_PART_FREE);
    check_text(temp.path);
    check_vae(temp.path);
    compare_affine(temp.path, 255);
    compare_fp8(temp.path, I4_PART_FREE);
}

static void store_mflux_tables_and_attention_may_be_affine(void **state) {
    (void)state;
    make_mflux();
    i4_store *a = open_part(temp.path, I4_PART_TEXT),
             *b = open_part(GOLDEN "mlx-bf16", I4_PART_TEXT);
    i4_weight *table = i4_store_table(a, "embed_tokens", VOCABULARY, TEXT_WIDTH, NULL);
    assert_int_equal(table->format, I4_W_AFFINE8);
    expect_close(table, i4_store_table(b, "embed_tokens", VOCABULARY, TEXT_WIDTH, NULL), 0.05f);
    i4_store_close(a);
    i4_store_close(b);
    a = open_part(temp.path, I4_PART_VAE);
    b = open_part(GOLDEN "mlx-bf16", I4_PART_VAE);
    const char *name = "decoder.mid_block.attentions.0.to_q";
    i4_weight *w = linear(a, name, CHANNELS, CHANNELS, true);
    assert_int_equal(w->format, I4_W_AFFINE8);
    assert_int_equal(w->group, 32);
    expect_close(w, linear(b, name, CHANNELS, CHANNELS, true), 0.05f);
    i4_store_close(a);
    i4_store_close(b);
}

/* --- single files -------------------------------------------------------------------------- */

static i4_store *open_files(i4_layout layout, i4_part part, char **files, size_t count,
                            bool indexed, i4_err *err) {
    i4_manifest m = {.layout = layout};
    m.part[part].files = files;
    m.part[part].file_count = count;
    m.part[part].indexed = indexed;
    return i4_store_open(&m, part, err);
}

static i4_store *open_made(i4_layout layout, i4_part part) {
    char path[600];
    char *files[] = {path};
    i4_err err = {0};
    snprintf(path, sizeof path, "%s", folder_at(&temp, "made.safetensors"));
    made_write(&made, path);
    i4_store *s = open_files(layout, part, files, 1, false, &err);
    if (!s) {
        fail_msg("%s", err.text);
    }
    return s;
}

/* Writes what was made; asking for the linear "x" [32, 64] must fail so. */
static void refuse_linear(bool bias, i4_status status, const char *words) {
    i4_err err = {0};
    i4_store *s = open_made(I4_LAYOUT_MFLUX, I4_PART_COND);
    assert_null(i4_store_linear(s, "x", 32, 64, bias, &err));
    assert_int_equal(err.status, status);
    if (!strstr(err.text, words)) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
    i4_store_close(s);
}

static void store_plain_linear_of_wrong_kind_is_refused(void **state) {
    (void)state;
    made_matrix(&made, "y.weight", I4_ST_F32, 32, 64, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight is missing");
    made_matrix(&made, "x.weight", I4_ST_F32, 64, 32, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight is [64, 32] F32, expected [32, 64]");
    made_vector(&made, "x.weight", I4_ST_F32, 64 * 32, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight is [2048] F32, expected [32, 64]");
    made_matrix(&made, "x.weight", I4_ST_I32, 32, 64, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight is [32, 64] I32, expected");
    made_matrix(&made, "x.weight", I4_ST_BF16, 32, 64, NULL);
    refuse_linear(true, I4_E_FORMAT, "x.bias is missing");
    made_matrix(&made, "x.weight", I4_ST_BF16, 32, 64, NULL);
    made_vector(&made, "x.bias", I4_ST_BF16, 33, NULL);
    refuse_linear(true, I4_E_FORMAT, "x.bias is [33] BF16, expected [32]");
}

static void add_affine(int words, int groups, i4_st_dtype scale, int zero_groups,
                       i4_st_dtype zero) {
    made_matrix(&made, "x.weight", I4_ST_U32, 32, words, NULL);
    if (groups) {
        made_matrix(&made, "x.scales", scale, 32, groups, NULL);
    }
    if (zero_groups) {
        made_matrix(&made, "x.biases", zero, 32, zero_groups, NULL);
    }
}

static void store_affine_linear_of_wrong_kind_is_refused(void **state) {
    (void)state;
    for (int bits = 1; bits < 8; bits++) {
        if (bits == 4 || 64 * bits % 32) {
            continue;
        }
        add_affine(64 * bits / 32, 1, I4_ST_BF16, 1, I4_ST_BF16);
        refuse_linear(false, I4_E_UNSUPPORTED, "only 4 and 8 are supported");
    }
    add_affine(15, 1, I4_ST_BF16, 1, I4_ST_BF16);
    refuse_linear(false, I4_E_FORMAT, "expected [32, 16] (8 bits) or [32, 8] (4 bits)");
    add_affine(32, 1, I4_ST_BF16, 1, I4_ST_BF16);
    refuse_linear(false, I4_E_FORMAT, "expected [32, 16] (8 bits)");
    add_affine(16, 0, I4_ST_BF16, 1, I4_ST_BF16);
    refuse_linear(false, I4_E_FORMAT, "x.scales is missing");
    add_affine(16, 1, I4_ST_BF16, 0, I4_ST_BF16);
    refuse_linear(false, I4_E_FORMAT, "x.biases is missing");
    add_affine(16, 4, I4_ST_BF16, 4, I4_ST_BF16);
    refuse_linear(false, I4_E_FORMAT, "groups of 32, 64 or 128");
    add_affine(16, 1, I4_ST_I32, 1, I4_ST_I32);
    refuse_linear(false, I4_E_FORMAT, "x.scales is [32, 1] I32");
    add_affine(16, 2, I4_ST_BF16, 1, I4_ST_BF16);
    refuse_linear(false, I4_E_FORMAT, "x.biases is [32, 1] BF16, expected [32, 2] BF16");
    add_affine(16, 1, I4_ST_BF16, 1, I4_ST_F16);
    refuse_linear(false, I4_E_FORMAT, "x.biases is [32, 1] F16, expected [32, 1] BF16");
}

static void store_fp8_linear_of_wrong_kind_is_refused(void **state) {
    (void)state;
    made_matrix(&made, "x.weight", I4_ST_U8, 32, 64, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight_scale is missing");
    made_matrix(&made, "x.weight", I4_ST_F8_E4M3, 64, 32, NULL);
    made_vector(&made, "x.weight_scale", I4_ST_F32, 64, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight is [64, 32] F8_E4M3, expected [32, 64]");
    made_matrix(&made, "x.weight", I4_ST_F8_E4M3, 32, 64, NULL);
    made_vector(&made, "x.weight_scale", I4_ST_F32, 31, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight_scale is [31] F32, expected [32]");
    made_matrix(&made, "x.weight", I4_ST_F8_E4M3, 32, 64, NULL);
    made_vector(&made, "x.weight_scale", I4_ST_I32, 32, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight_scale is [32] I32");
    made_matrix(&made, "x.weight", I4_ST_F8_E5M2, 32, 64, NULL);
    refuse_linear(false, I4_E_FORMAT, "x.weight is [32, 64] F8_E5M2");
}

static void store_fp8_scales_of_every_shape_are_taken(void **state) {
    (void)state;
    static const int64_t row[1] = {4}, column[2] = {4, 1}, single[1] = {1};
    static const struct {
        int rank;
        const int64_t *dim;
        i4_st_dtype dtype;
        bool per_row;
    } cases[] = {{1, row, I4_ST_F32, true},
                 {2, column, I4_ST_BF16, true},
                 {1, single, I4_ST_F16, false},
                 {0, NULL, I4_ST_F32, false}};
    for (int i = 0; i < 4; i++) {
        made_vector(&made, "odd", I4_ST_U8, 3, NULL); /* puts the rest at odd addresses */
        uint8_t *codes = made_matrix(&made, "x.weight", I4_ST_F8_E4M3, 4, 8, NULL);
        memset(codes, 0x38, 4 * 8); /* 1.0 */
        void *scale =
            made_add(&made, "x.weight_scale", cases[i].dtype, cases[i].rank, cases[i].dim, NULL);
        for (int r = 0; r < (cases[i].per_row ? 4 : 1); r++) {
            float value = 0.5f * (float)(r + 1);
            uint16_t half = cases[i].dtype == I4_ST_F16 ? i4_to_f16(value) : i4_to_bf16(value);
            if (cases[i].dtype == I4_ST_F32) {
                memcpy((char *)scale + 4 * r, &value, 4);
            } else {
                memcpy((char *)scale + 2 * r, &half, 2);
            }
        }
        i4_store *s = open_made(I4_LAYOUT_FP8, I4_PART_COND);
        const i4_weight *w = linear(s, "x", 4, 8, false);
        for (int r = 0; r < 4; r++) {
            float out[8], expected = cases[i].per_row ? 0.5f * (float)(r + 1) : 0.5f;
            i4_weight_row(w, r, 0, 8, out);
            assert_true(fabsf(out[7] - expected) <= 0);
        }
        i4_store_close(s);
    }
}

static void store_affine_groups_and_scale_types_are_taken(void **state) {
    (void)state;
    static const i4_st_dtype types[] = {I4_ST_F32, I4_ST_F16, I4_ST_BF16};
    for (int i = 0; i < 9; i++) {
        const int group = 32 << i / 3;
        made_matrix(&made, "x.weight", I4_ST_U32, 2, 128 / 8, NULL);
        made_matrix(&made, "x.scales", types[i % 3], 2, 128 / group, NULL);
        made_matrix(&made, "x.biases", types[i % 3], 2, 128 / group, NULL);
        i4_store *s = open_made(I4_LAYOUT_MFLUX, I4_PART_FREE);
        const i4_weight *w = linear(s, "x", 2, 128, false);
        assert_int_equal(w->format, I4_W_AFFINE4);
        assert_int_equal(w->group, group);
        assert_int_equal(i4_dtype_size(w->scale_dtype), types[i % 3] == I4_ST_F32 ? 4 : 2);
        i4_store_close(s);
    }
}

static void store_text_names_may_have_the_longer_prefix(void **state) {
    (void)state;
    made_vector(&made, "model.language_model.norm.weight", I4_ST_F16, 2, NULL);
    made_vector(&made, "language_model.other.weight", I4_ST_F32, 2, NULL);
    made_vector(&made, "visual.norm.weight", I4_ST_F32, 2, NULL);
    i4_store *s = open_made(I4_LAYOUT_FP8, I4_PART_TEXT);
    vector(s, "norm.weight", 2);
    vector(s, "other.weight", 2);
    assert_false(i4_store_has(s, "visual.norm.weight"));
    i4_store_close(s);
}

static void store_convolutions_and_vectors_of_wrong_shape_are_refused(void **state) {
    (void)state;
    static const int64_t hwio[4] = {3, 3, 2, 4}, ohwi[4] = {4, 3, 3, 2};
    i4_err err = {0};
    made_add(&made, "vae.a.weight", I4_ST_F32, 4, hwio, NULL);
    made_add(&made, "vae.b.weight", I4_ST_F32, 4, ohwi, NULL);
    made_add(&made, "vae.c.weight", I4_ST_I32, 4, ohwi, NULL);
    made_matrix(&made, "vae.m", I4_ST_F32, 1, 4, NULL);
    i4_store *s = open_made(I4_LAYOUT_SPLIT, I4_PART_VAE);
    assert_null(i4_store_conv(s, "a", 4, 2, 3, &err));
    assert_non_null(strstr(err.text, "a.weight is [3, 3, 2, 4] F32, expected [4, 3, 3, 2]"));
    assert_null(i4_store_conv(s, "b", 4, 2, 3, &err));
    assert_non_null(strstr(err.text, "b.bias is missing"));
    assert_null(i4_store_conv(s, "c", 4, 2, 3, &err));
    assert_non_null(strstr(err.text, "I32"));
    assert_null(i4_store_conv(s, "b", 4, INT64_MAX / 2, 3, &err));
    assert_null(i4_store_floats(s, "m", 4, &err));
    assert_non_null(strstr(err.text, "vae.m is [1, 4] F32, expected [4]"));
    assert_null(i4_store_linear(s, "b", 0, 2, false, &err));
    i4_store_close(s);
}

static void store_later_shards_win_unless_indexed(void **state) {
    (void)state;
    char first[600], second[600];
    char *files[] = {first, second};
    i4_err err = {0};
    const float one = 1, two = 2;
    snprintf(first, sizeof first, "%s", folder_at(&temp, "0.safetensors"));
    snprintf(second, sizeof second, "%s", folder_at(&temp, "1.safetensors"));
    made_vector(&made, "x", I4_ST_F32, 1, &one);
    made_write(&made, first);
    made_vector(&made, "x", I4_ST_F32, 1, &two);
    made_write(&made, second);
    i4_store *s = open_files(I4_LAYOUT_MFLUX, I4_PART_COND, files, 2, false, &err);
    assert_non_null(s);
    assert_true(i4_store_floats(s, "x", 1, &err)[0] > 1.5f);
    i4_store_close(s);
    assert_null(open_files(I4_LAYOUT_MFLUX, I4_PART_COND, files, 2, true, &err));
    assert_non_null(strstr(err.text, "both hold"));
    remove(second);
    assert_null(open_files(I4_LAYOUT_MFLUX, I4_PART_COND, files, 2, false, &err));
    i4_store_close(NULL);
}

/* --- failing memory and system calls ------------------------------------------------------- */

static bool open_some(i4_err *err) {
    char vae[] = GOLDEN "fp8/vae/diffusion_pytorch_model.safetensors";
    char dit[] = GOLDEN "fp8/transformer/diffusion_pytorch_model.safetensors";
    char *files[] = {vae, dit};
    i4_store *s = open_files(I4_LAYOUT_FP8, I4_PART_VAE, files, 2, true, err);
    bool good = s && i4_store_conv(s, "decoder.conv_out", 3, CHANNELS, 3, err) &&
                i4_store_linear(s, "input_proj", WIDTH, 128, true, err) &&
                i4_store_floats(s, "bn.running_var", 128, err);
    i4_store_close(s);
    return good;
}

static void store_every_fault_is_reported(void **state) {
    (void)state;
    faults_are_reported(open_some, 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_golden_q8_opens),
        cmocka_unit_test(store_golden_q4_opens),
        cmocka_unit_test(store_golden_bf16_opens),
        cmocka_unit_test(store_golden_fp8_opens),
        cmocka_unit_test(store_q8_rows_are_within_a_step_of_bf16),
        cmocka_unit_test(store_q4_rows_are_within_a_step_of_bf16),
        cmocka_unit_test(store_fp8_rows_are_within_a_step_of_bf16),
        cmocka_unit_test(store_official_convolutions_are_turned),
        CASE(store_mflux_folder_opens),
        CASE(store_mflux_tables_and_attention_may_be_affine),
        CASE(store_plain_linear_of_wrong_kind_is_refused),
        CASE(store_affine_linear_of_wrong_kind_is_refused),
        CASE(store_fp8_linear_of_wrong_kind_is_refused),
        CASE(store_fp8_scales_of_every_shape_are_taken),
        CASE(store_affine_groups_and_scale_types_are_taken),
        CASE(store_text_names_may_have_the_longer_prefix),
        CASE(store_convolutions_and_vectors_of_wrong_shape_are_refused),
        CASE(store_later_shards_win_unless_indexed),
        cmocka_unit_test(store_every_fault_is_reported),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
