/* loss.c - see loss.h. */
#include "losses/loss.h"

const char *const tw__reduction_names[] = {"mean", "sum", "none", "batchmean", NULL};
const char *const tw__form_names[] = {"logits", "probs", "log_probs", NULL};

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

/* ---- checks ---------------------------------------------------------------------------------------------- */

bool tw__same_shape(tw_ctx *ctx, const char *what, const tw_tensor *pred, const tw_tensor *target) {
    bool same = pred->ndim == target->ndim;
    for (int i = 0; i < pred->ndim; i++) same = same && pred->dim[i] == target->dim[i];
    if (!same)
        tw_fail(ctx, TW_ERR_SHAPE, "%s: the prediction and the target differ in shape: %s and %s", what,
                tw_describe(ctx, pred), tw_describe(ctx, target));
    return same;
}

bool tw__list_copy(tw_ctx *ctx, const char *what, const char *name, tw_reals list, size_t n, bool one_for_all,
                   tw_reals *copy) {
    *copy = (tw_reals){NULL, 0};
    if (!list.n) return true;
    if (list.n != n && !(one_for_all && list.n == 1))
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: %s has %zu numbers, not %zu%s", what, name, list.n, n,
                       one_for_all && n != 1 ? ", or one for all" : "");
    if (!list.v) return tw_fail(ctx, TW_ERR_RANGE, "%s: the numbers of %s are NULL", what, name);
    for (size_t i = 0; i < list.n; i++)
        if (!(list.v[i] >= 0 && isfinite(list.v[i])))
            return tw_fail(ctx, TW_ERR_RANGE, "%s: number %zu of %s is %g; weights are finite, and 0 or above", what, i,
                           name, (double)list.v[i]);
    tw_real *v = tw_alloc(ctx, list.n * sizeof *v);
    for (size_t i = 0; v && i < list.n; i++) v[i] = list.v[i];
    *copy = (tw_reals){v, list.n};
    return v;
}

bool tw__in_range(tw_ctx *ctx, const char *what, const char *name, double value, double low, double high) {
    if (value >= low && value <= high) return true;
    return tw_fail(ctx, TW_ERR_RANGE, "%s: %s is %g, outside %g..%g", what, name, value, low, high);
}

bool tw__probabilities(tw_ctx *ctx, const char *what, const tw_tensor *t) {
    for (size_t i = 0; i < t->size; i++)
        if (t->data[i] < 0 || t->data[i] > 1)
            return tw_fail(ctx, TW_ERR_RANGE, "%s: element %zu of %s is %g, no probability", what, i,
                           tw_describe(ctx, t), (double)t->data[i]);
    return true;
}

/* ---- drawing ----------------------------------------------------------------------------------------------- */

int tw__draw_int(uint64_t stream, uint64_t i, int low, int high) {
    return low + (int)(tw_random_bits(stream, i) % (uint64_t)(high - low + 1));
}

tw_real *tw__draw_normals(tw_ctx *ctx, uint64_t stream, uint64_t first, size_t n, double scale) {
    tw_real *v = tw_alloc(ctx, n * sizeof *v);
    for (size_t i = 0; v && i < n; i++) v[i] = (tw_real)(scale * tw_random_normal(stream, first + i));
    return v;
}

tw_real *tw__draw_uniforms(tw_ctx *ctx, uint64_t stream, uint64_t first, size_t n, double low, double high) {
    tw_real *v = tw_alloc(ctx, n * sizeof *v);
    for (size_t i = 0; v && i < n; i++) v[i] = (tw_real)(low + (high - low) * tw_random_uniform(stream, first + i));
    return v;
}

size_t tw__draw_shape(uint64_t stream, int low, int high, tw_cost_problem *p) {
    size_t n = 1;
    p->ndim = tw__draw_int(stream, 0, low, high);
    for (int i = 0; i < p->ndim; i++) {
        p->dim[i] = tw__draw_int(stream, 1 + (uint64_t)i, 1, 4);
        n *= (size_t)p->dim[i];
    }
    return n;
}
