/* learner.c - the small networks of experiments, and a step of their training. */
#include "experiment.h"

#include <string.h>

enum { BATCH_OF_APPLY = 1000 };

tw_err learner_new(tw_ctx *ctx, const char *loss, const char *optim, int in, int hidden, int out, learner *l) {
    *l = (learner){.ctx = ctx, .stream = tw_random_named(ctx, "batches")};
    tw_err err = tw_cost_find(ctx, loss, &l->cost);
    if (err) return err;
    l->params = tw_params_new(ctx);
    if (!l->params) return tw_error(ctx);
    l->net = tw_sequential_new(l->params);
    if (hidden) {
        tw_dense_options relu = {.act = TW_ACT_RELU};
        tw_sequential_add(l->net, tw_dense_new(l->params, "hidden", in, hidden, &relu));
    }
    tw_sequential_add(l->net, tw_dense_new(l->params, "out", hidden ? hidden : in, out, NULL));
    l->optim = tw_optim_new(l->params, optim);
    if (l->optim) return TW_OK;
    learner_free(l);
    return tw_error(ctx);
}

void learner_free(learner *l) {
    tw_optim_free(l->optim);
    tw_params_free(l->params);
    *l = (learner){0};
}

int learner_draw(const learner *l, int i, int n) {
    return (int)(tw_random_bits(l->stream, (uint64_t)l->step * 4096 + (uint64_t)i) % (uint64_t)n);
}

tw_err learner_step(learner *l, tw_tensor *loss) {
    l->step++;
    tw_err err = tw_backward(l->ctx, loss);
    return err ? err : tw_optim_step(l->optim);
}

tw_err learner_apply(learner *l, const tw_real *x, int n, int in, tw_real *y, int out) {
    tw_set_recording(l->ctx, false);
    for (int i = 0; i < n && !tw_error(l->ctx); i += BATCH_OF_APPLY) {
        int m = n - i < BATCH_OF_APPLY ? n - i : BATCH_OF_APPLY;
        tw_step_begin(l->ctx);
        tw_tensor *said = tw_forward(l->ctx, l->net, tw_input(l->ctx, x + (size_t)i * (size_t)in, 2, (int[]){m, in}));
        if (said) memcpy(y + (size_t)i * (size_t)out, said->data, said->size * sizeof *y);
    }
    tw_set_recording(l->ctx, true);
    return tw_error(l->ctx);
}
