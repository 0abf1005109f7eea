/* recipe.h - how a network was trained, and what is needed to use it: the strings in its file. */
#ifndef CRNN_OCR_RECIPE_H
#define CRNN_OCR_RECIPE_H

#include "model.h"

#include <thalweg/text.h>

enum { MOST_EPOCHS = 1000000 };

/* Strings are borrowed: from the command line, or from the file's metadata. */
typedef struct recipe {
    const char *model, *optim, *schedule, *data; /* data: "labels", "synth" or "mixed" */
    const char *augment;                         /* what is done to labelled pictures: see augment.h */
    const char *init;                            /* the file whose weights it began with; NULL: fresh ones */
    const char *rendered;                        /* options of --synth, as on a command line; NULL: not known */
    int height, epochs, batch, samples;          /* samples an epoch, for synth */
    int patience;                                /* epochs without improvement before it stops; 0: never */
    double lr, clip;  /* learning rate, 0: the optimiser's; largest norm of a gradient, 0: any */
    double ema;       /* decay of the weights' moving average; 0: none */
    double guide;     /* weight of the guide's loss (guide.h); 0: none */
    double mix;       /* part of an epoch that is rendered, for mixed */
    double val_split; /* part of the labels put aside for validation */
    uint64_t seed;
} recipe;

tw_err recipe_write(tw_meta *meta, const recipe *r, const tw_alphabet *alphabet);
tw_err recipe_read(tw_ctx *ctx, const tw_meta *meta, const char *path, recipe *r);

/* A network as it comes from a file. */
typedef struct trained {
    tw_meta *meta;
    recipe recipe;
    tw_alphabet *alphabet;
    crnn net;
} trained;
/* weights false: the layers are made but not filled (a checkpoint fills them). Of a checkpoint that has averaged
 * weights (ema.h), those are used. Unless TW_OK, nothing is left to free. */
tw_err trained_load(tw_ctx *ctx, const char *path, bool weights, trained *t);
void trained_free(trained *t);
/* Does it read the part of a picture around the writing alone? So does a model of rendered text, where crops are as
 * tight as they are. One that learned from labelled pictures sees others as it saw those: whole. */
bool trained_trims(const trained *t);

#endif
