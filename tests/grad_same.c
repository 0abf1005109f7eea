/* grad_same.c - the gradient of an operation that is given one tensor several times, against finite differences. */
#include "util_same.h"

static tw_tensor *with_one(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const same_case *c = user;
    return c->f(ctx, (tw_tensor *[SAME_MOST]){leaf[0], leaf[0], leaf[0], leaf[0]}, c);
}

Test(grad_same, one_tensor_given_twice) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 1});
    for (size_t i = 0; i < same_count(); i++) {
        same_case c = same_at(i);
        if (c.large) continue;
        tw_gradcheck_leaf leaf = {.ndim = c.ndim};
        tw_real *value = random_reals(product(c.ndim, c.dim), 5, 0.05, 0.95);
        leaf.value = value;
        for (int k = 0; k < c.ndim; k++) leaf.dim[k] = c.dim[k];
        tw_gradcheck_result r;
        cr_assert_eq(tw_gradcheck(ctx, with_one, &c, 1, &leaf, 0, &r), TW_OK, "%s: %s", c.name, tw_errmsg(ctx));
        cr_expect(r.error <= 1e-6, "%s: element %zu: analytic %.12g, numeric %.12g: error %g", c.name, r.index,
                  r.analytic, r.numeric, r.error);
        free(value);
    }
    tw_ctx_free(ctx);
}
