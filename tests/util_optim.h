/* util_optim.h - gradients given by hand, and PyTorch's results for the optimisers. */
#ifndef TEST_UTIL_OPTIM_H
#define TEST_UTIL_OPTIM_H

#include "util.h"

/* A loss of value 0 whose gradient with respect to t[i] is g[i], by definition; a NULL g[i] gives t[i] none. */
tw_tensor *give_gradients(tw_ctx *ctx, int n, tw_tensor *const *t, const tw_real *const *g);
/* A step of its own in which t gets the gradient g, and nothing else gets any. */
void step_with_gradient(tw_ctx *ctx, tw_tensor *t, const tw_real *g);

/* Every case of optim.txt, weights and state, within tol. */
void check_optimisers(double tol);
void check_clipping(double tol);
void check_clipping_by_value(double tol);
void check_one_cycle(double tol); /* OneCycleLR, every step of several trainings */

#endif
