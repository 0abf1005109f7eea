/* conv_grouped_planes.h - what the passes of grouped convolution (conv_grouped.h) share: how a group's planes lie, and
 * the sums over them. */
#ifndef TW_CONV_GROUPED_PLANES_H
#define TW_CONV_GROUPED_PLANES_H

#include "layers/conv_grouped.h"

static inline int tw__grouped_least(int a, int b) { return a < b ? a : b; }
static inline int tw__grouped_blocks(int n, int size) { return n / size + (n % size != 0); }

/* A group's x is [C][phases_h][phases_w][lines][pitch]: phase (a,b) has the padded lines a, a + sh .. and of them the
 * columns b, b + sw .. as far as the kernel sees them. A line of outputs is of `pitch` numbers, too. */
typedef struct tw__grouped_planes {
    int C, O;                 /* of a group */
    int phases_h, phases_w;   /* those that the kernel sees */
    int lines, pitch;         /* OH and OW, and how far the kernel reaches beyond */
    size_t phase, channel, x; /* numbers of a phase, of a channel, of all with room to read and write beyond */
    size_t outputs;           /* from the first output to the last, over all lines */
} tw__grouped_planes;
tw__grouped_planes tw__grouped_planes_of(const tw__conv *s);

enum { TW__GROUPED_ROOM = 8 * TW__GROUPED_LANES }; /* what vectors may read beyond the last number */

/* A place of the kernel: the phase that it sees, and from an output's place to what it sees there. */
typedef struct tw__grouped_tap {
    int phase, offset;
} tw__grouped_tap;
tw__grouped_tap tw__grouped_tap_of(const tw__conv *s, const tw__grouped_planes *p, int tap);
/* offset [K]: from an output's place to what each weight sees. */
void tw__grouped_offsets(const tw__conv *s, const tw__grouped_planes *p, int32_t *offset);

/* Image n's planes of group g. */
void tw__grouped_pad(const tw__conv *s, const tw__grouped_planes *p, const tw_real *x, int n, int g, tw_real *to);

/* Sums for some outputs (or channels of dx), whose weights lie side by side: [blocks][K][side]. */
typedef struct tw__grouped_weights {
    int outputs, K, side;
    const tw_real *w;
    const int32_t *offset; /* [K] */
} tw__grouped_weights;
enum { TW__GROUPED_SIDE = 8 };
/* 1 where a vector of weights would be mostly empty. */
int tw__grouped_side(int outputs);
size_t tw__grouped_weights_size(int outputs, int K);
/* z[r channel + i] = the sums of output first + r at x + i; i < n and up to the end of the next 32. Returns for how
 * many outputs: at most a block of them. */
int tw__grouped_sum(const tw__grouped_weights *w, int first, size_t n, const tw_real *x, tw_real *z, size_t channel);

/* Lines of sums that wait together to be put away: at least a window, at most all; and the numbers they take. */
int tw__grouped_step(int lines, int pitch, int window);
size_t tw__grouped_wait(int lines, int pitch, int window);

/* The picture, or the widest part of it that it suits: of no columns where it suits none. */
tw__conv tw__grouped_widest(const tw__conv *s);

#endif
