/* util_costs.h - running any loss on problems its record draws; used by test_costs.c and grad_costs.c. */
#ifndef TEST_UTIL_COSTS_H
#define TEST_UTIL_COSTS_H

#include "util.h"

/* A loss that is not in the library: util_log_cosh.c, written as a user would, with extend.h and nothing else. */
extern const tw_cost_layer log_cosh_cost;

/* The registered records and log_cosh_cost. */
size_t every_cost_count(void);
const tw_cost_layer *every_cost_at(size_t i);
/* Options to test a loss with: "" (the defaults), then its record's variants, then NULL. */
const char *every_variant(const tw_cost_layer *cost, size_t i);

/* A drawn problem, copied out of the step so that it can be run again and changed. */
typedef struct problem {
    const tw_cost_layer *cost;
    const char *variant; /* the options it was drawn for and is run with */
    tw_cost_problem p;   /* the arrays are owned */
    size_t size;         /* elements of the prediction */
    size_t samples;      /* p.dim[p.batch_axis] */
} problem;
problem problem_draw(tw_ctx *ctx, const tw_cost_layer *cost, const char *variant, uint64_t stream);
/* The loss with the problem's options, and then those of spec. */
tw_cost problem_cost(tw_ctx *ctx, const problem *p, const char *spec);
problem problem_copy(const problem *from);
void problem_free(problem *p);
/* Which sample element i of the prediction belongs to. */
size_t problem_sample_of(const problem *p, size_t i);
/* The same problem with its samples in the order order[0..samples), or with none at all. */
problem problem_permuted(const problem *from, const size_t *order);
problem problem_without_samples(const problem *from);

/* The target as tensors of the current step. want_grad: a TENSOR target is a leaf. */
tw_target problem_target(tw_ctx *ctx, const problem *p, bool want_grad);

/* What one run gave. With spec "reduction=none" there are n terms. */
typedef struct result {
    size_t n;
    tw_real *loss;   /* [n] */
    tw_real *pred;   /* the gradient of the prediction */
    tw_real *target; /* of a TENSOR target, or NULL when it got none */
} result;
/* A step: the loss with the problem's options and those of spec, then its gradient from upstream (n numbers; NULL: all
 * 1). weight: [samples] or NULL. */
result problem_run(tw_ctx *ctx, const problem *p, const char *spec, const tw_real *weight, const tw_real *upstream);
void result_free(result *r);

#endif
