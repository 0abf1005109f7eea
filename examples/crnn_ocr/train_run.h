/* train_run.h - a training that runs: what train_begin.c sets up, train_run.c goes on with epoch by epoch, and
 * train_files.c writes down and reads back. */
#ifndef CRNN_OCR_TRAIN_RUN_H
#define CRNN_OCR_TRAIN_RUN_H

#include "history.h"
#include "readings.h"
#include "train.h"
#include "training.h"

#include "../common/progress.h"

/* Everything with a life of its own; one place frees it. */
typedef struct run {
    tw_ctx *ctx;
    const train_options *o;
    recipe plan;
    train_data data;
    trained known; /* what is resumed, or begun with */
    crnn net;      /* what is trained */
    crnn shown;    /* what is measured and written as a model: net's weights, or their average */
    tw_meta *meta;
    training training;
    history past;
    progress bar;
    int epoch;                    /* the one that is trained, from 1 */
    double began, seconds, saved; /* of this process; of the processes before; of the last checkpoint */
    bool augmented;               /* labelled pictures are */
    /* the best network on the validation set */
    char *best_path, *rendered; /* rendered: plan.rendered, of a fresh training */
    int best_epoch;             /* 0: none yet */
    tw_early_stop stop;         /* of its CER; among equal ones exact decides. Being only as good is no improvement */
    double best_exact;
    /* of the last epoch */
    score validation;
    readings readings;
    metrics metrics;
} run;

/* ---- train_begin.c: data, networks, and where a resumed training stands ----------------------------------- */
tw_err train_begin(run *r);
void train_end(run *r); /* frees all of it, also after an error */

/* ---- train_files.c ---------------------------------------------------------------------------------------- */
double train_seconds(const run *r); /* of this process and of those before */
tw_err train_log(const run *r);     /* --log, if it is wanted */
tw_err train_save_checkpoint(run *r);
tw_err train_load_checkpoint(run *r); /* --resume */
/* The network that is shown, alone: what reading needs, and the recipe. */
tw_err train_save_model(run *r, const char *path, int epoch);
/* The best model becomes the result; if the last is another it is kept beside it. */
tw_err train_save_result(run *r, int epoch);

/* "m.safetensors" gives "m.best.safetensors", to be freed; NULL: out of memory. */
char *train_beside(const char *path, const char *word);

#endif
