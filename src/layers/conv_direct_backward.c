/* conv_direct_backward.c - see conv_direct.h: dw, db and dx in one sweep.
 *
 * A unit is a band of lines of one image, or some whole images. Its dz is made once, with the padding that dx sees if
 * dx is wanted; from it come the unit's part of dw and db, and its lines of dx. */
#include "layers/conv_direct.h"

#include "layers/conv_direct_bands.h"
#include "layers/conv_parts.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    OUT = TW__DIRECT_OUT,
    LANES = TW__DIRECT_LANES,
    TAPS = TW__DIRECT_TAPS,
    BLOCK = OUT * TAPS * LANES, /* numbers of a block of weight sums */
    POSITIONS = 768,            /* of a unit: 8 channels of dz in 24 kB */
    LEAST_UNITS = 8,            /* to share among threads */
    CHUNKS = 16                 /* at most so many partial weight gradients */
};

typedef struct pass {
    tw__conv s;
    const tw__conv_grads *g;
    const tw_real *x;
    const tw__conv_lines *dz;
    tw__direct_bands xb, zb;
    int above, left;                   /* zeros around dz: lines, columns */
    int images, lines, units_of_image; /* of a unit */
    int units, chunk;                  /* chunk: units whose sums are taken together */
    tw__direct_sums back;              /* dx of dz */
    int32_t *offset, *at;              /* at: for each thread, where its groups begin in x, and in dz */
    tw__conv_parts parts;              /* of each chunk */
    tw_real *buffer;                   /* for each thread: sums, x, dz, sums of dx that wait */
    int chunks;
    size_t groups, sums, x_room, z_room, thread_size; /* groups: of a unit */
} pass;

/* Where the groups of the unit's outputs begin, and how many there are. */
static int find_groups(const pass *a, int images, int lines, int32_t *at) {
    int groups = 0, width = tw__up(a->s.OW, LANES);
    for (int m = 0; m < images; m++)
        for (int i = 0; i < lines; i++)
            for (int g = 0; g < width; g += LANES, groups++) {
                at[groups] = (int32_t)((size_t)m * a->xb.size) + i * a->xb.pitch + g;
                at[a->groups + (size_t)groups] = (int32_t)((size_t)m * a->zb.size) + (i + a->above) * a->zb.pitch + g;
            }
    return groups;
}

static void add_products(const pass *a, int n, int images, int row, tw_real *x, const tw_real *dz, int32_t *at,
                         tw_real *sum) {
    const tw__conv *s = &a->s;
    const int lines = tw__least(a->lines, s->OH - row), taps = tw__blocks(s->K, TAPS);
    if (lines <= 0) return;
    tw__direct_pad(&a->xb, a->x, s->C, s->H, s->W, n, images, row - s->ph, s->pw, x);
    const int groups = find_groups(a, images, lines, at);
    for (int o = 0; o < s->O; o += OUT)
        for (int t = 0; t < taps; t++, sum += BLOCK) TW_ISA_CALL(tw__conv_direct_products)
    (groups, dz + (size_t)o * a->zb.channel, a->zb.channel, at + a->groups, x, at, a->offset + t * TAPS, sum);
}

/* Each window belongs to the unit of its first line. */
static void add_bias(const pass *a, int n, int images, int row, double *db) {
    const int window = a->dz->pool_h, first = tw__blocks(row, window);
    const int last = tw__least(tw__blocks(row + a->lines, window), a->dz->PH);
    for (int m = n; m < n + images && first < last; m++)
        for (int o = 0; o < a->s.O; o++) TW_ISA_CALL(tw__conv_dz_sum)
    (a->dz, m, o, first, last - first, db + (size_t)o * TW__SUM_LANES);
}

/* The lanes' sums. */
static void end_sums(const pass *a, const tw_real *sums, tw_real *part) {
    const tw__conv *s = &a->s;
    const int taps = tw__blocks(s->K, TAPS);
    for (int o = 0; o < s->O; o++)
        for (int k = 0; k < s->K; k++, part++) {
            const tw_real *lane = sums + (size_t)(o / OUT * taps + k / TAPS) * BLOCK +
                (size_t)((o % OUT * TAPS + k % TAPS) * LANES);
            tw_real sum = 0;
            for (int i = 0; i < LANES; i++) sum += lane[i];
            *part = sum;
        }
}

static void chunk(void *arg, int index, int thread) {
    const pass *a = arg;
    const tw__conv *s = &a->s;
    tw_real *sums = a->buffer + (size_t)thread * a->thread_size, *x = sums + a->sums;
    tw_real *before = x + a->x_room, *dz = before + LANES; /* zeros before the first line of dz */
    int32_t *at = a->at + (size_t)thread * 2 * a->groups;
    const size_t lanes = (size_t)s->O * TW__SUM_LANES;
    double *db = a->parts.db + (size_t)index * lanes;
    memset(before, 0, LANES * sizeof *before);
    memset(sums, 0, a->sums * sizeof *sums);
    for (size_t i = 0; i < lanes; i++) db[i] = 0;
    for (int u = index * a->chunk; u < tw__least((index + 1) * a->chunk, a->units); u++) {
        const int n = u / a->units_of_image * a->images, row = u % a->units_of_image * a->lines;
        const int images = tw__least(a->images, s->N - n);
        tw__direct_pad_dz(&a->zb, a->dz, n, images, row - a->above, dz);
        const size_t none = (size_t)s->O * a->zb.channel; /* channels that do not exist */
        memset(dz + none, 0, (a->z_room - LANES - none) * sizeof *dz);
        if (a->g->db) add_bias(a, n, images, row, db);
        if (a->g->dw) add_products(a, n, images, row, x, dz, at, sums);
        for (int m = 0; a->g->dx && m < images; m++)
            tw__direct_sum(&a->back, dz + (size_t)m * a->zb.size - a->left, n + m, row, tw__least(row + a->lines, s->H),
                           before + a->z_room);
    }
    if (a->g->dw) end_sums(a, sums, a->parts.dw + (size_t)index * (size_t)s->O * (size_t)s->K);
}

/* How dz lies as dx sees it. */
static void cut_dx(pass *a) {
    const tw__conv *s = &a->s;
    tw__conv *back = &a->back.s;
    *back = *s;
    back->C = s->O, back->H = s->OH, back->W = s->OW;
    back->O = s->C, back->OH = s->H, back->OW = s->W;
    back->K = s->O * s->taps, back->P = s->H * s->W;
    a->above = back->ph = s->kh - 1 - s->ph;
    a->left = back->pw = s->kw - 1 - s->pw;
    const int pitch = tw__up(s->OW + a->left, LANES); /* a line's zeros are before the next, too */
    a->back.b = a->zb = tw__direct_bands_of(a->images, a->lines + s->kh - 1, pitch);
    tw__direct_cut_sums(&a->back, a->lines, 1);
}

/* Units, how dz lies, and the size of everything. */
static pass cut(const tw__conv *s, bool wants_dx) {
    pass cut = {.s = *s}, *a = &cut;
    const int width = tw__up(s->OW, LANES), all = wants_dx ? tw__most(s->OH, s->H) : s->OH;
    int lines = POSITIONS / width, images = 1;
    if (lines >= all) {
        images = tw__least(lines / all, tw__blocks(s->N, LEAST_UNITS));
        lines = all;
    } else {
        lines = tw__most(lines, wants_dx ? 2 * s->kh : 1);
        lines = tw__up(lines, 2); /* a line of windows gives two */
        lines = tw__blocks(all, tw__blocks(all, lines));
    }
    a->images = images, a->lines = lines;
    a->units_of_image = tw__blocks(all, lines);
    a->units = tw__blocks(s->N, images) * a->units_of_image;
    a->chunk = tw__blocks(a->units, CHUNKS);
    a->chunks = tw__blocks(a->units, a->chunk);
    a->xb = tw__direct_bands_of(images, lines + s->kh - 1, width + s->kw - 1);
    a->zb = tw__direct_bands_of(images, lines, width);
    if (wants_dx) cut_dx(a);
    const int taps = tw__blocks(s->K, TAPS), outputs = tw__up(s->O, OUT);
    a->groups = (size_t)images * (size_t)lines * (size_t)(width / LANES);
    a->sums = (size_t)(outputs / OUT * taps) * BLOCK;
    a->x_room = (size_t)s->C * a->xb.channel + TW__LINE_ROOM;
    a->z_room = LANES + (size_t)outputs * a->zb.channel + TW__LINE_ROOM;
    a->thread_size = a->sums + a->x_room + a->z_room + a->back.room;
    return cut;
}

static size_t bytes_of(const pass *a, int threads) {
    const size_t O = (size_t)a->s.O, C = (size_t)a->s.C, taps = (size_t)a->s.taps;
    const size_t weights = (size_t)tw__up(a->s.C, OUT) * O * taps; /* of dx */
    return ((size_t)threads * a->thread_size + weights) * sizeof(tw_real) + tw__conv_parts_room(&a->s, a->chunks) +
        ((size_t)threads * 2 * a->groups + C * taps + TAPS + O * taps) * sizeof(int32_t) + (size_t)5 * 64;
}

/* The next narrower picture whose lines, or those of x, or of dz with its zeros, are of fewer groups. */
static int next_narrower(const tw__conv *s) {
    const int beside[] = {0, s->W - s->OW, s->kw - 1 - s->pw};
    int next = 0;
    for (int i = 0; i < 3; i++) next = tw__most(next, tw__up(s->OW + beside[i], LANES) - LANES - beside[i]);
    return next;
}

/* Narrow lines lie many in a unit; from POSITIONS on always the same number. */
size_t tw__conv_direct_backward_room(const tw__conv *s, int threads, bool wants_dx) {
    tw__conv narrow = tw__conv_direct_widest(s);
    const int more = s->W - s->OW;
    size_t most = 0;
    while (narrow.OW > 0 && narrow.W > 0) {
        const pass a = cut(&narrow, wants_dx);
        const size_t bytes = bytes_of(&a, threads);
        if (bytes > most) most = bytes;
        narrow.OW = tw__least(next_narrower(&narrow), POSITIONS);
        narrow.W = narrow.OW + more, narrow.P = narrow.OH * narrow.OW;
    }
    return most;
}

bool tw__conv_direct_backward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                              const tw__conv_lines *dz, const tw__conv_grads *g) {
    pass a = cut(s, g->dx);
    const int padded = tw__up(s->K, TAPS);
    a.g = g, a.x = x, a.dz = dz;
    a.back.y = g->dx, a.back.beta = g->dx_beta;
    tw_mark mark = tw_scratch_mark(ctx);
    const size_t threads = (size_t)tw_threads(ctx);
    a.offset = tw_scratch(ctx, (size_t)padded * sizeof *a.offset);
    a.at = tw_scratch(ctx, threads * 2 * a.groups * sizeof *a.at);
    a.buffer = tw_scratch(ctx, threads * a.thread_size * sizeof *a.buffer);
    if (!a.offset || !a.at || !a.buffer || !tw__conv_parts_new(ctx, s, a.chunks, &a.parts)) return false;
    if (g->dx && !tw__direct_weights(ctx, &a.back, w, true)) return false;
    tw__direct_offsets(&a.xb, s->C, s->kh, s->kw, a.offset);
    for (int k = s->K; k < padded; k++) a.offset[k] = 0; /* sums that nobody reads */
    tw_parallel_for(ctx, a.chunks, chunk, &a);
    tw__conv_parts_add(s, &a.parts, g);
    tw_scratch_release(ctx, mark);
    return true;
}
