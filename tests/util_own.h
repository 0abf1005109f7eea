/* util_own.h - a layer, a loss and datasets of one's own: the examples of README.md and docs/own.md. */
#ifndef TEST_UTIL_OWN_H
#define TEST_UTIL_OWN_H

#include <thalweg/thalweg.h>

/* y = x + f(x), f any layer whose output has its input's shape (He et al. 2016). */
tw_layer *residual_new(tw_params *params, const char *name, tw_layer *inner);

/* mean of max(q e, (q - 1) e), e = t - y (Koenker, Bassett 1978): smallest when a share q of all targets is below y. */
tw_tensor *quantile_loss(tw_ctx *ctx, tw_tensor *y, tw_tensor *t, double q);

/* The pictures of another dataset, moved by up to `most` pixels each way. */
typedef struct shifted {
    const tw_dataset *of;
    int most;
} shifted;
tw_dataset shifted_dataset(shifted *s);

/* The windows of `width` values of a series, each with the value that follows it as its target. */
typedef struct series {
    const tw_real *value;
    size_t n;
    int width;
} series;
tw_dataset series_dataset(series *s);

#endif
