/* classes.c - see classes.h. */
#include "losses/classes.h"

bool tw__classes_shape(tw_ctx *ctx, const char *what, const tw_tensor *x, tw_reduction reduction,
                       tw_tensor *sample_weight, const char *name, tw_reals weight, bool one_for_all, bool p,
                       tw__classes *c) {
    if (x->ndim < 2)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: the prediction is [N,K] or [N,K,..], not %s", what, tw_describe(ctx, x));
    int dim[TW_MAX_DIMS] = {x->dim[0]};
    size_t step = 1;
    for (int i = 2; i < x->ndim; i++) step *= (size_t)(dim[i - 1] = x->dim[i]);
    *c = (tw__classes){.K = (size_t)x->dim[1], .step = step};
    if (!tw__list_copy(ctx, what, name, weight, c->K, one_for_all, &c->weight)) return false;
    if (p && !(c->p = tw_alloc(ctx, x->size * sizeof *c->p))) return false;
    c->terms = tw_terms_new(ctx, what, reduction, sample_weight, x->ndim - 1, dim);
    return c->terms;
}

bool tw__classes_truth(tw_ctx *ctx, const char *what, const tw_tensor *x, tw_labels target, const int *ignore,
                       tw__classes *c) {
    if (target.n != c->terms->n)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: %zu classes for %zu positions of %s", what, target.n, c->terms->n,
                       tw_describe(ctx, x));
    if (target.n && !target.v) return tw_fail(ctx, TW_ERR_RANGE, "%s: the classes are NULL", what);
    if (!(c->truth = tw_alloc(ctx, target.n * sizeof *c->truth))) return false;
    for (size_t i = 0; i < target.n; i++) {
        bool ignored = ignore && target.v[i] == *ignore;
        c->truth[i] = ignored ? -1 : target.v[i];
        if (!ignored && (target.v[i] < 0 || (size_t)target.v[i] >= c->K))
            return tw_fail(ctx, TW_ERR_RANGE, "%s: class %d at position %zu is outside 0..%d: %s", what,
                           (int)target.v[i], i, (int)c->K - 1, tw_describe(ctx, x));
    }
    return true;
}

void tw__classes_count(tw__classes *c, bool strict) {
    double count = 0;
    for (size_t i = 0; i < c->terms->n; i++)
        if (c->truth[i] >= 0) count += tw__class_weight(c, (size_t)c->truth[i]);
    c->terms->count = strict && count == 0 ? NAN : count;
}

/* ---- drawing ----------------------------------------------------------------------------------------------- */

size_t tw__draw_rows(tw_ctx *ctx, uint64_t stream, size_t K, tw_form form, tw_cost_problem *p) {
    *p = (tw_cost_problem){.ndim = tw__draw_int(stream, 0, 2, 4), .class_axis = 1, .form = form};
    size_t n = 1;
    for (int i = 0; i < p->ndim; i++) {
        p->dim[i] = i == 1 && K ? (int)K : tw__draw_int(stream, 1 + (uint64_t)i, 1, i < 2 ? 5 : 3);
        n *= (size_t)p->dim[i];
    }
    p->pred = form == TW_FORM_LOGITS ? tw__draw_normals(ctx, stream, 1000, n, 2)
                                     : tw__draw_uniforms(ctx, stream, 1000, n, 0.05, 0.95);
    for (size_t i = 0; form == TW_FORM_LOG_PROBS && p->pred && i < n; i++)
        p->pred[i] = (tw_real)log((double)p->pred[i]);
    return n;
}

void tw__draw_classes(tw_ctx *ctx, uint64_t stream, tw_cost_problem *p) {
    size_t n = (size_t)p->dim[0];
    for (int i = 2; i < p->ndim; i++) n *= (size_t)p->dim[i];
    int32_t *truth = tw_alloc(ctx, n * sizeof *truth);
    for (size_t i = 0; truth && i < n; i++) truth[i] = tw__draw_int(stream, 10 + i, 0, p->dim[1] - 1);
    p->labels.classes = (tw_labels){truth, n};
}
