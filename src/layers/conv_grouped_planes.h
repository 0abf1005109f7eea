/* conv_grouped_planes.h - what the passes of grouped convolution (conv_grouped.h) share: how a group's planes lie, sums
 * over them, and the kernels. */
#ifndef TW_CONV_GROUPED_PLANES_H
#define TW_CONV_GROUPED_PLANES_H

#include "layers/conv_direct.h"
#include "layers/conv_grouped.h"
#include "tensor/counts.h"

enum {
    TW__GROUPED_LANES = TW__DIRECT_LANES,    /* positions are taken in whole vectors of at most so many */
    TW__GROUPED_SIDE = TW__DIRECT_OUT,       /* outputs whose weights lie side by side */
    TW__GROUPED_ROOM = 8 * TW__DIRECT_LANES, /* what vectors may read and write beyond the last number */
    TW__GROUPED_STRIDE = 8                   /* the largest stride */
};

/* ---- planes --------------------------------------------------------------------------------------------------- */

/* Lines, or columns, in phases: phase k has first[k], first[k] + stride .. of the padded picture, those that some
 * output sees. There are only phases that the kernel sees. */
typedef struct tw__grouped_axis {
    int n;
    int first[TW__GROUPED_STRIDE], seen[TW__GROUPED_STRIDE];
    int most; /* seen of any */
} tw__grouped_axis;

/* A group's x is [C][rows.n][columns.n][lines][pitch]; a line of outputs is of `pitch` numbers, too. A group's dz is
 * dz_gap zeros, and then for each output a plane of OH lines and dz_gap zeros: as far as the kernel reaches beyond. */
typedef struct tw__grouped_planes {
    int C, O; /* of a group */
    tw__grouped_axis rows, columns;
    int lines, pitch;
    size_t phase_size, channel, x_size; /* numbers of a phase, of a channel, of all with room beyond */
    size_t span;                        /* positions from the first output to the last */
    size_t dz_plane, dz_gap, dz_channel;
} tw__grouped_planes;
tw__grouped_planes tw__grouped_planes_of(const tw__conv *s);

/* A place of the kernel: the phase that it sees, and from an output's place to what it sees there. */
typedef struct tw__grouped_tap {
    int phase, offset;
} tw__grouped_tap;
tw__grouped_tap tw__grouped_tap_of(const tw__conv *s, const tw__grouped_planes *p, int tap);
/* offset [K]: from an output's place to what each weight sees. */
void tw__grouped_offsets(const tw__conv *s, const tw__grouped_planes *p, int32_t *offset);

/* Image n's planes of group g. */
void tw__grouped_pad(const tw__conv *s, const tw__grouped_planes *p, const tw_real *x, int n, int g, tw_real *to);

/* The picture, or the widest part of it that it suits: of no columns where it suits none. */
tw__conv tw__grouped_widest(const tw__conv *s);

/* ---- sums ----------------------------------------------------------------------------------------------------- */

/* The weights of some outputs (or channels of dx), `side` of them next to each other: [blocks][K][side]. */
typedef struct tw__grouped_weights {
    int outputs, K, side;
    const tw_real *w;
    const int32_t *offset; /* [K] */
} tw__grouped_weights;
/* TW__GROUPED_SIDE, or 1 where most of a block would be empty. */
int tw__grouped_side(int outputs);
size_t tw__grouped_weights_size(int outputs, int K);
/* z[r channel + i] = the sums of output first + r at x + i; i < n and up to the end of the next 32. Returns for how
 * many outputs: at most a block of them. */
int tw__grouped_sum(const tw__grouped_weights *w, int first, size_t n, const tw_real *x, tw_real *z, size_t channel);

/* Lines of sums that wait together to be put away: at least a window, at most all; and the numbers they take, with room
 * beyond. */
int tw__grouped_step(int lines, int pitch, int window);
size_t tw__grouped_wait(int lines, int pitch, int window);

/* ---- dx (conv_grouped_dx.c) ------------------------------------------------------------------------------------- */

/* A phase of dx: the places of the kernel that see it, and its part inside the picture. */
typedef struct tw__grouped_phase {
    int K;            /* those places, times the outputs of a group */
    size_t w, offset; /* where its weights begin within a group's, and its offsets */
    int row, end_row, column, end_column;
    int h, v; /* where row and column are in the picture */
} tw__grouped_phase;

typedef struct tw__grouped_dx {
    tw__conv s;
    tw__grouped_planes p;
    int step;          /* lines that wait together */
    size_t wait;       /* numbers of a channel's sums that wait */
    size_t group_size; /* numbers of a group's turned weights */
    int phases;
    tw__grouped_phase phase[TW__GROUPED_STRIDE * TW__GROUPED_STRIDE];
    tw_real *w;      /* [groups][group_size] */
    int32_t *offset; /* of all phases */
    tw_real *dx, beta;
} tw__grouped_dx;

tw__grouped_dx tw__grouped_dx_of(const tw__conv *s, const tw__grouped_planes *p);
size_t tw__grouped_dx_room(const tw__grouped_dx *d);      /* bytes of scratch for weights and offsets */
size_t tw__grouped_dx_wait_size(const tw__grouped_dx *d); /* numbers of sums that wait, for each thread */
bool tw__grouped_dx_weights(tw_ctx *ctx, tw__grouped_dx *d, const tw_real *w);
/* dx of image n's channels of group g. dz is the place of its first number behind the first gap. */
void tw__grouped_dx_put(const tw__grouped_dx *d, int n, int g, const tw_real *dz, tw_real *wait);

/* ---- the kernels (conv_grouped.isa.c) ----------------------------------------------------------------------- */

/* z[i] = the sum over k < K of w[k] x[offset[k] + i], i < n and up to the end of a vector. */
TW_ISA_DECLARE(void, tw__grouped_sums,
               (size_t n, int K, const tw_real *w, const int32_t *offset, const tw_real *x, tw_real *z));
/* sum[k][0..16) += over i < n, and up to the end of a vector, z[i] x[offset[k] + i], in lanes that are to be added
 * up. */
TW_ISA_DECLARE(void, tw__grouped_products,
               (size_t n, int K, const tw_real *z, const int32_t *offset, const tw_real *x, tw_real *sum));
/* Adds to 16 partial sums those of z[i], i < n and up to the end of a vector. */
TW_ISA_DECLARE(void, tw__grouped_total, (size_t n, const tw_real *z, double *sums));
/* total[k] = the sum of sum[k][0..16), k < n. total may be sum. */
TW_ISA_DECLARE(void, tw__grouped_add_lanes, (size_t n, const tw_real *sum, tw_real *total));
/* A plane's phases, with zeros for what is outside the picture or seen by no output; and up to 15 zeros behind. */
TW_ISA_DECLARE(void, tw__grouped_take,
               (const tw_real *plane, const tw__conv *s, const tw__grouped_planes *p, tw_real *to));
/* And back: n numbers of some lines, `pitch` apart, to every stride-th place of lines `line` apart, added or not. */
TW_ISA_DECLARE(void, tw__grouped_give,
               (const tw_real *from, int rows, int n, size_t pitch, size_t line, int stride, bool add, tw_real *to));

#endif
