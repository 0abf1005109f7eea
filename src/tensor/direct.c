/* direct.c - see direct.h.
 *
 * A B with B as it lies needs no copy, unless it is used very often or its rows are as far apart as cache lines that
 * share a place. A B' does: either B is packed, or, when A is the smaller one, A: then the product computed is
 * C' = B A', its rows are read where they are, and tiles are turned when they are stored. That is a dense layer's
 * forward pass, in which the weights are read in place. */
#include "tensor/direct.h"

#include "tensor/counts.h"
#include "tensor/internal.h"
#include "tensor/panels.h"

#ifdef TW_DOUBLE /* the double library is the oracle: it has the BLAS only */
static bool suits(bool ta, bool tb, int M, int K) { return (void)ta, (void)tb, (void)M, (void)K, false; }
#else
/* AVX2 has half the registers, and its panels of B as it lies are too narrow for the caches: there packed ones pay. A
 * large A that is read down its columns misses every cache. */
static bool suits(bool ta, bool tb, int M, int K) {
    enum { LARGE = 2 << 20 };
    return tw__isa() > (tb ? 0 : 1) && !(ta && tb) && K >= 8 && !(ta && (double)M * K > LARGE);
}
#endif

/* Is B, as it lies, worth a copy? Rows that are multiples of 2 kB apart fall on few places of the first cache. */
static bool worth_packing(int M, int K, int ldb) { return M >= 256 || (K >= 32 && ldb % 512 == 0); }

/* Thin products are bound by memory, and BLAS libraries have kernels for them; packing pays after some rows, and the
 * few columns of a last layer after many. */
static bool large_enough(bool packed, int rows, int columns) {
    return columns >= 16 ? rows >= (packed ? 16 : 4) : packed && columns >= 4 && rows >= 64;
}

/* ---- one product: how it is computed, and cut into blocks of work --------------------------------------------- */

typedef struct cut {
    const tw__gemm_call *call; /* NULL: none */
    tw__product p;
    int M, N, K;       /* of the product computed */
    int rows, columns; /* of a block */
    int across, blocks;
    const tw_real *packed; /* what is packed first, or NULL: B [K,N], or, transposed, [N,K] */
    tw_real *panels;
} cut;

static void run_block(const cut *c, int block) {
    int i = block / c->across * c->rows, j = block % c->across * c->columns;
    int rows = tw__least(c->rows, c->M - i), columns = tw__least(c->columns, c->N - j);
    tw__product p = c->p;
    p.A += p.ta ? (size_t)i : (size_t)i * p.lda;
    p.B += p.ldb ? (size_t)j : (size_t)j * (size_t)c->K;
    p.C += p.turned ? (size_t)j * p.ldc + (size_t)i : (size_t)i * p.ldc + (size_t)j;
    TW_ISA_CALL(tw__product_run)(&p, rows, columns, c->K);
    const tw__gemm_call *call = c->call;
    if (!call->finish) return;
    if (p.turned) call->finish(call->arg, j, i, columns, rows);
    else call->finish(call->arg, i, j, rows, columns);
}

/* Blocks of about a million multiply-adds, some 20 us: the longer side is halved until there are enough. A group of
 * rows is a multiple of every instruction set's. */
static void cut_up(cut *c) {
    enum { WORK = 1000000, MOST = 64, LEAST = 32, LEAST_ACROSS = TW__PANEL_BLOCK, GROUP = 16 };
    double want = (double)c->M * c->N * c->K / WORK;
    int down = 1, across = 1;
    while (down * across < MOST && down * across < want) {
        bool can_down = c->M / (down * 2) >= LEAST, can_across = c->N / (across * 2) >= LEAST_ACROSS;
        if (!can_down && !can_across) break;
        if (can_down && (!can_across || c->M / down >= c->N / across)) down *= 2;
        else across *= 2;
    }
    c->rows = tw__up(tw__blocks(c->M, down), GROUP);
    c->columns = tw__up(tw__blocks(c->N, across), TW__PANEL_BLOCK);
    c->across = tw__blocks(c->N, c->columns);
    c->blocks = c->across * tw__blocks(c->M, c->rows);
}

/* What an element costs when one of the factors is packed, in multiply-adds of a vector: packing it, and multiplying it
 * by whole panels. */
static const double PACKING = 0.4, PANEL = 32, VECTOR = 16;
static double panel_vectors(int n) { return n <= VECTOR ? 1 : tw__blocks(n, (int)PANEL) * PANEL / VECTOR; }

/* False: a product for the BLAS. */
static bool plan(const tw__gemm_call *g, cut *c) {
    if (!suits(g->ta, g->tb, g->M, g->K)) return false;
    *c = (cut){.call = g, .M = g->M, .N = g->N, .K = g->K};
    c->p = (tw__product){.ta = g->ta, .add = g->beta != 0, .A = g->A, .B = g->B, .C = g->C};
    c->p.lda = (size_t)g->lda, c->p.ldb = (size_t)g->ldb, c->p.ldc = (size_t)g->ldc;
    if (g->tb) {
        double pack_a = g->M * PACKING + panel_vectors(g->M) * g->N;
        double pack_b = g->N * PACKING + panel_vectors(g->N) * g->M;
        c->packed = g->B;
        if (pack_a < pack_b) {
            c->packed = g->A;
            c->p.A = g->B, c->p.lda = (size_t)g->ldb, c->p.turned = true;
            c->M = g->N, c->N = g->M;
        }
        c->p.ldb = 0;
    }
    if (!large_enough(g->tb, c->M, c->N)) return false;
    if (!g->tb && worth_packing(g->M, g->K, g->ldb)) {
        c->packed = g->B;
        c->p.ldb = 0;
    }
    cut_up(c);
    return true;
}

/* Bytes of panels that this product may pack, or one with fewer rows, columns or terms, for which other factors are
 * packed. */
static size_t room_of(const tw__gemm_call *g) {
    const int M = g->M, N = g->N, K = g->K;
    if (M < 4 || N < 4 || !suits(false, g->tb, M, K) || (g->ta && g->tb)) return 0;
    size_t numbers = tw__panels_size(K, N);
    if (g->tb) {
        /* A is packed when M (packing + N / lanes - wide) < N packing, but for the last, partial panel */
        const double wide = tw__blocks(N, (int)PANEL) * PANEL / VECTOR, excess = PACKING + N / VECTOR - wide;
        const double rows = excess > 0 ? N * PACKING / excess + PANEL : M;
        const size_t a = tw__panels_size(K, rows < M ? (int)rows : M);
        if (a > numbers) numbers = a;
    } else if (!worth_packing(M, K, g->ldb)) {
        numbers = 0;
    }
    return numbers * sizeof(tw_real) + 64;
}

/* ---- several ---------------------------------------------------------------------------------------------------- */

typedef struct batch {
    int n;
    cut cut[TW__GEMM_CALLS];
} batch;

/* Numbers the blocks of all products in a row. */
static void product_block(void *arg, int block, int thread) {
    (void)thread;
    const batch *b = arg;
    int k = 0;
    while (block >= b->cut[k].blocks) block -= b->cut[k++].blocks;
    run_block(&b->cut[k], block);
}

/* A block of packing is some columns, for some of the sum's length. */
enum { PACK_DEPTH = 128 };
static int pack_blocks(const cut *c) {
    return c->packed ? tw__blocks(c->N, TW__PANEL_BLOCK) * tw__blocks(c->K, PACK_DEPTH) : 0;
}

static void pack_block(void *arg, int block, int thread) {
    (void)thread;
    const batch *b = arg;
    int k = 0;
    while (block >= pack_blocks(&b->cut[k])) block -= pack_blocks(&b->cut[k++]);
    const cut *c = &b->cut[k];
    const tw__gemm_call *g = c->call;
    int parts = tw__blocks(c->K, PACK_DEPTH), from = block % parts * PACK_DEPTH;
    TW_ISA_CALL(tw__panels_pack_part)
    (g->tb, c->K, c->N, c->packed, c->p.turned ? g->lda : g->ldb, c->panels, block / parts, from,
     tw__least(from + PACK_DEPTH, c->K));
}

enum { FINISH_ROWS = 32 };

static void finish_block(void *arg, int block, int thread) {
    (void)thread;
    const tw__gemm_call *g = arg;
    int row = block * FINISH_ROWS;
    g->finish(g->arg, row, 0, tw__least(FINISH_ROWS, g->M - row), g->N);
}

/* Products that each write to a place of their own. */
static void run_together(tw_ctx *ctx, int n, const tw__gemm_call *call) {
    batch b = {0};
    tw_mark mark = tw_scratch_mark(ctx);
    int pack = 0, all = 0;
    size_t room = 0;
    for (int i = 0; i < n; i++) room += room_of(&call[i]);
    tw__scratch_room(ctx, room);
    for (int i = 0; i < n; i++) {
        const tw__gemm_call *g = &call[i];
        cut *c = &b.cut[b.n];
        if (g->M <= 0 || g->N <= 0) continue;
        if (!plan(g, c)) {
            tw__blas_gemm(ctx, g->ta, g->tb, g->M, g->N, g->K, 1, g->A, g->lda, g->B, g->ldb, g->beta, g->C, g->ldc);
            tw_parallel_for(ctx, g->finish ? tw__blocks(g->M, FINISH_ROWS) : 0, finish_block, (void *)(uintptr_t)g);
            continue;
        }
        if (c->packed && !(c->panels = tw_scratch(ctx, tw__panels_size(c->K, c->N) * sizeof(tw_real)))) return;
        if (c->packed) c->p.B = c->panels;
        pack += pack_blocks(c);
        all += c->blocks;
        b.n++;
    }
    tw_parallel_for(ctx, pack, pack_block, &b);
    tw_parallel_for(ctx, all, product_block, &b);
    tw_scratch_release(ctx, mark);
}

/* The first ones that write to different places. */
static int with_places_of_their_own(int n, const tw__gemm_call *call) {
    for (int i = 1; i < n; i++)
        for (int k = 0; k < i; k++)
            if (call[i].C == call[k].C) return i;
    return n;
}

void tw__gemm_all(tw_ctx *ctx, int n, const tw__gemm_call *call) {
    while (n > 0) {
        const int some = with_places_of_their_own(n, call);
        run_together(ctx, some, call);
        call += some, n -= some;
    }
}

bool tw__direct_serial(bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                       const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc) {
    if (tb || alpha != 1 || (beta != 0 && beta != 1) || !suits(ta, tb, M, K) || !large_enough(false, M, N) ||
        (M >= 64 && worth_packing(M, K, ldb)))
        return false;
    tw__product p = {.ta = ta, .add = beta != 0, .A = A, .B = B, .C = C};
    p.lda = (size_t)lda, p.ldb = (size_t)ldb, p.ldc = (size_t)ldc;
    TW_ISA_CALL(tw__product_run)(&p, M, N, K);
    return true;
}
