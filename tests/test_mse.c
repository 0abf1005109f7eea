/* test_mse.c - mean squared error: the numbers of the book. What holds for every loss is in test_costs.c. */
#include "util.h"

static tw_real mse_of(tw_ctx *ctx, const tw_real *y, const tw_real *t, int ndim, const int *dim,
                      tw_reduction reduction) {
    return tw_item(tw_mse_loss(ctx, tw_input(ctx, y, ndim, dim), tw_input(ctx, t, ndim, dim),
                               &(tw_mse_options){.reduction = reduction}));
}

/* Three models of three samples and three classes: both err once, but the mean
 * squared error tells them apart. */
Test(mse, tells_models_of_equal_error_rate_apart) {
    static const tw_real model1[] = {.3f, .3f, .4f, .3f, .4f, .3f, .1f, .2f, .7f};
    static const tw_real model2[] = {.1f, .2f, .7f, .1f, .7f, .2f, .3f, .4f, .3f};
    static const tw_real truth[] = {0, 0, 1, 0, 1, 0, 1, 0, 0};
    static const int dim[] = {3, 3};
    tw_ctx *ctx = tw_ctx_new(1);
    cr_assert_float_eq(mse_of(ctx, model1, truth, 2, dim, TW_REDUCTION_SUM) / 3, 0.8067, 5e-5);
    cr_assert_float_eq(mse_of(ctx, model2, truth, 2, dim, TW_REDUCTION_SUM) / 3, 0.3400, 5e-5);
    cr_assert_float_eq(mse_of(ctx, model1, truth, 2, dim, TW_REDUCTION_MEAN), 0.2689, 5e-5);
    cr_assert_float_eq(mse_of(ctx, model2, truth, 2, dim, TW_REDUCTION_MEAN), 0.1133, 5e-5);
    tw_ctx_free(ctx);
}

/* The minimum is at the truth, and one outlier decides the whole loss. */
Test(mse, minimum_at_the_truth_and_one_outlier_sets_the_loss) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real truth[10], near_one[10], at = 100;
    for (int i = 0; i < 10; i++) truth[i] = 1, near_one[i] = 1 + (tw_real)(i % 2 ? 0.1 : -0.1);
    for (int y = -10000; y <= 10000; y += 100) {
        tw_real pred = (tw_real)y;
        tw_real l = mse_of(ctx, &pred, &at, 0, NULL, TW_REDUCTION_MEAN);
        cr_assert_eq(l == 0, y == 100, "at %d", y);
    }
    cr_assert_float_eq(mse_of(ctx, near_one, truth, 1, (int[]){10}, TW_REDUCTION_MEAN), 0.01, 1e-6);
    near_one[9] = 1000;
    cr_assert_float_eq(mse_of(ctx, near_one, truth, 1, (int[]){10}, TW_REDUCTION_MEAN), 99800.1, 0.1);
    tw_ctx_free(ctx);
}

/* The example of docs/losses/mse.md, and the 2 that some libraries lose. */
Test(mse, the_example_of_the_book) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *y = tw_input_grad(ctx, (tw_real[]){1, 2, 5}, 1, (int[]){3});
    tw_tensor *t = tw_input_grad(ctx, (tw_real[]){1, 4, 4}, 1, (int[]){3});
    tw_tensor *loss = tw_mse_loss(ctx, y, t, NULL);
    cr_assert_float_eq(tw_item(loss), 5.0 / 3, 1e-6);
    cr_assert_eq(tw_backward(ctx, loss), TW_OK);
    assert_near(y->grad, ((tw_real[]){0, -4.f / 3, 2.f / 3}), 3, 1e-6);
    assert_near(t->grad, ((tw_real[]){0, 4.f / 3, -2.f / 3}), 3, 1e-6);
    tw_ctx_free(ctx);
}

/* A tensor compared with itself has two gradients that cancel. */
Test(mse, prediction_that_is_its_own_target) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *y = tw_input_grad(ctx, (tw_real[]){1, 2}, 1, (int[]){2});
    cr_assert_eq(tw_backward(ctx, tw_mse_loss(ctx, y, y, NULL)), TW_OK);
    assert_near(y->grad, ((tw_real[]){0, 0}), 2, 0);
    tw_ctx_free(ctx);
}

Test(mse, errors_name_both_shapes) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *y = tw_set_name(tw_full(ctx, 0, 2, (int[]){2, 3}), "y"), *t = tw_full(ctx, 0, 2, (int[]){3, 2});
    cr_assert_null(tw_mse_loss(ctx, y, t, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "mse_loss: the prediction and the target differ in shape: \"y\" [2,3] and [3,2]");
    cr_assert_null(tw_mse_loss(ctx, y, NULL, NULL));
    cr_assert_eq(tw_error(ctx), TW_OK, "NULL in, NULL out");
    tw_mse_options o = tw_mse_defaults();
    cr_assert(o.reduction == TW_REDUCTION_MEAN && !o.sample_weight);
    o.reduction = (tw_reduction)7;
    cr_assert_null(tw_mse_loss(ctx, y, y, &o));
    assert_error(ctx, TW_ERR_RANGE, "mse_loss: 7 is not a reduction");
    tw_ctx_free(ctx);
}
