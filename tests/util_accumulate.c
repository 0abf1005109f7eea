/* util_accumulate.c - see util_accumulate.h. Compiled for float and for double. */
#include "util_accumulate.h"

enum { N = 12, IN = 5, OUT = 3, STEPS = 4 };

typedef struct net {
    tw_ctx *ctx;
    tw_params *params;
    tw_layer *first, *second;
    tw_optim *optim;
} net;

/* Weights that are small multiples of 1/8, or any. */
static void begin(net *t, const char *optim, bool exact) {
    t->ctx = tw_ctx_new(5);
    tw_set_threads(t->ctx, 2);
    t->params = tw_params_new(t->ctx);
    t->first = tw_dense_new(t->params, "a", IN, 4, &(tw_dense_options){.act = exact ? TW_ACT_NONE : TW_ACT_TANH});
    t->second = tw_dense_new(t->params, "b", 4, OUT, NULL);
    for (size_t i = 0; exact && i < tw_params_count(t->params); i++) {
        tw_tensor *w = tw_params_at(t->params, i);
        for (size_t k = 0; k < w->size; k++) w->data[k] = (tw_real)((int)((k * 5 + i) % 9) - 4) / 8;
    }
    t->optim = tw_optim_new(t->params, optim);
    cr_assert_not_null(t->optim, "%s", tw_errmsg(t->ctx));
}

static void end(net *t) {
    tw_optim_free(t->optim);
    tw_params_free(t->params);
    tw_ctx_free(t->ctx);
}

/* Samples from .. to - 1: the sum of their squared errors, as a part of the mean over all N. */
static void backward(net *t, const tw_real *x, const tw_real *y, int from, int to) {
    int n = to - from;
    tw_tensor *in = tw_input(t->ctx, x + from * IN, 2, (int[]){n, IN});
    tw_tensor *out = tw_forward(t->ctx, t->second, tw_forward(t->ctx, t->first, in));
    tw_tensor *e = tw_sub(t->ctx, out, tw_input(t->ctx, y + from * OUT, 2, (int[]){n, OUT}));
    tw_tensor *loss = tw_scale(t->ctx, tw_sum(t->ctx, tw_mul(t->ctx, e, e), 0, NULL, false), (tw_real)1 / 16);
    cr_assert_eq(tw_backward(t->ctx, loss), TW_OK, "%s", tw_errmsg(t->ctx));
}

static void check(const char *optim, bool exact, int steps, double tol) {
    static const int cut[] = {0, 5, 5, 6, N}; /* parts of 5, 0, 1 and 6 samples */
    net whole, parts;
    begin(&whole, optim, exact);
    begin(&parts, optim, exact);
    for (int step = 0; step < steps; step++) {
        tw_real x[N * IN], y[N * OUT];
        fill_random(x, N * IN, (uint64_t)step + 1, -4, 4);
        fill_random(y, N * OUT, (uint64_t)step + 50, -4, 4);
        for (int i = 0; exact && i < N * IN; i++) x[i] = (tw_real)(int)x[i];
        for (int i = 0; exact && i < N * OUT; i++) y[i] = (tw_real)(int)y[i];
        tw_step_begin(whole.ctx);
        backward(&whole, x, y, 0, N);
        tw_step_begin(parts.ctx);
        for (int i = 0; i < 4; i++) {
            if (i) tw_step_accumulate(parts.ctx);
            backward(&parts, x, y, cut[i], cut[i + 1]);
        }
        double a = tw_clip_grad_norm(whole.params, 0), b = tw_clip_grad_norm(parts.params, 0);
        cr_assert(tol > 0 ? near(a, b, tol) : a == b, "%s, step %d: norms %.17g and %.17g", optim, step, a, b);
        cr_assert_eq(tw_optim_step(whole.optim), TW_OK, "%s", tw_errmsg(whole.ctx));
        cr_assert_eq(tw_optim_step(parts.optim), TW_OK, "%s", tw_errmsg(parts.ctx));
    }
    cr_assert_eq(tw_optim_steps(parts.optim), steps);
    for (size_t i = 0; i < tw_params_count(whole.params); i++) {
        const tw_tensor *a = tw_params_at(whole.params, i), *b = tw_params_at(parts.params, i);
        if (tol > 0) assert_near(b->data, a->data, a->size, tol);
        else cr_assert_arr_eq(a->data, b->data, a->size * sizeof *a->data, "%s: %s", optim, a->name);
    }
    end(&whole);
    end(&parts);
}

void check_accumulation(double tol) {
    static const char *const optim[] = {
        "sgd:lr=0.125,momentum=0.5", "adamw",         "adadelta", "adam:weight_decay=0.1",
        "rmsprop:momentum=0.5",      "adagrad:lr=0.1"};
    for (size_t i = 0; i < sizeof optim / sizeof *optim; i++) {
        check(optim[i], true, 1, 0); /* after one step weights are such numbers no more */
        check(optim[i], false, STEPS, tol);
    }
}
