/* avg_pool2d.c - the mean of each window, padding counted as zeros; and the mean of whole planes. */
#include <string.h>

#include "layers/epilogue.h"
#include "layers/pool2d.h"

typedef struct pass {
    const tw__pool2d *shape;
    const tw_real *x, *dy;
    tw_real *y, *dx, beta;
} pass;

/* The gradient of window k goes in equal parts to everything the window saw, so backward is forward with the roles
 * of input and output exchanged: in forward y += x / (kh kw), in backward dx += dy / (kh kw). */
static void window_row(const pass *p, int plane, int oh) {
    const tw__pool2d *s = p->shape;
    tw_real share = 1 / ((tw_real)s->kh * (tw_real)s->kw);
    size_t out = ((size_t)plane * (size_t)s->OH + (size_t)oh) * (size_t)s->OW,
           in = (size_t)plane * (size_t)s->H * (size_t)s->W;
    int top = oh * s->sh - s->ph, first = top > 0 ? top : 0, last = top + s->kh < s->H ? top + s->kh : s->H;
    for (int h = first; h < last; h++)
        for (int j = 0; j < s->kw; j++) {
            tw__sweep w = tw__pool2d_sweep(s, j);
            size_t row = in + (size_t)h * (size_t)s->W + (size_t)w.from, k = out + (size_t)w.first;
            if (p->dx) TW_ISA_CALL(tw__add_sweep)(w.last - w.first, p->dy + k, 1, share, p->dx + row, s->sw);
            else TW_ISA_CALL(tw__add_sweep)(w.last - w.first, p->x + row, s->sw, share, p->y + k, 1);
        }
}

static void pool_block(void *arg, int block, int thread) {
    (void)thread;
    const pass *p = arg;
    const tw__pool2d *s = p->shape;
    size_t pixels = (size_t)s->H * (size_t)s->W, windows = (size_t)s->OH * (size_t)s->OW;
    for (int i = block * s->block; i < (block + 1) * s->block && i < s->planes; i++) {
        if (p->y) memset(p->y + (size_t)i * windows, 0, windows * sizeof(tw_real));
        else if (p->beta == 0) memset(p->dx + (size_t)i * pixels, 0, pixels * sizeof(tw_real));
        for (int oh = 0; oh < s->OH; oh++) window_row(p, i, oh);
    }
}

static void avg_pool2d_backward(tw_ctx *ctx, tw_node *n) {
    pass p = {.shape = n->attr, .dy = n->out[0]->grad};
    p.dx = tw_grad(ctx, n->in[0], &p.beta);
    if (p.dx) tw_parallel_for(ctx, p.shape->blocks, pool_block, &p);
}

static const tw_op avg_pool2d_op = {"avg_pool2d", avg_pool2d_backward};

tw_tensor *tw_avg_pool2d(tw_ctx *ctx, tw_tensor *x, int kh, int kw, const tw_pool2d_options *options) {
    tw__pool2d here, *call = &here;
    if (!tw_inputs_ok(ctx, "avg_pool2d", 1, &x) || !tw__pool2d_shape(ctx, "avg_pool2d", x, kh, kw, options, &here))
        return NULL;
    tw_tensor *y = tw_new(ctx, 4, (int[]){here.N, here.C, here.OH, here.OW});
    if (!y) return NULL;
    if (tw_will_record(ctx, 1, &x)) {
        if (!(call = tw_alloc(ctx, sizeof *call))) return NULL;
        *call = here;
    }
    pass p = {.shape = call, .x = x->data, .y = y->data};
    tw_parallel_for(ctx, call->blocks, pool_block, &p);
    return tw_record(ctx, &avg_pool2d_op, call, 1, &x, y);
}

/* ---- whole planes: y = sum of x / (H W),  dx = dy / (H W) ------------------------------------------------ */

static void global_block(void *arg, int block, int thread) {
    (void)thread;
    const pass *p = arg;
    const tw__pool2d *s = p->shape;
    size_t pixels = (size_t)s->H * (size_t)s->W;
    for (int i = block * s->block; i < (block + 1) * s->block && i < s->planes; i++) {
        if (p->y) {
            p->y[i] = (tw_real)(TW_ISA_CALL(tw__sum)(pixels, p->x + (size_t)i * pixels) / (double)pixels);
            continue;
        }
        tw_real share = p->dy[i] / (tw_real)pixels, *dx = p->dx + (size_t)i * pixels;
        for (size_t k = 0; k < pixels; k++) dx[k] = tw_add_to(p->beta, dx[k], share);
    }
}

static void global_avg_pool2d_backward(tw_ctx *ctx, tw_node *n) {
    pass p = {.shape = n->attr, .dy = n->out[0]->grad};
    p.dx = tw_grad(ctx, n->in[0], &p.beta);
    if (p.dx) tw_parallel_for(ctx, p.shape->blocks, global_block, &p);
}

static const tw_op global_avg_pool2d_op = {"global_avg_pool2d", global_avg_pool2d_backward};

tw_tensor *tw_global_avg_pool2d(tw_ctx *ctx, tw_tensor *x) {
    tw__pool2d here, *call = &here;
    if (!tw_inputs_ok(ctx, "global_avg_pool2d", 1, &x)) return NULL;
    if (x->ndim != 4 || x->dim[2] < 1 || x->dim[3] < 1)
        return tw_fail(ctx, TW_ERR_SHAPE, "global_avg_pool2d: the input is [N,C,H,W] with at least one pixel, not %s",
                       tw_describe(ctx, x));
    if (!tw__pool2d_shape(ctx, "global_avg_pool2d", x, x->dim[2], x->dim[3], NULL, &here)) return NULL;
    tw_tensor *y = tw_new(ctx, 2, (int[]){here.N, here.C});
    if (!y) return NULL;
    if (tw_will_record(ctx, 1, &x)) {
        if (!(call = tw_alloc(ctx, sizeof *call))) return NULL;
        *call = here;
    }
    pass p = {.shape = call, .x = x->data, .y = y->data};
    tw_parallel_for(ctx, call->blocks, global_block, &p);
    return tw_record(ctx, &global_avg_pool2d_op, call, 1, &x, y);
}
