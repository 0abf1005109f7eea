/* util_programs.c - see util_programs.h. */
#include "util_programs.h"

enum { STEPS = 9, MOST = PROGRAM_LEAVES + STEPS, LIMIT = 400000 };

typedef struct program {
    tw_ctx *ctx;
    uint64_t seed, draws;
    tw_tensor *made[MOST];
    int n;
} program;

static int draw(program *p, int below) { return (int)(tw_random_bits(p->seed, p->draws++) % (uint64_t)below); }

void program_leaves(uint64_t seed, bool large, int ndim[PROGRAM_LEAVES], int dim[PROGRAM_LEAVES][TW_MAX_DIMS]) {
    program p = {.seed = seed ^ UINT64_C(0x5eed)};
    int side[TW_MAX_DIMS]; /* leaves share sides, so that many pairs broadcast or multiply */
    for (int i = 0; i < TW_MAX_DIMS; i++) side[i] = draw(&p, 12) ? 1 + draw(&p, large ? 3 : 4) : 0;
    if (large) side[3] = 50 + draw(&p, 200), side[4] = 50 + draw(&p, 300);
    for (int k = 0; k < PROGRAM_LEAVES; k++) {
        ndim[k] = draw(&p, TW_MAX_DIMS + 1);
        for (int i = 0; i < TW_MAX_DIMS; i++) {
            int from_right = ndim[k] - 1 - i;
            dim[k][i] = from_right < 0 || !draw(&p, 4) ? 1 : side[TW_MAX_DIMS - 1 - from_right];
        }
    }
}

static tw_tensor *any(program *p) { return p->made[draw(p, p->n)]; }

static bool broadcasts(const tw_tensor *a, const tw_tensor *b) {
    double size = 1;
    int n = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int i = 1; i <= n; i++) {
        int da = i > a->ndim ? 1 : a->dim[a->ndim - i], db = i > b->ndim ? 1 : b->dim[b->ndim - i];
        if (da != db && da != 1 && db != 1) return false;
        size *= da == 1 ? db : da;
    }
    return size <= LIMIT;
}

/* Something that broadcasts with x: x itself when nothing else does. */
static tw_tensor *partner(program *p, tw_tensor *x) {
    tw_tensor *y = any(p);
    return broadcasts(x, y) ? y : x;
}

static tw_tensor *binary(program *p, tw_tensor *x) {
    tw_tensor *y = partner(p, x);
    switch (draw(p, 4)) {
    case 0: return tw_add(p->ctx, x, y);
    case 1: return tw_sub(p->ctx, y, x);
    case 2: return tw_mul(p->ctx, x, y);
    default: return tw_div(p->ctx, x, tw_add(p->ctx, tw_exp(p->ctx, y), tw_full(p->ctx, 1, 0, NULL)));
    }
}

static tw_tensor *unary(program *p, tw_tensor *x) {
    switch (draw(p, 6)) {
    case 0: return tw_scale(p->ctx, x, (tw_real)-1.25);
    case 1: return tw_tanh(p->ctx, x);
    case 2: return tw_sigmoid(p->ctx, x);
    case 3: return tw_exp(p->ctx, tw_tanh(p->ctx, x));
    case 4: return tw_log(p->ctx, tw_add(p->ctx, tw_mul(p->ctx, x, x), tw_full(p->ctx, 1, 0, NULL)));
    default: return tw_sqrt(p->ctx, tw_add(p->ctx, tw_mul(p->ctx, x, x), tw_full(p->ctx, 1, 0, NULL)));
    }
}

static tw_tensor *reduce(program *p, tw_tensor *x) {
    int axes[TW_MAX_DIMS], n = 0;
    for (int i = 0; i < x->ndim; i++)
        if (draw(p, 2)) axes[n++] = draw(p, 2) ? i : i - x->ndim;
    bool keep = draw(p, 2);
    return x->size && draw(p, 2) ? tw_mean(p->ctx, x, n, axes, keep) : tw_sum(p->ctx, x, n, axes, keep);
}

static tw_tensor *reshape(program *p, tw_tensor *x) {
    int dim[TW_MAX_DIMS], n = 0, at = x->ndim ? draw(p, x->ndim) : 0;
    if (draw(p, 2) && x->ndim < TW_MAX_DIMS) { /* one more dimension of 1 */
        for (int i = 0; i <= x->ndim; i++) dim[n++] = i == at ? 1 : x->dim[i < at ? i : i - 1];
    } else { /* two become one */
        for (int i = 0; i < x->ndim; i++)
            if (i == at && i + 1 < x->ndim) dim[n++] = x->dim[i] * x->dim[i + 1], i++;
            else dim[n++] = x->dim[i];
    }
    if (n && x->size && draw(p, 2)) dim[draw(p, n)] = -1;
    return tw_reshape(p->ctx, x, n, dim);
}

static tw_tensor *permute(program *p, tw_tensor *x) {
    int order[TW_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        int j = draw(p, i + 1);
        order[i] = order[j], order[j] = i;
    }
    return tw_permute(p->ctx, x, order);
}

static tw_tensor *along_axis(program *p, tw_tensor *x) {
    int axis = draw(p, x->ndim), length = x->dim[axis], start = draw(p, length + 1);
    int stop = start + draw(p, length - start + 1), given = draw(p, 2) ? axis : axis - x->ndim;
    switch (draw(p, 4)) {
    case 0: return tw_softmax(p->ctx, x, given);
    case 1: return tw_log_softmax(p->ctx, x, given);
    case 2: return tw_slice(p->ctx, x, given, draw(p, 2) && start < length ? start - length : start, stop);
    default: return tw_concat(p->ctx, 2, (tw_tensor *[]){x, x}, given);
    }
}

static tw_tensor *product_of(program *p, tw_tensor *x) {
    tw_tensor *y = any(p);
    bool fits = y->ndim >= 2 && x->dim[x->ndim - 1] == y->dim[y->ndim - 2];
    for (int i = 3; fits && i <= x->ndim && i <= y->ndim; i++) {
        int dx = x->dim[x->ndim - i], dy = y->dim[y->ndim - i];
        fits = dx == dy || dx == 1 || dy == 1;
    }
    double size = fits ? (double)(x->size + 1) * y->dim[y->ndim - 1] * (double)(y->size + 1) : 0;
    if (fits && size < 1e9) return tw_matmul(p->ctx, x, false, y, false);
    bool turn = draw(p, 2); /* x x^T or x^T x */
    int rows = x->dim[x->ndim - (turn ? 1 : 2)];
    return (double)x->size * rows < 1e8 ? tw_matmul(p->ctx, x, turn, x, !turn) : x;
}

static tw_tensor *operation(program *p) {
    tw_tensor *x = any(p);
    switch (draw(p, 8)) {
    case 0:
    case 1: return binary(p, x);
    case 2: return unary(p, x);
    case 3: return reduce(p, x);
    case 4: return reshape(p, x);
    case 5: return permute(p, x);
    case 6: return x->ndim >= 2 ? product_of(p, x) : tw_dropout(p->ctx, x, (tw_real)0.25);
    default: return x->ndim && x->size < LIMIT / 2 ? along_axis(p, x) : unary(p, x);
    }
}

tw_tensor *program_run(tw_ctx *ctx, uint64_t seed, tw_tensor *const *leaf) {
    program p = {.ctx = ctx, .seed = seed};
    for (int i = 0; i < PROGRAM_LEAVES; i++) p.made[p.n++] = leaf[i];
    for (int i = 0; i < STEPS; i++) {
        tw_tensor *y = operation(&p);
        if (!y) return NULL;
        p.made[p.n++] = tw_tanh(ctx, y); /* bounded, whatever comes after */
    }
    /* Only the last three are the result: the others' gradients have a first writer somewhere in the middle. */
    tw_tensor **last = p.made + p.n - 3;
    for (int i = 0; i < 3; i++) last[i] = tw_reshape(ctx, last[i], 1, (int[]){(int)last[i]->size});
    return tw_concat(ctx, 3, last, 0);
}
