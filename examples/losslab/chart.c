/* chart.c - what a chart holds; its ranges; drawing. */
#include "chart.h"

#include "ticks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SERIES = 16, MAX_MARKS = 8 };

typedef struct series {
    char *name;
    int n;
    double *x, *y;
    canvas_colour colour;
    chart_style style;
} series;

typedef struct mark {
    int axis;
    double at;
    const char *note;
} mark;

struct chart {
    canvas *c;
    double x, y, w, h;             /* all of it */
    double left, top, right, foot; /* where the data are drawn */
    const char *title, *label[2];
    axis_range axis[2];
    bool ranged[2];
    series series[MAX_SERIES];
    mark mark[MAX_MARKS];
    int n, marks;
};

static const double TITLE = 15, TEXT = 12.5, SMALL = 11.5;

chart *chart_new(canvas *c, double x, double y, double w, double h, const char *title) {
    chart *p = calloc(1, sizeof *p);
    if (p) p->c = c, p->x = x, p->y = y, p->w = w, p->h = h, p->title = title;
    return p;
}

void chart_label_x(chart *p, const char *label) {
    if (p) p->label[0] = label;
}
void chart_label_y(chart *p, const char *label) {
    if (p) p->label[1] = label;
}
static void set_range(chart *p, int axis, double from, double to) {
    if (p) p->axis[axis].from = from, p->axis[axis].to = to, p->ranged[axis] = true;
}
void chart_range_x(chart *p, double from, double to) { set_range(p, 0, from, to); }
void chart_range_y(chart *p, double from, double to) { set_range(p, 1, from, to); }
static void set_scale(chart *p, int axis, chart_scale scale, double unit) {
    if (p) p->axis[axis].scale = scale, p->axis[axis].unit = unit;
}
void chart_scale_x(chart *p, chart_scale scale, double unit) { set_scale(p, 0, scale, unit); }
void chart_scale_y(chart *p, chart_scale scale, double unit) { set_scale(p, 1, scale, unit); }

static double *copy(int n, const double *v) {
    double *to = malloc((size_t)(n > 0 ? n : 1) * sizeof *to);
    if (to && n > 0) memcpy(to, v, (size_t)n * sizeof *v);
    return to;
}

void chart_add(chart *p, const char *name, int n, const double *x, const double *y, canvas_colour colour,
               chart_style style) {
    if (!p || p->n == MAX_SERIES) return;
    series s = {name ? strdup(name) : NULL, n, copy(n, x), copy(n, y), colour, style};
    if (!s.x || !s.y) s.n = 0; /* the canvas will find out that memory is gone */
    p->series[p->n++] = s;
}

static void add_mark(chart *p, int axis, double at, const char *note) {
    if (p && p->marks < MAX_MARKS) p->mark[p->marks++] = (mark){axis, at, note};
}
void chart_mark_x(chart *p, double x, const char *note) { add_mark(p, 0, x, note); }
void chart_mark_y(chart *p, double y, const char *note) { add_mark(p, 1, y, note); }

/* ---- layout ------------------------------------------------------------------------------------------------- */

static bool drawable(const chart *p, const series *s, int i) {
    if (!isfinite(s->x[i]) || !isfinite(s->y[i])) return false;
    return !(p->axis[0].scale == CHART_LOG && s->x[i] <= 0) && !(p->axis[1].scale == CHART_LOG && s->y[i] <= 0);
}

/* All data, and some air above and below on the y axis. */
static void find_range(chart *p, int axis) {
    double low = INFINITY, high = -INFINITY;
    if (p->ranged[axis]) return;
    for (int k = 0; k < p->n; k++)
        for (int i = 0; i < p->series[k].n; i++) {
            const series *s = &p->series[k];
            double v = axis ? s->y[i] : s->x[i];
            if (!drawable(p, s, i)) continue;
            if (!axis && p->ranged[1] && (s->y[i] < p->axis[1].from || s->y[i] > p->axis[1].to)) continue;
            if (axis && p->ranged[0] && (s->x[i] < p->axis[0].from || s->x[i] > p->axis[0].to)) continue;
            low = fmin(low, v), high = fmax(high, v);
        }
    if (!(low <= high)) low = 0, high = 1;
    axis_widen(&p->axis[axis], low, high, axis ? 0.05 : 0);
}

static double place(const chart *p, int axis, double v) {
    double at = axis_place(&p->axis[axis], v);
    return axis ? p->foot - at * (p->foot - p->top) : p->left + at * (p->right - p->left);
}

/* The entries of the legend flow like words; returns how high they are. With draw false they are only measured. */
static double legend(const chart *p, double top, bool draw) {
    double x = p->left, y = top;
    int entries = 0;
    for (int k = 0; k < p->n; k++) {
        const series *s = &p->series[k];
        if (!s->name) continue;
        double width = 28 + canvas_text_width(TEXT, false, s->name) + 14;
        if (entries++ && x + width - 14 > p->x + p->w) x = p->left, y += 18;
        if (draw) {
            if (s->style == CHART_POINTS) canvas_circle(p->c, x + 11, y + 8, 3.5, s->colour, NONE);
            else canvas_line(p->c, x, y + 8, x + 22, y + 8, s->colour, 2, s->style == CHART_DASHES);
            canvas_text(p->c, x + 28, y + 12.5, TEXT, -1, INK, false, "%s", s->name);
        }
        x += width;
    }
    return entries ? y + 18 - top : 0;
}

/* ---- curves, cut off at the edges --------------------------------------------------------------------------- */

/* The part of a segment inside the rectangle (Liang, Barsky 1984); false: none. */
static bool clip(const chart *p, double *a, double *b) {
    const double low[2] = {p->left, p->top}, high[2] = {p->right, p->foot}, from[2] = {a[0], a[1]},
                 d[2] = {b[0] - a[0], b[1] - a[1]};
    double in = 0, out = 1;
    for (int k = 0; k < 2; k++) {
        double t0 = (low[k] - from[k]) / d[k], t1 = (high[k] - from[k]) / d[k];
        if (d[k] == 0) {
            if (from[k] < low[k] || from[k] > high[k]) return false;
            continue;
        }
        in = fmax(in, fmin(t0, t1)), out = fmin(out, fmax(t0, t1));
    }
    if (in > out) return false;
    for (int k = 0; k < 2; k++) a[k] = from[k] + in * d[k], b[k] = from[k] + out * d[k];
    return true;
}

/* Leaves out points that the straight line between their neighbours shows just as well (Douglas, Peucker 1973): marks
 * in keep which of first..last stay. */
static void simplify(const double *xy, int first, int last, bool *keep) {
    const double *a = xy + 2 * first, *b = xy + 2 * last;
    double dx = b[0] - a[0], dy = b[1] - a[1], length = hypot(dx, dy), far = 0.04;
    int farthest = -1;
    for (int i = first + 1; i < last; i++) {
        double px = xy[2 * i] - a[0], py = xy[2 * i + 1] - a[1];
        double off = length > 0 ? fabs(px * dy - py * dx) / length : hypot(px, py);
        if (off > far) far = off, farthest = i;
    }
    keep[first] = keep[last] = true;
    if (farthest < 0) return;
    simplify(xy, first, farthest, keep);
    simplify(xy, farthest, last, keep);
}

static void put_piece(const chart *p, const series *s, int n, double *xy) {
    bool *keep = n > 0 ? calloc((size_t)n, sizeof *keep) : NULL;
    int kept = 0;
    if (keep) simplify(xy, 0, n - 1, keep);
    for (int i = 0; keep && i < n; i++)
        if (keep[i]) memmove(xy + 2 * kept++, xy + 2 * i, 2 * sizeof *xy);
    if (keep) n = kept;
    free(keep);
    if (s->style == CHART_DASHES) canvas_dashes(p->c, n, xy, s->colour, 2);
    else canvas_polyline(p->c, n, xy, s->colour, 2.25);
}

static void draw_line(const chart *p, const series *s) {
    double *xy = malloc((size_t)(s->n + 1) * 2 * sizeof *xy);
    int n = 0;
    for (int i = 0; xy && i + 1 < s->n; i++) {
        bool seen = drawable(p, s, i) && drawable(p, s, i + 1);
        double a[2] = {place(p, 0, s->x[i]), place(p, 1, s->y[i])},
               b[2] = {place(p, 0, s->x[i + 1]), place(p, 1, s->y[i + 1])};
        seen = seen && clip(p, a, b);
        bool goes_on = seen && n && fabs(xy[2 * n - 2] - a[0]) + fabs(xy[2 * n - 1] - a[1]) < 1e-6;
        if (!goes_on) {
            put_piece(p, s, n, xy);
            n = 0;
        }
        if (seen && !n) memcpy(xy, a, sizeof a), n = 1;
        if (seen) memcpy(xy + 2 * n++, b, sizeof b);
    }
    if (xy) put_piece(p, s, n, xy);
    free(xy);
}

static void draw_points(const chart *p, const series *s) {
    double r = s->n > 100 ? 2 : 3.5;
    for (int i = 0; i < s->n; i++) {
        double x = place(p, 0, s->x[i]), y = place(p, 1, s->y[i]);
        if (drawable(p, s, i) && x >= p->left && x <= p->right && y >= p->top && y <= p->foot)
            canvas_circle(p->c, x, y, r, s->colour, NONE);
    }
}

/* ---- axes ----------------------------------------------------------------------------------------------------- */

/* The lines at the ticks that are 0, or at the others. */
static void draw_grid(const chart *p, const axis_ticks ticks[2], bool zero) {
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < ticks[axis].n; i++) {
            double at = place(p, axis, ticks[axis].at[i]);
            if ((ticks[axis].at[i] == 0) != zero) continue;
            if (axis == 0) canvas_line(p->c, at, p->top, at, p->foot, zero ? MUTED : GRID, 1, false);
            else canvas_line(p->c, p->left, at, p->right, at, zero ? MUTED : GRID, 1, false);
        }
}

static void draw_axes(const chart *p, const axis_ticks ticks[2]) {
    draw_grid(p, ticks, false);
    draw_grid(p, ticks, true); /* over the others */
    for (int i = 0; i < ticks[0].n; i++)
        canvas_text(p->c, place(p, 0, ticks[0].at[i]), p->foot + 16, SMALL, 0, MUTED, false, "%s", ticks[0].text[i]);
    for (int i = 0; i < ticks[1].n; i++)
        canvas_text(p->c, p->left - 7, place(p, 1, ticks[1].at[i]) + 4, SMALL, 1, MUTED, false, "%s", ticks[1].text[i]);
    canvas_rect(p->c, p->left, p->top, p->right - p->left, p->foot - p->top, NONE, MUTED);
    if (p->label[0]) canvas_text(p->c, (p->left + p->right) / 2, p->foot + 36, TEXT, 0, INK, false, "%s", p->label[0]);
    if (p->label[1]) canvas_text_up(p->c, p->x + 11, (p->top + p->foot) / 2, TEXT, 0, INK, false, "%s", p->label[1]);
}

static void draw_mark(const chart *p, const mark *m) {
    double at = place(p, m->axis, m->at);
    if (m->axis == 0 && at >= p->left && at <= p->right) {
        canvas_line(p->c, at, p->top, at, p->foot, INK, 1, true);
        bool room = at + canvas_text_width(SMALL, false, m->note) + 8 < p->right;
        canvas_text(p->c, at + (room ? 5 : -5), p->top + 14, SMALL, room ? -1 : 1, INK, false, "%s", m->note);
    }
    if (m->axis == 1 && at >= p->top && at <= p->foot) {
        canvas_line(p->c, p->left, at, p->right, at, INK, 1, true);
        canvas_text(p->c, p->right - 5, at > p->top + 20 ? at - 5 : at + 14, SMALL, 1, INK, false, "%s", m->note);
    }
}

static double widest(const axis_ticks *ticks) {
    double w = 0;
    for (int i = 0; i < ticks->n; i++) w = fmax(w, canvas_text_width(SMALL, false, ticks->text[i]));
    return w;
}

static void draw(chart *p) {
    axis_ticks ticks[2];
    find_range(p, 0);
    find_range(p, 1);
    p->right = p->x + p->w - 14;
    p->foot = p->y + p->h - (p->label[0] ? 44 : 24);
    double top = p->y + (p->title ? 24 : 4);
    axis_find_ticks(&p->axis[1], (int)((p->foot - top) / 42), &ticks[1]);
    p->left = p->x + fmax(58, (p->label[1] ? 24 : 4) + widest(&ticks[1]) + 8); /* charts below each other line up */
    p->top = top + legend(p, top, false) + 6;
    axis_find_ticks(&p->axis[0], (int)((p->right - p->left) / 62), &ticks[0]);
    if (p->title) canvas_text(p->c, p->left, p->y + 15, TITLE, -1, INK, true, "%s", p->title);
    legend(p, top, true);
    draw_axes(p, ticks);
    for (int i = 0; i < p->marks; i++) draw_mark(p, &p->mark[i]);
    for (int k = 0; k < p->n; k++) (p->series[k].style == CHART_POINTS ? draw_points : draw_line)(p, &p->series[k]);
}

void chart_draw(chart *p) {
    if (!p) return;
    draw(p);
    for (int k = 0; k < p->n; k++) {
        free(p->series[k].name);
        free(p->series[k].x);
        free(p->series[k].y);
    }
    free(p);
}
