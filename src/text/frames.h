/* frames.h - the rows of a CTC output, checked and normalised once for whatever reads them. */
#ifndef TW_TEXT_FRAMES_H
#define TW_TEXT_FRAMES_H

#include <thalweg/extend.h>

/* T frames of K scores: logits, or log-probabilities, for which lse is 0. ln p(k|t) = z[t * stride + k] - lse[t]. */
typedef struct tw__frames {
    const tw_real *z;
    size_t stride;
    int T, K, blank;
    const double *lse; /* [T] ln of the sum of e^z of each frame */
} tw__frames;

/* Are sizes and blank possible? RANGE. what begins the message. */
tw_err tw__frames_check(tw_ctx *ctx, const char *what, int T, int K, size_t stride, int blank);
/* Fills lse [T]. A NaN or +inf, and a frame of nothing but -inf, is NONFINITE and named. -inf is a probability of 0. */
tw_err tw__frames_lse(tw_ctx *ctx, const char *what, const tw_real *z, int T, int K, size_t stride, double *lse);

static inline double tw__frame_log(const tw__frames *f, int t, int k) {
    return (double)f->z[(size_t)t * f->stride + (size_t)k] - f->lse[t];
}

/* ln(e^a + e^b). Below -40 the smaller one is less than half a unit in the last place of the sum. */
double tw__log_add(double a, double b);

#endif
