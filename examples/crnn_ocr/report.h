/* report.h - a training as a page: curves, the worst mistakes as pictures, confused characters, the recipe. */
#ifndef CRNN_OCR_REPORT_H
#define CRNN_OCR_REPORT_H

#include "history.h"
#include "readings.h"
#include "recipe.h"

typedef struct report_of {
    const char *model; /* the file it goes to */
    const recipe *recipe;
    const tw_alphabet *alphabet;
    const history *past;
    const char *state; /* "epoch 3 of 12" */
    size_t pictures;   /* an epoch */
    size_t weights;
    int best_epoch; /* 0: none */
    /* on the validation set, of the last epoch; NULL: there is none */
    const labelled *valid;
    const readings *readings;
    const metrics *metrics;
} report_of;

/* One file with all that belongs to it; replaced whole or not at all. */
tw_err report_write(tw_ctx *ctx, const char *path, const report_of *r);

#endif
