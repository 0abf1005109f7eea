/* reduce.c - sum and mean over axes. sum.c adds; here are the axes, the shapes and the gradient. */
#include "tensor/ops.h"

static void add_stretched(size_t n, tw_real *restrict z, tw_real beta, const tw_real *u, size_t su, const tw_real *v,
                          size_t sv, const tw_real *w) {
    (void)v, (void)sv, (void)w;
    if (su)
        for (size_t i = 0; i < n; i++) z[i] = tw_add_to(beta, z[i], u[i]);
    else
        for (size_t i = 0; i < n; i++) z[i] = tw_add_to(beta, z[i], u[0]);
}

/* Every element of a sum gets the sum's gradient; of a mean, divided by how many there are. */
static void reduce_backward(tw_ctx *ctx, tw_node *n) {
    const tw__reduce_attr *attr = n->attr;
    tw_tensor *x = n->in[0], *y = n->out[0];
    tw_real beta, *dx = tw_grad(ctx, x, &beta);
    if (!dx || !x->size) return;
    int kept[TW_MAX_DIMS]; /* y's shape with the reduced axes as 1 */
    for (int i = 0; i < x->ndim; i++) kept[i] = attr->reduced[i] ? 1 : x->dim[i];
    const tw_real *share = y->grad;
    tw_mark mark = tw_scratch_mark(ctx);
    if (attr->mean) {
        tw_real count = (tw_real)(x->size / y->size), *divided = tw_scratch(ctx, y->size * sizeof *divided);
        if (!divided) return;
        for (size_t i = 0; i < y->size; i++) divided[i] = y->grad[i] / count;
        share = divided;
    }
    tw__operand u = {share, x->ndim, kept};
    tw__broadcast(ctx, add_stretched, x->ndim, x->dim, dx, beta, u, u, NULL);
    tw_scratch_release(ctx, mark);
}

static const tw_op sum_op = {"sum", reduce_backward};
static const tw_op mean_op = {"mean", reduce_backward};

bool tw__mark_axes(tw_ctx *ctx, const char *op, const tw_tensor *x, int naxes, const int *axes, bool *reduced) {
    if (naxes > 0 && !axes) return tw_fail(ctx, TW_ERR_RANGE, "%s: the list of %d axes is NULL", op, naxes);
    if (naxes < 0) return tw_fail(ctx, TW_ERR_RANGE, "%s: %d axes", op, naxes);
    for (int i = 0; i < TW_MAX_DIMS; i++) reduced[i] = naxes == 0 && i < x->ndim;
    for (int i = 0; i < naxes; i++) {
        int axis;
        if (!tw__axis_to_reduce(ctx, op, x, axes[i], &axis)) return false;
        if (reduced[axis])
            return tw_fail(ctx, TW_ERR_RANGE, "%s: axis %d is given twice: %s", op, axis, tw_describe(ctx, x));
        reduced[axis] = true;
    }
    return true;
}

static tw_tensor *reduce(tw_ctx *ctx, const tw_op *op, tw_tensor *x, int naxes, const int *axes, bool keep_dims) {
    if (!tw_inputs_ok(ctx, op->name, 1, &x)) return NULL;
    tw__reduce_attr *attr = tw_alloc(ctx, sizeof *attr);
    if (!attr || !tw__mark_axes(ctx, op->name, x, naxes, axes, attr->reduced)) return NULL;
    attr->keep_dims = keep_dims;
    attr->mean = op == &mean_op;
    int ndim = 0, dim[TW_MAX_DIMS];
    double count = 1;
    for (int i = 0; i < x->ndim; i++) {
        if (attr->reduced[i]) count *= x->dim[i];
        if (!attr->reduced[i] || keep_dims) dim[ndim++] = attr->reduced[i] ? 1 : x->dim[i];
    }
    tw_tensor *y = tw_new(ctx, ndim, dim);
    if (!y || !tw__sum_axes(ctx, x->ndim, x->dim, attr->reduced, x->data, attr->mean ? count : 1, 0, y->data))
        return NULL;
    return tw_record(ctx, op, attr, 1, &x, y);
}

tw_tensor *tw_sum(tw_ctx *ctx, tw_tensor *x, int naxes, const int *axes, bool keep_dims) {
    return reduce(ctx, &sum_op, x, naxes, axes, keep_dims);
}
tw_tensor *tw_mean(tw_ctx *ctx, tw_tensor *x, int naxes, const int *axes, bool keep_dims) {
    return reduce(ctx, &mean_op, x, naxes, axes, keep_dims);
}
