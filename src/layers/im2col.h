/* im2col.h - a convolution as a matrix product: what a window sees, as the column of a matrix.
 *
 * Row (c kh + i) kw + j of the matrix holds, for every output position, the input value under kernel element (i,j)
 * of channel c; then y = W col, with W [out, C kh kw]. With groups each has a matrix of its own. Only a tile of it
 * exists at a time: some channels, some positions of one image. */
#ifndef TW_IM2COL_H
#define TW_IM2COL_H

#include <thalweg/base.h>

typedef struct tw__conv {
    int N, C, H, W;     /* input */
    int O, OH, OW;      /* output */
    int kh, kw;         /* kernel */
    int sh, sw, ph, pw; /* stride, padding */
    int taps;           /* kh kw */
    int K;              /* C / groups kh kw: rows of the whole matrix, of one group */
    int P;              /* OH OW: positions of an image */
    int dh, dw;         /* dilation */
    int groups;
} tw__conv;

/* col[row][0..n) = the matrix's columns p0..p0+n for channels c0..c0+channels of one image x [C,H,W]; rows are ld
 * apart. */
void tw__im2col(const tw__conv *s, const tw_real *x, int c0, int channels, int p0, int n, tw_real *col, size_t ld);
/* The adjoint: adds each element of col to the element of dx it would have been copied from. Overwrites col. */
void tw__col2im(const tw__conv *s, tw_real *col, size_t ld, int c0, int channels, int p0, int n, tw_real *dx);

#endif
