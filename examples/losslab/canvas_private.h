/* canvas_private.h - what a canvas holds, for the files that write it: canvas_svg.c and canvas_png.c. */
#ifndef LOSSLAB_CANVAS_PRIVATE_H
#define LOSSLAB_CANVAS_PRIVATE_H

#include "canvas.h"

#include <stddef.h>
#include <stdint.h>

typedef enum canvas_kind { CANVAS_PATH, CANVAS_POLYGON, CANVAS_RECT, CANVAS_CIRCLE, CANVAS_TEXT } canvas_kind;
typedef struct canvas_item {
    canvas_kind kind;
    canvas_colour fill, stroke;
    double width; /* of the stroke; the size of a text */
    bool dash, bold, up;
    int anchor;
    int n;      /* PATH, POLYGON: points */
    double *xy; /* [2 n]; RECT: x y w h; CIRCLE: x y r; TEXT: x y */
    char *text;
} canvas_item;

struct canvas {
    double width, height;
    canvas_item *item;
    int n, room;
    char *description;
    bool failed; /* memory ran out */
};

uint32_t canvas_rgb(canvas_colour colour, bool dark); /* 0xrrggbb */
/* For each palette colour its name in CSS: "ink". */
const char *canvas_colour_name(canvas_colour colour);
#define SCALE 2.0 /* dots of a PNG a unit */
bool canvas_save_png(const canvas *c, const char *path, char *error, size_t size);

#endif
