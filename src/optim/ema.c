/* ema.c - an exponential moving average of a model's weights (Polyak, Juditsky 1992).
 *
 *     a = d a + (1 - d) w,   d = min(decay, (1 + step) / (10 + step)),   in the first step d = 0
 *
 * The averages are buffers of the model whose names begin with "ema.", so they lie in its block of values, and a
 * checkpoint holds them beside the weights. This file is not compiled for each instruction set: a fused multiply-add
 * rounds differently, and a resumed training would no longer give the same bits. */
#include "tensor/params.h"

#include <string.h>
#include <thalweg/optim.h>

#define PREFIX "ema."

typedef struct pair {
    tw__entry *weight, *average;
    int first_block; /* the blocks of all pairs are numbered one after another */
} pair;

struct tw_ema {
    tw_params *params;
    size_t n, bytes; /* pairs; of this struct with them */
    int blocks;
    tw_real decay; /* of the update at hand */
    pair pair[];
};

static void ema_free(void *object) {
    tw_ema *e = object;
    tw__free(e->params->ctx, e, e->bytes);
}

static int blocks_of(const tw__entry *e) { return (int)((e->tensor.size + TW__PARAM_BLOCK - 1) / TW__PARAM_BLOCK); }

static bool add_average(tw_ema *e, tw__entry *weight) {
    tw_params *params = e->params;
    tw_ctx *ctx = params->ctx;
    tw_mark mark = tw_scratch_mark(ctx);
    size_t room = sizeof PREFIX + strlen(weight->name);
    char *name = tw_scratch(ctx, room);
    if (name) snprintf(name, room, PREFIX "%s", weight->name);
    bool made = name && tw_buffer(params, name, 0, weight->tensor.ndim, weight->tensor.dim);
    tw_scratch_release(ctx, mark);
    if (!made) return false;
    tw__entry *average = params->entry[params->count - 1];
    average->average_of = weight;
    if (weight->tensor.size) memcpy(average->tensor.data, weight->tensor.data, weight->tensor.size * sizeof(tw_real));
    e->pair[e->n++] = (pair){weight, average, e->blocks};
    e->blocks += blocks_of(weight);
    return true;
}

tw_ema *tw_ema_new(tw_params *params) {
    if (!params) return NULL;
    tw_ctx *ctx = params->ctx;
    size_t count = params->count, bytes = sizeof(tw_ema) + count * sizeof(pair);
    for (size_t i = 0; i < count; i++)
        if (params->entry[i]->average_of)
            return tw_fail(ctx, TW_ERR_STATE, "ema: these parameters have averages already (\"%s\")",
                           params->entry[i]->name);
    tw_ema *e = tw__calloc(ctx, bytes);
    if (!e) return NULL;
    e->params = params;
    e->bytes = bytes;
    if (tw__params_own(params, e, ema_free)) {
        ema_free(e);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) { /* a tied parameter has the average of its original */
        if (params->entry[i]->kind == TW__TIED || add_average(e, params->entry[i])) continue;
        tw__params_take_back(params, count);
        params->nowned--;
        ema_free(e);
        return NULL;
    }
    return e;
}

/* ---- updating ------------------------------------------------------------------------------------------ */

static void update_block(void *arg, int block, int thread) {
    const tw_ema *e = arg;
    size_t low = 0, high = e->n;
    (void)thread;
    while (low + 1 < high) { /* the last pair that begins at or before the block */
        size_t middle = (low + high) / 2;
        if (e->pair[middle].first_block <= block) low = middle;
        else high = middle;
    }
    const pair *p = &e->pair[low];
    size_t start = (size_t)(block - p->first_block) * TW__PARAM_BLOCK, n = p->weight->tensor.size - start;
    const tw_real *restrict w = p->weight->tensor.data + start;
    tw_real *restrict a = p->average->tensor.data + start, d = e->decay, rest = 1 - d;
    if (n > TW__PARAM_BLOCK) n = TW__PARAM_BLOCK;
    for (size_t i = 0; i < n; i++) a[i] = d * a[i] + rest * w[i];
}

static tw_err check_out(const tw_ema *e, const char *what) {
    if (!e->params->averaged) return TW_OK;
    return tw_fail_err(e->params->ctx, TW_ERR_STATE,
                       "%s: the averages are in the weights' place; tw_ema_swap_out first", what);
}

tw_err tw_ema_update(tw_ema *e, double decay, int64_t step) {
    if (!e) return TW_ERR_STATE;
    tw_ctx *ctx = e->params->ctx;
    if (ctx->error) return ctx->error;
    if (!(decay >= 0 && decay < 1))
        return tw_fail_err(ctx, TW_ERR_RANGE, "ema: a decay is at least 0 and below 1, not %g", decay);
    if (step < 1) return tw_fail_err(ctx, TW_ERR_RANGE, "ema: steps count from 1, this is %lld", (long long)step);
    tw_err err = check_out(e, "ema");
    if (err) return err;
    double most = (1 + (double)step) / (10 + (double)step);
    if (step <= 1) decay = 0;
    e->decay = (tw_real)(decay < most ? decay : most);
    tw_parallel_for(ctx, e->blocks, update_block, e);
    return TW_OK;
}

/* ---- using it ------------------------------------------------------------------------------------------- */

static void exchange(const tw_ema *e) {
    tw__undo_forget_params(e->params);
    for (size_t i = 0; i < e->n; i++) {
        tw_real *w = e->pair[i].weight->tensor.data, *a = e->pair[i].average->tensor.data;
        for (size_t k = 0; k < e->pair[i].weight->tensor.size; k++) {
            tw_real kept = w[k];
            w[k] = a[k];
            a[k] = kept;
        }
    }
}

tw_err tw_ema_swap_in(tw_ema *e) {
    if (!e) return TW_ERR_STATE;
    tw_err err = check_out(e, "ema_swap_in");
    if (err) return err;
    exchange(e);
    e->params->averaged = true;
    return TW_OK;
}

tw_err tw_ema_swap_out(tw_ema *e) {
    if (!e) return TW_ERR_STATE;
    if (!e->params->averaged)
        return tw_fail_err(e->params->ctx, TW_ERR_STATE, "ema_swap_out: the weights are in their place");
    exchange(e);
    e->params->averaged = false;
    return TW_OK;
}

static tw_tensor *target(const tw_ema *e, tw_params *to, size_t i) {
    return to == e->params ? &e->pair[i].weight->tensor : tw_params_find(to, e->pair[i].weight->name);
}

tw_err tw_ema_copy(const tw_ema *e, tw_params *to) {
    if (!e || !to) return TW_ERR_STATE;
    tw_ctx *ctx = to->ctx;
    tw_err err = check_out(e, "ema_copy");
    if (!err && to->averaged)
        return tw_fail_err(
            ctx, TW_ERR_STATE,
            "ema_copy: averages are in the weights' place of the model copied to; tw_ema_swap_out first");
    for (size_t i = 0; !err && i < e->n; i++) {
        const tw_tensor *from = &e->pair[i].weight->tensor, *t = target(e, to, i);
        if (!t) return tw_fail_err(ctx, TW_ERR_RANGE, "ema_copy: there is no %s", tw_describe(ctx, from));
        bool same = t->ndim == from->ndim;
        for (int k = 0; same && k < t->ndim; k++) same = t->dim[k] == from->dim[k];
        if (!same)
            return tw_fail_err(ctx, TW_ERR_SHAPE, "ema_copy: shapes differ: %s and %s", tw_describe(ctx, from),
                               tw_describe(ctx, t));
    }
    if (!err) tw__undo_forget_params(to);
    for (size_t i = 0; !err && i < e->n; i++) {
        const tw_tensor *a = &e->pair[i].average->tensor;
        if (a->size) memcpy(target(e, to, i)->data, a->data, a->size * sizeof *a->data);
    }
    return err;
}
