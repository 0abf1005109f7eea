/* conv_grouped.h - convolution in groups of few channels (depthwise above all), of any stride and dilation, without
 * columns.
 *
 * A group's planes are copied once with their padding, and for a stride s into s x s phases, each of every s-th line
 * and column, so that neighbouring outputs see neighbouring numbers whatever the stride. Then output lines as long as
 * a phase's, whose last numbers may be padding that no output reads, make the whole plane one line:
 *
 *     z[o, p] = sum over channels c and places t of W[o, c, t] x[c, p + offset t]
 *
 * for all p of all lines, whose vectors are full however narrow the picture is. dz lies the same way, with zeros for
 * that padding and around it; then
 *
 *     dW[o, c, t] = sum over p of dz[o, p] x[c, p + offset t]
 *     dx[c, p]    = sum over o and t of W[o, c, t] dz[o, p - offset t]      for each phase, over the t that see it
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

/* y, from x [N,C,H,W] and w [O,C / groups,kh,kw]; false after an error (no memory). */
bool tw__conv_grouped_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                              const tw__conv_lines *to);
/* The gradients that are wanted, from the lines of dz. */
bool tw__conv_grouped_backward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                               const tw__conv_lines *dz, const tw__conv_grads *g);

#endif
