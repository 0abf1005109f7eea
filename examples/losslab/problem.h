/* problem.h - random problems that a loss's own record draws, and one run of the loss on them. */
#ifndef LOSSLAB_PROBLEM_H
#define LOSSLAB_PROBLEM_H

#include <thalweg/extend.h>

/* Copied out of the step, so that it can be run again and changed. */
typedef struct problem {
    tw_cost_problem p; /* the arrays are owned */
    size_t size;       /* numbers of the prediction */
    size_t samples;    /* p.dim[p.batch_axis] */
} problem;
/* Error: in ctx, and there is nothing to free. */
TW_MUST_CHECK tw_err problem_draw(tw_ctx *ctx, const tw_cost *cost, uint64_t stream, problem *out);
TW_MUST_CHECK tw_err problem_copy(tw_ctx *ctx, const problem *from, problem *out);
void problem_free(problem *p);
/* Which sample number i of the prediction belongs to. */
size_t problem_sample_of(const problem *p, size_t i);

/* What a run gave: the loss's numbers, and the gradient of their sum. */
typedef struct outcome {
    size_t n;
    tw_real *loss;   /* [n] */
    tw_real *pred;   /* [size] */
    tw_real *target; /* NULL: it wants none */
} outcome;
TW_MUST_CHECK tw_err problem_run(tw_ctx *ctx, const problem *p, const tw_cost *cost, tw_reduction reduction,
                                 outcome *out);
void outcome_free(outcome *o);

#endif
