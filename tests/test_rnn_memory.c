/* test_rnn_memory.c - the LSTM, the GRU and the allocator: silent once warm, and any failure is reported. */
#include "util_allocator.h"
#include "util_rnn.h"

enum { T = 40, N = 9, D = 6, H = 10 };

static rnn two_layers(tw_params *params, rnn_kind kind) {
    return rnn_new(params, kind, "rnn", D, H, (tw_lstm_options){.layers = 2, .bidirectional = true, .dropout = 0.3});
}

static tw_err step(tw_ctx *ctx, const rnn *r, const tw_real *x, int t, const int32_t *lengths) {
    tw_step_begin(ctx);
    tw_tensor *last[2] = {NULL};
    tw_tensor *y = rnn_call(ctx, r, tw_input_grad(ctx, x, 3, (int[]){t, N, D}), (tw_labels){lengths, N}, NULL, last);
    tw_tensor *state = tw_sum(ctx, last[r->states - 1], 0, NULL, false);
    return tw_backward(ctx, tw_add(ctx, tw_sum(ctx, y, 0, NULL, false), state));
}

BOTH(rnn_memory, warm_steps_allocate_nothing) {
    counted c = {0};
    tw_ctx *ctx = counted_ctx(&c, 0);
    tw_params *params = tw_params_new(ctx);
    rnn r = two_layers(params, kind);
    tw_real *x = random_reals(T * N * D, 1, -1, 1);
    long warm = 0;
    for (int k = 0; k < 60; k++) {
        const int t = k < 3 ? T : (int)(tw_random_bits(1, (uint64_t)k) % (T + 1));
        int32_t lengths[N];
        for (int n = 0; n < N; n++) /* the first steps are the largest: almost full, but not even */
            lengths[n] = k < 3 ? t - (n == 0) : (int32_t)(tw_random_bits(2, (uint64_t)(k * N + n)) % (uint64_t)(t + 1));
        cr_assert_eq(step(ctx, &r, x, t, lengths), TW_OK, "%s", tw_errmsg(ctx));
        if (k == 3) warm = c.calls;
    }
    cr_assert_eq(c.calls, warm, "%ld calls of the allocator after the warm-up", c.calls - warm);
    free(x);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

BOTH(rnn_memory, any_failed_allocation_is_reported_and_leaks_nothing) {
    static const int32_t lengths[N] = {40, 3, 0, 17, 40, 8, 21, 1, 30};
    tw_real *x = random_reals(T * N * D, 1, -1, 1);
    bool done = false;
    for (long k = 0; !done; k++) {
        counted c = {0};
        counted_fail_after(&c, k);
        tw_ctx *ctx = counted_ctx(&c, 0);
        if (!ctx) continue;
        tw_params *params = tw_params_new(ctx);
        if (params) {
            rnn r = two_layers(params, kind);
            done = !step(ctx, &r, x, T, lengths);
            cr_assert(done || tw_error(ctx) == TW_ERR_NOMEM, "allocation %ld: %s", k, tw_errmsg(ctx));
        }
        tw_params_free(params);
        tw_ctx_free(ctx);
        cr_assert_eq(c.blocks, 0, "allocation %ld", k);
    }
    free(x);
}
