/* test_ops_shape.c - reshape, permute, concat, slice and dropout: slow oracles, limits, errors. */
#include "util.h"

/* ---- reshape ------------------------------------------------------------------------------------------- */

Test(reshape, shares_memory_and_infers) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 3, (int[]){2, 3, 4});
    tw_tensor *y = tw_reshape(ctx, x, 2, (int[]){-1, 6});
    assert_tensor(ctx, y, 2, ((int[]){4, 6}), x->data, 0);
    cr_assert_eq(y->data, x->data);
    assert_tensor(ctx, tw_reshape(ctx, x, 1, (int[]){-1}), 1, (int[]){24}, x->data, 0);
    tw_tensor *one = tw_full(ctx, 3, 2, (int[]){1, 1});
    assert_tensor(ctx, tw_reshape(ctx, one, 0, NULL), 0, NULL, (tw_real[]){3}, 0);
    tw_tensor *empty = tw_full(ctx, 3, 2, (int[]){0, 5});
    assert_tensor(ctx, tw_reshape(ctx, empty, 3, (int[]){7, 0, 2}), 3, ((int[]){7, 0, 2}), NULL, 0);
    assert_tensor(ctx, tw_reshape(ctx, empty, 2, (int[]){-1, 4}), 2, ((int[]){0, 4}), NULL, 0);
    tw_ctx_free(ctx);
}

Test(reshape, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 2, (int[]){2, 6}), "x"), *empty = tw_full(ctx, 1, 1, (int[]){0});
    static const int bad[][2] = {{5, 2}, {-1, 5}, {-1, -1}, {-2, 6}, {0, -1}, {2147483647, 2147483647}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(tw_reshape(ctx, x, 2, bad[i]));
        assert_error(ctx, TW_ERR_SHAPE, "reshape: \"x\" [2,6] has 12 elements and cannot become [");
    }
    cr_assert_null(tw_reshape(ctx, x, 6, (int[]){2, 6, 1, 1, 1, 1}));
    assert_error(ctx, TW_ERR_SHAPE, "reshape: a tensor has 0 to 5 dimensions, not 6");
    cr_assert_null(tw_reshape(ctx, empty, 2, (int[]){0, -1})); /* any number would do */
    assert_error(ctx, TW_ERR_SHAPE, "cannot become [0,-1]");
    /* An inferred size beyond int. The data is never read. */
    tw_real v = 0;
    tw_tensor *huge = tw_input(ctx, &v, 2, (int[]){65536, 65536});
    assert_tensor(ctx, tw_reshape(ctx, huge, 2, (int[]){4, -1}), 2, ((int[]){4, 1 << 30}), NULL, 0);
    cr_assert_null(tw_reshape(ctx, huge, 2, (int[]){2, -1}));
    assert_error(ctx, TW_ERR_SHAPE, "has 4294967296 elements and cannot become [2,-1]");
    cr_assert_null(tw_reshape(ctx, NULL, 1, (int[]){1}));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}

/* ---- permute ------------------------------------------------------------------------------------------- */

static void compare_permute(tw_ctx *ctx, int ndim, const int *dim, const int *order) {
    tw_step_begin(ctx);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, ndim, dim), *y = tw_permute(ctx, x, order);
    int want[TW_MAX_DIMS];
    for (int i = 0; i < ndim; i++) want[i] = dim[order[i]];
    assert_tensor(ctx, y, ndim, want, NULL, 0);
    tw_real *dy = random_reals(y->size, 3, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    for (size_t i = 0; i < y->size; i++) {
        int at[TW_MAX_DIMS], from[TW_MAX_DIMS];
        coordinates(ndim, want, i, at);
        for (int k = 0; k < ndim; k++) from[order[k]] = at[k];
        size_t j = element(ndim, dim, ndim, from);
        cr_assert_eq(y->data[i], x->data[j]);
        cr_assert_eq(x->grad[j], dy[i]);
    }
    free(dy);
}

static void every_order(tw_ctx *ctx, int ndim, const int *dim, int *order, int n) {
    if (n == ndim) {
        compare_permute(ctx, ndim, dim, order);
        return;
    }
    for (int axis = 0; axis < ndim; axis++) {
        bool used = false;
        for (int i = 0; i < n; i++) used |= order[i] == axis;
        order[n] = axis;
        if (!used) every_order(ctx, ndim, dim, order, n + 1);
    }
}

Test(permute, every_order) {
    tw_ctx *ctx = tw_ctx_new(1);
    int order[TW_MAX_DIMS];
    every_order(ctx, 0, NULL, order, 0);
    every_order(ctx, 1, (int[]){3}, order, 0);
    every_order(ctx, 2, (int[]){130, 257}, order, 0);
    every_order(ctx, 3, (int[]){33, 5, 70}, order, 0);
    every_order(ctx, 3, (int[]){2, 0, 3}, order, 0);
    every_order(ctx, 4, (int[]){3, 1, 40, 2}, order, 0);
    every_order(ctx, 5, (int[]){2, 3, 4, 1, 35}, order, 0);
    tw_ctx_free(ctx);
}

Test(permute, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_full(ctx, 1, 3, (int[]){2, 3, 4});
    cr_assert_null(tw_permute(ctx, x, (int[]){0, 1, 1}));
    assert_error(ctx, TW_ERR_RANGE, "permute: order[2] is 1, but order must hold each of 0..2 once: [2,3,4]");
    cr_assert_null(tw_permute(ctx, x, (int[]){0, 3, 1}));
    assert_error(ctx, TW_ERR_RANGE, "order[1] is 3");
    cr_assert_null(tw_permute(ctx, x, (int[]){-1, 0, 1}));
    assert_error(ctx, TW_ERR_RANGE, "order[0] is -1");
    cr_assert_null(tw_permute(ctx, NULL, (int[]){0}));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}

/* ---- concat and slice: one undoes the other ------------------------------------------------------------ */

static void compare_concat(tw_ctx *ctx, const int *dim, int axis, int n, const int *length) {
    tw_step_begin(ctx);
    tw_tensor *x[4];
    int part[3] = {dim[0], dim[1], dim[2]}, all[3] = {dim[0], dim[1], dim[2]};
    all[axis] = 0;
    for (int i = 0; i < n; i++) {
        part[axis] = length[i];
        all[axis] += length[i];
        x[i] = random_leaf(ctx, (uint64_t)i + 1, -1, 1, 3, part);
    }
    tw_tensor *y = tw_concat(ctx, n, x, axis - 3);
    assert_tensor(ctx, y, 3, all, NULL, 0);
    tw_real *dy = random_reals(y->size, 3, -1, 1);
    for (int i = 0, start = 0; i < n; start += length[i++]) { /* slices of the result are the parts */
        part[axis] = length[i];
        assert_tensor(ctx, tw_slice(ctx, y, axis, start, start + length[i]), 3, part, x[i]->data, 0);
    }
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    tw_tensor *g = tw_input(ctx, dy, 3, all);
    for (int i = 0, start = 0; i < n; start += length[i++])
        assert_near(x[i]->grad, tw_slice(ctx, g, axis, start, start + length[i])->data, x[i]->size, 0);
    free(dy);
}

Test(concat, slices_are_the_parts) {
    static const int dim[][3] = {{2, 3, 4}, {1, 1, 1}, {5, 70, 300}, {0, 2, 3}};
    static const int length[][4] = {{1, 2, 3, 1}, {0, 2, 0, 1}, {0, 0, 0, 0}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t d = 0; d < sizeof dim / sizeof *dim; d++)
        for (size_t l = 0; l < sizeof length / sizeof *length; l++)
            for (int axis = 0; axis < 3; axis++)
                for (int n = 1; n <= 4; n++) compare_concat(ctx, dim[d], axis, n, length[l]);
    tw_ctx_free(ctx);
}

Test(concat, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *a = tw_full(ctx, 1, 2, (int[]){2, 3}), *b = tw_full(ctx, 1, 2, (int[]){2, 4});
    tw_tensor *c = tw_full(ctx, 1, 1, (int[]){2});
    cr_assert_null(tw_concat(ctx, 2, (tw_tensor *[]){a, b}, 0));
    assert_error(ctx, TW_ERR_SHAPE, "concat: part 2 differs from the first in more than axis 0: [2,3] and [2,4]");
    cr_assert_null(tw_concat(ctx, 2, (tw_tensor *[]){a, c}, 0));
    assert_error(ctx, TW_ERR_SHAPE, "[2,3] and [2]");
    cr_assert_null(tw_concat(ctx, 1, (tw_tensor *[]){a}, 2));
    assert_error(ctx, TW_ERR_RANGE, "concat: axis 2");
    cr_assert_null(tw_concat(ctx, 0, NULL, 0));
    assert_error(ctx, TW_ERR_RANGE, "concat: 0 tensors; it takes at least one");
    cr_assert_null(tw_concat(ctx, 2, (tw_tensor *[]){a, NULL}, 0));
    assert_ok(ctx);
    int huge[2] = {2000000000, 0};
    tw_tensor *h = tw_full(ctx, 1, 2, huge);
    cr_assert_null(tw_concat(ctx, 2, (tw_tensor *[]){h, h}, 0));
    assert_error(ctx, TW_ERR_SHAPE, "concat: axis 0 would be 4000000000 long");
    tw_ctx_free(ctx);
}

Test(slice, negative_bounds_and_gradient) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real v[5] = {1, 2, 3, 4, 5};
    tw_tensor *x = tw_input_grad(ctx, v, 1, (int[]){5});
    tw_tensor *y = tw_slice(ctx, x, -1, -4, -1);
    assert_tensor(ctx, y, 1, (int[]){3}, ((tw_real[]){2, 3, 4}), 0);
    assert_tensor(ctx, tw_slice(ctx, x, 0, 5, 5), 1, (int[]){0}, NULL, 0);
    assert_tensor(ctx, tw_slice(ctx, x, 0, -5, 5), 1, (int[]){5}, v, 0);
    /* Overlapping slices add up, what none of them holds gets 0. */
    tw_tensor *z = tw_add(ctx, y, tw_slice(ctx, x, 0, 0, 3));
    cr_assert_eq(tw_backward_from(ctx, z, (tw_real[]){1, 10, 100}), TW_OK);
    assert_near(x->grad, ((tw_real[]){1, 11, 110, 100, 0}), 5, 0);
    tw_ctx_free(ctx);
}

Test(slice, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_full(ctx, 1, 2, (int[]){4, 3});
    static const int bad[][2] = {{3, 2}, {-5, 2}, {0, 5}, {-1, -2}, {5, 5}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(tw_slice(ctx, x, 0, bad[i][0], bad[i][1]));
        assert_error(ctx, TW_ERR_RANGE, "is not within the 4 elements of axis 0: [4,3]");
    }
    cr_assert_null(tw_slice(ctx, x, 2, 0, 1));
    assert_error(ctx, TW_ERR_RANGE, "slice: axis 2");
    cr_assert_null(tw_slice(ctx, NULL, 0, 0, 1));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}

/* ---- dropout ------------------------------------------------------------------------------------------- */

Test(dropout, drops_a_share_and_scales_the_rest) {
    tw_ctx *ctx = tw_ctx_new(7);
    const int n = 100001;
    for (double p = 0.1; p < 1; p += 0.2) {
        tw_step_begin(ctx);
        tw_tensor *x = random_leaf(ctx, 1, 1, 2, 1, &n), *y = tw_dropout(ctx, x, (tw_real)p);
        tw_real *dy = random_reals((size_t)n, 3, -1, 1);
        cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
        int dropped = 0, pairs = 0;
        for (int i = 0; i < n; i++) {
            bool kept = y->data[i] != 0;
            tw_real scale = kept ? 1 / (1 - (tw_real)p) : 0;
            cr_assert_eq(y->data[i], x->data[i] * scale);
            cr_assert_eq(x->grad[i], dy[i] * scale);
            dropped += !kept;
            pairs += i && !kept && y->data[i - 1] == 0;
        }
        double sigma = sqrt(p * (1 - p) / n);
        cr_assert_float_eq((double)dropped / n, p, 5 * sigma);
        cr_assert_float_eq((double)pairs / n, p * p, 8 * sigma); /* neighbours are independent */
        free(dy);
    }
    tw_ctx_free(ctx);
}

Test(dropout, limits) {
    tw_ctx *ctx = tw_ctx_new(7);
    tw_real v[4] = {1, INFINITY, NAN, -2};
    tw_tensor *x = tw_input_grad(ctx, v, 1, (int[]){4});
    cr_assert_eq(tw_dropout(ctx, x, 0), x);
    tw_tensor *y = tw_dropout(ctx, x, 1);
    assert_tensor(ctx, y, 1, (int[]){4}, ((tw_real[]){0, 0, 0, 0}), 0);
    cr_assert_eq(tw_backward_from(ctx, y, (tw_real[]){1, 1, 1, 1}), TW_OK);
    assert_near(x->grad, ((tw_real[]){0, 0, 0, 0}), 4, 0);
    tw_set_training(ctx, false);
    cr_assert_eq(tw_dropout(ctx, x, (tw_real)0.5), x);
    assert_ok(ctx);
    for (int training = 0; training < 2; training++) {
        tw_set_training(ctx, training);
        cr_assert_null(tw_dropout(ctx, x, (tw_real)-0.1));
        assert_error(ctx, TW_ERR_RANGE, "dropout: p is -0.1, but a probability lies in [0, 1]");
        cr_assert_null(tw_dropout(ctx, x, (tw_real)1.5));
        assert_error(ctx, TW_ERR_RANGE, "dropout: p is 1.5");
        cr_assert_null(tw_dropout(ctx, x, NAN));
        assert_error(ctx, TW_ERR_RANGE, "dropout: p is ");
    }
    cr_assert_null(tw_dropout(ctx, NULL, 0));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}

Test(dropout, follows_the_random_state) {
    tw_ctx *ctx = tw_ctx_new(7);
    const int n = 1000;
    tw_tensor *x = tw_full(ctx, 1, 1, &n);
    tw_rng_state start = tw_rng_get(ctx);
    tw_tensor *first = tw_dropout(ctx, x, (tw_real)0.5), *second = tw_dropout(ctx, x, (tw_real)0.5);
    cr_assert_neq(memcmp(first->data, second->data, x->size * sizeof *x->data), 0);
    tw_rng_set(ctx, start);
    tw_tensor *again = tw_dropout(ctx, x, (tw_real)0.5);
    cr_assert_eq(memcmp(first->data, again->data, x->size * sizeof *x->data), 0);
    /* Whether the call is recorded changes nothing. */
    tw_rng_set(ctx, start);
    tw_tensor *leaf = tw_input_grad(ctx, x->data, 1, &n), *recorded = tw_dropout(ctx, leaf, (tw_real)0.5);
    cr_assert_not_null(recorded->node);
    cr_assert_eq(memcmp(first->data, recorded->data, x->size * sizeof *x->data), 0);
    tw_ctx_free(ctx);
}
