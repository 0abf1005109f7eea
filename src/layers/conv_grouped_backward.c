/* conv_grouped_backward.c - see conv_grouped.h: dw, db and dx in one sweep.
 *
 * A unit is some groups of some images. Of each group's dz, which is made once an image, come its part of dw and db,
 * and the group's planes of dx. */
#include "layers/conv_direct.h"
#include "layers/conv_grouped.h"
#include "layers/conv_grouped_planes.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    LANES = TW__GROUPED_LANES,
    SIDE = TW__GROUPED_SIDE, /* outputs at a time */
    TAPS = TW__DIRECT_TAPS,  /* and places of the kernel, in products */
    UNITS = 16,              /* at least, to share among threads */
    PARTS = 1 << 18,         /* numbers of partial sums of dw, from unit to unit */
    SUMS = 1 << 16,          /* and in a unit: 256 kB */
    POSITIONS = 1024,        /* that each of them is worth */
};

/* A phase of dx: the weights whose places of the kernel see it, and its part inside the picture. */
typedef struct phase {
    int K;            /* places times outputs of a group */
    size_t w, offset; /* where its weights begin within a group's, and its offsets */
    int row, end_row; /* lines */
    int column, end_column;
    int h, v; /* the first one's place in the picture */
} phase;
enum { PHASES = 64 }; /* 8 x 8 */

typedef struct pass {
    tw__conv s;
    tw__grouped_planes p;
    const tw__conv_grads *g;
    const tw__conv_lines *dz;
    const tw_real *x;
    int unit, units, images, chunks; /* groups of a unit; units of an image; images of a chunk */
    size_t plane, gap;               /* of dz: [gap zeros] then for each output [plane][gap zeros] */
    size_t z;                        /* all of that */
    int step;
    size_t wait, group; /* numbers of a channel's sums that wait; of a group's turned weights */
    phase phases[PHASES];
    int nphase;
    tw_real *w;         /* [groups][group] */
    int32_t *offset;    /* of the phases' weights */
    int32_t *seen, *at; /* what dw's places of the kernel see [whole blocks of K]; every LANES-th position */
    tw_real *parts;     /* [chunks][O,K] of dw */
    double *db;         /* [chunks][O][TW__SUM_LANES] */
    tw_real *buffer;    /* for each thread: sums of dw, x, dz, sums of dx that wait */
    int side;           /* of outputs, in sums */
    size_t sums, thread_size;
} pass;

/* ---- what a unit does ------------------------------------------------------------------------------------------ */

/* Sums of channel c, lines q .. q + rows of a phase, into dx [H,W]. */
static void put(const pass *a, const phase *f, int q, int rows, const tw_real *sums, tw_real *dx) {
    const tw__conv *s = &a->s;
    const int n = f->end_column - f->column;
    tw_real *to = dx + ((size_t)f->h + (size_t)(q - f->row) * (size_t)s->sh) * (size_t)s->W + (size_t)f->v;
    sums += f->column;
    if (s->sw == 1 && s->sh == 1) {
        TW_ISA_CALL(tw__direct_put_lines)(rows, n, sums, a->p.pitch, a->g->dx_beta, to);
        return;
    }
    TW_ISA_CALL(tw__grouped_give)
    (sums, rows, n, (size_t)a->p.pitch, (size_t)s->sh * (size_t)s->W, s->sw, a->g->dx_beta != 0, to);
}

/* dx of a group's channels, from the place of its first dz. */
static void put_dx(const pass *a, int n, int g, const tw_real *dz, tw_real *wait) {
    const tw__conv *s = &a->s;
    const size_t plane = (size_t)s->H * (size_t)s->W, pitch = (size_t)a->p.pitch;
    tw_real *dx = a->g->dx + ((size_t)n * (size_t)s->C + (size_t)g * (size_t)a->p.C) * plane;
    /* With strides there may be pixels that no output saw. */
    if ((s->sh > 1 || s->sw > 1) && a->g->dx_beta == 0) memset(dx, 0, (size_t)a->p.C * plane * sizeof *dx);
    for (int k = 0; k < a->nphase; k++) {
        const phase *f = &a->phases[k];
        const tw__grouped_weights w = {a->p.C, f->K, tw__grouped_side(a->p.C), a->w + (size_t)g * a->group + f->w,
                                       a->offset + f->offset};
        for (int q = f->row; q < f->end_row; q += a->step) {
            const int rows = tw__grouped_least(a->step, f->end_row - q);
            const size_t sums = (size_t)(rows - 1) * pitch + (size_t)f->end_column;
            for (int c = 0, channels; c < a->p.C; c += channels) {
                channels = tw__grouped_sum(&w, c, sums, dz + (size_t)q * pitch, wait, a->wait);
                for (int r = 0; r < channels; r++)
                    put(a, f, q, rows, wait + (size_t)r * a->wait, dx + (size_t)(c + r) * plane);
            }
        }
    }
}

/* Adds the products of an image's dz and x to the group's sums: [outputs][K][16], or with many outputs
 * [blocks of 8][blocks of 3 k][8][3][16]. */
static void add_products(const pass *a, const tw_real *dz, const tw_real *x, tw_real *sums) {
    const size_t channel = a->plane + a->gap;
    if (a->side == 1) {
        for (int o = 0; o < a->p.O; o++, dz += channel, sums += (size_t)a->s.K * LANES)
            TW_ISA_CALL(tw__grouped_products)(a->p.outputs, a->s.K, dz, a->seen, x, sums);
        return;
    }
    const int positions = (int)((a->p.outputs + LANES - 1) / LANES);
    for (int o = 0; o < a->p.O; o += SIDE, dz += SIDE * channel)
        for (int k = 0; k < a->s.K; k += TAPS, sums += SIDE * TAPS * LANES)
            TW_ISA_CALL(tw__conv_direct_products)(positions, dz, channel, a->at, x, a->at, a->seen + k, sums);
}

/* dw of the group is what all lanes add up to. */
static void end_sums(const pass *a, tw_real *sums, tw_real *dw) {
    const int K = a->s.K, blocks = tw__grouped_blocks(K, TAPS);
    if (a->side == 1) {
        TW_ISA_CALL(tw__grouped_add_lanes)((size_t)a->p.O * (size_t)K, sums, dw);
        return;
    }
    TW_ISA_CALL(tw__grouped_add_lanes)(a->sums / LANES, sums, sums);
    for (int o = 0; o < a->p.O; o++)
        for (int k = 0; k < K; k++) *dw++ = sums[((o / SIDE * blocks + k / TAPS) * SIDE + o % SIDE) * TAPS + k % TAPS];
}

/* Image n's part of a group: its dz, and what comes of it. `room` is for x, dz and sums of dx that wait. */
static void group(const pass *a, int n, int g, tw_real *room, tw_real *sums, double *db) {
    tw_real *x = room, *dz = room + a->p.x + a->gap, *wait = room + a->p.x + a->z;
    for (int o = 0; o < a->p.O; o++) {
        tw_real *lines = dz + (size_t)o * (a->plane + a->gap);
        TW_ISA_CALL(tw__conv_dz_padded)(a->dz, n, g * a->p.O + o, 0, a->s.OH, 0, a->p.pitch, lines);
        memset(lines + a->plane, 0, TW__LINE_ROOM * sizeof *lines);
        if (a->g->db) TW_ISA_CALL(tw__grouped_total)(a->p.outputs, lines, db + (size_t)o * TW__SUM_LANES);
    }
    if (a->g->dw) {
        tw__grouped_pad(&a->s, &a->p, a->x, n, g, x);
        add_products(a, dz, x, sums);
    }
    if (a->g->dx) put_dx(a, n, g, dz, wait);
}

/* Image by image, so that x, dy and dx are gone through as they lie. */
static void unit(void *arg, int block, int thread) {
    const pass *a = arg;
    const int chunk = block / a->units, first = block % a->units * a->unit, O = a->p.O;
    const int groups = tw__grouped_least(a->unit, a->s.groups - first);
    const int n = chunk * a->images, end = tw__grouped_least(n + a->images, a->s.N);
    const size_t output = (size_t)chunk * (size_t)a->s.O + (size_t)first * (size_t)O; /* in parts, in db */
    tw_real *sums = a->buffer + (size_t)thread * a->thread_size, *room = sums + (size_t)a->unit * a->sums;
    double *db = a->db + output * TW__SUM_LANES;
    memset(sums, 0, (size_t)groups * a->sums * sizeof *sums);
    memset(db, 0, (size_t)groups * (size_t)O * TW__SUM_LANES * sizeof *db);
    memset(room + a->p.x, 0, a->z * sizeof *room); /* the gaps around dz */
    for (int i = n; i < end; i++)
        for (int g = 0; g < groups; g++)
            group(a, i, first + g, room, sums + (size_t)g * a->sums, db + (size_t)g * (size_t)O * TW__SUM_LANES);
    for (int g = 0; a->g->dw && g < groups; g++)
        end_sums(a, sums + (size_t)g * a->sums, a->parts + (output + (size_t)g * (size_t)O) * (size_t)a->s.K);
}

/* ---- how it is cut ---------------------------------------------------------------------------------------------- */

/* Of the numbers first, first + stride .. those in [0,size): from and up to the end. */
static void inside(int first, int stride, int size, int all, int *from, int *end) {
    *from = first < 0 ? tw__grouped_blocks(-first, stride) : 0;
    *end = first < size ? tw__grouped_least((size - 1 - first) / stride + 1, all) : 0;
}

static void find_phases(pass *a) {
    const tw__conv *s = &a->s;
    size_t w = 0, offset = 0;
    for (int k = 0; k < a->p.phases_h * a->p.phases_w; k++) {
        phase f = {.w = w, .offset = offset};
        for (int t = 0; t < s->taps; t++) f.K += tw__grouped_tap_of(s, &a->p, t).phase == k ? a->p.O : 0;
        f.h = k / a->p.phases_w - s->ph, f.v = k % a->p.phases_w - s->pw;
        inside(f.h, s->sh, s->H, a->p.lines, &f.row, &f.end_row);
        inside(f.v, s->sw, s->W, a->p.pitch, &f.column, &f.end_column);
        f.h += f.row * s->sh, f.v += f.column * s->sw;
        offset += (size_t)f.K;
        w += tw__grouped_weights_size(a->p.C, f.K);
        if (f.K && f.row < f.end_row && f.column < f.end_column) a->phases[a->nphase++] = f;
    }
    a->group = w;
}

/* Images first; groups where there are few images, or too many weights for so many partial sums. */
static void cut_units(pass *a) {
    const tw__conv *s = &a->s;
    const size_t weights = (size_t)s->O * (size_t)s->K, parts = weights < PARTS ? PARTS / weights : 1;
    const int most = parts < UNITS ? (int)parts : UNITS;
    const int few = (int)(POSITIONS / a->p.outputs), images = tw__grouped_blocks(s->N, tw__grouped_least(s->N, most));
    a->images = images > few ? images : few;
    a->chunks = tw__grouped_blocks(s->N, a->images);
    a->unit = tw__grouped_blocks(s->groups, tw__grouped_blocks(UNITS, a->chunks));
    const size_t unit = a->sums < SUMS ? SUMS / a->sums : 1;
    if ((size_t)a->unit > unit) a->unit = (int)unit;
    a->units = tw__grouped_blocks(s->groups, a->unit);
}

static pass cut(const tw__conv *s, bool wants_dx) {
    pass a = {.s = *s, .p = tw__grouped_planes_of(s)};
    a.plane = (size_t)s->OH * (size_t)a.p.pitch;
    a.gap = a.p.phase - a.p.outputs + TW__GROUPED_ROOM; /* how far the kernel reaches */
    a.side = tw__grouped_side(a.p.O);
    const size_t outputs = (size_t)(tw__grouped_blocks(a.p.O, a.side) * a.side);
    a.z = a.gap + outputs * (a.plane + a.gap);
    a.sums = outputs * (size_t)(a.side == 1 ? s->K : tw__grouped_blocks(s->K, TAPS) * TAPS) * LANES;
    cut_units(&a);
    a.thread_size = (size_t)a.unit * a.sums + a.p.x + a.z;
    if (wants_dx) {
        find_phases(&a);
        a.step = tw__grouped_step(a.p.lines, a.p.pitch, 1);
        a.wait = tw__grouped_wait(a.p.lines, a.p.pitch, 1);
        a.thread_size += (size_t)tw__grouped_side(a.p.C) * a.wait;
    }
    return a;
}

/* Of each phase [blocks of channels][outputs and places][side], zeros where there is no channel. */
static void turn_weights(pass *a, const tw_real *w) {
    const tw__conv *s = &a->s;
    const int side = tw__grouped_side(a->p.C);
    tw_real *to = a->w;
    int32_t *offset = a->offset;
    for (int g = 0; g < s->groups; g++)
        for (int k = 0; k < a->p.phases_h * a->p.phases_w; k++)
            for (int first = 0; first < a->p.C; first += side)
                for (int o = 0; o < a->p.O; o++)
                    for (int t = 0; t < s->taps; t++) {
                        const tw__grouped_tap tap = tw__grouped_tap_of(s, &a->p, t);
                        if (tap.phase != k) continue;
                        const tw_real *of = w + (size_t)(g * a->p.O + o) * (size_t)s->K + t;
                        for (int c = first; c < first + side; c++)
                            *to++ = c < a->p.C ? of[(size_t)c * (size_t)s->taps] : 0;
                        if (g == 0 && first == 0) *offset++ = (int32_t)((size_t)o * (a->plane + a->gap)) - tap.offset;
                    }
}

static void add_parts(const pass *a) {
    const tw__conv *s = &a->s;
    const tw__conv_grads *g = a->g;
    const size_t weights = (size_t)s->O * (size_t)s->K;
    for (size_t i = 0; g->dw && i < weights; i++) {
        tw_real sum = a->parts[i];
        for (int k = 1; k < a->chunks; k++) sum += a->parts[(size_t)k * weights + i];
        g->dw[i] = tw_add_to(g->dw_beta, g->dw[i], sum);
    }
    for (int o = 0; g->db && o < s->O; o++) {
        double sum = 0;
        for (int k = 0; k < a->chunks; k++) {
            const double *lane = a->db + ((size_t)k * (size_t)s->O + (size_t)o) * TW__SUM_LANES;
            for (int i = 0; i < TW__SUM_LANES; i++) sum += lane[i];
        }
        g->db[o] = tw_add_to(g->db_beta, g->db[o], (tw_real)sum);
    }
}

size_t tw__conv_grouped_backward_room(const tw__conv *s, int threads, bool wants_dx) {
    const tw__conv narrow = tw__grouped_widest(s);
    if (narrow.OW <= 0) return 0;
    const pass a = cut(&narrow, wants_dx);
    const size_t O = (size_t)s->O, K = (size_t)s->K, chunks = (size_t)a.chunks;
    const size_t numbers = (size_t)threads * a.thread_size + chunks * O * K + (size_t)s->groups * a.group;
    return numbers * sizeof(tw_real) + chunks * O * TW__SUM_LANES * sizeof(double) +
        (K + TAPS + (size_t)a.p.O * (size_t)s->taps + a.p.outputs / LANES + 1) * sizeof(int32_t) + (size_t)7 * 64;
}

bool tw__conv_grouped_backward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                               const tw__conv_lines *dz, const tw__conv_grads *g) {
    pass a = cut(s, g->dx);
    a.g = g, a.x = x, a.dz = dz;
    tw_mark mark = tw_scratch_mark(ctx);
    const size_t O = (size_t)s->O, K = (size_t)s->K, chunks = (size_t)a.chunks;
    a.seen = tw_scratch(ctx, (K + TAPS) * sizeof *a.seen);
    a.at = tw_scratch(ctx, (a.p.outputs / LANES + 1) * sizeof *a.at);
    a.offset = tw_scratch(ctx, (size_t)a.p.O * (size_t)s->taps * sizeof *a.offset);
    a.w = tw_scratch(ctx, (size_t)s->groups * a.group * sizeof *a.w);
    a.parts = tw_scratch(ctx, chunks * O * K * sizeof *a.parts);
    a.db = tw_scratch(ctx, chunks * O * TW__SUM_LANES * sizeof *a.db);
    a.buffer = tw_scratch(ctx, (size_t)tw_threads(ctx) * a.thread_size * sizeof *a.buffer);
    if (!a.seen || !a.at || !a.offset || !a.w || !a.parts || !a.db || !a.buffer) return false;
    tw__grouped_offsets(s, &a.p, a.seen);
    for (size_t k = K; k < K + TAPS; k++) a.seen[k] = 0; /* sums that nobody reads */
    for (size_t i = 0; i <= a.p.outputs / LANES; i++) a.at[i] = (int32_t)(i * LANES);
    if (g->dx) turn_weights(&a, w);
    tw_parallel_for(ctx, a.chunks * a.units, unit, &a);
    add_parts(&a);
    tw_scratch_release(ctx, mark);
    return true;
}
