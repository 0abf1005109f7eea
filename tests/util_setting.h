/* util_setting.h - a small problem with its numbers written down, and what any loss makes of it. */
#ifndef TEST_UTIL_SETTING_H
#define TEST_UTIL_SETTING_H

#include "util.h"

enum { SETTING_MOST = 128 }; /* elements */

typedef struct setting {
    int ndim, dim[TW_MAX_DIMS];
    const tw_real *pred, *target; /* target NULL: class */
    const int32_t *class;
} setting;

/* What one run gave: terms or their reduction, and the gradients. */
typedef struct outcome {
    size_t n, size;
    tw_real loss[SETTING_MOST], grad[SETTING_MOST], target[SETTING_MOST];
} outcome;

size_t setting_size(const setting *s);
/* The loss by spec, and its gradients from the upstream numbers 1, 1.25, 1.5, 1.75, 2, 1, .. */
outcome run_setting(tw_ctx *ctx, const char *spec, const setting *s);
/* Both have equal losses and gradients, to tol as in near(). */
void same_outcome(const char *what, const outcome *a, const outcome *b, double tol);

/* Random logits and classes of the shapes [4,3], [3,5,2] and [2,3,2,4] for i = 0, 1, 2. */
setting random_setting(int i, double scale);
void setting_free(setting *s);
/* The classes as a tensor of 0 and 1. */
void setting_one_hot(const setting *s, tw_real *t);

#endif
