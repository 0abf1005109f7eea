/* test_undo.c - what a step changes before it is known to succeed goes back when it fails, and only then. */
#include "util.h"
#include "util_files.h"

static tw_ctx *ctx;
static tw_params *params;
static tw_layer *net; /* batch norm, dropout, dense */
static tw_optim *optim;

static void begin(void) {
    ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 1});
    params = tw_params_new(ctx);
    net = tw_sequential_new(params);
    tw_sequential_add(net, tw_batchnorm_new(params, "norm", 3, NULL));
    tw_sequential_add(net, tw_dropout_new(params, 0.5));
    tw_sequential_add(net, tw_dense_new(params, "out", 3, 2, NULL));
    optim = tw_adam_new(params, NULL);
    cr_assert_not_null(optim, "%s", tw_errmsg(ctx));
}
static void end(void) {
    tw_optim_free(optim);
    tw_params_free(params);
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(undo, .init = begin, .fini = end);

static tw_tensor *forward(void) {
    tw_step_begin(ctx);
    return tw_forward(ctx, net, random_leaf(ctx, 1, 0, 2, 2, (int[]){4, 3}));
}
static tw_tensor *loss(void) { return tw_sum(ctx, forward(), 0, NULL, false); }
static tw_real running(const char *name) { return tw_params_find(params, name)->data[0]; }
static bool as_new(void) {
    return running("norm.running_mean") == 0 && running("norm.running_var") == 1 &&
        running("norm.num_batches_tracked") == 0;
}

Test(undo, statistics_go_back_with_the_first_error) {
    tw_tensor *y = forward();
    cr_assert_eq(running("norm.num_batches_tracked"), 1, "the forward pass moves them");
    cr_assert_neq(running("norm.running_mean"), 0);
    cr_assert_null(tw_reshape(ctx, y, 1, (int[]){99}));
    cr_assert(as_new());
    tw_error_clear(ctx);
    tw_step_begin(ctx);
    cr_assert(as_new());
}

/* One layer that is called twice in a step. */
Test(undo, two_changes_of_one_tensor_go_back_both) {
    tw_step_begin(ctx);
    for (int i = 0; i < 2; i++) (void)tw_forward(ctx, net, random_leaf(ctx, 1 + (uint64_t)i, 0, 2, 2, (int[]){4, 3}));
    cr_assert_eq(running("norm.num_batches_tracked"), 2);
    tw_fail(ctx, TW_ERR_RANGE, "anything");
    cr_assert(as_new());
}

/* What comes after an error moves nothing, though its inputs are good. */
Test(undo, a_failed_context_moves_nothing) {
    tw_step_begin(ctx);
    tw_tensor *x = random_leaf(ctx, 1, 0, 2, 2, (int[]){4, 3});
    tw_fail(ctx, TW_ERR_RANGE, "anything");
    cr_assert_null(tw_forward(ctx, net, x));
    cr_assert(as_new());
}

/* A gradient that is not finite is found by the optimiser only. */
Test(undo, statistics_go_back_where_the_optimiser_refuses) {
    cr_assert_eq(tw_backward(ctx, loss()), TW_OK);
    tw_params_find(params, "out.weight")->grad[1] = (tw_real)NAN;
    cr_assert_eq(tw_optim_step(optim), TW_ERR_NONFINITE);
    cr_assert(as_new());
}

Test(undo, a_step_that_was_made_stays) {
    cr_assert(!tw_backward(ctx, loss()) && !tw_optim_step(optim), "%s", tw_errmsg(ctx));
    tw_real mean = running("norm.running_mean");
    tw_rng_state rng = tw_rng_get(ctx);
    tw_fail(ctx, TW_ERR_IO, "later");
    cr_assert(running("norm.running_mean") == mean && mean != 0);
    cr_assert_eq(tw_backward(ctx, NULL), TW_ERR_IO);
    cr_assert_eq(tw_rng_get(ctx).counter, rng.counter);
}

/* An error has no part in what was drawn or measured without a step of training before. */
Test(undo, other_errors_undo_nothing_else) {
    (void)tw_random_stream(ctx);
    tw_rng_state rng = tw_rng_get(ctx);
    tw_fail(ctx, TW_ERR_IO, "a file is missing");
    cr_assert_eq(tw_rng_get(ctx).counter, rng.counter);
    tw_error_clear(ctx);
    (void)forward();
    tw_step_begin(ctx); /* statistics may be measured by forward passes alone */
    tw_fail(ctx, TW_ERR_IO, "a file is missing");
    cr_assert_eq(running("norm.num_batches_tracked"), 1);
}

Test(undo, what_is_loaded_or_freed_in_between_is_left_alone) {
    char path[300];
    temp_path("model", path, sizeof path);
    tw_params_find(params, "norm.running_mean")->data[0] = 5;
    cr_assert_eq(tw_model_save(params, NULL, path), TW_OK);
    tw_params_find(params, "norm.running_mean")->data[0] = 0;
    (void)forward();
    cr_assert_eq(tw_model_load(params, path), TW_OK, "%s", tw_errmsg(ctx));
    tw_fail(ctx, TW_ERR_IO, "later");
    cr_assert_eq(running("norm.running_mean"), 5);
    tw_error_clear(ctx);
    tw_params *other = tw_params_new(ctx);
    cr_assert_not_null(tw_buffer(other, "b", 0, 1, (int[]){3}));
    cr_assert_eq(tw_model_save(other, NULL, path), TW_OK);
    (void)forward();
    cr_assert_neq(running("norm.running_mean"), 5);
    cr_assert_eq(tw_model_load(other, path), TW_OK, "%s", tw_errmsg(ctx));
    tw_fail(ctx, TW_ERR_IO, "later");
    cr_assert_eq(running("norm.running_mean"), 5, "what is loaded elsewhere has nothing to do with it");
    tw_error_clear(ctx);
    tw_params_free(other);
    remove(path);
    (void)forward();
    tw_optim_free(optim);
    tw_params_free(params);
    tw_fail(ctx, TW_ERR_IO, "nothing is there that could be put back"); /* a sanitizer would see it */
    params = NULL;
    optim = NULL;
}

/* What is written down lies in memory that stays, also over the parts of a batch. */
Test(undo, warm_steps_allocate_nothing) {
    for (int step = 0; step < 6; step++) {
        size_t before = tw_ctx_stats(ctx).allocations;
        for (int part = 0; part < 40; part++) {
            if (part) tw_step_accumulate(ctx);
            else tw_step_begin(ctx);
            tw_tensor *y = tw_forward(ctx, net, random_leaf(ctx, 1, 0, 2, 2, (int[]){4, 3}));
            cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
        }
        cr_assert_eq(tw_optim_step(optim), TW_OK);
        if (step >= 2) cr_assert_eq(tw_ctx_stats(ctx).allocations, before, "step %d", step);
    }
}

/* Two networks in a step, as a generator and its critic: each optimiser answers for the statistics of its own. */
Test(undo, of_two_optimisers_each_keeps_its_own) {
    tw_params *other = tw_params_new(ctx);
    tw_layer *norm = tw_batchnorm_new(other, "other", 3, NULL);
    tw_optim *second = tw_sgd_new(other, NULL);
    cr_assert_not_null(second, "%s", tw_errmsg(ctx));
    tw_tensor *first = loss(), *x = random_leaf(ctx, 5, 0, 2, 2, (int[]){4, 3});
    tw_tensor *both = tw_add(ctx, first, tw_sum(ctx, tw_forward(ctx, norm, x), 0, NULL, false));
    cr_assert_eq(tw_backward(ctx, both), TW_OK, "%s", tw_errmsg(ctx));
    tw_params_find(other, "other.weight")->grad[0] = (tw_real)NAN;
    cr_assert_eq(tw_optim_step(optim), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_optim_step(second), TW_ERR_NONFINITE);
    cr_assert(running("norm.num_batches_tracked") == 1);
    cr_assert_eq(tw_params_find(other, "other.num_batches_tracked")->data[0], 0);
    tw_optim_free(second);
    tw_params_free(other);
}
