/* clip.c - the norm of all gradients, and clipping by it (Pascanu, Mikolov, Bengio 2013) or by value. */
#include "optim/update.h"
#include "tensor/params.h"

#include <math.h>

typedef struct clip_arg {
    const tw_params *params;
    double *sum;   /* [blocks] squares of each block */
    size_t *moved; /* [blocks] numbers of it that were beyond the bound */
    tw_real factor, bound;
} clip_arg;

static void sum_block(void *arg, int block, int thread) {
    const clip_arg *a = arg;
    const tw_params *params = a->params;
    double sum = 0;
    (void)thread;
    for (tw__span s = tw__span_first(params, block); s.n; s = tw__span_next(params, s)) {
        const tw__entry *e = params->param[s.param];
        if (tw__has_grad(params->ctx, e)) sum += TW_ISA_CALL(tw__sum_squares)(s.n, e->tensor.grad + s.start);
    }
    a->sum[block] = sum;
}

static void scale_block(void *arg, int block, int thread) {
    const clip_arg *a = arg;
    const tw_params *params = a->params;
    (void)thread;
    for (tw__span s = tw__span_first(params, block); s.n; s = tw__span_next(params, s)) {
        const tw__entry *e = params->param[s.param];
        if (tw__has_grad(params->ctx, e)) TW_ISA_CALL(tw__scale)(s.n, e->tensor.grad + s.start, a->factor);
    }
}

double tw_clip_grad_norm(tw_params *params, double max_norm) {
    if (!params || params->ctx->error || tw__params_layout(params)) return NAN;
    tw_ctx *ctx = params->ctx;
    if (!(max_norm >= 0)) {
        tw_fail(ctx, TW_ERR_RANGE, "clip_grad_norm: the norm of gradients cannot be limited to %g", max_norm);
        return NAN;
    }
    int blocks = tw__params_blocks(params);
    tw_mark mark = tw_scratch_mark(ctx);
    clip_arg arg = {.params = params, .sum = tw_scratch(ctx, (size_t)blocks * sizeof(double))};
    if (!arg.sum) return NAN;
    tw_parallel_for(ctx, blocks, sum_block, &arg);
    double sum = 0;
    for (int i = 0; i < blocks; i++) sum += arg.sum[i]; /* in this order for any number of threads */
    tw_scratch_release(ctx, mark);

    /* A norm that is not finite is left for tw_optim_step to report: scaling would smear it over every parameter. */
    double norm = sqrt(sum), factor = max_norm / (norm + 1e-6);
    if (max_norm > 0 && isfinite(norm) && factor < 1) {
        arg.factor = (tw_real)factor;
        tw_parallel_for(ctx, blocks, scale_block, &arg);
    }
    return norm;
}

static void clamp_block(void *arg, int block, int thread) {
    const clip_arg *a = arg;
    const tw_params *params = a->params;
    size_t moved = 0;
    (void)thread;
    for (tw__span s = tw__span_first(params, block); s.n; s = tw__span_next(params, s)) {
        const tw__entry *e = params->param[s.param];
        if (tw__has_grad(params->ctx, e)) moved += TW_ISA_CALL(tw__clamp)(s.n, e->tensor.grad + s.start, a->bound);
    }
    a->moved[block] = moved;
}

size_t tw_clip_grad_value(tw_params *params, double bound) {
    if (!params || params->ctx->error || tw__params_layout(params)) return 0;
    tw_ctx *ctx = params->ctx;
    if (!(bound >= 0 && isfinite(bound))) {
        tw_fail(ctx, TW_ERR_RANGE, "clip_grad_value: gradients cannot be clipped to +-%g", bound);
        return 0;
    }
    int blocks = tw__params_blocks(params);
    size_t moved = 0;
    tw_mark mark = tw_scratch_mark(ctx);
    clip_arg arg = {.params = params, .moved = tw_scratch(ctx, (size_t)blocks * sizeof moved), .bound = (tw_real)bound};
    if (!arg.moved) return 0;
    tw_parallel_for(ctx, blocks, clamp_block, &arg);
    for (int i = 0; i < blocks; i++) moved += arg.moved[i];
    tw_scratch_release(ctx, mark);
    return moved;
}
