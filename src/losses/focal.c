/* focal.c - focal loss: cross entropy that turns away from what is already right (Lin et al. 2017).
 *
 * With the probability p of the truth and its surprise s = -log p:
 *
 *     l = alpha (1 - p)^gamma s
 *
 *     dl/dp = alpha (-gamma (1 - p)^(gamma-1) s - (1 - p)^gamma / p)
 *     p comes from logits, by softmax dp/dz_k = p ([k = c] - p_k), by sigmoid dp/dz = p (1 - p), up to the sign:
 *     dl/dz_k = alpha m (p_k - [k = c])      m = (1 - p)^gamma (1 + gamma p s / (1 - p))
 *
 * which is the gradient of cross entropy times m. As p goes to 1, s / (1 - p) goes to 1 and m to 0, though for
 * gamma < 1 the power (1 - p)^(gamma-1) alone has no limit: it never stands alone here. With gamma 0, m is 1.
 *
 * 1 - p is computed as such, from -s or from -z, not by subtracting a p that is nearly 1. */
#include "losses/binary.h"
#include "losses/classes.h"

typedef struct focal {
    tw__classes c;  /* c.weight holds alpha */
    tw_real *slope; /* [n] alpha m; NULL when no backward comes */
} focal;

/* quote: kernels */
/* (1 - p)^gamma s, and m; q is 1 - p. */
static tw__outcome focus(double gamma, double p, double q, double s) {
    double power = pow(q, gamma), ratio = q > 0 ? s / q : 1;
    return (tw__outcome){s == 0 ? 0 : power * s, power * (1 + (p > 0 ? gamma * p * ratio : 0))};
}

/* ---- sigmoid ---- */
static tw__outcome yes(const tw__binary *a, double z, double alpha) {
    double p = tw__sigmoid(z), q = tw__sigmoid(-z);
    tw__outcome f = focus(a->gamma, p, q, tw__softplus(-z));
    return (tw__outcome){alpha * f.value, -alpha * (f.slope * q)};
}

static tw__outcome no(const tw__binary *a, double z, double alpha) {
    double p = tw__sigmoid(-z), q = tw__sigmoid(z);
    tw__outcome f = focus(a->gamma, p, q, tw__softplus(z));
    return (tw__outcome){alpha * f.value, alpha * (f.slope * q)};
}

/* ---- softmax ---- */
static void forward(const focal *a, const tw_real *z, double gamma) {
    const tw__classes *c = &a->c;
    for (size_t i = 0; i < c->terms->n; i++) {
        size_t at = tw__classes_at(c, i), truth = (size_t)c->truth[i];
        double lse = tw__log_sum_exp(z + at, c->K, c->step, c->p ? c->p + at : NULL);
        double s = lse - (double)z[at + truth * c->step], alpha = tw__class_weight(c, truth);
        tw__outcome f = focus(gamma, exp(-s), -expm1(-s), s);
        c->terms->value[i] = (tw_real)(alpha == 0 ? 0 : alpha * f.value);
        if (a->slope) a->slope[i] = (tw_real)(alpha == 0 ? 0 : alpha * f.slope);
    }
}

/* dl/dz_k = alpha m (p_k - [k = c]), alpha m being what forward left in slope. */
static void backward(tw_ctx *ctx, tw_node *n) {
    const focal *a = n->attr;
    const tw__classes *c = &a->c;
    tw_mark mark = tw_scratch_mark(ctx);
    tw_real beta, *dz = tw_grad(ctx, n->in[0], &beta);
    const tw_real *g = tw_terms_upstream(ctx, c->terms, n->out[0]);
    for (size_t i = 0; dz && g && i < c->terms->n; i++)
        for (size_t k = 0, at = tw__classes_at(c, i); k < c->K; k++, at += c->step)
            dz[at] = tw_add_to(beta, dz[at],
                               tw_term_grad(g[i], a->slope[i] * (c->p[at] - ((int32_t)k == c->truth[i]))));
    tw_scratch_release(ctx, mark);
}
/* end quote */

static const tw_op focal_op = {"focal_loss", backward};
static const tw_op binary_op = {"binary_focal_loss", tw__binary_backward};

tw_focal_options tw_focal_defaults(void) { return (tw_focal_options){.gamma = 2}; }

tw_tensor *tw_focal_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels target, const tw_focal_options *options) {
    tw_focal_options o = options ? *options : tw_focal_defaults();
    const char *what = focal_op.name;
    if (!tw_inputs_ok(ctx, what, 1, &logits) || !tw__in_range(ctx, what, "gamma", o.gamma, 0, 1e300)) return NULL;
    bool keep = tw_will_record(ctx, 1, &logits);
    focal *a = tw_alloc(ctx, sizeof *a);
    if (!a) return NULL;
    a->slope = NULL;
    if (!tw__classes_shape(ctx, what, logits, o.reduction, o.sample_weight, "alpha", o.alpha, true, keep, &a->c) ||
        !tw__classes_truth(ctx, what, logits, target, NULL, &a->c))
        return NULL;
    if (keep && !(a->slope = tw_alloc(ctx, a->c.terms->n * sizeof *a->slope))) return NULL;
    forward(a, logits->data, o.gamma);
    return tw_record(ctx, &focal_op, a, 1, &logits, tw_terms_reduce(ctx, a->c.terms));
}

tw_tensor *tw_binary_focal_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target, const tw_focal_options *options) {
    tw_focal_options o = options ? *options : tw_focal_defaults();
    const char *what = binary_op.name;
    tw__binary *a = tw__binary_new(ctx, what, logits, target, o.reduction, o.sample_weight);
    if (!a || !tw__in_range(ctx, what, "gamma", o.gamma, 0, 1e300)) return NULL;
    a->yes = yes;
    a->no = no;
    a->gamma = o.gamma;
    if (!tw__list_copy(ctx, what, "alpha", o.alpha, 1, false, &a->weight_yes)) return NULL;
    if (o.alpha.n) {
        if (!tw__in_range(ctx, what, "alpha", (double)o.alpha.v[0], 0, 1)) return NULL;
        a->weight_no = 1 - (double)o.alpha.v[0];
    }
    return tw__binary_loss(ctx, &binary_op, a, logits, target);
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_focal_options o = *(const tw_focal_options *)options;
    TW__WITH_WEIGHT(o, target);
    return target->tensor ? tw_binary_focal_loss(ctx, pred, target->tensor, &o)
                          : tw_focal_loss(ctx, pred, target->classes, &o);
}

/* Binary and multi-class in turn; a list of alphas has only the latter, an alpha for each class. */
static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    const tw_focal_options *o = options;
    if (stream % 2 == 0 || o->alpha.n > 1) {
        tw__draw_rows(ctx, stream, o->alpha.n > 1 ? o->alpha.n : 0, TW_FORM_LOGITS, p);
        tw__draw_classes(ctx, stream, p);
    } else {
        tw__binary_sample(ctx, stream, 0, TW_FORM_LOGITS, p);
    }
    return tw_error(ctx);
}

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_focal_options),
    {"gamma", TW_OPTION_REAL, offsetof(tw_focal_options, gamma), 2, 0, 1e300, NULL,
     "how fast the loss turns away from what is right"},
    {"alpha", TW_OPTION_LIST, offsetof(tw_focal_options, alpha), 0, 0, INFINITY, NULL,
     "weight of a yes (a no has 1 - alpha), or of every class, or of each"},
    {0},
};

const tw_cost_layer tw_cost_focal = {
    .name = "focal",
    .summary = "focal: -alpha (1 - p)^gamma log p of the truth, by softmax for classes, by sigmoid for a tensor",
    .targets = TW_TARGET_CLASSES | TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_focal_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_SHIFT_INVARIANT | TW_COST_TARGET_GRAD,
    .apply = apply,
    .sample = sample,
    .variants = (const char *const[]){"gamma=0", "gamma=0.5", "gamma=1", "gamma=5", "alpha=0.25", "alpha=[.2,.8]",
                                      "gamma=0,alpha=0.75", "gamma=0.5,alpha=[1,.5,.25]", NULL},
};
