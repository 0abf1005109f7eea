/* train.h - what `crnn_ocr train` is asked for, and the two halves of it: the data, and the training. */
#ifndef CRNN_OCR_TRAIN_H
#define CRNN_OCR_TRAIN_H

#include "labelled.h"
#include "recipe.h"
#include "synth.h"

typedef struct train_options {
    const char *labels, *images, *alphabet; /* the data */
    synth_options rendered;
    const char *val, *val_images;
    const char *out, *resume, *init, *log, *report;
    bool synth;
    int threads, pause_after, steps;
    double save_minutes;
    recipe recipe; /* what the command line leaves open comes from the model's design, or from the file resumed */
} train_options;

/* ---- train_data.c ---------------------------------------------------------------------------------------- */
typedef struct train_data {
    labelled train, valid;    /* valid.tsv.n 0: nothing to validate on */
    augment_strength augment; /* of train, once train_data_augment has begun it */
    tw_alphabet *alphabet;
    tw_dataset rendered, both; /* prepared; both: labelled and rendered pictures in one epoch */
    const tw_dataset *dataset; /* the one of them to train on */
    synth_source source;       /* what rendered points into */
} train_data;

/* known: the network that is resumed or begun with, or NULL; with `keep` its alphabet is taken as it is. Fills what
 * plan leaves open: the height. train_data_free is needed in either case. */
tw_err train_data_open(tw_ctx *ctx, const train_options *o, const trained *known, bool keep, recipe *plan,
                       train_data *data);
/* From now on labelled pictures are augmented. No loader may use the dataset meanwhile. */
void train_data_augment(train_data *data);
void train_data_free(train_data *data);

/* ---- train_run.c ----------------------------------------------------------------------------------------- */
tw_err train_run(tw_ctx *ctx, const train_options *o);

#endif
