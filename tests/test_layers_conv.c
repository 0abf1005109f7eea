/* Convolution against the definition, written as seven loops in double. */
#include "util.h"

#include <limits.h>

typedef struct conv_case {
    int N, C, H, W, O, kh, kw, sh, sw, ph, pw;
    tw_act act;
} conv_case;

static size_t at4(const int d[4], int a, int b, int c, int e) {
    return (((size_t)a * (size_t)d[1] + (size_t)b) * (size_t)d[2] + (size_t)c) * (size_t)d[3] + (size_t)e;
}

static double act_of(tw_act act, double z) {
    switch (act) {
    case TW_ACT_RELU: return z > 0 ? z : 0;
    case TW_ACT_LEAKY_RELU: return z > 0 ? z : 0.01 * z;
    case TW_ACT_SIGMOID: return 1 / (1 + exp(-z));
    case TW_ACT_TANH: return tanh(z);
    default: return z;
    }
}

static double slope_of(tw_act act, double z) {
    double y = act_of(act, z);
    switch (act) {
    case TW_ACT_RELU: return z > 0;
    case TW_ACT_LEAKY_RELU: return z > 0 ? 1 : 0.01;
    case TW_ACT_SIGMOID: return y * (1 - y);
    case TW_ACT_TANH: return 1 - y * y;
    default: return 1;
    }
}

/* z (before the activation), and from dz the three gradients; g NULL: only z. */
static void slow(const conv_case *c, int OH, int OW, const tw_real *x, const tw_real *w, const tw_real *b, double *z,
                 const tw_real *g, double *dx, double *dw, double *db) {
    const int xd[] = {c->N, c->C, c->H, c->W}, wd[] = {c->O, c->C, c->kh, c->kw}, yd[] = {c->N, c->O, OH, OW};
    for (int n = 0; n < c->N; n++)
        for (int o = 0; o < c->O; o++)
            for (int h = 0; h < OH; h++)
                for (int v = 0; v < OW; v++) {
                    size_t k = at4(yd, n, o, h, v);
                    double dz = g ? (double)g[k] * slope_of(c->act, z[k]) : 0, sum = (double)b[o];
                    if (g) db[o] += dz;
                    for (int ch = 0; ch < c->C; ch++)
                        for (int i = 0; i < c->kh; i++)
                            for (int j = 0; j < c->kw; j++) {
                                int ih = h * c->sh - c->ph + i, iw = v * c->sw - c->pw + j;
                                if (ih < 0 || iw < 0 || ih >= c->H || iw >= c->W) continue;
                                size_t from = at4(xd, n, ch, ih, iw), tap = at4(wd, o, ch, i, j);
                                sum += (double)x[from] * (double)w[tap];
                                if (!g) continue;
                                dx[from] += dz * (double)w[tap];
                                dw[tap] += dz * (double)x[from];
                            }
                    if (!g) z[k] = sum;
                }
}

static void expect(const conv_case *c, const char *what, const tw_real *got, const double *want, size_t n, tw_act act) {
    for (size_t i = 0; i < n; i++)
        cr_assert(near((double)got[i], act_of(act, want[i]), 3e-4),
                  "%s[%zu] is %g, not %g: N%d C%d %dx%d -> %d, kernel %dx%d stride %dx%d pad %dx%d act %d", what, i,
                  (double)got[i], act_of(act, want[i]), c->N, c->C, c->H, c->W, c->O, c->kh, c->kw, c->sh, c->sw, c->ph,
                  c->pw, c->act);
}

static void check_with(tw_ctx *ctx, const conv_case *c, bool bias) {
    const int xd[] = {c->N, c->C, c->H, c->W}, wd[] = {c->O, c->C, c->kh, c->kw};
    tw_conv2d_options o = {.stride_h = c->sh, .stride_w = c->sw, .pad_h = c->ph, .pad_w = c->pw, .act = c->act};
    int roomh = c->H + 2 * c->ph - c->kh, roomw = c->W + 2 * c->pw - c->kw;
    tw_step_begin(ctx);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 4, xd), *w = random_leaf(ctx, 2, -1, 1, 4, wd);
    tw_tensor *b = random_leaf(ctx, 3, bias ? -1 : 0, bias, 1, &c->O), *y = tw_conv2d(ctx, x, w, bias ? b : NULL, &o);
    if (roomh < 0 || roomw < 0) {
        cr_assert_null(y);
        assert_error(ctx, TW_ERR_SHAPE, "kernel is larger than the input");
        return;
    }
    const int yd[] = {c->N, c->O, roomh / c->sh + 1, roomw / c->sw + 1};
    assert_tensor(ctx, y, 4, yd, NULL, 0);

    double *z = calloc(y->size + 1, sizeof *z), *dx = calloc(x->size + 1, sizeof *dx);
    double *dw = calloc(w->size, sizeof *dw), *db = calloc(b->size, sizeof *db);
    tw_real *g = random_reals(y->size + 1, 4, -1, 1);
    slow(c, yd[2], yd[3], x->data, w->data, b->data, z, NULL, NULL, NULL, NULL);
    expect(c, "y", y->data, z, y->size, c->act);
    /* A rectified value close to 0 may fall on either side in float; its gradient says nothing then. */
    for (size_t i = 0; i < y->size; i++)
        if (fabs(z[i]) < 1e-5) g[i] = 0;
    slow(c, yd[2], yd[3], x->data, w->data, b->data, z, g, dx, dw, db);
    cr_assert_eq(tw_backward_from(ctx, y, g), TW_OK, "%s", tw_errmsg(ctx));
    expect(c, "dx", x->grad, dx, x->size, TW_ACT_NONE);
    expect(c, "dw", w->grad, dw, w->size, TW_ACT_NONE);
    if (bias) expect(c, "db", b->grad, db, b->size, TW_ACT_NONE);
    free(z), free(dx), free(dw), free(db), free(g);
}

static void check(tw_ctx *ctx, const conv_case *c) {
    check_with(ctx, c, true);
    if (c->act == TW_ACT_NONE) check_with(ctx, c, false);
}

/* Every kernel with every stride and padding, on pictures of odd sizes, some smaller than the kernel. */
Test(layers_conv, equals_the_definition_for_all_geometries) {
    static const int size[][2] = {{5, 7}, {1, 9}, {4, 3}};
    tw_ctx *ctx = tw_ctx_new(1);
    int n = 0;
    for (int s = 0; s < 3; s++)
        for (int kh = 1; kh <= 5; kh += kh == 1 ? 1 : 3)
            for (int kw = 1; kw <= 4; kw++)
                for (int sh = 1; sh <= 3; sh++)
                    for (int sw = 1; sw <= 3; sw++)
                        for (int ph = 0; ph <= 3; ph++)
                            for (int pw = 0; pw <= 3; pw++, n++)
                                check(ctx,
                                      &(conv_case){2, 2, size[s][0], size[s][1], 3, kh, kw, sh, sw, ph, pw,
                                                   (tw_act)(n % 5)});
    tw_ctx_free(ctx);
}

/* Sizes that are cut: several tiles an image, several images a tile, blocks of channels, chunks of images. */
Test(layers_conv, equals_the_definition_where_the_work_is_cut) {
    static const conv_case cases[] = {
        {3, 2, 33, 41, 4, 3, 3, 1, 1, 1, 1, TW_ACT_RELU},   /* 3 tiles an image, the last one shorter */
        {2, 3, 40, 30, 2, 5, 3, 1, 1, 0, 2, TW_ACT_NONE},   /* tiles that end within an output row */
        {70, 2, 7, 7, 3, 3, 3, 1, 1, 1, 1, TW_ACT_TANH},    /* groups of 10 images, the last chunk shorter */
        {5, 60, 24, 25, 3, 3, 3, 1, 1, 1, 1, TW_ACT_RELU},  /* blocks of channels */
        {3, 130, 23, 24, 2, 3, 2, 1, 1, 1, 0, TW_ACT_NONE}, /* three of them, and tiles */
        {3, 8, 24, 24, 5, 1, 1, 1, 1, 0, 0, TW_ACT_RELU},   /* 1x1: the input is the matrix */
        {3, 8, 24, 24, 5, 1, 1, 1, 1, 0, 0, TW_ACT_NONE},
        {9, 8, 5, 5, 5, 1, 1, 1, 1, 0, 0, TW_ACT_SIGMOID}, /* 1x1, gathered from several images */
        {3, 3, 25, 26, 5, 1, 1, 2, 2, 0, 0, TW_ACT_NONE},
        {20, 1, 12, 12, 6, 5, 5, 1, 1, 2, 2, TW_ACT_RELU}, /* one channel */
        {0, 3, 8, 8, 2, 3, 3, 1, 1, 1, 1, TW_ACT_RELU},    /* an empty batch: all gradients of the weights are 0 */
        {2, 1, 0, 3, 2, 2, 2, 1, 1, 1, 1, TW_ACT_NONE},    /* nothing but padding */
        {1, 1, 5, 5, 2, 3, 3, INT_MAX, INT_MAX, 2, 2, TW_ACT_NONE}, /* one window, whatever the stride */
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(ctx, &cases[i]);
    tw_ctx_free(ctx);
}

/* The same input and weight used twice: the second gradient is added to the first. */
Test(layers_conv, gradients_add_up) {
    static const conv_case cases[] = {
        {4, 3, 9, 9, 2, 3, 3, 1, 1, 1, 1, TW_ACT_NONE},
        {40, 3, 9, 9, 2, 3, 3, 2, 1, 1, 1, TW_ACT_NONE},
        {4, 3, 24, 24, 2, 1, 1, 1, 1, 0, 0, TW_ACT_NONE},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const conv_case *c = &cases[i];
        tw_conv2d_options o = {.stride_h = c->sh, .stride_w = c->sw, .pad_h = c->ph, .pad_w = c->pw, .act = c->act};
        tw_real *once[3] = {NULL, NULL, NULL};
        for (int times = 1; times <= 2; times++) {
            tw_step_begin(ctx);
            tw_tensor *in[] = {random_leaf(ctx, 1, -1, 1, 4, (int[]){c->N, c->C, c->H, c->W}),
                               random_leaf(ctx, 2, -1, 1, 4, (int[]){c->O, c->C, c->kh, c->kw}),
                               random_leaf(ctx, 3, -1, 1, 1, &c->O)};
            tw_tensor *y = tw_conv2d(ctx, in[0], in[1], in[2], &o);
            if (times == 2) y = tw_add(ctx, y, tw_conv2d(ctx, in[0], in[1], in[2], &o));
            tw_real *g = random_reals(y->size, 4, -1, 1);
            cr_assert_eq(tw_backward_from(ctx, y, g), TW_OK);
            for (int k = 0; k < 3; k++) {
                if (times == 1) {
                    once[k] = memcpy(malloc(in[k]->size * sizeof(tw_real)), in[k]->grad, in[k]->size * sizeof(tw_real));
                } else {
                    for (size_t e = 0; e < in[k]->size; e++) once[k][e] *= 2;
                    assert_near(in[k]->grad, once[k], in[k]->size, 1e-5);
                }
            }
            free(g);
        }
        for (int k = 0; k < 3; k++) free(once[k]);
    }
    tw_ctx_free(ctx);
}

Test(layers_conv, an_input_or_weight_without_gradient_gets_none) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real x[16] = {1, 2, 3}, w[4] = {1, 2, 3, 4}, g[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    tw_tensor *plain = tw_input(ctx, x, 4, (int[]){1, 1, 4, 4});
    tw_tensor *weight = tw_input_grad(ctx, w, 4, (int[]){1, 1, 2, 2});
    cr_assert_eq(tw_backward_from(ctx, tw_conv2d(ctx, plain, weight, NULL, NULL), g), TW_OK);
    cr_assert_null(plain->grad);
    assert_near(weight->grad, ((tw_real[]){6, 5, 0, 0}), 4, 1e-6);

    tw_step_begin(ctx);
    tw_tensor *leaf = tw_input_grad(ctx, x, 4, (int[]){1, 1, 4, 4});
    tw_tensor *fixed = tw_input(ctx, w, 4, (int[]){1, 1, 2, 2});
    cr_assert_eq(tw_backward_from(ctx, tw_conv2d(ctx, leaf, fixed, NULL, NULL), g), TW_OK);
    cr_assert_null(fixed->grad);
    assert_near(leaf->grad, ((tw_real[]){1, 3, 3, 2, 4, 10, 10, 6, 4, 10, 10, 6, 3, 7, 7, 4}), 16, 1e-6);
    tw_ctx_free(ctx);
}

Test(layers_conv, errors_name_both_shapes) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 4, (int[]){2, 3, 8, 8}), "x");
    tw_tensor *w = tw_set_name(tw_full(ctx, 1, 4, (int[]){8, 1, 3, 3}), "conv1.weight");
    cr_assert_null(tw_conv2d(ctx, x, w, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE,
                 "conv2d: input has 3 channels, the weight wants 1: \"x\" [2,3,8,8], \"conv1.weight\" [8,1,3,3]");
    cr_assert_null(tw_conv2d(ctx, tw_full(ctx, 1, 3, (int[]){3, 8, 8}), w, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the input is [N,C,H,W], not [3,8,8]");
    cr_assert_null(tw_conv2d(ctx, x, tw_full(ctx, 1, 4, (int[]){2, 3, 0, 3}), NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "none of them 0");
    tw_tensor *fits = tw_full(ctx, 1, 4, (int[]){8, 3, 3, 3});
    cr_assert_null(tw_conv2d(ctx, x, fits, tw_full(ctx, 1, 1, (int[]){7}), NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the bias is [out]: [7], [8,3,3,3]");
    cr_assert_null(tw_conv2d(ctx, x, fits, NULL, &(tw_conv2d_options){.stride_h = -1}));
    assert_error(ctx, TW_ERR_RANGE, "stride and padding are not negative");
    cr_assert_null(tw_conv2d(ctx, x, fits, NULL, &(tw_conv2d_options){.act = (tw_act)9}));
    assert_error(ctx, TW_ERR_RANGE, "9 is not an activation");
    cr_assert_null(tw_conv2d(ctx, tw_full(ctx, 1, 4, (int[]){1, 3, 2, 9}), fits, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "kernel is larger than the input");
    cr_assert_null(tw_conv2d(ctx, x, fits, NULL, &(tw_conv2d_options){.stride_w = INT_MAX, .pad_w = INT_MAX}));
    assert_error(ctx, TW_ERR_SHAPE, "at most 2147483647 pixels, padding 0x2147483647");
    cr_assert_null(tw_conv2d(ctx, NULL, fits, NULL, NULL));
    assert_ok(ctx);

    tw_params *params = tw_params_new(ctx);
    cr_assert_null(tw_conv2d_new(params, "c", 0, 4, 3, 3, NULL));
    assert_error(ctx, TW_ERR_RANGE, "sizes are at least 1");
    cr_assert_null(tw_conv2d_new(params, "c", 1, 4, 3, 3, &(tw_conv2d_options){.pad_w = -2}));
    assert_error(ctx, TW_ERR_RANGE, "not negative");
    tw_params_free(params);
    tw_ctx_free(ctx);
}
