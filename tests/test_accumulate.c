/* test_accumulate.c - several backward passes before one step of the optimiser. */
#include "util_accumulate.h"
#include "util_optim.h"

static tw_ctx *ctx;
static tw_params *params;
static tw_tensor *w, *b;

static void setup(void) {
    ctx = tw_ctx_new(1);
    params = tw_params_new(ctx);
    w = tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, 1}, 1, (int[]){2});
    b = tw_param(params, "b", (tw_init){TW_INIT_CONSTANT, 1}, 1, (int[]){2});
}
static void teardown(void) {
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(accumulate, .init = setup, .fini = teardown);

/* A step in which t gets this gradient, on top of what there is. */
static void more(tw_tensor *t, tw_real first, tw_real second) {
    const tw_real g[] = {first, second}, *all[] = {g};
    tw_step_accumulate(ctx);
    cr_assert_eq(tw_backward(ctx, give_gradients(ctx, 1, &t, all)), TW_OK, "%s", tw_errmsg(ctx));
}

Test(accumulate, equals_the_large_batch) { check_accumulation(2e-4); }

Test(accumulate, gradients_add_up_until_a_step_begins) {
    tw_optim *o = tw_optim_new(params, "sgd:lr=1");
    const tw_real g[] = {1, 2};
    step_with_gradient(ctx, w, g);
    more(w, 10, 20);
    more(b, 3, 4);
    more(w, 100, 200);
    cr_assert(w->grad[0] == 111 && w->grad[1] == 222 && b->grad[0] == 3 && b->grad[1] == 4);
    cr_assert_float_eq(tw_clip_grad_norm(params, 0), sqrt(111. * 111 + 222. * 222 + 25), 1e-4);
    cr_assert_eq(tw_optim_step(o), TW_OK);
    cr_assert(w->data[0] == -110 && w->data[1] == -221 && b->data[0] == -2 && b->data[1] == -3);
    step_with_gradient(ctx, w, g);
    cr_assert(w->grad[0] == 1 && w->grad[1] == 2, "a new step begins with nothing");
    cr_assert_eq(tw_optim_step(o), TW_OK);
    cr_assert(w->data[0] == -111 && b->data[0] == -2, "b got nothing in this step");
    tw_step_begin(ctx);
    cr_assert_eq(tw_optim_step(o), TW_ERR_STATE, "nor does an empty step have gradients");
    tw_optim_free(o);
}

/* As in PyTorch, a step does not clear what was added up. */
Test(accumulate, goes_on_after_a_step) {
    tw_optim *o = tw_optim_new(params, "sgd:lr=1");
    const tw_real g[] = {1, 2};
    step_with_gradient(ctx, w, g);
    cr_assert_eq(tw_optim_step(o), TW_OK);
    more(w, 1, 1);
    cr_assert_eq(tw_optim_step(o), TW_OK);
    cr_assert(w->data[0] == -2 && w->data[1] == -4);
    tw_optim_free(o);
}

Test(accumulate, a_parameter_that_is_the_loss) {
    tw_tensor *one = tw_param(params, "one", (tw_init){TW_INIT_CONSTANT, 3}, 0, NULL);
    cr_assert_eq(tw_params_seal(params), TW_OK);
    tw_step_begin(ctx);
    cr_assert_eq(tw_backward(ctx, one), TW_OK);
    tw_step_accumulate(ctx);
    cr_assert_eq(tw_backward(ctx, one), TW_OK);
    cr_assert_eq(one->grad[0], 2);
}

Test(accumulate, tied_parameters) {
    tw_tensor *tied = tw_param(params, "tied", (tw_init){0}, 1, (int[]){2});
    cr_assert_eq(tw_params_tie(params, "tied", "w"), TW_OK);
    tw_optim *o = tw_optim_new(params, "sgd:lr=1");
    const tw_real g[] = {1, 2};
    step_with_gradient(ctx, w, g);
    more(tied, 10, 20);
    cr_assert(w->grad[0] == 11 && tied->grad[1] == 22);
    cr_assert_eq(tw_optim_step(o), TW_OK);
    cr_assert(w->data[0] == -10 && tied->data[1] == -21);
    tw_optim_free(o);
}

Test(accumulate, needs_sealed_parameters) {
    const tw_real g[] = {1, 2}, *all[] = {g};
    step_with_gradient(ctx, w, g);
    tw_step_accumulate(ctx);
    cr_assert_eq(tw_backward(ctx, give_gradients(ctx, 1, &w, all)), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE,
                 "the gradient of \"w\" [2] cannot add up over steps before its parameters are sealed");
    tw_step_begin(ctx);
    cr_assert_eq(tw_backward(ctx, give_gradients(ctx, 1, &w, all)), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_params_seal(params), TW_OK, "the gradient of this step moves with its parameter");
    more(w, 1, 1);
    cr_assert(w->grad[0] == 2 && w->grad[1] == 3);
}

/* Its memory is gone with its step, so sealing cannot keep it, and must not take zeros for it. */
Test(accumulate, a_gradient_before_sealing_is_not_lost_in_silence) {
    const tw_real g[] = {1, 2};
    step_with_gradient(ctx, w, g);
    tw_step_accumulate(ctx);
    cr_assert_null(tw_optim_new(params, "sgd:lr=1"));
    assert_error(ctx, TW_ERR_STATE, "the gradient of \"w\" [2] is of a step before its parameters were sealed");
    tw_step_begin(ctx);
    tw_optim *o = tw_optim_new(params, "sgd:lr=1");
    assert_ok(ctx);
    more(w, 1, 2);
    cr_assert(w->grad[0] == 1 && w->grad[1] == 2);
    tw_optim_free(o);
}

/* A failed part is an error that stays, and no weight moves. */
Test(accumulate, a_failed_part) {
    tw_optim *o = tw_optim_new(params, "sgd:lr=1");
    const tw_real g[] = {1, 2};
    step_with_gradient(ctx, w, g);
    tw_step_accumulate(ctx);
    cr_assert_eq(tw_backward(ctx, tw_scale(ctx, tw_sum(ctx, w, 0, NULL, false), NAN)), TW_ERR_NONFINITE);
    tw_step_accumulate(ctx);
    cr_assert_eq(tw_optim_step(o), TW_ERR_STATE);
    cr_assert(w->data[0] == 1 && w->data[1] == 1);
    tw_error_clear(ctx);
    step_with_gradient(ctx, w, g);
    more(w, NAN, 0);
    more(w, 1, 0);
    cr_assert_eq(tw_optim_step(o), TW_ERR_NONFINITE);
    cr_assert(w->data[0] == 1 && w->data[1] == 1);
    tw_optim_free(o);
}
