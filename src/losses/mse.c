/* mse.c - mean squared error, the loss of least squares (Legendre 1805, Gauss 1809).
 *
 *     l_i = (y_i - t_i)^2          one term per element of the prediction y and the target t
 *
 *     dl_i/dy_i = 2 (y_i - t_i)    the chain rule on the square; no other term holds y_i
 *     dl_i/dt_i = -dl_i/dy_i       t_i enters only through the difference
 *
 * The 2 belongs there: a loss that reports (y - t)^2 and returns y - t is a loss of (y - t)^2 / 2. */
#include "losses/loss.h"

/* quote: kernels */
static void forward(size_t n, const tw_real *y, const tw_real *t, tw_real *l) {
    for (size_t i = 0; i < n; i++) l[i] = (y[i] - t[i]) * (y[i] - t[i]);
}

/* l[i] = (y[i] - t[i])^2, so dl[i]/dy[i] = 2 (y[i] - t[i]) and dl[i]/dt[i] = -2 (y[i] - t[i]); g is upstream. */
static void backward(tw_ctx *ctx, tw_node *n) {
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *g = tw_terms_upstream(ctx, n->attr, n->out[0]), *y = n->in[0]->data, *t = n->in[1]->data;
    for (int side = 0; g && side < 2; side++) {
        tw_real beta, *d = tw_grad(ctx, n->in[side], &beta), two = side == 0 ? 2 : -2;
        for (size_t i = 0; d && i < n->in[side]->size; i++)
            d[i] = tw_add_to(beta, d[i], tw_term_grad(g[i], two * (y[i] - t[i])));
    }
    tw_scratch_release(ctx, mark);
}
/* end quote */

static const tw_op mse_op = {"mse_loss", backward};

tw_mse_options tw_mse_defaults(void) { return (tw_mse_options){.reduction = TW_REDUCTION_MEAN}; }

tw_tensor *tw_mse_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_mse_options *options) {
    tw_mse_options o = options ? *options : tw_mse_defaults();
    tw_tensor *in[] = {pred, target};
    if (!tw_inputs_ok(ctx, "mse_loss", 2, in) || !tw__same_shape(ctx, "mse_loss", pred, target)) return NULL;
    tw_terms *terms = tw_terms_new(ctx, "mse_loss", o.reduction, o.sample_weight, pred->ndim, pred->dim);
    if (!terms) return NULL;
    forward(terms->n, pred->data, target->data, terms->value);
    return tw_record(ctx, &mse_op, terms, 2, in, tw_terms_reduce(ctx, terms));
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_mse_options o = *(const tw_mse_options *)options;
    if (target->sample_weight) o.sample_weight = target->sample_weight;
    return tw_mse_loss(ctx, pred, target->tensor, &o);
}

/* Two or three dimensions, so that a sample has several elements. */
static tw_err sample(tw_ctx *ctx, uint64_t stream, tw_cost_problem *p) {
    *p = (tw_cost_problem){.ndim = tw__draw_int(stream, 0, 1, 3), .class_axis = -1};
    size_t n = 1;
    for (int i = 0; i < p->ndim; i++) {
        p->dim[i] = tw__draw_int(stream, 1 + (uint64_t)i, 1, 4);
        n *= (size_t)p->dim[i];
    }
    p->pred = tw__draw_normals(ctx, stream, 100, n, 2);
    p->target = tw__draw_normals(ctx, stream, 200, n, 2);
    return tw_error(ctx);
}

static const tw_option option_table[] = {TW__REDUCTION_OPTION(tw_mse_options), {0}};

const tw_cost_layer tw_cost_mse = {
    .name = "mse",
    .summary = "mean squared error (y - t)^2",
    .target = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_mse_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_ZERO_AT_TARGET | TW_COST_TARGET_GRAD,
    .apply = apply,
    .sample = sample,
};
