/* test_costs_engine.c - how every loss behaves as an operation: threads, memory, recording. See test_costs.c. */
#include "util_allocator.h"
#include "util_costs.h"

enum { DRAWS = 24 };

/* ---- threads and recording ----------------------------------------------------------------------------- */

Test(costs_engine, same_bits_for_one_two_and_three_threads) {
    tw_ctx *ctx[3];
    for (int i = 0; i < 3; i++) ctx[i] = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = i + 1});
    for (size_t i = 0; i < every_cost_count(); i++)
        for (uint64_t stream = 0; stream < DRAWS; stream++) {
            problem p = problem_draw(ctx[0], every_cost_at(i), "", stream);
            result r[3];
            for (int k = 0; k < 3; k++) {
                r[k] = problem_run(ctx[k], &p, NULL, NULL, NULL);
                cr_assert(!memcmp(r[k].loss, r[0].loss, sizeof *r[k].loss), "%s", p.cost->name);
                cr_assert(!memcmp(r[k].pred, r[0].pred, p.size * sizeof *r[k].pred), "%s", p.cost->name);
            }
            for (int k = 0; k < 3; k++) result_free(&r[k]);
            problem_free(&p);
        }
    for (int i = 0; i < 3; i++) tw_ctx_free(ctx[i]);
}

Test(costs_engine, recording_does_not_change_the_value) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < every_cost_count(); i++)
        for (uint64_t stream = 0; stream < DRAWS; stream++) {
            problem p = problem_draw(ctx, every_cost_at(i), "", stream);
            result r = problem_run(ctx, &p, "reduction=none", NULL, NULL);
            tw_step_begin(ctx);
            tw_set_recording(ctx, false);
            tw_cost cost;
            cr_assert_eq(tw_cost_of(ctx, p.cost, "reduction=none", &cost), TW_OK);
            tw_target target = problem_target(ctx, &p, false);
            tw_tensor *pred = tw_input_grad(ctx, p.p.pred, p.p.ndim, p.p.dim);
            tw_tensor *loss = tw_cost_apply(ctx, &cost, pred, &target);
            tw_set_recording(ctx, true);
            cr_assert_not_null(loss, "%s", tw_errmsg(ctx));
            cr_assert(!memcmp(loss->data, r.loss, r.n * sizeof *r.loss), "%s", p.cost->name);
            cr_assert_null(loss->node);
            result_free(&r);
            problem_free(&p);
        }
    tw_ctx_free(ctx);
}

/* ---- memory -------------------------------------------------------------------------------------------- */

/* One step without anything but the library: draws the problem, computes, goes back. */
static tw_err bare_step(tw_ctx *ctx, const tw_cost_layer *layer, uint64_t stream) {
    tw_cost_problem p;
    tw_cost cost;
    tw_step_begin(ctx);
    if (tw_cost_of(ctx, layer, "reduction=none", &cost) || layer->sample(ctx, stream, cost.options, &p))
        return tw_error(ctx);
    tw_tensor *pred = tw_input_grad(ctx, p.pred, p.ndim, p.dim);
    tw_target target = p.labels;
    if (p.target) target.tensor = tw_input_grad(ctx, p.target, p.ndim, p.dim);
    tw_tensor *loss = tw_cost_apply(ctx, &cost, pred, &target);
    if (!loss) return tw_error(ctx);
    tw_real *ones = tw_alloc(ctx, loss->size * sizeof *ones);
    for (size_t i = 0; ones && i < loss->size; i++) ones[i] = 1;
    return ones ? tw_backward_from(ctx, loss, ones) : tw_error(ctx);
}

Test(costs_engine, no_malloc_in_the_steady_state) {
    for (size_t i = 0; i < every_cost_count(); i++) {
        counted c = {0};
        tw_ctx *ctx = counted_ctx(&c, 2);
        for (uint64_t stream = 0; stream < 3 * DRAWS; stream++) /* warming up: every size that will come */
            cr_assert_eq(bare_step(ctx, every_cost_at(i), stream % DRAWS), TW_OK, "%s", tw_errmsg(ctx));
        long before = c.calls;
        for (uint64_t stream = 0; stream < 200; stream++)
            cr_assert_eq(bare_step(ctx, every_cost_at(i), stream % DRAWS), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(c.calls, before, "%s allocated %ld times", every_cost_at(i)->name, c.calls - before);
        tw_ctx_free(ctx);
    }
}

Test(costs_engine, every_allocation_may_fail) {
    for (size_t i = 0; i < every_cost_count(); i++) {
        tw_err err = TW_ERR_NOMEM;
        for (long allowed = 1; err == TW_ERR_NOMEM; allowed++) {
            cr_assert_lt(allowed, 100);
            counted c = {0};
            counted_fail_after(&c, allowed);
            tw_ctx *ctx = counted_ctx(&c, 1);
            err = bare_step(ctx, every_cost_at(i), 5);
            cr_assert(err == TW_OK || err == TW_ERR_NOMEM, "%s: %s", every_cost_at(i)->name, tw_errmsg(ctx));
            tw_ctx_free(ctx);
        }
    }
}

/* A CTC batch needs more scratch than the first block holds: it too settles. */
Test(costs_engine, large_scratch_settles) {
    counted c = {0};
    tw_ctx *ctx = counted_ctx(&c, 2);
    enum { T = 200, N = 4, K = 20, L = 40 };
    tw_real *z = random_reals(T * N * K, 1, -2, 2);
    int32_t label[N * L], length[N] = {L, L, L, L};
    for (int i = 0; i < N * L; i++) label[i] = 1 + i % (K - 1);
    long before = 0;
    for (int step = 0; step < 10; step++) {
        if (step == 3) before = c.calls;
        tw_step_begin(ctx);
        tw_tensor *logits = tw_input_grad(ctx, z, 3, (int[]){T, N, K});
        tw_tensor *loss = tw_ctc_loss(ctx, logits, (tw_labels){label, N * L}, (tw_labels){length, N}, (tw_labels){0},
                                      NULL);
        cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
    }
    cr_assert_eq(c.calls, before, "%ld allocations after warming up", c.calls - before);
    free(z);
    tw_ctx_free(ctx);
}
