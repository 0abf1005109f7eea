/* test_ops_max.c - the largest over axes, with ties, NaN and threads: slow oracles, errors. (Gradients: grad_ops.c.) */
#include "util.h"

typedef struct shape {
    int ndim, dim[TW_MAX_DIMS];
} shape;

static const shape shapes[] = {
    {0, {0}},          {1, {1}},       {1, {7}},          {2, {3, 300}},
    {2, {300, 3}},     {3, {2, 3, 4}}, {4, {2, 1, 3, 5}}, {5, {2, 3, 2, 3, 2}},
    {2, {0, 3}},       {3, {2, 0, 3}}, {1, {50000}},      {3, {2, 3000, 4}},
    {3, {40, 40, 90}}, {2, {3, 5000}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Whole numbers: many are equal. */
static tw_tensor *few_values(tw_ctx *ctx, const shape *s) {
    tw_tensor *x = random_leaf(ctx, 7, -3, 3, s->ndim, s->dim);
    for (size_t i = 0; i < x->size; i++) x->data[i] = (tw_real)floor((double)x->data[i]);
    return x;
}

/* Bit i of `axes` marks axis i. */
static void compare_amax(tw_ctx *ctx, const shape *s, unsigned axes, bool keep) {
    tw_step_begin(ctx);
    int list[TW_MAX_DIMS], n = 0, kept[TW_MAX_DIMS], dim[TW_MAX_DIMS], ndim = 0;
    bool empty = false;
    for (int i = 0; i < s->ndim; i++) {
        const bool reduced = axes >> i & 1;
        if (reduced) {
            list[n] = n % 2 ? i - s->ndim : i;
            n++;
            empty = empty || s->dim[i] == 0;
        }
        kept[i] = reduced ? 1 : s->dim[i];
        if (!reduced || keep) dim[ndim++] = kept[i];
    }
    tw_tensor *x = few_values(ctx, s), *y = tw_amax(ctx, x, n, list, keep);
    if (empty) {
        cr_assert_null(y);
        assert_error(ctx, TW_ERR_SHAPE, "has no elements, so none is the largest");
        return;
    }
    assert_tensor(ctx, y, ndim, dim, NULL, 0);
    double *want = malloc((y->size + 1) * sizeof *want), *equal = calloc(y->size + 1, sizeof *equal);
    for (size_t i = 0; i < y->size; i++) want[i] = -INFINITY;
    tw_real *dy = random_reals(y->size, 3, -1, 1);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < x->size; i++) {
            int at[TW_MAX_DIMS];
            coordinates(s->ndim, s->dim, i, at);
            const size_t o = element(s->ndim, kept, s->ndim, at);
            if (pass == 0) want[o] = fmax(want[o], (double)x->data[i]);
            else equal[o] += (double)x->data[i] == want[o];
        }
    for (size_t i = 0; i < y->size; i++) cr_assert_eq((double)y->data[i], want[i], "axes %x: y[%zu]", axes, i);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    for (size_t i = 0; i < x->size; i++) {
        int at[TW_MAX_DIMS];
        coordinates(s->ndim, s->dim, i, at);
        const size_t o = element(s->ndim, kept, s->ndim, at);
        const double share = (double)x->data[i] == want[o] ? (double)dy[o] / equal[o] : 0;
        cr_assert(near((double)x->grad[i], share, 1e-7), "axes %x: dx[%zu] is %g, not %g", axes, i, (double)x->grad[i],
                  share);
    }
    free(want), free(equal), free(dy);
}

Test(max, amax_equals_loops_and_ties_share) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_set_threads(ctx, 2);
    for (int k = 0; k < SHAPES; k++)
        for (unsigned axes = 1; axes < 1u << shapes[k].ndim; axes++)
            for (int keep = 0; keep < 2; keep++) compare_amax(ctx, &shapes[k], axes, keep);
    tw_real v[] = {1, 3, 2};
    assert_tensor(ctx, tw_amax(ctx, tw_input(ctx, v, 1, (int[]){3}), 0, NULL, true), 1, (int[]){1}, v + 1, 0);
    assert_tensor(ctx, tw_amax(ctx, tw_input(ctx, v, 0, NULL), 0, NULL, false), 0, NULL, v, 0);
    tw_ctx_free(ctx);
}

Test(max, of_one_axis_the_first_is_taken) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int k = 1; k < SHAPES; k++)
        for (int axis = 0; axis < shapes[k].ndim; axis++) {
            const shape *s = &shapes[k];
            tw_step_begin(ctx);
            tw_labels index;
            tw_tensor *x = few_values(ctx, s), *y = tw_max(ctx, x, axis - s->ndim, true, &index);
            if (s->dim[axis] == 0) {
                cr_assert_null(y);
                assert_error(ctx, TW_ERR_SHAPE, "max: axis");
                continue;
            }
            int dim[TW_MAX_DIMS];
            memcpy(dim, s->dim, sizeof dim);
            dim[axis] = 1;
            assert_tensor(ctx, y, s->ndim, dim, NULL, 0);
            cr_assert_eq(index.n, y->size);
            tw_real *dy = random_reals(y->size, 3, -1, 1), *want = calloc(x->size + 1, sizeof *want);
            for (size_t o = 0; o < y->size; o++) {
                int at[TW_MAX_DIMS], first = 0;
                coordinates(s->ndim, dim, o, at);
                double largest = -INFINITY;
                for (at[axis] = 0; at[axis] < s->dim[axis]; at[axis]++) {
                    const double v = (double)x->data[element(s->ndim, s->dim, s->ndim, at)];
                    if (v > largest) largest = v, first = at[axis];
                }
                at[axis] = first;
                want[element(s->ndim, s->dim, s->ndim, at)] = dy[o];
                cr_assert_eq(index.v[o], first);
                cr_assert_eq((double)y->data[o], largest);
            }
            cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
            assert_near(x->grad, want, x->size, 0);
            free(dy), free(want);
        }
    tw_ctx_free(ctx);
}

Test(max, not_a_number_is_the_largest) {
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real nan = (tw_real)NAN, inf = (tw_real)INFINITY;
    for (int n = 2; n < 40; n += 3)
        for (int at = 0; at < n; at++) {
            tw_real v[40];
            fill_random(v, 40, 1, -1, 1);
            v[0] = inf;
            v[at] = nan;
            if (at + 2 < n) v[at + 2] = nan;
            tw_step_begin(ctx);
            tw_tensor *x = tw_input(ctx, v, 2, (int[]){n, 1}), *t = tw_input(ctx, v, 1, &n);
            tw_labels index[2];
            cr_assert(isnan(tw_amax(ctx, t, 0, NULL, false)->data[0]));
            cr_assert(isnan(tw_max(ctx, t, 0, false, &index[0])->data[0]));
            cr_assert(isnan(tw_max(ctx, tw_concat(ctx, 2, (tw_tensor *[]){x, x}, 1), 0, false, &index[1])->data[1]));
            cr_assert_eq(index[0].v[0], at);
            cr_assert_eq(index[1].v[1], at);
        }
    tw_real low[] = {-inf, -inf};
    cr_assert_eq(tw_amax(ctx, tw_input(ctx, low, 1, (int[]){2}), 0, NULL, false)->data[0], -inf);
    tw_ctx_free(ctx);
}

/* Values, indices and gradients. */
Test(max, same_bits_for_any_number_of_threads) {
    enum { X = 70 * 500 * 9 };
    tw_real *want = NULL;
    int32_t *index_want = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = threads});
        tw_tensor *x = few_values(ctx, &(shape){3, {70, 500, 9}});
        tw_labels index;
        tw_tensor *y = tw_add(ctx, tw_amax(ctx, x, 2, (int[]){0, 2}, true), tw_max(ctx, x, 1, true, &index));
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_mul(ctx, y, y), 0, NULL, false)), TW_OK);
        if (threads == 1) {
            want = memcpy(malloc(X * sizeof *want), x->grad, X * sizeof *want);
            index_want = memcpy(malloc(index.n * sizeof *index_want), index.v, index.n * sizeof *index_want);
        }
        cr_assert(!memcmp(want, x->grad, X * sizeof *want));
        cr_assert(!memcmp(index_want, index.v, index.n * sizeof *index_want));
        tw_ctx_free(ctx);
    }
    free(want), free(index_want);
}

Test(max, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 2, (int[]){3, 0}), "x");
    cr_assert_null(tw_amax(ctx, x, 1, (int[]){1}, false));
    assert_error(ctx, TW_ERR_SHAPE, "amax: axis 1 has no elements, so none is the largest: \"x\" [3,0]");
    cr_assert_null(tw_amax(ctx, x, 0, NULL, false));
    assert_error(ctx, TW_ERR_SHAPE, "amax: axis 1");
    cr_assert_null(tw_amax(ctx, x, 2, (int[]){0, -2}, false));
    assert_error(ctx, TW_ERR_RANGE, "amax: axis 0 is given twice");
    cr_assert_null(tw_max(ctx, x, 2, false, NULL));
    assert_error(ctx, TW_ERR_RANGE, "max: axis 2 of a tensor with 2 dimensions");
    cr_assert_null(tw_max(ctx, tw_full(ctx, 1, 0, NULL), 1, false, NULL));
    assert_error(ctx, TW_ERR_RANGE, "max: axis 1 of a tensor with 0 dimensions");
    tw_labels index = {(int32_t[]){1}, 1};
    cr_assert_null(tw_max(ctx, NULL, 0, false, &index));
    cr_assert(!index.v && !index.n);
    cr_assert_null(tw_amax(ctx, NULL, 0, NULL, false));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}

/* A number is its own largest, along the axis that PyTorch gives it, with keep_dims and without. */
Test(max, of_a_number) {
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real three = 3;
    for (int i = 0; i < 4; i++) {
        tw_labels index;
        tw_step_begin(ctx);
        tw_tensor *x = tw_input_grad(ctx, &three, 0, NULL);
        tw_tensor *y = tw_max(ctx, x, i & 1 ? -1 : 0, i & 2, &index);
        assert_tensor(ctx, y, 0, NULL, &three, 0);
        cr_assert(index.n == 1 && index.v[0] == 0);
        cr_assert_eq(tw_backward(ctx, tw_scale(ctx, y, 5)), TW_OK);
        cr_assert_eq(x->grad[0], 5);
    }
    tw_ctx_free(ctx);
}
