/* conv2d.c - cross-correlation as matrix products: y = act(W col(x) + b), tile by tile; or by Winograd's algorithm,
 * where that is faster (winograd.c).
 *
 * A tile is some positions of one image, or all positions of a few small images, wide enough for an efficient product
 * and small enough for the cache. A wide input is cut into blocks of channels, whose products add up. How it
 * is cut depends on the shapes only. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include <thalweg/extend.h>

#include "layers/calls.h"
#include "layers/epilogue.h"
#include "layers/im2col.h"
#include "layers/winograd.h"
#include "tensor/internal.h"

enum {
    TILE = 512,                /* positions of a tile */
    COLUMN_MATRIX = 160 << 10, /* numbers in a tile of the column matrix: some 600 kB */
    CHUNKS = 16,               /* at most so many partial weight gradients ... */
    PARTIALS = 4 << 20,        /* ... of together so many numbers */
    REDUCE_BLOCK = 4096
};

typedef struct cut {
    int group;       /* images of a tile */
    int tile, tiles; /* positions of a tile and tiles of an image (all, and 1, when group > 1) */
    int width;       /* group * tile: columns of a tile's matrix */
    int channels, channel_blocks;
} cut;

static int least(int a, int b) { return a < b ? a : b; }
static int blocks(int n, int size) { return n / size + (n % size != 0); }

static cut cut_of(const tw__conv *s) {
    cut c = {.group = 1, .tile = s->P, .tiles = 1};
    if (s->P > TILE) { /* equal tiles, in whole vectors */
        c.tiles = blocks(s->P, TILE);
        c.tile = (blocks(s->P, c.tiles) + 15) / 16 * 16;
        c.tiles = blocks(s->P, c.tile);
    } else {
        c.group = least(TILE / s->P, s->N > 0 ? s->N : 1);
    }
    c.width = c.group * c.tile;
    int fit = COLUMN_MATRIX / c.width / s->taps;
    c.channel_blocks = blocks(s->C, fit > 1 ? fit : 1);
    c.channels = blocks(s->C, c.channel_blocks);
    c.channel_blocks = blocks(s->C, c.channels);
    return c;
}

/* With a 1x1 kernel the input is its own column matrix. */
static bool is_pointwise(const tw__conv *s, const cut *c) {
    return s->taps == 1 && s->sh == 1 && s->sw == 1 && s->ph == 0 && s->pw == 0 && c->group == 1;
}

/* What one pass, forward or backward, works on. */
typedef struct pass {
    tw__conv s;
    cut c;
    tw_act act;
    const tw_real *x, *w, *bias;
    tw_real *y;
    const tw_real *dy;
    tw_real *dx, *parts; /* parts: [chunks][O][K] partial weight gradients, or the gradient itself */
    double *bias_parts;  /* [chunks][O] */
    tw_real dx_beta, parts_beta;
    int chunk;       /* images of a chunk */
    tw_real *buffer; /* a column matrix and an [O, width] matrix for each thread */
    size_t column_size, thread_size;
} pass;

static bool take_buffers(tw_ctx *ctx, pass *a) {
    a->column_size = is_pointwise(&a->s, &a->c) ? 0 : (size_t)a->c.channels * (size_t)a->s.taps * (size_t)a->c.width;
    a->column_size = (a->column_size + 15) / 16 * 16;
    a->thread_size = a->column_size + ((size_t)a->s.O * (size_t)a->c.width + 15) / 16 * 16;
    a->buffer = tw_scratch(ctx, (size_t)tw_threads(ctx) * a->thread_size * sizeof(tw_real));
    return a->buffer != NULL;
}

/* One tile: `images` images from n on, positions p..p+positions of each; the columns of its matrix. */
typedef struct tile {
    int n, images, p, positions, columns;
} tile;

static tile tile_at(const pass *a, int n, int index, int end) {
    tile t = {.n = n, .images = least(a->c.group, end - n), .p = index * a->c.tile};
    t.positions = least(a->c.tile, a->s.P - t.p);
    t.columns = t.images * t.positions;
    return t;
}

static size_t image_size(const tw__conv *s) { return (size_t)s->C * (size_t)s->H * (size_t)s->W; }

/* The tile's column matrix for some channels: x itself where that is possible, else copied to col. */
static const tw_real *columns_of(const pass *a, tile t, int c0, int channels, tw_real *col, int *ld) {
    const tw__conv *s = &a->s;
    const tw_real *x = a->x + (size_t)t.n * image_size(s);
    if (is_pointwise(s, &a->c)) {
        *ld = s->P;
        return x + (size_t)c0 * (size_t)s->P + t.p;
    }
    *ld = t.columns;
    for (int m = 0; m < t.images; m++)
        tw__im2col(s, x + (size_t)m * image_size(s), c0, channels, t.p, t.positions,
                   col + (size_t)m * (size_t)t.positions, (size_t)t.columns);
    return col;
}

/* ---- forward ------------------------------------------------------------------------------------------ */

static void forward_tile(void *arg, int block, int thread) {
    const pass *a = arg;
    const tw__conv *s = &a->s;
    tile t = tile_at(a, block / a->c.tiles * a->c.group, block % a->c.tiles, s->N);
    tw_real *col = a->buffer + (size_t)thread * a->thread_size, *z = col + a->column_size;
    tw_real *y = a->y + (size_t)t.n * (size_t)s->O * (size_t)s->P + t.p;
    bool direct = a->act == TW_ACT_NONE && !a->bias && t.images == 1; /* the product is the result */
    int ld_z = direct ? s->P : t.columns;
    if (direct) z = y;
    for (int c0 = 0; c0 < s->C; c0 += a->c.channels) {
        int channels = least(a->c.channels, s->C - c0), ld;
        const tw_real *matrix = columns_of(a, t, c0, channels, col, &ld);
        tw_gemm_serial(false, false, s->O, t.columns, channels * s->taps, 1, a->w + (size_t)c0 * (size_t)s->taps, s->K,
                       matrix, ld, c0 ? 1 : 0, z, ld_z);
    }
    size_t run = (size_t)t.positions;
    for (int k = 0; !direct && k < t.images * s->O; k++) { /* image by image, channel by channel */
        int o = k % s->O;
        const tw_real *from = z + (size_t)o * (size_t)t.columns + (size_t)(k / s->O) * run;
        TW_ISA_CALL(tw__affine_act)(a->act, run, from, 0, 1, a->bias ? a->bias[o] : 0, y + (size_t)k * (size_t)s->P);
    }
}

/* ---- backward: with dz = dy act'(y),
 *     dW = sum over tiles of dz col(x)^T,   db = sum of dz,  dx = the adjoint of col applied to W^T dz. ------------ */

/* dz of a tile as a matrix [O, columns]: dy itself where that is possible. */
static const tw_real *dz_of(const pass *a, tile t, tw_real *buffer, int *ld) {
    const tw__conv *s = &a->s;
    size_t start = (size_t)t.n * (size_t)s->O * (size_t)s->P + (size_t)t.p;
    if (a->act == TW_ACT_NONE && t.images == 1) {
        *ld = s->P;
        return a->dy + start;
    }
    *ld = t.columns;
    size_t run = (size_t)t.positions;
    for (int k = 0; k < t.images * s->O; k++) {
        size_t at = start + (size_t)k * (size_t)s->P;
        tw_real *to = buffer + (size_t)(k % s->O) * (size_t)t.columns + (size_t)(k / s->O) * run;
        TW_ISA_CALL(tw__act_grad)(a->act, run, a->y + at, a->dy + at, to);
    }
    return buffer;
}

static void input_gradient(const pass *a, tile t, int c0, int channels, const tw_real *dz, int ld_dz, tw_real *col) {
    const tw__conv *s = &a->s;
    const tw_real *w = a->w + (size_t)c0 * (size_t)s->taps;
    tw_real *dx = a->dx + (size_t)t.n * image_size(s);
    if (is_pointwise(s, &a->c)) {
        tw_gemm_serial(true, false, channels, t.columns, s->O, 1, w, s->K, dz, ld_dz, a->dx_beta,
                       dx + (size_t)c0 * (size_t)s->P + t.p, s->P);
        return;
    }
    tw_gemm_serial(true, false, channels * s->taps, t.columns, s->O, 1, w, s->K, dz, ld_dz, 0, col, t.columns);
    for (int m = 0; m < t.images; m++)
        tw__col2im(s, col + (size_t)m * (size_t)t.positions, (size_t)t.columns, c0, channels, t.p, t.positions,
                   dx + (size_t)m * image_size(s));
}

/* All tiles of a chunk of images, for one block of channels: nobody else writes to these dx and this part of dW. */
static void backward_chunk(void *arg, int block, int thread) {
    const pass *a = arg;
    const tw__conv *s = &a->s;
    int k = block / a->c.channel_blocks, c0 = block % a->c.channel_blocks * a->c.channels;
    int channels = least(a->c.channels, s->C - c0), end = least((k + 1) * a->chunk, s->N), ld_col = 0, ld_dz;
    tw_real *col = a->buffer + (size_t)thread * a->thread_size, *buffer = col + a->column_size;
    tw_real *dw = a->parts ? a->parts + (size_t)k * (size_t)s->O * (size_t)s->K + (size_t)c0 * (size_t)s->taps : NULL;
    double *db = a->bias_parts && c0 == 0 ? a->bias_parts + (size_t)k * (size_t)s->O : NULL;
    tw_real beta = a->parts_beta;
    for (int o = 0; db && o < s->O; o++) db[o] = 0;

    for (int n = k * a->chunk; n < end; n += a->c.group) {
        if (a->dx && a->dx_beta == 0 && !is_pointwise(s, &a->c))
            for (int m = n; m < least(n + a->c.group, end); m++)
                memset(a->dx + (size_t)m * image_size(s) + (size_t)c0 * (size_t)s->H * (size_t)s->W, 0,
                       (size_t)channels * (size_t)s->H * (size_t)s->W * sizeof(tw_real));
        for (int i = 0; i < a->c.tiles; i++) {
            tile t = tile_at(a, n, i, end);
            const tw_real *dz = dz_of(a, t, buffer, &ld_dz);
            if (dw) {
                const tw_real *matrix = columns_of(a, t, c0, channels, col, &ld_col);
                tw_gemm_serial(false, true, s->O, channels * s->taps, t.columns, 1, dz, ld_dz, matrix, ld_col, beta, dw,
                               s->K);
                beta = 1;
            }
            for (int o = 0; db && o < s->O; o++)
                db[o] += TW_ISA_CALL(tw__sum)((size_t)t.columns, dz + (size_t)o * (size_t)ld_dz);
            if (a->dx) input_gradient(a, t, c0, channels, dz, ld_dz, col);
        }
    }
}

/* gradient = beta gradient + the parts, in their order. */
typedef struct reduction {
    int parts;
    size_t size;
    const tw_real *part;
    tw_real beta, *gradient;
} reduction;

static void add_parts(void *arg, int block, int thread) {
    (void)thread;
    const reduction *r = arg;
    size_t first = (size_t)block * REDUCE_BLOCK, n = r->size - first < REDUCE_BLOCK ? r->size - first : REDUCE_BLOCK;
    tw_real *g = r->gradient + first;
    if (r->beta == 0) memset(g, 0, n * sizeof *g);
    for (int k = 0; k < r->parts; k++) {
        const tw_real *p = r->part + (size_t)k * r->size + first;
        for (size_t i = 0; i < n; i++) g[i] += p[i];
    }
}

/* dz = dy act'(y) of one channel of one image. */
typedef struct activation {
    tw_act act;
    size_t plane;
    const tw_real *y, *dy;
    tw_real *dz;
} activation;

static void activation_block(void *arg, int block, int thread) {
    (void)thread;
    const activation *a = arg;
    size_t at = (size_t)block * a->plane;
    TW_ISA_CALL(tw__act_grad)(a->act, a->plane, a->y + at, a->dy + at, a->dz + at);
}

static void winograd_backward(tw_ctx *ctx, tw_node *node, const tw__conv_call *call) {
    tw_tensor *x = node->in[0], *weight = node->in[1], *bias = node->in[2], *y = node->out[0];
    const tw__conv *s = &call->shape;
    tw_real dx_beta, dw_beta, db_beta, *dx = tw_grad(ctx, x, &dx_beta), *dw = tw_grad(ctx, weight, &dw_beta);
    tw_real *db = bias ? tw_grad(ctx, bias, &db_beta) : NULL;
    if (tw_error(ctx)) return;
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *dz = y->grad;
    if (call->act != TW_ACT_NONE) {
        activation a = {call->act, (size_t)s->P, y->data, y->grad, tw_scratch(ctx, y->size * sizeof(tw_real))};
        if (!(dz = a.dz)) return;
        tw_parallel_for(ctx, s->N * s->O, activation_block, &a);
    }
    if (dx && !tw__winograd_dx(ctx, s, weight->data, dz, dx_beta, dx)) return;
    if (dw && !tw__winograd_dw(ctx, s, x->data, dz, dw_beta, dw)) return;
    for (int o = 0; db && o < s->O; o++) {
        double sum = 0;
        for (int n = 0; n < s->N; n++)
            sum += TW_ISA_CALL(tw__sum)((size_t)s->P, dz + ((size_t)n * (size_t)s->O + (size_t)o) * (size_t)s->P);
        db[o] = tw_add_to(db_beta, db[o], (tw_real)sum);
    }
    tw_scratch_release(ctx, mark);
}

static void conv2d_backward(tw_ctx *ctx, tw_node *node) {
    tw_tensor *x = node->in[0], *weight = node->in[1], *bias = node->in[2], *y = node->out[0];
    const tw__conv_call *call = node->attr;
    const tw__conv *s = &call->shape;
    if (call->winograd) {
        winograd_backward(ctx, node, call);
        return;
    }
    pass a = {.s = *s, .c = cut_of(s), .act = call->act, .x = x->data, .w = weight->data, .y = y->data, .dy = y->grad};

    tw_real dw_beta = 0, db_beta = 0;
    a.dx = tw_grad(ctx, x, &a.dx_beta);
    tw_real *dw = tw_grad(ctx, weight, &dw_beta), *db = bias ? tw_grad(ctx, bias, &db_beta) : NULL;
    if (tw_error(ctx)) return;

    size_t weights = (size_t)s->O * (size_t)s->K;
    int groups = blocks(s->N, a.c.group), chunks = least(groups, CHUNKS);
    if ((size_t)chunks * weights > PARTIALS) chunks = weights < PARTIALS ? (int)(PARTIALS / weights) : 1;
    if (chunks > groups) chunks = groups;
    a.chunk = chunks ? blocks(groups, chunks) * a.c.group : 1;
    chunks = blocks(s->N, a.chunk);

    tw_mark mark = tw_scratch_mark(ctx);
    if (!take_buffers(ctx, &a)) return;
    bool direct = chunks == 1; /* nothing to add up */
    a.parts = dw;
    a.parts_beta = direct ? dw_beta : 0;
    if (dw && !direct && !(a.parts = tw_scratch(ctx, (size_t)chunks * weights * sizeof(tw_real)))) return;
    if (db && !(a.bias_parts = tw_scratch(ctx, (size_t)chunks * (size_t)s->O * sizeof(double)))) return;

    tw_parallel_for(ctx, chunks * a.c.channel_blocks, backward_chunk, &a);

    if (dw && !direct) {
        reduction r = {chunks, weights, a.parts, dw_beta, dw};
        tw_parallel_for(ctx, (int)((weights + REDUCE_BLOCK - 1) / REDUCE_BLOCK), add_parts, &r);
    }
    for (int o = 0; db && o < s->O; o++) {
        double sum = 0;
        for (int k = 0; k < chunks; k++) sum += a.bias_parts[(size_t)k * (size_t)s->O + (size_t)o];
        db[o] = tw_add_to(db_beta, db[o], (tw_real)sum);
    }
    tw_scratch_release(ctx, mark);
}

void tw_set_conv_algo(tw_ctx *ctx, tw_conv_algo algo) { ctx->plain_conv = algo == TW_CONV_PLAIN; }

static const tw_op conv2d_op = {"conv2d", conv2d_backward};

/* ---- the operation ------------------------------------------------------------------------------------ */

static bool options_ok(tw_ctx *ctx, tw_conv2d_options *o) {
    if (!o->stride_h) o->stride_h = 1;
    if (!o->stride_w) o->stride_w = 1;
    if (o->stride_h < 0 || o->stride_w < 0 || o->pad_h < 0 || o->pad_w < 0)
        return tw_fail(ctx, TW_ERR_RANGE, "conv2d: stride and padding are not negative: stride %dx%d, padding %dx%d",
                       o->stride_h, o->stride_w, o->pad_h, o->pad_w);
    return tw__act_ok(ctx, "conv2d", o->act);
}

static bool shape_of(tw_ctx *ctx, const tw_tensor *x, const tw_tensor *weight, const tw_tensor *bias,
                     const tw_conv2d_options *o, tw__conv *s) {
    const char *xs = tw_describe(ctx, x), *ws = tw_describe(ctx, weight);
    if (weight->ndim != 4 || weight->size == 0)
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: the weight is [out,in,kh,kw], none of them 0, not %s", ws);
    if (x->ndim != 4) return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: the input is [N,C,H,W], not %s", xs);
    if (x->dim[1] != weight->dim[1])
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: input has %d channels, the weight wants %d: %s, %s", x->dim[1],
                       weight->dim[1], xs, ws);
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
                    .pw = o->pad_w};
    long long padded_h = s->H + 2LL * s->ph, padded_w = s->W + 2LL * s->pw;
    long long room_h = padded_h - s->kh, room_w = padded_w - s->kw;
    if (room_h < 0 || room_w < 0)
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: the kernel is larger than the input with padding %dx%d: %s, %s",
                       s->ph, s->pw, xs, ws);
    long long OH = room_h / s->sh + 1, OW = room_w / s->sw + 1, K = (long long)weight->size / s->O;
    bool too_wide = padded_h > INT_MAX || padded_w > INT_MAX;
    if (too_wide || OH * OW > INT_MAX || K > INT_MAX || (long long)s->H * s->W > INT_MAX)
        return tw_fail(ctx, TW_ERR_SHAPE, "conv2d: a picture has at most %d pixels, padding %dx%d: %s, %s", INT_MAX,
                       s->ph, s->pw, xs, ws);
    s->OH = (int)OH, s->OW = (int)OW;
    s->taps = s->kh * s->kw, s->K = (int)K, s->P = s->OH * s->OW;
    return true;
}

tw_tensor *tw_conv2d(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias, const tw_conv2d_options *options) {
    tw_tensor *in[] = {x, weight, bias};
    tw_conv2d_options o = options ? *options : (tw_conv2d_options){0};
    tw__conv s = {0};
    if (!tw_inputs_ok(ctx, "conv2d", bias ? 3 : 2, in) || !options_ok(ctx, &o) ||
        !shape_of(ctx, x, weight, bias, &o, &s))
        return NULL;
    tw_tensor *y = tw_new(ctx, 4, (int[]){s.N, s.O, s.OH, s.OW});
    if (!y) return NULL;
    bool winograd = !ctx->plain_conv && tw__winograd_suits(&s);
    tw__conv_call *call = NULL;
    if (tw_will_record(ctx, 3, in)) {
        if (!(call = tw_alloc(ctx, sizeof *call))) return NULL;
        *call = (tw__conv_call){s, o.act, winograd};
    }
    if (winograd) {
        if (!tw__winograd_forward(ctx, &s, o.act, x->data, weight->data, bias ? bias->data : NULL, y->data))
            return NULL;
        return tw_record(ctx, &conv2d_op, call, 3, in, y);
    }
    pass a = {.s = s,
              .c = cut_of(&s),
              .act = o.act,
              .x = x->data,
              .w = weight->data,
              .bias = bias ? bias->data : NULL,
              .y = y->data};
    tw_mark mark = tw_scratch_mark(ctx);
    if (!take_buffers(ctx, &a)) return NULL;
    tw_parallel_for(ctx, blocks(s.N, a.c.group) * a.c.tiles, forward_tile, &a);
    tw_scratch_release(ctx, mark);
    return tw_record(ctx, &conv2d_op, call, 3, in, y);
}
