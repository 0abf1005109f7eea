/* conv_columns.c - convolution as matrix products: y = act(W col(x) + b), tile by tile.
 *
 * A tile is some positions of one image, or all positions of a few small images, wide enough for an efficient product
 * and small enough for the cache. A wide input is cut into blocks of channels, whose products add up. Each group of
 * channels is a convolution of its own, whose images lie further apart. How it is cut depends on the shapes only. */
#include "layers/conv_columns.h"

#include "layers/epilogue.h"
#include "tensor/counts.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    TILE = 512,                /* positions of a tile */
    COLUMN_MATRIX = 160 << 10, /* numbers in a tile of the column matrix: some 600 kB */
    CHUNKS = 16,               /* at most so many partial weight gradients ... */
    PARTIALS = 4 << 20,        /* ... of together so many numbers */
    REDUCE_BLOCK = 4096
};

typedef struct cut {
    int images;      /* of a tile */
    int tile, tiles; /* positions of a tile and tiles of an image (all, and 1, when images > 1) */
    int width;       /* group * tile: columns of a tile's matrix */
    int channels, channel_blocks;
} cut;

static cut cut_of(const tw__conv *s) {
    cut c = {.images = 1, .tile = s->P, .tiles = 1};
    if (s->P > TILE) { /* equal tiles, in whole vectors */
        c.tiles = tw__blocks(s->P, TILE);
        c.tile = (tw__blocks(s->P, c.tiles) + 15) / 16 * 16;
        c.tiles = tw__blocks(s->P, c.tile);
    } else {
        c.images = tw__least(TILE / s->P, s->N > 0 ? s->N : 1);
    }
    c.width = c.images * c.tile;
    int fit = COLUMN_MATRIX / c.width / s->taps;
    c.channel_blocks = tw__blocks(s->C, fit > 1 ? fit : 1);
    c.channels = tw__blocks(s->C, c.channel_blocks);
    c.channel_blocks = tw__blocks(s->C, c.channels);
    return c;
}

/* With a 1x1 kernel the input is its own column matrix. */
static bool is_pointwise(const tw__conv *s, const cut *c) {
    return s->taps == 1 && s->sh == 1 && s->sw == 1 && s->ph == 0 && s->pw == 0 && c->images == 1;
}

/* What one pass, forward or backward, works on. */
typedef struct pass {
    tw__conv s; /* of one group */
    cut c;
    size_t x_image, y_image; /* numbers in an image, of all groups */
    int out;                 /* output channels of all groups */
    tw_act act;
    const tw_real *x, *w, *bias;
    tw_real *y;
    const tw_real *dy;
    tw_real *dx, *parts; /* parts: [chunks][out][K] partial weight gradients, or the gradient itself */
    double *bias_parts;  /* [chunks][out] */
    tw_real dx_beta, parts_beta;
    int chunk;       /* images of a chunk */
    tw_real *buffer; /* a column matrix and an [O, width] matrix for each thread */
    size_t column_size, thread_size;
} pass;

/* What one group computes. */
static tw__conv group_of(const tw__conv *s) {
    tw__conv g = *s;
    g.C /= s->groups;
    g.O /= s->groups;
    return g;
}

static pass pass_of(const tw__conv *s, tw_act act, const tw_real *x, const tw_real *w) {
    pass a = {.s = group_of(s), .act = act, .x = x, .w = w, .out = s->O};
    a.c = cut_of(&a.s);
    a.x_image = (size_t)s->C * (size_t)s->H * (size_t)s->W;
    a.y_image = (size_t)s->O * (size_t)s->P;
    return a;
}

/* Group g of x, or of dx, and of y, or of dy; its weights, or their gradients. */
static size_t x_group(const pass *a, int g) { return (size_t)g * (size_t)a->s.C * (size_t)a->s.H * (size_t)a->s.W; }
static size_t y_group(const pass *a, int g) { return (size_t)g * (size_t)a->s.O * (size_t)a->s.P; }
static size_t w_group(const pass *a, int g) { return (size_t)g * (size_t)a->s.O * (size_t)a->s.K; }

/* Of images, each with a partial weight gradient of its own: at most so many. */
static int chunks_of(const tw__conv *s, const cut *c) {
    const size_t weights = (size_t)s->O * (size_t)s->K; /* of all groups */
    const int bundles = tw__blocks(s->N, c->images);
    int chunks = tw__least(bundles, CHUNKS);
    if ((size_t)chunks * weights > PARTIALS) chunks = weights < PARTIALS ? (int)(PARTIALS / weights) : 1;
    return chunks;
}

/* Where a picture's tile is narrow, a narrower picture may have a wider one, of several images. */
size_t tw__columns_room(const tw__conv *all, int threads, bool backward) {
    const tw__conv group = group_of(all), *s = &group;
    const cut c = cut_of(s);
    const long long positions = (long long)s->N * s->P;
    const size_t width = positions < TILE ? (size_t)positions : TILE;
    size_t columns = (size_t)s->K * width, one_channel = (size_t)s->taps * width;
    if (columns > COLUMN_MATRIX) columns = one_channel > COLUMN_MATRIX ? one_channel : COLUMN_MATRIX;
    size_t bytes = (size_t)threads * (columns + (size_t)s->O * width + 32) * sizeof(tw_real) + 64;
    if (backward) {
        const size_t chunks = (size_t)chunks_of(all, &c);
        bytes += chunks * (size_t)all->O * ((size_t)s->K * sizeof(tw_real) + sizeof(double)) + 128;
    }
    return bytes;
}

static bool take_buffers(tw_ctx *ctx, pass *a) {
    a->column_size = is_pointwise(&a->s, &a->c) ? 0 : (size_t)a->c.channels * (size_t)a->s.taps * (size_t)a->c.width;
    a->column_size = (a->column_size + 15) / 16 * 16;
    a->thread_size = a->column_size + ((size_t)a->s.O * (size_t)a->c.width + 15) / 16 * 16;
    a->buffer = tw_scratch(ctx, (size_t)tw_threads(ctx) * a->thread_size * sizeof(tw_real));
    return a->buffer != NULL;
}

/* One tile of a group of channels: `images` images from n on, positions p..p+positions of each; the columns of its
 * matrix. */
typedef struct tile {
    int g, n, images, p, positions, columns;
} tile;

static tile tile_at(const pass *a, int g, int n, int index, int end) {
    tile t = {.g = g, .n = n, .images = tw__least(a->c.images, end - n), .p = index * a->c.tile};
    t.positions = tw__least(a->c.tile, a->s.P - t.p);
    t.columns = t.images * t.positions;
    return t;
}

/* The tile's column matrix for some channels: x itself where that is possible, else copied to col. */
static const tw_real *columns_of(const pass *a, tile t, int c0, int channels, tw_real *col, int *ld) {
    const tw__conv *s = &a->s;
    const tw_real *x = a->x + (size_t)t.n * a->x_image + x_group(a, t.g);
    if (is_pointwise(s, &a->c)) {
        *ld = s->P;
        return x + (size_t)c0 * (size_t)s->P + t.p;
    }
    *ld = t.columns;
    for (int m = 0; m < t.images; m++)
        tw__im2col(s, x + (size_t)m * a->x_image, c0, channels, t.p, t.positions, col + (size_t)m * (size_t)t.positions,
                   (size_t)t.columns);
    return col;
}

/* ---- forward ------------------------------------------------------------------------------------------ */

static void forward_tile(void *arg, int block, int thread) {
    const pass *a = arg;
    const tw__conv *s = &a->s;
    const int tiles = tw__blocks(s->N, a->c.images) * a->c.tiles, g = block / tiles, in_group = block % tiles;
    tile t = tile_at(a, g, in_group / a->c.tiles * a->c.images, in_group % a->c.tiles, s->N);
    const tw_real *w = a->w + w_group(a, g), *bias = a->bias ? a->bias + (size_t)g * (size_t)s->O : NULL;
    tw_real *col = a->buffer + (size_t)thread * a->thread_size, *z = col + a->column_size;
    tw_real *y = a->y + (size_t)t.n * a->y_image + y_group(a, g) + t.p;
    bool direct = a->act == TW_ACT_NONE && !a->bias && t.images == 1; /* the product is the result */
    int ld_z = direct ? s->P : t.columns;
    if (direct) z = y;
    for (int c0 = 0; c0 < s->C; c0 += a->c.channels) {
        int channels = tw__least(a->c.channels, s->C - c0), ld;
        const tw_real *matrix = columns_of(a, t, c0, channels, col, &ld);
        tw_gemm_serial(false, false, s->O, t.columns, channels * s->taps, 1, w + (size_t)c0 * (size_t)s->taps, s->K,
                       matrix, ld, c0 ? 1 : 0, z, ld_z);
    }
    size_t run = (size_t)t.positions;
    for (int k = 0; !direct && k < t.images * s->O; k++) { /* image by image, channel by channel */
        int o = k % s->O, m = k / s->O;
        const tw_real *from = z + (size_t)o * (size_t)t.columns + (size_t)m * run;
        tw_real *to = y + (size_t)m * a->y_image + (size_t)o * (size_t)s->P;
        TW_ISA_CALL(tw__affine_act)(a->act, run, from, 0, 1, bias ? bias[o] : 0, to);
    }
}

/* ---- backward: with dz = dy act'(y),
 *     dW = sum over tiles of dz col(x)^T,   db = sum of dz,  dx = the adjoint of col applied to W^T dz. ------------ */

/* dz of a tile as a matrix [O, columns]: dy itself where that is possible. */
static const tw_real *dz_of(const pass *a, tile t, tw_real *buffer, int *ld) {
    const tw__conv *s = &a->s;
    size_t start = (size_t)t.n * a->y_image + y_group(a, t.g) + (size_t)t.p;
    if (a->act == TW_ACT_NONE && t.images == 1) {
        *ld = s->P;
        return a->dy + start;
    }
    *ld = t.columns;
    size_t run = (size_t)t.positions;
    for (int k = 0; k < t.images * s->O; k++) {
        size_t at = start + (size_t)(k / s->O) * a->y_image + (size_t)(k % s->O) * (size_t)s->P;
        tw_real *to = buffer + (size_t)(k % s->O) * (size_t)t.columns + (size_t)(k / s->O) * run;
        TW_ISA_CALL(tw__act_grad)(a->act, run, a->y + at, a->dy + at, to);
    }
    return buffer;
}

static void input_gradient(const pass *a, tile t, int c0, int channels, const tw_real *dz, int ld_dz, tw_real *col) {
    const tw__conv *s = &a->s;
    const tw_real *w = a->w + w_group(a, t.g) + (size_t)c0 * (size_t)s->taps;
    tw_real *dx = a->dx + (size_t)t.n * a->x_image + x_group(a, t.g);
    if (is_pointwise(s, &a->c)) {
        tw_gemm_serial(true, false, channels, t.columns, s->O, 1, w, s->K, dz, ld_dz, a->dx_beta,
                       dx + (size_t)c0 * (size_t)s->P + t.p, s->P);
        return;
    }
    tw_gemm_serial(true, false, channels * s->taps, t.columns, s->O, 1, w, s->K, dz, ld_dz, 0, col, t.columns);
    for (int m = 0; m < t.images; m++)
        tw__col2im(s, col + (size_t)m * (size_t)t.positions, (size_t)t.columns, c0, channels, t.p, t.positions,
                   dx + (size_t)m * a->x_image);
}

/* All tiles of a chunk of images, for one block of a group's channels: nobody else writes to these dx and this part
 * of dW. */
static void backward_chunk(void *arg, int block, int thread) {
    const pass *a = arg;
    const tw__conv *s = &a->s;
    const int chunks = tw__blocks(s->N, a->chunk), g = block / a->c.channel_blocks / chunks;
    int k = block / a->c.channel_blocks % chunks, c0 = block % a->c.channel_blocks * a->c.channels;
    int channels = tw__least(a->c.channels, s->C - c0), end = tw__least((k + 1) * a->chunk, s->N), ld_col = 0, ld_dz;
    tw_real *col = a->buffer + (size_t)thread * a->thread_size, *buffer = col + a->column_size;
    const size_t outputs = (size_t)a->out;
    tw_real *dw = a->parts ? a->parts + (size_t)k * outputs * (size_t)s->K + w_group(a, g) : NULL;
    double *db = a->bias_parts && c0 == 0 ? a->bias_parts + (size_t)k * outputs + (size_t)g * (size_t)s->O : NULL;
    if (dw) dw += (size_t)c0 * (size_t)s->taps;
    tw_real beta = a->parts_beta;
    for (int o = 0; db && o < s->O; o++) db[o] = 0;

    for (int n = k * a->chunk; n < end; n += a->c.images) {
        if (a->dx && a->dx_beta == 0 && !is_pointwise(s, &a->c))
            for (int m = n; m < tw__least(n + a->c.images, end); m++)
                memset(a->dx + (size_t)m * a->x_image + x_group(a, g) + (size_t)c0 * (size_t)s->H * (size_t)s->W, 0,
                       (size_t)channels * (size_t)s->H * (size_t)s->W * sizeof(tw_real));
        for (int i = 0; i < a->c.tiles; i++) {
            tile t = tile_at(a, g, n, i, end);
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

bool tw__columns_forward(tw_ctx *ctx, const tw__conv *s, tw_act act, const tw_real *x, const tw_real *w,
                         const tw_real *bias, tw_real *y) {
    pass a = pass_of(s, act, x, w);
    a.bias = bias;
    a.y = y;
    tw_mark mark = tw_scratch_mark(ctx);
    if (!take_buffers(ctx, &a)) return false;
    tw_parallel_for(ctx, s->groups * tw__blocks(s->N, a.c.images) * a.c.tiles, forward_tile, &a);
    tw_scratch_release(ctx, mark);
    return true;
}

bool tw__columns_backward(tw_ctx *ctx, const tw__conv *s, tw_act act, const tw_real *x, const tw_real *w,
                          const tw_real *y, const tw_real *dy, const tw__conv_grads *grads) {
    pass a = pass_of(s, act, x, w);
    a.y = (tw_real *)y;
    a.dy = dy;
    a.dx = grads->dx;
    a.dx_beta = grads->dx_beta;
    tw_real *dw = grads->dw, *db = grads->db;

    size_t weights = (size_t)s->O * (size_t)s->K;
    int bundles = tw__blocks(s->N, a.c.images), chunks = chunks_of(s, &a.c);
    a.chunk = chunks ? tw__blocks(bundles, chunks) * a.c.images : 1;
    chunks = tw__blocks(s->N, a.chunk);

    tw_mark mark = tw_scratch_mark(ctx);
    if (!take_buffers(ctx, &a)) return false;
    /* Nothing to add up. Of conv(w, w) dx and dw are one: dw is added after dx is there. */
    bool direct = chunks == 1 && dw != a.dx;
    a.parts = dw;
    a.parts_beta = direct ? grads->dw_beta : 0;
    if (dw && !direct && !(a.parts = tw_scratch(ctx, (size_t)chunks * weights * sizeof(tw_real)))) return false;
    if (db && !(a.bias_parts = tw_scratch(ctx, (size_t)chunks * (size_t)s->O * sizeof(double)))) return false;

    tw_parallel_for(ctx, s->groups * chunks * a.c.channel_blocks, backward_chunk, &a);

    if (dw && !direct) {
        reduction r = {chunks, weights, a.parts, grads->dw_beta, dw};
        tw_parallel_for(ctx, (int)((weights + REDUCE_BLOCK - 1) / REDUCE_BLOCK), add_parts, &r);
    }
    for (int o = 0; db && o < s->O; o++) {
        double sum = 0;
        for (int k = 0; k < chunks; k++) sum += a.bias_parts[(size_t)k * (size_t)s->O + (size_t)o];
        db[o] = tw_add_to(grads->db_beta, db[o], (tw_real)sum);
    }
    tw_scratch_release(ctx, mark);
    return true;
}
