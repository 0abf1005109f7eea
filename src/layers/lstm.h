/* lstm.h - what the files of the LSTM share: lstm.c is the layer and the stack, lstm_sequence.c one layer of the stack
 * over a whole sequence, lstm_frames.c samples of different lengths, lstm_cell.isa.c the arithmetic of one frame. */
#ifndef TW_LSTM_H
#define TW_LSTM_H

#include <thalweg/extend.h>

#include "tensor/hot.h"

/* Which frames of [T,N] there are. Samples are ordered by length, the longest first, so that those still running at a
 * time t are the first active[t] of them. The frames that exist are numbered by time, then by that order: frame t of
 * the sample at place p is row start[t] + p. Everything the LSTM computes is stored by those rows, so padding costs
 * nothing and cannot be touched. */
typedef struct tw__frames {
    int T, N;
    int steps;   /* the longest length */
    int rows;    /* frames in all */
    bool even;   /* all lengths are equal: the rows are the first steps * N of [T,N] */
    int *active; /* [T]; 0 from `steps` on */
    int *start;  /* [T] */
    int *sample; /* [N] which sample is at place p */
} tw__frames;
/* In the step's memory. lengths are checked by the caller: none, or N numbers in 0..T. NULL: out of memory. */
const tw__frames *tw__frames_new(tw_ctx *ctx, int T, int N, tw_labels lengths);
/* rows [rows,D] = the frames of x [T,N,D] that exist. */
void tw__frames_gather(tw_ctx *ctx, const tw__frames *frames, int D, const tw_real *x, tw_real *rows);
/* x = beta x + rows where frames exist; elsewhere x = beta x, exactly 0 for beta 0. */
void tw__frames_scatter(tw_ctx *ctx, const tw__frames *frames, int D, const tw_real *rows, tw_real beta, tw_real *x);

/* The parameters of one direction of one layer. */
typedef struct tw__lstm_weights {
    tw_tensor *ih, *hh;           /* [4H,D], [4H,H] */
    tw_tensor *bias_ih, *bias_hh; /* [4H] or both NULL */
} tw__lstm_weights;

/* One layer of a stack: x [T,N,D] -> [T,N,directions H]. h0 and c0 [directions,N,H] or NULL. hn and cn are where to put
 * the final states of the same shape, or NULL. Shapes are checked by the caller. */
tw_tensor *tw__lstm_sequence(tw_ctx *ctx, tw_tensor *x, const tw__frames *frames, int directions,
                             const tw__lstm_weights *weights, tw_tensor *h0, tw_tensor *c0, tw_tensor **hn,
                             tw_tensor **cn);

/* ---- one frame of one sample ------------------------------------------------------------------------------ */

/* gates [4H] holds W_ih x + W_hh h and becomes i, f, g, o; bias [4H] is added first. c becomes the new cell state, the
 * new h goes to h and y. */
TW_ISA_DECLARE(void, tw__lstm_cell,
               (size_t H, tw_real *gates, const tw_real *bias, tw_real *c, tw_real *h, tw_real *y));
/* gates holds i, f, g, o and becomes the gradient before their activations. c is the state before the frame. dh and dc
 * hold what comes from the later frame, dy from the output (NULL: nothing); dc becomes the gradient of c. */
TW_ISA_DECLARE(void, tw__lstm_cell_grad,
               (size_t H, tw_real *gates, const tw_real *c, const tw_real *dy, const tw_real *dh, tw_real *dc));

#endif
