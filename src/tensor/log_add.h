/* log_add.h - sums of probabilities that are kept as logarithms. */
#ifndef TW_LOG_ADD_H
#define TW_LOG_ADD_H

#include <math.h>

/* ln(e^a + e^b). Below -40 the smaller one is less than half a unit in the last place of the sum. */
static inline double tw__log_add(double a, double b) {
    double max = a > b ? a : b, d = a > b ? b - a : a - b;
    if (d < -40) return max;
    if (isnan(d)) return a + b; /* both -inf, or one is NaN */
    return max + log1p(exp(d));
}

#endif
