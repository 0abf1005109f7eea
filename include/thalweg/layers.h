/* thalweg/layers.h - layers: parameters plus the operation that uses them.
 *
 * tw_<layer>_new(params, name, ...) makes a layer whose parameters are called "<name>.weight" and so on, as in
 * PyTorch's state_dict; it is freed with params. tw_<layer>(ctx, ...) is the operation alone, for weights of
 * your own. Options NULL, and every field left 0, mean the default. Weight layouts and formulas are PyTorch's. */
#ifndef THALWEG_LAYERS_H
#define THALWEG_LAYERS_H

#include <thalweg/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_layer tw_layer;

/* The layer's output for x. NULL in, NULL out. A layer of another context is a STATE error. */
TW_API tw_tensor *tw_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x);

/* LEAKY_RELU has slope 0.01; GELU is tw_gelu, GELU_TANH tw_gelu_tanh. Where a layer takes one, it is part of the
 * layer's own pass, but for the two GELUs: their derivative needs what went in, so they are a node of their own behind
 * it. */
typedef enum tw_act {
    TW_ACT_NONE = 0,
    TW_ACT_RELU,
    TW_ACT_LEAKY_RELU,
    TW_ACT_SIGMOID,
    TW_ACT_TANH,
    TW_ACT_GELU,
    TW_ACT_GELU_TANH
} tw_act;

/* ---- dense: y = act(x W^T + b);  x [..,in] -> [..,out];  W [out,in], b [out] ------------------------ */
typedef struct tw_dense_options {
    tw_act act;
    bool no_bias;
    tw_init init; /* default: weight and bias U(+-1/sqrt(in)), PyTorch's; otherwise this weight and bias 0 */
} tw_dense_options;
TW_API tw_layer *tw_dense_new(tw_params *params, const char *name, int in, int out, const tw_dense_options *options);
TW_API tw_tensor *tw_dense(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias /* or NULL */, tw_act act);

/* ---- conv2d: cross-correlation, x [N,C,H,W] -> [N,out,H',W'];  W [out,C/groups,kh,kw], b [out] ------
 * H' = (H + 2 pad_h - dilation_h (kh - 1) - 1) / stride_h + 1, rounded down; less than 1 is a SHAPE error. Neighbouring
 * elements of the kernel see pixels `dilation` apart. With groups, the k-th part of the output channels sees the k-th
 * part of the input channels alone; as many groups as channels is a depthwise convolution. */
typedef struct tw_conv2d_options {
    int stride_h, stride_w; /* 0: 1 */
    int pad_h, pad_w;       /* zeros on each side */
    tw_act act;
    bool no_bias;
    tw_init init;               /* default: U(+-1/sqrt(C/groups kh kw)), PyTorch's; otherwise this weight and bias 0 */
    int pool_h, pool_w;         /* the result max-pooled in windows of this size, as tw_max_pool2d does; 0: 1 */
    int dilation_h, dilation_w; /* 0: 1 */
    int groups;                 /* divides C and out; 0: 1 */
} tw_conv2d_options;
TW_API tw_layer *tw_conv2d_new(tw_params *params, const char *name, int in, int out, int kh, int kw,
                               const tw_conv2d_options *options);
TW_API tw_tensor *tw_conv2d(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias /* or NULL */,
                            const tw_conv2d_options *options);
/* In float, 3x3 and 5x5 convolutions of stride 1 with 16 channels or more on each side go through Winograd's
 * algorithm, which is faster and errs two to three times as much as the direct sum (8e-7 of the result); those of
 * stride 1 with few input channels are summed directly, and so are groups of few channels, with any stride and
 * dilation. All else, and all with PLAIN, is a product of columns with the weights. TW_LOG=1 in the environment prints
 * what was taken to stderr. Winograd's rounding error scales with the largest value in each 6x6 tile, and one value
 * that is not finite makes the whole tile so. Whatever is taken, no bit of a sample's output, nor of its gradient,
 * depends on the other samples of the batch. */
typedef enum tw_conv_algo { TW_CONV_AUTO = 0, TW_CONV_PLAIN } tw_conv_algo;
TW_API void tw_set_conv_algo(tw_ctx *ctx, tw_conv_algo algo);

/* ---- pooling over windows kh x kw of [N,C,H,W] -------------------------------------------------------
 * Padding is at most half the kernel; max ignores it, average counts it as zeros (PyTorch's defaults). Ties in
 * max: the first in row-major order takes the gradient. */
typedef struct tw_pool2d_options {
    int stride_h, stride_w; /* 0: the kernel's size */
    int pad_h, pad_w;
} tw_pool2d_options;
TW_API tw_layer *tw_max_pool2d_new(tw_params *params, int kh, int kw, const tw_pool2d_options *options);
TW_API tw_layer *tw_avg_pool2d_new(tw_params *params, int kh, int kw, const tw_pool2d_options *options);
TW_API tw_layer *tw_global_avg_pool2d_new(tw_params *params); /* [N,C,H,W] -> [N,C] */
TW_API tw_tensor *tw_max_pool2d(tw_ctx *ctx, tw_tensor *x, int kh, int kw, const tw_pool2d_options *options);
TW_API tw_tensor *tw_avg_pool2d(tw_ctx *ctx, tw_tensor *x, int kh, int kw, const tw_pool2d_options *options);
TW_API tw_tensor *tw_global_avg_pool2d(tw_ctx *ctx, tw_tensor *x);

/* ---- batch norm over all but axis 1: x [N,C], [N,C,T] or [N,C,H,W] ----------------------------------
 * y = (x - mean) / sqrt(var + eps) * weight + bias. Training uses the batch's mean and biased variance and moves
 * running_mean, running_var (unbiased) by momentum; eval uses those. One value per channel in training is a RANGE
 * error, as in PyTorch (its variance says nothing). num_batches_tracked is saved with the model. The running values
 * move in forward, and move back when the step fails; a batch whose variance is not finite moves none.
 * (Ioffe, Szegedy 2015) */
typedef struct tw_batchnorm_options {
    double eps;      /* 0: 1e-5 */
    double momentum; /* 0: 0.1 */
    tw_act act;
} tw_batchnorm_options;
TW_API tw_layer *tw_batchnorm_new(tw_params *params, const char *name, int channels,
                                  const tw_batchnorm_options *options);

/* ---- layer norm over the last ndim dimensions: x [..,dim] ---------------------------------------------
 * y = (x - mean) / sqrt(var + eps) * weight + bias, mean and biased variance of each row, a row being what the leading
 * dimensions leave; weight and bias are of shape dim. The same in training and eval.  (Ba, Kiros, Hinton 2016) */
typedef struct tw_layer_norm_options {
    double eps;     /* 0: 1e-5 */
    bool no_affine; /* neither weight nor bias */
    bool no_bias;   /* no bias alone */
} tw_layer_norm_options;
TW_API tw_layer *tw_layer_norm_new(tw_params *params, const char *name, int ndim, const int *dim,
                                   const tw_layer_norm_options *options);
TW_API tw_tensor *tw_layer_norm(tw_ctx *ctx, tw_tensor *x, int ndim, const int *dim, tw_tensor *weight /* or NULL */,
                                tw_tensor *bias /* or NULL */, double eps /* 0: 1e-5 */);

/* ---- embedding: a row of weight [K,D] for each class index;  [..] -> [..,D] ----------------------------
 * index has as many numbers, 0 .. K-1, as shape dim has elements; it is copied. One outside is a RANGE error that names
 * its place. A row used several times gets the sum of its gradients, added in the order of the indices. The layer takes
 * the indices as a tensor of whole numbers, in float of at most 2^24 classes, that gets no gradient. */
typedef struct tw_embedding_options {
    bool padding;    /* row padding_idx gets no gradient, and the layer's starts as zeros */
    int padding_idx; /* negative: counted from the end */
    tw_init init;    /* of the layer's weight; default: N(0,1), PyTorch's */
} tw_embedding_options;
TW_API tw_layer *tw_embedding_new(tw_params *params, const char *name, int classes, int features,
                                  const tw_embedding_options *options);
TW_API tw_tensor *tw_embedding(tw_ctx *ctx, tw_tensor *weight, tw_labels index, int ndim, const int *dim,
                               const tw_embedding_options *options);

/* ---- dropout, flatten, reshaping --------------------------------------------------------------------- */
TW_API tw_layer *tw_dropout_new(tw_params *params, double p);
TW_API tw_layer *tw_flatten_new(tw_params *params);           /* [N,..] -> [N, product of the rest] */
TW_API tw_layer *tw_image_to_sequence_new(tw_params *params); /* [N,C,H,W] -> [W,N,C*H]: each column a time step */
TW_API tw_layer *tw_activation_new(tw_params *params, tw_act act);
TW_API tw_tensor *tw_flatten(tw_ctx *ctx, tw_tensor *x);
TW_API tw_tensor *tw_image_to_sequence(tw_ctx *ctx, tw_tensor *x);
TW_API tw_tensor *tw_activation(tw_ctx *ctx, tw_tensor *x, tw_act act);

/* ---- LSTM over whole sequences: x [T,N,D] -> y [T,N,H] (bidirectional [T,N,2H], forward half first) -----
 *   i,f,g,o = W_ih x_t + b_ih + W_hh h + b_hh  (rows in this order, 4H);   c = s(f) c + s(i) tanh(g);  h = s(o) tanh(c)
 * Parameters per layer k: weight_ih_l<k> [4H,D], weight_hh_l<k> [4H,H], bias_ih_l<k>, bias_hh_l<k> [4H], and the
 * same with _reverse. Sample n has lengths.v[n] frames: the rest neither influences nor receives anything, and its
 * output is 0; the backward direction starts at the sample's own last frame. T, N and lengths may be 0: a state that no
 * frame moves stays. All U(+-1/sqrt(H)), except the forget gate's bias, which starts at 1 in sum.
 * (Hochreiter, Schmidhuber 1997; Gers et al. 2000) */
typedef struct tw_lstm_options {
    int layers; /* 0: 1 */
    bool bidirectional;
    bool no_bias;
    double dropout;         /* on the output of each layer but the last, in training */
    bool plain_forget_bias; /* true: drawn like the other biases, as PyTorch does */
    tw_init init;           /* of the weights; default as above */
} tw_lstm_options;
/* h, c: [layers * directions, N, H], in PyTorch's order (layer 0 forward, layer 0 reverse, layer 1 ...). */
typedef struct tw_lstm_state {
    tw_tensor *h, *c;
} tw_lstm_state;
TW_API tw_layer *tw_lstm_new(tw_params *params, const char *name, int input, int hidden,
                             const tw_lstm_options *options);
/* lengths {NULL, 0}: all T. initial, or a member of it, NULL: zeros. final NULL: not wanted, else filled with hn and
 * cn, each sample's state after its own last frame. tw_forward(ctx, lstm, x) is this with neither. */
TW_API tw_tensor *tw_lstm(tw_ctx *ctx, tw_layer *lstm, tw_tensor *x, tw_labels lengths, const tw_lstm_state *initial,
                          tw_lstm_state *final);

/* ---- GRU: the same with one state ------------------------------------------------------------------------
 *   r,z = s(W_ih x_t + b_ih + W_hh h + b_hh);  n = tanh(W_in x_t + b_in + r (W_hn h + b_hn));  h = (1 - z) n + z h
 * Rows r, z, n in this order, 3H. Names, states, lengths and padding are the LSTM's. All U(+-1/sqrt(H)).
 * (Cho et al. 2014; r applied behind the product, as in PyTorch and cuDNN) */
typedef struct tw_gru_options {
    int layers; /* 0: 1 */
    bool bidirectional;
    bool no_bias;
    double dropout; /* on the output of each layer but the last, in training */
    tw_init init;   /* of the weights, biases then 0; default as above */
} tw_gru_options;
TW_API tw_layer *tw_gru_new(tw_params *params, const char *name, int input, int hidden, const tw_gru_options *options);
/* initial NULL: zeros. final NULL: not wanted, else *final is hn. Both [layers * directions, N, H], like tw_lstm's. */
TW_API tw_tensor *tw_gru(tw_ctx *ctx, tw_layer *gru, tw_tensor *x, tw_labels lengths, tw_tensor *initial,
                         tw_tensor **final);

/* ---- sequential: one after another ------------------------------------------------------------------- */
TW_API tw_layer *tw_sequential_new(tw_params *params);
/* layer NULL (its constructor failed) leaves the error in the context, and tw_forward refuses. */
TW_API void tw_sequential_add(tw_layer *sequential, tw_layer *layer);

#ifdef __cplusplus
}
#endif
#endif
