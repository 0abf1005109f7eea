/* max.c - the largest over axes: tw_amax, where equals share the gradient, and tw_max, where the first takes it.
 *
 * Both go one axis, or several that lie side by side, at a time. Which of two equals comes first matters to tw_max
 * alone. NaN is larger than everything, as in PyTorch. */
#include "tensor/ops.h"

#include <string.h>

/* Does v replace m? A NaN is not replaced. */
#define WINS(v, m) ((v) > (m) || ((v) != (v) && (m) == (m)))

/* ---- one axis of [outer, length, inner], length at least 1 ------------------------------------------------- */

enum { WIDTH = 1024, LANES = 8 }; /* neighbouring results of a unit */

typedef struct pass {
    tw__around a;
    size_t pieces; /* of WIDTH in inner */
    const tw_real *x;
    tw_real *y;
    int32_t *index; /* NULL: not wanted */
} pass;

/* Eight running maxima let the compiler use vectors. */
static tw_real largest(const tw_real *x, size_t n) {
    tw_real m[LANES];
    for (size_t j = 0; j < LANES; j++) m[j] = x[0];
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) m[j] = WINS(x[i + j], m[j]) ? x[i + j] : m[j];
    for (; i < n; i++) m[0] = WINS(x[i], m[0]) ? x[i] : m[0];
    for (size_t j = 1; j < LANES; j++) m[0] = WINS(m[j], m[0]) ? m[j] : m[0];
    return m[0];
}

static void first_largest(const pass *p, size_t o, const tw_real *x) {
    size_t at = 0;
    for (size_t i = 1; i < p->a.length; i++)
        if (WINS(x[i], x[at])) at = i;
    p->y[o] = x[at];
    p->index[o] = (int32_t)at;
}

static void side_by_side(const pass *p, size_t o, size_t n, const tw_real *x) {
    tw_real *restrict y = p->y + o;
    memcpy(y, x, n * sizeof *y);
    if (p->index) memset(p->index + o, 0, n * sizeof *p->index);
    for (size_t k = 1; k < p->a.length; k++) {
        x += p->a.inner;
        if (!p->index) {
            for (size_t i = 0; i < n; i++) y[i] = WINS(x[i], y[i]) ? x[i] : y[i];
            continue;
        }
        int32_t *restrict index = p->index + o;
        for (size_t i = 0; i < n; i++) {
            const bool wins = WINS(x[i], y[i]);
            y[i] = wins ? x[i] : y[i];
            index[i] = wins ? (int32_t)k : index[i];
        }
    }
}

static void units(void *arg, size_t begin, size_t end) {
    const pass *p = arg;
    for (size_t u = begin; u < end; u++) {
        const size_t outer = u / p->pieces, from = u % p->pieces * WIDTH, left = p->a.inner - from;
        const size_t o = outer * p->a.inner + from, n = left < WIDTH ? left : WIDTH;
        const tw_real *x = p->x + outer * p->a.length * p->a.inner + from;
        if (p->a.inner > 1) side_by_side(p, o, n, x);
        else if (p->index) first_largest(p, o, x);
        else p->y[o] = largest(x, p->a.length);
    }
}

static void max_over(tw_ctx *ctx, tw__around a, const tw_real *x, tw_real *y, int32_t *index) {
    if (a.outer * a.inner == 0) return;
    pass p = {a, (a.inner - 1) / WIDTH + 1, x, y, index};
    const size_t width = a.inner < WIDTH ? a.inner : WIDTH;
    tw__for_ranges(ctx, a.outer * p.pieces, tw__grain(a.length * width), units, &p);
}

/* The result's shape; false when a reduced axis is empty. */
static bool result_dims(tw_ctx *ctx, const char *op, const tw_tensor *x, const bool *reduced, bool keep_dims, int *ndim,
                        int *dim) {
    *ndim = 0;
    for (int i = 0; i < x->ndim; i++) {
        if (reduced[i] && x->dim[i] == 0) {
            tw_fail(ctx, TW_ERR_SHAPE, "%s: axis %d has no elements, so none is the largest: %s", op, i,
                    tw_describe(ctx, x));
            return false;
        }
        if (!reduced[i] || keep_dims) dim[(*ndim)++] = reduced[i] ? 1 : x->dim[i];
    }
    return true;
}

/* ---- amax ---------------------------------------------------------------------------------------------------- */

/* z = 1 where the element is the largest. */
static void mark_largest(size_t n, tw_real *restrict z, tw_real beta, const tw_real *u, size_t su, const tw_real *v,
                         size_t sv, const tw_real *restrict x) {
    (void)beta, (void)v, (void)sv;
    for (size_t i = 0; i < n; i++) z[i] = x[i] == u[i * su] ? 1 : 0;
}

/* z = beta z + u where the element is the largest, v. */
static void share_out(size_t n, tw_real *restrict z, tw_real beta, const tw_real *u, size_t su, const tw_real *v,
                      size_t sv, const tw_real *restrict x) {
    for (size_t i = 0; i < n; i++) z[i] = tw_add_to(beta, z[i], x[i] == v[i * sv] ? u[i * su] : 0);
}

/* dy goes to the largest, in equal parts where there are several. */
static void amax_backward(tw_ctx *ctx, tw_node *n) {
    const tw__amax_attr *attr = n->attr;
    tw_tensor *x = n->in[0], *y = n->out[0];
    tw_real beta, *dx = tw_grad(ctx, x, &beta);
    if (!dx || !x->size) return;
    int kept[TW_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) kept[i] = attr->reduced[i] ? 1 : x->dim[i];
    tw_mark mark = tw_scratch_mark(ctx);
    tw_real *equal = tw_scratch(ctx, x->size * sizeof *equal), *share = tw_scratch(ctx, y->size * sizeof *share);
    if (!equal || !share) return;
    const tw__operand largest_of = {y->data, x->ndim, kept}, part = {share, x->ndim, kept};
    tw__broadcast(ctx, mark_largest, x->ndim, x->dim, equal, 0, largest_of, largest_of, x->data);
    if (!tw__sum_axes(ctx, x->ndim, x->dim, attr->reduced, equal, 1, 0, share)) return;
    for (size_t i = 0; i < y->size; i++) share[i] = y->grad[i] / share[i];
    tw__broadcast(ctx, share_out, x->ndim, x->dim, dx, beta, part, largest_of, x->data);
    tw_scratch_release(ctx, mark);
}

static const tw_op amax_op = {"amax", amax_backward};

/* Axes first .. last - 1 of a shape as one. */
static tw__around around_axes(int ndim, const int *dim, int first, int last) {
    tw__around a = {1, 1, 1};
    for (int i = 0; i < ndim; i++) *(i < first ? &a.outer : i < last ? &a.length : &a.inner) *= (size_t)dim[i];
    return a;
}

/* From the last marked axis to the first; what lies between is scratch. */
static bool reduce_all(tw_ctx *ctx, const tw_tensor *x, const bool *reduced, tw_tensor *y) {
    int dim[TW_MAX_DIMS];
    memcpy(dim, x->dim, sizeof dim);
    const tw_real *from = x->data;
    size_t size = x->size;
    for (int last = x->ndim; last > 0;) {
        if (!reduced[last - 1]) {
            last--;
            continue;
        }
        int first = last - 1;
        while (first > 0 && reduced[first - 1]) first--;
        const tw__around a = around_axes(x->ndim, dim, first, last);
        bool more = false;
        for (int i = 0; i < first; i++) more = more || reduced[i];
        size = a.outer * a.inner;
        tw_real *to = more ? tw_scratch(ctx, size * sizeof *to) : y->data;
        if (!to) return false;
        max_over(ctx, a, from, to, NULL);
        for (int i = first; i < last; i++) dim[i] = 1;
        from = to;
        last = first;
    }
    if (from == x->data && size) memcpy(y->data, from, size * sizeof *from); /* a number: no axis at all */
    return true;
}

tw_tensor *tw_amax(tw_ctx *ctx, tw_tensor *x, int naxes, const int *axes, bool keep_dims) {
    if (!tw_inputs_ok(ctx, "amax", 1, &x)) return NULL;
    tw__amax_attr *attr = tw_alloc(ctx, sizeof *attr);
    int ndim, dim[TW_MAX_DIMS];
    if (!attr || !tw__mark_axes(ctx, "amax", x, naxes, axes, attr->reduced) ||
        !result_dims(ctx, "amax", x, attr->reduced, keep_dims, &ndim, dim))
        return NULL;
    attr->keep_dims = keep_dims;
    tw_tensor *y = tw_new(ctx, ndim, dim);
    if (!y) return NULL;
    tw_mark mark = tw_scratch_mark(ctx);
    if (!reduce_all(ctx, x, attr->reduced, y)) return NULL;
    tw_scratch_release(ctx, mark);
    return tw_record(ctx, &amax_op, attr, 1, &x, y);
}

/* ---- max ------------------------------------------------------------------------------------------------------ */

typedef struct spread {
    tw__around a;
    const int32_t *index;
    const tw_real *dy;
    tw_real beta, *dx;
} spread;

/* dy goes to the element that was taken; the others get 0. */
static void spread_outer(void *arg, size_t begin, size_t end) {
    const spread *s = arg;
    const size_t plane = s->a.length * s->a.inner;
    for (size_t o = begin; o < end; o++) {
        tw_real *dx = s->dx + o * plane;
        if (s->beta == 0) memset(dx, 0, plane * sizeof *dx);
        for (size_t i = 0; i < s->a.inner; i++) {
            const size_t at = o * s->a.inner + i;
            dx[(size_t)s->index[at] * s->a.inner + i] += s->dy[at];
        }
    }
}

static void max_backward(tw_ctx *ctx, tw_node *n) {
    const tw__max_attr *attr = n->attr;
    tw_tensor *x = n->in[0];
    spread s = {.a = tw__around_axis(x, attr->axis), .index = attr->index, .dy = n->out[0]->grad};
    s.dx = tw_grad(ctx, x, &s.beta);
    if (s.dx && x->size) tw__for_ranges(ctx, s.a.outer, tw__grain(s.a.length * s.a.inner), spread_outer, &s);
}

static const tw_op max_op = {"max", max_backward};

tw_tensor *tw_max(tw_ctx *ctx, tw_tensor *x, int axis, bool keep_dims, tw_labels *index) {
    if (index) *index = (tw_labels){NULL, 0};
    if (!tw_inputs_ok(ctx, "max", 1, &x)) return NULL;
    tw__max_attr *attr = tw_alloc(ctx, sizeof *attr);
    bool reduced[TW_MAX_DIMS] = {false};
    int ndim, dim[TW_MAX_DIMS];
    if (!attr || !tw__axis_to_reduce(ctx, "max", x, axis, &attr->axis)) return NULL;
    reduced[attr->axis] = true;
    if (!result_dims(ctx, "max", x, reduced, keep_dims, &ndim, dim)) return NULL;
    attr->keep_dims = keep_dims;
    tw_tensor *y = tw_new(ctx, ndim, dim);
    if (!y || !(attr->index = tw_alloc(ctx, y->size * sizeof *attr->index))) return NULL;
    max_over(ctx, tw__around_axis(x, attr->axis), x->data, y->data, attr->index);
    if (index) *index = (tw_labels){attr->index, y->size};
    return tw_record(ctx, &max_op, attr, 1, &x, y);
}
