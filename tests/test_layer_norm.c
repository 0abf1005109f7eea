/* test_layer_norm.c - layer norm against the definition; threads, limits, errors. (Gradients: grad_layers.c.) */
#include "util.h"

typedef struct shape {
    int ndim, dim[TW_MAX_DIMS], over; /* how many dimensions are normalised */
} shape;

static const shape shapes[] = {
    {2, {50, 20}, 1},   {1, {1}, 1},       {2, {7, 1}, 1},       {3, {3, 4, 5}, 2}, {4, {2, 3, 30, 41}, 3},
    {2, {3000, 17}, 1}, {2, {3, 5000}, 1}, {3, {200, 7, 64}, 1}, {2, {0, 5}, 1},    {5, {2, 1, 2, 3, 4}, 5},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef enum affine { BOTH, WEIGHT, NEITHER, BIAS } affine;

static void compare(tw_ctx *ctx, const shape *s, affine which) {
    const int *over = s->dim + s->ndim - s->over;
    const size_t M = product(s->over, over), rows = product(s->ndim - s->over, s->dim);
    tw_step_begin(ctx);
    tw_tensor *x = random_leaf(ctx, 1, 9, 11, s->ndim, s->dim);
    tw_tensor *w = random_leaf(ctx, 2, 0.5, 2, s->over, over), *b = random_leaf(ctx, 3, -1, 1, s->over, over);
    const bool has_w = which == BOTH || which == WEIGHT, has_b = which == BOTH || which == BIAS;
    tw_tensor *y = tw_layer_norm(ctx, x, s->over, over, has_w ? w : NULL, has_b ? b : NULL, 1e-3);
    assert_tensor(ctx, y, s->ndim, s->dim, NULL, 0);
    tw_real *dy = random_reals(y->size, 4, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    double *dw = calloc(M, sizeof *dw), *db = calloc(M, sizeof *db);
    for (size_t r = 0; r < rows; r++) {
        const tw_real *xs = x->data + r * M;
        double mean = 0, var = 0, of_g = 0, of_gx = 0;
        for (size_t i = 0; i < M; i++) mean += (double)xs[i] / (double)M;
        for (size_t i = 0; i < M; i++) var += pow((double)xs[i] - mean, 2) / (double)M;
        const double inverse = 1 / sqrt(var + 1e-3);
        for (size_t i = 0; i < M; i++) {
            const double hat = ((double)xs[i] - mean) * inverse, dyi = (double)dy[r * M + i];
            const double want = hat * (has_w ? (double)w->data[i] : 1) + (has_b ? (double)b->data[i] : 0);
            cr_assert(near((double)y->data[r * M + i], want, 2e-5));
            const double g = dyi * (has_w ? (double)w->data[i] : 1);
            of_g += g, of_gx += g * hat;
            dw[i] += dyi * hat, db[i] += dyi;
        }
        for (size_t i = 0; i < M; i++) {
            const double hat = ((double)xs[i] - mean) * inverse;
            const double g = (double)dy[r * M + i] * (has_w ? (double)w->data[i] : 1);
            const double want = inverse * (g - of_g / (double)M - hat * of_gx / (double)M);
            cr_assert(near((double)x->grad[r * M + i], want, 3e-4), "dx is %g, not %g", (double)x->grad[r * M + i],
                      want);
        }
    }
    for (size_t i = 0; i < M; i++) {
        if (has_w) cr_assert(near((double)w->grad[i], dw[i], 1e-4));
        if (has_b) cr_assert(near((double)b->grad[i], db[i], 1e-5));
    }
    free(dy), free(dw), free(db);
}

Test(layer_norm, equals_the_definition) {
    for (int threads = 1; threads <= 2; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = threads});
        for (int k = 0; k < SHAPES; k++)
            for (int which = BOTH; which <= BIAS; which++) compare(ctx, &shapes[k], (affine)which);
        tw_ctx_free(ctx);
    }
}

/* A row's mean of 10,000 leaves its deviations their digits. */
Test(layer_norm, a_large_mean_costs_no_digits) {
    enum { M = 256 };
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real x[M];
    for (int i = 0; i < M; i++) x[i] = 10000 + (tw_real)(i % 2);
    tw_tensor *y = tw_layer_norm(ctx, tw_input(ctx, x, 1, (int[]){M}), 1, (int[]){M}, NULL, NULL, 1e-12);
    for (int i = 0; i < M; i++) cr_assert(near((double)y->data[i], i % 2 ? 1 : -1, 1e-6));
    for (int i = 0; i < M; i++) x[i] = 3; /* no deviation at all */
    y = tw_layer_norm(ctx, tw_input(ctx, x, 1, (int[]){M}), 1, (int[]){M}, NULL, NULL, 0);
    for (int i = 0; i < M; i++) cr_assert_eq(y->data[i], 0);
    tw_ctx_free(ctx);
}

Test(layer_norm, same_bits_for_any_number_of_threads) {
    for (int k = 0; k < SHAPES; k++) {
        const shape *s = &shapes[k];
        const int *over = s->dim + s->ndim - s->over;
        tw_real *want[3] = {NULL};
        for (int threads = 1; threads <= 3; threads++) {
            tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = threads});
            tw_tensor *leaf[] = {random_leaf(ctx, 1, 9, 11, s->ndim, s->dim),
                                 random_leaf(ctx, 2, 0.5, 2, s->over, over), random_leaf(ctx, 3, -1, 1, s->over, over)};
            tw_tensor *y = tw_layer_norm(ctx, leaf[0], s->over, over, leaf[1], leaf[2], 0);
            cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_mul(ctx, y, tw_exp(ctx, y)), 0, NULL, false)), TW_OK);
            for (int i = 0; i < 3; i++) {
                const size_t bytes = leaf[i]->size * sizeof(tw_real);
                if (threads == 1) want[i] = memcpy(malloc(bytes + 1), leaf[i]->grad, bytes);
                else cr_assert(!memcmp(want[i], leaf[i]->grad, bytes), "shape %d, %d threads", k, threads);
            }
            tw_ctx_free(ctx);
        }
        for (int i = 0; i < 3; i++) free(want[i]);
    }
}

Test(layer_norm, the_layer_and_its_options) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *full = tw_layer_norm_new(params, "full", 2, (int[]){2, 3}, NULL);
    cr_assert_eq(tw_params_count(params), 2);
    assert_tensor(ctx, tw_params_find(params, "full.weight"), 2, ((int[]){2, 3}), ((tw_real[]){1, 1, 1, 1, 1, 1}), 0);
    assert_tensor(ctx, tw_params_find(params, "full.bias"), 2, ((int[]){2, 3}), ((tw_real[]){0, 0, 0, 0, 0, 0}), 0);
    tw_layer_norm_new(params, "nobias", 1, (int[]){3}, &(tw_layer_norm_options){.no_bias = true});
    cr_assert_eq(tw_params_count(params), 3);
    tw_layer *plain = tw_layer_norm_new(params, "plain", 2, (int[]){2, 3}, &(tw_layer_norm_options){.no_affine = true});
    cr_assert_eq(tw_params_count(params), 3);
    tw_real x[12];
    fill_random(x, 12, 1, -1, 1);
    tw_tensor *t = tw_input(ctx, x, 3, (int[]){2, 2, 3}), *a = tw_forward(ctx, full, t), *b = tw_forward(ctx, plain, t);
    assert_ok(ctx);
    assert_near(a->data, b->data, 12, 0);
    cr_assert_not_null(tw_forward(ctx, full, tw_full(ctx, 1, 3, (int[]){0, 2, 3})));
    tw_params_free(params);
    tw_ctx_free(ctx);
}

Test(layer_norm, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *layer = tw_layer_norm_new(params, "ln", 1, (int[]){5}, NULL);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 2, (int[]){3, 4}), "x"), *w = tw_full(ctx, 1, 1, (int[]){3});
    cr_assert_null(tw_forward(ctx, layer, x));
    assert_error(
        ctx, TW_ERR_SHAPE,
        "layer_norm: the input does not end with the shape that is normalised: \"x\" [3,4], \"ln.weight\" [5]");
    cr_assert_null(tw_layer_norm(ctx, x, 3, (int[]){1, 3, 4}, NULL, NULL, 0));
    assert_error(ctx, TW_ERR_SHAPE, "\"x\" [3,4], [1,3,4]");
    cr_assert_null(tw_layer_norm(ctx, x, 1, (int[]){4}, w, NULL, 0));
    assert_error(ctx, TW_ERR_SHAPE, "the weight is of the shape that is normalised: [3], [4]");
    cr_assert_null(tw_layer_norm(ctx, x, 1, (int[]){4}, NULL, w, 0));
    assert_error(ctx, TW_ERR_SHAPE, "the bias is of the shape that is normalised: [3], [4]");
    cr_assert_null(tw_layer_norm(ctx, x, 0, NULL, NULL, NULL, 0));
    assert_error(ctx, TW_ERR_RANGE, "over 1 to 5 dimensions, not 0");
    cr_assert_null(tw_layer_norm(ctx, x, 1, (int[]){4}, NULL, NULL, NAN));
    assert_error(ctx, TW_ERR_RANGE, "eps is positive");
    cr_assert_null(tw_layer_norm_new(params, "l", 2, (int[]){3, 0}, NULL));
    assert_error(ctx, TW_ERR_RANGE, "each dimension is at least 1: [3,0]");
    cr_assert_null(tw_layer_norm_new(params, "l", 1, (int[]){3}, &(tw_layer_norm_options){.eps = -1}));
    assert_error(ctx, TW_ERR_RANGE, "eps is positive, not -1");
    const int huge[] = {0, 65536, 65536, 65536, 65536}; /* a row of 2^64 numbers, and no row */
    cr_assert_null(tw_layer_norm(ctx, tw_full(ctx, 0, 5, huge), 4, huge + 1, NULL, NULL, 0));
    assert_error(ctx, TW_ERR_SHAPE, "layer_norm: the shape that is normalised is too large: [65536,65536,65536,65536]");
    cr_assert_null(tw_layer_norm_new(params, "l", 4, huge + 1, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "too large: [65536,65536,65536,65536]");
    cr_assert_null(tw_layer_norm(ctx, NULL, 1, (int[]){4}, NULL, NULL, 0));
    cr_assert_null(tw_layer_norm_new(NULL, "l", 1, (int[]){3}, NULL));
    assert_ok(ctx);
    tw_params_free(params);
    tw_ctx_free(ctx);
}
