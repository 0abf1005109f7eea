/* gru.c - the GRU: three gates r, z, n, one state h. The part of n of W_hh h + b_hh stays apart: r multiplies it. */
#include "layers/rnn.h"

static void cell(size_t H, tw_real *gates, const tw_real *bias, tw_real *h, tw_real *c, tw_real *y) {
    (void)c;
    TW_ISA_CALL(tw__gru_cell)(H, gates, bias, h, y);
}

static void cell_grad(size_t H, tw_real *gates, const tw_real *h, const tw_real *c, const tw_real *dy, tw_real *dh,
                      tw_real *dc) {
    (void)c, (void)dc;
    TW_ISA_CALL(tw__gru_cell_grad)(H, gates, h, dy, dh);
}

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    return tw_gru(ctx, layer, x, (tw_labels){NULL, 0}, NULL, NULL);
}

const tw__rnn_kind tw__gru_kind = {.op = {"gru", tw__rnn_backward},
                                   .cls = {"gru", forward, NULL},
                                   .gates = 3,
                                   .joined = 2,
                                   .states = 1,
                                   .h_remains = true,
                                   .cell = cell,
                                   .cell_grad = cell_grad};

tw_layer *tw_gru_new(tw_params *params, const char *name, int input, int hidden, const tw_gru_options *options) {
    const tw_gru_options o = options ? *options : (tw_gru_options){0};
    tw__rnn *m = tw__rnn_new(params, &tw__gru_kind, name, input, hidden,
                             &(tw__rnn_options){o.layers, o.bidirectional, o.no_bias, o.dropout, o.init});
    return m ? &m->base : NULL;
}

tw_tensor *tw_gru(tw_ctx *ctx, tw_layer *layer, tw_tensor *x, tw_labels lengths, tw_tensor *initial,
                  tw_tensor **final) {
    tw_tensor *const start[TW__STATES] = {initial, NULL};
    tw_tensor *end[TW__STATES] = {NULL, NULL};
    tw_tensor *y = tw__rnn_run(ctx, &tw__gru_kind, layer, x, lengths, start, final ? end : NULL);
    if (final) *final = end[0];
    return y;
}
