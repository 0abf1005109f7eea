/* simplex.c - a loss as a map over all distributions of three classes: a triangle whose corners are certainty. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "gradient.h"

/* The triangle is cut into SIDE rows; row r has r + 1 points at its upper edge. */
enum { SIDE = 60, POINTS = (SIDE + 1) * (SIDE + 2) / 2, SHADES = 48 };

typedef struct simplex {
    canvas *c;
    double corner[3][2]; /* of class 0, above, 1, left, 2, right */
    double most;         /* where the colours end */
    double value[POINTS];
} simplex;

static int index_of(int row, int i) { return row * (row + 1) / 2 + i; }

/* The distribution at point i of a row. The border, where a loss may be infinite, is moved inwards a little. */
static void distribution(int row, int i, double *p) {
    const double edge = 1e-4;
    double raw[3] = {1 - (double)row / SIDE, (double)(row - i) / SIDE, (double)i / SIDE};
    for (int k = 0; k < 3; k++) p[k] = (raw[k] + edge) / (1 + 3 * edge);
}

static void place(const simplex *s, double row, double i, double *xy) {
    double p[3] = {1 - row / SIDE, (row - i) / SIDE, i / SIDE};
    for (int d = 0; d < 2; d++) xy[d] = p[0] * s->corner[0][d] + p[1] * s->corner[1][d] + p[2] * s->corner[2][d];
}

/* All points at once, as one batch. */
static tw_err compute(tw_ctx *ctx, const figure_row *row, int map, simplex *s) {
    tw_cost cost;
    tw_step_begin(ctx);
    tw_err err = tw_cost_find(ctx, row->map[map].spec, &cost);
    if (err) return err;
    cost_set_reduction(&cost, TW_REDUCTION_NONE);
    const double *fixed = row->map[map].p;
    bool class = fixed[0] + fixed[1] + fixed[2] == 0;
    tw_tensor *moving = tw_full(ctx, 0, 2, (int[]){POINTS, 3}), *still = tw_full(ctx, 0, 2, (int[]){POINTS, 3});
    int32_t *zero = tw_alloc(ctx, POINTS * sizeof *zero);
    if (!moving || !still || !zero) return tw_error(ctx);
    for (int r = 0, at = 0; r <= SIDE; r++)
        for (int i = 0; i <= r; i++, at++) {
            double p[3];
            distribution(r, i, p);
            zero[at] = 0;
            for (int k = 0; k < 3; k++)
                moving->data[3 * at + k] = (tw_real)p[k], still->data[3 * at + k] = (tw_real)fixed[k];
        }
    tw_target target = {.tensor = row->map[map].as_truth ? moving : still};
    if (class) target = (tw_target){.classes = {zero, POINTS}};
    const tw_tensor *loss = tw_cost_apply(ctx, &cost, row->map[map].as_truth ? still : moving, &target);
    if (!loss) return tw_error(ctx);
    size_t each = loss->size / POINTS;
    for (size_t at = 0; at < POINTS; at++) {
        s->value[at] = 0;
        for (size_t k = 0; k < each; k++) s->value[at] += (double)loss->data[at * each + k];
    }
    return TW_OK;
}

/* ---- colours: neighbours of the same shade in a row are one shape ---------------------------------------------- */

static int shade_of(const simplex *s, int row, int j) {
    int i = j / 2, a = index_of(row, i), b = index_of(row + 1, i), d = index_of(row + 1, i + 1);
    double v = j % 2 ? (s->value[a] + s->value[index_of(row, i + 1)] + s->value[d]) / 3
                     : (s->value[a] + s->value[b] + s->value[d]) / 3;
    double shade = v / s->most * SHADES;
    return shade >= SHADES ? SHADES - 1 : shade > 0 ? (int)shade : 0;
}

/* Triangle j of a row, from the left: even ones stand on their base, odd ones on their tip. */
static void fill_row(const simplex *s, int row) {
    int triangles = 2 * row + 1;
    for (int from = 0, to; from < triangles; from = to) {
        int shade = shade_of(s, row, from), n = 0;
        for (to = from + 1; to < triangles && shade_of(s, row, to) == shade;) to++;
        /* above from the left, then below from the right */
        double xy[8];
        int last = to - 1;
        place(s, row, from / 2, xy + 2 * n++);
        if (last / 2 + last % 2 != from / 2) place(s, row, last / 2 + last % 2, xy + 2 * n++);
        place(s, row + 1, last / 2 + 1, xy + 2 * n++);
        if (from / 2 + from % 2 != last / 2 + 1) place(s, row + 1, from / 2 + from % 2, xy + 2 * n++);
        canvas_polygon(s->c, n, xy, canvas_heat((shade + 0.5) / SHADES));
    }
}

/* ---- level lines ---------------------------------------------------------------------------------------------- */

typedef struct segment {
    double a[2], b[2];
} segment;

/* Where the level crosses the triangle of three points, linear in between; false: nowhere. */
static bool cross(const simplex *s, const int (*point)[2], double level, segment *line) {
    int n = 0;
    for (int k = 0; k < 3; k++) {
        const int *p = point[k], *q = point[(k + 1) % 3];
        double u = s->value[index_of(p[0], p[1])], v = s->value[index_of(q[0], q[1])];
        if ((u < level) == (v < level)) continue;
        double t = (level - u) / (v - u);
        place(s, p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]), n++ ? line->b : line->a);
    }
    return n == 2;
}

static bool same(const double *p, const double *q) { return fabs(p[0] - q[0]) + fabs(p[1] - q[1]) < 1e-6; }

/* Takes segments that touch the end of the chain, one after another. */
static int chain(segment *all, int *n, double *xy) {
    segment first = all[--*n];
    memcpy(xy, first.a, sizeof first.a);
    memcpy(xy + 2, first.b, sizeof first.b);
    int length = 2;
    for (int side = 0; side < 2; side++) { /* grow at the end, turn round, grow at the other end */
        for (int i = 0; i < *n; i++) {
            const double *end = xy + 2 * (length - 1);
            bool a = same(all[i].a, end), b = same(all[i].b, end);
            if (!a && !b) continue;
            memcpy(xy + 2 * length++, a ? all[i].b : all[i].a, 2 * sizeof *xy);
            all[i] = all[--*n];
            i = -1;
        }
        for (int i = 0; i < length / 2; i++)
            for (int d = 0; d < 2; d++) {
                double swap = xy[2 * i + d];
                xy[2 * i + d] = xy[2 * (length - 1 - i) + d];
                xy[2 * (length - 1 - i) + d] = swap;
            }
    }
    return length;
}

/* The point of a line that is farthest from the triangle's sides: there its label has room. */
static const double *roomiest(const simplex *s, int n, const double *xy) {
    double height = s->corner[1][1] - s->corner[0][1], side = s->corner[2][0] - s->corner[1][0], most = -1;
    const double *best = xy;
    for (int i = 0; i < n; i++) {
        double down = (xy[2 * i + 1] - s->corner[0][1]) / height, p0 = 1 - down;
        double p2 = (xy[2 * i] - s->corner[1][0]) / side - p0 / 2, p1 = down - p2;
        double room = fmin(p0, fmin(p1, p2)) + 0.05 * p1 * p2; /* along a side of equal room: in its middle */
        if (room > most) most = room, best = xy + 2 * i;
    }
    return best;
}

/* A label in its line, on the line's own shade. */
static void put_level(const simplex *s, const double *at, double level, canvas_colour colour) {
    char text[16];
    snprintf(text, sizeof text, "%g", level);
    double w = canvas_text_width(11, false, text) + 4;
    canvas_rect(s->c, at[0] - w / 2, at[1] - 6, w, 12, canvas_heat(level / s->most), NONE);
    canvas_text(s->c, at[0], at[1] + 4, 11, 0, colour, false, "%s", text);
}

static void draw_level(const simplex *s, double level) {
    segment *all = malloc(sizeof *all * SIDE * SIDE);
    double *xy = malloc(sizeof *xy * 2 * (SIDE * SIDE + 1));
    int n = 0;
    for (int r = 0; all && xy && r < SIDE; r++)
        for (int i = 0; i <= r; i++) {
            const int up[3][2] = {{r, i}, {r + 1, i}, {r + 1, i + 1}},
                      down[3][2] = {{r, i}, {r, i + 1}, {r + 1, i + 1}};
            n += cross(s, up, level, &all[n]);
            if (i < r) n += cross(s, down, level, &all[n]);
        }
    canvas_colour colour = canvas_on_heat(level / s->most);
    while (n > 0 && all && xy) {
        int length = chain(all, &n, xy);
        canvas_polyline(s->c, length, xy, colour, 1);
        if (length > 12) put_level(s, roomiest(s, length, xy), level, colour);
    }
    free(all);
    free(xy);
}

/* ---- the picture ------------------------------------------------------------------------------------------------- */

static void draw_scale(const simplex *s, double x, double y, double w, double h) {
    for (int i = 0; i < SHADES; i++)
        canvas_rect(s->c, x, y + h - (i + 1) * h / SHADES, w, h / SHADES, canvas_heat((i + 0.5) / SHADES), NONE);
    canvas_rect(s->c, x, y, w, h, NONE, MUTED);
    for (double v = 0; v <= 0.9 * s->most; v += s->most > 2 ? 1 : 0.5)
        canvas_text(s->c, x + w + 6, y + h - v / s->most * h + 4, 11.5, -1, MUTED, false, "%g", v);
    canvas_text(s->c, x + w + 6, y + 4, 11.5, -1, MUTED, false, "≥ %g", s->most);
}

tw_err simplex_draw(tw_ctx *ctx, const figure_row *row, int map, canvas *c, double x, double y, double w, double h) {
    static const double levels[] = {0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3};
    simplex s = {.c = c, .most = row->map[map].most};
    tw_err err = compute(ctx, row, map, &s);
    if (err) return err;
    const double *p = row->map[map].p;
    double top = y + 52, foot = y + h - 34, side = fmin((foot - top) / 0.8660254, w - 130), left = x + 34;
    foot = top + side * 0.8660254;
    const double corner[3][2] = {{left + side / 2, top}, {left, foot}, {left + side, foot}};
    memcpy(s.corner, corner, sizeof corner);
    canvas_text(c, x + 4, y + 15, 15, -1, INK, true, "%s", row->map[map].title);
    for (int r = 0; r < SIDE; r++) fill_row(&s, r);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i] < s.most) draw_level(&s, levels[i]);
    double outline[8];
    for (int k = 0; k < 4; k++) memcpy(outline + 2 * k, s.corner[k % 3], sizeof s.corner[0]);
    canvas_polyline(c, 4, outline, MUTED, 1);
    if (p[0] + p[1] + p[2] > 0) {
        double at[2];
        place(&s, SIDE * (1 - p[0]), SIDE * p[2], at);
        canvas_circle(c, at[0], at[1], 4, WHITE, BLACK);
    }
    canvas_text(c, corner[0][0], top - 8, 12.5, 0, INK, false, "(1, 0, 0)");
    canvas_text(c, corner[1][0] - 30, foot + 20, 12.5, -1, INK, false, "(0, 1, 0)");
    canvas_text(c, corner[2][0] + 30, foot + 20, 12.5, 1, INK, false, "(0, 0, 1)");
    draw_scale(&s, left + side + 40, top + 10, 14, foot - top - 10);
    return TW_OK;
}
