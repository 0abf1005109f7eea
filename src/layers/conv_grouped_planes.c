/* conv_grouped_planes.c - see conv_grouped_planes.h. */
#include "layers/conv_grouped_planes.h"

#include "layers/conv_direct.h"

#include <string.h>

enum {
    SIDE = TW__GROUPED_SIDE,
    ROOM = TW__GROUPED_ROOM,
    MOST = 32,         /* channels of a group; with more the product of columns is faster, as measured */
    LARGEST = 1 << 18, /* numbers of a group's planes: 1 MB */
    WEIGHTS = 1 << 14, /* of a group, for each of which backward keeps a vector of sums: 1 MB */
    WAIT = 2048,       /* numbers of a channel's sums that wait to be stored */
};

/* ---- how planes lie ------------------------------------------------------------------------------------------- */

/* A dilated kernel may skip phases; that they are copied all the same is rare. */
static int phases(int stride, int kernel, int dilation) {
    return dilation > 1 ? stride : tw__grouped_least(stride, kernel);
}

tw__grouped_planes tw__grouped_planes_of(const tw__conv *s) {
    tw__grouped_planes p = {.C = s->C / s->groups, .O = s->O / s->groups};
    p.phases_h = phases(s->sh, s->kh, s->dh), p.phases_w = phases(s->sw, s->kw, s->dw);
    p.lines = s->OH + (s->kh - 1) * s->dh / s->sh;
    p.pitch = s->OW + (s->kw - 1) * s->dw / s->sw;
    p.phase = (size_t)p.lines * (size_t)p.pitch;
    p.channel = (size_t)p.phases_h * (size_t)p.phases_w * p.phase;
    p.x = (size_t)p.C * p.channel + ROOM;
    p.outputs = (size_t)(s->OH - 1) * (size_t)p.pitch + (size_t)s->OW;
    return p;
}

tw__grouped_tap tw__grouped_tap_of(const tw__conv *s, const tw__grouped_planes *p, int tap) {
    const int h = tap / s->kw * s->dh, w = tap % s->kw * s->dw;
    return (tw__grouped_tap){h % s->sh * p->phases_w + w % s->sw, h / s->sh * p->pitch + w / s->sw};
}

void tw__grouped_offsets(const tw__conv *s, const tw__grouped_planes *p, int32_t *offset) {
    for (int k = 0; k < s->K; k++) {
        const tw__grouped_tap t = tw__grouped_tap_of(s, p, k % s->taps);
        offset[k] = (int32_t)((size_t)(k / s->taps) * p->channel + (size_t)t.phase * p->phase) + t.offset;
    }
}

void tw__grouped_pad(const tw__conv *s, const tw__grouped_planes *p, const tw_real *x, int n, int g, tw_real *to) {
    const size_t plane = (size_t)s->H * (size_t)s->W;
    x += ((size_t)n * (size_t)s->C + (size_t)g * (size_t)p->C) * plane;
    for (int c = 0; c < p->C; c++, x += plane, to += p->channel)
        TW_ISA_CALL(tw__grouped_take)(x, s, p->phases_h, p->phases_w, p->lines, p->pitch, to);
    memset(to, 0, ROOM * sizeof *to);
}

/* ---- which ------------------------------------------------------------------------------------------------------ */

#ifdef TW_DOUBLE /* the plain kernels only */
static bool suits_narrow(const tw__conv *s) { return (void)s, false; }
#else
static bool suits_narrow(const tw__conv *s) {
    if (s->groups == 1 || s->taps == 1 || s->N == 0 || s->H == 0 || s->W == 0 || s->C / s->groups > MOST) return false;
    /* None of these is anything that people do, and the arithmetic stays small. */
    return s->sh <= 8 && s->sw <= 8 && s->kh <= 64 && s->kw <= 64 && s->dh <= 64 && s->dw <= 64 && s->ph <= 4096 &&
        s->pw <= 4096 && s->OH <= LARGEST && (long long)s->O / s->groups * s->K <= WEIGHTS;
}
#endif

/* So many columns of outputs are possible. */
static int widest(const tw__conv *s) {
    tw__conv narrow = *s;
    narrow.OW = 1;
    const tw__grouped_planes p = tw__grouped_planes_of(&narrow);
    const long long lines = (long long)p.C * p.phases_h * p.phases_w * p.lines + (long long)p.O * p.lines;
    return (int)(LARGEST / lines) - (p.pitch - 1);
}

bool tw__conv_grouped_suits(const tw__conv *s) { return suits_narrow(s) && s->OW <= widest(s); }

tw__conv tw__grouped_widest(const tw__conv *s) {
    tw__conv narrow = *s;
    narrow.OW = suits_narrow(s) ? tw__grouped_least(s->OW, widest(s)) : 0;
    return narrow;
}

/* ---- sums ----------------------------------------------------------------------------------------------------- */

int tw__grouped_side(int outputs) { return outputs < 3 ? 1 : SIDE; }

size_t tw__grouped_weights_size(int outputs, int K) {
    const int side = tw__grouped_side(outputs);
    return (size_t)tw__grouped_blocks(outputs, side) * (size_t)side * (size_t)K;
}

int tw__grouped_sum(const tw__grouped_weights *a, int first, size_t n, const tw_real *x, tw_real *z, size_t channel) {
    const tw_real *w = a->w + (size_t)first * (size_t)a->K;
    if (a->side == 1) {
        TW_ISA_CALL(tw__grouped_sums)(n, a->K, w, a->offset, x, z);
        return 1;
    }
    const int outputs = tw__grouped_least(SIDE, a->outputs - first);
    for (size_t i = 0; i < n; i += 2 * TW__DIRECT_LANES) TW_ISA_CALL(tw__conv_direct_sums)
    (outputs, a->K, w, a->offset, x + i, x + i + TW__DIRECT_LANES, z + i, channel);
    return outputs;
}

/* ---- portions --------------------------------------------------------------------------------------------------- */

int tw__grouped_step(int lines, int pitch, int window) {
    int step = WAIT / pitch / window * window;
    if (step < window) step = window;
    return tw__grouped_least(step, tw__grouped_blocks(lines, window) * window);
}

/* Never less for a wider picture: the step's numbers themselves would be. */
size_t tw__grouped_wait(int lines, int pitch, int window) {
    const size_t one = (size_t)window * (size_t)pitch, all = (size_t)tw__grouped_blocks(lines, window) * one;
    const size_t step = one > WAIT ? one : WAIT;
    return (step < all ? step : all) + ROOM;
}
