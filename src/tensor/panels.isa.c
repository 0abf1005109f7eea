/* panels.isa.c - see panels.h.
 *
 * A panel is PANEL = two vectors of columns, packed as [K][PANEL]. A tile of ROWS x PANEL results stays in registers;
 * rows that do not exist repeat the last one and are not stored. Eight rows times [256,1024] run at 112 GFLOP/s on one
 * core of an AMD EPYC 9004 (AVX-512), whose peak is 118, where OpenBLAS 0.3.21 reaches 48. */
#include "tensor/panels.h"

#include <string.h>

#include "tensor/simd.h"

enum {
    LANES = TW__LANES,
    PANEL = 2 * LANES,
    DEPTH = 512,      /* of a run of the sum: a long chain of additions loses digits */
    NEAR = 256 << 10, /* bytes of B that stay in the second cache */
};

/* ---- packing ---------------------------------------------------------------------------------------------------- */

/* to[k][c] = B[c][k] for `columns` rows of B. */
static void pack_turned(int K, int columns, const tw_real *B, size_t ldb, tw_real *to) {
    int k = 0;
    for (; columns == PANEL && k + LANES <= K; k += LANES)
        for (int half = 0; half < PANEL; half += LANES) {
            tw__vec row[LANES];
            for (int c = 0; c < LANES; c++) row[c] = tw__load(B + (size_t)(half + c) * ldb + k);
            tw__turn(row);
            for (int i = 0; i < LANES; i++) tw__store(to + (size_t)(k + i) * PANEL + half, row[i]);
        }
    for (; k < K; k++) {
        for (int c = 0; c < columns; c++) to[(size_t)k * PANEL + c] = B[(size_t)c * ldb + k];
        for (int c = columns; c < PANEL; c++) to[(size_t)k * PANEL + c] = 0; /* computed with, never stored */
    }
}

static void pack_rows(int K, int columns, const tw_real *B, size_t ldb, int width, tw_real *to) {
    if (columns == PANEL && width == PANEL) {
        for (int k = 0; k < K; k++, to += PANEL, B += ldb) {
            tw__store(to, tw__load(B));
            tw__store(to + LANES, tw__load(B + LANES));
        }
        return;
    }
    for (int k = 0; k < K; k++, to += width, B += ldb) {
        memcpy(to, B, (size_t)columns * sizeof *to);
        for (int c = columns; c < width; c++) to[c] = 0;
    }
}

void TW_ISA_NAME(tw__panels_pack_part)(bool transposed, int K, int N, const tw_real *B, int ldb, tw_real *panels,
                                       int block, int from, int to) {
    const int last = N < (block + 1) * TW__PANEL_BLOCK ? N : (block + 1) * TW__PANEL_BLOCK;
    const size_t ld = (size_t)ldb, first = (size_t)from;
    for (int j = block * TW__PANEL_BLOCK; j < last; j += PANEL) {
        const int columns = N - j < PANEL ? N - j : PANEL;
        tw_real *panel = panels + (size_t)j * (size_t)K + first * PANEL;
        if (transposed) pack_turned(to - from, columns, B + (size_t)j * ld + first, ld, panel);
        else pack_rows(to - from, columns, B + first * ld + (size_t)j, ld, PANEL, panel);
    }
}

void TW_ISA_NAME(tw__panels_pack)(bool transposed, int K, int N, const tw_real *B, int ldb, tw_real *panels,
                                  int block) {
    TW_ISA_NAME(tw__panels_pack_part)(transposed, K, N, B, ldb, panels, block, 0, K);
}

/* ---- a tile ----------------------------------------------------------------------------------------------------- */

typedef struct tile {
    int rows, columns, K; /* rows and columns that exist */
    size_t row_step, k_step, b_step;
    const tw_real *a, *b;
} tile;

/* out[ROWS][..] = the tile, or out + the tile, of one or two vectors of columns. One function for each size: the
 * compiler keeps an array of sums in registers only when its size is a constant from the start. */
#define TILE(ROWS, VECTORS)                                                                                   \
    static void tile_##ROWS##x##VECTORS(const tile *t, bool add, tw_real *out, size_t ld) {                   \
        const tw_real *a[ROWS], *b = t->b;                                                                    \
        const size_t k_step = t->k_step, b_step = t->b_step;                                                  \
        for (int r = 0; r < ROWS; r++) a[r] = t->a + (size_t)(r < t->rows ? r : t->rows - 1) * t->row_step;   \
        for (int k0 = 0; k0 == 0 || k0 < t->K; k0 += DEPTH) {                                                 \
            const int depth = t->K - k0 < DEPTH ? t->K - k0 : DEPTH;                                          \
            tw__vec c[ROWS][VECTORS];                                                                         \
            for (int r = 0; r < ROWS; r++)                                                                    \
                for (int v = 0; v < VECTORS; v++) c[r][v] = (tw__vec){0};                                     \
            for (size_t at = 0, end = (size_t)depth * k_step; at < end; at += k_step, b += b_step) {          \
                tw__vec right[VECTORS];                                                                       \
                for (int v = 0; v < VECTORS; v++) right[v] = tw__load(b + v * LANES);                         \
                for (int r = 0; r < ROWS; r++)                                                                \
                    for (int v = 0; v < VECTORS; v++) c[r][v] = tw__add_product(c[r][v], a[r][at], right[v]); \
            }                                                                                                 \
            for (int r = 0; r < ROWS; r++) {                                                                  \
                a[r] += (size_t)depth * k_step;                                                               \
                for (int v = 0; v < VECTORS; v++) {                                                           \
                    tw_real *to = out + (size_t)r * ld + v * LANES;                                           \
                    tw__store(to, add ? tw__load(to) + c[r][v] : c[r][v]);                                    \
                }                                                                                             \
            }                                                                                                 \
            add = true; /* what follows of a long sum */                                                      \
        }                                                                                                     \
    }

TILE(1, 2)
TILE(2, 2)
TILE(4, 1)
TILE(4, 2)
#if defined(__AVX512F__)
TILE(8, 1)
TILE(8, 2)
enum { MOST_ROWS = 8 };
#else
enum { MOST_ROWS = 4 };
#endif
/* Of a run of rows; a tile writes MOST_ROWS even where fewer exist, and doubles may have fewer lanes than that. */
enum { SUM_ROWS = (int)LANES > (int)MOST_ROWS ? LANES : MOST_ROWS };

static void compute(const tile *t, bool add, tw_real *out, size_t ld) {
    const bool narrow = t->columns <= LANES;
#if defined(__AVX512F__)
    if (t->rows > 4) {
        if (narrow) tile_8x1(t, add, out, ld);
        else tile_8x2(t, add, out, ld);
        return;
    }
#endif
    if (narrow) tile_4x1(t, add, out, ld);
    else if (t->rows == 1) tile_1x2(t, add, out, ld);
    else if (t->rows == 2) tile_2x2(t, add, out, ld);
    else tile_4x2(t, add, out, ld);
}

/* The part of a tile that exists, from one place to another. */
static void copy(const tile *t, const tw_real *from, size_t from_ld, tw_real *to, size_t to_ld) {
    for (int r = 0; r < t->rows; r++, from += from_ld, to += to_ld)
        for (int c = 0; c < t->columns; c++) to[c] = from[c];
}

/* C[c][r] = or += sum[r][c], for up to LANES rows. */
static void put_turned(const tile *t, const tw_real *sum, bool add, tw_real *C, size_t ldc) {
    for (int half = 0; half < t->columns; half += LANES) {
        tw__vec row[LANES];
        const int columns = t->columns - half < LANES ? t->columns - half : LANES;
        for (int r = 0; r < LANES; r++) row[r] = tw__load(sum + r * PANEL + half);
        tw__turn(row);
        for (int c = 0; c < columns; c++, C += ldc) {
            if (t->rows == LANES) tw__store(C, add ? tw__load(C) + row[c] : row[c]);
            else
                for (int r = 0; r < t->rows; r++) C[r] = add ? C[r] + row[c][r] : row[c][r];
        }
    }
}

/* ---- the product ------------------------------------------------------------------------------------------------ */

/* Rows i.. of the product (at most LANES of them) in the columns of t. A whole tile goes to C directly. */
static void run_rows(const tw__product *p, tile *t, int i, int rows, int j, bool add) {
    _Alignas(64) tw_real sum[SUM_ROWS * PANEL];
    if (p->turned) {
        for (int r = 0; r < rows; r += MOST_ROWS) {
            t->rows = rows - r < MOST_ROWS ? rows - r : MOST_ROWS;
            t->a = p->A + (size_t)(i + r) * t->row_step;
            compute(t, false, sum + r * PANEL, PANEL);
        }
        t->rows = rows;
        put_turned(t, sum, add, p->C + (size_t)j * p->ldc + (size_t)i, p->ldc);
        return;
    }
    tw_real *C = p->C + (size_t)i * p->ldc + (size_t)j;
    for (int r = 0; r < rows; r++) { /* C comes while the tile is computed: else the store waits for it */
        __builtin_prefetch(C + (size_t)r * p->ldc, 1);
        __builtin_prefetch(C + (size_t)r * p->ldc + LANES, 1);
    }
    t->rows = rows;
    t->a = p->A + (size_t)i * t->row_step;
    if (rows == MOST_ROWS && (t->columns == PANEL || t->columns == LANES)) {
        compute(t, add, C, p->ldc);
    } else {
        if (add) {
            memset(sum, 0, sizeof sum);
            copy(t, C, p->ldc, sum, PANEL);
        }
        compute(t, add, sum, PANEL);
        copy(t, sum, PANEL, C, p->ldc);
    }
}

/* The last columns of an unpacked B, fewer than a vector, are copied, strip by strip: as they lie, a vector would reach
 * past the rows. A strip is small, for it is on the stack of whatever thread this is. */
static void run_last_columns(const tw__product *p, tile *t, int M, int j, int K, int step) {
    tw_real strip[DEPTH * LANES];
    const tw_real *A = p->A;
    tw__product part = *p;
    for (int k = 0; k == 0 || k < K; k += DEPTH) {
        t->K = K - k < DEPTH ? K - k : DEPTH;
        pack_rows(t->K, t->columns, p->B + (size_t)k * p->ldb + (size_t)j, p->ldb, LANES, strip);
        t->b = strip;
        t->b_step = LANES;
        part.A = A + (size_t)k * t->k_step;
        for (int i = 0; i < M; i += step) run_rows(&part, t, i, M - i < step ? M - i : step, j, p->add || k);
    }
}

void TW_ISA_NAME(tw__product_run)(const tw__product *p, int M, int N, int K) {
    const int step = p->turned ? LANES : MOST_ROWS, whole = p->ldb ? N / LANES * LANES : N;
    tile t = {.K = K, .b_step = p->ldb ? p->ldb : PANEL};
    t.row_step = p->ta ? 1 : p->lda;
    t.k_step = p->ta ? p->lda : 1;
    /* What is gone through again and again is to stay in a near cache: B when it is small, else some rows of A. */
    const bool row_by_row = (size_t)K * (size_t)N * sizeof(tw_real) <= NEAR;
    const int outer = row_by_row ? M : whole, outer_step = row_by_row ? step : PANEL;
    const int inner = row_by_row ? whole : M, inner_step = row_by_row ? PANEL : step;
    for (int a = 0; a < outer; a += outer_step)
        for (int b = 0; b < inner; b += inner_step) {
            const int i = row_by_row ? a : b, j = row_by_row ? b : a;
            t.columns = whole - j < PANEL ? whole - j : PANEL;
            t.b = p->B + (p->ldb ? (size_t)j : (size_t)j * (size_t)K);
            run_rows(p, &t, i, M - i < step ? M - i : step, j, p->add);
        }
    if (whole == N) return;
    t.columns = N - whole;
    run_last_columns(p, &t, M, whole, K, step);
}

void TW_ISA_NAME(tw__panels_product)(int M, int N, int K, const tw_real *A, int lda, const tw_real *panels, bool add,
                                     tw_real *C, int ldc) {
    const tw__product p = {.A = A, .lda = (size_t)lda, .B = panels, .add = add, .C = C, .ldc = (size_t)ldc};
    TW_ISA_NAME(tw__product_run)(&p, M, N, K);
}
