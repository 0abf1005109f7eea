/* rmsprop.c - RMSprop (Tieleman, Hinton 2012; centered: Graves 2013).
 *
 *     g += wd p
 *     s = alpha s + (1 - alpha) g^2              the mean square of the gradient
 *     m = alpha m + (1 - alpha) g                centered: its mean, and then s - m^2 is its variance
 *     d = g / (sqrt(s) + eps)                    centered: g / (sqrt(s - m^2) + eps)
 *     v = momentum v + d;   p -= lr v            without momentum p -= lr d
 *
 * It is Adam without the mean of the gradient and without correcting the averages' start at 0: the first step has the
 * length lr / sqrt(1 - alpha), ten times lr. */
#include "optim/optim.h"

#define ROW(field, value, max, help) \
    { #field, TW_OPTION_REAL, offsetof(tw_rmsprop_options, field), value, 0, max, NULL, help }
static const tw_option table[] = {
    ROW(lr, 0.01, TW__NO_LIMIT, "learning rate"),
    ROW(alpha, 0.99, 1, "share that the running means keep"),
    ROW(eps, 1e-8, TW__NO_LIMIT, "added to the root, against division by 0"),
    ROW(weight_decay, 0, TW__NO_LIMIT, "L2 penalty, added to the gradient"),
    ROW(momentum, 0, TW__NO_LIMIT, "share of the last step that is kept"),
    {"centered", TW_OPTION_BOOL, offsetof(tw_rmsprop_options, centered), 0, 0, 1, NULL,
     "divide by the deviation from the mean, not from 0"},
    {0},
};

enum { SQUARE_AVG, MOMENTUM_BUFFER, GRAD_AVG };

static unsigned states(const void *options) {
    const tw_rmsprop_options *o = options;
    return 1u << SQUARE_AVG | (unsigned)(o->momentum > 0) << MOMENTUM_BUFFER | (unsigned)o->centered << GRAD_AVG;
}

static void prepare(const void *options, double lr, double weight_decay, int64_t t, tw__coef *coef) {
    const tw_rmsprop_options *o = options;
    (void)t;
    coef->rmsprop = (tw__rmsprop_coef){
        .lr = (tw_real)lr,
        .weight_decay = (tw_real)weight_decay,
        .alpha = (tw_real)o->alpha,
        .take = (tw_real)(1 - o->alpha),
        .eps = (tw_real)o->eps,
        .momentum = (tw_real)o->momentum,
    };
}

static void update(size_t n, tw_real *p, const tw_real *g, tw_real *const state[TW__MAX_STATES], const tw__coef *coef) {
    const tw__rmsprop_coef *c = &coef->rmsprop;
    tw_real *s = state[SQUARE_AVG], *v = state[MOMENTUM_BUFFER], *m = state[GRAD_AVG];
    if (v && m) TW_ISA_CALL(tw__rmsprop_centered_momentum)(n, p, g, s, m, v, c);
    else if (v) TW_ISA_CALL(tw__rmsprop_momentum)(n, p, g, s, v, c);
    else if (m) TW_ISA_CALL(tw__rmsprop_centered)(n, p, g, s, m, c);
    else TW_ISA_CALL(tw__rmsprop)(n, p, g, s, c);
}

const tw__optim_class tw__rmsprop_class = {
    .name = "rmsprop",
    .table = table,
    .options_size = sizeof(tw_rmsprop_options),
    .weight_decay = offsetof(tw_rmsprop_options, weight_decay),
    .state = {"square_avg", "momentum_buffer", "grad_avg"},
    .states = states,
    .prepare = prepare,
    .update = update,
};

tw_rmsprop_options tw_rmsprop_defaults(void) {
    tw_rmsprop_options o;
    tw_options_default(table, &o);
    return o;
}

tw_optim *tw_rmsprop_new(tw_params *params, const tw_rmsprop_options *options) {
    return tw__optim_make(params, &tw__rmsprop_class, options);
}
