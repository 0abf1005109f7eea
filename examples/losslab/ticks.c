/* ticks.c - see ticks.h. */
#include "ticks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double forward(const axis_range *a, double v) {
    if (a->scale == CHART_LOG) return log10(v);
    if (a->scale == CHART_SYMLOG) {
        double size = fabs(v) / a->unit;
        return copysign(size <= 1 ? size : 1 + log10(size), v);
    }
    return v;
}

static double backward(const axis_range *a, double w) {
    if (a->scale == CHART_LOG) return pow(10, w);
    if (a->scale == CHART_SYMLOG) return copysign(a->unit * (fabs(w) <= 1 ? fabs(w) : pow(10, fabs(w) - 1)), w);
    return w;
}

double axis_place(const axis_range *a, double v) {
    double from = forward(a, a->from), to = forward(a, a->to);
    return (forward(a, v) - from) / (to - from);
}

void axis_widen(axis_range *a, double low, double high, double share) {
    double from = forward(a, low), to = forward(a, high), air = share * (to - from);
    if (!(to > from)) air = from != 0 && a->scale == CHART_LINEAR ? 0.5 * fabs(from) : 0.5;
    a->from = backward(a, from - air), a->to = backward(a, to + air);
}

static void superscript(int v, char *text) {
    static const char *const digit[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[16];
    *text = 0;
    snprintf(plain, sizeof plain, "%d", v);
    for (const char *p = plain; *p; p++) strcat(text, *p == '-' ? "⁻" : digit[*p - '0']);
}

void axis_number(double v, char *text, int size) {
    double magnitude = fabs(v);
    const char *sign = v < 0 ? "−" : "";
    if (magnitude != 0 && (magnitude >= 99999 || magnitude < 0.00099)) {
        char power[48];
        int exponent = (int)floor(log10(magnitude) + 1e-9);
        double mantissa = magnitude / pow(10, exponent);
        superscript(exponent, power);
        if (fabs(mantissa - 1) < 1e-9) snprintf(text, (size_t)size, "%s10%s", sign, power);
        else snprintf(text, (size_t)size, "%s%.3g·10%s", sign, mantissa, power);
    } else {
        int thousands = (int)(magnitude / 1000);
        if (magnitude >= 9999.5)
            snprintf(text, (size_t)size, "%s%d\u202f%03d", sign, thousands, (int)round(magnitude - 1000.0 * thousands));
        else snprintf(text, (size_t)size, "%s%.6g", sign, magnitude);
    }
}

static void add(axis_ticks *t, double v) {
    if (t->n == AXIS_MAX_TICKS) return;
    t->at[t->n] = v;
    axis_number(v, t->text[t->n++], sizeof t->text[0]);
}

/* Steps of 1, 2 or 5 times a power of ten. */
static void linear_ticks(const axis_range *a, int wanted, axis_ticks *t) {
    double span = a->to - a->from, rough = span / (wanted < 2 ? 2 : wanted), power = pow(10, floor(log10(rough)));
    double share = rough / power, step = (share > 5 ? 10 : share > 2 ? 5 : share > 1 ? 2 : 1) * power;
    for (double i = ceil(a->from / step - 1e-9); i * step <= a->to + 1e-9 * span; i++) add(t, i == 0 ? 0 : i * step);
}

/* Powers of ten, every second or third when there are many; on a symmetric scale in both directions from 0. */
static void power_ticks(const axis_range *a, int wanted, axis_ticks *t) {
    bool both = a->scale == CHART_SYMLOG;
    double largest = fmax(fabs(a->from), fabs(a->to)), least = both ? a->unit : a->from;
    int low = (int)ceil(log10(least) - 1e-9), high = (int)floor(log10(largest) + 1e-9);
    int powers = (high - low + 1) * (both && a->from < 0 && a->to > 0 ? 2 : 1), every = 1;
    while (powers / every > (wanted < 2 ? 2 : wanted)) every++;
    if (!both && high - low < 1) {
        linear_ticks(a, wanted, t);
        return;
    }
    if (both && a->from <= 0 && a->to >= 0) add(t, 0);
    for (int k = low; k <= high; k++) {
        double v = pow(10, k);
        if ((high - k) % every) continue;
        if (v >= a->from && v <= a->to * (1 + 1e-9)) add(t, v);
        if (both && -v >= a->from * (1 + 1e-9) && -v <= a->to) add(t, -v);
    }
}

void axis_find_ticks(const axis_range *a, int wanted, axis_ticks *ticks) {
    ticks->n = 0;
    if (!(a->to > a->from)) return;
    if (a->scale == CHART_LINEAR) linear_ticks(a, wanted, ticks);
    else power_ticks(a, wanted, ticks);
}
