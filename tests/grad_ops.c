/* grad_ops.c - every tensor operation against PyTorch's float64 outputs and gradients (fixtures/make_ops.py), and its
 * gradient against central differences at the same points. */
#include "util.h"

typedef struct op_case {
    char name[32]; /* as in the fixture */
    tw_gradcheck_fn f;
    int leaves;
    int arg[6];
} op_case;

/* ---- what each case computes; user is its op_case ------------------------------------------------------ */
#define BINARY(op)                                                                   \
    static tw_tensor *op##_two(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {    \
        (void)user;                                                                  \
        return tw_##op(ctx, leaf[0], leaf[1]);                                       \
    }                                                                                \
    static tw_tensor *op##_itself(tw_ctx *ctx, tw_tensor *const *leaf, void *user) { \
        (void)user;                                                                  \
        return tw_##op(ctx, leaf[0], leaf[0]);                                       \
    }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)

#define UNARY(op, call)                                                           \
    static tw_tensor *op##_one(tw_ctx *ctx, tw_tensor *const *leaf, void *user) { \
        tw_tensor *x = leaf[0];                                                   \
        (void)user;                                                               \
        return call;                                                              \
    }
UNARY(scale, tw_scale(ctx, x, -1.7))
UNARY(exp, tw_exp(ctx, x))
UNARY(log, tw_log(ctx, x))
UNARY(sqrt, tw_sqrt(ctx, x))
UNARY(relu, tw_relu(ctx, x))
UNARY(leaky_relu, tw_leaky_relu(ctx, x, 0.1))
UNARY(sigmoid, tw_sigmoid(ctx, x))
UNARY(tanh, tw_tanh(ctx, x))
UNARY(gelu, tw_gelu(ctx, x))
UNARY(gelu_tanh, tw_gelu_tanh(ctx, x))

/* arg: transpose a, transpose b */
static tw_tensor *matmul(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const op_case *c = user;
    return tw_matmul(ctx, leaf[0], c->arg[0], leaf[c->leaves - 1], c->arg[1]);
}

/* arg: keep, number of axes, axes */
static tw_tensor *sum(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const op_case *c = user;
    return tw_sum(ctx, leaf[0], c->arg[1], c->arg + 2, c->arg[0]);
}
static tw_tensor *mean(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const op_case *c = user;
    return tw_mean(ctx, leaf[0], c->arg[1], c->arg + 2, c->arg[0]);
}

static tw_tensor *amax(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const op_case *c = user;
    return tw_amax(ctx, leaf[0], c->arg[1], c->arg + 2, c->arg[0]);
}
/* arg: keep, axis */
static tw_tensor *max(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const op_case *c = user;
    return tw_max(ctx, leaf[0], c->arg[1], c->arg[0], NULL);
}
/* arg: mode, then before and after of the last two axes; what is constant is -1 */
static tw_tensor *pad(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const op_case *c = user;
    int before[TW_MAX_DIMS] = {0}, after[TW_MAX_DIMS] = {0};
    for (int k = 0; k < 2; k++) {
        before[leaf[0]->ndim - 2 + k] = c->arg[1 + 2 * k];
        after[leaf[0]->ndim - 2 + k] = c->arg[2 + 2 * k];
    }
    return tw_pad(ctx, leaf[0], before, after, (tw_pad_mode)c->arg[0], -1);
}
static tw_tensor *pad_three(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)user;
    return tw_pad(ctx, leaf[0], (int[]){2, 0, 1}, (int[]){0, 3, 2}, TW_PAD_CONSTANT, 0.7);
}
/* arg: axis */
static tw_tensor *softmax(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    return tw_softmax(ctx, leaf[0], ((const op_case *)user)->arg[0]);
}
static tw_tensor *log_softmax(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    return tw_log_softmax(ctx, leaf[0], ((const op_case *)user)->arg[0]);
}

/* arg: ndim, dim */
static tw_tensor *reshape(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const op_case *c = user;
    return tw_reshape(ctx, leaf[0], c->arg[0], c->arg + 1);
}
/* arg: order */
static tw_tensor *permute(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    return tw_permute(ctx, leaf[0], ((const op_case *)user)->arg);
}
/* arg: axis */
static tw_tensor *concat(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    return tw_concat(ctx, 3, leaf, ((const op_case *)user)->arg[0]);
}
static tw_tensor *concat_again(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)user;
    return tw_concat(ctx, 4, (tw_tensor *[]){leaf[0], leaf[1], leaf[0], leaf[2]}, -1);
}
/* arg: axis, start, stop */
static tw_tensor *slice(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const op_case *c = user;
    return tw_slice(ctx, leaf[0], c->arg[0], c->arg[1], c->arg[2]);
}
static tw_tensor *slice_twice(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)user;
    return tw_mul(ctx, tw_slice(ctx, leaf[0], 0, 0, 2), tw_slice(ctx, leaf[0], 0, 1, 3));
}

/* ---- the cases ----------------------------------------------------------------------------------------- */
#define BINARY_CASES(op)                                                                                       \
    {#op "_same", op##_two, 2, {0}}, {#op "_row", op##_two, 2, {0}}, {#op "_number", op##_two, 2, {0}},        \
        {#op "_outer", op##_two, 2, {0}}, {#op "_five", op##_two, 2, {0}}, {#op "_empty", op##_two, 2, {0}}, { \
#op "_itself", op##_itself, 1, { 0 }                                                                   \
    }
#define UNARY_CASES(op)                                                                         \
    {#op "_3", op##_one, 1, {0}}, {#op "_1", op##_one, 1, {0}}, {#op "_0", op##_one, 1, {0}}, { \
#op "_2", op##_one, 1, { 0 }                                                            \
    }
#define MATMUL_CASES(a, b)                                                               \
    {"matmul_" #a #b, matmul, 2, {a, b}}, {"matmul_stacks_" #a #b, matmul, 2, {a, b}}, { \
        "matmul_fold_" #a #b, matmul, 2, { a, b }                                        \
    }
#define REDUCE_CASES(op)                                                                                              \
    {#op "_all", op, 1, {0}}, {#op "_first", op, 1, {0, 1, 0}}, {#op "_last_kept", op, 1, {1, 1, -1}},                \
        {#op "_outside", op, 1, {0, 2, 2, 0}}, {#op "_inside", op, 1, {0, 1, 1}}, {#op "_five", op, 1, {1, 2, 1, 3}}, \
        {#op "_alternate", op, 1, {0, 3, 0, 2, -1}}, {                                                                \
#op "_number", op, 1, { 0 }                                                                                   \
    }
#define SOFTMAX_CASES(op)                                                                                    \
    {#op "_last", op, 1, {-1}}, {#op "_0", op, 1, {0}}, {#op "_1", op, 1, {1}}, {#op "_vector", op, 1, {0}}, \
        {#op "_one", op, 1, {1}}, {                                                                          \
#op "_four", op, 1, { 1 }                                                                            \
    }

static op_case cases[] = {
    BINARY_CASES(add),
    BINARY_CASES(sub),
    BINARY_CASES(mul),
    BINARY_CASES(div),
    UNARY_CASES(scale),
    UNARY_CASES(exp),
    UNARY_CASES(log),
    UNARY_CASES(sqrt),
    UNARY_CASES(relu),
    UNARY_CASES(leaky_relu),
    UNARY_CASES(sigmoid),
    UNARY_CASES(tanh),
    MATMUL_CASES(0, 0),
    MATMUL_CASES(0, 1),
    MATMUL_CASES(1, 0),
    MATMUL_CASES(1, 1),
    {"matmul_cross", matmul, 2, {0}},
    {"matmul_no_inner", matmul, 2, {0}},
    {"matmul_no_batch", matmul, 2, {0}},
    {"matmul_itself", matmul, 1, {0}},
    {"matmul_gram", matmul, 1, {0, 1}},
    REDUCE_CASES(sum),
    REDUCE_CASES(mean),
    SOFTMAX_CASES(softmax),
    SOFTMAX_CASES(log_softmax),
    {"reshape", reshape, 1, {2, 3, -1}},
    {"reshape_number", reshape, 1, {0}},
    {"permute_2", permute, 1, {1, 0}},
    {"permute_3", permute, 1, {2, 0, 1}},
    {"permute_runs", permute, 1, {1, 0, 2}},
    {"permute_5", permute, 1, {4, 2, 0, 3, 1}},
    {"concat_0", concat, 3, {0}},
    {"concat_1", concat, 3, {1}},
    {"concat_last", concat_again, 3, {0}},
    {"slice_0", slice, 1, {0, 1, 3}},
    {"slice_1", slice, 1, {-2, -3, -1}},
    {"slice_none", slice, 1, {1, 2, 2}},
    {"slice_twice", slice_twice, 1, {0}},
    UNARY_CASES(gelu),
    UNARY_CASES(gelu_tanh),
    REDUCE_CASES(amax),
    {"amax_empty", amax, 1, {0, 1, 1}},
    {"amax_ties", amax, 1, {0, 2, 0, 2}},
    {"max_0", max, 1, {0, 0}},
    {"max_kept", max, 1, {1, 1}},
    {"max_last", max, 1, {0, -1}},
    {"max_empty", max, 1, {0, 1}},
    {"max_ties", max, 1, {0, 1}},
    {"pad_constant", pad_three, 1, {0}},
    {"pad_crop", pad, 1, {TW_PAD_CONSTANT, -1, -2, -1, 2}},
    {"pad_nothing", pad, 1, {TW_PAD_CONSTANT, 0, 0, 0, 0}},
    {"pad_reflect", pad, 1, {TW_PAD_REFLECT, 1, 2, 4, 2}},
    {"pad_replicate", pad, 1, {TW_PAD_REPLICATE, 2, 0, 3, 6}},
};

typedef struct label {
    char text[64];
} label;
/* The fixture's name of a case's input, output or gradient: add_row.d1 */
static label item(const op_case *c, const char *what, int i) {
    label l;
    snprintf(l.text, sizeof l.text, i < 0 ? "%.31s.%.4s" : "%.31s.%.4s%d", c->name, what, i);
    return l;
}

Test(ops, pytorch) {
    fixture *f = fixture_load("ops.txt");
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        op_case *c = &cases[k];
        tw_tensor *leaf[3];
        tw_step_begin(ctx);
        for (int i = 0; i < c->leaves; i++) leaf[i] = fixture_leaf(ctx, f, item(c, "", i).text);
        tw_tensor *y = c->f(ctx, leaf, c);
        assert_fixture(ctx, f, item(c, "y", -1).text, y, 1e-14);
        cr_assert_eq(tw_backward_from(ctx, y, fixture_get(f, item(c, "dy", -1).text, NULL, NULL, NULL)), TW_OK);
        for (int i = 0; i < c->leaves; i++) assert_fixture_grad(ctx, f, item(c, "d", i).text, leaf[i], 1e-13);
    }
    tw_ctx_free(ctx);
    fixture_free(f);
}

/* Every case once more, from the gradient it already has: backward must add to it. */
static tw_tensor *twice(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    op_case *c = user;
    tw_tensor *first = c->f(ctx, leaf, c), *second = c->f(ctx, leaf, c);
    return tw_add(ctx, tw_scale(ctx, first, 0.3), second);
}

static void check(tw_gradcheck_fn f) {
    fixture *fixtures = fixture_load("ops.txt");
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        op_case *c = &cases[k];
        if (strstr(c->name, "_ties")) continue; /* no derivative there, only PyTorch's choice */
        tw_gradcheck_leaf leaf[3] = {{0}};
        tw_gradcheck_result r;
        for (int i = 0; i < c->leaves; i++)
            leaf[i].value = fixture_get(fixtures, item(c, "", i).text, &leaf[i].ndim, leaf[i].dim, NULL);
        tw_err err = tw_gradcheck(ctx, f ? f : c->f, c, c->leaves, leaf, 0, &r);
        cr_assert_eq(err, TW_OK, "%s: %s", c->name, tw_errmsg(ctx));
        cr_assert(r.error <= 1e-6, "%s: leaf %d, element %zu: analytic %.12g, numeric %.12g, error %.3g", c->name,
                  r.leaf, r.index, r.analytic, r.numeric, r.error);
    }
    tw_ctx_free(ctx);
    fixture_free(fixtures);
}

Test(ops, gradients) { check(NULL); }
Test(ops, gradients_add_up) { check(twice); }

/* ---- dropout: the random state is restored for every evaluation, so the mask stays --------------------- */
static tw_tensor *dropout(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    return tw_dropout(ctx, leaf[0], *(const double *)user);
}

Test(ops, dropout_gradient) {
    tw_ctx *ctx = tw_ctx_new(4);
    double x[35];
    fill_random(x, 35, 3, 0.5, 1.5);
    tw_gradcheck_leaf leaf = {x, 2, {5, 7}, false};
    for (double p = 0; p <= 1; p += 0.25) assert_gradcheck(ctx, dropout, &p, 1, &leaf, 1e-6);
    tw_set_training(ctx, false);
    assert_gradcheck(ctx, dropout, &(double){0.5}, 1, &leaf, 1e-6);
    tw_ctx_free(ctx);
}

/* ---- gradcheck itself: it must find what is wrong ------------------------------------------------------ */
static void wrong_backward(tw_ctx *ctx, tw_node *n) {
    tw_tensor *x = n->in[0], *y = n->out[0];
    double beta, *dx = tw_grad(ctx, x, &beta);
    for (size_t i = 0; dx && i < x->size; i++)
        dx[i] = tw_add_to(beta, dx[i], (i == 3 ? 1.001 : 1) * 2 * x->data[i] * y->grad[i]);
}
static const tw_op wrong_op = {"wrong_square", wrong_backward};
static tw_tensor *wrong_square(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)user;
    tw_tensor *y = tw_new_like(ctx, leaf[1]);
    for (size_t i = 0; y && i < y->size; i++) y->data[i] = leaf[1]->data[i] * leaf[1]->data[i];
    return tw_record(ctx, &wrong_op, NULL, 1, &leaf[1], y);
}
static tw_tensor *fails(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)user;
    return tw_matmul(ctx, leaf[0], false, leaf[0], false);
}
static tw_tensor *only_first(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)user;
    return tw_mul(ctx, leaf[0], tw_detach(ctx, leaf[1]));
}
static tw_tensor *nothing(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)ctx, (void)leaf, (void)user;
    return NULL;
}

Test(gradcheck, finds_what_is_wrong) {
    tw_ctx *ctx = tw_ctx_new(1);
    double a[5] = {1, 2, 3, 4, 5}, b[5] = {0.5, -1, 2, 3, 1};
    tw_gradcheck_leaf leaf[2] = {{a, 1, {5}, false}, {b, 1, {5}, false}};
    tw_gradcheck_result r;
    cr_assert_eq(tw_gradcheck(ctx, wrong_square, NULL, 2, leaf, 0, &r), TW_OK);
    cr_assert(r.error > 1e-5 && r.error < 2e-3, "error %g", r.error);
    cr_assert_eq(r.leaf, 1);
    cr_assert_eq(r.index, 3);
    cr_assert_float_eq(r.analytic / r.numeric, 1.001, 1e-6);

    /* b is detached, which backward cannot see but the differences do; skipping b leaves it out. */
    cr_assert_eq(tw_gradcheck(ctx, only_first, NULL, 2, leaf, 0, &r), TW_OK);
    cr_assert_eq(r.leaf, 1);
    cr_assert_eq(r.analytic, 0);
    cr_assert(r.error > 0.5);
    leaf[1].skip = true;
    assert_gradcheck(ctx, only_first, NULL, 2, leaf, 1e-6);

    cr_assert_eq(tw_gradcheck(ctx, fails, NULL, 1, leaf, 0, &r), TW_ERR_SHAPE);
    assert_error(ctx, TW_ERR_SHAPE, "matmul");
    cr_assert_eq(tw_gradcheck(ctx, nothing, NULL, 1, leaf, 0, &r), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "returned NULL");
    tw_ctx_free(ctx);
}

/* An infinite slope is an error of infinity, never a pass. */
static tw_tensor *root(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    (void)user;
    return tw_sqrt(ctx, leaf[0]);
}
Test(gradcheck, infinite_is_an_error) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_gradcheck_leaf leaf = {(double[]){4, 0}, 1, {2}, false};
    tw_gradcheck_result r;
    cr_assert_eq(tw_gradcheck(ctx, root, NULL, 1, &leaf, 0, &r), TW_OK);
    cr_assert(isinf(r.error));
    cr_assert_eq(r.index, 1);
    tw_ctx_free(ctx);
}
