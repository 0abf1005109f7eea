/* gradient.h - is the gradient of a loss that of its value? */
#ifndef LOSSLAB_GRADIENT_H
#define LOSSLAB_GRADIENT_H

#include <stdbool.h>
#include <thalweg/extend.h>

#define GRADIENT_BOUND 1e-6

typedef struct gradient_check {
    int problems, comparisons; /* problems drawn; numbers compared */
    double error;              /* the largest, as tw_gradcheck defines it */
    char where[160];           /* of the largest error */
    bool pass;
} gradient_check;

/* Compares backward with finite differences on `problems` finite problems drawn by the loss's record, for each
 * reduction, half of them with random sample weights. Begins steps on ctx. */
TW_MUST_CHECK tw_err gradient_compare(tw_ctx *ctx, const tw_cost *cost, int problems, gradient_check *result);

/* Sets the reduction of a loss that was found by name. */
void cost_set_reduction(tw_cost *cost, tw_reduction reduction);

#endif
