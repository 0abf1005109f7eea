/* binary.h - what the losses of yes or no share: a term for each element, with a target y in 0..1.
 *
 * Such a loss is a mixture  l = y L1 + (1 - y) L0  of its values for a yes and for a no, so that
 * dl/dx = y L1' + (1 - y) L0'  and  dl/dy = L1 - L0.  An outcome whose share is 0 takes no part, be it infinite. */
#ifndef TW_BINARY_H
#define TW_BINARY_H

#include "losses/loss.h"

/* One of the two outcomes at a prediction: the loss and its derivative by the prediction. */
typedef struct tw__outcome {
    double value, slope;
} tw__outcome;

/* A batch of such terms, kept for backward. */
typedef struct tw__binary tw__binary;
struct tw__binary {
    tw_terms *terms;
    size_t last;         /* size of the last axis */
    double smoothing;    /* y becomes (1 - s) y + s / 2 */
    double gamma;        /* focal's */
    tw_reals weight_yes; /* of a yes: one number, or one for each entry of the last axis; none: 1 */
    double weight_no;    /* of a no */
    tw__outcome (*yes)(const tw__binary *a, double x, double weight);
    tw__outcome (*no)(const tw__binary *a, double x, double weight);
};

/* Checks the inputs and opens the terms; weights are 1, yes and no are the caller's to fill in. NULL after an error. */
tw__binary *tw__binary_new(tw_ctx *ctx, const char *what, tw_tensor *pred, tw_tensor *target, tw_reduction reduction,
                           tw_tensor *sample_weight);
/* Computes the terms, records them as op, whose backward is tw__binary_backward, and returns the reduced loss. */
tw_tensor *tw__binary_loss(tw_ctx *ctx, const tw_op *op, tw__binary *a, tw_tensor *pred, tw_tensor *target);
void tw__binary_backward(tw_ctx *ctx, tw_node *n);

/* For sample: logits or probabilities of up to three axes, the last with `last` entries unless that is 0 or 1, and
 * answers that are nearly 0, nearly 1 (a finite difference leaves 0..1 otherwise), or in between. */
tw_err tw__binary_sample(tw_ctx *ctx, uint64_t stream, size_t last, tw_form form, tw_cost_problem *p);

#endif
