/* sheet.h - a contact sheet: pictures in a grid, each with the text read beneath it. */
#ifndef CRNN_OCR_SHEET_H
#define CRNN_OCR_SHEET_H

#include "render.h"

#include <thalweg/data.h>

typedef struct sheet {
    tw_image image; /* RGB */
    tw_ctx *ctx;
    renderer *renderer;
    const font_face *face;            /* of the captions */
    uint8_t *line;                    /* a caption in the making */
    int columns, cell, height, cells; /* columns of `cell` pixels; cells so far */
} sheet;

enum { SHEET_WIDTH = 1152 };      /* of all columns together: more of them are narrower */
#define SHEET_CHARACTERS " .,:()" /* what face must have beside the texts' own */

/* Room for `cells` pictures of the given height in `columns` columns. face is borrowed. */
tw_err sheet_new(tw_ctx *ctx, const font_face *face, const char *title, int columns, int cells, int height, sheet *s);
/* The next cell: a gray picture, what was read, and what is there. When they differ, both are shown, the first in
 * red. */
tw_err sheet_add(sheet *s, const tw_image *picture, const char *read, const char *truth);
void sheet_free(sheet *s);

#endif
