/* test_rnn.c - the LSTM and the GRU against the same made of matmul, sigmoid and tanh, and what both promise: lengths,
 * padding, states, threads, modes. What only one of them has is in test_lstm.c and test_gru.c. */
#include "util_rnn.h"
#include "util_suite.h"

SUITE(rnn, 5);

static const tw_labels all = {NULL, 0};
static const int32_t mixed[] = {3, 7, 1, 7, 0, 5, 2, 6, 7, 3, 4};
enum { MIXED = sizeof mixed / sizeof *mixed };

static rnn made(rnn_kind kind, int D, int H, tw_lstm_options options) {
    rnn r = rnn_new(params, kind, "rnn", D, H, options);
    assert_ok(ctx);
    return r;
}
static tw_tensor *sum(tw_tensor *t) { return tw_sum(ctx, t, 0, NULL, false); }

/* ---- the same from primitives ----------------------------------------------------------------------------- */

static void compare(rnn_kind kind, int T, int N, int D, int H, tw_lstm_options options, const int32_t *lengths) {
    rnn r = made(kind, D, H, options);
    rnn_batch b = rnn_batch_new(&r, T, N, lengths);
    rnn_snapshot fused = rnn_step(ctx, &r, &b, rnn_call), primitive = rnn_step(ctx, &r, &b, rnn_oracle);
    cr_assert_eq(fused.n, primitive.n);
    assert_near(fused.v, primitive.v, fused.n, 2e-5);
    rnn_batch_free(&b);
    free(fused.v), free(primitive.v);
}

BOTH(rnn, equals_primitives) { compare(kind, 6, 3, 5, 4, (tw_lstm_options){0}, NULL); }
BOTH(rnn, equals_primitives_wide) { compare(kind, 3, 19, 37, 45, (tw_lstm_options){.bidirectional = true}, NULL); }
BOTH(rnn, equals_primitives_no_bias) {
    compare(kind, 4, 2, 3, 17, (tw_lstm_options){.no_bias = true, .layers = 2}, NULL);
}
BOTH(rnn, equals_primitives_lengths) { compare(kind, 7, MIXED, 4, 9, (tw_lstm_options){0}, mixed); }
BOTH(rnn, equals_primitives_two_lengths) {
    compare(kind, 3, 2, 2, 3, (tw_lstm_options){.bidirectional = true}, (const int32_t[]){1, 3});
}
BOTH(rnn, equals_primitives_stack) {
    compare(kind, 7, MIXED, 4, 6, (tw_lstm_options){.layers = 3, .bidirectional = true}, mixed);
}
BOTH(rnn, equals_primitives_one) { compare(kind, 1, 1, 1, 1, (tw_lstm_options){0}, NULL); }
BOTH(rnn, equals_primitives_all_short) {
    compare(kind, 5, 3, 2, 3, (tw_lstm_options){.bidirectional = true}, (const int32_t[]){2, 2, 2});
}
BOTH(rnn, equals_primitives_without_frames) {
    compare(kind, 2, 2, 2, 3, (tw_lstm_options){.bidirectional = true}, (const int32_t[]){0, 0});
}

/* ---- lengths and padding ---------------------------------------------------------------------------------- */

/* Each sample of a batch is what it is alone, and so are its last states. */
static void check_alone(const rnn *r, int T, int N, const int32_t *lengths) {
    const int D = r->D, H = r->H, wide = r->directions * H, rows = r->layers * r->directions;
    rnn_batch b = rnn_batch_new(r, T, N, lengths);
    const size_t size = (size_t)(T * N * wide);
    tw_real *dy = random_reals(size, 9, -1, 1), *y = malloc(size * sizeof *y), *last[2];
    tw_step_begin(ctx);
    tw_tensor *end[2], *x = tw_input_grad(ctx, b.x, 3, (int[]){T, N, D});
    tw_tensor *whole = rnn_call(ctx, r, x, rnn_lengths(&b), NULL, end);
    assert_ok(ctx);
    memcpy(y, whole->data, size * sizeof *y);
    for (int s = 0; s < r->states; s++)
        last[s] = memcpy(malloc(end[s]->size * sizeof *y), end[s]->data, end[s]->size * sizeof *y);
    cr_assert_eq(tw_backward_from(ctx, whole, dy), TW_OK);
    tw_real *dx = memcpy(malloc(x->size * sizeof *dx), x->grad, x->size * sizeof *dx);
    for (int n = 0; n < N; n++) {
        const int length = lengths[n];
        tw_real own_x[7 * 8], own_dy[7 * 32];
        cr_assert(T <= 7 && D <= 8 && wide <= 32);
        for (int t = 0; t < length; t++) {
            memcpy(own_x + t * D, b.x + (t * N + n) * D, (size_t)D * sizeof *own_x);
            memcpy(own_dy + t * wide, dy + (t * N + n) * wide, (size_t)wide * sizeof *own_dy);
        }
        tw_step_begin(ctx);
        x = tw_input_grad(ctx, own_x, 3, (int[]){length, 1, D});
        tw_tensor *own = rnn_call(ctx, r, x, all, NULL, end);
        assert_ok(ctx);
        cr_assert_eq(tw_backward_from(ctx, own, own_dy), TW_OK);
        for (int t = 0; t < T; t++) {
            const tw_real zero[32] = {0};
            const bool there = t < length;
            assert_near(y + (t * N + n) * wide, there ? own->data + t * wide : zero, (size_t)wide, there ? 1e-6 : 0);
            assert_near(dx + (t * N + n) * D, there ? x->grad + t * D : zero, (size_t)D, there ? 2e-6 : 0);
        }
        for (int s = 0; s < r->states; s++)
            for (int row = 0; row < rows; row++)
                assert_near(last[s] + (row * N + n) * H, end[s]->data + row * H, (size_t)H, 1e-6);
    }
    rnn_batch_free(&b);
    free(dy), free(y), free(dx);
    for (int s = 0; s < r->states; s++) free(last[s]);
}

BOTH(rnn, a_mixed_batch_equals_single_runs) {
    static const int32_t different[] = {3, 0, 7, 1, 5, 2, 4, 6};
    rnn r = made(kind, 5, 12, (tw_lstm_options){.layers = 2, .bidirectional = true});
    check_alone(&r, 7, MIXED, mixed);
    check_alone(&r, 7, 8, different);
}

/* NaN in the padding changes not one bit of anything, gradients included. */
BOTH(rnn, padding_is_never_read) {
    enum { T = 7, D = 5, H = 12 };
    rnn r = made(kind, D, H, (tw_lstm_options){.layers = 2, .bidirectional = true});
    for (int even = 0; even < 2; even++) {
        int32_t lengths[MIXED];
        for (int n = 0; n < MIXED; n++) lengths[n] = even ? 4 : mixed[n];
        rnn_batch b = rnn_batch_new(&r, T, MIXED, lengths);
        rnn_snapshot clean = rnn_step(ctx, &r, &b, rnn_call);
        for (int t = 0; t < T; t++)
            for (int n = 0; n < MIXED; n++)
                for (int j = 0; t >= lengths[n] && j < D; j++) b.x[(t * MIXED + n) * D + j] = (tw_real)NAN;
        rnn_snapshot dirty = rnn_step(ctx, &r, &b, rnn_call);
        for (size_t i = 0; i < clean.n; i++) cr_assert(isfinite(clean.v[i]));
        cr_assert(!memcmp(clean.v, dirty.v, clean.n * sizeof *clean.v));
        const tw_real *y = dirty.v, *dx = y + T * MIXED * 2 * H + r.states * 4 * MIXED * H;
        for (int t = 0; t < T; t++)
            for (int n = 0; n < MIXED; n++) {
                for (int j = 0; t >= lengths[n] && j < 2 * H; j++) cr_assert(y[(t * MIXED + n) * 2 * H + j] == 0);
                for (int j = 0; t >= lengths[n] && j < D; j++) cr_assert(dx[(t * MIXED + n) * D + j] == 0);
            }
        rnn_batch_free(&b);
        free(clean.v), free(dirty.v);
    }
}

/* lengths may be gone by the time of backward: the caller's array was copied. */
BOTH(rnn, lengths_are_copied) {
    enum { T = 3, N = 2, D = 2 };
    rnn r = made(kind, D, 3, (tw_lstm_options){0});
    tw_real want[T * N * D];
    for (int spoil = 0; spoil < 2; spoil++) {
        int32_t lengths[N] = {1, 3};
        tw_step_begin(ctx);
        tw_tensor *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D});
        tw_tensor *y = rnn_call(ctx, &r, x, (tw_labels){lengths, N}, NULL, NULL);
        if (spoil) lengths[0] = lengths[1] = 1000000;
        cr_assert_eq(tw_backward(ctx, sum(y)), TW_OK);
        if (!spoil) memcpy(want, x->grad, sizeof want);
        else assert_near(x->grad, want, T * N * D, 0);
    }
}

/* What has no frames is not moved: the last states are the first ones, the gradients of these what came from those, and
 * no weight gets anything. T, N and lengths say so in three ways. */
BOTH(rnn, nothing_to_read) {
    static const int size[][2] = {{0, 3}, {4, 0}, {0, 0}, {0, 2}, {5, 2}};
    static const int32_t empty[2] = {0, 0};
    enum { D = 2, H = 3 };
    rnn r = made(kind, D, H, (tw_lstm_options){.layers = 2, .bidirectional = true});
    for (int i = 0; i < 5; i++) {
        const int T = size[i][0], N = size[i][1];
        rnn_batch b = rnn_batch_new(&r, T, N, i >= 3 ? empty : NULL);
        rnn_snapshot s = rnn_step(ctx, &r, &b, rnn_call);
        const size_t y = (size_t)(T * N * 2 * H), state = (size_t)(4 * N * H), x = (size_t)(T * N * D);
        tw_real *upstream = random_reals(y + (size_t)r.states * state, 4, -1, 1); /* as in rnn_step */
        const tw_real *last = s.v + y, *dx = last + (size_t)r.states * state, *first = dx + x;
        for (size_t j = 0; j < y; j++) cr_assert(s.v[j] == 0);
        for (size_t j = 0; j < x; j++) cr_assert(dx[j] == 0);
        for (int k = 0; state && k < r.states; k++) {
            cr_assert_arr_eq(last + (size_t)k * state, b.state[k], state * sizeof *last);
            cr_assert_arr_eq(first + (size_t)k * state, upstream + y + (size_t)k * state, state * sizeof *first);
        }
        for (size_t j = y + x + 2 * (size_t)r.states * state; j < s.n; j++) cr_assert(s.v[j] == 0);
        rnn_batch_free(&b);
        free(s.v), free(upstream);
    }
}

/* ---- gradients and states ------------------------------------------------------------------------------------ */

/* A second use of x and the first states adds to their gradients, in padding too. */
BOTH(rnn, gradients_add_up) {
    enum { T = 3, N = 2, D = 2, H = 3 };
    static const int32_t lengths[N] = {3, 1};
    rnn r = made(kind, D, H, (tw_lstm_options){0});
    for (int even = 0; even < 2; even++) {
        tw_real alone[3][T * N * D];
        for (int both = 0; both < 2; both++) {
            tw_step_begin(ctx);
            tw_tensor *leaf[3] = {random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D})};
            for (int s = 0; s < r.states; s++)
                leaf[1 + s] = random_leaf(ctx, 2 + (uint64_t)s, -1, 1, 3, (int[]){1, N, H});
            tw_tensor *y = rnn_call(ctx, &r, leaf[0], even ? all : (tw_labels){lengths, N}, leaf + 1, NULL);
            tw_tensor *loss = sum(y);
            for (int k = 0; both && k <= r.states; k++) loss = tw_add(ctx, loss, tw_scale(ctx, sum(leaf[k]), 10));
            cr_assert_eq(tw_backward(ctx, loss), TW_OK);
            for (int k = 0; k <= r.states; k++)
                for (size_t i = 0; i < leaf[k]->size; i++) {
                    if (!both) alone[k][i] = leaf[k]->grad[i];
                    else cr_assert(near((double)leaf[k]->grad[i], (double)alone[k][i] + 10, 1e-5));
                }
        }
    }
}

BOTH(rnn, only_the_last_state_is_used) {
    enum { T = 4, N = 3, D = 2, H = 3 };
    static const int32_t lengths[N] = {2, 4, 3};
    rnn r = made(kind, D, H, (tw_lstm_options){0});
    tw_tensor *last[2], *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D});
    tw_tensor *y = rnn_call(ctx, &r, x, (tw_labels){lengths, N}, NULL, last);
    for (int n = 0; n < N; n++) assert_near(last[0]->data + n * H, y->data + ((lengths[n] - 1) * N + n) * H, H, 0);
    cr_assert_eq(tw_backward(ctx, sum(last[r.states - 1])), TW_OK, "%s", tw_errmsg(ctx));
    for (int n = 0; n < N; n++) cr_assert(x->grad[((lengths[n] - 1) * N + n) * D] != 0);
}

/* A sequence in two pieces, the states handed over, is the sequence. */
BOTH(rnn, states_continue) {
    enum { T = 6, N = 3, D = 4, H = 5 };
    rnn r = made(kind, D, H, (tw_lstm_options){.layers = 2});
    rnn_batch b = rnn_batch_new(&r, T, N, NULL);
    tw_tensor *x = tw_input(ctx, b.x, 3, (int[]){T, N, D}), *end[2], *half[2], *last[2];
    tw_tensor *whole = rnn_call(ctx, &r, x, all, NULL, end);
    tw_tensor *first = rnn_call(ctx, &r, tw_slice(ctx, x, 0, 0, 2), all, NULL, half);
    tw_tensor *rest = rnn_call(ctx, &r, tw_slice(ctx, x, 0, 2, T), all, half, last);
    assert_ok(ctx);
    assert_near(first->data, whole->data, first->size, 1e-6);
    assert_near(rest->data, whole->data + first->size, rest->size, 1e-6);
    for (int s = 0; s < r.states; s++) assert_near(last[s]->data, end[s]->data, end[s]->size, 1e-6);
    rnn_batch_free(&b);
}

/* Sharing weights between the directions: both add to one gradient. */
BOTH(rnn, tied_directions) {
    enum { T = 3, N = 2, D = 2, H = 3 };
    rnn r = made(kind, D, H, (tw_lstm_options){.bidirectional = true});
    static const char *const what[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const int n = r.gates * H * H;
    tw_real untied[2][4 * H * H];
    for (int tied = 0; tied < 2; tied++) {
        for (int i = 0; i < 4; i++) {
            tw_tensor *from = rnn_weight(&r, what[i], 0, 0), *to = rnn_weight(&r, what[i], 0, 1);
            memcpy(to->data, from->data, to->size * sizeof *to->data);
            if (tied) cr_assert_eq(tw_params_tie(params, to->name, from->name), TW_OK);
        }
        tw_step_begin(ctx);
        tw_tensor *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D});
        cr_assert_eq(tw_backward(ctx, sum(rnn_call(ctx, &r, x, all, NULL, NULL))), TW_OK);
        const tw_tensor *w = rnn_weight(&r, "weight_hh", 0, 0);
        for (int d = 0; d < 2 && !tied; d++)
            memcpy(untied[d], rnn_weight(&r, "weight_hh", 0, d)->grad, (size_t)n * sizeof *w->grad);
        for (int i = 0; i < n && tied; i++) cr_assert(near(w->grad[i], untied[0][i] + untied[1][i], 1e-6));
    }
}

/* ---- threads and modes ------------------------------------------------------------------------------- */

BOTH(rnn, same_bits_for_any_number_of_threads) {
    enum { N = 37 };
    int32_t lengths[N];
    for (int n = 0; n < N; n++) lengths[n] = 1 + n * 7 % 20;
    rnn r = made(kind, 48, 64, (tw_lstm_options){.layers = 2, .bidirectional = true});
    rnn_batch b = rnn_batch_new(&r, 20, N, lengths);
    tw_set_threads(ctx, 1);
    rnn_snapshot one = rnn_step(ctx, &r, &b, rnn_call);
    for (int threads = 2; threads <= 3; threads++) {
        tw_set_threads(ctx, threads);
        rnn_snapshot more = rnn_step(ctx, &r, &b, rnn_call);
        cr_assert(!memcmp(one.v, more.v, one.n * sizeof *one.v), "%d threads differ", threads);
        free(more.v);
    }
    rnn_batch_free(&b);
    free(one.v);
}

BOTH(rnn, values_do_not_depend_on_recording) {
    rnn r = made(kind, 5, 12, (tw_lstm_options){.layers = 2, .bidirectional = true, .dropout = 0.5});
    rnn_batch b = rnn_batch_new(&r, 7, MIXED, mixed);
    tw_set_training(ctx, false); /* no dropout */
    tw_real *kept[3] = {NULL};
    for (int recording = 1; recording >= 0; recording--) {
        tw_set_recording(ctx, recording);
        tw_step_begin(ctx);
        tw_tensor *out[3];
        out[0] = rnn_call(ctx, &r, tw_input(ctx, b.x, 3, (int[]){7, MIXED, 5}), rnn_lengths(&b), NULL, out + 1);
        assert_ok(ctx);
        for (int i = 0; i <= r.states; i++) {
            const size_t bytes = out[i]->size * sizeof(tw_real);
            if (recording) kept[i] = memcpy(malloc(bytes), out[i]->data, bytes);
            else cr_assert(!memcmp(kept[i], out[i]->data, bytes));
            cr_assert(out[i]->requires_grad == recording);
        }
    }
    for (int i = 0; i < 3; i++) free(kept[i]);
    rnn_batch_free(&b);
}

/* Dropout lies between the layers: none with a single one, none on the last output, different in each step. */
BOTH(rnn, dropout_is_between_layers) {
    enum { T = 6, N = 2, D = 3, H = 20 };
    tw_real *x = random_reals(T * N * D, 1, -1, 1), first[T * N * H];
    for (int layers = 1; layers <= 2; layers++) {
        tw_params *own = tw_params_new(ctx);
        rnn r = rnn_new(own, kind, "rnn", D, H, (tw_lstm_options){.layers = layers, .dropout = 0.5});
        for (int step = 0; step < 2; step++) {
            tw_step_begin(ctx);
            tw_tensor *y = tw_forward(ctx, r.layer, tw_input(ctx, x, 3, (int[]){T, N, D}));
            assert_ok(ctx);
            for (size_t i = 0; i < y->size; i++) cr_assert(y->data[i] != 0);
            if (step) cr_assert(!memcmp(first, y->data, sizeof first) == (layers == 1));
            memcpy(first, y->data, sizeof first);
        }
        tw_params_free(own);
    }
    free(x);
}
