/* training.h - one step of training, and the figures shown while it goes on. */
#ifndef CRNN_OCR_TRAINING_H
#define CRNN_OCR_TRAINING_H

#include "evaluate.h"
#include "recipe.h"

typedef struct training {
    tw_ctx *ctx;
    const crnn *net;
    tw_optim *optim;
    tw_loader *loader;
    tw_schedule schedule;
    double lr, clip;  /* learning rate before the schedule; largest norm of the gradient */
    double guide;     /* weight of the guide's loss, when net has one (guide.h) */
    double ema;       /* decay of the average of weights, when net has one */
    int epochs;       /* of the schedule */
    int32_t *symbols; /* room for a reading */

    /* since training_epoch */
    double loss; /* sum over samples */
    score read;
    long infeasible;            /* labels longer than their picture's frames: without effect on the weights */
    double norm_sum, norm_most; /* of the gradient before clipping, over steps */
    long steps;
    /* the same, faded: about the last 50 steps */
    double recent_weight, recent_loss, recent_edits, recent_characters;
} training;

/* Makes loader and optimiser. Unless TW_OK, the rest of *t needs no freeing. */
tw_err training_new(tw_ctx *ctx, const crnn *net, const tw_dataset *dataset, const recipe *r, training *t);
/* A loader in place of the one that has been freed, where that was; t->loader NULL after an error. */
tw_err training_open_loader(training *t, const tw_dataset *dataset, const recipe *r, tw_loader_position at);
void training_free(training *t);
void training_epoch(training *t); /* the figures begin anew */
tw_err training_step(training *t, const tw_batch *batch);
double training_recent_loss(const training *t);
double training_recent_cer(const training *t);

/* The figures as one line of text, for a checkpoint in the middle of an epoch, and from it. */
enum { TRAINING_FIGURES = 512 };
void training_write(const training *t, char text[TRAINING_FIGURES]);
bool training_read(training *t, const char *text); /* false: it is no such text */

#endif
