/* ctc_picture.c - the lattice of CTC as heat maps: what the network says, alpha, beta, and where the paths run. */
#include "canvas.h"
#include "ctc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* Rows of cells, a column a frame; x,y is the corner of the first cell. */
typedef struct panel {
    canvas *c;
    double x, y, cell_w, cell_h;
    int rows, T;
} panel;

enum { LEFT = 46, TOP = 46, GAP = 34, NOTE = 11 };

static double middle_x(const panel *p, double t) { return p->x + (t + 0.5) * p->cell_w; }
static double middle_y(const panel *p, double row) { return p->y + (row + 0.5) * p->cell_h; }

static void draw_cell(const panel *p, int row, int t, double heat, bool filled, const char *text) {
    double x = p->x + t * p->cell_w, y = p->y + row * p->cell_h;
    canvas_rect(p->c, x, y, p->cell_w, p->cell_h, filled ? canvas_heat(heat) : NONE, GRID);
    if (p->cell_w < 30 || p->cell_h < 14 || !*text) return;
    double size = fmin(11, p->cell_h * 0.55);
    canvas_text(p->c, middle_x(p, t), y + p->cell_h / 2 + size * 0.36, size, 0, filled ? canvas_on_heat(heat) : MUTED,
                false, "%s", text);
}

static void draw_frame(const panel *p, const char *title, const char *note) {
    canvas_text(p->c, p->x, p->y - 22, 14, -1, INK, true, "%s", title);
    canvas_text(p->c, p->x, p->y - 8, NOTE, -1, MUTED, false, "%s", note);
    int every = p->cell_w >= 16 ? 1 : p->cell_w >= 8 ? 5 : 10;
    for (int t = 0; t < p->T; t += every)
        canvas_text(p->c, middle_x(p, t), p->y + p->rows * p->cell_h + 13, 10, 0, MUTED, false, "%d", t);
}

static void name_row(const panel *p, int row, const char *symbol, canvas_colour colour) {
    if (p->cell_h < 7) return;
    canvas_text(p->c, p->x - 8, middle_y(p, row) + 4, fmin(12, p->cell_h), 1, colour, colour == INK, "%s", symbol);
}

/* A frame around each cell of the path, or a line where cells are too small for numbers. */
static void draw_path(const panel *p, const int *row) {
    for (int t = 0; t < p->T; t++) {
        double x = p->x + t * p->cell_w, y = p->y + row[t] * p->cell_h, r = x + p->cell_w, b = y + p->cell_h;
        double around[] = {x, y, r, y, r, b, x, b, x, y, r, y}, line[] = {middle_x(p, t - 1), 0, middle_x(p, t), 0};
        if (p->cell_w >= 30) {
            canvas_polyline(p->c, 6, around, SERIES2, 2.5);
        } else if (t > 0) {
            line[1] = middle_y(p, row[t - 1]), line[3] = middle_y(p, row[t]);
            canvas_polyline(p->c, 2, line, SERIES2, 2);
        }
    }
}

/* "0.42", or nothing for what would be 0.00. */
static const char *probability_text(double p, char text[16]) {
    if (p < 0.005) return "";
    snprintf(text, 16, p > 0.995 ? "1" : "%.2f", p);
    return text[0] == '0' ? text + 1 : text;
}

/* ---- the four maps --------------------------------------------------------------------------------------- */

/* Rows are symbols: the blank, then those that the label or the greedy path has. Returns how many; row[k] or -1. */
static int choose_rows(const ctc_frames *f, const lattice *w, const int *greedy, int *row) {
    for (int k = 0; k < f->K; k++) row[k] = f->K <= 12 ? k : -1;
    if (f->K <= 12) return f->K;
    for (int s = 0; s < w->S; s++) row[w->symbol[s]] = 0;
    for (int t = 0; t < f->T; t++) row[greedy[t]] = 0;
    row[0] = 0;
    int n = 0;
    for (int k = 0; k < f->K; k++)
        if (row[k] == 0) row[k] = n++;
    return n;
}

static void draw_outputs(tw_ctx *ctx, panel p, const ctc_frames *f, const lattice *w, const int *greedy,
                         const int *row) {
    char text[16], symbol[16];
    draw_frame(&p, "The network: y", "the probability of each symbol in each frame; marked: the greedy path");
    int *at = malloc((size_t)f->T * sizeof *at);
    for (int k = 0; k < f->K; k++) {
        if (row[k] < 0) continue;
        name_row(&p, row[k], ctc_symbol(ctx, f, k, symbol), INK);
        for (int t = 0; t < f->T; t++) {
            double y = exp(w->log_y[t * f->K + k]);
            draw_cell(&p, row[k], t, y, true, probability_text(y, text));
        }
    }
    for (int t = 0; at && t < f->T; t++) at[t] = row[greedy[t]];
    if (at) draw_path(&p, at);
    free(at);
}

/* B of the greedy path below its columns. */
static void draw_b(tw_ctx *ctx, panel p, const ctc_frames *f, const lattice *w, const int *greedy) {
    static const char *const step[] = {"the greedy path", "repeats merged", "blanks dropped"};
    if (p.cell_w < 8) return;
    char text[16];
    p.y += p.rows * p.cell_h + 40;
    for (int i = 0; i < 3; i++) {
        double y = p.y + 38 * i;
        canvas_text(p.c, p.x, y, NOTE, -1, MUTED, false, "%s", step[i]);
        for (int t = 0; t < f->T; t++) {
            if (i > 0 && t > 0 && greedy[t] == greedy[t - 1]) continue;
            if (i > 1 && greedy[t] == w->blank) continue;
            canvas_text(p.c, middle_x(&p, t), y + 16, fmin(15, p.cell_w), 0, INK, true, "%s",
                        ctc_symbol(ctx, f, greedy[t], text));
        }
    }
}

static void name_states(tw_ctx *ctx, const panel *p, const ctc_frames *f, const lattice *w) {
    char symbol[16];
    for (int s = 0; s < w->S; s++) name_row(p, s, ctc_symbol(ctx, f, w->symbol[s], symbol), s % 2 ? INK : MUTED);
}

/* alpha or beta: logarithms to base 10, impossible states empty. */
static void draw_logs(tw_ctx *ctx, panel p, const ctc_frames *f, const lattice *w, const double *log_value,
                      const char *title, const char *note) {
    double low = INFINITY, high = -INFINITY;
    draw_frame(&p, title, note);
    name_states(ctx, &p, f, w);
    for (int i = 0; i < w->T * w->S; i++)
        if (isfinite(log_value[i])) low = fmin(low, log_value[i]), high = fmax(high, log_value[i]);
    for (int s = 0; s < w->S; s++)
        for (int t = 0; t < w->T; t++) {
            double v = log_value[t * w->S + s];
            char text[16] = "";
            if (isfinite(v)) snprintf(text, sizeof text, "%.1f", fabs(v) < 0.1 ? 0 : v / log(10));
            draw_cell(&p, s, t, high > low ? (v - low) / (high - low) : 1, isfinite(v), text);
        }
}

static void draw_posterior(tw_ctx *ctx, panel p, const ctc_frames *f, const lattice *w) {
    char text[16];
    draw_frame(&p, "Posterior: \xce\xb1\xce\xb2 / p(l|x)",
               "the part of the label's paths in each state; marked: the best path");
    name_states(ctx, &p, f, w);
    for (int s = 0; s < w->S; s++)
        for (int t = 0; t < w->T; t++) {
            double v = w->posterior[t * w->S + s];
            bool possible = isfinite(w->alpha[t * w->S + s]) && isfinite(w->beta[t * w->S + s]);
            draw_cell(&p, s, t, v, possible, probability_text(v, text));
        }
    draw_path(&p, w->best);
}

/* Where the four maps are: two columns, two rows. */
typedef struct layout {
    int *row, rows; /* choose_rows; to be freed */
    double cell_w, cell_h, first_y, second_x, second_y, width, height;
} layout;

/* False: no memory. */
static bool lay_out(const ctc_scene *s, layout *l) {
    const ctc_frames *f = &s->frames;
    int S = s->w.S;
    l->row = malloc((size_t)f->K * sizeof *l->row);
    if (!l->row) return false;
    l->rows = choose_rows(f, &s->w, s->greedy, l->row);
    l->cell_w = fmax(5, fmin(44, 560.0 / f->T));
    l->cell_h = fmax(5, fmin(24, 420.0 / (S > l->rows ? S : l->rows)));
    double wide = fmax(l->cell_w * f->T, 420), upper = fmax(l->cell_h * l->rows + 130, l->cell_h * S);
    l->second_x = 2 * LEFT + wide + GAP;
    l->first_y = TOP + 62;
    l->second_y = l->first_y + upper + 70;
    l->width = l->second_x + wide + 20;
    l->height = l->second_y + l->cell_h * S + 30;
    return true;
}

tw_err ctc_picture_size(const ctc_scene *s, double *width, double *height) {
    layout l;
    if (!lay_out(s, &l)) return tw_fail_err(s->ctx, TW_ERR_NOMEM, "out of memory");
    *width = l.width, *height = l.height;
    free(l.row);
    return TW_OK;
}

canvas *ctc_picture(const ctc_scene *s) {
    const ctc_frames *f = &s->frames;
    const lattice *w = &s->w;
    layout l;
    if (!lay_out(s, &l)) return NULL;
    canvas *c = canvas_new(l.width, l.height);
    panel p = {c, LEFT, l.first_y, l.cell_w, l.cell_h, l.rows, f->T};
    canvas_describe(c, "The lattice of CTC for the label %s over %d frames", s->text, f->T);
    canvas_text(c, LEFT, 30, 20, -1, INK, true, "CTC: every way to read \xe2\x80\x9c%s\xe2\x80\x9d in %d frames",
                s->text, f->T);
    canvas_text(c, LEFT, 50, 13, -1, MUTED, false,
                "p(l|x) = %.4g, loss %.4f. The best path alone has %.4g, %.3g %% of it. Rows of the lattice: the "
                "extended label.",
                exp(w->log_p), -w->log_p, exp(w->log_p_best), 100 * exp(w->log_p_best - w->log_p));
    draw_outputs(s->ctx, p, f, w, s->greedy, l.row);
    draw_b(s->ctx, p, f, w, s->greedy);
    p.rows = w->S, p.x = l.second_x;
    draw_logs(s->ctx, p, f, w, w->alpha, "Forward: \xce\xb1, as log\xe2\x82\x81\xe2\x82\x80",
              "the walks that have come here, with what they emitted");
    p.y = l.second_y;
    draw_logs(s->ctx, p, f, w, w->beta, "Backward: \xce\xb2, as log\xe2\x82\x81\xe2\x82\x80",
              "the ways from here to the end, with what they will emit");
    p.x = LEFT;
    draw_posterior(s->ctx, p, f, w);
    free(l.row);
    return c;
}
