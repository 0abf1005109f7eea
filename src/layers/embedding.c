/* embedding.c - a row of a weight for each class index.
 *
 * Backward adds each row of dy to the row it was copied from. Places are sorted by their class first, and each element
 * of the gradient is then one sum in the order of the places: nobody shares one, however the work is handed out. */
#include <string.h>
#include <thalweg/extend.h>

#include "layers/calls.h"
#include "tensor/ops.h"

enum { COLUMNS = 64 }; /* of a row that are summed at a time */

typedef struct pass {
    size_t D, pieces; /* of COLUMNS in a row */
    const int32_t *index;
    const tw_real *from;
    tw_real *to, beta;
    const int *start, *place; /* backward: class k's places are place[start[k]] .. place[start[k + 1] - 1] */
    int padding;              /* a class without a gradient, or -1 */
} pass;

/* ---- forward ------------------------------------------------------------------------------------------ */

static void copy_rows(void *arg, size_t begin, size_t end) {
    const pass *p = arg;
    for (size_t i = begin; i < end; i++)
        memcpy(p->to + i * p->D, p->from + (size_t)p->index[i] * p->D, p->D * sizeof *p->to);
}

/* ---- backward ----------------------------------------------------------------------------------------- */

/* quote: backward */
static void add_rows(void *arg, size_t begin, size_t end) {
    const pass *p = arg;
    for (size_t u = begin; u < end; u++) {
        const size_t k = u / p->pieces, at = u % p->pieces * COLUMNS;
        const size_t n = p->D - at < COLUMNS ? p->D - at : COLUMNS;
        double sum[COLUMNS] = {0};
        for (int i = p->start[k]; i < p->start[k + 1] && (int)k != p->padding; i++) {
            const tw_real *row = p->from + (size_t)p->place[i] * p->D + at;
            for (size_t j = 0; j < n; j++) sum[j] += (double)row[j];
        }
        tw_real *to = p->to + k * p->D + at;
        for (size_t j = 0; j < n; j++) to[j] = tw_add_to(p->beta, to[j], (tw_real)sum[j]);
    }
}
/* end quote */

static void embedding_backward(tw_ctx *ctx, tw_node *node) {
    const tw__embedding_call *call = node->attr;
    tw_tensor *weight = node->in[0];
    const size_t classes = (size_t)weight->dim[0], D = (size_t)weight->dim[1];
    pass p = {.D = D, .from = node->out[0]->grad, .padding = call->padding};
    p.to = tw_grad(ctx, weight, &p.beta);
    if (!p.to || !weight->size) return;
    tw_mark mark = tw_scratch_mark(ctx);
    int *start = tw_scratch(ctx, (classes + 2) * sizeof *start), *place = tw_scratch(ctx, call->n * sizeof *place);
    if (!start || !place) return;
    memset(start, 0, (classes + 2) * sizeof *start);
    for (size_t i = 0; i < call->n; i++) start[call->index[i] + 2]++;
    for (size_t k = 2; k < classes + 2; k++) start[k] += start[k - 1];
    for (size_t i = 0; i < call->n; i++) place[start[call->index[i] + 1]++] = (int)i;
    p.start = start;
    p.place = place;
    p.pieces = (D - 1) / COLUMNS + 1;
    const size_t work = D < COLUMNS ? D : COLUMNS; /* of a row that is used as often as there are rows */
    tw__for_ranges(ctx, classes * p.pieces, tw__grain(work * (1 + call->n / classes)), add_rows, &p);
    tw_scratch_release(ctx, mark);
}

static const tw_op embedding_op = {"embedding", embedding_backward};

/* ---- the operation ------------------------------------------------------------------------------------ */

/* The row that padding_idx means, or -1; false when there is no such row. */
static bool padding_of(tw_ctx *ctx, const tw_embedding_options *o, int classes, int *padding) {
    *padding = -1;
    if (!o || !o->padding) return true;
    *padding = o->padding_idx < 0 ? o->padding_idx + classes : o->padding_idx;
    if (*padding >= 0 && *padding < classes) return true;
    return tw_fail(ctx, TW_ERR_RANGE, "embedding: padding_idx %d is none of %d classes", o->padding_idx, classes);
}

static bool weight_ok(tw_ctx *ctx, const tw_tensor *weight) {
    return weight->ndim == 2 ||
        tw_fail(ctx, TW_ERR_SHAPE, "embedding: the weight is [classes,features], not %s", tw_describe(ctx, weight));
}

/* The rows of a checked index, which lives as long as the step when backward will need it. */
static tw_tensor *look_up(tw_ctx *ctx, tw_tensor *weight, const int32_t *index, size_t n, int ndim, const int *dim,
                          int padding) {
    int to[TW_MAX_DIMS];
    for (int i = 0; i < ndim; i++) to[i] = dim[i];
    to[ndim] = weight->dim[1];
    tw_tensor *y = tw_new(ctx, ndim + 1, to);
    tw__embedding_call *call = tw_will_record(ctx, 1, &weight) ? tw_alloc(ctx, sizeof *call) : NULL;
    if (!y) return NULL;
    if (call) *call = (tw__embedding_call){n, index, padding};
    pass p = {.D = (size_t)weight->dim[1], .index = index, .from = weight->data, .to = y->data};
    if (p.D) tw__for_ranges(ctx, n, tw__grain(p.D), copy_rows, &p);
    return tw_record(ctx, &embedding_op, call, 1, &weight, y);
}

tw_tensor *tw_embedding(tw_ctx *ctx, tw_tensor *weight, tw_labels index, int ndim, const int *dim,
                        const tw_embedding_options *options) {
    if (!tw_inputs_ok(ctx, "embedding", 1, &weight) || !weight_ok(ctx, weight)) return NULL;
    int padding;
    if (!padding_of(ctx, options, weight->dim[0], &padding)) return NULL;
    if (ndim < 0 || ndim >= TW_MAX_DIMS)
        return tw_fail(ctx, TW_ERR_SHAPE, "embedding: indices have 0 to %d dimensions, not %d", TW_MAX_DIMS - 1, ndim);
    if (ndim && !dim) return tw_fail(ctx, TW_ERR_SHAPE, "embedding: dim is NULL for %d dimensions", ndim);
    tw_tensor shape = {.ndim = ndim, .size = 1};
    bool legal = true;
    for (int i = 0; i < ndim; i++) {
        shape.dim[i] = dim[i];
        legal = legal && dim[i] >= 0 && (dim[i] == 0 || shape.size <= SIZE_MAX / (size_t)dim[i]);
        if (legal) shape.size *= (size_t)dim[i];
    }
    if (!legal || index.n != shape.size || (index.n && !index.v))
        return tw_fail(ctx, TW_ERR_SHAPE, "embedding: %zu indices%s for the shape %s: %s", index.n,
                       index.n && !index.v ? " at NULL" : "", tw_describe(ctx, &shape), tw_describe(ctx, weight));
    if (index.n > INT32_MAX)
        return tw_fail(ctx, TW_ERR_RANGE, "embedding: at most %d indices, not %zu", INT32_MAX, index.n);
    for (size_t i = 0; i < index.n; i++)
        if (index.v[i] < 0 || index.v[i] >= weight->dim[0])
            return tw_fail(ctx, TW_ERR_RANGE, "embedding: index %zu is %d, outside 0..%d: %s", i, (int)index.v[i],
                           weight->dim[0] - 1, tw_describe(ctx, weight));
    int32_t *copy = tw_alloc(ctx, index.n * sizeof *copy);
    if (!copy) return NULL;
    if (index.n) memcpy(copy, index.v, index.n * sizeof *copy);
    return look_up(ctx, weight, copy, index.n, ndim, dim, padding);
}

/* ---- the layer ---------------------------------------------------------------------------------------- */

typedef struct embedding {
    tw_layer base;
    tw_tensor *weight;
    int padding;
} embedding;

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    const embedding *e = (const embedding *)layer;
    const int classes = e->weight->dim[0];
    if (!tw_inputs_ok(ctx, "embedding", 1, &x)) return NULL;
    if (x->ndim >= TW_MAX_DIMS)
        return tw_fail(ctx, TW_ERR_SHAPE, "embedding: indices have 0 to %d dimensions: %s", TW_MAX_DIMS - 1,
                       tw_describe(ctx, x));
    if (x->size > INT32_MAX)
        return tw_fail(ctx, TW_ERR_RANGE, "embedding: at most %d indices: %s", INT32_MAX, tw_describe(ctx, x));
    int32_t *index = tw_alloc(ctx, x->size * sizeof *index);
    if (!index) return NULL;
    for (size_t i = 0; i < x->size; i++) {
        const double v = (double)x->data[i];
        if (!(v >= 0 && v < classes))
            return tw_fail(ctx, TW_ERR_RANGE, "embedding: index %zu is %g, outside 0..%d: %s, %s", i, v, classes - 1,
                           tw_describe(ctx, x), tw_describe(ctx, e->weight));
        index[i] = (int32_t)v;
        if ((double)index[i] != v)
            return tw_fail(ctx, TW_ERR_RANGE, "embedding: index %zu is %g, not a whole number: %s", i, v,
                           tw_describe(ctx, x));
    }
    return look_up(ctx, e->weight, index, x->size, x->ndim, x->dim, e->padding);
}

static const tw_layer_class embedding_class = {"embedding", forward, NULL};

tw_layer *tw_embedding_new(tw_params *params, const char *name, int classes, int features,
                           const tw_embedding_options *options) {
    if (!params) return NULL;
    tw_ctx *ctx = tw_params_ctx(params);
    tw_embedding_options o = options ? *options : (tw_embedding_options){0};
    int padding;
    if (classes < 1 || features < 1)
        return tw_fail(ctx, TW_ERR_RANGE, "embedding: sizes are at least 1: classes %d, features %d", classes,
                       features);
    if (sizeof(tw_real) < sizeof(double) && classes > 1 << 24)
        return tw_fail(ctx, TW_ERR_RANGE, "embedding: a float tells %d classes apart, not %d", 1 << 24, classes);
    if (!padding_of(ctx, &o, classes, &padding)) return NULL;
    embedding *e = (embedding *)tw_layer_new(params, &embedding_class, sizeof *e, name);
    if (!e) return NULL;
    if (o.init.kind == TW_INIT_DEFAULT) o.init = (tw_init){TW_INIT_NORMAL, 1};
    e->padding = padding;
    e->weight = tw_layer_param(&e->base, "weight", o.init, 2, (int[]){classes, features});
    if (!e->weight) return NULL;
    if (padding >= 0)
        memset(e->weight->data + (size_t)padding * (size_t)features, 0, (size_t)features * sizeof(tw_real));
    return &e->base;
}
