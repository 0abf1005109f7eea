/* curve.c - see curve.h. */
#include "curve.h"

#include <float.h>
#include <math.h>

enum { WIDTH = 340, HEIGHT = 190, LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 22, MOST_POINTS = 500 };

/* From a value to its place: low stands at `from`, high at `to`. */
typedef struct scale {
    double low, high, from, to;
    bool log;
} scale;

static double place(const scale *s, double v) {
    double low = s->low, high = s->high;
    if (s->log) {
        v = log10(v > s->low ? v : s->low);
        low = log10(low), high = log10(high);
    }
    double part = high > low ? (v - low) / (high - low) : 0.5;
    return s->from + (part < 0 ? 0 : part > 1 ? 1 : part) * (s->to - s->from);
}

/* 1, 2 or 5 times a power of ten, at least `least`. */
static double round_step(double least) {
    double power = pow(10, floor(log10(least)));
    return least <= power ? power : least <= 2 * power ? 2 * power : least <= 5 * power ? 5 * power : 10 * power;
}

static void tick_y(FILE *f, const scale *s, double v) {
    double y = place(s, v);
    fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"var(--line)\"/>", LEFT, WIDTH - RIGHT, y, y);
    fprintf(f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>", LEFT - 5, y + 4, v);
}

static void ticks_y(FILE *f, const scale *s) {
    if (s->log) {
        double decades = log10(s->high / s->low);
        int every = decades > 6 ? (int)ceil(decades / 6) : 1;
        static const int part[] = {1, 2, 3, 5, 7};
        int nparts = decades > 2 ? 1 : decades > 1 ? 2 : 5;
        for (double e = floor(log10(s->low)); e <= log10(s->high) + 1e-9; e += every)
            for (int k = 0; k < nparts; k++) {
                double v = part[k] * pow(10, e);
                if (v >= s->low * (1 - 1e-9) && v <= s->high * (1 + 1e-9)) tick_y(f, s, v);
            }
        return;
    }
    double step = round_step((s->high - s->low) / 5);
    for (double v = ceil(s->low / step - 1e-9) * step; v <= s->high + step * 1e-6; v += step)
        tick_y(f, s, fabs(v) < step * 1e-6 ? 0 : v);
}

static void ticks_x(FILE *f, const scale *s) {
    double step = round_step((s->high - s->low) / 6);
    if (step < 1) step = 1;
    for (double v = ceil(s->low / step - 1e-9) * step; v <= s->high + 1e-6; v += step)
        fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>", place(s, v), HEIGHT - 6, v);
}

static bool shown(double v) { return isfinite(v); }

/* Bounds of what will be drawn; false: nothing. */
static bool bounds(size_t n, int ncurves, const curve *curves, bool log_scale, scale *y) {
    double low = DBL_MAX, high = -DBL_MAX;
    for (int c = 0; c < ncurves; c++)
        for (size_t i = 0; i < n; i++) {
            double v = curves[c].y[i];
            if (!shown(v) || (log_scale && v <= 0)) continue;
            if (v < low) low = v;
            if (v > high) high = v;
        }
    if (high < low) {
        for (int c = 0; c < ncurves; c++)
            for (size_t i = 0; i < n; i++) low = shown(curves[c].y[i]) ? 0 : low;
        if (low > 0) return false;
        *y = (scale){log_scale ? 1e-3 : 0, 1, HEIGHT - BOTTOM, TOP, log_scale};
        return true;
    }
    if (log_scale && high / low < 1.5) low /= 1.3, high *= 1.3;
    if (!log_scale) {
        if (low > 0 && low < 0.5 * high) low = 0;
        if (high - low < 1e-12 * (1 + fabs(high))) low -= 0.5 * (fabs(low) + 1e-3), high += 0.5 * (fabs(high) + 1e-3);
    }
    *y = (scale){low, high, HEIGHT - BOTTOM, TOP, log_scale};
    return true;
}

static void line(FILE *f, size_t n, const double *x, const double *y, const scale *sx, const scale *sy, int number) {
    const char *colour = number ? "var(--b)" : "var(--a)";
    size_t every = n / MOST_POINTS + 1, points = 0;
    double px = 0, py = 0;
    fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\" points=\"",
            colour);
    for (size_t i = 0; i < n; i++) {
        if (!shown(y[i]) || (i % every && i + 1 < n)) continue;
        px = place(sx, x[i]), py = place(sy, y[i]);
        fprintf(f, "%.1f,%.1f ", px, py);
        points++;
    }
    fputs("\"/>", f);
    if (points) fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>", px, py, colour);
}

void curve_draw(FILE *f, const char *title, size_t n, const double *x, int ncurves, const curve *curves,
                bool log_scale) {
    scale sy, sx = {n ? x[0] : 0, n ? x[n - 1] : 1, LEFT, WIDTH - RIGHT, false};
    if (!n || !bounds(n, ncurves, curves, log_scale, &sy)) return;
    fprintf(f, "<figure><figcaption>%s", title);
    for (int c = 0; c < ncurves && ncurves > 1; c++)
        fprintf(f, "%s <span style=\"color:var(--%c)\">\xe2\x96\xac</span> %s", c ? "," : ":", c ? 'b' : 'a',
                curves[c].name);
    fprintf(f, "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", WIDTH, HEIGHT, title);
    ticks_y(f, &sy);
    ticks_x(f, &sx);
    for (int c = 0; c < ncurves; c++) line(f, n, x, curves[c].y, &sx, &sy, c);
    fputs("</svg></figure>\n", f);
}
