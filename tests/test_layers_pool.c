/* Pooling against the definition. */
#include "util.h"

#include <limits.h>

typedef struct pool_case {
    int N, C, H, W, kh, kw, sh, sw, ph, pw;
} pool_case;

/* One window: its maximum and where (the first in row-major order), and its sum. */
static void window(const pool_case *c, const tw_real *plane, int oh, int ow, double *max, int *where, double *sum) {
    *where = -1;
    *sum = 0;
    for (int i = 0; i < c->kh; i++)
        for (int j = 0; j < c->kw; j++) {
            int h = oh * c->sh - c->ph + i, w = ow * c->sw - c->pw + j;
            if (h < 0 || w < 0 || h >= c->H || w >= c->W) continue;
            double v = (double)plane[h * c->W + w];
            *sum += v;
            if (*where < 0 || v > *max) *max = v, *where = h * c->W + w;
        }
}

static void check(tw_ctx *ctx, const pool_case *c) {
    tw_pool2d_options o = {c->sh, c->sw, c->ph, c->pw};
    int OH = (c->H + 2 * c->ph - c->kh) / c->sh + 1, OW = (c->W + 2 * c->pw - c->kw) / c->sw + 1;
    for (int average = 0; average < 2; average++)
        for (int record = 0; record < 2; record++) {
            tw_step_begin(ctx);
            tw_tensor *x = random_leaf(ctx, 1, -1, 1, 4, (int[]){c->N, c->C, c->H, c->W});
            for (size_t i = 0; i < x->size; i++) x->data[i] = (tw_real)round((double)x->data[i] * 4); /* many ties */
            tw_set_recording(ctx, record);
            tw_tensor *y = (average ? tw_avg_pool2d : tw_max_pool2d)(ctx, x, c->kh, c->kw, &o);
            tw_set_recording(ctx, true);
            assert_tensor(ctx, y, 4, ((int[]){c->N, c->C, OH, OW}), NULL, 0);
            tw_real *want = calloc(y->size + 1, sizeof *want), *dx = calloc(x->size + 1, sizeof *dx);
            tw_real *g = random_reals(y->size + 1, 2, -1, 1);
            for (int p = 0; p < c->N * c->C; p++)
                for (int k = 0; k < OH * OW; k++) {
                    double max = 0, sum;
                    int where, out = p * OH * OW + k, plane = p * c->H * c->W;
                    window(c, x->data + plane, k / OW, k % OW, &max, &where, &sum);
                    want[out] = (tw_real)(average ? sum / (c->kh * c->kw) : max);
                    if (!average) dx[plane + where] += g[out];
                    for (int i = 0; average && i < c->kh * c->kw; i++) {
                        int h = k / OW * c->sh - c->ph + i / c->kw, w = k % OW * c->sw - c->pw + i % c->kw;
                        if (h >= 0 && w >= 0 && h < c->H && w < c->W)
                            dx[plane + h * c->W + w] += g[out] / (tw_real)(c->kh * c->kw);
                    }
                }
            size_t far = first_far(y->data, want, y->size, 1e-5);
            cr_assert(far == y->size, "%s y[%zu]: %dx%d window %dx%d stride %dx%d pad %dx%d", average ? "avg" : "max",
                      far, c->H, c->W, c->kh, c->kw, c->sh, c->sw, c->ph, c->pw);
            if (record) {
                cr_assert_eq(tw_backward_from(ctx, y, g), TW_OK);
                far = first_far(x->grad, dx, x->size, 1e-5);
                cr_assert(far == x->size, "%s dx[%zu]: %dx%d window %dx%d stride %dx%d pad %dx%d",
                          average ? "avg" : "max", far, c->H, c->W, c->kh, c->kw, c->sh, c->sw, c->ph, c->pw);
            }
            free(want), free(dx), free(g);
        }
}

Test(layers_pool, equals_the_definition) {
    static const int size[][2] = {{6, 8}, {5, 7}, {3, 33}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (int s = 0; s < 3; s++)
        for (int kh = 1; kh <= 3; kh++)
            for (int kw = 1; kw <= 3; kw++)
                for (int sh = 1; sh <= 3; sh++)
                    for (int sw = 1; sw <= 3; sw++)
                        for (int p = 0; p < 4; p++) {
                            pool_case c = {2,  3,  size[s][0], size[s][1],         kh,
                                           kw, sh, sw,         (p & 1) * (kh / 2), (p >> 1) * (kw / 2)};
                            check(ctx, &c);
                        }
    check(ctx, &(pool_case){40, 30, 8, 8, 2, 2, 2, 2, 0, 0}); /* several parallel blocks */
    check(ctx, &(pool_case){1, 2, 300, 70, 2, 2, 2, 2, 0, 0});
    check(ctx, &(pool_case){0, 2, 6, 6, 2, 2, 2, 2, 0, 0});
    check(ctx, &(pool_case){1, 1, 20, 20, 20, 20, 1, 1, 0, 0});
    check(ctx, &(pool_case){1, 1, 5, 5, 4, 4, INT_MAX, INT_MAX, 2, 2}); /* one window, whatever the stride */
    tw_ctx_free(ctx);
}

Test(layers_pool, max_of_nothing_but_minus_infinity_and_of_nan) {
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real inf = (tw_real)INFINITY, none = (tw_real)NAN;
    tw_real x[] = {1, none, -inf, -inf, 2, 3, -inf, -inf}, g[] = {7, 5, 0, 0};
    for (int general = 0; general < 2; general++) { /* 2x2 with stride 2 has a loop of its own */
        tw_step_begin(ctx);
        tw_tensor *t = tw_input_grad(ctx, x, 4, (int[]){1, 1, 2, 4});
        tw_tensor *y = tw_max_pool2d(ctx, t, 2, 2, general ? &(tw_pool2d_options){.stride_h = 1} : NULL);
        assert_near(y->data, ((tw_real[]){none, -inf}), 2, 0);
        cr_assert_eq(tw_backward_from(ctx, y, g), TW_OK);
        assert_near(t->grad, ((tw_real[]){0, 7, 5, 0, 0, 0, 0, 0}), 8, 0);
    }
    tw_ctx_free(ctx);
}

/* Windows that overlap, whose input is used by both kinds, in either order. */
Test(layers_pool, gradients_add_up) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real x[] = {1, 9, 2, 3, 4, 5}, g[] = {1, 1, 1, 1};
    tw_pool2d_options one = {.stride_h = 1, .stride_w = 1};
    for (int average_first = 0; average_first < 2; average_first++) {
        tw_step_begin(ctx);
        tw_tensor *t = tw_input_grad(ctx, x, 4, (int[]){1, 1, 2, 3});
        tw_tensor *a = (average_first ? tw_avg_pool2d : tw_max_pool2d)(ctx, t, 2, 2, &one);
        tw_tensor *b = (average_first ? tw_max_pool2d : tw_avg_pool2d)(ctx, t, 2, 2, &one);
        cr_assert_eq(tw_backward_from(ctx, tw_add(ctx, a, b), g), TW_OK);
        assert_near(t->grad, ((tw_real[]){0.25f, 2.5f, 0.25f, 0.25f, 0.5f, 0.25f}), 6, 1e-6);
    }
    tw_step_begin(ctx);
    tw_tensor *t = tw_input_grad(ctx, x, 4, (int[]){1, 1, 2, 3});
    tw_tensor *y = tw_add(ctx, tw_global_avg_pool2d(ctx, t), tw_global_avg_pool2d(ctx, t));
    assert_tensor(ctx, y, 2, ((int[]){1, 1}), ((tw_real[]){8}), 1e-6);
    cr_assert_eq(tw_backward_from(ctx, y, (tw_real[]){3}), TW_OK);
    assert_near(t->grad, ((tw_real[]){1, 1, 1, 1, 1, 1}), 6, 1e-6);
    tw_ctx_free(ctx);
}

Test(layers_pool, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 4, (int[]){2, 3, 4, 4}), "x");
    cr_assert_null(tw_max_pool2d(ctx, x, 5, 2, NULL));
    assert_error(ctx, TW_ERR_SHAPE,
                 "max_pool2d: a window of 5x2 does not fit into the input with padding 0x0: \"x\" [2,3,4,4]");
    cr_assert_null(tw_avg_pool2d(ctx, x, 2, 2, &(tw_pool2d_options){.pad_h = 2}));
    assert_error(ctx, TW_ERR_RANGE, "avg_pool2d: the padding is at most half the window");
    cr_assert_null(tw_max_pool2d(ctx, x, 0, 2, NULL));
    assert_error(ctx, TW_ERR_RANGE, "at least 1x1");
    cr_assert_null(tw_max_pool2d(ctx, x, 2, 2, &(tw_pool2d_options){.stride_w = -1}));
    assert_error(ctx, TW_ERR_RANGE, "stride is positive");
    cr_assert_null(tw_max_pool2d(ctx, tw_full(ctx, 1, 3, (int[]){3, 4, 4}), 2, 2, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "[N,C,H,W]");
    cr_assert_null(tw_global_avg_pool2d(ctx, tw_full(ctx, 1, 4, (int[]){2, 3, 0, 4})));
    assert_error(ctx, TW_ERR_SHAPE, "at least one pixel");
    tw_params *params = tw_params_new(ctx);
    cr_assert_null(tw_max_pool2d_new(params, 2, 2, &(tw_pool2d_options){.pad_h = 2}));
    assert_error(ctx, TW_ERR_RANGE, "max_pool2d: the padding");
    tw_params_free(params);
    tw_ctx_free(ctx);
}
