/* rnn_sequence.c - one layer of an LSTM or a GRU over a whole batch of sequences, both directions, as one node.
 *
 * The products with the inputs do not depend on the recurrence, so one large product makes them for all frames; what is
 * left of a time step is a product with W_hh and the cell. A block of parallel work is a direction of a few samples and
 * runs its whole recurrence alone: threads never wait for each other at a time step. Backward mirrors that, and ends
 * with one large product for each of dx, dW_ih and dW_hh. */
#include "layers/calls.h"
#include "layers/rnn.h"
#include "tensor/counts.h"
#include "tensor/direct.h"
#include "tensor/panels.h"

#include <string.h>

/* Samples whose recurrences run together: enough rows to use what is loaded of W_hh, few enough to occupy threads. */
enum { CHUNK = 8, BIAS_BLOCK = 64 };

/* What a block of work sees, forward or backward. A state, or its gradient, is [N,H] by place. */
typedef struct recurrence {
    const tw__rnn_kind *kind;
    const tw__frames *frames;
    int H, directions, chunks;
    tw_real *gates[2], *before[TW__STATES][2], *state[TW__STATES][2]; /* by direction; NULL: no such state */
    const tw_real *bias[2];
    const tw_real *panels[2][2]; /* W_hh of the joined gates, and of the others, if any */
    tw_real *y;                  /* [T,N,directions H] forward */
    const tw_real *dy;           /* the same backward; NULL: nobody used y */
} recurrence;

static recurrence recurrence_of(const tw__rnn_kind *kind, const tw__frames *f, int H, int directions) {
    return (
        recurrence){.kind = kind, .frames = f, .H = H, .directions = directions, .chunks = (f->N + CHUNK - 1) / CHUNK};
}

/* Row `place` of a state of direction d, or of what is kept of it by frames. */
static tw_real *at_row(tw_real *state, size_t row, size_t H) { return state ? state + row * H : NULL; }

/* Gates that W_hh h is added to, or that have a place of their own for it: how many, the first in W_hh and in a row. */
typedef struct part {
    int gates, of_weight, of_row;
} part;

static part part_of(const tw__rnn_kind *k, int i) {
    return i ? (part){k->gates - k->joined, k->joined, k->gates} : (part){k->joined, 0, 0};
}
static int parts_of(const tw__rnn_kind *k) { return k->joined < k->gates ? 2 : 1; }

/* Where y has the output of direction d at time t, for the sample at a place. */
static size_t output_at(const recurrence *r, int d, int t, int place) {
    const size_t frame = (size_t)t * (size_t)r->frames->N + (size_t)r->frames->sample[place];
    return (frame * (size_t)r->directions + (size_t)d) * (size_t)r->H;
}

/* ---- forward ---------------------------------------------------------------------------------------------- */

/* Samples at places first .. end - 1 of direction d at time t. */
static void forward_step(const recurrence *r, int d, int t, int first, int end) {
    const tw__frames *f = r->frames;
    const tw__rnn_kind *kind = r->kind;
    const size_t H = (size_t)r->H, row = (size_t)f->start[t] + (size_t)first, place = (size_t)first;
    const int running = tw__least(f->active[t], end) - first, wide = tw__rnn_wide(kind) * r->H;
    if (running <= 0) return;
    tw_real *gates = r->gates[d] + row * (size_t)wide;
    tw_real *h = at_row(r->state[0][d], place, H), *c = at_row(r->state[1][d], place, H);
    for (int k = 0; k < kind->states && r->before[k][d]; k++)
        memcpy(r->before[k][d] + row * H, k ? c : h, (size_t)running * H * sizeof *h);
    for (int i = 0; i < parts_of(kind); i++) {
        const part p = part_of(kind, i);
        TW_ISA_CALL(tw__panels_product)
        (running, p.gates * r->H, r->H, h, r->H, r->panels[d][i], i == 0, gates + p.of_row * r->H, wide);
    }
    for (int p = first; p < first + running; p++, gates += wide, h += H) {
        kind->cell(H, gates, r->bias[d], h, c, r->y + output_at(r, d, t, p));
        if (c) c += H;
    }
}

static void clear_padding(const recurrence *r, int d, int first, int end) {
    const tw__frames *f = r->frames;
    const size_t H = (size_t)r->H;
    for (int t = 0; t < f->T; t++)
        for (int p = f->active[t] > first ? f->active[t] : first; p < end; p++)
            memset(r->y + output_at(r, d, t, p), 0, H * sizeof *r->y);
}

static void forward_block(void *arg, int block, int thread) {
    (void)thread;
    const recurrence *r = arg;
    const int d = block / r->chunks, first = block % r->chunks * CHUNK, end = tw__least(first + CHUNK, r->frames->N);
    const int steps = r->frames->steps;
    for (int s = 0; s < steps; s++) forward_step(r, d, d == 0 ? s : steps - 1 - s, first, end);
    clear_padding(r, d, first, end);
}

/* ---- backward --------------------------------------------------------------------------------------------- */

/* The same frames: gates become the gradients before the activations, then dh = dgates W_hh for the frame before. */
static void backward_step(const recurrence *r, int d, int t, int first, int end) {
    const tw__frames *f = r->frames;
    const tw__rnn_kind *kind = r->kind;
    const size_t H = (size_t)r->H, row = (size_t)f->start[t] + (size_t)first;
    const int running = tw__least(f->active[t], end) - first, wide = tw__rnn_wide(kind) * r->H;
    if (running <= 0) return;
    tw_real *gates = r->gates[d] + row * (size_t)wide, *dh = r->state[0][d] + (size_t)first * H;
    for (int p = 0; p < running; p++) {
        const size_t at = row + (size_t)p, place = (size_t)(first + p);
        const tw_real *dy = r->dy ? r->dy + output_at(r, d, t, first + p) : NULL;
        kind->cell_grad(H, gates + (size_t)p * (size_t)wide, at_row(r->before[0][d], at, H),
                        at_row(r->before[1][d], at, H), dy, dh + (size_t)p * H, at_row(r->state[1][d], place, H));
    }
    for (int i = 0; i < parts_of(kind); i++) {
        const part p = part_of(kind, i);
        TW_ISA_CALL(tw__panels_product)
        (running, r->H, p.gates * r->H, gates + p.of_row * r->H, wide, r->panels[d][i], i > 0 || kind->h_remains, dh,
         r->H);
    }
}

static void backward_block(void *arg, int block, int thread) {
    (void)thread;
    const recurrence *r = arg;
    const int d = block / r->chunks, first = block % r->chunks * CHUNK, end = tw__least(first + CHUNK, r->frames->N);
    const int steps = r->frames->steps;
    for (int s = steps - 1; s >= 0; s--) backward_step(r, d, d == 0 ? s : steps - 1 - s, first, end);
}

/* ---- preparing both --------------------------------------------------------------------------------------- */

typedef struct packing {
    bool transposed;
    int K, N;
    const tw_real *B;
    tw_real *panels;
} packing;

static void pack_block(void *arg, int block, int thread) {
    (void)thread;
    const packing *p = arg;
    TW_ISA_CALL(tw__panels_pack)(p->transposed, p->K, p->N, p->B, p->transposed ? p->K : p->N, p->panels, block);
}

/* op(B) [K,N] as panels in scratch. */
static tw_real *pack(tw_ctx *ctx, bool transposed, int K, int N, const tw_real *B) {
    packing p = {transposed, K, N, B, tw_scratch(ctx, tw__panels_size(K, N) * sizeof(tw_real))};
    if (p.panels) tw_parallel_for(ctx, (int)((N + (int64_t)TW__PANEL_BLOCK - 1) / TW__PANEL_BLOCK), pack_block, &p);
    return p.panels;
}

/* W_hh of direction d, for products with h forward and with dgates backward. False when memory ran out. */
static bool pack_parts(tw_ctx *ctx, recurrence *r, int d, bool forward, const tw_tensor *w_hh) {
    for (int i = 0; i < parts_of(r->kind); i++) {
        const part p = part_of(r->kind, i);
        const tw_real *rows = w_hh->data + (size_t)p.of_weight * (size_t)r->H * (size_t)r->H;
        const int K = forward ? r->H : p.gates * r->H, N = forward ? p.gates * r->H : r->H;
        if (!(r->panels[d][i] = pack(ctx, forward, K, N, rows))) return false;
    }
    return true;
}

/* What is added to a row of gates, or zeros, in scratch: b_ih, and b_hh where its gates stand. */
static const tw_real *bias_row(tw_ctx *ctx, const tw__rnn_kind *kind, const tw__rnn_weights *w, size_t H) {
    const size_t n = (size_t)tw__rnn_wide(kind) * H, own = (size_t)kind->gates * H;
    tw_real *sum = tw_scratch(ctx, n * sizeof *sum);
    if (!sum) return NULL;
    for (size_t j = 0; j < n; j++) sum[j] = w->bias_ih && j < own ? w->bias_ih->data[j] : 0;
    for (int i = 0; w->bias_hh && i < parts_of(kind); i++) {
        const part p = part_of(kind, i);
        for (size_t j = 0; j < (size_t)p.gates * H; j++)
            sum[(size_t)p.of_row * H + j] += w->bias_hh->data[(size_t)p.of_weight * H + j];
    }
    return sum;
}

/* Direction d of `from` [directions,N,H], reordered by place; zeros when it is NULL. In scratch. */
static tw_real *state_by_place(tw_ctx *ctx, const tw__frames *f, size_t H, int d, const tw_real *from) {
    tw_real *state = tw_scratch(ctx, (size_t)f->N * H * sizeof *state);
    for (int p = 0; state && p < f->N; p++) {
        tw_real *to = state + (size_t)p * H;
        if (from) memcpy(to, from + ((size_t)d * (size_t)f->N + (size_t)f->sample[p]) * H, H * sizeof *to);
        else memset(to, 0, H * sizeof *to);
    }
    return state;
}

/* The inverse: to = beta to + state. */
static void state_by_sample(const tw__frames *f, size_t H, int d, const tw_real *state, tw_real beta, tw_real *to) {
    for (int p = 0; p < f->N; p++, state += H) {
        tw_real *row = to + ((size_t)d * (size_t)f->N + (size_t)f->sample[p]) * H;
        for (size_t j = 0; j < H; j++) row[j] = tw_add_to(beta, row[j], state[j]);
    }
}

/* Memory of the step for what backward needs, of the scratch otherwise. */
static tw_real *take(tw_ctx *ctx, bool keep, size_t n) {
    return keep ? tw_alloc(ctx, n * sizeof(tw_real)) : tw_scratch(ctx, n * sizeof(tw_real));
}

/* ---- the gradients that need no recurrence ---------------------------------------------------------------- */

typedef struct column_sum {
    int rows, n;
    const tw_real *from;
    double *sum;
} column_sum;

static void column_sum_block(void *arg, int block, int thread) {
    (void)thread;
    const column_sum *s = arg;
    const int first = block * BIAS_BLOCK, n = tw__least(BIAS_BLOCK, s->n - first);
    double sum[BIAS_BLOCK] = {0};
    const tw_real *row = s->from + first;
    for (int r = 0; r < s->rows; r++, row += s->n)
        for (int j = 0; j < n; j++) sum[j] += (double)row[j];
    memcpy(s->sum + first, sum, (size_t)n * sizeof *sum);
}

/* Where both biases are added to one sum, both get the sum of dgates over all frames. */
static void bias_gradients(tw_ctx *ctx, const tw__rnn_kind *kind, tw_tensor *const bias[2], int rows, int H,
                           const tw_real *dgates) {
    tw_real beta[2], *db[2] = {tw_grad(ctx, bias[0], &beta[0]), tw_grad(ctx, bias[1], &beta[1])};
    if (!db[0] && !db[1]) return;
    const int n = tw__rnn_wide(kind) * H;
    tw_mark mark = tw_scratch_mark(ctx);
    column_sum s = {rows, n, dgates, tw_scratch(ctx, (size_t)n * sizeof(double))};
    if (!s.sum) return;
    tw_parallel_for(ctx, n / BIAS_BLOCK + (n % BIAS_BLOCK != 0), column_sum_block, &s);
    for (int j = 0; db[0] && j < kind->gates * H; j++) db[0][j] = tw_add_to(beta[0], db[0][j], (tw_real)s.sum[j]);
    for (int i = 0; db[1] && i < parts_of(kind); i++) {
        const part p = part_of(kind, i);
        tw_real *to = db[1] + p.of_weight * H;
        for (int j = 0; j < p.gates * H; j++) to[j] = tw_add_to(beta[1], to[j], (tw_real)s.sum[p.of_row * H + j]);
    }
    tw_scratch_release(ctx, mark);
}

/* dx = dgates W_ih, over the frames that exist; where the frames are not those of x, `rows` takes the product. `gates`
 * of the `wide` numbers of a row of dgates count. */
static tw__gemm_call input_product(const tw__frames *f, int D, int gates, int wide, const tw_real *dgates,
                                   const tw_tensor *w_ih, tw_real beta, tw_real *dx, tw_real *rows) {
    tw__gemm_call g = {.M = f->rows, .N = D, .K = gates, .A = dgates, .lda = wide, .B = w_ih->data, .ldb = D, .ldc = D};
    g.beta = rows ? 0 : beta;
    g.C = rows ? rows : dx;
    return g;
}

/* dW = dgates^T inputs. */
static tw__gemm_call weight_product(int rows, int gates, int wide, int D, const tw_real *dgates, const tw_real *inputs,
                                    tw_real beta, tw_real *dw) {
    return (tw__gemm_call){.ta = true,
                           .M = gates,
                           .N = D,
                           .K = rows,
                           .A = dgates,
                           .lda = wide,
                           .B = inputs,
                           .ldb = D,
                           .beta = beta,
                           .C = dw,
                           .ldc = D};
}

/* ---- the node --------------------------------------------------------------------------------------------- */

/* in: x, h0, c0, then ih, hh, bias_ih, bias_hh of each direction. out: y and, when wanted, the final states. */
enum { IN_X, IN_STATES, IN_WEIGHTS = IN_STATES + TW__STATES, IN_MAX = IN_WEIGHTS + 8 };

/* [rows,D] the frames that count. Asked for each time: making an optimiser moves the data of a parameter x. */
static const tw_real *inputs_of(const tw__rnn_call *call, const tw_tensor *x) {
    return call->gathered ? call->gathered : x->data;
}

void tw__rnn_backward(tw_ctx *ctx, tw_node *node) {
    const tw__rnn_kind *kind = (const tw__rnn_kind *)node->op;
    const tw__rnn_call *call = node->attr;
    const tw__frames *f = call->frames;
    tw_tensor *x = node->in[IN_X], *y = node->out[0];
    const int S = call->directions, H = y->dim[2] / S, D = x->dim[2];
    const int gates = kind->gates * H, wide = tw__rnn_wide(kind) * H;
    tw_real beta;

    tw_mark mark = tw_scratch_mark(ctx);
    recurrence r = recurrence_of(kind, f, H, S);
    r.dy = y->grad;
    for (int d = 0; d < S; d++) {
        r.gates[d] = call->gates[d];
        if (!pack_parts(ctx, &r, d, false, node->in[IN_WEIGHTS + 4 * d + 1])) return;
        for (int k = 0; k < kind->states; k++) {
            const tw_real *from = node->nout > 1 ? node->out[1 + k]->grad : NULL;
            r.before[k][d] = call->before[k][d];
            if (!(r.state[k][d] = state_by_place(ctx, f, (size_t)H, d, from))) return;
        }
    }
    tw_parallel_for(ctx, S * r.chunks, backward_block, &r);

    for (int k = 0; k < kind->states; k++) {
        tw_tensor *start = node->in[IN_STATES + k];
        tw_real *to = start ? tw_grad(ctx, start, &beta) : NULL;
        for (int d = 0; to && d < S; d++) state_by_sample(f, (size_t)H, d, r.state[k][d], beta, to);
    }
    /* All products at once, but for the second direction's part of dx, which adds to the first one's. Where W_hh is
     * W_ih, too, the two parts of its gradient follow each other, and the first one's place says that they wait. */
    tw__gemm_call product[TW__GEMM_CALLS], last = {0};
    tw_real *dx = tw_grad(ctx, x, &beta), *rows = NULL;
    const size_t real = (size_t)f->rows * (size_t)D;
    if (dx && !f->even && !(rows = tw_scratch(ctx, (size_t)S * real * sizeof *rows))) return;
    if (dx && f->even && beta == 0 && x->size > real) memset(dx + real, 0, (x->size - real) * sizeof *dx);
    tw_real dx_beta = beta;
    int n = 0;
    for (int d = 0; d < S; d++) {
        tw_tensor *const *w = node->in + IN_WEIGHTS + 4 * d;
        const tw_real *dgates = r.gates[d];
        tw_real *to = rows ? rows + (size_t)d * real : NULL;
        if (dx && (d == 0 || to)) product[n++] = input_product(f, D, gates, wide, dgates, w[0], dx_beta, dx, to);
        else if (dx) last = input_product(f, D, gates, wide, dgates, w[0], 1, dx, NULL);
        tw_real *dw = tw_grad(ctx, w[0], &beta);
        if (dw) product[n++] = weight_product(f->rows, gates, wide, D, dgates, inputs_of(call, x), beta, dw);
        dw = tw_grad(ctx, w[1], &beta);
        for (int i = 0; dw && i < parts_of(kind); i++) {
            const part p = part_of(kind, i);
            product[n++] = weight_product(f->rows, p.gates * H, wide, H, dgates + p.of_row * H, call->before[0][d],
                                          beta, dw + (size_t)p.of_weight * (size_t)H * (size_t)H);
        }
        if (w[2]) bias_gradients(ctx, kind, w + 2, f->rows, H, dgates);
    }
    tw__gemm_all(ctx, n, product);
    if (last.C) tw__gemm_all(ctx, 1, &last);
    for (int d = 0; rows && d < S; d++) tw__frames_scatter(ctx, f, D, rows + (size_t)d * real, d ? 1 : dx_beta, dx);
    tw_scratch_release(ctx, mark);
}

tw_tensor *tw__rnn_sequence(tw_ctx *ctx, const tw__rnn_kind *kind, tw_tensor *x, const tw__frames *f, int directions,
                            const tw__rnn_weights *weights, tw_tensor *const start[TW__STATES], tw_tensor **end) {
    tw_tensor *in[IN_MAX] = {x};
    for (int k = 0; k < kind->states; k++) in[IN_STATES + k] = start[k];
    for (int d = 0; d < directions; d++)
        memcpy(in + IN_WEIGHTS + 4 * d,
               (tw_tensor *[]){weights[d].ih, weights[d].hh, weights[d].bias_ih, weights[d].bias_hh}, 4 * sizeof *in);
    const int nin = IN_WEIGHTS + 4 * directions, D = x->dim[2], H = weights[0].hh->dim[1];
    const size_t rows = (size_t)f->rows, width = (size_t)H, wide = (size_t)tw__rnn_wide(kind) * width;
    const bool keep = tw_will_record(ctx, nin, in);

    tw_tensor *out[1 + TW__STATES] = {tw_new(ctx, 3, (int[]){f->T, f->N, directions * H})};
    if (!out[0]) return NULL;
    const int nout = end ? 1 + kind->states : 1;
    for (int k = 1; k < nout; k++)
        if (!(out[k] = tw_new(ctx, 3, (int[]){directions, f->N, H}))) return NULL;
    tw__rnn_call *call = tw_alloc(ctx, sizeof *call);
    if (!call) return NULL;
    *call = (tw__rnn_call){.frames = f, .directions = directions};

    tw_mark mark = tw_scratch_mark(ctx);
    if (!f->even) {
        tw_real *gathered = take(ctx, keep, rows * (size_t)D);
        if (!gathered) return NULL;
        tw__frames_gather(ctx, f, D, x->data, gathered);
        call->gathered = gathered;
    }
    recurrence r = recurrence_of(kind, f, H, directions);
    r.y = out[0]->data;
    tw__gemm_call product[2];
    for (int d = 0; d < directions; d++) {
        if (!(r.gates[d] = call->gates[d] = take(ctx, keep, rows * wide))) return NULL;
        for (int k = 0; keep && k < kind->states; k++)
            if (!(r.before[k][d] = call->before[k][d] = take(ctx, keep, rows * width))) return NULL;
        if (!pack_parts(ctx, &r, d, true, weights[d].hh)) return NULL;
        if (!(r.bias[d] = bias_row(ctx, kind, &weights[d], width))) return NULL;
        for (int k = 0; k < kind->states; k++)
            if (!(r.state[k][d] = state_by_place(ctx, f, width, d, start[k] ? start[k]->data : NULL))) return NULL;
        product[d] = (tw__gemm_call){.tb = true,
                                     .M = f->rows,
                                     .N = kind->gates * H,
                                     .K = D,
                                     .A = inputs_of(call, x),
                                     .lda = D,
                                     .B = weights[d].ih->data,
                                     .ldb = D,
                                     .C = r.gates[d],
                                     .ldc = (int)wide};
    }
    tw__gemm_all(ctx, directions, product);
    tw_parallel_for(ctx, directions * r.chunks, forward_block, &r);
    for (int k = 1; k < nout; k++) {
        for (int d = 0; d < directions; d++) state_by_sample(f, width, d, r.state[k - 1][d], 0, out[k]->data);
        end[k - 1] = out[k];
    }
    tw_scratch_release(ctx, mark);
    return tw_record_many(ctx, &kind->op, call, nin, in, nout, out);
}
