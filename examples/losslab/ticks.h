/* ticks.h - the scale of an axis, and where its numbers stand. */
#ifndef LOSSLAB_TICKS_H
#define LOSSLAB_TICKS_H

#include "chart.h"

typedef struct axis_range {
    double from, to;
    chart_scale scale;
    double unit;
} axis_range;

enum { AXIS_MAX_TICKS = 24 };
typedef struct axis_ticks {
    int n;
    double at[AXIS_MAX_TICKS];
    char text[AXIS_MAX_TICKS][24];
} axis_ticks;

double axis_place(const axis_range *a, double v); /* 0 at from, 1 at to */
/* The range from low to high, with a share of it added at both ends. */
void axis_widen(axis_range *a, double low, double high, double share);
/* About `wanted` round numbers in the range. */
void axis_find_ticks(const axis_range *a, int wanted, axis_ticks *ticks);
/* 1500 is "1500", 2000000 "2·10⁶", -3 "−3". */
void axis_number(double v, char *text, int size);

#endif
