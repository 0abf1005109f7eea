/* conv2d.c - the operation, and which algorithm it takes.
 *
 *     direct       few input channels, stride 1: nothing is copied but the padding
 *     winograd     3x3 and 5x5 with enough channels: fewer multiplications
 *     grouped      groups of few channels, of any stride and dilation: the same as direct, of whole planes
 *     columns      everything else (dilation, larger groups), and everything in double: products of columns with the
 *                  weights
 *
 * The choice depends on the shape only. The fast ones are float's; they write and read through conv_lines.h, and so
 * pool as they write. */
#include <limits.h>
#include <stdio.h>
#include <thalweg/extend.h>

#include "layers/calls.h"
#include "layers/conv_columns.h"
#include "layers/conv_direct.h"
#include "layers/conv_grouped.h"
#include "layers/epilogue.h"
#include "layers/winograd.h"
#include "tensor/internal.h"
#include "tensor/log.h"

void tw_set_conv_algo(tw_ctx *ctx, tw_conv_algo algo) { ctx->plain_conv = algo == TW_CONV_PLAIN; }

/* Direct and Winograd know neither groups nor dilation. */
static bool is_dense(const tw__conv *s) { return s->groups == 1 && s->dh == 1 && s->dw == 1; }

static tw__conv_algo choose(const tw_ctx *ctx, const tw__conv *s) {
    if (ctx->plain_conv) return TW__CONV_COLUMNS;
    if (tw__conv_grouped_suits(s)) return TW__CONV_GROUPED;
    if (!is_dense(s)) return TW__CONV_COLUMNS;
    if (tw__conv_direct_suits(s)) return TW__CONV_DIRECT;
    return tw__winograd_suits(s) ? TW__CONV_WINOGRAD : TW__CONV_COLUMNS;
}

/* Can it pool these windows as it writes? Winograd's tiles are of an even number of lines and columns. */
static bool pools(tw__conv_algo algo, int pool_h, int pool_w) {
    if (algo == TW__CONV_DIRECT || algo == TW__CONV_GROUPED)
        return pool_h <= TW__POOL_AREA && pool_w <= TW__POOL_AREA / pool_h;
    return algo == TW__CONV_WINOGRAD && pool_h <= 2 && pool_w <= 2;
}

/* A narrower picture may need more scratch than this one, and where this one is too wide for the fast algorithms, what
 * they need: a step on such a picture is not to call the allocator. grads NULL: forward. */
static void keep_room(tw_ctx *ctx, tw__conv_algo algo, const tw__conv *s, int pool_h, const tw__conv_grads *grads) {
    const int threads = tw_threads(ctx);
    if (algo == TW__CONV_COLUMNS || s->groups > 1) tw__scratch_room(ctx, tw__columns_room(s, threads, grads));
    if (ctx->plain_conv) return;
    if (grads) tw__scratch_room(ctx, tw__conv_grouped_backward_room(s, threads, grads->dx));
    else tw__scratch_room(ctx, tw__conv_grouped_room(s, threads, pool_h));
    if (!is_dense(s)) return;
    if (grads) tw__scratch_room(ctx, tw__conv_direct_backward_room(s, threads, grads->dx));
    else tw__scratch_room(ctx, tw__conv_direct_room(s, threads, pool_h));
    if (algo != TW__CONV_DIRECT) tw__scratch_room(ctx, tw__winograd_room(s, threads, grads));
}

/* ---- backward ----------------------------------------------------------------------------------------- */

static void conv2d_backward(tw_ctx *ctx, tw_node *node) {
    tw_tensor *x = node->in[0], *weight = node->in[1], *bias = node->in[2], *y = node->out[0];
    tw__conv_call *call = node->attr;
    const tw__conv *s = &call->shape;
    tw__conv_grads g = {0};
    g.dx = tw_grad(ctx, x, &g.dx_beta);
    g.dw = tw_grad(ctx, weight, &g.dw_beta);
    g.db = bias ? tw_grad(ctx, bias, &g.db_beta) : NULL;
    if (tw_error(ctx)) return;
    keep_room(ctx, call->algo, s, call->lines.pool_h, &g);
    if (call->algo == TW__CONV_COLUMNS) {
        (void)tw__columns_backward(ctx, s, call->lines.act, x->data, weight->data, y->data, y->grad, &g);
        return;
    }
    tw__conv_lines dz = call->lines;
    dz.dy = y->grad;
    if (call->algo == TW__CONV_WINOGRAD) (void)tw__winograd_backward(ctx, s, x->data, weight->data, &dz, &g);
    else if (call->algo == TW__CONV_GROUPED) (void)tw__conv_grouped_backward(ctx, s, x->data, weight->data, &dz, &g);
    else (void)tw__conv_direct_backward(ctx, s, x->data, weight->data, &dz, &g);
}

static const tw_op conv2d_op = {"conv2d", conv2d_backward};

/* ---- the operation ------------------------------------------------------------------------------------ */

static bool options_ok(tw_ctx *ctx, tw_conv2d_options *o) {
    if (!o->stride_h) o->stride_h = 1;
    if (!o->stride_w) o->stride_w = 1;
    if (o->stride_h < 0 || o->stride_w < 0 || o->pad_h < 0 || o->pad_w < 0)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: stride and padding are not negative: stride %dx%d, padding %dx%d",
                       o->stride_h, o->stride_w, o->pad_h, o->pad_w);
    if (o->pool_h < 0 || o->pool_w < 0)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: a window of pooling is not negative: %dx%d", o->pool_h, o->pool_w);
    if (!o->pool_h) o->pool_h = 1;
    if (!o->pool_w) o->pool_w = 1;
    if (o->dilation_h < 0 || o->dilation_w < 0 || o->groups < 0)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: dilation and groups are not negative: dilation %dx%d, %d groups",
                       o->dilation_h, o->dilation_w, o->groups);
    if (!o->dilation_h) o->dilation_h = 1;
    if (!o->dilation_w) o->dilation_w = 1;
    if (!o->groups) o->groups = 1;
    return tw__act_ok(ctx, "conv2d", o->act);
}

static bool shape_of(tw_ctx *ctx, const tw_tensor *x, const tw_tensor *weight, const tw_tensor *bias,
                     const tw_conv2d_options *o, tw__conv *s) {
    const char *xs = tw_describe(ctx, x), *ws = tw_describe(ctx, weight);
    if (weight->ndim != 4 || weight->size == 0)
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: the weight is [out,in,kh,kw], none of them 0, not %s", ws);
    if (x->ndim != 4) return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: the input is [N,C,H,W], not %s", xs);
    if (o->groups == 1 && x->dim[1] != weight->dim[1])
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: input has %d channels, the weight wants %d: %s, %s", x->dim[1],
                       weight->dim[1], xs, ws);
    if (weight->dim[0] % o->groups || x->dim[1] / o->groups != weight->dim[1] || x->dim[1] % o->groups)
        return tw_fail(ctx, TW_ERR_SHAPE,
                       "conv2d: %d groups of the input's %d channels are not the weight's %d, or do not divide its %d "
                       "outputs: %s, %s",
                       o->groups, x->dim[1], weight->dim[1], weight->dim[0], xs, ws);
    if (bias && (bias->ndim != 1 || bias->dim[0] != weight->dim[0]))
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: the bias is [out]: %s, %s", tw_describe(ctx, bias), ws);
    *s = (tw__conv){.N = x->dim[0],
                    .C = x->dim[1],
                    .H = x->dim[2],
                    .W = x->dim[3],
                    .O = weight->dim[0],
                    .kh = weight->dim[2],
                    .kw = weight->dim[3],
                    .sh = o->stride_h,
                    .sw = o->stride_w,
                    .ph = o->pad_h,
                    .pw = o->pad_w,
                    .dh = weight->dim[2] > 1 ? o->dilation_h : 1, /* of one element there is no distance */
                    .dw = weight->dim[3] > 1 ? o->dilation_w : 1,
                    .groups = o->groups};
    long long padded_h = s->H + 2LL * s->ph, padded_w = s->W + 2LL * s->pw;
    long long reach_h = (s->kh - 1LL) * s->dh, reach_w = (s->kw - 1LL) * s->dw;
    long long room_h = padded_h - reach_h - 1, room_w = padded_w - reach_w - 1;
    if ((room_h < 0 || room_w < 0) && (s->dh > 1 || s->dw > 1))
        return tw_fail(ctx, TW_ERR_SHAPE,
                       "conv2d: the kernel dilated by %dx%d reaches over %lldx%lld pixels, more than the input with "
                       "padding %dx%d has: %s, %s",
                       s->dh, s->dw, reach_h + 1, reach_w + 1, s->ph, s->pw, xs, ws);
    if (room_h < 0 || room_w < 0)
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: the kernel is larger than the input with padding %dx%d: %s, %s",
                       s->ph, s->pw, xs, ws);
    long long OH = room_h / s->sh + 1, OW = room_w / s->sw + 1, K = (long long)weight->size / s->O;
    bool too_wide = padded_h > INT_MAX || padded_w > INT_MAX;
    if (too_wide || OH * OW > INT_MAX || K > INT_MAX || (long long)s->H * s->W > INT_MAX)
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: a picture has at most %d pixels, padding %dx%d: %s, %s", INT_MAX,
                       s->ph, s->pw, xs, ws);
    s->OH = (int)OH, s->OW = (int)OW;
    if (s->OH < o->pool_h || s->OW < o->pool_w)
        return tw_fail(ctx, TW_ERR_SHAPE,
                       "conv2d: pooling's window of %dx%d does not fit into an output of %dx%d: %s, %s", o->pool_h,
                       o->pool_w, s->OH, s->OW, xs, ws);
    s->taps = s->kh * s->kw, s->K = (int)K, s->P = s->OH * s->OW;
    return true;
}

/* Two operations where one will not do. */
static tw_tensor *pool_apart(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias, tw_conv2d_options o) {
    int pool_h = o.pool_h, pool_w = o.pool_w;
    o.pool_h = o.pool_w = 0;
    tw_tensor *y = tw_conv2d(ctx, x, weight, bias, &o), *pooled = tw_max_pool2d(ctx, y, pool_h, pool_w, NULL);
    if (!ctx->recording) tw__tensor_recycle(ctx, y);
    return pooled;
}

/* An activation that needs the sums themselves. */
static tw_tensor *activate_apart(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias, tw_conv2d_options o) {
    const tw_act act = o.act;
    o.act = TW_ACT_NONE;
    return tw__act_apart(ctx, tw_conv2d(ctx, x, weight, bias, &o), act);
}

static void log_choice(tw_ctx *ctx, const tw_tensor *x, const tw__conv *s, tw__conv_algo algo,
                       const tw__conv_lines *lines) {
    static const char *const name[] = {"columns", "direct", "winograd", "grouped"};
    char pooled[40] = "";
    if (lines->pool_h > 1 || lines->pool_w > 1)
        snprintf(pooled, sizeof pooled, ", pooled %dx%d", lines->pool_h, lines->pool_w);
    tw__log(ctx, "conv2d %s %dx%dx%d: %s%s", tw_describe(ctx, x), s->O, s->kh, s->kw, name[algo], pooled);
}

tw_tensor *tw_conv2d(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias, const tw_conv2d_options *options) {
    tw_tensor *in[] = {x, weight, bias};
    tw_conv2d_options o = options ? *options : (tw_conv2d_options){0};
    tw__conv s = {0};
    if (!tw_inputs_ok(ctx, "conv2d", bias ? 3 : 2, in) || !options_ok(ctx, &o) ||
        !shape_of(ctx, x, weight, bias, &o, &s))
        return NULL;
    tw__conv_algo algo = choose(ctx, &s);
    bool pooled = o.pool_h > 1 || o.pool_w > 1;
    if (pooled && (!pools(algo, o.pool_h, o.pool_w) || !tw__act_fuses(o.act))) {
        /* It is too wide for an algorithm that would pool these windows as it writes; narrower ones are not. */
        if (tw__act_fuses(o.act) && pools(TW__CONV_DIRECT, o.pool_h, o.pool_w))
            keep_room(ctx, algo, &s, o.pool_h, NULL);
        return pool_apart(ctx, x, weight, bias, o);
    }
    if (!tw__act_fuses(o.act)) return activate_apart(ctx, x, weight, bias, o);

    tw__conv_lines lines = tw__conv_lines_of(&s, o.act, o.pool_h, o.pool_w);
    tw_tensor *y = tw_new(ctx, 4, (int[]){s.N, s.O, lines.PH, lines.PW});
    if (!y) return NULL;
    if (ctx->log) log_choice(ctx, x, &s, algo, &lines);
    lines.bias = bias ? bias->data : NULL;
    lines.y = y->data;
    tw__conv_call *call = NULL;
    if (tw_will_record(ctx, 3, in)) {
        if (!(call = tw_alloc(ctx, sizeof *call))) return NULL;
        if (pooled && !(lines.winner = tw_alloc(ctx, y->size))) return NULL;
        *call = (tw__conv_call){s, lines, algo};
    }
    keep_room(ctx, algo, &s, lines.pool_h, NULL);
    bool done = false;
    switch (algo) {
    case TW__CONV_COLUMNS:
        done = tw__columns_forward(ctx, &s, o.act, x->data, weight->data, lines.bias, y->data);
        break;
    case TW__CONV_DIRECT: done = tw__conv_direct_forward(ctx, &s, x->data, weight->data, &lines); break;
    case TW__CONV_GROUPED: done = tw__conv_grouped_forward(ctx, &s, x->data, weight->data, &lines); break;
    case TW__CONV_WINOGRAD: done = tw__winograd_forward(ctx, &s, x->data, weight->data, &lines); break;
    }
    return done ? tw_record(ctx, &conv2d_op, call, 3, in, y) : NULL;
}
