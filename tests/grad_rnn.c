/* grad_rnn.c - the LSTM and the GRU in double: PyTorch's numbers, and their gradients against central differences. */
#include "util_rnn.h"
#include "util_suite.h"

SUITE(rnn_grad, 3);

static const tw_labels all = {NULL, 0};

/* ---- PyTorch ---------------------------------------------------------------------------------------------- */

typedef struct key {
    char text[96];
} key;
static key key_of(const char *name, const char *what) {
    key k;
    snprintf(k.text, sizeof k.text, "%.60s%.30s", name, what);
    return k;
}

/* sum(t * the fixture's upstream gradient). */
static tw_tensor *weighted(const fixture *f, key name, tw_tensor *t) {
    int ndim, dim[TW_MAX_DIMS];
    const tw_real *upstream = fixture_get(f, name.text, &ndim, dim, NULL);
    return tw_sum(ctx, tw_mul(ctx, t, tw_input(ctx, upstream, ndim, dim)), 0, NULL, false);
}

/* A case of lstm.txt or gru.txt. Its names of states are h0, c0; hn, cn; and dhn, dcn for the gradients sent back. */
static void check_case(rnn_kind kind, const char *name) {
    static const char *const first[] = {".h0", ".c0"}, *const first_grad[] = {".h0.grad", ".c0.grad"};
    static const char *const last[] = {".hn", ".cn"}, *const back[] = {".dhn", ".dcn"};
    fixture *f = fixture_load(kind == RNN_GRU ? "gru.txt" : "lstm.txt");
    int32_t *size = fixture_ints(f, key_of(name, ".sizes").text, NULL), *length = NULL;
    rnn r = rnn_new(params, kind, name, size[0], size[1],
                    (tw_lstm_options){.layers = size[2], .bidirectional = size[3] != 0, .no_bias = size[4] != 0});
    assert_ok(ctx);
    const size_t expected = (size_t)(size[2] * (1 + size[3]) * (size[4] ? 2 : 4));
    cr_assert_eq(tw_params_count(params), expected);
    for (size_t i = 0; i < expected; i++) { /* a state_dict loads by name and shape */
        tw_tensor *p = tw_params_at(params, i);
        assert_fixture(ctx, f, p->name, p, INFINITY);
        memcpy(p->data, fixture_get(f, p->name, NULL, NULL, NULL), p->size * sizeof *p->data);
    }
    tw_labels lengths = all;
    if (fixture_has(f, key_of(name, ".lengths").text))
        lengths.v = length = fixture_ints(f, key_of(name, ".lengths").text, &lengths.n);

    tw_step_begin(ctx);
    tw_tensor *x = fixture_leaf(ctx, f, key_of(name, ".x").text), *initial[2], *final[2];
    const bool given = fixture_has(f, key_of(name, first[0]).text);
    for (int s = 0; given && s < r.states; s++) initial[s] = fixture_leaf(ctx, f, key_of(name, first[s]).text);
    tw_tensor *y = rnn_call(ctx, &r, x, lengths, given ? initial : NULL, final);
    assert_ok(ctx);
    assert_fixture(ctx, f, key_of(name, ".y").text, y, 1e-13);
    tw_tensor *loss = weighted(f, key_of(name, ".dy"), y);
    for (int s = 0; s < r.states; s++) {
        assert_fixture(ctx, f, key_of(name, last[s]).text, final[s], 1e-13);
        loss = tw_add(ctx, loss, weighted(f, key_of(name, back[s]), final[s]));
    }
    cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
    assert_fixture_grad(ctx, f, key_of(name, ".x.grad").text, x, 1e-12);
    for (int s = 0; given && s < r.states; s++)
        assert_fixture_grad(ctx, f, key_of(name, first_grad[s]).text, initial[s], 1e-12);
    for (size_t i = 0; i < expected; i++) {
        tw_tensor *p = tw_params_at(params, i);
        assert_fixture_grad(ctx, f, key_of(p->name, ".grad").text, p, 1e-12);
    }
    free(size), free(length);
    fixture_free(f);
}

BOTH(rnn_grad, pytorch_uni) { check_case(kind, "uni"); }
BOTH(rnn_grad, pytorch_nobias) { check_case(kind, "nobias"); }
BOTH(rnn_grad, pytorch_bi) { check_case(kind, "bi"); }
BOTH(rnn_grad, pytorch_ragged) { check_case(kind, "ragged"); }
BOTH(rnn_grad, pytorch_stack) { check_case(kind, "stack"); }
Test(rnn_grad, lstm_pytorch_short) { check_case(RNN_LSTM, "short"); }

/* ---- central differences ---------------------------------------------------------------------------------- */

enum { T = 4, N = 3, D = 3, H = 2 };
typedef struct problem {
    rnn r;
    tw_labels lengths;
    bool first, last; /* the first states are leaves; the result has the last ones too */
} problem;

/* y, or y and the last states one after another. */
static tw_tensor *apply(tw_ctx *c, tw_tensor *const *leaf, void *user) {
    const problem *p = user;
    tw_tensor *final[2], *part[3];
    tw_tensor *y = rnn_call(c, &p->r, leaf[0], p->lengths, p->first ? leaf + 1 : NULL, p->last ? final : NULL);
    if (!p->last || !y) return y;
    part[0] = tw_reshape(c, y, 1, (int[]){-1});
    for (int s = 0; s < p->r.states; s++) part[1 + s] = tw_reshape(c, final[s], 1, (int[]){-1});
    return tw_concat(c, 1 + p->r.states, part, 0);
}

/* Always with the same dropout. */
static tw_tensor *apply_to_values(problem *p, const tw_gradcheck_leaf *leaf) {
    tw_tensor *in[3];
    tw_rng_set(ctx, (tw_rng_state){7, 0});
    tw_step_begin(ctx);
    for (int j = 0; j <= p->r.states; j++) in[j] = tw_input(ctx, leaf[j].value, leaf[j].ndim, leaf[j].dim);
    tw_tensor *y = apply(ctx, in, p);
    assert_ok(ctx);
    return y;
}

/* The parameters are no leaves of tw_gradcheck: their differences are taken here, with its measure of the error. */
static void check_params(problem *p, const tw_gradcheck_leaf *leaf) {
    const double step = 1e-5;
    tw_real *back = random_reals(apply_to_values(p, leaf)->size, 11, -1, 1);
    for (size_t k = 0; k < tw_params_count(params); k++) {
        tw_tensor *w = tw_params_at(params, k);
        double *numeric = calloc(w->size, sizeof *numeric);
        for (size_t i = 0; i < w->size; i++) {
            const tw_real kept = w->data[i];
            for (int side = 1; side >= -1; side -= 2) {
                w->data[i] = kept + side * step;
                const tw_tensor *y = apply_to_values(p, leaf);
                for (size_t j = 0; j < y->size; j++) numeric[i] += side * back[j] * y->data[j] / (2 * step);
            }
            w->data[i] = kept;
        }
        cr_assert_eq(tw_backward_from(ctx, apply_to_values(p, leaf), back), TW_OK, "%s", tw_errmsg(ctx));
        double scale = 1e-3, error = 0;
        for (size_t i = 0; i < w->size; i++) {
            scale = fmax(scale, fmax(fabs(w->grad[i]), fabs(numeric[i])));
            error = fmax(error, fabs(w->grad[i] - numeric[i]));
        }
        cr_assert(error / scale <= 1e-6, "%s: error %.3g", w->name, error / scale);
        free(numeric);
    }
    free(back);
}

static void check(rnn_kind kind, tw_lstm_options options, const int32_t *lengths, bool first, bool last) {
    problem p = {rnn_new(params, kind, "rnn", D, H, options), {lengths, lengths ? N : 0}, first, last};
    assert_ok(ctx);
    tw_gradcheck_leaf leaf[3] = {{.ndim = 3, .dim = {T, N, D}}};
    tw_real *value[3];
    for (int i = 0; i < 3; i++) {
        if (i) leaf[i] = (tw_gradcheck_leaf){.ndim = 3, .dim = {p.r.layers * p.r.directions, N, H}};
        leaf[i].value = value[i] = random_reals(product(3, leaf[i].dim), 40 + (uint64_t)i, -1.5, 1.5);
    }
    assert_gradcheck(ctx, apply, &p, first ? 1 + p.r.states : 1, leaf, 1e-6);
    check_params(&p, leaf);
    for (int i = 0; i < 3; i++) free(value[i]);
}

static const int32_t mixed[N] = {2, 4, 1}, with_empty[N] = {3, 0, 4};

BOTH(rnn_grad, plain) { check(kind, (tw_lstm_options){0}, NULL, false, false); }
BOTH(rnn_grad, no_bias_with_states) { check(kind, (tw_lstm_options){.no_bias = true}, NULL, true, true); }
BOTH(rnn_grad, bidirectional_two_layers) {
    check(kind, (tw_lstm_options){.layers = 2, .bidirectional = true}, NULL, true, true);
}
BOTH(rnn_grad, lengths) { check(kind, (tw_lstm_options){0}, mixed, false, false); }
BOTH(rnn_grad, lengths_bidirectional_two_layers) {
    check(kind, (tw_lstm_options){.layers = 2, .bidirectional = true}, mixed, true, true);
}
BOTH(rnn_grad, a_sample_without_frames) {
    check(kind, (tw_lstm_options){.layers = 2, .bidirectional = true, .plain_forget_bias = true}, with_empty, true,
          true);
}
/* tw_gradcheck gives every evaluation the same random state, hence the same dropout. */
BOTH(rnn_grad, dropout_between_layers) {
    check(kind, (tw_lstm_options){.layers = 3, .dropout = 0.4}, mixed, true, true);
}
