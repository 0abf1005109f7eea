/* huber.c - Huber's loss: a parabola near the target, straight lines far from it (Huber 1964).
 *
 *     l_i = e^2 / 2               where |e| <= delta,  e = y_i - t_i
 *           delta (|e| - delta/2) beyond
 *
 *     dl_i/dy_i = e               inside, the derivative of the square
 *                 delta sign(e)   outside, that of the line; both are +-delta where they meet, so there is no kink
 *     dl_i/dt_i = -dl_i/dy_i
 *
 * The gradient is e held to -delta..delta: an outlier pulls no harder than delta. As delta goes to infinity the loss
 * is half the MSE; loss / delta comes to the MAE as delta goes to 0. */
#include "losses/loss.h"

#include <float.h>

/* quote: kernels */
static void value(size_t n, const tw_real *y, const tw_real *t, double delta, tw_real *l) {
    for (size_t i = 0; i < n; i++) {
        double e = fabs((double)y[i] - (double)t[i]);
        l[i] = (tw_real)(e > delta ? delta * (e - delta / 2) : e * e / 2);
    }
}

/* dl[i]/dy[i] is e where l[i] = e^2 / 2, and delta or -delta where l[i] = delta (|e| - delta / 2). */
static void slope(size_t n, const tw_real *y, const tw_real *t, double delta, tw_real *d) {
    for (size_t i = 0; i < n; i++) {
        double e = (double)y[i] - (double)t[i];
        d[i] = (tw_real)(e > delta ? delta : e < -delta ? -delta : e);
    }
}
/* end quote */

static const tw_op huber_op = {"huber_loss", tw__difference_backward};
static const tw__difference huber = {"huber_loss", &huber_op, value, slope};

tw_huber_options tw_huber_defaults(void) { return (tw_huber_options){.delta = 1}; }

tw_tensor *tw_huber_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_huber_options *options) {
    tw_huber_options o = options ? *options : tw_huber_defaults();
    if (!(o.delta > 0)) return tw_fail(ctx, TW_ERR_RANGE, "huber_loss: delta is %g; it must be above 0", o.delta);
    return tw__difference_loss(ctx, &huber, pred, target, o.reduction, o.sample_weight, o.delta);
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_huber_options o = *(const tw_huber_options *)options;
    TW__WITH_WEIGHT(o, target);
    return tw_huber_loss(ctx, pred, target->tensor, &o);
}

/* At |e| = delta the second derivative jumps, which a central difference sees. */
static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    const tw_huber_options *o = options;
    return tw__difference_sample(ctx, stream, 1, &o->delta, p);
}

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_huber_options),
    {"delta", TW_OPTION_REAL, offsetof(tw_huber_options, delta), 1, DBL_MIN, INFINITY, NULL, "where the parabola ends"},
    {0},
};

const tw_cost_layer tw_cost_huber = {
    .name = "huber",
    .summary = "Huber: e^2 / 2 up to delta, then delta (|e| - delta / 2)",
    .targets = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_huber_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_ZERO_AT_TARGET | TW_COST_TARGET_GRAD,
    .apply = apply,
    .sample = sample,
    .variants = (const char *const[]){"delta=0.1", "delta=10", "delta=inf", NULL},
};
