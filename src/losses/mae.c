/* mae.c - mean absolute error, the loss of least absolute deviations (Boscovich 1757, Laplace).
 *
 *     l_i = |y_i - t_i|                one term per element of the prediction y and the target t
 *
 *     dl_i/dy_i = sign(y_i - t_i)      1 above the target, -1 below
 *     dl_i/dt_i = -dl_i/dy_i
 *
 * At y = t there is a kink; every number from -1 to 1 is a slope of a line that touches it from below (a subgradient).
 * 0 is the one that leaves a perfect prediction where it is. */
#include "losses/loss.h"

/* quote: kernels */
static void value(size_t n, const tw_real *y, const tw_real *t, double unused, tw_real *l) {
    (void)unused;
    for (size_t i = 0; i < n; i++) l[i] = (tw_real)fabs((double)(y[i] - t[i]));
}

/* l[i] = |y[i] - t[i]|, so dl[i]/dy[i] is the sign of y[i] - t[i], and 0 where they are equal. NaN stays NaN. */
static void slope(size_t n, const tw_real *y, const tw_real *t, double unused, tw_real *d) {
    (void)unused;
    for (size_t i = 0; i < n; i++) {
        tw_real e = y[i] - t[i];
        d[i] = e > 0 ? 1 : e < 0 ? -1 : e;
    }
}
/* end quote */

static const tw_op mae_op = {"mae_loss", tw__difference_backward};
static const tw__difference mae = {"mae_loss", &mae_op, value, slope};

tw_mae_options tw_mae_defaults(void) { return (tw_mae_options){.reduction = TW_REDUCTION_MEAN}; }

tw_tensor *tw_mae_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_mae_options *options) {
    tw_mae_options o = options ? *options : tw_mae_defaults();
    return tw__difference_loss(ctx, &mae, pred, target, o.reduction, o.sample_weight, 0);
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_mae_options o = *(const tw_mae_options *)options;
    TW__WITH_WEIGHT(o, target);
    return tw_mae_loss(ctx, pred, target->tensor, &o);
}

static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    (void)options;
    return tw__difference_sample(ctx, stream, 1, (const double[]){0}, p);
}

static const tw_option option_table[] = {TW__REDUCTION_OPTION(tw_mae_options), {0}};

const tw_cost_layer tw_cost_mae = {
    .name = "mae",
    .summary = "mean absolute error |y - t|",
    .targets = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_mae_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_ZERO_AT_TARGET | TW_COST_TARGET_GRAD,
    .apply = apply,
    .sample = sample,
};
