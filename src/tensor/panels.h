/* panels.h - products with a matrix that stays.
 *
 * B [K,N] is copied once into panels of a few vectors' width, and then multiplied with rows many times: the weights of
 * an LSTM over its time steps, the places of Winograd's convolution over tiles. A BLAS would copy B each time. Each
 * element is one sum in the order of k, so a row of the result does not depend on the rows beside it. */
#ifndef TW_PANELS_H
#define TW_PANELS_H

#include "tensor/hot.h"

enum { TW__PANEL_BLOCK = 64 }; /* columns: a multiple of every instruction set's panel */

static inline size_t tw__panels_size(int K, int N) {
    return (size_t)K * (((size_t)N + TW__PANEL_BLOCK - 1) / TW__PANEL_BLOCK) * TW__PANEL_BLOCK;
}
/* Packs columns TW__PANEL_BLOCK * block and following; transposed: B is given as [N,K]. */
TW_ISA_DECLARE(void, tw__panels_pack,
               (bool transposed, int K, int N, const tw_real *B, int ldb, tw_real *panels, int block));
/* C [M,N] = A [M,K] B, or C + A B with `add`. */
TW_ISA_DECLARE(void, tw__panels_product,
               (int M, int N, int K, const tw_real *A, int lda, const tw_real *panels, bool add, tw_real *C, int ldc));

#endif
