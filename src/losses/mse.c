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
static void value(size_t n, const tw_real *y, const tw_real *t, double unused, tw_real *l) {
    (void)unused;
    for (size_t i = 0; i < n; i++) l[i] = (y[i] - t[i]) * (y[i] - t[i]);
}

/* l[i] = (y[i] - t[i])^2, so dl[i]/dy[i] = 2 (y[i] - t[i]). */
static void slope(size_t n, const tw_real *y, const tw_real *t, double unused, tw_real *d) {
    (void)unused;
    for (size_t i = 0; i < n; i++) d[i] = 2 * (y[i] - t[i]);
}
/* end quote */

static const tw_op mse_op = {"mse_loss", tw__difference_backward};
static const tw__difference mse = {"mse_loss", &mse_op, value, slope};

tw_mse_options tw_mse_defaults(void) { return (tw_mse_options){.reduction = TW_REDUCTION_MEAN}; }

tw_tensor *tw_mse_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_mse_options *options) {
    tw_mse_options o = options ? *options : tw_mse_defaults();
    return tw__difference_loss(ctx, &mse, pred, target, o.reduction, o.sample_weight, 0);
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_mse_options o = *(const tw_mse_options *)options;
    TW__WITH_WEIGHT(o, target);
    return tw_mse_loss(ctx, pred, target->tensor, &o);
}

static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    (void)options;
    return tw__difference_sample(ctx, stream, 0, NULL, p);
}

static const tw_option option_table[] = {TW__REDUCTION_OPTION(tw_mse_options), {0}};

const tw_cost_layer tw_cost_mse = {
    .name = "mse",
    .summary = "mean squared error (y - t)^2",
    .targets = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_mse_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_ZERO_AT_TARGET | TW_COST_TARGET_GRAD,
    .apply = apply,
    .sample = sample,
};
