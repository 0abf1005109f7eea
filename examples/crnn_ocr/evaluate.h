/* evaluate.h - how well a network reads a dataset. */
#ifndef CRNN_OCR_EVALUATE_H
#define CRNN_OCR_EVALUATE_H

#include "model.h"

#include <thalweg/text.h>

typedef struct score {
    size_t samples, exact;    /* texts read without a mistake */
    size_t edits, characters; /* insertions, deletions, replacements; characters of the truth */
} score;
double score_exact(const score *s); /* part of the texts; 0 when there are none */
double score_cer(const score *s);   /* edits / characters */

/* Adds a batch's reading of logits [T,N,K] against its labels. symbols has room for T. False: an error in ctx. */
bool score_add(tw_ctx *ctx, score *s, const tw_tensor *logits, tw_labels frames, const tw_batch *batch,
               int32_t *symbols);

/* Reads the whole dataset in eval mode, without recording; both are as before afterwards. read, when given, is told
 * every reading: index in the dataset, symbols, and ln p(read|picture). */
typedef void (*evaluate_fn)(void *user, size_t index, const int32_t *symbol, int n, double log_prob);
tw_err evaluate(tw_ctx *ctx, const crnn *net, const tw_dataset *dataset, score *s, evaluate_fn read, void *user);

/* The same with each sample's logits [T,K], row_stride numbers from frame to frame, for other ways of decoding. An
 * error that `each` returns ends it. */
typedef tw_err (*evaluate_frames_fn)(void *user, size_t index, const tw_real *logits, int T, size_t row_stride);
tw_err evaluate_frames(tw_ctx *ctx, const crnn *net, const tw_dataset *dataset, evaluate_frames_fn each, void *user);

/* The options every loader of this program has in common. */
tw_loader_options reading_batches(int batch);

#endif
