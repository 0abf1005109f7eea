/* dense.c - y = act(x W^T + b) over the last dimension of x. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include <thalweg/extend.h>

#include "layers/calls.h"
#include "layers/epilogue.h"
#include "tensor/counts.h"
#include "tensor/direct.h"

/* x seen as a matrix [rows, in]; false after an error. */
static bool rows_of(tw_ctx *ctx, const tw_tensor *x, const tw_tensor *weight, int *rows) {
    size_t n = 1;
    for (int i = 0; i < x->ndim - 1; i++) n *= (size_t)x->dim[i];
    if (n > INT_MAX) {
        tw_fail(ctx, TW_ERR_SHAPE, "dense: the input has too many rows: %s x %s", tw_describe(ctx, x),
                tw_describe(ctx, weight));
        return false;
    }
    *rows = (int)n;
    return true;
}

static bool shapes_ok(tw_ctx *ctx, const tw_tensor *x, const tw_tensor *weight, const tw_tensor *bias) {
    if (weight->ndim != 2)
        return tw_fail(ctx, TW_ERR_SHAPE, "dense: the weight is [out,in], not %s", tw_describe(ctx, weight));
    if (x->ndim < 1) return tw_fail(ctx, TW_ERR_SHAPE, "dense: the input is [..,in], not %s", tw_describe(ctx, x));
    int in = x->dim[x->ndim - 1];
    if (in != weight->dim[1])
        return tw_fail(ctx, TW_ERR_SHAPE, "dense: input has %d features, the weight wants %d: %s, %s", in,
                       weight->dim[1], tw_describe(ctx, x), tw_describe(ctx, weight));
    if (bias && (bias->ndim != 1 || bias->dim[0] != weight->dim[0]))
        return tw_fail(ctx, TW_ERR_SHAPE, "dense: the bias is [out]: %s, %s", tw_describe(ctx, bias),
                       tw_describe(ctx, weight));
    return true;
}

/* ---- what surrounds the products ---------------------------------------------------------------------- */

/* Bias and activation of a rectangle of y. */
typedef struct epilogue {
    tw_act act;
    int n; /* of a row of y */
    const tw_real *bias;
    tw_real *y;
} epilogue;

static void bias_act(void *arg, int row, int column, int rows, int columns) {
    const epilogue *e = arg;
    for (int r = row; r < row + rows; r++) TW_ISA_CALL(tw__bias_act)
    (e->act, (size_t)columns, e->y + (size_t)r * (size_t)e->n + column, e->bias ? e->bias + column : NULL);
}

/* dz = dy act'(y) and db = the sum of its rows, some columns at a time. */
typedef struct prologue {
    tw_act act;
    int rows, n;
    const tw_real *y, *dy;
    tw_real *dz; /* NULL: no activation, dy is dz */
    tw_real beta, *db;
} prologue;

enum { COLUMN_BLOCK = 64 };

static void act_grad_block(void *arg, int block, int thread) {
    (void)thread;
    const prologue *p = arg;
    int first = block * COLUMN_BLOCK, n = p->n - first < COLUMN_BLOCK ? p->n - first : COLUMN_BLOCK;
    double sum[COLUMN_BLOCK] = {0};
    TW_ISA_CALL(tw__act_grad_rows)
    (p->act, p->rows, (size_t)n, (size_t)p->n, p->y + first, p->dy + first, p->dz ? p->dz + first : NULL,
     p->db ? sum : NULL);
    for (int c = 0; p->db && c < n; c++) p->db[first + c] = tw_add_to(p->beta, p->db[first + c], (tw_real)sum[c]);
}

/* ---- the operation ------------------------------------------------------------------------------------ */

/* With z = x W^T + b and dz = dy act'(y):  dx = dz W,  dW = dz^T x,  db = the sum of dz's rows. */
static void dense_backward(tw_ctx *ctx, tw_node *node) {
    tw_tensor *x = node->in[0], *weight = node->in[1], *bias = node->in[2], *y = node->out[0];
    tw_act act = ((tw__dense_call *)node->attr)->act;
    int out = weight->dim[0], in = weight->dim[1], rows = 0;
    if (!rows_of(ctx, x, weight, &rows)) return;

    tw_mark mark = tw_scratch_mark(ctx);
    prologue p = {.act = act, .rows = rows, .n = out, .y = y->data, .dy = y->grad};
    if (act != TW_ACT_NONE && !(p.dz = tw_scratch(ctx, y->size * sizeof(tw_real)))) return;
    p.db = bias ? tw_grad(ctx, bias, &p.beta) : NULL;
    if (p.dz || p.db) tw_parallel_for(ctx, tw__blocks(out, COLUMN_BLOCK), act_grad_block, &p);

    const tw_real *dz = p.dz ? p.dz : y->grad;
    tw_real dx_beta, dw_beta, *dx = tw_grad(ctx, x, &dx_beta), *dw = tw_grad(ctx, weight, &dw_beta);
    tw__gemm_call product[2];
    int n = 0;
    if (dx)
        product[n++] = (tw__gemm_call){.M = rows,
                                       .N = in,
                                       .K = out,
                                       .A = dz,
                                       .lda = out,
                                       .B = weight->data,
                                       .ldb = in,
                                       .beta = dx_beta,
                                       .C = dx,
                                       .ldc = in};
    if (dw)
        product[n++] = (tw__gemm_call){.ta = true,
                                       .M = out,
                                       .N = in,
                                       .K = rows,
                                       .A = dz,
                                       .lda = out,
                                       .B = x->data,
                                       .ldb = in,
                                       .beta = dw_beta,
                                       .C = dw,
                                       .ldc = in};
    tw__gemm_all(ctx, n, product);
    tw_scratch_release(ctx, mark);
}

static const tw_op dense_op = {"dense", dense_backward};

tw_tensor *tw_dense(tw_ctx *ctx, tw_tensor *x, tw_tensor *weight, tw_tensor *bias, tw_act act) {
    tw_tensor *in[] = {x, weight, bias};
    int rows = 0;
    if (!tw_inputs_ok(ctx, "dense", bias ? 3 : 2, in) || !tw__act_ok(ctx, "dense", act) ||
        !shapes_ok(ctx, x, weight, bias) || !rows_of(ctx, x, weight, &rows))
        return NULL;
    if (!tw__act_fuses(act)) return tw__act_apart(ctx, tw_dense(ctx, x, weight, bias, TW_ACT_NONE), act);
    int dim[TW_MAX_DIMS], out = weight->dim[0], features = weight->dim[1];
    memcpy(dim, x->dim, sizeof dim);
    dim[x->ndim - 1] = out;
    tw_tensor *y = tw_new(ctx, x->ndim, dim);
    tw__dense_call *call = NULL;
    if (!y) return NULL;
    if (tw_will_record(ctx, 3, in)) {
        if (!(call = tw_alloc(ctx, sizeof *call))) return NULL;
        call->act = act;
    }

    epilogue e = {act, out, bias ? bias->data : NULL, y->data};
    bool plain = !bias && act == TW_ACT_NONE;
    tw__gemm_call product = {.tb = true,
                             .M = rows,
                             .N = out,
                             .K = features,
                             .A = x->data,
                             .lda = features,
                             .B = weight->data,
                             .ldb = features,
                             .C = y->data,
                             .ldc = out,
                             .finish = plain ? NULL : bias_act,
                             .arg = &e};
    tw__gemm_all(ctx, 1, &product);
    return tw_record(ctx, &dense_op, call, 3, in, y);
}

/* ---- the layer ---------------------------------------------------------------------------------------- */

typedef struct dense {
    tw_layer base;
    tw_tensor *weight, *bias;
    tw_act act;
} dense;

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    const dense *d = (const dense *)layer;
    return tw_dense(ctx, x, d->weight, d->bias, d->act);
}

static const tw_layer_class dense_class = {"dense", forward, NULL};

tw_layer *tw_dense_new(tw_params *params, const char *name, int in, int out, const tw_dense_options *options) {
    if (!params) return NULL;
    tw_ctx *ctx = tw_params_ctx(params);
    tw_dense_options o = options ? *options : (tw_dense_options){0};
    if (in < 1 || out < 1) return tw_fail(ctx, TW_ERR_RANGE, "dense: sizes are at least 1: in %d, out %d", in, out);
    if (!tw__act_ok(ctx, "dense", o.act)) return NULL;
    dense *d = (dense *)tw_layer_new(params, &dense_class, sizeof *d, name);
    if (!d) return NULL;
    tw_init bias_init = {TW_INIT_CONSTANT, 0};
    if (o.init.kind == TW_INIT_DEFAULT) bias_init = o.init = (tw_init){TW_INIT_UNIFORM, 1 / sqrt(in)};
    d->act = o.act;
    d->weight = tw_layer_param(&d->base, "weight", o.init, 2, (int[]){out, in});
    if (d->weight && !o.no_bias) d->bias = tw_layer_param(&d->base, "bias", bias_init, 1, (int[]){out});
    return d->weight && (o.no_bias || d->bias) ? &d->base : NULL;
}
