/* classes.h - a target of one class for each position, as cross_entropy, nll, focal and balanced_ce have it.
 *
 * The prediction is [N,K] or [N,K,..], its classes on axis 1. A position is one of the N times the later axes; its K
 * numbers lie `step`, the product of the later sizes, apart. Positions count N first, then the axes after the
 * classes. */
#ifndef TW_CLASSES_H
#define TW_CLASSES_H

#include "losses/loss.h"

typedef struct tw__classes {
    tw_terms *terms; /* one for each position */
    size_t K, step;
    int32_t *truth;  /* [n] each position's class; -1: ignored. NULL: there are none, the target is a tensor */
    tw_reals weight; /* [K] of each class, or one for all; none: 1 */
    tw_real *p;      /* softmax of the logits, in their layout; NULL when nobody wants it */
} tw__classes;

/* Where the K numbers of position i begin. */
static inline size_t tw__classes_at(const tw__classes *c, size_t i) {
    return i / c->step * c->K * c->step + i % c->step;
}
static inline double tw__class_weight(const tw__classes *c, size_t k) {
    return c->weight.n ? (double)c->weight.v[c->weight.n == 1 ? 0 : k] : 1;
}

/* The shape: terms, K, step, and the class weights: none, [K], or one_for_all (name says which option they come from).
 * p: make room for the softmax. False after an error. */
bool tw__classes_shape(tw_ctx *ctx, const char *what, const tw_tensor *x, tw_reduction reduction,
                       tw_tensor *sample_weight, const char *name, tw_reals weight, bool one_for_all, bool p,
                       tw__classes *c);
/* The truth, from indices: checked, copied, those equal to *ignore (unless it is NULL) as -1. */
bool tw__classes_truth(tw_ctx *ctx, const char *what, const tw_tensor *x, tw_labels target, const int *ignore,
                       tw__classes *c);
/* The mean divides by the weights of the positions that are not ignored. With strict, by NaN if they add up to 0. */
void tw__classes_count(tw__classes *c, bool strict);

/* ---- drawing ------------------------------------------------------------------------------------------------ */

/* [N,K], sometimes with one or two axes more; K classes, or 1 to 5 when K is 0. Probabilities do not add up to 1: the
 * losses that take them see K independent numbers. Returns how many numbers were drawn. */
size_t tw__draw_rows(tw_ctx *ctx, uint64_t stream, size_t K, tw_form form, tw_cost_problem *p);
/* A class for each position. */
void tw__draw_classes(tw_ctx *ctx, uint64_t stream, tw_cost_problem *p);

#endif
