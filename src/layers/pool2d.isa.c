/* pool2d.isa.c - pooling's loops along a row. Steps 1 and 2 have loops of their own, which become vector code. */
#include "layers/pool2d.h"

#define MAX_LOOP(step)                                 \
    if (at)                                            \
        for (int i = 0; i < n; i++) {                  \
            tw_real v = x[i * (step)];                 \
            bool wins = TW__MAX_WINS(v, y[i]);         \
            y[i] = wins ? v : y[i];                    \
            at[i] = wins ? start + i * (step) : at[i]; \
        }                                              \
    else                                               \
        for (int i = 0; i < n; i++) {                  \
            tw_real v = x[i * (step)];                 \
            y[i] = TW__MAX_WINS(v, y[i]) ? v : y[i];   \
        }

void TW_ISA_NAME(tw__max_sweep)(int n, const tw_real *restrict x, int step, tw_real *restrict y, int32_t *restrict at,
                                int32_t start) {
    if (step == 1) {
        MAX_LOOP(1)
    } else if (step == 2) {
        MAX_LOOP(2)
    } else {
        MAX_LOOP(step)
    }
}

void TW_ISA_NAME(tw__max_2x2)(int n, const tw_real *restrict a, const tw_real *restrict b, tw_real *restrict y,
                              int32_t *restrict at, int32_t start, int32_t width) {
    if (!at) {
        for (int i = 0; i < n; i++) {
            tw_real m = a[2 * i], v = a[2 * i + 1];
            m = TW__MAX_WINS(v, m) ? v : m, v = b[2 * i];
            m = TW__MAX_WINS(v, m) ? v : m, v = b[2 * i + 1];
            y[i] = TW__MAX_WINS(v, m) ? v : m;
        }
        return;
    }
    for (int i = 0; i < n; i++) {
        tw_real m = a[2 * i], v1 = a[2 * i + 1], v2 = b[2 * i], v3 = b[2 * i + 1];
        int32_t k = start + 2 * i, where = k;
        bool wins = TW__MAX_WINS(v1, m);
        m = wins ? v1 : m, where = wins ? k + 1 : where;
        wins = TW__MAX_WINS(v2, m);
        m = wins ? v2 : m, where = wins ? k + width : where;
        wins = TW__MAX_WINS(v3, m);
        y[i] = wins ? v3 : m, at[i] = wins ? k + width + 1 : where;
    }
}

#define ADD_LOOP(x_step, y_step) \
    for (int i = 0; i < n; i++) y[i * (y_step)] += factor * x[i * (x_step)];

void TW_ISA_NAME(tw__add_sweep)(int n, const tw_real *restrict x, int x_step, tw_real factor, tw_real *restrict y,
                                int y_step) {
    if (x_step == 1 && y_step == 1) ADD_LOOP(1, 1)
    else if (x_step == 2 && y_step == 1) ADD_LOOP(2, 1)
    else if (x_step == 1 && y_step == 2) ADD_LOOP(1, 2)
    else ADD_LOOP(x_step, y_step)
}
