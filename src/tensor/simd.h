/* simd.h - the vectors of an instruction set, for files named X.isa.c: GCC's vector extension, which clang has too. */
#ifndef TW_SIMD_H
#define TW_SIMD_H

#include "tensor/hot.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define TW__VECTOR_BYTES 64
#elif defined(__AVX2__)
#define TW__VECTOR_BYTES 32
#else
#define TW__VECTOR_BYTES 16
#endif

typedef tw_real tw__vec __attribute__((vector_size(TW__VECTOR_BYTES)));
/* The same anywhere in memory. */
typedef tw_real tw__vec_at __attribute__((vector_size(TW__VECTOR_BYTES), aligned(sizeof(tw_real)), may_alias));

enum { TW__LANES = TW__VECTOR_BYTES / sizeof(tw_real) };

static inline tw__vec tw__load(const tw_real *p) { return *(const tw__vec_at *)p; }
static inline void tw__store(tw_real *p, tw__vec v) { *(tw__vec_at *)p = v; }

/* sum + a * b, rounded once where the instruction set can. Said by its instruction: whether a compiler joins the two by
 * itself depends on what is around them, and so would the last bit. */
static inline tw__vec tw__add_product(tw__vec sum, tw_real a, tw__vec b) {
#if defined(__AVX512F__) && defined(TW_DOUBLE)
    return (tw__vec)_mm512_fmadd_pd(_mm512_set1_pd(a), (__m512d)b, (__m512d)sum);
#elif defined(__AVX512F__)
    return (tw__vec)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)sum);
#elif defined(__AVX2__) && defined(TW_DOUBLE)
    return (tw__vec)_mm256_fmadd_pd(_mm256_set1_pd(a), (__m256d)b, (__m256d)sum);
#elif defined(__AVX2__)
    return (tw__vec)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)sum);
#else
    return sum + a * b;
#endif
}

/* Lanes of two vectors, numbered 0 .. TW__LANES - 1 in a and from TW__LANES on in b. gcc has the first since version
 * 12, and the second since 4.7. */
#if defined(__has_builtin) && !defined(TW_NO_SHUFFLEVECTOR)
#if __has_builtin(__builtin_shufflevector)
#define TW__SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
#endif
#ifndef TW__SHUFFLE
#ifdef TW_DOUBLE
typedef int64_t tw__lane_number;
#else
typedef int32_t tw__lane_number;
#endif
typedef tw__lane_number tw__lane_numbers __attribute__((vector_size(TW__VECTOR_BYTES)));
#define TW__SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (tw__lane_numbers){__VA_ARGS__})
#endif

#ifndef TW_DOUBLE
/* F(0, d), F(1, d), .. for all lanes. */
#define TW__FOUR(F, c, d) F(c, d), F((c) + 1, d), F((c) + 2, d), F((c) + 3, d)
#if TW__VECTOR_BYTES == 64
#define TW__ALL(F, d) TW__FOUR(F, 0, d), TW__FOUR(F, 4, d), TW__FOUR(F, 8, d), TW__FOUR(F, 12, d)
#elif TW__VECTOR_BYTES == 32
#define TW__ALL(F, d) TW__FOUR(F, 0, d), TW__FOUR(F, 4, d)
#else
#define TW__ALL(F, d) TW__FOUR(F, 0, d)
#endif

/* Every second of the numbers a b from d on, and from a half on a and b in turn: a0 b0 a1 b1 .. */
#define TW__SECOND(c, d) (2 * (c) + (d))
#define TW__IN_TURN(c, d) ((c) / 2 + (d) + (c) % 2 * TW__LANES)
#define TW__EVEN(a, b) TW__SHUFFLE(a, b, TW__ALL(TW__SECOND, 0))
#define TW__ODD(a, b) TW__SHUFFLE(a, b, TW__ALL(TW__SECOND, 1))
#define TW__ZIP_LOW(a, b) TW__SHUFFLE(a, b, TW__ALL(TW__IN_TURN, 0))
#define TW__ZIP_HIGH(a, b) TW__SHUFFLE(a, b, TW__ALL(TW__IN_TURN, TW__LANES / 2))
#endif

/* Turns a square of TW__LANES vectors: row r, lane c <-> row c, lane r. With rows d = 1, 2, 4, .. apart, each step
 * exchanges the blocks beside the diagonal: lanes whose number has bit d go to the one row, the others to the other. */
#ifndef TW_DOUBLE
#define TW__LOW(c, d) ((c) & (d) ? TW__LANES + (c) - (d) : (c))
#define TW__HIGH(c, d) ((c) & (d) ? TW__LANES + (c) : (c) + (d))
#define TW__TURN_STEP(row, d)                                       \
    for (int r = 0; (d) < TW__LANES && r < TW__LANES; r++)          \
        if (!(r & (d))) {                                           \
            tw__vec a = row[r], b = row[r + (d)];                   \
            row[r] = TW__SHUFFLE(a, b, TW__ALL(TW__LOW, d));        \
            row[r + (d)] = TW__SHUFFLE(a, b, TW__ALL(TW__HIGH, d)); \
        }
static inline void tw__turn(tw__vec row[TW__LANES]) {
    TW__TURN_STEP(row, 1)
    TW__TURN_STEP(row, 2)
#if TW__VECTOR_BYTES >= 32
    TW__TURN_STEP(row, 4)
#endif
#if TW__VECTOR_BYTES >= 64
    TW__TURN_STEP(row, 8)
#endif
}
#else
static inline void tw__turn(tw__vec row[TW__LANES]) {
    for (int r = 0; r < TW__LANES; r++)
        for (int c = 0; c < r; c++) {
            tw_real keep = row[r][c];
            row[r][c] = row[c][r];
            row[c][r] = keep;
        }
}
#endif

#endif
