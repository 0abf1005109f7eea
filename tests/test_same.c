/* test_same.c - an operation that is given one tensor several times passes on the sum of what it gives to copies of it;
 * grad_same.c compares the same cases with finite differences, this one the fast paths of float with themselves. */
#include "util_same.h"

#include "tensor/internal.h"

static const tw_real *backward(tw_ctx *ctx, const same_case *c, tw_tensor *const *leaf) {
    tw_tensor *y = c->f(ctx, leaf, c);
    cr_assert_not_null(y, "%s: %s", c->name, tw_errmsg(ctx));
    tw_real *dy = random_reals(y->size, 9, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s: %s", c->name, tw_errmsg(ctx));
    free(dy);
    return leaf[0]->grad;
}

/* 0.05 .. 0.95: also a probability, a divisor and a logarithm's argument. */
static void check(tw_ctx *ctx, const same_case *c, bool filled) {
    const size_t size = product(c->ndim, c->dim);
    tw_real *value = random_reals(size, 5, 0.05, 0.95), *want = calloc(size, sizeof *want);
    tw_tensor *leaf[SAME_MOST] = {0};
    tw_step_begin(ctx);
    for (int i = 0; i < c->leaves; i++) leaf[i] = tw_input_grad(ctx, value, c->ndim, c->dim);
    backward(ctx, c, leaf);
    double largest = 1e-3;
    for (int i = 0; i < c->leaves; i++)
        for (size_t k = 0; k < size; k++) want[k] += leaf[i]->grad[k];
    for (size_t k = 0; k < size; k++) largest = fmax(largest, fabs((double)want[k]));

    tw_step_begin(ctx);
    if (filled) { /* a gradient is written to memory that holds anything */
        tw_real *old = tw_alloc(ctx, size * sizeof *old);
        for (size_t k = 0; k < size; k++) old[k] = (tw_real)NAN;
        tw__block_give(ctx, old, size * sizeof *old);
    }
    tw_tensor *same = tw_input_grad(ctx, value, c->ndim, c->dim);
    for (int i = 0; i < c->leaves; i++) leaf[i] = same;
    const tw_real *got = backward(ctx, c, leaf);
    for (size_t k = 0; k < size; k++)
        cr_assert(fabs((double)got[k] - (double)want[k]) <= 2e-5 * largest, "%s: element %zu is %g, not %g", c->name, k,
                  (double)got[k], (double)want[k]);
    free(value), free(want);
}

Test(same, one_tensor_given_twice) {
    for (int threads = 1; threads <= 2; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
        for (size_t i = 0; i < same_count(); i++) {
            same_case c = same_at(i);
            check(ctx, &c, false);
            check(ctx, &c, true);
        }
        tw_ctx_free(ctx);
    }
}
