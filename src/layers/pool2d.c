/* pool2d.c - pooling's shapes and layers; the operations are in max_pool2d.c and avg_pool2d.c. */
#include "layers/pool2d.h"

#include "layers/pairs.h"

#include <limits.h>

bool tw__pool2d_options(tw_ctx *ctx, const char *op, int kh, int kw, const tw_pool2d_options *options,
                        tw_pool2d_options *out) {
    tw_pool2d_options o = options ? *options : (tw_pool2d_options){0};
    if (kh < 1 || kw < 1) return tw_fail(ctx, TW_ERR_RANGE, "%s: a window is at least 1x1, not %dx%d", op, kh, kw);
    if (!o.stride_h) o.stride_h = kh;
    if (!o.stride_w) o.stride_w = kw;
    if (o.stride_h < 0 || o.stride_w < 0)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: the stride is positive, not %dx%d", op, o.stride_h, o.stride_w);
    if (o.pad_h < 0 || o.pad_w < 0 || o.pad_h > kh / 2 || o.pad_w > kw / 2)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: the padding is at most half the window: padding %dx%d, window %dx%d", op,
                       o.pad_h, o.pad_w, kh, kw);
    *out = o;
    return true;
}

bool tw__pool2d_shape(tw_ctx *ctx, const char *op, const tw_tensor *x, int kh, int kw, const tw_pool2d_options *options,
                      tw__pool2d *s) {
    tw_pool2d_options o = {0};
    if (!tw__pool2d_options(ctx, op, kh, kw, options, &o)) return false;
    if (x->ndim != 4) return tw_fail(ctx, TW_ERR_SHAPE, "%s: the input is [N,C,H,W], not %s", op, tw_describe(ctx, x));
    long long padded_h = x->dim[2] + 2LL * o.pad_h, padded_w = x->dim[3] + 2LL * o.pad_w;
    long long room_h = padded_h - kh, room_w = padded_w - kw;
    long long pixels = (long long)x->dim[2] * x->dim[3], planes = (long long)x->dim[0] * x->dim[1];
    if (room_h < 0 || room_w < 0 || pixels == 0)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: a window of %dx%d does not fit into the input with padding %dx%d: %s",
                       op, kh, kw, o.pad_h, o.pad_w, tw_describe(ctx, x));
    if (pixels > INT_MAX || planes > INT_MAX || padded_h > INT_MAX || padded_w > INT_MAX)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: the input is too large: %s", op, tw_describe(ctx, x));
    *s = (tw__pool2d){.N = x->dim[0],
                      .C = x->dim[1],
                      .H = x->dim[2],
                      .W = x->dim[3],
                      .kh = kh,
                      .kw = kw,
                      .sh = o.stride_h,
                      .sw = o.stride_w,
                      .ph = o.pad_h,
                      .pw = o.pad_w,
                      .planes = (int)planes};
    s->OH = (int)(room_h / s->sh) + 1, s->OW = (int)(room_w / s->sw) + 1;
    s->block = pixels > 16384 ? 1 : (int)(16384 / pixels); /* some microseconds' work */
    s->blocks = (int)((planes + s->block - 1) / s->block);
    return true;
}

tw__sweep tw__pool2d_sweep(const tw__pool2d *s, int j) {
    int left = s->pw - j, right = s->W - 1 + left; /* input column = output column * sw - left, in 0 .. W-1 */
    tw__sweep w = {left > 0 ? (left - 1) / s->sw + 1 : 0, right < 0 ? 0 : right / s->sw + 1, 0};
    if (w.last > s->OW) w.last = s->OW;
    if (w.last <= w.first) return (tw__sweep){0, 0, 0};
    w.from = w.first * s->sw - left;
    return w;
}

/* ---- the layers --------------------------------------------------------------------------------------- */

typedef struct pool2d {
    tw_layer base;
    int kh, kw;
    tw_pool2d_options options;
} pool2d;

static tw_tensor *max_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    const pool2d *p = (const pool2d *)layer;
    return tw_max_pool2d(ctx, x, p->kh, p->kw, &p->options);
}

static tw_tensor *avg_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    const pool2d *p = (const pool2d *)layer;
    return tw_avg_pool2d(ctx, x, p->kh, p->kw, &p->options);
}

static tw_tensor *global_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    (void)layer;
    return tw_global_avg_pool2d(ctx, x);
}

static const tw_layer_class max_class = {"max_pool2d", max_forward, NULL};
static const tw_layer_class avg_class = {"avg_pool2d", avg_forward, NULL};
static const tw_layer_class global_class = {"global_avg_pool2d", global_forward, NULL};

bool tw__pool2d_is_plain_max(const tw_layer *layer, int *kh, int *kw) {
    const pool2d *p = (const pool2d *)layer;
    if (layer->cls != &max_class) return false;
    const tw_pool2d_options *o = &p->options;
    *kh = p->kh, *kw = p->kw;
    return o->stride_h == p->kh && o->stride_w == p->kw && o->pad_h == 0 && o->pad_w == 0;
}

static tw_layer *pool_new(tw_params *params, const tw_layer_class *cls, int kh, int kw,
                          const tw_pool2d_options *options) {
    tw_pool2d_options o;
    if (!params || !tw__pool2d_options(tw_params_ctx(params), cls->type, kh, kw, options, &o)) return NULL;
    pool2d *p = (pool2d *)tw_layer_new(params, cls, sizeof *p, NULL);
    if (!p) return NULL;
    p->kh = kh, p->kw = kw, p->options = o;
    return &p->base;
}

tw_layer *tw_max_pool2d_new(tw_params *params, int kh, int kw, const tw_pool2d_options *options) {
    return pool_new(params, &max_class, kh, kw, options);
}

tw_layer *tw_avg_pool2d_new(tw_params *params, int kh, int kw, const tw_pool2d_options *options) {
    return pool_new(params, &avg_class, kh, kw, options);
}

tw_layer *tw_global_avg_pool2d_new(tw_params *params) {
    return tw_layer_new(params, &global_class, sizeof(tw_layer), NULL);
}
