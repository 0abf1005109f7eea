/* grad_costs.c - the gradient of every loss, registered or not, against central differences in double. */
#include "util_costs.h"
#include "util_loss_fixtures.h"

enum { DRAWS = 24 };

typedef struct call {
    const problem *p;
    const char *spec;
    const tw_real *weight;
} call;

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const call *c = user;
    tw_cost cost = problem_cost(ctx, c->p, c->spec);
    tw_target target = c->p->p.labels;
    if (c->p->p.target) target.tensor = leaf[1];
    if (c->weight) target.sample_weight = tw_input(ctx, c->weight, 1, (int[]){(int)c->p->samples});
    return tw_cost_apply(ctx, &cost, leaf[0], &target);
}

static void check(tw_ctx *ctx, const problem *p, const char *spec, const tw_real *weight) {
    tw_gradcheck_leaf leaf[2] = {{.value = p->p.pred, .ndim = p->p.ndim}, {.value = p->p.target, .ndim = p->p.ndim}};
    memcpy(leaf[0].dim, p->p.dim, sizeof p->p.dim);
    memcpy(leaf[1].dim, p->p.dim, sizeof p->p.dim);
    leaf[1].skip = !(p->cost->traits & TW_COST_TARGET_GRAD);
    call c = {p, spec, weight};
    tw_gradcheck_result r;
    tw_err err = tw_gradcheck(ctx, apply, &c, p->p.target ? 2 : 1, leaf, 0, &r);
    cr_assert_eq(err, TW_OK, "%s:%s: %s", p->cost->name, p->variant, tw_errmsg(ctx));
    cr_assert_leq(r.error, 1e-6, "%s:%s (%s): leaf %d, element %zu: analytic %.12g, numeric %.12g, error %.3g",
                  p->cost->name, p->variant, spec, r.leaf, r.index, r.analytic, r.numeric, r.error);
}

/* A difference of two infinities is no number: those samples' gradient, 0, is checked in test_costs.c. */
static bool is_finite(tw_ctx *ctx, const problem *p) {
    result r = problem_run(ctx, p, "reduction=none", NULL, NULL);
    bool all = true;
    for (size_t i = 0; i < r.n; i++) all = all && isfinite(r.loss[i]);
    result_free(&r);
    return all;
}

/* Every reduction, plain and with sample weights, on at least DRAWS finite problems. */
static void check_variant(tw_ctx *ctx, const tw_cost_layer *cost, const char *variant) {
    static const char *const reductions[] = {"reduction=none", "reduction=mean", "reduction=sum",
                                             "reduction=batchmean"}; /* none has random upstream numbers */
    int checked = 0;
    for (uint64_t stream = 0; checked < DRAWS; stream++) {
        cr_assert_leq(stream, 4 * DRAWS, "%s:%s: too few finite problems", cost->name, variant);
        problem p = problem_draw(ctx, cost, variant, stream);
        if (is_finite(ctx, &p)) {
            tw_real *weight = random_reals(p.samples, stream, 0, 2);
            for (int r = 0; r < 4; r++) check(ctx, &p, reductions[r], (stream + (uint64_t)r) % 2 ? weight : NULL);
            free(weight);
            checked++;
        }
        problem_free(&p);
    }
}

Test(costs, gradient) {
    tw_ctx *ctx = tw_ctx_new(1);
    const char *variant;
    for (size_t i = 0; i < every_cost_count(); i++)
        for (size_t v = 0; (variant = every_variant(every_cost_at(i), v)); v++)
            check_variant(ctx, every_cost_at(i), variant);
    tw_ctx_free(ctx);
}

Test(costs, equal_pytorch_in_double) {
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const char *name = tw_cost_name(tw_cost_at(i));
        cr_expect_gt(check_loss_fixtures(name, strcmp(name, "ctc") != 0 ? 1e-12 : 1e-11), 0, "%s", name);
    }
}

/* p and gamma are both distributions: in double their difference sums to 0 far below what thousands of frames of
 * rounding would leave. */
Test(costs, ctc_rows_sum_to_zero_after_thousands_of_frames) {
    enum { T = 3000, K = 10, L = 100 };
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real *z = random_reals(T * K, 1, -30, 30);
    int32_t label[L], length = L;
    for (int i = 0; i < L; i++) label[i] = 1 + i % (K - 1);
    tw_tensor *x = tw_input_grad(ctx, z, 3, (int[]){T, 1, K});
    tw_tensor *loss = tw_ctc_loss(ctx, x, (tw_labels){label, L}, (tw_labels){&length, 1}, (tw_labels){0}, NULL);
    cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
    for (int t = 0; t < T; t++) {
        double row = 0;
        for (int k = 0; k < K; k++) row += (double)x->grad[t * K + k];
        cr_assert_leq(fabs(row), 1e-14, "frame %d: %g", t, row);
    }
    free(z);
    tw_ctx_free(ctx);
}
