/* test_lstm.c - the LSTM against one built from matmul, sigmoid and tanh, and its promises: lengths, padding, threads,
 * errors. */
#include "util.h"

static tw_ctx *ctx;
static tw_params *params;

static void setup(void) {
    ctx = tw_ctx_new(5);
    params = tw_params_new(ctx);
}
static void teardown(void) {
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(lstm, .init = setup, .fini = teardown);

static const tw_labels all = {NULL, 0};

/* ---- the same from primitives ----------------------------------------------------------------------------- */

typedef struct model {
    tw_layer *layer;
    int D, H, layers, directions;
} model;

static model model_new(int D, int H, tw_lstm_options options) {
    model m = {tw_lstm_new(params, "lstm", D, H, &options), D, H, options.layers ? options.layers : 1,
               options.bidirectional ? 2 : 1};
    assert_ok(ctx);
    return m;
}

static tw_tensor *weight(const char *kind, int k, int direction) {
    char name[64];
    snprintf(name, sizeof name, "lstm.%s_l%d%s", kind, k, direction ? "_reverse" : "");
    return tw_params_find(params, name);
}

static tw_tensor *zeros(int ndim, const int *dim) { return tw_full(ctx, 0, ndim, dim); }

/* Row r of a state [rows,N,H], for sample n, as [1,H]. */
static tw_tensor *start(tw_tensor *state, int H, int r, int n) {
    if (!state) return zeros(2, (int[]){1, H});
    return tw_reshape(ctx, tw_slice(ctx, tw_slice(ctx, state, 0, r, r + 1), 1, n, n + 1), 2, (int[]){1, H});
}

static tw_tensor *gate(tw_tensor *z, int H, int which) { return tw_slice(ctx, z, 1, which * H, (which + 1) * H); }

/* One direction of one sample: output [T,1,H] in *y, final states [1,1,H]. */
static void oracle_sample(const model *m, tw_tensor *x, int n, int length, int k, int d, tw_tensor *h, tw_tensor *c,
                          tw_tensor **y, tw_tensor **hn, tw_tensor **cn) {
    const int T = x->dim[0], H = m->H;
    tw_tensor *w_ih = weight("weight_ih", k, d), *w_hh = weight("weight_hh", k, d);
    tw_tensor *b_ih = weight("bias_ih", k, d), *b_hh = weight("bias_hh", k, d);
    tw_tensor **out = tw_alloc(ctx, (size_t)(length + 1) * sizeof(tw_tensor *));
    for (int s = 0; s < length; s++) {
        const int t = d ? length - 1 - s : s;
        tw_tensor *frame = tw_slice(ctx, tw_slice(ctx, x, 0, t, t + 1), 1, n, n + 1);
        frame = tw_reshape(ctx, frame, 2, (int[]){1, x->dim[2]});
        tw_tensor *z = tw_add(ctx, tw_matmul(ctx, frame, false, w_ih, true), tw_matmul(ctx, h, false, w_hh, true));
        if (b_ih) z = tw_add(ctx, tw_add(ctx, z, b_ih), b_hh);
        tw_tensor *i = tw_sigmoid(ctx, gate(z, H, 0)), *f = tw_sigmoid(ctx, gate(z, H, 1));
        tw_tensor *g = tw_tanh(ctx, gate(z, H, 2)), *o = tw_sigmoid(ctx, gate(z, H, 3));
        c = tw_add(ctx, tw_mul(ctx, f, c), tw_mul(ctx, i, g));
        h = tw_mul(ctx, o, tw_tanh(ctx, c));
        out[t] = tw_reshape(ctx, h, 3, (int[]){1, 1, H});
    }
    out[length] = zeros(3, (int[]){T - length, 1, H});
    *y = tw_concat(ctx, length + 1, out, 0);
    *hn = tw_reshape(ctx, h, 3, (int[]){1, 1, H});
    *cn = tw_reshape(ctx, c, 3, (int[]){1, 1, H});
}

static tw_tensor *oracle(const model *m, tw_tensor *x, tw_labels lengths, const tw_lstm_state *initial,
                         tw_lstm_state *final) {
    enum { MOST = 64 };
    tw_tensor *hn[MOST], *cn[MOST];
    const int N = x->dim[1];
    cr_assert(N <= MOST && m->layers * m->directions <= MOST);
    for (int k = 0; k < m->layers; k++) {
        tw_tensor *half[2];
        for (int d = 0; d < m->directions; d++) {
            tw_tensor *y[MOST], *h[MOST], *c[MOST];
            const int r = k * m->directions + d;
            for (int n = 0; n < N; n++)
                oracle_sample(m, x, n, lengths.v ? lengths.v[n] : x->dim[0], k, d,
                              start(initial ? initial->h : NULL, m->H, r, n),
                              start(initial ? initial->c : NULL, m->H, r, n), &y[n], &h[n], &c[n]);
            half[d] = tw_concat(ctx, N, y, 1);
            hn[r] = tw_concat(ctx, N, h, 1);
            cn[r] = tw_concat(ctx, N, c, 1);
        }
        x = tw_concat(ctx, m->directions, half, 2);
    }
    final->h = tw_concat(ctx, m->layers * m->directions, hn, 0);
    final->c = tw_concat(ctx, m->layers * m->directions, cn, 0);
    return x;
}

/* ---- everything a step computes, as one array ------------------------------------------------------------- */

typedef struct batch {
    int T, N;
    tw_real *x, *h, *c;
    const int32_t *lengths; /* NULL: all T */
} batch;

static batch batch_new(const model *m, int T, int N, const int32_t *lengths) {
    const size_t state = (size_t)(m->layers * m->directions * N * m->H);
    return (batch){T,
                   N,
                   random_reals((size_t)(T * N * m->D), 1, -2, 2),
                   random_reals(state, 2, -1, 1),
                   random_reals(state, 3, -2, 2),
                   lengths};
}

static void batch_free(batch *b) {
    free(b->x);
    free(b->h);
    free(b->c);
}

typedef struct snapshot {
    tw_real *v;
    size_t n;
} snapshot;

static void append(snapshot *s, const tw_real *v, size_t n) {
    if (!n) return;
    s->v = realloc(s->v, (s->n + n) * sizeof *s->v);
    if (v) memcpy(s->v + s->n, v, n * sizeof *v);
    else memset(s->v + s->n, 0, n * sizeof *v);
    s->n += n;
}

/* What no path leads to has no gradient in this step: zeros. */
static void append_grad(snapshot *s, const tw_tensor *t, uint64_t step) {
    append(s, t->grad_step == step ? t->grad : NULL, t->size);
}

typedef enum variant { FUSED, PRIMITIVES } variant;

/* y, hn, cn, then the gradients of x, h0, c0 and every parameter for a random upstream of y, hn and cn. */
static snapshot run(const model *m, const batch *b, variant made_of) {
    snapshot s = {0};
    const int rows = m->layers * m->directions;
    const tw_labels lengths = {b->lengths, b->lengths ? (size_t)b->N : 0};
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, b->x, 3, (int[]){b->T, b->N, m->D});
    const tw_lstm_state initial = {tw_input_grad(ctx, b->h, 3, (int[]){rows, b->N, m->H}),
                                   tw_input_grad(ctx, b->c, 3, (int[]){rows, b->N, m->H})};
    tw_lstm_state final;
    tw_tensor *y = made_of == FUSED ? tw_lstm(ctx, m->layer, x, lengths, &initial, &final)
                                    : oracle(m, x, lengths, &initial, &final);
    assert_ok(ctx);
    tw_tensor *out[] = {y, final.h, final.c}, *flat[3];
    for (int i = 0; i < 3; i++) {
        append(&s, out[i]->data, out[i]->size);
        flat[i] = tw_reshape(ctx, out[i], 1, (int[]){(int)out[i]->size});
    }
    tw_tensor *whole = tw_concat(ctx, 3, flat, 0);
    tw_real *upstream = random_reals(whole->size, 4, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, whole, upstream), TW_OK, "%s", tw_errmsg(ctx));
    free(upstream);
    append_grad(&s, x, x->step);
    append_grad(&s, initial.h, x->step);
    append_grad(&s, initial.c, x->step);
    for (size_t i = 0; i < tw_params_count(params); i++) append_grad(&s, tw_params_at(params, i), x->step);
    return s;
}

static void compare(int T, int N, int D, int H, tw_lstm_options options, const int32_t *lengths) {
    model m = model_new(D, H, options);
    batch b = batch_new(&m, T, N, lengths);
    snapshot fused = run(&m, &b, FUSED), primitive = run(&m, &b, PRIMITIVES);
    cr_assert_eq(fused.n, primitive.n);
    assert_near(fused.v, primitive.v, fused.n, 2e-5);
    batch_free(&b);
    free(fused.v);
    free(primitive.v);
}

static const int32_t mixed[] = {3, 7, 1, 7, 0, 5, 2, 6, 7, 3, 4};
enum { MIXED = sizeof mixed / sizeof *mixed };

Test(lstm, equals_primitives) { compare(6, 3, 5, 4, (tw_lstm_options){0}, NULL); }
Test(lstm, equals_primitives_wide) { compare(3, 19, 37, 45, (tw_lstm_options){.bidirectional = true}, NULL); }
Test(lstm, equals_primitives_no_bias) { compare(4, 2, 3, 17, (tw_lstm_options){.no_bias = true, .layers = 2}, NULL); }
Test(lstm, equals_primitives_lengths) { compare(7, MIXED, 4, 9, (tw_lstm_options){0}, mixed); }
Test(lstm, equals_primitives_two_lengths) {
    compare(3, 2, 2, 3, (tw_lstm_options){.bidirectional = true}, (const int32_t[]){1, 3});
}
Test(lstm, equals_primitives_stack) {
    compare(7, MIXED, 4, 6, (tw_lstm_options){.layers = 3, .bidirectional = true}, mixed);
}
Test(lstm, equals_primitives_one) { compare(1, 1, 1, 1, (tw_lstm_options){0}, NULL); }
Test(lstm, equals_primitives_all_short) {
    compare(5, 3, 2, 3, (tw_lstm_options){.bidirectional = true}, (const int32_t[]){2, 2, 2});
}
Test(lstm, equals_primitives_without_frames) {
    compare(2, 2, 2, 3, (tw_lstm_options){.bidirectional = true}, (const int32_t[]){0, 0});
}

/* ---- lengths and padding ---------------------------------------------------------------------------------- */

Test(lstm, a_mixed_batch_equals_single_runs) {
    enum { T = 7, D = 5, H = 12 };
    model m = model_new(D, H, (tw_lstm_options){.layers = 2, .bidirectional = true});
    batch b = batch_new(&m, T, MIXED, mixed);
    tw_real dy[T * MIXED * 2 * H], y[T * MIXED * 2 * H], dx[T * MIXED * D];
    fill_random(dy, T * MIXED * 2 * H, 9, -1, 1);
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, b.x, 3, (int[]){T, MIXED, D});
    tw_tensor *whole = tw_lstm(ctx, m.layer, x, (tw_labels){mixed, MIXED}, NULL, NULL);
    assert_ok(ctx);
    memcpy(y, whole->data, sizeof y);
    cr_assert_eq(tw_backward_from(ctx, whole, dy), TW_OK);
    memcpy(dx, x->grad, sizeof dx);
    for (int n = 0; n < MIXED; n++) {
        const int length = mixed[n];
        tw_real own_x[T * D], own_dy[T * 2 * H];
        for (int t = 0; t < length; t++) {
            memcpy(own_x + t * D, b.x + (t * MIXED + n) * D, D * sizeof *own_x);
            memcpy(own_dy + t * 2 * H, dy + (t * MIXED + n) * 2 * H, 2 * H * sizeof *own_dy);
        }
        tw_step_begin(ctx);
        x = tw_input_grad(ctx, own_x, 3, (int[]){length, 1, D});
        tw_tensor *own = tw_lstm(ctx, m.layer, x, all, NULL, NULL);
        assert_ok(ctx);
        cr_assert_eq(tw_backward_from(ctx, own, own_dy), TW_OK);
        for (int t = 0; t < T; t++) {
            const tw_real zero[2 * H] = {0};
            assert_near(y + (t * MIXED + n) * 2 * H, t < length ? own->data + t * 2 * H : zero, 2 * H,
                        t < length ? 1e-6 : 0);
            assert_near(dx + (t * MIXED + n) * D, t < length ? x->grad + t * D : zero, D, t < length ? 2e-6 : 0);
        }
    }
    batch_free(&b);
}

/* NaN in the padding changes not one bit of anything, gradients included. */
Test(lstm, padding_is_never_read) {
    enum { T = 7, D = 5 };
    model m = model_new(D, 12, (tw_lstm_options){.layers = 2, .bidirectional = true});
    for (int even = 0; even < 2; even++) {
        int32_t lengths[MIXED];
        for (int n = 0; n < MIXED; n++) lengths[n] = even ? 4 : mixed[n];
        batch b = batch_new(&m, T, MIXED, lengths);
        snapshot clean = run(&m, &b, FUSED);
        for (int t = 0; t < T; t++)
            for (int n = 0; n < MIXED; n++)
                for (int j = 0; t >= lengths[n] && j < D; j++) b.x[(t * MIXED + n) * D + j] = (tw_real)NAN;
        snapshot dirty = run(&m, &b, FUSED);
        cr_assert(!memcmp(clean.v, dirty.v, clean.n * sizeof *clean.v));
        const size_t y = (size_t)(T * MIXED * 2 * 12), state = (size_t)(4 * MIXED * 12);
        const tw_real *dx = dirty.v + y + 2 * state;
        for (size_t i = 0; i < dirty.n; i++) cr_assert(isfinite(dirty.v[i]));
        for (int t = 0; t < T; t++)
            for (int n = 0; n < MIXED; n++)
                for (int j = 0; t >= lengths[n] && j < D; j++) cr_assert(dx[(t * MIXED + n) * D + j] == 0);
        batch_free(&b);
        free(clean.v);
        free(dirty.v);
    }
}

/* A second use of x, h0 and c0 adds to their gradients, in padding too. */
Test(lstm, gradients_add_up) {
    enum { T = 3, N = 2, D = 2, H = 3 };
    static const int32_t lengths[N] = {3, 1};
    model m = model_new(D, H, (tw_lstm_options){0});
    for (int even = 0; even < 2; even++) {
        tw_real alone[3][T * N * D];
        for (int both = 0; both < 2; both++) {
            tw_step_begin(ctx);
            tw_tensor *leaf[] = {random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D}),
                                 random_leaf(ctx, 2, -1, 1, 3, (int[]){1, N, H}),
                                 random_leaf(ctx, 3, -1, 1, 3, (int[]){1, N, H})};
            tw_tensor *y = tw_lstm(ctx, m.layer, leaf[0], even ? all : (tw_labels){lengths, N},
                                   &(tw_lstm_state){leaf[1], leaf[2]}, NULL);
            tw_tensor *loss = tw_sum(ctx, y, 0, NULL, false);
            for (int k = 0; both && k < 3; k++)
                loss = tw_add(ctx, loss, tw_scale(ctx, tw_sum(ctx, leaf[k], 0, NULL, false), 10));
            cr_assert_eq(tw_backward(ctx, loss), TW_OK);
            for (int k = 0; k < 3; k++)
                for (size_t i = 0; i < leaf[k]->size; i++) {
                    if (!both) alone[k][i] = leaf[k]->grad[i];
                    else cr_assert(near(leaf[k]->grad[i], alone[k][i] + 10, 1e-5));
                }
        }
    }
}

Test(lstm, only_the_final_state_used) {
    enum { T = 4, N = 3, D = 2, H = 3 };
    static const int32_t lengths[N] = {2, 4, 3};
    model m = model_new(D, H, (tw_lstm_options){0});
    tw_lstm_state final;
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D});
    tw_tensor *y = tw_lstm(ctx, m.layer, x, (tw_labels){lengths, N}, NULL, &final);
    for (int n = 0; n < N; n++) assert_near(final.h->data + n * H, y->data + ((lengths[n] - 1) * N + n) * H, H, 0);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, final.c, 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
    for (int n = 0; n < N; n++) cr_assert(x->grad[((lengths[n] - 1) * N + n) * D] != 0);
}

/* ---- sizes that are 0 ------------------------------------------------------------------------------------- */

Test(lstm, nothing_to_do) {
    static const int size[][2] = {{0, 3}, {4, 0}, {0, 0}};
    model m = model_new(2, 3, (tw_lstm_options){.layers = 2, .bidirectional = true});
    for (int i = 0; i < 3; i++) {
        const int T = size[i][0], N = size[i][1];
        batch b = batch_new(&m, T, N, NULL);
        snapshot s = run(&m, &b, FUSED);
        /* y is empty, hn = h0, and dh0 is what came from hn; the parameters get gradients of 0 */
        const size_t state = (size_t)(4 * N * 3);
        cr_assert(!state || !memcmp(s.v, b.h, state * sizeof *b.h));
        cr_assert(!state || !memcmp(s.v + state, b.c, state * sizeof *b.c));
        for (size_t j = 4 * state; j < s.n; j++) cr_assert(s.v[j] == 0);
        batch_free(&b);
        free(s.v);
    }
}

/* ---- threads and modes ------------------------------------------------------------------------------- */

Test(lstm, same_bits_for_any_number_of_threads) {
    enum { N = 37 };
    int32_t lengths[N];
    for (int n = 0; n < N; n++) lengths[n] = 1 + n * 7 % 20;
    model m = model_new(48, 64, (tw_lstm_options){.layers = 2, .bidirectional = true});
    batch b = batch_new(&m, 20, N, lengths);
    tw_set_threads(ctx, 1);
    snapshot one = run(&m, &b, FUSED);
    for (int threads = 2; threads <= 3; threads++) {
        tw_set_threads(ctx, threads);
        snapshot more = run(&m, &b, FUSED);
        cr_assert(!memcmp(one.v, more.v, one.n * sizeof *one.v), "%d threads differ", threads);
        free(more.v);
    }
    batch_free(&b);
    free(one.v);
}

Test(lstm, values_do_not_depend_on_recording) {
    model m = model_new(5, 12, (tw_lstm_options){.layers = 2, .bidirectional = true, .dropout = 0.5});
    batch b = batch_new(&m, 7, MIXED, mixed);
    tw_set_training(ctx, false); /* no dropout */
    tw_real *kept[3] = {NULL};
    for (int recording = 1; recording >= 0; recording--) {
        tw_set_recording(ctx, recording);
        tw_step_begin(ctx);
        tw_lstm_state final;
        tw_tensor *x = tw_input(ctx, b.x, 3, (int[]){7, MIXED, 5});
        tw_tensor *y = tw_lstm(ctx, m.layer, x, (tw_labels){mixed, MIXED}, NULL, &final);
        assert_ok(ctx);
        tw_tensor *out[3] = {y, final.h, final.c};
        for (int i = 0; i < 3; i++) {
            const size_t bytes = out[i]->size * sizeof(tw_real);
            if (recording) kept[i] = memcpy(malloc(bytes), out[i]->data, bytes);
            else cr_assert(!memcmp(kept[i], out[i]->data, bytes));
            cr_assert(out[i]->requires_grad == recording);
        }
    }
    for (int i = 0; i < 3; i++) free(kept[i]);
    batch_free(&b);
}

/* Dropout lies between the layers: none with a single one, none on the last output, different in each step. */
Test(lstm, dropout_is_between_layers) {
    tw_real *x = random_reals(6 * 2 * 3, 1, -1, 1), first[6 * 2 * 20];
    for (int layers = 1; layers <= 2; layers++) {
        tw_layer *l = tw_lstm_new(params, layers == 1 ? "one" : "two", 3, 20,
                                  &(tw_lstm_options){.layers = layers, .dropout = 0.5});
        for (int step = 0; step < 2; step++) {
            tw_step_begin(ctx);
            tw_tensor *y = tw_forward(ctx, l, tw_input(ctx, x, 3, (int[]){6, 2, 3}));
            assert_ok(ctx);
            for (size_t i = 0; i < y->size; i++) cr_assert(y->data[i] != 0);
            if (step) cr_assert(!memcmp(first, y->data, sizeof first) == (layers == 1));
            memcpy(first, y->data, sizeof first);
        }
    }
    free(x);
}

/* lengths may be gone by the time of backward: the caller's array was copied. */
Test(lstm, lengths_are_copied) {
    enum { T = 3, N = 2, D = 2 };
    model m = model_new(D, 3, (tw_lstm_options){0});
    tw_real want[T * N * D];
    for (int spoil = 0; spoil < 2; spoil++) {
        int32_t lengths[N] = {1, 3};
        tw_step_begin(ctx);
        tw_tensor *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D});
        tw_tensor *y = tw_lstm(ctx, m.layer, x, (tw_labels){lengths, N}, NULL, NULL);
        if (spoil) lengths[0] = lengths[1] = 1000000;
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK);
        if (!spoil) memcpy(want, x->grad, sizeof want);
        else assert_near(x->grad, want, T * N * D, 0);
    }
}

/* Sharing weights between the directions: both add to one gradient. */
Test(lstm, tied_directions) {
    enum { T = 3, N = 2, D = 2, H = 3 };
    model m = model_new(D, H, (tw_lstm_options){.bidirectional = true});
    static const char *const kind[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    tw_real untied[2][4 * H * H];
    for (int tied = 0; tied < 2; tied++) {
        for (int i = 0; i < 4; i++) {
            tw_tensor *from = weight(kind[i], 0, 0), *to = weight(kind[i], 0, 1);
            memcpy(to->data, from->data, to->size * sizeof *to->data);
            if (tied) cr_assert_eq(tw_params_tie(params, to->name, from->name), TW_OK);
        }
        tw_step_begin(ctx);
        tw_tensor *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D});
        tw_tensor *y = tw_lstm(ctx, m.layer, x, all, NULL, NULL);
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK);
        if (!tied)
            for (int d = 0; d < 2; d++) memcpy(untied[d], weight("weight_hh", 0, d)->grad, sizeof untied[d]);
        else
            for (int i = 0; i < 4 * H * H; i++)
                cr_assert(near(weight("weight_hh", 0, 0)->grad[i], untied[0][i] + untied[1][i], 1e-6));
    }
}

/* ---- making it -------------------------------------------------------------------------------------------- */

Test(lstm, parameters_are_pytorchs) {
    static const char *const name[] = {
        "lstm.weight_ih_l0",         "lstm.weight_hh_l0",         "lstm.bias_ih_l0",         "lstm.bias_hh_l0",
        "lstm.weight_ih_l0_reverse", "lstm.weight_hh_l0_reverse", "lstm.bias_ih_l0_reverse", "lstm.bias_hh_l0_reverse",
        "lstm.weight_ih_l1",         "lstm.weight_hh_l1",         "lstm.bias_ih_l1",         "lstm.bias_hh_l1",
        "lstm.weight_ih_l1_reverse", "lstm.weight_hh_l1_reverse", "lstm.bias_ih_l1_reverse", "lstm.bias_hh_l1_reverse"};
    enum { D = 3, H = 25 };
    model_new(D, H, (tw_lstm_options){.layers = 2, .bidirectional = true});
    cr_assert_eq(tw_params_count(params), sizeof name / sizeof *name);
    for (int i = 0; i < 16; i++) {
        tw_tensor *p = tw_params_at(params, (size_t)i);
        cr_assert_str_eq(p->name, name[i]);
        const int in = i % 4 == 1 ? H : i < 8 ? D : 2 * H;
        assert_tensor(ctx, p, i % 4 < 2 ? 2 : 1, ((int[]){4 * H, in}), NULL, 0);
        double largest = 0;
        for (int j = 0; j < (int)p->size; j++) {
            const bool forget = i % 4 >= 2 && j >= H && j < 2 * H;
            if (forget) cr_assert(p->data[j] == (i % 4 == 2 ? 1 : 0));
            else largest = fmax(largest, fabs((double)p->data[j]));
        }
        cr_assert(largest <= 1.0 / 5 && largest > 0.9 / 5, "%s reaches %g", p->name, largest);
    }
}

Test(lstm, initialisation_options) {
    tw_lstm_new(params, "plain", 3, 100, &(tw_lstm_options){.plain_forget_bias = true});
    tw_tensor *b = tw_params_find(params, "plain.bias_ih_l0");
    bool any = false;
    for (int j = 100; j < 200; j++) {
        cr_assert(fabs((double)b->data[j]) <= 0.1);
        any = any || b->data[j] != 0;
    }
    cr_assert(any);
    tw_lstm_new(params, "given", 3, 4, &(tw_lstm_options){.init = {TW_INIT_CONSTANT, 0.25}});
    for (int j = 0; j < 16; j++) {
        cr_assert(tw_params_find(params, "given.weight_hh_l0")->data[j] == (tw_real)0.25);
        cr_assert(tw_params_find(params, "given.bias_ih_l0")->data[j] == (j / 4 == 1));
        cr_assert(tw_params_find(params, "given.bias_hh_l0")->data[j] == 0);
    }
    tw_lstm_new(params, "bare", 3, 4, &(tw_lstm_options){.no_bias = true});
    cr_assert_null(tw_params_find(params, "bare.bias_ih_l0"));
    assert_ok(ctx);
}

/* ---- errors ----------------------------------------------------------------------------------------------- */

Test(lstm, bad_options) {
    cr_assert_null(tw_lstm_new(NULL, "l", 1, 1, NULL));
    assert_ok(ctx);
    cr_assert_null(tw_lstm_new(params, "l", 0, 4, NULL));
    assert_error(ctx, TW_ERR_RANGE, "lstm: sizes are at least 1: input 0, hidden 4");
    cr_assert_null(tw_lstm_new(params, "l", 4, -1, NULL));
    assert_error(ctx, TW_ERR_RANGE, "hidden -1");
    cr_assert_null(tw_lstm_new(params, "l", 4, 1 << 30, NULL));
    assert_error(ctx, TW_ERR_RANGE, "hidden is at most");
    cr_assert_null(tw_lstm_new(params, "l", 4, 4, &(tw_lstm_options){.layers = -1}));
    assert_error(ctx, TW_ERR_RANGE, "layers");
    cr_assert_null(tw_lstm_new(params, "l", 4, 4, &(tw_lstm_options){.dropout = 1.5}));
    assert_error(ctx, TW_ERR_RANGE, "dropout");
    cr_assert_null(tw_lstm_new(params, "l", 4, 4, &(tw_lstm_options){.dropout = NAN}));
    assert_error(ctx, TW_ERR_RANGE, "dropout");
    cr_assert_not_null(tw_lstm_new(params, "l", 4, 4, NULL));
    cr_assert_null(tw_lstm_new(params, "l", 4, 4, NULL));
    assert_error(ctx, TW_ERR_RANGE, "l.weight_ih_l0");
}

Test(lstm, bad_inputs) {
    enum { T = 4, N = 2, D = 3, H = 5 };
    model m = model_new(D, H, (tw_lstm_options){.bidirectional = true});
    static const int32_t good[N] = {1, 4}, long_one[N] = {1, 5}, negative[N] = {-1, 2};
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 3, (int[]){T, N, D}), "x");
    tw_tensor *state = tw_full(ctx, 0, 3, (int[]){2, N, H}), *wrong = tw_full(ctx, 0, 3, (int[]){1, N, H});
    tw_lstm_state final = {x, x};

    cr_assert_null(tw_lstm(ctx, m.layer, NULL, all, NULL, &final));
    cr_assert(!final.h && !final.c);
    cr_assert_null(tw_lstm(ctx, NULL, x, all, NULL, NULL));
    assert_ok(ctx);
    cr_assert_null(tw_lstm(ctx, m.layer, tw_full(ctx, 1, 2, (int[]){T, D}), all, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the input is [T,N,D], not [4,3]");
    cr_assert_null(tw_lstm(ctx, m.layer, tw_full(ctx, 1, 3, (int[]){T, N, 4}), all, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE,
                 "lstm: input has 4 features, the weight wants 3: [4,2,4], \"lstm.weight_ih_l0\" [20,3]");
    cr_assert_null(tw_lstm(ctx, m.layer, x, (tw_labels){good, 1}, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "1 lengths for 2 samples: \"x\" [4,2,3]");
    cr_assert_null(tw_lstm(ctx, m.layer, x, (tw_labels){NULL, N}, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "2 lengths at NULL");
    cr_assert_null(tw_lstm(ctx, m.layer, x, (tw_labels){long_one, N}, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "sample 1 has length 5, outside 0..4");
    cr_assert_null(tw_lstm(ctx, m.layer, x, (tw_labels){negative, N}, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "sample 0 has length -1");
    cr_assert_null(tw_lstm(ctx, m.layer, x, all, &(tw_lstm_state){wrong, state}, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the initial h is [2,2,5] for this input, not [1,2,5]");
    cr_assert_null(tw_lstm(ctx, m.layer, x, all, &(tw_lstm_state){state, wrong}, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the initial c is [2,2,5]");
    tw_layer *dense = tw_dense_new(params, "fc", D, 2, NULL);
    cr_assert_null(tw_lstm(ctx, dense, x, all, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "the layer is a dense");
    cr_assert_not_null(tw_lstm(ctx, m.layer, x, (tw_labels){good, N}, &(tw_lstm_state){NULL, NULL}, &final));
    assert_ok(ctx);
}
