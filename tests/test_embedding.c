/* test_embedding.c - rows by class index, what their gradients add up to, threads, and what is refused. */
#include "util_allocator.h"
#include "util_suite.h"

SUITE(embedding, 5);

/* Classes as text has them: a few are everywhere, many are nowhere. */
static int32_t *skewed(int n, int classes) {
    int32_t *index = malloc(((size_t)n + 1) * sizeof *index);
    for (int i = 0; i < n; i++) {
        const double u = tw_random_uniform(9, (uint64_t)i);
        index[i] = (int32_t)(u * u * u * u * classes);
    }
    return index;
}

static void compare(int classes, int D, int n, int padding, bool again) {
    int32_t *index = skewed(n, classes);
    const tw_embedding_options o = {.padding = padding >= 0, .padding_idx = padding};
    tw_step_begin(ctx);
    tw_tensor *w = random_leaf(ctx, 1, -1, 1, 2, (int[]){classes, D});
    tw_tensor *y = tw_embedding(ctx, w, (tw_labels){index, (size_t)n}, 2, (int[]){n, 1}, &o);
    assert_tensor(ctx, y, 3, ((int[]){n, 1, D}), NULL, 0);
    double *want = calloc((size_t)(classes * D), sizeof *want);
    tw_real *dy = random_reals((size_t)(n * D), 2, -1, 1);
    for (int i = 0; i < n; i++) {
        assert_near(y->data + i * D, w->data + index[i] * D, (size_t)D, 0);
        for (int j = 0; j < D && index[i] != padding; j++)
            want[index[i] * D + j] += (again ? 2 : 1) * (double)dy[i * D + j];
        index[i] += again ? 0 : 1000; /* it was copied */
    }
    if (again) y = tw_add(ctx, y, tw_embedding(ctx, w, (tw_labels){index, (size_t)n}, 2, (int[]){n, 1}, &o));
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s", tw_errmsg(ctx));
    for (int i = 0; i < classes * D; i++)
        cr_assert(near((double)w->grad[i], want[i], 1e-6), "dw[%d] is %g, not %g", i, (double)w->grad[i], want[i]);
    free(index), free(want), free(dy);
}

Test(embedding, equals_loops) {
    static const int size[][3] = {{1, 1, 1}, {7, 3, 20}, {300, 65, 1000}, {5, 200, 4000}, {4000, 2, 30}, {6, 4, 0}};
    for (int threads = 1; threads <= 2; threads++) {
        tw_set_threads(ctx, threads);
        for (size_t k = 0; k < sizeof size / sizeof *size; k++)
            for (int again = 0; again < 2; again++)
                for (int padding = -1; padding < 1; padding++)
                    compare(size[k][0], size[k][1], size[k][2], padding, again);
    }
}

Test(embedding, same_bits_for_any_number_of_threads) {
    enum { K = 50, D = 130, N = 5000 };
    int32_t *index = skewed(N, K);
    tw_real want[K * D];
    for (int threads = 1; threads <= 5; threads++) {
        tw_set_threads(ctx, threads);
        tw_step_begin(ctx);
        tw_tensor *w = random_leaf(ctx, 1, -1, 1, 2, (int[]){K, D});
        tw_tensor *y = tw_embedding(ctx, w, (tw_labels){index, N}, 1, (int[]){N}, NULL);
        tw_real *dy = random_reals(y->size, 2, -1, 1);
        cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
        if (threads == 1) memcpy(want, w->grad, sizeof want);
        cr_assert(!memcmp(want, w->grad, sizeof want), "%d threads", threads);
        free(dy);
    }
    free(index);
}

/* PyTorch's: the padding's row starts as zeros, is read like any other, and never moves. */
Test(embedding, a_layer_trains_all_but_the_padding) {
    tw_layer *e = tw_embedding_new(params, "emb", 4, 3, &(tw_embedding_options){.padding = true, .padding_idx = -1});
    tw_layer *net = tw_sequential_new(params);
    tw_sequential_add(net, e);
    tw_sequential_add(net, tw_gru_new(params, "gru", 3, 2, NULL));
    tw_optim *sgd = tw_optim_new(params, "sgd:lr=0.1");
    cr_assert_not_null(sgd, "%s", tw_errmsg(ctx));
    tw_tensor *w = tw_params_find(params, "emb.weight");
    tw_real before[12], x[] = {0, 3, 2, 3, 2, 0};
    memcpy(before, w->data, sizeof before);
    for (int j = 9; j < 12; j++) cr_assert_eq(w->data[j], 0);
    tw_step_begin(ctx);
    tw_tensor *t = tw_input_grad(ctx, x, 2, (int[]){3, 2}), *y = tw_forward(ctx, net, t);
    assert_tensor(ctx, y, 3, ((int[]){3, 2, 2}), NULL, 0);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK);
    cr_assert_eq(tw_optim_step(sgd), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_null(t->grad);
    for (int j = 0; j < 12; j++) cr_assert((w->data[j] != before[j]) == (j < 3 || (j >= 6 && j < 9)), "%d", j);
    tw_optim_free(sgd);
}

Test(embedding, first_values_are_normal) {
    tw_embedding_new(params, "emb", 100, 100, NULL);
    const tw_tensor *w = tw_params_find(params, "emb.weight");
    double sum = 0, squares = 0;
    for (size_t i = 0; i < w->size; i++) sum += (double)w->data[i], squares += pow((double)w->data[i], 2);
    cr_assert(fabs(sum / 1e4) < 0.05 && fabs(squares / 1e4 - 1) < 0.05);
    tw_embedding_new(params, "given", 2, 2, &(tw_embedding_options){.init = {TW_INIT_CONSTANT, 3}});
    cr_assert_eq(tw_params_find(params, "given.weight")->data[3], 3);
}

Test(embedding, any_shape_of_indices) {
    tw_tensor *w = random_leaf(ctx, 1, -1, 1, 2, (int[]){4, 3});
    const tw_labels one = {(int32_t[]){2}, 1};
    assert_tensor(ctx, tw_embedding(ctx, w, one, 0, NULL, NULL), 1, (int[]){3}, w->data + 6, 0);
    assert_tensor(ctx, tw_embedding(ctx, w, one, 4, (int[]){1, 1, 1, 1}, NULL), 5, ((int[]){1, 1, 1, 1, 3}), NULL, 0);
    tw_tensor *y = tw_embedding(ctx, w, (tw_labels){NULL, 0}, 2, (int[]){5, 0}, NULL);
    assert_tensor(ctx, y, 3, ((int[]){5, 0, 3}), NULL, 0);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK);
    for (int i = 0; i < 12; i++) cr_assert_eq(w->grad[i], 0);
}

/* It is looked up, normalised over its features, and read by shorter and shorter texts. */
Test(embedding, warm_steps_allocate_nothing) {
    counted a = {0};
    tw_ctx *c = counted_ctx(&a, 2);
    tw_params *p = tw_params_new(c);
    tw_layer *net = tw_sequential_new(p);
    tw_sequential_add(net, tw_embedding_new(p, "emb", 60, 20, NULL));
    tw_sequential_add(net, tw_layer_norm_new(p, "ln", 1, (int[]){20}, NULL));
    tw_sequential_add(net, tw_dense_new(p, "fc", 20, 7, &(tw_dense_options){.act = TW_ACT_GELU_TANH}));
    enum { LONGEST = 200, N = 3 };
    tw_real x[LONGEST * N];
    for (int i = 0; i < LONGEST * N; i++) x[i] = (tw_real)(i * i % 60);
    long warm = 0;
    for (int k = 0; k < LONGEST + 3; k++) {
        const int t = k < 3 ? LONGEST : LONGEST + 3 - k;
        tw_step_begin(c);
        tw_tensor *y = tw_forward(c, net, tw_input(c, x, 2, (int[]){t, N}));
        cr_assert_eq(tw_backward(c, tw_sum(c, y, 0, NULL, false)), TW_OK, "%s", tw_errmsg(c));
        if (k == 2) warm = a.calls;
        if (k > 2) cr_assert_eq(a.calls, warm, "length %d", t);
    }
    tw_params_free(p);
    tw_ctx_free(c);
}

Test(embedding, errors) {
    tw_tensor *w = tw_set_name(tw_full(ctx, 1, 2, (int[]){4, 3}), "w");
    const int three[] = {3};
    cr_assert_null(tw_embedding(ctx, w, (tw_labels){(int32_t[]){0, 3, 4}, 3}, 1, three, NULL));
    assert_error(ctx, TW_ERR_RANGE, "embedding: index 2 is 4, outside 0..3: \"w\" [4,3]");
    cr_assert_null(tw_embedding(ctx, w, (tw_labels){(int32_t[]){-1, 3, 4}, 3}, 1, three, NULL));
    assert_error(ctx, TW_ERR_RANGE, "index 0 is -1");
    cr_assert_null(tw_embedding(ctx, w, (tw_labels){(int32_t[]){0, 1}, 2}, 1, three, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "embedding: 2 indices for the shape [3]: \"w\" [4,3]");
    cr_assert_null(tw_embedding(ctx, w, (tw_labels){NULL, 3}, 1, three, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "3 indices at NULL for the shape [3]");
    cr_assert_null(tw_embedding(ctx, w, (tw_labels){NULL, 0}, 1, (int[]){-3}, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "for the shape [-3]");
    cr_assert_null(tw_embedding(ctx, w, (tw_labels){NULL, 0}, 5, (int[]){1, 1, 1, 1, 1}, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "0 to 4 dimensions, not 5");
    cr_assert_null(tw_embedding(ctx, tw_full(ctx, 1, 1, three), (tw_labels){NULL, 0}, 1, (int[]){0}, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the weight is [classes,features], not [3]");
    cr_assert_null(tw_embedding(ctx, w, (tw_labels){NULL, 0}, 1, (int[]){0},
                                &(tw_embedding_options){.padding = true, .padding_idx = -5}));
    assert_error(ctx, TW_ERR_RANGE, "padding_idx -5 is none of 4 classes");

    cr_assert_null(tw_embedding_new(params, "e", 0, 3, NULL));
    assert_error(ctx, TW_ERR_RANGE, "sizes are at least 1: classes 0, features 3");
    cr_assert_null(tw_embedding_new(params, "e", (1 << 24) + 1, 1, NULL));
    assert_error(ctx, TW_ERR_RANGE, "a float tells 16777216 classes apart");
    tw_layer *e = tw_embedding_new(params, "emb", 4, 3, NULL);
    const tw_real bad[] = {1, 4, -1, (tw_real)NAN, (tw_real)1.5, 1e30f};
    for (int i = 1; i < 6; i++) {
        cr_assert_null(tw_forward(ctx, e, tw_set_name(tw_input(ctx, bad + i, 1, (int[]){1}), "x")));
        assert_error(ctx, TW_ERR_RANGE,
                     i == 4 ? "index 0 is 1.5, not a whole number: \"x\" [1]"
                            : "outside 0..3: \"x\" [1], \"emb.weight\" [4,3]");
    }
    cr_assert_null(tw_forward(ctx, e, tw_full(ctx, 1, 5, (int[]){1, 1, 1, 1, 1})));
    assert_error(ctx, TW_ERR_SHAPE, "indices have 0 to 4 dimensions: [1,1,1,1,1]");
    cr_assert_null(tw_embedding(ctx, NULL, (tw_labels){NULL, 0}, 0, NULL, NULL));
    assert_ok(ctx);
}
