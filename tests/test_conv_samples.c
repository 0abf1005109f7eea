/* test_conv_samples.c - the samples of a batch do not touch each other in a convolution: what others hold, huge numbers
 * or none at all, moves no bit of a sample's outputs and of the gradient to its input. */
#include "util.h"

#include "layers/conv_direct.h"
#include "layers/conv_grouped.h"
#include "layers/winograd.h"

typedef enum algorithm { COLUMNS, DIRECT, WINOGRAD, GROUPED } algorithm;

typedef struct shape {
    algorithm taken;
    int N, C, H, W, O, k;
    tw_conv2d_options options;
    bool plain; /* TW_CONV_PLAIN */
} shape;

#define RELU .act = TW_ACT_RELU
#define POOLED .pool_h = 2, .pool_w = 2
#define PAD(n) .pad_h = n, .pad_w = n
static const shape shapes[] = {
    {WINOGRAD, 4, 16, 13, 13, 16, 3, {PAD(1)}, false},
    {WINOGRAD, 8, 33, 9, 14, 40, 3, {PAD(1), RELU, POOLED}, false},
    {WINOGRAD, 4, 130, 8, 25, 100, 3, {PAD(1), RELU}, false}, /* large units */
    {WINOGRAD, 3, 16, 9, 30, 16, 3, {PAD(2), POOLED}, false}, /* few images */
    {WINOGRAD, 4, 18, 6, 5, 20, 3, {.pad_w = 1, RELU}, false},
    {WINOGRAD, 4, 16, 7, 7, 16, 5, {PAD(2), RELU}, false},
    {WINOGRAD, 6, 32, 9, 11, 64, 5, {PAD(4), POOLED}, false},
    {DIRECT, 4, 1, 28, 28, 8, 3, {PAD(1), RELU, POOLED}, false},
    {DIRECT, 5, 3, 12, 19, 20, 5, {PAD(2), RELU}, false},
    {DIRECT, 6, 8, 13, 13, 16, 3, {PAD(1), POOLED}, false},
    {DIRECT, 4, 4, 5, 7, 70, 2, {RELU}, false},
    {COLUMNS, 7, 20, 6, 6, 9, 4, {PAD(1), RELU}, false},
    {COLUMNS, 4, 17, 40, 21, 19, 3, {.stride_h = 2, .stride_w = 1, PAD(1)}, false},
    {COLUMNS, 5, 24, 9, 9, 16, 1, {RELU}, false},
    {COLUMNS, 1 + 2, 24, 30, 30, 16, 1, {0}, false},
    {COLUMNS, 8, 16, 13, 13, 16, 3, {PAD(1), POOLED}, true},
    {COLUMNS, 6, 17, 13, 11, 17, 3, {PAD(1), .groups = 17}, true},
    {GROUPED, 6, 17, 13, 11, 17, 3, {PAD(1), .groups = 17}, false},
    {COLUMNS, 5, 16, 9, 10, 24, 3, {PAD(2), RELU, .dilation_h = 2, .dilation_w = 2, .groups = 4}, true},
    {GROUPED, 5, 16, 9, 10, 24, 3, {PAD(2), RELU, .dilation_h = 2, .dilation_w = 2, .groups = 4}, false},
    {GROUPED, 20, 16, 13, 10, 16, 5, {PAD(2), POOLED, .stride_w = 2, .groups = 8}, false},
    {COLUMNS, 5, 16, 6, 30, 16, 3, {PAD(1), .dilation_w = 2}, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int or_one(int n) { return n ? n : 1; }

static tw__conv conv_of(const shape *s) {
    const tw_conv2d_options *o = &s->options;
    tw__conv c = {.N = s->N, .C = s->C, .H = s->H, .W = s->W, .O = s->O, .kh = s->k, .kw = s->k};
    c.sh = or_one(o->stride_h), c.sw = or_one(o->stride_w), c.ph = o->pad_h, c.pw = o->pad_w;
    c.dh = or_one(o->dilation_h), c.dw = or_one(o->dilation_w), c.groups = or_one(o->groups);
    c.OH = (s->H + 2 * c.ph - (s->k - 1) * c.dh - 1) / c.sh + 1;
    c.OW = (s->W + 2 * c.pw - (s->k - 1) * c.dw - 1) / c.sw + 1;
    c.taps = s->k * s->k, c.K = s->C / c.groups * c.taps, c.P = c.OH * c.OW;
    return c;
}

static algorithm algorithm_of(const shape *s) {
    const tw__conv c = conv_of(s);
    if (!s->plain && tw__conv_grouped_suits(&c)) return GROUPED;
    if (s->plain || c.groups * c.dh * c.dw > 1) return COLUMNS;
    return tw__conv_direct_suits(&c) ? DIRECT : tw__winograd_suits(&c) ? WINOGRAD : COLUMNS;
}

typedef struct batch {
    size_t nx, ny; /* numbers of a sample */
    tw_real *x, *dy, *w, *b;
    tw_real *y, *dx; /* what came out */
} batch;

static void run(tw_ctx *ctx, const shape *s, batch *a, const tw_real *x, const tw_real *dy) {
    tw_step_begin(ctx);
    tw_set_conv_algo(ctx, s->plain ? TW_CONV_PLAIN : TW_CONV_AUTO);
    tw_tensor *tx = tw_input_grad(ctx, x, 4, (int[]){s->N, s->C, s->H, s->W});
    tw_tensor *w = tw_input_grad(ctx, a->w, 4, (int[]){s->O, s->C / or_one(s->options.groups), s->k, s->k});
    tw_tensor *y = tw_conv2d(ctx, tx, w, tw_input_grad(ctx, a->b, 1, (int[]){s->O}), &s->options);
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    cr_assert_eq(y->size, a->ny * (size_t)s->N);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s", tw_errmsg(ctx));
    memcpy(a->y, y->data, y->size * sizeof *a->y);
    memcpy(a->dx, tx->grad, tx->size * sizeof *a->dx);
}

static batch batch_new(const shape *s) {
    const tw__conv c = conv_of(s);
    batch a = {.nx = (size_t)s->C * s->H * s->W};
    a.ny = (size_t)s->O * (c.OH / or_one(s->options.pool_h)) * (c.OW / or_one(s->options.pool_w));
    a.x = random_reals(a.nx * s->N, 1, -1, 1), a.dy = random_reals(a.ny * s->N, 2, -1, 1);
    a.w = random_reals((size_t)s->O * c.K, 3, -1, 1), a.b = random_reals(s->O, 4, -1, 1);
    a.y = malloc(a.ny * s->N * sizeof *a.y), a.dx = malloc(a.nx * s->N * sizeof *a.dx);
    return a;
}
static void batch_free(batch *a) { free(a->x), free(a->dy), free(a->w), free(a->b), free(a->y), free(a->dx); }

/* A copy of N samples of n numbers, in which all but sample `kept` are multiplied. */
static tw_real *others_times(const tw_real *from, int N, size_t n, int kept, tw_real by) {
    tw_real *to = malloc((size_t)N * n * sizeof *to);
    for (size_t i = 0; i < (size_t)N * n; i++) to[i] = (int)(i / n) == kept ? from[i] : by * from[i];
    return to;
}

Test(conv_samples, what_others_hold_moves_no_bit) {
    const tw_real by[] = {1e3f, 1e30f, (tw_real)INFINITY, (tw_real)NAN, 0};
    for (int threads = 1; threads <= 2; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
        for (int k = 0; k < SHAPES; k += test_share()) {
            const shape *s = &shapes[k];
            cr_assert_eq(algorithm_of(s), s->taken, "shape %d takes another algorithm", k);
            batch a = batch_new(s);
            run(ctx, s, &a, a.x, a.dy);
            tw_real *y = a.y, *dx = a.dx;
            a.y = malloc(a.ny * s->N * sizeof *y), a.dx = malloc(a.nx * s->N * sizeof *dx);
            for (size_t i = 0; i < sizeof by / sizeof *by; i++)
                for (int n = 0; n < s->N; n++) {
                    tw_real *other_x = others_times(a.x, s->N, a.nx, n, by[i]);
                    tw_real *other_dy = others_times(a.dy, s->N, a.ny, n, by[i]);
                    run(ctx, s, &a, other_x, other_dy);
                    cr_expect(!memcmp(a.y + n * a.ny, y + n * a.ny, a.ny * sizeof *y),
                              "shape %d: outputs of sample %d, others times %g", k, n, (double)by[i]);
                    cr_expect(!memcmp(a.dx + n * a.nx, dx + n * a.nx, a.nx * sizeof *dx),
                              "shape %d: gradient of sample %d, others times %g", k, n, (double)by[i]);
                    free(other_x), free(other_dy);
                }
            free(y), free(dx);
            batch_free(&a);
        }
        tw_ctx_free(ctx);
    }
}

/* A sample into which no gradient flows passes none on: not even rounding errors. */
Test(conv_samples, no_gradient_gives_none) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    for (int k = 0; k < SHAPES; k++) {
        const shape *s = &shapes[k];
        batch a = batch_new(s);
        for (int n = 0; n < s->N; n++) {
            tw_real *dy = malloc(a.ny * s->N * sizeof *dy);
            memcpy(dy, a.dy, a.ny * s->N * sizeof *dy);
            memset(dy + n * a.ny, 0, a.ny * sizeof *dy);
            run(ctx, s, &a, a.x, dy);
            for (size_t i = 0; i < a.nx; i++)
                cr_assert(a.dx[n * a.nx + i] == 0, "shape %d: dx[%zu] of sample %d is %g", k, i, n,
                          (double)a.dx[n * a.nx + i]);
            free(dy);
        }
        batch_free(&a);
    }
    tw_ctx_free(ctx);
}
