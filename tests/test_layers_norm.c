/* Batch norm: against the definition, running statistics, and what it refuses. (Gradients: grad_layers.c.) */
#include "util.h"

typedef struct norm {
    tw_ctx *ctx;
    tw_params *params;
    tw_layer *layer;
} norm;

static norm norm_of(int channels, const tw_batchnorm_options *options) {
    norm n = {.ctx = tw_ctx_new(1)};
    n.params = tw_params_new(n.ctx);
    n.layer = tw_batchnorm_new(n.params, "bn", channels, options);
    cr_assert_not_null(n.layer);
    return n;
}

static void norm_free(norm n) {
    tw_params_free(n.params);
    tw_ctx_free(n.ctx);
}

static tw_real *value(norm n, const char *name) {
    tw_tensor *t = tw_params_find(n.params, name);
    cr_assert_not_null(t, "no %s", name);
    return t->data;
}

/* All ranks: the short runs of [N,C] are gathered, the long ones are worked on where they are. */
Test(layers_norm, equals_the_definition) {
    static const struct {
        int ndim, dim[5];
    } shape[] = {{2, {50, 20}},     {2, {3, 1}},         {3, {7, 18, 5}},
                 {4, {3, 5, 4, 9}}, {4, {2, 3, 30, 41}}, {4, {1, 2, 1, 2}}};
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
        int C = shape[s].dim[1];
        norm n = norm_of(C, &(tw_batchnorm_options){.eps = 1e-3, .momentum = 0.3});
        fill_random(value(n, "bn.weight"), (size_t)C, 5, 0.5, 2);
        fill_random(value(n, "bn.bias"), (size_t)C, 6, -1, 1);
        tw_tensor *x = random_leaf(n.ctx, 7, 9, 11, shape[s].ndim, shape[s].dim);
        tw_tensor *y = tw_forward(n.ctx, n.layer, x);
        assert_ok(n.ctx);
        size_t S = x->size / (size_t)C / (size_t)shape[s].dim[0], M = x->size / (size_t)C;
        for (size_t c = 0; c < (size_t)C; c++) {
            double mean = 0, var = 0;
            for (size_t k = 0; k < M; k++) mean += (double)x->data[(k / S * (size_t)C + c) * S + k % S] / (double)M;
            for (size_t k = 0; k < M; k++)
                var += pow((double)x->data[(k / S * (size_t)C + c) * S + k % S] - mean, 2) / (double)M;
            for (size_t k = 0; k < M; k++) {
                size_t i = (k / S * (size_t)C + c) * S + k % S;
                double want = ((double)x->data[i] - mean) / sqrt(var + 1e-3) * (double)value(n, "bn.weight")[c] +
                    (double)value(n, "bn.bias")[c];
                cr_assert(near((double)y->data[i], want, 1e-4), "shape %zu: y[%zu] is %g, not %g", s, i,
                          (double)y->data[i], want);
            }
            cr_assert(near((double)value(n, "bn.running_mean")[c], 0.3 * mean, 1e-5));
            cr_assert(near((double)value(n, "bn.running_var")[c], 0.7 + 0.3 * var * (double)M / (double)(M - 1), 1e-5));
        }
        cr_assert_eq(value(n, "bn.num_batches_tracked")[0], 1);
        norm_free(n);
    }
}

/* A mean 10,000 times the spread: sums of squares would lose the variance altogether. */
Test(layers_norm, a_far_mean_costs_no_precision) {
    norm n = norm_of(1, NULL);
    enum { M = 3000 };
    tw_real x[M];
    double mean = 0, var = 0;
    for (int i = 0; i < M; i++) x[i] = 20000 + (tw_real)(i % 5);
    for (int i = 0; i < M; i++) mean += (double)x[i] / M;
    for (int i = 0; i < M; i++) var += pow((double)x[i] - mean, 2) / M;
    tw_tensor *y = tw_forward(n.ctx, n.layer, tw_input(n.ctx, x, 3, (int[]){1, 1, M}));
    for (int i = 0; i < M; i++) cr_assert(near((double)y->data[i], ((double)x[i] - mean) / sqrt(var + 1e-5), 1e-5));
    norm_free(n);
}

Test(layers_norm, eval_uses_and_leaves_the_running_statistics) {
    norm n = norm_of(2, &(tw_batchnorm_options){.act = TW_ACT_RELU});
    tw_set_training(n.ctx, false);
    memcpy(value(n, "bn.running_mean"), (tw_real[]){1, -2}, 2 * sizeof(tw_real));
    memcpy(value(n, "bn.running_var"), (tw_real[]){4, 0.25}, 2 * sizeof(tw_real));
    tw_real x[] = {3, -1};
    tw_tensor *y = tw_forward(n.ctx, n.layer,
                              tw_input(n.ctx, x, 2, (int[]){1, 2})); /* one value per channel is fine here */
    assert_tensor(n.ctx, y, 2, ((int[]){1, 2}), ((tw_real[]){1, 2}), 1e-4);
    x[0] = 0;
    cr_assert_eq(tw_forward(n.ctx, n.layer, tw_input(n.ctx, x, 2, (int[]){1, 2}))->data[0], 0);
    cr_assert_eq(value(n, "bn.running_mean")[0], 1);
    cr_assert_eq(value(n, "bn.num_batches_tracked")[0], 0);
    norm_free(n);
}

Test(layers_norm, one_value_per_channel_cannot_be_trained_with) {
    norm n = norm_of(2, NULL);
    tw_tensor *x = tw_set_name(tw_full(n.ctx, 1, 4, (int[]){1, 2, 1, 1}), "x");
    cr_assert_null(tw_forward(n.ctx, n.layer, x));
    assert_error(n.ctx, TW_ERR_RANGE,
                 "batchnorm: one value per channel has no variance to train with: \"x\" [1,2,1,1]");
    norm_free(n);
}

Test(layers_norm, an_empty_batch_changes_nothing) {
    norm n = norm_of(2, NULL);
    tw_tensor *y = tw_forward(n.ctx, n.layer, tw_full(n.ctx, 0, 4, (int[]){0, 2, 3, 3}));
    assert_tensor(n.ctx, y, 4, ((int[]){0, 2, 3, 3}), NULL, 0);
    cr_assert_eq(value(n, "bn.num_batches_tracked")[0], 0);
    cr_assert_eq(value(n, "bn.running_var")[0], 1);
    cr_assert_eq(tw_backward_from(n.ctx, y, NULL), TW_OK);
    assert_near(tw_params_find(n.params, "bn.weight")->grad, ((tw_real[]){0, 0}), 2, 0);
    norm_free(n);
}

/* The step of a poisoned batch fails; the model must come out of it as it was. */
Test(layers_norm, a_batch_with_nan_does_not_touch_the_running_statistics) {
    norm n = norm_of(1, NULL);
    tw_real x[] = {1, (tw_real)NAN, 3};
    cr_assert_not_null(tw_forward(n.ctx, n.layer, tw_input(n.ctx, x, 2, (int[]){3, 1})));
    cr_assert_eq(value(n, "bn.running_mean")[0], 0);
    cr_assert_eq(value(n, "bn.running_var")[0], 1);
    norm_free(n);
}

Test(layers_norm, errors) {
    norm n = norm_of(3, NULL);
    tw_tensor *x = tw_set_name(tw_full(n.ctx, 1, 4, (int[]){2, 4, 5, 5}), "x");
    cr_assert_null(tw_forward(n.ctx, n.layer, x));
    assert_error(n.ctx, TW_ERR_SHAPE,
                 "batchnorm: input has 4 channels, the weight wants 3: \"x\" [2,4,5,5], \"bn.weight\" [3]");
    cr_assert_null(tw_forward(n.ctx, n.layer, tw_full(n.ctx, 1, 1, (int[]){3})));
    assert_error(n.ctx, TW_ERR_SHAPE, "[N,C], [N,C,T] or [N,C,H,W], not [3]");
    cr_assert_null(tw_batchnorm_new(n.params, "b", 0, NULL));
    assert_error(n.ctx, TW_ERR_RANGE, "at least 1 channel");
    cr_assert_null(tw_batchnorm_new(n.params, "b", 1, &(tw_batchnorm_options){.eps = -1}));
    assert_error(n.ctx, TW_ERR_RANGE, "eps");
    cr_assert_null(tw_batchnorm_new(n.params, "b", 1, &(tw_batchnorm_options){.momentum = 1.5}));
    assert_error(n.ctx, TW_ERR_RANGE, "momentum");
    norm_free(n);
}
