/* rnn.h - what LSTM and GRU share, and where they differ.
 *
 * rnn.c is the layer: its parameters, the stack, states. rnn_sequence.c is one layer of the stack over a whole
 * sequence, rnn_frames.c samples of different lengths. A kind, lstm.c or gru.c, says how many gates and states there
 * are and computes one frame of one sample, in lstm_cell.isa.c and gru_cell.isa.c. */
#ifndef TW_RNN_H
#define TW_RNN_H

#include <thalweg/extend.h>

#include "tensor/hot.h"

/* ---- rnn_frames.c ------------------------------------------------------------------------------------------ */

/* Which frames of [T,N] there are. Samples are ordered by length, the longest first, so that those still running at a
 * time t are the first active[t] of them. The frames that exist are numbered by time, then by that order: frame t of
 * the sample at place p is row start[t] + p. Everything a recurrent layer computes is stored by those rows, so padding
 * costs nothing and cannot be touched. */
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

/* ---- a kind ------------------------------------------------------------------------------------------------ */

enum { TW__STATES = 2 }; /* at most: h, and c */

/* W_ih and W_hh are [gates H, ..]. A frame of a sample has a row of `wide` H numbers, wide = 2 gates - joined: the
 * gates of W_ih x + b_ih, the first `joined` of them with W_hh h + b_hh added; what is not joined of W_hh h + b_hh
 * stands behind them. */
typedef struct tw__rnn_kind {
    tw_op op; /* first: a node's op leads back here */
    tw_layer_class cls;
    int gates, joined;
    int states;     /* 1: h; 2: h and c */
    bool h_remains; /* some of h goes on to the next frame by itself, not only through W_hh */
    /* One frame of one sample. gates [wide H] holds the products; bias [wide H] is added first. They become what
     * cell_grad needs, h and c (NULL: none) the new state, and y the output, which is h. */
    void (*cell)(size_t H, tw_real *gates, const tw_real *bias, tw_real *h, tw_real *c, tw_real *y);
    /* gates becomes the gradient of itself before the activations. h and c are the state before the frame. dh and dc
     * hold what comes from the later frame, dy from the output (NULL: nothing); dc becomes the gradient of c, and with
     * h_remains dh that of h but for what passes through W_hh. */
    void (*cell_grad)(size_t H, tw_real *gates, const tw_real *h, const tw_real *c, const tw_real *dy, tw_real *dh,
                      tw_real *dc);
} tw__rnn_kind;

static inline int tw__rnn_wide(const tw__rnn_kind *kind) { return 2 * kind->gates - kind->joined; }

/* ---- rnn_sequence.c ---------------------------------------------------------------------------------------- */

/* The parameters of one direction of one layer. */
typedef struct tw__rnn_weights {
    tw_tensor *ih, *hh;           /* [gates H,D], [gates H,H] */
    tw_tensor *bias_ih, *bias_hh; /* [gates H] or both NULL */
} tw__rnn_weights;

/* One layer of a stack: x [T,N,D] -> [T,N,directions H]. start: the initial states [directions,N,H], or NULL for zeros.
 * end: where to put the final ones, of the same shape; NULL: not wanted. Shapes are checked by the caller. */
tw_tensor *tw__rnn_sequence(tw_ctx *ctx, const tw__rnn_kind *kind, tw_tensor *x, const tw__frames *frames,
                            int directions, const tw__rnn_weights *weights, tw_tensor *const start[TW__STATES],
                            tw_tensor **end);

/* The backward of each kind's op. */
void tw__rnn_backward(tw_ctx *ctx, tw_node *node);

extern const tw__rnn_kind tw__lstm_kind, tw__gru_kind;

/* ---- rnn.c ------------------------------------------------------------------------------------------------- */

typedef struct tw__rnn {
    tw_layer base;
    const tw__rnn_kind *kind;
    int input, hidden, layers, directions;
    double dropout;
    tw__rnn_weights weights[]; /* [layers][directions] */
} tw__rnn;

typedef struct tw__rnn_options {
    int layers; /* 0: 1 */
    bool bidirectional, no_bias;
    double dropout;
    tw_init init;
} tw__rnn_options;

/* The layer with its parameters, drawn as the options say. NULL after an error. */
tw__rnn *tw__rnn_new(tw_params *params, const tw__rnn_kind *kind, const char *name, int input, int hidden,
                     const tw__rnn_options *options);
/* All layers of the stack. start: initial states [layers directions,N,H], or NULL; end: room for the final ones, or
 * NULL. */
tw_tensor *tw__rnn_run(tw_ctx *ctx, const tw__rnn_kind *kind, tw_layer *layer, tw_tensor *x, tw_labels lengths,
                       tw_tensor *const start[TW__STATES], tw_tensor **end);

/* ---- one frame of one sample ------------------------------------------------------------------------------- */

/* gates [4H] holds W_ih x + W_hh h and becomes i, f, g, o. */
TW_ISA_DECLARE(void, tw__lstm_cell,
               (size_t H, tw_real *gates, const tw_real *bias, tw_real *c, tw_real *h, tw_real *y));
TW_ISA_DECLARE(void, tw__lstm_cell_grad,
               (size_t H, tw_real *gates, const tw_real *c, const tw_real *dy, const tw_real *dh, tw_real *dc));
/* gates [4H] holds W_ih x + W_hh h of r and z, W_in x, and W_hn h; they become r, z, n and W_hn h + b_hn. */
TW_ISA_DECLARE(void, tw__gru_cell, (size_t H, tw_real *gates, const tw_real *bias, tw_real *h, tw_real *y));
TW_ISA_DECLARE(void, tw__gru_cell_grad, (size_t H, tw_real *gates, const tw_real *h, const tw_real *dy, tw_real *dh));

#endif
