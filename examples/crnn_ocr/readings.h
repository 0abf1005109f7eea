/* readings.h - what a network read in a dataset, as texts. */
#ifndef CRNN_OCR_READINGS_H
#define CRNN_OCR_READINGS_H

#include "decoding.h"
#include "evaluate.h"
#include "labelled.h"
#include "metrics.h"

typedef struct reading {
    char *text; /* NULL: not read */
    double log_prob;
} reading;
typedef struct readings {
    reading *of; /* [n] by the row of the labels */
    size_t n;
    size_t unread;        /* of them, where a lexicon had no word that fits */
    double seconds;       /* that reading took: pictures from files, network and decoding */
    tw_reliability trust; /* of the words' confidences, which tw_ctc_words gives (trust.h) */
} readings;

/* Reads all of data, which has been encoded, as `how` says (NULL: greedily), and compares each text with its label. *r
 * and *m are to be freed in either case. */
tw_err readings_make(tw_ctx *ctx, const crnn *net, const tw_alphabet *alphabet, const labelled *data,
                     const decoding_options *how, readings *r, metrics *m);
/* The rows that were misread, the worst first: most mistakes by length, then the surest. *n: in, the room; out, how
 * many there are in row. */
void readings_worst(const readings *r, const metrics *m, size_t *row, size_t *n);
void readings_free(readings *r);

#endif
