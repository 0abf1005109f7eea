/* winograd_tiles.c - see winograd_tiles.h. */
#include "layers/winograd_tiles.h"

#include "tensor/panels.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    PLACES = TW__WINO_PLACES,
    SIDE = TW__WINO_SIDE,
    BLOCK = TW__WINO_BLOCK,
    SMALL_U = 320 << 10,    /* numbers of U, up to which a thread takes whole units ... */
    SMALL_UNIT = 480 << 10, /* ... with so many numbers of V and M (or Z) */
    LARGE_UNIT = 2 << 20,   /* in a large one, or twice as many as in U */
    LEAST_TILES = 24,       /* of a unit, for the products' sake */
    LEAST_UNITS = 16,       /* of small ones, to share among threads */
    WIDEST = 4096           /* columns of a picture */
};

static int outputs_of_tile(const tw__conv *s) { return SIDE + 1 - s->kh; }

#ifdef TW_DOUBLE /* the double library is the oracle: it has the plain kernels only */
bool tw__wino_suits_narrow(const tw__conv *s) { return (void)s, false; }
#else
/* Few channels, or many lines of outputs below the picture's border, leave the transforms to dominate. */
bool tw__wino_suits_narrow(const tw__conv *s) {
    if (s->kh != s->kw || (s->kh != 3 && s->kh != 5) || s->sh != 1 || s->sw != 1) return false;
    if (s->ph >= s->kh || s->pw >= s->kw) return false;
    const int m = outputs_of_tile(s), down = tw__blocks(s->OH, m);
    return s->C >= 16 && s->O >= 16 && (long long)s->OH * m * s->taps * 2 >= (long long)down * PLACES * 3 && s->N > 0;
}
#endif

bool tw__winograd_suits(const tw__conv *s) { return s->W <= WIDEST && s->OW <= WIDEST && tw__wino_suits_narrow(s); }

tw__conv tw__wino_widest(const tw__conv *s) {
    tw__conv narrow = *s;
    narrow.W = tw__least(s->W, WIDEST), narrow.OW = tw__least(s->OW, WIDEST);
    return narrow;
}

/* ---- how the tiles are cut -------------------------------------------------------------------------------------- */

static size_t odd(size_t lines) { return lines | 1; }

/* The rows of a tall matrix are an odd number of cache lines apart. */
static size_t ld_of(int channels) {
    size_t lines = tw__wino_whole(channels) / BLOCK;
    return BLOCK * (lines < 8 ? lines : odd(lines));
}

tw__wino_cut tw__wino_cut_of(const tw__conv *s) {
    tw__wino_cut c = {.s = *s, .m = outputs_of_tile(s)};
    c.down = tw__blocks(s->OH, c.m);
    c.across = tw__blocks(s->OW, c.m);
    c.all_rows = s->N * c.down;
    c.ld_in = ld_of(s->C);
    c.ld_out = ld_of(s->O);

    long long u = (long long)PLACES * s->C * s->O, room = SMALL_UNIT;
    c.large = u > SMALL_U;
    if (c.large) room = 2 * u > LARGE_UNIT ? 2 * u : LARGE_UNIT;
    long long tiles = room / (PLACES * (long long)(c.ld_in + c.ld_out));
    if (tiles < LEAST_TILES) tiles = LEAST_TILES;
    const int most = c.large ? c.all_rows : tw__blocks(c.all_rows, LEAST_UNITS);
    c.rows = tw__least((int)(tiles / c.across), most);
    if (c.rows < 1) c.rows = 1;
    c.rows = tw__blocks(c.all_rows, tw__blocks(c.all_rows, c.rows)); /* equal units */
    c.place_in = odd((size_t)c.rows * (size_t)c.across * c.ld_in / BLOCK) * BLOCK;
    c.place_out = odd((size_t)c.rows * (size_t)c.across * c.ld_out / BLOCK) * BLOCK;
    if (tiles < c.across) tiles = c.across;
    if (tiles > (long long)most * c.across) tiles = (long long)most * c.across;
    c.room_in = odd((size_t)tiles * c.ld_in / BLOCK) * BLOCK;
    c.room_out = odd((size_t)tiles * c.ld_out / BLOCK) * BLOCK;
    c.columns = (size_t)c.across * (size_t)c.m + SIDE + BLOCK; /* unpack reads whole blocks of columns */
    size_t wide = s->W > s->OW ? (size_t)s->W : (size_t)s->OW;
    /* six rows of a strip; four lines of 16 channels, and more than the TW__LINE_ROOM overwritten after them */
    c.work = (SIDE * c.columns + 4 * (wide + BLOCK)) * BLOCK;
    return c;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

tw__wino_source tw__wino_input(const tw__wino_cut *c, const tw_real *x) {
    const tw__conv *s = &c->s;
    tw__wino_source a = {.x = x, .N = s->N, .channels = s->C, .H = s->H, .W = s->W};
    a.lines = SIDE, a.y = -s->ph, a.left = s->pw;
    a.transform = s->kh == 3 ? TW_ISA_CALL(tw__wino3_input) : TW_ISA_CALL(tw__wino5_input);
    a.ld = c->ld_in, a.place = c->place_in;
    return a;
}

tw__wino_source tw__wino_gradient(const tw__wino_cut *c, const tw__conv_lines *dz) {
    const tw__conv *s = &c->s;
    tw__wino_source a = {.N = s->N, .channels = s->O, .H = s->OH, .W = s->OW, .lines = c->m};
    if (dz->act == TW_ACT_NONE && dz->pool_h == 1 && dz->pool_w == 1) a.x = dz->dy; /* dz is dy itself */
    else a.dz = dz;
    a.transform = s->kh == 3 ? TW_ISA_CALL(tw__wino3_gradient) : TW_ISA_CALL(tw__wino5_gradient);
    a.ld = c->ld_out, a.place = c->place_out;
    return a;
}

/* Line y of a block of channels of image n, into a row of the strip whose padding is 0 already. */
static void read_row(const tw__wino_source *a, int n, int channel, int y, tw_real *row) {
    const int channels = tw__least(BLOCK, a->channels - channel);
    const size_t plane = (size_t)a->H * (size_t)a->W;
    const tw_real *end = a->x + (size_t)a->N * (size_t)a->channels * plane, *line[BLOCK];
    tw_real *to = row + (size_t)a->left * BLOCK;
    if (y < 0 || y >= a->H) {
        memset(to, 0, (size_t)a->W * BLOCK * sizeof *to);
        return;
    }
    for (int i = 0; i < channels; i++)
        line[i] = a->x + ((size_t)n * (size_t)a->channels + (size_t)(channel + i)) * plane + (size_t)y * (size_t)a->W;
    TW_ISA_CALL(tw__wino_pack)(channels, line, end, (size_t)a->W, to);
}

/* The same for dz, for the lines of a row of tiles at once, for two are one line of windows. */
static void read_dz(const tw__wino_source *a, int n, int channel, int y, tw_real *const *row, tw_real *lines) {
    const int channels = tw__least(BLOCK, a->channels - channel);
    const size_t pitch = tw__wino_whole(a->W), of_channel = (size_t)a->lines * pitch;
    const tw_real *line[BLOCK];
    for (int i = 0; i < channels; i++) TW_ISA_CALL(tw__conv_dz_padded)
    (a->dz, n, channel + i, y, a->lines, 0, (int)pitch, lines + (size_t)i * of_channel);
    for (int j = 0; j < a->lines; j++) {
        for (int i = 0; i < channels; i++) line[i] = lines + (size_t)i * of_channel + (size_t)j * pitch;
        TW_ISA_CALL(tw__wino_pack)
        (channels, line, lines + BLOCK * of_channel, (size_t)a->W, row[j] + (size_t)a->left * BLOCK);
    }
}

void tw__wino_read(const tw__wino_cut *c, const tw__wino_source *a, tw__wino_span unit, tw__wino_span part, int block,
                   tw_real *work, tw_real *v, double *sum) {
    tw_real *row[SIDE], *lines = work + (size_t)a->lines * c->columns * BLOCK;
    memset(work, 0, (size_t)a->lines * c->columns * BLOCK * sizeof *work);
    for (int r = part.first; r < part.last; r++) {
        const int n = r / c->down, y = r % c->down * c->m; /* of the first outputs */
        /* line i of a tile row is line i - m of the next, which lies in the same row of the strip */
        const int kept = r > part.first && y > 0 ? a->lines - c->m : 0;
        for (int i = 0; i < a->lines; i++) row[i] = work + (size_t)((y + i) % a->lines) * c->columns * BLOCK;
        if (a->dz) read_dz(a, n, block * BLOCK, y + a->y, row, lines);
        for (int i = kept; i < a->lines; i++) {
            if (!a->dz) read_row(a, n, block * BLOCK, y + a->y + i, row[i]);
            if (sum) TW_ISA_CALL(tw__wino_column_sum)(c->columns, row[i], sum);
        }
        size_t tile = (size_t)(r - unit.first) * (size_t)c->across;
        a->transform((size_t)c->across, (const tw_real *const *)row, v + tile * a->ld + (size_t)block * BLOCK, a->place,
                     a->ld);
    }
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct weights {
    const tw__conv *s;
    const tw_real *w;
    bool transposed;
    tw_real *u;
} weights;

static void weight_block(void *arg, int block, int thread) {
    const weights *a = arg;
    const tw__conv *s = a->s;
    (void)thread;
    (s->kh == 3 ? TW_ISA_CALL(tw__wino3_weight) : TW_ISA_CALL(tw__wino5_weight))(
        a->transposed, s->O, s->C, a->w, block * BLOCK, a->u, tw__wino_u_place(s, a->transposed));
}

static int columns_of_u(const tw__conv *s, bool transposed) { return transposed ? s->C : s->O; }

size_t tw__wino_u_place(const tw__conv *s, bool transposed) {
    return tw__panels_size(transposed ? s->O : s->C, columns_of_u(s, transposed)) + BLOCK;
}

void tw__wino_weights(tw_ctx *ctx, const tw__conv *s, bool transposed, const tw_real *w, tw_real *u) {
    weights a = {s, w, transposed, u};
    /* whole panels, so that what is computed beyond the last column is computed from numbers */
    tw_parallel_for(ctx, (int)(tw__panels_size(1, columns_of_u(s, transposed)) / BLOCK), weight_block, &a);
}
