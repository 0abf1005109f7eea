/* mistakes.h - what was misread, as a folder to look through. */
#ifndef CRNN_OCR_MISTAKES_H
#define CRNN_OCR_MISTAKES_H

#include "readings.h"

/* Row i's picture as it came from its file, but at most `height` rows and 16 times as many columns. */
tw_err labelled_picture(tw_ctx *ctx, const labelled *data, size_t i, int height, tw_image *image);
/* Where row i comes from, as messages say it. */
void labelled_place(const labelled *data, size_t i, char *text, size_t size);

/* What mistakes_write would replace may not be read (cli_will_write): before anything is. */
tw_err mistakes_claim(tw_ctx *ctx, const char *folder);
tw_err mistakes_begin(tw_ctx *ctx, const char *folder); /* makes it, if need be */
/* In the folder: mistake-000001.png and so on, the worst first, mistakes.tsv (picture, truth, reading, confidence,
 * edits, origin) and index.html. More such pictures, of an earlier run, are removed. *count: how many. */
tw_err mistakes_write(tw_ctx *ctx, const char *folder, const labelled *data, const readings *r, const metrics *m,
                      size_t *count);

#endif
