/* bce.c - binary cross entropy: the surprise at a yes or no, for each output by itself (multi-label).
 *
 * With the probability p of a yes, the truth y (1 yes, 0 no, in between for a probability) and a weight w of a yes:
 *
 *     l = -(w y log p + (1 - y) log(1 - p)) = y L1 + (1 - y) L0
 *     L1 = -w log p          dL1/dp = -w / p
 *     L0 = -log(1 - p)       dL0/dp = 1 / (1 - p)
 *
 * From a logit z, p = sigmoid(z), whose slope is p (1 - p). It cancels what divides:
 *
 *     L1 = w log(1 + e^-z)   dL1/dz = -w (1 - p)
 *     L0 = log(1 + e^z)      dL0/dz = p
 *
 * so for w = 1 dl/dz = y (p - 1) + (1 - y) p = p - y: however wrong p is, the gradient does not vanish. */
#include "losses/binary.h"

/* ---- from logits ------------------------------------------------------------------------------------------- */

/* quote: logits */
static tw__outcome logit_yes(const tw__binary *a, double z, double w) {
    (void)a;
    return (tw__outcome){w * tw__softplus(-z), -w * tw__sigmoid(-z)}; /* 1 - sigmoid(z) is sigmoid(-z), exactly */
}

static tw__outcome logit_no(const tw__binary *a, double z, double w) {
    (void)a;
    return (tw__outcome){w * tw__softplus(z), w * tw__sigmoid(z)};
}
/* end quote */

/* ---- from probabilities ------------------------------------------------------------------------------------ */

/* quote: probs */
static tw__outcome prob_yes(const tw__binary *a, double p, double w) {
    (void)a;
    return (tw__outcome){-w * log(p), -w / p};
}

static tw__outcome prob_no(const tw__binary *a, double p, double w) {
    (void)a;
    return (tw__outcome){-w * log1p(-p), w / (1 - p)};
}
/* end quote */

static const tw_op bce_op = {"bce_loss", tw__binary_backward};
static const tw_op bce_logits_op = {"bce_logits_loss", tw__binary_backward};

tw_bce_options tw_bce_defaults(void) { return (tw_bce_options){.reduction = TW_REDUCTION_MEAN}; }

static tw_tensor *bce(tw_ctx *ctx, const tw_op *op, tw__binary *a, tw_tensor *pred, tw_tensor *target,
                      const tw_bce_options *o) {
    if (!a || !tw__in_range(ctx, op->name, "label_smoothing", o->label_smoothing, 0, 1)) return NULL;
    if (!tw__list_copy(ctx, op->name, "pos_weight", o->pos_weight, a->last, true, &a->weight_yes)) return NULL;
    a->smoothing = o->label_smoothing;
    return tw__binary_loss(ctx, op, a, pred, target);
}

tw_tensor *tw_bce_loss(tw_ctx *ctx, tw_tensor *probs, tw_tensor *target, const tw_bce_options *options) {
    tw_bce_options o = options ? *options : tw_bce_defaults();
    tw__binary *a = tw__binary_new(ctx, bce_op.name, probs, target, o.reduction, o.sample_weight);
    if (!a || !tw__probabilities(ctx, bce_op.name, probs)) return NULL;
    a->yes = prob_yes;
    a->no = prob_no;
    return bce(ctx, &bce_op, a, probs, target, &o);
}

tw_tensor *tw_bce_logits_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target, const tw_bce_options *options) {
    tw_bce_options o = options ? *options : tw_bce_defaults();
    tw__binary *a = tw__binary_new(ctx, bce_logits_op.name, logits, target, o.reduction, o.sample_weight);
    if (!a) return NULL;
    a->yes = logit_yes;
    a->no = logit_no;
    return bce(ctx, &bce_logits_op, a, logits, target, &o);
}

/* ---- the records --------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_bce_options o = *(const tw_bce_options *)options;
    TW__WITH_WEIGHT(o, target);
    return tw_bce_loss(ctx, pred, target->tensor, &o);
}

static tw_tensor *logits_apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_bce_options o = *(const tw_bce_options *)options;
    TW__WITH_WEIGHT(o, target);
    return tw_bce_logits_loss(ctx, pred, target->tensor, &o);
}

/* The last axis has as many entries as there are pos_weights. */
static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    return tw__binary_sample(ctx, stream, ((const tw_bce_options *)options)->pos_weight.n, TW_FORM_PROBS, p);
}

static tw_err logits_sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    return tw__binary_sample(ctx, stream, ((const tw_bce_options *)options)->pos_weight.n, TW_FORM_LOGITS, p);
}

static tw_form probs(const void *options) {
    (void)options;
    return TW_FORM_PROBS;
}

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_bce_options),
    {"pos_weight", TW_OPTION_LIST, offsetof(tw_bce_options, pos_weight), 0, 0, INFINITY, NULL,
     "what a yes weighs: one number, or one for each entry of the last axis"},
    {"label_smoothing", TW_OPTION_REAL, offsetof(tw_bce_options, label_smoothing), 0, 0, 1, NULL,
     "y becomes (1 - s) y + s / 2"},
    {0},
};
static const char *const variants[] = {"pos_weight=3", "pos_weight=[.5,2,4]", "label_smoothing=0.2",
                                       "label_smoothing=0.1,pos_weight=[2,.5]", NULL};

const tw_cost_layer tw_cost_bce = {
    .name = "bce",
    .summary = "binary cross entropy of probabilities, -(y log p + (1 - y) log(1 - p))",
    .targets = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_bce_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_TARGET_GRAD,
    .apply = apply,
    .form = probs,
    .sample = sample,
    .variants = variants,
};

const tw_cost_layer tw_cost_bce_logits = {
    .name = "bce_logits",
    .summary = "binary cross entropy of logits, sigmoid inside",
    .targets = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_bce_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_TARGET_GRAD,
    .apply = logits_apply,
    .sample = logits_sample,
    .variants = variants,
};
