/* pad.c - more elements around a tensor: a constant, a reflection, the edge again.
 *
 * One axis at a time: [outer, length, inner] -> [outer, padded, inner], where a map says which element of the axis each
 * element of the result is, or that it is the constant. Backward adds by the same map, axis by axis in the other
 * order. A corner of a reflection comes out as PyTorch's, for the axes do not mix. */
#include "tensor/ops.h"

#include <limits.h>
#include <string.h>

typedef struct pass {
    size_t length, padded, inner;
    size_t width, pieces; /* inner is cut into pieces of width */
    int *map;             /* [padded] the element of the axis, -1: the constant */
    tw_real value, beta;
    const tw_real *from;
    tw_real *to;
} pass;

enum { WIDTH = 4096 };

/* ---- one axis ------------------------------------------------------------------------------------------------- */

/* Which element of an axis is element i of its continuation on both sides. */
static int source(tw_pad_mode mode, int length, int i) {
    if (i >= 0 && i < length) return i;
    switch (mode) {
    case TW_PAD_REFLECT: return i < 0 ? -i : 2 * (length - 1) - i;
    case TW_PAD_REPLICATE: return i < 0 ? 0 : length - 1;
    default: return -1;
    }
}

static void fill_units(void *arg, size_t begin, size_t end) {
    const pass *p = arg;
    for (size_t u = begin; u < end; u++) {
        const size_t outer = u / p->pieces, at = u % p->pieces * p->width, left = p->inner - at;
        const size_t n = left < p->width ? left : p->width;
        const tw_real *from = p->from + outer * p->length * p->inner + at;
        tw_real *to = p->to + outer * p->padded * p->inner + at;
        for (size_t k = 0; k < p->padded; k++, to += p->inner) {
            if (p->map[k] >= 0) memcpy(to, from + (size_t)p->map[k] * p->inner, n * sizeof *to);
            else
                for (size_t i = 0; i < n; i++) to[i] = p->value;
        }
    }
}

/* The adjoint: each element gets what its copies have; a constant is nobody's. */
static void add_units(void *arg, size_t begin, size_t end) {
    const pass *p = arg;
    for (size_t u = begin; u < end; u++) {
        const size_t outer = u / p->pieces, at = u % p->pieces * p->width, left = p->inner - at;
        const size_t n = left < p->width ? left : p->width;
        const tw_real *from = p->from + outer * p->padded * p->inner + at;
        tw_real *to = p->to + outer * p->length * p->inner + at;
        for (size_t k = 0; p->beta == 0 && k < p->length; k++) memset(to + k * p->inner, 0, n * sizeof *to);
        for (size_t k = 0; k < p->padded; k++, from += p->inner) {
            tw_real *row = to + (size_t)(p->map[k] < 0 ? 0 : p->map[k]) * p->inner;
            for (size_t i = 0; p->map[k] >= 0 && i < n; i++) row[i] += from[i];
        }
    }
}

/* Along `axis` of a shape, with that axis `length` long in x and `padded` in y; false when memory ran out. */
static bool run(tw_ctx *ctx, const tw__pad_attr *attr, int ndim, const int *dim, int axis, int length, int padded,
                tw__range_fn units, tw_real beta, const tw_real *from, tw_real *to) {
    pass p = {.length = (size_t)length, .padded = (size_t)padded, .inner = 1, .value = attr->value, .beta = beta};
    size_t outer = 1;
    for (int i = 0; i < axis; i++) outer *= (size_t)dim[i];
    for (int i = axis + 1; i < ndim; i++) p.inner *= (size_t)dim[i];
    if (outer * p.inner == 0) return true;
    if (!(p.map = tw_scratch(ctx, (size_t)padded * sizeof *p.map))) return false;
    for (int k = 0; k < padded; k++) p.map[k] = source(attr->mode, length, k - attr->before[axis]);
    p.width = p.inner < WIDTH ? p.inner : WIDTH;
    p.pieces = (p.inner - 1) / p.width + 1;
    p.from = from;
    p.to = to;
    tw__for_ranges(ctx, outer * p.pieces, tw__grain((p.padded + p.length) * p.width), units, &p);
    return true;
}

static bool changes(const tw__pad_attr *attr, int axis) { return attr->before[axis] || attr->after[axis]; }

static size_t size_of(int ndim, const int *dim) {
    size_t size = 1;
    for (int i = 0; i < ndim; i++) size *= (size_t)dim[i];
    return size;
}

/* ---- all axes, the last first -------------------------------------------------------------------------------- */

static bool pad_all(tw_ctx *ctx, const tw__pad_attr *attr, const tw_tensor *x, tw_tensor *y) {
    int dim[TW_MAX_DIMS], left = 0;
    if (!y->size) return true; /* what lies between may be large all the same */
    memcpy(dim, x->dim, sizeof dim);
    for (int i = 0; i < x->ndim; i++) left += changes(attr, i);
    const tw_real *from = x->data;
    for (int i = x->ndim; i-- > 0;) {
        if (!changes(attr, i)) continue;
        dim[i] = y->dim[i];
        tw_real *to = --left ? tw_scratch(ctx, size_of(x->ndim, dim) * sizeof *to) : y->data;
        if (!to || !run(ctx, attr, x->ndim, dim, i, x->dim[i], y->dim[i], fill_units, 0, from, to)) return false;
        from = to;
    }
    if (from == x->data && x->size) memcpy(y->data, from, x->size * sizeof *from);
    return true;
}

static void pad_backward(tw_ctx *ctx, tw_node *n) {
    const tw__pad_attr *attr = n->attr;
    tw_tensor *x = n->in[0], *y = n->out[0];
    tw_real beta, *dx = tw_grad(ctx, x, &beta);
    if (!dx || !x->size) return;
    int dim[TW_MAX_DIMS], left = 0;
    memcpy(dim, y->dim, sizeof dim);
    for (int i = 0; i < x->ndim; i++) left += changes(attr, i);
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *from = y->grad;
    if (!left) tw__copy_rows(ctx, 1, x->size, from, x->size, beta, dx, x->size);
    else if (!y->size && beta == 0) memset(dx, 0, x->size * sizeof *dx);
    for (int i = 0; i < x->ndim && y->size; i++) {
        if (!changes(attr, i)) continue;
        dim[i] = x->dim[i];
        const bool last = --left == 0;
        tw_real *to = last ? dx : tw_scratch(ctx, size_of(x->ndim, dim) * sizeof *to);
        if (!to || !run(ctx, attr, x->ndim, dim, i, x->dim[i], y->dim[i], add_units, last ? beta : 0, from, to)) return;
        from = to;
    }
    tw_scratch_release(ctx, mark);
}

static const tw_op pad_op = {"pad", pad_backward};

/* y's length along an axis; false when there is none. */
static bool padded_length(tw_ctx *ctx, const tw_tensor *x, int axis, const tw__pad_attr *attr, int *length) {
    const long long before = attr->before[axis], after = attr->after[axis], own = x->dim[axis];
    const long long padded = before + own + after;
    if (padded < 0 || padded > INT_MAX || before < -own || after < -own) {
        tw_fail(ctx, TW_ERR_RANGE, "pad: axis %d with %lld before and %lld after would have a length of %lld: %s", axis,
                before, after, padded, tw_describe(ctx, x));
        return false;
    }
    if (attr->mode == TW_PAD_REFLECT && ((before > 0 && before >= own) || (after > 0 && after >= own))) {
        tw_fail(ctx, TW_ERR_RANGE,
                "pad: axis %d reflects fewer elements than it has, not %lld before and %lld after: %s", axis, before,
                after, tw_describe(ctx, x));
        return false;
    }
    if (attr->mode == TW_PAD_REPLICATE && own == 0 && padded > 0) {
        tw_fail(ctx, TW_ERR_RANGE, "pad: axis %d has no element to repeat: %s", axis, tw_describe(ctx, x));
        return false;
    }
    *length = (int)padded;
    return true;
}

tw_tensor *tw_pad(tw_ctx *ctx, tw_tensor *x, const int *before, const int *after, tw_pad_mode mode, tw_real value) {
    if (!tw_inputs_ok(ctx, "pad", 1, &x)) return NULL;
    if (x->ndim && (!before || !after))
        return tw_fail(ctx, TW_ERR_RANGE, "pad: %s is NULL: %s", before ? "after" : "before", tw_describe(ctx, x));
    if ((unsigned)mode > TW_PAD_REPLICATE)
        return tw_fail(ctx, TW_ERR_RANGE, "pad: %d is not a mode of padding", (int)mode);
    tw__pad_attr *attr = tw_alloc(ctx, sizeof *attr);
    if (!attr) return NULL;
    *attr = (tw__pad_attr){.mode = mode, .value = value};
    int dim[TW_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        attr->before[i] = before[i];
        attr->after[i] = after[i];
        if (!padded_length(ctx, x, i, attr, &dim[i])) return NULL;
    }
    tw_tensor *y = tw_new(ctx, x->ndim, dim);
    if (!y) return NULL;
    tw_mark mark = tw_scratch_mark(ctx);
    if (!pad_all(ctx, attr, x, y)) return NULL;
    tw_scratch_release(ctx, mark);
    return tw_record(ctx, &pad_op, attr, 1, &x, y);
}
