/* metrics.h - how well texts were read: shares of right ones, error rates, and how far chance may have moved them. */
#ifndef CRNN_OCR_METRICS_H
#define CRNN_OCR_METRICS_H

#include "evaluate.h"

#include <thalweg/text.h>

/* What a comparison overlooks. */
typedef enum metrics_kind {
    METRICS_EXACT,
    METRICS_CASE,  /* A is a */
    METRICS_PLAIN, /* A is a, and nothing but letters and digits counts: how scene text is usually compared */
    METRICS_KINDS
} metrics_kind;

/* What one text adds. */
typedef struct metrics_text {
    uint32_t edits, characters; /* insertions, deletions and replacements; characters of the truth */
    uint32_t word_edits, words; /* the same for words, which white space parts */
    bool right[METRICS_KINDS];
} metrics_text;

typedef struct metrics {
    metrics_text *text; /* [n] in the order they were added */
    size_t n, room;
    tw_confusion *confused; /* of the texts that were misread; NULL: none yet */
} metrics;

/* Compares one reading with the truth, both UTF-8. An error stays in ctx. */
tw_err metrics_add(tw_ctx *ctx, metrics *m, const char *truth, const char *read);
void metrics_free(metrics *m);
score metrics_score(const metrics *m); /* the plain counts */
/* The most frequent confusions, to be freed; *n: how many, at most `most`. NULL after an error. */
tw_confusion_pair *metrics_confused(tw_ctx *ctx, const metrics *m, size_t most, size_t *n);

/* A figure with its 95 % interval. */
typedef struct estimate {
    double value, low, high;
} estimate;
/* The share of right texts, with Wilson's interval (1927), which is good for shares near 0 and 1, too. */
estimate metrics_right(const metrics *m, metrics_kind kind);
/* Edits by length over all texts, CER and WER. The interval is from 1000 draws of n texts with replacement (Efron
 * 1979) with a fixed seed: texts, not characters, are what is independent. Without any edit it ends at 3 / length
 * (Hanley, Lippman-Hand 1983). */
estimate metrics_cer(const metrics *m);
estimate metrics_wer(const metrics *m);

#endif
