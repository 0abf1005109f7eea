/* check.c - a loss of the user's own, from a file that knows extend.h only, checked by finite differences. */
#include <stdio.h>
#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

extern const tw_cost_layer log_cosh_cost;

static tw_tensor *loss(tw_ctx *ctx, tw_tensor *const *leaf, void *cost) {
    return tw_cost_apply(ctx, cost, leaf[0], &(tw_target){.tensor = leaf[1]});
}

int main(void) {
    tw_ctx *ctx = tw_ctx_new(1);
    double worst = 0, bound = sizeof(tw_real) == 8 ? 1e-6 : 1e-2;
    for (unsigned draw = 0; draw < 20; draw++) {
        tw_cost cost;
        tw_cost_problem p;
        tw_gradcheck_result r;
        tw_step_begin(ctx);
        if (tw_cost_of(ctx, &log_cosh_cost, draw % 2 ? "scale=1.5" : "reduction=none", &cost)) break;
        if (log_cosh_cost.sample(ctx, draw, cost.options, &p)) break;
        tw_real pred[64], target[64]; /* tw_gradcheck begins steps of its own */
        tw_gradcheck_leaf leaf[2] = {{.value = pred, .ndim = p.ndim}, {.value = target, .ndim = p.ndim}};
        size_t n = 1;
        for (int i = 0; i < p.ndim; i++) n *= (size_t)(leaf[0].dim[i] = leaf[1].dim[i] = p.dim[i]);
        for (size_t i = 0; i < n; i++) pred[i] = p.pred[i], target[i] = p.target[i];
        if (tw_gradcheck(ctx, loss, &cost, 2, leaf, 0, &r)) break;
        if (!(r.error <= worst)) worst = r.error;
    }
    printf("log_cosh: largest error of a gradient %.1e %s\n", worst, tw_errmsg(ctx));
    int failed = tw_error(ctx) || !(worst <= bound);
    tw_ctx_free(ctx);
    return failed;
}
