/* sgd.c - stochastic gradient descent, with momentum if wanted.
 *
 *     g += wd p;   v = momentum v + (1 - dampening) g   (v = g in the first step);   p -= lr v
 *
 * Momentum is Polyak's heavy ball (1964) with PyTorch's scaling: v is a sum of gradients, not an average, so the
 * effective step is lr / (1 - momentum). Nesterov's form steps along g + momentum v (Sutskever et al. 2013). */
#include "optim/optim.h"

static const tw_option table[] = {
    {"lr", TW_OPTION_REAL, offsetof(tw_sgd_options, lr), 0.01, 0, TW__NO_LIMIT, NULL, "learning rate"},
    {"momentum", TW_OPTION_REAL, offsetof(tw_sgd_options, momentum), 0, 0, TW__NO_LIMIT, NULL,
     "share of the last step that is kept"},
    {"dampening", TW_OPTION_REAL, offsetof(tw_sgd_options, dampening), 0, -TW__NO_LIMIT, TW__NO_LIMIT, NULL,
     "share of the gradient that does not enter the momentum"},
    {"weight_decay", TW_OPTION_REAL, offsetof(tw_sgd_options, weight_decay), 0, 0, TW__NO_LIMIT, NULL,
     "L2 penalty, added to the gradient"},
    {"nesterov", TW_OPTION_BOOL, offsetof(tw_sgd_options, nesterov), 0, 0, 1, NULL, "look ahead along the momentum"},
    {0},
};

static unsigned states(const void *options) { return ((const tw_sgd_options *)options)->momentum != 0; }

static const char *complain(const void *options) {
    const tw_sgd_options *o = options;
    return o->nesterov && (o->momentum <= 0 || o->dampening != 0) ? "nesterov needs momentum > 0 and dampening 0"
                                                                  : NULL;
}

static void prepare(const void *options, double lr, double weight_decay, int64_t t, tw__coef *coef) {
    const tw_sgd_options *o = options;
    coef->sgd = (tw__sgd_coef){
        .lr = (tw_real)lr,
        .weight_decay = (tw_real)weight_decay,
        .momentum = (tw_real)o->momentum,
        .keep = t == 1 ? 0 : (tw_real)o->momentum,
        .take = t == 1 ? 1 : (tw_real)(1 - o->dampening),
        .nesterov = o->nesterov,
    };
}

static void update(size_t n, tw_real *p, const tw_real *g, tw_real *const state[TW__MAX_STATES], const tw__coef *coef) {
    if (state[0]) TW_ISA_CALL(tw__sgd_momentum)(n, p, g, state[0], &coef->sgd);
    else TW_ISA_CALL(tw__sgd)(n, p, g, &coef->sgd);
}

const tw__optim_class tw__sgd_class = {
    .name = "sgd",
    .table = table,
    .options_size = sizeof(tw_sgd_options),
    .weight_decay = offsetof(tw_sgd_options, weight_decay),
    .state = {"momentum_buffer"},
    .states = states,
    .complain = complain,
    .prepare = prepare,
    .update = update,
};

tw_sgd_options tw_sgd_defaults(void) {
    tw_sgd_options o;
    tw_options_default(table, &o);
    return o;
}

tw_optim *tw_sgd_new(tw_params *params, const tw_sgd_options *options) {
    return tw__optim_make(params, &tw__sgd_class, options);
}
