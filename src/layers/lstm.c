/* lstm.c - the LSTM: four gates i, f, g, o, two states h and c. */
#include "layers/rnn.h"

static void cell(size_t H, tw_real *gates, const tw_real *bias, tw_real *h, tw_real *c, tw_real *y) {
    TW_ISA_CALL(tw__lstm_cell)(H, gates, bias, c, h, y);
}

static void cell_grad(size_t H, tw_real *gates, const tw_real *h, const tw_real *c, const tw_real *dy, tw_real *dh,
                      tw_real *dc) {
    (void)h;
    TW_ISA_CALL(tw__lstm_cell_grad)(H, gates, c, dy, dh, dc);
}

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    return tw_lstm(ctx, layer, x, (tw_labels){NULL, 0}, NULL, NULL);
}

const tw__rnn_kind tw__lstm_kind = {.op = {"lstm", tw__rnn_backward},
                                    .cls = {"lstm", forward, NULL},
                                    .gates = 4,
                                    .joined = 4,
                                    .states = 2,
                                    .cell = cell,
                                    .cell_grad = cell_grad};

/* The sum of both is what counts; see Jozefowicz et al. 2015. */
static void open_forget_gates(tw__rnn *m) {
    for (int i = 0; i < m->layers * m->directions; i++)
        for (int j = m->hidden; m->weights[i].bias_ih && j < 2 * m->hidden; j++) {
            m->weights[i].bias_ih->data[j] = 1;
            m->weights[i].bias_hh->data[j] = 0;
        }
}

tw_layer *tw_lstm_new(tw_params *params, const char *name, int input, int hidden, const tw_lstm_options *options) {
    const tw_lstm_options o = options ? *options : (tw_lstm_options){0};
    tw__rnn *m = tw__rnn_new(params, &tw__lstm_kind, name, input, hidden,
                             &(tw__rnn_options){o.layers, o.bidirectional, o.no_bias, o.dropout, o.init});
    if (!m) return NULL;
    if (!o.plain_forget_bias) open_forget_gates(m);
    return &m->base;
}

tw_tensor *tw_lstm(tw_ctx *ctx, tw_layer *layer, tw_tensor *x, tw_labels lengths, const tw_lstm_state *initial,
                   tw_lstm_state *final) {
    tw_tensor *const start[TW__STATES] = {initial ? initial->h : NULL, initial ? initial->c : NULL};
    tw_tensor *end[TW__STATES] = {NULL, NULL};
    tw_tensor *y = tw__rnn_run(ctx, &tw__lstm_kind, layer, x, lengths, start, final ? end : NULL);
    if (final) *final = (tw_lstm_state){end[0], end[1]};
    return y;
}
