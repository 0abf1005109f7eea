/* conv_pool.h - the pooling of conv_lines.h for windows of two lines or columns, with vectors. Float only. */
#ifndef TW_CONV_POOL_H
#define TW_CONV_POOL_H

#include "layers/conv_lines.h"

/* n windows h x w (2x2 or 2x1) of two lines: y and, unless NULL, winner. Reads TW__LINE_ROOM numbers beyond the lines;
 * writes up to 16 numbers beyond y and winner, unless `exact`. */
TW_ISA_DECLARE(void, tw__pool_two_lines,
               (int w, int n, const tw_real *z, size_t pitch, tw_real bias, bool relu, bool exact, tw_real *y,
                uint8_t *winner));
/* A line, and the next one below it or NULL, of n windows that are w (1 or 2) wide, from y, dy and winner of the
 * windows: dy act'(y) in column j where the winner is first + j, in the next line first + w + j. The lines have `left`
 * zeros before and zeros after, together `columns`. Writes TW__LINE_ROOM numbers beyond a line, so the next may follow
 * at once; reads 16 numbers beyond y, dy and winner, unless `exact`. */
TW_ISA_DECLARE(void, tw__unpool_lines,
               (tw_act act, int w, int first, int n, bool exact, const tw_real *y, const tw_real *dy,
                const uint8_t *winner, int left, int columns, tw_real *line, tw_real *next));
/* The same for all lines of some lines of windows of two lines, which follow each other; not `exact`. */
TW_ISA_DECLARE(void, tw__unpool_rows,
               (tw_act act, int w, int rows, int n, const tw_real *y, const tw_real *dy, const uint8_t *winner,
                int left, int columns, tw_real *lines));
/* lane[16] += dy act'(y), summed in float over the n numbers of a lane. */
TW_ISA_DECLARE(void, tw__act_grad_sum, (tw_act act, size_t n, const tw_real *y, const tw_real *dy, double *lane));

#endif
