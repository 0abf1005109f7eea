/* test_conv_groups.c - groups and dilation of a convolution: equal to a convolution for each group, with a kernel that
 * has zeros between its elements. */
#include "util.h"

#include "tensor/internal.h"

#include <limits.h>

typedef struct shape {
    int N, C, H, W, O, kh, kw;
    tw_conv2d_options options;
} shape;

#define PAD(n) .pad_h = n, .pad_w = n
#define DILATED(h, w) .dilation_h = h, .dilation_w = w
static const shape shapes[] = {
    {3, 6, 7, 8, 4, 3, 3, {PAD(1), .groups = 2}},
    {2, 5, 9, 7, 5, 3, 3, {PAD(1), .groups = 5}},                                 /* depthwise */
    {2, 3, 9, 7, 9, 3, 2, {.stride_h = 2, PAD(1), .groups = 3}},                  /* three outputs of each channel */
    {2, 16, 33, 41, 16, 3, 3, {PAD(1), .groups = 16, .act = TW_ACT_RELU}},        /* several tiles an image */
    {70, 4, 7, 7, 8, 3, 3, {.groups = 4, .act = TW_ACT_TANH}},                    /* several images a tile, chunks */
    {5, 120, 24, 25, 6, 3, 3, {PAD(1), .groups = 2}},                             /* blocks of channels */
    {3, 8, 24, 24, 6, 1, 1, {.groups = 2}},                                       /* 1x1: the input is the matrix */
    {9, 8, 5, 5, 6, 1, 1, {.groups = 2, .act = TW_ACT_SIGMOID}},                  /* and gathered from several images */
    {40, 8, 9, 11, 16, 3, 3, {PAD(1), .pool_h = 2, .pool_w = 3, .groups = 8}},    /* pooled */
    {2, 3, 12, 13, 4, 3, 3, {PAD(2), DILATED(2, 2)}},                             /* as large as the input */
    {2, 3, 12, 13, 4, 3, 2, {PAD(3), .stride_w = 2, DILATED(4, 5)}},              /* windows that hang over */
    {2, 20, 30, 31, 24, 3, 3, {PAD(1), DILATED(1, 2), .act = TW_ACT_LEAKY_RELU}}, /* Winograd's, were it not dilated */
    {2, 20, 14, 15, 24, 3, 3, {PAD(2), DILATED(2, 1)}},
    {2, 3, 14, 15, 4, 5, 5, {PAD(2), DILATED(2, 1)}}, /* the direct one's */
    {2, 3, 14, 15, 4, 5, 5, {PAD(2), DILATED(1, 2)}},
    {3, 4, 5, 9, 6, 1, 4, {.pad_w = 3, DILATED(7, 2), .groups = 2, .pool_w = 2}},
    {2, 6, 11, 9, 3, 4, 3, {.stride_h = 2, .stride_w = 3, PAD(3), DILATED(2, 3), .groups = 3, .act = TW_ACT_RELU}},
    {0, 4, 6, 6, 4, 3, 3, {PAD(1), .groups = 4}},
    {1, 2, 1, 1, 2, 1, 1, {.groups = 2, DILATED(INT_MAX, INT_MAX)}},
    {2, 2, 0, 3, 4, 2, 2, {PAD(1), .groups = 2}}, /* nothing but padding */
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int or_one(int n) { return n ? n : 1; }

typedef struct outcome {
    size_t n;
    tw_real *v;
} outcome;
static void append(outcome *o, const tw_real *v, size_t n) {
    o->v = realloc(o->v, (o->n + n + 1) * sizeof *o->v);
    if (n) memcpy(o->v + o->n, v, n * sizeof *v);
    o->n += n;
}

/* Element (i,j) of a kernel in one with zeros between them. */
static size_t spread(const shape *s, size_t k, int *KH, int *KW) {
    const int dh = s->kh > 1 ? or_one(s->options.dilation_h) : 1, dw = s->kw > 1 ? or_one(s->options.dilation_w) : 1;
    const size_t taps = (size_t)s->kh * (size_t)s->kw;
    *KH = (s->kh - 1) * dh + 1, *KW = (s->kw - 1) * dw + 1;
    const size_t i = k % taps / (size_t)s->kw * (size_t)dh, j = k % (size_t)s->kw * (size_t)dw;
    return (k / taps * (size_t)*KH + i) * (size_t)*KW + j;
}

/* y, dx, dw, db. apart: group by group, and zeros in the kernel. */
static outcome run(tw_ctx *ctx, const shape *s, bool apart) {
    const int G = or_one(s->options.groups), Cg = s->C / G, Og = s->O / G;
    const size_t weights = (size_t)s->O * (size_t)Cg * (size_t)s->kh * (size_t)s->kw;
    tw_step_begin(ctx);
    tw_real *wv = random_reals(weights, 2, -1, 1);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 4, (int[]){s->N, s->C, s->H, s->W});
    tw_tensor *b = random_leaf(ctx, 3, -1, 1, 1, &s->O), *w, *y;
    int KH, KW;
    if (!apart) {
        w = tw_input_grad(ctx, wv, 4, (int[]){s->O, Cg, s->kh, s->kw});
        y = tw_conv2d(ctx, x, w, b, &s->options);
    } else {
        tw_conv2d_options o = s->options;
        o.groups = o.dilation_h = o.dilation_w = 0;
        spread(s, 0, &KH, &KW);
        tw_tensor *wide = tw_full(ctx, 0, 4, (int[]){s->O, Cg, KH, KW}), *part[16];
        for (size_t k = 0; k < weights; k++) wide->data[spread(s, k, &KH, &KW)] = wv[k];
        w = tw_input_grad(ctx, wide->data, 4, wide->dim);
        for (int g = 0; g < G; g++)
            part[g] = tw_conv2d(ctx, tw_slice(ctx, x, 1, g * Cg, (g + 1) * Cg),
                                tw_slice(ctx, w, 0, g * Og, (g + 1) * Og), tw_slice(ctx, b, 0, g * Og, (g + 1) * Og),
                                &o);
        y = tw_concat(ctx, G, part, 1);
    }
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    tw_real *dy = random_reals(y->size, 4, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s", tw_errmsg(ctx));
    outcome out = {0};
    append(&out, y->data, y->size);
    append(&out, x->grad, x->size);
    append(&out, b->grad, b->size);
    for (size_t k = 0; k < weights; k++) append(&out, w->grad + (apart ? spread(s, k, &KH, &KW) : k), 1);
    free(wv), free(dy);
    return out;
}

Test(conv_groups, equal_a_convolution_for_each_group) {
    for (int plain = 0; plain < 2; plain++) {
        tw_ctx *ctx = tw_ctx_new(1);
        tw_set_conv_algo(ctx, plain ? TW_CONV_PLAIN : TW_CONV_AUTO);
        for (int k = 0; k < SHAPES; k += test_share()) {
            outcome one = run(ctx, &shapes[k], false), parts = run(ctx, &shapes[k], true);
            cr_assert_eq(one.n, parts.n);
            for (size_t i = 0; i < one.n; i++)
                cr_assert(near((double)one.v[i], (double)parts.v[i], 2e-4), "shape %d: number %zu is %g, not %g", k, i,
                          (double)one.v[i], (double)parts.v[i]);
            free(one.v), free(parts.v);
        }
        tw_ctx_free(ctx);
    }
}

Test(conv_groups, same_bits_for_any_number_of_threads) {
    for (int k = 0; k < SHAPES; k += test_share()) {
        outcome want = {0};
        for (int threads = 1; threads <= 3; threads++) {
            tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
            outcome got = run(ctx, &shapes[k], false);
            if (threads == 1) want = got;
            else {
                cr_assert(!memcmp(got.v, want.v, want.n * sizeof *want.v), "shape %d, %d threads", k, threads);
                free(got.v);
            }
            tw_ctx_free(ctx);
        }
        free(want.v);
    }
}

/* The same input, weight and bias used twice: the second gradient is added to the first. */
Test(conv_groups, gradients_add_up) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int k = 0; k < SHAPES; k += test_share()) {
        const shape *s = &shapes[k];
        const int Cg = s->C / or_one(s->options.groups);
        tw_real *once[3] = {NULL};
        for (int times = 1; times <= 2; times++) {
            tw_step_begin(ctx);
            tw_tensor *in[] = {random_leaf(ctx, 1, -1, 1, 4, (int[]){s->N, s->C, s->H, s->W}),
                               random_leaf(ctx, 2, -1, 1, 4, (int[]){s->O, Cg, s->kh, s->kw}),
                               random_leaf(ctx, 3, -1, 1, 1, &s->O)};
            tw_tensor *y = tw_conv2d(ctx, in[0], in[1], in[2], &s->options);
            if (times == 2) y = tw_add(ctx, y, tw_conv2d(ctx, in[0], in[1], in[2], &s->options));
            tw_real *dy = random_reals(y->size, 4, -1, 1);
            cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
            for (int i = 0; i < 3; i++) {
                if (times == 1)
                    once[i] = memcpy(malloc((in[i]->size + 1) * sizeof(tw_real)), in[i]->grad,
                                     in[i]->size * sizeof(tw_real));
                else
                    for (size_t e = 0; e < in[i]->size; e++)
                        cr_assert(near((double)in[i]->grad[e], 2 * (double)once[i][e], 1e-4), "shape %d", k);
            }
            free(dy);
        }
        for (int i = 0; i < 3; i++) free(once[i]);
    }
    tw_ctx_free(ctx);
}

/* A layer's weight has the shape and the bound of PyTorch's. */
Test(conv_groups, the_layer_sees_its_group_alone) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *layer = tw_conv2d_new(params, "c", 32, 64, 5, 5, &(tw_conv2d_options){.groups = 32, PAD(2)});
    tw_tensor *w = tw_params_find(params, "c.weight");
    assert_tensor(ctx, w, 4, ((int[]){64, 1, 5, 5}), NULL, 0);
    double largest = 0;
    for (size_t i = 0; i < w->size; i++) largest = fmax(largest, fabs((double)w->data[i]));
    cr_assert(largest <= 0.2 && largest > 0.19);
    assert_tensor(ctx, tw_forward(ctx, layer, tw_full(ctx, 1, 4, (int[]){2, 32, 6, 7})), 4, ((int[]){2, 64, 6, 7}),
                  NULL, 0);

    cr_assert_null(tw_conv2d_new(params, "d", 6, 4, 3, 3, &(tw_conv2d_options){.groups = 4}));
    assert_error(ctx, TW_ERR_RANGE, "conv2d: 4 groups do not divide the channels: in 6, out 4");
    cr_assert_null(tw_conv2d_new(params, "d", 6, 4, 3, 3, &(tw_conv2d_options){.dilation_w = -1}));
    assert_error(ctx, TW_ERR_RANGE, "dilation 0x-1, 0 groups");
    tw_params_free(params);
    tw_ctx_free(ctx);
}

Test(conv_groups, errors_name_both_shapes) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 4, (int[]){2, 6, 8, 8}), "x");
    tw_tensor *w = tw_set_name(tw_full(ctx, 1, 4, (int[]){8, 3, 3, 3}), "w");
    cr_assert_null(tw_conv2d(ctx, x, w, NULL, &(tw_conv2d_options){.groups = 3}));
    assert_error(ctx, TW_ERR_SHAPE,
                 "conv2d: 3 groups of the input's 6 channels are not the weight's 3, or do not divide its 8 outputs: "
                 "\"x\" [2,6,8,8], \"w\" [8,3,3,3]");
    cr_assert_null(tw_conv2d(ctx, x, tw_full(ctx, 1, 4, (int[]){7, 3, 3, 3}), NULL, &(tw_conv2d_options){.groups = 2}));
    assert_error(ctx, TW_ERR_SHAPE, "do not divide its 7 outputs");
    cr_assert_null(tw_conv2d(ctx, x, w, NULL, &(tw_conv2d_options){.groups = -2}));
    assert_error(ctx, TW_ERR_RANGE, "-2 groups");
    cr_assert_null(tw_conv2d(ctx, x, w, NULL, &(tw_conv2d_options){.groups = 2, DILATED(4, 3)}));
    assert_error(ctx, TW_ERR_SHAPE,
                 "the kernel dilated by 4x3 reaches over 9x7 pixels, more than the input with padding 0x0 has: "
                 "\"x\" [2,6,8,8], \"w\" [8,3,3,3]");
    cr_assert_null(tw_conv2d(ctx, x, w, NULL, &(tw_conv2d_options){.groups = 2, DILATED(INT_MAX, INT_MAX)}));
    assert_error(ctx, TW_ERR_SHAPE, "reaches over 4294967295x4294967295 pixels");
    cr_assert_not_null(tw_conv2d(ctx, x, w, NULL, &(tw_conv2d_options){.groups = 2, DILATED(3, 3)}));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}
