/* read_output.h - what `crnn_ocr read` prints of a picture: columns for people and awk, JSON for programs. */
#ifndef CRNN_OCR_READ_OUTPUT_H
#define CRNN_OCR_READ_OUTPUT_H

#include "reading.h"

/* A line for each reading, best first: path TAB text TAB confidence. Control characters are '?' (plain.h). */
void read_output_text(const char *path, const reading *r);
/* One line of JSON; the keys always come in this order:
 *   path, width, height, seen {x, y, width, height}, text, confidence,
 *   nbest [{text, confidence}]        when more than one reading was asked for
 *   spans [{text, x, width, confidence}]: the characters of the best reading, in pixels of the picture
 * A picture without a reading has the text null and the confidence 0. NOMEM: nothing was printed. */
TW_MUST_CHECK tw_err read_output_json(tw_ctx *ctx, const char *path, const reading *r, bool nbest);

#endif
