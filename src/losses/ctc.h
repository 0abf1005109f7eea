/* ctc.h - the sum over all paths of one sample, which ctc.c calls for each sample of a batch. */
#ifndef TW_CTC_H
#define TW_CTC_H

#include "tensor/hot.h"
#include <thalweg/extend.h>

/* A number for each frame and symbol of a label: the logits, and later gamma, the share of the paths that are there. */
typedef struct tw__ctc_table {
    tw_real *blank;  /* [T] */
    tw_real *letter; /* [T][pitch], of which the first L count */
    size_t pitch;
} tw__ctc_table;

/* ---- ctc_paths.c: exact for all inputs; the only one in double, and what the fast one must equal ------------ */

/* One sample: T frames of K logits, frame t at z + t * stride, and a label of L symbols that fits into T frames. */
typedef struct tw__ctc_sample {
    const tw_real *z;
    size_t stride;
    int T, K, blank, L;
    const int32_t *label;
    bool normalised; /* z are log-probabilities already */
} tw__ctc_sample;

/* Bytes of working memory that tw__ctc_paths wants; for gamma it keeps alpha of every frame. */
size_t tw__ctc_work(int T, int L, bool gamma);

/* -ln p(label|x), +inf when no path has a probability above 0. gamma, unless NULL, receives gamma, or is left as it is
 * when the loss is +inf. Takes no context, so it may run in any thread. */
double tw__ctc_paths(const tw__ctc_sample *sample, void *work, const tw__ctc_table *gamma);

/* ---- ctc_scaled.isa.c: many times faster, for nearly all inputs -------------------------------------------- */

/* The pitch of its tables, whose numbers past L must be -inf, and the bytes of its working memory, aligned to 64. */
static inline size_t tw__ctc_pitch(int L) { return (size_t)(L > 1 ? L + 7 : 8) / 8 * 8; }
static inline size_t tw__ctc_scaled_work(int T, int L) {
    size_t rows = (size_t)T + 4, row = 5 * tw__ctc_pitch(L) + 64; /* alpha, beta, y of a frame; a few rows more */
    return rows > SIZE_MAX / 64 / row ? SIZE_MAX : rows * row * sizeof(double);
}

/* ln of the sum over the label's paths of e^(sum of their logits), which is ln p(label|x) when those are
 * log-probabilities (normalised). Finds the logits in the table and leaves gamma there. NaN when it cannot vouch for
 * the result, and always in double; the table is lost then. T >= 1. */
TW_ISA_DECLARE(double, tw__ctc_scaled,
               (int T, int L, const int32_t *label, const tw__ctc_table *table, bool normalised, void *work));

/* ---- ctc_rows.isa.c: the softmax of rows of K logits, one after the other ---------------------------------- */

/* y_k = e^(z_k - max) / sum. */
typedef struct tw__ctc_frame {
    double sum;
    tw_real max;
} tw__ctc_frame;
TW_ISA_DECLARE(void, tw__ctc_softmax, (size_t rows, size_t K, const tw_real *z, tw__ctc_frame *frame));
/* dz_k = scale y_k + beta dz_k, with a scale for each row and beta 0 or 1. */
TW_ISA_DECLARE(void, tw__ctc_softmax_grad,
               (size_t rows, size_t K, const tw_real *z, const tw__ctc_frame *frame, const tw_real *scale, tw_real beta,
                tw_real *dz));

#endif
