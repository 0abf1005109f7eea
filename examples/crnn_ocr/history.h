/* history.h - a row of figures an epoch: the CSV log. */
#ifndef CRNN_OCR_HISTORY_H
#define CRNN_OCR_HISTORY_H

#include "../common/csvlog.h"

typedef struct history_row {
    int epoch;
    long step;
    double loss, cer;
    long infeasible;
    double valid_exact, valid_cer; /* NAN: not measured */
    double lr, norm, norm_most;    /* of the gradient before clipping: mean and largest of the epoch */
    double rate, seconds;          /* pictures a second; training in all */
} history_row;

typedef csvlog history;

#define HISTORY_HEADER \
    "epoch,step,loss,cer,infeasible,valid_exact,valid_cer,lr,grad_norm,grad_norm_max,pictures_per_second,seconds"

bool history_add(history *h, const history_row *row); /* false: out of memory */
/* Reads the row at *at, which begins at h->text, and moves *at behind it. False: there is none. */
bool history_next(const char **at, history_row *row);

#endif
