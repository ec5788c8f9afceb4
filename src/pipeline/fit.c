/* Least squares for previews: sums, then a Cholesky factorisation, all in double. */
#include "pipeline/fit.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { BOX = 4 }; /* a pixel of a preview is the mean of 4×4 pixels of the picture */

/* Part of the inputs' mean square that is added to the diagonal. It keeps out directions that
 * the samples do not show, and is far below those that they show. */
static const double ridge = 1e-3;

struct i4_fit {
    const i4_config *config;
    int side;      /* pixels of a preview that one sample gives in each direction */
    int inputs;    /* channels of a sample and the constant 1 */
    int outputs;   /* side·side·3 */
    double *xx;    /* [inputs, inputs], the lower half */
    double *xy;    /* [inputs, outputs] */
    double *input; /* [inputs], of one sample */
    double yy[I4_PREVIEW_VALUES];
};

/* Samples of a token in each direction. */
static int parts(int side) {
    return I4_PREVIEW_SIDE / side;
}

static int inputs_of(const i4_config *config, int side) {
    return config->cond.channels / (parts(side) * parts(side)) + 1;
}

static size_t sums(int inputs, int outputs) {
    const size_t n = (size_t)inputs;
    return n * n + n * (size_t)outputs + n;
}

size_t i4_fit_bytes(const i4_config *config, int side) {
    return sizeof(i4_fit) + 2 * sums(inputs_of(config, side), side * side * 3) * sizeof(double);
}

i4_fit *i4_fit_new(const i4_config *config, int side, i4_err *err) {
    const int inputs = inputs_of(config, side), outputs = side * side * 3;
    const size_t n = (size_t)inputs;
    i4_fit *fit = i4_calloc(1, sizeof *fit);
    double *all = i4_calloc(sums(inputs, outputs), sizeof *all);
    if (fit == NULL || all == NULL) {
        i4_free(fit);
        i4_free(all);
        i4_fail_memory(err, "the fit of previews", i4_fit_bytes(config, side));
        return NULL;
    }
    *fit = (i4_fit){.config = config,
                    .side = side,
                    .inputs = inputs,
                    .outputs = outputs,
                    .xx = all,
                    .xy = all + n * n,
                    .input = all + n * n + n * (size_t)outputs};
    return fit;
}

void i4_fit_free(i4_fit *fit) {
    if (fit != NULL) {
        i4_free(fit->xx);
        i4_free(fit);
    }
}

/* --- sums -------------------------------------------------------------------------------- */

static void add_sample(i4_fit *fit, const double *y) {
    const double *x = fit->input;
    const int outputs = fit->outputs;
    for (int i = 0; i < fit->inputs; i++) {
        double *xx = fit->xx + (size_t)i * (size_t)fit->inputs;
        double *xy = fit->xy + (size_t)i * (size_t)outputs;
        for (int j = 0; j <= i; j++) {
            xx[j] += x[i] * x[j];
        }
        for (int j = 0; j < outputs; j++) {
            xy[j] += x[i] * y[j];
        }
    }
    for (int j = 0; j < outputs; j++) {
        fit->yy[j] += y[j] * y[j];
    }
}

/* Means of the boxes of one sample, whose first pixel is at rgb. */
static void read_outputs(const uint8_t *rgb, size_t stride, int side, double *y) {
    for (int i = 0; i < side * side; i++) {
        const uint8_t *box = rgb + (size_t)(i / side * BOX) * stride + (size_t)(i % side * BOX) * 3;
        int sum[3] = {0, 0, 0};
        for (int row = 0; row < BOX; row++) {
            for (int j = 0; j < BOX * 3; j++) {
                sum[j % 3] += box[(size_t)row * stride + (size_t)j];
            }
        }
        for (int j = 0; j < 3; j++) {
            y[i * 3 + j] = (double)sum[j] / (BOX * BOX);
        }
    }
}

static void read_inputs(i4_fit *fit, const float *token, int first) {
    const i4_config *c = fit->config;
    const int count = fit->inputs - 1;
    for (int i = 0; i < count; i++) {
        fit->input[i] = (double)token[first + i] * (double)c->latent_scale[first + i] +
                        (double)c->latent_shift[first + i];
    }
    fit->input[count] = 1.0;
}

void i4_fit_add(i4_fit *fit, const float *z, int gh, int gw, const uint8_t *rgb) {
    const size_t stride = (size_t)gw * 16 * 3, step = (size_t)(fit->side * BOX);
    const int across = parts(fit->side);
    double y[I4_PREVIEW_VALUES];
    for (int i = 0; i < gh * gw; i++) {
        const size_t top = (size_t)(i / gw) * 16, left = (size_t)(i % gw) * 16;
        for (int part = 0; part < across * across; part++) {
            const size_t row = top + (size_t)(part / across) * step;
            const size_t column = left + (size_t)(part % across) * step;
            read_inputs(fit, z + (size_t)i * (size_t)fit->config->cond.channels,
                        part * (fit->inputs - 1));
            read_outputs(rgb + row * stride + column * 3, stride, fit->side, y);
            add_sample(fit, y);
        }
    }
}

/* --- solution ---------------------------------------------------------------------------- */

/* The lower half of a becomes its Cholesky factor; false if a is not positive definite. */
static bool factor(double *a, int n) {
    for (int i = 0; i < n; i++) {
        double *row = a + (size_t)i * (size_t)n;
        for (int j = 0; j <= i; j++) {
            const double *other = a + (size_t)j * (size_t)n;
            double sum = row[j];
            for (int k = 0; k < j; k++) {
                sum -= row[k] * other[k];
            }
            if (i == j && !(sum > 0.0 && isfinite(sum))) {
                return false;
            }
            row[j] = i == j ? sqrt(sum) : sum / other[j];
        }
    }
    return true;
}

/* b [n, outputs] becomes the solution of L·Lᵀ·x = b. */
static void substitute(const double *l, int n, int outputs, double *b) {
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < outputs; c++) {
            double sum = b[i * outputs + c];
            for (int k = 0; k < i; k++) {
                sum -= l[i * n + k] * b[k * outputs + c];
            }
            b[i * outputs + c] = sum / l[i * n + i];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int c = 0; c < outputs; c++) {
            double sum = b[i * outputs + c];
            for (int k = i + 1; k < n; k++) {
                sum -= l[k * n + i] * b[k * outputs + c];
            }
            b[i * outputs + c] = sum / l[i * n + i];
        }
    }
}

/* Correlation over all outputs together, from the sums alone: w solves the fit. */
static double correlation_of(const i4_fit *fit, const double *w) {
    const int n = fit->inputs, last = n - 1, outputs = fit->outputs;
    const double count = fit->xx[(size_t)last * (size_t)n + (size_t)last] * outputs;
    double y = 0, yy = 0, f = 0, ff = 0, fy = 0;
    for (int c = 0; c < outputs; c++) {
        y += fit->xy[last * outputs + c];
        yy += fit->yy[c];
        for (int i = 0; i < n; i++) {
            const double wi = w[i * outputs + c];
            f += wi * fit->xx[last * n + i];
            fy += wi * fit->xy[i * outputs + c];
            for (int j = 0; j <= i; j++) {
                ff += (i == j ? 1.0 : 2.0) * wi * w[j * outputs + c] * fit->xx[i * n + j];
            }
        }
    }
    const double spread = (ff - f * f / count) * (yy - y * y / count);
    return spread > 0.0 ? (fy - f * y / count) / sqrt(spread) : 0.0;
}

/* From un-normalised samples to whole tokens as the sampler has them. */
static void spread_over_token(const i4_fit *fit, const double *w, float *projection) {
    const i4_config *c = fit->config;
    const int side = fit->side, count = fit->inputs - 1, outputs = fit->outputs;
    double constant[I4_PREVIEW_VALUES];
    memset(projection, 0, (size_t)(c->cond.channels + 1) * I4_PREVIEW_VALUES * sizeof *projection);
    for (int out = 0; out < I4_PREVIEW_VALUES; out++) {
        const int row = out / 3 / I4_PREVIEW_SIDE, column = out / 3 % I4_PREVIEW_SIDE;
        const int first = (row / side * parts(side) + column / side) * count;
        const int in_part = (row % side * side + column % side) * 3 + out % 3;
        constant[out] = w[count * outputs + in_part];
        for (int i = 0; i < count; i++) {
            const double wi = w[i * outputs + in_part];
            projection[(size_t)(first + i) * I4_PREVIEW_VALUES + (size_t)out] =
                (float)(wi * (double)c->latent_scale[first + i]);
            constant[out] += wi * (double)c->latent_shift[first + i];
        }
        projection[(size_t)c->cond.channels * I4_PREVIEW_VALUES + (size_t)out] =
            (float)constant[out];
    }
}

bool i4_fit_solve(const i4_fit *fit, float *projection, double *correlation, i4_err *err) {
    const int n = fit->inputs;
    const size_t square = (size_t)n * (size_t)n, right = (size_t)n * (size_t)fit->outputs;
    double *a = i4_malloc((square + right) * sizeof *a), *w = a + square;
    if (a == NULL) {
        return i4_fail_memory(err, "the fit of previews", (square + right) * sizeof *a);
    }
    memcpy(a, fit->xx, square * sizeof *a);
    memcpy(w, fit->xy, right * sizeof *w);
    double trace = 0.0;
    for (int i = 0; i < n - 1; i++) {
        trace += a[i * n + i];
    }
    for (int i = 0; i < n - 1; i++) {
        a[i * n + i] += ridge * trace / (n - 1);
    }
    const bool ok = factor(a, n) ||
                    i4_fail(err, I4_E_FORMAT, "the pictures determine no projection for previews");
    if (ok) {
        substitute(a, n, fit->outputs, w);
        spread_over_token(fit, w, projection);
    }
    if (ok && correlation != NULL) {
        *correlation = correlation_of(fit, w);
    }
    i4_free(a);
    return ok;
}
