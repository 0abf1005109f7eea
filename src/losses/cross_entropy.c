/* cross_entropy.c - cross entropy of a softmax with a class, or with a distribution over the classes.
 *
 * With logits z, p = softmax(z) and coefficients a_k:
 *
 *     l = -sum_k a_k log p_k,     log p_k = z_k - log sum_j e^(z_j)
 *
 *     d log p_k / dz_j = [k = j] - p_j                    the derivative of log-sum-exp is the softmax
 *     dl/dz_j = p_j sum_k a_k - a_j                       for a class without weights: p_j - [j = c]
 *     dl/da_k = -log p_k
 *
 * The coefficient of class k is w_k t_k: its class weight, and its share of the truth, which is [k = c] for a class c.
 * Label smoothing makes t into (1 - s) t + s / K. From probabilities themselves dl/dp_j = -a_j / p_j, from their
 * logarithms -a_j.
 *
 * The softmax is never formed inside the logarithm, so no logit is too large and no probability is clamped. */
#include "losses/classes.h"

typedef struct cross_entropy {
    tw__classes c;
    tw_form form;
    double smoothing;
} cross_entropy;

/* quote: kernels */
/* a_k at position i, whose K numbers begin at `at`; t: the target, or NULL when it is the class c.truth[i]. */
static double coefficient(const cross_entropy *a, size_t i, size_t k, const tw_real *t, size_t at) {
    double truth = t ? (double)t[at + k * a->c.step] : k == (size_t)a->c.truth[i];
    return tw__class_weight(&a->c, k) * ((1 - a->smoothing) * truth + a->smoothing / (double)a->c.K);
}

/* -log p_k; lse is the log-sum-exp of the logits. */
static double surprise(tw_form form, tw_real x, double lse) {
    return form == TW_FORM_LOGITS ? lse - (double)x : form == TW_FORM_PROBS ? -log((double)x) : -(double)x;
}

static double log_sum_exp_at(const cross_entropy *a, const tw_real *x, size_t at, tw_real *p) {
    return a->form == TW_FORM_LOGITS ? tw__log_sum_exp(x + at, a->c.K, a->c.step, p ? p + at : NULL) : 0;
}

/* l = sum_k a_k (-log p_k), where 0 log 0 is 0: a class the target excludes may have probability 0. */
static void forward(const cross_entropy *a, const tw_real *x, const tw_real *t) {
    const tw__classes *c = &a->c;
    for (size_t i = 0; i < c->terms->n; i++) {
        size_t at = tw__classes_at(c, i);
        double l = 0, lse = log_sum_exp_at(a, x, at, c->p), share;
        bool ignored = !t && c->truth[i] < 0;
        for (size_t k = 0; !ignored && k < c->K; k++)
            if ((share = coefficient(a, i, k, t, at)) != 0) l += share * surprise(a->form, x[at + k * c->step], lse);
        c->terms->value[i] = (tw_real)l;
    }
}

/* dl/dx_k = p_k sum_j a_j - a_k for logits, -a_k / p_k for probabilities, -a_k for their logarithms. */
static double slope(const cross_entropy *a, size_t at, tw_real x, double share, double total) {
    if (a->form == TW_FORM_LOGITS) return (double)a->c.p[at] * total - share;
    return share == 0 ? 0 : a->form == TW_FORM_PROBS ? -share / (double)x : -share;
}

static void backward(tw_ctx *ctx, tw_node *n) {
    const cross_entropy *a = n->attr;
    const tw__classes *c = &a->c;
    const tw_real *x = n->in[0]->data, *t = n->nin == 2 ? n->in[1]->data : NULL;
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *g = tw_terms_upstream(ctx, c->terms, n->out[0]);
    tw_real beta_x, beta_t, *dx = tw_grad(ctx, n->in[0], &beta_x), *dt = t ? tw_grad(ctx, n->in[1], &beta_t) : NULL;
    for (size_t i = 0; g && i < c->terms->n; i++) {
        size_t first = tw__classes_at(c, i), at = first;
        bool ignored = !t && c->truth[i] < 0;
        double total = 0, lse = dt ? log_sum_exp_at(a, x, first, NULL) : 0;
        for (size_t k = 0; k < c->K; k++) total += coefficient(a, i, k, t, first);
        for (size_t k = 0; k < c->K; k++, at += c->step) {
            double share = coefficient(a, i, k, t, first);
            tw_real gi = ignored ? 0 : g[i];
            if (dx) dx[at] = tw_add_to(beta_x, dx[at], tw_term_grad(gi, (tw_real)slope(a, at, x[at], share, total)));
            if (!dt) continue;
            double by_t = tw__class_weight(c, k) * (1 - a->smoothing) * surprise(a->form, x[at], lse);
            dt[at] = tw_add_to(beta_t, dt[at], tw_term_grad(gi, (tw_real)by_t));
        }
    }
    tw_scratch_release(ctx, mark);
}
/* end quote */

static const tw_op class_op = {"cross_entropy_loss", backward};
static const tw_op soft_op = {"soft_cross_entropy_loss", backward};

tw_cross_entropy_options tw_cross_entropy_defaults(void) { return (tw_cross_entropy_options){.ignore_index = -100}; }

static cross_entropy *prepare(tw_ctx *ctx, const char *what, tw_tensor *x, const tw_cross_entropy_options *o) {
    cross_entropy *a = tw_alloc(ctx, sizeof *a);
    if (!a || !tw__in_range(ctx, what, "label_smoothing", o->label_smoothing, 0, 1) ||
        !tw__in_range(ctx, what, "form", o->form, TW_FORM_LOGITS, TW_FORM_LOG_PROBS) ||
        (o->form == TW_FORM_PROBS && !tw__probabilities(ctx, what, x)))
        return NULL;
    *a = (cross_entropy){.form = o->form, .smoothing = o->label_smoothing};
    bool softmax = o->form == TW_FORM_LOGITS && tw_will_record(ctx, 1, &x);
    return tw__classes_shape(ctx, what, x, o->reduction, o->sample_weight, "class_weight", o->class_weight, false,
                             softmax, &a->c)
        ? a
        : NULL;
}

tw_tensor *tw_cross_entropy_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels target,
                                 const tw_cross_entropy_options *options) {
    tw_cross_entropy_options o = options ? *options : tw_cross_entropy_defaults();
    const char *what = class_op.name;
    if (!tw_inputs_ok(ctx, what, 1, &logits)) return NULL;
    cross_entropy *a = prepare(ctx, what, logits, &o);
    if (!a || !tw__classes_truth(ctx, what, logits, target, &o.ignore_index, &a->c)) return NULL;
    tw__classes_count(&a->c, o.strict_mean);
    forward(a, logits->data, NULL);
    return tw_record(ctx, &class_op, a, 1, &logits, tw_terms_reduce(ctx, a->c.terms));
}

tw_tensor *tw_soft_cross_entropy_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target,
                                      const tw_cross_entropy_options *options) {
    tw_cross_entropy_options o = options ? *options : tw_cross_entropy_defaults();
    const char *what = soft_op.name;
    tw_tensor *in[] = {logits, target};
    if (!tw_inputs_ok(ctx, what, 2, in) || !tw__same_shape(ctx, what, logits, target)) return NULL;
    cross_entropy *a = prepare(ctx, what, logits, &o);
    if (!a) return NULL;
    forward(a, logits->data, target->data);
    return tw_record(ctx, &soft_op, a, 2, in, tw_terms_reduce(ctx, a->c.terms));
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_cross_entropy_options o = *(const tw_cross_entropy_options *)options;
    TW__WITH_WEIGHT(o, target);
    return target->tensor ? tw_soft_cross_entropy_loss(ctx, pred, target->tensor, &o)
                          : tw_cross_entropy_loss(ctx, pred, target->classes, &o);
}

/* Classes in half of the problems, of which the option's ignored class may be one. In the other half any non-negative
 * target, not only distributions: its sum is a factor in the gradient; some entries are 0. */
static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    const tw_cross_entropy_options *o = options;
    size_t n = tw__draw_rows(ctx, stream, o->class_weight.n, o->form, p);
    if (stream % 2 == 0) {
        tw__draw_classes(ctx, stream, p);
        return tw_error(ctx);
    }
    p->target = tw__draw_uniforms(ctx, stream, 5000, n, 0, 1);
    for (size_t i = 0; p->target && i < n; i++)
        if (p->target[i] < 0.2f) p->target[i] = 0;
    return tw_error(ctx);
}

static tw_form form(const void *options) { return ((const tw_cross_entropy_options *)options)->form; }

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_cross_entropy_options),
    {"form", TW_OPTION_ENUM, offsetof(tw_cross_entropy_options, form), TW_FORM_LOGITS, 0, 0, tw__form_names,
     "what the prediction is: logits, probs or log_probs"},
    {"class_weight", TW_OPTION_LIST, offsetof(tw_cross_entropy_options, class_weight), 0, 0, INFINITY, NULL,
     "what each class weighs"},
    {"label_smoothing", TW_OPTION_REAL, offsetof(tw_cross_entropy_options, label_smoothing), 0, 0, 1, NULL,
     "the target t becomes (1 - s) t + s / K"},
    {"ignore_index", TW_OPTION_INT, offsetof(tw_cross_entropy_options, ignore_index), -100, INT32_MIN, INT32_MAX, NULL,
     "positions of this class are left out"},
    {"strict_mean", TW_OPTION_BOOL, offsetof(tw_cross_entropy_options, strict_mean), 0, 0, 1, NULL,
     "the mean over ignored positions only is NaN, not 0"},
    {0},
};

const tw_cost_layer tw_cost_cross_entropy = {
    .name = "cross_entropy",
    .summary = "softmax cross entropy with a class, -log p[class], or a distribution, -sum t log p",
    .targets = TW_TARGET_CLASSES | TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_cross_entropy_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_SHIFT_INVARIANT | TW_COST_TARGET_GRAD,
    .apply = apply,
    .form = form,
    .sample = sample,
    .variants = (const char *const[]){"class_weight=[.5,2,1]", "label_smoothing=0.1", "ignore_index=1",
                                      "class_weight=[1,0,3,.25],label_smoothing=0.3,ignore_index=2", "form=probs",
                                      "form=log_probs", "form=probs,class_weight=[2,1],label_smoothing=.2", NULL},
};
