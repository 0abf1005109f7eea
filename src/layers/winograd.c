/* winograd.c - see winograd.h. Convolution by Winograd's F(4x4, 3x3), for y, dx and dw.
 *
 * The tiles of all images are cut into units of some tile rows, small enough for a thread's cache. A unit's 36 places
 * are matrices [channels, tiles]: its input is transformed channel by channel, multiplied place by place, and
 * transformed back. Tile rows lie side by side, with one tile of nothing between them, because a tile reads two columns
 * of the next: so the transforms run over one long row, however narrow the picture.
 *
 *     y:  M = U V        U from w, V from x
 *     dx: the same convolution of dz with w turned by 180 degrees and its channels exchanged
 *     dw: dU = Z V'      Z from dz, V from x; then back through the weights' transform */
#include "layers/winograd.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    PLACES = TW__WINO_IN * TW__WINO_IN,
    TILE = TW__WINO_OUT,
    UNIT = 384 << 10, /* numbers of a unit's matrices: 1.5 MB */
    LEAST_TILES = 48, /* of a unit, for the products' sake */
    MOST_TILES = 256,
    LEAST_UNITS = 8,       /* to share among threads */
    GROUPS = 16,           /* at most so many partial weight gradients ... */
    PARTIALS = 4 << 20,    /* ... of together so many numbers */
    OUTPUTS_OF_BLOCK = 64, /* of a weight gradient that is too large for partial ones */
    PAD = 16               /* between two places: a power of two apart they would share cache lines */
};

static int least(int a, int b) { return a < b ? a : b; }
static int blocks(int n, int size) { return n / size + (n % size != 0); }

#ifdef TW_DOUBLE /* the double library is the oracle: it has the plain kernels only */
bool tw__winograd_suits(const tw__conv *s) { return (void)s, false; }
#else
/* Few channels or few tiles leave the transforms to dominate: measured by bench/steps. */
bool tw__winograd_suits(const tw__conv *s) {
    if (s->kh != 3 || s->kw != 3 || s->sh != 1 || s->sw != 1 || s->ph > 2 || s->pw > 2) return false;
    long long tiles = (long long)blocks(s->OH, TILE) * (blocks(s->OW, TILE) + 1);
    return s->C >= 16 && s->O >= 16 && s->P * 9LL >= tiles * PLACES * 3 / 2 && s->N > 0;
}
#endif

/* ---- how the tiles are cut -------------------------------------------------------------------------------------- */

typedef struct cut {
    tw__conv s;       /* as seen by the pass: for dx, from dz to dx */
    int down, across; /* tiles of an image */
    int width, parts; /* tiles of a unit across, and units across */
    int rows;         /* tile rows of a unit */
    int units;        /* all of them */
    size_t tiles;     /* of a unit, with those of nothing */
    size_t row;       /* numbers of one tile row in a long row */
    size_t channel;   /* from one channel's tiles to the next, in whole vectors */
} cut;

static cut cut_of(const tw__conv *s) {
    cut c = {.s = *s, .down = blocks(s->OH, TILE), .across = blocks(s->OW, TILE)};
    int most = UNIT / PLACES / (s->C + s->O);
    most = most < LEAST_TILES ? LEAST_TILES : least(most, MOST_TILES);
    c.parts = blocks(c.across, most);
    c.width = blocks(c.across, c.parts);
    c.parts = blocks(c.across, c.width);
    int all_rows = s->N * c.down, rows = most / (c.width + 1);
    c.rows = least(rows > 1 ? rows : 1, blocks(all_rows, LEAST_UNITS));
    c.units = blocks(all_rows, c.rows) * c.parts;
    c.tiles = (size_t)c.rows * (size_t)(c.width + 1);
    c.row = TILE * (size_t)(c.width + 1);
    c.channel = (c.tiles + 15) / 16 * 16;
    return c;
}

/* Numbers from one place's matrix of so many channels to the next place's. */
static size_t place(const cut *c, int channels) { return (size_t)channels * c->channel + PAD; }

/* Tile row k of a unit: which image, where in it. */
typedef struct spot {
    bool exists;
    int n, y, x; /* of the tile row's first output */
    int wide;    /* how many outputs of each of its lines exist */
} spot;

static spot spot_of(const cut *c, int unit, int k) {
    int r = unit / c->parts * c->rows + k, x = unit % c->parts * c->width * TILE;
    spot at = {r < c->s.N * c->down, r / c->down, r % c->down * TILE, x, 0};
    at.wide = least(c->width * TILE, c->s.OW - x);
    return at;
}

/* A line of n numbers of plane [H,W], from (y, x) on; zeros outside. */
static void read_line(const tw_real *plane, int H, int W, int y, int x, int n, tw_real *line) {
    int first = x < 0 ? least(-x, n) : 0, last = y < 0 || y >= H ? first : least(n, W - x);
    if (last < first) last = first;
    if (first > 0) memset(line, 0, (size_t)first * sizeof *line);
    if (last > first)
        memcpy(line + first, plane + (size_t)y * (size_t)W + (size_t)(x + first),
               (size_t)(last - first) * sizeof *line);
    if (last < n) memset(line + last, 0, (size_t)(n - last) * sizeof *line);
}

/* ---- transforms of a unit --------------------------------------------------------------------------------------- */

/* Room for six lines, and for six long rows. */
static size_t room(const cut *c) { return TW__WINO_IN * (c->row + c->row * (size_t)c->rows + PAD); }

/* What is transformed: channels of pictures, of which a tile takes some lines, from an offset to its outputs on. */
typedef struct source {
    const tw_real *x;         /* [N, channels, H, W]: the first channel wanted */
    const tw__conv_lines *dz; /* or lines of a gradient, in place of x, */
    int first;                /* from this channel on */
    int H, W, channels, wanted;
    int lines, y, x0, overlap; /* overlap: columns that a row of tiles takes beyond its outputs */
    void (*down)(size_t n, const tw_real *rows, size_t pitch, tw_real *out, size_t out_pitch);
    void (*across)(size_t tiles, const tw_real *row, tw_real *v, size_t step);
} source;

/* One plane's part of a unit, into v + place * step. */
static void transform_plane(const cut *c, int unit, const source *a, int channel, tw_real *work, tw_real *v,
                            size_t step) {
    const tw_real *plane = a->x ? a->x + (size_t)channel * (size_t)a->H * (size_t)a->W : NULL;
    tw_real *line = work, *strip = work + TW__WINO_IN * c->row;
    size_t pitch = c->row * (size_t)c->rows + PAD, image = (size_t)a->channels * (size_t)a->H * (size_t)a->W;
    for (int k = 0; k < c->rows; k++) {
        spot at = spot_of(c, unit, k);
        int n = at.exists ? c->width * TILE + a->overlap : 0;
        for (int i = 0; i < a->lines; i++) {
            tw_real *to = line + (size_t)i * c->row;
            if (at.exists && a->dz)
                TW_ISA_CALL(tw__conv_dz)(a->dz, at.n, a->first + channel, at.y + a->y + i, at.x + a->x0, n, to);
            else if (at.exists)
                read_line(plane + (size_t)at.n * image, a->H, a->W, at.y + a->y + i, at.x + a->x0, n, to);
            memset(to + n, 0, (c->row - (size_t)n) * sizeof *to);
        }
        a->down(c->row, line, c->row, strip + (size_t)k * c->row, pitch);
    }
    for (size_t i = 0; i < TW__WINO_IN; i++) {
        memset(strip + i * pitch + pitch - PAD, 0, PAD * sizeof *strip);
        a->across(c->tiles, strip + i * pitch, v + TW__WINO_IN * i * step, step);
    }
}

/* All channels wanted: v[place][channel][tiles]. */
static void transform(const cut *c, int unit, const source *a, tw_real *work, tw_real *v) {
    for (int k = 0; k < a->wanted; k++)
        transform_plane(c, unit, a, k, work, v + (size_t)k * c->channel, place(c, a->wanted));
}

/* V of the pass's input: x, or dz when it is given. */
static source input_of(const tw__conv *s, const tw_real *x, const tw__conv_lines *dz) {
    return (source){.x = x,
                    .dz = dz,
                    .H = s->H,
                    .W = s->W,
                    .channels = s->C,
                    .wanted = s->C,
                    .lines = TW__WINO_IN,
                    .y = -s->ph,
                    .x0 = -s->pw,
                    .overlap = TW__WINO_IN - TILE,
                    .down = TW_ISA_CALL(tw__wino_in_down),
                    .across = TW_ISA_CALL(tw__wino_in_across)};
}

/* Z of the channels o0..o0+n of dz. */
static source gradient_of(const tw__conv *s, const tw__conv_lines *dz, int o0, int n) {
    return (source){.dz = dz,
                    .first = o0,
                    .H = s->OH,
                    .W = s->OW,
                    .channels = s->O,
                    .wanted = n,
                    .lines = TILE,
                    .down = TW_ISA_CALL(tw__wino_grad_down),
                    .across = TW_ISA_CALL(tw__wino_grad_across)};
}

/* ---- y and dx --------------------------------------------------------------------------------------------------- */

typedef struct pass {
    cut c;
    const tw_real *x, *u;
    const tw__conv_lines *dz, *to; /* in place of x, and of y */
    bool turned;                   /* u is [O,C] by place; turned, the channels it is summed over are its rows */
    int u_width;                   /* numbers of its rows */
    size_t u_place;
    tw_real beta, *y;
    tw_real *buffer;
    size_t thread_size;
} pass;

/* The lines of output channel o that a unit computed, from work to y. */
static void write_lines(const pass *a, int unit, int o, tw_real *rows, size_t pitch) {
    const tw__conv *s = &a->c.s;
    for (int k = 0; k < a->c.rows; k++) {
        spot at = spot_of(&a->c, unit, k);
        if (!at.exists) continue;
        tw_real *from = rows + (size_t)k * a->c.row;
        int lines = least(TILE, s->OH - at.y);
        if (a->to) {
            TW_ISA_CALL(tw__conv_store)(a->to, at.n, o, at.y, lines, at.x, at.wide, from, pitch);
            continue;
        }
        tw_real *to = a->y + ((size_t)at.n * (size_t)s->O + (size_t)o) * (size_t)s->P + (size_t)at.y * (size_t)s->OW +
            (size_t)at.x;
        for (int i = 0; i < lines; i++, from += pitch, to += s->OW) {
            if (a->beta == 0) memcpy(to, from, (size_t)at.wide * sizeof *to);
            else
                for (int j = 0; j < at.wide; j++) to[j] += from[j];
        }
    }
}

static void convolve_unit(void *arg, int unit, int thread) {
    const pass *a = arg;
    const tw__conv *s = &a->c.s;
    size_t v_place = place(&a->c, s->C), m_place = place(&a->c, s->O), pitch = TILE * a->c.tiles;
    tw_real *v = a->buffer + (size_t)thread * a->thread_size, *m = v + PLACES * v_place, *work = m + PLACES * m_place;
    source x = input_of(s, a->x, a->dz);
    transform(&a->c, unit, &x, work, v);
    for (size_t k = 0; k < PLACES; k++)
        tw_gemm_serial(a->turned, false, s->O, (int)a->c.tiles, s->C, 1, a->u + k * a->u_place, a->u_width,
                       v + k * v_place, (int)a->c.channel, 0, m + k * m_place, (int)a->c.channel);
    for (int o = 0; o < s->O; o++) {
        TW_ISA_CALL(tw__wino_out)(a->c.tiles, m + (size_t)o * a->c.channel, m_place, work, pitch);
        write_lines(a, unit, o, work, pitch);
    }
}

/* U of w [O,C,3,3], each kernel as it is or turned by 180 degrees: u + place * (O C + PAD), [O,C]. */
typedef struct weights {
    const tw_real *w;
    int C;
    bool turned;
    size_t u_place;
    tw_real *u, *buffer; /* buffer: [threads][9][C] */
} weights;

static void weight_block(void *arg, int o, int thread) {
    const weights *a = arg;
    size_t C = (size_t)a->C;
    tw_real *g = a->buffer + (size_t)thread * 9 * C;
    for (size_t c = 0; c < C; c++)
        for (size_t k = 0; k < 9; k++) g[k * C + c] = a->w[((size_t)o * C + c) * 9 + (a->turned ? 8 - k : k)];
    TW_ISA_CALL(tw__wino_weight)(C, g, a->u + (size_t)o * C, a->u_place);
}

/* O and C are those of w; a says what is read and written, and c.s what the pass sees. */
static bool convolve(tw_ctx *ctx, int O, int C, const tw_real *w, pass a) {
    a.c = cut_of(&a.c.s);
    a.u_width = C;
    const tw__conv *s = &a.c.s;
    tw_mark mark = tw_scratch_mark(ctx);
    size_t threads = (size_t)tw_threads(ctx);
    a.u_place = (size_t)O * (size_t)C + PAD;
    a.thread_size = PLACES * (place(&a.c, s->C) + place(&a.c, s->O)) + room(&a.c);
    tw_real *u = tw_scratch(ctx, PLACES * a.u_place * sizeof *u);
    weights wt = {w, C, a.turned, a.u_place, u, tw_scratch(ctx, threads * 9 * (size_t)C * sizeof *u)};
    a.buffer = tw_scratch(ctx, threads * a.thread_size * sizeof *a.buffer);
    if (!u || !wt.buffer || !a.buffer) return false;
    a.u = u;
    tw_parallel_for(ctx, O, weight_block, &wt);
    tw_parallel_for(ctx, a.c.units, convolve_unit, &a);
    tw_scratch_release(ctx, mark);
    return true;
}

bool tw__winograd_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                          const tw__conv_lines *to) {
    return convolve(ctx, s->O, s->C, w, (pass){.c.s = *s, .x = x, .to = to});
}

bool tw__winograd_dx(tw_ctx *ctx, const tw__conv *s, const tw_real *w, const tw__conv_lines *dz, tw_real beta,
                     tw_real *dx) {
    tw__conv back = *s;
    back.C = s->O, back.H = s->OH, back.W = s->OW;
    back.O = s->C, back.OH = s->H, back.OW = s->W;
    back.ph = 2 - s->ph, back.pw = 2 - s->pw;
    back.K = s->O * s->taps, back.P = s->H * s->W;
    return convolve(ctx, s->O, s->C, w, (pass){.c.s = back, .dz = dz, .turned = true, .beta = beta, .y = dx});
}

/* ---- dw ---------------------------------------------------------------------------------------------------------- */

typedef struct dw_pass {
    cut c;
    const tw_real *x;
    const tw__conv_lines *dz;
    int units_of_group, outputs, output_blocks; /* a block sums a group of units, for some of the outputs */
    size_t u_place, u_size;
    tw_real *du; /* [groups][PLACES][O,C] */
    tw_real *buffer;
    size_t thread_size;
} dw_pass;

static void dw_block(void *arg, int block, int thread) {
    const dw_pass *a = arg;
    const tw__conv *s = &a->c.s;
    int group = block / a->output_blocks, o0 = block % a->output_blocks * a->outputs, n = least(a->outputs, s->O - o0);
    int first = group * a->units_of_group, last = least(first + a->units_of_group, a->c.units);
    size_t v_place = place(&a->c, s->C), z_place = place(&a->c, n);
    tw_real *v = a->buffer + (size_t)thread * a->thread_size, *z = v + PLACES * v_place;
    tw_real *work = z + PLACES * place(&a->c, a->outputs);
    tw_real *du = a->du + (size_t)group * a->u_size + (size_t)o0 * (size_t)s->C;
    source x = input_of(s, a->x, NULL), dz = gradient_of(s, a->dz, o0, n);
    for (int unit = first; unit < last; unit++) {
        transform(&a->c, unit, &x, work, v);
        transform(&a->c, unit, &dz, work, z);
        for (size_t k = 0; k < PLACES; k++)
            tw_gemm_serial(false, true, n, s->C, (int)a->c.tiles, 1, z + k * z_place, (int)a->c.channel,
                           v + k * v_place, (int)a->c.channel, unit == first ? 0 : 1, du + k * a->u_place, s->C);
    }
}

/* dw of output o from the sum of the groups' dU. */
typedef struct weight_gradient {
    int C, groups;
    size_t u_place, u_size;
    tw_real *du, *dw, beta, *buffer; /* buffer: [threads][9][C] */
} weight_gradient;

static void weight_gradient_block(void *arg, int o, int thread) {
    const weight_gradient *a = arg;
    size_t C = (size_t)a->C;
    tw_real *g = a->buffer + (size_t)thread * 9 * C, *du = a->du + (size_t)o * C;
    for (size_t k = 0; k < PLACES; k++)
        for (int i = 1; i < a->groups; i++) {
            const tw_real *part = du + k * a->u_place + (size_t)i * a->u_size;
            for (size_t c = 0; c < C; c++) du[k * a->u_place + c] += part[c];
        }
    TW_ISA_CALL(tw__wino_weight_grad)(C, du, a->u_place, g);
    for (size_t c = 0; c < C; c++)
        for (size_t k = 0; k < 9; k++) {
            tw_real *to = &a->dw[((size_t)o * C + c) * 9 + k];
            *to = tw_add_to(a->beta, *to, g[k * C + c]);
        }
}

bool tw__winograd_dw(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw__conv_lines *dz, tw_real beta,
                     tw_real *dw) {
    dw_pass a = {.c = cut_of(s), .x = x, .dz = dz, .u_place = (size_t)s->O * (size_t)s->C + PAD};
    a.u_size = PLACES * a.u_place;
    size_t fit = PARTIALS / a.u_size, threads = (size_t)tw_threads(ctx);
    int groups = least(least(GROUPS, fit > 1 ? (int)fit : 1), a.c.units);
    a.units_of_group = blocks(a.c.units, groups);
    groups = blocks(a.c.units, a.units_of_group);
    a.outputs = groups < LEAST_UNITS ? least(OUTPUTS_OF_BLOCK, s->O) : s->O;
    a.output_blocks = blocks(s->O, a.outputs);

    tw_mark mark = tw_scratch_mark(ctx);
    a.thread_size = PLACES * (place(&a.c, s->C) + place(&a.c, a.outputs)) + room(&a.c);
    a.du = tw_scratch(ctx, (size_t)groups * a.u_size * sizeof *a.du);
    a.buffer = tw_scratch(ctx, threads * a.thread_size * sizeof *a.buffer);
    weight_gradient g = {s->C, groups, a.u_place, a.u_size, a.du, dw, beta, NULL};
    g.buffer = tw_scratch(ctx, threads * 9 * (size_t)s->C * sizeof *g.buffer);
    if (!a.du || !a.buffer || !g.buffer) return false;
    tw_parallel_for(ctx, groups * a.output_blocks, dw_block, &a);
    tw_parallel_for(ctx, s->O, weight_gradient_block, &g);
    tw_scratch_release(ctx, mark);
    return true;
}
