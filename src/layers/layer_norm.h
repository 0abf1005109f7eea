/* layer_norm.h - layer norm's loops over one row. */
#ifndef TW_LAYER_NORM_H
#define TW_LAYER_NORM_H

#include "tensor/hot.h"

/* y = (x - mean) scale weight + bias; weight NULL: ones, bias NULL: zeros. */
TW_ISA_DECLARE(void, tw__layer_norm_row,
               (size_t n, const tw_real *x, tw_real mean, tw_real scale, const tw_real *weight, const tw_real *bias,
                tw_real *y));
/* With g = dy weight: sum = (sum of g, sum of g (x - mean)). */
TW_ISA_DECLARE(void, tw__layer_norm_sums,
               (size_t n, const tw_real *x, double mean, const tw_real *weight, const tw_real *dy, double sum[2]));
/* dx = beta dx + a g + b (x - mean) + c. */
typedef struct tw__layer_norm_terms {
    tw_real mean, a, b, c;
} tw__layer_norm_terms;
TW_ISA_DECLARE(void, tw__layer_norm_dx,
               (size_t n, const tw_real *x, const tw_real *weight, const tw_real *dy, tw__layer_norm_terms terms,
                tw_real beta, tw_real *dx));
/* Adds one row: dw += dy (x - mean) scale, db += dy. Either may be NULL. */
TW_ISA_DECLARE(void, tw__layer_norm_affine,
               (size_t n, const tw_real *x, double mean, double scale, const tw_real *dy, double *dw, double *db));

#endif
