/* conv_direct_bands.c - see conv_direct_bands.h. */
#include "layers/conv_direct_bands.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    OUT = TW__DIRECT_OUT,
    LANES = TW__DIRECT_LANES,
    SUMS = 512 /* numbers of a channel that wait to be stored */
};

/* ---- padded copies -------------------------------------------------------------------------------------------- */

tw__direct_bands tw__direct_bands_of(int images, int lines, int pitch) {
    tw__direct_bands b = {.images = images, .lines = lines, .pitch = pitch};
    b.size = (size_t)lines * (size_t)pitch;
    b.channel = ((size_t)images * b.size + LANES - 1) / LANES * LANES + LANES;
    return b;
}

void tw__direct_pad(const tw__direct_bands *b, const tw_real *x, int C, int H, int W, int n, int images, int row,
                    int left, tw_real *to) {
    for (int c = 0; c < C; c++)
        for (int m = 0; m < images; m++) {
            const tw_real *plane = x + ((size_t)(n + m) * (size_t)C + (size_t)c) * (size_t)H * (size_t)W;
            TW_ISA_CALL(tw__direct_pad_plane)
            (plane, H, W, row, b->lines, b->pitch, left, to + (size_t)c * b->channel + (size_t)m * b->size);
        }
}

void tw__direct_pad_dz(const tw__direct_bands *b, const tw__conv_lines *dz, int n, int images, int row, tw_real *to) {
    for (int o = 0; o < dz->O; o++, to += b->channel) {
        for (int m = 0; m < images; m++) TW_ISA_CALL(tw__conv_dz_padded)
        (dz, n + m, o, row, b->lines, 0, b->pitch, to + (size_t)m * b->size);
        const size_t end = (size_t)images * b->size;
        memset(to + end, 0, (b->channel - end) * sizeof *to); /* what is before the next channel's first line */
    }
}

void tw__direct_offsets(const tw__direct_bands *b, int C, int kh, int kw, int32_t *offset) {
    for (int c = 0; c < C; c++)
        for (int i = 0; i < kh; i++)
            for (int j = 0; j < kw; j++) *offset++ = (int32_t)((size_t)c * b->channel) + i * b->pitch + j;
}

/* ---- sums ----------------------------------------------------------------------------------------------------- */

void tw__direct_cut_sums(tw__direct_sums *a, int lines, int window) {
    a->width = tw__up(a->s.OW, LANES);
    a->step = tw__least(tw__up(tw__most(SUMS / a->width, 1), window), lines);
    a->channel = (size_t)tw__up(a->step * a->width, 2 * LANES) + LANES; /* an odd number of cache lines */
    a->room = OUT * a->channel + TW__LINE_ROOM;
}

/* Channels side by side, zeros where there are none. */
bool tw__direct_weights(tw_ctx *ctx, tw__direct_sums *a, const tw_real *w, bool turned) {
    const tw__conv *s = &a->s;
    const size_t O = (size_t)s->O, C = (size_t)s->C, taps = (size_t)s->taps;
    a->w = tw_scratch(ctx, (size_t)tw__up(s->O, OUT) * (size_t)s->K * sizeof *a->w);
    a->offset = tw_scratch(ctx, (size_t)s->K * sizeof *a->offset);
    if (!a->w || !a->offset) return false;
    tw_real *to = a->w;
    for (size_t o0 = 0; o0 < O; o0 += OUT)
        for (size_t c = 0; c < C; c++)
            for (size_t t = 0; t < taps; t++)
                for (size_t o = o0; o < o0 + OUT; o++, to++) {
                    const size_t at = turned ? (c * O + o) * taps + (taps - 1 - t) : (o * C + c) * taps + t;
                    *to = o < O ? w[at] : 0;
                }
    tw__direct_offsets(&a->b, s->C, s->kh, s->kw, a->offset);
    return true;
}

/* Sums of channel o, lines row .. row + rows. */
static void put(const tw__direct_sums *a, int n, int o, int row, int rows, tw_real *sums) {
    const tw__conv *s = &a->s;
    if (a->to) {
        TW_ISA_CALL(tw__conv_store_padded)(a->to, n, o, row, rows, sums, (size_t)a->width);
        return;
    }
    tw_real *y = a->y + ((size_t)n * (size_t)s->O + (size_t)o) * (size_t)s->P + (size_t)row * (size_t)s->OW;
    TW_ISA_CALL(tw__direct_put_lines)(rows, s->OW, sums, a->width, a->beta, y);
}

void tw__direct_sum(const tw__direct_sums *a, const tw_real *x, int n, int row, int end, tw_real *wait) {
    const tw__conv *s = &a->s;
    const int groups = a->width / LANES;
    for (int o = 0; o < s->O; o += OUT) {
        const int channels = tw__least(OUT, s->O - o);
        const tw_real *w = a->w + (size_t)o * (size_t)s->K;
        for (int r = row; r < end; r += a->step) {
            const int rows = tw__least(a->step, end - r);
            const tw_real *from = x + (size_t)(r - row) * (size_t)a->b.pitch, *at[2];
            for (int g = 0; g < rows * groups; g += 2) {
                for (int i = 0; i < 2; i++) {
                    const int k = tw__least(g + i, rows * groups - 1);
                    at[i] = from + (size_t)(k / groups) * (size_t)a->b.pitch + (size_t)(k % groups * LANES);
                }
                TW_ISA_CALL(tw__conv_direct_sums)
                (channels, s->K, w, a->offset, at[0], at[1], wait + g * LANES, a->channel);
            }
            for (int k = 0; k < channels; k++) put(a, n, o + k, r, rows, wait + (size_t)k * a->channel);
        }
    }
}
