/* frames.h - the rows of a CTC output, checked and normalised once for whatever reads them. */
#ifndef TW_TEXT_FRAMES_H
#define TW_TEXT_FRAMES_H

#include <thalweg/extend.h>

#include "tensor/log_add.h"

/* What normalises a frame: ln p(k) = (z[k] - max) - log_sum. Their sum, ln of the sum of e^z, would lose log_sum beside
 * a max of 10^16 or more, and with it probabilities would add up to more than 1. */
typedef struct tw__norm {
    double max, log_sum; /* ln of the sum of e^(z - max) */
} tw__norm;

/* T frames of K scores, logits or log-probabilities, frames stride numbers apart. */
typedef struct tw__frames {
    const tw_real *z;
    size_t stride;
    int T, K, blank;
    const tw__norm *norm; /* [T] */
} tw__frames;

/* Are sizes and blank possible? RANGE. what begins the message. */
tw_err tw__frames_check(tw_ctx *ctx, const char *what, int T, int K, size_t stride, int blank);
/* Fills norm [T]. A NaN or +inf, and a frame of nothing but -inf, is NONFINITE and named. -inf is a probability of
 * 0. */
tw_err tw__frames_norm(tw_ctx *ctx, const char *what, const tw_real *z, int T, int K, size_t stride, tw__norm *norm);

static inline double tw__frame_log(const tw__frames *f, int t, int k) {
    return ((double)f->z[(size_t)t * f->stride + (size_t)k] - f->norm[t].max) - f->norm[t].log_sum;
}

#endif
