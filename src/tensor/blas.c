/* blas.c - matrix products: the BLAS (or the built-in one) on blocks that the context's threads share, or, for shapes
 * where that is faster, without it (direct.c).
 *
 * How a product is cut depends on its sizes only, so its bits do not depend on the number of threads: a BLAS
 * with threads of its own gives no such promise. */
#include "tensor/internal.h"

#include "tensor/counts.h"
#include "tensor/direct.h"
#include "tensor/panels.h"

#ifdef TW_OPENBLAS
#include <cblas.h>
#else
#include "tensor/gemm.h"
#endif

void tw_gemm_serial(bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda, const tw_real *B,
                    int ldb, tw_real beta, tw_real *C, int ldc) {
    if (M <= 0 || N <= 0) return;
    if (K <= 0) { /* BLAS libraries disagree on what an empty sum does to C */
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++) {
                tw_real *c = &C[(size_t)i * (size_t)ldc + (size_t)j];
                *c = beta == 0 ? 0 : beta * *c;
            }
        return;
    }
    if (tw__direct_serial(ta, tb, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc)) return;
#ifdef TW_OPENBLAS
    CBLAS_TRANSPOSE oa = ta ? CblasTrans : CblasNoTrans, ob = tb ? CblasTrans : CblasNoTrans;
#ifdef TW_DOUBLE
    cblas_dgemm(CblasRowMajor, oa, ob, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc);
#else
    cblas_sgemm(CblasRowMajor, oa, ob, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc);
#endif
#else
    TW_ISA_CALL(tw__gemm)(ta, tb, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc);
#endif
}

/* ---- in blocks ------------------------------------------------------------------------------------------ */

typedef struct product {
    bool ta, tb;
    int M, N, K;
    tw_real alpha, beta;
    const tw_real *A, *B;
    tw_real *C, *partial; /* partial: [parts][M][N] when K is cut */
    size_t lda, ldb;
    int ldc;
    int rows, columns, depth; /* of a block */
    int across;               /* blocks in a row of blocks */
} product;

static void tile_block(void *arg, int block, int thread) {
    const product *g = arg;
    (void)thread;
    int i = block / g->across * g->rows, j = block % g->across * g->columns;
    const tw_real *A = g->ta ? g->A + i : g->A + (size_t)i * g->lda;
    const tw_real *B = g->tb ? g->B + (size_t)j * g->ldb : g->B + j;
    tw_gemm_serial(g->ta, g->tb, tw__least(g->rows, g->M - i), tw__least(g->columns, g->N - j), g->K, g->alpha, A,
                   (int)g->lda, B, (int)g->ldb, g->beta, g->C + (size_t)i * (size_t)g->ldc + j, g->ldc);
}

static void depth_block(void *arg, int block, int thread) {
    const product *g = arg;
    (void)thread;
    int p = block * g->depth;
    const tw_real *A = g->ta ? g->A + (size_t)p * g->lda : g->A + p;
    const tw_real *B = g->tb ? g->B + p : g->B + (size_t)p * g->ldb;
    tw_gemm_serial(g->ta, g->tb, g->M, g->N, tw__least(g->depth, g->K - p), g->alpha, A, (int)g->lda, B, (int)g->ldb, 0,
                   g->partial + (size_t)block * (size_t)g->M * (size_t)g->N, g->N);
}

/* Adds the parts in their order, whoever computed them. */
static void add_parts(const product *g, int parts) {
    for (int i = 0; i < g->M; i++) {
        tw_real *c = g->C + (size_t)i * (size_t)g->ldc;
        const tw_real *from = g->partial + (size_t)i * (size_t)g->N;
        for (int j = 0; j < g->N; j++) c[j] = g->beta == 0 ? from[j] : g->beta * c[j] + from[j];
        for (int k = 1; k < parts; k++) {
            from += (size_t)g->M * (size_t)g->N;
            for (int j = 0; j < g->N; j++) c[j] += from[j];
        }
    }
}

void tw_gemm(tw_ctx *ctx, bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
             const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc) {
    const tw__gemm_call g = {.ta = ta,
                             .tb = tb,
                             .M = M,
                             .N = N,
                             .K = K,
                             .A = A,
                             .B = B,
                             .lda = lda,
                             .ldb = ldb,
                             .ldc = ldc,
                             .beta = beta,
                             .C = C};
    /* Its rows may be worth packing where they are multiples of 2 kB (direct.c). */
    if (!tb && K >= 32 && ldb > 512) tw__scratch_room(ctx, tw__panels_size(K, N) * sizeof(tw_real));
    if (alpha == 1 && (beta == 0 || beta == 1)) tw__gemm_all(ctx, 1, &g);
    else tw__blas_gemm(ctx, ta, tb, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc);
}

void tw__blas_gemm(tw_ctx *ctx, bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                   const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc) {
    if (M <= 0 || N <= 0) return;
    product g = {ta, tb, M, N, K, alpha, beta, A, B, C, NULL, (size_t)lda, (size_t)ldb, ldc, M, N, K, 1};

    /* A block of about 4 million multiply-adds takes some 50 us: enough to pay for handing it out. */
    double work = (double)M * N * K;
    int want = work < 8e6 ? 1 : work / 4e6 > 16 ? 16 : (int)(work / 4e6);
    size_t tiles = (size_t)tw__blocks(M, 32) * (size_t)tw__blocks(N, 64); /* smaller ones waste the kernel */
    enum { FEW = 3 * 32 * 64, LONG = 2048 }; /* numbers of a result of fewer than 4 tiles; a long sum */
    if (want > 1 && K >= LONG)               /* with one dimension less there may be parts, or more of them */
        tw__scratch_room(ctx, (size_t)want * ((double)M * N < FEW ? (size_t)M * (size_t)N : FEW) * sizeof *C);

    if (want > 1 && tiles < 4 && K >= LONG) { /* a small result of long sums, as a convolution's weight gradient */
        g.depth = tw__up(tw__blocks(K, want), 64);
        int parts = tw__blocks(K, g.depth);
        tw_mark mark = tw_scratch_mark(ctx);
        g.partial = tw_scratch(ctx, (size_t)parts * (size_t)M * (size_t)N * sizeof *C);
        if (!g.partial) return; /* the context has failed and says so */
        tw_parallel_for(ctx, parts, depth_block, &g);
        add_parts(&g, parts);
        tw_scratch_release(ctx, mark);
        return;
    }
    if (want > 1) { /* cut the longer side first, into pieces no smaller than a tile */
        int down = 1, across = 1;
        while (down * across < want) {
            bool can_down = M / (down * 2) >= 32, can_across = N / (across * 2) >= 64;
            if (!can_down && !can_across) break;
            if (can_down && (!can_across || M / down >= N / across)) down *= 2;
            else across *= 2;
        }
        g.rows = tw__up(tw__blocks(M, down), 16);
        g.columns = tw__up(tw__blocks(N, across), 32);
    }
    g.across = (N + g.columns - 1) / g.columns;
    tw_parallel_for(ctx, g.across * ((M + g.rows - 1) / g.rows), tile_block, &g);
}
