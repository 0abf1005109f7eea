/* direct.h - matrix products without a BLAS, where that is faster; several at once, and what follows them. */
#ifndef TW_DIRECT_H
#define TW_DIRECT_H

#include <thalweg/extend.h>

/* C = op(A) op(B) + beta C, as tw_gemm has it, with beta 0 or 1. */
typedef struct tw__gemm_call {
    bool ta, tb;
    int M, N, K;
    const tw_real *A, *B;
    int lda, ldb, ldc;
    tw_real beta, *C;
    /* Called for rectangles that cover C, when each is complete and still in the cache, on any thread; or NULL. */
    void (*finish)(void *arg, int row, int column, int rows, int columns);
    void *arg;
} tw__gemm_call;

/* Products none of which reads what another writes, at most TW__GEMM_CALLS, on all threads together: a step has many,
 * and the threads meet only once. Those that write to one C, as the gradients of tied weights, are run in their order.
 * What does not gain goes to the BLAS; the choice depends on the machine and the shape. */
enum { TW__GEMM_CALLS = 8 };
void tw__gemm_all(tw_ctx *ctx, int n, const tw__gemm_call *call);

/* The same of one product inside tw_parallel_for; false when it is one for the BLAS. */
bool tw__direct_serial(bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                       const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc);

/* blas.c: a product through the BLAS, in blocks. */
void tw__blas_gemm(tw_ctx *ctx, bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                   const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc);

#endif
