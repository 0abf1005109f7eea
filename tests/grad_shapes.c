/* Odd shapes in double: PyTorch's values and gradients, and where there are numbers, finite differences. */
#include "util_shapes.h"

Test(grad_shapes, equal_pytorch) {
    fixture *f = fixture_load("shapes.txt");
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *in[SHAPE_MOST_INPUTS];
    for (size_t i = 0; i < shape_count(); i++)
        for (int v = 0; tw_step_begin(ctx), shape_inputs(ctx, f, shape_at(i), v, in); v++) {
            tw_step_begin(ctx);
            shape_equals_pytorch(ctx, f, shape_at(i), v, 1e-12);
        }
    tw_ctx_free(ctx);
    fixture_free(f);
}

static tw_tensor *run(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    return ((const shape_case *)user)->f(ctx, leaf);
}

static bool random_or_not_finite(tw_ctx *ctx, const shape_case *c, tw_tensor *const *in) {
    const tw_tensor *y = c->f(ctx, in);
    for (size_t i = 0; y && i < y->size; i++)
        if (!isfinite(y->data[i])) return true;
    return !y;
}

Test(grad_shapes, equal_finite_differences) {
    fixture *f = fixture_load("shapes.txt");
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *in[SHAPE_MOST_INPUTS];
    for (size_t i = 0; i < shape_count(); i++)
        for (int v = 0; tw_step_begin(ctx), shape_inputs(ctx, f, shape_at(i), v, in); v++) {
            shape_case c = *shape_at(i);
            tw_gradcheck_leaf leaf[SHAPE_MOST_INPUTS] = {{0}};
            tw_real *copy[SHAPE_MOST_INPUTS];
            size_t most = 0;
            bool leave = random_or_not_finite(ctx, &c, in); /* the mean over nothing is NaN */
            for (int k = 0; k < c.inputs; k++) {
                leaf[k].ndim = in[k]->ndim;
                memcpy(leaf[k].dim, in[k]->dim, sizeof leaf[k].dim);
                copy[k] = malloc((in[k]->size + 1) * sizeof *copy[k]);
                if (in[k]->size) memcpy(copy[k], in[k]->data, in[k]->size * sizeof *copy[k]);
                leaf[k].value = copy[k];
                if (in[k]->size > most) most = in[k]->size;
            }
            if (!leave && most < 400) {
                tw_gradcheck_result r = {0};
                cr_assert_eq(tw_gradcheck(ctx, run, &c, c.inputs, leaf, 0, &r), TW_OK, "%s/%d: %s", c.name, v,
                             tw_errmsg(ctx));
                cr_assert_leq(r.error, 1e-6, "%s/%d: leaf %d, element %zu: %g, not %g", c.name, v, r.leaf, r.index,
                              r.analytic, r.numeric);
            }
            for (int k = 0; k < c.inputs; k++) free(copy[k]);
        }
    tw_ctx_free(ctx);
    fixture_free(f);
}
