/* trim.h - finding the writing in a picture that shows more than it: wide margins, a frame, padding to a square. */
#ifndef CRNN_OCR_TRIM_H
#define CRNN_OCR_TRIM_H

#include <thalweg/data.h>

/* The part of a gray picture that a reader should look at. A crop around a word is returned whole: rows are cut only
 * where the writing fills less than TRIM_FILL of the height, and then some of the margin stays, as it does at the
 * sides. A border of one shade around a picture with a background of its own is cut exactly. Where nothing stands
 * out, and when memory runs out, the whole picture. */
#define TRIM_FILL 0.4
tw_box trim_find(const tw_image *gray);

/* The part as a picture of its own. */
TW_MUST_CHECK tw_err trim_cut(tw_ctx *ctx, const tw_image *gray, tw_box box, tw_image *part);

#endif
