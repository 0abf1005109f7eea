/* conv_grouped.h - convolution in groups of few channels (depthwise above all), of any stride and dilation, without
 * columns.
 *
 * A group's planes are copied once with their padding, and for a stride s into s x s phases, each of every s-th line
 * and column, so that neighbouring outputs see neighbouring numbers whatever the stride. Then output lines as long as
 * a phase's, some of whose last numbers are nobody's, make the whole plane one line:
 *
 *     z[o, p] = sum over k of W[o, k] x[p + offset k]          k: channel of the group and place in the kernel
 *
 * for all p of all lines, whose vectors are full however narrow the picture is. dz lies the same way, with zeros for
 * nobody's numbers and around it; then
 *
 *     dW[o, k] = sum over p of dz[o, p] x[p + offset k]
 *     dx[c, p] = sum over o and k of W[o, k] dz[o, p - offset k]    for each phase, of its own k
 *
 * Float only. */
#ifndef TW_CONV_GROUPED_H
#define TW_CONV_GROUPED_H

#include "layers/conv_columns.h"
#include "layers/conv_lines.h"

/* Is this a convolution that gains by it? Depends on the shape only. */
bool tw__conv_grouped_suits(const tw__conv *s);

/* The most scratch, in bytes, that it takes for this picture or a narrower one; 0 when it suits none of them. */
size_t tw__conv_grouped_room(const tw__conv *s, int threads, int pool_h);
size_t tw__conv_grouped_backward_room(const tw__conv *s, int threads, bool wants_dx);

/* As those of conv_direct.h; false after an error (no memory). */
bool tw__conv_grouped_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                              const tw__conv_lines *to);
bool tw__conv_grouped_backward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                               const tw__conv_lines *dz, const tw__conv_grads *g);

/* ---- the kernels (conv_grouped.isa.c) ----------------------------------------------------------------------- */

enum { TW__GROUPED_LANES = 16 }; /* positions are taken in whole vectors of at most so many */

/* z[i] = the sum over k < K of w[k] x[offset[k] + i], i < n and up to the end of a vector. */
TW_ISA_DECLARE(void, tw__grouped_sums,
               (size_t n, int K, const tw_real *w, const int32_t *offset, const tw_real *x, tw_real *z));
/* sum[k][0..16) += over i < n, and up to the end of a vector, z[i] x[offset[k] + i], in lanes that are to be added
 * up. */
TW_ISA_DECLARE(void, tw__grouped_products,
               (size_t n, int K, const tw_real *z, const int32_t *offset, const tw_real *x, tw_real *sum));
/* Adds to 16 partial sums those of z[i], i < n and up to the end of a vector. */
TW_ISA_DECLARE(void, tw__grouped_total, (size_t n, const tw_real *z, double *sums));
/* total[k] = the sum of sum[k][0..16), k < n. total may be sum. */
TW_ISA_DECLARE(void, tw__grouped_add_lanes, (size_t n, const tw_real *sum, tw_real *total));
/* A plane's phases [phases_h][phases_w][lines][pitch], with zeros for what is outside the picture; and up to 15
 * zeros behind. */
TW_ISA_DECLARE(void, tw__grouped_take,
               (const tw_real *plane, const tw__conv *s, int phases_h, int phases_w, int lines, int pitch,
                tw_real *to));
/* And back: n numbers of some lines, `pitch` apart, to every stride-th place of lines `line` apart, added or not. */
TW_ISA_DECLARE(void, tw__grouped_give,
               (const tw_real *from, int rows, int n, size_t pitch, size_t line, int stride, bool add, tw_real *to));

#endif
