/* update.h - the arithmetic of the optimisers, as loops over n numbers. Coefficients are computed once a step in
 * double and rounded once, as PyTorch does with its scalars. */
#ifndef TW_UPDATE_H
#define TW_UPDATE_H

#include "tensor/hot.h"

typedef struct tw__sgd_coef {
    tw_real lr, weight_decay, momentum;
    tw_real keep, take; /* v = keep v + take g: 0 and 1 in the first step, then momentum and 1 - dampening */
    bool nesterov;
} tw__sgd_coef;

typedef struct tw__adam_coef {
    tw_real beta1, take1, beta2, take2; /* take = 1 - beta */
    tw_real rate;                       /* lr / (1 - beta1^t) */
    tw_real root2;                      /* sqrt(1 - beta2^t) */
    tw_real eps;
    tw_real l2;     /* Adam's weight decay, added to the gradient; AdamW: 0 */
    tw_real shrink; /* AdamW's 1 - lr wd, a factor of the weight; Adam: 1 */
} tw__adam_coef;

typedef struct tw__adadelta_coef {
    tw_real lr, weight_decay, rho, take, eps; /* take = 1 - rho */
} tw__adadelta_coef;

typedef struct tw__rmsprop_coef {
    tw_real lr, weight_decay, alpha, take, eps, momentum; /* take = 1 - alpha */
} tw__rmsprop_coef;

typedef struct tw__adagrad_coef {
    tw_real lr, weight_decay, eps; /* lr with its decay */
} tw__adagrad_coef;

/* p the parameter, g its gradient, the rest the optimiser's state. No two overlap. */
TW_ISA_DECLARE(void, tw__sgd, (size_t n, tw_real *p, const tw_real *g, const tw__sgd_coef *c));
TW_ISA_DECLARE(void, tw__sgd_momentum, (size_t n, tw_real *p, const tw_real *g, tw_real *v, const tw__sgd_coef *c));
TW_ISA_DECLARE(void, tw__adam,
               (size_t n, tw_real *p, const tw_real *g, tw_real *m, tw_real *v, const tw__adam_coef *c));
TW_ISA_DECLARE(void, tw__adadelta,
               (size_t n, tw_real *p, const tw_real *g, tw_real *s, tw_real *u, const tw__adadelta_coef *c));

TW_ISA_DECLARE(void, tw__rmsprop, (size_t n, tw_real *p, const tw_real *g, tw_real *s, const tw__rmsprop_coef *c));
TW_ISA_DECLARE(void, tw__rmsprop_momentum,
               (size_t n, tw_real *p, const tw_real *g, tw_real *s, tw_real *v, const tw__rmsprop_coef *c));
TW_ISA_DECLARE(void, tw__rmsprop_centered,
               (size_t n, tw_real *p, const tw_real *g, tw_real *s, tw_real *m, const tw__rmsprop_coef *c));
TW_ISA_DECLARE(void, tw__rmsprop_centered_momentum,
               (size_t n, tw_real *p, const tw_real *g, tw_real *s, tw_real *m, tw_real *v, const tw__rmsprop_coef *c));
TW_ISA_DECLARE(void, tw__adagrad, (size_t n, tw_real *p, const tw_real *g, tw_real *s, const tw__adagrad_coef *c));

TW_ISA_DECLARE(bool, tw__all_finite, (size_t n, const tw_real *g));
TW_ISA_DECLARE(double, tw__sum_squares, (size_t n, const tw_real *g)); /* added in double, in a fixed order */
TW_ISA_DECLARE(void, tw__scale, (size_t n, tw_real *g, tw_real factor));
/* Numbers beyond +-bound are moved to it, those that are not finite stay; returns how many were moved. */
TW_ISA_DECLARE(size_t, tw__clamp, (size_t n, tw_real *g, tw_real bound));

#endif
