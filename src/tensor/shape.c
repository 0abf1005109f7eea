/* shape.c - reshape, concat and slice: nothing is computed, numbers only change their place. */
#include "tensor/ops.h"

#include <limits.h>
#include <string.h>

/* ---- reshape: the same memory under another shape; dx = dy ---------------------------------------------------- */

static void reshape_backward(tw_ctx *ctx, tw_node *n) {
    tw_tensor *x = n->in[0], *y = n->out[0];
    tw_real beta, *dx = tw_grad(ctx, x, &beta);
    if (dx) tw__copy_rows(ctx, 1, x->size, y->grad, x->size, beta, dx, x->size);
}

static const tw_op reshape_op = {"reshape", reshape_backward};

/* The entry -1 is whatever makes the sizes agree; *wrong is set when nothing does. */
static void infer(const tw_tensor *x, int ndim, int *dim, bool *wrong) {
    size_t known = 1;
    int unknown = -1;
    *wrong = false;
    for (int i = 0; i < ndim; i++) {
        if (dim[i] == -1 && unknown < 0) unknown = i;
        else if (dim[i] < 0 || (dim[i] && known > SIZE_MAX / (size_t)dim[i])) *wrong = true;
        else known *= (size_t)dim[i];
    }
    if (*wrong) return;
    if (unknown < 0) {
        *wrong = known != x->size;
    } else {
        *wrong = known == 0 || x->size % known != 0 || x->size / known > INT_MAX;
        if (!*wrong) dim[unknown] = (int)(x->size / known);
    }
}

tw_tensor *tw_reshape(tw_ctx *ctx, tw_tensor *x, int ndim, const int *dim) {
    if (!tw_inputs_ok(ctx, "reshape", 1, &x)) return NULL;
    if (ndim < 0 || ndim > TW_MAX_DIMS)
        return tw_fail(ctx, TW_ERR_SHAPE, "reshape: a tensor has 0 to %d dimensions, not %d", TW_MAX_DIMS, ndim);
    if (ndim && !dim) return tw_fail(ctx, TW_ERR_SHAPE, "reshape: dim is NULL for %d dimensions", ndim);
    int to[TW_MAX_DIMS];
    for (int i = 0; i < ndim; i++) to[i] = dim[i];
    bool wrong;
    infer(x, ndim, to, &wrong);
    if (wrong) {
        tw_tensor wanted = {.ndim = ndim};
        for (int i = 0; i < ndim; i++) wanted.dim[i] = dim[i];
        return tw_fail(ctx, TW_ERR_SHAPE, "reshape: %s has %zu elements and cannot become %s", tw_describe(ctx, x),
                       x->size, tw_describe(ctx, &wanted));
    }
    bool moves = x->step == 0 && !x->flat; /* a parameter until it is sealed, even in the middle of a step: a copy */
    tw_tensor *y = moves ? tw_new(ctx, ndim, to) : tw_input(ctx, x->data, ndim, to);
    if (moves && y && y->size) memcpy(y->data, x->data, y->size * sizeof *y->data);
    return tw_record(ctx, &reshape_op, NULL, 1, &x, y);
}

/* ---- concat: each x is a band of y's rows, a row being everything from the axis on ------------------------------ */

static void concat_backward(tw_ctx *ctx, tw_node *n) {
    const tw__axis_attr *attr = n->attr;
    tw_tensor *y = n->out[0];
    tw__around all = tw__around_axis(y, attr->axis);
    size_t row = all.length * all.inner, at = 0;
    for (int i = 0; i < n->nin; i++) {
        tw_tensor *x = n->in[i];
        size_t band = (size_t)x->dim[attr->axis] * all.inner;
        tw_real beta, *dx = tw_grad(ctx, x, &beta);
        if (dx) tw__copy_rows(ctx, all.outer, band, y->grad + at, row, beta, dx, band);
        at += band;
    }
}

static const tw_op concat_op = {"concat", concat_backward};

/* y's shape; false with an error when the parts differ in another axis. */
static bool concat_dims(tw_ctx *ctx, int n, tw_tensor *const *x, int axis, int *dim) {
    int64_t length = 0;
    for (int i = 0; i < n; i++) {
        bool fits = x[i]->ndim == x[0]->ndim;
        for (int a = 0; fits && a < x[0]->ndim; a++) fits = a == axis || x[i]->dim[a] == x[0]->dim[a];
        if (!fits)
            return tw_fail(ctx, TW_ERR_SHAPE, "concat: part %d differs from the first in more than axis %d: %s and %s",
                           i + 1, axis, tw_describe(ctx, x[0]), tw_describe(ctx, x[i]));
        length += x[i]->dim[axis];
    }
    if (length > INT_MAX)
        return tw_fail(ctx, TW_ERR_SHAPE, "concat: axis %d would be %lld long", axis, (long long)length);
    for (int a = 0; a < x[0]->ndim; a++) dim[a] = x[0]->dim[a];
    dim[axis] = (int)length;
    return true;
}

tw_tensor *tw_concat(tw_ctx *ctx, int n, tw_tensor *const *x, int axis) {
    if (n < 1) return tw_fail(ctx, TW_ERR_RANGE, "concat: %d tensors; it takes at least one", n);
    if (!x) return tw_fail(ctx, TW_ERR_RANGE, "concat: the list of tensors is NULL");
    if (!tw_inputs_ok(ctx, "concat", n, x)) return NULL;
    tw__axis_attr *attr = tw_alloc(ctx, sizeof *attr);
    int dim[TW_MAX_DIMS];
    if (!attr || !tw__axis(ctx, "concat", x[0], axis, &attr->axis) || !concat_dims(ctx, n, x, attr->axis, dim))
        return NULL;
    tw_tensor *y = tw_new(ctx, x[0]->ndim, dim);
    if (!y) return NULL;
    tw__around all = tw__around_axis(y, attr->axis);
    size_t row = all.length * all.inner, at = 0;
    for (int i = 0; i < n; i++) {
        size_t band = (size_t)x[i]->dim[attr->axis] * all.inner;
        tw__copy_rows(ctx, all.outer, band, x[i]->data, band, 0, y->data + at, row);
        at += band;
    }
    return tw_record(ctx, &concat_op, attr, n, x, y);
}

/* ---- slice: y is a band of x's rows ------------------------------------------------------------------------------ */

static void slice_backward(tw_ctx *ctx, tw_node *n) {
    const tw__slice_attr *attr = n->attr;
    tw_tensor *x = n->in[0], *y = n->out[0];
    tw__around all = tw__around_axis(x, attr->axis);
    size_t row = all.length * all.inner, band = (size_t)(attr->stop - attr->start) * all.inner;
    tw_real beta, *dx = tw_grad(ctx, x, &beta);
    if (!dx || !x->size) return;
    if (beta == 0) memset(dx, 0, x->size * sizeof *dx); /* what was left out has gradient 0 */
    tw__copy_rows(ctx, all.outer, band, y->grad, band, beta, dx + (size_t)attr->start * all.inner, row);
}

static const tw_op slice_op = {"slice", slice_backward};

tw_tensor *tw_slice(tw_ctx *ctx, tw_tensor *x, int axis, int start, int stop) {
    if (!tw_inputs_ok(ctx, "slice", 1, &x)) return NULL;
    tw__slice_attr *attr = tw_alloc(ctx, sizeof *attr);
    if (!attr || !tw__axis(ctx, "slice", x, axis, &attr->axis)) return NULL;
    int length = x->dim[attr->axis], dim[TW_MAX_DIMS];
    attr->start = start < 0 ? start + length : start;
    attr->stop = stop < 0 ? stop + length : stop;
    if (attr->start < 0 || attr->stop > length || attr->start > attr->stop)
        return tw_fail(ctx, TW_ERR_RANGE, "slice: %d to %d is not within the %d elements of axis %d: %s", start, stop,
                       length, attr->axis, tw_describe(ctx, x));
    for (int i = 0; i < x->ndim; i++) dim[i] = x->dim[i];
    dim[attr->axis] = attr->stop - attr->start;
    tw_tensor *y = tw_new(ctx, x->ndim, dim);
    if (!y) return NULL;
    tw__around all = tw__around_axis(x, attr->axis);
    size_t row = all.length * all.inner, band = (size_t)dim[attr->axis] * all.inner;
    tw__copy_rows(ctx, all.outer, band, x->data + (size_t)attr->start * all.inner, row, 0, y->data, band);
    return tw_record(ctx, &slice_op, attr, 1, &x, y);
}
