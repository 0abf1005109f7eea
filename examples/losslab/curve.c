/* curve.c - see curve.h. */
#include "curve.h"

#include <string.h>

#include "gradient.h"

tw_err curve_compute(tw_ctx *ctx, const curve *c, int n, const double *x, double *value, double *grad) {
    tw_step_begin(ctx);
    tw_real *in = tw_alloc(ctx, (size_t)n * sizeof *in);
    for (int i = 0; in && i < n; i++) in[i] = (tw_real)x[i];
    tw_tensor *leaf = in ? tw_input_grad(ctx, in, 2, (int[]){n, 1}) : NULL;
    const tw_tensor *rows = c->f(ctx, leaf, c);
    if (!rows) return tw_error(ctx);
    tw_real *ones = tw_alloc(ctx, rows->size * sizeof *ones);
    for (size_t i = 0; ones && i < rows->size; i++) ones[i] = 1;
    if (!ones || tw_backward_from(ctx, (tw_tensor *)rows, ones)) return tw_error(ctx);
    size_t each = rows->size / (size_t)n;
    for (int i = 0; i < n; i++) {
        value[i] = 0;
        for (size_t k = 0; k < each; k++) value[i] += (double)rows->data[(size_t)i * each + k];
        grad[i] = (double)leaf->grad[i];
    }
    return TW_OK;
}

/* ---- the loss of a curve ------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, const curve *c, tw_tensor *pred, tw_target target) {
    tw_cost cost;
    if (!pred || tw_cost_find(ctx, c->spec, &cost)) return NULL;
    cost_set_reduction(&cost, TW_REDUCTION_NONE);
    return tw_cost_apply(ctx, &cost, pred, &target);
}

static tw_tensor *apply_tensor(tw_ctx *ctx, const curve *c, tw_tensor *pred, tw_tensor *target) {
    return target ? apply(ctx, c, pred, (tw_target){.tensor = target}) : NULL;
}

/* Class 0 is true in every row. */
static tw_tensor *apply_class(tw_ctx *ctx, const curve *c, tw_tensor *pred) {
    if (!pred) return NULL;
    size_t n = (size_t)pred->dim[0];
    int32_t *zero = tw_alloc(ctx, n * sizeof *zero);
    if (!zero) return NULL;
    memset(zero, 0, n * sizeof *zero);
    return apply(ctx, c, pred, (tw_target){.classes = {zero, n}});
}

static tw_tensor *filled(tw_ctx *ctx, const tw_tensor *x, int columns, double value) {
    return x ? tw_full(ctx, (tw_real)value, 2, (int[]){x->dim[0], columns}) : NULL;
}

/* [n,2]: x and 1 - x. */
static tw_tensor *with_rest(tw_ctx *ctx, tw_tensor *x) {
    return tw_concat(ctx, 2, (tw_tensor *[]){x, tw_sub(ctx, filled(ctx, x, 1, 1), x)}, 1);
}

tw_tensor *curve_direct(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    return apply_tensor(ctx, c, x, filled(ctx, x, 1, c->a));
}

tw_tensor *curve_sigmoid(tw_ctx *ctx, tw_tensor *x, const curve *c) { return curve_direct(ctx, tw_sigmoid(ctx, x), c); }

tw_tensor *curve_odds(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    tw_tensor *rest = tw_sub(ctx, filled(ctx, x, 1, 1), x);
    return curve_direct(ctx, tw_sub(ctx, tw_log(ctx, x), tw_log(ctx, rest)), c);
}

static tw_tensor *beside_zeros(tw_ctx *ctx, tw_tensor *x) {
    return tw_concat(ctx, 2, (tw_tensor *[]){x, filled(ctx, x, 2, 0)}, 1);
}

tw_tensor *curve_class(tw_ctx *ctx, tw_tensor *x, const curve *c) { return apply_class(ctx, c, beside_zeros(ctx, x)); }

tw_tensor *curve_softmax(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    tw_tensor *onehot = tw_concat(ctx, 2, (tw_tensor *[]){filled(ctx, x, 1, 1), filled(ctx, x, 2, 0)}, 1);
    return apply_tensor(ctx, c, tw_softmax(ctx, beside_zeros(ctx, x), 1), onehot);
}

tw_tensor *curve_log_prob(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    return apply_class(ctx, c, tw_concat(ctx, 2, (tw_tensor *[]){x, filled(ctx, x, 1, -1)}, 1));
}

tw_tensor *curve_prob(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    return apply_class(ctx, c, tw_log(ctx, with_rest(ctx, x)));
}

static tw_tensor *pair(tw_ctx *ctx, const tw_tensor *x, double a) {
    return tw_concat(ctx, 2, (tw_tensor *[]){filled(ctx, x, 1, a), filled(ctx, x, 1, 1 - a)}, 1);
}

tw_tensor *curve_model(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    return apply_tensor(ctx, c, with_rest(ctx, x), pair(ctx, x, c->a));
}

tw_tensor *curve_truth(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    return apply_tensor(ctx, c, pair(ctx, x, c->a), with_rest(ctx, x));
}

/* ---- CTC ------------------------------------------------------------------------------------------------------ */

/* The same text, of symbols 1, 2 .. L, in each of N samples. */
static tw_tensor *apply_text(tw_ctx *ctx, const curve *c, tw_tensor *logits, int L) {
    if (!logits) return NULL;
    size_t N = (size_t)logits->dim[1];
    int32_t *text = tw_alloc(ctx, (N * (size_t)L + 1) * sizeof *text), *lengths = tw_alloc(ctx, N * sizeof *lengths);
    if (!text || !lengths) return NULL;
    for (size_t i = 0; i < N * (size_t)L; i++) text[i] = 1 + (int32_t)(i % (size_t)L);
    for (size_t i = 0; i < N; i++) lengths[i] = L;
    return apply(ctx, c, logits, (tw_target){.labels = {text, N * (size_t)L}, .label_lengths = {lengths, N}});
}

tw_tensor *curve_alignment(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    enum { T = 8, K = 4 };
    static const char *const path[] = {"-aa--bb-", "--------", "-cc--cc-"};
    tw_tensor *where = tw_full(ctx, 0, 3, (int[]){T, 1, K});
    for (int t = 0; where && t < T; t++) {
        char symbol = path[(int)c->a][t];
        where->data[t * K + (symbol == '-' ? 0 : 1 + symbol - 'a')] = 1;
    }
    tw_tensor *along = x ? tw_reshape(ctx, x, 3, (int[]){1, x->dim[0], 1}) : NULL;
    return apply_text(ctx, c, tw_mul(ctx, where, along), 2);
}

tw_tensor *curve_blank(tw_ctx *ctx, tw_tensor *x, const curve *c) {
    enum { T = 20, OTHERS = 26 };
    if (!x) return NULL;
    tw_tensor *rest = tw_scale(ctx, tw_sub(ctx, filled(ctx, x, 1, 1), x), (tw_real)1 / OTHERS);
    tw_tensor *p = tw_concat(ctx, 2, (tw_tensor *[]){x, tw_mul(ctx, rest, filled(ctx, x, OTHERS, 1))}, 1);
    tw_tensor *frame = tw_reshape(ctx, tw_log(ctx, p), 3, (int[]){1, x->dim[0], OTHERS + 1});
    return apply_text(ctx, c, tw_mul(ctx, tw_full(ctx, 1, 3, (int[]){T, 1, 1}), frame), (int)c->a);
}
