/* results_png.c - a bar for each workload and number of threads: how many times as fast as PyTorch.
 *
 * The axis is logarithmic and begins at 1: twice as fast is as long to the right as half as fast to the left. */
#include "results.h"

#include <math.h>
#include <string.h>

#include "../../examples/losslab/canvas.h"

enum { LEFT = 92, TOP = 92, ROW = 16, GAP = 12, WIDTH = 900, RIGHT = 70, MAX_TICKS = 16 };

typedef struct scale {
    double from, to;
    bool logarithmic;
} scale;

static double place(const scale *s, double v) {
    double part = s->logarithmic ? log(v / s->from) / log(s->to / s->from) : (v - s->from) / (s->to - s->from);
    return LEFT + part * (WIDTH - LEFT - RIGHT);
}

static double value_of(const result *r, bool compared) {
    return compared ? result_ratio(r, TUNED) : 100 * result_sgemm_share(r);
}

/* From a power of two to a power of two, 1 among them; percents from 0. */
static scale scale_for(int n, const result *r, bool compared) {
    scale s = {compared ? 1 : 0, compared ? 2 : 100, compared};
    for (int i = 0; i < n; i++) {
        double v = value_of(&r[i], compared), low = v;
        if (compared && result_ratio(&r[i], STOCK) > 0) v = fmax(v, result_ratio(&r[i], STOCK));
        while (compared && low > 0 && low < s.from) s.from /= 2;
        while (v > s.to) s.to = compared ? 2 * s.to : s.to + 20;
    }
    return s;
}

static void draw_axis(canvas *c, const scale *s, double foot, bool compared) {
    double step = s->to > 200 ? 50 : 20;
    for (double v = s->from; v <= s->to * 1.0001; v = compared ? 2 * v : v + step) {
        canvas_line(c, place(s, v), TOP - 8, place(s, v), foot, compared && v == 1 ? INK : GRID, 1, false);
        canvas_text(c, place(s, v), TOP - 14, 11.5, 0, MUTED, false, compared ? "%g" : "%g %%", v);
    }
}

static void draw_row(canvas *c, const scale *s, double y, const result *r, bool compared) {
    double v = value_of(r, compared), zero = place(s, compared ? 1 : 0), stock = compared ? result_ratio(r, STOCK) : 0;
    canvas_colour colour = r->threads == 1 ? SERIES2 : SERIES1;
    if (!(v > 0)) {
        canvas_text(c, zero + 5, y + 11, 11, -1, MUTED, false, compared ? "not measured" : "no products");
        return;
    }
    double end = place(s, v);
    canvas_rect(c, fmin(zero, end), y + 1, fabs(end - zero), ROW - 3, colour, NONE);
    double at = fmax(zero, end) + 5, mark = stock > 0 ? place(s, stock) : 0;
    if (mark > at - 4 && mark < at + 34) at = mark + 6;
    canvas_text(c, at, y + 11, 11, -1, INK, false, compared ? "%.2f" : "%.0f", v);
    if (stock > 0) canvas_line(c, mark, y, mark, y + ROW - 1, INK, 2.5, false);
}

/* The rows of a workload stand together, whatever order they were measured in. */
static double draw_rows(canvas *c, const scale *s, int n, const result *r, bool compared) {
    double y = TOP;
    for (int i = 0; i < n; i++) {
        bool seen = false;
        for (int k = 0; k < i; k++) seen |= !strcmp(r[k].spec, r[i].spec);
        if (seen) continue;
        canvas_text(c, LEFT - 30, y + 12, 12.5, 1, INK, true, "%s", r[i].spec);
        for (int k = i; k < n; k++) {
            if (strcmp(r[k].spec, r[i].spec)) continue;
            canvas_text(c, LEFT - 10, y + 11, 10.5, 1, MUTED, false, "%d", r[k].threads);
            draw_row(c, s, y, &r[k], compared);
            y += ROW;
        }
        y += GAP;
    }
    return y;
}

bool results_save_png(int n, const result *r, const char *against, const char *path, char *error, size_t size) {
    bool compared = false;
    int names = 0;
    for (int i = 0; i < n; i++) {
        compared |= result_ratio(&r[i], TUNED) > 0;
        bool seen = false;
        for (int k = 0; k < i; k++) seen |= !strcmp(r[k].spec, r[i].spec);
        names += !seen;
    }
    double foot = TOP + n * ROW + names * GAP;
    canvas *c = canvas_new(WIDTH, foot + 40);
    scale s = scale_for(n, r, compared);
    canvas_rect(c, 0, 0, WIDTH, foot + 40, PAPER, NONE);
    canvas_text(c, 16, 26, 16, -1, INK, true,
                compared ? "Training steps: how many times as fast as PyTorch tuned"
                         : "Training steps: share of the sgemm peak");
    canvas_text(c, 16, 46, 11.5, -1, MUTED, false, "%s", against);
    draw_axis(c, &s, foot, compared);
    draw_rows(c, &s, n, r, compared);
    canvas_rect(c, LEFT, foot + 12, 12, 12, SERIES2, NONE);
    canvas_text(c, LEFT + 18, foot + 22, 11.5, -1, INK, false, "1 thread");
    canvas_rect(c, LEFT + 100, foot + 12, 12, 12, SERIES1, NONE);
    canvas_text(c, LEFT + 118, foot + 22, 11.5, -1, INK, false, "more threads");
    if (compared) {
        canvas_line(c, LEFT + 236, foot + 10, LEFT + 236, foot + 26, INK, 2.5, false);
        canvas_text(c, LEFT + 244, foot + 22, 11.5, -1, INK, false, "beside PyTorch as installed (stock)");
    }
    bool ok = canvas_save(c, path, error, size);
    canvas_free(c);
    return ok;
}
