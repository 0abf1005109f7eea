/* epilogue.isa.c - bias and activation in one pass, and the activation's derivative from its output. */
#include "layers/epilogue.h"

#include "tensor/vmath.h"

/* One loop per activation, so that each is a plain vector loop. z is the pre-activation of element i. */
#define LOOP TW_INDEPENDENT for (size_t i = 0; i < n; i++)
#define ACT_LOOPS(out, z)                                      \
    switch (act) {                                             \
    case TW_ACT_NONE: LOOP out[i] = z; break;                  \
    case TW_ACT_RELU: /* written so that NaN passes */         \
        LOOP {                                                 \
            tw_real v = z;                                     \
            out[i] = v < 0 ? 0 : v;                            \
        }                                                      \
        break;                                                 \
    case TW_ACT_LEAKY_RELU:                                    \
        LOOP {                                                 \
            tw_real v = z;                                     \
            out[i] = v < 0 ? TW__LEAKY_SLOPE * v : v;          \
        }                                                      \
        break;                                                 \
    case TW_ACT_SIGMOID: LOOP out[i] = tw__sigmoid1(z); break; \
    case TW_ACT_TANH: LOOP out[i] = tw__tanh1(z); break;       \
    case TW_ACT_GELU:                                          \
    case TW_ACT_GELU_TANH: break; /* never fused */            \
    }

void TW_ISA_NAME(tw__affine_act)(tw_act act, size_t n, const tw_real *x, tw_real center, tw_real scale, tw_real shift,
                                 tw_real *y) {
    ACT_LOOPS(y, (x[i] - center) * scale + shift)
}

void TW_ISA_NAME(tw__bias_act)(tw_act act, size_t n, tw_real *y, const tw_real *bias) {
    if (bias) {
        ACT_LOOPS(y, y[i] + bias[i])
    } else if (act != TW_ACT_NONE) {
        ACT_LOOPS(y, y[i])
    }
}

void TW_ISA_NAME(tw__act_grad)(tw_act act, size_t n, const tw_real *y, const tw_real *dy, tw_real *dz) {
    switch (act) {
    case TW_ACT_NONE:
        for (size_t i = 0; i < n; i++) dz[i] = dy[i];
        break;
    case TW_ACT_RELU:
        for (size_t i = 0; i < n; i++) dz[i] = y[i] > 0 ? dy[i] : 0;
        break;
    case TW_ACT_LEAKY_RELU:
        for (size_t i = 0; i < n; i++) dz[i] = y[i] > 0 ? dy[i] : TW__LEAKY_SLOPE * dy[i];
        break;
    case TW_ACT_SIGMOID:
        for (size_t i = 0; i < n; i++) dz[i] = dy[i] * y[i] * (1 - y[i]);
        break;
    case TW_ACT_TANH:
        for (size_t i = 0; i < n; i++) dz[i] = dy[i] * (1 - y[i] * y[i]);
        break;
    case TW_ACT_GELU:
    case TW_ACT_GELU_TANH: break; /* never fused */
    }
}

void TW_ISA_NAME(tw__act_grad_rows)(tw_act act, int rows, size_t n, size_t ld, const tw_real *y, const tw_real *dy,
                                    tw_real *dz, double *restrict sum) {
    for (int r = 0; r < rows; r++, y += ld, dy += ld) {
        if (dz) TW_ISA_NAME(tw__act_grad)(act, n, y, dy, dz);
        const tw_real *restrict line = dz ? dz : dy;
        for (size_t i = 0; sum && i < n; i++) sum[i] += (double)line[i];
        if (dz) dz += ld;
    }
}

double TW_ISA_NAME(tw__sum)(size_t n, const tw_real *x) {
    double lane[16] = {0}; /* independent sums, so that the loop has no chain of additions to wait for */
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int k = 0; k < 16; k++) lane[k] += (double)x[i + (size_t)k];
    double sum = 0;
    for (; i < n; i++) sum += (double)x[i];
    for (int k = 0; k < 16; k++) sum += lane[k];
    return sum;
}
