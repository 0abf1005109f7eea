/* test_ops_pad.c - padding against the definition, for every mode; and gelu's accuracy. (Gradients: grad_ops.c.) */
#include "util.h"

#include <limits.h>

/* ---- pad ------------------------------------------------------------------------------------------------------ */

typedef struct pad_case {
    int ndim, dim[TW_MAX_DIMS], before[TW_MAX_DIMS], after[TW_MAX_DIMS];
} pad_case;

static const pad_case cases[] = {
    {0, {0}, {0}, {0}},
    {1, {1}, {0}, {0}},
    {1, {5}, {4}, {3}},
    {1, {5}, {-2}, {-3}}, /* nothing is left */
    {1, {5}, {-4}, {3}},
    {2, {3, 4}, {1, 3}, {2, 0}},
    {2, {6, 7}, {-1, 5}, {2, -4}},
    {3, {2, 3, 5000}, {0, 1, 2}, {1, 0, 0}},
    {3, {70, 3, 90}, {2, 0, 0}, {5, 0, 0}},
    {5, {2, 3, 2, 3, 4}, {1, 2, 1, 0, 3}, {0, 1, 1, 2, 3}},
    {3, {0, 3, 4}, {0, 1, 2}, {0, 2, 1}},
};

static int source(tw_pad_mode mode, int length, int i) {
    if (i >= 0 && i < length) return i;
    if (mode == TW_PAD_CONSTANT) return -1;
    if (mode == TW_PAD_REPLICATE) return i < 0 ? 0 : length - 1;
    return i < 0 ? -i : 2 * (length - 1) - i;
}

static void compare(tw_ctx *ctx, const pad_case *c, tw_pad_mode mode) {
    int dim[TW_MAX_DIMS];
    for (int i = 0; i < c->ndim; i++) dim[i] = c->before[i] + c->dim[i] + c->after[i];
    tw_step_begin(ctx);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, c->ndim, c->dim);
    tw_tensor *y = tw_pad(ctx, x, c->before, c->after, mode, (tw_real)0.25);
    assert_tensor(ctx, y, c->ndim, dim, NULL, 0);
    tw_real *dy = random_reals(y->size, 2, -1, 1);
    double *dx = calloc(x->size + 1, sizeof *dx);
    for (size_t i = 0; i < y->size; i++) {
        int at[TW_MAX_DIMS];
        bool constant = false;
        coordinates(c->ndim, dim, i, at);
        for (int a = 0; a < c->ndim; a++) {
            at[a] = source(mode, c->dim[a], at[a] - c->before[a]);
            constant = constant || at[a] < 0;
        }
        const size_t from = constant ? 0 : element(c->ndim, c->dim, c->ndim, at);
        cr_assert_eq(y->data[i], constant ? (tw_real)0.25 : x->data[from], "mode %d: y[%zu]", mode, i);
        if (!constant) dx[from] += (double)dy[i];
    }
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    for (size_t i = 0; i < x->size; i++)
        cr_assert(near((double)x->grad[i], dx[i], 3e-6), "mode %d: dx[%zu] is %g, not %g", mode, i, (double)x->grad[i],
                  dx[i]);
    free(dy), free(dx);
}

Test(pad, equals_the_definition) {
    for (int threads = 1; threads <= 2; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = threads});
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            for (int mode = TW_PAD_CONSTANT; mode <= TW_PAD_REPLICATE; mode++) {
                bool reflects = true;
                for (int i = 0; i < cases[k].ndim; i++) {
                    const int most = cases[k].before[i] > cases[k].after[i] ? cases[k].before[i] : cases[k].after[i];
                    reflects = reflects && (most <= 0 || most < cases[k].dim[i]);
                }
                if (mode != TW_PAD_REFLECT || reflects) compare(ctx, &cases[k], (tw_pad_mode)mode);
            }
        tw_ctx_free(ctx);
    }
}

/* A second use of x adds to its gradient. */
Test(pad, gradients_add_up) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int mode = TW_PAD_CONSTANT; mode <= TW_PAD_REPLICATE; mode++)
        for (int axes = 0; axes < 3; axes++) {
            tw_step_begin(ctx);
            tw_tensor *x = random_leaf(ctx, 1, -1, 1, 2, (int[]){2, 3});
            tw_tensor *y = tw_pad(ctx, x, (int[]){axes > 0, axes > 1}, (int[]){0, 0}, (tw_pad_mode)mode, 9);
            tw_tensor *loss = tw_add(ctx, tw_sum(ctx, y, 0, NULL, false),
                                     tw_scale(ctx, tw_sum(ctx, x, 0, NULL, false), 10));
            cr_assert_eq(tw_backward(ctx, loss), TW_OK);
            double sum = 0;
            for (int i = 0; i < 6; i++) {
                cr_assert(x->grad[i] >= 11);
                sum += (double)x->grad[i];
            }
            cr_assert_eq(sum, 60 + (mode == TW_PAD_CONSTANT ? 6 : (double)y->size));
        }
    tw_ctx_free(ctx);
}

Test(pad, same_bits_for_any_number_of_threads) {
    tw_real *want = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = threads});
        tw_tensor *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){40, 30, 50});
        tw_tensor *y = tw_pad(ctx, x, (int[]){3, 29, 7}, (int[]){9, 0, 40}, TW_PAD_REFLECT, 0);
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_mul(ctx, y, tw_exp(ctx, y)), 0, NULL, false)), TW_OK);
        if (threads == 1) want = memcpy(malloc(x->size * sizeof *want), x->grad, x->size * sizeof *want);
        cr_assert(!memcmp(want, x->grad, x->size * sizeof *want));
        tw_ctx_free(ctx);
    }
    free(want);
}

Test(pad, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 2, (int[]){3, 0}), "x");
    cr_assert_null(tw_pad(ctx, x, (int[]){-2, 0}, (int[]){-2, 0}, TW_PAD_CONSTANT, 0));
    assert_error(ctx, TW_ERR_RANGE, "pad: axis 0 with -2 before and -2 after would have a length of -1: \"x\" [3,0]");
    cr_assert_null(tw_pad(ctx, x, (int[]){INT_MAX, 0}, (int[]){1, 0}, TW_PAD_CONSTANT, 0));
    assert_error(ctx, TW_ERR_RANGE, "length of 2147483651");
    cr_assert_null(tw_pad(ctx, x, (int[]){-5, 0}, (int[]){9, 0}, TW_PAD_CONSTANT, 0));
    assert_error(ctx, TW_ERR_RANGE, "-5 before");
    cr_assert_null(tw_pad(ctx, x, (int[]){0, 0}, (int[]){3, 0}, TW_PAD_REFLECT, 0));
    assert_error(ctx, TW_ERR_RANGE,
                 "pad: axis 0 reflects fewer elements than it has, not 0 before and 3 after: \"x\" [3,0]");
    cr_assert_null(tw_pad(ctx, x, (int[]){0, 1}, (int[]){0, 0}, TW_PAD_REPLICATE, 0));
    assert_error(ctx, TW_ERR_RANGE, "pad: axis 1 has no element to repeat");
    cr_assert_null(tw_pad(ctx, x, (int[]){0, 0}, (int[]){0, 0}, (tw_pad_mode)3, 0));
    assert_error(ctx, TW_ERR_RANGE, "3 is not a mode of padding");
    cr_assert_null(tw_pad(ctx, NULL, NULL, NULL, TW_PAD_CONSTANT, 0));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}

/* A result without elements needs no memory for what lies between, and lengths are added without overflow. */
Test(pad, nothing_is_left_of_something_large) {
    static const int before[][3] = {{-2, 0, 0}, {0, 0, -1}, {0, INT_MAX, 0}};
    static const int after[][3] = {{0, 65535, 65535}, {0, INT_MAX - 1, 0}, {0, -1, -1}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (int mode = 0; mode <= TW_PAD_REPLICATE; mode++)
        for (int k = 0; k < 3; k++) {
            if (mode == TW_PAD_REFLECT) continue; /* it has no elements to reflect */
            tw_step_begin(ctx);
            tw_tensor *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){2, 1, 1});
            tw_tensor *y = tw_pad(ctx, x, before[k], after[k], (tw_pad_mode)mode, 0);
            assert_ok(ctx);
            cr_assert_eq(y->size, 0);
            cr_assert_eq(tw_backward_from(ctx, y, NULL), TW_OK);
            cr_assert(x->grad[0] == 0 && x->grad[1] == 0);
        }
    cr_assert_lt(tw_ctx_stats(ctx).allocated_peak, 100u << 20);
    tw_ctx_free(ctx);
}

/* ---- gelu ------------------------------------------------------------------------------------------------------ */

/* Also far out on the left, where 1 + erf would have no digits left, and where powers of x overflow. */
Test(gelu, keeps_its_digits) {
    tw_ctx *ctx = tw_ctx_new(1);
    enum { N = 4001 };
    tw_real x[N], dy[N];
    for (int i = 0; i < N; i++) x[i] = (tw_real)(i - 2000) / 160, dy[i] = 1;
    tw_tensor *t = tw_input_grad(ctx, x, 1, (int[]){N}), *y = tw_gelu(ctx, t);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    for (int i = 0; i < N; i++) {
        const double v = (double)x[i], p = erfc(-v * sqrt(0.5)) / 2, density = exp(-v * v / 2) / sqrt(2 * acos(-1));
        cr_assert(fabs((double)y->data[i] - v * p) <= 2e-5 * fabs(v * p) + 1e-37, "gelu(%g) is %g, not %g", v,
                  (double)y->data[i], v * p);
        cr_assert(near((double)t->grad[i], p + v * density, 1e-6));
    }
    tw_ctx_free(ctx);
}

Test(gelu, large_arguments) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real x[] = {1e30f, -1e30f, 1e15f, -1e15f, 100, -100, 0}, dy[] = {1, 1, 1, 1, 1, 1, 1};
    for (int k = 0; k < 2; k++) {
        tw_step_begin(ctx);
        tw_tensor *t = tw_input_grad(ctx, x, 1, (int[]){7}), *y = (k ? tw_gelu_tanh : tw_gelu)(ctx, t);
        cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
        assert_near(y->data, ((tw_real[]){1e30f, 0, 1e15f, 0, 100, 0, 0}), 7, 1e-6);
        assert_near(t->grad, ((tw_real[]){1, 0, 1, 0, 1, 0, (tw_real)0.5}), 7, 1e-6);
    }
    tw_ctx_free(ctx);
}

/* As the activation of a layer it is a node of its own, with the same values, recorded or not. */
Test(gelu, of_a_layer_is_the_plain_one) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(params);
    tw_sequential_add(net, tw_conv2d_new(params, "c", 2, 5, 3, 3, &(tw_conv2d_options){.act = TW_ACT_GELU}));
    tw_sequential_add(net, tw_max_pool2d_new(params, 2, 2, NULL));
    tw_sequential_add(net, tw_flatten_new(params));
    tw_sequential_add(net, tw_dense_new(params, "d", 5 * 2 * 3, 4, &(tw_dense_options){.act = TW_ACT_GELU_TANH}));
    tw_real *x = random_reals(3 * 2 * 6 * 8, 1, -1, 1), want[12];
    for (int recording = 1; recording >= 0; recording--) {
        tw_set_recording(ctx, recording);
        tw_step_begin(ctx);
        tw_tensor *t = tw_input(ctx, x, 4, (int[]){3, 2, 6, 8});
        tw_tensor *w = tw_params_find(params, "c.weight"), *b = tw_params_find(params, "c.bias");
        tw_tensor *z = tw_max_pool2d(ctx, tw_gelu(ctx, tw_conv2d(ctx, t, w, b, NULL)), 2, 2, NULL);
        z = tw_dense(ctx, tw_flatten(ctx, z), tw_params_find(params, "d.weight"), tw_params_find(params, "d.bias"),
                     TW_ACT_NONE);
        z = tw_gelu_tanh(ctx, z);
        if (recording) memcpy(want, z->data, sizeof want);
        tw_tensor *y = tw_forward(ctx, net, t);
        assert_ok(ctx);
        assert_near(y->data, want, 12, 0);
    }
    free(x);
    tw_params_free(params);
    tw_ctx_free(ctx);
}
