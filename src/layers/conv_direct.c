/* conv_direct.c - see conv_direct.h: how the work is cut, and the copies with padding. */
#include "layers/conv_direct.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    OUT = TW__DIRECT_OUT,
    LANES = TW__DIRECT_LANES,
    TAPS = TW__DIRECT_TAPS,
    BLOCK = OUT * TAPS * LANES, /* numbers of a block of weight sums */
    SUMS = 512,                 /* numbers of a channel that wait to be stored */
    PADDED = 12 << 10,          /* numbers of a padded band: 48 kB */
    POSITIONS = 768,            /* of a unit of the weights' gradient: 8 channels of dz in 24 kB */
    LEAST_UNITS = 8,            /* to share among threads */
    CHUNKS = 16                 /* at most so many partial weight gradients */
};

static int least(int a, int b) { return a < b ? a : b; }
static int blocks(int n, int size) { return n / size + (n % size != 0); }
static int up(int n, int to) { return blocks(n, to) * to; }

#ifdef TW_DOUBLE /* the plain kernels only */
bool tw__conv_direct_suits(const tw__conv *s) { return (void)s, false; }
#else
/* With more channels Winograd's algorithm or the product of columns is faster, as measured. */
bool tw__conv_direct_suits(const tw__conv *s) {
    if (s->sh != 1 || s->sw != 1 || s->kh > 7 || s->kw > 7 || s->ph >= s->kh || s->pw >= s->kw) return false;
    bool few = s->C <= 4 || (s->C < 16 && s->O <= 64);
    return few && s->N > 0 && s->H > 0 && s->W > 0;
}
#endif

/* ---- padded copies ------------------------------------------------------------------------------------ */

/* Bands of lines of one or several images, with the padding that the kernel sees. */
typedef struct bands {
    int images, lines; /* output lines of a band */
    int width, pitch;  /* numbers of an output line, in whole groups, and of an input line */
    size_t plane;      /* of a padded channel */
} bands;

static bands bands_of(const tw__conv *s, int images, int lines) {
    bands b = {.images = images, .lines = lines, .width = up(s->OW, LANES)};
    b.pitch = b.width + s->kw - 1;
    b.plane = (size_t)(lines + s->kh - 1) * (size_t)b.pitch;
    return b;
}

/* Lines are short: these are loops of constant pieces, not calls. `zero` writes up to 16 numbers too many. */
static void zero(tw_real *to, int n) {
    for (int i = 0; i < n; i += LANES) memset(to + i, 0, LANES * sizeof *to);
}
static void copy(const tw_real *from, int n, tw_real *to) {
    enum { HALF = LANES / 2 };
    if (n < HALF) {
        for (int i = 0; i < n; i++) to[i] = from[i];
        return;
    }
    int i = 0;
    for (; i + HALF <= n; i += HALF) memcpy(to + i, from + i, HALF * sizeof *to);
    if (i < n) memcpy(to + n - HALF, from + n - HALF, HALF * sizeof *to);
}

/* The lines of image n that outputs row .. row + b->lines see: of x, or of dz when it is given. */
static void pad_band(const tw__conv *s, const bands *b, const tw_real *x, const tw__conv_lines *dz, int n, int row,
                     tw_real *to) {
    int lines = b->lines + s->kh - 1, first = row - s->ph;
    for (int c = 0; c < s->C; c++, to += b->plane) {
        if (dz) {
            TW_ISA_CALL(tw__conv_dz_padded)(dz, n, c, first, lines, -s->pw, b->pitch, to);
            continue;
        }
        const tw_real *plane = x + ((size_t)n * (size_t)s->C + (size_t)c) * (size_t)s->H * (size_t)s->W;
        tw_real *line = to;
        for (int h = first; h < first + lines; h++, line += b->pitch) {
            zero(line, b->pitch);
            if (h >= 0 && h < s->H) copy(plane + (size_t)h * (size_t)s->W, s->W, line + s->pw);
        }
    }
}

static void fill_offsets(const tw__conv *s, const bands *b, int32_t *offset) {
    for (int c = 0; c < s->C; c++)
        for (int i = 0; i < s->kh; i++)
            for (int j = 0; j < s->kw; j++) *offset++ = (int32_t)((size_t)c * b->plane) + i * b->pitch + j;
}

/* ---- y and dx ------------------------------------------------------------------------------------------ */

typedef struct pass {
    tw__conv s; /* as the pass sees it: for dx, from dz to dx */
    bands b;
    int units_of_image, step; /* step: output lines whose sums wait together */
    const tw_real *x;         /* what is read, and what is written */
    const tw__conv_lines *dz, *to;
    tw_real *y, beta;
    tw_real *w; /* [blocks][K][8] */
    int32_t *offset;
    tw_real *buffer;
    size_t x_room, sums, thread_size; /* sums: from one channel's to the next */
} pass;

/* The weights as the kernel reads them: channels side by side, zeros where there are none. W is [O,C,taps]; turned, the
 * outputs are its C. */
static void pack(const tw__conv *s, const tw_real *w, bool turned, tw_real *to) {
    for (int o0 = 0; o0 < s->O; o0 += OUT)
        for (int c = 0; c < s->C; c++)
            for (int t = 0; t < s->taps; t++)
                for (int r = 0; r < OUT; r++, to++) {
                    int o = o0 + r;
                    size_t at = turned
                        ? ((size_t)c * (size_t)s->O + (size_t)o) * (size_t)s->taps + (size_t)(s->taps - 1 - t)
                        : ((size_t)o * (size_t)s->C + (size_t)c) * (size_t)s->taps + (size_t)t;
                    *to = o < s->O ? w[at] : 0;
                }
}

/* Sums of channel o, lines row .. row + rows. */
static void put(const pass *a, int n, int o, int row, int rows, tw_real *sums) {
    const tw__conv *s = &a->s;
    if (a->to) {
        TW_ISA_CALL(tw__conv_store_padded)(a->to, n, o, row, rows, sums, (size_t)a->b.width);
        return;
    }
    tw_real *y = a->y + ((size_t)n * (size_t)s->O + (size_t)o) * (size_t)s->P + (size_t)row * (size_t)s->OW;
    for (int i = 0; i < rows; i++, sums += a->b.width, y += s->OW)
        if (a->beta == 0) copy(sums, s->OW, y);
        else
            for (int j = 0; j < s->OW; j++) y[j] += sums[j];
}

static void unit(void *arg, int block, int thread) {
    const pass *a = arg;
    const tw__conv *s = &a->s;
    int n = block / a->units_of_image, row = block % a->units_of_image * a->b.lines;
    int end = least(row + a->b.lines, s->OH), groups = a->b.width / LANES;
    tw_real *x = a->buffer + (size_t)thread * a->thread_size, *sums = x + a->x_room;
    pad_band(s, &a->b, a->x, a->dz, n, row, x);
    for (int o = 0; o < s->O; o += OUT) {
        int channels = least(OUT, s->O - o);
        const tw_real *w = a->w + (size_t)o * (size_t)s->K;
        for (int r = row; r < end; r += a->step) {
            int rows = least(a->step, end - r);
            const tw_real *from = x + (size_t)(r - row) * (size_t)a->b.pitch, *at[2];
            for (int g = 0; g < rows * groups; g += 2) {
                for (int i = 0; i < 2; i++) {
                    int k = least(g + i, rows * groups - 1);
                    at[i] = from + (size_t)(k / groups) * (size_t)a->b.pitch + (size_t)(k % groups * LANES);
                }
                TW_ISA_CALL(tw__conv_direct_sums)
                (channels, s->K, w, a->offset, at[0], at[1], sums + g * LANES, a->sums);
            }
            for (int k = 0; k < channels; k++) put(a, n, o + k, r, rows, sums + (size_t)k * a->sums);
        }
    }
}

static bool convolve(tw_ctx *ctx, const tw_real *w, bool turned, pass a) {
    const tw__conv *s = &a.s;
    int window = a.to ? a.to->pool_h : 1, width = up(s->OW, LANES);
    a.step = up(SUMS / width > 0 ? SUMS / width : 1, window);
    int lines = PADDED / s->C / (width + s->kw - 1) - (s->kh - 1), wanted = blocks(s->OH, blocks(LEAST_UNITS, s->N));
    lines = least(lines, wanted);
    lines = least(up(lines > 1 ? lines : 1, window), up(s->OH, window));
    a.step = least(a.step, lines);
    a.b = bands_of(s, 1, lines);
    a.units_of_image = blocks(s->OH, lines);
    a.sums = (size_t)up(a.step * width, 2 * LANES) + LANES; /* an odd number of cache lines */
    a.x_room = (size_t)up((int)((size_t)s->C * a.b.plane), LANES) + TW__LINE_ROOM;
    a.thread_size = a.x_room + OUT * a.sums + TW__LINE_ROOM;

    tw_mark mark = tw_scratch_mark(ctx);
    a.w = tw_scratch(ctx, (size_t)up(s->O, OUT) * (size_t)s->K * sizeof *a.w);
    a.offset = tw_scratch(ctx, (size_t)s->K * sizeof *a.offset);
    a.buffer = tw_scratch(ctx, (size_t)tw_threads(ctx) * a.thread_size * sizeof *a.buffer);
    if (!a.w || !a.offset || !a.buffer) return false;
    pack(s, w, turned, a.w);
    fill_offsets(s, &a.b, a.offset);
    tw_parallel_for(ctx, s->N * a.units_of_image, unit, &a);
    tw_scratch_release(ctx, mark);
    return true;
}

bool tw__conv_direct_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                             const tw__conv_lines *to) {
    return convolve(ctx, w, false, (pass){.s = *s, .x = x, .to = to});
}

bool tw__conv_direct_dx(tw_ctx *ctx, const tw__conv *s, const tw_real *w, const tw__conv_lines *dz, tw_real beta,
                        tw_real *dx) {
    tw__conv back = *s;
    back.C = s->O, back.H = s->OH, back.W = s->OW;
    back.O = s->C, back.OH = s->H, back.OW = s->W;
    back.ph = s->kh - 1 - s->ph, back.pw = s->kw - 1 - s->pw;
    back.K = s->O * s->taps, back.P = s->H * s->W;
    return convolve(ctx, w, true, (pass){.s = back, .dz = dz, .beta = beta, .y = dx});
}

/* ---- dw ------------------------------------------------------------------------------------------------ */

typedef struct dw_pass {
    tw__conv s;
    bands b;
    int units_of_image, units, chunk; /* chunk: units whose sums are taken together */
    const tw_real *x;
    const tw__conv_lines *dz;
    int32_t *offset, *at; /* at: for each thread, where its groups begin */
    tw_real *parts;       /* [chunks][O,K] */
    tw_real *buffer;      /* for each thread: sums, x, dz */
    size_t groups, sums, images, channel,
        thread_size; /* groups of a unit; numbers of the sums, of x, and of a channel of dz */
} dw_pass;

/* What a unit sees of x, and of dz line after line: how many groups of dz there are, and where those of x begin. */
static int load_unit(const dw_pass *a, int unit, tw_real *x, tw_real *dz, int32_t *at) {
    const tw__conv *s = &a->s;
    const bands *b = &a->b;
    int n = unit / a->units_of_image * b->images, row = unit % a->units_of_image * b->lines;
    int images = least(b->images, s->N - n), lines = least(b->lines, s->OH - row), groups = 0;
    for (int m = 0; m < images; m++) {
        size_t image = (size_t)m * (size_t)s->C * b->plane;
        pad_band(s, b, a->x, NULL, n + m, row, x + image);
        for (int o = 0; o < s->O; o++) TW_ISA_CALL(tw__conv_dz_padded)
        (a->dz, n + m, o, row, lines, 0, b->width, dz + (size_t)o * a->channel + (size_t)(m * lines * b->width));
        for (int i = 0; i < lines; i++)
            for (int g = 0; g < b->width; g += LANES) at[groups++] = (int32_t)image + i * b->pitch + g;
    }
    return groups;
}

static void dw_chunk(void *arg, int chunk, int thread) {
    const dw_pass *a = arg;
    const tw__conv *s = &a->s;
    tw_real *sums = a->buffer + (size_t)thread * a->thread_size, *x = sums + a->sums, *dz = x + a->images;
    int32_t *at = a->at + (size_t)thread * a->groups;
    int taps = blocks(s->K, TAPS);
    memset(sums, 0, a->sums * sizeof *sums);
    memset(dz + (size_t)s->O * a->channel, 0, (size_t)(up(s->O, OUT) - s->O) * a->channel * sizeof *dz);
    for (int u = chunk * a->chunk; u < least((chunk + 1) * a->chunk, a->units); u++) {
        int n = load_unit(a, u, x, dz, at);
        tw_real *sum = sums;
        for (int o = 0; o < s->O; o += OUT)
            for (int t = 0; t < taps; t++, sum += BLOCK) TW_ISA_CALL(tw__conv_direct_products)
        (n, dz + (size_t)o * a->channel, a->channel, x, at, a->offset + t * TAPS, sum);
    }
    tw_real *part = a->parts + (size_t)chunk * (size_t)s->O * (size_t)s->K;
    for (int o = 0; o < s->O; o++)
        for (int k = 0; k < s->K; k++, part++) {
            const tw_real *lane = sums + (size_t)(o / OUT * taps + k / TAPS) * BLOCK +
                (size_t)((o % OUT * TAPS + k % TAPS) * LANES);
            tw_real sum = 0;
            for (int i = 0; i < LANES; i++) sum += lane[i];
            *part = sum;
        }
}

bool tw__conv_direct_dw(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw__conv_lines *dz, tw_real beta,
                        tw_real *dw) {
    dw_pass a = {.s = *s, .x = x, .dz = dz};
    int width = up(s->OW, LANES), lines = POSITIONS / width, images = 1;
    if (lines >= s->OH) {
        images = least(lines / s->OH, blocks(s->N, LEAST_UNITS));
        lines = s->OH;
    } else {
        lines = up(lines > 1 ? lines : 1, 2); /* a line of windows gives two */
        lines = blocks(s->OH, blocks(s->OH, lines));
    }
    a.b = bands_of(s, images, lines);
    a.units_of_image = blocks(s->OH, lines);
    a.units = blocks(s->N, images) * a.units_of_image;
    a.chunk = blocks(a.units, CHUNKS);
    int chunks = blocks(a.units, a.chunk), padded = up(s->K, TAPS), weights = s->O * s->K;
    a.sums = (size_t)(up(s->O, OUT) / OUT * (padded / TAPS)) * BLOCK;
    a.images = (size_t)up(images * s->C * (int)a.b.plane, LANES) + TW__LINE_ROOM;
    a.groups = (size_t)(images * lines * width / LANES);
    a.channel = (size_t)(images * lines * width + LANES); /* lines of windows may end a group beyond it */
    a.thread_size = a.sums + a.images + (size_t)up(s->O, OUT) * a.channel + TW__LINE_ROOM;

    tw_mark mark = tw_scratch_mark(ctx);
    a.offset = tw_scratch(ctx, (size_t)padded * sizeof *a.offset);
    a.at = tw_scratch(ctx, (size_t)tw_threads(ctx) * a.groups * sizeof *a.at);
    a.parts = tw_scratch(ctx, (size_t)chunks * (size_t)weights * sizeof *a.parts);
    a.buffer = tw_scratch(ctx, (size_t)tw_threads(ctx) * a.thread_size * sizeof *a.buffer);
    if (!a.offset || !a.at || !a.parts || !a.buffer) return false;
    fill_offsets(s, &a.b, a.offset);
    for (int k = s->K; k < padded; k++) a.offset[k] = 0; /* sums that nobody reads */
    tw_parallel_for(ctx, chunks, dw_chunk, &a);
    for (int i = 0; i < weights; i++) {
        tw_real sum = a.parts[i];
        for (int k = 1; k < chunks; k++) sum += a.parts[(size_t)k * (size_t)weights + (size_t)i];
        dw[i] = tw_add_to(beta, dw[i], sum);
    }
    tw_scratch_release(ctx, mark);
    return true;
}
