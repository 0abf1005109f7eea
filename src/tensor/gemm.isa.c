/* gemm.isa.c - the built-in matrix product: C = alpha op(A) op(B) + beta C, row-major.
 *
 * After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): panels of A and B are
 * packed so that the innermost kernel reads both in order, and an MR x NR tile of C stays in registers over
 * the whole of a K block. Panel edges are padded with zeros, so one kernel serves every size. */
#include "tensor/gemm.h"

#include <string.h>

#include "tensor/simd.h"

enum {
    LANES = TW__LANES,
    /* A tile of MR rows and two vectors fills the registers of the instruction set. */
    MR = TW__VECTOR_BYTES == 64  ? 12
        : TW__VECTOR_BYTES == 32 ? 6
                                 : 4,
    NR = 2 * LANES,
    /* Packed blocks lie on the stack of whatever thread this is, of which a program may have given it 128 KiB: 80 kB of
     * floats with AVX-512, 92 kB of doubles. Three times as much is no faster. */
    MC = 2 * MR, /* rows of a packed block of A */
    KC = 128,    /* depth of both packed blocks */
    NC = 4 * NR  /* columns of a packed block of B: half as many pack A twice as often, which takes a tenth more time */
};

/* op(A)[i0.., p0..] as strips of MR rows: strip, then p, then row. */
static void pack_a(bool ta, const tw_real *A, size_t lda, int rows, int depth, tw_real *restrict to) {
    for (int i = 0; i < rows; i += MR)
        for (int p = 0; p < depth; p++)
            for (int r = 0; r < MR; r++, to++)
                *to = i + r >= rows ? 0
                    : ta            ? A[(size_t)p * lda + (size_t)(i + r)]
                                    : A[(size_t)(i + r) * lda + (size_t)p];
}

/* op(B)[p0.., j0..] as strips of NR columns: strip, then p, then column. */
static void pack_b(bool tb, const tw_real *B, size_t ldb, int depth, int columns, tw_real *restrict to) {
    for (int j = 0; j < columns; j += NR)
        for (int p = 0; p < depth; p++, to += NR) {
            int n = columns - j < NR ? columns - j : NR;
            if (!tb) memcpy(to, B + (size_t)p * ldb + (size_t)j, (size_t)n * sizeof *to);
            else
                for (int c = 0; c < n; c++) to[c] = B[(size_t)(j + c) * ldb + (size_t)p];
            for (int c = n; c < NR; c++) to[c] = 0;
        }
}

/* tile[MR][NR] = strip of A times strip of B. The accumulators have constant size, or they would not stay in
 * registers. */
static inline void kernel(int depth, const tw_real *restrict a, const tw_real *restrict b, tw_real *restrict tile) {
    tw__vec sum[MR][2];
    for (int r = 0; r < MR; r++) sum[r][0] = sum[r][1] = (tw__vec){0};
    for (int p = 0; p < depth; p++, a += MR, b += NR) {
        tw__vec b0 = tw__load(b), b1 = tw__load(b + LANES);
#pragma GCC unroll 12
        for (int r = 0; r < MR; r++) {
            sum[r][0] += a[r] * b0;
            sum[r][1] += a[r] * b1;
        }
    }
    for (int r = 0; r < MR; r++) {
        tw__store(tile + r * NR, sum[r][0]);
        tw__store(tile + r * NR + LANES, sum[r][1]);
    }
}

static void store(const tw_real *restrict tile, int rows, int columns, tw_real alpha, tw_real beta, tw_real *restrict C,
                  size_t ldc) {
    for (int r = 0; r < rows; r++, C += ldc, tile += NR) {
        if (beta == 0) /* C may hold anything, even NaN */
            for (int c = 0; c < columns; c++) C[c] = alpha * tile[c];
        else
            for (int c = 0; c < columns; c++) C[c] = alpha * tile[c] + beta * C[c];
    }
}

void TW_ISA_NAME(tw__gemm)(bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                           const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc) {
    _Alignas(64) tw_real packed_a[MC * KC], packed_b[KC * NC], tile[MR * NR];
    size_t la = (size_t)lda, lb = (size_t)ldb, lc = (size_t)ldc;
    for (int j = 0; j < N; j += NC)
        for (int p = 0; p < K; p += KC) {
            int columns = N - j < NC ? N - j : NC, depth = K - p < KC ? K - p : KC;
            tw_real keep = p ? 1 : beta; /* later K blocks add to the first */
            pack_b(tb, tb ? B + (size_t)j * lb + p : B + (size_t)p * lb + j, lb, depth, columns, packed_b);
            for (int i = 0; i < M; i += MC) {
                int rows = M - i < MC ? M - i : MC;
                pack_a(ta, ta ? A + (size_t)p * la + i : A + (size_t)i * la + p, la, rows, depth, packed_a);
                for (int jj = 0; jj < columns; jj += NR)
                    for (int ii = 0; ii < rows; ii += MR) {
                        kernel(depth, packed_a + ii * depth, packed_b + jj * depth, tile);
                        store(tile, rows - ii < MR ? rows - ii : MR, columns - jj < NR ? columns - jj : NR, alpha, keep,
                              C + (size_t)(i + ii) * lc + (size_t)(j + jj), lc);
                    }
            }
        }
}
