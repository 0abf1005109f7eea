/* transfer.h - fine-tuning: the weights of one network as the beginning of another with another alphabet. */
#ifndef CRNN_OCR_TRANSFER_H
#define CRNN_OCR_TRANSFER_H

#include "recipe.h"

/* The alphabet of `from`, and after it the characters of the texts that it lacks. NULL: an error in ctx. */
tw_alphabet *transfer_alphabet(tw_ctx *ctx, const trained *from, const tw_alphabet *texts);

/* Fills `to`, of the same design and height, from the file's network: everything is copied but the last layer, whose
 * rows go by character. Rows of characters that `from` does not know keep their first values; *kept counts the others.
 * path names the file in messages. Seals to->params. */
tw_err transfer_weights(tw_ctx *ctx, const trained *from, const char *path, const tw_alphabet *alphabet, const crnn *to,
                        int *kept);

#endif
