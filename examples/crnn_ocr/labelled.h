/* labelled.h - pictures with their texts from files: a TSV alone names picture files, a TSV beside an IDX file labels
 * the IDX file's pictures in order. */
#ifndef CRNN_OCR_LABELLED_H
#define CRNN_OCR_LABELLED_H

#include "augment.h"

#include <thalweg/data.h>
#include <thalweg/text.h>

typedef struct labelled {
    tw_tsv tsv;
    tw_idx images;      /* ndim 0: picture files */
    tw_dataset dataset; /* prepared pictures (picture.h); empty until labelled_encode */
    int *need;          /* the frames that each text needs: its symbols, and one between equal neighbours */
    int *width;         /* of each prepared picture */
} labelled;

/* images NULL: none. On an error nothing is left to free. */
tw_err labelled_load(tw_ctx *ctx, const char *labels, const char *images, labelled *data);
/* Moves a part of the rows, chosen by seed, to `other`, so that neither is empty: all rows of one file go to the same
 * side. Before labelled_encode; `other` points into data, which must outlive it. */
tw_err labelled_split(tw_ctx *ctx, labelled *data, double part, uint64_t seed, labelled *other);
/* A hash of all texts, in their order. */
uint64_t labelled_hash(const labelled *data);
/* The characters of all texts. */
tw_alphabet *labelled_alphabet(tw_ctx *ctx, const labelled *data);
/* Makes data->dataset: pictures scaled to height, texts as symbols. A text with a character outside the alphabet is
 * RANGE, with its line. With foreign given, such a character becomes a symbol that no network gives, so that it counts
 * as a mistake, and *foreign is the number of such texts. training: for training, as picture_augmented says;
 * NULL: to be read. trim: of picture files the part around the writing, as `read` sees them (trim.h). */
tw_err labelled_encode(tw_ctx *ctx, const tw_alphabet *alphabet, int height, const augment_strength *training,
                       bool trim, size_t *foreign, labelled *data);
/* How many texts need more frames than their picture gives. */
size_t labelled_unfit(const labelled *data, int (*frames)(int width));
void labelled_free(labelled *data);

#endif
