/* nets.c - layers are added one by one; each adds what its product costs.
 *
 * A product is needed up to three times: for the output, for the weight's gradient, and for the input's gradient unless
 * the input is data. Two operations a multiply-add; a convolution counts as the plain sum. */
#include "nets.h"

#include <stdio.h>

#include "inputs.h"

static void start(net *n, int c, int h, int w, bool inner) { n->c = c, n->h = h, n->w = w, n->inner = inner; }

static void count(net *n, double products) {
    n->flop += 2 * products * (n->inner ? 3 : 2);
    n->inner = true;
}

/* ---- layers ------------------------------------------------------------------------------------------------- */

static void conv_in_groups(net *n, const char *name, int out, int k, int pad, tw_act act, int groups) {
    tw_conv2d_options o = {.pad_h = pad, .pad_w = pad, .act = act, .groups = groups};
    tw_sequential_add(n->layers, tw_conv2d_new(n->params, name, n->c, out, k, k, &o));
    n->h += 2 * pad - k + 1, n->w += 2 * pad - k + 1;
    count(n, (double)n->h * n->w * out * (n->c / groups) * k * k);
    n->c = out;
}
static void conv(net *n, const char *name, int out, int k, int pad, tw_act act) {
    conv_in_groups(n, name, out, k, pad, act, 1);
}

static void norm_relu(net *n, const char *name) {
    tw_batchnorm_options o = {.act = TW_ACT_RELU};
    tw_sequential_add(n->layers, tw_batchnorm_new(n->params, name, n->c, &o));
}

static void pool(net *n, int kh, int kw) {
    tw_sequential_add(n->layers, tw_max_pool2d_new(n->params, kh, kw, NULL));
    n->h /= kh, n->w /= kw;
}

/* 2 x 2 with a stride of one column and a column of padding: half the height, the width grows by one. */
static void pool_rows(net *n) {
    tw_pool2d_options o = {.stride_h = 2, .stride_w = 1, .pad_w = 1};
    tw_sequential_add(n->layers, tw_max_pool2d_new(n->params, 2, 2, &o));
    n->h /= 2, n->w++;
}

static void flatten(net *n) {
    tw_sequential_add(n->layers, tw_flatten_new(n->params));
    n->c *= n->h * n->w, n->h = 0, n->w = 1;
}

static void to_sequence(net *n) {
    tw_sequential_add(n->layers, tw_image_to_sequence_new(n->params));
    n->c *= n->h, n->h = 0;
}

static void dense(net *n, const char *name, int out, tw_act act) {
    tw_sequential_add(n->layers, tw_dense_new(n->params, name, n->c, out, &(tw_dense_options){.act = act}));
    count(n, (double)n->w * n->c * out);
    n->c = out;
}

static void lstm(net *n, const char *name, int hidden, bool both) {
    tw_lstm_options o = {.bidirectional = both, .plain_forget_bias = true};
    tw_sequential_add(n->layers, tw_lstm_new(n->params, name, n->c, hidden, &o));
    int directions = both ? 2 : 1;
    count(n, (double)n->w * directions * 4 * hidden * n->c);
    count(n, (double)n->w * directions * 4 * hidden * hidden);
    n->c = directions * hidden;
}

/* ---- networks ----------------------------------------------------------------------------------------------- */

void net_mlp(net *n, const sizes *s) {
    (void)s;
    start(n, PIXELS, 0, 1, false);
    dense(n, "fc1", 512, TW_ACT_RELU);
    dense(n, "fc2", 256, TW_ACT_RELU);
    dense(n, "fc3", CLASSES, TW_ACT_NONE);
}

void net_ggml_fc(net *n, const sizes *s) {
    (void)s;
    start(n, PIXELS, 0, 1, false);
    dense(n, "fc1", 500, TW_ACT_RELU);
    dense(n, "fc2", CLASSES, TW_ACT_NONE);
}

/* Two convolutions, each with a pooling, and one dense layer between them and the classes, or none. */
static void two_convolutions(net *n, int first, int second, int k, int hidden) {
    start(n, 1, SIDE, SIDE, false);
    conv(n, "conv1", first, k, k / 2, TW_ACT_RELU);
    pool(n, 2, 2);
    conv(n, "conv2", second, k, k / 2, TW_ACT_RELU);
    pool(n, 2, 2);
    flatten(n);
    if (hidden) dense(n, "fc1", hidden, TW_ACT_RELU);
    dense(n, "out", CLASSES, TW_ACT_NONE);
}
void net_lenet(net *n, const sizes *s) {
    (void)s;
    two_convolutions(n, 32, 64, 5, 1024);
}
void net_small_cnn(net *n, const sizes *s) {
    (void)s;
    two_convolutions(n, 16, 32, 3, 0);
}
void net_ggml_cnn(net *n, const sizes *s) {
    (void)s;
    two_convolutions(n, 8, 16, 3, 0);
}

void net_crnn(net *n, const sizes *s) {
    start(n, 1, 32, s->W, false);
    conv(n, "conv1", 64, 3, 1, TW_ACT_RELU);
    pool(n, 2, 2);
    conv(n, "conv2", 128, 3, 1, TW_ACT_RELU);
    pool(n, 2, 2);
    conv(n, "conv3", 256, 3, 1, TW_ACT_NONE);
    norm_relu(n, "norm3");
    conv(n, "conv4", 256, 3, 1, TW_ACT_RELU);
    pool_rows(n);
    conv(n, "conv5", 512, 3, 1, TW_ACT_NONE);
    norm_relu(n, "norm5");
    conv(n, "conv6", 512, 3, 1, TW_ACT_RELU);
    pool_rows(n);
    conv(n, "conv7", 512, 2, 0, TW_ACT_NONE);
    norm_relu(n, "norm7");
    to_sequence(n);
    lstm(n, "lstm1", 256, true);
    dense(n, "dense1", 256, TW_ACT_NONE);
    lstm(n, "lstm2", 256, true);
    dense(n, "out", s->K, TW_ACT_NONE);
}

void net_crnn_small(net *n, const sizes *s) {
    start(n, 1, s->H ? s->H : 32, s->W, false);
    conv(n, "conv1", 32, 3, 1, TW_ACT_RELU);
    pool(n, 2, 2);
    conv(n, "conv2", 64, 3, 1, TW_ACT_RELU);
    pool(n, 2, 2);
    conv(n, "conv3", 128, 3, 1, TW_ACT_NONE);
    norm_relu(n, "norm3");
    pool(n, 2, 1);
    to_sequence(n);
    dense(n, "map", 128, TW_ACT_NONE);
    lstm(n, "lstm", 128, true);
    dense(n, "out", s->K, TW_ACT_NONE);
}

void net_lstm(net *n, const sizes *s) {
    start(n, s->D, 0, s->T, true);
    lstm(n, "lstm", s->H, false);
}

void net_conv(net *n, const sizes *s) {
    start(n, 64, 32, s->W, true);
    conv(n, "conv", 64, 3, 1, TW_ACT_NONE);
}

void net_depthwise(net *n, const sizes *s) {
    start(n, 64, 32, s->W, true);
    conv_in_groups(n, "conv", 64, 3, 1, TW_ACT_NONE, 64);
}
