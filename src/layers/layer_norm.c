/* layer_norm.c - y = (x - mean) / sqrt(var + eps) * weight + bias, row by row. */
#include "layers/layer_norm.h"

#include <math.h>
#include <string.h>
#include <thalweg/extend.h>

#include "layers/batchnorm.h"
#include "layers/calls.h"
#include "tensor/internal.h"
#include "tensor/ops.h"

/* Rows whose part of the gradients of weight and bias is summed alone: at most CHUNKS parts. */
enum { CHUNK_ROWS = 64, CHUNKS = 16 };

typedef struct pass {
    const tw__layer_norm_call *call;
    const tw_real *x, *weight, *bias, *dy;
    tw_real *y, *dx, beta;
    double eps;
    size_t chunk;    /* rows of a part */
    double *dw, *db; /* [parts][M] or NULL */
} pass;

/* ---- forward ------------------------------------------------------------------------------------------ */

static void forward_rows(void *arg, size_t begin, size_t end) {
    const pass *p = arg;
    const tw__layer_norm_call *c = p->call;
    for (size_t r = begin; r < end; r++) {
        tw__moments m = {0, 0, 0};
        TW_ISA_CALL(tw__moments_add)(c->M, p->x + r * c->M, &m);
        c->mean[r] = m.mean;
        c->inverse[r] = 1 / sqrt(m.m2 / m.n + p->eps);
        TW_ISA_CALL(tw__layer_norm_row)
        (c->M, p->x + r * c->M, (tw_real)m.mean, (tw_real)c->inverse[r], p->weight, p->bias, p->y + r * c->M);
    }
}

/* ---- backward: batch norm's formulas, a row in a channel's place. With g = dy weight and r = inverse,
 *     dx = r (g - sum(g) / M - xhat sum(g xhat) / M),   dweight = sum of dy xhat over rows,   dbias = that of dy. */

/* quote: backward */
static void backward_rows(void *arg, size_t begin, size_t end) {
    const pass *p = arg;
    const tw__layer_norm_call *c = p->call;
    for (size_t i = begin; i < end; i++) {
        const tw_real *x = p->x + i * c->M, *dy = p->dy + i * c->M;
        double sum[2], M = (double)c->M, r = c->inverse[i];
        TW_ISA_CALL(tw__layer_norm_sums)(c->M, x, c->mean[i], p->weight, dy, sum);
        const tw__layer_norm_terms t = {(tw_real)c->mean[i], (tw_real)r, (tw_real)(-r * r * r * sum[1] / M),
                                        (tw_real)(-r * sum[0] / M)};
        TW_ISA_CALL(tw__layer_norm_dx)(c->M, x, p->weight, dy, t, p->beta, p->dx + i * c->M);
    }
}
/* end quote */

static void affine_part(void *arg, int part, int thread) {
    (void)thread;
    const pass *p = arg;
    const tw__layer_norm_call *c = p->call;
    const size_t first = (size_t)part * p->chunk, left = c->rows - first, n = left < p->chunk ? left : p->chunk;
    double *dw = p->dw ? p->dw + (size_t)part * c->M : NULL, *db = p->db ? p->db + (size_t)part * c->M : NULL;
    if (dw) memset(dw, 0, c->M * sizeof *dw);
    if (db) memset(db, 0, c->M * sizeof *db);
    for (size_t r = first; r < first + n; r++) TW_ISA_CALL(tw__layer_norm_affine)
    (c->M, p->x + r * c->M, c->mean[r], c->inverse[r], p->dy + r * c->M, dw, db);
}

/* gradient = beta gradient + the parts, in their order. */
static void add_parts(size_t M, size_t parts, const double *part, tw_real beta, tw_real *gradient) {
    for (size_t i = 0; i < M; i++) {
        double sum = 0;
        for (size_t k = 0; k < parts; k++) sum += part[k * M + i];
        gradient[i] = tw_add_to(beta, gradient[i], (tw_real)sum);
    }
}

static void layer_norm_backward(tw_ctx *ctx, tw_node *node) {
    tw_tensor *x = node->in[0], *weight = node->in[1], *bias = node->in[2], *y = node->out[0];
    const tw__layer_norm_call *c = node->attr;
    pass p = {.call = c, .x = x->data, .weight = weight ? weight->data : NULL, .dy = y->grad};
    p.dx = tw_grad(ctx, x, &p.beta);
    if (p.dx) tw__for_ranges(ctx, c->rows, tw__grain(2 * c->M), backward_rows, &p);

    /* Asked for in this order, and written in it: tied, they are one. */
    tw_real dw_beta = 0, db_beta = 0, *dw = weight ? tw_grad(ctx, weight, &dw_beta) : NULL;
    tw_real *db = bias ? tw_grad(ctx, bias, &db_beta) : NULL;
    if (!dw && !db) return;
    size_t parts = (c->rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
    if (parts > CHUNKS) parts = CHUNKS;
    p.chunk = parts ? (c->rows + parts - 1) / parts : 1;
    parts = (c->rows + p.chunk - 1) / p.chunk;
    tw_mark mark = tw_scratch_mark(ctx);
    const size_t n = parts * c->M;
    if (dw && !(p.dw = tw_scratch(ctx, n * sizeof *p.dw))) return;
    if (db && !(p.db = tw_scratch(ctx, n * sizeof *p.db))) return;
    tw_parallel_for(ctx, (int)parts, affine_part, &p);
    if (dw) add_parts(c->M, parts, p.dw, dw_beta, dw);
    if (db) add_parts(c->M, parts, p.db, db_beta, db);
    tw_scratch_release(ctx, mark);
}

static const tw_op layer_norm_op = {"layer_norm", layer_norm_backward};

/* ---- the operation ------------------------------------------------------------------------------------ */

/* A tensor of that shape, for messages. */
static const char *describe_dims(tw_ctx *ctx, int ndim, const int *dim) {
    tw_tensor shape = {.ndim = ndim};
    for (int i = 0; i < ndim; i++) shape.dim[i] = dim[i];
    return tw_describe(ctx, &shape);
}

/* *size: the numbers of a row. An input without rows may have dimensions whose product no size_t holds. */
static bool dims_ok(tw_ctx *ctx, int ndim, const int *dim, size_t *size) {
    if (ndim < 1 || ndim > TW_MAX_DIMS)
        return tw_fail(ctx, TW_ERR_RANGE, "layer_norm: over 1 to %d dimensions, not %d", TW_MAX_DIMS, ndim);
    if (!dim) return tw_fail(ctx, TW_ERR_SHAPE, "layer_norm: dim is NULL for %d dimensions", ndim);
    for (int i = 0; i < ndim; i++)
        if (dim[i] < 1)
            return tw_fail(ctx, TW_ERR_RANGE, "layer_norm: each dimension is at least 1: %s",
                           describe_dims(ctx, ndim, dim));
    return tw__shape_size(ndim, dim, size) ||
        tw_fail(ctx, TW_ERR_SHAPE, "layer_norm: the shape that is normalised is too large: %s",
                describe_dims(ctx, ndim, dim));
}

static bool eps_ok(tw_ctx *ctx, double eps) {
    return eps >= 0 || tw_fail(ctx, TW_ERR_RANGE, "layer_norm: eps is positive, not %g", eps);
}

static bool has_dims(const tw_tensor *t, int ndim, const int *dim) {
    return t->ndim == ndim && !memcmp(t->dim, dim, (size_t)ndim * sizeof *dim);
}

static bool shapes_ok(tw_ctx *ctx, const tw_tensor *x, int ndim, const int *dim, const tw_tensor *weight,
                      const tw_tensor *bias) {
    if (x->ndim < ndim || memcmp(x->dim + x->ndim - ndim, dim, (size_t)ndim * sizeof *dim))
        return tw_fail(ctx, TW_ERR_SHAPE,
                       "layer_norm: the input does not end with the shape that is normalised: %s, %s",
                       tw_describe(ctx, x), weight ? tw_describe(ctx, weight) : describe_dims(ctx, ndim, dim));
    for (int i = 0; i < 2; i++) {
        const tw_tensor *t = i ? bias : weight;
        if (t && !has_dims(t, ndim, dim))
            return tw_fail(ctx, TW_ERR_SHAPE, "layer_norm: the %s is of the shape that is normalised: %s, %s",
                           i ? "bias" : "weight", tw_describe(ctx, t), describe_dims(ctx, ndim, dim));
    }
    return true;
}

tw_tensor *tw_layer_norm(tw_ctx *ctx, tw_tensor *x, int ndim, const int *dim, tw_tensor *weight, tw_tensor *bias,
                         double eps) {
    tw_tensor *in[] = {x, weight, bias};
    for (int i = 0; i < 3; i++)
        if ((i == 0 || in[i]) && !tw_inputs_ok(ctx, "layer_norm", 1, &in[i])) return NULL;
    size_t M;
    if (!dims_ok(ctx, ndim, dim, &M) || !eps_ok(ctx, eps) || !shapes_ok(ctx, x, ndim, dim, weight, bias)) return NULL;
    const size_t rows = x->size / M, bytes = sizeof(tw__layer_norm_call) + 2 * rows * sizeof(double);
    tw_tensor *y = tw_new_like(ctx, x);
    if (!y) return NULL;
    const bool record = tw_will_record(ctx, 3, in);
    tw_mark mark = tw_scratch_mark(ctx);
    tw__layer_norm_call *call = record ? tw_alloc(ctx, bytes) : tw_scratch(ctx, bytes);
    if (!call) return NULL;
    double *statistics = (double *)(call + 1);
    *call = (tw__layer_norm_call){rows, M, eps > 0 ? eps : 1e-5, statistics, statistics + rows};
    pass p = {.call = call,
              .x = x->data,
              .weight = weight ? weight->data : NULL,
              .bias = bias ? bias->data : NULL,
              .y = y->data,
              .eps = call->eps};
    tw__for_ranges(ctx, rows, tw__grain(2 * M), forward_rows, &p);
    tw_scratch_release(ctx, mark);
    return tw_record(ctx, &layer_norm_op, record ? call : NULL, 3, in, y);
}

/* ---- the layer ---------------------------------------------------------------------------------------- */

typedef struct layer_norm {
    tw_layer base;
    int ndim, dim[TW_MAX_DIMS];
    double eps;
    tw_tensor *weight, *bias;
} layer_norm;

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    const layer_norm *n = (const layer_norm *)layer;
    return tw_layer_norm(ctx, x, n->ndim, n->dim, n->weight, n->bias, n->eps);
}

static const tw_layer_class layer_norm_class = {"layer_norm", forward, NULL};

tw_layer *tw_layer_norm_new(tw_params *params, const char *name, int ndim, const int *dim,
                            const tw_layer_norm_options *options) {
    if (!params) return NULL;
    tw_ctx *ctx = tw_params_ctx(params);
    tw_layer_norm_options o = options ? *options : (tw_layer_norm_options){0};
    size_t M;
    if (!dims_ok(ctx, ndim, dim, &M) || !eps_ok(ctx, o.eps)) return NULL;
    layer_norm *n = (layer_norm *)tw_layer_new(params, &layer_norm_class, sizeof *n, name);
    if (!n) return NULL;
    n->ndim = ndim;
    memcpy(n->dim, dim, (size_t)ndim * sizeof *dim);
    n->eps = o.eps;
    if (o.no_affine) return &n->base;
    n->weight = tw_layer_param(&n->base, "weight", (tw_init){TW_INIT_CONSTANT, 1}, ndim, dim);
    if (n->weight && !o.no_bias) n->bias = tw_layer_param(&n->base, "bias", (tw_init){TW_INIT_CONSTANT, 0}, ndim, dim);
    return n->weight && (o.no_bias || n->bias) ? &n->base : NULL;
}
