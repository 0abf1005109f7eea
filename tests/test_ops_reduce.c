/* test_ops_reduce.c - sums, means and softmaxes along any axes: slow oracles, accuracy, limits, errors. */
#include "util.h"

typedef struct shape {
    int ndim, dim[TW_MAX_DIMS];
} shape;

/* ---- sum and mean -------------------------------------------------------------------------------------- */

/* Bit i of `axes` marks axis i. */
static void compare_reduction(tw_ctx *ctx, const shape *s, unsigned axes, bool keep, bool mean) {
    tw_step_begin(ctx);
    int list[TW_MAX_DIMS], n = 0, kept[TW_MAX_DIMS], dim[TW_MAX_DIMS], ndim = 0;
    double count = 1;
    for (int i = 0; i < s->ndim; i++) {
        bool reduced = axes >> i & 1;
        if (reduced) {
            list[n] = n % 2 ? i - s->ndim : i; /* some counted from the end */
            n++;
            count *= s->dim[i];
        }
        kept[i] = reduced ? 1 : s->dim[i];
        if (!reduced || keep) dim[ndim++] = kept[i];
    }
    tw_tensor *x = random_leaf(ctx, 7, -1, 2, s->ndim, s->dim);
    tw_tensor *y = mean ? tw_mean(ctx, x, n, list, keep) : tw_sum(ctx, x, n, list, keep);
    assert_tensor(ctx, y, ndim, dim, NULL, 0);
    double *sum = calloc(y->size + 1, sizeof *sum);
    tw_real *dy = random_reals(y->size, 3, -1, 1);
    for (size_t i = 0; i < x->size; i++) {
        int at[TW_MAX_DIMS];
        coordinates(s->ndim, s->dim, i, at);
        sum[element(s->ndim, kept, s->ndim, at)] += (double)x->data[i];
    }
    for (size_t i = 0; i < y->size; i++) {
        double want = mean ? sum[i] / count : sum[i];
        cr_assert(near((double)y->data[i], want, 1e-7), "axes %x: y[%zu] is %.9g, not %.9g", axes, i,
                  (double)y->data[i], want);
    }
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    for (size_t i = 0; i < x->size; i++) {
        int at[TW_MAX_DIMS];
        coordinates(s->ndim, s->dim, i, at);
        double want = (double)dy[element(s->ndim, kept, s->ndim, at)] / (mean ? count : 1);
        cr_assert(near((double)x->grad[i], want, 1e-7), "axes %x: dx[%zu]", axes, i);
    }
    free(sum), free(dy);
}

Test(reduce, equals_loops) {
    static const shape shapes[] = {
        {1, {1}},           {1, {7}},          {2, {3, 300}},        {2, {300, 3}},
        {3, {2, 3, 4}},     {4, {2, 1, 3, 5}}, {5, {2, 3, 2, 3, 2}}, {5, {3, 1, 2, 1, 300}},
        {2, {0, 3}},        {3, {2, 0, 3}},    {1, {100000}}, /* cut into parts .. */
        {2, {40000, 8}},    {2, {8, 40000}},   {3, {3, 30000, 4}},   {3, {40, 40, 90}},
        {3, {2, 600, 300}}, {2, {2, 50001}},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    tw_set_threads(ctx, 2);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (unsigned axes = 1; axes < 1u << shapes[k].ndim; axes++)
            for (int flags = 0; flags < 4; flags++) compare_reduction(ctx, &shapes[k], axes, flags & 1, flags & 2);
    tw_ctx_free(ctx);
}

Test(reduce, no_axes_means_all) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real v[6] = {1, 2, 3, 4, 5, 6};
    tw_tensor *x = tw_input(ctx, v, 2, (int[]){2, 3});
    assert_tensor(ctx, tw_sum(ctx, x, 0, NULL, false), 0, NULL, (tw_real[]){21}, 0);
    assert_tensor(ctx, tw_mean(ctx, x, 0, NULL, true), 2, ((int[]){1, 1}), (tw_real[]){3.5}, 0);
    tw_tensor *number = tw_input(ctx, v, 0, NULL);
    assert_tensor(ctx, tw_sum(ctx, number, 0, NULL, false), 0, NULL, v, 0);
    tw_ctx_free(ctx);
}

Test(reduce, of_nothing) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_full(ctx, 1, 2, (int[]){0, 3});
    assert_tensor(ctx, tw_sum(ctx, x, 1, (int[]){0}, false), 1, (int[]){3}, ((tw_real[]){0, 0, 0}), 0);
    assert_tensor(ctx, tw_mean(ctx, x, 1, (int[]){0}, false), 1, (int[]){3}, ((tw_real[]){NAN, NAN, NAN}), 0);
    assert_tensor(ctx, tw_sum(ctx, x, 1, (int[]){1}, false), 1, (int[]){0}, NULL, 0);
    cr_assert_eq(tw_item(tw_sum(ctx, x, 0, NULL, false)), 0);
    cr_assert(isnan(tw_item(tw_mean(ctx, x, 0, NULL, false))));
    tw_ctx_free(ctx);
}

/* Adding 0.1f four million times in float gives 384524.78; in double and rounded once it is right. */
Test(reduce, long_sums_are_accurate) {
    tw_ctx *ctx = tw_ctx_new(1);
    const int n = 4000003;
    tw_tensor *x = tw_full(ctx, (tw_real)0.1, 1, &n), *column = tw_reshape(ctx, x, 2, (int[]){n, 1});
    double want = (double)(tw_real)0.1 * n;
    cr_assert_eq(tw_item(tw_sum(ctx, x, 0, NULL, false)), (tw_real)want);
    cr_assert_eq(tw_item(tw_sum(ctx, column, 1, (int[]){0}, false)), (tw_real)want);
    cr_assert_eq(tw_item(tw_mean(ctx, x, 0, NULL, false)), (tw_real)0.1);
    tw_ctx_free(ctx);
}

Test(reduce, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 2, (int[]){2, 3}), "x");
    cr_assert_null(tw_sum(ctx, x, 2, (int[]){1, -1}, false));
    assert_error(ctx, TW_ERR_RANGE, "sum: axis 1 is given twice: \"x\" [2,3]");
    cr_assert_null(tw_mean(ctx, x, 1, (int[]){2}, false));
    assert_error(ctx, TW_ERR_RANGE, "mean: axis 2 of a tensor with 2 dimensions: \"x\" [2,3]");
    cr_assert_null(tw_mean(ctx, x, 1, (int[]){-3}, false));
    assert_error(ctx, TW_ERR_RANGE, "axis -3");
    cr_assert_null(tw_sum(ctx, x, -1, NULL, false));
    assert_error(ctx, TW_ERR_RANGE, "sum: -1 axes");
    cr_assert_null(tw_sum(ctx, NULL, 0, NULL, false));
    cr_assert_null(tw_mean(ctx, NULL, 0, NULL, false));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}

/* ---- softmax and log_softmax --------------------------------------------------------------------------- */

static void compare_softmax(tw_ctx *ctx, const shape *s, int axis, double spread, bool is_log) {
    tw_step_begin(ctx);
    tw_tensor *x = random_leaf(ctx, 5, -spread, spread, s->ndim, s->dim);
    tw_tensor *y = is_log ? tw_log_softmax(ctx, x, axis) : tw_softmax(ctx, x, axis - s->ndim);
    assert_tensor(ctx, y, s->ndim, s->dim, NULL, 0);
    tw_real *dy = random_reals(y->size, 3, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    size_t n = (size_t)s->dim[axis], inner = product(s->ndim - axis - 1, s->dim + axis + 1);
    for (size_t row = 0; x->size && row < x->size / n; row++) {
        size_t first = row / inner * n * inner + row % inner;
        double m = -INFINITY, sum = 0, dot = 0, dy_sum = 0;
        for (size_t i = 0; i < n; i++) m = fmax(m, (double)x->data[first + i * inner]);
        for (size_t i = 0; i < n; i++) sum += exp((double)x->data[first + i * inner] - m);
        for (size_t i = 0; i < n; i++) {
            size_t k = first + i * inner;
            dot += exp((double)x->data[k] - m) / sum * (double)dy[k];
            dy_sum += (double)dy[k];
        }
        for (size_t i = 0; i < n; i++) {
            size_t k = first + i * inner;
            double logp = (double)x->data[k] - m - log(sum), p = exp(logp), g = (double)dy[k];
            double want = is_log ? logp : p, dx = is_log ? g - p * dy_sum : p * (g - dot);
            cr_assert(near((double)y->data[k], want, 1e-6), "y[%zu] is %.9g, not %.9g", k, (double)y->data[k], want);
            cr_assert(near((double)x->grad[k], dx, 2e-6), "dx[%zu] is %.9g, not %.9g", k, (double)x->grad[k], dx);
        }
    }
    free(dy);
}

Test(softmax, equals_loops) {
    static const shape shapes[] = {
        {1, {1}},       {1, {10}},   {2, {3, 1}},    {2, {7, 5}},          {3, {4, 100, 37}},
        {2, {2, 6000}}, {2, {0, 3}}, {3, {2, 0, 3}}, {5, {2, 3, 2, 3, 2}}, {4, {2, 5, 33, 65}},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (int axis = 0; axis < shapes[k].ndim; axis++)
            for (int is_log = 0; is_log < 2; is_log++) {
                compare_softmax(ctx, &shapes[k], axis, 5, is_log);
                compare_softmax(ctx, &shapes[k], axis, 1e4, is_log);
            }
    tw_ctx_free(ctx);
}

Test(softmax, limits) {
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real inf = INFINITY;
    const tw_real v[5][3] = {{-inf, 0, 0}, {-inf, -inf, -inf}, {inf, 0, 1}, {1, NAN, 2}, {-inf, 7, -inf}};
    const tw_real p[5][3] = {{0, 0.5, 0.5}, {NAN, NAN, NAN}, {NAN, 0, 0}, {NAN, NAN, NAN}, {0, 1, 0}};
    const tw_real half = (tw_real)-0.69314718055994530942;
    const tw_real logp[5][3] = {{-inf, half, half}, {NAN, NAN, NAN}, {NAN, NAN, NAN}, {NAN, NAN, NAN}, {-inf, 0, -inf}};
    tw_tensor *x = tw_input(ctx, &v[0][0], 2, (int[]){5, 3});
    tw_tensor *y = tw_softmax(ctx, x, 1), *z = tw_log_softmax(ctx, x, 1);
    for (size_t i = 0; i < 5; i++) {
        if (i != 2) assert_near(y->data + 3 * i, p[i], 3, 1e-7); /* with +inf: NaN somewhere, nothing is promised */
        else cr_assert(isnan(y->data[6]));
        if (i != 2) assert_near(z->data + 3 * i, logp[i], 3, 1e-7);
    }
    tw_ctx_free(ctx);
}

Test(softmax, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_full(ctx, 1, 2, (int[]){2, 3});
    cr_assert_null(tw_softmax(ctx, x, 2));
    assert_error(ctx, TW_ERR_RANGE, "softmax: axis 2 of a tensor with 2 dimensions: [2,3]");
    cr_assert_null(tw_log_softmax(ctx, x, -3));
    assert_error(ctx, TW_ERR_RANGE, "log_softmax: axis -3");
    cr_assert_null(tw_softmax(ctx, NULL, 0));
    cr_assert_null(tw_log_softmax(ctx, NULL, 0));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}
