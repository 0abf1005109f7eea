/* cross_entropy.c - cross entropy of a softmax with a class, or with a distribution over the classes.
 *
 * With logits z, p = softmax(z) and a target distribution t (a class c is t_c = 1, the rest 0):
 *
 *     l = -sum_k t_k log p_k,     log p_k = z_k - log sum_j e^(z_j)
 *
 *     d log p_k / dz_j = [k = j] - p_j                    the derivative of log-sum-exp is the softmax
 *     dl/dz_j = -t_j + p_j sum_k t_k                      for a class: p_j - [j = c]
 *     dl/dt_k = -log p_k
 *
 * The softmax is never formed inside the logarithm, so no logit is too large and no probability is clamped. Classes
 * are on axis 1: of [N,K,..] the K logits of a position lie `step`, the product of the later sizes, apart. */
#include "losses/loss.h"

#include <string.h>

typedef struct cross_entropy {
    tw_terms *terms; /* one for each position */
    size_t K, step;
    tw_real *p;     /* softmax of the logits, in their layout; NULL when no backward comes */
    int32_t *truth; /* the target classes, or NULL: a tensor */
} cross_entropy;

/* Where the K logits of position i begin: positions count N first, then the axes after the classes. */
static size_t row(const cross_entropy *a, size_t i) { return i / a->step * a->K * a->step + i % a->step; }

/* quote: class */
static void class_forward(const cross_entropy *a, const tw_real *z, const int32_t *truth) {
    for (size_t i = 0; i < a->terms->n; i++) {
        size_t at = row(a, i);
        double lse = tw__log_sum_exp(z + at, a->K, a->step, a->p ? a->p + at : NULL);
        a->terms->value[i] = (tw_real)(lse - (double)z[at + (size_t)truth[i] * a->step]);
    }
}

/* l = log sum_j e^(z_j) - z_c, so dl/dz_k = p_k - [k = c]; g[i] is what flows into position i. */
static void class_backward(tw_ctx *ctx, tw_node *n) {
    const cross_entropy *a = n->attr;
    tw_mark mark = tw_scratch_mark(ctx);
    tw_real beta, *dz = tw_grad(ctx, n->in[0], &beta);
    const tw_real *g = tw_terms_upstream(ctx, a->terms, n->out[0]), *p = a->p;
    for (size_t i = 0; dz && g && i < a->terms->n; i++)
        for (size_t k = 0, at = row(a, i); k < a->K; k++, at += a->step)
            dz[at] = tw_add_to(beta, dz[at], tw_term_grad(g[i], p[at] - (k == (size_t)a->truth[i])));
    tw_scratch_release(ctx, mark);
}
/* end quote */

/* quote: soft */
/* 0 log 0 is 0: a class the target excludes may have probability 0. */
static void soft_forward(const cross_entropy *a, const tw_real *z, const tw_real *t) {
    for (size_t i = 0; i < a->terms->n; i++) {
        size_t at = row(a, i);
        double l = 0, lse = tw__log_sum_exp(z + at, a->K, a->step, a->p ? a->p + at : NULL);
        for (size_t k = 0; k < a->K; k++, at += a->step)
            if (t[at] != 0) l += (double)t[at] * (lse - (double)z[at]);
        a->terms->value[i] = (tw_real)l;
    }
}

/* l = sum_k t_k (log sum_j e^(z_j) - z_k), so dl/dz_k = p_k sum_j t_j - t_k and dl/dt_k = -log p_k. */
static void soft_backward(tw_ctx *ctx, tw_node *n) {
    const cross_entropy *a = n->attr;
    const tw_real *z = n->in[0]->data, *t = n->in[1]->data, *p = a->p;
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *g = tw_terms_upstream(ctx, a->terms, n->out[0]);
    tw_real beta, *dz = tw_grad(ctx, n->in[0], &beta);
    for (size_t i = 0; dz && g && i < a->terms->n; i++) {
        tw_real total = 0;
        for (size_t k = 0, at = row(a, i); k < a->K; k++, at += a->step) total += t[at];
        for (size_t k = 0, at = row(a, i); k < a->K; k++, at += a->step)
            dz[at] = tw_add_to(beta, dz[at], tw_term_grad(g[i], p[at] * total - t[at]));
    }
    tw_real *dt = tw_grad(ctx, n->in[1], &beta);
    for (size_t i = 0; dt && g && i < a->terms->n; i++) {
        double lse = tw__log_sum_exp(z + row(a, i), a->K, a->step, NULL);
        for (size_t k = 0, at = row(a, i); k < a->K; k++, at += a->step)
            dt[at] = tw_add_to(beta, dt[at], tw_term_grad(g[i], (tw_real)(lse - (double)z[at])));
    }
    tw_scratch_release(ctx, mark);
}
/* end quote */

static const tw_op class_op = {"cross_entropy_loss", class_backward};
static const tw_op soft_op = {"soft_cross_entropy_loss", soft_backward};

tw_cross_entropy_options tw_cross_entropy_defaults(void) {
    return (tw_cross_entropy_options){.reduction = TW_REDUCTION_MEAN};
}

/* What both have in common: the shape of the logits, the terms, and p when backward will come. */
static cross_entropy *prepare(tw_ctx *ctx, const char *what, tw_tensor *logits, const tw_cross_entropy_options *options,
                              bool keep) {
    tw_cross_entropy_options o = options ? *options : tw_cross_entropy_defaults();
    if (logits->ndim < 2)
        return tw_fail(ctx, TW_ERR_SHAPE, "%s: logits are [N,K] or [N,K,..], not %s", what, tw_describe(ctx, logits));
    int dim[TW_MAX_DIMS] = {logits->dim[0]};
    size_t step = 1;
    for (int i = 2; i < logits->ndim; i++) step *= (size_t)(dim[i - 1] = logits->dim[i]);
    cross_entropy *a = tw_alloc(ctx, sizeof *a);
    if (!a) return NULL;
    *a = (cross_entropy){.K = (size_t)logits->dim[1], .step = step};
    if (keep && !(a->p = tw_alloc(ctx, logits->size * sizeof *a->p))) return NULL;
    a->terms = tw_terms_new(ctx, what, o.reduction, o.sample_weight, logits->ndim - 1, dim);
    return a->terms ? a : NULL;
}

static bool classes_ok(tw_ctx *ctx, const cross_entropy *a, const tw_tensor *logits, tw_labels target) {
    if (target.n != a->terms->n)
        tw_fail(ctx, TW_ERR_SHAPE, "cross_entropy_loss: %zu classes for %zu positions of %s", target.n, a->terms->n,
                tw_describe(ctx, logits));
    else if (target.n && !target.v) tw_fail(ctx, TW_ERR_RANGE, "cross_entropy_loss: the classes are NULL");
    else
        for (size_t i = 0; i < target.n; i++)
            if (target.v[i] < 0 || (size_t)target.v[i] >= a->K) {
                tw_fail(ctx, TW_ERR_RANGE, "cross_entropy_loss: class %d at position %zu is outside 0..%d: logits %s",
                        (int)target.v[i], i, (int)a->K - 1, tw_describe(ctx, logits));
                break;
            }
    return !tw_error(ctx);
}

tw_tensor *tw_cross_entropy_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels target,
                                 const tw_cross_entropy_options *options) {
    if (!tw_inputs_ok(ctx, "cross_entropy_loss", 1, &logits)) return NULL;
    bool keep = tw_will_record(ctx, 1, &logits);
    cross_entropy *a = prepare(ctx, "cross_entropy_loss", logits, options, keep);
    if (!a || !classes_ok(ctx, a, logits, target)) return NULL;
    if (keep) {
        if (!(a->truth = tw_alloc(ctx, target.n * sizeof *a->truth))) return NULL;
        if (target.n) memcpy(a->truth, target.v, target.n * sizeof *a->truth);
    }
    class_forward(a, logits->data, target.v);
    return tw_record(ctx, &class_op, a, 1, &logits, tw_terms_reduce(ctx, a->terms));
}

tw_tensor *tw_soft_cross_entropy_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target,
                                      const tw_cross_entropy_options *options) {
    const char *what = "soft_cross_entropy_loss";
    tw_tensor *in[] = {logits, target};
    if (!tw_inputs_ok(ctx, what, 2, in) || !tw__same_shape(ctx, what, logits, target)) return NULL;
    cross_entropy *a = prepare(ctx, what, logits, options, tw_will_record(ctx, 1, &logits));
    if (!a) return NULL;
    soft_forward(a, logits->data, target->data);
    return tw_record(ctx, &soft_op, a, 2, in, tw_terms_reduce(ctx, a->terms));
}

/* ---- the records --------------------------------------------------------------------------------------- */

static tw_cross_entropy_options with_weight(const void *options, const tw_target *target) {
    tw_cross_entropy_options o = *(const tw_cross_entropy_options *)options;
    if (target->sample_weight) o.sample_weight = target->sample_weight;
    return o;
}

static tw_tensor *class_apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_cross_entropy_options o = with_weight(options, target);
    return tw_cross_entropy_loss(ctx, pred, target->classes, &o);
}

static tw_tensor *soft_apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_cross_entropy_options o = with_weight(options, target);
    return tw_soft_cross_entropy_loss(ctx, pred, target->tensor, &o);
}

/* [N,K], sometimes with one or two axes more; one class is allowed. Returns the number of logits. */
static size_t sample_logits(tw_ctx *ctx, uint64_t stream, tw_cost_problem *p) {
    *p = (tw_cost_problem){.ndim = tw__draw_int(stream, 0, 2, 4), .class_axis = 1};
    size_t n = 1;
    for (int i = 0; i < p->ndim; i++) {
        p->dim[i] = tw__draw_int(stream, 1 + (uint64_t)i, 1, i < 2 ? 5 : 3);
        n *= (size_t)p->dim[i];
    }
    p->pred = tw__draw_normals(ctx, stream, 1000, n, 2);
    return n;
}

static tw_err class_sample(tw_ctx *ctx, uint64_t stream, tw_cost_problem *p) {
    size_t n = sample_logits(ctx, stream, p);
    n /= (size_t)p->dim[1];
    int32_t *truth = tw_alloc(ctx, n * sizeof *truth);
    for (size_t i = 0; truth && i < n; i++) truth[i] = tw__draw_int(stream, 10 + i, 0, p->dim[1] - 1);
    p->labels.classes = (tw_labels){truth, n};
    return tw_error(ctx);
}

/* Any non-negative target, not only distributions: its sum is a factor in the gradient. Some entries are 0. */
static tw_err soft_sample(tw_ctx *ctx, uint64_t stream, tw_cost_problem *p) {
    size_t n = sample_logits(ctx, stream, p);
    p->target = tw_alloc(ctx, n * sizeof *p->target);
    for (size_t i = 0; p->target && i < n; i++) {
        double u = tw_random_uniform(stream, 5000 + i);
        p->target[i] = (tw_real)(u < 0.2 ? 0 : u);
    }
    return tw_error(ctx);
}

static const tw_option option_table[] = {TW__REDUCTION_OPTION(tw_cross_entropy_options), {0}};

const tw_cost_layer tw_cost_cross_entropy = {
    .name = "cross_entropy",
    .summary = "softmax cross entropy with a class, -log p[class]",
    .target = TW_TARGET_CLASSES,
    .options = option_table,
    .options_size = sizeof(tw_cross_entropy_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_SHIFT_INVARIANT,
    .apply = class_apply,
    .sample = class_sample,
};

const tw_cost_layer tw_cost_soft_cross_entropy = {
    .name = "soft_cross_entropy",
    .summary = "softmax cross entropy with a distribution, -sum t log p",
    .target = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_cross_entropy_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_SHIFT_INVARIANT | TW_COST_TARGET_GRAD,
    .apply = soft_apply,
    .sample = soft_sample,
};
