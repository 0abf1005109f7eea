/* recipe.h - how a network was trained, and what is needed to use it: the strings in its file. */
#ifndef CRNN_OCR_RECIPE_H
#define CRNN_OCR_RECIPE_H

#include "model.h"

#include <thalweg/text.h>

/* Strings are borrowed: from the command line, or from the file's metadata. */
typedef struct recipe {
    const char *model, *optim, *schedule, *data; /* data: "labels" or "synth" */
    int height, epochs, batch, samples;          /* samples an epoch, for synth */
    double lr, clip; /* learning rate, 0: the optimiser's; largest norm of a gradient, 0: any */
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
/* weights false: the layers are made but not filled (a checkpoint fills them). Unless TW_OK, nothing is left to
 * free. */
tw_err trained_load(tw_ctx *ctx, const char *path, bool weights, trained *t);
void trained_free(trained *t);

#endif
