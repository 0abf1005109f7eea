/* winograd.h - 3x3 convolution with a quarter of the multiplications: F(4x4, 3x3) (Winograd 1980, Lavin and Gray 2016).
 *
 * A tile of 4 x 4 outputs sees 6 x 6 inputs d and 3 x 3 weights g, and is
 *
 *     Y = A' [ (G g G') * (B' d B) ] A            ' transposes, * multiplies element by element
 *
 * with 36 products instead of 144. The sum over channels is taken between the brackets, so each of the 36 places is a
 * matrix product [O,C] x [C,tiles]. B, G and A come from interpolating polynomials at 0, +-5/8, +-3/2 and infinity:
 * B and A are exact in float, and the error is two to three times that of the direct sum: for 64 channels 8e-7 of the
 * result, root mean square, to 3e-7.
 *
 * Float only. Convolutions with other kernels or strides, or few channels, go through im2col (conv_columns.c). */
#ifndef TW_WINOGRAD_H
#define TW_WINOGRAD_H

#include "layers/conv_lines.h"
#include "layers/im2col.h"
#include "tensor/hot.h"

#include <thalweg/layers.h>

/* Is this a convolution that gains by it? Depends on the shape only. */
bool tw__winograd_suits(const tw__conv *s);

/* The sums of conv(x, w), stored through `to`. False after an error (no memory). */
bool tw__winograd_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w, const tw__conv_lines *to);
/* dx = beta dx + the gradient to x from the lines of dz. */
bool tw__winograd_dx(tw_ctx *ctx, const tw__conv *s, const tw_real *w, const tw__conv_lines *dz, tw_real beta,
                     tw_real *dx);
/* dw = beta dw + the gradient to w. */
bool tw__winograd_dw(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw__conv_lines *dz, tw_real beta,
                     tw_real *dw);

/* ---- the transforms, along one axis at a time (winograd.isa.c) --------------------------------------------------
 * Downwards they take rows of n numbers; across, they take a row in which tile t begins at element 4 t, and write
 * each of a tile's numbers to an array of its own over the tiles, `step` apart. */
enum { TW__WINO_IN = 6, TW__WINO_OUT = 4 };

/* B': six rows of input to six rows. */
TW_ISA_DECLARE(void, tw__wino_in_down, (size_t n, const tw_real *rows, size_t pitch, tw_real *out, size_t out_pitch));
TW_ISA_DECLARE(void, tw__wino_in_across, (size_t tiles, const tw_real *row, tw_real *v, size_t step));
/* A: four rows of an output's gradient to six. */
TW_ISA_DECLARE(void, tw__wino_grad_down, (size_t n, const tw_real *rows, size_t pitch, tw_real *out, size_t out_pitch));
TW_ISA_DECLARE(void, tw__wino_grad_across, (size_t tiles, const tw_real *row, tw_real *v, size_t step));
/* A': the 36 arrays m, `step` apart, to 4 rows of outputs, tile t's from element 4 t on. */
TW_ISA_DECLARE(void, tw__wino_out, (size_t tiles, const tw_real *m, size_t step, tw_real *rows, size_t pitch));

/* G g G' of n kernels, g[9][n] to u + k * step, and its adjoint, G' u G of n places u + k * step to g[9][n]. */
TW_ISA_DECLARE(void, tw__wino_weight, (size_t n, const tw_real *g, tw_real *u, size_t step));
TW_ISA_DECLARE(void, tw__wino_weight_grad, (size_t n, const tw_real *u, size_t step, tw_real *g));

#endif
