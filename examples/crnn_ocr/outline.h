/* outline.h - a text's letters as closed polygons, placed as the look says. */
#ifndef CRNN_OCR_OUTLINE_H
#define CRNN_OCR_OUTLINE_H

#include "fonts.h"
#include "look.h"

typedef struct spot {
    float x, y; /* in em, y upwards */
} spot;
typedef struct contour {
    int end;    /* it is the points from the contour before to here */
    float side; /* 1 when the glyph's ink lies left of its outer contours, -1 when right */
} contour;

/* Memory only grows, so drawing soon allocates nothing. */
typedef struct outline {
    spot *point;
    contour *contour;
    int npoint, ncontour, point_room, contour_room;
    bool failed; /* out of memory */
} outline;

typedef struct box {
    float left, right, bottom, top;
} box;

void outline_free(outline *o);
/* Replaces o by the text: stretch, slant, weight, spacing, wobble, turn, arc, wave, tilt, rotation and neighbours are
 * the look's. *ink is the box of the text without its neighbours. */
void outline_text(outline *o, const font_face *face, const char *text, const render_look *look, float pixels_per_em,
                  box *ink);
/* A line of that length, in em, is bent, rotated and tilted less when it could not be read otherwise: at a fixed height
 * of pictures its letters would become too small, or its ends lean too far. */
float outline_arc(const render_look *look, float length);
float outline_rotation(const render_look *look, float length);
float outline_tilt_y(const render_look *look, float length);
/* Black faces have little room to become bolder, light ones little to become lighter. */
float outline_weight(const render_look *look, const font_face *face);
/* Each edge of `from` moved outwards by d. */
void outline_offset(const outline *from, float d, outline *to);

#endif
