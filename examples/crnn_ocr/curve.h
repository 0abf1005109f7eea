/* curve.h - a small chart as SVG inside a page (html.h): lines over an axis of epochs. */
#ifndef CRNN_OCR_CURVE_H
#define CRNN_OCR_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct curve {
    const char *name;
    const double *y; /* [n]; NAN: no point */
} curve;

/* Draws up to two curves over x[n], which rises. log_scale: for what falls by powers of ten; values that are not
 * positive stand at the bottom then. Nothing is drawn when no curve has a point. */
void curve_draw(FILE *f, const char *title, size_t n, const double *x, int ncurves, const curve *curves,
                bool log_scale);

#endif
