/* max_pool2d.c - the largest value of each window; the gradient goes to the place it came from. */
#include <math.h>
#include <string.h>

#include "layers/calls.h"
#include "layers/pool2d.h"

typedef struct pass {
    const tw__max_call *call;
    const tw_real *x, *dy;
    tw_real *y, *dx, beta;
} pass;

/* A row of windows: starts with the place each window begins at, then takes row after row of the windows in. */
static void window_row(const tw__pool2d *s, const tw_real *x, int oh, tw_real *y, int32_t *at) {
    int top = oh * s->sh - s->ph, first = top > 0 ? top : 0, last = top + s->kh < s->H ? top + s->kh : s->H;
    for (int ow = 0; ow < s->OW; ow++) {
        y[ow] = -INFINITY; /* what padding counts as */
        int left = ow * s->sw - s->pw;
        if (at) at[ow] = first * s->W + (left > 0 ? left : 0);
    }
    for (int h = first; h < last; h++)
        for (int j = 0; j < s->kw; j++) {
            tw__sweep w = tw__pool2d_sweep(s, j);
            int from = h * s->W + w.from;
            TW_ISA_CALL(tw__max_sweep)(w.last - w.first, x + from, s->sw, y + w.first, at ? at + w.first : NULL, from);
        }
}

static void forward_block(void *arg, int block, int thread) {
    (void)thread;
    const pass *p = arg;
    const tw__pool2d *s = &p->call->shape;
    bool two = s->kh == 2 && s->kw == 2 && s->sh == 2 && s->sw == 2 && s->ph == 0 && s->pw == 0;
    for (int i = block * s->block; i < (block + 1) * s->block && i < s->planes; i++)
        for (int oh = 0; oh < s->OH; oh++) {
            const tw_real *x = p->x + (size_t)i * (size_t)s->H * (size_t)s->W;
            size_t row = ((size_t)i * (size_t)s->OH + (size_t)oh) * (size_t)s->OW;
            int32_t *at = p->call->at ? p->call->at + row : NULL;
            int start = 2 * oh * s->W;
            if (two) TW_ISA_CALL(tw__max_2x2)(s->OW, x + start, x + start + s->W, p->y + row, at, start, s->W);
            else window_row(s, x, oh, p->y + row, at);
        }
}

static void backward_block(void *arg, int block, int thread) {
    (void)thread;
    const pass *p = arg;
    const tw__pool2d *s = &p->call->shape;
    size_t pixels = (size_t)s->H * (size_t)s->W, windows = (size_t)s->OH * (size_t)s->OW;
    for (int i = block * s->block; i < (block + 1) * s->block && i < s->planes; i++) {
        tw_real *dx = p->dx + (size_t)i * pixels;
        const tw_real *dy = p->dy + (size_t)i * windows;
        const int32_t *at = p->call->at + (size_t)i * windows;
        if (p->beta == 0) memset(dx, 0, pixels * sizeof *dx);
        for (size_t k = 0; k < windows; k++) dx[at[k]] += dy[k];
    }
}

static void max_pool2d_backward(tw_ctx *ctx, tw_node *n) {
    pass p = {.call = n->attr, .dy = n->out[0]->grad};
    p.dx = tw_grad(ctx, n->in[0], &p.beta);
    if (p.dx) tw_parallel_for(ctx, p.call->shape.blocks, backward_block, &p);
}

static const tw_op max_pool2d_op = {"max_pool2d", max_pool2d_backward};

tw_tensor *tw_max_pool2d(tw_ctx *ctx, tw_tensor *x, int kh, int kw, const tw_pool2d_options *options) {
    tw__max_call here = {0}, *call = &here;
    if (!tw_inputs_ok(ctx, "max_pool2d", 1, &x) ||
        !tw__pool2d_shape(ctx, "max_pool2d", x, kh, kw, options, &here.shape))
        return NULL;
    const tw__pool2d *s = &here.shape;
    tw_tensor *y = tw_new(ctx, 4, (int[]){s->N, s->C, s->OH, s->OW});
    if (!y) return NULL;
    if (tw_will_record(ctx, 1, &x)) {
        here.at = tw_alloc(ctx, y->size * sizeof *here.at);
        call = tw_alloc(ctx, sizeof *call);
        if (!here.at || !call) return NULL;
        *call = here;
    }
    pass p = {.call = call, .x = x->data, .y = y->data};
    tw_parallel_for(ctx, s->blocks, forward_block, &p);
    return tw_record(ctx, &max_pool2d_op, call, 1, &x, y);
}
