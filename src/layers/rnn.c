/* rnn.c - a recurrent layer of any kind: its parameters, the stack, initial and final states. */
#include "layers/rnn.h"
#include "layers/layer.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

/* ---- making it -------------------------------------------------------------------------------------------- */

static tw_tensor *param(tw_layer *layer, const char *kind, int k, int direction, tw_init init, int ndim,
                        const int *dim) {
    char suffix[64];
    snprintf(suffix, sizeof suffix, "%s_l%d%s", kind, k, direction ? "_reverse" : "");
    return tw_layer_param(layer, suffix, init, ndim, dim);
}

static bool weights_new(tw__rnn *m, tw__rnn_weights *w, int k, int direction, const tw__rnn_options *o) {
    const bool plain = o->init.kind == TW_INIT_DEFAULT;
    const tw_init uniform = {TW_INIT_UNIFORM, 1 / sqrt(m->hidden)}, zero = {TW_INIT_CONSTANT, 0};
    const tw_init weight = plain ? uniform : o->init, bias = plain ? uniform : zero;
    const int H = m->hidden, D = k == 0 ? m->input : H * m->directions, rows = m->kind->gates * H;
    w->ih = param(&m->base, "weight_ih", k, direction, weight, 2, (int[]){rows, D});
    if (w->ih) w->hh = param(&m->base, "weight_hh", k, direction, weight, 2, (int[]){rows, H});
    if (!w->hh) return false;
    if (o->no_bias) return true;
    w->bias_ih = param(&m->base, "bias_ih", k, direction, bias, 1, (int[]){rows});
    if (w->bias_ih) w->bias_hh = param(&m->base, "bias_hh", k, direction, bias, 1, (int[]){rows});
    return w->bias_hh;
}

tw__rnn *tw__rnn_new(tw_params *params, const tw__rnn_kind *kind, const char *name, int input, int hidden,
                     const tw__rnn_options *options) {
    if (!params) return NULL;
    tw_ctx *ctx = tw_params_ctx(params);
    const char *what = kind->op.name;
    const int layers = options->layers == 0 ? 1 : options->layers;
    if (input < 1 || hidden < 1)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: sizes are at least 1: input %d, hidden %d", what, input, hidden);
    if (hidden > INT_MAX / 8)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: hidden is at most %d, not %d", what, INT_MAX / 8, hidden);
    if (layers < 1 || layers > 1000)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: the number of layers is between 1 and 1000, not %d", what, layers);
    if (!(options->dropout >= 0 && options->dropout <= 1))
        return tw_fail(ctx, TW_ERR_RANGE, "%s: the dropout is between 0 and 1, not %g", what, options->dropout);
    const int directions = options->bidirectional ? 2 : 1, count = layers * directions;
    tw__rnn *m = (tw__rnn *)tw_layer_new(params, &kind->cls, sizeof *m + (size_t)count * sizeof *m->weights, name);
    if (!m) return NULL;
    m->kind = kind;
    m->input = input;
    m->hidden = hidden;
    m->layers = layers;
    m->directions = directions;
    m->dropout = options->dropout;
    for (int i = 0; i < count; i++)
        if (!weights_new(m, &m->weights[i], i / directions, i % directions, options)) return NULL;
    return m;
}

/* ---- using it --------------------------------------------------------------------------------------------- */

static bool input_ok(tw_ctx *ctx, const tw__rnn *m, const tw_tensor *x, tw_labels lengths) {
    const char *what = m->kind->op.name;
    if (x->ndim != 3) return tw_fail(ctx, TW_ERR_SHAPE, "%s: the input is [T,N,D], not %s", what, tw_describe(ctx, x));
    if (x->dim[2] != m->input)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: input has %d features, the weight wants %d: %s, %s", what, x->dim[2],
                       m->input, tw_describe(ctx, x), tw_describe(ctx, m->weights[0].ih));
    const int T = x->dim[0], N = x->dim[1];
    if (N && T > INT_MAX / N)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: the input has too many frames: %s", what, tw_describe(ctx, x));
    if (!lengths.v && !lengths.n) return true;
    if (!lengths.v || lengths.n != (size_t)N)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: %zu lengths%s for %d samples: %s", what, lengths.n,
                       lengths.v ? "" : " at NULL", N, tw_describe(ctx, x));
    for (int n = 0; n < N; n++)
        if (lengths.v[n] < 0 || lengths.v[n] > T)
            return tw_fail(ctx, TW_ERR_RANGE, "%s: sample %d has length %d, outside 0..%d: %s", what, n,
                           (int)lengths.v[n], T, tw_describe(ctx, x));
    return true;
}

static bool state_ok(tw_ctx *ctx, const tw__rnn *m, const tw_tensor *x, tw_tensor *state, const char *which) {
    if (!state) return true;
    const char *what = m->kind->op.name;
    const int layers = m->layers * m->directions, N = x->dim[1], H = m->hidden;
    if (!tw_inputs_ok(ctx, what, 1, &state)) return false;
    if (state->ndim != 3 || state->dim[0] != layers || state->dim[1] != N || state->dim[2] != H)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: the initial %s is [%d,%d,%d] for this input, not %s: %s", what, which,
                       layers, N, H, tw_describe(ctx, state), tw_describe(ctx, x));
    return true;
}

/* The part of layer k in a state of the whole stack. */
static tw_tensor *layer_state(tw_ctx *ctx, const tw__rnn *m, tw_tensor *state, int k) {
    if (!state || m->layers == 1) return state;
    return tw_slice(ctx, state, 0, k * m->directions, (k + 1) * m->directions);
}

static tw_tensor *stack_state(tw_ctx *ctx, const tw__rnn *m, tw_tensor *const *state) {
    return m->layers == 1 ? state[0] : tw_concat(ctx, m->layers, state, 0);
}

tw_tensor *tw__rnn_run(tw_ctx *ctx, const tw__rnn_kind *kind, tw_layer *layer, tw_tensor *x, tw_labels lengths,
                       tw_tensor *const start[TW__STATES], tw_tensor **end) {
    static const char *const names[TW__STATES] = {"h", "c"};
    const char *what = kind->op.name;
    if (!layer || tw_error(ctx) || !tw__layer_ok(ctx, layer) || !tw_inputs_ok(ctx, what, 1, &x)) return NULL;
    if (layer->cls != &kind->cls) return tw_fail(ctx, TW_ERR_RANGE, "%s: the layer is a %s", what, layer->cls->type);
    const tw__rnn *m = (const tw__rnn *)layer;
    if (!input_ok(ctx, m, x, lengths)) return NULL;
    for (int i = 0; i < kind->states; i++)
        if (!state_ok(ctx, m, x, start[i], names[i])) return NULL;

    const tw__frames *frames = tw__frames_new(ctx, x->dim[0], x->dim[1], lengths);
    tw_tensor **last[TW__STATES] = {NULL}; /* by state, [layers] */
    if (!frames) return NULL;
    for (int i = 0; i < kind->states; i++)
        if (!(last[i] = tw_alloc(ctx, (size_t)m->layers * sizeof(tw_tensor *)))) return NULL;
    for (int k = 0; k < m->layers; k++) {
        tw_tensor *first[TW__STATES] = {NULL}, *final[TW__STATES];
        if (k > 0 && m->dropout > 0) x = tw_dropout(ctx, x, (tw_real)m->dropout);
        for (int i = 0; i < kind->states; i++) first[i] = layer_state(ctx, m, start[i], k);
        if (tw_error(ctx)) return NULL;
        x = tw__rnn_sequence(ctx, kind, x, frames, m->directions, &m->weights[k * m->directions], first,
                             end ? final : NULL);
        if (!x) return NULL;
        for (int i = 0; end && i < kind->states; i++) last[i][k] = final[i];
    }
    tw_tensor *whole[TW__STATES] = {NULL};
    for (int i = 0; end && i < kind->states; i++)
        if (!(whole[i] = stack_state(ctx, m, last[i]))) return NULL;
    for (int i = 0; end && i < kind->states; i++) end[i] = whole[i];
    if (!x->name) x->name = layer->name;
    return x;
}
