/* test_ctx.c - what a program can learn of its context: statistics; and values that outlive a step. */
#include "util_allocator.h"
#include "util_files.h"

Test(ctx, statistics) {
    counted c = {0};
    tw_ctx *ctx = counted_ctx(&c, 1);
    const long made = c.calls; /* the context itself */
    tw_stats s = tw_ctx_stats(ctx);
    cr_assert(!s.steps && !s.nodes && !s.step_used && !s.step_peak && !s.allocations && !s.allocated);
    tw_params *params = tw_params_new(ctx);
    tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, 1}, 2, (int[]){30, 40});
    tw_optim *o = tw_optim_new(params, "adam");
    s = tw_ctx_stats(ctx);
    cr_assert_eq(s.allocations, (uint64_t)(c.calls - made));
    cr_assert_geq(s.allocated, 4 * 1200 * sizeof(tw_real), "values, gradients and two means");
    cr_assert_geq(s.allocated_peak, s.allocated);
    uint64_t before = 0;
    for (int step = 0; step < 6; step++) {
        tw_step_begin(ctx);
        cr_assert_eq(tw_ctx_stats(ctx).nodes, 0);
        tw_tensor *y = tw_sum(ctx, tw_mul(ctx, w, w), 0, NULL, false);
        cr_assert_eq(tw_backward(ctx, y), TW_OK);
        cr_assert_eq(tw_optim_step(o), TW_OK);
        s = tw_ctx_stats(ctx);
        cr_assert_eq(s.steps, (uint64_t)step + 1);
        cr_assert_eq(s.nodes, 2);
        cr_assert(s.step_used >= 1200 * sizeof(tw_real) && s.step_used <= s.step_peak && s.step_peak <= s.step_room);
        cr_assert_leq(s.scratch_peak, s.scratch_room);
        if (step > 2) cr_assert_eq(s.allocations, before, "nothing is allocated once warm");
        before = s.allocations;
        cr_assert_eq(s.allocations, (uint64_t)(c.calls - made));
    }
    cr_assert_geq(s.allocated, s.step_room + s.scratch_room);
    tw_optim_free(o);
    cr_assert_lt(tw_ctx_stats(ctx).allocated, s.allocated);
    tw_params_free(params);
    s = tw_ctx_stats(ctx);
    cr_assert_gt(s.frees, 0);
    cr_assert_lt(s.frees, s.allocations, "the arenas are left");
    tw_ctx_free(ctx);
}

Test(ctx, copy_out) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real kept[6] = {0}, nothing = 7;
    const tw_real x[] = {1, 2, 3, 4, 5, 6};
    tw_step_begin(ctx);
    tw_tensor *y = tw_set_name(tw_scale(ctx, tw_input(ctx, x, 2, (int[]){2, 3}), 2), "y");
    cr_assert_eq(tw_tensor_copy_out(ctx, y, kept, 6), TW_OK);
    cr_assert_eq(tw_tensor_copy_out(ctx, tw_full(ctx, 1, 2, (int[]){0, 3}), &nothing, 0), TW_OK);
    cr_assert_eq(tw_tensor_copy_out(ctx, tw_full(ctx, 1, 2, (int[]){0, 3}), NULL, 0), TW_OK);
    cr_assert_eq(nothing, 7);
    cr_assert_eq(tw_tensor_copy_out(ctx, y, kept, 5), TW_ERR_SHAPE);
    assert_error(ctx, TW_ERR_SHAPE, "copy_out: room for 5 numbers, but \"y\" [2,3] has 6");
    tw_step_begin(ctx);
    (void)tw_full(ctx, 9, 1, (int[]){1000});
    for (int i = 0; i < 6; i++) cr_assert_eq(kept[i], 2 * x[i], "it outlives the step");
    cr_assert_eq(tw_tensor_copy_out(ctx, y, kept, 6), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "copy_out: input 1 belongs to an earlier step");
    cr_assert_eq(tw_tensor_copy_out(ctx, NULL, kept, 6), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "copy_out: the tensor is NULL");

    tw_tensor *bad = tw_matmul(ctx, tw_full(ctx, 1, 2, (int[]){2, 3}), false, tw_full(ctx, 1, 2, (int[]){2, 3}), false);
    cr_assert_eq(tw_tensor_copy_out(ctx, bad, kept, 6), TW_ERR_SHAPE, "the first error is the one reported");
    assert_error(ctx, TW_ERR_SHAPE, "matmul");
    for (int i = 0; i < 6; i++) cr_assert_eq(kept[i], 2 * x[i]);
    tw_params *params = tw_params_new(ctx); /* a parameter belongs to no step */
    tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, 4}, 1, (int[]){6});
    tw_step_begin(ctx);
    cr_assert_eq(tw_tensor_copy_out(ctx, w, kept, 6), TW_OK);
    cr_assert_eq(kept[5], 4);
    tw_params_free(params);
    tw_ctx_free(ctx);
}
