/* test_panels.c - the product with a packed matrix against plain loops, on every instruction set here. */
#include "util.h"

#include "tensor/direct.h"
#include "tensor/panels.h"

#include <string.h>

typedef void pack_fn(bool transposed, int K, int N, const tw_real *B, int ldb, tw_real *panels, int block);
typedef void product_fn(int M, int N, int K, const tw_real *A, int lda, const tw_real *panels, bool add, tw_real *C,
                        int ldc);

static void check_product(pack_fn *pack, product_fn *multiply, int M, int N, int K, bool transposed, bool add) {
    const int lda = K + 3, ldb = (transposed ? K : N) + 2, ldc = N + 5;
    tw_real *A = random_reals((size_t)(M * lda), 1, -1, 1),
            *B = random_reals((size_t)((transposed ? N : K) * ldb), 2, -1, 1);
    tw_real *C = random_reals((size_t)(M * ldc), 3, -1, 1), *want = random_reals((size_t)(M * ldc), 3, -1, 1);
    tw_real *panels = malloc((tw__panels_size(K, N) + 1) * sizeof *panels);
    for (int block = 0; block * TW__PANEL_BLOCK < N; block++) pack(transposed, K, N, B, ldb, panels, block);
    multiply(M, N, K, A, lda, panels, add, C, ldc);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double sum = add ? (double)want[i * ldc + j] : 0;
            for (int k = 0; k < K; k++)
                sum += (double)A[i * lda + k] * (double)(transposed ? B[j * ldb + k] : B[k * ldb + j]);
            want[i * ldc + j] = (tw_real)sum;
        }
    assert_near(C, want, (size_t)(M * ldc), 1e-5); /* what lies between the rows stays as it was */
    free(A);
    free(B);
    free(C);
    free(want);
    free(panels);
}

typedef void run_fn(const tw__product *p, int M, int N, int K);

/* Any orientation; B as it lies, the last columns narrower than a panel; K longer than a run of the sum. */
static void check_run(run_fn *run, int M, int N, int K, bool ta, bool turned, bool add) {
    const size_t lda = (size_t)(ta ? M : K) + 1, ldb = (size_t)N + 2, ldc = (size_t)(turned ? M : N) + 3;
    const size_t size_a = (size_t)(ta ? K : M) * lda, size_b = (size_t)K * ldb, size_c = (size_t)(turned ? N : M) * ldc;
    tw_real *A = random_reals(size_a, 1, -1, 1), *B = random_reals(size_b, 2, -1, 1);
    tw_real *C = random_reals(size_c, 3, -1, 1), *want = random_reals(size_c, 3, -1, 1);
    run(&(tw__product){ta, turned, add, A, B, lda, ldb, ldc, C}, M, N, K);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            tw_real *c = turned ? &want[(size_t)j * ldc + (size_t)i] : &want[(size_t)i * ldc + (size_t)j];
            double sum = add ? (double)*c : 0;
            for (int k = 0; k < K; k++)
                sum += (double)(ta ? A[(size_t)k * lda + (size_t)i] : A[(size_t)i * lda + (size_t)k]) *
                    (double)B[(size_t)k * ldb + (size_t)j];
            *c = (tw_real)sum;
        }
    assert_near(C, want, size_c, K > 512 ? 1e-4 : 2e-5);
    free(A);
    free(B);
    free(C);
    free(want);
}

Test(panels, any_orientation) {
    static run_fn *const run[] = {
        tw__product_run_base,
#if defined(__x86_64__)
        tw__product_run_avx2,
        tw__product_run_avx512
#endif
    };
    static const int M[] = {0, 1, 2, 3, 5, 8, 13, 16, 17, 40}, N[] = {1, 7, 8, 16, 31, 32, 33, 64, 70};
    static const int K[] = {0, 1, 19, 512, 515, 1100};
    for (int isa = 0; isa <= tw__isa(); isa++)
        for (int m = 0; m < 10; m++)
            for (int n = 0; n < 9; n++)
                for (int k = 0; k < 6; k++)
                    for (int form = 0; form < (k < 4 ? 8 : 2); form++)
                        check_run(run[isa], M[m], N[n], K[k], form & 1, form & 2, form & 4);
}

/* The same bits, however a product is cut into rows and blocks of columns. */
Test(panels, cutting_changes_no_bit) {
    enum { M = 50, N = 150, K = 1030 };
    tw_real *A = random_reals(M * K, 1, -1, 1), *B = random_reals(K * N, 2, -1, 1);
    tw_real *whole = random_reals(M * N, 3, -1, 1), *parts = random_reals(M * N, 3, -1, 1);
    TW_ISA_CALL(tw__product_run)(&(tw__product){false, false, true, A, B, K, N, N, whole}, M, N, K);
    for (int i = 0; i < M; i += 7)
        for (int j = 0; j < N; j += TW__PANEL_BLOCK) TW_ISA_CALL(tw__product_run)
    (&(tw__product){false, false, true, A + i * K, B + j, K, N, N, parts + i * N + j}, M - i < 7 ? M - i : 7,
     N - j < TW__PANEL_BLOCK ? N - j : TW__PANEL_BLOCK, K);
    cr_assert(!memcmp(whole, parts, M * N * sizeof *whole));
    free(A);
    free(B);
    free(whole);
    free(parts);
}

Test(panels, equal_plain_loops) {
    static pack_fn *const pack[] = {
        tw__panels_pack_base,
#if defined(__x86_64__)
        tw__panels_pack_avx2,
        tw__panels_pack_avx512
#endif
    };
    static product_fn *const multiply[] = {
        tw__panels_product_base,
#if defined(__x86_64__)
        tw__panels_product_avx2,
        tw__panels_product_avx512
#endif
    };
    static const int N[] = {1, 4, 8, 20, 32, 33, 64, 100, 132};
    for (int isa = 0; isa <= tw__isa(); isa++)
        for (int M = 0; M <= 18; M++)
            for (int n = 0; n < 9; n++)
                for (int form = 0; form < 4; form++)
                    check_product(pack[isa], multiply[isa], M, N[n], n % 2 ? 37 : n, form & 1, form & 2);
}

/* As the gradients of tied weights: the first overwrites, the others add to it. */
Test(panels, products_of_one_place_add_up_in_their_order) {
    enum { M = 96, N = 160, K = 100, ROUNDS = 40 };
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 5});
    tw_real *A = random_reals(K * M, 1, -1, 1), *B = random_reals(K * N, 2, -1, 1);
    tw_real *C = malloc(M * N * sizeof *C), *want = malloc(M * N * sizeof *want);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < K; k++) sum += (double)A[k * M + i] * (double)B[k * N + j];
            want[i * N + j] = (tw_real)(TW__GEMM_CALLS * sum);
        }
    tw__gemm_call call[TW__GEMM_CALLS];
    for (int i = 0; i < TW__GEMM_CALLS; i++)
        call[i] = (tw__gemm_call){.ta = true,
                                  .M = M,
                                  .N = N,
                                  .K = K,
                                  .A = A,
                                  .lda = M,
                                  .B = B,
                                  .ldb = N,
                                  .ldc = N,
                                  .beta = i > 0,
                                  .C = C};
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < M * N; i++) C[i] = NAN;
        tw__gemm_all(ctx, TW__GEMM_CALLS, call);
        assert_near(C, want, M * N, 1e-4);
    }
    free(A), free(B), free(C), free(want);
    tw_ctx_free(ctx);
}

/* What finish was told, and how often for each element. */
typedef struct cover {
    int N;
    unsigned char *times;
} cover;
static void count_cover(void *arg, int row, int column, int rows, int columns) {
    const cover *c = arg;
    for (int i = row; i < row + rows; i++)
        for (int j = column; j < column + columns; j++) c->times[i * c->N + j]++;
}

/* Tall, thin and odd: whichever way is chosen, the BLAS's or ours, packed, turned or as it lies. */
Test(panels, calls_of_any_shape_equal_plain_loops) {
    static const int size[] = {1, 3, 4, 9, 10, 16, 17, 64, 100, 257}, depth[] = {7, 8, 64, 600};
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 2});
    for (int shape = 0; shape < 400; shape++) {
        const int M = size[shape % 10], N = size[shape / 10 % 10], K = depth[shape / 100];
        tw_real *A = random_reals((size_t)(M * K), 1, -1, 1), *B = random_reals((size_t)(K * N), 2, -1, 1);
        unsigned char *times = malloc((size_t)(M * N));
        for (int form = 0; form < 8; form++) {
            const bool ta = form & 1, tb = form & 2, add = form & 4;
            tw_real *C = random_reals((size_t)(M * N), 3, -1, 1), *want = random_reals((size_t)(M * N), 3, -1, 1);
            memset(times, 0, (size_t)(M * N));
            for (int i = 0; i < M; i++)
                for (int j = 0; j < N; j++) {
                    double sum = add ? (double)want[i * N + j] : 0;
                    for (int k = 0; k < K; k++)
                        sum += (double)A[ta ? k * M + i : i * K + k] * (double)B[tb ? j * K + k : k * N + j];
                    want[i * N + j] = (tw_real)sum;
                }
            cover c = {N, times};
            tw__gemm_call call = {ta, tb, M, N, K, A, B, ta ? M : K, tb ? K : N, N, add, C, count_cover, &c};
            tw__gemm_all(ctx, 1, &call);
            assert_near(C, want, (size_t)(M * N), 1e-4);
            for (int i = 0; i < M * N; i++)
                cr_assert_eq(times[i], 1, "element %d of %d x %d was finished %d times", i, M, N, times[i]);
            free(C), free(want);
        }
        free(A), free(B), free(times);
    }
    tw_ctx_free(ctx);
}
