/* The update is kron(w1, w2). With w1 = P·Q and w2 = A·B,
 *     kron(P·Q, A·B) = kron(P, A) · kron(Q, B),
 * so any two factorisations give an up and a down matrix. A factor that the file decomposes is
 * taken as it is, if that is the narrowest; else one side is the identity, and the other the factor
 * itself. The rank is the product of the two inner sizes. */
#include "weights/lokr.h"

#include "base/checked.h"
#include "base/limits.h"
#include "base/memory.h"
#include "weights/floats.h"

#include <math.h>
#include <string.h>

/* A dense matrix; numbers NULL: the identity. */
typedef struct matrix {
    int64_t rows, cols;
    float *numbers; /* owned */
} matrix;

typedef struct product {
    matrix left, right; /* left.cols = right.rows */
    int64_t dim;        /* inner size when the file decomposed it, else 0 */
} product;

/* What the product has to fit. */
typedef struct layer {
    int64_t out, in;
    const char *path; /* of the file, for messages */
} layer;

/* The tensors that one factor may consist of, NULL where absent. */
typedef struct factor_tensors {
    const i4_st_tensor *whole, *a, *b, *core;
    int max_rank; /* of whole */
} factor_tensors;

static void product_free(product *p) {
    i4_free(p->left.numbers);
    i4_free(p->right.numbers);
}

static bool new_numbers(int64_t rows, int64_t cols, float **out, i4_err *err) {
    int64_t count;
    size_t bytes = 0;
    *out = i4_mul_i64(rows, cols, &count) && i4_mul_size((size_t)count, sizeof **out, &bytes)
               ? i4_malloc(bytes)
               : NULL;
    return *out || i4_fail_memory(err, "a LoKr layer", bytes);
}

/* --- reading ------------------------------------------------------------------------------- */

/* A tensor as rows × the rest; only w2 and t2 may have more than two dimensions. */
static bool read_matrix(const i4_st_tensor *t, int max_rank, const layer *l, matrix *m,
                        i4_err *err) {
    i4_dtype dtype = I4_F32;
    i4_float_kind(t->dtype, NULL, &dtype);
    size_t numbers = t->size / i4_dtype_size(dtype);
    if (t->rank < 2 || t->rank > max_rank || numbers == 0) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s: a LoKr factor has %d dimensions or no numbers (tensor '%s')", l->path,
                       t->rank, t->name);
    }
    m->rows = t->dim[0];
    m->cols = (int64_t)numbers / m->rows;
    if (!new_numbers(m->rows, m->cols, &m->numbers, err)) {
        return false;
    }
    i4_floats_read(dtype, t->data, numbers, m->numbers);
    return true;
}

static bool mismatch(const layer *l, const char *what, const i4_st_tensor *t, i4_err *err) {
    return i4_fail(err, I4_E_FORMAT, "%s: LoKr factors do not fit: %s (tensor '%s')", l->path, what,
                   t->name);
}

/* A factor [rows, cols] of the layer, however it is made up: both must divide the layer's, which
 * also bounds what is multiplied out below. */
static bool fits(int64_t rows, int64_t cols, const layer *l) {
    return l->out % rows == 0 && l->in % cols == 0;
}

/* w2[p, r·k·l] = Σ_ij t2[i, j, k·l] · b[j, r] · a[i, p], summed over i and j one after the other */
static bool expand_core(const i4_st_tensor *core, const matrix *a, const matrix *b, const layer *l,
                        matrix *out, i4_err *err) {
    matrix t = {0};
    float *half = NULL;
    int64_t taps, cols;
    if (core->rank != 4 || core->dim[0] != a->rows || core->dim[1] != b->rows ||
        a->rows > I4_LIMIT_LORA_RANK || !i4_mul_i64(core->dim[2], core->dim[3], &taps) ||
        taps == 0 || !i4_mul_i64(b->cols, taps, &cols) || !fits(a->cols, cols, l)) {
        return mismatch(l, "lokr_t2 has the wrong shape", core, err);
    }
    if (!read_matrix(core, 4, l, &t, err)) {
        return false;
    }
    *out = (matrix){a->cols, cols, NULL};
    bool good = new_numbers(a->rows, out->cols, &half, err) &&
                new_numbers(out->rows, out->cols, &out->numbers, err);
    for (int64_t i = 0; good && i < a->rows; i++) {
        for (int64_t n = 0; n < out->cols; n++) {
            float sum = 0;
            for (int64_t j = 0; j < b->rows; j++) {
                sum += t.numbers[(i * b->rows + j) * taps + n % taps] *
                       b->numbers[j * b->cols + n / taps];
            }
            half[i * out->cols + n] = sum;
        }
    }
    for (int64_t p = 0; good && p < out->rows; p++) {
        for (int64_t n = 0; n < out->cols; n++) {
            float sum = 0;
            for (int64_t i = 0; i < a->rows; i++) {
                sum += a->numbers[i * a->cols + p] * half[i * out->cols + n];
            }
            out->numbers[p * out->cols + n] = sum;
        }
    }
    i4_free(t.numbers);
    i4_free(half);
    return good;
}

/* Replaces a pair with its core by the dense factor times an identity. */
static bool apply_core(const i4_st_tensor *core, product *p, const layer *l, i4_err *err) {
    matrix dense = {0};
    if (!expand_core(core, &p->left, &p->right, l, &dense, err)) {
        i4_free(dense.numbers);
        return false;
    }
    product_free(p);
    p->left = dense;
    p->right = (matrix){dense.cols, dense.cols, NULL};
    return true;
}

/* The factor as two matrices. Sizes between them are still to be checked. */
static bool read_pair(const i4_st_tensor *a, const i4_st_tensor *b, const layer *l, product *p,
                      i4_err *err) {
    if (!read_matrix(a, 2, l, &p->left, err) || !read_matrix(b, 2, l, &p->right, err)) {
        return false;
    }
    p->dim = p->right.rows;
    return p->dim <= I4_LIMIT_LORA_RANK ||
           i4_fail(err, I4_E_UNSUPPORTED, "%s: a LoKr rank exceeds %d (tensor '%s')", l->path,
                   I4_LIMIT_LORA_RANK, b->name);
}

/* One factor from its tensors: whole, or a and b. Afterwards left·right is the factor. */
static bool read_factor(const factor_tensors *t, const layer *l, product *p, i4_err *err) {
    const i4_st_tensor *any = t->whole ? t->whole : t->a ? t->a : t->b ? t->b : t->core;
    if (!any || (t->whole ? t->a || t->b || t->core : !t->a || !t->b)) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s: a LoKr layer needs w1 and w2, each whole or as a and b%s%s%s", l->path,
                       any ? " (tensor '" : "", any ? any->name : "", any ? "')" : "");
    }
    if (t->whole) {
        if (!read_matrix(t->whole, t->max_rank, l, &p->left, err)) {
            return false;
        }
        p->right = (matrix){p->left.cols, p->left.cols, NULL};
    } else if (!read_pair(t->a, t->b, l, p, err)) {
        return false;
    }
    if (t->core) {
        return apply_core(t->core, p, l, err);
    }
    if (p->left.cols != p->right.rows) {
        return mismatch(l, "a and b differ in rank", any, err);
    }
    return fits(p->left.rows, p->right.cols, l) ||
           mismatch(l, "a factor does not divide the layer's shape", any, err);
}

/* --- multiplying out ----------------------------------------------------------------------- */

static float at(const matrix *m, int64_t row, int64_t col) {
    return m->numbers ? m->numbers[row * m->cols + col] : row == col ? 1.0f : 0.0f;
}

static bool kron(const matrix *x, const matrix *y, float *out) {
    bool finite = true;
    for (int64_t i = 0; i < x->rows; i++) {
        for (int64_t k = 0; k < y->rows; k++) {
            for (int64_t j = 0; j < x->cols; j++) {
                for (int64_t l = 0; l < y->cols; l++) {
                    float number = at(x, i, j) * at(y, k, l);
                    finite = finite && isfinite(number);
                    *out++ = number;
                }
            }
        }
    }
    return finite;
}

/* A dense factor M = M·I may also be I·M: the side with the smaller inner size. */
static void narrow(product *p) {
    if (!p->right.numbers && p->left.rows < p->left.cols) {
        p->right = p->left;
        p->left = (matrix){p->right.rows, p->right.rows, NULL};
    }
}

/* A pair whose inner size exceeds that of the multiplied-out factor is multiplied out. */
static bool multiply_if_wide(product *p, i4_err *err) {
    const int64_t inner = p->left.cols, rows = p->left.rows, cols = p->right.cols;
    matrix dense = {rows, cols, NULL};
    if (!p->right.numbers || (inner <= rows && inner <= cols)) {
        return true;
    }
    if (!new_numbers(rows, cols, &dense.numbers, err)) {
        return false;
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            float sum = 0;
            for (int64_t k = 0; k < inner; k++) {
                sum += at(&p->left, i, k) * at(&p->right, k, j);
            }
            dense.numbers[i * cols + j] = sum;
        }
    }
    product_free(p);
    p->left = dense;
    p->right = (matrix){cols, cols, NULL};
    return true;
}

static bool multiply_out(const product *w1, const product *w2, const layer *l,
                         const i4_st_tensor *any, i4_lokr *lokr, i4_err *err) {
    int64_t rows, cols;
    if (!i4_mul_i64(w1->left.rows, w2->left.rows, &rows) || rows != l->out ||
        !i4_mul_i64(w1->right.cols, w2->right.cols, &cols) || cols != l->in) {
        return mismatch(l, "their product has another shape than the layer", any, err);
    }
    if (!i4_mul_i64(w1->left.cols, w2->left.cols, &lokr->rank) || lokr->rank > I4_LIMIT_LORA_RANK) {
        return i4_fail(err, I4_E_UNSUPPORTED,
                       "%s: a LoKr layer has rank %lld as a low-rank pair; at most %d is supported "
                       "(tensor '%s')",
                       l->path, (long long)lokr->rank, I4_LIMIT_LORA_RANK, any->name);
    }
    if (!new_numbers(l->out, lokr->rank, &lokr->up, err) ||
        !new_numbers(lokr->rank, l->in, &lokr->down, err)) {
        return false;
    }
    bool finite = kron(&w1->left, &w2->left, lokr->up);
    finite = kron(&w1->right, &w2->right, lokr->down) && finite;
    return finite || mismatch(l, "their product is not finite", any, err);
}

bool i4_lokr_make(const i4_st_tensor *const by_role[I4_LORA_ROLES], int64_t out, int64_t in,
                  const char *path, i4_lokr *lokr, i4_err *err) {
    const layer l = {out, in, path};
    const factor_tensors t1 = {by_role[I4_LOKR_W1], by_role[I4_LOKR_W1_A], by_role[I4_LOKR_W1_B],
                               NULL, 2};
    const factor_tensors t2 = {by_role[I4_LOKR_W2], by_role[I4_LOKR_W2_A], by_role[I4_LOKR_W2_B],
                               by_role[I4_LOKR_T2], 4};
    product w1 = {0}, w2 = {0};
    memset(lokr, 0, sizeof *lokr);
    bool good = read_factor(&t1, &l, &w1, err) && read_factor(&t2, &l, &w2, err) &&
                multiply_if_wide(&w1, err) && multiply_if_wide(&w2, err);
    if (good) {
        narrow(&w1);
        narrow(&w2);
        lokr->dim = w2.dim ? w2.dim : w1.dim;
        good = multiply_out(&w1, &w2, &l, t1.whole ? t1.whole : t1.a, lokr, err);
    }
    product_free(&w1);
    product_free(&w2);
    if (!good) {
        i4_free(lokr->up);
        i4_free(lokr->down);
        memset(lokr, 0, sizeof *lokr);
    }
    return good;
}
