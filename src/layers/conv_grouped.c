/* conv_grouped.c - see conv_grouped.h: forward. */
#include "layers/conv_grouped_planes.h"

#include <thalweg/extend.h>

enum { UNIT = 4096 /* positions of outputs in a unit, at least */ };

typedef struct pass {
    tw__conv s;
    tw__grouped_planes p;
    const tw__conv_lines *to;
    const tw_real *x;
    int groups_of_unit, units; /* units of an image */
    int step;                  /* output lines that wait together */
    size_t wait, group_size;   /* numbers of an output's sums that wait; of a group's weights */
    tw_real *w;                /* [groups][group_size] */
    int32_t *offset;           /* [K] */
    tw_real *buffer;           /* for each thread: x, and the sums that wait */
    size_t thread_size;
} pass;

static pass cut(const tw__conv *s, int pool_h) {
    pass a = {.s = *s, .p = tw__grouped_planes_of(s)};
    const size_t positions = (size_t)a.p.O * a.p.span;
    a.groups_of_unit = positions < UNIT ? tw__least(s->groups, (int)(UNIT / positions)) : 1;
    a.units = tw__blocks(s->groups, a.groups_of_unit);
    a.step = tw__grouped_step(s->OH, a.p.pitch, pool_h);
    a.wait = tw__grouped_wait(s->OH, a.p.pitch, pool_h);
    a.group_size = tw__grouped_weights_size(a.p.O, s->K);
    a.thread_size = a.p.x_size + (size_t)tw__grouped_side(a.p.O) * a.wait;
    return a;
}

static void put_group(const pass *a, int n, int g, tw_real *x) {
    const tw__conv *s = &a->s;
    const tw__grouped_weights w = {a->p.O, s->K, tw__grouped_side(a->p.O), a->w + (size_t)g * a->group_size, a->offset};
    tw_real *sums = x + a->p.x_size;
    const size_t pitch = (size_t)a->p.pitch;
    tw__grouped_pad(s, &a->p, a->x, n, g, x);
    for (int row = 0; row < s->OH; row += a->step) {
        const int rows = tw__least(a->step, s->OH - row);
        const size_t span = (size_t)(rows - 1) * pitch + (size_t)s->OW;
        for (int o = 0, outputs; o < a->p.O; o += outputs) {
            outputs = tw__grouped_sum(&w, o, span, x + (size_t)row * pitch, sums, a->wait);
            for (int r = 0; r < outputs; r++) TW_ISA_CALL(tw__conv_store_padded)
            (a->to, n, g * a->p.O + o + r, row, rows, sums + (size_t)r * a->wait, pitch);
        }
    }
}

static void unit(void *arg, int block, int thread) {
    const pass *a = arg;
    const int n = block / a->units, first = block % a->units * a->groups_of_unit;
    const int groups = tw__least(a->groups_of_unit, a->s.groups - first);
    for (int g = first; g < first + groups; g++) put_group(a, n, g, a->buffer + (size_t)thread * a->thread_size);
}

/* [groups][blocks][K][side], zeros where there is no output. */
static bool arrange(tw_ctx *ctx, pass *a, const tw_real *w) {
    const tw__conv *s = &a->s;
    const int side = tw__grouped_side(a->p.O);
    a->w = tw_scratch(ctx, (size_t)s->groups * a->group_size * sizeof *a->w);
    a->offset = tw_scratch(ctx, (size_t)s->K * sizeof *a->offset);
    if (!a->w || !a->offset) return false;
    tw_real *to = a->w;
    for (int g = 0; g < s->groups; g++)
        for (int first = 0; first < a->p.O; first += side)
            for (int k = 0; k < s->K; k++)
                for (int o = first; o < first + side; o++)
                    *to++ = o < a->p.O ? w[(size_t)(g * a->p.O + o) * (size_t)s->K + (size_t)k] : 0;
    tw__grouped_offsets(s, &a->p, a->offset);
    return true;
}

size_t tw__conv_grouped_room(const tw__conv *s, int threads, int pool_h) {
    const tw__conv narrow = tw__grouped_widest(s);
    if (narrow.OW <= 0) return 0;
    const pass a = cut(&narrow, pool_h);
    return ((size_t)threads * a.thread_size + (size_t)s->groups * a.group_size) * sizeof(tw_real) +
        (size_t)s->K * sizeof *a.offset + (size_t)3 * 64;
}

bool tw__conv_grouped_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                              const tw__conv_lines *to) {
    pass a = cut(s, to->pool_h);
    a.x = x, a.to = to;
    tw_mark mark = tw_scratch_mark(ctx);
    a.buffer = tw_scratch(ctx, (size_t)tw_threads(ctx) * a.thread_size * sizeof *a.buffer);
    if (!a.buffer || !arrange(ctx, &a, w)) return false;
    tw_parallel_for(ctx, s->N * a.units, unit, &a);
    tw_scratch_release(ctx, mark);
    return true;
}
