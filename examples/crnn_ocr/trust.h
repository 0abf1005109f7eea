/* trust.h - is the network right as often as it says? Words with their confidences, counted and drawn. */
#ifndef CRNN_OCR_TRUST_H
#define CRNN_OCR_TRUST_H

#include <stdio.h>
#include <thalweg/text.h>

/* Adds n words of a reading. Those are right that a longest common subsequence of the words of both texts has: one
 * missing space makes its two words wrong and no others. */
TW_MUST_CHECK tw_err trust_add(tw_ctx *ctx, tw_reliability *r, const char *truth, size_t n, char *const *word,
                               const double *confidence);

/* The reliability plot: for each tenth of the confidences the share that was right, and the diagonal on which honest
 * confidences lie; below it, how many words there are. As SVG inside a page (html.h), or as a file of its own. Nothing
 * without words. */
void trust_draw(FILE *f, const tw_reliability *r);
TW_MUST_CHECK tw_err trust_save(tw_ctx *ctx, const char *path, const tw_reliability *r);

#endif
