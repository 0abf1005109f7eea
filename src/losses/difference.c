/* difference.c - what the losses of a difference e = y - t share (mse, mae, huber, smooth_l1): all but their formula.
 *
 *     l_i = l(e_i)        dl_i/dy_i = l'(e_i)        dl_i/dt_i = -l'(e_i), t_i enters only through e_i */
#include "losses/loss.h"

typedef struct difference {
    const tw__difference *kind;
    tw_terms *terms;
    double param;
} difference;

tw_tensor *tw__difference_loss(tw_ctx *ctx, const tw__difference *kind, tw_tensor *pred, tw_tensor *target,
                               tw_reduction reduction, tw_tensor *sample_weight, double param) {
    tw_tensor *in[] = {pred, target};
    if (!tw_inputs_ok(ctx, kind->what, 2, in) || !tw__same_shape(ctx, kind->what, pred, target)) return NULL;
    difference *a = tw_alloc(ctx, sizeof *a);
    if (!a) return NULL;
    *a = (difference){kind, NULL, param};
    a->terms = tw_terms_new(ctx, kind->what, reduction, sample_weight, pred->ndim, pred->dim);
    if (!a->terms) return NULL;
    kind->value(pred->size, pred->data, target->data, param, a->terms->value);
    return tw_record(ctx, kind->op, a, 2, in, tw_terms_reduce(ctx, a->terms));
}

/* quote: backward */
/* dy = g l'(e) and dt = -g l'(e), g being what flows into a term. */
void tw__difference_backward(tw_ctx *ctx, tw_node *n) {
    const difference *a = n->attr;
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *g = tw_terms_upstream(ctx, a->terms, n->out[0]), *y = n->in[0]->data, *t = n->in[1]->data;
    tw_real *slope = tw_scratch(ctx, a->terms->n * sizeof *slope);
    if (g && slope) a->kind->slope(a->terms->n, y, t, a->param, slope);
    for (int side = 0; g && slope && side < 2; side++) {
        tw_real beta, *d = tw_grad(ctx, n->in[side], &beta), sign = side == 0 ? 1 : -1;
        for (size_t i = 0; d && i < a->terms->n; i++) d[i] = tw_add_to(beta, d[i], tw_term_grad(g[i], sign * slope[i]));
    }
    tw_scratch_release(ctx, mark);
}
/* end quote */

/* Moves t away from y until their distance is none of the kinks: finite differences have nothing to say there. */
static tw_real away(tw_real y, tw_real t, int n, const double *kinks) {
    for (int k = 0; k < n; k++)
        if (fabs(fabs((double)y - (double)t) - kinks[k]) < 1e-3) return away(y, t + (tw_real)0.0625, n, kinks);
    return t;
}

tw_err tw__difference_sample(tw_ctx *ctx, uint64_t stream, int n, const double *kinks, tw_cost_problem *p) {
    *p = (tw_cost_problem){.class_axis = -1};
    size_t size = tw__draw_shape(stream, 1, 3, p);
    p->pred = tw__draw_normals(ctx, stream, 100, size, 2);
    p->target = tw__draw_normals(ctx, stream, 200, size, 2);
    for (size_t i = 0; !tw_error(ctx) && i < size; i++) p->target[i] = away(p->pred[i], p->target[i], n, kinks);
    return tw_error(ctx);
}
