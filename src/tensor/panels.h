/* panels.h - matrix products of the shapes that training has, without the copying a BLAS does.
 *
 * A BLAS copies both factors for each product, which pays for large ones. In training one side is small (the rows of a
 * batch, the tiles of an image), or stays the same over many products (the weights of an LSTM over its time steps, the
 * places of Winograd's convolution over tiles). Here a tile of some rows and TW__PANEL columns stays in registers over
 * the whole sum, op(A) is read where it is, and B too, or from panels that were packed beforehand.
 *
 * Each element is one sum in the order of k, taken in runs of 512 that are added up: it does not depend on what is
 * computed beside it, nor on how a product is cut into rows and blocks of columns. */
#ifndef TW_PANELS_H
#define TW_PANELS_H

#include "tensor/hot.h"

enum { TW__PANEL_BLOCK = 64 }; /* columns: a multiple of every instruction set's panel */

static inline size_t tw__panels_size(int K, int N) {
    return (size_t)K * (((size_t)N + TW__PANEL_BLOCK - 1) / TW__PANEL_BLOCK) * TW__PANEL_BLOCK;
}
/* Packs columns TW__PANEL_BLOCK * block and following; transposed: B is given as [N,K]. The columns from j on, a
 * multiple of TW__PANEL_BLOCK, begin at panels + j K. */
TW_ISA_DECLARE(void, tw__panels_pack,
               (bool transposed, int K, int N, const tw_real *B, int ldb, tw_real *panels, int block));
/* The same of the rows from .. to - 1 of B only: a part of the sum's length. */
TW_ISA_DECLARE(void, tw__panels_pack_part,
               (bool transposed, int K, int N, const tw_real *B, int ldb, tw_real *panels, int block, int from,
                int to));
/* C [M,N] = A [M,K] B, or C + A B with `add`. */
TW_ISA_DECLARE(void, tw__panels_product,
               (int M, int N, int K, const tw_real *A, int lda, const tw_real *panels, bool add, tw_real *C, int ldc));

/* The same in full: C [M,N] = op(A) B, or C + op(A) B. */
typedef struct tw__product {
    bool ta, turned, add; /* A is [K,M]; C is [N,M] */
    const tw_real *A, *B; /* B is packed when ldb is 0, else [K,N] */
    size_t lda, ldb, ldc;
    tw_real *C;
} tw__product;
TW_ISA_DECLARE(void, tw__product_run, (const tw__product *p, int M, int N, int K));

#endif
