/* direct.c - see direct.h.
 *
 * A B with B as it lies needs no copy at all. A B' does: either B is packed, or, when A is the smaller one, A: then the
 * product computed is C' = B A', its rows are read where they are, and tiles are turned when they are stored. That is a
 * dense layer's forward pass, which so leaves its weights alone. */
#include "tensor/direct.h"

#include "tensor/panels.h"

typedef struct cut {
    tw__product p;
    int M, N, K;       /* of the product computed */
    int rows, columns; /* of a block of work */
    int across;
} cut;

static int least(int a, int b) { return a < b ? a : b; }
static int blocks(int n, int size) { return n / size + (n % size != 0); }

#ifdef TW_DOUBLE /* the double library is the oracle: it has the BLAS only */
static bool suits(bool ta, bool tb, int K, tw_real alpha, tw_real beta) {
    return (void)ta, (void)tb, (void)K, (void)alpha, (void)beta, false;
}
#else
/* AVX2 has half the registers, and its panels of B as it lies are too narrow for the caches: there packed ones pay. */
static bool suits(bool ta, bool tb, int K, tw_real alpha, tw_real beta) {
    return tw__isa() > (tb ? 0 : 1) && !(ta && tb) && alpha == 1 && (beta == 0 || beta == 1) && K >= 8;
}
#endif

/* Thin products are bound by memory, and BLAS libraries have kernels for them; packing pays after some rows. */
static bool large_enough(bool packed, int rows, int columns) { return rows >= (packed ? 16 : 4) && columns >= 16; }

static void run_block(void *arg, int block, int thread) {
    (void)thread;
    const cut *c = arg;
    int i = block / c->across * c->rows, j = block % c->across * c->columns;
    tw__product p = c->p;
    p.A += p.ta ? (size_t)i : (size_t)i * p.lda;
    p.B += p.ldb ? (size_t)j : (size_t)j * (size_t)c->K;
    p.C += p.turned ? (size_t)j * p.ldc + (size_t)i : (size_t)i * p.ldc + (size_t)j;
    TW_ISA_CALL(tw__product_run)(&p, least(c->rows, c->M - i), least(c->columns, c->N - j), c->K);
}

/* Blocks of about 2 million multiply-adds, some 30 us: the longer side is halved until there are enough. A group of rows
 * is a multiple of every instruction set's. */
static void run(tw_ctx *ctx, cut *c) {
    enum { WORK = 2000000, MOST = 32, LEAST = 32, LEAST_ACROSS = TW__PANEL_BLOCK, GROUP = 16 };
    double want = (double)c->M * c->N * c->K / WORK;
    int down = 1, across = 1;
    while (down * across < MOST && down * across < want) {
        bool can_down = c->M / (down * 2) >= LEAST, can_across = c->N / (across * 2) >= LEAST_ACROSS;
        if (!can_down && !can_across) break;
        if (can_down && (!can_across || c->M / down >= c->N / across)) down *= 2;
        else across *= 2;
    }
    c->rows = blocks(blocks(c->M, down), GROUP) * GROUP;
    c->columns = blocks(blocks(c->N, across), TW__PANEL_BLOCK) * TW__PANEL_BLOCK;
    c->across = blocks(c->N, c->columns);
    tw_parallel_for(ctx, c->across * blocks(c->M, c->rows), run_block, c);
}

typedef struct packing {
    int K, N, ldb;
    const tw_real *B;
    tw_real *panels;
} packing;

static void pack_block(void *arg, int block, int thread) {
    (void)thread;
    const packing *p = arg;
    TW_ISA_CALL(tw__panels_pack)(true, p->K, p->N, p->B, p->ldb, p->panels, block);
}

/* What packing an element costs, in multiply-adds of one vector. */
#define PACKING 0.4

bool tw__direct_gemm(tw_ctx *ctx, bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                     const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc) {
    if (!suits(ta, tb, K, alpha, beta)) return false;
    cut c = {.p = {.ta = ta,
                   .add = beta != 0,
                   .A = A,
                   .lda = (size_t)lda,
                   .B = B,
                   .ldb = (size_t)ldb,
                   .C = C,
                   .ldc = (size_t)ldc},
             .M = M,
             .N = N,
             .K = K};
    if (!tb) {
        if (!large_enough(false, M, N)) return false;
        run(ctx, &c);
        return true;
    }
    const double pack_a = M * PACKING + blocks(M, 32) * 2.0 * N, pack_b = N * PACKING + blocks(N, 32) * 2.0 * M;
    packing pack = {K, N, ldb, B, NULL};
    if (pack_a < pack_b) {
        pack = (packing){K, M, lda, A, NULL};
        c.p.A = B, c.p.lda = (size_t)ldb, c.p.turned = true;
        c.M = N, c.N = M;
    }
    if (!large_enough(true, c.M, c.N)) return false;
    tw_mark mark = tw_scratch_mark(ctx);
    pack.panels = tw_scratch(ctx, tw__panels_size(K, pack.N) * sizeof *pack.panels);
    if (!pack.panels) return true; /* the context has failed and says so */
    tw_parallel_for(ctx, blocks(pack.N, TW__PANEL_BLOCK), pack_block, &pack);
    c.p.B = pack.panels, c.p.ldb = 0;
    run(ctx, &c);
    tw_scratch_release(ctx, mark);
    return true;
}

bool tw__direct_gemm_serial(bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                            const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc) {
    if (tb || !suits(ta, tb, K, alpha, beta) || !large_enough(false, M, N)) return false;
    tw__product p = {.ta = ta,
                     .add = beta != 0,
                     .A = A,
                     .lda = (size_t)lda,
                     .B = B,
                     .ldb = (size_t)ldb,
                     .C = C,
                     .ldc = (size_t)ldc};
    TW_ISA_CALL(tw__product_run)(&p, M, N, K);
    return true;
}
