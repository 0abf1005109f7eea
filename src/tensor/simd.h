/* simd.h - the vectors of an instruction set, for files named X.isa.c: GCC's vector extension, which clang has too. */
#ifndef TW_SIMD_H
#define TW_SIMD_H

#include "tensor/hot.h"

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

/* Turns a square of TW__LANES vectors: row r, lane c <-> row c, lane r. With rows d = 1, 2, 4, .. apart, each step
 * exchanges the blocks beside the diagonal: lanes whose number has bit d go to the one row, the others to the other. */
#if defined(__has_builtin) && !defined(TW_DOUBLE)
#if __has_builtin(__builtin_shufflevector)
#define TW__SHUFFLES 1
#endif
#endif

#ifdef TW__SHUFFLES
#define TW__LOW(c, d) ((c) & (d) ? TW__LANES + (c) - (d) : (c))
#define TW__HIGH(c, d) ((c) & (d) ? TW__LANES + (c) : (c) + (d))
#define TW__FOUR(F, c, d) F(c, d), F((c) + 1, d), F((c) + 2, d), F((c) + 3, d)
#if TW__VECTOR_BYTES == 64
#define TW__ALL(F, d) TW__FOUR(F, 0, d), TW__FOUR(F, 4, d), TW__FOUR(F, 8, d), TW__FOUR(F, 12, d)
#elif TW__VECTOR_BYTES == 32
#define TW__ALL(F, d) TW__FOUR(F, 0, d), TW__FOUR(F, 4, d)
#else
#define TW__ALL(F, d) TW__FOUR(F, 0, d)
#endif
#define TW__TURN_STEP(row, d)                                                   \
    for (int r = 0; (d) < TW__LANES && r < TW__LANES; r++)                      \
        if (!(r & (d))) {                                                       \
            tw__vec a = row[r], b = row[r + (d)];                               \
            row[r] = __builtin_shufflevector(a, b, TW__ALL(TW__LOW, d));        \
            row[r + (d)] = __builtin_shufflevector(a, b, TW__ALL(TW__HIGH, d)); \
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
