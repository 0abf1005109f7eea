/* history.h - a row of figures an epoch: the CSV log, kept in the checkpoint, so that a resumed training's log has no
 * row twice and no gap. */
#ifndef CRNN_OCR_HISTORY_H
#define CRNN_OCR_HISTORY_H

#include <stddef.h>
#include <thalweg/base.h>

typedef struct history_row {
    int epoch;
    long step;
    double loss, cer;
    long infeasible;
    double valid_exact, valid_cer; /* NAN: not measured */
    double lr, norm, norm_most;    /* of the gradient before clipping: mean and largest of the epoch */
    double rate, seconds;          /* pictures a second; training in all */
} history_row;

typedef struct history {
    char *text; /* rows as in the log, without its header; NULL: none yet */
    size_t used, room;
} history;

#define HISTORY_HEADER \
    "epoch,step,loss,cer,infeasible,valid_exact,valid_cer,lr,grad_norm,grad_norm_max,pictures_per_second,seconds"

bool history_set(history *h, const char *rows); /* false: out of memory */
bool history_add(history *h, const history_row *row);
/* Reads the row at *at, which begins at h->text, and moves *at behind it. False: there is none. */
bool history_next(const char **at, history_row *row);
/* Writes header and rows to path. False: errno says why. */
bool history_save(const history *h, const char *path);
void history_free(history *h);

#endif
