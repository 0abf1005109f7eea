/* mixed.h - two datasets as one. */
#ifndef CRNN_OCR_MIXED_H
#define CRNN_OCR_MIXED_H

#include <thalweg/data.h>

/* The samples of `first`, and after them those of `second`, whose pictures are as high and whose labels are sequences,
 * too. Both are borrowed. */
tw_err mixed_dataset(tw_ctx *ctx, const tw_dataset *first, const tw_dataset *second, tw_dataset *both);

#endif
