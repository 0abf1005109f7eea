/* model.c - four designs, from minutes to hours of training. */
#include "model.h"

#include <string.h>
#include <thalweg/extend.h>

/* ---- parts ---------------------------------------------------------------------------------------------- */

static void conv(crnn *net, const char *name, int in, int out, tw_act act) {
    tw_sequential_add(
        net->features,
        tw_conv2d_new(net->params, name, in, out, 3, 3, &(tw_conv2d_options){.pad_h = 1, .pad_w = 1, .act = act}));
}

static void norm_relu(crnn *net, const char *name, int channels) {
    tw_sequential_add(net->features,
                      tw_batchnorm_new(net->params, name, channels, &(tw_batchnorm_options){.act = TW_ACT_RELU}));
}

static void pool(crnn *net, int kh, int kw) {
    tw_sequential_add(net->features, tw_max_pool2d_new(net->params, kh, kw, NULL));
}

/* Halves the height and keeps the width (it grows by one). */
static void pool_rows(crnn *net) {
    tw_sequential_add(
        net->features,
        tw_max_pool2d_new(net->params, 2, 2, &(tw_pool2d_options){.stride_h = 2, .stride_w = 1, .pad_w = 1}));
}

static void columns(crnn *net) { tw_sequential_add(net->features, tw_image_to_sequence_new(net->params)); }

static void read_along(crnn *net, const char *lstm, const char *dense, int in, int hidden, int out) {
    int i = net->levels++;
    /* Gates that forget at first make the LSTMs look at what is there. With a bias of 1 they remember from the start,
     * and some seeds then read pictures of one layout by position: 98.5 to 99.7 % of captchas, not 99.9. */
    net->lstm[i] = tw_lstm_new(net->params, lstm, in, hidden,
                               &(tw_lstm_options){.bidirectional = true, .plain_forget_bias = true});
    net->dense[i] = tw_dense_new(net->params, dense, 2 * hidden, out, NULL);
}

/* ---- designs -------------------------------------------------------------------------------------------- */

static int quarter(int width) { return width / 4; }
static int quarter_and_one(int width) { return width / 4 + 1; }

static void build_tiny(crnn *net) {
    conv(net, "conv1", 1, 16, TW_ACT_RELU);
    pool(net, 2, 2);
    conv(net, "conv2", 16, 32, TW_ACT_RELU);
    pool(net, 2, 2);
    conv(net, "conv3", 32, 64, TW_ACT_NONE);
    norm_relu(net, "norm3", 64);
    pool(net, 2, 1);
    columns(net);
    read_along(net, "lstm", "out", 64 * (net->height / 8), 64, net->classes);
}

static void build_small(crnn *net) {
    conv(net, "conv1", 1, 32, TW_ACT_RELU);
    pool(net, 2, 2);
    conv(net, "conv2", 32, 64, TW_ACT_RELU);
    pool(net, 2, 2);
    conv(net, "conv3", 64, 128, TW_ACT_NONE);
    norm_relu(net, "norm3", 128);
    pool(net, 2, 1);
    columns(net);
    tw_sequential_add(net->features, tw_dense_new(net->params, "map", 128 * (net->height / 8), 128, NULL));
    read_along(net, "lstm", "out", 128, 128, net->classes);
}

/* For many fonts and sights: 1.45 M parameters for 96 classes, 3 MB in half precision. The fourth convolution sees four
 * rows only, where channels are cheap; two thirds of the weights read along. */
static void build_medium(crnn *net) {
    conv(net, "conv1", 1, 32, TW_ACT_RELU);
    pool(net, 2, 2);
    conv(net, "conv2", 32, 64, TW_ACT_RELU);
    pool(net, 2, 2);
    conv(net, "conv3", 64, 128, TW_ACT_NONE);
    norm_relu(net, "norm3", 128);
    pool(net, 2, 1);
    conv(net, "conv4", 128, 256, TW_ACT_NONE);
    norm_relu(net, "norm4", 256);
    pool(net, 2, 1);
    columns(net);
    tw_sequential_add(net->features, tw_dense_new(net->params, "map", 256 * (net->height / 16), 192, NULL));
    read_along(net, "lstm", "out", 192, 256, net->classes);
}

/* The published network, 8.33 M parameters for 37 classes. */
static void build_vgg(crnn *net) {
    conv(net, "conv1", 1, 64, TW_ACT_RELU);
    pool(net, 2, 2);
    conv(net, "conv2", 64, 128, TW_ACT_RELU);
    pool(net, 2, 2);
    conv(net, "conv3", 128, 256, TW_ACT_NONE);
    norm_relu(net, "norm3", 256);
    conv(net, "conv4", 256, 256, TW_ACT_RELU);
    pool_rows(net);
    conv(net, "conv5", 256, 512, TW_ACT_NONE);
    norm_relu(net, "norm5", 512);
    conv(net, "conv6", 512, 512, TW_ACT_RELU);
    pool_rows(net);
    tw_sequential_add(net->features, tw_conv2d_new(net->params, "conv7", 512, 512, 2, 2, NULL));
    norm_relu(net, "norm7", 512);
    columns(net);
    read_along(net, "lstm1", "dense1", 512, 256, 256);
    read_along(net, "lstm2", "out", 256, 256, net->classes);
}

static const crnn_design tiny = {
    "tiny", "conv 16-32-64, BiLSTM 64: minutes", 8, 64, quarter, build_tiny, "adamw:lr=0.003", "cosine:warmup=0.5", 12,
    32};
static const crnn_design small = {"small",          "conv 32-64-128, BiLSTM 128", 8,  64, quarter, build_small,
                                  "adamw:lr=0.002", "cosine:warmup=0.5",          10, 32};
static const crnn_design medium = {"medium",
                                   "conv 32-64-128-256, BiLSTM 256: many fonts, signs, scans",
                                   16,
                                   64,
                                   quarter,
                                   build_medium,
                                   "adamw:lr=0.001",
                                   "cosine:warmup=0.5",
                                   10,
                                   32};
static const crnn_design vgg = {"vgg",
                                "the published CRNN, 7 convolutions, 2 BiLSTM 256: hours",
                                32,
                                32,
                                quarter_and_one,
                                build_vgg,
                                "adamw:lr=0.0005",
                                "cosine:warmup=0.5",
                                12,
                                32};
const crnn_design *const crnn_designs[] = {&tiny, &small, &medium, &vgg, NULL};

const crnn_design *crnn_design_find(const char *name) {
    for (int i = 0; crnn_designs[i]; i++)
        if (!strcmp(crnn_designs[i]->name, name)) return crnn_designs[i];
    return NULL;
}

/* ---- the network ---------------------------------------------------------------------------------------- */

tw_err crnn_new(tw_ctx *ctx, crnn *net, const crnn_design *design, int height, int classes) {
    *net = (crnn){.design = design, .height = height, .classes = classes};
    if (height <= 0 || height % design->height_step || height > design->max_height)
        return tw_fail_err(ctx, TW_ERR_RANGE,
                           "the model %s reads pictures whose height is a multiple of %d up to %d, not %d",
                           design->name, design->height_step, design->max_height, height);
    net->params = tw_params_new(ctx);
    if (!net->params) return tw_error(ctx);
    net->features = tw_sequential_new(net->params);
    design->build(net);
    return tw_error(ctx);
}

void crnn_free(crnn *net) {
    tw_params_free(net->params);
    *net = (crnn){0};
}

tw_tensor *crnn_forward(tw_ctx *ctx, const crnn *net, tw_tensor *x, tw_labels widths, tw_labels *frames) {
    return crnn_forward_guided(ctx, net, x, widths, frames, NULL);
}

tw_tensor *crnn_forward_guided(tw_ctx *ctx, const crnn *net, tw_tensor *x, tw_labels widths, tw_labels *frames,
                               tw_tensor **guided) {
    int32_t *count = tw_alloc(ctx, widths.n * sizeof *count);
    if (guided) *guided = NULL;
    if (!count) return NULL;
    for (size_t i = 0; i < widths.n; i++) count[i] = net->design->frames(widths.v[i]);
    *frames = (tw_labels){count, widths.n};
    tw_tensor *y = tw_forward(ctx, net->features, x);
    if (guided && net->guide) *guided = tw_forward(ctx, net->guide, y);
    for (int i = 0; i < net->levels; i++) {
        y = tw_lstm(ctx, net->lstm[i], y, *frames, NULL, NULL);
        y = tw_forward(ctx, net->dense[i], y);
    }
    return y;
}
