/* figure.c - see figure.h. */
#include "figure.h"

#include <math.h>
#include <string.h>

#include "chart.h"
#include "gradient.h"

enum { POINTS = 600, MARGIN = 14, HEAD = 58, DRAW = 5 };
static const double WIDTH = 480, HEIGHT = 340;
static const canvas_colour colours[] = {SERIES1, SERIES2, SERIES3, SERIES4, SERIES5, SERIES6};

/* ---- a loss without curves of its own: the first element of a drawn problem is moved ----------------------------- */

static tw_tensor *drawn_curve(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    tw_cost cost;
    tw_cost_problem p;
    if (!x || tw_cost_find(ctx, c->spec, &cost)) return NULL;
    cost_set_reduction(&cost, TW_REDUCTION_SUM);
    if (cost.layer->sample(ctx, DRAW, cost.options, &p)) return NULL;
    tw_tensor **part = tw_alloc(ctx, (size_t)x->dim[0] * sizeof *part);
    int size = 1;
    for (int k = 0; k < p.ndim; k++) size *= p.dim[k];
    if (!part || !size) return size ? NULL : tw_fail(ctx, TW_ERR_RANGE, "%s: an empty problem was drawn", c->spec);
    for (int i = 0; i < x->dim[0]; i++) {
        tw_tensor *moved = tw_reshape(ctx, tw_slice(ctx, x, 0, i, i + 1), 1, (int[]){1});
        tw_tensor *flat = tw_input(ctx, p.pred, 1, (int[]){size});
        tw_tensor *first = tw_add(ctx, moved, tw_slice(ctx, flat, 0, 0, 1));
        tw_tensor *all = size > 1 ? tw_concat(ctx, 2, (tw_tensor *[]){first, tw_slice(ctx, flat, 0, 1, size)}, 0)
                                  : first;
        tw_target target = p.labels;
        if (p.target) target.tensor = tw_input(ctx, p.target, p.ndim, p.dim);
        tw_tensor *loss = tw_cost_apply(ctx, &cost, tw_reshape(ctx, all, p.ndim, p.dim), &target);
        part[i] = loss ? tw_reshape(ctx, loss, 1, (int[]){1}) : NULL;
    }
    return tw_concat(ctx, x->dim[0], part, 0);
}

void figure_find(tw_ctx *ctx, const tw_cost *cost, const char *spec, figure *f) {
    *f = (figure){.ctx = ctx, .layer = cost->layer, .given = strchr(spec, ':') ? spec : ""};
    f->row = figure_rows_of(cost->layer->name, &f->rows);
    if (f->row) return;
    tw_cost_problem p;
    tw_step_begin(ctx);
    bool any = !cost->layer->sample(ctx, DRAW, cost->options, &p) && p.form == TW_FORM_LOGITS;
    double far = any ? 3 : 0.05; /* logits may be any number; probabilities are soon impossible */
    f->drawn = (figure_row){.title = "A drawn problem",
                            .label = "shift of the prediction's first element",
                            .from = -far,
                            .to = far,
                            .curve = {{cost->layer->name, cost->layer->name, drawn_curve, 0, false}}};
    f->row = &f->drawn, f->rows = 1;
}

/* ---- panels --------------------------------------------------------------------------------------------------- */

int figure_panels(const figure *f) {
    int n = 0;
    for (int i = 0; i < f->rows; i++) n += f->row[i].map[0].spec ? 1 + (f->row[i].map[1].spec != NULL) : 2;
    return n;
}

/* A jump between two samples, where the curve is flat on both sides, is no steep line: the line breaks there, and the
 * library is asked for the value in the middle. */
static tw_err break_jump(tw_ctx *ctx, const curve *c, int n, const double *x, double *v, bool gradient, chart *p,
                         canvas_colour colour) {
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < n; i++) low = fmin(low, v[i]), high = fmax(high, v[i]);
    for (int i = 1; i + 2 < n; i++) {
        double jump = fabs(v[i + 1] - v[i]), around = fabs(v[i] - v[i - 1]) + fabs(v[i + 2] - v[i + 1]);
        if (!(jump > 0.05 * (high - low) && around < 0.01 * jump)) continue;
        double middle = (x[i] + x[i + 1]) / 2, value, grad;
        if (fabs(middle) < 1e-9 * (x[n - 1] - x[0])) middle = 0;
        tw_err err = curve_compute(ctx, c, 1, &middle, &value, &grad);
        if (err) return err;
        chart_add(p, NULL, 1, &middle, gradient ? &grad : &value, colour, CHART_POINTS);
        v[i] = NAN;
    }
    return TW_OK;
}

static tw_err add_curve(const figure *f, const figure_row *row, const curve *c, canvas_colour colour, bool gradient,
                        chart *p) {
    double x[POINTS], value[POINTS], grad[POINTS];
    for (int i = 0; i < POINTS; i++) x[i] = row->from + (row->to - row->from) * (i + 0.5) / POINTS;
    tw_err err = curve_compute(f->ctx, c, POINTS, x, value, grad);
    if (!err && gradient) err = break_jump(f->ctx, c, POINTS, x, grad, gradient, p, colour);
    if (!err) chart_add(p, c->name, POINTS, x, gradient ? grad : value, colour, c->beside ? CHART_DASHES : CHART_LINE);
    return err;
}

static tw_err draw_curves(const figure *f, const figure_row *row, bool gradient, canvas *c, double x, double y,
                          double w, double h) {
    char title[160];
    snprintf(title, sizeof title, "%s", gradient ? "Its gradient" : row->title);
    chart *p = chart_new(c, x, y, w, h, title);
    tw_err err = TW_OK;
    chart_label_x(p, row->label);
    chart_label_y(p, gradient ? "gradient" : "loss");
    chart_range_x(p, row->from, row->to);
    if (!gradient && row->high > row->low) chart_range_y(p, row->low, row->high);
    if (gradient && row->grad_high > row->grad_low) chart_range_y(p, row->grad_low, row->grad_high);
    if (row->note) chart_mark_x(p, row->mark, row->note);
    for (int i = 0; !err && i < FIGURE_CURVES && row->curve[i].f; i++)
        err = add_curve(f, row, &row->curve[i], colours[i], gradient, p);
    if (!err && *f->given) {
        curve given = row->curve[0];
        given.name = given.spec = f->given, given.beside = false;
        err = add_curve(f, row, &given, INK, gradient, p);
    }
    chart_draw(p);
    return err;
}

tw_err figure_panel(const figure *f, int panel, canvas *c, double x, double y, double w, double h) {
    for (int i = 0; i < f->rows; i++) {
        const figure_row *row = &f->row[i];
        int n = row->map[0].spec ? 1 + (row->map[1].spec != NULL) : 2;
        if (panel < n && row->map[0].spec) return simplex_draw(f->ctx, row, panel, c, x, y, w, h);
        if (panel < n) return draw_curves(f, row, panel == 1, c, x, y, w, h);
        panel -= n;
    }
    return TW_OK;
}

canvas *figure_picture(const figure *f) {
    int n = figure_panels(f);
    double width = 2 * WIDTH + 3 * MARGIN;
    canvas *c = canvas_new(width, HEAD + (n + 1) / 2 * (HEIGHT + MARGIN));
    canvas_describe(c, "%s: curves of its value and gradient", f->layer->name);
    canvas_text(c, MARGIN, 28, 20, -1, INK, true, "%s", *f->given ? f->given : f->layer->name);
    canvas_text(c, MARGIN, 47, 13, -1, MUTED, false, "%s", f->layer->summary);
    for (int i = 0; i < n; i++) {
        double x = MARGIN + i % 2 * (WIDTH + MARGIN), y = HEAD + i / 2 * (HEIGHT + MARGIN);
        if (figure_panel(f, i, c, x, y, WIDTH, HEIGHT)) {
            canvas_free(c);
            return NULL;
        }
    }
    if (!c) tw_fail(f->ctx, TW_ERR_NOMEM, "out of memory");
    return c;
}
