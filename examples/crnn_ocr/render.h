/* render.h - pictures of text: a word, a face and a look give a gray picture of a wanted height. */
#ifndef CRNN_OCR_RENDER_H
#define CRNN_OCR_RENDER_H

#include "fonts.h"
#include "look.h"

typedef struct renderer renderer; /* working memory; one per thread */
renderer *renderer_new(void);     /* NULL: out of memory */
void renderer_free(renderer *r);

/* Draws UTF-8 text into pixels, which has room for height * *width; *width becomes the picture's own, and rows are
 * packed to it. A text too long for *width is squeezed. False: out of memory, or nothing of it can be drawn. */
bool render_text(renderer *r, const font_face *face, const char *text, const render_look *look, int height, int *width,
                 uint8_t *pixels);

/* About how wide that picture will be, from the font's metrics alone. */
int render_width(const font_face *face, const char *text, const render_look *look, int height);

#endif
