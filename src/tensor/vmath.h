/* vmath.h - exp, log, sigmoid and tanh that the compiler can vectorise.
 *
 * libm's functions are calls, and a loop around a call stays scalar. The ones here are straight-line arithmetic, so a
 * loop over them becomes vector code in a file compiled for AVX2 or AVX-512. In float, against double libm: exp and
 * log stay within 1 ulp, sigmoid and tanh within 2. Limits are exact: exp(-inf) = 0, exp(88.73) = inf, log(0) =
 * -inf, sigmoid(+-inf) = 1 and 0, tanh(+-inf) = +-1; NaN gives NaN. A result below the smallest normal number may
 * come out as 0, and a denormal argument may be taken for 0: in the threads, where denormals are flushed, both are.
 * In double all four are libm's. */
#ifndef TW_VMATH_H
#define TW_VMATH_H

#include "tensor/hot.h"
#include <math.h>
#include <string.h>

/* y[i] = f(x[i]); y may be x, but must not overlap it otherwise. */
TW_ISA_DECLARE(void, tw__vexp, (size_t n, const tw_real *x, tw_real *y));
TW_ISA_DECLARE(void, tw__vlog, (size_t n, const tw_real *x, tw_real *y));
TW_ISA_DECLARE(void, tw__vsigmoid, (size_t n, const tw_real *x, tw_real *y)); /* 1 / (1 + e^-x) */
TW_ISA_DECLARE(void, tw__vtanh, (size_t n, const tw_real *x, tw_real *y));

/* Before a loop whose iterations do not depend on each other although its pointers may be equal. In double the loops
 * call libm and are left alone. */
#if defined(TW_DOUBLE)
#define TW_INDEPENDENT
#elif defined(__clang__)
#define TW_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define TW_INDEPENDENT _Pragma("GCC ivdep")
#else
#define TW_INDEPENDENT
#endif

/* One number each, for fused loops in other .isa.c files. */
#ifdef TW_DOUBLE

static inline tw_real tw__exp1(tw_real x) { return exp(x); }
static inline tw_real tw__log1(tw_real x) { return log(x); }
static inline tw_real tw__sigmoid1(tw_real x) { return 1 / (1 + exp(-x)); }
static inline tw_real tw__tanh1(tw_real x) { return tanh(x); }

#else

static inline int32_t tw__bits(float x) {
    int32_t i;
    memcpy(&i, &x, sizeof i);
    return i;
}

static inline float tw__from_bits(int32_t i) {
    float x;
    memcpy(&x, &i, sizeof x);
    return x;
}

/* 2^k for -126 <= k <= 127. The sum is unsigned because a NaN's k may be any number. */
static inline float tw__exp2i(int32_t k) { return tw__from_bits((int32_t)((uint32_t)(k + 127) << 23)); }

/* e^x = 2^k e^r with x = k ln 2 + r, |r| <= ln(2)/2. Adding 1.5 * 2^23 rounds x / ln 2 to the nearest integer and
 * leaves it in the low bits. ln 2 is split in two, the first part short enough that k times it is exact; what is lost
 * in subtracting the second, and in adding r to 1, is carried along in `low`: the result errs little more than half an
 * ulp. The polynomial is the minimax one for relative error.
 *
 * The bounds lie just outside what is finite and above 0; a NaN passes both comparisons. 2^k is multiplied in two
 * halves, since k = 128 (e^x close to the largest float) is no exponent of a float. */
/* quote: exp */
static inline float tw__exp1(float x) {
    const float shift = 12582912.0f;
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    const float kf = x * 1.44269504f + shift;
    const int32_t k = tw__bits(kf) - tw__bits(shift), half = k >> 1;
    const float kr = kf - shift, near = x - kr * 0.693359375f, tail = kr * 2.12194440e-4f;
    const float r = near + tail, one = 1.0f + r;
    const float low = ((near - r) + tail) + ((1.0f - one) + r);
    const float p = 0.5f + r * (0.166665375f + r * (0.0416662656f + r * (0.00836724509f + r * 0.00139475963f)));
    return (one + (low + r * r * p)) * tw__exp2i(half) * tw__exp2i(k - half);
}
/* end quote */

/* 1 / s with s = 1 + e^-x, corrected for what the sum lost, unless s is infinite: e^-x overflows below -88.7, which
 * gives the 0 that is wanted. */
static inline float tw__sigmoid1(float x) {
    const float e = tw__exp1(-x), s = 1.0f + e, y = 1.0f / s;
    const float lost = e < 1.0f ? (1.0f - s) + e : (e - s) + 1.0f;
    return s < 3.0e38f ? y - y * (y * lost) : y;
}

/* Near 0 the minimax polynomial of (tanh x - x) / x^3 in x^2, where 1 - 2 / (e^2a + 1) would lose digits. From a = 10
 * on the result is exactly 1. */
/* quote: tanh */
static inline float tw__tanh1(float x) {
    float a = fabsf(x);
    a = a > 10.0f ? 10.0f : a;
    const float z = a * a;
    float p = 0.0204694201f - z * 0.0055151641f;
    p = -0.0536880232f + z * p;
    p = 0.133308303f + z * p;
    p = -0.333332598f + z * p;
    const float small = a + a * (z * p), large = 1.0f - 2.0f / (tw__exp1(a + a) + 1.0f);
    return copysignf(a < 0.65f ? small : large, x);
}
/* end quote */

/* x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), found by subtracting the bits of sqrt(1/2):
 * ln x = k ln 2 + f - f^2/2 + f^3 P(f), P the minimax polynomial. Denormals are scaled up first. */
static inline float tw__log1(float x) {
    const bool tiny = x < 1.17549435e-38f;
    const int32_t i = tw__bits(tiny ? x * 8388608.0f : x);
    const int32_t k = (int32_t)((uint32_t)i - 0x3f3504f3u) >> 23;
    const float f = tw__from_bits((int32_t)((uint32_t)i - ((uint32_t)k << 23))) - 1.0f;
    const float kf = (float)(tiny ? k - 23 : k);
    float p = 0.128834143f - f * 0.0786578804f;
    p = -0.131269887f + f * p;
    p = 0.141809285f + f * p;
    p = -0.166247651f + f * p;
    p = 0.200022995f + f * p;
    p = -0.250008017f + f * p;
    p = 0.333333164f + f * p;
    const float f2 = f * f;
    float y = f2 * f * p - kf * 2.12194440e-4f;
    y = kf * 0.693359375f + (f + (y - 0.5f * f2));
    y = x > 3.40282347e38f ? x : y; /* +inf */
    y = x == 0.0f ? -HUGE_VALF : y;
    return x >= 0.0f ? y : (float)NAN; /* negative, or NaN */
}

#endif

#endif
