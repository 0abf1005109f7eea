/* conv_direct_bands.h - what the passes of direct convolution (conv_direct.h) share: bands of lines with the padding
 * that the kernel sees, the weights as it reads them, and the sums over a band. */
#ifndef TW_CONV_DIRECT_BANDS_H
#define TW_CONV_DIRECT_BANDS_H

#include "layers/conv_direct.h"
#include "tensor/counts.h"

/* The same lines of one or several images, [channels][images][lines][pitch]. */
typedef struct tw__direct_bands {
    int images, lines, pitch;
    size_t size, channel; /* of a band; from one channel's bands to the next's */
} tw__direct_bands;

/* There is room after each channel for what is written beyond its last line. */
tw__direct_bands tw__direct_bands_of(int images, int lines, int pitch);

/* Lines row .. row + b->lines of `images` images from n on: x [N,C,H,W] with `left` zeros before each line, dz with
 * none, and zeros to the pitch and outside the plane. */
void tw__direct_pad(const tw__direct_bands *b, const tw_real *x, int C, int H, int W, int n, int images, int row,
                    int left, tw_real *to);
void tw__direct_pad_dz(const tw__direct_bands *b, const tw__conv_lines *dz, int n, int images, int row, tw_real *to);

/* offset[(c kh + i) kw + j]: from an output's place in the bands to what it sees. */
void tw__direct_offsets(const tw__direct_bands *b, int C, int kh, int kw, int32_t *offset);

/* ---- sums ----------------------------------------------------------------------------------------------------- */

/* y of x; or, with the shape turned, dx of dz. */
typedef struct tw__direct_sums {
    tw__conv s;
    tw__direct_bands b;
    int width, step;      /* numbers of an output line, in whole groups; lines whose sums wait together */
    size_t channel, room; /* of the sums that wait: from one channel's to the next, and all */
    tw_real *w;           /* [blocks][K][8] */
    int32_t *offset;
    const tw__conv_lines *to; /* where they go; NULL: y = beta y + them */
    tw_real *y, beta;
} tw__direct_sums;

/* How many sums wait, for bands of so many output lines, which are stored in windows of so many. */
void tw__direct_cut_sums(tw__direct_sums *a, int lines, int window);
/* W is [O,C,taps] of s, and turned [C,O,taps]: then the kernels are turned by 180 degrees. */
bool tw__direct_weights(tw_ctx *ctx, tw__direct_sums *a, const tw_real *w, bool turned);
/* Lines row .. end of image n, of which x is the band. `wait` has a->room numbers. */
void tw__direct_sum(const tw__direct_sums *a, const tw_real *x, int n, int row, int end, tw_real *wait);

#endif
