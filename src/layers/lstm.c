/* lstm.c - the LSTM layer: its parameters, the stack, initial and final states. */
#include "layers/lstm.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

typedef struct lstm {
    tw_layer base;
    int input, hidden, layers, directions;
    double dropout;
    tw__lstm_weights weights[]; /* [layers][directions] */
} lstm;

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    return tw_lstm(ctx, layer, x, (tw_labels){NULL, 0}, NULL, NULL);
}

static const tw_layer_class lstm_class = {"lstm", forward, NULL};

/* ---- making it -------------------------------------------------------------------------------------------- */

static tw_tensor *param(tw_layer *layer, const char *kind, int k, int direction, tw_init init, int ndim,
                        const int *dim) {
    char suffix[64];
    snprintf(suffix, sizeof suffix, "%s_l%d%s", kind, k, direction ? "_reverse" : "");
    return tw_layer_param(layer, suffix, init, ndim, dim);
}

static bool weights_new(lstm *m, tw__lstm_weights *w, int k, int direction, const tw_lstm_options *o) {
    const bool plain = o->init.kind == TW_INIT_DEFAULT;
    const tw_init uniform = {TW_INIT_UNIFORM, 1 / sqrt(m->hidden)}, zero = {TW_INIT_CONSTANT, 0};
    const tw_init weight = plain ? uniform : o->init, bias = plain ? uniform : zero;
    const int H = m->hidden, D = k == 0 ? m->input : H * m->directions;
    w->ih = param(&m->base, "weight_ih", k, direction, weight, 2, (int[]){4 * H, D});
    w->hh = param(&m->base, "weight_hh", k, direction, weight, 2, (int[]){4 * H, H});
    if (!w->ih || !w->hh) return false;
    if (o->no_bias) return true;
    w->bias_ih = param(&m->base, "bias_ih", k, direction, bias, 1, (int[]){4 * H});
    w->bias_hh = param(&m->base, "bias_hh", k, direction, bias, 1, (int[]){4 * H});
    if (!w->bias_ih || !w->bias_hh) return false;
    for (int j = H; !o->plain_forget_bias && j < 2 * H; j++) { /* the sum is what counts; see Jozefowicz et al. 2015 */
        w->bias_ih->data[j] = 1;
        w->bias_hh->data[j] = 0;
    }
    return true;
}

tw_layer *tw_lstm_new(tw_params *params, const char *name, int input, int hidden, const tw_lstm_options *options) {
    if (!params) return NULL;
    tw_ctx *ctx = tw_params_ctx(params);
    tw_lstm_options o = options ? *options : (tw_lstm_options){0};
    if (o.layers == 0) o.layers = 1;
    if (input < 1 || hidden < 1)
        return tw_fail(ctx, TW_ERR_RANGE, "lstm: sizes are at least 1: input %d, hidden %d", input, hidden);
    if (hidden > INT_MAX / 8)
        return tw_fail(ctx, TW_ERR_RANGE, "lstm: hidden is at most %d, not %d", INT_MAX / 8, hidden);
    if (o.layers < 1 || o.layers > 1000)
        return tw_fail(ctx, TW_ERR_RANGE, "lstm: the number of layers is between 1 and 1000, not %d", o.layers);
    if (!(o.dropout >= 0 && o.dropout <= 1))
        return tw_fail(ctx, TW_ERR_RANGE, "lstm: the dropout is between 0 and 1, not %g", o.dropout);
    const int directions = o.bidirectional ? 2 : 1, count = o.layers * directions;
    lstm *m = (lstm *)tw_layer_new(params, &lstm_class, sizeof *m + (size_t)count * sizeof *m->weights, name);
    if (!m) return NULL;
    m->input = input;
    m->hidden = hidden;
    m->layers = o.layers;
    m->directions = directions;
    m->dropout = o.dropout;
    for (int i = 0; i < count; i++)
        if (!weights_new(m, &m->weights[i], i / directions, i % directions, &o)) return NULL;
    return &m->base;
}

/* ---- using it --------------------------------------------------------------------------------------------- */

static bool input_ok(tw_ctx *ctx, const lstm *m, const tw_tensor *x, tw_labels lengths) {
    if (x->ndim != 3) return tw_fail(ctx, TW_ERR_SHAPE, "lstm: the input is [T,N,D], not %s", tw_describe(ctx, x));
    if (x->dim[2] != m->input)
        return tw_fail(ctx, TW_ERR_SHAPE, "lstm: input has %d features, the weight wants %d: %s, %s", x->dim[2],
                       m->input, tw_describe(ctx, x), tw_describe(ctx, m->weights[0].ih));
    const int T = x->dim[0], N = x->dim[1];
    if (N && T > INT_MAX / N)
        return tw_fail(ctx, TW_ERR_SHAPE, "lstm: the input has too many frames: %s", tw_describe(ctx, x));
    if (!lengths.v && !lengths.n) return true;
    if (!lengths.v || lengths.n != (size_t)N)
        return tw_fail(ctx, TW_ERR_SHAPE, "lstm: %zu lengths%s for %d samples: %s", lengths.n,
                       lengths.v ? "" : " at NULL", N, tw_describe(ctx, x));
    for (int n = 0; n < N; n++)
        if (lengths.v[n] < 0 || lengths.v[n] > T)
            return tw_fail(ctx, TW_ERR_RANGE, "lstm: sample %d has length %d, outside 0..%d: %s", n, (int)lengths.v[n],
                           T, tw_describe(ctx, x));
    return true;
}

static bool state_ok(tw_ctx *ctx, const lstm *m, const tw_tensor *x, tw_tensor *state, const char *what) {
    if (!state) return true;
    const int layers = m->layers * m->directions, N = x->dim[1], H = m->hidden;
    if (!tw_inputs_ok(ctx, "lstm", 1, &state)) return false;
    if (state->ndim != 3 || state->dim[0] != layers || state->dim[1] != N || state->dim[2] != H)
        return tw_fail(ctx, TW_ERR_SHAPE, "lstm: the initial %s is [%d,%d,%d] for this input, not %s: %s", what, layers,
                       N, H, tw_describe(ctx, state), tw_describe(ctx, x));
    return true;
}

/* The part of layer k in a state of the whole stack. */
static tw_tensor *layer_state(tw_ctx *ctx, const lstm *m, tw_tensor *state, int k) {
    if (!state || m->layers == 1) return state;
    return tw_slice(ctx, state, 0, k * m->directions, (k + 1) * m->directions);
}

static tw_tensor *stack_state(tw_ctx *ctx, const lstm *m, tw_tensor *const *state) {
    return m->layers == 1 ? state[0] : tw_concat(ctx, m->layers, state, 0);
}

tw_tensor *tw_lstm(tw_ctx *ctx, tw_layer *layer, tw_tensor *x, tw_labels lengths, const tw_lstm_state *initial,
                   tw_lstm_state *final) {
    tw_lstm_state start = initial ? *initial : (tw_lstm_state){NULL, NULL};
    if (final) *final = (tw_lstm_state){NULL, NULL};
    if (!layer || tw_error(ctx) || !tw_inputs_ok(ctx, "lstm", 1, &x)) return NULL;
    if (layer->cls != &lstm_class) return tw_fail(ctx, TW_ERR_RANGE, "lstm: the layer is a %s", layer->cls->type);
    const lstm *m = (const lstm *)layer;
    if (!input_ok(ctx, m, x, lengths) || !state_ok(ctx, m, x, start.h, "h") || !state_ok(ctx, m, x, start.c, "c"))
        return NULL;

    const tw__frames *frames = tw__frames_new(ctx, x->dim[0], x->dim[1], lengths);
    tw_tensor **hn = tw_alloc(ctx, (size_t)m->layers * sizeof(tw_tensor *));
    tw_tensor **cn = tw_alloc(ctx, (size_t)m->layers * sizeof(tw_tensor *));
    if (!frames || !hn || !cn) return NULL;
    for (int k = 0; k < m->layers; k++) {
        if (k > 0 && m->dropout > 0) x = tw_dropout(ctx, x, (tw_real)m->dropout);
        tw_tensor *h0 = layer_state(ctx, m, start.h, k), *c0 = layer_state(ctx, m, start.c, k);
        if (tw_error(ctx)) return NULL;
        x = tw__lstm_sequence(ctx, x, frames, m->directions, &m->weights[k * m->directions], h0, c0,
                              final ? &hn[k] : NULL, final ? &cn[k] : NULL);
        if (!x) return NULL;
    }
    if (final) {
        const tw_lstm_state end = {stack_state(ctx, m, hn), stack_state(ctx, m, cn)};
        if (!end.h || !end.c) return NULL;
        *final = end;
    }
    if (!x->name) x->name = layer->name;
    return x;
}
