/* conv_grouped_dx.c - see conv_grouped.h: dx, phase by phase, each of the weights that see it. */
#include "layers/conv_grouped_planes.h"

#include <string.h>
#include <thalweg/extend.h>

/* Of the places first, first + stride .. (`all` of them) those in [0,size): from the one to before the other. */
static void inside(int first, int stride, int size, int all, int *from, int *end) {
    *from = first < 0 ? tw__blocks(-first, stride) : 0;
    *end = first < size ? tw__least((size - 1 - first) / stride + 1, all) : 0;
}

tw__grouped_dx tw__grouped_dx_of(const tw__conv *s, const tw__grouped_planes *p) {
    tw__grouped_dx d = {.s = *s, .p = *p};
    d.step = tw__grouped_step(p->lines, p->pitch, 1);
    d.wait = tw__grouped_wait(p->lines, p->pitch, 1);
    d.phases = p->rows.n * p->columns.n;
    size_t offset = 0;
    for (int k = 0; k < d.phases; k++) {
        const int a = k / p->columns.n, b = k % p->columns.n;
        tw__grouped_phase *f = &d.phase[k];
        for (int t = 0; t < s->taps; t++) f->K += tw__grouped_tap_of(s, p, t).phase == k ? p->O : 0;
        f->h = p->rows.first[a] - s->ph, f->v = p->columns.first[b] - s->pw;
        inside(f->h, s->sh, s->H, p->rows.seen[a], &f->row, &f->end_row);
        inside(f->v, s->sw, s->W, p->columns.seen[b], &f->column, &f->end_column);
        f->h += f->row * s->sh, f->v += f->column * s->sw;
        f->w = d.group_size, f->offset = offset;
        d.group_size += tw__grouped_weights_size(p->C, f->K);
        offset += (size_t)f->K;
    }
    return d;
}

static size_t offsets(const tw__grouped_dx *d) { return (size_t)d->p.O * (size_t)d->s.taps; }

size_t tw__grouped_dx_room(const tw__grouped_dx *d) {
    return (size_t)d->s.groups * d->group_size * sizeof *d->w + offsets(d) * (sizeof *d->offset + sizeof(size_t)) +
        (size_t)3 * 64;
}

size_t tw__grouped_dx_wait_size(const tw__grouped_dx *d) { return (size_t)tw__grouped_side(d->p.C) * d->wait; }

/* ---- turned weights -------------------------------------------------------------------------------------------- */

/* Where the outputs and places that see a phase have their weights of a group's first channel, and what they are to see
 * of dz. */
static void list(const tw__grouped_dx *d, int phase, size_t *at, int32_t *offset) {
    for (int o = 0; o < d->p.O; o++)
        for (int t = 0; t < d->s.taps; t++) {
            const tw__grouped_tap tap = tw__grouped_tap_of(&d->s, &d->p, t);
            if (tap.phase != phase) continue;
            *at++ = (size_t)o * (size_t)d->s.K + (size_t)t;
            *offset++ = (int32_t)((size_t)o * d->p.dz_channel) - tap.offset;
        }
}

/* [blocks of channels][K][side], zeros where there is no channel. */
static void turn(const tw__grouped_dx *d, const tw__grouped_phase *f, const size_t *at, const tw_real *w, tw_real *to) {
    const int side = tw__grouped_side(d->p.C);
    for (int first = 0; first < d->p.C; first += side)
        for (int k = 0; k < f->K; k++)
            for (int c = first; c < first + side; c++)
                *to++ = c < d->p.C ? w[at[k] + (size_t)c * (size_t)d->s.taps] : 0;
}

bool tw__grouped_dx_weights(tw_ctx *ctx, tw__grouped_dx *d, const tw_real *w) {
    const size_t group = (size_t)d->p.O * (size_t)d->s.K; /* of W */
    d->w = tw_scratch(ctx, (size_t)d->s.groups * d->group_size * sizeof *d->w);
    d->offset = tw_scratch(ctx, offsets(d) * sizeof *d->offset);
    if (!d->w || !d->offset) return false;
    tw_mark mark = tw_scratch_mark(ctx);
    size_t *at = tw_scratch(ctx, offsets(d) * sizeof *at);
    if (!at) return false;
    for (int k = 0; k < d->phases; k++) {
        const tw__grouped_phase *f = &d->phase[k];
        list(d, k, at, d->offset + f->offset);
        for (int g = 0; g < d->s.groups; g++)
            turn(d, f, at, w + (size_t)g * group, d->w + (size_t)g * d->group_size + f->w);
    }
    tw_scratch_release(ctx, mark);
    return true;
}

/* ---- sums ------------------------------------------------------------------------------------------------------ */

/* Sums of a channel, lines q .. q + rows of a phase, into dx [H,W]. */
static void put(const tw__grouped_dx *d, const tw__grouped_phase *f, int q, int rows, const tw_real *sums,
                tw_real *dx) {
    const tw__conv *s = &d->s;
    const int n = f->end_column - f->column;
    tw_real *to = dx + ((size_t)f->h + (size_t)(q - f->row) * (size_t)s->sh) * (size_t)s->W + (size_t)f->v;
    sums += f->column;
    if (s->sw == 1 && s->sh == 1) TW_ISA_CALL(tw__direct_put_lines)(rows, n, sums, d->p.pitch, d->beta, to);
    else TW_ISA_CALL(tw__grouped_give)
    (sums, rows, n, (size_t)d->p.pitch, (size_t)s->sh * (size_t)s->W, s->sw, d->beta != 0, to);
}

void tw__grouped_dx_put(const tw__grouped_dx *d, int n, int g, const tw_real *dz, tw_real *wait) {
    const tw__conv *s = &d->s;
    const size_t plane = (size_t)s->H * (size_t)s->W, pitch = (size_t)d->p.pitch;
    tw_real *dx = d->dx + ((size_t)n * (size_t)s->C + (size_t)g * (size_t)d->p.C) * plane;
    /* With strides there may be pixels that no output saw. */
    if ((s->sh > 1 || s->sw > 1) && d->beta == 0) memset(dx, 0, (size_t)d->p.C * plane * sizeof *dx);
    for (int k = 0; k < d->phases; k++) {
        const tw__grouped_phase *f = &d->phase[k];
        const tw__grouped_weights w = {d->p.C, f->K, tw__grouped_side(d->p.C), d->w + (size_t)g * d->group_size + f->w,
                                       d->offset + f->offset};
        if (f->column >= f->end_column) continue;
        for (int q = f->row; q < f->end_row; q += d->step) {
            const int rows = tw__least(d->step, f->end_row - q);
            const size_t span = (size_t)(rows - 1) * pitch + (size_t)f->end_column;
            for (int c = 0, channels; c < d->p.C; c += channels) {
                channels = tw__grouped_sum(&w, c, span, dz + (size_t)q * pitch, wait, d->wait);
                for (int r = 0; r < channels; r++)
                    put(d, f, q, rows, wait + (size_t)r * d->wait, dx + (size_t)(c + r) * plane);
            }
        }
    }
}
