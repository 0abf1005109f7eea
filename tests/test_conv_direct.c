/* test_conv_direct.c - direct convolution, and that of groups, against the product of columns, over random shapes. */
#include "util.h"

#include "layers/conv_direct.h"
#include "layers/conv_grouped.h"

#include <limits.h>

enum { SHAPES = 150 };

typedef struct shape {
    int N, C, H, W, O, kh, kw;
    tw_conv2d_options o;
} shape;

static int draw(uint64_t stream, uint64_t *at, int low, int high) {
    return low + (int)(tw_random_bits(stream, (*at)++) % (uint64_t)(high - low + 1));
}

static shape random_shape(uint64_t stream, uint64_t *at) {
    shape s = {.N = draw(stream, at, 1, 9), .O = draw(stream, at, 1, 20)};
    s.C = draw(stream, at, 0, 2) ? draw(stream, at, 1, 4) : draw(stream, at, 5, 15);
    s.H = draw(stream, at, 1, 20), s.W = draw(stream, at, 1, 40);
    s.kh = draw(stream, at, 1, 7), s.kw = draw(stream, at, 1, 7);
    s.o.pad_h = draw(stream, at, 0, s.kh - 1), s.o.pad_w = draw(stream, at, 0, s.kw - 1);
    s.o.pool_h = draw(stream, at, 1, 3), s.o.pool_w = draw(stream, at, 1, 3);
    s.o.act = draw(stream, at, 0, 1) ? TW_ACT_RELU : TW_ACT_NONE;
    s.o.stride_h = s.o.stride_w = s.o.dilation_h = s.o.dilation_w = s.o.groups = 1;
    return s;
}

/* Depthwise every second time; any stride, dilation and padding, kernels that skip phases or pixels. */
static shape random_groups(uint64_t stream, uint64_t *at) {
    shape s = random_shape(stream, at);
    const bool depthwise = draw(stream, at, 0, 1);
    s.o.groups = draw(stream, at, 2, 6);
    s.C = s.o.groups * (depthwise ? 1 : draw(stream, at, 1, 17));
    s.O = s.o.groups * (depthwise ? draw(stream, at, 1, 2) : draw(stream, at, 1, 18));
    s.o.stride_h = draw(stream, at, 1, 4), s.o.stride_w = draw(stream, at, 1, 4);
    s.o.dilation_h = draw(stream, at, 1, 3), s.o.dilation_w = draw(stream, at, 1, 3);
    s.kh = draw(stream, at, 1, 5), s.kw = draw(stream, at, 1, 5);
    s.o.pad_h = draw(stream, at, 0, 9), s.o.pad_w = draw(stream, at, 0, 9);
    return s;
}

static int outputs(int size, int pad, int dilation, int kernel, int stride) {
    const int room = size + 2 * pad - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}
/* There is something for pooling to see. */
static bool possible(const shape *s) {
    const tw_conv2d_options *o = &s->o;
    return outputs(s->H, o->pad_h, o->dilation_h, s->kh, o->stride_h) >= o->pool_h &&
        outputs(s->W, o->pad_w, o->dilation_w, s->kw, o->stride_w) >= o->pool_w;
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
    tw_tensor *w = random_leaf(ctx, 2, -1, 1, 4, (int[]){s->O, s->C / s->o.groups, s->kh, s->kw});
    tw_tensor *b = random_leaf(ctx, 3, -1, 1, 1, &s->O);
    coarse(x->data, x->size), coarse(w->data, w->size), coarse(b->data, b->size);
    tw_tensor *y = tw_conv2d(ctx, x, w, b, &s->o);
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

static void compare(tw_ctx *ctx, const shape *s) {
    const tw_conv2d_options *o = &s->o;
    result want = run(ctx, s, true), got = run(ctx, s, false);
    for (int k = 0; k < 4; k++) {
        size_t far = first_far(got.v[k], want.v[k], want.n[k], 0);
        cr_assert(far == want.n[k],
                  "[%d,%d,%d,%d] %d x %dx%d, %d groups, stride %dx%d, pad %dx%d, dilation %dx%d, pool %dx%d, act %d: "
                  "%s[%zu]: %g, not %g",
                  s->N, s->C, s->H, s->W, s->O, s->kh, s->kw, o->groups, o->stride_h, o->stride_w, o->pad_h, o->pad_w,
                  o->dilation_h, o->dilation_w, o->pool_h, o->pool_w, o->act,
                  ((const char *[]){"y", "dx", "dw", "db"})[k], far, (double)got.v[k][far], (double)want.v[k][far]);
        free(want.v[k]), free(got.v[k]);
    }
}

Test(conv_direct, equals_the_product_of_columns) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    uint64_t at = 0;
    for (int i = 0; i < SHAPES; i++) {
        shape s = random_shape(5, &at);
        if (i == 0) s.N = 3, s.H = 70, s.W = 300, s.kh = s.kw = 3, s.o.pad_h = s.o.pad_w = 1; /* bands */
        if (possible(&s) && i % test_share() == 0) compare(ctx, &s);
    }
    tw_ctx_free(ctx);
}

static void note(void *user, const char *line) { snprintf(user, 200, "%s", line); }

Test(conv_grouped, equals_the_product_of_columns) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    char log[200] = "";
    tw_set_log(ctx, note, log);
    uint64_t at = 0;
    int tried = 0;
    for (int i = 0; i < 3 * SHAPES; i++) {
        shape s = random_groups(6, &at);
        if (i == 0)
            s.H = 130, s.W = 150, s.kh = s.kw = 3, s.o.stride_h = s.o.stride_w = 1; /* several portions of lines */
        if (i == 1) s.H = 50, s.W = 90, s.kh = 2, s.kw = 1, s.o.stride_h = 4, s.o.stride_w = 3, s.o.dilation_h = 1;
        if (!possible(&s) || i % test_share()) continue;
        compare(ctx, &s);
        tried += strstr(log, ": grouped") != NULL;
    }
    cr_assert_gt(tried, SHAPES / test_share(), "%d shapes took it", tried);
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

/* Few channels in a group, and planes that are not huge. */
Test(conv_grouped, suits_by_shape) {
    tw__conv s = {.N = 1, .C = 64, .H = 28, .W = 28, .O = 64, .OH = 28, .OW = 28, .kh = 3, .kw = 3, .groups = 64};
    s.sh = s.sw = s.ph = s.pw = s.dh = s.dw = 1, s.taps = s.K = 9, s.P = 28 * 28;
    cr_assert(tw__conv_grouped_suits(&s));
    s.groups = 1, s.K = 9 * 64;
    cr_assert(!tw__conv_grouped_suits(&s));
    s.groups = 64, s.K = 9, s.sw = 9;
    cr_assert(!tw__conv_grouped_suits(&s));
    s.sw = 1, s.W = s.OW = 69900; /* 30 lines of x and of dz, in all 2^22 numbers */
    cr_assert(tw__conv_grouped_suits(&s));
    s.W = s.OW = 69910;
    cr_assert(!tw__conv_grouped_suits(&s));
    s.W = s.OW = INT_MAX - 4;
    cr_assert(!tw__conv_grouped_suits(&s));
    s.W = s.OW = 28, s.O = 64 * 80; /* outputs of a channel */
    cr_assert(!tw__conv_grouped_suits(&s));
    s.O = 64, s.P = 2 * 2; /* no work for so many weights */
    cr_assert(!tw__conv_grouped_suits(&s));
    s.P = 28 * 28, s.kh = s.kw = s.taps = s.K = 1; /* the product of a matrix with the picture as it is */
    cr_assert(!tw__conv_grouped_suits(&s));
}

/* With a stride there may be pixels that no output sees: not even NaN in them reaches a gradient. */
Test(conv_grouped, unseen_pixels_are_not_read) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_set_conv_algo(ctx, TW_CONV_AUTO);
    for (int stride = 2; stride <= 3; stride++) {
        const int size = 3 + 8 * stride + 1; /* nine outputs a line, and a column and a line left over */
        tw_step_begin(ctx);
        tw_tensor *x = tw_full(ctx, 1, 4, (int[]){1, 2, size, size});
        for (int i = 0; i < 2 * size * size; i++)
            if (i % size == size - 1 || i / size % size == size - 1) x->data[i] = (tw_real)NAN;
        tw_tensor *leaf = tw_input_grad(ctx, x->data, 4, x->dim),
                  *w = random_leaf(ctx, 1, -1, 1, 4, (int[]){2, 1, 3, 3});
        tw_tensor *y = tw_conv2d(ctx, leaf, w, NULL,
                                 &(tw_conv2d_options){.stride_h = stride, .stride_w = stride, .groups = 2});
        assert_tensor(ctx, y, 4, ((int[]){1, 2, 9, 9}), NULL, 0);
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
        for (int i = 0; i < 18; i++) cr_assert_eq(w->grad[i], 81);
        for (int i = 0; i < 2 * size * size; i++) cr_assert(isnan((double)leaf->data[i]) ? leaf->grad[i] == 0 : true);
    }
    tw_ctx_free(ctx);
}
