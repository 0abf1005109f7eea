/* test_ops_matmul.c - products of matrices and of stacks against three loops. */
#include "util.h"

typedef struct stacks {
    int a_ndim, a[3], b_ndim, b[3]; /* batch dimensions */
} stacks;

/* Element (i, j) of matrix `index` of t, seen through the transposition. */
static size_t at(const tw_tensor *t, bool transposed, size_t index, int i, int j) {
    size_t rows = (size_t)t->dim[t->ndim - 2], columns = (size_t)t->dim[t->ndim - 1];
    return (index * rows + (size_t)(transposed ? j : i)) * columns + (size_t)(transposed ? i : j);
}

static tw_tensor *operand(tw_ctx *ctx, uint64_t seed, int batch, const int *stack, int rows, int columns,
                          bool transposed) {
    int dim[TW_MAX_DIMS];
    for (int i = 0; i < batch; i++) dim[i] = stack[i];
    dim[batch] = transposed ? columns : rows;
    dim[batch + 1] = transposed ? rows : columns;
    return random_leaf(ctx, seed, -1, 1, batch + 2, dim);
}

static void compare(tw_ctx *ctx, const stacks *s, int M, int N, int K, bool ta, bool tb) {
    tw_step_begin(ctx);
    tw_tensor *a = operand(ctx, 1, s->a_ndim, s->a, M, K, ta), *b = operand(ctx, 2, s->b_ndim, s->b, K, N, tb);
    tw_tensor *y = tw_matmul(ctx, a, ta, b, tb);
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    cr_assert_eq(y->dim[y->ndim - 2], M);
    cr_assert_eq(y->dim[y->ndim - 1], N);
    tw_real *dy = random_reals(y->size, 3, -1, 1);
    double *da = calloc(a->size + 1, sizeof *da), *db = calloc(b->size + 1, sizeof *db);
    int batch = y->ndim - 2;
    for (size_t m = 0; m < product(batch, y->dim); m++) {
        int where[TW_MAX_DIMS];
        coordinates(batch, y->dim, m, where);
        size_t ma = element(s->a_ndim, s->a, batch, where), mb = element(s->b_ndim, s->b, batch, where);
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0, g = (double)dy[at(y, false, m, i, j)];
                for (int k = 0; k < K; k++) {
                    size_t ia = at(a, ta, ma, i, k), ib = at(b, tb, mb, k, j);
                    sum += (double)a->data[ia] * (double)b->data[ib];
                    da[ia] += g * (double)b->data[ib];
                    db[ib] += g * (double)a->data[ia];
                }
                double got = (double)y->data[at(y, false, m, i, j)];
                cr_assert(near(got, sum, 1e-5), "[%d,%d,%d] %d%d: y is %g, not %g", M, N, K, ta, tb, got, sum);
            }
    }
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s", tw_errmsg(ctx));
    for (size_t i = 0; i < a->size; i++)
        cr_assert(near((double)a->grad[i], da[i], 2e-5), "[%d,%d,%d] %d%d: da[%zu] is %g, not %g", M, N, K, ta, tb, i,
                  (double)a->grad[i], da[i]);
    for (size_t i = 0; i < b->size; i++)
        cr_assert(near((double)b->grad[i], db[i], 2e-5), "[%d,%d,%d] %d%d: db[%zu] is %g, not %g", M, N, K, ta, tb, i,
                  (double)b->grad[i], db[i]);
    free(dy), free(da), free(db);
}

Test(matmul, equals_loops) {
    static const stacks stack[] = {
        {0, {0}, 0, {0}},       {1, {3}, 0, {0}},       {0, {0}, 1, {3}},       {1, {3}, 1, {3}},
        {1, {1}, 1, {5}},       {2, {2, 1}, 2, {1, 3}}, {3, {2, 1, 3}, 1, {3}}, {1, {2}, 3, {2, 2, 1}},
        {3, {2, 2, 2}, 0, {0}}, {1, {0}, 0, {0}},       {1, {1}, 2, {0, 2}},    {2, {1, 4}, 2, {3, 1}},
    };
    static const int size[][3] = {{1, 1, 1}, {2, 3, 4}, {7, 5, 9},  {3, 4, 0},
                                  {0, 4, 3}, {4, 0, 3}, {1, 17, 3}, {16, 1, 33}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t s = 0; s < sizeof stack / sizeof *stack; s++)
        for (size_t k = 0; k < sizeof size / sizeof *size; k++)
            for (int t = 0; t < 4; t++) compare(ctx, &stack[s], size[k][0], size[k][1], size[k][2], t & 1, t & 2);
    tw_ctx_free(ctx);
}

/* Sizes at which the product is cut for the threads, or many small ones are handed out. */
Test(matmul, large_equals_loops) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_set_threads(ctx, 3);
    for (int t = 0; t < 4; t++) {
        compare(ctx, &(stacks){0, {0}, 0, {0}}, 210, 130, 190, t & 1, t & 2);
        compare(ctx, &(stacks){1, {2}, 1, {2}}, 100, 101, 110, t & 1, t & 2);
        compare(ctx, &(stacks){2, {20, 10}, 1, {10}}, 6, 7, 8, t & 1, t & 2);
        compare(ctx, &(stacks){1, {150}, 0, {0}}, 3, 40, 21, t & 1, t & 2);
    }
    tw_ctx_free(ctx);
}

Test(matmul, errors) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 2, (int[]){64, 784}), "fc1.in");
    tw_tensor *w = tw_set_name(tw_full(ctx, 1, 2, (int[]){700, 128}), "fc1.weight");
    cr_assert_null(tw_matmul(ctx, x, false, w, false));
    assert_error(ctx, TW_ERR_SHAPE, "matmul: inner sizes differ: \"fc1.in\" [64,784] x \"fc1.weight\" [700,128]");
    cr_assert_null(tw_matmul(ctx, x, true, w, false));
    assert_error(ctx, TW_ERR_SHAPE, "matmul: inner sizes differ: \"fc1.in\" [64,784]^T x \"fc1.weight\" [700,128]");
    cr_assert_null(tw_matmul(ctx, x, false, tw_full(ctx, 1, 1, (int[]){784}), false));
    assert_error(ctx, TW_ERR_SHAPE, "matmul: needs at least 2 dimensions: \"fc1.in\" [64,784] x [784]");
    tw_tensor *two = tw_full(ctx, 1, 3, (int[]){2, 4, 4}), *three = tw_full(ctx, 1, 3, (int[]){3, 4, 4});
    cr_assert_null(tw_matmul(ctx, two, false, three, false));
    assert_error(ctx, TW_ERR_SHAPE, "matmul: batch dimensions do not broadcast: [2,4,4] x [3,4,4]");
    cr_assert_null(tw_matmul(ctx, NULL, false, w, false));
    cr_assert_null(tw_matmul(ctx, w, false, NULL, false));
    assert_ok(ctx);
    tw_ctx_free(ctx);
}
