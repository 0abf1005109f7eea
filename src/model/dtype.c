/* dtype.c - the kinds of numbers in safetensors files: reading them as tw_real, and writing tw_real as one of them.
 *
 * A real becomes the nearest number of the narrower kind, and of two that are equally near the even one (IEEE 754,
 * roundTiesToEven), denormal ones included. What would become infinite is not written at all. */
#include "model/safetensors.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Copies through memcpy, for the bytes may lie anywhere. */
#define READER(name, type, value)                                    \
    static void name(const void *from, size_t n, tw_real *to) {      \
        for (size_t i = 0; i < n; i++) {                             \
            type x;                                                  \
            memcpy(&x, (const char *)from + i * sizeof x, sizeof x); \
            to[i] = (tw_real)(value);                                \
        }                                                            \
    }

static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* bfloat16 is the upper half of a float. */
static float from_bf16(uint16_t x) { return float_of((uint32_t)x << 16); }

/* IEEE 754 half: 1 sign, 5 exponent (bias 15), 10 fraction. No branches: a model has millions of them. */
static float from_f16(uint16_t x) {
    uint32_t sign = (uint32_t)(x & 0x8000) << 16, exponent = x >> 10 & 31, fraction = x & 1023;
    uint32_t wide = exponent == 31 ? 255 : exponent + 112; /* bias 127 */
    float normal = float_of(wide << 23 | fraction << 13), denormal = (float)fraction * 0x1p-24f;
    uint32_t bits, small;
    memcpy(&bits, &normal, sizeof bits);
    memcpy(&small, &denormal, sizeof small);
    return float_of(sign | (exponent ? bits : small));
}

READER(read_f64, double, x)
READER(read_f32, float, x)
READER(read_f16, uint16_t, from_f16(x))
READER(read_bf16, uint16_t, from_bf16(x))
READER(read_i64, int64_t, x)
READER(read_i32, int32_t, x)
READER(read_u8, uint8_t, x)

/* What a float cannot hold: halfway from its largest number to 2^128 rounding to the nearest gives infinity. */
#define BEYOND_FLOAT 0x1.ffffffp127

static size_t fit_f64(const void *from, size_t n) {
    for (size_t i = 0; sizeof(tw_real) < sizeof(double) && i < n; i++) {
        double x;
        memcpy(&x, (const char *)from + i * sizeof x, sizeof x);
        if (isfinite(x) && fabs(x) >= BEYOND_FLOAT) return i;
    }
    return n;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* |x| rounded to `digits` binary digits, or to a multiple of 2^least where that is coarser. Both scalings are by powers
 * of two and exact, so there is one rounding, that of rint. */
static double rounded(double x, int digits, int least) {
    int exponent;
    frexp(x, &exponent); /* |x| < 2^exponent */
    int unit = exponent - digits > least ? exponent - digits : least;
    return ldexp(rint(ldexp(fabs(x), -unit)), unit);
}

static uint16_t sign_of(double x) { return signbit(x) ? 0x8000 : 0; }

static bool to_f16(double x, uint16_t *to) {
    double r = isfinite(x) ? rounded(x, 11, -24) : INFINITY;
    int exponent;
    if (r > 65504) return false;
    double fraction = frexp(r, &exponent); /* r = fraction 2^exponent, fraction in [1/2, 1) */
    if (r < 0x1p-14) *to = (uint16_t)(r * 0x1p24);
    else *to = (uint16_t)(((exponent + 14) << 10) + (int)(fraction * 2048) - 1024);
    *to |= sign_of(x);
    return true;
}

static bool to_bf16(double x, uint16_t *to) {
    double r = isfinite(x) ? rounded(x, 8, -133) : INFINITY;
    if (r > 0x1.fep127) return false;
    float f = (float)r; /* exact */
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    *to = (uint16_t)(bits >> 16) | sign_of(x);
    return true;
}

static bool to_f32(double x, float *to) {
    *to = (float)x;
    return fabs(x) < BEYOND_FLOAT;
}

static bool to_f64(double x, double *to) {
    *to = x;
    return isfinite(x);
}

#define WRITER(name, type, convert)                               \
    static size_t name(const tw_real *from, size_t n, void *to) { \
        for (size_t i = 0; i < n; i++) {                          \
            type x;                                               \
            if (!convert((double)from[i], &x)) return i;          \
            memcpy((char *)to + i * sizeof x, &x, sizeof x);      \
        }                                                         \
        return n;                                                 \
    }

WRITER(write_f64, double, to_f64)
WRITER(write_f32, float, to_f32)
WRITER(write_f16, uint16_t, to_f16)
WRITER(write_bf16, uint16_t, to_bf16)

/* ---- the table ----------------------------------------------------------------------------------------- */

static const tw__dtype dtypes[] = {
    {"F64", 8, read_f64, fit_f64, write_f64, DBL_MAX},
    {"F32", 4, read_f32, NULL, write_f32, FLT_MAX},
    {"F16", 2, read_f16, NULL, write_f16, 65504},
    {"BF16", 2, read_bf16, NULL, write_bf16, 0x1.fep127},
    {"I64", 8, read_i64, NULL, NULL, 0},
    {"I32", 4, read_i32, NULL, NULL, 0},
    {"U8", 1, read_u8, NULL, NULL, 0},
};
const tw__dtype *const tw__dtype_f64 = &dtypes[0], *const tw__dtype_real = &dtypes[sizeof(tw_real) == 8 ? 0 : 1];

const tw__dtype *tw__dtype_find(const char *name) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(dtypes[i].name, name)) return &dtypes[i];
    return NULL;
}
