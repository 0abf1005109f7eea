/* elementwise.c - add, sub, mul, div of two tensors that broadcast, and their gradients.
 *
 * The gradient of a stretched operand is summed over the dimensions it was stretched along. */
#include "tensor/ops.h"

#define EACH(value)                                         \
    {                                                       \
        if (beta == 0)                                      \
            for (size_t i = 0; i < n; i++) z[i] = (value);  \
        else                                                \
            for (size_t i = 0; i < n; i++) z[i] += (value); \
    }
/* An operand stays for a whole row, or none does; both together only when n is 1. */
#define KERNEL(name, F)                                                                                          \
    static void name(size_t n, tw_real *restrict z, tw_real beta, const tw_real *u, size_t su, const tw_real *v, \
                     size_t sv, const tw_real *w) {                                                              \
        (void)v, (void)w;                                                                                        \
        if (su && sv) EACH(F(u[i], v[i], w[i]))                                                                  \
        else if (sv) EACH(F(u[0], v[i], w[i]))                                                                   \
        else EACH(F(u[i], v[0], w[i]))                                                                           \
    }
#define PLUS(u, v, w) ((u) + (v))
#define MINUS(u, v, w) ((u) - (v))
#define TIMES(u, v, w) ((u) * (v))
#define OVER(u, v, w) ((u) / (v))
#define SAME(u, v, w) (u)
#define NEGATIVE(u, v, w) (-(u))
#define DIVISOR_GRAD(u, v, w) (-(u) * (w) / (v))
KERNEL(plus, PLUS)
KERNEL(minus, MINUS)
KERNEL(times, TIMES)
KERNEL(over, OVER)
KERNEL(same, SAME)
KERNEL(negative, NEGATIVE)
KERNEL(divisor_grad, DIVISOR_GRAD)

typedef struct binary {
    tw_op op;           /* first: a node's op leads back here */
    tw__kernel value;   /* y from a, b */
    tw__kernel a_grad;  /* da from dy, other, y */
    tw__kernel b_grad;  /* db from dy, other, y */
    bool b_grad_uses_b; /* the `other` of db is b, else a; that of da is b */
} binary;

static tw__operand operand(const tw_tensor *t, const tw_real *data) { return (tw__operand){data, t->ndim, t->dim}; }

/* dx += kernel(dy, other, y), summed to x's shape. */
static void pass_grad(tw_ctx *ctx, tw_tensor *x, tw__kernel kernel, const tw_tensor *other, const tw_tensor *y) {
    tw_real beta, *dx = tw_grad(ctx, x, &beta);
    if (!dx) return;
    tw__operand dy = operand(y, y->grad), o = operand(other, other->data);
    if (x->size == y->size) {
        tw__broadcast(ctx, kernel, y->ndim, y->dim, dx, beta, dy, o, y->data);
        return;
    }
    bool stretched[TW_MAX_DIMS];
    for (int i = 0; i < y->ndim; i++) {
        int j = i - (y->ndim - x->ndim);
        stretched[i] = j < 0 || (x->dim[j] == 1 && y->dim[i] != 1);
    }
    const tw_real *full = y->grad; /* add and sub: nothing but a sign stands between dy and the sum */
    double divisor = kernel == negative ? -1 : 1;
    tw_mark mark = tw_scratch_mark(ctx);
    if (kernel != same && kernel != negative) {
        tw_real *product = tw_scratch(ctx, y->size * sizeof *product);
        if (!product) return;
        tw__broadcast(ctx, kernel, y->ndim, y->dim, product, 0, dy, o, y->data);
        full = product;
    }
    tw__sum_axes(ctx, y->ndim, y->dim, stretched, full, divisor, beta, dx);
    tw_scratch_release(ctx, mark);
}

static void binary_backward(tw_ctx *ctx, tw_node *n) {
    const binary *op = (const binary *)n->op;
    tw_tensor *a = n->in[0], *b = n->in[1], *y = n->out[0];
    pass_grad(ctx, a, op->a_grad, b, y);
    pass_grad(ctx, b, op->b_grad, op->b_grad_uses_b ? b : a, y);
}

/* y = a + b: da = dy, db = dy */
static const binary add_op = {{"add", binary_backward}, plus, same, same, true};
/* y = a - b: da = dy, db = -dy */
static const binary sub_op = {{"sub", binary_backward}, minus, same, negative, true};
/* y = a b: da = dy b, db = dy a */
static const binary mul_op = {{"mul", binary_backward}, times, times, times, false};
/* y = a / b: da = dy / b, db = -dy a / b^2 = -dy y / b */
static const binary div_op = {{"div", binary_backward}, over, over, divisor_grad, true};

static tw_tensor *apply(tw_ctx *ctx, const binary *op, tw_tensor *a, tw_tensor *b) {
    tw_tensor *in[] = {a, b};
    if (!tw_inputs_ok(ctx, op->op.name, 2, in)) return NULL;
    int ndim, dim[TW_MAX_DIMS];
    if (!tw__broadcast_dims(a->ndim, a->dim, b->ndim, b->dim, &ndim, dim))
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: the shapes do not broadcast: %s and %s", op->op.name,
                       tw_describe(ctx, a), tw_describe(ctx, b));
    tw_tensor *y = tw_new(ctx, ndim, dim);
    if (!y) return NULL;
    tw__broadcast(ctx, op->value, ndim, dim, y->data, 0, operand(a, a->data), operand(b, b->data), NULL);
    return tw_record(ctx, &op->op, NULL, 2, in, y);
}

tw_tensor *tw_add(tw_ctx *ctx, tw_tensor *a, tw_tensor *b) { return apply(ctx, &add_op, a, b); }
tw_tensor *tw_sub(tw_ctx *ctx, tw_tensor *a, tw_tensor *b) { return apply(ctx, &sub_op, a, b); }
tw_tensor *tw_mul(tw_ctx *ctx, tw_tensor *a, tw_tensor *b) { return apply(ctx, &mul_op, a, b); }
tw_tensor *tw_div(tw_ctx *ctx, tw_tensor *a, tw_tensor *b) { return apply(ctx, &div_op, a, b); }
