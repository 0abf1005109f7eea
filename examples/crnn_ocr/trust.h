/* trust.h - is the network right as often as it says? The reliability plot of words. */
#ifndef CRNN_OCR_TRUST_H
#define CRNN_OCR_TRUST_H

#include <stdio.h>
#include <thalweg/text.h>

/* The reliability plot: for each tenth of the confidences the share that was right, and the diagonal on which honest
 * confidences lie; below it, how many words there are. As SVG inside a page (html.h), or as a file of its own. Nothing
 * without words. */
void trust_draw(FILE *f, const tw_reliability *r);
TW_MUST_CHECK tw_err trust_save(tw_ctx *ctx, const char *path, const tw_reliability *r);

#endif
