/* test_book.c - the worked examples of docs/tensors.md and docs/layers.md, which quote them from here. */
#include "util.h"

static tw_ctx *ctx;
static void setup(void) { ctx = tw_ctx_new(1); }
static void teardown(void) { tw_ctx_free(ctx); }
TestSuite(book, .init = setup, .fini = teardown);

#define equal(got, ...) \
    assert_near(got, ((const tw_real[]){__VA_ARGS__}), sizeof((const tw_real[]){__VA_ARGS__}) / sizeof(tw_real), 1e-6)

Test(book, a_line_through_three_points) {
    /* quote: line */
    tw_real x[] = {1, 2, 3}, t[] = {4, 5, 6}, w[] = {2}, b[] = {1};
    tw_step_begin(ctx);
    tw_tensor *W = tw_input_grad(ctx, w, 1, (int[]){1}), *B = tw_input_grad(ctx, b, 1, (int[]){1});
    tw_tensor *y = tw_add(ctx, tw_mul(ctx, tw_input(ctx, x, 1, (int[]){3}), W), B); /* 3, 5, 7 */
    tw_tensor *e = tw_sub(ctx, y, tw_input(ctx, t, 1, (int[]){3}));                 /* -1, 0, 1 */
    tw_tensor *loss = tw_mean(ctx, tw_mul(ctx, e, e), 0, NULL, false);              /* 2/3 */
    tw_keep_grad(y);
    tw_backward(ctx, loss);
    /* end quote */
    assert_ok(ctx);
    equal(y->data, 3, 5, 7);
    equal(e->data, -1, 0, 1);
    equal(loss->data, 2 / 3.);
    equal(y->grad, -2 / 3., 0, 2 / 3.);
    equal(W->grad, 4 / 3.);
    equal(B->grad, 0);
}

Test(book, a_mistake_in_the_middle_of_an_expression) {
    /* quote: mistake */
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 2, (int[]){64, 784}), "pixels");
    tw_tensor *w = tw_set_name(tw_full(ctx, 1, 2, (int[]){700, 128}), "weight");
    tw_tensor *loss = tw_mean(ctx, tw_relu(ctx, tw_matmul(ctx, x, false, w, false)), 0, NULL, false);
    tw_err err = tw_backward(ctx, loss); /* TW_ERR_SHAPE; the sentence is tw_errmsg(ctx) */
    /* end quote */
    cr_assert_eq(err, TW_ERR_SHAPE);
    cr_assert_null(loss);
    cr_assert_str_eq(tw_errmsg(ctx), "matmul: inner sizes differ: \"pixels\" [64,784] x \"weight\" [700,128]");
}

Test(book, dense) {
    /* quote: dense */
    tw_real x[] = {1, 2}, w[] = {3, -1, 1, 1}, b[] = {0, -4}, dy[] = {1, 1};
    tw_tensor *X = tw_input_grad(ctx, x, 2, (int[]){1, 2}), *W = tw_input_grad(ctx, w, 2, (int[]){2, 2});
    tw_tensor *B = tw_input_grad(ctx, b, 1, (int[]){2});
    tw_tensor *y = tw_dense(ctx, X, W, B, TW_ACT_RELU); /* z = (1, -1), so y = (1, 0) */
    tw_backward_from(ctx, y, dy);                       /* dz = (1, 0) */
    /* end quote */
    assert_ok(ctx);
    equal(y->data, 1, 0);
    equal(X->grad, 3, -1);
    equal(W->grad, 1, 2, 0, 0);
    equal(B->grad, 1, 0);
}

Test(book, conv2d) {
    /* quote: conv2d */
    tw_real x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 0, 0, -1}, dy[] = {1, 1, 1, 1};
    tw_tensor *X = tw_input_grad(ctx, x, 4, (int[]){1, 1, 3, 3}), *W = tw_input_grad(ctx, w, 4, (int[]){1, 1, 2, 2});
    tw_tensor *y = tw_conv2d(ctx, X, W, NULL, NULL); /* x[h,w] - x[h+1,w+1]: -4 everywhere */
    tw_backward_from(ctx, y, dy);
    /* end quote */
    assert_ok(ctx);
    equal(y->data, -4, -4, -4, -4);
    equal(W->grad, 12, 16, 24, 28);
    equal(X->grad, 1, 1, 0, 1, 0, -1, 0, -1, -1);
}

Test(book, pooling) {
    /* quote: pooling */
    tw_real x[] = {1, 5, 2, 0, 3, 2, 2, 2}, dy[] = {10, 20};
    tw_tensor *X = tw_input_grad(ctx, x, 4, (int[]){1, 1, 2, 4});
    tw_tensor *y = tw_max_pool2d(ctx, X, 2, 2, NULL); /* 5, 2 */
    tw_backward_from(ctx, y, dy);
    /* end quote */
    assert_ok(ctx);
    equal(y->data, 5, 2);
    equal(X->grad, 0, 10, 20, 0, 0, 0, 0, 0);
    tw_step_begin(ctx);
    X = tw_input_grad(ctx, x, 4, (int[]){1, 1, 2, 4});
    y = tw_avg_pool2d(ctx, X, 2, 2, NULL);
    tw_backward_from(ctx, y, dy);
    equal(y->data, 11 / 4., 6 / 4.);
    equal(X->grad, 2.5, 2.5, 5, 5, 2.5, 2.5, 5, 5);
}

Test(book, batchnorm) {
    tw_params *params = tw_params_new(ctx);
    /* quote: batchnorm */
    tw_real x[] = {1, 2, 3}, dy[] = {1, 0, 0};
    tw_layer *norm = tw_batchnorm_new(params, "bn", 1, &(tw_batchnorm_options){.eps = 1e-12});
    tw_tensor *X = tw_input_grad(ctx, x, 2, (int[]){3, 1});
    tw_tensor *y = tw_forward(ctx, norm, X); /* mean 2, variance 2/3 */
    tw_backward_from(ctx, y, dy);
    /* end quote */
    assert_ok(ctx);
    equal(y->data, -1.224745, 0, 1.224745);
    equal(X->grad, 0.204124, -0.408248, 0.204124);
    equal(tw_params_find(params, "bn.weight")->grad, -1.224745);
    equal(tw_params_find(params, "bn.bias")->grad, 1);
    tw_params_free(params);
}

Test(book, layer_norm) {
    /* quote: layer_norm */
    tw_real x[] = {1, 2, 3, 2, 2, 8}, w[] = {1, 1, 2}, dy[] = {1, 0, 0, 0, 0, 1};
    tw_tensor *X = tw_input_grad(ctx, x, 2, (int[]){2, 3}), *W = tw_input_grad(ctx, w, 1, (int[]){3});
    tw_tensor *y = tw_layer_norm(ctx, X, 1, (int[]){3}, W, NULL, 1e-12);
    tw_backward_from(ctx, y, dy);
    /* end quote */
    assert_ok(ctx);
    equal(y->data, -1.224745, 0, 2.449490, -0.707107, -0.707107, 2.828427);
    equal(X->grad, 0.204124, -0.408248, 0.204124, 0, 0, 0);
    equal(W->grad, -1.224745, 0, 1.414214);
}

Test(book, embedding) {
    /* quote: embedding */
    tw_real w[] = {0.1, 0.2, 0.3}, dy[] = {10, 20, 30};
    tw_tensor *W = tw_input_grad(ctx, w, 2, (int[]){3, 1});
    const tw_labels index = {(int32_t[]){2, 0, 2}, 3};
    tw_tensor *y = tw_embedding(ctx, W, index, 1, (int[]){3}, NULL); /* 0.3, 0.1, 0.3 */
    tw_backward_from(ctx, y, dy);
    /* end quote */
    assert_ok(ctx);
    equal(y->data, 0.3, 0.1, 0.3);
    equal(W->grad, 20, 0, 40);
}

Test(book, lstm) {
    tw_params *params = tw_params_new(ctx);
    /* quote: lstm */
    tw_real x[] = {1, 0}, dy[] = {0, 1};
    tw_layer *lstm = tw_lstm_new(params, "rnn", 1, 1,
                                 &(tw_lstm_options){.no_bias = true, .init = {TW_INIT_CONSTANT, 0}});
    tw_params_find(params, "rnn.weight_ih_l0")->data[2] = 1; /* rows i, f, g, o: only g sees the input */
    tw_tensor *X = tw_input_grad(ctx, x, 3, (int[]){2, 1, 1});
    tw_tensor *y = tw_forward(ctx, lstm, X);
    tw_backward_from(ctx, y, dy);
    /* end quote */
    assert_ok(ctx);
    equal(y->data, 0.1816997, 0.0940653);
    equal(X->grad, 0.0506388, 0.2411517);
    tw_params_free(params);
}

Test(book, gru) {
    tw_params *params = tw_params_new(ctx);
    /* quote: gru */
    tw_real x[] = {1, 0}, dy[] = {0, 1};
    tw_layer *gru = tw_gru_new(params, "rnn", 1, 1, &(tw_gru_options){.no_bias = true, .init = {TW_INIT_CONSTANT, 0}});
    tw_params_find(params, "rnn.weight_ih_l0")->data[2] = 1; /* rows r, z, n: only n sees the input */
    tw_tensor *X = tw_input_grad(ctx, x, 3, (int[]){2, 1, 1});
    tw_tensor *y = tw_forward(ctx, gru, X);
    tw_backward_from(ctx, y, dy);
    /* end quote */
    assert_ok(ctx);
    equal(y->data, 0.3807971, 0.1903985);
    equal(X->grad, 0.1049936, 0.5);
    tw_params_free(params);
}
