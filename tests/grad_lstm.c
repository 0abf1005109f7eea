/* grad_lstm.c - the LSTM in double: PyTorch's numbers, and its gradients against central differences. */
#include "util.h"

static tw_ctx *ctx;
static tw_params *params;

static void setup(void) {
    ctx = tw_ctx_new(3);
    params = tw_params_new(ctx);
}
static void teardown(void) {
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(lstm_grad, .init = setup, .fini = teardown);

static const tw_labels all = {NULL, 0};

/* ---- PyTorch ---------------------------------------------------------------------------------------------- */

static const char *key(const char *name, const char *what, const char *end) {
    static char text[8][128];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(text[turn], sizeof text[turn], "%s.%s%s", name, what, end);
    return text[turn];
}

/* sum(t * the fixture's upstream gradient). */
static tw_tensor *weighted(const fixture *f, const char *name, const char *what, tw_tensor *t) {
    int ndim, dim[TW_MAX_DIMS];
    const tw_real *upstream = fixture_get(f, key(name, what, ""), &ndim, dim, NULL);
    return tw_sum(ctx, tw_mul(ctx, t, tw_input(ctx, upstream, ndim, dim)), 0, NULL, false);
}

static void check_case(const fixture *f, const char *name) {
    int32_t *size = fixture_ints(f, key(name, "sizes", ""), NULL);
    tw_layer *lstm = tw_lstm_new(
        params, name, size[0], size[1],
        &(tw_lstm_options){.layers = size[2], .bidirectional = size[3] != 0, .no_bias = size[4] != 0});
    assert_ok(ctx);
    const size_t expected = (size_t)(size[2] * (1 + size[3]) * (size[4] ? 2 : 4));
    cr_assert_eq(tw_params_count(params), expected);
    for (size_t i = 0; i < tw_params_count(params); i++) { /* a state_dict loads by name and shape */
        tw_tensor *p = tw_params_at(params, i);
        assert_fixture(ctx, f, p->name, p, INFINITY);
        memcpy(p->data, fixture_get(f, p->name, NULL, NULL, NULL), p->size * sizeof *p->data);
    }
    tw_labels lengths = all;
    int32_t *length = NULL;
    if (fixture_has(f, key(name, "lengths", "")))
        lengths.v = length = fixture_ints(f, key(name, "lengths", ""), &lengths.n);

    tw_step_begin(ctx);
    tw_tensor *x = fixture_leaf(ctx, f, key(name, "x", ""));
    tw_lstm_state initial = {NULL, NULL}, final;
    const bool state = fixture_has(f, key(name, "h0", ""));
    if (state) {
        initial.h = fixture_leaf(ctx, f, key(name, "h0", ""));
        initial.c = fixture_leaf(ctx, f, key(name, "c0", ""));
    }
    tw_tensor *y = tw_lstm(ctx, lstm, x, lengths, state ? &initial : NULL, &final);
    assert_ok(ctx);
    assert_fixture(ctx, f, key(name, "y", ""), y, 1e-13);
    assert_fixture(ctx, f, key(name, "hn", ""), final.h, 1e-13);
    assert_fixture(ctx, f, key(name, "cn", ""), final.c, 1e-13);
    tw_tensor *loss = tw_add(ctx, weighted(f, name, "dy", y),
                             tw_add(ctx, weighted(f, name, "dhn", final.h), weighted(f, name, "dcn", final.c)));
    cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
    assert_fixture_grad(ctx, f, key(name, "x", ".grad"), x, 1e-12);
    if (state) {
        assert_fixture_grad(ctx, f, key(name, "h0", ".grad"), initial.h, 1e-12);
        assert_fixture_grad(ctx, f, key(name, "c0", ".grad"), initial.c, 1e-12);
    }
    for (size_t i = 0; i < tw_params_count(params); i++) {
        tw_tensor *p = tw_params_at(params, i);
        char grad[128];
        snprintf(grad, sizeof grad, "%s.grad", p->name);
        assert_fixture_grad(ctx, f, grad, p, 1e-12);
    }
    free(size);
    free(length);
}

#define PYTORCH(name)                          \
    Test(lstm_grad, pytorch_##name) {          \
        fixture *f = fixture_load("lstm.txt"); \
        check_case(f, #name);                  \
        fixture_free(f);                       \
    }
PYTORCH(uni)
PYTORCH(nobias)
PYTORCH(bi)
PYTORCH(ragged)
PYTORCH(stack)
PYTORCH(short)

/* ---- central differences ---------------------------------------------------------------------------------- */

enum { T = 4, N = 3, D = 3, H = 2 };
typedef struct problem {
    tw_layer *lstm;
    tw_labels lengths;
    bool state, final; /* leaves h0 and c0 are given; the result has hn and cn too */
} problem;

/* y, or y, hn and cn one after another. */
static tw_tensor *apply(tw_ctx *c, tw_tensor *const *leaf, void *user) {
    const problem *p = user;
    tw_lstm_state initial = {p->state ? leaf[1] : NULL, p->state ? leaf[2] : NULL}, final;
    tw_tensor *y = tw_lstm(c, p->lstm, leaf[0], p->lengths, p->state ? &initial : NULL, p->final ? &final : NULL);
    if (!p->final || !y) return y;
    tw_tensor *part[] = {tw_reshape(c, y, 1, (int[]){-1}), tw_reshape(c, final.h, 1, (int[]){-1}),
                         tw_reshape(c, final.c, 1, (int[]){-1})};
    return tw_concat(c, 3, part, 0);
}

/* The parameters are no leaves of tw_gradcheck: their differences are taken here, with its measure of the error. */
static void check_params(problem *p, const tw_gradcheck_leaf *leaf) {
    const double step = 1e-5;
    size_t outputs = 0;
    tw_real *r = NULL;
    double *sum = NULL; /* of each element of each parameter: the numeric gradient */
    for (size_t k = 0; k < tw_params_count(params); k++) {
        tw_tensor *w = tw_params_at(params, k);
        sum = realloc(sum, w->size * sizeof *sum);
        for (size_t i = 0; i < w->size; i++) {
            const tw_real kept = w->data[i];
            sum[i] = 0;
            for (int side = 1; side >= -1; side -= 2) {
                w->data[i] = kept + side * step;
                tw_step_begin(ctx);
                tw_tensor *in[3];
                for (int j = 0; j < 3; j++) in[j] = tw_input(ctx, leaf[j].value, leaf[j].ndim, leaf[j].dim);
                tw_tensor *y = apply(ctx, in, p);
                assert_ok(ctx);
                if (!r) r = random_reals(outputs = y->size, 11, -1, 1);
                for (size_t j = 0; j < outputs; j++) sum[i] += side * r[j] * y->data[j];
            }
            w->data[i] = kept;
            sum[i] /= 2 * step;
        }
        tw_step_begin(ctx);
        tw_tensor *in[3];
        for (int j = 0; j < 3; j++) in[j] = tw_input(ctx, leaf[j].value, leaf[j].ndim, leaf[j].dim);
        cr_assert_eq(tw_backward_from(ctx, apply(ctx, in, p), r), TW_OK, "%s", tw_errmsg(ctx));
        double scale = 1e-3, error = 0;
        for (size_t i = 0; i < w->size; i++) {
            scale = fmax(scale, fmax(fabs(w->grad[i]), fabs(sum[i])));
            error = fmax(error, fabs(w->grad[i] - sum[i]));
        }
        cr_assert(error / scale <= 1e-6, "%s: error %.3g", w->name, error / scale);
    }
    free(sum);
    free(r);
}

static void check(const tw_lstm_options *options, const int32_t *lengths, bool state, bool final) {
    const int rows = (options->layers ? options->layers : 1) * (options->bidirectional ? 2 : 1);
    problem p = {tw_lstm_new(params, "lstm", D, H, options), {lengths, lengths ? N : 0}, state, final};
    assert_ok(ctx);
    tw_gradcheck_leaf leaf[3] = {{.ndim = 3, .dim = {T, N, D}},
                                 {.ndim = 3, .dim = {rows, N, H}},
                                 {.ndim = 3, .dim = {rows, N, H}}};
    tw_real *value[3];
    for (int i = 0; i < 3; i++)
        leaf[i].value = value[i] = random_reals(product(3, leaf[i].dim), 40 + (uint64_t)i, -1.5, 1.5);
    assert_gradcheck(ctx, apply, &p, state ? 3 : 1, leaf, 1e-6);
    check_params(&p, leaf);
    for (int i = 0; i < 3; i++) free(value[i]);
}

static const int32_t mixed[N] = {2, 4, 1}, with_empty[N] = {3, 0, 4};

Test(lstm_grad, plain) { check(&(tw_lstm_options){0}, NULL, false, false); }
Test(lstm_grad, no_bias_with_states) { check(&(tw_lstm_options){.no_bias = true}, NULL, true, true); }
Test(lstm_grad, bidirectional_two_layers) {
    check(&(tw_lstm_options){.layers = 2, .bidirectional = true}, NULL, true, true);
}
Test(lstm_grad, lengths) { check(&(tw_lstm_options){0}, mixed, false, false); }
Test(lstm_grad, lengths_bidirectional_two_layers) {
    check(&(tw_lstm_options){.layers = 2, .bidirectional = true}, mixed, true, true);
}
Test(lstm_grad, a_sample_without_frames) {
    check(&(tw_lstm_options){.layers = 2, .bidirectional = true, .plain_forget_bias = true}, with_empty, true, true);
}
/* tw_gradcheck gives every evaluation the same random state, hence the same dropout. */
Test(lstm_grad, dropout_between_layers) {
    problem p = {tw_lstm_new(params, "lstm", D, H, &(tw_lstm_options){.layers = 3, .dropout = 0.4}), all, false, true};
    tw_real *x = random_reals(T * N * D, 5, -1, 1);
    const tw_gradcheck_leaf leaf = {.value = x, .ndim = 3, .dim = {T, N, D}};
    assert_gradcheck(ctx, apply, &p, 1, &leaf, 1e-6);
    free(x);
}
