/* unary.c - operations on each element alone: scale, exp, log, sqrt, relu, leaky_relu, sigmoid, tanh.
 *
 * Each is two loops, y from x and dx from dy; x, y and the parameter p (factor, slope) are what the derivative may
 * use. */
#include "tensor/ops.h"
#include "tensor/vmath.h"

#include <tgmath.h>

typedef struct unary {
    tw_op op; /* first: a node's op leads back here */
    void (*value)(size_t n, const tw_real *x, tw_real *y, tw_real p);
    void (*grad)(size_t n, const tw_real *x, const tw_real *y, const tw_real *dy, tw_real p, tw_real beta, tw_real *dx);
} unary;

typedef struct job {
    const unary *op;
    const tw_real *x, *dy;
    tw_real *y, *dx, p, beta;
} job;

static void value_range(void *arg, size_t begin, size_t end) {
    const job *j = arg;
    j->op->value(end - begin, j->x + begin, j->y + begin, j->p);
}

static void grad_range(void *arg, size_t begin, size_t end) {
    const job *j = arg;
    j->op->grad(end - begin, j->x + begin, j->y + begin, j->dy + begin, j->p, j->beta, j->dx + begin);
}

static void unary_backward(tw_ctx *ctx, tw_node *n) {
    const tw__unary_attr *attr = n->attr;
    tw_tensor *x = n->in[0], *y = n->out[0];
    job j = {.op = (const unary *)n->op, .x = x->data, .y = y->data, .dy = y->grad, .p = attr ? attr->value : 0};
    j.dx = tw_grad(ctx, x, &j.beta);
    if (j.dx) tw__for_ranges(ctx, x->size, 0, grad_range, &j);
}

static tw_tensor *apply(tw_ctx *ctx, const unary *op, tw_tensor *x, const tw_real *p) {
    if (!tw_inputs_ok(ctx, op->op.name, 1, &x)) return NULL;
    tw__unary_attr *attr = p ? tw_alloc(ctx, sizeof *attr) : NULL;
    tw_tensor *y = tw_new_like(ctx, x);
    if (!y || (p && !attr)) return NULL;
    if (p) attr->value = *p;
    job j = {.op = op, .x = x->data, .y = y->data, .p = p ? *p : 0};
    tw__for_ranges(ctx, x->size, 0, value_range, &j);
    return tw_record(ctx, &op->op, attr, 1, &x, y);
}

/* ---- the loops: y from x and p; dx from dy, x, y and p ------------------------------------------------------ */
#define VALUE(name, y_of)                                                                             \
    static void name##_value(size_t n, const tw_real *restrict xs, tw_real *restrict ys, tw_real p) { \
        (void)p;                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                              \
            const tw_real x = xs[i];                                                                  \
            ys[i] = (y_of);                                                                           \
        }                                                                                             \
    }
#define VALUE_OF_ARRAY(name, function)                                              \
    static void name##_value(size_t n, const tw_real *xs, tw_real *ys, tw_real p) { \
        (void)p;                                                                    \
        TW_ISA_CALL(function)(n, xs, ys);                                           \
    }
#define GRAD(name, dx_of)                                                                                  \
    static void name##_grad(size_t n, const tw_real *restrict xs, const tw_real *restrict ys,              \
                            const tw_real *restrict dys, tw_real p, tw_real beta, tw_real *restrict dxs) { \
        (void)p;                                                                                           \
        for (size_t i = 0; i < n; i++) {                                                                   \
            const tw_real x = xs[i], y = ys[i], dy = dys[i];                                               \
            (void)x, (void)y;                                                                              \
            dxs[i] = tw_add_to(beta, dxs[i], dx_of);                                                       \
        }                                                                                                  \
    }                                                                                                      \
    static const unary name##_op = {{#name, unary_backward}, name##_value, name##_grad};

/* The formatter would take these products for pointers. */
/* clang-format off */
VALUE(scale, p * x)
GRAD(scale, p * dy)

VALUE_OF_ARRAY(exp, tw__vexp)
GRAD(exp, dy * y)

VALUE_OF_ARRAY(log, tw__vlog)
GRAD(log, dy / x)

VALUE(sqrt, sqrt(x))
GRAD(sqrt, dy / (2 * y))

/* The comparison is this way round so that NaN passes. */
VALUE(relu, x <= 0 ? 0 : x)
GRAD(relu, y <= 0 ? 0 : dy)

VALUE(leaky_relu, x > 0 ? x : p * x)
GRAD(leaky_relu, x > 0 ? dy : p * dy)

VALUE_OF_ARRAY(sigmoid, tw__vsigmoid)
GRAD(sigmoid, dy * y * (1 - y))

VALUE_OF_ARRAY(tanh, tw__vtanh)
GRAD(tanh, dy * (1 - y * y))
/* clang-format on */

tw_tensor *tw_scale(tw_ctx *ctx, tw_tensor *x, tw_real factor) { return apply(ctx, &scale_op, x, &factor); }
tw_tensor *tw_exp(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &exp_op, x, NULL); }
tw_tensor *tw_log(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &log_op, x, NULL); }
tw_tensor *tw_sqrt(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &sqrt_op, x, NULL); }
tw_tensor *tw_relu(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &relu_op, x, NULL); }
tw_tensor *tw_leaky_relu(tw_ctx *ctx, tw_tensor *x, tw_real slope) { return apply(ctx, &leaky_relu_op, x, &slope); }
tw_tensor *tw_sigmoid(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &sigmoid_op, x, NULL); }
tw_tensor *tw_tanh(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &tanh_op, x, NULL); }
