/* conv_direct.h - convolution of stride 1 without columns: each output line is a sum of shifted input lines.
 *
 * An image, or a band of its lines, is copied once with its padding; then, for 8 output channels and 32 neighbouring
 * outputs at a time, the sums
 *
 *     z[o, p] = sum over k of W[o, k] x[p + offset k]          k: channel and place in the kernel
 *
 * stay in registers over all k. It is the product of columns without the columns: what an offset into the padded image
 * gives need not be copied. For the weights' gradient the sums over positions stay in registers,
 *
 *     dW[o, k] = sum over p of dz[o, p] x[p + offset k]        for 8 output channels and 3 k at a time,
 *
 * and dx is the first again, of dz with the kernel turned by 180 degrees; backward makes dz once for all (see
 * conv_direct_backward.c). Float only. */
#ifndef TW_CONV_DIRECT_H
#define TW_CONV_DIRECT_H

#include "layers/conv_columns.h"
#include "layers/conv_lines.h"

/* Is this a convolution that gains by it? Depends on the shape only. */
bool tw__conv_direct_suits(const tw__conv *s);

/* The most scratch, in bytes, that it takes for this picture or a narrower one; 0 when it suits none of them. */
size_t tw__conv_direct_room(const tw__conv *s, int threads, int pool_h);
size_t tw__conv_direct_backward_room(const tw__conv *s, int threads, bool wants_dx);
/* The picture, or the widest part of it that it suits: of no columns where it suits none. */
tw__conv tw__conv_direct_widest(const tw__conv *s);

/* As those of winograd.h; false after an error (no memory). */
bool tw__conv_direct_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                             const tw__conv_lines *to);
/* The gradients that are wanted, from the lines of dz. */
bool tw__conv_direct_backward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                              const tw__conv_lines *dz, const tw__conv_grads *g);

/* ---- the kernels (conv_direct.isa.c) ------------------------------------------------------------------------ */

/* `lines` lines of a plane [H,W] from line `row` on, to lines `pitch` apart: `left` zeros, the line, and zeros to the
 * pitch; zeros for a line outside the plane. Writes up to 16 numbers beyond the last line. */
TW_ISA_DECLARE(void, tw__direct_pad_plane,
               (const tw_real *plane, int H, int W, int row, int lines, int pitch, int left, tw_real *to));
/* y = beta y + n numbers of each of some lines, `pitch` apart, one after another. */
TW_ISA_DECLARE(void, tw__direct_put_lines,
               (int lines, int n, const tw_real *from, int pitch, tw_real beta, tw_real *y));

enum {
    TW__DIRECT_OUT = 8,    /* output channels at a time */
    TW__DIRECT_LANES = 16, /* positions of a group */
    TW__DIRECT_TAPS = 3    /* k at a time, for the weights' gradient */
};

/* z[r channel + i] and z[r channel + 16 + i], i < 16, = the sums over k < K of w[8 k + r] times x0[offset[k] + i] and
 * x1[offset[k] + i]; r < rows <= 8. */
TW_ISA_DECLARE(void, tw__conv_direct_sums,
               (int rows, int K, const tw_real *w, const int32_t *offset, const tw_real *x0, const tw_real *x1,
                tw_real *z, size_t channel));

/* sum[r][t][i] += over n groups g, dz[r channel + dz_at[g] + i] x[x_at[g] + offset[t] + i]: 8 x 3 x 16 sums. */
TW_ISA_DECLARE(void, tw__conv_direct_products,
               (int n, const tw_real *dz, size_t channel, const int32_t *dz_at, const tw_real *x, const int32_t *x_at,
                const int32_t *offset, tw_real *sum));

#endif
