/* epilogue.h - what follows a product in dense, conv2d and batch norm: bias and activation in one pass.
 *
 * An activation's derivative is computed from its OUTPUT y, so that the pre-activation need not be kept:
 *     relu        y > 0 ? 1 : 0          leaky_relu  y > 0 ? 1 : 0.01
 *     sigmoid     y (1 - y)              tanh        1 - y^2
 *
 * gelu has the same output for two inputs, so its derivative cannot be had this way: it is a node of its own. */
#ifndef TW_EPILOGUE_H
#define TW_EPILOGUE_H

#include <thalweg/layers.h>

#include "tensor/hot.h"

#define TW__LEAKY_SLOPE ((tw_real)0.01)

/* Is this one of tw_act's values? Otherwise RANGE, naming `what`. */
bool tw__act_ok(tw_ctx *ctx, const char *what, tw_act act);
/* Can it be part of a layer's own pass? What follows knows only those. */
static inline bool tw__act_fuses(tw_act act) { return act <= TW_ACT_TANH; }
/* The others, as a node of their own behind the layer's z, which nobody else looks at. */
tw_tensor *tw__act_apart(tw_ctx *ctx, tw_tensor *z, tw_act act);

/* y[i] = act((x[i] - center) * scale + shift); y may be x. */
TW_ISA_DECLARE(void, tw__affine_act,
               (tw_act act, size_t n, const tw_real *x, tw_real center, tw_real scale, tw_real shift, tw_real *y));
/* y[i] = act(y[i] + bias[i]); bias NULL: zeros. */
TW_ISA_DECLARE(void, tw__bias_act, (tw_act act, size_t n, tw_real *y, const tw_real *bias));
/* dz[i] = dy[i] * act'(y[i]); dz may be dy. */
TW_ISA_DECLARE(void, tw__act_grad, (tw_act act, size_t n, const tw_real *y, const tw_real *dy, tw_real *dz));
/* The same of `rows` rows of n numbers, ld apart, and sum[i] += the rows' dz[i]; dz NULL: dy is dz; sum may be NULL. */
TW_ISA_DECLARE(void, tw__act_grad_rows,
               (tw_act act, int rows, size_t n, size_t ld, const tw_real *y, const tw_real *dy, tw_real *dz,
                double *sum));

/* The sum of x, in double. */
TW_ISA_DECLARE(double, tw__sum, (size_t n, const tw_real *x));

#endif
