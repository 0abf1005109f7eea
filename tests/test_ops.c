/* test_ops.c - elementwise and unary operations: slow oracles, special values, errors. */
#include "util.h"

typedef struct shape {
    int ndim, dim[TW_MAX_DIMS];
} shape;

/* ---- broadcasting -------------------------------------------------------------------------------------- */
typedef tw_tensor *(*binary)(tw_ctx *, tw_tensor *, tw_tensor *);
enum { ADD, SUB, MUL, DIV };
static const binary op[] = {tw_add, tw_sub, tw_mul, tw_div};

static double value(int which, double a, double b) {
    return which == ADD ? a + b : which == SUB ? a - b : which == MUL ? a * b : a / b;
}
static double a_slope(int which, double b) { return which == MUL ? b : which == DIV ? 1 / b : 1; }
static double b_slope(int which, double a, double b) {
    return which == ADD ? 1 : which == SUB ? -1 : which == MUL ? a : -a / (b * b);
}

/* Compares the values and both gradients of one call with loops over coordinates. */
static void compare_binary(tw_ctx *ctx, int which, const shape *sa, const shape *sb) {
    tw_step_begin(ctx);
    tw_tensor *a = random_leaf(ctx, 1, 0.5, 2, sa->ndim, sa->dim), *b = random_leaf(ctx, 2, 0.5, 2, sb->ndim, sb->dim);
    tw_tensor *y = op[which](ctx, a, b);
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    int ndim = sa->ndim > sb->ndim ? sa->ndim : sb->ndim;
    cr_assert_eq(y->ndim, ndim);
    tw_real *want = malloc((y->size + 1) * sizeof *want), *dy = random_reals(y->size, 3, -1, 1);
    double *da = calloc(a->size + 1, sizeof *da), *db = calloc(b->size + 1, sizeof *db);
    for (size_t i = 0; i < y->size; i++) {
        int at[TW_MAX_DIMS];
        coordinates(y->ndim, y->dim, i, at);
        size_t ia = element(a->ndim, a->dim, ndim, at), ib = element(b->ndim, b->dim, ndim, at);
        double va = (double)a->data[ia], vb = (double)b->data[ib];
        want[i] = (tw_real)value(which, va, vb);
        da[ia] += (double)dy[i] * a_slope(which, vb);
        db[ib] += (double)dy[i] * b_slope(which, va, vb);
    }
    assert_near(y->data, want, y->size, 2e-7);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s", tw_errmsg(ctx));
    for (size_t i = 0; i < a->size; i++)
        cr_assert(near((double)a->grad[i], da[i], 1e-5), "da[%zu] %g, not %g", i, (double)a->grad[i], da[i]);
    for (size_t i = 0; i < b->size; i++)
        cr_assert(near((double)b->grad[i], db[i], 1e-5), "db[%zu] %g, not %g", i, (double)b->grad[i], db[i]);
    free(want), free(dy), free(da), free(db);
}

Test(elementwise, broadcasting_equals_loops) {
    static const shape pair[][2] = {
        {{0, {0}}, {0, {0}}},
        {{1, {1}}, {0, {0}}},
        {{1, {70000}}, {1, {70000}}}, /* several blocks */
        {{2, {300, 129}}, {1, {129}}},
        {{2, {300, 129}}, {2, {300, 1}}},
        {{3, {5, 3, 20000}}, {1, {20000}}}, /* a row of several blocks */
        {{2, {30000, 3}}, {1, {3}}},        /* a sum that is cut into parts */
        {{3, {64, 7, 33}}, {2, {7, 1}}},
        {{5, {2, 1, 3, 1, 2}}, {4, {4, 1, 5, 1}}},
        {{5, {2, 3, 2, 3, 2}}, {5, {1, 3, 1, 3, 1}}},
        {{5, {2, 3, 2, 3, 2}}, {5, {2, 1, 2, 1, 2}}},
        {{3, {2, 3, 1}}, {2, {1, 4}}},
        {{2, {0, 3}}, {1, {3}}},
        {{1, {3}}, {3, {2, 0, 3}}},
        {{2, {1, 1}}, {1, {1}}},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof pair / sizeof *pair; k++)
        for (int which = ADD; which <= DIV; which++) {
            compare_binary(ctx, which, &pair[k][0], &pair[k][1]);
            compare_binary(ctx, which, &pair[k][1], &pair[k][0]);
        }
    tw_ctx_free(ctx);
}

/* A gradient stretched from one number over nothing is 0, not what the memory held before. */
Test(elementwise, gradient_of_an_empty_sum_is_zero) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int round = 0; round < 3; round++) {
        tw_step_begin(ctx);
        memset(tw_alloc(ctx, 4096), 0xff, 4096); /* the next step's gradients lie where these NaN were */
        tw_tensor *a = random_leaf(ctx, 1, 1, 2, 2, (int[]){1, 3}), *b = random_leaf(ctx, 1, 1, 2, 2, (int[]){0, 3});
        tw_tensor *y = tw_div(ctx, b, a);
        cr_assert_eq(tw_backward_from(ctx, y, NULL), TW_OK);
        assert_near(a->grad, ((tw_real[]){0, 0, 0}), 3, 0);
    }
    tw_ctx_free(ctx);
}

Test(elementwise, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *a = tw_set_name(tw_full(ctx, 1, 2, (int[]){2, 3}), "left");
    tw_tensor *b = tw_full(ctx, 1, 2, (int[]){4, 3});
    cr_assert_null(tw_mul(ctx, a, b));
    assert_error(ctx, TW_ERR_SHAPE, "mul: the shapes do not broadcast: \"left\" [2,3] and [4,3]");
    for (int which = ADD; which <= DIV; which++) {
        cr_assert_null(op[which](ctx, NULL, b));
        cr_assert_null(op[which](ctx, a, NULL));
        assert_ok(ctx);
    }
    tw_ctx_free(ctx);
}

/* ---- unary --------------------------------------------------------------------------------------------- */
typedef tw_tensor *(*unary)(tw_ctx *, tw_tensor *);
static tw_tensor *scaled(tw_ctx *ctx, tw_tensor *x) { return tw_scale(ctx, x, (tw_real)-2.5); }
static tw_tensor *leaky(tw_ctx *ctx, tw_tensor *x) { return tw_leaky_relu(ctx, x, (tw_real)0.125); }
static double scaled_(double x) { return -2.5 * x; }
static double scaled_slope(double x) { return (void)x, -2.5; }
static double relu_(double x) { return x > 0 ? x : 0; }
static double relu_slope(double x) { return x > 0; }
static double leaky_(double x) { return x > 0 ? x : 0.125 * x; }
static double leaky_slope(double x) { return x > 0 ? 1 : 0.125; }
static double log_slope(double x) { return 1 / x; }
static double sqrt_slope(double x) { return 0.5 / sqrt(x); }
static double sigmoid_(double x) { return 1 / (1 + exp(-x)); }
static double sigmoid_slope(double x) { return sigmoid_(x) * (1 - sigmoid_(x)); }
static double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }

Test(unary, equals_libm) {
    static const struct {
        unary f;
        double (*value)(double), (*slope)(double), low, high;
    } row[] = {
        {scaled, scaled_, scaled_slope, -3, 3},
        {leaky, leaky_, leaky_slope, -3, 3},
        {tw_relu, relu_, relu_slope, -3, 3},
        {tw_exp, exp, exp, -5, 5},
        {tw_log, log, log_slope, 0.01, 9},
        {tw_sqrt, sqrt, sqrt_slope, 0.01, 9},
        {tw_sigmoid, sigmoid_, sigmoid_slope, -9, 9},
        {tw_tanh, tanh, tanh_slope, -5, 5},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof row / sizeof *row; k++)
        for (int n = 0; n < 40000; n = n * 13 + 1) { /* 0, 1, 14, .. and several blocks at last */
            tw_step_begin(ctx);
            tw_tensor *x = random_leaf(ctx, k + 1, row[k].low, row[k].high, 1, &n), *y = row[k].f(ctx, x);
            assert_tensor(ctx, y, 1, &n, NULL, 0);
            tw_real *dy = random_reals((size_t)n, 9, -1, 1);
            cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
            for (size_t i = 0; i < x->size; i++) {
                double v = (double)x->data[i];
                cr_assert(near((double)y->data[i], row[k].value(v), 5e-7), "op %zu at %g", k, v);
                cr_assert(near((double)x->grad[i], row[k].slope(v) * (double)dy[i], 2e-6), "slope of op %zu at %g", k,
                          v);
            }
            free(dy);
        }
    tw_ctx_free(ctx);
}

/* One number through one operation: its value, and its gradient when 1 comes in. */
static double value_at(tw_ctx *ctx, unary f, double v, double *slope) {
    tw_step_begin(ctx);
    tw_real x = (tw_real)v, one = 1;
    tw_tensor *leaf = tw_input_grad(ctx, &x, 0, NULL), *y = f(ctx, leaf);
    cr_assert_eq(tw_backward_from(ctx, y, &one), TW_OK);
    *slope = (double)leaf->grad[0];
    return (double)tw_item(y);
}

Test(unary, special_values) {
    const double inf = INFINITY;
    static const double any = 12345; /* no gradient is defined */
    const struct {
        const char *what;
        unary f;
        double x, y, slope;
    } row[] = {
        {"exp(-inf)", tw_exp, -inf, 0, 0},
        {"exp(1000)", tw_exp, 1000, inf, inf},
        {"exp(0)", tw_exp, 0, 1, 1},
        {"log(0)", tw_log, 0, -inf, inf},
        {"log(-1)", tw_log, -1, NAN, any},
        {"log(inf)", tw_log, inf, inf, 0},
        {"log(1)", tw_log, 1, 0, 1},
        {"sqrt(0)", tw_sqrt, 0, 0, inf},
        {"sqrt(-1)", tw_sqrt, -1, NAN, any},
        {"relu(0)", tw_relu, 0, 0, 0},
        {"relu(inf)", tw_relu, inf, inf, 1},
        {"relu(-inf)", tw_relu, -inf, 0, 0},
        {"leaky_relu(0)", leaky, 0, 0, 0.125},
        {"leaky_relu(-inf)", leaky, -inf, -inf, 0.125},
        {"sigmoid(1e4)", tw_sigmoid, 1e4, 1, 0},
        {"sigmoid(-1e4)", tw_sigmoid, -1e4, 0, 0},
        {"sigmoid(0)", tw_sigmoid, 0, 0.5, 0.25},
        {"tanh(1e4)", tw_tanh, 1e4, 1, 0},
        {"tanh(-1e4)", tw_tanh, -1e4, -1, 0},
        {"scale(inf)", scaled, inf, -inf, -2.5},
        /* NaN goes through everything, relu too. */
        {"exp(NaN)", tw_exp, NAN, NAN, any},
        {"log(NaN)", tw_log, NAN, NAN, any},
        {"sqrt(NaN)", tw_sqrt, NAN, NAN, any},
        {"relu(NaN)", tw_relu, NAN, NAN, 1},
        {"leaky_relu(NaN)", leaky, NAN, NAN, any},
        {"sigmoid(NaN)", tw_sigmoid, NAN, NAN, any},
        {"tanh(NaN)", tw_tanh, NAN, NAN, any},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        double slope, y = value_at(ctx, row[k].f, row[k].x, &slope);
        cr_assert(near(y, row[k].y, 0), "%s is %g", row[k].what, y);
        cr_assert(row[k].slope == any || near(slope, row[k].slope, 0), "%s has the slope %g", row[k].what, slope);
    }
    tw_ctx_free(ctx);
}

Test(unary, null_in_null_out) {
    static const unary f[] = {scaled, leaky, tw_relu, tw_exp, tw_log, tw_sqrt, tw_sigmoid, tw_tanh};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof f / sizeof *f; k++) cr_assert_null(f[k](ctx, NULL));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}
