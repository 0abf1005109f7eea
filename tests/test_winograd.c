/* test_winograd.c - 3x3 and 5x5 convolution by Winograd's algorithm against the sum in double, over odd shapes. */
#include "util.h"

#include "layers/winograd.h"

typedef struct shape {
    int k, N, C, H, W, O, ph, pw;
} shape;

static const shape shapes[] = {
    {3, 2, 18, 12, 12, 16, 1, 1},  {3, 1, 17, 13, 30, 19, 1, 1}, {3, 3, 33, 9, 25, 16, 1, 1},
    {3, 2, 16, 28, 28, 40, 0, 0},  {3, 1, 20, 11, 14, 16, 2, 2}, {3, 2, 24, 8, 8, 24, 0, 2},
    {3, 1, 16, 4, 1100, 16, 1, 1}, {3, 9, 64, 16, 16, 48, 1, 1}, {3, 1, 18, 40, 7, 16, 1, 1},
    {3, 5, 70, 7, 8, 90, 1, 1},    {3, 4, 16, 8, 25, 16, 1, 1},  {3, 8, 130, 8, 13, 100, 1, 1},
    {3, 55, 96, 8, 9, 96, 1, 1},   {3, 4, 16, 70, 66, 16, 1, 1}, /* two large units */
    {5, 2, 18, 12, 12, 16, 2, 2},  {5, 1, 17, 13, 30, 19, 2, 2}, {5, 3, 33, 9, 25, 16, 0, 0},
    {5, 4, 32, 14, 14, 64, 2, 2},  {5, 2, 20, 11, 15, 24, 4, 3}, {5, 2, 24, 9, 9, 24, 1, 4},
    {5, 7, 70, 7, 7, 129, 2, 2},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static tw__conv conv_of(const shape *s) {
    tw__conv c = {.N = s->N, .C = s->C, .H = s->H, .W = s->W, .O = s->O, .kh = s->k, .kw = s->k, .sh = 1, .sw = 1};
    c.ph = s->ph, c.pw = s->pw;
    c.OH = s->H + 2 * s->ph - s->k + 1, c.OW = s->W + 2 * s->pw - s->k + 1;
    c.taps = s->k * s->k, c.K = c.C * c.taps, c.P = c.OH * c.OW;
    return c;
}

/* The sums of the definition, in double; what is NULL is not wanted. */
static void plain(const tw__conv *s, const tw_real *x, const tw_real *w, const tw_real *dz, double *y, double *dx,
                  double *dw) {
    for (int n = 0; n < s->N; n++)
        for (int o = 0; o < s->O; o++)
            for (int c = 0; c < s->C; c++)
                for (int i = 0; i < s->kh; i++)
                    for (int j = 0; j < s->kw; j++)
                        for (int a = 0; a < s->OH; a++)
                            for (int b = 0; b < s->OW; b++) {
                                int p = a + i - s->ph, q = b + j - s->pw;
                                if (p < 0 || q < 0 || p >= s->H || q >= s->W) continue;
                                size_t at_x = (((size_t)n * s->C + c) * s->H + p) * s->W + q;
                                size_t at_y = (((size_t)n * s->O + o) * s->OH + a) * s->OW + b;
                                size_t at_w = (((size_t)o * s->C + c) * s->kh + i) * s->kw + j;
                                y[at_y] += (double)x[at_x] * (double)w[at_w];
                                dx[at_x] += (double)dz[at_y] * (double)w[at_w];
                                dw[at_w] += (double)dz[at_y] * (double)x[at_x];
                            }
}

/* Largest difference, by the root mean square of what should be; and, to *rms, that of the differences. */
static double error_of(const tw_real *got, const double *want, size_t n, double *rms) {
    double worst = 0, square = 0, difference = 0;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)got[i] - want[i]));
        difference += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        square += want[i] * want[i];
    }
    *rms = sqrt(difference / square);
    return worst / sqrt(square / (double)n);
}

static void check_shape(tw_ctx *ctx, const shape *sh) {
    tw__conv s = conv_of(sh);
    cr_assert(tw__winograd_suits(&s), "%dx%d of [%d,%d,%d,%d]: the test is for nothing", s.kh, s.kw, s.N, s.C, s.H,
              s.W);
    size_t nx = (size_t)s.N * s.C * s.H * s.W, ny = (size_t)s.N * s.O * s.P, nw = (size_t)s.O * s.K;
    tw_real *x = random_reals(nx, 1, -1, 1), *w = random_reals(nw, 2, -.1, .1), *dz = random_reals(ny, 3, -1, 1);
    double *y = calloc(ny, sizeof *y), *dx = calloc(nx, sizeof *dx), *dw = calloc(nw, sizeof *dw);
    plain(&s, x, w, dz, y, dx, dw);

    tw_step_begin(ctx);
    tw_tensor *tx = tw_input_grad(ctx, x, 4, (int[]){s.N, s.C, s.H, s.W});
    tw_tensor *tw = tw_input_grad(ctx, w, 4, (int[]){s.O, s.C, s.kh, s.kw});
    tw_tensor *ty = tw_conv2d(ctx, tx, tw, NULL, &(tw_conv2d_options){.pad_h = s.ph, .pad_w = s.pw});
    cr_assert_not_null(ty, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_backward_from(ctx, ty, dz), TW_OK, "%s", tw_errmsg(ctx));
    double ry, rx, rw;
    double ey = error_of(ty->data, y, ny, &ry), ex = error_of(tx->grad, dx, nx, &rx);
    double ew = error_of(tw->grad, dw, nw, &rw);
    cr_expect(ry < 2e-6 && rx < 2e-6 && rw < 2e-6, "%dx%d of [%d,%d,%d,%d] -> %d: errors' size %.2g %.2g %.2g", s.kh,
              s.kw, s.N, s.C, s.H, s.W, s.O, ry, rx, rw);
    cr_expect(ey < 4e-5 && ex < 4e-5 && ew < 4e-5, "%dx%d of [%d,%d,%d,%d] -> %d: errors %.2g %.2g %.2g", s.kh, s.kw,
              s.N, s.C, s.H, s.W, s.O, ey, ex, ew);
    free(x), free(w), free(dz), free(y), free(dx), free(dw);
}

Test(winograd, equals_the_plain_sum) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    for (int i = 0; i < SHAPES; i += test_share()) check_shape(ctx, &shapes[i]);
    tw_ctx_free(ctx);
}

/* Bias, activation, a second use of x and of the weight: gradients add up; the same bits for 1, 2 and 3 threads. */
Test(winograd, bias_activation_fan_out_and_threads) {
    enum { N = 3, C = 16, H = 15, W = 18, O = 20, NX = N * C * H * W, NW = O * C * 9 };
    tw_real *x = random_reals(NX, 1, -1, 1), *w = random_reals(NW, 2, -.1, .1), *b = random_reals(O, 3, -1, 1);
    tw_real *first = malloc((NX + NW + O) * sizeof *first);
    for (int threads = 1; threads <= 3; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
        tw_tensor *tx = tw_input_grad(ctx, x, 4, (int[]){N, C, H, W}), *tb = tw_input_grad(ctx, b, 1, (int[]){O});
        tw_tensor *tw = tw_input_grad(ctx, w, 4, (int[]){O, C, 3, 3});
        tw_conv2d_options relu = {.pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU}, plain_too = {.pad_h = 1, .pad_w = 1};
        tw_tensor *y = tw_conv2d(ctx, tx, tw, tb, &relu), *z = tw_conv2d(ctx, tx, tw, tb, &plain_too);
        for (size_t i = 0; i < y->size; i++) {
            tw_real want = z->data[i] > 0 ? z->data[i] : 0;
            cr_assert_eq(y->data[i], want);
        }
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_mul(ctx, y, z), 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
        if (threads == 1) {
            memcpy(first, tx->grad, NX * sizeof *first);
            memcpy(first + NX, tw->grad, NW * sizeof *first);
            memcpy(first + NX + NW, tb->grad, O * sizeof *first);
        }
        cr_assert(!memcmp(first, tx->grad, NX * sizeof *first) && !memcmp(first + NX, tw->grad, NW * sizeof *first) &&
                  !memcmp(first + NX + NW, tb->grad, O * sizeof *first));
        /* relu(z) z has the derivative 2 relu(z): by the plain convolution alone */
        tw_step_begin(ctx);
        tx = tw_input_grad(ctx, x, 4, (int[]){N, C, H, W}), tb = tw_input_grad(ctx, b, 1, (int[]){O});
        tw = tw_input_grad(ctx, w, 4, (int[]){O, C, 3, 3});
        z = tw_conv2d(ctx, tx, tw, tb, &plain_too);
        tw_real *up = tw_alloc(ctx, z->size * sizeof *up);
        for (size_t i = 0; i < z->size; i++) up[i] = z->data[i] > 0 ? 2 * z->data[i] : 0;
        cr_assert_eq(tw_backward_from(ctx, z, up), TW_OK);
        assert_near(tx->grad, first, NX, 2e-4);
        assert_near(tw->grad, first + NX, NW, 1e-3);
        tw_ctx_free(ctx);
    }
    free(x), free(w), free(b), free(first);
}

/* A gradient that is wanted alone has the bits it has beside the others. */
Test(winograd, each_gradient_alone) {
    enum { N = 5, C = 20, H = 11, W = 14, O = 36, NX = N * C * H * W, NW = O * C * 25 };
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    tw_real *x = random_reals(NX, 1, -1, 1), *w = random_reals(NW, 2, -.1, .1), *b = random_reals(O, 3, -1, 1);
    tw_real *kept[3] = {NULL, NULL, NULL}, *data[] = {x, w, b};
    const int dims[3][4] = {{N, C, H, W}, {O, C, 5, 5}, {O}}, ndim[] = {4, 4, 1};
    const size_t size[] = {NX, NW, O};
    for (int alone = -1; alone < 3; alone++) {
        tw_tensor *in[3];
        tw_step_begin(ctx);
        for (int k = 0; k < 3; k++)
            in[k] = (alone < 0 || alone == k ? tw_input_grad : tw_input)(ctx, data[k], ndim[k], dims[k]);
        tw_conv2d_options o = {.pad_h = 2, .pad_w = 1, .act = TW_ACT_RELU};
        tw_tensor *y = tw_conv2d(ctx, in[0], in[1], in[2], &o);
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_mul(ctx, y, y), 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
        for (int k = 0; k < 3; k++) {
            if (alone < 0) memcpy(kept[k] = malloc(size[k] * sizeof *x), in[k]->grad, size[k] * sizeof *x);
            else if (alone == k) cr_assert(!memcmp(kept[k], in[k]->grad, size[k] * sizeof *x), "gradient %d", k);
        }
    }
    free(x), free(w), free(b), free(kept[0]), free(kept[1]), free(kept[2]);
    tw_ctx_free(ctx);
}

/* Forbidden, the same convolution is the sum of products: nearer to the truth, and other bits. */
Test(winograd, can_be_forbidden) {
    enum { C = 64, H = 16, W = 16 };
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real *x = random_reals(C * H * W, 1, -1, 1), *w = random_reals(C * C * 9, 2, -.1, .1), *kept[2];
    for (int k = 0; k < 2; k++) {
        tw_set_conv_algo(ctx, k ? TW_CONV_PLAIN : TW_CONV_AUTO);
        tw_tensor *y = tw_conv2d(ctx, tw_input(ctx, x, 4, (int[]){1, C, H, W}),
                                 tw_input(ctx, w, 4, (int[]){C, C, 3, 3}), NULL,
                                 &(tw_conv2d_options){.pad_h = 1, .pad_w = 1});
        kept[k] = malloc(C * H * W * sizeof **kept);
        memcpy(kept[k], y->data, C * H * W * sizeof **kept);
    }
    cr_assert(memcmp(kept[0], kept[1], C * H * W * sizeof **kept));
    assert_near(kept[0], kept[1], C * H * W, 2e-5);
    free(x), free(w), free(kept[0]), free(kept[1]);
    tw_ctx_free(ctx);
}
