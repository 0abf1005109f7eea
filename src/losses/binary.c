/* binary.c - see binary.h. */
#include "losses/binary.h"

/* The two outcomes at term i; one that weighs nothing is 0, also where the other factor is infinite. */
static tw__outcome outcome_yes(const tw__binary *a, size_t i, double x) {
    const tw_reals *w = &a->weight_yes;
    double weight = w->n == 0 ? 1 : (double)w->v[w->n == 1 ? 0 : i % a->last];
    return weight == 0 ? (tw__outcome){0, 0} : a->yes(a, x, weight);
}

static tw__outcome outcome_no(const tw__binary *a, double x) {
    return a->weight_no == 0 ? (tw__outcome){0, 0} : a->no(a, x, a->weight_no);
}

static double smoothed(const tw__binary *a, tw_real y) { return (1 - a->smoothing) * (double)y + a->smoothing / 2; }

static double mixed(double y, double yes, double no) { return (y == 0 ? 0 : y * yes) + (y == 1 ? 0 : (1 - y) * no); }

tw__binary *tw__binary_new(tw_ctx *ctx, const char *what, tw_tensor *pred, tw_tensor *target, tw_reduction reduction,
                           tw_tensor *sample_weight) {
    tw_tensor *in[] = {pred, target};
    if (!tw_inputs_ok(ctx, what, 2, in) || !tw__same_shape(ctx, what, pred, target) ||
        !tw__probabilities(ctx, what, target))
        return NULL;
    tw__binary *a = tw_alloc(ctx, sizeof *a);
    if (!a) return NULL;
    *a = (tw__binary){.weight_no = 1, .last = pred->ndim ? (size_t)pred->dim[pred->ndim - 1] : 1};
    a->terms = tw_terms_new(ctx, what, reduction, sample_weight, pred->ndim, pred->dim);
    return a->terms ? a : NULL;
}

/* quote: mixture */
tw_tensor *tw__binary_loss(tw_ctx *ctx, const tw_op *op, tw__binary *a, tw_tensor *pred, tw_tensor *target) {
    for (size_t i = 0; i < a->terms->n; i++) {
        double x = (double)pred->data[i], y = smoothed(a, target->data[i]);
        tw__outcome yes = outcome_yes(a, i, x), no = outcome_no(a, x);
        a->terms->value[i] = (tw_real)mixed(y, yes.value, no.value);
    }
    return tw_record(ctx, op, a, 2, (tw_tensor *[]){pred, target}, tw_terms_reduce(ctx, a->terms));
}

/* l = y L1(x) + (1 - y) L0(x), so dl/dx = y L1' + (1 - y) L0' and dl/dy = L1 - L0, each times g. */
void tw__binary_backward(tw_ctx *ctx, tw_node *n) {
    const tw__binary *a = n->attr;
    const tw_real *x = n->in[0]->data, *y = n->in[1]->data;
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *g = tw_terms_upstream(ctx, a->terms, n->out[0]);
    tw_real beta_x, beta_y, *dx = tw_grad(ctx, n->in[0], &beta_x), *dy = tw_grad(ctx, n->in[1], &beta_y);
    for (size_t i = 0; g && i < a->terms->n; i++) {
        tw__outcome yes = outcome_yes(a, i, (double)x[i]), no = outcome_no(a, (double)x[i]);
        tw_real by_x = (tw_real)mixed(smoothed(a, y[i]), yes.slope, no.slope);
        tw_real by_y = (tw_real)((1 - a->smoothing) * (yes.value - no.value));
        if (dx) dx[i] = tw_add_to(beta_x, dx[i], tw_term_grad(g[i], by_x));
        if (dy) dy[i] = tw_add_to(beta_y, dy[i], tw_term_grad(g[i], by_y));
    }
    tw_scratch_release(ctx, mark);
}
/* end quote */

tw_err tw__binary_sample(tw_ctx *ctx, uint64_t stream, size_t last, tw_form form, tw_cost_problem *p) {
    *p = (tw_cost_problem){.class_axis = -1, .form = form};
    size_t n = tw__draw_shape(stream, last > 1 ? 2 : 1, 3, p);
    if (last > 1) {
        n = n / (size_t)p->dim[p->ndim - 1] * last;
        p->dim[p->ndim - 1] = (int)last;
    }
    p->pred = form == TW_FORM_PROBS ? tw__draw_uniforms(ctx, stream, 100, n, 0.02, 0.98)
                                    : tw__draw_normals(ctx, stream, 100, n, 2);
    p->target = tw__draw_uniforms(ctx, stream, 200, n, 0, 1);
    for (size_t i = 0; p->target && i < n; i++)
        p->target[i] = p->target[i] < 0.4f ? 1 / 1024.f : p->target[i] < 0.8f ? 1 - 1 / 1024.f : p->target[i];
    return tw_error(ctx);
}
