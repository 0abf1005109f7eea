/* canvas.h - pictures made of lines, shapes and text, written as SVG or PNG.
 *
 * Drawing never fails: what goes wrong (memory) is remembered and told by canvas_svg and canvas_save. Units are CSS
 * pixels, y downwards. */
#ifndef LOSSLAB_CANVAS_H
#define LOSSLAB_CANVAS_H

#include <stdbool.h>
#include <stdio.h>
#include <thalweg/base.h>

/* Names of what a colour is for; SVG knows it in two versions, for light and for dark surroundings. Values from HEAT on
 * are steps of a scale for numbers and come from canvas_heat. */
typedef enum canvas_colour {
    NONE = -1, /* no fill, no stroke */
    PAPER,
    INK,
    MUTED, /* axes, notes */
    GRID,
    SERIES1, /* blue, orange, green, purple, pink, ochre */
    SERIES2,
    SERIES3,
    SERIES4,
    SERIES5,
    SERIES6,
    GOOD,
    BAD,
    BLACK, /* these two are the same in light and dark: for text on a heat map */
    WHITE,
    HEAT = 256,
    HEAT_LAST = HEAT + 255
} canvas_colour;

/* The colour of a number from 0 (dark blue) to 1 (yellow), even in brightness; NaN is MUTED. */
canvas_colour canvas_heat(double value);
/* BLACK or WHITE: what is readable on that colour. */
canvas_colour canvas_on_heat(double value);

typedef struct canvas canvas;
canvas *canvas_new(double width, double height); /* NULL: no memory; drawing on NULL does nothing */
void canvas_free(canvas *c);
double canvas_width(const canvas *c);
double canvas_height(const canvas *c);
/* What the picture shows, in a sentence, for who cannot see it. */
void canvas_describe(canvas *c, const char *format, ...) TW_PRINTF(2, 3);

void canvas_line(canvas *c, double x0, double y0, double x1, double y1, canvas_colour colour, double width, bool dash);
void canvas_polyline(canvas *c, int n, const double *xy, canvas_colour colour, double width); /* xy: x0 y0 x1 y1 .. */
void canvas_dashes(canvas *c, int n, const double *xy, canvas_colour colour, double width);
void canvas_polygon(canvas *c, int n, const double *xy, canvas_colour fill);
void canvas_rect(canvas *c, double x, double y, double w, double h, canvas_colour fill, canvas_colour stroke);
void canvas_circle(canvas *c, double x, double y, double r, canvas_colour fill, canvas_colour stroke);
/* A line with a head at (x1,y1). */
void canvas_arrow(canvas *c, double x0, double y0, double x1, double y1, canvas_colour colour, double width);
/* UTF-8. y is the baseline; anchor -1: x is the beginning, 0: the middle, 1: the end. */
void canvas_text(canvas *c, double x, double y, double size, int anchor, canvas_colour colour, bool bold,
                 const char *format, ...) TW_PRINTF(8, 9);
/* The same, turned by 90 degrees against the clock: for the label of an axis. */
void canvas_text_up(canvas *c, double x, double y, double size, int anchor, canvas_colour colour, bool bold,
                    const char *format, ...) TW_PRINTF(8, 9);
/* About how wide a text will be: what shows it has the last word on fonts. */
double canvas_text_width(double size, bool bold, const char *text);

/* An <svg> element, good as a file and inside HTML; malloc'd. NULL: no memory. */
char *canvas_svg(const canvas *c);
/* By extension, .svg or .png (light, two dots a unit). False: a sentence is in error[size]. */
bool canvas_save(const canvas *c, const char *path, char *error, size_t size);
/* CSS rules that give selector a variable for each colour, --ink, --paper .., for light and for dark screens. */
void canvas_css(FILE *out, const char *selector);
/* Why a picture cannot have this name, or NULL: asked before much is computed. */
const char *canvas_cannot_save(const char *path);
/* Is a picture of this size, in units, not too large for such a file? False: a sentence is in error[size]. */
bool canvas_fits(double width, double height, const char *path, char *error, size_t size);

#endif
