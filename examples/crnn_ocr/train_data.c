/* train_data.c - the pictures `crnn_ocr train` learns from: labelled, rendered or both, and those it is measured on. */
#include "train.h"

#include "alphabet_option.h"
#include "commands.h"
#include "mixed.h"
#include "picture.h"
#include "synth.h"
#include "transfer.h"

#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* ---- the alphabet ---------------------------------------------------------------------------------------- */

static tw_alphabet *given_alphabet(tw_ctx *ctx, const train_options *o, train_data *d) {
    if (o->alphabet) return alphabet_option(ctx, o->alphabet);
    return o->labels ? labelled_alphabet(ctx, &d->train) : tw_alphabet_new(ctx, LETTERS_AND_DIGITS);
}

/* A resumed training keeps its alphabet, a fine-tuned network those characters it knows and the labels'. */
static tw_alphabet *choose_alphabet(tw_ctx *ctx, const train_options *o, const trained *known, bool keep,
                                    train_data *d) {
    bool own = known && (keep || (!o->labels && !o->alphabet));
    if (own) return tw_alphabet_new(ctx, tw_alphabet_text(known->alphabet));
    tw_alphabet *alphabet = given_alphabet(ctx, o, d);
    if (!alphabet || !known || o->alphabet) return alphabet;
    tw_alphabet *more = transfer_alphabet(ctx, known, alphabet);
    tw_alphabet_free(alphabet);
    return more;
}

/* ---- rendered text --------------------------------------------------------------------------------------- */

static tw_err open_synth(tw_ctx *ctx, const train_options *o, size_t count, int height, train_data *d) {
    tw_dataset grays;
    tw_err err = synth_source_open(ctx, &o->rendered, d->alphabet, NULL, &d->source);
    if (!err) err = synth_dataset(ctx, &d->source, count, height, &grays);
    if (!err) err = picture_dataset(ctx, &grays, false, &d->rendered);
    if (!err) fprintf(stderr, "rendering with %d faces of %d families\n", d->source.fonts->n, d->source.fonts->nfamily);
    if (!err && d->source.missing)
        fprintf(stderr, "%d of the families asked for are not installed\n", d->source.missing);
    return err;
}

/* So many that they are the wanted part of an epoch in which every labelled picture is seen once. */
static size_t rendered_count(const recipe *plan, size_t others) {
    double n = plan->mix * (double)others / (1 - plan->mix);
    return n < 1 ? 1 : n > INT32_MAX ? INT32_MAX : (size_t)(n + 0.5);
}

/* ---- all of it ------------------------------------------------------------------------------------------- */

/* Small pictures stay small: enlarging them costs time and shows nothing new. */
static int default_height(const train_data *d, const crnn_design *design) {
    int step = design->height_step, height = 32;
    if (d->train.images.ndim) {
        int own = (d->train.images.dim[1] + step - 1) / step * step;
        if (own < height) height = own;
    }
    return height;
}

static tw_err open_labels(tw_ctx *ctx, const recipe *plan, const crnn_design *design, train_data *d) {
    for (int i = 0; i < AUGMENT_KINDS; i++)
        if (plan->augment && !strcmp(plan->augment, augment_name[i])) d->augment = (augment_strength)i;
    tw_err err = labelled_encode(ctx, d->alphabet, plan->height, &d->augment, false, NULL, &d->train);
    if (err) return err;
    size_t unfit = labelled_unfit(&d->train, design->frames);
    if (unfit)
        fprintf(stderr,
                "%zu of %zu texts have more characters than their pictures have frames: they teach nothing "
                "(`crnn_ocr check` lists them)\n",
                unfit, d->train.tsv.n);
    return TW_OK;
}

static tw_err open_validation(tw_ctx *ctx, const train_options *o, int height, train_data *d) {
    size_t foreign = 0;
    tw_err err = o->val ? labelled_load(ctx, o->val, o->val_images, &d->valid) : TW_OK;
    if (err || !d->valid.tsv.n) return err;
    err = labelled_encode(ctx, d->alphabet, height, NULL, false, &foreign, &d->valid);
    if (!err && foreign)
        fprintf(stderr, "validation: %zu texts have characters outside the alphabet, which count as mistakes\n",
                foreign);
    return err;
}

tw_err train_data_open(tw_ctx *ctx, const train_options *o, const trained *known, bool keep, recipe *plan,
                       train_data *d) {
    const crnn_design *design = crnn_design_find(plan->model);
    *d = (train_data){0};
    tw_err err = o->labels ? labelled_load(ctx, o->labels, o->images, &d->train) : TW_OK;
    if (!err && plan->val_split > 0) err = labelled_split(ctx, &d->train, plan->val_split, plan->seed, &d->valid);
    if (!err && !(d->alphabet = choose_alphabet(ctx, o, known, keep, d))) err = tw_error(ctx);
    if (err) return err;
    if (!plan->height) plan->height = known ? known->net.height : default_height(d, design);
    if (o->labels) err = open_labels(ctx, plan, design, d);
    size_t count = o->labels ? rendered_count(plan, d->train.dataset.count) : (size_t)plan->samples;
    if (!err && o->synth) err = open_synth(ctx, o, count, plan->height, d);
    d->dataset = o->synth ? &d->rendered : &d->train.dataset;
    if (!err && o->labels && o->synth) {
        err = mixed_dataset(ctx, &d->train.dataset, &d->rendered, &d->both);
        d->dataset = &d->both;
    }
    return err ? err : open_validation(ctx, o, plan->height, d);
}

void train_data_augment(train_data *d) {
    if (d->train.dataset.user) picture_augment(&d->train.dataset, d->augment);
}

void train_data_free(train_data *d) {
    tw_dataset_free(&d->both);
    tw_dataset_free(&d->rendered);
    synth_source_free(&d->source);
    tw_alphabet_free(d->alphabet);
    labelled_free(&d->valid);
    labelled_free(&d->train);
    *d = (train_data){0};
}
