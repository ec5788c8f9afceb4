/* The kernels of one instruction set, written once over the vectors of p_<isa>.c, which defines
 * before including this file:
 *
 *   LANES, TILE_ROWS, TILE_VECTORS    floats of a vector; shape of the product's register tile
 *   vf                                vector of LANES floats
 *   v_set v_load v_store v_add v_sub v_mul v_div v_round (to even)
 *   v_fma(a, b, c) a·b + c            v_fnma(a, b, c) c − a·b
 *   v_max v_min(a, b)                 a > b ? a : b and a < b ? a : b, so NaN in b stays
 *   v_less(a, b, x, y)                a < b ? x : y
 *   v_ldexp(a, n)                     a·2^n, n whole, −127 (gives 0) to 127
 *   v_total v_largest v_first         of the lanes, the total in a fixed order
 *   v_load_any                        32-bit items of any kind at any address
 *   v_load_bf16 v_store_bf16 v_load_f16 v_store_f16
 *   v_transpose(vf rows[LANES])       as 32-bit items
 *   v_low_bf16 v_high_bf16            the two bf16 of each 32-bit item, widened
 *   POINT_TABLE, POINT_NAME           the table to define */

enum { PANEL_COLS = TILE_VECTORS * LANES };

_Static_assert((int)I4_POINT_LANES % (int)LANES == 0, "lengths are whole vectors");
_Static_assert((int)I4_ATTENTION_ROWS / 4 % (int)TILE_ROWS == 0, "blocks are whole tiles");
_Static_assert((int)I4_ATTENTION_KEYS_WIDE % (int)PANEL_COLS == 0, "tiles are whole panels");

/* ---- conversion ---- */

static void widen(float *out, const void *x, i4_dtype dtype, int64_t n) {
    const uint16_t *h = x;
    int64_t i = 0;
    if (dtype == I4_F32) {
        memcpy(out, x, (size_t)n * sizeof *out);
    } else if (dtype == I4_BF16) {
        for (; i + LANES <= n; i += LANES) {
            v_store(out + i, v_load_bf16(h + i));
        }
        for (; i < n; i++) {
            out[i] = i4_from_bf16(h[i]);
        }
    } else {
        for (; i + LANES <= n; i += LANES) {
            v_store(out + i, v_load_f16(h + i));
        }
        for (; i < n; i++) {
            out[i] = i4_from_f16(h[i]);
        }
    }
}

static void narrow(void *out, i4_dtype dtype, const float *x, int64_t n) {
    uint16_t *h = out;
    int64_t i = 0;
    if (dtype == I4_F32) {
        memcpy(out, x, (size_t)n * sizeof *x);
    } else if (dtype == I4_BF16) {
        for (; i + LANES <= n; i += LANES) {
            v_store_bf16(h + i, v_load(x + i));
        }
        for (; i < n; i++) {
            h[i] = i4_to_bf16(x[i]);
        }
    } else {
        for (; i + LANES <= n; i += LANES) {
            v_store_f16(h + i, v_load(x + i));
        }
        for (; i < n; i++) {
            h[i] = i4_to_f16(x[i]);
        }
    }
}

/* ---- elementary functions ---- */

/* 2^r = 1 + r·P(r) on |r| <= 1/2, minimax, relative error below 2e-9 before rounding. */
static inline vf exp2_part(vf r) {
    vf p = v_set(1.547629976e-4F);
    p = v_fma(p, r, v_set(1.340026951e-3F));
    p = v_fma(p, r, v_set(9.618003892e-3F));
    p = v_fma(p, r, v_set(5.550327792e-2F));
    p = v_fma(p, r, v_set(2.402265135e-1F));
    p = v_fma(p, r, v_set(6.931472062e-1F));
    return v_fma(p, r, v_set(1.0F));
}

/* 2^x for x <= 127; 0 from −126.5 downwards, −infinity included; NaN stays. */
static inline vf exp2_of(vf x) {
    x = v_max(v_set(-127.0F), x);
    const vf n = v_round(x);
    return v_ldexp(exp2_part(v_sub(x, n)), n);
}

/* e^x, held at e^88 beyond; 0 from about −87.7 downwards; NaN stays. */
static inline vf exp_of(vf x) {
    const vf log2_e = v_set(1.44269504F);
    x = v_min(v_set(88.0F), v_max(v_set(-88.0F), x));
    const vf n = v_round(v_mul(x, log2_e));
    /* ln 2 in two parts; the first has 9 bits, so n times it is exact */
    vf r = v_fnma(n, v_set(0.693359375F), x);
    r = v_fnma(n, v_set(-2.12194440e-4F), r);
    return v_ldexp(exp2_part(v_mul(r, log2_e)), n);
}

static inline vf silu_of(vf x) {
    return v_div(x, v_add(v_set(1.0F), exp_of(v_sub(v_set(0.0F), x))));
}

static inline vf tanh_of(vf x) {
    const vf zero = v_set(0.0F), one = v_set(1.0F);
    const vf size = v_less(x, zero, v_sub(zero, x), x);
    /* near zero x + x³·P(x²), minimax up to 5/8: the formula below would cancel */
    const vf z = v_mul(x, x);
    vf p = v_set(-5.717045096e-3F);
    p = v_fma(p, z, v_set(2.065058716e-2F));
    p = v_fma(p, z, v_set(-5.374349795e-2F));
    p = v_fma(p, z, v_set(1.333149128e-1F));
    p = v_fma(p, z, v_set(-3.333328393e-1F));
    const vf small = v_fma(v_mul(p, z), x, x);
    const vf e = exp_of(v_add(size, size));
    const vf large = v_sub(one, v_div(v_set(2.0F), v_add(e, one)));
    return v_less(size, v_set(0.625F), small, v_less(x, zero, v_sub(zero, large), large));
}

/* ---- rows ---- */

/* Four running sums hide the latency of the addition. */
static float sum(const float *x, int64_t n) {
    vf s[4] = {v_set(0.0F), v_set(0.0F), v_set(0.0F), v_set(0.0F)};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        for (int k = 0; k < 4; k++) {
            s[k] = v_add(s[k], v_load(x + i + k * LANES));
        }
    }
    for (; i < n; i += LANES) {
        s[0] = v_add(s[0], v_load(x + i));
    }
    return v_total(v_add(v_add(s[0], s[1]), v_add(s[2], s[3])));
}

static float sum_squares(const float *x, float shift, int64_t n) {
    const vf c = v_set(shift);
    vf s[4] = {v_set(0.0F), v_set(0.0F), v_set(0.0F), v_set(0.0F)};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        for (int k = 0; k < 4; k++) {
            const vf d = v_sub(v_load(x + i + k * LANES), c);
            s[k] = v_fma(d, d, s[k]);
        }
    }
    for (; i < n; i += LANES) {
        const vf d = v_sub(v_load(x + i), c);
        s[0] = v_fma(d, d, s[0]);
    }
    return v_total(v_add(v_add(s[0], s[1]), v_add(s[2], s[3])));
}

static void add(float *out, const float *a, const float *b, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, v_add(v_load(a + i), v_load(b + i)));
    }
}

static void scale(float *out, const float *x, float factor, int64_t n) {
    const vf f = v_set(factor);
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, v_mul(v_load(x + i), f));
    }
}

static void norm(float *out, const float *x, const float *gain, float shift, float factor,
                 int64_t n) {
    const vf c = v_set(shift), f = v_set(factor);
    for (int64_t i = 0; i < n; i += LANES) {
        const vf y = v_mul(v_sub(v_load(x + i), c), f);
        v_store(out + i, v_mul(y, v_load(gain + i)));
    }
}

static void add_norm(float *out, const float *x, const float *gain, float factor, int64_t n) {
    const vf f = v_set(factor);
    for (int64_t i = 0; i < n; i += LANES) {
        const vf y = v_mul(v_load(x + i), f);
        v_store(out + i, v_fma(y, v_load(gain + i), v_load(out + i)));
    }
}

static void silu(float *out, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, silu_of(v_load(x + i)));
    }
}

static void tanh_row(float *out, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, tanh_of(v_load(x + i)));
    }
}

static void silu_mul(float *out, const float *a, const float *b, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, v_mul(silu_of(v_load(a + i)), v_load(b + i)));
    }
}

static void fold_scale(float *out, const float *w, const float *m, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, v_mul(v_load(w + i), v_add(v_set(1.0F), v_load(m + i))));
    }
}

static void fold_gate(float *out, const float *w, const float *m, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, v_mul(v_load(w + i), tanh_of(v_load(m + i))));
    }
}

static void rotate(float *lo, float *hi, const float *gain_lo, const float *gain_hi,
                   const float *cosines, const float *sines, float factor, int64_t n) {
    const vf f = v_set(factor);
    for (int64_t i = 0; i < n; i += LANES) {
        const vf a = v_mul(v_mul(v_load(lo + i), f), v_load(gain_lo + i));
        const vf b = v_mul(v_mul(v_load(hi + i), f), v_load(gain_hi + i));
        const vf c = v_load(cosines + i), s = v_load(sines + i);
        v_store(lo + i, v_fnma(b, s, v_mul(a, c)));
        v_store(hi + i, v_fma(a, s, v_mul(b, c)));
    }
}

static inline vf affine_of(const float *x, const float *mean, const float *gain,
                           const float *bias) {
    return v_fma(v_sub(v_load(x), v_load(mean)), v_load(gain), v_load(bias));
}

static void affine(float *out, const float *x, const float *mean, const float *gain,
                   const float *bias, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, affine_of(x + i, mean + i, gain + i, bias + i));
    }
}

static void affine_silu(float *out, const float *x, const float *mean, const float *gain,
                        const float *bias, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        v_store(out + i, silu_of(affine_of(x + i, mean + i, gain + i, bias + i)));
    }
}

static void add_squares(float *sums, const float *x, const float *mean, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) {
        const vf d = v_sub(v_load(x + i), v_load(mean + i));
        v_store(sums + i, v_fma(d, d, v_load(sums + i)));
    }
}

static void to_byte(float *out, const float *x, int64_t n) {
    const vf one = v_set(1.0F);
    for (int64_t i = 0; i < n; i += LANES) {
        /* this order of operands turns NaN into −1 */
        const vf y = v_min(v_max(v_load(x + i), v_set(-1.0F)), one);
        v_store(out + i, v_round(v_mul(v_add(y, one), v_set(127.5F))));
    }
}

static void euler(float *z, const float *a, const float *b, float g, float dt, int64_t n) {
    const vf with = v_set(g), without = v_set(1.0F - g), step = v_set(dt);
    for (int64_t i = 0; i < n; i += LANES) {
        const vf v = v_fma(with, v_load(a + i), v_mul(without, v_load(b + i)));
        v_store(z + i, v_fma(step, v, v_load(z + i)));
    }
}

/* ---- attention ---- */

/* TILE_ROWS × PANEL_COLS sums in registers. */
static inline void product_tile(float *c, int64_t c_stride, const float *a, int64_t a_stride,
                                const float *panel, int64_t terms, bool accumulate) {
    vf s[TILE_ROWS][TILE_VECTORS];
    for (int r = 0; r < TILE_ROWS; r++) {
        for (int v = 0; v < TILE_VECTORS; v++) {
            s[r][v] = v_set(0.0F);
        }
    }
    for (int64_t t = 0; t < terms; t++) {
        vf b[TILE_VECTORS];
        for (int v = 0; v < TILE_VECTORS; v++) {
            b[v] = v_load(panel + t * PANEL_COLS + v * LANES);
        }
        for (int r = 0; r < TILE_ROWS; r++) {
            const vf x = v_set(a[r * a_stride + t]);
            for (int v = 0; v < TILE_VECTORS; v++) {
                s[r][v] = v_fma(x, b[v], s[r][v]);
            }
        }
    }
    for (int r = 0; r < TILE_ROWS; r++) {
        for (int v = 0; v < TILE_VECTORS; v++) {
            float *to = c + r * c_stride + v * LANES;
            v_store(to, accumulate ? v_add(v_load(to), s[r][v]) : s[r][v]);
        }
    }
}

static void product(float *c, int64_t c_stride, const float *a, int64_t a_stride,
                    const float *panel, int64_t terms, int64_t rows, bool accumulate) {
    for (int64_t r = 0; r < rows; r += TILE_ROWS) {
        product_tile(c + r * c_stride, c_stride, a + r * a_stride, a_stride, panel, terms,
                     accumulate);
    }
}

/* LANES keys become LANES columns of a panel, from `first` on. */
static void pack_key_columns(float *panel, const void *const *key, i4_dtype dtype, int64_t size) {
    vf block[LANES];
    int64_t d = 0;
    if (dtype == I4_F32) {
        for (; d + LANES <= size; d += LANES) {
            for (int j = 0; j < LANES; j++) {
                block[j] = v_load((const float *)key[j] + d);
            }
            v_transpose(block);
            for (int j = 0; j < LANES; j++) {
                v_store(panel + (d + j) * PANEL_COLS, block[j]);
            }
        }
    } else { /* two bf16 travel as one item */
        for (; d + 2 * LANES <= size; d += 2 * LANES) {
            for (int j = 0; j < LANES; j++) {
                block[j] = v_load_any((const uint16_t *)key[j] + d);
            }
            v_transpose(block);
            for (int j = 0; j < LANES; j++) {
                v_store(panel + (d + 2 * j) * PANEL_COLS, v_low_bf16(block[j]));
                v_store(panel + (d + 2 * j + 1) * PANEL_COLS, v_high_bf16(block[j]));
            }
        }
    }
    for (; d < size; d++) {
        for (int j = 0; j < LANES; j++) {
            panel[d * PANEL_COLS + j] = dtype == I4_F32
                                            ? ((const float *)key[j])[d]
                                            : i4_from_bf16(((const uint16_t *)key[j])[d]);
        }
    }
}

static void pack_keys(float *panels, const void *rows, i4_dtype dtype, int64_t stride,
                      int64_t count, int64_t size) {
    const int64_t step = stride * (int64_t)i4_dtype_size(dtype);
    for (int64_t first = 0; first < count; first += LANES) {
        const void *key[LANES];
        for (int j = 0; j < LANES; j++) { /* the last one again where there are no more */
            const int64_t row = first + j < count ? first + j : count - 1;
            key[j] = (const char *)rows + row * step;
        }
        pack_key_columns(panels + first / PANEL_COLS * PANEL_COLS * size + first % PANEL_COLS, key,
                         dtype, size);
    }
}

static void pack_values(float *panels, const void *rows, i4_dtype dtype, int64_t stride,
                        int64_t count, int64_t size) {
    const int64_t item = (int64_t)i4_dtype_size(dtype);
    for (int64_t first = 0; first < size; first += PANEL_COLS) {
        const int64_t used = size - first < PANEL_COLS ? size - first : PANEL_COLS;
        const char *from = (const char *)rows + first * item;
        for (int64_t r = 0; r < count; r++, from += stride * item, panels += PANEL_COLS) {
            widen(panels, from, dtype, used);
            memset(panels + used, 0, (size_t)(PANEL_COLS - used) * sizeof *panels);
        }
    }
}

static float soften(float *scores, int64_t valid, int64_t n, float *maximum, float *total) {
    for (int64_t j = valid < 0 ? 0 : valid; j < n; j++) {
        scores[j] = -INFINITY;
    }
    vf m = v_set(*maximum);
    for (int64_t j = 0; j < n; j += LANES) {
        m = v_max(m, v_load(scores + j));
    }
    /* never −infinity, whose difference with itself is NaN */
    const float top = v_largest(v_max(m, v_set(-FLT_MAX)));
    const float shrink = v_first(exp2_of(v_set(*maximum - top)));
    const vf c = v_set(top);
    vf s = v_set(0.0F);
    for (int64_t j = 0; j < n; j += LANES) {
        const vf p = exp2_of(v_sub(v_load(scores + j), c));
        v_store(scores + j, p);
        s = v_add(s, p);
    }
    *total = *total * shrink + v_total(s);
    *maximum = top;
    return shrink;
}

const i4_point_isa POINT_TABLE = {
    .name = POINT_NAME,
    .widen = widen,
    .narrow = narrow,
    .sum = sum,
    .sum_squares = sum_squares,
    .add = add,
    .scale = scale,
    .norm = norm,
    .add_norm = add_norm,
    .silu = silu,
    .tanh = tanh_row,
    .silu_mul = silu_mul,
    .fold_scale = fold_scale,
    .fold_gate = fold_gate,
    .rotate = rotate,
    .affine = affine,
    .affine_silu = affine_silu,
    .add_squares = add_squares,
    .to_byte = to_byte,
    .euler = euler,
    .tile_rows = TILE_ROWS,
    .panel_cols = PANEL_COLS,
    .product = product,
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .soften = soften,
};
