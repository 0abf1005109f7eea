/* conv_direct.c - see conv_direct.h: forward, and when. */
#include "layers/conv_direct.h"

#include "layers/conv_direct_bands.h"

#include <thalweg/extend.h>

enum {
    LANES = TW__DIRECT_LANES,
    OUT = TW__DIRECT_OUT,
    PADDED = 12 << 10,      /* numbers of a padded band: 48 kB */
    LARGEST_BAND = 1 << 20, /* numbers of the lines that one line of outputs, or of dx, sees */
    LEAST_UNITS = 8         /* to share among threads */
};

#ifdef TW_DOUBLE /* the plain kernels only */
static bool suits_narrow(const tw__conv *s) { return (void)s, false; }
#else
/* With more channels Winograd's algorithm or the product of columns is faster, as measured. */
static bool suits_narrow(const tw__conv *s) {
    if (s->sh != 1 || s->sw != 1 || s->kh > 7 || s->kw > 7 || s->ph >= s->kh || s->pw >= s->kw) return false;
    return (s->C <= 4 || (s->C < 16 && s->O <= 64)) && s->N > 0 && s->H > 0 && s->W > 0;
}
#endif

/* Each thread has a band of as many lines as the kernel of each channel at once, of x or of dz: not of lines that are
 * whole recordings. So many columns of x and outputs are possible. */
static int widest(const tw__conv *s) {
    long long channels = s->O > OUT ? s->O : OUT;
    if (channels < s->C) channels = s->C;
    return (int)(LARGEST_BAND / (channels * s->kh)) - LANES - s->kw;
}

bool tw__conv_direct_suits(const tw__conv *s) { return suits_narrow(s) && s->W <= widest(s) && s->OW <= widest(s); }

typedef struct pass {
    tw__direct_sums a;
    const tw_real *x;
    int lines, units_of_image; /* output lines of a band */
    tw_real *buffer;           /* for each thread: a band, and the sums that wait */
    size_t x_room, thread_size;
} pass;

static void unit(void *arg, int block, int thread) {
    const pass *p = arg;
    const tw__conv *s = &p->a.s;
    const int n = block / p->units_of_image, row = block % p->units_of_image * p->lines;
    tw_real *x = p->buffer + (size_t)thread * p->thread_size;
    tw__direct_pad(&p->a.b, p->x, s->C, s->H, s->W, n, 1, row - s->ph, s->pw, x);
    tw__direct_sum(&p->a, x, n, row, tw__least(row + p->lines, s->OH), x + p->x_room);
}

/* Bands of lines, for pooling in windows so high. */
static pass cut(const tw__conv *s, int pool_h) {
    pass p = {.a = {.s = *s}};
    const int pitch = tw__up(s->OW, LANES) + s->kw - 1;
    const int shared = tw__blocks(s->OH, tw__blocks(LEAST_UNITS, s->N));
    const int lines = tw__least(PADDED / s->C / pitch - (s->kh - 1), shared);
    p.lines = tw__least(tw__up(tw__most(lines, 1), pool_h), tw__up(s->OH, pool_h));
    p.units_of_image = tw__blocks(s->OH, p.lines);
    p.a.b = tw__direct_bands_of(1, p.lines + s->kh - 1, pitch);
    tw__direct_cut_sums(&p.a, p.lines, pool_h);
    p.x_room = (size_t)s->C * p.a.b.channel + TW__LINE_ROOM;
    p.thread_size = p.x_room + p.a.room;
    return p;
}

tw__conv tw__conv_direct_widest(const tw__conv *s) {
    tw__conv narrow = *s;
    const int more = s->W - s->OW;
    if (!suits_narrow(s)) narrow.OW = 0;
    else narrow.OW = tw__least(s->OW, widest(s) - tw__most(more, 0));
    narrow.W = narrow.OW + more, narrow.P = narrow.OH * narrow.OW;
    return narrow;
}

/* A wide picture's bands have few lines, and a narrow one's many; from some width on they have one. */
size_t tw__conv_direct_room(const tw__conv *s, int threads, int pool_h) {
    tw__conv narrow = tw__conv_direct_widest(s);
    size_t most = 0;
    while (narrow.OW > 0) {
        const size_t numbers = cut(&narrow, pool_h).thread_size;
        if (numbers > most) most = numbers;
        narrow.OW = tw__least((narrow.OW - 1) / LANES * LANES, PADDED);
    }
    if (most == 0) return 0;
    const size_t K = (size_t)s->K, weights = (size_t)tw__up(s->O, OUT) * K;
    return ((size_t)threads * most + weights) * sizeof(tw_real) + K * sizeof(int32_t) + (size_t)3 * 64;
}

bool tw__conv_direct_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                             const tw__conv_lines *to) {
    pass p = cut(s, to->pool_h);
    p.a.to = to, p.x = x;
    tw_mark mark = tw_scratch_mark(ctx);
    p.buffer = tw_scratch(ctx, (size_t)tw_threads(ctx) * p.thread_size * sizeof *p.buffer);
    if (!p.buffer || !tw__direct_weights(ctx, &p.a, w, false)) return false;
    tw_parallel_for(ctx, s->N * p.units_of_image, unit, &p);
    tw_scratch_release(ctx, mark);
    return true;
}
