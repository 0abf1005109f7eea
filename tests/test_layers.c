/* Dense, sequential, the small layers, and what all layers promise: threads do not change a bit, nothing is allocated
 * once warm, without recording nothing is kept. */
#include "util_allocator.h"

/* ---- dense ---------------------------------------------------------------------------------------------------- */

Test(layers_dense, equals_the_definition) {
    static const struct {
        int ndim, dim[5], out;
        tw_act act;
    } c[] = {{2, {3, 4}, 2, TW_ACT_NONE},
             {1, {5}, 3, TW_ACT_RELU},
             {3, {7, 3, 5}, 6, TW_ACT_TANH},
             {2, {100, 33}, 70, TW_ACT_RELU},
             {5, {2, 2, 2, 2, 3}, 1, TW_ACT_SIGMOID},
             {2, {0, 4}, 3, TW_ACT_RELU},
             {2, {300, 40}, 130, TW_ACT_LEAKY_RELU}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        tw_step_begin(ctx);
        int in = c[k].dim[c[k].ndim - 1], out = c[k].out;
        tw_tensor *x = random_leaf(ctx, 1, -1, 1, c[k].ndim, c[k].dim),
                  *w = random_leaf(ctx, 2, -1, 1, 2, (int[]){out, in});
        tw_tensor *b = random_leaf(ctx, 3, -1, 1, 1, &out), *y = tw_dense(ctx, x, w, b, c[k].act);
        int dim[5];
        memcpy(dim, c[k].dim, sizeof dim);
        dim[c[k].ndim - 1] = out;
        assert_tensor(ctx, y, c[k].ndim, dim, NULL, 0);
        tw_real *g = random_reals(y->size + 1, 4, -1, 1);
        double *dx = calloc(x->size + 1, sizeof *dx), *dw = calloc(w->size, sizeof *dw),
               *db = calloc(b->size, sizeof *db);
        for (size_t i = 0; i < y->size; i++) {
            size_t r = i / (size_t)out, o = i % (size_t)out;
            double z = (double)b->data[o], got = (double)y->data[i];
            for (int f = 0; f < in; f++)
                z += (double)x->data[r * (size_t)in + (size_t)f] * (double)w->data[o * (size_t)in + (size_t)f];
            double want = z, slope = 1;
            if (c[k].act == TW_ACT_RELU) want = z > 0 ? z : 0, slope = z > 0;
            if (c[k].act == TW_ACT_LEAKY_RELU) want = z > 0 ? z : 0.01 * z, slope = z > 0 ? 1 : 0.01;
            if (c[k].act == TW_ACT_SIGMOID) want = 1 / (1 + exp(-z)), slope = want * (1 - want);
            if (c[k].act == TW_ACT_TANH) want = tanh(z), slope = 1 - want * want;
            cr_assert(near(got, want, 1e-5), "case %zu: y[%zu] is %g, not %g", k, i, got, want);
            if (fabs(z) < 1e-5) g[i] = 0;
            double dz = (double)g[i] * slope;
            db[o] += dz;
            for (int f = 0; f < in; f++) {
                dx[r * (size_t)in + (size_t)f] += dz * (double)w->data[o * (size_t)in + (size_t)f];
                dw[o * (size_t)in + (size_t)f] += dz * (double)x->data[r * (size_t)in + (size_t)f];
            }
        }
        cr_assert_eq(tw_backward_from(ctx, y, g), TW_OK, "%s", tw_errmsg(ctx));
        for (size_t i = 0; i < x->size; i++)
            cr_assert(near((double)x->grad[i], dx[i], 1e-4), "case %zu: dx[%zu]", k, i);
        for (size_t i = 0; i < w->size; i++)
            cr_assert(near((double)w->grad[i], dw[i], 1e-4), "case %zu: dw[%zu]", k, i);
        for (size_t i = 0; i < b->size; i++)
            cr_assert(near((double)b->grad[i], db[i], 1e-4), "case %zu: db[%zu]", k, i);
        free(g), free(dx), free(dw), free(db);
    }
    tw_ctx_free(ctx);
}

Test(layers_dense, gradients_add_up) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 2, (int[]){6, 4}), *w = random_leaf(ctx, 2, -1, 1, 2, (int[]){4, 4});
    tw_tensor *b = random_leaf(ctx, 3, -1, 1, 1, (int[]){4}), *y = tw_dense(ctx, x, w, b, TW_ACT_NONE);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK);
    tw_real once[24 + 16 + 4];
    memcpy(once, x->grad, 24 * sizeof *once), memcpy(once + 24, w->grad, 16 * sizeof *once);
    memcpy(once + 40, b->grad, 4 * sizeof *once);
    for (int i = 0; i < 44; i++) once[i] *= 2;
    tw_step_begin(ctx);
    x = random_leaf(ctx, 1, -1, 1, 2, (int[]){6, 4}), w = random_leaf(ctx, 2, -1, 1, 2, (int[]){4, 4});
    b = random_leaf(ctx, 3, -1, 1, 1, (int[]){4});
    y = tw_add(ctx, tw_dense(ctx, x, w, b, TW_ACT_NONE), tw_dense(ctx, x, w, b, TW_ACT_NONE));
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK);
    assert_near(x->grad, once, 24, 1e-5);
    assert_near(w->grad, once + 24, 16, 1e-5);
    assert_near(b->grad, once + 40, 4, 1e-5);
    tw_ctx_free(ctx);
}

/* dx and dW go to one place then: with these sizes one product is the BLAS's and the other is not. */
Test(layers_dense, of_a_weight_with_itself) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_NORMAL, 0.1}, 2, (int[]){1500, 20});
    cr_assert_eq(tw_params_seal(params), TW_OK);
    tw_real *want = malloc(w->size * sizeof *want), *dy = random_reals(1500 * 1500, 3, -1, 1);
    for (int fused = 0; fused < 2; fused++) {
        tw_step_begin(ctx);
        tw_tensor *y = fused ? tw_dense(ctx, w, w, NULL, TW_ACT_NONE) : tw_matmul(ctx, w, false, w, true);
        cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s", tw_errmsg(ctx));
        if (fused) assert_near(w->grad, want, w->size, 1e-4);
        else memcpy(want, w->grad, w->size * sizeof *want);
    }
    free(want), free(dy);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

Test(layers_dense, errors_name_both_shapes) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 2, (int[]){64, 784}), "x");
    tw_tensor *w = tw_set_name(tw_full(ctx, 1, 2, (int[]){128, 700}), "fc1.weight");
    cr_assert_null(tw_dense(ctx, x, w, NULL, TW_ACT_NONE));
    assert_error(ctx, TW_ERR_SHAPE,
                 "dense: input has 784 features, the weight wants 700: \"x\" [64,784], \"fc1.weight\" [128,700]");
    cr_assert_null(tw_dense(ctx, x, tw_full(ctx, 1, 2, (int[]){5, 784}), tw_full(ctx, 1, 1, (int[]){6}), TW_ACT_NONE));
    assert_error(ctx, TW_ERR_SHAPE, "the bias is [out]: [6], [5,784]");
    cr_assert_null(tw_dense(ctx, tw_full(ctx, 1, 0, NULL), w, NULL, TW_ACT_NONE));
    assert_error(ctx, TW_ERR_SHAPE, "[..,in], not []");
    cr_assert_null(tw_dense(ctx, x, x, NULL, (tw_act)-1));
    assert_error(ctx, TW_ERR_RANGE, "-1 is not an activation");
    tw_params *params = tw_params_new(ctx);
    cr_assert_null(tw_dense_new(params, "fc", 0, 3, NULL));
    assert_error(ctx, TW_ERR_RANGE, "sizes are at least 1");
    tw_params_free(params);
    tw_ctx_free(ctx);
}

Test(layers_dense, initial_values) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    cr_assert_not_null(tw_dense_new(params, "plain", 400, 50, NULL));
    cr_assert_not_null(tw_dense_new(params, "own", 9, 5, &(tw_dense_options){.init = {TW_INIT_CONSTANT, 3}}));
    cr_assert_not_null(tw_dense_new(params, "bare", 9, 5, &(tw_dense_options){.no_bias = true}));
    cr_assert_not_null(tw_conv2d_new(params, "conv", 4, 50, 5, 5, NULL));
    cr_assert_null(tw_params_find(params, "bare.bias"));
    const struct {
        const char *name;
        double bound;
    } uniform[] = {{"plain.weight", 0.05}, {"plain.bias", 0.05}, {"conv.weight", 0.1}, {"conv.bias", 0.1}};
    for (int k = 0; k < 4; k++) { /* U(+-1/sqrt(fan_in)) */
        const tw_tensor *t = tw_params_find(params, uniform[k].name);
        double most = 0, sum = 0;
        for (size_t i = 0; i < t->size; i++) most = fmax(most, fabs((double)t->data[i])), sum += (double)t->data[i];
        cr_assert(most <= uniform[k].bound && most > 0.9 * uniform[k].bound, "%s: %g", uniform[k].name, most);
        cr_assert(fabs(sum / (double)t->size) < 0.3 * uniform[k].bound);
    }
    assert_near(tw_params_find(params, "own.weight")->data, ((tw_real[]){3, 3}), 2, 0);
    assert_near(tw_params_find(params, "own.bias")->data, ((tw_real[]){0, 0}), 2, 0);
    cr_assert_null(tw_dense_new(params, "own", 9, 5, NULL));
    assert_error(ctx, TW_ERR_RANGE, "own.weight");
    tw_params_free(params);
    tw_ctx_free(ctx);
}

/* ---- the small ones -------------------------------------------------------------------------------------------- */

Test(layers, flatten_image_to_sequence_and_activations) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real v[24];
    for (int i = 0; i < 24; i++) v[i] = (tw_real)i;
    tw_tensor *x = tw_input_grad(ctx, v, 4, (int[]){2, 2, 2, 3});
    assert_tensor(ctx, tw_flatten(ctx, x), 2, ((int[]){2, 12}), v, 0);
    tw_tensor *s = tw_image_to_sequence(ctx, x);
    assert_tensor(ctx, s, 3, ((int[]){3, 2, 4}), NULL, 0);
    for (int t = 0; t < 3; t++)
        for (int n = 0; n < 2; n++)
            for (int f = 0; f < 4; f++) cr_assert_eq(s->data[(t * 2 + n) * 4 + f], v[(n * 4 + f) * 3 + t]);
    cr_assert_eq(tw_backward_from(ctx, s, s->data), TW_OK);
    assert_near(x->grad, v, 24, 0);

    assert_tensor(ctx, tw_flatten(ctx, tw_full(ctx, 1, 4, (int[]){0, 3, 2, 2})), 2, ((int[]){0, 12}), NULL, 0);
    assert_tensor(ctx, tw_flatten(ctx, tw_full(ctx, 1, 4, (int[]){2, 100000, 100000, 0})), 2, ((int[]){2, 0}), NULL, 0);
    cr_assert_null(tw_flatten(ctx, tw_full(ctx, 1, 4, (int[]){0, 100000, 100000, 1})));
    assert_error(ctx, TW_ERR_SHAPE, "too many features in one sample: [0,100000,100000,1]");
    cr_assert_null(tw_flatten(ctx, tw_full(ctx, 1, 0, NULL)));
    assert_error(ctx, TW_ERR_SHAPE, "no batch dimension");
    cr_assert_null(tw_image_to_sequence(ctx, tw_full(ctx, 1, 2, (int[]){2, 3})));
    assert_error(ctx, TW_ERR_SHAPE, "[N,C,H,W], not [2,3]");

    tw_real z[] = {-2, 0, 1};
    tw_tensor *t = tw_input(ctx, z, 1, (int[]){3});
    cr_assert_eq(tw_activation(ctx, t, TW_ACT_NONE), t);
    assert_near(tw_activation(ctx, t, TW_ACT_RELU)->data, ((tw_real[]){0, 0, 1}), 3, 0);
    assert_near(tw_activation(ctx, t, TW_ACT_LEAKY_RELU)->data, ((tw_real[]){(tw_real)-0.02, 0, 1}), 3, 1e-7);
    assert_near(tw_activation(ctx, t, TW_ACT_SIGMOID)->data, ((tw_real[]){0.11920292f, 0.5f, 0.73105858f}), 3, 1e-6);
    assert_near(tw_activation(ctx, t, TW_ACT_TANH)->data, ((tw_real[]){-0.96402758f, 0, 0.76159416f}), 3, 1e-6);
    cr_assert_null(tw_activation(ctx, t, (tw_act)77));
    assert_error(ctx, TW_ERR_RANGE, "77 is not an activation");
    tw_ctx_free(ctx);
}

/* The fused activations give the values of the plain operations, also for what is not finite. */
Test(layers, fused_activations_equal_the_plain_ones) {
    tw_ctx *ctx = tw_ctx_new(1);
    enum { N = 203 };
    tw_real x[N], one = 1;
    for (int i = 0; i < N; i++) x[i] = (tw_real)(i - 100) / 7;
    x[0] = (tw_real)NAN, x[1] = (tw_real)INFINITY, x[2] = (tw_real)-INFINITY;
    for (int act = TW_ACT_NONE; act <= TW_ACT_TANH; act++) {
        tw_tensor *plain = tw_activation(ctx, tw_input(ctx, x, 2, (int[]){N, 1}), (tw_act)act);
        tw_tensor *w = tw_input(ctx, &one, 2, (int[]){1, 1}), *k = tw_input(ctx, &one, 4, (int[]){1, 1, 1, 1});
        tw_tensor *dense = tw_dense(ctx, tw_input(ctx, x, 2, (int[]){N, 1}), w, NULL, (tw_act)act);
        tw_tensor *conv = tw_conv2d(ctx, tw_input(ctx, x, 4, (int[]){1, 1, 1, N}), k, NULL,
                                    &(tw_conv2d_options){.act = (tw_act)act});
        assert_near(dense->data, plain->data, N, 1e-6);
        assert_near(conv->data, plain->data, N, 1e-6);
    }
    tw_ctx_free(ctx);
}

Test(layers, dropout_only_in_training) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *d = tw_dropout_new(params, 0.25);
    tw_tensor *x = tw_full(ctx, 3, 2, (int[]){100, 100}), *y = tw_forward(ctx, d, x);
    size_t zeros = 0;
    for (size_t i = 0; i < y->size; i++) {
        zeros += y->data[i] == 0;
        cr_assert(y->data[i] == 0 || near((double)y->data[i], 4, 1e-6));
    }
    cr_assert(zeros > 2200 && zeros < 2800, "%zu of 10000", zeros);
    tw_set_training(ctx, false);
    assert_near(tw_forward(ctx, d, x)->data, x->data, x->size, 0);
    cr_assert_null(tw_dropout_new(params, 1.5));
    assert_error(ctx, TW_ERR_RANGE, "dropout: the probability is between 0 and 1, not 1.5");
    tw_params_free(params);
    tw_ctx_free(ctx);
}

/* ---- sequential ------------------------------------------------------------------------------------------------- */

/* conv, norm, pool as an inner sequential, then dense: something of everything. */
static tw_layer *small_net(tw_params *params) {
    tw_layer *features = tw_sequential_new(params), *net = tw_sequential_new(params);
    tw_sequential_add(
        features,
        tw_conv2d_new(params, "conv1", 1, 8, 3, 3, &(tw_conv2d_options){.pad_h = 1, .pad_w = 1, .no_bias = true}));
    tw_sequential_add(features, tw_batchnorm_new(params, "bn1", 8, &(tw_batchnorm_options){.act = TW_ACT_RELU}));
    tw_sequential_add(features, tw_max_pool2d_new(params, 2, 2, NULL));
    tw_sequential_add(features, tw_conv2d_new(params, "conv2", 8, 12, 3, 2, &(tw_conv2d_options){.act = TW_ACT_TANH}));
    tw_sequential_add(
        features,
        tw_conv2d_new(params, "conv3", 12, 12, 3, 3,
                      &(tw_conv2d_options){.pad_h = 2, .pad_w = 1, .dilation_h = 2, .groups = 6, .act = TW_ACT_GELU}));
    tw_sequential_add(features, tw_avg_pool2d_new(params, 2, 3, &(tw_pool2d_options){.pad_h = 1}));
    tw_sequential_add(net, features);
    tw_sequential_add(net, tw_dropout_new(params, 0.1));
    tw_sequential_add(net, tw_flatten_new(params));
    tw_sequential_add(net, tw_dense_new(params, "fc1", 12 * 3 * 2, 40, &(tw_dense_options){.act = TW_ACT_RELU}));
    tw_sequential_add(net, tw_layer_norm_new(params, "ln", 1, (int[]){40}, NULL));
    tw_sequential_add(net, tw_batchnorm_new(params, "bn2", 40, NULL));
    tw_sequential_add(net, tw_activation_new(params, TW_ACT_SIGMOID));
    tw_sequential_add(net, tw_dense_new(params, "fc2", 40, 5, NULL));
    return net;
}

Test(layers_sequential, nests_and_names_what_it_computes) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = small_net(params);
    assert_ok(ctx);
    cr_assert_eq(tw_params_count(params), 21);
    tw_tensor *y = tw_forward(ctx, net, tw_full(ctx, 1, 4, (int[]){3, 1, 14, 14}));
    assert_tensor(ctx, y, 2, ((int[]){3, 5}), NULL, 0);
    cr_assert_str_eq(y->name, "fc2");
    /* A wrong picture is reported by the layer it no longer fits, with where it came from. */
    cr_assert_null(tw_forward(ctx, net, tw_full(ctx, 1, 4, (int[]){3, 1, 30, 14})));
    assert_error(ctx, TW_ERR_SHAPE, "dense: input has");
    cr_assert_null(tw_forward(ctx, net, NULL));
    cr_assert_null(tw_forward(ctx, NULL, y));
    assert_ok(ctx);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

Test(layers_sequential, refuses_to_run_without_a_layer_that_failed) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(params);
    tw_sequential_add(net, tw_flatten_new(params));
    tw_sequential_add(net, tw_dense_new(params, "fc", -1, 2, NULL));
    tw_sequential_add(net, tw_flatten_new(params));
    assert_error(ctx, TW_ERR_RANGE, "in -1");
    cr_assert_null(tw_forward(ctx, net, tw_full(ctx, 1, 2, (int[]){1, 1})));
    assert_error(ctx, TW_ERR_STATE, "sequential: layer 2 could not be made");
    tw_layer *other = tw_sequential_new(params);
    tw_sequential_add(other, other);
    assert_error(ctx, TW_ERR_RANGE, "cannot hold itself");
    tw_layer *outer = tw_sequential_new(params), *middle = tw_sequential_new(params),
             *inner = tw_sequential_new(params);
    tw_sequential_add(outer, middle);
    tw_sequential_add(middle, inner);
    tw_sequential_add(inner, outer);
    assert_error(ctx, TW_ERR_RANGE, "cannot hold itself, nor one that holds it");
    tw_sequential_add(tw_flatten_new(params), other);
    assert_error(ctx, TW_ERR_RANGE, "type flatten holds no others");
    tw_params_free(params);
    tw_ctx_free(ctx);
}

/* ---- what all layers promise ------------------------------------------------------------------------------------ */

/* Loss, gradients and running statistics of one step, as one block of numbers that the caller frees. */
static tw_real *one_step(int threads, size_t *n) {
    tw_ctx *ctx = tw_ctx_new(5);
    tw_set_threads(ctx, threads);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = small_net(params);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 4, (int[]){70, 1, 14, 14});
    tw_tensor *big = random_leaf(ctx, 2, -1, 1, 4, (int[]){9, 70, 25, 24}),
              *w = random_leaf(ctx, 3, -1, 1, 4, (int[]){6, 70, 3, 3});
    tw_tensor *y = tw_forward(ctx, net, x);
    tw_tensor *z = tw_max_pool2d(ctx, tw_conv2d(ctx, big, w, NULL, &(tw_conv2d_options){.act = TW_ACT_RELU}), 2, 3,
                                 NULL);
    tw_tensor *loss = tw_add(ctx, tw_sum(ctx, tw_mul(ctx, y, y), 0, NULL, false),
                             tw_sum(ctx, tw_global_avg_pool2d(ctx, z), 0, NULL, false));
    cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
    const tw_tensor *leaf[] = {x, big, w};
    tw_real *all = NULL;
    *n = 0;
    for (size_t i = 0; i < 3 + 1 + tw_params_count(params); i++) {
        const tw_tensor *t = i < 3 ? leaf[i] : i == 3 ? loss : tw_params_at(params, i - 4);
        const tw_real *v = i < 3 || (i > 3 && !tw_params_is_buffer(params, i - 4)) ? t->grad : t->data;
        cr_assert_not_null(v);
        all = realloc(all, (*n + t->size) * sizeof *all);
        memcpy(all + *n, v, t->size * sizeof *all);
        *n += t->size;
    }
    tw_params_free(params);
    tw_ctx_free(ctx);
    return all;
}

Test(layers, the_number_of_threads_changes_no_bit) {
    size_t n1, n;
    tw_real *one = one_step(1, &n1);
    for (int threads = 2; threads <= 3; threads++) {
        tw_real *more = one_step(threads, &n);
        cr_assert_eq(n, n1);
        cr_assert_arr_eq(more, one, n * sizeof *one);
        free(more);
    }
    free(one);
}

Test(layers, warm_steps_allocate_nothing) {
    counted c = {0};
    tw_ctx *ctx = counted_ctx(&c, 2);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = small_net(params);
    for (int step = 0; step < 30; step++) {
        const long before = c.calls;
        int n = step < 3 ? 40 : 1 + step * 7 % 40;
        tw_step_begin(ctx);
        tw_tensor *y = tw_forward(ctx, net, tw_randn(ctx, 0, 1, 4, (int[]){n, 1, 14, 14}));
        if (n > 1) cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
        if (step >= 3) cr_assert_eq(c.calls, before, "step %d", step);
    }
    tw_params_free(params);
    tw_ctx_free(ctx);
}

/* Ends with every allocation given back, whichever of them failed first. */
Test(layers, any_failed_allocation_is_reported_and_leaks_nothing) {
    bool done = false;
    for (long k = 0; !done; k++) {
        counted c = {0};
        counted_fail_after(&c, k);
        tw_ctx *ctx = counted_ctx(&c, 1);
        if (!ctx) continue;
        tw_params *params = tw_params_new(ctx);
        if (params) {
            tw_layer *net = small_net(params);
            tw_tensor *y = tw_forward(ctx, net, tw_randn(ctx, 0, 1, 4, (int[]){9, 1, 14, 14}));
            tw_err err = tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false));
            done = !err;
            cr_assert(done || tw_error(ctx) == TW_ERR_NOMEM, "allocation %ld: %s", k, tw_errmsg(ctx));
        }
        tw_params_free(params);
        tw_ctx_free(ctx);
        cr_assert_eq(c.blocks, 0, "allocation %ld", k);
    }
}

/* Its parameters' gradients are counted by the steps of the context that they were made in. */
Test(layers, of_another_context) {
    tw_ctx *ctx = tw_ctx_new(1), *other = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx), *own = tw_params_new(other);
    tw_layer *net = tw_sequential_new(own), *lstm = tw_lstm_new(params, "lstm", 2, 2, NULL);
    tw_sequential_add(net, tw_conv2d_new(params, "conv", 1, 1, 1, 1, NULL));
    tw_sequential_add(net, tw_max_pool2d_new(own, 2, 2, NULL));
    cr_assert_null(tw_forward(other, net, tw_full(other, 1, 4, (int[]){1, 1, 2, 2})));
    assert_error(other, TW_ERR_STATE, "conv2d \"conv\" was made in another context, and cannot be used in this one");
    cr_assert_null(tw_forward(other, tw_activation_new(params, TW_ACT_RELU), tw_full(other, 1, 0, NULL)));
    assert_error(other, TW_ERR_STATE, "activation was made in another context");
    cr_assert_null(tw_lstm(other, lstm, tw_full(other, 1, 3, (int[]){1, 1, 2}), (tw_labels){NULL, 0}, NULL, NULL));
    assert_error(other, TW_ERR_STATE, "lstm \"lstm\" was made in another context");
    tw_params_free(params);
    tw_params_free(own);
    tw_ctx_free(ctx);
    tw_ctx_free(other);
}

static tw_layer *refused_layer(tw_params *params, int kind, bool taken) {
    const int most = 1 << 30, one = 1, large = taken ? 1 : most; /* 2^60 numbers are refused, 2^30 would not be */
    switch (kind) {
    case 0: return tw_dense_new(params, "a", large, large, NULL);
    case 1: return tw_conv2d_new(params, "a", large, large, 1, 1, NULL);
    case 2: return tw_lstm_new(params, "a", large, taken ? 1 : (1 << 28) - 1, NULL);
    case 3: return tw_gru_new(params, "a", large, taken ? 1 : (1 << 28) - 1, NULL);
    case 4: return tw_batchnorm_new(params, "a", 1, NULL);
    default: return tw_layer_norm_new(params, "a", 1, &one, NULL);
    }
}

/* A layer whose first parameter is refused makes no others: a weight of 2^60 numbers was followed by a bias of 2^30. */
Test(layers, stop_at_the_first_failure) {
    static const char *const first[] = {"a.weight",       "a.weight", "a.weight_ih_l0",
                                        "a.weight_ih_l0", "a.weight", "a.weight"};
    for (int kind = 0; kind < 6; kind++)
        for (int taken = kind > 3; taken < 2; taken++) {
            counted c = {0};
            tw_ctx *ctx = counted_ctx(&c, 1);
            tw_params *params = tw_params_new(ctx);
            if (taken) cr_assert_not_null(tw_param(params, first[kind], (tw_init){0}, 0, NULL));
            cr_assert_null(refused_layer(params, kind, taken));
            assert_error(ctx, taken ? TW_ERR_RANGE : TW_ERR_SHAPE, first[kind]);
            cr_assert_eq(tw_params_count(params), (size_t)taken, "kind %d", kind);
            cr_assert_lt(c.most, 1 << 20);
            tw_params_free(params);
            tw_ctx_free(ctx);
        }
}
