/* figure.h - the pictures of a loss: panels of curves, or of a map, that can stand in one picture or each alone. */
#ifndef LOSSLAB_FIGURE_H
#define LOSSLAB_FIGURE_H

#include "canvas.h"
#include "curve.h"

enum { FIGURE_CURVES = 6 };

/* Curves over one x: a panel of their values and one of their gradients; or a map over the simplex. */
typedef struct figure_row {
    const char *title, *label; /* of x */
    double from, to;
    double low, high;           /* of the values; equal: all of them */
    double grad_low, grad_high; /* of the gradients */
    double mark;                /* with a note: a line at this x */
    const char *note;
    curve curve[FIGURE_CURVES];
    struct {
        const char *title, *spec;
        double p[3];   /* the target; all 0: class 0 */
        bool as_truth; /* the map runs over the target, and p is the prediction */
        double most;   /* where the colours end */
    } map[2];          /* spec NULL: there is none */
} figure_row;

typedef struct figure {
    tw_ctx *ctx;
    const tw_cost_layer *layer;
    const char *given; /* the loss with the options that the user gave, "" without */
    const figure_row *row;
    int rows;
    figure_row drawn; /* for a loss that nobody drew curves for */
} figure;

/* spec must stay until the figure is done. */
void figure_find(tw_ctx *ctx, const tw_cost *cost, const char *spec, figure *f);
int figure_panels(const figure *f);
/* In the rectangle x,y,w,h. */
TW_MUST_CHECK tw_err figure_panel(const figure *f, int panel, canvas *c, double x, double y, double w, double h);
/* All panels with a title; NULL: an error in f->ctx. */
canvas *figure_picture(const figure *f);

/* The rows of a loss, or NULL. */
const figure_row *figure_rows_of(const char *loss, int *rows);
/* A loss over the simplex of three classes, as a map with level lines. */
TW_MUST_CHECK tw_err simplex_draw(tw_ctx *ctx, const figure_row *row, int map, canvas *c, double x, double y, double w,
                                  double h);

#endif
