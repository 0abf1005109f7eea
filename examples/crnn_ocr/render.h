/* render.h - pictures of text: a word, a face and a look give a gray picture of a wanted height. */
#ifndef CRNN_OCR_RENDER_H
#define CRNN_OCR_RENDER_H

#include "dice.h"
#include "fonts.h"

/* Everything about a picture but its text and face. Lengths are in em unless said otherwise; gray 0 is black. */
typedef struct render_look {
    float stretch;  /* width of the letters, 1: as designed */
    float slant;    /* shift to the right per height, 0.2: like an italic */
    float rotation; /* radians, counter-clockwise */
    float spacing;  /* more room between letters; negative: less */
    float wobble;   /* how far each letter may stand off the baseline */
    float tight;    /* 1: cropped to this word's ink, so that "sea" fills the height; 0: to the face's line */
    float left, top, right, bottom; /* margins as parts of the height; slightly negative ones cut the ink */
    float detail;                   /* 0.5: drawn half as high and enlarged, as if photographed from afar; 1: not */
    float blur;                     /* standard deviation in pixels */
    float noise;                    /* standard deviation of gray */
    float paper, ink;               /* gray of background and letters */
    float shade_x, shade_y;         /* how much the paper brightens from left to right, from top to bottom */
    uint64_t stream;                /* of wobble and noise */
} render_look;

render_look render_plain(void);     /* black on white, nothing done to it */
render_look render_varied(dice *d); /* what training sees */

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
