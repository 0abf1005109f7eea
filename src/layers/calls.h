/* calls.h - what each call of a layer's operation was given, as kept on its node: for backward, and for an exporter,
 * which knows the operation by its node's op->name. Those of src/tensor are in ops.h. */
#ifndef TW_CALLS_H
#define TW_CALLS_H

#include "layers/conv_lines.h"
#include "layers/im2col.h"
#include "layers/pool2d.h"
#include "layers/rnn.h"

#include <thalweg/layers.h>

/* "dense": x, weight, bias or NULL */
typedef struct tw__dense_call {
    tw_act act;
} tw__dense_call;

/* "conv2d": x, weight, bias or NULL */
typedef enum tw__conv_algo { TW__CONV_COLUMNS, TW__CONV_DIRECT, TW__CONV_WINOGRAD, TW__CONV_GROUPED } tw__conv_algo;
typedef struct tw__conv_call {
    tw__conv shape;
    tw__conv_lines lines; /* activation, and max-pooling in windows lines.pool_h x lines.pool_w */
    tw__conv_algo algo;   /* how it was computed */
} tw__conv_call;

/* "max_pool2d"; "avg_pool2d" keeps the shape alone, a tw__pool2d; "global_avg_pool2d" the same */
typedef struct tw__max_call {
    tw__pool2d shape;
    int32_t *at; /* [N,C,OH,OW] where in its plane each maximum was; NULL when not recording */
} tw__max_call;

/* "batchnorm": x, weight, bias */
typedef struct tw__batchnorm_call {
    size_t N, C, S;
    tw_act act;
    bool training;
    double *mean, *inverse; /* [C] what x was normalised with: 1 / sqrt(var + eps) */
} tw__batchnorm_call;

/* "layer_norm": x, weight or NULL, bias or NULL */
typedef struct tw__layer_norm_call {
    size_t rows, M; /* x as [rows,M] */
    double eps;
    double *mean, *inverse; /* [rows] what x was normalised with: 1 / sqrt(var + eps) */
} tw__layer_norm_call;

/* "embedding": weight */
typedef struct tw__embedding_call {
    size_t n;
    const int32_t *index; /* [n] */
    int padding;          /* the class that gets no gradient, or -1 */
} tw__embedding_call;

/* "lstm" and "gru": x, h0 or NULL, c0 or NULL, then ih, hh, bias_ih and bias_hh (or NULL both) of each direction */
typedef struct tw__rnn_call {
    const tw__frames *frames;
    int directions;
    const tw_real *gathered;        /* [rows,D] x's frames without padding; NULL: x itself */
    tw_real *gates[2];              /* by direction [rows,wide H] */
    tw_real *before[TW__STATES][2]; /* by state and direction [rows,H]: before each frame */
} tw__rnn_call;

#endif
