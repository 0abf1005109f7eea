/* winograd.c - see winograd.h. Forward: M = V U, with U from w and V from x. */
#include "layers/winograd_tiles.h"

#include "tensor/panels.h"

#include <thalweg/extend.h>

enum {
    PLACES = TW__WINO_PLACES,
    BLOCK = TW__WINO_BLOCK,
    STAGE_PARTS = 4 /* what a stage of a large unit is cut into, for each block of channels */
};

typedef tw__wino_span span;

typedef struct pass {
    tw__wino_cut c;
    tw__wino_source x;
    const tw__conv_lines *to;
    size_t u_place;
    tw_real *u, *v, *m, *work; /* v and m: of the large unit, or of each thread */
    span unit;                 /* the large unit that is being computed */
} pass;

static void multiply(const pass *a, span unit, int k, const tw_real *v, tw_real *m) {
    const tw__wino_cut *c = &a->c;
    TW_ISA_CALL(tw__panels_product)
    (tw__wino_tiles(c, unit), (int)tw__wino_whole(c->s.O), c->s.C, v + (size_t)k * c->place_in, (int)c->ld_in,
     a->u + (size_t)k * a->u_place, false, m + (size_t)k * c->place_out, (int)c->ld_out);
}

/* Rows of a strip to the lines from y on, of a block of channels of image n. */
static void write_rows(const pass *a, int n, int channel, int y, int rows, const tw_real *row, tw_real *lines) {
    const tw__conv *s = &a->c.s;
    const size_t pitch = tw__wino_whole(s->OW);
    for (int i = 0; i < rows; i++) TW_ISA_CALL(tw__wino_unpack)
    ((size_t)s->OW, row + (size_t)i * a->c.columns * BLOCK, lines + (size_t)i * BLOCK * pitch, pitch);
    for (int o = channel; o < tw__least(channel + BLOCK, s->O); o++) {
        tw_real *line = lines + (size_t)(o - channel) * pitch;
        TW_ISA_CALL(tw__conv_store_padded)(a->to, n, o, y, rows, line, BLOCK * pitch);
    }
}

static void write_block(const pass *a, span unit, span part, int block, const tw_real *m, tw_real *work) {
    const tw__wino_cut *c = &a->c;
    const size_t pitch = c->columns * BLOCK;
    for (int r = part.first; r < part.last; r++) {
        const int n = r / c->down, y = r % c->down * c->m;
        const tw_real *from = m + (size_t)(r - unit.first) * (size_t)c->across * c->ld_out + (size_t)block * BLOCK;
        (c->s.kh == 3 ? TW_ISA_CALL(tw__wino3_output)
                      : TW_ISA_CALL(tw__wino5_output))((size_t)c->across, from, c->place_out, c->ld_out, work, pitch);
        write_rows(a, n, block * BLOCK, y, tw__least(c->m, c->s.OH - y), work, work + (size_t)c->m * pitch);
    }
}

/* A thread takes a unit through its three stages ... */
static void unit_block(void *arg, int block, int thread) {
    const pass *a = arg;
    const tw__wino_cut *c = &a->c;
    tw_real *v = a->v + (size_t)thread * PLACES * c->place_in, *m = a->m + (size_t)thread * PLACES * c->place_out;
    tw_real *work = a->work + (size_t)thread * c->work;
    span unit = tw__wino_unit(c, (span){0, c->all_rows}, block);
    for (int k = 0; k < tw__blocks(c->s.C, BLOCK); k++) tw__wino_read(c, &a->x, unit, unit, k, work, v, NULL);
    for (int k = 0; k < PLACES; k++) multiply(a, unit, k, v, m);
    for (int k = 0; k < tw__blocks(c->s.O, BLOCK); k++) write_block(a, unit, unit, k, m, work);
}

/* ... or they share each of them. */
static void read_stage(void *arg, int block, int thread) {
    const pass *a = arg;
    span part = tw__wino_part(a->unit, block % STAGE_PARTS, STAGE_PARTS);
    tw__wino_read(&a->c, &a->x, a->unit, part, block / STAGE_PARTS, a->work + (size_t)thread * a->c.work, a->v, NULL);
}
static void multiply_stage(void *arg, int k, int thread) {
    const pass *a = arg;
    (void)thread;
    multiply(a, a->unit, k, a->v, a->m);
}
static void write_stage(void *arg, int block, int thread) {
    const pass *a = arg;
    span part = tw__wino_part(a->unit, block % STAGE_PARTS, STAGE_PARTS);
    write_block(a, a->unit, part, block / STAGE_PARTS, a->m, a->work + (size_t)thread * a->c.work);
}

enum { U, V, M, WORK, BUFFERS };

/* Numbers of each buffer, for this picture or a narrower one. */
static void sizes(const tw__wino_cut *c, int threads, size_t *n) {
    const size_t copies = c->large ? 1 : (size_t)threads;
    n[U] = PLACES * tw__wino_u_place(&c->s, false);
    n[V] = copies * PLACES * c->room_in;
    n[M] = copies * PLACES * c->room_out;
    n[WORK] = (size_t)threads * c->work;
}

size_t tw__wino_forward_room(const tw__wino_cut *c, int threads) {
    size_t n[BUFFERS];
    sizes(c, threads, n);
    return tw__wino_bytes(sizeof(tw_real), BUFFERS, n);
}

size_t tw__winograd_room(const tw__conv *s, int threads, bool backward) {
    if (!tw__wino_suits_narrow(s)) return 0;
    const tw__conv widest = tw__wino_widest(s);
    tw__wino_cut c = tw__wino_cut_of(&widest);
    return backward ? tw__wino_backward_room(&c, threads) : tw__wino_forward_room(&c, threads);
}

bool tw__winograd_forward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w,
                          const tw__conv_lines *to) {
    pass a = {.c = tw__wino_cut_of(s), .to = to, .u_place = tw__wino_u_place(s, false)};
    const tw__wino_cut *c = &a.c;
    size_t n[BUFFERS];
    sizes(c, tw_threads(ctx), n);
    tw_mark mark = tw_scratch_mark(ctx);
    a.x = tw__wino_input(c, x);
    a.u = tw_scratch(ctx, n[U] * sizeof *a.u);
    a.v = tw_scratch(ctx, n[V] * sizeof *a.v);
    a.m = tw_scratch(ctx, n[M] * sizeof *a.m);
    a.work = tw_scratch(ctx, n[WORK] * sizeof *a.work);
    if (!a.u || !a.v || !a.m || !a.work) return false;
    tw__wino_weights(ctx, s, false, w, a.u);
    const int units = tw__blocks(c->all_rows, c->rows);
    if (!c->large) tw_parallel_for(ctx, units, unit_block, &a);
    for (int k = 0; c->large && k < units; k++) {
        a.unit = tw__wino_unit(c, (span){0, c->all_rows}, k);
        tw_parallel_for(ctx, tw__blocks(s->C, BLOCK) * STAGE_PARTS, read_stage, &a);
        tw_parallel_for(ctx, PLACES, multiply_stage, &a);
        tw_parallel_for(ctx, tw__blocks(s->O, BLOCK) * STAGE_PARTS, write_stage, &a);
    }
    tw_scratch_release(ctx, mark);
    return true;
}
