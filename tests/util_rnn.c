/* util_rnn.c - see util_rnn.h. */
#include "util_rnn.h"

rnn rnn_new(tw_params *params, rnn_kind kind, const char *name, int D, int H, tw_lstm_options o) {
    rnn r = {.kind = kind, .params = params, .name = name, .D = D, .H = H};
    r.layers = o.layers ? o.layers : 1;
    r.directions = o.bidirectional ? 2 : 1;
    r.gates = kind == RNN_GRU ? 3 : 4;
    r.states = kind == RNN_GRU ? 1 : 2;
    r.layer = kind == RNN_GRU
        ? tw_gru_new(params, name, D, H, &(tw_gru_options){o.layers, o.bidirectional, o.no_bias, o.dropout, o.init})
        : tw_lstm_new(params, name, D, H, &o);
    return r;
}

tw_tensor *rnn_weight(const rnn *r, const char *what, int layer, int direction) {
    char name[64];
    snprintf(name, sizeof name, "%s.%s_l%d%s", r->name, what, layer, direction ? "_reverse" : "");
    return tw_params_find(r->params, name);
}

tw_tensor *rnn_call(tw_ctx *ctx, const rnn *r, tw_tensor *x, tw_labels lengths, tw_tensor *const *initial,
                    tw_tensor **final) {
    if (r->kind == RNN_GRU) return tw_gru(ctx, r->layer, x, lengths, initial ? initial[0] : NULL, final);
    tw_lstm_state last, first = {initial ? initial[0] : NULL, initial ? initial[1] : NULL};
    tw_tensor *y = tw_lstm(ctx, r->layer, x, lengths, initial ? &first : NULL, final ? &last : NULL);
    if (final) final[0] = last.h, final[1] = last.c;
    return y;
}

/* ---- the same from primitives ----------------------------------------------------------------------------- */

/* x [1,..] W^T + b */
static tw_tensor *affine(tw_ctx *ctx, tw_tensor *x, tw_tensor *w, tw_tensor *b) {
    tw_tensor *z = tw_matmul(ctx, x, false, w, true);
    return b ? tw_add(ctx, z, b) : z;
}

static tw_tensor *gate(tw_ctx *ctx, tw_tensor *z, int H, int which) {
    return tw_slice(ctx, z, 1, which * H, (which + 1) * H);
}

/* a and b [1,4H] are what the frame and the last h give. */
static void lstm_cell(tw_ctx *ctx, int H, tw_tensor *a, tw_tensor *b, tw_tensor *state[2]) {
    tw_tensor *z = tw_add(ctx, a, b);
    tw_tensor *i = tw_sigmoid(ctx, gate(ctx, z, H, 0)), *f = tw_sigmoid(ctx, gate(ctx, z, H, 1));
    tw_tensor *g = tw_tanh(ctx, gate(ctx, z, H, 2)), *o = tw_sigmoid(ctx, gate(ctx, z, H, 3));
    state[1] = tw_add(ctx, tw_mul(ctx, f, state[1]), tw_mul(ctx, i, g));
    state[0] = tw_mul(ctx, o, tw_tanh(ctx, state[1]));
}

static void gru_cell(tw_ctx *ctx, int H, tw_tensor *a, tw_tensor *b, tw_tensor *state[2]) {
    tw_tensor *r = tw_sigmoid(ctx, tw_add(ctx, gate(ctx, a, H, 0), gate(ctx, b, H, 0)));
    tw_tensor *z = tw_sigmoid(ctx, tw_add(ctx, gate(ctx, a, H, 1), gate(ctx, b, H, 1)));
    tw_tensor *n = tw_tanh(ctx, tw_add(ctx, gate(ctx, a, H, 2), tw_mul(ctx, r, gate(ctx, b, H, 2))));
    tw_tensor *rest = tw_sub(ctx, tw_full(ctx, 1, 0, NULL), z);
    state[0] = tw_add(ctx, tw_mul(ctx, rest, n), tw_mul(ctx, z, state[0]));
}

/* One direction of one sample: y [T,1,H]. state [1,H] are the first states, and become the last. */
static tw_tensor *one_sample(tw_ctx *ctx, const rnn *r, tw_tensor *x, int n, int length, int k, int d,
                             tw_tensor *state[2]) {
    const int T = x->dim[0], H = r->H;
    tw_tensor *w_ih = rnn_weight(r, "weight_ih", k, d), *b_ih = rnn_weight(r, "bias_ih", k, d);
    tw_tensor *w_hh = rnn_weight(r, "weight_hh", k, d), *b_hh = rnn_weight(r, "bias_hh", k, d);
    tw_tensor **out = tw_alloc(ctx, (size_t)(length + 1) * sizeof(tw_tensor *));
    for (int s = 0; s < length; s++) {
        const int t = d ? length - 1 - s : s;
        tw_tensor *frame = tw_slice(ctx, tw_slice(ctx, x, 0, t, t + 1), 1, n, n + 1);
        tw_tensor *a = affine(ctx, tw_reshape(ctx, frame, 2, (int[]){1, x->dim[2]}), w_ih, b_ih);
        tw_tensor *b = affine(ctx, state[0], w_hh, b_hh);
        (r->kind == RNN_GRU ? gru_cell : lstm_cell)(ctx, H, a, b, state);
        out[t] = tw_reshape(ctx, state[0], 3, (int[]){1, 1, H});
    }
    out[length] = tw_full(ctx, 0, 3, (int[]){T - length, 1, H});
    return tw_concat(ctx, length + 1, out, 0);
}

tw_tensor *rnn_oracle(tw_ctx *ctx, const rnn *r, tw_tensor *x, tw_labels lengths, tw_tensor *const *initial,
                      tw_tensor **final) {
    enum { MOST = 64 };
    tw_tensor *rows[2][MOST];
    const int N = x->dim[1], H = r->H;
    cr_assert(N <= MOST && r->layers * r->directions <= MOST);
    for (int k = 0; k < r->layers; k++) {
        tw_tensor *half[2];
        for (int d = 0; d < r->directions; d++) {
            tw_tensor *y[MOST], *end[2][MOST];
            const int row = k * r->directions + d;
            for (int n = 0; n < N; n++) {
                tw_tensor *state[2];
                for (int s = 0; s < r->states; s++) {
                    state[s] = tw_slice(ctx, tw_slice(ctx, initial[s], 0, row, row + 1), 1, n, n + 1);
                    state[s] = tw_reshape(ctx, state[s], 2, (int[]){1, H});
                }
                y[n] = one_sample(ctx, r, x, n, lengths.v ? lengths.v[n] : x->dim[0], k, d, state);
                for (int s = 0; s < r->states; s++) end[s][n] = tw_reshape(ctx, state[s], 3, (int[]){1, 1, H});
            }
            half[d] = tw_concat(ctx, N, y, 1);
            for (int s = 0; s < r->states; s++) rows[s][row] = tw_concat(ctx, N, end[s], 1);
        }
        x = tw_concat(ctx, r->directions, half, 2);
    }
    for (int s = 0; s < r->states; s++) final[s] = tw_concat(ctx, r->layers * r->directions, rows[s], 0);
    return x;
}

/* ---- everything a step computes, as one array ------------------------------------------------------------- */

rnn_batch rnn_batch_new(const rnn *r, int T, int N, const int32_t *lengths) {
    const size_t state = (size_t)(r->layers * r->directions * N * r->H);
    rnn_batch b = {.T = T, .N = N, .x = random_reals((size_t)(T * N * r->D), 1, -2, 2), .lengths = lengths};
    for (int s = 0; s < r->states; s++) b.state[s] = random_reals(state, 2 + (uint64_t)s, -1 - s, 1 + s);
    return b;
}
void rnn_batch_free(rnn_batch *b) { free(b->x), free(b->state[0]), free(b->state[1]); }
tw_labels rnn_lengths(const rnn_batch *b) { return (tw_labels){b->lengths, b->lengths ? (size_t)b->N : 0}; }

/* v NULL: zeros. */
static void append(rnn_snapshot *s, const tw_real *v, size_t n) {
    if (!n) return;
    s->v = realloc(s->v, (s->n + n) * sizeof *s->v);
    if (v) memcpy(s->v + s->n, v, n * sizeof *v);
    else memset(s->v + s->n, 0, n * sizeof *s->v);
    s->n += n;
}
/* What no path leads to has no gradient in this step: zeros. */
static void append_grad(rnn_snapshot *s, const tw_tensor *t, uint64_t step) {
    append(s, t->grad_step == step ? t->grad : NULL, t->size);
}

rnn_snapshot rnn_step(tw_ctx *ctx, const rnn *r, const rnn_batch *b, rnn_function *function) {
    rnn_snapshot all = {0};
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, b->x, 3, (int[]){b->T, b->N, r->D}), *initial[2], *out[3], *flat[3];
    for (int s = 0; s < r->states; s++)
        initial[s] = tw_input_grad(ctx, b->state[s], 3, (int[]){r->layers * r->directions, b->N, r->H});
    out[0] = function(ctx, r, x, rnn_lengths(b), initial, out + 1);
    assert_ok(ctx);
    for (int i = 0; i <= r->states; i++) {
        append(&all, out[i]->data, out[i]->size);
        flat[i] = tw_reshape(ctx, out[i], 1, (int[]){(int)out[i]->size});
    }
    tw_tensor *whole = tw_concat(ctx, 1 + r->states, flat, 0);
    tw_real *upstream = random_reals(whole->size, 4, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, whole, upstream), TW_OK, "%s", tw_errmsg(ctx));
    free(upstream);
    append_grad(&all, x, x->step);
    for (int s = 0; s < r->states; s++) append_grad(&all, initial[s], x->step);
    for (size_t i = 0; i < tw_params_count(r->params); i++) append_grad(&all, tw_params_at(r->params, i), x->step);
    return all;
}
