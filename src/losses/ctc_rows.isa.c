/* ctc_rows.isa.c - the softmax of one frame, in passes that leave nothing behind but its maximum and its sum.
 *
 * The sum must be exact for those e^(z-max) that the states get: where two symbols share a frame, and both belong to
 * the label, the logarithms of sum and states cancel, and leave a loss of 1e-3 for which 1e-7 is much. */
#include "losses/ctc.h"
#include "tensor/vmath.h"

enum { BLOCK = 16 };

/* Numbers are taken a BLOCK at a time, which becomes one, two or four vectors. The last block begins before the one in
 * front of it ends, so that a row has no odd numbers at its end; only rows shorter than a BLOCK have. */
static inline size_t block_at(size_t i, size_t n) { return i + BLOCK <= n ? i : n - BLOCK; }

#ifdef TW_DOUBLE

static tw_real maximum(size_t n, const tw_real *z) {
    tw_real max = -INFINITY;
    for (size_t i = 0; i < n; i++) max = z[i] > max ? z[i] : max;
    return max;
}

/* sum_k e^(z_k - max) */
static double sum_of_exps(size_t n, const tw_real *z, tw_real max) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += exp(z[i] - max);
    return sum;
}

#else

/* A float's bits, with those below the sign turned around when it is negative, are an integer of the same order: and
 * the maximum of integers may be taken in any order, so that it becomes vector code. (A NaN is one of the ends; it
 * shows in the sum.) */
static inline int32_t ordered(float x) { return tw__bits(x) ^ ((tw__bits(x) >> 31) & INT32_MAX); }

static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

static float maximum(size_t n, const float *z) {
    int32_t max = ordered(-INFINITY);
    const size_t blocks = n / BLOCK * BLOCK;
    for (size_t i = 0; i < blocks; i++) max = larger(max, ordered(z[i]));
    if (blocks && blocks < n)
        for (size_t j = 0; j < BLOCK; j++) max = larger(max, ordered(z[n - BLOCK + j]));
    for (size_t i = 0; !blocks && i < n; i++) max = larger(max, ordered(z[i]));
    return tw__from_bits(max ^ ((max >> 31) & INT32_MAX));
}

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX2__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vec __attribute__((vector_size(LANES * sizeof(float))));

/* sum_k e^(z_k - max) of numbers from 0 to 1. Each is cut at 2^-12: adding 1.5 * 2^11 rounds it there. The first parts
 * add up exactly, and the others are so small that what their sum loses is nothing. */
static double sum_of_exps(size_t n, const float *restrict z, float max) {
    static const float once[2 * BLOCK] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                          1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const float cut = 3072.0f;
    vec high = {0}, low = {0};
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t at = n < BLOCK ? 0 : block_at(i, n);
        float e[BLOCK] __attribute__((aligned(sizeof(vec))));
        if (n < BLOCK)
            for (size_t j = 0; j < BLOCK; j++) e[j] = j < n ? tw__exp1(z[j] - max) : 0;
        else
            for (size_t j = 0; j < BLOCK; j++) e[j] = tw__exp1(z[at + j] - max);
        for (size_t j = 0; j < BLOCK; j += LANES) {
            vec x, counts; /* 0 for what the block before has done */
            memcpy(&x, e + j, sizeof x);
            memcpy(&counts, once + BLOCK - (i - at) + j, sizeof counts);
            x *= counts;
            const vec first = (x + cut) - cut;
            high += first;
            low += x - first;
        }
    }
    float h[LANES] __attribute__((aligned(sizeof(vec)))), l[LANES] __attribute__((aligned(sizeof(vec))));
    memcpy(h, &high, sizeof h);
    memcpy(l, &low, sizeof l);
#define FOLD(half) \
    for (size_t j = 0; j < (half); j++) h[j] += h[j + (half)], l[j] += l[j + (half)]
    FOLD(LANES / 2);
    FOLD(LANES / 4);
#if defined(__AVX2__)
    FOLD(LANES / 8);
#endif
#if defined(__AVX512F__)
    FOLD(LANES / 16);
#endif
    return (double)h[0] + (double)l[0];
}

#endif

void TW_ISA_NAME(tw__ctc_softmax)(size_t K, const tw_real *z, tw_real *max, double *sum) {
    *max = maximum(K, z);
    *sum = sum_of_exps(K, z, *max);
}

void TW_ISA_NAME(tw__ctc_softmax_grad)(size_t K, const tw_real *restrict z, tw_real max, tw_real scale, tw_real beta,
                                       tw_real *restrict dz) {
    if (beta != 0) {
        for (size_t k = 0; k < K; k++) dz[k] += scale * tw__exp1(z[k] - max);
        return;
    }
    for (size_t i = 0; K >= BLOCK && i < K; i += BLOCK) {
        const size_t at = block_at(i, K);
        for (size_t j = 0; j < BLOCK; j++) dz[at + j] = scale * tw__exp1(z[at + j] - max);
    }
    for (size_t k = 0; K < BLOCK && k < K; k++) dz[k] = scale * tw__exp1(z[k] - max);
}
