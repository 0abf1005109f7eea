/* softmax.c - softmax and log_softmax along one axis.
 *
 * The maximum m is subtracted first, so nothing overflows, and sums are made in double. A row that is -inf everywhere,
 * or holds +inf or NaN, has no softmax: it comes out as NaN, as in PyTorch. Rows are contiguous here; another axis than
 * the last is brought there and back. */
#include "tensor/ops.h"
#include "tensor/vmath.h"

#include <tgmath.h>

enum { CHUNK = 256 };

/* One row of n; x may be y, and dy may be dx. */
typedef struct softmax {
    tw_op op; /* first: a node's op leads back here */
    void (*value)(size_t n, const tw_real *x, tw_real *y);
    void (*grad)(size_t n, const tw_real *y, const tw_real *dy, tw_real beta, tw_real *dx);
} softmax;

/* Eight running maxima let the compiler use vectors. A NaN is passed over; its row becomes NaN by the sum. */
static tw_real maximum(size_t n, const tw_real *x) {
    tw_real m[8];
    for (int j = 0; j < 8; j++) m[j] = -INFINITY;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++) m[j] = x[i + j] > m[j] ? x[i + j] : m[j];
    for (; i < n; i++) m[0] = x[i] > m[0] ? x[i] : m[0];
    for (int j = 1; j < 8; j++) m[0] = m[j] > m[0] ? m[j] : m[0];
    return m[0];
}

/* ---- y = e^(x-m) / sum e^(x-m);   dx = y (dy - sum(dy y)) ---------------------------------------------------- */

static void softmax_row(size_t n, const tw_real *x, tw_real *y) {
    tw_real m = maximum(n, x);
    for (size_t i = 0; i < n; i++) y[i] = x[i] - m;
    TW_ISA_CALL(tw__vexp)(n, y, y);
    tw_real scale = (tw_real)(1 / tw__sum_run(y, n));
    for (size_t i = 0; i < n; i++) y[i] *= scale;
}

static void softmax_row_grad(size_t n, const tw_real *y, const tw_real *dy, tw_real beta, tw_real *dx) {
    tw_real s = (tw_real)tw__dot_run(dy, y, n);
    for (size_t i = 0; i < n; i++) dx[i] = tw_add_to(beta, dx[i], y[i] * (dy[i] - s));
}

/* ---- y = x - m - ln sum e^(x-m);   dx = dy - e^y sum(dy) ------------------------------------------------------ */

static void log_softmax_row(size_t n, const tw_real *x, tw_real *y) {
    tw_real m = maximum(n, x), e[CHUNK];
    double sum = 0;
    for (size_t i = 0; i < n; i++) y[i] = x[i] - m;
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t count = n - i < CHUNK ? n - i : CHUNK;
        TW_ISA_CALL(tw__vexp)(count, y + i, e);
        sum += tw__sum_run(e, count);
    }
    tw_real log_sum = (tw_real)log(sum);
    for (size_t i = 0; i < n; i++) y[i] -= log_sum;
}

static void log_softmax_row_grad(size_t n, const tw_real *y, const tw_real *dy, tw_real beta, tw_real *dx) {
    tw_real s = (tw_real)tw__sum_run(dy, n), e[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t count = n - i < CHUNK ? n - i : CHUNK;
        TW_ISA_CALL(tw__vexp)(count, y + i, e);
        for (size_t k = 0; k < count; k++) dx[i + k] = tw_add_to(beta, dx[i + k], dy[i + k] - e[k] * s);
    }
}

/* ---- all rows, along any axis --------------------------------------------------------------------------------- */

typedef struct job {
    const softmax *op;
    size_t n; /* of a row */
    const tw_real *x, *dy;
    tw_real *y, *dx, beta;
} job;

static void value_rows(void *arg, size_t begin, size_t end) {
    const job *j = arg;
    for (size_t at = begin * j->n; at < end * j->n; at += j->n) j->op->value(j->n, j->x + at, j->y + at);
}

static void grad_rows(void *arg, size_t begin, size_t end) {
    const job *j = arg;
    for (size_t at = begin * j->n; at < end * j->n; at += j->n)
        j->op->grad(j->n, j->y + at, j->dy + at, j->beta, j->dx + at);
}

/* Swaps the last two of three dimensions: the axis goes to the end, or back. */
static void swap(tw_ctx *ctx, size_t outer, size_t rows, size_t columns, const tw_real *from, tw_real beta,
                 tw_real *to) {
    tw__permute(ctx, 3, (size_t[]){outer, rows, columns}, (int[]){0, 2, 1}, from, beta, to);
}

static bool softmax_value(tw_ctx *ctx, const softmax *op, tw__around a, const tw_real *x, tw_real *y) {
    job j = {.op = op, .n = a.length, .x = x, .y = y};
    size_t rows = a.outer * a.inner, grain = tw__grain(4 * j.n);
    if (rows * j.n == 0) return true;
    if (a.inner == 1) {
        tw__for_ranges(ctx, rows, grain, value_rows, &j);
        return true;
    }
    tw_mark mark = tw_scratch_mark(ctx);
    tw_real *turned = tw_scratch(ctx, rows * j.n * sizeof *turned);
    if (!turned) return false;
    swap(ctx, a.outer, a.length, a.inner, x, 0, turned);
    j.x = j.y = turned;
    tw__for_ranges(ctx, rows, grain, value_rows, &j);
    swap(ctx, a.outer, a.inner, a.length, turned, 0, y);
    tw_scratch_release(ctx, mark);
    return true;
}

static void softmax_backward(tw_ctx *ctx, tw_node *n) {
    const tw__axis_attr *attr = n->attr;
    tw_tensor *x = n->in[0], *y = n->out[0];
    tw__around a = tw__around_axis(x, attr->axis);
    job j = {.op = (const softmax *)n->op, .n = a.length, .y = y->data, .dy = y->grad};
    size_t rows = a.outer * a.inner, grain = tw__grain(4 * j.n);
    tw_real *dx = j.dx = tw_grad(ctx, x, &j.beta);
    if (!dx || !x->size) return;
    if (a.inner == 1) {
        tw__for_ranges(ctx, rows, grain, grad_rows, &j);
        return;
    }
    tw_mark mark = tw_scratch_mark(ctx);
    tw_real *turned_y = tw_scratch(ctx, x->size * sizeof *dx), *turned_dy = tw_scratch(ctx, x->size * sizeof *dx);
    if (!turned_y || !turned_dy) return;
    swap(ctx, a.outer, a.length, a.inner, y->data, 0, turned_y);
    swap(ctx, a.outer, a.length, a.inner, y->grad, 0, turned_dy);
    tw_real beta = j.beta;
    j.y = turned_y;
    j.dy = j.dx = turned_dy;
    j.beta = 0;
    tw__for_ranges(ctx, rows, grain, grad_rows, &j);
    swap(ctx, a.outer, a.inner, a.length, turned_dy, beta, dx);
    tw_scratch_release(ctx, mark);
}

static const softmax softmax_op = {{"softmax", softmax_backward}, softmax_row, softmax_row_grad};
static const softmax log_softmax_op = {{"log_softmax", softmax_backward}, log_softmax_row, log_softmax_row_grad};

static tw_tensor *apply(tw_ctx *ctx, const softmax *op, tw_tensor *x, int axis) {
    if (!tw_inputs_ok(ctx, op->op.name, 1, &x)) return NULL;
    tw__axis_attr *attr = tw_alloc(ctx, sizeof *attr);
    if (!attr || !tw__axis_to_reduce(ctx, op->op.name, x, axis, &attr->axis)) return NULL;
    tw_tensor *y = tw_new_like(ctx, x);
    if (!y || !softmax_value(ctx, op, tw__around_axis(x, attr->axis), x->data, y->data)) return NULL;
    return tw_record(ctx, &op->op, attr, 1, &x, y);
}

tw_tensor *tw_softmax(tw_ctx *ctx, tw_tensor *x, int axis) { return apply(ctx, &softmax_op, x, axis); }
tw_tensor *tw_log_softmax(tw_ctx *ctx, tw_tensor *x, int axis) { return apply(ctx, &log_softmax_op, x, axis); }
