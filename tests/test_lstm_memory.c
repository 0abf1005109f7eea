/* test_lstm_memory.c - the LSTM and the allocator: silent once warm, and any failure is reported. */
#include "util.h"

typedef struct allocator {
    int calls, allowed; /* allowed < 0: any number */
    long in_use;
} allocator;

static void *take(void *user, size_t size) {
    allocator *a = user;
    a->calls++;
    if (a->allowed == 0) return NULL;
    a->allowed -= a->allowed > 0;
    a->in_use++;
    return malloc(size);
}

static void give(void *user, void *ptr, size_t size) {
    (void)size;
    ((allocator *)user)->in_use -= ptr != NULL;
    free(ptr);
}

enum { T = 40, N = 9, D = 6, H = 10 };

static tw_ctx *ctx_of(allocator *a) {
    return tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .allocator = {take, give, a}});
}

static tw_layer *lstm_of(tw_params *params) {
    return tw_lstm_new(params, "lstm", D, H, &(tw_lstm_options){.layers = 2, .bidirectional = true, .dropout = 0.3});
}

static tw_err step(tw_ctx *ctx, tw_layer *lstm, const tw_real *x, int t, tw_labels lengths) {
    tw_step_begin(ctx);
    tw_lstm_state final;
    tw_tensor *y = tw_lstm(ctx, lstm, tw_input_grad(ctx, x, 3, (int[]){t, N, D}), lengths, NULL, &final);
    return tw_backward(ctx, tw_add(ctx, tw_sum(ctx, y, 0, NULL, false), tw_sum(ctx, final.c, 0, NULL, false)));
}

Test(lstm_memory, warm_steps_allocate_nothing) {
    allocator a = {.allowed = -1};
    tw_ctx *ctx = ctx_of(&a);
    tw_params *params = tw_params_new(ctx);
    tw_layer *lstm = lstm_of(params);
    tw_real *x = random_reals(T * N * D, 1, -1, 1);
    int warm = 0;
    for (int k = 0; k < 60; k++) {
        const int t = k < 3 ? T : (int)(tw_random_bits(1, (uint64_t)k) % (T + 1));
        int32_t lengths[N];
        for (int n = 0; n < N; n++) /* the first steps are the largest: almost full, but not even */
            lengths[n] = k < 3 ? t - (n == 0) : (int32_t)(tw_random_bits(2, (uint64_t)(k * N + n)) % (uint64_t)(t + 1));
        cr_assert_eq(step(ctx, lstm, x, t, (tw_labels){lengths, N}), TW_OK, "%s", tw_errmsg(ctx));
        if (k == 3) warm = a.calls;
    }
    cr_assert_eq(a.calls, warm, "%d calls of the allocator after the warm-up", a.calls - warm);
    free(x);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

Test(lstm_memory, any_failed_allocation_is_reported_and_leaks_nothing) {
    static const int32_t lengths[N] = {40, 3, 0, 17, 40, 8, 21, 1, 30};
    tw_real *x = random_reals(T * N * D, 1, -1, 1);
    bool done = false;
    for (int k = 0; !done; k++) {
        allocator a = {.allowed = k};
        tw_ctx *ctx = ctx_of(&a);
        if (!ctx) continue;
        tw_params *params = tw_params_new(ctx);
        if (params) {
            done = !step(ctx, lstm_of(params), x, T, (tw_labels){lengths, N});
            cr_assert(done || tw_error(ctx) == TW_ERR_NOMEM, "allocation %d: %s", k, tw_errmsg(ctx));
        }
        tw_params_free(params);
        tw_ctx_free(ctx);
        cr_assert_eq(a.in_use, 0, "allocation %d", k);
    }
    free(x);
}
