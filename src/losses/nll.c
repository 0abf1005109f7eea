/* nll.c - negative log-likelihood of a class, from log-probabilities.
 *
 *     l = -w_c x_c              x the K log-probabilities of a position, c its class, w the class weights
 *
 *     dl/dx_k = -w_c [k = c]    the other log-probabilities do not occur
 *
 * After a log-softmax this is cross entropy: the p - t of its gradient arises in the log-softmax's backward. */
#include "losses/classes.h"

/* quote: kernels */
static void forward(const tw__classes *c, const tw_real *x) {
    for (size_t i = 0; i < c->terms->n; i++) {
        size_t k = c->truth[i] < 0 ? 0 : (size_t)c->truth[i];
        double w = c->truth[i] < 0 ? 0 : tw__class_weight(c, k);
        c->terms->value[i] = (tw_real)(w == 0 ? 0 : 0 - w * (double)x[tw__classes_at(c, i) + k * c->step]);
    }
}

/* l = -w_c x_c, so dl/dx_c = -w_c, and 0 elsewhere. */
static void backward(tw_ctx *ctx, tw_node *n) {
    const tw__classes *c = n->attr;
    tw_mark mark = tw_scratch_mark(ctx);
    tw_real beta, *dx = tw_grad(ctx, n->in[0], &beta);
    const tw_real *g = tw_terms_upstream(ctx, c->terms, n->out[0]);
    for (size_t i = 0; dx && g && i < c->terms->n; i++)
        for (size_t k = 0, at = tw__classes_at(c, i); k < c->K; k++, at += c->step) {
            double slope = c->truth[i] == (int32_t)k ? -tw__class_weight(c, k) : 0;
            dx[at] = tw_add_to(beta, dx[at], tw_term_grad(c->truth[i] < 0 ? 0 : g[i], (tw_real)slope));
        }
    tw_scratch_release(ctx, mark);
}
/* end quote */

static const tw_op nll_op = {"nll_loss", backward};

tw_nll_options tw_nll_defaults(void) { return (tw_nll_options){.ignore_index = -100}; }

tw_tensor *tw_nll_loss(tw_ctx *ctx, tw_tensor *log_probs, tw_labels target, const tw_nll_options *options) {
    tw_nll_options o = options ? *options : tw_nll_defaults();
    if (!tw_inputs_ok(ctx, nll_op.name, 1, &log_probs)) return NULL;
    tw__classes *c = tw_alloc(ctx, sizeof *c);
    if (!c ||
        !tw__classes_shape(ctx, nll_op.name, log_probs, o.reduction, o.sample_weight, "class_weight", o.class_weight,
                           false, false, c))
        return NULL;
    if (!tw__classes_truth(ctx, nll_op.name, log_probs, target, &o.ignore_index, c)) return NULL;
    tw__classes_count(c, o.strict_mean);
    forward(c, log_probs->data);
    return tw_record(ctx, &nll_op, c, 1, &log_probs, tw_terms_reduce(ctx, c->terms));
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_nll_options o = *(const tw_nll_options *)options;
    TW__WITH_WEIGHT(o, target);
    return tw_nll_loss(ctx, pred, target->classes, &o);
}

static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    const tw_nll_options *o = options;
    tw__draw_rows(ctx, stream, o->class_weight.n, TW_FORM_LOG_PROBS, p);
    tw__draw_classes(ctx, stream, p);
    return tw_error(ctx);
}

static tw_form log_probs(const void *options) {
    (void)options;
    return TW_FORM_LOG_PROBS;
}

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_nll_options),
    {"class_weight", TW_OPTION_LIST, offsetof(tw_nll_options, class_weight), 0, 0, INFINITY, NULL,
     "what each class weighs"},
    {"ignore_index", TW_OPTION_INT, offsetof(tw_nll_options, ignore_index), -100, INT32_MIN, INT32_MAX, NULL,
     "positions of this class are left out"},
    {"strict_mean", TW_OPTION_BOOL, offsetof(tw_nll_options, strict_mean), 0, 0, 1, NULL,
     "the mean over ignored positions only is NaN, not 0"},
    {0},
};

const tw_cost_layer tw_cost_nll = {
    .name = "nll",
    .summary = "negative log-likelihood of a class, from log-probabilities",
    .targets = TW_TARGET_CLASSES,
    .options = option_table,
    .options_size = sizeof(tw_nll_options),
    .traits = TW_COST_NON_NEGATIVE,
    .apply = apply,
    .form = log_probs,
    .sample = sample,
    .variants = (const char *const[]){"class_weight=[.5,2,1]", "ignore_index=0", "class_weight=[0,2],ignore_index=1",
                                      NULL},
};
