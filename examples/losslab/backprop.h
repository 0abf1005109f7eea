/* backprop.h - the network of `losslab backprop`, one step of it, and its picture. */
#ifndef LOSSLAB_BACKPROP_H
#define LOSSLAB_BACKPROP_H

#include "canvas.h"

#include <thalweg/extend.h>

enum { BACKPROP_OPS = 6, BACKPROP_LEAVES = 5 };

/* 2 inputs, 3 hidden units with a sigmoid, 2 classes: loss = cross_entropy(sigmoid(x W1 + b1) W2 + b2, class 0). */
typedef struct backprop_step {
    tw_tensor *leaf[BACKPROP_LEAVES]; /* x W1 b1 W2 b2 */
    tw_tensor *loss;
    const tw_node *node[BACKPROP_OPS]; /* the tape, oldest first */
} backprop_step;

/* Forward and backward; s points into ctx until its next step. */
TW_MUST_CHECK tw_err backprop_run(tw_ctx *ctx, backprop_step *s);
/* The tape: every value, every gradient, the chain rule at every edge. NULL: no memory. */
canvas *backprop_picture(const backprop_step *s);

#endif
