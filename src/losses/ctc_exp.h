/* ctc_exp.h - the exponential of CTC's fast kernels, for files named X.isa.c. */
#ifndef TW_CTC_EXP_H
#define TW_CTC_EXP_H

#include "tensor/vmath.h"

/* e^x for x <= 0, to 1.1 ulp: half the work of tw__exp1, which knows all x and the last digit. 0 below -87, where
 * floats begin to end, and 1 at 0; a NaN remains. The states and the softmax that divides them use the same one. */
static inline tw_real tw__ctc_exp(tw_real x) {
#ifdef TW_DOUBLE
    return exp(x);
#else
    const float shift = 12582912.0f; /* rounds x / ln 2 to an integer k and leaves it in the low bits */
    const float kf = x * 1.44269504f + shift, k = kf - shift;
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    const float p = 0.5f + r * (0.166665375f + r * (0.0416662656f + r * (0.00836724509f + r * 0.00139475963f)));
    const float power = tw__from_bits((int32_t)(((uint32_t)tw__bits(kf) + 127) << 23));
    return x < -87.0f ? 0 : (1.0f + (r + r * r * p)) * power;
#endif
}

#endif
