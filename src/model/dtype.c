/* dtype.c - the kinds of numbers in safetensors files, and reading them as tw_real. */
#include "model/safetensors.h"

#include <math.h>
#include <string.h>

/* Copies through memcpy, for the bytes may lie anywhere. */
#define READER(name, type, value)                                    \
    static void name(const void *from, size_t n, tw_real *to) {      \
        for (size_t i = 0; i < n; i++) {                             \
            type x;                                                  \
            memcpy(&x, (const char *)from + i * sizeof x, sizeof x); \
            to[i] = (tw_real)(value);                                \
        }                                                            \
    }

/* bfloat16 is the upper half of a float. */
static float from_bf16(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* IEEE 754 half: 1 sign, 5 exponent (bias 15), 10 fraction. */
static double from_f16(uint16_t x) {
    int exponent = x >> 10 & 31, fraction = x & 1023;
    double sign = x >> 15 ? -1 : 1;
    if (exponent == 31) return fraction ? (double)NAN : sign * INFINITY;
    if (!exponent) return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

READER(read_f64, double, x)
READER(read_f32, float, x)
READER(read_f16, uint16_t, from_f16(x))
READER(read_bf16, uint16_t, from_bf16(x))
READER(read_i64, int64_t, x)
READER(read_i32, int32_t, x)
READER(read_u8, uint8_t, x)

static const tw__dtype dtypes[] = {
    {"F64", 8, read_f64}, {"F32", 4, read_f32}, {"F16", 2, read_f16}, {"BF16", 2, read_bf16},
    {"I64", 8, read_i64}, {"I32", 4, read_i32}, {"U8", 1, read_u8},
};
const tw__dtype *const tw__dtype_f64 = &dtypes[0], *const tw__dtype_real = &dtypes[sizeof(tw_real) == 8 ? 0 : 1];

const tw__dtype *tw__dtype_find(const char *name) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(dtypes[i].name, name)) return &dtypes[i];
    return NULL;
}
