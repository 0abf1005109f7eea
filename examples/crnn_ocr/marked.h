/* marked.h - a picture with what was read in it: where each character stands, and how sure the network is of it. */
#ifndef CRNN_OCR_MARKED_H
#define CRNN_OCR_MARKED_H

#include "reading.h"

typedef struct marker marker; /* the font of the captions, and working memory */
/* alphabet: the characters to be written. NULL after an error. */
marker *marker_new(tw_ctx *ctx, const char *alphabet);
void marker_free(marker *m);

/* Writes a PNG file: the picture, small ones enlarged; lines where one character ends and the next begins; below each
 * character itself over a bar, from red (0) to green (1), and its confidence; then the text with its confidence. A
 * frame shows what was looked at, where that is not all. r has spans. */
TW_MUST_CHECK tw_err marked_write(tw_ctx *ctx, marker *m, const tw_image *gray, const reading *r, const char *path);

#endif
