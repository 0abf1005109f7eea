/* kl_div.c - the Kullback-Leibler divergence of a model Q from a truth P (Kullback and Leibler 1951).
 *
 *     l_k = P_k log(P_k / Q_k)         one term per element; summed over a distribution it is KL(P || Q)
 *
 *     dl_k/d log Q_k = -P_k            dl_k/dQ_k = -P_k / Q_k
 *     dl_k/dP_k = log(P_k / Q_k) + 1   dl_k/d log P_k = P_k (log(P_k / Q_k) + 1)
 *
 * 0 log 0 is 0: where P_k is 0 the term and the gradient to Q are 0, whatever Q_k is, and so is the gradient to P
 * (the formula says -infinity there; but a probability of 0 is a boundary, and log P has no more to fall). */
#include "losses/loss.h"

typedef struct kl_div {
    tw_terms *terms;
    bool p_is_log, q_is_log;
} kl_div;

/* quote: kernels */
/* One element: P and log(P / Q), the latter 0 where P is 0. */
typedef struct element {
    double p, log_ratio;
} element;

static element read(const kl_div *a, tw_real p, tw_real q) {
    element e = {a->p_is_log ? exp((double)p) : (double)p, 0};
    if (e.p != 0) e.log_ratio = (a->p_is_log ? (double)p : log(e.p)) - (a->q_is_log ? (double)q : log((double)q));
    return e;
}

static void forward(const kl_div *a, const tw_real *p, const tw_real *q) {
    for (size_t i = 0; i < a->terms->n; i++) {
        element e = read(a, p[i], q[i]);
        a->terms->value[i] = (tw_real)(e.p == 0 ? 0 : e.p * e.log_ratio);
    }
}

/* l = P log(P / Q): -P to log Q, -P / Q to Q; log(P / Q) + 1 to P, P times that to log P; 0 where P is 0. */
static void backward(tw_ctx *ctx, tw_node *n) {
    const kl_div *a = n->attr;
    const tw_real *p = n->in[0]->data, *q = n->in[1]->data;
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *g = tw_terms_upstream(ctx, a->terms, n->out[0]);
    tw_real beta_p, beta_q, *dp = tw_grad(ctx, n->in[0], &beta_p), *dq = tw_grad(ctx, n->in[1], &beta_q);
    for (size_t i = 0; g && i < a->terms->n; i++) {
        element e = read(a, p[i], q[i]);
        double by_p = e.p == 0 ? 0 : (e.log_ratio + 1) * (a->p_is_log ? e.p : 1);
        double by_q = e.p == 0 ? 0 : a->q_is_log ? -e.p : -e.p / (double)q[i];
        if (dp) dp[i] = tw_add_to(beta_p, dp[i], tw_term_grad(g[i], (tw_real)by_p));
        if (dq) dq[i] = tw_add_to(beta_q, dq[i], tw_term_grad(g[i], (tw_real)by_q));
    }
    tw_scratch_release(ctx, mark);
}
/* end quote */

static const tw_op kl_div_op = {"kl_div_loss", backward};

tw_kl_div_options tw_kl_div_defaults(void) {
    return (tw_kl_div_options){.p_form = TW_FORM_PROBS, .q_form = TW_FORM_LOG_PROBS};
}

tw_tensor *tw_kl_div_loss(tw_ctx *ctx, tw_kl_pair pair, const tw_kl_div_options *options) {
    tw_kl_div_options o = options ? *options : tw_kl_div_defaults();
    const char *what = kl_div_op.name;
    tw_tensor *in[] = {pair.p, pair.q};
    if (!tw_inputs_ok(ctx, what, 2, in) || !tw__same_shape(ctx, what, pair.q, pair.p)) return NULL;
    if (o.p_form < TW_FORM_PROBS || o.p_form > TW_FORM_LOG_PROBS || o.q_form < TW_FORM_PROBS ||
        o.q_form > TW_FORM_LOG_PROBS)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: p_form and q_form are probs or log_probs; put a log_softmax before",
                       what);
    if ((o.p_form == TW_FORM_PROBS && !tw__probabilities(ctx, what, pair.p)) ||
        (o.q_form == TW_FORM_PROBS && !tw__probabilities(ctx, what, pair.q)))
        return NULL;
    kl_div *a = tw_alloc(ctx, sizeof *a);
    if (!a) return NULL;
    *a = (kl_div){NULL, o.p_form == TW_FORM_LOG_PROBS, o.q_form == TW_FORM_LOG_PROBS};
    if (!(a->terms = tw_terms_new(ctx, what, o.reduction, o.sample_weight, pair.p->ndim, pair.p->dim))) return NULL;
    forward(a, pair.p->data, pair.q->data);
    return tw_record(ctx, &kl_div_op, a, 2, in, tw_terms_reduce(ctx, a->terms));
}

/* ---- the record ---------------------------------------------------------------------------------------- */

/* The prediction is Q, the target P. */
static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_kl_div_options o = *(const tw_kl_div_options *)options;
    TW__WITH_WEIGHT(o, target);
    return tw_kl_div_loss(ctx, (tw_kl_pair){.p = target->tensor, .q = pred}, &o);
}

/* Probabilities between 0.02 and 0.98, not normalised: each element is a term by itself. */
static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    const tw_kl_div_options *o = options;
    *p = (tw_cost_problem){.class_axis = -1, .form = o->q_form};
    size_t n = tw__draw_shape(stream, 1, 3, p);
    p->pred = tw__draw_uniforms(ctx, stream, 100, n, 0.02, 0.98);
    p->target = tw__draw_uniforms(ctx, stream, 200, n, 0.02, 0.98);
    for (size_t i = 0; !tw_error(ctx) && i < n; i++) {
        if (o->q_form == TW_FORM_LOG_PROBS) p->pred[i] = (tw_real)log((double)p->pred[i]);
        if (o->p_form == TW_FORM_LOG_PROBS) p->target[i] = (tw_real)log((double)p->target[i]);
    }
    return tw_error(ctx);
}

static tw_form form(const void *options) { return ((const tw_kl_div_options *)options)->q_form; }

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_kl_div_options),
    {"p_form", TW_OPTION_ENUM, offsetof(tw_kl_div_options, p_form), TW_FORM_PROBS, 0, 0, tw__form_names,
     "what the truth P (the target) is: probs or log_probs"},
    {"q_form", TW_OPTION_ENUM, offsetof(tw_kl_div_options, q_form), TW_FORM_LOG_PROBS, 0, 0, tw__form_names,
     "what the model Q (the prediction) is: log_probs or probs"},
    {0},
};

const tw_cost_layer tw_cost_kl_div = {
    .name = "kl_div",
    .summary = "Kullback-Leibler divergence P log(P / Q), the prediction being log Q and the target P",
    .targets = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(tw_kl_div_options),
    .traits = TW_COST_TARGET_GRAD,
    .apply = apply,
    .form = form,
    .sample = sample,
    .variants = (const char *const[]){"p_form=log_probs", "q_form=probs", "p_form=log_probs,q_form=probs", NULL},
};
