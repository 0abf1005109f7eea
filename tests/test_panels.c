/* test_panels.c - the product with a packed matrix against plain loops, on every instruction set here. */
#include "util.h"

#include "tensor/panels.h"

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
