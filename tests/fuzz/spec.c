/* spec.c - the specs of losses, optimisers and schedules that users type, and what an accepted loss computes. */
#include "fuzz.h"

#include <math.h>
#include <thalweg/extend.h>

/* A loss on a small problem of its own. Options may make it infinite, never break it. */
static void apply(tw_ctx *ctx, const tw_cost *cost) {
    tw_step_begin(ctx);
    if (!tw_cost_accepts(cost->layer, TW_TARGET_TENSOR)) return;
    tw_real x[6] = {0.5f, 0.25f, 0.25f, 0.125f, 0.5f, 0.375f};
    tw_tensor *pred = tw_input_grad(ctx, x, 2, (int[]){2, 3}), *target = tw_input(ctx, x, 2, (int[]){2, 3});
    tw_tensor *loss = tw_cost_apply(ctx, cost, pred, &(tw_target){.tensor = target});
    fuzz_assert(!loss == (tw_error(ctx) != TW_OK));
    tw_error_clear(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    char *spec = fuzz_text(bytes, size);
    spec[strcspn(spec, "\n")] = 0; /* messages quote it, and are to be one line */
    tw_cost cost;
    tw_err err = tw_cost_find(ctx, spec, &cost);
    fuzz_sentence(ctx, err);
    if (!err) apply(ctx, &cost);

    tw_params *params = tw_params_new(ctx);
    tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, 1}, 1, (int[]){3});
    tw_optim *optim = tw_optim_new(params, spec);
    fuzz_assert(w && !optim == (tw_error(ctx) != TW_OK));
    fuzz_sentence(ctx, tw_error(ctx));
    if (optim) {
        tw_step_begin(ctx);
        err = tw_backward(ctx, tw_sum(ctx, tw_mul(ctx, w, w), 0, NULL, false));
        fuzz_assert(!err);
        err = tw_optim_step(optim);
        fuzz_sentence(ctx, err);
        for (int i = 0; i < 3; i++) fuzz_assert(err ? w->data[i] == 1 : !isnan(w->data[i]));
    }
    tw_optim_free(optim);
    tw_params_free(params);

    tw_schedule schedule;
    err = tw_schedule_parse(ctx, spec, &schedule);
    fuzz_sentence(ctx, err);
    if (!err)
        for (int e = 0; e <= 8; e++) {
            double factor = tw_schedule_factor(&schedule, e, 8);
            fuzz_assert(factor >= 0 && isfinite(factor));
        }
    free(spec);
    tw_ctx_free(ctx);
    return 0;
}
