/* util_log_cosh.c - a loss of one's own, outside the library and its registry: one file, with extend.h.
 *
 *     l_i = log cosh(s e_i),   e_i = y_i - t_i          like e^2/2 near 0 and |e| far away, smooth everywhere
 *     dl_i/dy_i = s tanh(s e_i) = -dl_i/dt_i
 *
 * cosh overflows, so log cosh x = |x| + log(1 + e^(-2|x|)) - log 2. */
#include <math.h>
#include <tgmath.h>
#include <thalweg/extend.h>

extern const tw_cost_layer log_cosh_cost;

typedef struct log_cosh_options {
    tw_reduction reduction;
    double scale;
} log_cosh_options;

typedef struct log_cosh_call {
    tw_terms *terms;
    tw_real scale;
} log_cosh_call;

static void backward(tw_ctx *ctx, tw_node *n) {
    const log_cosh_call *a = n->attr;
    tw_mark mark = tw_scratch_mark(ctx);
    const tw_real *g = tw_terms_upstream(ctx, a->terms, n->out[0]), *y = n->in[0]->data, *t = n->in[1]->data;
    for (int side = 0; g && side < 2; side++) {
        tw_real beta, *d = tw_grad(ctx, n->in[side], &beta), s = side == 0 ? a->scale : -a->scale;
        for (size_t i = 0; d && i < a->terms->n; i++)
            d[i] = tw_add_to(beta, d[i], tw_term_grad(g[i], s * tanh(a->scale * (y[i] - t[i]))));
    }
    tw_scratch_release(ctx, mark);
}

static const tw_op log_cosh_op = {"log_cosh_loss", backward};

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    const log_cosh_options *o = options;
    tw_tensor *in[] = {pred, target->tensor};
    if (!tw_inputs_ok(ctx, "log_cosh_loss", 2, in)) return NULL;
    if (pred->ndim != target->tensor->ndim || pred->size != target->tensor->size)
        return tw_fail(ctx, TW_ERR_SHAPE, "log_cosh_loss: shapes differ: %s and %s", tw_describe(ctx, pred),
                       tw_describe(ctx, target->tensor));
    log_cosh_call *a = tw_alloc(ctx, sizeof *a);
    if (!a) return NULL;
    a->scale = (tw_real)o->scale;
    a->terms = tw_terms_new(ctx, "log_cosh_loss", o->reduction, target->sample_weight, pred->ndim, pred->dim);
    if (!a->terms) return NULL;
    for (size_t i = 0; i < a->terms->n; i++) {
        tw_real x = fabs(a->scale * (pred->data[i] - target->tensor->data[i]));
        a->terms->value[i] = x + log1p(exp(-2 * x)) - (tw_real)0.69314718055994530942;
        if (a->terms->value[i] < 0) a->terms->value[i] = 0; /* the rounding of log 2 */
    }
    return tw_record(ctx, &log_cosh_op, a, 2, in, tw_terms_reduce(ctx, a->terms));
}

static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    (void)options;
    int N = 1 + (int)(tw_random_bits(stream, 0) % 4), D = 1 + (int)(tw_random_bits(stream, 1) % 3);
    *p = (tw_cost_problem){.ndim = 2, .dim = {N, D}, .class_axis = -1};
    p->pred = tw_alloc(ctx, (size_t)(N * D) * sizeof *p->pred);
    p->target = tw_alloc(ctx, (size_t)(N * D) * sizeof *p->target);
    if (!p->pred || !p->target) return tw_error(ctx);
    for (uint64_t i = 0; i < (uint64_t)(N * D); i++) {
        p->pred[i] = (tw_real)tw_random_normal(stream, 10 + 2 * i);
        p->target[i] = (tw_real)tw_random_normal(stream, 11 + 2 * i);
    }
    return TW_OK;
}

static const char *const reductions[] = {"mean", "sum", "none", "batchmean", NULL};
static const tw_option option_table[] = {
    {"reduction", TW_OPTION_ENUM, offsetof(log_cosh_options, reduction), 0, 0, 0, reductions,
     "mean, sum, none or batchmean"},
    {"scale", TW_OPTION_REAL, offsetof(log_cosh_options, scale), 1, 1e-3, 1e3, NULL, "1 / the width of the valley"},
    {0},
};

const tw_cost_layer log_cosh_cost = {
    .name = "log_cosh",
    .summary = "log cosh(y - t)",
    .targets = TW_TARGET_TENSOR,
    .options = option_table,
    .options_size = sizeof(log_cosh_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_ZERO_AT_TARGET | TW_COST_TARGET_GRAD,
    .apply = apply,
    .sample = sample,
    .variants = (const char *const[]){"scale=3", NULL},
};
