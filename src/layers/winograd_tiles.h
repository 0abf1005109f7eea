/* winograd_tiles.h - how Winograd's convolution cuts pictures into tiles, and how it reads them.
 *
 * A tile belongs to one image: in a shared one, each image's rounding errors would depend on the other. A tile row is a
 * row of tiles of an image. Those of all images are numbered, and a unit is some of them. It has three stages: what is
 * read is transformed, 16 channels at a time; the 36 places are multiplied, all tiles of the unit at once; the results
 * are transformed back. While the 36 matrices U are small, units are small too, one thread takes a unit through all its
 * stages, and what is between them stays in its cache. When U is large it must not be read often: units are large then,
 * and the threads share each stage of a unit. */
#ifndef TW_WINOGRAD_TILES_H
#define TW_WINOGRAD_TILES_H

#include "layers/winograd.h"
#include "tensor/counts.h"

typedef struct tw__wino_cut {
    tw__conv s;
    int m;                /* outputs of a tile */
    int down, across;     /* tiles of an image */
    int all_rows, rows;   /* tile rows of all images; of a unit, at most */
    bool large;           /* do the threads share the stages of a unit? */
    size_t ld_in, ld_out; /* of V; of M or Z */
    size_t place_in,
        place_out; /* numbers of such a matrix, and a pad: powers of two apart they would share cache lines */
    size_t room_in,
        room_out;   /* the same of the largest one of this picture or a narrower one, in which more rows fit */
    size_t columns; /* of a strip */
    size_t work;    /* numbers a thread needs for strips and lines */
} tw__wino_cut;

tw__wino_cut tw__wino_cut_of(const tw__conv *s);
/* Bytes that each pass takes at most for this picture or a narrower one. */
size_t tw__wino_forward_room(const tw__wino_cut *c, int threads);
size_t tw__wino_backward_room(const tw__wino_cut *c, int threads);

/* The picture, or the widest part of it that Winograd's algorithm takes. */
tw__conv tw__wino_widest(const tw__conv *s);
/* Does it suit that? */
bool tw__wino_suits_narrow(const tw__conv *s);

/* Bytes of several buffers in scratch. */
static inline size_t tw__wino_bytes(size_t each, int n, const size_t *numbers) {
    size_t sum = 0;
    for (int i = 0; i < n; i++) sum += numbers[i] * each + 64;
    return sum;
}

/* Tile rows first .. last, without the last. */
typedef struct tw__wino_span {
    int first, last;
} tw__wino_span;

static inline size_t tw__wino_whole(int n) {
    return ((size_t)n + TW__WINO_BLOCK - 1) / TW__WINO_BLOCK * TW__WINO_BLOCK;
}

/* Unit `unit` of some rows, and part `part` of so many equal ones. */
static inline tw__wino_span tw__wino_unit(const tw__wino_cut *c, tw__wino_span rows, int unit) {
    int first = rows.first + unit * c->rows;
    return (tw__wino_span){first, tw__least(first + c->rows, rows.last)};
}
static inline tw__wino_span tw__wino_part(tw__wino_span rows, int part, int parts) {
    int n = tw__blocks(rows.last - rows.first, parts);
    return (tw__wino_span){tw__least(rows.first + part * n, rows.last),
                           tw__least(rows.first + (part + 1) * n, rows.last)};
}
static inline int tw__wino_tiles(const tw__wino_cut *c, tw__wino_span rows) {
    return (rows.last - rows.first) * c->across;
}

/* What is read and transformed: V of x [N,C,H,W], or Z of the lines of dz. */
typedef struct tw__wino_source {
    const tw_real *x;         /* [N, channels, H, W], or NULL */
    const tw__conv_lines *dz; /* then lines of a gradient */
    int N, channels, H, W;
    int lines, y; /* lines that a tile takes, and the first one's distance to the tile's first output */
    int left;     /* at which column of the strip a picture begins */
    void (*transform)(size_t tiles, const tw_real *const *rows, tw_real *v, size_t place, size_t ld);
    size_t ld, place;
} tw__wino_source;

tw__wino_source tw__wino_input(const tw__wino_cut *c, const tw_real *x);
tw__wino_source tw__wino_gradient(const tw__wino_cut *c, const tw__conv_lines *dz);

/* Reads rows `part` of a unit, channels 16 block and following, into the unit's matrices v. sum, if it is not NULL: 16
 * sums to which those of all numbers read are added. */
void tw__wino_read(const tw__wino_cut *c, const tw__wino_source *a, tw__wino_span unit, tw__wino_span part, int block,
                   tw_real *work, tw_real *v, double *sum);

/* U of w, in panels: 36 matrices [C,O] or, transposed, [O,C], `place` apart. */
size_t tw__wino_u_place(const tw__conv *s, bool transposed);
void tw__wino_weights(tw_ctx *ctx, const tw__conv *s, bool transposed, const tw_real *w, tw_real *u);

#endif
