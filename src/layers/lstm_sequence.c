/* lstm_sequence.c - one layer of an LSTM over a whole batch of sequences, both directions, as one node.
 *
 * The products with the inputs do not depend on the recurrence, so one large product makes them for all frames; what is
 * left of a time step is a product with W_hh and the cell. A block of parallel work is a direction of a few samples and
 * runs its whole recurrence alone: threads never wait for each other at a time step. Backward mirrors that, and ends
 * with one large product for each of dx, dW_ih and dW_hh. */
#include "layers/calls.h"
#include "layers/lstm.h"
#include "tensor/direct.h"
#include "tensor/panels.h"

#include <string.h>

/* Samples whose recurrences run together: enough rows to use what is loaded of W_hh, few enough to occupy threads. */
enum { CHUNK = 8, BIAS_BLOCK = 64 };

/* What forward leaves for backward: by frame and direction, the gates and the state before the frame. */
/* What a block of work sees, forward or backward. h and c, or their gradients, are [N,H] by place. */
typedef struct recurrence {
    const tw__frames *frames;
    int H, directions, chunks;
    tw_real *gates[2], *h_before[2], *c_before[2];
    const tw_real *bias[2], *panels[2];
    tw_real *h[2], *c[2];
    tw_real *y;        /* [T,N,directions H] forward */
    const tw_real *dy; /* the same backward; NULL: nobody used y */
} recurrence;

static int least(int a, int b) { return a < b ? a : b; }

/* Where y has the output of direction d at time t, for the sample at a place. */
static size_t output_at(const recurrence *r, int d, int t, int place) {
    const size_t frame = (size_t)t * (size_t)r->frames->N + (size_t)r->frames->sample[place];
    return (frame * (size_t)r->directions + (size_t)d) * (size_t)r->H;
}

/* ---- forward ---------------------------------------------------------------------------------------------- */

/* Samples at places first .. end - 1 of direction d at time t. */
static void forward_step(const recurrence *r, int d, int t, int first, int end) {
    const tw__frames *f = r->frames;
    const size_t H = (size_t)r->H, row = (size_t)f->start[t] + (size_t)first;
    const int running = least(f->active[t], end) - first;
    if (running <= 0) return;
    tw_real *gates = r->gates[d] + row * 4 * H, *h = r->h[d] + (size_t)first * H, *c = r->c[d] + (size_t)first * H;
    if (r->h_before[d]) {
        memcpy(r->h_before[d] + row * H, h, (size_t)running * H * sizeof *h);
        memcpy(r->c_before[d] + row * H, c, (size_t)running * H * sizeof *c);
    }
    TW_ISA_CALL(tw__panels_product)(running, 4 * r->H, r->H, h, r->H, r->panels[d], true, gates, 4 * r->H);
    for (int p = first; p < first + running; p++, gates += 4 * H, h += H, c += H) {
        tw_real *y = r->y + output_at(r, d, t, p);
        TW_ISA_CALL(tw__lstm_cell)(H, gates, r->bias[d], c, h, y);
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
    const int d = block / r->chunks, first = block % r->chunks * CHUNK, end = least(first + CHUNK, r->frames->N);
    const int steps = r->frames->steps;
    for (int s = 0; s < steps; s++) forward_step(r, d, d == 0 ? s : steps - 1 - s, first, end);
    clear_padding(r, d, first, end);
}

/* ---- backward --------------------------------------------------------------------------------------------- */

/* The same frames: gates become the gradients before the activations, then dh = dgates W_hh for the frame before. */
static void backward_step(const recurrence *r, int d, int t, int first, int end) {
    const tw__frames *f = r->frames;
    const size_t H = (size_t)r->H, row = (size_t)f->start[t] + (size_t)first;
    const int running = least(f->active[t], end) - first;
    if (running <= 0) return;
    tw_real *gates = r->gates[d] + row * 4 * H, *dh = r->h[d] + (size_t)first * H, *dc = r->c[d] + (size_t)first * H;
    const tw_real *c = r->c_before[d] + row * H;
    for (int p = 0; p < running; p++) {
        const size_t at = (size_t)p * H;
        const tw_real *dy = r->dy ? r->dy + output_at(r, d, t, first + p) : NULL;
        TW_ISA_CALL(tw__lstm_cell_grad)(H, gates + 4 * at, c + at, dy, dh + at, dc + at);
    }
    TW_ISA_CALL(tw__panels_product)(running, r->H, 4 * r->H, gates, 4 * r->H, r->panels[d], false, dh, r->H);
}

static void backward_block(void *arg, int block, int thread) {
    (void)thread;
    const recurrence *r = arg;
    const int d = block / r->chunks, first = block % r->chunks * CHUNK, end = least(first + CHUNK, r->frames->N);
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

/* b_ih + b_hh, or zeros, in scratch. */
static const tw_real *bias_sum(tw_ctx *ctx, const tw__lstm_weights *w, size_t n) {
    tw_real *sum = tw_scratch(ctx, n * sizeof *sum);
    for (size_t j = 0; sum && j < n; j++) sum[j] = w->bias_ih ? w->bias_ih->data[j] + w->bias_hh->data[j] : 0;
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
    const int first = block * BIAS_BLOCK, n = least(BIAS_BLOCK, s->n - first);
    double sum[BIAS_BLOCK] = {0};
    const tw_real *row = s->from + first;
    for (int r = 0; r < s->rows; r++, row += s->n)
        for (int j = 0; j < n; j++) sum[j] += (double)row[j];
    memcpy(s->sum + first, sum, (size_t)n * sizeof *sum);
}

/* Both biases are added to the same sum, so both get the sum of dgates over all frames. */
static void bias_gradients(tw_ctx *ctx, tw_tensor *const bias[2], int rows, int n, const tw_real *dgates) {
    tw_real beta[2], *db[2] = {tw_grad(ctx, bias[0], &beta[0]), tw_grad(ctx, bias[1], &beta[1])};
    if (!db[0] && !db[1]) return;
    tw_mark mark = tw_scratch_mark(ctx);
    column_sum s = {rows, n, dgates, tw_scratch(ctx, (size_t)n * sizeof(double))};
    if (!s.sum) return;
    tw_parallel_for(ctx, n / BIAS_BLOCK + (n % BIAS_BLOCK != 0), column_sum_block, &s);
    for (int k = 0; k < 2; k++)
        for (int j = 0; db[k] && j < n; j++) db[k][j] = tw_add_to(beta[k], db[k][j], (tw_real)s.sum[j]);
    tw_scratch_release(ctx, mark);
}

/* dx = dgates W_ih, over the frames that exist; where the frames are not those of x, `rows` takes the product. */
static tw__gemm_call input_product(const tw__frames *f, int D, int H4, const tw_real *dgates, const tw_tensor *w_ih,
                                   tw_real beta, tw_real *dx, tw_real *rows) {
    tw__gemm_call g = {.M = f->rows, .N = D, .K = H4, .A = dgates, .lda = H4, .B = w_ih->data, .ldb = D, .ldc = D};
    g.beta = rows ? 0 : beta;
    g.C = rows ? rows : dx;
    return g;
}

/* dW = dgates^T inputs. */
static tw__gemm_call weight_product(int rows, int H4, int D, const tw_real *dgates, const tw_real *inputs, tw_real beta,
                                    tw_real *dw) {
    return (tw__gemm_call){.ta = true,
                           .M = H4,
                           .N = D,
                           .K = rows,
                           .A = dgates,
                           .lda = H4,
                           .B = inputs,
                           .ldb = D,
                           .beta = beta,
                           .C = dw,
                           .ldc = D};
}

/* ---- the node --------------------------------------------------------------------------------------------- */

/* in: x, h0, c0, then ih, hh, bias_ih, bias_hh of each direction. out: y and, when they were wanted, hn, cn. */
enum { IN_X, IN_H0, IN_C0, IN_WEIGHTS, IN_MAX = IN_WEIGHTS + 8 };

/* [rows,D] the frames that count. Asked for each time: making an optimiser moves the data of a parameter x. */
static const tw_real *inputs_of(const tw__lstm_call *call, const tw_tensor *x) {
    return call->gathered ? call->gathered : x->data;
}

static void lstm_backward(tw_ctx *ctx, tw_node *node) {
    const tw__lstm_call *call = node->attr;
    const tw__frames *f = call->frames;
    tw_tensor *x = node->in[IN_X], *y = node->out[0];
    const int S = call->directions, H = y->dim[2] / S, D = x->dim[2];
    const tw_real *dhn = node->nout > 1 ? node->out[1]->grad : NULL, *dcn = node->nout > 1 ? node->out[2]->grad : NULL;
    tw_real beta;

    tw_mark mark = tw_scratch_mark(ctx);
    recurrence r = {.frames = f, .H = H, .directions = S, .chunks = (f->N + CHUNK - 1) / CHUNK, .dy = y->grad};
    for (int d = 0; d < S; d++) {
        r.gates[d] = call->gates[d];
        r.c_before[d] = call->c_before[d];
        r.panels[d] = pack(ctx, false, 4 * H, H, node->in[IN_WEIGHTS + 4 * d + 1]->data);
        r.h[d] = state_by_place(ctx, f, (size_t)H, d, dhn);
        r.c[d] = state_by_place(ctx, f, (size_t)H, d, dcn);
        if (!r.panels[d] || !r.h[d] || !r.c[d]) return;
    }
    tw_parallel_for(ctx, S * r.chunks, backward_block, &r);

    for (int k = IN_H0; k <= IN_C0; k++) {
        tw_real *to = node->in[k] ? tw_grad(ctx, node->in[k], &beta) : NULL;
        for (int d = 0; to && d < S; d++) state_by_sample(f, (size_t)H, d, k == IN_H0 ? r.h[d] : r.c[d], beta, to);
    }
    /* All products at once, but for the second direction's part of dx, which adds to the first one's. */
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
        if (dx && (d == 0 || to)) product[n++] = input_product(f, D, 4 * H, dgates, w[0], dx_beta, dx, to);
        else if (dx) last = input_product(f, D, 4 * H, dgates, w[0], 1, dx, NULL);
        tw_real *dw = tw_grad(ctx, w[0], &beta);
        if (dw) product[n++] = weight_product(f->rows, 4 * H, D, dgates, inputs_of(call, x), beta, dw);
        dw = tw_grad(ctx, w[1], &beta);
        if (dw) product[n++] = weight_product(f->rows, 4 * H, H, dgates, call->h_before[d], beta, dw);
        if (w[2]) bias_gradients(ctx, w + 2, f->rows, 4 * H, dgates);
    }
    tw__gemm_all(ctx, n, product);
    if (last.C) tw__gemm_all(ctx, 1, &last);
    for (int d = 0; rows && d < S; d++) tw__frames_scatter(ctx, f, D, rows + (size_t)d * real, d ? 1 : dx_beta, dx);
    tw_scratch_release(ctx, mark);
}

static const tw_op lstm_op = {"lstm", lstm_backward};

tw_tensor *tw__lstm_sequence(tw_ctx *ctx, tw_tensor *x, const tw__frames *f, int directions,
                             const tw__lstm_weights *weights, tw_tensor *h0, tw_tensor *c0, tw_tensor **hn,
                             tw_tensor **cn) {
    tw_tensor *in[IN_MAX] = {x, h0, c0};
    for (int d = 0; d < directions; d++)
        memcpy(in + IN_WEIGHTS + 4 * d,
               (tw_tensor *[]){weights[d].ih, weights[d].hh, weights[d].bias_ih, weights[d].bias_hh}, 4 * sizeof *in);
    const int nin = IN_WEIGHTS + 4 * directions, D = x->dim[2], H = weights[0].hh->dim[1];
    const size_t rows = (size_t)f->rows, width = (size_t)H;
    const bool keep = tw_will_record(ctx, nin, in);

    tw_tensor *out[3] = {tw_new(ctx, 3, (int[]){f->T, f->N, directions * H})};
    for (int k = 1; hn && k < 3; k++) out[k] = tw_new(ctx, 3, (int[]){directions, f->N, H});
    tw__lstm_call *call = tw_alloc(ctx, sizeof *call);
    if (!out[0] || (hn && (!out[1] || !out[2])) || !call) return NULL;
    *call = (tw__lstm_call){.frames = f, .directions = directions};

    tw_mark mark = tw_scratch_mark(ctx);
    if (!f->even) {
        tw_real *gathered = take(ctx, keep, rows * (size_t)D);
        if (!gathered) return NULL;
        tw__frames_gather(ctx, f, D, x->data, gathered);
        call->gathered = gathered;
    }
    recurrence r = {.frames = f,
                    .H = H,
                    .directions = directions,
                    .chunks = (f->N + CHUNK - 1) / CHUNK,
                    .y = out[0]->data};
    tw__gemm_call product[2];
    for (int d = 0; d < directions; d++) {
        r.gates[d] = call->gates[d] = take(ctx, keep, rows * 4 * width);
        if (keep) {
            r.h_before[d] = call->h_before[d] = take(ctx, keep, rows * width);
            r.c_before[d] = call->c_before[d] = take(ctx, keep, rows * width);
            if (!r.h_before[d] || !r.c_before[d]) return NULL;
        }
        r.panels[d] = pack(ctx, true, H, 4 * H, weights[d].hh->data);
        r.bias[d] = bias_sum(ctx, &weights[d], 4 * width);
        r.h[d] = state_by_place(ctx, f, width, d, h0 ? h0->data : NULL);
        r.c[d] = state_by_place(ctx, f, width, d, c0 ? c0->data : NULL);
        if (!r.gates[d] || !r.panels[d] || !r.bias[d] || !r.h[d] || !r.c[d]) return NULL;
        product[d] = (tw__gemm_call){.tb = true,
                                     .M = f->rows,
                                     .N = 4 * H,
                                     .K = D,
                                     .A = inputs_of(call, x),
                                     .lda = D,
                                     .B = weights[d].ih->data,
                                     .ldb = D,
                                     .C = r.gates[d],
                                     .ldc = 4 * H};
    }
    tw__gemm_all(ctx, directions, product);
    tw_parallel_for(ctx, directions * r.chunks, forward_block, &r);
    for (int d = 0; hn && d < directions; d++) {
        state_by_sample(f, width, d, r.h[d], 0, out[1]->data);
        state_by_sample(f, width, d, r.c[d], 0, out[2]->data);
    }
    tw_scratch_release(ctx, mark);
    if (hn) {
        *hn = out[1];
        *cn = out[2];
    }
    return tw_record_many(ctx, &lstm_op, call, nin, in, hn ? 3 : 1, out);
}
