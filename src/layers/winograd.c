/* winograd.c - see winograd.h. Convolution by Winograd's F(4x4, 3x3) and F(2x2, 5x5), for y, dx and dw.
 *
 *     y:  M = V U        U from w, V from x
 *     dx: the same convolution of dz with w turned by 180 degrees and its channels exchanged
 *     dw: dU = V' Z      V from x, Z from dz; then back through the weights' transform
 *
 * The tile rows of all images are cut into units. A unit has three stages: its input is transformed, 16 channels at a
 * time; the 36 places are multiplied; the results are transformed back. While the 36 matrices U are small, units are
 * small too, one thread takes a unit through all its stages, and what is between them stays in its cache. When U is
 * large it must not be read often: units are large then, and the threads share each stage of a unit.
 *
 * Some images lie side by side, with the padding between them, so that tiles may cross from one to the next: a picture
 * 25 wide alone wastes three columns of its seventh tile. */
#include "layers/winograd.h"

#include "tensor/panels.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    PLACES = TW__WINO_PLACES,
    SIDE = TW__WINO_SIDE,
    BLOCK = TW__WINO_BLOCK,
    SMALL_U = 320 << 10,    /* numbers of U, up to which a thread takes whole units ... */
    SMALL_UNIT = 160 << 10, /* ... with so many numbers of V and M (or Z) */
    LARGE_UNIT = 2 << 20,   /* in a large one, or twice as many as in U */
    LEAST_TILES = 24,       /* of a unit, for the products' sake */
    SUM_TILES = 128,        /* of a product in a weight gradient: sums of sums err less than one long sum */
    PARTS = 8,              /* at most so many partial weight gradients ... */
    PARTIALS = 2 << 20,     /* ... of together so many numbers */
    MOST_BESIDE = 4,        /* images side by side */
    WIDEST = 4096,          /* columns of a picture */
    STAGE_PARTS = 4         /* what a stage of a large unit is cut into, for each block of channels */
};

static int least(int a, int b) { return a < b ? a : b; }
static int blocks(int n, int size) { return n / size + (n % size != 0); }
static size_t whole_blocks(int n) { return ((size_t)n + BLOCK - 1) / BLOCK * BLOCK; }
static int outputs_of_tile(const tw__conv *s) { return SIDE + 1 - s->kh; }

#ifdef TW_DOUBLE /* the double library is the oracle: it has the plain kernels only */
bool tw__winograd_suits(const tw__conv *s) { return (void)s, false; }
#else
/* Few channels, or many outputs beyond the picture's border, leave the transforms to dominate. */
bool tw__winograd_suits(const tw__conv *s) {
    if (s->kh != s->kw || (s->kh != 3 && s->kh != 5) || s->sh != 1 || s->sw != 1) return false;
    if (s->ph >= s->kh || s->pw >= s->kw || s->W > WIDEST || s->OW > WIDEST) return false;
    int m = outputs_of_tile(s);
    long long tiles = (long long)blocks(s->OH, m) * blocks(s->OW, m);
    return s->C >= 16 && s->O >= 16 && s->P * (long long)s->taps * 2 >= tiles * PLACES * 3 && s->N > 0;
}
#endif

/* ---- how the tiles are cut -------------------------------------------------------------------------------------- */

typedef struct cut {
    tw__conv s;           /* as seen by the pass: for dx, from dz to dx */
    int m, beside;        /* outputs of a tile, images side by side */
    int stride;           /* columns from one of these to the next */
    int down, across;     /* tiles of these images */
    int all_rows;         /* tile rows of all images */
    int rows, units;      /* tile rows of a unit (the last one may have fewer), and units */
    bool large;           /* the threads share the stages of a unit */
    size_t ld_in, ld_out; /* of V; of M or Z */
    size_t place_in,
        place_out; /* numbers of such a matrix, with a pad: a power of two apart they would share cache lines */
    size_t work;   /* numbers for lines and strips */
} cut;

static size_t odd(size_t lines) { return lines | 1; }

/* The rows of a tall matrix are an odd number of cache lines apart. */
static size_t ld_of(int channels) {
    size_t lines = whole_blocks(channels) / BLOCK;
    return BLOCK * (lines < 8 ? lines : odd(lines));
}

static int tiles_across(const tw__conv *s, int m, int beside) {
    return blocks((beside - 1) * (s->W + s->pw) + s->OW, m);
}

static cut cut_of(const tw__conv *s) {
    cut c = {.s = *s, .m = outputs_of_tile(s), .beside = 1, .stride = s->W + s->pw};
    for (int k = 2; k <= MOST_BESIDE && s->OW <= 64; k++)
        if (s->N % k == 0 && tiles_across(s, c.m, k) * c.beside < tiles_across(s, c.m, c.beside) * k) c.beside = k;
    c.down = blocks(s->OH, c.m);
    c.across = tiles_across(s, c.m, c.beside);
    c.all_rows = s->N / c.beside * c.down;
    c.ld_in = ld_of(s->C);
    c.ld_out = ld_of(s->O);

    long long u = (long long)PLACES * s->C * s->O, room = SMALL_UNIT;
    c.large = u > SMALL_U;
    if (c.large) room = 2 * u > LARGE_UNIT ? 2 * u : LARGE_UNIT;
    long long tiles = room / (PLACES * (long long)(c.ld_in + c.ld_out));
    if (tiles < LEAST_TILES) tiles = LEAST_TILES;
    c.rows = least((int)(tiles / c.across), c.all_rows);
    if (c.rows < 1) c.rows = 1;
    c.units = blocks(c.all_rows, c.rows);
    c.rows = blocks(c.all_rows, c.units); /* equal ones */
    c.units = blocks(c.all_rows, c.rows);
    c.place_in = odd((size_t)c.rows * (size_t)c.across * c.ld_in / BLOCK) * BLOCK;
    c.place_out = odd((size_t)c.rows * (size_t)c.across * c.ld_out / BLOCK) * BLOCK;
    /* six rows and, as pack and unpack see whole blocks of columns, one block more; and a block of lines, with more
     * than the TW__LINE_ROOM that is read and overwritten after them */
    size_t columns = (size_t)c.across * (size_t)c.m + SIDE + BLOCK, wide = s->W > s->OW ? (size_t)s->W : (size_t)s->OW;
    c.work = (SIDE * columns + 4 * (wide + BLOCK)) * BLOCK;
    return c;
}

/* Some tile rows of a unit: from the first to before the last, and how many tiles of the unit precede and follow. */
typedef struct span {
    int first, last;
} span;

static span rows_of(const cut *c, int unit) { return (span){unit * c->rows, least((unit + 1) * c->rows, c->all_rows)}; }
static int tiles_of(const cut *c, int unit) {
    span r = rows_of(c, unit);
    return (r.last - r.first) * c->across;
}
static span part_of(span r, int part, int parts) {
    int n = blocks(r.last - r.first, parts);
    return (span){least(r.first + part * n, r.last), least(r.first + (part + 1) * n, r.last)};
}

/* ---- reading: V or Z of a unit ---------------------------------------------------------------------------------- */

typedef struct source {
    const tw_real *x;         /* [N, channels, H, W] */
    const tw__conv_lines *dz; /* or lines of a gradient in place of x */
    int N, channels, H, W;
    int lines, y,
        left; /* lines that a tile takes, from where on, and at which column of the strip the picture begins */
    void (*transform)(size_t tiles, const tw_real *const *rows, tw_real *v, size_t place, size_t ld);
    size_t ld, place;
} source;

/* x, or dz in its place. */
static source input_of(const cut *c, const tw_real *x, const tw__conv_lines *dz) {
    const tw__conv *s = &c->s;
    source a = {.x = x, .dz = dz, .N = s->N, .channels = s->C, .H = s->H, .W = s->W};
    a.lines = SIDE, a.y = -s->ph, a.left = s->pw;
    a.transform = s->kh == 3 ? TW_ISA_CALL(tw__wino3_input) : TW_ISA_CALL(tw__wino5_input);
    a.ld = c->ld_in, a.place = c->place_in;
    return a;
}
static source gradient_of(const cut *c, const tw__conv_lines *dz) {
    const tw__conv *s = &c->s;
    source a = {.dz = dz, .N = s->N, .channels = s->O, .H = s->OH, .W = s->OW, .lines = c->m};
    a.transform = s->kh == 3 ? TW_ISA_CALL(tw__wino3_gradient) : TW_ISA_CALL(tw__wino5_gradient);
    a.ld = c->ld_out, a.place = c->place_out;
    return a;
}

/* A gradient that is dy itself is read where it is. */
static source plain_source(source a) {
    const tw__conv_lines *l = a.dz;
    if (l && l->act == TW_ACT_NONE && l->pool_h == 1 && l->pool_w == 1) a.x = l->dy, a.dz = NULL;
    return a;
}

/* Line y of a block of channels of the images from n on, into a row of the strip whose gaps are 0 already. */
static void read_row(const cut *c, const source *a, int n, int channel, int y, tw_real *row, tw_real *lines) {
    const int channels = least(BLOCK, a->channels - channel);
    const size_t plane = (size_t)a->H * (size_t)a->W, pitch = whole_blocks(a->W);
    const tw_real *end = a->dz ? lines + BLOCK * pitch : a->x + (size_t)a->N * (size_t)a->channels * plane,
                  *line[BLOCK];
    for (int k = 0; k < c->beside; k++) {
        tw_real *to = row + (size_t)(a->left + k * c->stride) * BLOCK;
        if (y < 0 || y >= a->H) {
            memset(to, 0, (size_t)a->W * BLOCK * sizeof *to);
            continue;
        }
        for (int i = 0; i < channels; i++) {
            line[i] = lines + (size_t)i * pitch;
            if (a->dz)
                TW_ISA_CALL(tw__conv_dz_padded)(a->dz, n + k, channel + i, y, 1, 0, a->W, lines + (size_t)i * pitch);
            else
                line[i] = a->x + ((size_t)(n + k) * (size_t)a->channels + (size_t)(channel + i)) * plane +
                    (size_t)y * (size_t)a->W;
        }
        TW_ISA_CALL(tw__wino_pack)(channels, line, end, (size_t)a->W, to);
    }
}

/* Some tile rows of a unit, one block of channels. */
static void read_block(const cut *c, const source *a, int unit, span part, int block, tw_real *work, tw_real *v) {
    const size_t columns = (size_t)c->across * (size_t)c->m + SIDE;
    const int kept = a->lines - c->m; /* lines that a tile row shares with the next */
    tw_real *row[SIDE], *lines = work + (size_t)a->lines * columns * BLOCK;
    for (int i = 0; i < a->lines; i++) row[i] = work + (size_t)i * columns * BLOCK;
    memset(work, 0, (size_t)a->lines * columns * BLOCK * sizeof *work);
    for (int r = part.first; r < part.last; r++) {
        const int n = r / c->down * c->beside, ty = r % c->down;
        int have = 0;
        if (r > part.first && ty > 0) {
            tw_real *old[SIDE];
            memcpy(old, row, sizeof old);
            for (int i = 0; i < a->lines; i++) row[i] = old[(i + c->m) % a->lines];
            have = kept;
        }
        for (int i = have; i < a->lines; i++) read_row(c, a, n, block * BLOCK, ty * c->m + a->y + i, row[i], lines);
        size_t tile = (size_t)(r - unit * c->rows) * (size_t)c->across;
        a->transform((size_t)c->across, (const tw_real *const *)row, v + tile * a->ld + block * BLOCK, a->place, a->ld);
    }
}

/* ---- y and dx --------------------------------------------------------------------------------------------------- */

typedef struct pass {
    cut c;
    source x;
    const tw_real *u;
    size_t u_place;
    const tw__conv_lines *to; /* where the sums go, or */
    tw_real beta, *y;         /* y = beta y + the sums */
    tw_real *v, *m, *work;    /* of the large unit, or of all threads */
    size_t v_size, m_size;
    int unit; /* the large unit that is being computed */
} pass;

static void multiply(const pass *a, int unit, size_t k, const tw_real *v, tw_real *m) {
    const cut *c = &a->c;
    TW_ISA_CALL(tw__panels_product)
    (tiles_of(c, unit), (int)whole_blocks(c->s.O), c->s.C, v + k * c->place_in, (int)c->ld_in, a->u + k * a->u_place,
     false, m + k * c->place_out, (int)c->ld_out);
}

/* Rows of a strip to the lines from y on, of a block of channels of the images from n on. */
static void write_rows(const pass *a, int n, int channel, int y, int rows, const tw_real *row, size_t row_pitch,
                       tw_real *lines) {
    const tw__conv *s = &a->c.s;
    const size_t pitch = whole_blocks(s->OW), width = (size_t)s->OW;
    for (int k = 0; k < a->c.beside; k++) {
        for (int i = 0; i < rows; i++) TW_ISA_CALL(tw__wino_unpack)
        (width, row + (size_t)i * row_pitch + (size_t)(k * a->c.stride) * BLOCK, lines + (size_t)i * BLOCK * pitch,
         pitch);
        for (int o = channel; o < least(channel + BLOCK, s->O); o++) {
            tw_real *from = lines + (size_t)(o - channel) * pitch;
            if (a->to) {
                TW_ISA_CALL(tw__conv_store_padded)(a->to, n + k, o, y, rows, from, BLOCK * pitch);
                continue;
            }
            tw_real *to = a->y + ((size_t)(n + k) * (size_t)s->O + (size_t)o) * (size_t)s->P + (size_t)y * width;
            for (int i = 0; i < rows; i++, from += BLOCK * pitch, to += width)
                for (size_t j = 0; j < width; j++) to[j] = tw_add_to(a->beta, to[j], from[j]);
        }
    }
}

static void write_block(const pass *a, int unit, span part, int block, const tw_real *m, tw_real *work) {
    const cut *c = &a->c;
    const size_t pitch = ((size_t)c->across * (size_t)c->m + BLOCK) * BLOCK;
    for (int r = part.first; r < part.last; r++) {
        const int n = r / c->down * c->beside, y = r % c->down * c->m;
        const tw_real *from = m + (size_t)(r - unit * c->rows) * (size_t)c->across * c->ld_out + block * BLOCK;
        (c->s.kh == 3 ? TW_ISA_CALL(tw__wino3_output)
                      : TW_ISA_CALL(tw__wino5_output))((size_t)c->across, from, c->place_out, c->ld_out, work, pitch);
        write_rows(a, n, block * BLOCK, y, least(c->m, c->s.OH - y), work, pitch, work + (size_t)c->m * pitch);
    }
}

/* A thread takes a unit through its three stages ... */
static void convolve_unit(void *arg, int unit, int thread) {
    const pass *a = arg;
    tw_real *v = a->v + (size_t)thread * a->v_size, *m = a->m + (size_t)thread * a->m_size;
    tw_real *work = a->work + (size_t)thread * a->c.work;
    span rows = rows_of(&a->c, unit);
    for (int k = 0; k < blocks(a->c.s.C, BLOCK); k++) read_block(&a->c, &a->x, unit, rows, k, work, v);
    for (size_t k = 0; k < PLACES; k++) multiply(a, unit, k, v, m);
    for (int k = 0; k < blocks(a->c.s.O, BLOCK); k++) write_block(a, unit, rows, k, m, work);
}

/* ... or they share each of them. */
static void read_stage(void *arg, int block, int thread) {
    const pass *a = arg;
    span part = part_of(rows_of(&a->c, a->unit), block % STAGE_PARTS, STAGE_PARTS);
    read_block(&a->c, &a->x, a->unit, part, block / STAGE_PARTS, a->work + (size_t)thread * a->c.work, a->v);
}
static void multiply_stage(void *arg, int k, int thread) {
    const pass *a = arg;
    (void)thread;
    multiply(a, a->unit, (size_t)k, a->v, a->m);
}
static void write_stage(void *arg, int block, int thread) {
    const pass *a = arg;
    span part = part_of(rows_of(&a->c, a->unit), block % STAGE_PARTS, STAGE_PARTS);
    write_block(a, a->unit, part, block / STAGE_PARTS, a->m, a->work + (size_t)thread * a->c.work);
}

/* U of w, in panels. */
typedef struct weights {
    const tw_real *w;
    int O, C;
    bool turned;
    size_t u_place;
    tw_real *u;
    void (*transform)(bool turned, int O, int C, const tw_real *w, int first, tw_real *u, size_t place);
} weights;

static void weight_block(void *arg, int block, int thread) {
    const weights *a = arg;
    (void)thread;
    a->transform(a->turned, a->O, a->C, a->w, block * BLOCK, a->u, a->u_place);
}

/* O and C are those of w; s is what the pass sees. */
static bool convolve(tw_ctx *ctx, int O, int C, const tw_real *w, bool turned, pass a) {
    const cut *c = &a.c;
    const tw__conv *s = &c->s;
    const size_t threads = (size_t)tw_threads(ctx), copies = c->large ? 1 : threads;
    tw_mark mark = tw_scratch_mark(ctx);
    a.u_place = tw__panels_size(s->C, s->O) + BLOCK;
    a.v_size = PLACES * c->place_in;
    a.m_size = PLACES * c->place_out;
    tw_real *u = tw_scratch(ctx, PLACES * a.u_place * sizeof *u);
    a.v = tw_scratch(ctx, copies * a.v_size * sizeof *a.v);
    a.m = tw_scratch(ctx, copies * a.m_size * sizeof *a.m);
    a.work = tw_scratch(ctx, threads * c->work * sizeof *a.work);
    if (!u || !a.v || !a.m || !a.work) return false;
    a.u = u;
    weights wt = {w, O, C, turned, a.u_place, u, NULL};
    wt.transform = s->kh == 3 ? TW_ISA_CALL(tw__wino3_weight) : TW_ISA_CALL(tw__wino5_weight);
    /* whole panels, so that what is computed beyond the last column is from numbers */
    tw_parallel_for(ctx, (int)(tw__panels_size(1, s->O) / BLOCK), weight_block, &wt);
    if (!c->large) tw_parallel_for(ctx, c->units, convolve_unit, &a);
    for (; c->large && a.unit < c->units; a.unit++) {
        tw_parallel_for(ctx, blocks(s->C, BLOCK) * STAGE_PARTS, read_stage, &a);
        tw_parallel_for(ctx, PLACES, multiply_stage, &a);
        tw_parallel_for(ctx, blocks(s->O, BLOCK) * STAGE_PARTS, write_stage, &a);
    }
    tw_scratch_release(ctx, mark);
    return true;
}

bool tw__winograd_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                          const tw__conv_lines *to) {
    pass a = {.c = cut_of(s), .to = to};
    a.x = input_of(&a.c, x, NULL);
    return convolve(ctx, s->O, s->C, w, false, a);
}

bool tw__winograd_dx(tw_ctx *ctx, const tw__conv *s, const tw_real *w, const tw__conv_lines *dz, tw_real beta,
                     tw_real *dx) {
    tw__conv back = *s;
    back.C = s->O, back.H = s->OH, back.W = s->OW;
    back.O = s->C, back.OH = s->H, back.OW = s->W;
    back.ph = s->kh - 1 - s->ph, back.pw = s->kw - 1 - s->pw;
    back.K = s->O * s->taps, back.P = s->H * s->W;
    pass a = {.c = cut_of(&back), .beta = beta, .y = dx};
    a.x = plain_source(input_of(&a.c, NULL, dz));
    return convolve(ctx, s->O, s->C, w, true, a);
}

/* ---- dw ---------------------------------------------------------------------------------------------------------- */

typedef struct dw_pass {
    cut c;
    source x, dz;
    int units_of_part;
    size_t u_place, u_size; /* of dU: [PLACES][C, O], both in whole blocks */
    tw_real *du;            /* [parts] */
    tw_real *v, *z, *work;  /* of the large unit, or of all threads */
    int unit;
} dw_pass;

static void multiply_gradient(const dw_pass *a, int unit, bool add, size_t k, const tw_real *v, const tw_real *z,
                              tw_real *du) {
    const cut *c = &a->c;
    const int tiles = tiles_of(c, unit), O = (int)whole_blocks(c->s.O), C = (int)whole_blocks(c->s.C);
    const int step = blocks(tiles, blocks(tiles, SUM_TILES));
    tw__product p = {.ta = true, .lda = c->ld_in, .ldb = c->ld_out, .C = du + k * a->u_place, .ldc = (size_t)O};
    for (int t = 0; t < tiles; t += step) {
        p.add = add || t > 0;
        p.A = v + k * c->place_in + (size_t)t * c->ld_in;
        p.B = z + k * c->place_out + (size_t)t * c->ld_out;
        TW_ISA_CALL(tw__product_run)(&p, C, O, least(step, tiles - t));
    }
}

/* A part of the units, by one thread ... */
static void dw_part(void *arg, int part, int thread) {
    const dw_pass *a = arg;
    const cut *c = &a->c;
    tw_real *v = a->v + (size_t)thread * PLACES * c->place_in, *z = a->z + (size_t)thread * PLACES * c->place_out;
    tw_real *work = a->work + (size_t)thread * c->work;
    int first = part * a->units_of_part, last = least(first + a->units_of_part, c->units);
    for (int unit = first; unit < last; unit++) {
        span rows = rows_of(c, unit);
        for (int k = 0; k < blocks(c->s.C, BLOCK); k++) read_block(c, &a->x, unit, rows, k, work, v);
        for (int k = 0; k < blocks(c->s.O, BLOCK); k++) read_block(c, &a->dz, unit, rows, k, work, z);
        for (size_t k = 0; k < PLACES; k++)
            multiply_gradient(a, unit, unit > first, k, v, z, a->du + (size_t)part * a->u_size);
    }
}

/* ... or each unit by all of them. */
static void dw_read_stage(void *arg, int block, int thread) {
    const dw_pass *a = arg;
    span part = part_of(rows_of(&a->c, a->unit), block % STAGE_PARTS, STAGE_PARTS);
    int k = block / STAGE_PARTS, inputs = blocks(a->c.s.C, BLOCK);
    tw_real *work = a->work + (size_t)thread * a->c.work;
    if (k < inputs) read_block(&a->c, &a->x, a->unit, part, k, work, a->v);
    else read_block(&a->c, &a->dz, a->unit, part, k - inputs, work, a->z);
}
static void dw_multiply_stage(void *arg, int k, int thread) {
    const dw_pass *a = arg;
    (void)thread;
    multiply_gradient(a, a->unit, a->unit > 0, (size_t)k, a->v, a->z, a->du);
}

/* A square of dw: 16 outputs of 16 inputs. */
typedef struct weight_gradient {
    tw__wino_weight_sum sum;
    void (*transform)(const tw__wino_weight_sum *s, int o0, int c);
} weight_gradient;

static void weight_gradient_block(void *arg, int block, int thread) {
    const weight_gradient *a = arg;
    (void)thread;
    int across = blocks(a->sum.C, BLOCK), first = block % across * BLOCK;
    for (int c = first; c < least(first + BLOCK, a->sum.C); c++) a->transform(&a->sum, block / across * BLOCK, c);
}

bool tw__winograd_dw(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw__conv_lines *dz, tw_real beta,
                     tw_real *dw) {
    dw_pass a = {.c = cut_of(s)};
    const cut *c = &a.c;
    a.x = input_of(c, x, NULL);
    a.dz = plain_source(gradient_of(c, dz));
    a.u_place = odd(whole_blocks(s->C) * whole_blocks(s->O) / BLOCK) * BLOCK;
    a.u_size = PLACES * a.u_place;
    int fit = (int)(PARTIALS / a.u_size), parts = least(least(PARTS, fit > 1 ? fit : 1), c->units);
    if (c->large) parts = 1;
    a.units_of_part = blocks(c->units, parts);
    parts = blocks(c->units, a.units_of_part);

    tw_mark mark = tw_scratch_mark(ctx);
    const size_t threads = (size_t)tw_threads(ctx), copies = c->large ? 1 : threads;
    a.du = tw_scratch(ctx, (size_t)parts * a.u_size * sizeof *a.du);
    a.v = tw_scratch(ctx, copies * PLACES * c->place_in * sizeof *a.v);
    a.z = tw_scratch(ctx, copies * PLACES * c->place_out * sizeof *a.z);
    a.work = tw_scratch(ctx, threads * c->work * sizeof *a.work);
    if (!a.du || !a.v || !a.z || !a.work) return false;
    if (!c->large) tw_parallel_for(ctx, parts, dw_part, &a);
    for (; c->large && a.unit < c->units; a.unit++) {
        tw_parallel_for(ctx, (blocks(s->C, BLOCK) + blocks(s->O, BLOCK)) * STAGE_PARTS, dw_read_stage, &a);
        tw_parallel_for(ctx, PLACES, dw_multiply_stage, &a);
    }
    weight_gradient g = {{s->O, s->C, parts, a.u_place, whole_blocks(s->O), a.u_size, a.du, beta, dw},
                         s->kh == 3 ? TW_ISA_CALL(tw__wino3_weight_grad) : TW_ISA_CALL(tw__wino5_weight_grad)};
    tw_parallel_for(ctx, blocks(s->O, BLOCK) * blocks(s->C, BLOCK), weight_gradient_block, &g);
    tw_scratch_release(ctx, mark);
    return true;
}
