/* adagrad.c - Adagrad (Duchi, Hazan, Singer 2011).
 *
 *     g += wd p
 *     s += g^2                                           from initial_accumulator_value on
 *     p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
 *
 * The sum only grows, so every weight has a learning rate that falls as 1 / sqrt(t): fast for weights that are seen
 * often, slowly for those of rare features. */
#include "optim/optim.h"

#define ROW(field, value, help) \
    { #field, TW_OPTION_REAL, offsetof(tw_adagrad_options, field), value, 0, TW__NO_LIMIT, NULL, help }
static const tw_option table[] = {
    ROW(lr, 0.01, "learning rate"),
    ROW(lr_decay, 0, "lr is divided by 1 + this times the steps before"),
    ROW(eps, 1e-10, "added to the root, against division by 0"),
    ROW(weight_decay, 0, "L2 penalty, added to the gradient"),
    ROW(initial_accumulator_value, 0, "what the sums of squares begin at"),
    {0},
};

static unsigned states(const void *options) {
    (void)options;
    return 1;
}

static double first(const void *options) { return ((const tw_adagrad_options *)options)->initial_accumulator_value; }

static void prepare(const void *options, double lr, double weight_decay, int64_t t, tw__coef *coef) {
    const tw_adagrad_options *o = options;
    coef->adagrad = (tw__adagrad_coef){
        .lr = (tw_real)(lr / (1 + (double)(t - 1) * o->lr_decay)),
        .weight_decay = (tw_real)weight_decay,
        .eps = (tw_real)o->eps,
    };
}

static void update(size_t n, tw_real *p, const tw_real *g, tw_real *const state[TW__MAX_STATES], const tw__coef *coef) {
    TW_ISA_CALL(tw__adagrad)(n, p, g, state[0], &coef->adagrad);
}

const tw__optim_class tw__adagrad_class = {
    .name = "adagrad",
    .table = table,
    .options_size = sizeof(tw_adagrad_options),
    .weight_decay = offsetof(tw_adagrad_options, weight_decay),
    .state = {"sum"},
    .states = states,
    .first = first,
    .prepare = prepare,
    .update = update,
};

tw_adagrad_options tw_adagrad_defaults(void) {
    tw_adagrad_options o;
    tw_options_default(table, &o);
    return o;
}

tw_optim *tw_adagrad_new(tw_params *params, const tw_adagrad_options *options) {
    return tw__optim_make(params, &tw__adagrad_class, options);
}
