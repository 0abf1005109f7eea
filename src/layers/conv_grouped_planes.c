/* conv_grouped_planes.c - see conv_grouped_planes.h; and which convolutions it suits. */
#include "layers/conv_grouped_planes.h"

#include <string.h>

enum {
    SIDE = TW__GROUPED_SIDE,
    ROOM = TW__GROUPED_ROOM,
    MOST_IN = 32,      /* channels of a group; with more the product of columns is faster, as measured */
    MOST_OUT = 64,     /* and outputs */
    WEIGHTS = 1 << 14, /* of a group, for each of which backward keeps 16 sums: 1 MB, or 3 with empty outputs */
    POSITIONS = 4, /* outputs of a channel, over all images, for each weight of an output: there is a price for each */
    LARGEST = 1 << 22, /* numbers of a group's planes, for each thread: 16 MB */
    WAIT = 2048        /* numbers of a channel's sums that wait to be stored */
};

/* ---- how planes lie ------------------------------------------------------------------------------------------- */

static tw__grouped_axis axis_of(int outputs, int kernel, int dilation, int stride) {
    tw__grouped_axis a = {0};
    for (int i = 0; i < kernel; i++) {
        const int first = i * dilation % stride, seen = outputs + i * dilation / stride;
        int k = 0;
        while (k < a.n && a.first[k] != first) k++;
        if (k == a.n) a.first[a.n++] = first;
        a.seen[k] = a.most = seen; /* the farther the more */
    }
    return a;
}

static int phase_of(const tw__grouped_axis *a, int first) {
    int k = 0;
    while (a->first[k] != first) k++;
    return k;
}

tw__grouped_planes tw__grouped_planes_of(const tw__conv *s) {
    tw__grouped_planes p = {.C = s->C / s->groups, .O = s->O / s->groups};
    p.rows = axis_of(s->OH, s->kh, s->dh, s->sh), p.columns = axis_of(s->OW, s->kw, s->dw, s->sw);
    p.lines = p.rows.most, p.pitch = p.columns.most;
    p.phase_size = (size_t)p.lines * (size_t)p.pitch;
    p.channel = (size_t)(p.rows.n * p.columns.n) * p.phase_size;
    p.x_size = (size_t)p.C * p.channel + ROOM;
    p.span = (size_t)(s->OH - 1) * (size_t)p.pitch + (size_t)s->OW;
    p.dz_plane = (size_t)s->OH * (size_t)p.pitch;
    p.dz_gap = p.phase_size - p.span + ROOM;
    p.dz_channel = p.dz_plane + p.dz_gap;
    return p;
}

tw__grouped_tap tw__grouped_tap_of(const tw__conv *s, const tw__grouped_planes *p, int tap) {
    const int h = tap / s->kw * s->dh, w = tap % s->kw * s->dw;
    return (tw__grouped_tap){phase_of(&p->rows, h % s->sh) * p->columns.n + phase_of(&p->columns, w % s->sw),
                             h / s->sh * p->pitch + w / s->sw};
}

void tw__grouped_offsets(const tw__conv *s, const tw__grouped_planes *p, int32_t *offset) {
    for (int k = 0; k < s->K; k++) {
        const tw__grouped_tap t = tw__grouped_tap_of(s, p, k % s->taps);
        offset[k] = (int32_t)((size_t)(k / s->taps) * p->channel + (size_t)t.phase * p->phase_size) + t.offset;
    }
}

void tw__grouped_pad(const tw__conv *s, const tw__grouped_planes *p, const tw_real *x, int n, int g, tw_real *to) {
    const size_t plane = (size_t)s->H * (size_t)s->W;
    x += ((size_t)n * (size_t)s->C + (size_t)g * (size_t)p->C) * plane;
    for (int c = 0; c < p->C; c++, x += plane, to += p->channel) TW_ISA_CALL(tw__grouped_take)(x, s, p, to);
    memset(to, 0, ROOM * sizeof *to);
}

/* ---- which ------------------------------------------------------------------------------------------------------ */

#ifdef TW_DOUBLE /* the plain kernels only */
static bool suits_narrow(const tw__conv *s) { return (void)s, false; }
#else
static bool suits_narrow(const tw__conv *s) {
    if (s->groups == 1 || s->taps == 1 || s->N == 0 || s->H == 0 || s->W == 0) return false;
    if (s->C / s->groups > MOST_IN || s->O / s->groups > MOST_OUT) return false;
    if ((long long)s->O / s->groups * s->K > WEIGHTS || (long long)s->N * s->P < (long long)POSITIONS * s->K)
        return false;
    /* Beyond these nobody goes, and all numbers stay small. */
    return s->sh <= TW__GROUPED_STRIDE && s->sw <= TW__GROUPED_STRIDE && s->kh <= 64 && s->kw <= 64 && s->dh <= 64 &&
        s->dw <= 64 && s->ph <= 4096 && s->pw <= 4096 && s->OH <= LARGEST;
}
#endif

/* So many columns of outputs are possible. */
static int widest(const tw__conv *s) {
    tw__conv narrow = *s;
    narrow.OW = 1;
    const tw__grouped_planes p = tw__grouped_planes_of(&narrow);
    const long long planes = (long long)p.C * p.rows.n * p.columns.n + p.O;
    return (int)(LARGEST / (planes * p.lines)) - (p.pitch - 1);
}

bool tw__conv_grouped_suits(const tw__conv *s) { return suits_narrow(s) && s->OW <= widest(s); }

tw__conv tw__grouped_widest(const tw__conv *s) {
    tw__conv narrow = *s;
    narrow.OW = suits_narrow(s) ? tw__least(s->OW, widest(s)) : 0;
    return narrow;
}

/* ---- sums ----------------------------------------------------------------------------------------------------- */

int tw__grouped_side(int outputs) { return outputs < 3 ? 1 : SIDE; }

size_t tw__grouped_weights_size(int outputs, int K) {
    return (size_t)tw__up(outputs, tw__grouped_side(outputs)) * (size_t)K;
}

int tw__grouped_sum(const tw__grouped_weights *a, int first, size_t n, const tw_real *x, tw_real *z, size_t channel) {
    const tw_real *w = a->w + (size_t)first * (size_t)a->K;
    if (a->side == 1) {
        TW_ISA_CALL(tw__grouped_sums)(n, a->K, w, a->offset, x, z);
        return 1;
    }
    const int outputs = tw__least(SIDE, a->outputs - first);
    for (size_t i = 0; i < n; i += 2 * TW__DIRECT_LANES) TW_ISA_CALL(tw__conv_direct_sums)
    (outputs, a->K, w, a->offset, x + i, x + i + TW__DIRECT_LANES, z + i, channel);
    return outputs;
}

int tw__grouped_step(int lines, int pitch, int window) {
    const int step = WAIT / pitch / window * window;
    return tw__least(tw__most(step, window), tw__up(lines, window));
}

/* Never less for a wider picture: the step's numbers themselves would be. */
size_t tw__grouped_wait(int lines, int pitch, int window) {
    const size_t one = (size_t)window * (size_t)pitch, all = (size_t)tw__up(lines, window) * (size_t)pitch;
    const size_t step = one > WAIT ? one : WAIT;
    return (step < all ? step : all) + ROOM;
}
