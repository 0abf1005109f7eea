/* machine.isa.c - the loops of machine.c, compiled for each instruction set. */
#include "machine.h"

#include <string.h>

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vec __attribute__((vector_size(4 * LANES)));

#define GLUE(a, b) a##_##b
#define NAME(a, isa) GLUE(a, isa)

/* Twelve sums of their own hide the latency of a multiply-add (4 cycles, two a cycle) and fit into the registers. */
enum { SUMS = 12 };

float NAME(machine_fma, TW_ISA)(long rounds, const float *ab, long *flop) {
    vec sum[SUMS], a = ab[0] - (vec){0}, b = ab[1] - (vec){0};
    float out[LANES];
    for (int i = 0; i < SUMS; i++) sum[i] = (float)i - (vec){0};
    for (long r = 0; r < rounds; r++)
        for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * a + b;
    for (int i = 1; i < SUMS; i++) sum[0] += sum[i];
    memcpy(out, &sum[0], sizeof out);
    *flop = 2L * LANES * SUMS * rounds;
    return out[0];
}

float NAME(machine_axpy, TW_ISA)(size_t n, float a, const float *x, float *y) {
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
    return y[0];
}
