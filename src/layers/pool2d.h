/* pool2d.h - what max and average pooling share: the shapes, and loops over the windows' rows. */
#ifndef TW_POOL2D_H
#define TW_POOL2D_H

#include <thalweg/extend.h>

#include "tensor/hot.h"

typedef struct tw__pool2d {
    int N, C, H, W, OH, OW;
    int kh, kw, sh, sw, ph, pw;
    int planes; /* N C */
    int block;  /* planes of a parallel block, and how many blocks */
    int blocks;
} tw__pool2d;

/* The kernel and options checked; strides of 0 become the kernel's size. */
bool tw__pool2d_options(tw_ctx *ctx, const char *op, int kh, int kw, const tw_pool2d_options *options,
                        tw_pool2d_options *out);
/* What pooling x means; false after an error that begins with op. */
bool tw__pool2d_shape(tw_ctx *ctx, const char *op, const tw_tensor *x, int kh, int kw, const tw_pool2d_options *options,
                      tw__pool2d *s);

/* The output columns whose window column j lies inside the input: first .. last - 1, the first from input column
 * `from`. */
typedef struct tw__sweep {
    int first, last, from;
} tw__sweep;
tw__sweep tw__pool2d_sweep(const tw__pool2d *s, int j);

/* Is v to replace the maximum m? NaN does, and stays; a later equal value does not. */
#define TW__MAX_WINS(v, m) (((v) > (m)) | ((v) != (v)))

/* y[i] = max(y[i], x[i step]), keeping in at[i] (NULL: not wanted) the place start + i step of a new maximum. NaN
 * wins. */
TW_ISA_DECLARE(void, tw__max_sweep, (int n, const tw_real *x, int step, tw_real *y, int32_t *at, int32_t start));
/* The 2x2 window with stride 2: y[i] = max of a[2i], a[2i+1], b[2i], b[2i+1], the rows a and b of a plane of that
 * width, a[0] at `start`. */
TW_ISA_DECLARE(void, tw__max_2x2,
               (int n, const tw_real *a, const tw_real *b, tw_real *y, int32_t *at, int32_t start, int32_t width));
/* y[i y_step] += factor x[i x_step] */
TW_ISA_DECLARE(void, tw__add_sweep, (int n, const tw_real *x, int x_step, tw_real factor, tw_real *y, int y_step));

#endif
