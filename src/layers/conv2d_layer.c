/* conv2d_layer.c - tw_conv2d with a weight and a bias of its own. */
#include <math.h>
#include <thalweg/extend.h>

#include "layers/epilogue.h"
#include "layers/pairs.h"

typedef struct conv2d {
    tw_layer base;
    tw_tensor *weight, *bias;
    tw_conv2d_options options;
} conv2d;

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    const conv2d *c = (const conv2d *)layer;
    return tw_conv2d(ctx, x, c->weight, c->bias, &c->options);
}

static const tw_layer_class conv2d_class = {"conv2d", forward, NULL};

bool tw__conv2d_may_pool(const tw_layer *layer) {
    const conv2d *c = (const conv2d *)layer;
    return layer->cls == &conv2d_class && c->options.pool_h <= 1 && c->options.pool_w <= 1;
}

tw_tensor *tw__conv2d_pooled(tw_ctx *ctx, tw_layer *layer, tw_tensor *x, int pool_h, int pool_w) {
    const conv2d *c = (const conv2d *)layer;
    tw_conv2d_options o = c->options;
    o.pool_h = pool_h, o.pool_w = pool_w;
    return tw_conv2d(ctx, x, c->weight, c->bias, &o);
}

tw_layer *tw_conv2d_new(tw_params *params, const char *name, int in, int out, int kh, int kw,
                        const tw_conv2d_options *options) {
    if (!params) return NULL;
    tw_ctx *ctx = tw_params_ctx(params);
    tw_conv2d_options o = options ? *options : (tw_conv2d_options){0};
    if (in < 1 || out < 1 || kh < 1 || kw < 1)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: sizes are at least 1: in %d, out %d, kernel %dx%d", in, out, kh, kw);
    if (o.stride_h < 0 || o.stride_w < 0 || o.pad_h < 0 || o.pad_w < 0)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: stride and padding are not negative: stride %dx%d, padding %dx%d",
                       o.stride_h, o.stride_w, o.pad_h, o.pad_w);
    if (o.pool_h < 0 || o.pool_w < 0)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: a window of pooling is not negative: %dx%d", o.pool_h, o.pool_w);
    if (o.dilation_h < 0 || o.dilation_w < 0 || o.groups < 0)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: dilation and groups are not negative: dilation %dx%d, %d groups",
                       o.dilation_h, o.dilation_w, o.groups);
    if (!o.groups) o.groups = 1;
    if (in % o.groups || out % o.groups)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: %d groups do not divide the channels: in %d, out %d", o.groups, in,
                       out);
    if (!tw__act_ok(ctx, "conv2d", o.act)) return NULL;
    conv2d *c = (conv2d *)tw_layer_new(params, &conv2d_class, sizeof *c, name);
    if (!c) return NULL;
    tw_init bias_init = {TW_INIT_CONSTANT, 0};
    const int seen = in / o.groups;
    if (o.init.kind == TW_INIT_DEFAULT)
        bias_init = o.init = (tw_init){TW_INIT_UNIFORM, 1 / sqrt((double)seen * kh * kw)};
    c->options = o;
    c->weight = tw_layer_param(&c->base, "weight", o.init, 4, (int[]){out, seen, kh, kw});
    if (c->weight && !o.no_bias) c->bias = tw_layer_param(&c->base, "bias", bias_init, 1, (int[]){out});
    return c->weight && (o.no_bias || c->bias) ? &c->base : NULL;
}
