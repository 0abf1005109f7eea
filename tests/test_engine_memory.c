/* test_engine_memory.c - no allocation once warm, and none that may fail without being reported. */
#include "util_allocator.h"
#include "util_crnn.h"
#include "util_malloc.h"

#include <thalweg/model.h>
#include <unistd.h>

enum { WIDEST = 96, WARM_UP = 3, STEPS = 200 };

static int random_width(uint64_t i) { return 8 + (int)(tw_random_bits(11, i) % (WIDEST - 7)); }

Test(memory, nothing_is_allocated_once_warm) {
    if (!malloc_is_ours()) cr_skip_test("malloc belongs to a sanitizer or another C library");
    long before = malloc_count();
    void *volatile p = malloc(1000); /* volatile: an unused pair would be optimised away */
    free(p);
    cr_assert_eq(malloc_count(), before + 1, "malloc is not counted");
    for (int threads = 1; threads <= 2; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
        toy_crnn c;
        cr_assert(toy_crnn_new(&c, ctx), "%s", tw_errmsg(ctx));
        for (int i = 0; i < WARM_UP; i++) toy_crnn_step(&c, 1, WIDEST);
        before = malloc_count();
        for (uint64_t i = 0; i < STEPS; i++) {
            toy_crnn_step(&c, i, random_width(i));
            cr_assert_eq(malloc_count(), before, "step %d allocates", (int)i);
        }
        assert_ok(ctx);
        toy_crnn_free(&c);
        tw_ctx_free(ctx);
    }
}

/* Every width below the widest, in a network with each algorithm of convolution and every kind of layer. */
typedef struct reader {
    tw_params *params;
    tw_layer *net;
} reader;

enum { READERS = 6, READER_HEIGHT = 16, READER_LEAST = 9 };

static reader reader_new(tw_ctx *ctx) {
    tw_params *p = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(p);
    const tw_conv2d_options padded = {.pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU};
    tw_sequential_add(net, tw_conv2d_new(p, "direct", 1, 16, 3, 3, &padded));
    tw_sequential_add(net, tw_max_pool2d_new(p, 2, 2, NULL));
    tw_sequential_add(net, tw_conv2d_new(p, "winograd", 16, 33, 3, 3, &padded));
    tw_sequential_add(net, tw_batchnorm_new(p, "norm", 33, NULL));
    tw_sequential_add(net, tw_max_pool2d_new(p, 2, 1, NULL));
    tw_sequential_add(net, tw_conv2d_new(p, "columns", 33, 20, 4, 2, &(tw_conv2d_options){.pad_w = 1}));
    tw_sequential_add(net, tw_activation_new(p, TW_ACT_TANH));
    tw_sequential_add(
        net,
        tw_conv2d_new(p, "groups", 20, 20, 1, 3,
                      &(tw_conv2d_options){.pad_w = 2, .dilation_w = 2, .groups = 10, .act = TW_ACT_GELU}));
    tw_sequential_add(net, tw_image_to_sequence_new(p));
    tw_sequential_add(net, tw_layer_norm_new(p, "rows", 1, (int[]){20}, NULL));
    tw_sequential_add(net, tw_gru_new(p, "gru", 20, 20, NULL));
    tw_sequential_add(net, tw_lstm_new(p, "lstm", 20, 24, &(tw_lstm_options){.bidirectional = true, .layers = 2}));
    tw_sequential_add(net, tw_dropout_new(p, 0.2));
    tw_sequential_add(net, tw_dense_new(p, "out", 48, 30, NULL));
    return (reader){p, net};
}

static void reader_step(tw_ctx *ctx, const reader *r, int width) {
    tw_step_begin(ctx);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 4, (int[]){READERS, 1, READER_HEIGHT, width});
    tw_tensor *y = tw_log_softmax(ctx, tw_forward(ctx, r->net, x), 1);
    y = tw_pad(ctx, y, (int[]){1, 2, 0}, (int[]){2, 0, 1}, TW_PAD_REFLECT, 0);
    y = tw_add(ctx, y, tw_sub(ctx, tw_amax(ctx, y, 2, (int[]){0, 2}, true), tw_max(ctx, y, 0, true, NULL)));
    tw_tensor *loss = tw_mean(ctx, tw_mul(ctx, y, tw_sum(ctx, y, 1, (int[]){0}, true)), 0, NULL, false);
    cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
}

Test(memory, no_narrower_width_allocates) {
    if (!malloc_is_ours()) cr_skip_test("malloc belongs to a sanitizer or another C library");
    for (int threads = 1; threads <= 2; threads++)
        for (int training = 0; training < 2; training++) {
            tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
            reader r = reader_new(ctx);
            tw_optim *optim = tw_adam_new(r.params, NULL);
            cr_assert_not_null(optim, "%s", tw_errmsg(ctx));
            tw_set_training(ctx, training);
            for (int i = 0; i < WARM_UP; i++) reader_step(ctx, &r, WIDEST);
            for (int width = WIDEST; width >= READER_LEAST; width--) {
                long before = malloc_count();
                reader_step(ctx, &r, width);
                cr_expect_eq(malloc_count(), before, "%d threads: width %d allocates", threads, width);
            }
            tw_optim_free(optim);
            tw_params_free(r.params);
            tw_ctx_free(ctx);
        }
}

static tw_err blank(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    (void)user, (void)stream, (void)message, (void)size;
    sample->width = 1 + (int)(i % WIDEST);
    for (int k = 0; k < sample->width; k++) sample->x[k] = 0;
    sample->label[0] = 0;
    sample->label_length = 1;
    return TW_OK;
}

Test(memory, loaders_allocate_nothing_once_warm) {
    if (!malloc_is_ours()) cr_skip_test("malloc belongs to a sanitizer or another C library");
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
        tw_dataset set = {.count = 10000, .channels = 1, .height = 1, .max_width = WIDEST, .max_label = 1};
        set.get = blank;
        set.in_memory = in_memory;
        tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 1000, .shuffle = true});
        cr_assert(l, "%s", tw_errmsg(ctx));
        const tw_batch *b;
        long before = 0;
        for (int i = 0; i < STEPS; i++) {
            cr_assert_eq(tw_loader_next(l, &b), TW_OK);
            if (i < 1) before = malloc_count(); /* the context's threads have been started */
            cr_assert_eq(malloc_count(), before, "batch %d allocates", i);
        }
        tw_loader_free(l);
        tw_ctx_free(ctx);
    }
}

/* ---- an allocator that fails at a chosen call ---------------------------------------------------------- */

/* Trains three steps. The last loss, or NaN after an error; *err tells which. */
static tw_real train(counted *f, tw_err *err) {
    tw_ctx *ctx = counted_ctx(f, 2);
    *err = TW_ERR_NOMEM;
    if (!ctx) return (tw_real)NAN;
    toy_crnn c;
    tw_real loss = (tw_real)NAN;
    bool made = toy_crnn_new(&c, ctx);
    for (int i = 0; made && i < 3; i++) loss = toy_crnn_step(&c, 1, 16 + 8 * i);
    *err = tw_error(ctx);
    if (*err) cr_assert(strlen(tw_errmsg(ctx)) > 0);
    /* Memory is there again: the same context goes on. */
    long from = f->fail_from;
    f->fail_from = f->fail_to;
    if (made && *err) {
        tw_error_clear(ctx);
        cr_assert(isfinite(toy_crnn_step(&c, 1, 24)), "%s", tw_errmsg(ctx));
    }
    toy_crnn_free(&c);
    tw_ctx_free(ctx);
    f->fail_from = from;
    return loss;
}

/* One failure at call k; or everything from call k on. */
static void fail_at_every_call(bool for_good) {
    counted none = {.fail_from = 1, .fail_to = 1};
    tw_err err;
    tw_real want = train(&none, &err);
    cr_assert_eq(err, TW_OK);
    cr_assert(isfinite(want));
    cr_assert_eq(none.blocks, 0);
    cr_assert(none.calls > 10);
    for (long k = 1; k <= none.calls; k++) {
        counted f = {.fail_from = k, .fail_to = for_good ? 1000000 : k + 1};
        tw_real loss = train(&f, &err);
        cr_assert_eq(f.blocks, 0, "%ld blocks leak when call %ld fails", f.blocks, k);
        cr_assert_eq(f.bytes, 0, "call %ld: sizes differ between alloc and free", k);
        if (err) cr_assert_eq(err, TW_ERR_NOMEM, "call %ld: %s", k, tw_err_name(err));
        else cr_assert_eq(loss, want, "call %ld: no error, but %g instead of %g", k, (double)loss, (double)want);
    }
}

Test(memory, one_failing_allocation_is_reported) { fail_at_every_call(false); }
Test(memory, failing_from_then_on_is_reported) { fail_at_every_call(true); }

/* A step's arena becomes one block when the next begins. Where there is no memory for that, the step before, a part of
 * a batch, keeps its gradients and running statistics; the next one says so when it needs memory. */
Test(memory, a_step_that_finds_none_to_begin_with_keeps_the_one_before) {
    enum { ROWS = 3000, D = 8 }; /* more than a first chunk holds */
    counted f = {0};
    tw_ctx *ctx = counted_ctx(&f, 1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *norm = tw_batchnorm_new(params, "norm", D, NULL);
    cr_assert_eq(tw_params_seal(params), TW_OK);
    const tw_tensor *running = tw_params_find(params, "norm.running_mean"), *bias = tw_params_find(params, "norm.bias");
    tw_real mean[D], grad[D];
    for (int part = 0; part < 2; part++) {
        if (part) tw_step_accumulate(ctx);
        else tw_step_begin(ctx);
        tw_tensor *x = random_leaf(ctx, 1, 1, 2, 2, (int[]){ROWS, D});
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_forward(ctx, norm, x), 0, NULL, false)), TW_OK);
        if (part) break;
        memcpy(mean, running->data, sizeof mean);
        memcpy(grad, bias->grad, sizeof grad);
        cr_assert(mean[0] > 0.05 && grad[0] == ROWS);
        counted_fail_after(&f, 0);
        tw_step_accumulate(ctx);
        cr_assert_null(random_leaf(ctx, 1, 1, 2, 2, (int[]){ROWS, D}));
        cr_assert_eq(tw_error(ctx), TW_ERR_NOMEM, "%s", tw_errmsg(ctx));
        cr_assert_arr_eq(running->data, mean, sizeof mean);
        cr_assert_arr_eq(bias->grad, grad, sizeof grad);
        counted_fail_after(&f, -1);
        tw_error_clear(ctx);
    }
    cr_assert(running->data[0] > mean[0] && bias->grad[0] == 2 * ROWS, "and the batch goes on");
    tw_params_free(params);
    tw_ctx_free(ctx);
    cr_assert_eq(f.blocks, 0);
}

/* Operations by themselves: gradcheck allocates on its own account. */
static tw_tensor *square(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)user;
    return tw_mul(ctx, leaf[0], leaf[0]);
}
Test(memory, gradcheck_reports_failing_allocations) {
    for (long k = 2;; k++) {
        counted f = {.fail_from = k, .fail_to = k + 1};
        tw_ctx *ctx = counted_ctx(&f, 1);
        tw_gradcheck_leaf leaf = {(tw_real[]){1, 2, 3}, 1, {3}, false};
        tw_gradcheck_result r;
        tw_err err = tw_gradcheck(ctx, square, NULL, 1, &leaf, 0, &r);
        cr_assert_eq(err, f.calls >= k ? TW_ERR_NOMEM : TW_OK, "call %ld: %s", k, tw_errmsg(ctx));
        tw_ctx_free(ctx);
        cr_assert_eq(f.blocks, 0);
        cr_assert_eq(f.bytes, 0);
        if (!err) break;
    }
}

/* Loading into parameters that nothing has sealed yet opens the file, seals them and reads: each allocation of that may
 * fail, and the next try finds parameters that are whole. */
Test(memory, loading_seals_or_says_why_not) {
    char path[300];
    temp_path("unsealed", path, sizeof path);
    for (long k = 0;; k++) {
        counted f = {0};
        tw_ctx *ctx = counted_ctx(&f, 1);
        tw_params *params = tw_params_new(ctx);
        tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, 3}, 1, (int[]){5});
        if (!k) cr_assert_eq(tw_model_save(params, NULL, path), TW_OK, "%s", tw_errmsg(ctx));
        w->data[0] = 7;
        counted_fail_after(&f, k);
        tw_err err = tw_model_load(params, path);
        cr_assert(err == TW_OK || err == TW_ERR_NOMEM, "%ld: %s", k, tw_errmsg(ctx));
        cr_assert_eq(w->data[0], err ? 7 : 3, "%ld", k);
        counted_fail_after(&f, -1);
        tw_error_clear(ctx);
        cr_assert_eq(tw_model_load(params, path), TW_OK, "%ld: %s", k, tw_errmsg(ctx));
        cr_assert_eq(w->data[0], 3);
        tw_params_free(params);
        tw_ctx_free(ctx);
        cr_assert_eq(f.blocks, 0, "%ld", k);
        cr_assert_eq(f.bytes, 0, "%ld", k);
        if (!err) break;
        cr_assert(k < 100);
    }
    unlink(path);
}
