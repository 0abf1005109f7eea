/* conv_lines.h - the two ends of a convolution: where lines of sums go, and where lines of their gradient come from.
 *
 * What follows a convolution, bias, activation and perhaps max-pooling, is done to each line of sums while it is in the
 * cache, and undone to each line of dz, the gradient of the sums, when it is wanted: neither the sums nor dz exist as
 * a tensor. Every algorithm writes through tw__conv_store and reads through tw__conv_dz.
 *
 * Pooling takes windows pool_h x pool_w side by side and keeps the place of each maximum. The same values and
 * gradients come out as from tw_max_pool2d after the activation: a tie goes to the first, and NaN wins. */
#ifndef TW_CONV_LINES_H
#define TW_CONV_LINES_H

#include "layers/im2col.h"
#include "tensor/hot.h"

#include <thalweg/layers.h>

enum { TW__POOL_AREA = 64 }; /* the largest window */

typedef struct tw__conv_lines {
    int N, O, OH, OW;   /* of the sums */
    int pool_h, pool_w; /* the windows, 1x1 for none, */
    int PH, PW;         /* and how many there are: y is [N,O,PH,PW] */
    tw_act act;
    const tw_real *bias; /* [O] or NULL */
    tw_real *y;
    uint8_t
        *winner; /* for each of y, i pool_w + j where its maximum was in its window; NULL: no pooling, or not kept */
    const tw_real *dy; /* for backward */
} tw__conv_lines;

/* Those of a convolution; windows of 0 are none. bias, y, winner and dy are left NULL. */
tw__conv_lines tw__conv_lines_of(const tw__conv *s, tw_act act, int pool_h, int pool_w);

/* Takes sums of channel o of image n: `rows` lines, `pitch` apart, from line `row` on, of `columns` numbers from column
 * `column` on. With pooling, row and column begin windows, and rows and columns are whole windows, unless they end the
 * plane. Overwrites the lines. */
TW_ISA_DECLARE(void, tw__conv_store,
               (const tw__conv_lines *to, int n, int o, int row, int rows, int column, int columns, tw_real *lines,
                size_t pitch));
/* The same for whole lines. They may be read TW__LINE_ROOM numbers beyond the last one's end, which is faster. */
enum { TW__LINE_ROOM = 32 };
TW_ISA_DECLARE(void, tw__conv_store_padded,
               (const tw__conv_lines *to, int n, int o, int row, int rows, tw_real *lines, size_t pitch));
/* line[0..columns) = dz of channel o of image n, in line `row` from `column` on; zeros outside the plane. */
TW_ISA_DECLARE(void, tw__conv_dz,
               (const tw__conv_lines *from, int n, int o, int row, int column, int columns, tw_real *line));
/* The same for some lines that follow each other in memory; up to TW__LINE_ROOM numbers after them are overwritten. */
TW_ISA_DECLARE(void, tw__conv_dz_padded,
               (const tw__conv_lines *from, int n, int o, int row, int rows, int column, int columns, tw_real *lines));
/* Adds to 16 partial sums those of dz of channel o of image n, over `rows` lines of windows from line `row` on. */
enum { TW__SUM_LANES = 16 };
TW_ISA_DECLARE(void, tw__conv_dz_sum, (const tw__conv_lines *from, int n, int o, int row, int rows, double *sums));

#endif
