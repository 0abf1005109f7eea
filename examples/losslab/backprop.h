/* backprop.h - the network of `losslab backprop`, one step of it, and its picture. */
#ifndef LOSSLAB_BACKPROP_H
#define LOSSLAB_BACKPROP_H

#include <thalweg/extend.h>

enum { BACKPROP_OPS = 6, BACKPROP_LEAVES = 5 };

/* 2 inputs, 3 hidden units with a sigmoid, 2 classes: loss = cross_entropy(sigmoid(x W1 + b1) W2 + b2, class 0). */
typedef struct backprop_step {
    tw_tensor *leaf[BACKPROP_LEAVES]; /* x W1 b1 W2 b2 */
    tw_tensor *loss;
    const tw_node *node[BACKPROP_OPS]; /* the tape, oldest first */
} backprop_step;

/* Draws the tape: every value, every gradient, the chain rule at every edge. False: a sentence is in error[size]. */
bool backprop_draw(const backprop_step *s, const char *path, char *error, size_t size);

#endif
