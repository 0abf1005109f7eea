/* test_conv_pool.c - convolution that pools as it writes, against convolution and then pooling. */
#include "util.h"

#include <limits.h>
#include <unistd.h>

typedef struct pool_shape {
    int N, C, H, W, O, k, pad, pool_h, pool_w;
} pool_shape;

static const pool_shape shapes[] = {
    {2, 17, 12, 12, 16, 3, 1, 2, 2}, {1, 17, 13, 31, 19, 3, 1, 2, 2}, /* Winograd, lines and columns left over */
    {3, 20, 9, 10, 18, 3, 1, 2, 1},  {2, 18, 8, 15, 16, 3, 0, 1, 2},  {1, 16, 4, 600, 16, 3, 1, 2, 2},
    {2, 18, 13, 13, 16, 3, 1, 3, 3},                                /* windows it leaves to the pooling */
    {3, 1, 28, 28, 9, 5, 2, 2, 2},   {2, 1, 11, 37, 8, 3, 1, 2, 2}, /* few channels */
    {5, 3, 9, 17, 5, 3, 1, 2, 1},    {2, 2, 7, 40, 3, 7, 3, 1, 2},    {2, 4, 15, 14, 6, 1, 0, 3, 2},
    {2, 1, 10, 10, 4, 3, 0, 5, 4},   {40, 8, 14, 14, 16, 3, 1, 2, 2}, {3, 8, 5, 5, 7, 2, 0, 4, 4}, /* one window */
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct leaves {
    tw_tensor *x, *w, *b, *y;
} leaves;

/* Whole quarters: many sums are equal, so there are ties, also of numbers that only an activation makes equal. */
static tw_tensor *coarse_leaf(tw_ctx *ctx, uint64_t seed, int ndim, const int *dim) {
    tw_tensor *t = random_leaf(ctx, seed, -1, 1, ndim, dim);
    for (size_t i = 0; i < t->size; i++) t->data[i] = (tw_real)round((double)t->data[i] * 4) / 4;
    return t;
}

static leaves run(tw_ctx *ctx, const pool_shape *s, tw_act act, bool bias, bool none, bool together) {
    leaves l;
    tw_step_begin(ctx);
    l.x = coarse_leaf(ctx, 1, 4, (int[]){s->N, s->C, s->H, s->W});
    l.w = coarse_leaf(ctx, 2, 4, (int[]){s->O, s->C, s->k, s->k});
    l.b = coarse_leaf(ctx, 3, 1, &s->O);
    if (none) l.x->data[l.x->size / 2] = (tw_real)NAN;
    tw_conv2d_options o = {.pad_h = s->pad, .pad_w = s->pad, .act = act};
    if (together) o.pool_h = s->pool_h, o.pool_w = s->pool_w;
    l.y = tw_conv2d(ctx, l.x, l.w, bias ? l.b : NULL, &o);
    if (!together) l.y = tw_max_pool2d(ctx, l.y, s->pool_h, s->pool_w, NULL);
    cr_assert_not_null(l.y, "%s", tw_errmsg(ctx));
    tw_real *g = random_reals(l.y->size, 4, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, l.y, g), TW_OK, "%s", tw_errmsg(ctx));
    free(g);
    return l;
}

static tw_real *copy_of(const tw_real *x, size_t n) { return memcpy(malloc(n * sizeof *x), x, n * sizeof *x); }

static void same(const pool_shape *s, const char *what, const tw_real *got, tw_real *want, size_t n, double tol) {
    size_t far = first_far(got, want, n, tol);
    cr_assert(far == n, "[%d,%d,%d,%d] %d x %dx%d pad %d, windows %dx%d: %s[%zu] is %.9g, not %.9g", s->N, s->C, s->H,
              s->W, s->O, s->k, s->k, s->pad, s->pool_h, s->pool_w, what, far, (double)got[far], (double)want[far]);
    free(want);
}

static void check(tw_ctx *ctx, const pool_shape *s, tw_act act, bool bias, bool none) {
    leaves l = run(ctx, s, act, bias, none, false);
    tw_real *y = copy_of(l.y->data, l.y->size), *dx = copy_of(l.x->grad, l.x->size);
    tw_real *dw = copy_of(l.w->grad, l.w->size), *db = bias ? copy_of(l.b->grad, l.b->size) : NULL;
    bool lost = none && (act == TW_ACT_SIGMOID || act == TW_ACT_TANH); /* apart, 0 times a NaN's slope comes in */
    l = run(ctx, s, act, bias, none, true);
    same(s, "y", l.y->data, y, l.y->size, 0);
    if (lost) {
        free(dx), free(dw), free(db);
        return;
    }
    same(s, "dx", l.x->grad, dx, l.x->size, 0);
    same(s, "dw", l.w->grad, dw, l.w->size, 0);
    if (bias) same(s, "db", l.b->grad, db, l.b->size, 1e-5);
}

Test(conv_pool, equals_convolution_and_then_pooling) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    for (int i = 0; i < SHAPES; i++)
        for (int act = TW_ACT_NONE; act <= TW_ACT_TANH; act++)
            for (int k = 0; k < 3; k++) check(ctx, &shapes[i], (tw_act)act, k != 1, k == 2);
    tw_ctx_free(ctx);
}

Test(conv_pool, equals_the_plain_algorithm) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    for (int i = 0; i < SHAPES; i++) {
        const pool_shape *s = &shapes[i];
        tw_set_conv_algo(ctx, TW_CONV_PLAIN);
        leaves l = run(ctx, s, TW_ACT_NONE, true, false, true);
        tw_real *y = copy_of(l.y->data, l.y->size), *db = copy_of(l.b->grad, l.b->size);
        tw_set_conv_algo(ctx, TW_CONV_AUTO);
        l = run(ctx, s, TW_ACT_NONE, true, false, true);
        same(s, "y", l.y->data, y, l.y->size, 1e-4);
        same(s, "db", l.b->grad, db, l.b->size, 1e-5);
    }
    tw_ctx_free(ctx);
}

Test(conv_pool, an_empty_batch_and_a_second_use) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int i = 0; i < SHAPES; i++) {
        pool_shape s = shapes[i];
        s.N = 0;
        leaves l = run(ctx, &s, TW_ACT_RELU, true, false, true);
        for (size_t k = 0; k < l.w->size; k++) cr_assert_eq(l.w->grad[k], 0);
        for (size_t k = 0; k < l.b->size; k++) cr_assert_eq(l.b->grad[k], 0);
        s.N = 1;
        l = run(ctx, &s, TW_ACT_RELU, true, false, true);
        tw_real *dx = copy_of(l.x->grad, l.x->size), *dw = copy_of(l.w->grad, l.w->size);
        tw_step_begin(ctx);
        tw_tensor *x = coarse_leaf(ctx, 1, 4, (int[]){s.N, s.C, s.H, s.W});
        tw_tensor *w = coarse_leaf(ctx, 2, 4, (int[]){s.O, s.C, s.k, s.k}), *b = coarse_leaf(ctx, 3, 1, &s.O);
        tw_conv2d_options o = {.pad_h = s.pad, .pad_w = s.pad, .act = TW_ACT_RELU};
        o.pool_h = s.pool_h, o.pool_w = s.pool_w;
        tw_tensor *y = tw_add(ctx, tw_conv2d(ctx, x, w, b, &o), tw_conv2d(ctx, x, w, b, &o));
        tw_real *g = random_reals(y->size, 4, -1, 1);
        cr_assert_eq(tw_backward_from(ctx, y, g), TW_OK);
        for (size_t k = 0; k < x->size; k++) dx[k] *= 2;
        for (size_t k = 0; k < w->size; k++) dw[k] *= 2;
        same(&s, "dx twice", x->grad, dx, x->size, 1e-5);
        same(&s, "dw twice", w->grad, dw, w->size, 1e-4);
        free(g);
    }
    tw_ctx_free(ctx);
}

Test(conv_pool, the_number_of_threads_changes_no_bit) {
    for (int i = 0; i < SHAPES; i++) {
        tw_real *first[4] = {NULL, NULL, NULL, NULL};
        for (int threads = 1; threads <= 3; threads++) {
            tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
            leaves l = run(ctx, &shapes[i], TW_ACT_RELU, true, false, true);
            const tw_real *now[4] = {l.y->data, l.x->grad, l.w->grad, l.b->grad};
            size_t n[4] = {l.y->size, l.x->size, l.w->size, l.b->size};
            for (int k = 0; k < 4; k++) {
                if (threads == 1) first[k] = copy_of(now[k], n[k]);
                cr_assert(!memcmp(first[k], now[k], n[k] * sizeof(tw_real)), "shape %d, %d threads, %d", i, threads, k);
            }
            tw_ctx_free(ctx);
        }
        for (int k = 0; k < 4; k++) free(first[k]);
    }
}

/* A sequential of conv2d and max_pool2d is one operation, with the values and gradients of the two. */
Test(conv_pool, a_sequential_joins_the_two_layers) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int i = 0; i < SHAPES; i++)
        for (int joined = 0; joined < 2; joined++)
            for (int recording = 0; recording < 2; recording++) {
                const pool_shape *s = &shapes[i];
                tw_params *p = tw_params_new(ctx);
                tw_conv2d_options o = {.pad_h = s->pad, .pad_w = s->pad, .act = TW_ACT_RELU};
                tw_layer *conv = tw_conv2d_new(p, "c", s->C, s->O, s->k, s->k, &o), *net = tw_sequential_new(p);
                /* a stride given, equal to the window: the same; one that differs is another pooling */
                tw_pool2d_options pool = {.stride_h = s->pool_h, .stride_w = s->pool_w + !joined};
                tw_layer *max = tw_max_pool2d_new(p, s->pool_h, s->pool_w, &pool);
                tw_sequential_add(net, conv), tw_sequential_add(net, max);
                tw_step_begin(ctx);
                tw_set_recording(ctx, recording);
                tw_tensor *x = coarse_leaf(ctx, 1, 4, (int[]){s->N, s->C, s->H, s->W});
                tw_tensor *apart = tw_forward(ctx, max, tw_forward(ctx, conv, x)), *y = tw_forward(ctx, net, x);
                cr_assert_not_null(y, "%s", tw_errmsg(ctx));
                assert_tensor(ctx, y, 4, apart->dim, apart->data, 0);
                tw_set_recording(ctx, true);
                tw_params_free(p);
            }
    tw_ctx_free(ctx);
}

Test(conv_pool, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_full(ctx, 1, 4, (int[]){1, 1, 5, 6}), *w = tw_full(ctx, 1, 4, (int[]){2, 1, 3, 3});
    cr_assert_null(tw_conv2d(ctx, x, w, NULL, &(tw_conv2d_options){.pool_h = -1}));
    assert_error(ctx, TW_ERR_RANGE, "a window of pooling is not negative: -1x0");
    cr_assert_null(tw_conv2d(ctx, x, w, NULL, &(tw_conv2d_options){.pool_h = 4}));
    assert_error(ctx, TW_ERR_SHAPE, "pooling's window of 4x1 does not fit into an output of 3x4");
    cr_assert_null(tw_conv2d(ctx, x, w, NULL, &(tw_conv2d_options){.pool_w = INT_MAX}));
    assert_error(ctx, TW_ERR_SHAPE, "does not fit");
    tw_params *p = tw_params_new(ctx);
    cr_assert_null(tw_conv2d_new(p, "c", 1, 1, 3, 3, &(tw_conv2d_options){.pool_w = -2}));
    assert_error(ctx, TW_ERR_RANGE, "a window of pooling");
    tw_params_free(p);
    tw_ctx_free(ctx);
}

/* TW_LOG=1: what was chosen, once; not set or 0: nothing. */
Test(conv_pool, the_choice_can_be_seen) {
    for (int on = 0; on < 3; on++) {
        char path[300], text[600] = "";
        FILE *f = fopen(temp_path("log", path, sizeof path), "w+");
        cr_assert_not_null(f);
        int before = dup(STDERR_FILENO);
        dup2(fileno(f), STDERR_FILENO);
        if (on) setenv("TW_LOG", on == 1 ? "1" : "0", 1);
        else unsetenv("TW_LOG");
        tw_ctx *ctx = tw_ctx_new(1);
        for (int i = 0; i < 3; i++) run(ctx, &shapes[0], TW_ACT_RELU, true, false, true);
        tw_ctx_free(ctx);
        dup2(before, STDERR_FILENO);
        close(before);
        rewind(f);
        size_t n = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        remove(path);
        text[n] = 0;
        cr_assert_str_eq(text, on == 1 ? "thalweg: conv2d [2,17,12,12] 16x3x3: winograd, pooled 2x2\n" : "", "%s",
                         text);
    }
}

typedef struct heard {
    int lines;
    char last[300];
} heard;
static void hear(void *user, const char *line) {
    heard *h = user;
    h->lines++;
    snprintf(h->last, sizeof h->last, "%s", line);
}

/* A function of the program's hears it instead, each line once; without it nothing is said any more. */
Test(conv_pool, the_choice_goes_to_a_function) {
    heard h = {0}, other = {0};
    unsetenv("TW_LOG");
    tw_ctx *ctx = tw_ctx_new(1);
    tw_set_log(ctx, hear, &h);
    for (int i = 0; i < 3; i++) run(ctx, &shapes[0], TW_ACT_RELU, true, false, true);
    cr_assert_eq(h.lines, 1);
    cr_assert_str_eq(h.last, "conv2d [2,17,12,12] 16x3x3: winograd, pooled 2x2");
    tw_set_log(ctx, hear, &other);
    for (int i = 0; i < 3; i++) run(ctx, &shapes[0], TW_ACT_RELU, true, false, true);
    cr_assert(h.lines == 1 && other.lines == 1, "who begins to listen has heard nothing yet");
    tw_set_log(ctx, NULL, NULL);
    run(ctx, &shapes[1], TW_ACT_RELU, true, false, true);
    cr_assert(h.lines == 1 && other.lines == 1);
    tw_ctx_free(ctx);
}
