/* balanced_ce.c - cross entropy in which the rarer class weighs more (Xie and Tu 2015, HED).
 *
 *     l = -beta_c log p_c            c the class of a term, p its softmax or sigmoid
 *
 *     dl/dz_k = beta_c (p_k - [k = c])     cross entropy's gradient times beta_c, which does not depend on the logits
 *
 * Of m yeses and n noes a yes weighs beta = n / (m + n) and a no 1 - beta = m / (m + n): together the yeses weigh as
 * much as the noes. In general beta_c is the share of the terms that are not of class c. Given or counted, beta is a
 * constant; targets it is counted from get no gradient. */
#include "losses/binary.h"
#include "losses/classes.h"

/* ---- yes or no ------------------------------------------------------------------------------------------- */

/* quote: binary */
static tw__outcome yes(const tw__binary *a, double z, double beta) {
    (void)a;
    return (tw__outcome){beta * tw__softplus(-z), -beta * tw__sigmoid(-z)};
}

static tw__outcome no(const tw__binary *a, double z, double rest) {
    (void)a;
    return (tw__outcome){rest * tw__softplus(z), rest * tw__sigmoid(z)};
}

/* beta: the share of the noes, over the samples that take part. One half when there is nothing to count. */
static double share_of_noes(const tw_terms *terms, const tw_tensor *target) {
    double noes = 0, all = 0;
    for (size_t i = 0; i < terms->n; i++) {
        if (tw_term_weight(terms, i) == 0) continue;
        noes += 1 - (double)target->data[i];
        all++;
    }
    return all > 0 ? noes / all : 0.5;
}
/* end quote */

/* ---- classes ------------------------------------------------------------------------------------------------ */

/* quote: classes */
static void forward(const tw__classes *c, const tw_real *z) {
    for (size_t i = 0; i < c->terms->n; i++) {
        size_t at = tw__classes_at(c, i), truth = (size_t)c->truth[i];
        double lse = tw__log_sum_exp(z + at, c->K, c->step, c->p ? c->p + at : NULL), beta = tw__class_weight(c, truth);
        c->terms->value[i] = (tw_real)(beta == 0 ? 0 : beta * (lse - (double)z[at + truth * c->step]));
    }
}

/* l = beta_c (log sum_j e^(z_j) - z_c), so dl/dz_k = beta_c (p_k - [k = c]). */
static void backward(tw_ctx *ctx, tw_node *n) {
    const tw__classes *c = n->attr;
    tw_mark mark = tw_scratch_mark(ctx);
    tw_real beta, *dz = tw_grad(ctx, n->in[0], &beta);
    const tw_real *g = tw_terms_upstream(ctx, c->terms, n->out[0]);
    for (size_t i = 0; dz && g && i < c->terms->n; i++) {
        tw_real w = (tw_real)tw__class_weight(c, (size_t)c->truth[i]);
        for (size_t k = 0, at = tw__classes_at(c, i); k < c->K; k++, at += c->step)
            dz[at] = tw_add_to(beta, dz[at], tw_term_grad(g[i], w * (c->p[at] - ((int32_t)k == c->truth[i]))));
    }
    tw_scratch_release(ctx, mark);
}

/* beta_c = (n - n_c) / n, over the positions of samples that take part. */
static bool count_classes(tw_ctx *ctx, tw__classes *c) {
    tw_real *beta = tw_alloc(ctx, c->K * sizeof *beta);
    double all = 0;
    for (size_t k = 0; beta && k < c->K; k++) beta[k] = 0;
    for (size_t i = 0; beta && i < c->terms->n; i++) {
        if (tw_term_weight(c->terms, i) == 0) continue;
        beta[c->truth[i]]++;
        all++;
    }
    for (size_t k = 0; beta && k < c->K; k++) beta[k] = (tw_real)(all > 0 ? (all - (double)beta[k]) / all : 1);
    c->weight = (tw_reals){beta, c->K};
    return beta;
}
/* end quote */

static const tw_op class_op = {"balanced_ce_loss", backward};
static const tw_op binary_op = {"binary_balanced_ce_loss", tw__binary_backward};

tw_balanced_ce_options tw_balanced_ce_defaults(void) {
    return (tw_balanced_ce_options){.reduction = TW_REDUCTION_MEAN};
}

tw_tensor *tw_balanced_ce_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels target,
                               const tw_balanced_ce_options *options) {
    tw_balanced_ce_options o = options ? *options : tw_balanced_ce_defaults();
    const char *what = class_op.name;
    if (!tw_inputs_ok(ctx, what, 1, &logits)) return NULL;
    tw__classes *c = tw_alloc(ctx, sizeof *c);
    if (!c ||
        !tw__classes_shape(ctx, what, logits, o.reduction, o.sample_weight, "beta", o.beta, false,
                           tw_will_record(ctx, 1, &logits), c))
        return NULL;
    if (!tw__classes_truth(ctx, what, logits, target, NULL, c) || (!o.beta.n && !count_classes(ctx, c))) return NULL;
    forward(c, logits->data);
    return tw_record(ctx, &class_op, c, 1, &logits, tw_terms_reduce(ctx, c->terms));
}

tw_tensor *tw_binary_balanced_ce_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target,
                                      const tw_balanced_ce_options *options) {
    tw_balanced_ce_options o = options ? *options : tw_balanced_ce_defaults();
    const char *what = binary_op.name;
    if (!o.beta.n) target = tw_detach(ctx, target);
    tw__binary *a = tw__binary_new(ctx, what, logits, target, o.reduction, o.sample_weight);
    if (!a || !tw__list_copy(ctx, what, "beta", o.beta, 1, false, &a->weight_yes)) return NULL;
    a->yes = yes;
    a->no = no;
    if (!o.beta.n) {
        tw_real *beta = tw_alloc(ctx, sizeof *beta);
        if (!beta) return NULL;
        *beta = (tw_real)share_of_noes(a->terms, target);
        a->weight_yes = (tw_reals){beta, 1};
    }
    if (!tw__in_range(ctx, what, "beta", (double)a->weight_yes.v[0], 0, 1)) return NULL;
    a->weight_no = 1 - (double)a->weight_yes.v[0];
    return tw__binary_loss(ctx, &binary_op, a, logits, target);
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_balanced_ce_options o = *(const tw_balanced_ce_options *)options;
    TW__WITH_WEIGHT(o, target);
    return target->tensor ? tw_binary_balanced_ce_loss(ctx, pred, target->tensor, &o)
                          : tw_balanced_ce_loss(ctx, pred, target->classes, &o);
}

/* Classes when beta is a list, yes or no when it is one number, each in turn when it is counted. */
static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    const tw_balanced_ce_options *o = options;
    if (o->beta.n > 1 || (o->beta.n == 0 && stream % 2 == 0)) {
        tw__draw_rows(ctx, stream, o->beta.n, TW_FORM_LOGITS, p);
        tw__draw_classes(ctx, stream, p);
    } else {
        tw__binary_sample(ctx, stream, 0, TW_FORM_LOGITS, p);
    }
    return tw_error(ctx);
}

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_balanced_ce_options),
    {"beta", TW_OPTION_LIST, offsetof(tw_balanced_ce_options, beta), 0, 0, INFINITY, NULL,
     "weight of a yes (a no has 1 - beta), or of each class; none: counted in the batch"},
    {0},
};

const tw_cost_layer tw_cost_balanced_ce = {
    .name = "balanced_ce",
    .summary = "cross entropy in which the rarer class weighs more, counted in the batch or given as beta",
    .targets = TW_TARGET_CLASSES | TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_balanced_ce_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_SHIFT_INVARIANT,
    .apply = apply,
    .sample = sample,
    .variants = (const char *const[]){"beta=0.9", "beta=[.2,.3,.5]", NULL},
};
