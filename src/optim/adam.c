/* adam.c - Adam (Kingma, Ba 2015) and AdamW (Loshchilov, Hutter 2019).
 *
 *     g += wd p                                  Adam;  AdamW shrinks p by the factor 1 - lr wd instead
 *     m = beta1 m + (1 - beta1) g                a moving average of the gradient ..
 *     v = beta2 v + (1 - beta2) g^2              .. and of its square
 *     p -= lr m/(1 - beta1^t) / (sqrt(v/(1 - beta2^t)) + eps)
 *
 * The averages start at 0 and are too small by exactly 1 - beta^t, which the divisions undo. */
#include "optim/optim.h"

#include <math.h>

#define ROW(field, value, max, help) \
    { #field, TW_OPTION_REAL, offsetof(tw_adam_options, field), value, 0, max, NULL, help }
#define COMMON_ROWS                                                                  \
    ROW(lr, 1e-3, TW__NO_LIMIT, "learning rate"),                                    \
        ROW(beta1, 0.9, TW__BELOW_ONE, "share that the mean of the gradient keeps"), \
        ROW(beta2, 0.999, TW__BELOW_ONE, "share that the mean of its square keeps"), \
        ROW(eps, 1e-8, TW__NO_LIMIT, "added to the root, against division by 0")
static const tw_option adam_table[] = {
    COMMON_ROWS, ROW(weight_decay, 0, TW__NO_LIMIT, "L2 penalty, added to the gradient"), {0}};
static const tw_option adamw_table[] = {
    COMMON_ROWS, ROW(weight_decay, 1e-2, TW__NO_LIMIT, "decay of the weights themselves, times lr"), {0}};

static unsigned states(const void *options) {
    (void)options;
    return 3;
}

static void prepare_common(const tw_adam_options *o, double lr, int64_t t, tw__adam_coef *c) {
    *c = (tw__adam_coef){
        .beta1 = (tw_real)o->beta1,
        .take1 = (tw_real)(1 - o->beta1),
        .beta2 = (tw_real)o->beta2,
        .take2 = (tw_real)(1 - o->beta2),
        .rate = (tw_real)(lr / (1 - pow(o->beta1, (double)t))),
        .root2 = (tw_real)sqrt(1 - pow(o->beta2, (double)t)),
        .eps = (tw_real)o->eps,
        .shrink = 1,
    };
}

static void prepare_adam(const void *options, double lr, double weight_decay, int64_t t, tw__coef *coef) {
    prepare_common(options, lr, t, &coef->adam);
    coef->adam.l2 = (tw_real)weight_decay;
}

static void prepare_adamw(const void *options, double lr, double weight_decay, int64_t t, tw__coef *coef) {
    prepare_common(options, lr, t, &coef->adam);
    coef->adam.shrink = (tw_real)(1 - lr * weight_decay);
}

static void update(size_t n, tw_real *p, const tw_real *g, tw_real *const state[TW__MAX_STATES], const tw__coef *coef) {
    TW_ISA_CALL(tw__adam)(n, p, g, state[0], state[1], &coef->adam);
}

const tw__optim_class tw__adam_class = {
    .name = "adam",
    .table = adam_table,
    .options_size = sizeof(tw_adam_options),
    .weight_decay = offsetof(tw_adam_options, weight_decay),
    .state = {"exp_avg", "exp_avg_sq"},
    .states = states,
    .prepare = prepare_adam,
    .update = update,
};

const tw__optim_class tw__adamw_class = {
    .name = "adamw",
    .table = adamw_table,
    .options_size = sizeof(tw_adam_options),
    .weight_decay = offsetof(tw_adam_options, weight_decay),
    .state = {"exp_avg", "exp_avg_sq"},
    .states = states,
    .prepare = prepare_adamw,
    .update = update,
};

tw_adam_options tw_adam_defaults(void) {
    tw_adam_options o;
    tw_options_default(adam_table, &o);
    return o;
}

tw_adam_options tw_adamw_defaults(void) {
    tw_adam_options o;
    tw_options_default(adamw_table, &o);
    return o;
}

tw_optim *tw_adam_new(tw_params *params, const tw_adam_options *options) {
    return tw__optim_make(params, &tw__adam_class, options);
}

tw_optim *tw_adamw_new(tw_params *params, const tw_adam_options *options) {
    return tw__optim_make(params, &tw__adamw_class, options);
}
