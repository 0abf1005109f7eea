/* batchnorm.h - batch norm's loops over the values of one channel, and the operation without a layer. */
#ifndef TW_BATCHNORM_H
#define TW_BATCHNORM_H

#include <thalweg/layers.h>

#include "tensor/hot.h"

/* How many numbers, their mean, and the sum of their squared distances from it. Start with zeros. */
typedef struct tw__moments {
    double n, mean, m2;
} tw__moments;
/* Adds n values. */
TW_ISA_DECLARE(void, tw__moments_add, (size_t n, const tw_real *x, tw__moments *moments));

/* With dz = dy act'(y): sum += (sum of dz, sum of dz (x - mean)). */
TW_ISA_DECLARE(void, tw__batchnorm_sums,
               (tw_act act, size_t n, const tw_real *x, const tw_real *y, const tw_real *dy, double mean,
                double sum[2]));
/* dx = beta dx + a dz + b (x - mean) + c. */
typedef struct tw__batchnorm_terms {
    tw_real mean, a, b, c;
} tw__batchnorm_terms;
TW_ISA_DECLARE(void, tw__batchnorm_dx,
               (tw_act act, size_t n, const tw_real *x, const tw_real *y, const tw_real *dy, tw__batchnorm_terms terms,
                tw_real beta, tw_real *dx));

/* The operation: weight, bias, and the running mean and variance, each [C]; batches counts the updates, [1]. */
tw_tensor *tw__batchnorm(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias, tw_tensor *running_mean,
                         tw_tensor *running_var, tw_tensor *batches, const tw_batchnorm_options *options);

#endif
