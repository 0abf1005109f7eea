/* adadelta.c - Adadelta (Zeiler 2012).
 *
 *     g += wd p
 *     s = rho s + (1 - rho) g^2                  how large gradients are
 *     d = sqrt(u + eps) / sqrt(s + eps) g        a step in the units of the weights
 *     u = rho u + (1 - rho) d^2                  how large steps are
 *     p -= lr d
 *
 * u starts at 0, so eps alone sets the size of the first steps: that is Adadelta's slow start. */
#include "optim/optim.h"

static const tw_option table[] = {
    {"lr", TW_OPTION_REAL, offsetof(tw_adadelta_options, lr), 1, 0, TW__NO_LIMIT, NULL, "factor of the step"},
    {"rho", TW_OPTION_REAL, offsetof(tw_adadelta_options, rho), 0.9, 0, 1, NULL, "share that the running means keep"},
    {"eps", TW_OPTION_REAL, offsetof(tw_adadelta_options, eps), 1e-6, 0, TW__NO_LIMIT, NULL,
     "added under the roots: sets the first steps"},
    {"weight_decay", TW_OPTION_REAL, offsetof(tw_adadelta_options, weight_decay), 0, 0, TW__NO_LIMIT, NULL,
     "L2 penalty, added to the gradient"},
    {0},
};

static unsigned states(const void *options) {
    (void)options;
    return 3;
}

static void prepare(const void *options, double lr, double weight_decay, int64_t t, tw__coef *coef) {
    const tw_adadelta_options *o = options;
    (void)t;
    coef->adadelta = (tw__adadelta_coef){
        .lr = (tw_real)lr,
        .weight_decay = (tw_real)weight_decay,
        .rho = (tw_real)o->rho,
        .take = (tw_real)(1 - o->rho),
        .eps = (tw_real)o->eps,
    };
}

static void update(size_t n, tw_real *p, const tw_real *g, tw_real *const state[TW__MAX_STATES], const tw__coef *coef) {
    TW_ISA_CALL(tw__adadelta)(n, p, g, state[0], state[1], &coef->adadelta);
}

const tw__optim_class tw__adadelta_class = {
    .name = "adadelta",
    .table = table,
    .options_size = sizeof(tw_adadelta_options),
    .weight_decay = offsetof(tw_adadelta_options, weight_decay),
    .state = {"square_avg", "acc_delta"},
    .states = states,
    .prepare = prepare,
    .update = update,
};

tw_adadelta_options tw_adadelta_defaults(void) {
    tw_adadelta_options o;
    tw_options_default(table, &o);
    return o;
}

tw_optim *tw_adadelta_new(tw_params *params, const tw_adadelta_options *options) {
    return tw__optim_make(params, &tw__adadelta_class, options);
}
