/* winograd_backward.c - see winograd.h. With V of x, Z of dz and U of w, place by place,
 *
 *     dU = V' Z      and back through the weights' transform: dw
 *     dV = Z U'      and back through the input's transform: dx, to which neighbouring tiles add
 *
 * Tile rows overlap in dx, so a thread takes whole images, unit after unit, and carries the lines that are not complete
 * on to the next tile row. The bias's gradient, the sum of dz, is taken while dz is read. */
#include "layers/winograd_tiles.h"

#include "tensor/panels.h"

#include <string.h>
#include <thalweg/extend.h>

enum {
    PLACES = TW__WINO_PLACES,
    SIDE = TW__WINO_SIDE,
    BLOCK = TW__WINO_BLOCK,
    SUM_TILES = 128,    /* of a product in dU: sums of sums err less than one long sum */
    FEW_IMAGES = 4,     /* which are not shared out whole */
    MOST_PARTS = 16,    /* that are summed by themselves, if U is small */
    PARTS = 8,          /* else */
    PARTIALS = 5 << 19, /* numbers of all partial dU */
    STAGE_PARTS = 4     /* what reading a large unit is cut into, for each block of channels */
};

typedef tw__wino_span span;

typedef struct pass {
    tw__wino_cut c;
    tw__wino_source x, dz;
    const tw__conv_grads *g;
    int rows_of_part, parts;
    size_t u_place;           /* of U', in panels */
    size_t du_place, du_size; /* of dU [PLACES][C, O], in whole blocks */
    tw_real *u, *du;          /* du: [parts] */
    double *db;               /* [parts or STAGE_PARTS][O] in whole blocks */
    tw_real *v, *z;           /* of the large unit, or of each thread */
    tw_real *strips, *work; /* [blocks of channels][6 rows] of dx, for the large unit or each thread; of each thread */
    size_t strips_size;
    span unit;
} pass;

static void multiply(const pass *a, span unit, bool add, int k, tw_real *v, const tw_real *z, tw_real *du) {
    const tw__wino_cut *c = &a->c;
    const int tiles = tw__wino_tiles(c, unit), O = (int)tw__wino_whole(c->s.O), C = (int)tw__wino_whole(c->s.C);
    v += (size_t)k * c->place_in, z += (size_t)k * c->place_out;
    if (a->g->dw) {
        tw__product p = {.ta = true, .lda = c->ld_in, .ldb = c->ld_out, .ldc = (size_t)O};
        p.C = du + (size_t)k * a->du_place;
        const int step = tw__blocks(tiles, tw__blocks(tiles, SUM_TILES));
        for (int t = 0; t < tiles; t += step) {
            p.add = add || t > 0;
            p.A = v + (size_t)t * c->ld_in, p.B = z + (size_t)t * c->ld_out;
            TW_ISA_CALL(tw__product_run)(&p, C, O, tw__least(step, tiles - t));
        }
    }
    if (a->g->dx) /* V is done with: dV takes its place */
        TW_ISA_CALL(tw__panels_product)
    (tiles, C, c->s.O, z, (int)c->ld_out, a->u + (size_t)k * a->u_place, false, v, (int)c->ld_in);
}

/* A row of a strip to line y of dx. */
static void write_row(const pass *a, int n, int channel, int y, const tw_real *row, tw_real *lines) {
    const tw__conv *s = &a->c.s;
    const size_t pitch = tw__wino_whole(s->W), width = (size_t)s->W;
    if (y < 0 || y >= s->H) return;
    TW_ISA_CALL(tw__wino_unpack)(width, row + (size_t)s->pw * BLOCK, lines, pitch);
    for (int i = channel; i < tw__least(channel + BLOCK, s->C); i++) {
        const tw_real *from = lines + (size_t)(i - channel) * pitch;
        tw_real *to = a->g->dx + (((size_t)n * (size_t)s->C + (size_t)i) * (size_t)s->H + (size_t)y) * width;
        if (a->g->dx_beta == 0) memcpy(to, from, width * sizeof *to);
        else
            for (size_t j = 0; j < width; j++) to[j] += from[j];
    }
}

static void write_block(const pass *a, span unit, int block, const tw_real *dv, tw_real *strips, tw_real *lines) {
    const tw__wino_cut *c = &a->c;
    const size_t pitch = c->columns * BLOCK;
    const int shared = SIDE - c->m; /* lines with the next tile row */
    tw_real *row[SIDE];
    strips += (size_t)block * SIDE * pitch;
    for (int r = unit.first; r < unit.last; r++) {
        const int n = r / c->down, y = r % c->down * c->m;
        for (int i = 0; i < SIDE; i++) row[i] = strips + (size_t)((y + i) % SIDE) * pitch;
        for (int i = 0; y == 0 && i < shared; i++) memset(row[i], 0, pitch * sizeof *row[i]);
        const tw_real *from = dv + (size_t)(r - unit.first) * (size_t)c->across * c->ld_in + (size_t)block * BLOCK;
        (c->s.kh == 3 ? TW_ISA_CALL(tw__wino3_input_grad)
                      : TW_ISA_CALL(tw__wino5_input_grad))((size_t)c->across, from, c->place_in, c->ld_in, row);
        const int complete = y + c->m >= c->s.OH ? SIDE : c->m;
        for (int i = 0; i < complete; i++) write_row(a, n, block * BLOCK, y - c->s.ph + i, row[i], lines);
    }
}

/* A thread takes some images through all stages, unit by unit ... */
static void part_block(void *arg, int part, int thread) {
    const pass *a = arg;
    const tw__wino_cut *c = &a->c;
    const int inputs = tw__blocks(c->s.C, BLOCK), outputs = tw__blocks(c->s.O, BLOCK);
    tw_real *v = a->v + (size_t)thread * PLACES * c->place_in, *z = a->z + (size_t)thread * PLACES * c->place_out;
    tw_real *strips = a->strips + (size_t)thread * a->strips_size, *work = a->work + (size_t)thread * c->work;
    double *db = a->db + (size_t)part * (size_t)outputs * BLOCK;
    span rows = {part * a->rows_of_part, tw__least((part + 1) * a->rows_of_part, c->all_rows)};
    for (int at = 0; rows.first + at * c->rows < rows.last; at++) {
        span unit = tw__wino_unit(c, rows, at);
        for (int k = 0; a->g->dw && k < inputs; k++) tw__wino_read(c, &a->x, unit, unit, k, work, v, NULL);
        for (int k = 0; k < outputs; k++) tw__wino_read(c, &a->dz, unit, unit, k, work, z, db + (size_t)k * BLOCK);
        for (int k = 0; k < PLACES; k++) multiply(a, unit, at > 0, k, v, z, a->du + (size_t)part * a->du_size);
        for (int k = 0; a->g->dx && k < inputs; k++) write_block(a, unit, k, v, strips, work);
    }
}

/* ... or all threads share each stage. */
static void read_stage(void *arg, int block, int thread) {
    const pass *a = arg;
    const tw__wino_cut *c = &a->c;
    const int index = block % STAGE_PARTS, k = block / STAGE_PARTS, outputs = tw__blocks(c->s.O, BLOCK);
    const span part = tw__wino_part(a->unit, index, STAGE_PARTS);
    tw_real *work = a->work + (size_t)thread * c->work;
    if (k < outputs)
        tw__wino_read(c, &a->dz, a->unit, part, k, work, a->z, a->db + (size_t)(index * outputs + k) * BLOCK);
    else tw__wino_read(c, &a->x, a->unit, part, k - outputs, work, a->v, NULL);
}
static void multiply_stage(void *arg, int k, int thread) {
    const pass *a = arg;
    (void)thread;
    multiply(a, a->unit, a->unit.first > 0, k, a->v, a->z, a->du);
}
static void write_stage(void *arg, int block, int thread) {
    const pass *a = arg;
    write_block(a, a->unit, block, a->v, a->strips, a->work + (size_t)thread * a->c.work);
}

/* ---- dw from dU, db ---------------------------------------------------------------------------------------------- */

/* A square of dw: 16 outputs of 16 inputs. */
static void weight_block(void *arg, int block, int thread) {
    const pass *a = arg;
    const tw__conv *s = &a->c.s;
    (void)thread;
    tw__wino_weight_sum sum = {s->O,       s->C,  a->parts,      a->du_place, tw__wino_whole(s->O),
                               a->du_size, a->du, a->g->dw_beta, a->g->dw};
    const int across = tw__blocks(s->C, BLOCK), first = block % across * BLOCK;
    for (int c = first; c < tw__least(first + BLOCK, s->C); c++)
        (s->kh == 3 ? TW_ISA_CALL(tw__wino3_weight_grad)
                    : TW_ISA_CALL(tw__wino5_weight_grad))(&sum, block / across * BLOCK, c);
}

static void bias_gradient(const pass *a, int slots) {
    const tw__conv *s = &a->c.s;
    for (int o = 0; o < s->O; o++) {
        double sum = 0;
        for (int k = 0; k < slots; k++) sum += a->db[(size_t)k * tw__wino_whole(s->O) + (size_t)o];
        a->g->db[o] = tw_add_to(a->g->db_beta, a->g->db[o], (tw_real)sum);
    }
}

/* Sizes of dU; images for each part, and parts; one part when the threads share the stages. */
static void cut_parts(pass *a) {
    tw__wino_cut *c = &a->c;
    a->du_place = tw__wino_whole(c->s.C) * tw__wino_whole(c->s.O) + BLOCK;
    a->du_size = PLACES * a->du_place;
    if (c->s.N < FEW_IMAGES) c->large = true;
    a->parts = c->large ? 1 : MOST_PARTS * a->du_size <= PARTIALS ? MOST_PARTS : PARTS;
    const int images = tw__blocks(c->s.N, a->parts);
    a->rows_of_part = images * c->down;
    a->parts = tw__blocks(c->s.N, images);
}

enum { U, DU, DB, V, Z, STRIPS, WORK, BUFFERS };

/* Numbers of each buffer (of doubles for db), for this picture or a narrower one. */
static void sizes(const pass *a, int threads, size_t *n) {
    const tw__wino_cut *c = &a->c;
    const size_t copies = c->large ? 1 : (size_t)threads;
    n[U] = PLACES * a->u_place;
    n[DU] = (size_t)a->parts * a->du_size;
    n[DB] = (size_t)tw__most(a->parts, STAGE_PARTS) * tw__wino_whole(c->s.O);
    n[V] = copies * PLACES * c->room_in;
    n[Z] = copies * PLACES * c->room_out;
    n[STRIPS] = copies * a->strips_size;
    n[WORK] = (size_t)threads * c->work;
}

static pass pass_of(const tw__wino_cut *c) {
    pass a = {.c = *c, .u_place = tw__wino_u_place(&c->s, true)};
    cut_parts(&a);
    a.strips_size = tw__wino_whole(c->s.C) * SIDE * c->columns;
    return a;
}

size_t tw__wino_backward_room(const tw__wino_cut *c, int threads) {
    const pass a = pass_of(c);
    size_t n[BUFFERS];
    sizes(&a, threads, n);
    n[DB] *= sizeof(double) / sizeof(tw_real);
    return tw__wino_bytes(sizeof(tw_real), BUFFERS, n);
}

bool tw__winograd_backward(tw_ctx *ctx, const tw__conv *s, const tw_real *x, const tw_real *w, const tw__conv_lines *dz,
                           const tw__conv_grads *g) {
    const tw__wino_cut cut = tw__wino_cut_of(s);
    pass a = pass_of(&cut);
    const tw__wino_cut *c = &a.c; /* in which few images are a large unit */
    const int inputs = tw__blocks(s->C, BLOCK), outputs = tw__blocks(s->O, BLOCK);
    a.g = g;
    a.x = tw__wino_input(c, x);
    a.dz = tw__wino_gradient(c, dz);

    size_t n[BUFFERS];
    sizes(&a, tw_threads(ctx), n);
    tw_mark mark = tw_scratch_mark(ctx);
    a.u = tw_scratch(ctx, n[U] * sizeof *a.u);
    a.du = tw_scratch(ctx, n[DU] * sizeof *a.du);
    a.db = tw_scratch(ctx, n[DB] * sizeof *a.db);
    a.v = tw_scratch(ctx, n[V] * sizeof *a.v);
    a.z = tw_scratch(ctx, n[Z] * sizeof *a.z);
    a.strips = tw_scratch(ctx, n[STRIPS] * sizeof *a.strips);
    a.work = tw_scratch(ctx, n[WORK] * sizeof *a.work);
    if (!a.u || !a.du || !a.db || !a.v || !a.z || !a.strips || !a.work) return false;
    for (size_t i = 0; i < n[DB]; i++) a.db[i] = 0;
    if (g->dx) tw__wino_weights(ctx, s, true, w, a.u);
    if (!c->large) tw_parallel_for(ctx, a.parts, part_block, &a);
    for (int k = 0; c->large && k * c->rows < c->all_rows; k++) {
        a.unit = tw__wino_unit(c, (span){0, c->all_rows}, k);
        tw_parallel_for(ctx, (outputs + (g->dw ? inputs : 0)) * STAGE_PARTS, read_stage, &a);
        tw_parallel_for(ctx, PLACES, multiply_stage, &a);
        if (g->dx) tw_parallel_for(ctx, inputs, write_stage, &a);
    }
    if (g->dw) tw_parallel_for(ctx, inputs * outputs, weight_block, &a);
    if (g->db) bias_gradient(&a, c->large ? STAGE_PARTS : a.parts);
    tw_scratch_release(ctx, mark);
    return true;
}
