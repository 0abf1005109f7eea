/* terms.c - what every loss shares: the reduction none / mean / sum of its terms, weighted by sample.
 *
 * With n terms l_i of N samples, weights w_s (1 if there are none) and s(i) the sample of term i:
 *
 *     none: y_i = w_s(i) l_i       sum: y = sum_i w_s(i) l_i       mean: y = sum / count       batchmean: y = sum / N
 *
 * so the gradient of term i is w_s(i) times dy_i, dy, dy/count or dy/N. count is n, unless the loss says otherwise
 * (class weights, ignored positions). */
#include <thalweg/extend.h>

#include <math.h>

tw_terms *tw_terms_new(tw_ctx *ctx, const char *what, tw_reduction reduction, tw_tensor *weight, int ndim,
                       const int *dim) {
    if ((unsigned)reduction > TW_REDUCTION_BATCHMEAN)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: %d is not a reduction", what, (int)reduction);
    if (weight) {
        if (!tw_inputs_ok(ctx, what, 1, &weight)) return NULL;
        if (weight->ndim != 1 || ndim < 1 || weight->dim[0] != dim[0])
            return tw_fail(ctx, TW_ERR_SHAPE, "%s: sample_weight wants a weight for each of %d samples, not %s", what,
                           ndim < 1 ? 1 : dim[0], tw_describe(ctx, weight));
        if (tw_will_record(ctx, 1, &weight))
            return tw_fail(ctx, TW_ERR_RANGE, "%s: no gradient passes to sample_weight %s; give it tw_detach", what,
                           tw_describe(ctx, weight));
        for (size_t i = 0; i < weight->size; i++)
            if (!(weight->data[i] >= 0 && isfinite(weight->data[i])))
                return tw_fail(ctx, TW_ERR_RANGE,
                               "%s: number %zu of sample_weight is %g; weights are finite, and 0 or above", what, i,
                               (double)weight->data[i]);
    }
    tw_terms *t = tw_alloc(ctx, sizeof *t);
    if (!t) return NULL;
    size_t samples = ndim > 0 ? (size_t)dim[0] : 1, each = 1;
    for (int i = 1; i < ndim; i++) each *= (size_t)dim[i];
    *t = (tw_terms){.n = samples * each, .reduction = reduction, .samples = samples, .each = each, .weight = weight};
    t->count = (double)t->n;
    bool none = reduction == TW_REDUCTION_NONE;
    t->result = none ? tw_new(ctx, ndim, dim) : tw_new(ctx, 0, NULL);
    t->mark = tw_scratch_mark(ctx);
    t->value = none && t->result ? t->result->data : tw_scratch(ctx, t->n * sizeof *t->value);
    return t->result && t->value ? t : NULL;
}

/* What the sum is divided by; 0 when nothing counts, so that what is divided has no part in the loss. */
static double divisor(const tw_terms *t) {
    switch (t->reduction) {
    case TW_REDUCTION_MEAN: return t->count;
    case TW_REDUCTION_BATCHMEAN: return (double)t->samples;
    default: return 1;
    }
}

tw_tensor *tw_terms_reduce(tw_ctx *ctx, tw_terms *t) {
    double sum = 0, by = divisor(t);
    for (size_t i = 0; t->weight && i < t->n; i++) { /* 0 leaves the sample out: 0 times infinity would be NaN */
        tw_real w = tw_term_weight(t, i);
        t->value[i] = w == 0 ? 0 : w * t->value[i];
    }
    if (t->reduction != TW_REDUCTION_NONE) {
        for (size_t i = 0; i < t->n; i++) sum += (double)t->value[i];
        t->result->data[0] = (tw_real)(by == 0 && t->n > 0 ? 0 : sum / by);
    }
    t->value = NULL;
    tw_scratch_release(ctx, t->mark);
    return t->result;
}

const tw_real *tw_terms_upstream(tw_ctx *ctx, const tw_terms *t, const tw_tensor *result) {
    tw_real *g = tw_scratch(ctx, t->n * sizeof *g);
    if (!g) return NULL;
    bool none = t->reduction == TW_REDUCTION_NONE;
    double by = divisor(t);
    tw_real share = none || by == 0 ? 0 : result->grad[0] / (tw_real)by;
    for (size_t i = 0; i < t->n; i++) g[i] = (none ? result->grad[i] : share) * tw_term_weight(t, i);
    return g;
}
