/* unary.c - operations on each element alone: scale, exp, log, sqrt, relu, leaky_relu, sigmoid, tanh,
 * gelu, gelu_tanh.
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

/* ---- gelu = x P(x), P the normal distribution's:  its derivative is P + x P',  P' = e^(-x^2/2) / sqrt(2 pi). With
 * erfc, P keeps its digits where it is small, which 1 + erf does not. */
static inline tw_real normal_p(tw_real x) { return (tw_real)0.5 * erfc(x * -(tw_real)0.70710678118654752440); }
static inline tw_real gelu_slope(tw_real x) {
    return normal_p(x) + x * (tw_real)0.39894228040143267794 * exp(x * x * (tw_real)-0.5);
}

/* gelu_tanh = x Q(x), Q = (1 + tanh u) / 2, u = a (x + b x^3):  its derivative is Q + x (1 - tanh(u)^2) u' / 2. Where
 * tanh is 1 the last factor may overflow. */
static inline tw_real gelu_tanh_of(tw_real x) {
    const tw_real a = (tw_real)0.79788456080286535588, b = (tw_real)0.044715;
    return tw__tanh1(a * (x + b * x * x * x));
}
static inline tw_real gelu_tanh_slope(tw_real x) {
    const tw_real a = (tw_real)0.79788456080286535588, b = (tw_real)0.044715;
    const tw_real t = gelu_tanh_of(x), flat = 1 - t * t, q = (tw_real)0.5 * (1 + t);
    return flat > 0 ? q + (tw_real)0.5 * x * flat * a * (1 + 3 * b * x * x) : q;
}

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

VALUE(gelu, x * normal_p(x))
GRAD(gelu, dy * gelu_slope(x))

VALUE(gelu_tanh, (tw_real)0.5 * x * (1 + gelu_tanh_of(x)))
GRAD(gelu_tanh, dy * gelu_tanh_slope(x))
/* clang-format on */

tw_tensor *tw_scale(tw_ctx *ctx, tw_tensor *x, tw_real factor) { return apply(ctx, &scale_op, x, &factor); }
tw_tensor *tw_exp(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &exp_op, x, NULL); }
tw_tensor *tw_log(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &log_op, x, NULL); }
tw_tensor *tw_sqrt(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &sqrt_op, x, NULL); }
tw_tensor *tw_relu(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &relu_op, x, NULL); }
tw_tensor *tw_leaky_relu(tw_ctx *ctx, tw_tensor *x, tw_real slope) { return apply(ctx, &leaky_relu_op, x, &slope); }
tw_tensor *tw_sigmoid(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &sigmoid_op, x, NULL); }
tw_tensor *tw_tanh(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &tanh_op, x, NULL); }
tw_tensor *tw_gelu(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &gelu_op, x, NULL); }
tw_tensor *tw_gelu_tanh(tw_ctx *ctx, tw_tensor *x) { return apply(ctx, &gelu_tanh_op, x, NULL); }
