/* smooth_l1.c - smooth L1: Huber's loss divided by its threshold, here beta (Girshick 2015, Fast R-CNN).
 *
 *     l_i = e^2 / (2 beta)     where |e| < beta,  e = y_i - t_i
 *           |e| - beta / 2     beyond
 *
 *     dl_i/dy_i = e / beta     inside
 *                 sign(e)      outside; both are +-1 where they meet
 *     dl_i/dt_i = -dl_i/dy_i
 *
 * Where Huber's gradient grows with its threshold, this one has always size 1 outside. beta 0 leaves no inside: MAE. */
#include "losses/loss.h"

/* quote: kernels */
static void value(size_t n, const tw_real *y, const tw_real *t, double beta, tw_real *l) {
    for (size_t i = 0; i < n; i++) {
        double e = fabs((double)y[i] - (double)t[i]);
        l[i] = (tw_real)(e < beta ? e * e / (2 * beta) : e - beta / 2);
    }
}

/* dl[i]/dy[i] is e / beta where l[i] = e^2 / (2 beta), and the sign of e where l[i] = |e| - beta / 2; 0 where e is. */
static void slope(size_t n, const tw_real *y, const tw_real *t, double beta, tw_real *d) {
    for (size_t i = 0; i < n; i++) {
        double e = (double)y[i] - (double)t[i];
        d[i] = (tw_real)(fabs(e) < beta ? e / beta : e > 0 ? 1 : e < 0 ? -1 : e);
    }
}
/* end quote */

static const tw_op smooth_l1_op = {"smooth_l1_loss", tw__difference_backward};
static const tw__difference smooth_l1 = {"smooth_l1_loss", &smooth_l1_op, value, slope};

tw_smooth_l1_options tw_smooth_l1_defaults(void) { return (tw_smooth_l1_options){.beta = 1}; }

tw_tensor *tw_smooth_l1_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_smooth_l1_options *options) {
    tw_smooth_l1_options o = options ? *options : tw_smooth_l1_defaults();
    if (!(o.beta >= 0 && isfinite(o.beta)))
        return tw_fail(ctx, TW_ERR_RANGE, "smooth_l1_loss: beta is %g; it must be 0 or above, and finite", o.beta);
    return tw__difference_loss(ctx, &smooth_l1, pred, target, o.reduction, o.sample_weight, o.beta);
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_smooth_l1_options o = *(const tw_smooth_l1_options *)options;
    TW__WITH_WEIGHT(o, target);
    return tw_smooth_l1_loss(ctx, pred, target->tensor, &o);
}

static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    const tw_smooth_l1_options *o = options;
    return tw__difference_sample(ctx, stream, 1, &o->beta, p);
}

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_smooth_l1_options),
    {"beta", TW_OPTION_REAL, offsetof(tw_smooth_l1_options, beta), 1, 0, 1e300, NULL,
     "where the parabola ends; 0: MAE"},
    {0},
};

const tw_cost_layer tw_cost_smooth_l1 = {
    .name = "smooth_l1",
    .summary = "smooth L1: e^2 / (2 beta) up to beta, then |e| - beta / 2",
    .targets = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_smooth_l1_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_ZERO_AT_TARGET | TW_COST_TARGET_GRAD,
    .apply = apply,
    .sample = sample,
    .variants = (const char *const[]){"beta=0", "beta=0.1", "beta=5", NULL},
};
