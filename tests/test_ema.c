/* test_ema.c - the average of weights: its formula, changing places, files; and early stopping. */
#include "util_optim.h"

#include <unistd.h>

static tw_ctx *ctx;
static tw_params *params;
static tw_tensor *w, *running;
static tw_ema *ema;
static char path[300];

/* More numbers than one block has, a buffer, a tied parameter, an empty one. */
static tw_params *make(tw_ema **average) {
    tw_params *p = tw_params_new(ctx);
    tw_param(p, "w", (tw_init){TW_INIT_NORMAL, 1}, 2, (int[]){7, 5003});
    tw_param(p, "empty", (tw_init){0}, 2, (int[]){0, 3});
    tw_buffer(p, "running", 1, 1, (int[]){3});
    tw_param(p, "tied", (tw_init){0}, 2, (int[]){7, 5003});
    cr_assert_eq(tw_params_tie(p, "tied", "w"), TW_OK);
    if (average) cr_assert_not_null(*average = tw_ema_new(p), "%s", tw_errmsg(ctx));
    return p;
}

static void setup(void) {
    temp_path("ema", path, sizeof path);
    ctx = tw_ctx_new(1);
    params = make(&ema);
    w = tw_params_find(params, "w");
    running = tw_params_find(params, "running");
}
static void teardown(void) {
    tw_params_free(params);
    tw_ctx_free(ctx);
    unlink(path);
}
TestSuite(ema, .init = setup, .fini = teardown);

static const tw_real *average_of(const tw_params *p, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "ema.%s", name);
    const tw_tensor *t = tw_params_find(p, key);
    return t ? t->data : NULL;
}

/* Some steps of updates of weights that move. */
static void train(int from, int to) {
    for (int step = from; step <= to; step++) {
        fill_random(w->data, w->size, (uint64_t)step, -1, 1);
        fill_random(running->data, running->size, (uint64_t)step + 100, -1, 1);
        cr_assert_eq(tw_ema_update(ema, 0.6, step), TW_OK);
    }
}

Test(ema, formula) {
    cr_assert_null(average_of(params, "tied"), "its average is that of what it is tied to");
    cr_assert(!memcmp(average_of(params, "w"), w->data, w->size * sizeof(tw_real)), "from the start it is the weights");
    double *want = calloc(w->size, sizeof *want), buffer = 0;
    for (int step = 1; step <= 20; step++) {
        double most = (1.0 + step) / (10.0 + step), d = step == 1 ? 0 : most < 0.6 ? most : 0.6;
        if (step == 4) cr_assert_eq(tw_params_seal(params), TW_OK);
        train(step, step);
        for (size_t i = 0; i < w->size; i++) want[i] = d * want[i] + (1 - d) * (double)w->data[i];
        buffer = d * buffer + (1 - d) * (double)running->data[2];
    }
    const tw_real *a = average_of(params, "w");
    for (size_t i = 0; i < w->size; i++) cr_assert_float_eq((double)a[i], want[i], 1e-5, "%zu", i);
    cr_assert_float_eq((double)average_of(params, "running")[2], buffer, 1e-5);
    free(want);
}

Test(ema, threads_do_not_matter) {
    tw_real *one = malloc(w->size * sizeof *one);
    tw_set_threads(ctx, 1);
    train(1, 5);
    memcpy(one, average_of(params, "w"), w->size * sizeof *one);
    tw_set_threads(ctx, 3);
    train(1, 5);
    cr_assert_arr_eq(one, average_of(params, "w"), w->size * sizeof *one);
    free(one);
}

Test(ema, weights_and_averages_change_places) {
    tw_optim *o = tw_optim_new(params, "sgd");
    train(1, 4);
    size_t bytes = w->size * sizeof(tw_real);
    tw_real *weights = malloc(bytes), *averages = malloc(bytes);
    memcpy(weights, w->data, bytes);
    memcpy(averages, average_of(params, "w"), bytes);
    cr_assert(memcmp(weights, averages, bytes));
    cr_assert_eq(tw_ema_swap_in(ema), TW_OK);
    cr_assert(!memcmp(w->data, averages, bytes) && !memcmp(average_of(params, "w"), weights, bytes));

    cr_assert_eq(tw_ema_swap_in(ema), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "ema_swap_in: the averages are in the weights' place; tw_ema_swap_out first");
    cr_assert_eq(tw_ema_update(ema, 0.5, 5), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "ema: the averages are in the weights' place");
    cr_assert_eq(tw_ema_copy(ema, params), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "ema_copy");
    cr_assert_eq(tw_checkpoint_save(params, o, NULL, NULL, path), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, path);
    cr_assert_neq(access(path, F_OK), 0);
    cr_assert_eq(tw_checkpoint_load(params, o, NULL, path), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "tw_ema_swap_out first");
    cr_assert_eq(tw_model_load(params, path), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "tw_ema_swap_out first");
    tw_real *g = random_reals(w->size, 3, -1, 1);
    step_with_gradient(ctx, w, g);
    cr_assert_eq(tw_optim_step(o), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "sgd: the averages are in the weights' place");

    cr_assert(!memcmp(w->data, averages, bytes), "none of it changed anything");
    cr_assert_eq(tw_ema_swap_out(ema), TW_OK);
    cr_assert(!memcmp(w->data, weights, bytes) && !memcmp(average_of(params, "w"), averages, bytes));
    cr_assert_eq(tw_ema_swap_out(ema), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "the weights are in their place");
    cr_assert_eq(tw_optim_step(o), TW_OK);
    tw_optim_free(o);
    free(g);
    free(weights);
    free(averages);
}

Test(ema, a_checkpoint_has_both_and_a_model_the_weights) {
    tw_ema *other_ema;
    tw_params *other = make(&other_ema), *plain = make(NULL);
    train(1, 4);
    cr_assert_eq(tw_checkpoint_save(params, NULL, NULL, NULL, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_checkpoint_load(other, NULL, NULL, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_arr_eq(tw_params_find(other, "w")->data, w->data, w->size * sizeof(tw_real));
    cr_assert_arr_eq(average_of(other, "w"), average_of(params, "w"), w->size * sizeof(tw_real));
    cr_assert_eq(tw_checkpoint_load(plain, NULL, NULL, path), TW_ERR_FORMAT, "averages are not lost in silence");
    assert_error(ctx, TW_ERR_FORMAT, "\" is unknown to the model");
    cr_assert_eq(tw_model_load(plain, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_arr_eq(tw_params_find(plain, "w")->data, w->data, w->size * sizeof(tw_real));
    fill_random((tw_real *)average_of(other, "w"), w->size, 9, -1, 1);
    cr_assert_eq(tw_model_load(other, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_arr_eq(average_of(other, "w"), average_of(params, "w"), w->size * sizeof(tw_real));

    cr_assert_eq(tw_ema_swap_in(ema), TW_OK);
    cr_assert_eq(tw_model_save(params, NULL, path), TW_OK);
    cr_assert_eq(tw_model_load(plain, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_arr_eq(tw_params_find(plain, "w")->data, w->data, w->size * sizeof(tw_real));
    cr_assert_eq(tw_model_load(other, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_arr_eq(average_of(other, "w"), w->data, w->size * sizeof(tw_real), "a file without averages sets them");
    cr_assert_eq(tw_ema_swap_out(ema), TW_OK);
    cr_assert_eq(tw_checkpoint_save(plain, NULL, NULL, NULL, path), TW_OK);
    cr_assert_eq(tw_checkpoint_load(params, NULL, NULL, path), TW_ERR_FORMAT);
    assert_error(ctx, TW_ERR_FORMAT, "there is no \"ema.");
    tw_params_free(other);
    tw_params_free(plain);
}

Test(ema, copies_to_another_model) {
    tw_params *plain = make(NULL), *small = tw_params_new(ctx), *misshapen = tw_params_new(ctx);
    tw_param(misshapen, "w", (tw_init){0}, 2, (int[]){5003, 7});
    train(1, 4);
    cr_assert_eq(tw_ema_copy(ema, plain), TW_OK);
    cr_assert_arr_eq(tw_params_find(plain, "w")->data, average_of(params, "w"), w->size * sizeof(tw_real));
    cr_assert_eq(tw_ema_copy(ema, small), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "ema_copy: there is no \"w\" [7,5003]");
    cr_assert_eq(tw_ema_copy(ema, misshapen), TW_ERR_SHAPE);
    assert_error(ctx, TW_ERR_SHAPE, "\"w\" [7,5003] and \"w\" [5003,7]");
    tw_ema *others;
    tw_params *other = make(&others); /* its own averages are in place: what would be copied there is lost */
    cr_assert_eq(tw_ema_swap_in(others), TW_OK);
    cr_assert_eq(tw_ema_copy(ema, other), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "ema_copy: averages are in the weights' place of the model copied to");
    tw_params_free(other);
    cr_assert_eq(tw_ema_copy(ema, params), TW_OK);
    cr_assert_arr_eq(w->data, average_of(params, "w"), w->size * sizeof(tw_real));
    tw_params_free(plain);
    tw_params_free(small);
    tw_params_free(misshapen);
}

Test(ema, errors) {
    cr_assert_null(tw_ema_new(params));
    assert_error(ctx, TW_ERR_STATE, "ema: these parameters have averages already");
    tw_params *sealed = make(NULL);
    cr_assert_eq(tw_params_seal(sealed), TW_OK);
    cr_assert_null(tw_ema_new(sealed));
    assert_error(ctx, TW_ERR_STATE, "\"ema.w\" comes too late");
    tw_params_free(sealed);
    /* All or nothing: the name of the second average is taken, and then it is not. */
    tw_params *taken = make(NULL);
    tw_buffer(taken, "ema.running", 0, 1, (int[]){1});
    size_t count = tw_params_count(taken);
    cr_assert_null(tw_ema_new(taken));
    assert_error(ctx, TW_ERR_RANGE, "the name \"ema.running\" is taken");
    cr_assert_eq(tw_params_count(taken), count);
    cr_assert_null(tw_ema_new(taken));
    assert_error(ctx, TW_ERR_RANGE, "the name \"ema.running\" is taken");
    tw_params_free(taken);
    cr_assert_eq(tw_ema_update(ema, 1, 1), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "a decay is at least 0 and below 1, not 1");
    cr_assert_eq(tw_ema_update(ema, NAN, 1), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "nan");
    cr_assert_eq(tw_ema_update(ema, 0.5, 0), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "ema: steps count from 1, this is 0");
    cr_assert_eq(tw_ema_update(ema, 0.5, -10), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "this is -10");
    cr_assert_null(tw_ema_new(NULL));
    cr_assert_eq(tw_ema_update(NULL, 0.5, 1), TW_ERR_STATE);
    cr_assert(tw_ema_swap_in(NULL) && tw_ema_swap_out(NULL) && tw_ema_copy(NULL, params) && tw_ema_copy(ema, NULL));
    assert_ok(ctx);
    tw_params *none = tw_params_new(ctx); /* nothing to average */
    tw_ema *nothing = tw_ema_new(none);
    cr_assert_eq(tw_ema_update(nothing, 0.5, 1), TW_OK);
    cr_assert_eq(tw_ema_swap_in(nothing), TW_OK);
    cr_assert_eq(tw_ema_swap_out(nothing), TW_OK);
    tw_params_free(none);
}

/* ---- early stopping ------------------------------------------------------------------------------------- */

Test(early_stop, a_loss) {
    static const double loss[] = {5, 4, 4, 4.1, 3.95, 4.2, NAN, 4.3};
    tw_early_stop s = {.patience = 3, .min_delta = 0.1};
    bool best[8], now[8];
    for (int i = 0; i < 8; i++) {
        best[i] = tw_early_stop_add(&s, i + 1, loss[i]);
        now[i] = tw_early_stop_now(&s, i + 1);
    }
    cr_assert(best[0] && best[1]);
    for (int i = 2; i < 8; i++) cr_assert(!best[i], "epoch %d", i + 1);
    for (int i = 0; i < 8; i++) cr_assert_eq(now[i], i >= 4, "epoch %d", i + 1);
    cr_assert(s.best == 4 && s.best_epoch == 2 && s.measured);
}

Test(early_stop, an_accuracy_and_a_plateau) {
    tw_early_stop s = {.patience = 2, .higher = true}, never = {0};
    cr_assert(!tw_early_stop_add(&s, 1, NAN), "nothing is measured yet");
    tw_early_stop_wait(&s, 2);
    cr_assert(!tw_early_stop_now(&s, 3));
    cr_assert(tw_early_stop_add(&s, 3, -INFINITY), "whatever comes first is the best so far");
    cr_assert(tw_early_stop_add(&s, 4, 0.5) && !tw_early_stop_add(&s, 5, 0.5) && tw_early_stop_add(&s, 6, 0.6));
    cr_assert(!tw_early_stop_now(&s, 7) && tw_early_stop_now(&s, 8));
    tw_early_stop_wait(&s, 8);
    cr_assert(!tw_early_stop_now(&s, 9) && s.best_epoch == 6);
    cr_assert(!tw_early_stop_now(&never, 1000));
}
