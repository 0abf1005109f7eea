/* batchnorm.c - y = act((x - mean) / sqrt(var + eps) * weight + bias), channel by channel. */
#include "layers/calls.h"
#include "layers/batchnorm.h"

#include <math.h>
#include <string.h>
#include <thalweg/extend.h>

#include "layers/epilogue.h"
#include "tensor/internal.h"

/* x is seen as [N,C,S]. A channel's values lie in N runs of S; when S is short they are gathered into one run first,
 * for CHANNELS channels at a time, so that threads do not write to the same cache line. */
enum { SHORT = 16, CHANNELS = 16, RUNS = 4 };

typedef struct pass {
    const tw__batchnorm_call *call;
    const tw_real *x, *weight, *bias, *dy;
    tw_real *y, *dx, *dw, *db;
    tw_real dx_beta, dw_beta, db_beta;
    const tw_real *running_mean, *running_var; /* eval only */
    double eps, *var;                          /* training: [C] unbiased, for the running variance */
    tw_real *buffer;                           /* RUNS runs of N S numbers for each thread, when S is short */
} pass;

static bool gathers(const tw__batchnorm_call *c) { return c->S < SHORT; }
static int channels_of(const tw__batchnorm_call *c) { return gathers(c) ? CHANNELS : 1; }
static int block_count(const tw__batchnorm_call *c) {
    size_t per = (size_t)channels_of(c);
    return (int)((c->C + per - 1) / per);
}

/* Channel c's runs: how many, how long, how far apart. */
typedef struct runs {
    size_t n, length, step, at;
} runs;

static runs runs_of(const tw__batchnorm_call *b, size_t c) { return (runs){b->N, b->S, b->C * b->S, c * b->S}; }

static const tw_real *gather(runs r, const tw_real *from, tw_real *to) {
    for (size_t n = 0; n < r.n; n++)
        for (size_t i = 0; i < r.length; i++) to[n * r.length + i] = from[n * r.step + r.at + i];
    return to;
}

static void scatter(runs r, const tw_real *from, tw_real beta, tw_real *to) {
    for (size_t n = 0; n < r.n; n++)
        for (size_t i = 0; i < r.length; i++) {
            tw_real *t = &to[n * r.step + r.at + i];
            *t = tw_add_to(beta, *t, from[n * r.length + i]);
        }
}

static tw_real *thread_buffer(const pass *p, int thread) {
    return p->buffer ? p->buffer + (size_t)thread * RUNS * p->call->N * p->call->S : NULL;
}

static bool take_buffers(tw_ctx *ctx, pass *p) {
    const size_t a_place = (size_t)tw_threads(ctx) * RUNS * p->call->N * sizeof(tw_real);
    tw__scratch_room(ctx, a_place * (SHORT - 1)); /* for narrower pictures */
    if (!gathers(p->call)) return true;
    p->buffer = tw_scratch(ctx, a_place * p->call->S);
    return p->buffer != NULL;
}

/* ---- forward ------------------------------------------------------------------------------------------ */

static void forward_channel(const pass *p, size_t c, tw_real *buffer) {
    const tw__batchnorm_call *b = p->call;
    runs r = runs_of(b, c);
    const tw_real *x = p->x;
    tw_real *y = p->y;
    if (gathers(b)) {
        x = gather(r, p->x, buffer);
        y = buffer + b->N * b->S;
        r = (runs){1, b->N * b->S, 0, 0};
    }
    if (b->training) {
        tw__moments m = {0, 0, 0};
        for (size_t n = 0; n < r.n; n++) TW_ISA_CALL(tw__moments_add)(r.length, x + n * r.step + r.at, &m);
        b->mean[c] = m.mean;
        b->inverse[c] = 1 / sqrt(m.m2 / m.n + p->eps);
        p->var[c] = m.m2 / (m.n - 1);
    } else {
        b->mean[c] = (double)p->running_mean[c];
        b->inverse[c] = 1 / sqrt((double)p->running_var[c] + p->eps);
    }
    tw_real mean = (tw_real)b->mean[c], scale = (tw_real)(b->inverse[c] * (double)p->weight[c]);
    for (size_t n = 0; n < r.n; n++) {
        size_t at = n * r.step + r.at;
        TW_ISA_CALL(tw__affine_act)(b->act, r.length, x + at, mean, scale, p->bias[c], y + at);
    }
    if (gathers(b)) scatter(runs_of(b, c), y, 0, p->y);
}

static void forward_block(void *arg, int block, int thread) {
    const pass *p = arg;
    size_t first = (size_t)block * (size_t)channels_of(p->call), last = first + (size_t)channels_of(p->call);
    for (size_t c = first; c < last && c < p->call->C; c++) forward_channel(p, c, thread_buffer(p, thread));
}

/* ---- backward: with dz = dy act'(y), xhat = (x - mean) inverse and M = N S values a channel,
 *     dbias = sum dz,   dweight = sum dz xhat,
 *     dx = weight inverse (dz - dbias / M - xhat dweight / M)   in training, where mean and var depend on x;
 *     dx = weight inverse dz                                    in eval. -------------------------------------- */

static void backward_channel(const pass *p, size_t c, tw_real *buffer) {
    const tw__batchnorm_call *b = p->call;
    runs r = runs_of(b, c);
    const tw_real *x = p->x, *y = p->y, *dy = p->dy;
    size_t values = b->N * b->S;
    if (gathers(b)) {
        x = gather(r, p->x, buffer);
        dy = gather(r, p->dy, buffer + values);
        if (b->act != TW_ACT_NONE) y = gather(r, p->y, buffer + 2 * values);
        r = (runs){1, values, 0, 0};
    }
    double sum[2] = {0, 0}, mean = b->mean[c], inverse = b->inverse[c];
    for (size_t n = 0; n < r.n; n++) {
        size_t at = n * r.step + r.at;
        TW_ISA_CALL(tw__batchnorm_sums)(b->act, r.length, x + at, y + at, dy + at, mean, sum);
    }
    /* In the order in which backward asked for them: tied, they are one. */
    if (p->dw) p->dw[c] = tw_add_to(p->dw_beta, p->dw[c], (tw_real)(sum[1] * inverse));
    if (p->db) p->db[c] = tw_add_to(p->db_beta, p->db[c], (tw_real)sum[0]);
    if (!p->dx) return;

    double a = (double)p->weight[c] * inverse, M = (double)values;
    tw_real of_x = b->training ? (tw_real)(-a * inverse * inverse * sum[1] / M) : 0;
    tw_real constant = b->training ? (tw_real)(-a * sum[0] / M) : 0;
    tw_real *dx = gathers(b) ? buffer + 3 * values : p->dx, beta = gathers(b) ? 0 : p->dx_beta;
    tw__batchnorm_terms terms = {(tw_real)mean, (tw_real)a, of_x, constant};
    for (size_t n = 0; n < r.n; n++) {
        size_t at = n * r.step + r.at;
        TW_ISA_CALL(tw__batchnorm_dx)(b->act, r.length, x + at, y + at, dy + at, terms, beta, dx + at);
    }
    if (gathers(b)) scatter(runs_of(b, c), dx, p->dx_beta, p->dx);
}

static void backward_block(void *arg, int block, int thread) {
    const pass *p = arg;
    size_t first = (size_t)block * (size_t)channels_of(p->call), last = first + (size_t)channels_of(p->call);
    for (size_t c = first; c < last && c < p->call->C; c++) backward_channel(p, c, thread_buffer(p, thread));
}

static void batchnorm_backward(tw_ctx *ctx, tw_node *node) {
    tw_tensor *x = node->in[0], *weight = node->in[1], *bias = node->in[2], *y = node->out[0];
    pass p = {.call = node->attr, .x = x->data, .weight = weight->data, .y = y->data, .dy = y->grad};
    p.dx = tw_grad(ctx, x, &p.dx_beta);
    p.dw = tw_grad(ctx, weight, &p.dw_beta);
    p.db = tw_grad(ctx, bias, &p.db_beta);
    tw_mark mark = tw_scratch_mark(ctx);
    if (tw_error(ctx) || !take_buffers(ctx, &p)) return;
    tw_parallel_for(ctx, block_count(p.call), backward_block, &p);
    tw_scratch_release(ctx, mark);
}

static const tw_op batchnorm_op = {"batchnorm", batchnorm_backward};

/* ---- the operation ------------------------------------------------------------------------------------ */

static bool shape_ok(tw_ctx *ctx, const tw_tensor *x, const tw_tensor *weight) {
    if (x->ndim < 2)
        return tw_fail(ctx, TW_ERR_SHAPE, "batchnorm: the input is [N,C], [N,C,T] or [N,C,H,W], not %s",
                       tw_describe(ctx, x));
    if (x->dim[1] != weight->dim[0])
        return tw_fail(ctx, TW_ERR_SHAPE, "batchnorm: input has %d channels, the weight wants %d: %s, %s", x->dim[1],
                       weight->dim[0], tw_describe(ctx, x), tw_describe(ctx, weight));
    return true;
}

/* A batch whose statistics are not finite is left out, also where no step follows that could fail. */
static void move_running(tw_ctx *ctx, const pass *p, double momentum, tw_tensor *mean, tw_tensor *var,
                         tw_tensor *batches) {
    const tw__batchnorm_call *b = p->call;
    for (size_t c = 0; c < b->C; c++)
        if (!isfinite((tw_real)p->var[c])) return;
    if (tw_buffer_will_change(ctx, mean) || tw_buffer_will_change(ctx, var) || tw_buffer_will_change(ctx, batches))
        return;
    for (size_t c = 0; c < b->C; c++) {
        mean->data[c] = (tw_real)((1 - momentum) * (double)mean->data[c] + momentum * b->mean[c]);
        var->data[c] = (tw_real)((1 - momentum) * (double)var->data[c] + momentum * p->var[c]);
    }
    batches->data[0] += 1;
}

tw_tensor *tw__batchnorm(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias, tw_tensor *running_mean,
                         tw_tensor *running_var, tw_tensor *batches, const tw_batchnorm_options *o) {
    tw_tensor *in[] = {x, weight, bias};
    if (!tw_inputs_ok(ctx, "batchnorm", 3, in) || !shape_ok(ctx, x, weight)) return NULL;
    if (!tw__act_fuses(o->act)) {
        tw_batchnorm_options plain = *o;
        plain.act = TW_ACT_NONE;
        return tw__act_apart(ctx, tw__batchnorm(ctx, x, weight, bias, running_mean, running_var, batches, &plain),
                             o->act);
    }
    size_t N = (size_t)x->dim[0], C = (size_t)x->dim[1], S = 1;
    for (int i = 2; i < x->ndim; i++) S *= (size_t)x->dim[i];
    if (tw_training(ctx) && N * S == 1)
        return tw_fail(ctx, TW_ERR_RANGE, "batchnorm: one value per channel has no variance to train with: %s",
                       tw_describe(ctx, x));

    tw_tensor *y = tw_new_like(ctx, x);
    if (!y) return NULL;
    tw_mark mark = tw_scratch_mark(ctx);
    bool record = tw_will_record(ctx, 3, in);
    size_t bytes = sizeof(tw__batchnorm_call) + 2 * C * sizeof(double);
    tw__batchnorm_call *call = record ? tw_alloc(ctx, bytes) : tw_scratch(ctx, bytes);
    double *var = tw_scratch(ctx, C * sizeof(double));
    if (!call || !var) return NULL;
    double *statistics = (double *)(call + 1);
    *call = (tw__batchnorm_call){N, C, S, o->act, tw_training(ctx), statistics, statistics + C};
    pass p = {.call = call,
              .x = x->data,
              .weight = weight->data,
              .bias = bias->data,
              .y = y->data,
              .running_mean = running_mean->data,
              .running_var = running_var->data,
              .eps = o->eps > 0 ? o->eps : 1e-5,
              .var = var};
    if (!take_buffers(ctx, &p)) return NULL;
    if (N * S == 0) {
        memset(statistics, 0, 2 * C * sizeof(double)); /* nothing was normalised, and backward's sums are 0 */
    } else {
        tw_parallel_for(ctx, block_count(call), forward_block, &p);
        if (call->training)
            move_running(ctx, &p, o->momentum > 0 ? o->momentum : 0.1, running_mean, running_var, batches);
    }
    tw_scratch_release(ctx, mark);
    return tw_record(ctx, &batchnorm_op, record ? call : NULL, 3, in, y);
}

/* ---- the layer ---------------------------------------------------------------------------------------- */

typedef struct batchnorm {
    tw_layer base;
    tw_tensor *weight, *bias, *running_mean, *running_var, *batches;
    tw_batchnorm_options options;
} batchnorm;

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    const batchnorm *b = (const batchnorm *)layer;
    return tw__batchnorm(ctx, x, b->weight, b->bias, b->running_mean, b->running_var, b->batches, &b->options);
}

static const tw_layer_class batchnorm_class = {"batchnorm", forward, NULL};

tw_layer *tw_batchnorm_new(tw_params *params, const char *name, int channels, const tw_batchnorm_options *options) {
    if (!params) return NULL;
    tw_ctx *ctx = tw_params_ctx(params);
    tw_batchnorm_options o = options ? *options : (tw_batchnorm_options){0};
    if (channels < 1) return tw_fail(ctx, TW_ERR_RANGE, "batchnorm: at least 1 channel, not %d", channels);
    if (!(o.eps >= 0)) return tw_fail(ctx, TW_ERR_RANGE, "batchnorm: eps is positive, not %g", o.eps);
    if (!(o.momentum >= 0 && o.momentum <= 1))
        return tw_fail(ctx, TW_ERR_RANGE, "batchnorm: the momentum is between 0 and 1, not %g", o.momentum);
    if (!tw__act_ok(ctx, "batchnorm", o.act)) return NULL;
    batchnorm *b = (batchnorm *)tw_layer_new(params, &batchnorm_class, sizeof *b, name);
    if (!b) return NULL;
    const int dim[] = {channels};
    b->options = o;
    b->weight = tw_layer_param(&b->base, "weight", (tw_init){TW_INIT_CONSTANT, 1}, 1, dim);
    if (b->weight) b->bias = tw_layer_param(&b->base, "bias", (tw_init){TW_INIT_CONSTANT, 0}, 1, dim);
    if (b->bias) b->running_mean = tw_layer_buffer(&b->base, "running_mean", 0, 1, dim);
    if (b->running_mean) b->running_var = tw_layer_buffer(&b->base, "running_var", 1, 1, dim);
    if (b->running_var) b->batches = tw_layer_buffer(&b->base, "num_batches_tracked", 0, 0, NULL);
    return b->batches ? &b->base : NULL;
}
