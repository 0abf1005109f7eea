/* nets.h - the networks of the workloads, and how much arithmetic their definitions need. */
#ifndef BENCH_NETS_H
#define BENCH_NETS_H

#include <thalweg/thalweg.h>

/* Sizes of a workload; 0: it has no such size. */
typedef struct sizes {
    int N, W, T, D, H, K, L;
} sizes;

typedef struct net {
    tw_params *params;
    tw_layer *layers;
    int c, h, w; /* what comes out so far: a picture, or (h = 0) w frames or rows of c numbers */
    bool inner;  /* the next layer's input wants a gradient */
    double flop; /* a sample: multiplications and additions of all products, forward and backward */
} net;

void net_mlp(net *n, const sizes *s);
void net_lenet(net *n, const sizes *s);
void net_small_cnn(net *n, const sizes *s);
void net_crnn(net *n, const sizes *s);       /* Shi, Bai, Yao 2015 */
void net_crnn_small(net *n, const sizes *s); /* the same idea in small; H: the height, 0: 32 */
void net_lstm(net *n, const sizes *s);
void net_conv(net *n, const sizes *s);
void net_depthwise(net *n, const sizes *s);
void net_ggml_fc(net *n, const sizes *s); /* the two networks of ggml's MNIST example */
void net_ggml_cnn(net *n, const sizes *s);

#endif
