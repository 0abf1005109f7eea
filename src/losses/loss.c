/* loss.c - see loss.h. */
#include "losses/loss.h"

#include <math.h>

const char *const tw__reduction_names[] = {"mean", "sum", "none", NULL};

double tw__log_sum_exp(const tw_real *z, size_t K, size_t step, tw_real *p) {
    tw_real max = -(tw_real)INFINITY;
    double sum = 0;
    for (size_t k = 0; k < K; k++)
        if (z[k * step] > max) max = z[k * step];
    for (size_t k = 0; k < K; k++) {
        double e = exp((double)z[k * step] - (double)max);
        if (p) p[k * step] = (tw_real)e;
        sum += e;
    }
    for (size_t k = 0; p && k < K; k++) p[k * step] = (tw_real)((double)p[k * step] / sum);
    return (double)max + log(sum);
}

bool tw__same_shape(tw_ctx *ctx, const char *what, const tw_tensor *pred, const tw_tensor *target) {
    bool same = pred->ndim == target->ndim;
    for (int i = 0; i < pred->ndim; i++) same = same && pred->dim[i] == target->dim[i];
    if (!same)
        tw_fail(ctx, TW_ERR_SHAPE, "%s: the prediction and the target differ in shape: %s and %s", what,
                tw_describe(ctx, pred), tw_describe(ctx, target));
    return same;
}

int tw__draw_int(uint64_t stream, uint64_t i, int low, int high) {
    return low + (int)(tw_random_bits(stream, i) % (uint64_t)(high - low + 1));
}

tw_real *tw__draw_normals(tw_ctx *ctx, uint64_t stream, uint64_t first, size_t n, double scale) {
    tw_real *v = tw_alloc(ctx, n * sizeof *v);
    for (size_t i = 0; v && i < n; i++) v[i] = (tw_real)(scale * tw_random_normal(stream, first + i));
    return v;
}
