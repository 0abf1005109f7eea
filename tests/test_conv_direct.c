/* test_conv_direct.c - direct convolution against the product of columns, over random shapes. */
#include "util.h"

#include "layers/conv_direct.h"

#include <limits.h>

enum { SHAPES = 150 };

typedef struct shape {
    int N, C, H, W, O, kh, kw, ph, pw, pool_h, pool_w;
    tw_act act;
} shape;

static int draw(uint64_t stream, uint64_t *at, int low, int high) {
    return low + (int)(tw_random_bits(stream, (*at)++) % (uint64_t)(high - low + 1));
}

static shape random_shape(uint64_t stream, uint64_t *at) {
    shape s = {.N = draw(stream, at, 1, 9), .O = draw(stream, at, 1, 20)};
    s.C = draw(stream, at, 0, 2) ? draw(stream, at, 1, 4) : draw(stream, at, 5, 15);
    s.H = draw(stream, at, 1, 20), s.W = draw(stream, at, 1, 40);
    s.kh = draw(stream, at, 1, 7), s.kw = draw(stream, at, 1, 7);
    s.ph = draw(stream, at, 0, s.kh - 1), s.pw = draw(stream, at, 0, s.kw - 1);
    s.pool_h = draw(stream, at, 1, 3), s.pool_w = draw(stream, at, 1, 3);
    s.act = draw(stream, at, 0, 1) ? TW_ACT_RELU : TW_ACT_NONE;
    return s;
}

/* Multiples of a quarter, so that no sum is rounded and the order of its terms does not matter. */
static void coarse(tw_real *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = (tw_real)round((double)x[i] * 4) / 4;
}

typedef struct result {
    size_t n[4];
    tw_real *v[4]; /* y, dx, dw, db */
} result;

static result run(tw_ctx *ctx, const shape *s, bool plain) {
    result r;
    tw_step_begin(ctx);
    tw_set_conv_algo(ctx, plain ? TW_CONV_PLAIN : TW_CONV_AUTO);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 4, (int[]){s->N, s->C, s->H, s->W});
    tw_tensor *w = random_leaf(ctx, 2, -1, 1, 4, (int[]){s->O, s->C, s->kh, s->kw});
    tw_tensor *b = random_leaf(ctx, 3, -1, 1, 1, &s->O);
    coarse(x->data, x->size), coarse(w->data, w->size), coarse(b->data, b->size);
    tw_conv2d_options o = {.pad_h = s->ph, .pad_w = s->pw, .act = s->act, .pool_h = s->pool_h, .pool_w = s->pool_w};
    tw_tensor *y = tw_conv2d(ctx, x, w, b, &o);
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    tw_real *g = random_reals(y->size, 4, -1, 1);
    coarse(g, y->size);
    cr_assert_eq(tw_backward_from(ctx, y, g), TW_OK, "%s", tw_errmsg(ctx));
    free(g);
    const tw_real *from[4] = {y->data, x->grad, w->grad, b->grad};
    size_t n[4] = {y->size, x->size, w->size, b->size};
    for (int k = 0; k < 4; k++) r.v[k] = memcpy(malloc((n[k] + 1) * sizeof(tw_real)), from[k], n[k] * sizeof(tw_real));
    memcpy(r.n, n, sizeof n);
    return r;
}

Test(conv_direct, equals_the_product_of_columns) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    uint64_t at = 0;
    for (int i = 0; i < SHAPES; i++) {
        shape s = random_shape(5, &at);
        if (s.H + 2 * s.ph - s.kh + 1 < s.pool_h || s.W + 2 * s.pw - s.kw + 1 < s.pool_w) continue;
        if (i == 0) s.N = 3, s.H = 70, s.W = 300, s.kh = s.kw = 3, s.ph = s.pw = 1; /* bands */
        result want = run(ctx, &s, true), got = run(ctx, &s, false);
        for (int k = 0; k < 4; k++) {
            size_t far = first_far(got.v[k], want.v[k], want.n[k], 0);
            cr_assert(far == want.n[k], "[%d,%d,%d,%d] %d x %dx%d pad %dx%d pool %dx%d act %d: %s[%zu]: %g, not %g",
                      s.N, s.C, s.H, s.W, s.O, s.kh, s.kw, s.ph, s.pw, s.pool_h, s.pool_w, s.act,
                      ((const char *[]){"y", "dx", "dw", "db"})[k], far, (double)got.v[k][far], (double)want.v[k][far]);
            free(want.v[k]), free(got.v[k]);
        }
    }
    tw_ctx_free(ctx);
}

/* Which convolutions take it: those of stride 1 with few input channels. */
Test(conv_direct, suits_by_shape) {
    tw__conv s = {.N = 1, .C = 1, .H = 28, .W = 28, .O = 32, .OH = 28, .OW = 28, .kh = 5, .kw = 5, .sh = 1, .sw = 1};
    s.ph = s.pw = 2;
    cr_assert(tw__conv_direct_suits(&s));
    s.sw = 2;
    cr_assert(!tw__conv_direct_suits(&s));
    s.sw = 1, s.C = 64;
    cr_assert(!tw__conv_direct_suits(&s));
    s.C = 1, s.N = 0;
    cr_assert(!tw__conv_direct_suits(&s));
    /* a line as long as a recording would be copied for each thread and channel */
    s.N = 1, s.H = s.OH = s.kh = 1, s.ph = 0, s.W = s.OW = 2000;
    cr_assert(tw__conv_direct_suits(&s));
    s.W = s.OW = 160000;
    cr_assert(!tw__conv_direct_suits(&s));
    s.W = s.OW = INT_MAX - 4;
    cr_assert(!tw__conv_direct_suits(&s));
}
