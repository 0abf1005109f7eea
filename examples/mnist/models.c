/* models.c - the networks, and the recipe that suits each. */
#include "mnist.h"

#include <string.h>
#include <thalweg/extend.h>

/* 784-512-256-10; dropout, because half a million weights learn 60,000 pictures by heart. */
static tw_layer *build_mlp(tw_params *p) {
    tw_layer *s = tw_sequential_new(p);
    tw_sequential_add(s, tw_flatten_new(p));
    tw_sequential_add(s, tw_dense_new(p, "fc1", SIDE * SIDE, 512, &(tw_dense_options){.act = TW_ACT_RELU}));
    tw_sequential_add(s, tw_dropout_new(p, 0.3));
    tw_sequential_add(s, tw_dense_new(p, "fc2", 512, 256, &(tw_dense_options){.act = TW_ACT_RELU}));
    tw_sequential_add(s, tw_dropout_new(p, 0.3));
    tw_sequential_add(s, tw_dense_new(p, "fc3", 256, CLASSES, NULL));
    return s;
}

/* After LeNet-5 (LeCun et al. 1998), as today's tutorials write it: two 5x5 convolutions and a wide dense layer. */
static tw_layer *build_lenet(tw_params *p) {
    tw_conv2d_options same = {.pad_h = 2, .pad_w = 2, .act = TW_ACT_RELU};
    tw_layer *s = tw_sequential_new(p);
    tw_sequential_add(s, tw_conv2d_new(p, "conv1", 1, 32, 5, 5, &same));
    tw_sequential_add(s, tw_max_pool2d_new(p, 2, 2, NULL));
    tw_sequential_add(s, tw_conv2d_new(p, "conv2", 32, 64, 5, 5, &same));
    tw_sequential_add(s, tw_max_pool2d_new(p, 2, 2, NULL));
    tw_sequential_add(s, tw_flatten_new(p));
    tw_sequential_add(s, tw_dense_new(p, "fc1", 7 * 7 * 64, 1024, &(tw_dense_options){.act = TW_ACT_RELU}));
    tw_sequential_add(s, tw_dropout_new(p, 0.4));
    tw_sequential_add(s, tw_dense_new(p, "fc2", 1024, CLASSES, NULL));
    return s;
}

/* 3x3 convolution without bias (the norm has one), batch norm, ReLU. */
static void add_block(tw_layer *s, tw_params *p, const char *conv, const char *norm, int in, int out) {
    tw_conv2d_options o = {.pad_h = 1, .pad_w = 1, .no_bias = true, .init = {TW_INIT_KAIMING_NORMAL, 0}};
    tw_sequential_add(s, tw_conv2d_new(p, conv, in, out, 3, 3, &o));
    tw_sequential_add(s, tw_batchnorm_new(p, norm, out, &(tw_batchnorm_options){.act = TW_ACT_RELU}));
}

/* Four convolutions and one dense layer: 32,218 weights. */
static tw_layer *build_cnn(tw_params *p) {
    tw_layer *s = tw_sequential_new(p);
    add_block(s, p, "conv1", "bn1", 1, 16);
    add_block(s, p, "conv2", "bn2", 16, 16);
    tw_sequential_add(s, tw_max_pool2d_new(p, 2, 2, NULL));
    add_block(s, p, "conv3", "bn3", 16, 32);
    add_block(s, p, "conv4", "bn4", 32, 32);
    tw_sequential_add(s, tw_max_pool2d_new(p, 2, 2, NULL));
    tw_sequential_add(s, tw_flatten_new(p));
    tw_sequential_add(s, tw_dropout_new(p, 0.3));
    tw_sequential_add(s, tw_dense_new(p, "fc", 7 * 7 * 32, CLASSES, NULL));
    return s;
}

/* Six convolutions, and a dense layer on what is left, 3x3 with its places: clothes are all photographed alike, so
 * where a feature lies counts. 94,626 weights. */
static tw_layer *build_cnn_l(tw_params *p) {
    tw_layer *s = tw_sequential_new(p);
    add_block(s, p, "conv1", "bn1", 1, 24);
    add_block(s, p, "conv2", "bn2", 24, 24);
    tw_sequential_add(s, tw_max_pool2d_new(p, 2, 2, NULL));
    add_block(s, p, "conv3", "bn3", 24, 40);
    add_block(s, p, "conv4", "bn4", 40, 40);
    tw_sequential_add(s, tw_max_pool2d_new(p, 2, 2, NULL));
    add_block(s, p, "conv5", "bn5", 40, 64);
    add_block(s, p, "conv6", "bn6", 64, 64);
    tw_sequential_add(s, tw_max_pool2d_new(p, 2, 2, NULL));
    tw_sequential_add(s, tw_flatten_new(p));
    tw_sequential_add(s, tw_dropout_new(p, 0.3));
    tw_sequential_add(s, tw_dense_new(p, "fc", 3 * 3 * 64, CLASSES, NULL));
    return s;
}

static const model_kind kinds[] = {
    {"mlp", "dense 784-512-256-10", build_mlp, "adamw:lr=0.001", "cosine:warmup=0.5", 20, 128, false},
    {"lenet", "conv 5x5x32, 5x5x64, dense 1024", build_lenet, "adamw:lr=0.001", "cosine:warmup=0.5", 12, 128, false},
    {"cnn", "four 3x3 convolutions, 32,218 weights", build_cnn, "adamw:lr=0.004", "cosine:warmup=0.5", 15, 128, false},
    {"cnn-l", "six 3x3 convolutions, 94,626 weights", build_cnn_l, "adamw:lr=0.004", "cosine:warmup=1", 36, 128, true},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const model_kind *model_find(const char *name, const char **nearest) {
    const char *names[KINDS];
    for (int i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        if (!strcmp(kinds[i].name, name)) return &kinds[i];
    }
    *nearest = tw_nearest(name, KINDS, names);
    return NULL;
}

const char *model_names(void) { return "mlp, lenet, cnn, cnn-l"; }
