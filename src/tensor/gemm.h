/* gemm.h - the built-in matrix product, used when the library is built without a BLAS. */
#ifndef TW_GEMM_H
#define TW_GEMM_H

#include "tensor/hot.h"

TW_ISA_DECLARE(void, tw__gemm,
               (bool ta, bool tb, int M, int N, int K, tw_real alpha, const tw_real *A, int lda, const tw_real *B,
                int ldb, tw_real beta, tw_real *C, int ldc));

#endif
