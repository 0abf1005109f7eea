/* machine.c - see machine.h. */
#include "machine.h"

#include <stdlib.h>
#include <thalweg/extend.h>

#include "../../examples/common/progress.h"

typedef struct loops {
    const char *name;
    float (*fma)(long rounds, const float *ab, long *flop);
    float (*axpy)(size_t n, float a, const float *x, float *y);
} loops;

static loops best_loops(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
        return (loops){"avx512", machine_fma_avx512, machine_axpy_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (loops){"avx2", machine_fma_avx2, machine_axpy_avx2};
#endif
    return (loops){"base", machine_fma_base, machine_axpy_base};
}

const char *machine_isa(void) { return best_loops().name; }

typedef struct job {
    loops use;
    long rounds, flop;
    float ab[2];
    size_t n;    /* numbers a thread */
    float *data; /* x and y of each thread */
    volatile float sink;
} job;

enum { TIMES = 5 };

static double best_of(tw_ctx *ctx, job *j, void (*run)(void *, int, int)) {
    double best = 0;
    for (int i = 0; i < TIMES; i++) {
        double began = progress_clock();
        tw_parallel_for(ctx, tw_threads(ctx), run, j);
        double spent = progress_clock() - began;
        if (!i || spent < best) best = spent;
    }
    return best;
}

static void run_fma(void *arg, int block, int thread) {
    job *j = arg;
    long flop;
    float r = j->use.fma(j->rounds, j->ab, &flop);
    (void)thread;
    if (!block) j->sink = r, j->flop = flop;
}

double machine_fma_gflops(tw_ctx *ctx) {
    job j = {.use = best_loops(), .rounds = 4000000, .ab = {0.999f, 1e-3f}};
    double seconds = best_of(ctx, &j, run_fma);
    return 1e-9 * (double)j.flop * tw_threads(ctx) / seconds;
}

static void run_axpy(void *arg, int block, int thread) {
    job *j = arg;
    float *x = j->data + (size_t)block * 2 * j->n, r = 0;
    (void)thread;
    for (long i = 0; i < j->rounds; i++) r += j->use.axpy(j->n, 1e-3f, x, x + j->n);
    if (!block) j->sink = r;
}

double machine_bandwidth(tw_ctx *ctx, size_t bytes) {
    job j = {.use = best_loops(), .n = bytes / (2 * sizeof(float))};
    size_t all = 2 * j.n * (size_t)tw_threads(ctx);
    j.data = malloc(all * sizeof *j.data);
    for (size_t i = 0; j.data && i < all; i++) j.data[i] = 1;
    j.rounds = 1 + (long)(((size_t)64 << 20) / bytes);
    double seconds = j.data ? best_of(ctx, &j, run_axpy) : 0;
    free(j.data);
    return seconds > 0 ? 1e-9 * 12 * (double)j.n * (double)j.rounds * tw_threads(ctx) / seconds : 0;
}
