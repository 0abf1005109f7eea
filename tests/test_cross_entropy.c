/* test_cross_entropy.c - softmax cross entropy with classes and with distributions: the worked numbers, and the
 * corners. */
#include "util.h"

/* Logits whose softmax is q: its logarithm. */
static tw_tensor *logits_of(tw_ctx *ctx, const tw_real *q, int N, int K) {
    tw_tensor *z = tw_new(ctx, 2, (int[]){N, K});
    for (size_t i = 0; i < z->size; i++) z->data[i] = (tw_real)log((double)q[i]);
    return tw_input_grad(ctx, z->data, 2, z->dim);
}

static tw_tensor *classes_loss(tw_ctx *ctx, tw_tensor *z, const int32_t *class, size_t n, tw_reduction reduction) {
    tw_cross_entropy_options o = tw_cross_entropy_defaults();
    o.reduction = reduction;
    return tw_cross_entropy_loss(ctx, z, (tw_labels){class, n}, &o);
}

/* H(p,q) = -sum p log q for p = (1,0,0). */
Test(cross_entropy, of_two_distributions) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *p = tw_input(ctx, (tw_real[]){1, 0, 0}, 2, (int[]){1, 3});
    tw_tensor *q1 = logits_of(ctx, (tw_real[]){.5f, .2f, .3f}, 1, 3),
              *q2 = logits_of(ctx, (tw_real[]){.8f, .1f, .1f}, 1, 3);
    cr_assert_float_eq(tw_item(tw_soft_cross_entropy_loss(ctx, q1, p, NULL)), 0.6931, 5e-5);
    cr_assert_float_eq(tw_item(tw_soft_cross_entropy_loss(ctx, q2, p, NULL)), 0.2231, 5e-5);
    tw_ctx_free(ctx);
}

/* Classes and one-hot rows give the same; a probability of 0 for another class does no harm (0 log 0 = 0). */
Test(cross_entropy, sparse_and_categorical_agree) {
    static const tw_real p[] = {.05f, .95f, 0, .1f, .8f, .1f}, one_hot[] = {0, 1, 0, 0, 0, 1};
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *z = logits_of(ctx, p, 2, 3), *t = tw_input(ctx, one_hot, 2, (int[]){2, 3});
    tw_tensor *none = classes_loss(ctx, z, (int32_t[]){1, 2}, 2, TW_REDUCTION_NONE);
    tw_tensor *soft = tw_soft_cross_entropy_loss(ctx, z, t,
                                                 &(tw_cross_entropy_options){.reduction = TW_REDUCTION_NONE});
    cr_assert_float_eq(none->data[0], 0.0513, 5e-5);
    cr_assert_float_eq(none->data[1], 2.3026, 5e-5);
    assert_near(soft->data, none->data, 2, 1e-7);
    tw_tensor *mean = classes_loss(ctx, z, (int32_t[]){1, 2}, 2, TW_REDUCTION_MEAN);
    cr_assert_float_eq(tw_item(mean), 1.1769, 5e-5);
    cr_assert_eq(tw_backward(ctx, mean), TW_OK);
    assert_near(z->grad, ((tw_real[]){.025f, -.025f, 0, .05f, .4f, -.45f}), 6, 1e-6);
    tw_ctx_free(ctx);
}

/* The softmax itself, through the loss: -log p of each class in turn. */
Test(cross_entropy, softmax_values_rows_and_jacobian) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *equal = tw_full(ctx, 1, 2, (int[]){4, 4});
    tw_tensor *l = classes_loss(ctx, equal, (int32_t[]){0, 1, 2, 3}, 4, TW_REDUCTION_NONE);
    for (int k = 0; k < 4; k++) cr_assert_float_eq(exp(-(double)l->data[k]), 0.25, 1e-7);

    tw_tensor *large = tw_input_grad(ctx, (tw_real[]){10000, 10001, 9999}, 2, (int[]){1, 3});
    tw_tensor *p = tw_softmax(ctx, large, 1);
    double sum = 0, want[] = {0.24472847, 0.66524096, 0.09003057};
    for (int i = 0; i < 3; i++) {
        cr_assert_float_eq(p->data[i], want[i], 1e-6);
        sum += (double)p->data[i];
    }
    cr_assert_float_eq(sum, 1, 1e-6);
    /* dp_i/dz_i = p_i (1 - p_i), dp_i/dz_j = -p_i p_j: backward from p_1 alone is row 1 of the Jacobian. */
    cr_assert_eq(tw_backward_from(ctx, p, (tw_real[]){0, 1, 0}), TW_OK);
    for (int j = 0; j < 3; j++)
        cr_assert_float_eq(large->grad[j], j == 1 ? want[1] * (1 - want[1]) : -want[1] * want[j], 1e-6);
    tw_ctx_free(ctx);
}

/* The gradient is p - y. */
Test(cross_entropy, gradient_is_p_minus_y) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *z = logits_of(ctx, (tw_real[]){.34f, .46f, .20f}, 1, 3);
    cr_assert_eq(tw_backward(ctx, classes_loss(ctx, z, (int32_t[]){0}, 1, TW_REDUCTION_MEAN)), TW_OK);
    assert_near(z->grad, ((tw_real[]){-.66f, .46f, .20f}), 3, 1e-6);
    tw_ctx_free(ctx);
}

/* The table of docs/losses/cross_entropy.md. */
Test(cross_entropy, the_example_of_the_book) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *z = tw_input_grad(ctx, (tw_real[]){1, 2, 0}, 2, (int[]){1, 3});
    tw_tensor *l = classes_loss(ctx, z, (int32_t[]){0}, 1, TW_REDUCTION_MEAN);
    cr_assert_float_eq(tw_item(l), 1.4076, 5e-5);
    cr_assert_eq(tw_backward(ctx, l), TW_OK);
    assert_near(z->grad, ((tw_real[]){-.7553f, .6652f, .0900f}), 3, 5e-5);
    tw_ctx_free(ctx);
}

/* Two models of the same error rate; cross entropy tells the confident mistake from the hesitant one. */
Test(cross_entropy, tells_models_of_equal_error_rate_apart) {
    static const tw_real model[2][9] = {{.3f, .3f, .4f, .3f, .4f, .3f, .1f, .2f, .7f},
                                        {.1f, .2f, .7f, .1f, .7f, .2f, .3f, .4f, .3f}};
    static const int32_t truth[] = {2, 1, 0};
    static const double sum[] = {4.1352, 1.9173}, mean[] = {1.3784, 0.6391}, in_log10[] = {1.7959, 0.8327};
    tw_ctx *ctx = tw_ctx_new(1);
    for (int m = 0; m < 2; m++) {
        int wrong = 0;
        for (int n = 0; n < 3; n++) {
            const tw_real *p = model[m] + 3 * n;
            int best = p[1] > p[0] ? 1 : 0;
            wrong += (p[2] > p[best] ? 2 : best) != truth[n];
        }
        cr_assert_eq(wrong, 1);
        tw_tensor *z = logits_of(ctx, model[m], 3, 3);
        double total = (double)tw_item(classes_loss(ctx, z, truth, 3, TW_REDUCTION_SUM));
        cr_assert_float_eq(total, sum[m], 5e-5);
        cr_assert_float_eq(total / log(10), in_log10[m], 5e-5);
        cr_assert_float_eq(tw_item(classes_loss(ctx, z, truth, 3, TW_REDUCTION_MEAN)), mean[m], 5e-5);
    }
    tw_ctx_free(ctx);
}

/* ---- corners ------------------------------------------------------------------------------------------- */

/* Far from the truth the loss is the distance of the logits, and near it far less than a float's step at 1e4. */
Test(cross_entropy, is_exact_at_ten_thousand) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *z = tw_input_grad(ctx, (tw_real[]){1e4f, -1e4f, 1e4f, 1e4f - 20}, 2, (int[]){2, 2});
    tw_tensor *l = classes_loss(ctx, z, (int32_t[]){1, 0}, 2, TW_REDUCTION_NONE);
    cr_assert_eq(l->data[0], 2e4f);
    cr_assert_float_eq(l->data[1], 2.0612e-9, 1e-11);
    cr_assert_eq(tw_backward_from(ctx, l, (tw_real[]){1, 1}), TW_OK);
    assert_near(z->grad, ((tw_real[]){1, -1, -2.0612e-9f, 2.0612e-9f}), 4, 1e-7);
    tw_ctx_free(ctx);
}

/* A logit of -inf excludes a class: its probability and gradient are 0; as the truth it makes the loss infinite. */
Test(cross_entropy, excluded_classes) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real z[] = {0, -(tw_real)INFINITY, 0};
    tw_tensor *x = tw_input_grad(ctx, z, 2, (int[]){1, 3});
    tw_tensor *l = classes_loss(ctx, x, (int32_t[]){0}, 1, TW_REDUCTION_MEAN);
    cr_assert_float_eq(tw_item(l), 0.693147, 1e-6);
    cr_assert_eq(tw_backward(ctx, l), TW_OK);
    assert_near(x->grad, ((tw_real[]){-.5f, 0, .5f}), 3, 1e-7);
    tw_step_begin(ctx);
    x = tw_input_grad(ctx, z, 2, (int[]){1, 3});
    l = classes_loss(ctx, x, (int32_t[]){1}, 1, TW_REDUCTION_MEAN);
    cr_assert(isinf(tw_item(l)));
    cr_assert_eq(tw_backward(ctx, l), TW_ERR_NONFINITE);
    tw_ctx_free(ctx);
}

Test(cross_entropy, a_logit_that_is_nan_shows) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_input_grad(ctx, (tw_real[]){0, (tw_real)NAN, 0}, 2, (int[]){1, 3});
    tw_tensor *l = classes_loss(ctx, x, (int32_t[]){0}, 1, TW_REDUCTION_MEAN);
    cr_assert(isnan(tw_item(l)));
    cr_assert_eq(tw_backward(ctx, l), TW_ERR_NONFINITE);
    tw_ctx_free(ctx);
}

/* The classes are copied: they may change between forward and backward. */
Test(cross_entropy, keeps_its_own_classes) {
    tw_ctx *ctx = tw_ctx_new(1);
    int32_t class[] = {0};
    tw_tensor *x = tw_input_grad(ctx, (tw_real[]){0, 0}, 2, (int[]){1, 2});
    tw_tensor *l = classes_loss(ctx, x, class, 1, TW_REDUCTION_MEAN);
    class[0] = 1;
    cr_assert_eq(tw_backward(ctx, l), TW_OK);
    assert_near(x->grad, ((tw_real[]){-.5f, .5f}), 2, 1e-7);
    tw_ctx_free(ctx);
}

Test(cross_entropy, errors_name_position_and_shape) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *z = tw_set_name(tw_full(ctx, 0, 3, (int[]){2, 5, 2}), "fc.out");
    cr_assert_null(classes_loss(ctx, z, (int32_t[]){0, 1, 7, 0}, 4, TW_REDUCTION_MEAN));
    assert_error(ctx, TW_ERR_RANGE, "class 7 at position 2 is outside 0..4: \"fc.out\" [2,5,2]");
    cr_assert_null(classes_loss(ctx, z, (int32_t[]){0}, 1, TW_REDUCTION_MEAN));
    assert_error(ctx, TW_ERR_SHAPE, "1 classes for 4 positions of \"fc.out\" [2,5,2]");
    cr_assert_null(classes_loss(ctx, z, NULL, 4, TW_REDUCTION_MEAN));
    assert_error(ctx, TW_ERR_RANGE, "the classes are NULL");
    cr_assert_null(classes_loss(ctx, tw_full(ctx, 0, 1, (int[]){3}), (int32_t[]){0}, 1, TW_REDUCTION_MEAN));
    assert_error(ctx, TW_ERR_SHAPE, "the prediction is [N,K] or [N,K,..], not [3]");
    cr_assert_null(tw_soft_cross_entropy_loss(ctx, z, tw_full(ctx, 0, 2, (int[]){2, 5}), NULL));
    assert_error(ctx, TW_ERR_SHAPE, "\"fc.out\" [2,5,2] and [2,5]");
    cr_assert_null(classes_loss(ctx, tw_full(ctx, 0, 2, (int[]){1, 0}), (int32_t[]){0}, 1, TW_REDUCTION_MEAN));
    assert_error(ctx, TW_ERR_RANGE, "outside 0..-1");
    tw_cross_entropy_options o = tw_cross_entropy_defaults();
    cr_assert(o.reduction == TW_REDUCTION_MEAN && !o.sample_weight);
    tw_ctx_free(ctx);
}
