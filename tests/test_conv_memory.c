/* test_conv_memory.c - warmed up at the widest picture, a convolution of any narrower one calls no allocator. */
#include "util_allocator.h"

#include "tensor/internal.h"

typedef struct shape {
    int N, C, H, O, kh, kw;
    tw_conv2d_options options;
    bool plain; /* TW_CONV_PLAIN */
} shape;

#define PAD(n) .pad_h = n, .pad_w = n
#define POOL(h, w) .pool_h = h, .pool_w = w
static const shape shapes[] = {
    /* Winograd */
    {8, 16, 16, 16, 3, 3, {PAD(1), .act = TW_ACT_RELU}, false},
    {40, 16, 5, 16, 3, 3, {PAD(1)}, false},
    {3, 48, 13, 40, 3, 3, {PAD(1), POOL(2, 2)}, false},
    {5, 100, 4, 100, 3, 3, {.pad_h = 1}, false},
    {2, 130, 8, 130, 3, 3, {PAD(1), POOL(2, 1)}, false},
    {9, 32, 6, 64, 5, 5, {PAD(2)}, false},
    {4, 17, 2, 33, 3, 3, {PAD(1)}, false},
    /* direct */
    {8, 1, 32, 8, 3, 3, {PAD(1), POOL(2, 2)}, false},
    {2, 3, 40, 20, 5, 5, {PAD(2), .act = TW_ACT_TANH}, false},
    {40, 8, 9, 16, 3, 3, {PAD(1), POOL(3, 1)}, false},
    {6, 4, 7, 70, 2, 7, {.pad_w = 6}, false},
    {3, 10, 1, 12, 1, 3, {.pad_w = 1}, false},
    /* columns */
    {8, 20, 12, 9, 4, 4, {0}, false},
    {17, 20, 5, 9, 4, 4, {PAD(3), .act = TW_ACT_RELU}, false},
    {40, 30, 8, 50, 1, 1, {0}, false},
    {1, 30, 16, 50, 1, 1, {0}, false},
    {12, 64, 5, 64, 3, 3, {.stride_h = 2, PAD(1)}, false},
    {33, 20, 1, 40, 1, 3, {.pad_w = 1}, false},
    {10, 24, 10, 24, 3, 3, {PAD(1)}, true},
    {10, 3, 24, 7, 5, 5, {PAD(2), POOL(2, 2)}, true},
    {2, 300, 3, 210, 2, 2, {0}, false},
    /* groups, dilation */
    {8, 12, 16, 12, 3, 3, {PAD(1), .groups = 12}, false},
    {40, 12, 5, 24, 3, 3, {PAD(1), .groups = 3, POOL(2, 2)}, false},
    {7, 16, 20, 16, 3, 3, {PAD(2), .dilation_h = 2, .dilation_w = 2, .act = TW_ACT_GELU}, false},
    {3, 130, 9, 66, 3, 2, {PAD(1), .dilation_w = 3, .groups = 2}, false},
    {8, 12, 16, 12, 3, 3, {PAD(1), .groups = 12}, true},
    {40, 12, 5, 24, 3, 3, {PAD(1), .groups = 3, POOL(2, 2)}, true},
    {9, 20, 12, 20, 3, 5, {PAD(2), .stride_h = 2, .stride_w = 3, .groups = 5}, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, WIDEST = 60, WARM_UP = 3 };

typedef struct data {
    tw_real *x, *w, *b, *dy;
} data;

static tw_tensor *output(tw_ctx *ctx, const shape *s, const data *d, int width) {
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, d->x, 4, (int[]){s->N, s->C, s->H, width});
    tw_tensor *w = tw_input_grad(ctx, d->w, 4,
                                 (int[]){s->O, s->C / (s->options.groups ? s->options.groups : 1), s->kh, s->kw});
    return tw_conv2d(ctx, x, w, tw_input_grad(ctx, d->b, 1, (int[]){s->O}), &s->options);
}

/* False: such a picture is too narrow. */
static bool step(tw_ctx *ctx, const shape *s, const data *d, int width) {
    tw_tensor *y = output(ctx, s, d, width);
    if (!y) {
        cr_assert_eq(tw_error(ctx), TW_ERR_SHAPE, "%s", tw_errmsg(ctx));
        tw_error_clear(ctx);
        return false;
    }
    cr_assert_eq(tw_backward_from(ctx, y, d->dy), TW_OK, "%s", tw_errmsg(ctx));
    return true;
}

static data data_new(const shape *s) {
    const size_t room = (size_t)(s->H + 12) * (WIDEST + 12) * (size_t)s->N;
    return (data){random_reals(room * s->C, 1, -1, 1),
                  random_reals((size_t)s->O * s->C * s->kh * s->kw, 2, -1, 1), /* more than groups need */
                  random_reals(s->O, 3, -1, 1), random_reals(room * s->O, 4, -1, 1)};
}
static void data_free(data *d) { free(d->x), free(d->w), free(d->b), free(d->dy); }

static tw_ctx *ctx_new(const shape *s, int threads, counted *c) {
    tw_ctx *ctx = counted_ctx(c, threads);
    tw_set_conv_algo(ctx, s->plain ? TW_CONV_PLAIN : TW_CONV_AUTO);
    return ctx;
}

/* Every width; under a tool, which makes it slow, some. */
static int apart(void) { return test_share() > 1 ? 11 : 1; }

static void check_shape(int k, int threads, int widest) {
    const shape *s = &shapes[k];
    data d = data_new(s);
    counted c = {0};
    tw_ctx *ctx = ctx_new(s, threads, &c);
    for (int i = 0; i < WARM_UP; i++) cr_assert(step(ctx, s, &d, widest));
    const long warm = c.calls;
    for (int width = widest; width > 0 && step(ctx, s, &d, width); width -= apart())
        cr_assert_eq(c.calls, warm, "shape %d, %d threads, warm at %d: width %d allocates", k, threads, widest, width);
    tw_ctx_free(ctx);
    data_free(&d);
}

Test(conv_memory, narrower_pictures_allocate_nothing) {
    for (int threads = 1; threads <= 2; threads++)
        for (int k = 0; k < SHAPES; k += test_share()) check_shape(k, threads, WIDEST), check_shape(k, threads, 33);
}

/* The same without the room to spare that an arena takes, which would hide a little: what a width needs the next one
 * keeps. */
Test(conv_memory, what_is_kept_grows_with_the_width) {
    for (int threads = 1; threads <= 2; threads++)
        for (int k = 0; k < SHAPES; k += test_share()) {
            const shape *s = &shapes[k];
            data d = data_new(s);
            size_t before = 0;
            for (int width = 1; width <= WIDEST; width += apart()) {
                counted c = {0};
                tw_ctx *ctx = ctx_new(s, threads, &c);
                if (step(ctx, s, &d, width)) {
                    const size_t peak = ctx->scratch.peak;
                    cr_expect(peak >= before, "shape %d, %d threads: %zu bytes at width %d, %zu at a narrower one", k,
                              threads, peak, width, before);
                    before = peak;
                }
                tw_ctx_free(ctx);
            }
            data_free(&d);
        }
}

/* A picture that is too wide for an algorithm keeps what a narrower one needs of it, pooling in it, too. */
Test(conv_memory, what_was_too_wide) {
    static const struct {
        shape s;
        int wide, narrow;
    } cases[] = {{{1, 2, 64, 2, 3, 3, {PAD(1), .groups = 2, POOL(64, 1)}, false}, 33000, 31000},
                 {{1, 2, 4, 16, 3, 3, {PAD(1), .groups = 2, POOL(2, 2)}, false}, 80000, 77000},
                 {{1, 1, 32, 8, 3, 3, {PAD(1), POOL(8, 8)}, false}, 60000, 10000}};
    for (int k = 0; k < 3; k++) {
        const shape *s = &cases[k].s;
        counted c = {0};
        tw_ctx *ctx = ctx_new(s, 1, &c);
        tw_set_recording(ctx, false);
        tw_real *x = random_reals((size_t)(s->C * s->H) * (size_t)cases[k].wide, 1, -1, 1);
        tw_real *w = random_reals((size_t)s->O * (size_t)(s->C * s->kh * s->kw), 2, -1, 1);
        long warm = 0;
        for (int i = 0; i <= WARM_UP; i++) {
            const int width = i < WARM_UP ? cases[k].wide : cases[k].narrow, groups = s->options.groups;
            warm = c.calls;
            tw_step_begin(ctx);
            tw_tensor *tx = tw_input(ctx, x, 4, (int[]){1, s->C, s->H, width});
            tw_tensor *tw = tw_input(ctx, w, 4, (int[]){s->O, groups ? s->C / groups : s->C, s->kh, s->kw});
            cr_assert_not_null(tw_conv2d(ctx, tx, tw, NULL, &s->options), "%s", tw_errmsg(ctx));
        }
        cr_assert_eq(c.calls, warm, "case %d: the narrower picture allocates", k);
        tw_ctx_free(ctx);
        free(x), free(w);
    }
}

/* Scratch, weights, lists and parts of each algorithm: a failed allocation is an error, and the next step is as good as
 * ever. */
Test(conv_memory, any_failed_allocation_is_reported_and_leaks_nothing) {
    for (int k = 0; k < SHAPES; k += test_share()) {
        const shape *s = &shapes[k];
        data d = data_new(s);
        bool done = false;
        long failed = 0;
        for (long left = 0; !done; left++) {
            counted c = {0};
            tw_ctx *ctx = ctx_new(s, 1, &c);
            counted_fail_after(&c, left);
            tw_tensor *y = output(ctx, s, &d, 33);
            tw_err err = y ? tw_backward_from(ctx, y, d.dy) : tw_error(ctx);
            done = !err;
            failed += !done;
            if (!done) assert_error(ctx, TW_ERR_NOMEM, "out of memory");
            counted_fail_after(&c, -1);
            cr_assert(step(ctx, s, &d, 33));
            tw_ctx_free(ctx);
            cr_assert(c.blocks == 0 && c.bytes == 0, "shape %d, allocation %ld", k, left);
        }
        cr_assert_gt(failed, 1, "shape %d", k);
        data_free(&d);
    }
}
