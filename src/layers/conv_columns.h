/* conv_columns.h - convolution of any shape as products of columns (im2col.h) with the weights: the plain algorithm,
 * which the others are tested against. */
#ifndef TW_CONV_COLUMNS_H
#define TW_CONV_COLUMNS_H

#include "layers/im2col.h"

#include <thalweg/layers.h>

/* Where backward writes: each = beta each + its gradient; NULL: not wanted. */
typedef struct tw__conv_grads {
    tw_real *dx, *dw, *db;
    tw_real dx_beta, dw_beta, db_beta;
} tw__conv_grads;

/* y = act(conv(x, w) + bias); bias may be NULL. False after an error (no memory). */
bool tw__columns_forward(tw_ctx *ctx, const tw__conv *s, tw_act act, const tw_real *x, const tw_real *w,
                         const tw_real *bias, tw_real *y);
bool tw__columns_backward(tw_ctx *ctx, const tw__conv *s, tw_act act, const tw_real *x, const tw_real *w,
                          const tw_real *y, const tw_real *dy, const tw__conv_grads *grads);

/* The most scratch, in bytes, that it takes for this picture or a narrower one. */
size_t tw__columns_room(const tw__conv *s, int threads, bool backward);

#endif
