/* winograd.h - 3x3 and 5x5 convolution with fewer multiplications: F(4x4, 3x3) and F(2x2, 5x5) (Winograd 1980, Lavin
 * and Gray 2016).
 *
 * A tile of m x m outputs sees 6 x 6 inputs d and r x r weights g, m + r - 1 = 6, and is
 *
 *     Y = A' [ (G g G') * (B' d B) ] A            ' transposes, * multiplies element by element
 *
 * with 36 products instead of 144 (3x3) or 100 (5x5). The sum over channels is taken between the brackets, so each of
 * the 36 places is a matrix product [tiles,C] x [C,O]. B, G and A come from interpolating polynomials at 0, +-5/8,
 * +-3/2 and infinity: B and A are exact in float, and the error is two to three times that of the direct sum: for 64
 * channels 8e-7 of the result (5x5: 9e-7), root mean square, to 3e-7.
 *
 * Float only. Convolutions with other kernels or strides, or few channels, go another way (conv2d.c). */
#ifndef TW_WINOGRAD_H
#define TW_WINOGRAD_H

#include "layers/conv_columns.h"
#include "layers/conv_lines.h"
#include "layers/im2col.h"
#include "tensor/hot.h"

#include <thalweg/layers.h>

/* Is this a convolution that gains by it? Depends on the shape only, and on the width only where it is huge: among
 * pictures of many widths one that went another way would need other memory. */
bool tw__winograd_suits(const tw__conv *s);
/* The most scratch, in bytes, that it takes for this picture or a narrower one; 0 when it suits none of them. */
size_t tw__winograd_room(const tw__conv *s, int threads, bool backward);

/* The sums of conv(x, w), stored through `to`. False after an error (no memory). */
bool tw__winograd_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w, const tw__conv_lines *to);
/* The gradients that are wanted, from the lines of dz. */
bool tw__winograd_backward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w, const tw__conv_lines *dz,
                           const tw__conv_grads *g);

/* ---- transforms (winograd.isa.c) --------------------------------------------------------------------------------
 * They work on TW__WINO_BLOCK channels at once, whose numbers lie together: a row of a strip is [columns][block]. A
 * matrix of tiles is [tiles][ld], and there are 36 of them, `place` apart: 6 i + j for row i and column j. ld and place
 * are multiples of the block, and everything begins at multiples of 64 bytes. */
enum { TW__WINO_PLACES = 36, TW__WINO_SIDE = 6, TW__WINO_BLOCK = 16 };

/* The sum of some partial dU [36][C][ld], to be transformed to dw = beta dw + .. */
typedef struct tw__wino_weight_sum {
    int O, C, parts;
    size_t place, ld, part; /* from one place, row, part to the next */
    const tw_real *du;
    tw_real beta, *dw;
} tw__wino_weight_sum;

/* For kernels of R x R. input: B' d B of six rows. gradient: A y A' of m rows. output: A' m A to m rows, `pitch` apart.
 * input_grad: B v B', added to the first R - 1 of six rows and written to the others. weight: G g G' of the columns
 * first .. first+16 of the 36 matrices [C,O] or, transposed, [O,C], into panels (tensor/panels.h). weight_grad: G' dU G
 * of input channel c, outputs o0 .. o0+16. */
#define TW__WINO_DECLARE(R)                                                                                 \
    TW_ISA_DECLARE(void, tw__wino##R##_input,                                                               \
                   (size_t tiles, const tw_real *const *rows, tw_real *v, size_t place, size_t ld));        \
    TW_ISA_DECLARE(void, tw__wino##R##_gradient,                                                            \
                   (size_t tiles, const tw_real *const *rows, tw_real *z, size_t place, size_t ld));        \
    TW_ISA_DECLARE(void, tw__wino##R##_input_grad,                                                          \
                   (size_t tiles, const tw_real *v, size_t place, size_t ld, tw_real *const *rows));        \
    TW_ISA_DECLARE(void, tw__wino##R##_output,                                                              \
                   (size_t tiles, const tw_real *m, size_t place, size_t ld, tw_real *rows, size_t pitch)); \
    TW_ISA_DECLARE(void, tw__wino##R##_weight,                                                              \
                   (bool transposed, int O, int C, const tw_real *w, int first, tw_real *u, size_t place)); \
    TW_ISA_DECLARE(void, tw__wino##R##_weight_grad, (const tw__wino_weight_sum *s, int o0, int c))
TW__WINO_DECLARE(3);
TW__WINO_DECLARE(5);

/* ---- lines to and from a strip (winograd_lines.isa.c) ------------------------------------------------------------ */

/* n columns from lines of that many channels of a block; the other channels are 0. Numbers from `end` on are not
 * read. */
TW_ISA_DECLARE(void, tw__wino_pack,
               (int lines, const tw_real *const *line, const tw_real *end, size_t n, tw_real *strip));
/* n columns to 16 lines, `pitch` apart. Reads and writes whole blocks of 16 columns. */
TW_ISA_DECLARE(void, tw__wino_unpack, (size_t n, const tw_real *strip, tw_real *lines, size_t pitch));
/* sum[16] += the sum of n columns. */
TW_ISA_DECLARE(void, tw__wino_column_sum, (size_t n, const tw_real *strip, double *sum));

#endif
