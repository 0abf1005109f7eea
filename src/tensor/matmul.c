/* matmul.c - products of matrices, or of stacks of them that broadcast, and their gradients.
 *
 * y = op(a) op(b) and both gradients are the same thing: for each matrix of the result, a sum of products over the
 * batch dimensions along which the result was stretched. When only one operand is a stack, as in [T,N,D] x [D,H], the
 * stack folds into one tall product. */
#include "tensor/ops.h"

#include <limits.h>
#include <string.h>

enum { BATCH = TW_MAX_DIMS - 2, BIG = 1 << 20 }; /* BIG: multiply-adds from which on a product is cut for the threads */

typedef struct stack {
    bool ta, tb;
    int M, N, K;
    const tw_real *A, *B;
    tw_real *C, beta;
    size_t dim[BATCH];                   /* the batch dimensions, right-aligned */
    size_t a[BATCH], b[BATCH], c[BATCH]; /* strides in numbers; 0: this one is stretched, or the dimension is 1 */
    size_t results, terms;               /* matrices of the result; products summed into each */
} stack;

static int matrix_rows(const tw_tensor *t) { return t->dim[t->ndim - 2]; }
static int matrix_columns(const tw_tensor *t) { return t->dim[t->ndim - 1]; }
static int largest(int a, int b) { return a > b ? a : b; }

/* ---- running a stack of products ------------------------------------------------------------------------------- */

/* op(A) is [M,K], as it lies in memory [M,K] or [K,M]; likewise B. ctx NULL: on this thread alone. */
static void multiply(tw_ctx *ctx, const stack *s, const tw_real *A, const tw_real *B, tw_real beta, tw_real *C) {
    int lda = largest(1, s->ta ? s->M : s->K), ldb = largest(1, s->tb ? s->K : s->N), ldc = s->N;
    if (ctx) tw_gemm(ctx, s->ta, s->tb, s->M, s->N, s->K, 1, A, lda, B, ldb, beta, C, ldc);
    else tw_gemm_serial(s->ta, s->tb, s->M, s->N, s->K, 1, A, lda, B, ldb, beta, C, ldc);
}

/* Matrix `index` of the result: the sum of its terms, in their order. */
static void one_result(tw_ctx *ctx, const stack *s, size_t index) {
    const tw_real *A = s->A, *B = s->B;
    tw_real *C = s->C;
    for (int i = BATCH; i-- > 0;) {
        if (!s->c[i]) continue;
        size_t at = index % s->dim[i];
        index /= s->dim[i];
        A += at * s->a[i], B += at * s->b[i], C += at * s->c[i];
    }
    if (s->terms == 0 && s->beta == 0) memset(C, 0, (size_t)s->M * (size_t)s->N * sizeof *C);
    for (size_t t = 0; t < s->terms; t++) {
        size_t rest = t, a = 0, b = 0;
        for (int i = BATCH; i-- > 0;) {
            if (s->c[i]) continue;
            a += rest % s->dim[i] * s->a[i];
            b += rest % s->dim[i] * s->b[i];
            rest /= s->dim[i];
        }
        multiply(ctx, s, A + a, B + b, t ? 1 : s->beta, C);
    }
}

static void some_results(void *arg, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) one_result(NULL, arg, i);
}

/* Are the matrices of this operand, of `size` numbers, one after another over all batch dimensions? */
static bool is_packed(const stack *s, const size_t *stride, size_t size) {
    for (int i = BATCH; i-- > 0; size *= s->dim[i])
        if (s->dim[i] != 1 && stride[i] != size) return false;
    return true;
}
static bool is_single(const size_t *stride) {
    for (int i = 0; i < BATCH; i++)
        if (stride[i]) return false;
    return true;
}

/* Turns a stack into one product where memory allows it. */
static void fold(stack *s) {
    size_t batch = s->dim[0] * s->dim[1] * s->dim[2], M = (size_t)s->M, N = (size_t)s->N, K = (size_t)s->K;
    if (!s->ta && is_single(s->b) && is_packed(s, s->a, M * K) && is_packed(s, s->c, M * N) && batch * M <= INT_MAX)
        s->M = (int)(batch * M); /* the rows of all matrices are the rows of one */
    else if (s->ta && !s->tb && is_single(s->c) && is_packed(s, s->a, K * M) && is_packed(s, s->b, K * N) &&
             batch * K <= INT_MAX)
        s->K = (int)(batch * K); /* a sum over the stack is a longer sum */
    else return;
    for (int i = 0; i < BATCH; i++) {
        s->dim[i] = 1;
        s->a[i] = s->b[i] = s->c[i] = 0;
    }
}

static void run(tw_ctx *ctx, stack *s) {
    if (s->M == 0 || s->N == 0) return;
    fold(s);
    s->results = s->terms = 1;
    for (int i = 0; i < BATCH; i++) *(s->c[i] ? &s->results : &s->terms) *= s->dim[i];
    double work = (double)s->M * s->N * s->K;
    if (s->results == 1 || work >= BIG) {
        for (size_t i = 0; i < s->results; i++) one_result(ctx, s, i);
    } else { /* many small ones: a block is about an eighth of a big one */
        double each = work * (double)s->terms + 1;
        tw__for_ranges(ctx, s->results, (size_t)(BIG / 8 / each) + 1, some_results, s);
    }
}

/* ---- the product of two tensors' matrices ------------------------------------------------------------------------ */

typedef struct side {
    const tw_tensor *t; /* its shape .. */
    const tw_real *v;   /* .. and its values, or its gradient */
    bool transpose;
} side;

/* Strides of t's matrices in the batch dimensions of y, 0 where t is stretched. */
static void batch_strides(const tw_tensor *t, size_t *stride) {
    size_t size = (size_t)matrix_rows(t) * (size_t)matrix_columns(t);
    for (int i = BATCH, axis = t->ndim - 3; i-- > 0; axis--) {
        stride[i] = axis < 0 || t->dim[axis] == 1 ? 0 : size;
        if (axis >= 0) size *= (size_t)t->dim[axis];
    }
}

/* c = beta c + op(a) op(b), [M,K] x [K,N], summed over the dimensions of y along which c was stretched. */
static void product(tw_ctx *ctx, const tw_tensor *y, int M, int N, int K, side a, side b, tw_real beta, tw_real *v,
                    const tw_tensor *c) {
    stack s = {.ta = a.transpose, .tb = b.transpose, .M = M, .N = N, .K = K, .A = a.v, .B = b.v, .C = v, .beta = beta};
    for (int i = BATCH, axis = y->ndim - 3; i-- > 0; axis--) s.dim[i] = axis < 0 ? 1 : (size_t)y->dim[axis];
    batch_strides(a.t, s.a);
    batch_strides(b.t, s.b);
    batch_strides(c, s.c);
    run(ctx, &s);
}

/* y = op(a) op(b):   d op(a) = dy op(b)^T,   d op(b) = op(a)^T dy;   transposed when the operand was. */
static void matmul_backward(tw_ctx *ctx, tw_node *n) {
    const tw__matmul_attr *attr = n->attr;
    bool ta = attr->transpose_a, tb = attr->transpose_b;
    tw_tensor *a = n->in[0], *b = n->in[1], *y = n->out[0];
    int M = matrix_rows(y), N = matrix_columns(y), K = ta ? matrix_rows(a) : matrix_columns(a);
    tw_real beta, *da = tw_grad(ctx, a, &beta);
    if (da && !ta) product(ctx, y, M, K, N, (side){y, y->grad, false}, (side){b, b->data, !tb}, beta, da, a);
    if (da && ta) product(ctx, y, K, M, N, (side){b, b->data, tb}, (side){y, y->grad, true}, beta, da, a);
    tw_real *db = tw_grad(ctx, b, &beta);
    if (db && !tb) product(ctx, y, K, N, M, (side){a, a->data, !ta}, (side){y, y->grad, false}, beta, db, b);
    if (db && tb) product(ctx, y, N, K, M, (side){y, y->grad, true}, (side){a, a->data, ta}, beta, db, b);
}

static const tw_op matmul_op = {"matmul", matmul_backward};

static tw_tensor *mismatch(tw_ctx *ctx, const char *what, const tw_tensor *a, bool ta, const tw_tensor *b, bool tb) {
    return tw_fail(ctx, TW_ERR_SHAPE, "matmul: %s: %s%s x %s%s", what, tw_describe(ctx, a), ta ? "^T" : "",
                   tw_describe(ctx, b), tb ? "^T" : "");
}

tw_tensor *tw_matmul(tw_ctx *ctx, tw_tensor *a, bool ta, tw_tensor *b, bool tb) {
    tw_tensor *in[] = {a, b};
    if (!tw_inputs_ok(ctx, "matmul", 2, in)) return NULL;
    if (a->ndim < 2 || b->ndim < 2) return mismatch(ctx, "needs at least 2 dimensions", a, ta, b, tb);
    int M = ta ? matrix_columns(a) : matrix_rows(a), K = ta ? matrix_rows(a) : matrix_columns(a);
    int N = tb ? matrix_rows(b) : matrix_columns(b);
    if (K != (tb ? matrix_columns(b) : matrix_rows(b))) return mismatch(ctx, "inner sizes differ", a, ta, b, tb);
    int batch, dim[TW_MAX_DIMS];
    if (!tw__broadcast_dims(a->ndim - 2, a->dim, b->ndim - 2, b->dim, &batch, dim))
        return mismatch(ctx, "batch dimensions do not broadcast", a, ta, b, tb);
    dim[batch] = M;
    dim[batch + 1] = N;
    tw__matmul_attr *attr = tw_alloc(ctx, sizeof *attr);
    tw_tensor *y = tw_new(ctx, batch + 2, dim);
    if (!attr || !y) return NULL;
    *attr = (tw__matmul_attr){ta, tb};
    product(ctx, y, M, N, K, (side){a, a->data, ta}, (side){b, b->data, tb}, 0, y->data, y);
    return tw_record(ctx, &matmul_op, attr, 2, in, y);
}
