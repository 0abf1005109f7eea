/* ctc.h - the sum over all paths of one sample, which ctc.c calls for each sample of a batch. */
#ifndef TW_CTC_H
#define TW_CTC_H

#include <thalweg/extend.h>

/* One sample: T frames of K logits, frame t at z + t * stride, and a label of L symbols that fits into T frames. */
typedef struct tw__ctc_sample {
    const tw_real *z;
    size_t stride;
    int T, K, blank, L;
    const int32_t *label;
    bool normalised; /* z are log-probabilities already */
} tw__ctc_sample;

/* Bytes of working memory that tw__ctc_paths wants; with a gradient it keeps alpha of every frame. */
size_t tw__ctc_work(int T, int K, int L, bool gradient);

/* -ln p(label|x), +inf when no path has a probability above 0. gradient, unless NULL, has z's layout and receives
 * p - gamma, or -gamma when z is normalised; zeros when the loss is +inf. Takes no context, so it may run in any
 * thread. */
double tw__ctc_paths(const tw__ctc_sample *sample, void *work, tw_real *gradient);

#endif
