/* util_same.c - see util_same.h. */
#include "util_same.h"

#include "layers/batchnorm.h"
#include "layers/rnn.h"

#define BINARY(op)                                                                       \
    static tw_tensor *op##_of(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) { \
        (void)c;                                                                         \
        return tw_##op(ctx, leaf[0], leaf[1]);                                           \
    }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)

static tw_tensor *matmul(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    return tw_matmul(ctx, leaf[0], c->arg[0], leaf[1], c->arg[1]);
}

static tw_tensor *concat(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    return tw_concat(ctx, c->leaves, leaf, 1);
}

static tw_tensor *dense(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    (void)c;
    return tw_dense(ctx, leaf[0], leaf[1], NULL, TW_ACT_TANH);
}

static tw_tensor *constant(tw_ctx *ctx, uint64_t seed, int ndim, const int *dim) {
    tw_tensor *t = tw_new(ctx, ndim, dim);
    if (t) fill_random(t->data, t->size, seed, -1, 1);
    return t;
}

/* x is the bias, too. */
static tw_tensor *dense_bias(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    return tw_dense(ctx, leaf[0], constant(ctx, 1, 2, (int[]){c->dim[0], c->dim[0]}), leaf[1], TW_ACT_SIGMOID);
}

static tw_tensor *conv(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    return tw_conv2d(ctx, leaf[0], leaf[1], NULL, &c->conv);
}

/* The weight is the bias, too. */
static tw_tensor *norm(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    const int C = c->dim[0];
    tw_tensor *x = constant(ctx, 1, 4, (int[]){3, C, 2, 5});
    return tw__batchnorm(ctx, x, leaf[0], leaf[1], tw_full(ctx, 0, 1, &C), tw_full(ctx, 1, 1, &C),
                         tw_full(ctx, 0, 0, NULL), &(tw_batchnorm_options){.act = TW_ACT_TANH});
}

/* One row is the weight and the bias, too. */
static tw_tensor *layer_norm(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    return tw_layer_norm(ctx, leaf[0], 1, c->dim, leaf[1], leaf[2], 0);
}

/* An LSTM, or a GRU, of as many inputs as cells, whose other arguments are constants. arg: directions, uneven, GRU */
enum { FRAMES = 5, SAMPLES = 3 };
static tw_tensor *rnn(tw_ctx *ctx, const same_case *c, tw_tensor *x, tw__rnn_weights *w, tw_tensor *h0, tw_tensor *c0) {
    static const int32_t uneven[SAMPLES] = {2, 5, 4};
    if (!x) return NULL;
    const tw__rnn_kind *kind = c->arg[2] ? &tw__gru_kind : &tw__lstm_kind;
    const int rows = kind->gates * x->dim[2];
    const int H = x->dim[2], directions = c->arg[0];
    const tw_labels lengths = {c->arg[1] ? uneven : NULL, c->arg[1] ? SAMPLES : 0};
    const tw__frames *f = tw__frames_new(ctx, x->dim[0], x->dim[1], lengths);
    for (int d = 0; f && d < directions; d++) {
        if (!w[d].ih) w[d].ih = constant(ctx, 10, 2, (int[]){rows, H});
        if (!w[d].hh) w[d].hh = constant(ctx, 11, 2, (int[]){rows, H});
    }
    tw_tensor *const start[TW__STATES] = {h0, c0};
    return f ? tw__rnn_sequence(ctx, kind, x, f, directions, w, start, NULL) : NULL;
}
static tw_tensor *sequence(tw_ctx *ctx, int H) { return constant(ctx, 12, 3, (int[]){FRAMES, SAMPLES, H}); }

static tw_tensor *rnn_weights(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    tw__rnn_weights w[2] = {{.ih = leaf[0], .hh = leaf[1]}, {.ih = leaf[2], .hh = leaf[3]}};
    return rnn(ctx, c, sequence(ctx, c->dim[1]), w, NULL, NULL);
}
static tw_tensor *rnn_biases(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    tw__rnn_weights w[2] = {{.bias_ih = leaf[0], .bias_hh = leaf[1]}, {.bias_ih = leaf[2], .bias_hh = leaf[3]}};
    return rnn(ctx, c, sequence(ctx, c->dim[0] / (c->arg[2] ? 3 : 4)), w, NULL, NULL);
}
static tw_tensor *rnn_states(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    tw__rnn_weights w[2] = {{0}};
    return rnn(ctx, c, sequence(ctx, c->dim[2]), w, leaf[0], leaf[1]);
}
/* One frame for each direction: x is the initial state, too. */
static tw_tensor *rnn_input(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    tw__rnn_weights w[2] = {{0}};
    return rnn(ctx, c, leaf[0], w, leaf[1], leaf[2]);
}

/* The prediction is the target: of the losses that pass a gradient to both. */
static tw_tensor *loss(tw_ctx *ctx, tw_tensor *const *leaf, const same_case *c) {
    tw_cost cost;
    cr_assert_eq(tw_cost_of(ctx, tw_cost_at((size_t)c->arg[0]), NULL, &cost), TW_OK, "%s", tw_errmsg(ctx));
    return tw_cost_apply(ctx, &cost, leaf[0], &(tw_target){.tensor = leaf[1]});
}

#define PAD(n) .pad_h = n, .pad_w = n
static const same_case cases[] = {
    {"add", add_of, 2, 2, {30, 7}, .arg = {0}},
    {"sub", sub_of, 2, 2, {30, 7}, .arg = {0}},
    {"mul", mul_of, 2, 2, {30, 7}, .arg = {0}},
    {"div", div_of, 2, 2, {30, 7}, .arg = {0}},
    {"matmul", matmul, 2, 2, {36, 36}, .arg = {0, 0}},
    {"matmul^T", matmul, 2, 2, {36, 20}, .arg = {0, 1}},
    {"^T matmul", matmul, 2, 2, {36, 20}, .arg = {1, 0}},
    {"^T matmul^T", matmul, 2, 2, {17, 17}, .arg = {1, 1}},
    {"matmul of stacks", matmul, 2, 3, {3, 20, 20}, .arg = {0, 0}},
    {"concat", concat, 3, 3, {3, 4, 5}, .arg = {0}},
    {"dense", dense, 2, 2, {36, 40}, .arg = {0}},
    {"dense, small", dense, 2, 2, {3, 5}, .arg = {0}},
    {"dense, bias", dense_bias, 2, 1, {20}, .arg = {0}},
    {"conv by Winograd, 3x3", conv, 2, 4, {16, 16, 3, 3}, .conv = {PAD(1)}},
    {"conv by Winograd, 5x5", conv, 2, 4, {17, 16, 5, 5}, .conv = {PAD(2)}, .large = true},
    {"conv direct", conv, 2, 4, {5, 3, 3, 3}, .conv = {PAD(2), .act = TW_ACT_TANH}},
    {"conv direct, pooled", conv, 2, 4, {4, 1, 5, 5}, .conv = {PAD(2), .pool_h = 2, .pool_w = 2}},
    {"conv direct, one image", conv, 2, 4, {1, 9, 3, 4}, .conv = {PAD(1)}},
    {"conv by columns", conv, 2, 4, {20, 17, 2, 2}, .conv = {PAD(1)}},
    {"conv by columns, strided", conv, 2, 4, {7, 20, 3, 2}, .conv = {.stride_h = 2, .pad_h = 2}},
    {"conv by columns, one image", conv, 2, 4, {1, 20, 4, 3}, .conv = {PAD(2)}},
    {"conv 1x1", conv, 2, 4, {9, 20, 1, 1}, .conv = {0}},
    {"conv 1x1, one image", conv, 2, 4, {1, 20, 1, 1}, .conv = {0}},
    {"batchnorm", norm, 2, 1, {9}, .arg = {0}},
    {"lstm, weights", rnn_weights, 4, 2, {24, 6}, .arg = {2, 0}},
    {"lstm, weights, uneven", rnn_weights, 4, 2, {68, 17}, .arg = {2, 1}},
    {"lstm, biases", rnn_biases, 4, 1, {24}, .arg = {2, 0}},
    {"lstm, states", rnn_states, 2, 3, {2, SAMPLES, 6}, .arg = {2, 0}},
    {"lstm, input and states", rnn_input, 3, 3, {2, SAMPLES, 6}, .arg = {2, 0}},
    {"gru, weights", rnn_weights, 4, 2, {18, 6}, .arg = {2, 0, 1}},
    {"gru, weights, uneven", rnn_weights, 4, 2, {51, 17}, .arg = {2, 1, 1}},
    {"gru, biases", rnn_biases, 4, 1, {18}, .arg = {2, 0, 1}},
    {"gru, input and state", rnn_input, 2, 3, {2, SAMPLES, 6}, .arg = {2, 0, 1}},
    {"layer norm", layer_norm, 3, 1, {37}, .arg = {0}},
    {"conv by columns, dilated", conv, 2, 4, {3, 3, 5, 7}, .conv = {PAD(2), .dilation_h = 2}},
};
enum { CASES = sizeof cases / sizeof *cases };

static bool passes_to_both(const tw_cost_layer *cost) {
    return (cost->targets & TW_TARGET_TENSOR) && (cost->traits & TW_COST_TARGET_GRAD);
}

size_t same_count(void) {
    size_t n = CASES;
    for (size_t i = 0; i < tw_cost_count(); i++) n += passes_to_both(tw_cost_at(i));
    return n;
}

same_case same_at(size_t i) {
    if (i < CASES) return cases[i];
    size_t k = 0;
    for (size_t left = i - CASES; !passes_to_both(tw_cost_at(k)) || left > 0; k++)
        left -= passes_to_both(tw_cost_at(k));
    same_case c = {.f = loss, .leaves = 2, .ndim = 2, .dim = {4, 5}, .arg = {(int)k}};
    snprintf(c.name, sizeof c.name, "loss %s", tw_cost_at(k)->name);
    return c;
}
