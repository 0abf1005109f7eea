/* gradcheck.c - comparing backward with central differences.
 *
 * The function checked is F = sum(f * r), r fixed random numbers. The difference of two evaluations is summed element
 * by element, so that whatever the disturbed number does not touch cancels exactly. */
#include "tensor/internal.h"

#include <math.h>
#include <string.h>

typedef struct check {
    tw_ctx *ctx;
    tw_gradcheck_fn f;
    void *user;
    int n;
    const tw_gradcheck_leaf *leaf;
    tw_real **value;    /* the leaves' numbers, to be disturbed */
    tw_real **analytic; /* their gradients; NULL for a leaf that is skipped */
    size_t *size;
    tw_tensor **tensor; /* the leaves of the current step */
    tw_rng_state rng;   /* every evaluation begins with it */
    size_t outputs;
    tw_real *above, *r; /* f(x + h); the weights of the sum */
} check;

/* f of the current values, in a step of its own; NULL after an error. */
static tw_tensor *evaluate(check *c) {
    tw_step_begin(c->ctx);
    tw_rng_set(c->ctx, c->rng);
    for (int i = 0; i < c->n; i++) {
        const tw_gradcheck_leaf *l = &c->leaf[i];
        c->tensor[i] = l->skip ? tw_input(c->ctx, c->value[i], l->ndim, l->dim)
                               : tw_input_grad(c->ctx, c->value[i], l->ndim, l->dim);
        if (!c->tensor[i]) return NULL;
    }
    tw_tensor *y = c->f(c->ctx, c->tensor, c->user);
    if (!y && !c->ctx->error) tw_fail(c->ctx, TW_ERR_STATE, "gradcheck: the function returned NULL without an error");
    if (c->ctx->error) return NULL;
    if (c->r && y->size != c->outputs)
        return tw_fail(c->ctx, TW_ERR_STATE, "gradcheck: the function gave %zu values, then %zu", c->outputs, y->size);
    return y;
}

/* Fills analytic. A leaf that backward does not reach has gradient 0. */
static bool run_backward(check *c) {
    tw_tensor *y = evaluate(c);
    if (!y) return false;
    c->outputs = y->size;
    c->above = tw__malloc(c->ctx, c->outputs * sizeof *c->above);
    c->r = tw__malloc(c->ctx, c->outputs * sizeof *c->r);
    if (!c->above || !c->r) return false;
    for (size_t i = 0; i < c->outputs; i++) c->r[i] = (tw_real)(2 * tw_random_uniform(20, i) - 1);
    if (y->requires_grad && tw_backward_from(c->ctx, y, c->r)) return false;
    for (int i = 0; i < c->n; i++) {
        const tw_tensor *t = c->tensor[i];
        bool reached = t->grad && t->grad_step == c->ctx->step_number;
        if (!c->analytic[i] || !t->size) continue;
        if (reached) memcpy(c->analytic[i], t->grad, t->size * sizeof *t->grad);
        else memset(c->analytic[i], 0, t->size * sizeof *t->grad);
    }
    return true;
}

static bool numeric(check *c, int leaf, size_t i, double step, double *slope) {
    tw_real *x = &c->value[leaf][i], kept = *x;
    double h = step * fmax(1, fabs((double)kept));
    volatile tw_real up = (tw_real)((double)kept + h), down = (tw_real)((double)kept - h); /* as they are stored */
    *x = up;
    const tw_tensor *y = evaluate(c);
    if (y && c->outputs) memcpy(c->above, y->data, c->outputs * sizeof *c->above);
    *x = down;
    if (y) y = evaluate(c);
    double sum = 0;
    for (size_t k = 0; y && k < c->outputs; k++) sum += ((double)c->above[k] - (double)y->data[k]) * (double)c->r[k];
    *x = kept; /* only now: y may share the leaf's memory */
    if (!y) return false;
    *slope = sum / ((double)up - (double)down);
    return true;
}

static bool compare_leaf(check *c, int leaf, double step, tw_gradcheck_result *worst) {
    double largest = 1e-3, off = -1, a_off = 0, n_off = 0;
    size_t at = 0;
    for (size_t i = 0; i < c->size[leaf]; i++) {
        double a = (double)c->analytic[leaf][i], n;
        if (!numeric(c, leaf, i, step, &n)) return false;
        double difference = fabs(a - n);
        if (!isfinite(difference)) difference = INFINITY;
        else largest = fmax(largest, fmax(fabs(a), fabs(n)));
        if (difference > off) off = difference, at = i, a_off = a, n_off = n;
    }
    if (off >= 0 && (worst->leaf < 0 || off / largest > worst->error))
        *worst = (tw_gradcheck_result){off / largest, leaf, at, a_off, n_off};
    return true;
}

static tw_err start(check *c) {
    for (int i = 0; i < c->n; i++) {
        const tw_gradcheck_leaf *l = &c->leaf[i];
        if (!tw__shape_size(l->ndim, l->dim, &c->size[i]) || (!l->value && c->size[i]))
            return tw_fail_err(c->ctx, TW_ERR_SHAPE, "gradcheck: leaf %d has no legal shape or no values", i);
        size_t bytes = c->size[i] * sizeof(tw_real);
        c->value[i] = tw__malloc(c->ctx, bytes);
        c->analytic[i] = l->skip ? NULL : tw__malloc(c->ctx, bytes);
        if (!c->value[i] || (!l->skip && !c->analytic[i])) return TW_ERR_NOMEM;
        if (bytes) memcpy(c->value[i], l->value, bytes);
    }
    return TW_OK;
}

tw_err tw_gradcheck(tw_ctx *ctx, tw_gradcheck_fn f, void *user, int n, const tw_gradcheck_leaf *leaf, double step,
                    tw_gradcheck_result *result) {
    *result = (tw_gradcheck_result){.leaf = -1};
    if (ctx->error) return ctx->error;
    if (n < 0) return tw_fail_err(ctx, TW_ERR_RANGE, "gradcheck: %d leaves", n);
    if (step == 0) step = sizeof(tw_real) == sizeof(double) ? 1e-5 : 1e-2;
    check c = {.ctx = ctx, .f = f, .user = user, .n = n, .leaf = leaf, .rng = tw_rng_get(ctx)};
    bool recording = tw_recording(ctx);
    size_t pointers = (size_t)n * sizeof(void *), sizes = (size_t)n * sizeof(size_t), bytes = 3 * pointers + sizes;
    char *table = tw__calloc(ctx, bytes);
    if (!table) return ctx->error;
    c.value = (tw_real **)table;
    c.analytic = (tw_real **)(table + pointers);
    c.tensor = (tw_tensor **)(table + 2 * pointers);
    c.size = (size_t *)(table + 3 * pointers);

    tw_set_recording(ctx, true);
    bool good = start(&c) == TW_OK && run_backward(&c);
    for (int i = 0; good && i < n; i++) good = leaf[i].skip || compare_leaf(&c, i, step, result);
    if (result->leaf < 0) result->leaf = 0; /* nothing to compare: no error */
    tw_set_recording(ctx, recording);
    tw_step_begin(ctx); /* no tensor may point at the values freed here */
    for (int i = 0; i < n; i++) {
        tw__free(ctx, c.value[i], c.size[i] * sizeof(tw_real));
        tw__free(ctx, c.analytic[i], c.size[i] * sizeof(tw_real));
    }
    tw__free(ctx, c.above, c.outputs * sizeof *c.above);
    tw__free(ctx, c.r, c.outputs * sizeof *c.r);
    tw__free(ctx, table, bytes);
    return good ? TW_OK : ctx->error;
}
