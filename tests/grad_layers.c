/* Layers in double: every gradient against finite differences, and outputs, gradients and running statistics against
 * PyTorch's (fixtures/make_layers.py). */
#include "layers/batchnorm.h"
#include "util.h"

/* ---- the cases ---------------------------------------------------------------------------------------------------
 * Leaves: x, and for some a weight and a bias; batch norm's running statistics are made anew for each call. */
typedef struct layer_case {
    const char *name;
    tw_tensor *(*f)(tw_ctx *ctx, tw_tensor *const *leaf, const struct layer_case *c);
    const char *leaf[4];
    tw_act act;
    tw_conv2d_options conv;
    int kh, kw;
    tw_pool2d_options pool;
    double eps;
    tw_embedding_options embedding;
} layer_case;

static tw_tensor *dense(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    return tw_dense(ctx, leaf[0], leaf[1], c->leaf[2] ? leaf[2] : NULL, c->act);
}

static tw_tensor *conv(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    tw_conv2d_options o = c->conv;
    o.act = c->act;
    return tw_conv2d(ctx, leaf[0], leaf[1], c->leaf[2] ? leaf[2] : NULL, &o);
}

static tw_tensor *norm(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    tw_tensor *mean = tw_full(ctx, 0, 1, leaf[1]->dim), *var = tw_full(ctx, 1, 1, leaf[1]->dim);
    tw_batchnorm_options o = {.act = c->act};
    return tw__batchnorm(ctx, leaf[0], leaf[1], leaf[2], mean, var, tw_full(ctx, 0, 0, NULL), &o);
}

static tw_tensor *norm_eval(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    static const tw_real running_mean[] = {0.5, -1, 2}, running_var[] = {2, 0.5, 1};
    tw_tensor *mean = tw_input(ctx, running_mean, 1, (int[]){3}), *var = tw_input(ctx, running_var, 1, (int[]){3});
    tw_batchnorm_options o = {.act = c->act};
    tw_set_training(ctx, false);
    tw_tensor *y = tw__batchnorm(ctx, leaf[0], leaf[1], leaf[2], mean, var, tw_full(ctx, 0, 0, NULL), &o);
    tw_set_training(ctx, true);
    return y;
}

static tw_tensor *max_pool(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    return tw_max_pool2d(ctx, leaf[0], c->kh, c->kw, &c->pool);
}

static tw_tensor *avg_pool(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    return tw_avg_pool2d(ctx, leaf[0], c->kh, c->kw, &c->pool);
}

static tw_tensor *global_pool(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    (void)c;
    return tw_global_avg_pool2d(ctx, leaf[0]);
}

static tw_tensor *flatten(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    (void)c;
    return tw_flatten(ctx, leaf[0]);
}

/* Over the last kh dimensions. */
static tw_tensor *layer_norm(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    const int n = c->kh;
    return tw_layer_norm(ctx, leaf[0], n, leaf[0]->dim + leaf[0]->ndim - n, c->leaf[1] ? leaf[1] : NULL,
                         c->leaf[1] && c->leaf[2] ? leaf[2] : NULL, c->eps);
}

static tw_tensor *embedding(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    static const int32_t index[] = {1, 4, 1, 0, 5, 4};
    return tw_embedding(ctx, leaf[0], (tw_labels){index, 6}, 2, (int[]){2, 3}, &c->embedding);
}

static tw_tensor *sequence(tw_ctx *ctx, tw_tensor *const *leaf, const layer_case *c) {
    (void)c;
    return tw_image_to_sequence(ctx, leaf[0]);
}

#define XWB \
    { "x", "w", "b" }
#define SAME \
    { .pad_h = 1, .pad_w = 1 }
static const layer_case cases[] = {
    {.name = "dense_none", .f = dense, .leaf = XWB},
    {.name = "dense_relu", .f = dense, .leaf = XWB, .act = TW_ACT_RELU},
    {.name = "dense_leaky", .f = dense, .leaf = XWB, .act = TW_ACT_LEAKY_RELU},
    {.name = "dense_sigmoid", .f = dense, .leaf = XWB, .act = TW_ACT_SIGMOID},
    {.name = "dense_tanh", .f = dense, .leaf = XWB, .act = TW_ACT_TANH},
    {.name = "dense_3d", .f = dense, .leaf = XWB},
    {.name = "dense_nobias", .f = dense, .leaf = {"x", "w"}},
    {.name = "conv_none", .f = conv, .leaf = XWB, .conv = SAME},
    {.name = "conv_relu", .f = conv, .leaf = XWB, .act = TW_ACT_RELU, .conv = SAME},
    {.name = "conv_leaky", .f = conv, .leaf = XWB, .act = TW_ACT_LEAKY_RELU, .conv = SAME},
    {.name = "conv_sigmoid", .f = conv, .leaf = XWB, .act = TW_ACT_SIGMOID, .conv = SAME},
    {.name = "conv_tanh", .f = conv, .leaf = XWB, .act = TW_ACT_TANH, .conv = SAME},
    {.name = "conv_strided", .f = conv, .leaf = XWB, .conv = {.stride_h = 2, .stride_w = 3, .pad_h = 2, .pad_w = 1}},
    {.name = "conv_wide", .f = conv, .leaf = XWB, .conv = {.stride_w = 2, .pad_h = 3}},
    {.name = "conv_1x1", .f = conv, .leaf = {"x", "w"}},
    {.name = "norm_none", .f = norm, .leaf = XWB},
    {.name = "norm_relu", .f = norm, .leaf = XWB, .act = TW_ACT_RELU},
    {.name = "norm_leaky", .f = norm, .leaf = XWB, .act = TW_ACT_LEAKY_RELU},
    {.name = "norm_sigmoid", .f = norm, .leaf = XWB, .act = TW_ACT_SIGMOID},
    {.name = "norm_tanh", .f = norm, .leaf = XWB, .act = TW_ACT_TANH},
    {.name = "norm_2d", .f = norm, .leaf = XWB},
    {.name = "norm_3d", .f = norm, .leaf = XWB},
    {.name = "norm_eval", .f = norm_eval, .leaf = XWB, .act = TW_ACT_RELU},
    {.name = "max_2x2", .f = max_pool, .leaf = {"x"}, .kh = 2, .kw = 2},
    {.name = "max_odd", .f = max_pool, .leaf = {"x"}, .kh = 3, .kw = 2, .pool = {2, 1, 1, 1}},
    {.name = "max_tall", .f = max_pool, .leaf = {"x"}, .kh = 2, .kw = 1},
    {.name = "avg_2x2", .f = avg_pool, .leaf = {"x"}, .kh = 2, .kw = 2},
    {.name = "avg_odd", .f = avg_pool, .leaf = {"x"}, .kh = 3, .kw = 2, .pool = {2, 1, 1, 1}},
    {.name = "avg_tall", .f = avg_pool, .leaf = {"x"}, .kh = 2, .kw = 1},
    {.name = "global", .f = global_pool, .leaf = {"x"}},
    {.name = "flatten", .f = flatten, .leaf = {"x"}},
    {.name = "sequence", .f = sequence, .leaf = {"x"}},
    {.name = "dense_gelu", .f = dense, .leaf = XWB, .act = TW_ACT_GELU},
    {.name = "dense_gelu_tanh", .f = dense, .leaf = XWB, .act = TW_ACT_GELU_TANH},
    {.name = "conv_gelu", .f = conv, .leaf = XWB, .act = TW_ACT_GELU, .conv = SAME},
    {.name = "conv_gelu_tanh", .f = conv, .leaf = XWB, .act = TW_ACT_GELU_TANH, .conv = SAME},
    {.name = "conv_gelu_pooled", .f = conv, .leaf = XWB, .act = TW_ACT_GELU, .conv = {.pool_h = 2, .pool_w = 2}},
    {.name = "norm_gelu", .f = norm, .leaf = XWB, .act = TW_ACT_GELU},
    {.name = "norm_gelu_tanh", .f = norm, .leaf = XWB, .act = TW_ACT_GELU_TANH},
    {.name = "conv_groups", .f = conv, .leaf = XWB, .conv = {.stride_h = 2, .pad_h = 1, .groups = 2}},
    {.name = "conv_depthwise", .f = conv, .leaf = XWB, .conv = {.pad_h = 1, .pad_w = 1, .groups = 4}},
    {.name = "conv_doubled", .f = conv, .leaf = {"x", "w"}, .conv = {.stride_w = 2, .pad_w = 1, .groups = 3}},
    {.name = "conv_pointwise_groups", .f = conv, .leaf = {"x", "w"}, .conv = {.groups = 2}},
    {.name = "conv_dilated",
     .f = conv,
     .leaf = XWB,
     .conv = {.stride_w = 2, .pad_h = 1, .pad_w = 2, .dilation_h = 2, .dilation_w = 3}},
    {.name = "conv_dilated_same",
     .f = conv,
     .leaf = {"x", "w"},
     .conv = {.pad_h = 2, .pad_w = 3, .dilation_h = 2, .dilation_w = 3}},
    {.name = "conv_everything",
     .f = conv,
     .leaf = XWB,
     .act = TW_ACT_TANH,
     .conv = {.stride_h = 2, .pad_h = 2, .pad_w = 1, .dilation_w = 2, .groups = 3}},
    {.name = "conv_no_batch", .f = conv, .leaf = XWB, .conv = {.dilation_h = 2, .dilation_w = 2, .groups = 2}},
    {.name = "layer_norm", .f = layer_norm, .leaf = XWB, .kh = 1},
    {.name = "layer_norm_2d", .f = layer_norm, .leaf = XWB, .kh = 2, .eps = 1e-3},
    {.name = "layer_norm_plain", .f = layer_norm, .leaf = {"x"}, .kh = 2},
    {.name = "layer_norm_nobias", .f = layer_norm, .leaf = {"x", "w"}, .kh = 1},
    {.name = "layer_norm_one", .f = layer_norm, .leaf = XWB, .kh = 1},
    {.name = "layer_norm_empty", .f = layer_norm, .leaf = XWB, .kh = 1},
    {.name = "embedding", .f = embedding, .leaf = {"w"}},
    {.name = "embedding_padding", .f = embedding, .leaf = {"w"}, .embedding = {.padding = true, .padding_idx = -2}},
};
enum { CASES = sizeof cases / sizeof *cases };

static const char *key(char *buffer, const char *name, const char *part, const char *leaf) {
    snprintf(buffer, 64, "%s.%s%s", name, part, leaf);
    return buffer;
}

Test(grad_layers, outputs_and_gradients_are_pytorchs) {
    fixture *f = fixture_load("layers.txt");
    tw_ctx *ctx = tw_ctx_new(1);
    for (int k = 0; k < CASES; k++) {
        const layer_case *c = &cases[k];
        char name[64];
        tw_tensor *leaf[3] = {NULL, NULL, NULL};
        tw_step_begin(ctx);
        for (int i = 0; c->leaf[i]; i++) leaf[i] = fixture_leaf(ctx, f, key(name, c->name, "", c->leaf[i]));
        tw_tensor *y = c->f(ctx, leaf, c);
        assert_fixture(ctx, f, key(name, c->name, "", "y"), y, 1e-12);
        cr_assert_eq(tw_backward_from(ctx, y, fixture_get(f, key(name, c->name, "", "g"), NULL, NULL, NULL)), TW_OK);
        for (int i = 0; c->leaf[i]; i++)
            assert_fixture_grad(ctx, f, key(name, c->name, "d", c->leaf[i]), leaf[i], 1e-11);
    }
    tw_ctx_free(ctx);
    fixture_free(f);
}

static tw_tensor *call_case(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const layer_case *c = user;
    return c->f(ctx, leaf, c);
}

/* The same cases at other points: PyTorch's agreement there says nothing of a formula both have wrong. */
Test(grad_layers, gradients_equal_finite_differences) {
    fixture *f = fixture_load("layers.txt");
    tw_ctx *ctx = tw_ctx_new(1);
    for (int k = 0; k < CASES; k++) {
        layer_case c = cases[k];
        if (c.embedding.padding) continue; /* its row has a derivative, which is left out */
        char name[64];
        tw_gradcheck_leaf leaf[3] = {{0}};
        tw_real *value[3] = {NULL, NULL, NULL};
        int n = 0;
        for (; c.leaf[n]; n++) {
            size_t size;
            fixture_get(f, key(name, c.name, "", c.leaf[n]), &leaf[n].ndim, leaf[n].dim, &size);
            leaf[n].value = value[n] = malloc(size * sizeof(tw_real));
            fill_distinct(value[n], size, (uint64_t)(100 * k + n), 0.01);
        }
        tw_gradcheck_result r;
        cr_assert_eq(tw_gradcheck(ctx, call_case, &c, n, leaf, 0, &r), TW_OK, "%s: %s", c.name, tw_errmsg(ctx));
        cr_assert(r.error <= 1e-6, "%s: leaf %d[%zu]: analytic %.12g, numeric %.12g: error %g", c.name, r.leaf, r.index,
                  r.analytic, r.numeric, r.error);
        for (int i = 0; i < n; i++) free(value[i]);
    }
    tw_ctx_free(ctx);
    fixture_free(f);
}

/* ---- a whole network, loaded by the names of its state_dict ------------------------------------------------------ */

Test(grad_layers, a_network_trains_and_evaluates_as_pytorchs) {
    fixture *f = fixture_load("layers.txt");
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *p = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(p);
    tw_sequential_add(
        net, tw_conv2d_new(p, "conv1", 1, 4, 3, 3, &(tw_conv2d_options){.pad_h = 1, .pad_w = 1, .no_bias = true}));
    tw_sequential_add(net, tw_batchnorm_new(p, "bn1", 4, &(tw_batchnorm_options){.act = TW_ACT_RELU}));
    tw_sequential_add(net, tw_max_pool2d_new(p, 2, 2, NULL));
    tw_sequential_add(net, tw_conv2d_new(p, "conv2", 4, 5, 3, 2, &(tw_conv2d_options){.act = TW_ACT_TANH}));
    tw_sequential_add(net, tw_flatten_new(p));
    tw_sequential_add(net, tw_dense_new(p, "fc1", 30, 6, NULL));
    tw_sequential_add(net, tw_batchnorm_new(p, "bn2", 6, &(tw_batchnorm_options){.eps = 1e-3, .momentum = 0.3}));
    tw_sequential_add(net, tw_dense_new(p, "fc2", 6, 3, NULL));
    assert_ok(ctx);

    char name[64];
    for (size_t i = 0; i < tw_params_count(p); i++) {
        tw_tensor *t = tw_params_at(p, i);
        if (tw_params_is_buffer(p, i)) continue;
        size_t n;
        const tw_real *start = fixture_get(f, key(name, "net", "start.", t->name), NULL, NULL, &n);
        cr_assert_eq(n, t->size, "%s", t->name);
        memcpy(t->data, start, n * sizeof *start);
    }
    for (int step = 0; step < 3; step++) {
        tw_step_begin(ctx);
        tw_tensor *y = tw_forward(ctx, net,
                                  fixture_leaf(ctx, f, (char[]){'n', 'e', 't', '.', 'x', (char)('0' + step), 0}));
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_mul(ctx, y, y), 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
        if (step == 2) assert_fixture(ctx, f, "net.y", y, 1e-11);
    }
    for (size_t i = 0; i < tw_params_count(p); i++) {
        tw_tensor *t = tw_params_at(p, i);
        if (tw_params_is_buffer(p, i)) assert_fixture(ctx, f, key(name, "net", "buffer.", t->name), t, 1e-12);
        else assert_fixture_grad(ctx, f, key(name, "net", "grad.", t->name), t, 1e-10);
    }
    tw_set_training(ctx, false);
    assert_fixture(ctx, f, "net.eval", tw_forward(ctx, net, fixture_leaf(ctx, f, "net.x2")), 1e-11);
    tw_params_free(p);
    tw_ctx_free(ctx);
    fixture_free(f);
}
