/* permute.c - axes in another order.
 *
 * Axes that stay neighbours are merged first. If the innermost axis stays innermost, rows are copied; otherwise the
 * axis that is innermost in the source and the one that is innermost in the result span planes, which are transposed
 * in tiles that fit the cache. */
#include "tensor/ops.h"

#include <string.h>

enum { TILE = 64 };

typedef struct permutation {
    int ndim;
    size_t dim[TW_MAX_DIMS];  /* of the result, merged */
    size_t from[TW_MAX_DIMS]; /* the source's strides, in the result's order */
    size_t to[TW_MAX_DIMS];   /* the result's strides */
    int inner;                /* the result's axis along which the source is contiguous */
    size_t strips;            /* of TILE along that axis */
    const tw_real *source;
    tw_real beta, *result;
} permutation;

static void merge(permutation *p, int ndim, const size_t *dim, const int *order) {
    size_t stride[TW_MAX_DIMS], step = 1;
    for (int i = ndim; i-- > 0; step *= dim[i]) stride[i] = step;
    p->ndim = 0;
    for (int i = 0; i < ndim; i++) {
        size_t d = dim[order[i]], s = stride[order[i]];
        if (d == 1) continue;
        int last = p->ndim - 1;
        if (last >= 0 && p->from[last] == s * d) { /* the same neighbours as before */
            p->dim[last] *= d;
            p->from[last] = s;
        } else {
            p->dim[p->ndim] = d;
            p->from[p->ndim++] = s;
        }
    }
    step = 1;
    for (int i = p->ndim; i-- > 0; step *= p->dim[i]) {
        p->to[i] = step;
        if (p->from[i] == 1) p->inner = i;
    }
}

static void tile(const permutation *p, const tw_real *restrict from, tw_real *restrict to, size_t rows,
                 size_t columns) {
    /* Rows run along p->inner, where the source is contiguous; columns along the last axis of the result. */
    size_t from_step = p->from[p->ndim - 1], to_step = p->to[p->inner];
    for (size_t r = 0; r < rows; r++) {
        tw_real *out = to + r * to_step;
        const tw_real *in = from + r;
        if (p->beta == 0)
            for (size_t c = 0; c < columns; c++) out[c] = in[c * from_step];
        else
            for (size_t c = 0; c < columns; c++) out[c] += in[c * from_step];
    }
}

/* A unit is one strip of TILE rows of one plane; planes are numbered over the axes that do not span them. */
static void transpose_strips(void *arg, size_t begin, size_t end) {
    const permutation *p = arg;
    size_t length = p->dim[p->inner], width = p->dim[p->ndim - 1];
    for (size_t u = begin; u < end; u++) {
        size_t row = u % p->strips * TILE, rows = length - row < TILE ? length - row : TILE;
        size_t from = row, to = row * p->to[p->inner];
        size_t plane = u / p->strips;
        for (int i = p->ndim - 1; i-- > 0;) {
            if (i == p->inner) continue;
            from += plane % p->dim[i] * p->from[i];
            to += plane % p->dim[i] * p->to[i];
            plane /= p->dim[i];
        }
        for (size_t c = 0; c < width; c += TILE)
            tile(p, p->source + from + c * p->from[p->ndim - 1], p->result + to + c, rows,
                 width - c < TILE ? width - c : TILE);
    }
}

static void copy_runs(void *arg, size_t begin, size_t end) {
    const permutation *p = arg;
    size_t n = p->dim[p->ndim - 1];
    for (size_t run = begin; run < end; run++) {
        size_t from = 0, rest = run;
        for (int i = p->ndim - 1; i-- > 0; rest /= p->dim[i]) from += rest % p->dim[i] * p->from[i];
        const tw_real *restrict in = p->source + from;
        tw_real *restrict out = p->result + run * n;
        if (p->beta == 0) memcpy(out, in, n * sizeof *out);
        else
            for (size_t i = 0; i < n; i++) out[i] += in[i];
    }
}

void tw__permute(tw_ctx *ctx, int ndim, const size_t *dim, const int *order, const tw_real *from, tw_real beta,
                 tw_real *to) {
    permutation p = {.source = from, .beta = beta, .result = to};
    size_t size = 1;
    for (int i = 0; i < ndim; i++) size *= dim[i];
    if (size == 0) return;
    merge(&p, ndim, dim, order);
    if (p.ndim <= 1) {
        tw__copy_rows(ctx, 1, size, from, size, beta, to, size);
    } else if (p.inner == p.ndim - 1) {
        size_t n = p.dim[p.ndim - 1];
        tw__for_ranges(ctx, size / n, tw__grain(n), copy_runs, &p);
    } else {
        p.strips = (p.dim[p.inner] - 1) / TILE + 1;
        size_t planes = size / p.dim[p.inner] / p.dim[p.ndim - 1];
        tw__for_ranges(ctx, planes * p.strips, tw__grain(TILE * p.dim[p.ndim - 1]), transpose_strips, &p);
    }
}

/* dx gets dy with the axes put back. */
static void permute_backward(tw_ctx *ctx, tw_node *n) {
    const tw__permute_attr *attr = n->attr;
    tw_tensor *x = n->in[0], *y = n->out[0];
    tw_real beta, *dx = tw_grad(ctx, x, &beta);
    if (!dx) return;
    int back[TW_MAX_DIMS];
    size_t dim[TW_MAX_DIMS];
    for (int i = 0; i < y->ndim; i++) {
        back[attr->order[i]] = i;
        dim[i] = (size_t)y->dim[i];
    }
    tw__permute(ctx, y->ndim, dim, back, y->grad, beta, dx);
}

static const tw_op permute_op = {"permute", permute_backward};

tw_tensor *tw_permute(tw_ctx *ctx, tw_tensor *x, const int *order) {
    if (!tw_inputs_ok(ctx, "permute", 1, &x)) return NULL;
    if (x->ndim && !order) return tw_fail(ctx, TW_ERR_RANGE, "permute: order is NULL: %s", tw_describe(ctx, x));
    tw__permute_attr *attr = tw_alloc(ctx, sizeof *attr);
    if (!attr) return NULL;
    bool seen[TW_MAX_DIMS] = {false};
    int dim[TW_MAX_DIMS];
    size_t from[TW_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        if (order[i] < 0 || order[i] >= x->ndim || seen[order[i]])
            return tw_fail(ctx, TW_ERR_RANGE, "permute: order[%d] is %d, but order must hold each of 0..%d once: %s", i,
                           order[i], x->ndim - 1, tw_describe(ctx, x));
        seen[order[i]] = true;
        attr->order[i] = order[i];
        dim[i] = x->dim[order[i]];
        from[i] = (size_t)x->dim[i];
    }
    tw_tensor *y = tw_new(ctx, x->ndim, dim);
    if (!y) return NULL;
    tw__permute(ctx, x->ndim, from, order, x->data, 0, y->data);
    return tw_record(ctx, &permute_op, attr, 1, &x, y);
}
