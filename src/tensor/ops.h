/* ops.h - what the operations of this folder share: loops over many elements, axes, broadcasting, sums; and what
 * each call was given, as kept on its node for backward and for exporters. */
#ifndef TW_OPS_H
#define TW_OPS_H

#include <thalweg/extend.h>

/* Elements in a block of parallel work: about 10 microseconds of a memory-bound loop, and within the L1 cache. */
enum { TW__GRAIN = 16384 };

/* fn(arg, begin, end) over [0, n), cut into ranges of `grain` (0: TW__GRAIN) on the context's threads. */
typedef void (*tw__range_fn)(void *arg, size_t begin, size_t end);
void tw__for_ranges(tw_ctx *ctx, size_t n, size_t grain, tw__range_fn fn, void *arg);
/* How many units of `work` elements make a range worth handing out; at least 1. */
size_t tw__grain(size_t work);

/* Turns a negative axis into the one it means; false with a RANGE error when x has no such axis. */
bool tw__axis(tw_ctx *ctx, const char *op, const tw_tensor *x, int axis, int *found);
/* The same, but a tensor without dimensions has an axis 0, of length 1, as it has for PyTorch's reductions. */
bool tw__axis_to_reduce(tw_ctx *ctx, const char *op, const tw_tensor *x, int axis, int *found);

/* Which axes of x a reduction marks; naxes 0: all. False with a RANGE error. */
bool tw__mark_axes(tw_ctx *ctx, const char *op, const tw_tensor *x, int naxes, const int *axes, bool *reduced);

/* x seen as [outer, length, inner] around an axis. */
typedef struct tw__around {
    size_t outer, length, inner;
} tw__around;
tw__around tw__around_axis(const tw_tensor *x, int axis);

/* ---- broadcast.c ---------------------------------------------------------------------------------------- */

/* The shape that a and b broadcast to; false when they do not fit. */
bool tw__broadcast_dims(int a_ndim, const int *a, int b_ndim, const int *b, int *ndim, int *dim);

/* z[i] = beta z[i] + f(u[i su], v[i sv], w[i]) for n elements; su and sv are 1, or 0 for an operand that stays. w is
 * laid out as z and is NULL for an f that does not use it. */
typedef void (*tw__kernel)(size_t n, tw_real *z, tw_real beta, const tw_real *u, size_t su, const tw_real *v, size_t sv,
                           const tw_real *w);
/* An operand: values and their shape, which broadcasts to the result's. */
typedef struct tw__operand {
    const tw_real *data;
    int ndim;
    const int *dim;
} tw__operand;
/* Runs the kernel over a result z of that shape. */
void tw__broadcast(tw_ctx *ctx, tw__kernel kernel, int ndim, const int *dim, tw_real *z, tw_real beta, tw__operand u,
                   tw__operand v, const tw_real *w);

/* ---- sum.c ---------------------------------------------------------------------------------------------- */

/* out = beta out + (sum of x over the axes that are marked) / divisor. out has the other axes of x. Sums are made in
 * double, in an order that depends on the shape only. False when memory ran out. */
bool tw__sum_axes(tw_ctx *ctx, int ndim, const int *dim, const bool *reduced, const tw_real *x, double divisor,
                  tw_real beta, tw_real *out);
/* The sum of n numbers, and of n products, in double. */
double tw__sum_run(const tw_real *x, size_t n);
double tw__dot_run(const tw_real *x, const tw_real *y, size_t n);

/* ---- copy.c --------------------------------------------------------------------------------------------- */

/* rows x columns numbers between two row strides: to = beta to + from. */
void tw__copy_rows(tw_ctx *ctx, size_t rows, size_t columns, const tw_real *from, size_t from_stride, tw_real beta,
                   tw_real *to, size_t to_stride);

/* ---- permute.c ------------------------------------------------------------------------------------------ */

/* to = beta to + from permuted: axis i of `to` is axis order[i] of `from`, whose shape is dim. */
void tw__permute(tw_ctx *ctx, int ndim, const size_t *dim, const int *order, const tw_real *from, tw_real beta,
                 tw_real *to);

/* ---- attributes: tw_node.attr of each op ------------------------------------------------------------------ */
typedef struct tw__unary_attr {
    tw_real value; /* scale: the factor; leaky_relu: the slope */
} tw__unary_attr;
typedef struct tw__matmul_attr {
    bool transpose_a, transpose_b;
} tw__matmul_attr;
typedef struct tw__reduce_attr {
    bool reduced[TW_MAX_DIMS];
    bool keep_dims, mean;
} tw__reduce_attr;
typedef struct tw__amax_attr {
    bool reduced[TW_MAX_DIMS];
    bool keep_dims;
} tw__amax_attr;
typedef struct tw__max_attr {
    int axis;
    bool keep_dims;
    int32_t *index; /* of each element of the result, along the axis */
} tw__max_attr;
typedef struct tw__axis_attr { /* softmax, log_softmax, concat */
    int axis;
} tw__axis_attr;
typedef struct tw__permute_attr {
    int order[TW_MAX_DIMS];
} tw__permute_attr;
typedef struct tw__slice_attr {
    int axis, start, stop; /* not negative */
} tw__slice_attr;
typedef struct tw__pad_attr {
    int before[TW_MAX_DIMS], after[TW_MAX_DIMS];
    tw_pad_mode mode;
    tw_real value;
} tw__pad_attr;
typedef struct tw__dropout_attr {
    tw_real p;
    uint8_t *kept; /* 1 where x passes, an entry an element */
} tw__dropout_attr;

#endif
