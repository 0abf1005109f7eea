/* test_optim.c - optimisers, clipping and schedules in float. */
#include "util_allocator.h"
#include "util_optim.h"

#include "tensor/params.h"

static tw_ctx *ctx;
static tw_params *params;
static tw_tensor *w, *b;

static void setup(void) {
    ctx = tw_ctx_new(1);
    params = tw_params_new(ctx);
    w = tw_param(params, "fc.weight", (tw_init){TW_INIT_NORMAL, 1}, 2, (int[]){2, 3});
    b = tw_param(params, "fc.bias", (tw_init){TW_INIT_CONSTANT, 0.5}, 1, (int[]){2});
}
static void teardown(void) {
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(optim, .init = setup, .fini = teardown);

Test(optim, pytorch) { check_optimisers(1e-5); }
Test(optim, clipping) { check_clipping(1e-5); }
Test(optim, clipping_by_value) { check_clipping_by_value(1e-5); }
Test(optim, one_cycle) { check_one_cycle(1e-6); }

Test(optim, defaults_are_pytorchs) {
    tw_sgd_options sgd = tw_sgd_defaults();
    tw_adam_options adam = tw_adam_defaults(), adamw = tw_adamw_defaults();
    tw_adadelta_options adadelta = tw_adadelta_defaults();
    tw_rmsprop_options rmsprop = tw_rmsprop_defaults();
    tw_adagrad_options adagrad = tw_adagrad_defaults();
    cr_assert(sgd.lr == 0.01 && sgd.momentum == 0 && sgd.dampening == 0 && sgd.weight_decay == 0 && !sgd.nesterov);
    cr_assert(adam.lr == 1e-3 && adam.beta1 == 0.9 && adam.beta2 == 0.999 && adam.eps == 1e-8 &&
              adam.weight_decay == 0);
    cr_assert(adamw.lr == 1e-3 && adamw.beta2 == 0.999 && adamw.weight_decay == 1e-2);
    cr_assert(adadelta.lr == 1 && adadelta.rho == 0.9 && adadelta.eps == 1e-6 && adadelta.weight_decay == 0);
    cr_assert(rmsprop.lr == 0.01 && rmsprop.alpha == 0.99 && rmsprop.eps == 1e-8 && rmsprop.weight_decay == 0 &&
              rmsprop.momentum == 0 && !rmsprop.centered);
    cr_assert(adagrad.lr == 0.01 && adagrad.lr_decay == 0 && adagrad.eps == 1e-10 && adagrad.weight_decay == 0 &&
              adagrad.initial_accumulator_value == 0);
}

/* The typed constructors and the text give the same optimiser. */
Test(optim, typed_constructors) {
    tw_optim *o[] = {tw_sgd_new(params, NULL),      tw_adam_new(params, NULL),    tw_adamw_new(params, NULL),
                     tw_adadelta_new(params, NULL), tw_rmsprop_new(params, NULL), tw_adagrad_new(params, NULL)};
    const char *const name[] = {"sgd", "adam", "adamw", "adadelta", "rmsprop", "adagrad"};
    const double lr[] = {0.01, 1e-3, 1e-3, 1, 0.01, 0.01};
    for (int i = 0; i < 6; i++) {
        cr_assert_not_null(o[i]);
        cr_assert_str_eq(tw_optim_name(o[i]), name[i]);
        cr_assert_eq(tw_optim_lr(o[i]), lr[i]);
        cr_assert_eq(tw_optim_steps(o[i]), 0);
        tw_optim_free(o[i]);
    }
    tw_optim_free(NULL);
}

Test(optim, options_are_checked) {
    tw_sgd_options sgd = tw_sgd_defaults();
    tw_adam_options adam = tw_adam_defaults();
    tw_adadelta_options adadelta = tw_adadelta_defaults();
    sgd.nesterov = true;
    cr_assert_null(tw_sgd_new(params, &sgd));
    assert_error(ctx, TW_ERR_RANGE, "sgd: nesterov needs momentum > 0");
    adam.beta2 = 1;
    cr_assert_null(tw_adam_new(params, &adam));
    assert_error(ctx, TW_ERR_RANGE, "adam: beta2");
    cr_assert_null(tw_adamw_new(params, &adam));
    assert_error(ctx, TW_ERR_RANGE, "adamw: beta2");
    adadelta.lr = NAN;
    cr_assert_null(tw_adadelta_new(params, &adadelta));
    assert_error(ctx, TW_ERR_RANGE, "adadelta: lr");
    tw_rmsprop_options rmsprop = tw_rmsprop_defaults();
    rmsprop.alpha = 1.5;
    cr_assert_null(tw_rmsprop_new(params, &rmsprop));
    assert_error(ctx, TW_ERR_RANGE, "rmsprop: alpha must be between 0 and 1, not 1.5");
    tw_adagrad_options adagrad = tw_adagrad_defaults();
    adagrad.lr_decay = -1;
    cr_assert_null(tw_adagrad_new(params, &adagrad));
    assert_error(ctx, TW_ERR_RANGE, "adagrad: lr_decay");
    cr_assert_null(tw_optim_new(params, "adm"));
    assert_error(ctx, TW_ERR_RANGE, "no optimiser \"adm\"; did you mean \"adam\"?");
    cr_assert_null(tw_optim_new(params, "quantum:lr=1"));
    assert_error(ctx, TW_ERR_RANGE, "no optimiser \"quantum\"; known: sgd, adam, adamw, adadelta, rmsprop, adagrad");
    cr_assert_null(tw_optim_new(params, "sgd:momentun=0.9"));
    assert_error(ctx, TW_ERR_RANGE, "momentum");
    cr_assert_null(tw_optim_new(params, "sgd:lr=-1"));
    assert_error(ctx, TW_ERR_RANGE, "lr");
    cr_assert_null(tw_optim_new(NULL, "sgd"));
    assert_ok(ctx);
}

Test(optim, learning_rate) {
    tw_optim *o = tw_optim_new(params, "sgd:lr=0.5");
    tw_optim_set_lr(o, 0.25);
    cr_assert_eq(tw_optim_lr(o), 0.25);
    tw_real before = b->data[0], g[2] = {1, 2};
    step_with_gradient(ctx, b, g);
    cr_assert_eq(tw_optim_step(o), TW_OK);
    cr_assert_float_eq(b->data[0], before - 0.25f, 1e-7);
    tw_optim_set_lr(o, -1);
    assert_error(ctx, TW_ERR_RANGE, "sgd: a learning rate cannot be -1");
    tw_optim_set_lr(o, NAN);
    assert_error(ctx, TW_ERR_RANGE, "nan");
    cr_assert_eq(tw_optim_lr(o), 0.25);
    tw_optim_free(o);
}

/* What a failed step must not touch: all weights, and the state, seen in the next good step. */
Test(optim, bad_gradients_change_nothing) {
    tw_optim *o = tw_optim_new(params, "adam:lr=0.1");
    tw_optim *clean = NULL;
    const tw_real good[] = {1, -2, 3, -4, 5, -6}, bad_bias[] = {1, NAN};
    tw_real before[6], after[6];
    memcpy(before, w->data, sizeof before);

    tw_step_begin(ctx);
    tw_tensor *both[] = {w, b};
    const tw_real *g[] = {good, bad_bias};
    cr_assert_eq(tw_backward(ctx, give_gradients(ctx, 2, both, g)), TW_OK);
    cr_assert_eq(tw_optim_step(o), TW_ERR_NONFINITE);
    cr_assert(strstr(tw_errmsg(ctx), "\"fc.bias\" [2] is nan at element 1"), "%s", tw_errmsg(ctx));
    cr_assert_arr_eq(w->data, before, sizeof before);
    cr_assert_eq(tw_optim_steps(o), 0);
    cr_assert_eq(tw_optim_step(o), TW_ERR_STATE, "a failed context is refused");
    cr_assert_arr_eq(w->data, before, sizeof before);

    tw_error_clear(ctx);
    step_with_gradient(ctx, w, good);
    cr_assert_eq(tw_optim_step(o), TW_OK);
    memcpy(after, w->data, sizeof after);
    memcpy(w->data, before, sizeof before);
    clean = tw_optim_new(params, "adam:lr=0.1");
    step_with_gradient(ctx, w, good);
    cr_assert_eq(tw_optim_step(clean), TW_OK);
    cr_assert_arr_eq(w->data, after, sizeof after, "the bad step left something in the state");
    tw_optim_free(clean);
    tw_optim_free(o);
}

Test(optim, infinite_gradient_far_inside) {
    tw_tensor *large = tw_param(params, "large", (tw_init){0}, 2, (int[]){300, 300});
    tw_optim *o = tw_optim_new(params, "sgd");
    tw_real *g = random_reals(large->size, 1, -1, 1);
    g[89999] = -INFINITY;
    step_with_gradient(ctx, large, g);
    cr_assert_eq(tw_optim_step(o), TW_ERR_NONFINITE);
    assert_error(ctx, TW_ERR_NONFINITE, "\"large\" [300,300] is -inf at element 89999");
    for (size_t i = 0; i < large->size; i++) cr_assert_eq(large->data[i], 0);
    tw_optim_free(o);
    free(g);
}

Test(optim, step_without_backward) {
    tw_optim *o = tw_optim_new(params, "sgd");
    const tw_real g[] = {1, 1};
    step_with_gradient(ctx, b, g);
    tw_step_begin(ctx); /* that gradient belongs to the step before */
    cr_assert_eq(tw_optim_step(o), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "sgd: no parameter has a gradient");
    cr_assert_eq(b->data[0], 0.5f);
    cr_assert_eq(tw_optim_step(NULL), TW_ERR_STATE);
    tw_optim_free(o);
}

Test(optim, frozen_parameters_stay) {
    tw_optim *o = tw_optim_new(params, "sgd:lr=1,weight_decay=0.5");
    const tw_real gw[6] = {1, 1, 1, 1, 1, 1}, gb[2] = {1, 1};
    tw_tensor *both[] = {w, b};
    const tw_real *g[] = {gw, gb};
    tw_real before = w->data[0];
    cr_assert_eq(tw_params_set_frozen(params, "*.weight", true), TW_OK);
    for (int step = 0; step < 2; step++) {
        tw_step_begin(ctx);
        cr_assert_eq(tw_backward(ctx, give_gradients(ctx, 2, both, g)), TW_OK);
        cr_assert_eq(tw_optim_step(o), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(w->data[0] == before, step == 0);
        cr_assert_eq(tw_params_set_frozen(params, "*.weight", false), TW_OK);
    }
    cr_assert_float_eq(w->data[0], before - (1 + 0.5f * before), 1e-6);
    tw_optim_free(o);
}

Test(optim, groups) {
    tw_optim *o = tw_optim_new(params, "sgd:lr=1,weight_decay=0.5");
    tw_real zero[2] = {0, 0};
    cr_assert_eq(tw_optim_group(o, "fc.*", 2, 0.25), TW_OK);
    step_with_gradient(ctx, b, zero);
    cr_assert_eq(tw_optim_step(o), TW_OK);
    cr_assert_float_eq(b->data[0], 0.25f, 1e-7, "0.5 - lr 2 * decay 0.25 * 0.5");
    cr_assert_eq(tw_optim_no_decay(o), TW_OK);
    step_with_gradient(ctx, b, zero);
    cr_assert_eq(tw_optim_step(o), TW_OK);
    cr_assert_eq(b->data[0], 0.25f);
    cr_assert_eq(tw_optim_group(o, "conv*", 1, 0), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "no parameter matches \"conv*\"");
    cr_assert_eq(tw_optim_group(o, "*", -1, 0), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "negative");
    tw_optim_free(o);
}

/* Many parameters of odd sizes, some larger than a block: the same bits for any number of threads. */
Test(optim, threads_do_not_matter) {
    tw_real *result[2];
    double norm[2];
    size_t total = 0;
    for (int threads = 1; threads <= 2; threads++) {
        tw_ctx *own = tw_ctx_new(3);
        tw_set_threads(own, threads);
        tw_params *p = tw_params_new(own);
        tw_tensor *t[6];
        const tw_real *g[6];
        const int size[] = {1, 40000, 17, 0, 16384, 70001};
        for (int i = 0; i < 6; i++) {
            t[i] = tw_param(p, (char[]){(char)('a' + i), 0}, (tw_init){TW_INIT_NORMAL, 1}, 1, &size[i]);
            g[i] = random_reals((size_t)size[i], (uint64_t)i + 5, -1, 1);
        }
        tw_optim *o = tw_optim_new(p, "adamw");
        for (int step = 0; step < 3; step++) {
            tw_step_begin(own);
            cr_assert_eq(tw_backward(own, give_gradients(own, 6, t, g)), TW_OK);
            norm[threads - 1] = tw_clip_grad_norm(p, 1);
            cr_assert_eq(tw_optim_step(o), TW_OK);
        }
        total = p->flat_size;
        result[threads - 1] = malloc(total * sizeof(tw_real));
        memcpy(result[threads - 1], p->values.v, total * sizeof(tw_real));
        for (int i = 0; i < 6; i++) free((void *)g[i]);
        tw_optim_free(o);
        tw_params_free(p);
        tw_ctx_free(own);
    }
    cr_assert_eq(norm[0], norm[1]);
    cr_assert_arr_eq(result[0], result[1], total * sizeof(tw_real));
    free(result[0]);
    free(result[1]);
}

Test(optim, clipping_leaves_bad_gradients) {
    const tw_real g[] = {3, INFINITY};
    cr_assert_eq(tw_params_seal(params), TW_OK);
    step_with_gradient(ctx, b, g);
    cr_assert(isinf(tw_clip_grad_norm(params, 1)));
    cr_assert_eq(b->grad[0], 3);
    const tw_real fine[] = {3, 4};
    step_with_gradient(ctx, b, fine);
    cr_assert_float_eq(tw_clip_grad_norm(params, 0), 5, 1e-12, "the norm alone, of this step's gradients alone");
    cr_assert_float_eq(tw_clip_grad_norm(params, INFINITY), 5, 1e-12);
    cr_assert_eq(b->grad[1], 4);
    cr_assert(isnan(tw_clip_grad_norm(params, -1)));
    assert_error(ctx, TW_ERR_RANGE, "clip_grad_norm: the norm of gradients cannot be limited to -1");
    cr_assert(isnan(tw_clip_grad_norm(params, NAN)));
    assert_error(ctx, TW_ERR_RANGE, "cannot be limited to nan");
    cr_assert_eq(b->grad[1], 4);
}

Test(optim, clipping_by_value_leaves_bad_gradients) {
    const tw_real g[] = {-3, 0.5f, INFINITY, NAN, -INFINITY, 0.25f}, none[] = {0, 0};
    tw_optim *o = tw_optim_new(params, "sgd");
    step_with_gradient(ctx, w, g);
    cr_assert_eq(tw_clip_grad_value(params, 0.5), 1);
    cr_assert(w->grad[0] == -0.5f && w->grad[1] == 0.5f && w->grad[5] == 0.25f);
    cr_assert(isinf(w->grad[2]) && isnan(w->grad[3]) && isinf(w->grad[4]));
    cr_assert_eq(tw_optim_step(o), TW_ERR_NONFINITE);
    assert_error(ctx, TW_ERR_NONFINITE, "\"fc.weight\" [2,3] is inf at element 2");
    step_with_gradient(ctx, b, none);
    cr_assert_eq(tw_clip_grad_value(params, 0), 0, "this step's gradients alone");
    cr_assert_eq(tw_clip_grad_value(params, -1), 0);
    assert_error(ctx, TW_ERR_RANGE, "cannot be clipped to +--1");
    cr_assert_eq(tw_clip_grad_value(params, NAN), 0);
    assert_error(ctx, TW_ERR_RANGE, "nan");
    cr_assert_eq(tw_clip_grad_value(NULL, 1), 0);
    tw_optim_free(o);
}

/* s - m^2 of a gradient that never changes is rounding alone, and may come out below 0. */
Test(optim, centered_rmsprop_of_a_constant_gradient) {
    tw_optim *o = tw_optim_new(params, "rmsprop:centered=1,alpha=0.5,lr=1e-6,eps=1e-3");
    const tw_real g[] = {0.1f, -0.3f, 7.7f, 1e-4f, 123.4f, 0};
    for (int step = 0; step < 300; step++) {
        step_with_gradient(ctx, w, g);
        cr_assert_eq(tw_optim_step(o), TW_OK);
        for (int i = 0; i < 6; i++) cr_assert(isfinite(w->data[i]), "step %d, element %d", step, i);
    }
    tw_optim_free(o);
}

/* Each allocation in turn fails: an error, no leak, and the parameters still usable. */
Test(optim, out_of_memory) {
    int failures = 0;
    for (int k = 0; k < 100; k++) {
        counted c = {0};
        tw_ctx *own = counted_ctx(&c, 1);
        tw_params *p = tw_params_new(own);
        tw_tensor *t = tw_param(p, "t", (tw_init){TW_INIT_CONSTANT, 3}, 1, (int[]){5});
        tw_buffer(p, "buffer", 7, 1, (int[]){2});
        counted_fail_after(&c, k);
        tw_optim *o = tw_optim_new(p, "adam");
        if (!o) {
            assert_error(own, TW_ERR_NOMEM, "out of memory");
            failures++;
        }
        cr_assert_eq(t->data[4], 3);
        cr_assert_eq(tw_params_find(p, "buffer")->data[1], 7);
        tw_optim_free(o);
        tw_params_free(p);
        tw_ctx_free(own);
        if (o) break;
    }
    cr_assert_gt(failures, 4);
}

/* ---- schedules ----------------------------------------------------------------------------------------- */
static double factor(const char *spec, double epoch, double epochs) {
    tw_schedule s;
    cr_assert_eq(tw_schedule_parse(ctx, spec, &s), TW_OK, "%s", tw_errmsg(ctx));
    return tw_schedule_factor(&s, epoch, epochs);
}
static void check_factor(const char *spec, double epoch, double epochs, double want) {
    double got = factor(spec, epoch, epochs);
    cr_assert_float_eq(got, want, 1e-12, "%s at %g of %g is %.15g, not %.15g", spec, epoch, epochs, got, want);
}

Test(optim, schedules) {
    check_factor("constant", 0, 10, 1);
    check_factor("constant", 7.3, 10, 1);
    check_factor("constant:warmup=2", 0.5, 10, 0.25);
    check_factor("constant:warmup=2", 2, 10, 1);
    check_factor("step", 9.99, 100, 1);
    check_factor("step", 10, 100, 0.1);
    check_factor("step:every=3,gamma=0.5", 6.5, 9, 0.25);
    check_factor("step:every=3,gamma=0.5,warmup=1", 0.25, 9, 0.25);
    check_factor("cosine", 0, 8, 1);
    check_factor("cosine", 2, 8, 0.5 * (1 + sqrt(0.5)));
    check_factor("cosine", 4, 8, 0.5);
    check_factor("cosine", 8, 8, 0);
    check_factor("cosine", 9, 8, 0); /* past the end: as at the end */
    check_factor("cosine:min=0.1", 8, 8, 0.1);
    check_factor("cosine:min=0.1,warmup=2", 5, 8, 0.55);
    check_factor("cosine:warmup=2", 1, 8, 0.5);
    check_factor("cosine:warmup=8", 4, 8, 0.5); /* the whole training is warm-up: no cosine pulls it down */
    check_factor("cosine:warmup=8", 8, 8, 1);
    check_factor("one_cycle", 0, 10, 1. / 25);
    check_factor("one_cycle", 1.5, 10, (1 + 1. / 25) / 2);
    check_factor("one_cycle", 3, 10, 1);
    check_factor("one_cycle", 10, 10, 1e-4 / 25);
    check_factor("one_cycle", 11, 10, 1e-4 / 25);
    check_factor("one_cycle:anneal=linear,div_factor=4,final_div_factor=2", 6.5, 10, (1 + 1. / 8) / 2);
    check_factor("one_cycle:three_phase=1,div_factor=4", 4.5, 10, (1 + 1. / 4) / 2);
    check_factor("one_cycle:three_phase=1,div_factor=4", 6, 10, 1. / 4);
    check_factor("one_cycle:pct_start=0", 0, 10, 1);
    check_factor("one_cycle:steps=1", 1, 1, 1. / 25 / 1e4);
    const double before[] = {-1, -1e300, NAN, -INFINITY}; /* the beginning: as at 0 */
    static const char *const spec[] = {"constant:warmup=2", "step",      "cosine",
                                       "cosine:warmup=1",   "one_cycle", "constant"};
    for (int i = 0; i < 24; i++) check_factor(spec[i / 4], before[i % 4], 10, factor(spec[i / 4], 0, 10));
    /* Many steps are nearly the limit. */
    for (double e = 0; e <= 10; e += 0.5)
        cr_assert_float_eq(factor("one_cycle:steps=1000000", e, 10), factor("one_cycle", e, 10), 1e-5);
}

Test(optim, schedule_errors) {
    tw_schedule s;
    cr_assert_eq(tw_schedule_parse(ctx, "cosin", &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "no schedule \"cosin\"; did you mean \"cosine\"?");
    cr_assert_eq(tw_schedule_parse(ctx, "", &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "no schedule \"\"; known: constant, step, cosine, one_cycle");
    cr_assert_eq(tw_schedule_parse(ctx, "cosine:every=3", &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "unknown option \"every\"");
    cr_assert_eq(tw_schedule_parse(ctx, "one_cycle:pct_start=1.5", &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "pct_start is 1.5, more than 1");
    cr_assert_eq(tw_schedule_parse(ctx, "one_cycle:anneal=cosine", &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "anneal has no choice \"cosine\"");
    cr_assert_eq(tw_schedule_parse(ctx, "one_cycle:warmup=1", &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "unknown option \"warmup\"");
    cr_assert_eq(tw_schedule_parse(ctx, "step:every=0", &s), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "every");
}
