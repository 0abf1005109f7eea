/* chart.h - curves and points over two axes, on a part of a canvas. */
#ifndef LOSSLAB_CHART_H
#define LOSSLAB_CHART_H

#include "canvas.h"

typedef enum chart_scale {
    CHART_LINEAR,
    CHART_LOG,   /* positive numbers only */
    CHART_SYMLOG /* logarithmic in both directions, linear between -1 and 1 times its unit */
} chart_scale;

typedef enum chart_style { CHART_LINE, CHART_DASHES, CHART_POINTS } chart_style;

typedef struct chart chart;
/* The chart takes the rectangle x,y,w,h of c with all its text. title and labels may be NULL. */
chart *chart_new(canvas *c, double x, double y, double w, double h, const char *title);
void chart_label_x(chart *p, const char *label);
void chart_label_y(chart *p, const char *label);
/* Without a range an axis shows all data; what lies outside a range is cut off at the edge. */
void chart_range_x(chart *p, double from, double to);
void chart_range_y(chart *p, double from, double to);
void chart_scale_x(chart *p, chart_scale scale, double unit); /* unit: for SYMLOG */
void chart_scale_y(chart *p, chart_scale scale, double unit);
/* n numbers, copied. name NULL: not in the legend. A number that is not finite breaks the line. */
void chart_add(chart *p, const char *name, int n, const double *x, const double *y, canvas_colour colour,
               chart_style style);
/* A thin line across the chart with a note at its end: "truth". */
void chart_mark_x(chart *p, double x, const char *note);
void chart_mark_y(chart *p, double y, const char *note);
/* Draws it and frees p. */
void chart_draw(chart *p);

#endif
