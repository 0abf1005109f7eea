/* ctc_rows.isa.c - the softmax of many rows, in passes that leave nothing behind but their maxima and sums.
 *
 * The sum must be exact for those e^(z-max) that the states get: where two symbols share a frame, and both belong to
 * the label, the logarithms of sum and states cancel, and leave a loss of 1e-3 for which 1e-7 is much. */
#include "losses/ctc.h"
#include "losses/ctc_exp.h"
#include "tensor/simd.h"

/* Numbers are taken a BLOCK at a time, which becomes one, two or four vectors. The last block begins before the one in
 * front of it ends, so that a row has no odd numbers at its end; rows shorter than a BLOCK are done one by one. */
enum { BLOCK = 16 };
static inline size_t block_at(size_t i, size_t n) { return i + BLOCK <= n ? i : n - BLOCK; }

/* One row, number by number. */
static void softmax_row(size_t n, const tw_real *z, tw__ctc_frame *frame) {
    *frame = (tw__ctc_frame){.max = -INFINITY};
    for (size_t i = 0; i < n; i++) frame->max = z[i] > frame->max ? z[i] : frame->max;
    for (size_t i = 0; i < n; i++) frame->sum += (double)tw__ctc_exp(z[i] - frame->max);
}

#ifdef TW_DOUBLE

void TW_ISA_NAME(tw__ctc_softmax)(size_t rows, size_t K, const tw_real *z, tw__ctc_frame *frame) {
    for (size_t r = 0; r < rows; r++) softmax_row(K, z + r * K, &frame[r]);
}

#else

typedef int32_t mask __attribute__((vector_size(TW__VECTOR_BYTES)));
enum { LANES = TW__LANES, CACHED = 4096 };

/* A NaN is passed over; it shows in the sum. */
static inline tw__vec larger(tw__vec a, tw__vec b) {
    const mask second = b > a;
    return (tw__vec)(((mask)b & second) | ((mask)a & ~second));
}

/* The largest of every LANES-th number. */
static inline tw__vec maxima(size_t n, const float *z) {
    tw__vec max = tw__load(z);
    for (size_t i = 0; i < n; i += BLOCK)
        for (size_t j = 0, at = block_at(i, n); j < BLOCK; j += LANES) max = larger(max, tw__load(z + at + j));
    return max;
}

/* sum_k e^(z_k - max) over every LANES-th number, in two parts. Each e is cut at 2^-12: adding 1.5 * 2^11 rounds it
 * there. The first parts add up exactly, and the others are so small that what their sum loses is nothing. */
static inline void sums(size_t n, const float *restrict z, float max, tw__vec *high, tw__vec *low) {
    static const float once[2 * BLOCK] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                          1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const float cut = 3072.0f;
    tw__vec h = {0}, l = {0};
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t at = block_at(i, n);
        float e[BLOCK] __attribute__((aligned(TW__VECTOR_BYTES)));
        for (size_t j = 0; j < BLOCK; j++) e[j] = tw__ctc_exp(z[at + j] - max);
        for (size_t j = 0; j < BLOCK; j += LANES) { /* times 0 what the block before has done */
            const tw__vec x = tw__load(e + j) * tw__load(once + BLOCK - (i - at) + j), first = (x + cut) - cut;
            h += first;
            l += x - first;
        }
    }
    *high = h;
    *low = l;
}

/* LANES rows or fewer: their vectors are turned, so that lane r of each is a part of row r. */
static void softmax_rows(size_t rows, size_t K, const float *z, tw__ctc_frame *frame) {
    tw__vec high[LANES] = {{0}}, low[LANES] = {{0}};
    float max[LANES], h[LANES], l[LANES];
    for (size_t r = 0; r < rows; r++) high[r] = maxima(K, z + r * K);
    tw__turn(high);
    for (size_t c = 1; c < LANES; c++) high[0] = larger(high[0], high[c]);
    tw__store(max, high[0]);
    for (size_t r = 0; r < LANES; r++) high[r] = low[r];
    for (size_t r = 0; r < rows; r++) sums(K, z + r * K, max[r], &high[r], &low[r]);
    tw__turn(high);
    tw__turn(low);
    for (size_t c = 1; c < LANES; c++) {
        high[0] += high[c];
        low[0] += low[c];
    }
    tw__store(h, high[0]);
    tw__store(l, low[0]);
    for (size_t r = 0; r < rows; r++) frame[r] = (tw__ctc_frame){.max = max[r], .sum = (double)h[r] + (double)l[r]};
}

void TW_ISA_NAME(tw__ctc_softmax)(size_t rows, size_t K, const tw_real *z, tw__ctc_frame *frame) {
    size_t group = CACHED / K; /* the second pass finds in the cache what the first has read */
    group = group < 1 ? 1 : group > LANES ? LANES : group;
    for (size_t r = 0; r < rows; r += group)
        if (K < BLOCK)
            for (size_t i = r; i < r + group && i < rows; i++) softmax_row(K, z + i * K, &frame[i]);
        else softmax_rows(rows - r < group ? rows - r : group, K, z + r * K, frame + r);
}

#endif

void TW_ISA_NAME(tw__ctc_softmax_grad)(size_t rows, size_t K, const tw_real *restrict z, const tw__ctc_frame *frame,
                                       const tw_real *scale, tw_real beta, tw_real *restrict dz) {
    for (size_t r = 0; r < rows; r++, z += K, dz += K) {
        const tw_real max = frame[r].max, by = (tw_real)((double)scale[r] / frame[r].sum);
        if (beta != 0) {
            for (size_t k = 0; k < K; k++) dz[k] += by * tw__ctc_exp(z[k] - max);
            continue;
        }
        for (size_t i = 0; K >= BLOCK && i < K; i += BLOCK)
            for (size_t j = 0, at = block_at(i, K); j < BLOCK; j++) dz[at + j] = by * tw__ctc_exp(z[at + j] - max);
        for (size_t k = 0; K < BLOCK && k < K; k++) dz[k] = by * tw__ctc_exp(z[k] - max);
    }
}
