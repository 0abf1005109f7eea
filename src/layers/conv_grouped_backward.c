/* conv_grouped_backward.c - see conv_grouped.h: dw, db and dx in one sweep.
 *
 * A unit is some groups of some images. Of each group's dz, which is made once an image, come its part of dw and db,
 * and the group's planes of dx. */
#include "layers/conv_grouped_planes.h"
#include "layers/conv_parts.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    LANES = TW__GROUPED_LANES,
    SIDE = TW__GROUPED_SIDE, /* outputs at a time */
    TAPS = TW__DIRECT_TAPS,  /* and places of the kernel, in products */
    UNITS = 16,              /* at least, to share among threads */
    PARTS = 1 << 18,         /* numbers of dw in parts, of all chunks */
    SUMS = 1 << 16,          /* numbers of sums of dw in a unit: 256 kB */
    POSITIONS = 1024         /* at least so many go into a part */
};

typedef struct pass {
    tw__conv s;
    tw__grouped_planes p;
    const tw__conv_grads *g;
    const tw__conv_lines *dz;
    const tw_real *x;
    tw__grouped_dx back;
    int images, chunks;        /* images of a chunk */
    int groups_of_unit, units; /* units of a chunk */
    int side;                  /* of the outputs in sums */
    size_t sums_size, dz_size; /* of a group: sums of dw, all planes of dz */
    int32_t *offset, *at;      /* what dw's weights see [whole blocks of K]; every LANES-th position */
    tw__conv_parts parts;      /* of each chunk */
    tw_real *buffer;           /* for each thread: sums of dw of a unit, then x, dz, sums of dx of a group */
    size_t thread_size;
} pass;

/* ---- what a unit does ------------------------------------------------------------------------------------------ */

/* Adds the products of an image's dz and x to the group's sums: [outputs][K][16], or with many outputs
 * [blocks of 8][blocks of 3 k][8][3][16]. */
static void add_products(const pass *a, const tw_real *dz, const tw_real *x, tw_real *sums) {
    const size_t channel = a->p.dz_channel;
    if (a->side == 1) {
        for (int o = 0; o < a->p.O; o++, dz += channel, sums += (size_t)a->s.K * LANES)
            TW_ISA_CALL(tw__grouped_products)(a->p.span, a->s.K, dz, a->offset, x, sums);
        return;
    }
    const int vectors = (int)((a->p.span + LANES - 1) / LANES);
    for (int o = 0; o < a->p.O; o += SIDE, dz += SIDE * channel)
        for (int k = 0; k < a->s.K; k += TAPS, sums += SIDE * TAPS * LANES)
            TW_ISA_CALL(tw__conv_direct_products)(vectors, dz, channel, a->at, x, a->at, a->offset + k, sums);
}

/* dw of the group is what all lanes add up to. */
static void end_sums(const pass *a, tw_real *sums, tw_real *dw) {
    const int K = a->s.K, blocks = tw__blocks(K, TAPS);
    if (a->side == 1) {
        TW_ISA_CALL(tw__grouped_add_lanes)((size_t)a->p.O * (size_t)K, sums, dw);
        return;
    }
    TW_ISA_CALL(tw__grouped_add_lanes)(a->sums_size / LANES, sums, sums);
    for (int o = 0; o < a->p.O; o++)
        for (int k = 0; k < K; k++) *dw++ = sums[((o / SIDE * blocks + k / TAPS) * SIDE + o % SIDE) * TAPS + k % TAPS];
}

/* Image n's part of a group: its dz, and what comes of it. `room` is for x, dz and sums of dx. */
static void add_group(const pass *a, int n, int g, tw_real *room, tw_real *sums, double *db) {
    tw_real *x = room, *dz = room + a->p.x_size + a->p.dz_gap, *wait = room + a->p.x_size + a->dz_size;
    for (int o = 0; o < a->p.O; o++) {
        tw_real *lines = dz + (size_t)o * a->p.dz_channel;
        TW_ISA_CALL(tw__conv_dz_padded)(a->dz, n, g * a->p.O + o, 0, a->s.OH, 0, a->p.pitch, lines);
        memset(lines + a->p.dz_plane, 0, TW__LINE_ROOM * sizeof *lines);
        if (a->g->db) TW_ISA_CALL(tw__grouped_total)(a->p.span, lines, db + (size_t)o * TW__SUM_LANES);
    }
    if (a->g->dw) {
        tw__grouped_pad(&a->s, &a->p, a->x, n, g, x);
        add_products(a, dz, x, sums);
    }
    if (a->g->dx) tw__grouped_dx_put(&a->back, n, g, dz, wait);
}

/* Image by image, so that x, dy and dx are gone through as they lie. */
static void unit(void *arg, int block, int thread) {
    const pass *a = arg;
    const int chunk = block / a->units, first = block % a->units * a->groups_of_unit, O = a->p.O;
    const int groups = tw__least(a->groups_of_unit, a->s.groups - first);
    const int n = chunk * a->images, end = n + tw__least(a->images, a->s.N - n);
    const size_t output = (size_t)chunk * (size_t)a->s.O + (size_t)first * (size_t)O; /* in parts */
    tw_real *sums = a->buffer + (size_t)thread * a->thread_size,
            *room = sums + (size_t)a->groups_of_unit * a->sums_size;
    double *db = a->parts.db + output * TW__SUM_LANES;
    memset(sums, 0, (size_t)groups * a->sums_size * sizeof *sums);
    memset(db, 0, (size_t)groups * (size_t)O * TW__SUM_LANES * sizeof *db);
    memset(room + a->p.x_size, 0, a->dz_size * sizeof *room); /* the gaps of dz, and outputs that do not exist */
    for (int i = n; i < end; i++)
        for (int g = 0; g < groups; g++)
            add_group(a, i, first + g, room, sums + (size_t)g * a->sums_size, db + (size_t)(g * O) * TW__SUM_LANES);
    for (int g = 0; a->g->dw && g < groups; g++)
        end_sums(a, sums + (size_t)g * a->sums_size, a->parts.dw + (output + (size_t)(g * O)) * (size_t)a->s.K);
}

/* ---- how it is cut ---------------------------------------------------------------------------------------------- */

/* Images first; groups where there are few images, or too many weights for so many parts. */
static void cut_units(pass *a) {
    const tw__conv *s = &a->s;
    const size_t weights = (size_t)s->O * (size_t)s->K, parts = weights < PARTS ? PARTS / weights : 1;
    const int most = parts < UNITS ? (int)parts : UNITS;
    a->images = tw__most(tw__blocks(s->N, tw__least(s->N, most)), (int)(POSITIONS / a->p.span));
    a->chunks = tw__blocks(s->N, a->images);
    a->groups_of_unit = tw__blocks(s->groups, tw__blocks(UNITS, a->chunks));
    if ((size_t)a->groups_of_unit * a->sums_size > SUMS) a->groups_of_unit = tw__most((int)(SUMS / a->sums_size), 1);
    a->units = tw__blocks(s->groups, a->groups_of_unit);
}

static pass cut(const tw__conv *s, bool wants_dx) {
    pass a = {.s = *s, .p = tw__grouped_planes_of(s)};
    a.side = tw__grouped_side(a.p.O);
    const size_t outputs = (size_t)tw__up(a.p.O, a.side);
    a.dz_size = a.p.dz_gap + outputs * a.p.dz_channel;
    a.sums_size = outputs * (size_t)(a.side == 1 ? s->K : tw__up(s->K, TAPS)) * LANES;
    cut_units(&a);
    a.thread_size = (size_t)a.groups_of_unit * a.sums_size + a.p.x_size + a.dz_size;
    if (wants_dx) a.back = tw__grouped_dx_of(s, &a.p), a.thread_size += tw__grouped_dx_wait_size(&a.back);
    return a;
}

static size_t offsets(const pass *a) { return (size_t)a->s.K + TAPS; }
static size_t vectors(const pass *a) { return a->p.span / LANES + 1; }

size_t tw__conv_grouped_backward_room(const tw__conv *s, int threads, bool wants_dx) {
    const tw__conv narrow = tw__grouped_widest(s);
    if (narrow.OW <= 0) return 0;
    const pass a = cut(&narrow, wants_dx);
    return (size_t)threads * a.thread_size * sizeof(tw_real) + tw__conv_parts_room(s, a.chunks) +
        (wants_dx ? tw__grouped_dx_room(&a.back) : 0) + (offsets(&a) + vectors(&a)) * sizeof(int32_t) + (size_t)3 * 64;
}

bool tw__conv_grouped_backward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                               const tw__conv_lines *dz, const tw__conv_grads *g) {
    pass a = cut(s, g->dx);
    a.g = g, a.x = x, a.dz = dz;
    a.back.dx = g->dx, a.back.beta = g->dx_beta;
    tw_mark mark = tw_scratch_mark(ctx);
    a.offset = tw_scratch(ctx, offsets(&a) * sizeof *a.offset);
    a.at = tw_scratch(ctx, vectors(&a) * sizeof *a.at);
    a.buffer = tw_scratch(ctx, (size_t)tw_threads(ctx) * a.thread_size * sizeof *a.buffer);
    if (!a.offset || !a.at || !a.buffer || !tw__conv_parts_new(ctx, s, a.chunks, &a.parts)) return false;
    if (g->dx && !tw__grouped_dx_weights(ctx, &a.back, w)) return false;
    tw__grouped_offsets(s, &a.p, a.offset);
    for (int k = s->K; k < s->K + TAPS; k++) a.offset[k] = 0; /* sums that nobody reads */
    for (size_t i = 0; i < vectors(&a); i++) a.at[i] = (int32_t)(i * LANES);
    tw_parallel_for(ctx, a.chunks * a.units, unit, &a);
    tw__conv_parts_add(s, &a.parts, g);
    tw_scratch_release(ctx, mark);
    return true;
}
