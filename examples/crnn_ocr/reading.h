/* reading.h - one picture to text: a model, a way of decoding, and what comes out. */
#ifndef CRNN_OCR_READING_H
#define CRNN_OCR_READING_H

#include "decoding.h"
#include "recipe.h"
#include "trim.h"

/* Where a character stands: columns of the picture, from x on. */
typedef struct reading_span {
    char text[5]; /* UTF-8 */
    double x, width, confidence;
} reading_span;

typedef struct reading {
    int width, height;   /* of the picture */
    tw_box seen;         /* the part that was looked at */
    int n;               /* readings, best first; 0: with a lexicon, when none of its words fits */
    const decoded *best; /* [n], borrowed until the next picture */
    reading_span
        *span; /* [best[0].n] of the best reading, borrowed until the next picture; NULL: none, or not asked for */
} reading;

typedef struct reader {
    tw_ctx *ctx;
    trained model;
    decoding decoding;
    bool spans; /* are they wanted? */
    reading_span *span;
    size_t room; /* of span */
} reader;

/* model NULL: the one that comes with the program. After an error there is nothing to close. */
TW_MUST_CHECK tw_err reader_open(tw_ctx *ctx, const char *model, const decoding_options *options, bool spans,
                                 reader *r);
void reader_close(reader *r);
TW_MUST_CHECK tw_err reader_read(reader *r, const tw_image *gray, reading *result);
/* p(text|picture) of a reading, at most 1. */
double reading_confidence(const decoded *d);

#endif
