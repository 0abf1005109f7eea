/* machine.h - what this machine can do at most, measured. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdint.h>
#include <thalweg/thalweg.h>

double machine_fma_gflops(tw_ctx *ctx); /* multiply-adds in registers, on all of ctx's threads */
/* GB/s of y += a x, two reads and a write, over so many bytes a thread; 0: no memory. */
double machine_bandwidth(tw_ctx *ctx, size_t bytes);
const char *machine_isa(void); /* of the loops above */

/* machine.isa.c, once per instruction set; both return something of the result, so that it must be computed. */
#define MACHINE_LOOPS(isa)                                             \
    float machine_fma_##isa(long rounds, const float *ab, long *flop); \
    float machine_axpy_##isa(size_t n, float a, const float *x, float *y)
MACHINE_LOOPS(base);
MACHINE_LOOPS(avx2);
MACHINE_LOOPS(avx512);

#endif
