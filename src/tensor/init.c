/* init.c - first values of parameters.
 *
 * Draw i of a parameter is a function of the context's seed, the parameter's name and i only: adding a layer or
 * changing the order in which layers are made leaves the other weights as they were. */
#include "tensor/params.h"

#include <math.h>
#include <string.h>

static void fill_uniform(tw_ctx *ctx, tw_tensor *t, double bound) {
    uint64_t stream = tw_random_named(ctx, t->name);
    for (size_t i = 0; i < t->size; i++) t->data[i] = (tw_real)(bound * (2 * tw_random_uniform(stream, i) - 1));
}

static void fill_normal(tw_ctx *ctx, tw_tensor *t, double std) {
    uint64_t stream = tw_random_named(ctx, t->name);
    for (size_t i = 0; i < t->size; i++) t->data[i] = (tw_real)(std * tw_random_normal(stream, i));
}

static double dot(const double *a, const double *b, size_t n) {
    double sum[4] = {0}; /* four running sums: no chain of dependent additions */
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) sum[k] += a[i + (size_t)k] * b[i + (size_t)k];
    for (; i < n; i++) sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Makes the `count` vectors of length n in q orthonormal, in place: Gram and Schmidt, each vector twice, because
 * once leaves errors that grow with the condition of the matrix ("twice is enough", Giraud et al. 2005). Norms are
 * taken positive, which is the QR decomposition with a positive diagonal of R: uniform over all orthogonal
 * matrices (Mezzadri 2007). */
static void orthonormalise(double *q, size_t count, size_t n) {
    for (size_t j = 0; j < count; j++) {
        double *v = q + j * n;
        for (int pass = 0; pass < 2; pass++)
            for (size_t k = 0; k < j; k++) {
                const double *u = q + k * n;
                double along = dot(u, v, n);
                for (size_t i = 0; i < n; i++) v[i] -= along * u[i];
            }
        double scale = 1 / sqrt(dot(v, v, n));
        for (size_t i = 0; i < n; i++) v[i] *= scale;
    }
}

/* t as a matrix [dim0, rest]: its rows are orthonormal when it is wide, its columns when it is tall. */
static tw_err fill_orthogonal(tw_ctx *ctx, tw_tensor *t, double gain) {
    if (!t->size) return TW_OK;
    size_t rows = (size_t)t->dim[0], cols = t->size / rows;
    bool wide = rows < cols;
    size_t count = wide ? rows : cols, n = wide ? cols : rows;
    size_t bytes = t->size * sizeof(double);
    double *q = tw__malloc(ctx, bytes);
    if (!q) return TW_ERR_NOMEM;
    uint64_t stream = tw_random_named(ctx, t->name);
    for (size_t i = 0; i < t->size; i++) q[i] = tw_random_normal(stream, i);
    orthonormalise(q, count, n);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) t->data[r * cols + c] = (tw_real)(gain * q[wide ? r * n + c : c * n + r]);
    tw__free(ctx, q, bytes);
    return TW_OK;
}

tw_err tw__init_fill(tw_ctx *ctx, tw_init init, tw_tensor *t) {
    double value = init.value;
    if (!isfinite(value))
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: an initial value or gain must be finite, not %g",
                           tw_describe(ctx, t), value);
    switch (init.kind) {
    case TW_INIT_DEFAULT: return TW_OK; /* zeros, as allocated */
    case TW_INIT_CONSTANT:
        for (size_t i = 0; i < t->size; i++) t->data[i] = (tw_real)value;
        return TW_OK;
    case TW_INIT_UNIFORM: fill_uniform(ctx, t, value); return TW_OK;
    case TW_INIT_NORMAL: fill_normal(ctx, t, value); return TW_OK;
    case TW_INIT_KAIMING_UNIFORM:
    case TW_INIT_KAIMING_NORMAL:
    case TW_INIT_XAVIER_UNIFORM:
    case TW_INIT_XAVIER_NORMAL:
    case TW_INIT_ORTHOGONAL: break;
    default:
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: there is no initialiser %d", tw_describe(ctx, t), (int)init.kind);
    }
    if (t->ndim < 2)
        return tw_fail_err(ctx, TW_ERR_SHAPE, "%s: Kaiming, Xavier and orthogonal values need at least two dimensions",
                           tw_describe(ctx, t));
    if (!t->size) return TW_OK;

    /* [out, in, kernel ..]: each output sees fan_in numbers, each input is seen by fan_out. */
    double fan_in = (double)t->size / t->dim[0], fan_out = (double)t->size / t->dim[1];
    bool kaiming = init.kind == TW_INIT_KAIMING_UNIFORM || init.kind == TW_INIT_KAIMING_NORMAL;
    double gain = value != 0 ? value : kaiming ? sqrt(2.0) : 1;
    double std = kaiming ? gain / sqrt(fan_in) : gain * sqrt(2 / (fan_in + fan_out));
    bool uniform = init.kind == TW_INIT_KAIMING_UNIFORM || init.kind == TW_INIT_XAVIER_UNIFORM;
    if (init.kind == TW_INIT_ORTHOGONAL) return fill_orthogonal(ctx, t, gain);
    if (uniform) fill_uniform(ctx, t, sqrt(3.0) * std); /* U[-b, b) has variance b^2 / 3 */
    else fill_normal(ctx, t, std);
    return TW_OK;
}
