/* direct.h - matrix products without a BLAS: when, and how they are cut. */
#ifndef TW_DIRECT_H
#define TW_DIRECT_H

#include <thalweg/extend.h>

/* C = alpha op(A) op(B) + beta C as tw_gemm has it; false when this is none of the products that gain by it, and nothing
 * was done. The choice depends on the machine and on the shape only. */
bool tw__direct_gemm(tw_ctx *ctx, bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                     const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc);
/* The same inside tw_parallel_for. */
bool tw__direct_gemm_serial(bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda,
                            const tw_real *B, int ldb, tw_real beta, tw_real *C, int ldc);

#endif
