/* ctc.c - connectionist temporal classification: the loss of a text without an alignment (Graves et al. 2006).
 *
 *     l_n = -ln p(label|x),   p(label|x) = sum of p(path|x) over all paths that B maps to the label
 *     p(path|x) = prod_t y_t(path_t),   y_t = softmax(z_t)
 *
 * B merges repeats, then drops blanks. With log y_t(k) = z_tk - log sum_j e^(z_tj):
 *
 *     d ln p(path|x) / dz_tk = [path_t = k] - y_tk
 *     dl/dz_tk = -sum_path p(path|x) / p(label|x) ([path_t = k] - y_tk) = y_tk - gamma_t(k)
 *
 * gamma_t(k) is the share of the label's paths that emit k at frame t. Both rows are distributions, so each row of
 * the gradient sums to 0. From log-probabilities themselves, without a softmax inside, it is -gamma, whose rows sum to
 * -1. ctc_paths.c sums over the paths of one sample; here are the batch, the checks and the op.
 *
 * alpha and beta would cost 2L+1 doubles a frame to keep, y - gamma costs K numbers, which is what a gradient takes
 * anyway: so when a backward will come, forward computes y - gamma, and backward only multiplies by upstream. */
#include "losses/ctc.h"
#include "losses/loss.h"

#include <limits.h>
#include <math.h>
#include <string.h>

typedef struct ctc {
    tw_terms *terms;   /* one for each sample */
    tw_real *gradient; /* y - gamma, [T,N,K]; NULL when no backward comes */
    tw_real *share;    /* [N] 1, or 1 / max(L, 1) for mean_by_length */
} ctc;

/* One call: what the threads read, and where they write. */
typedef struct job {
    const tw_real *z;
    int T, N, K, blank;
    const int32_t *const *label;                /* [N] */
    const int32_t *label_length, *input_length; /* [N]; input_length NULL: all T */
    tw_real *loss, *gradient;
    char *work;
    size_t work_bytes; /* of one slot */
    bool slot_by_sample, normalised;
} job;

static int frames_of(const job *j, int n) { return j->input_length ? j->input_length[n] : j->T; }
static bool fits(const job *j, int n) { return tw_ctc_fits(frames_of(j, n), j->label[n], (size_t)j->label_length[n]); }

/* quote: kernels */
/* Sample n: its loss, and y - gamma with zeros on the frames past its length, or everywhere when nothing fits. */
static void forward_sample(void *arg, int n, int thread) {
    const job *j = arg;
    size_t K = (size_t)j->K, stride = (size_t)j->N * K, at = (size_t)n * K;
    int T = frames_of(j, n);
    tw__ctc_sample sample = {j->z + at, stride, T, j->K, j->blank, j->label_length[n], j->label[n], j->normalised};
    bool possible = fits(j, n);
    tw_real *gradient = j->gradient ? j->gradient + at : NULL;
    void *work = j->work + (size_t)(j->slot_by_sample ? n : thread) * j->work_bytes;
    j->loss[n] = (tw_real)(possible ? tw__ctc_paths(&sample, work, gradient) : INFINITY);
    for (int t = possible ? T : 0; gradient && t < j->T; t++)
        for (size_t k = 0; k < K; k++) gradient[(size_t)t * stride + k] = 0;
}

/* dl_n/dz_tnk = y_tnk - gamma_tn(k), which forward left in a->gradient; g[n] flows into sample n. */
static void backward(tw_ctx *ctx, tw_node *node) {
    const ctc *a = node->attr;
    tw_tensor *z = node->in[0];
    size_t N = (size_t)z->dim[1], K = (size_t)z->dim[2];
    tw_mark mark = tw_scratch_mark(ctx);
    tw_real beta, *dz = tw_grad(ctx, z, &beta);
    const tw_real *g = tw_terms_upstream(ctx, a->terms, node->out[0]), *d = a->gradient;
    for (size_t row = 0; dz && g && row < (size_t)z->dim[0] * N; row++)
        for (size_t i = row * K, n = row % N; i < (row + 1) * K; i++)
            dz[i] = tw_add_to(beta, dz[i], tw_term_grad(g[n] * a->share[n], d[i]));
    tw_scratch_release(ctx, mark);
}
/* end quote */

static const tw_op ctc_op = {"ctc_loss", backward};

tw_ctc_options tw_ctc_defaults(void) { return (tw_ctc_options){.reduction = TW_REDUCTION_MEAN}; }

/* ---- checks, all before anything is read --------------------------------------------------------------- */

static bool counts_ok(tw_ctx *ctx, const tw_tensor *z, tw_labels labels, tw_labels label_lengths,
                      tw_labels input_lengths, int blank) {
    if (z->ndim != 3) return tw_fail(ctx, TW_ERR_SHAPE, "ctc_loss: logits are [T,N,K], not %s", tw_describe(ctx, z));
    size_t N = (size_t)z->dim[1];
    if (blank < 0 || blank >= z->dim[2])
        return tw_fail(ctx, TW_ERR_RANGE, "ctc_loss: the blank %d is outside 0..%d: logits [T,N,K] %s", blank,
                       z->dim[2] - 1, tw_describe(ctx, z));
    if (label_lengths.n != N)
        return tw_fail(ctx, TW_ERR_SHAPE, "ctc_loss: %zu label lengths for %zu samples: logits [T,N,K] %s",
                       label_lengths.n, N, tw_describe(ctx, z));
    if (input_lengths.n != N && (input_lengths.n || input_lengths.v))
        return tw_fail(ctx, TW_ERR_SHAPE, "ctc_loss: %zu input lengths for %zu samples: logits [T,N,K] %s",
                       input_lengths.n, N, tw_describe(ctx, z));
    if ((labels.n && !labels.v) || (N && !label_lengths.v) || (input_lengths.n && !input_lengths.v))
        return tw_fail(ctx, TW_ERR_RANGE, "ctc_loss: labels or lengths are NULL where there should be some");
    return true;
}

static bool lengths_ok(tw_ctx *ctx, const tw_tensor *z, tw_labels labels, tw_labels label_lengths,
                       tw_labels input_lengths) {
    size_t sum = 0;
    for (size_t n = 0; n < label_lengths.n; n++) {
        if (label_lengths.v[n] < 0)
            return tw_fail(ctx, TW_ERR_RANGE, "ctc_loss: label length %d of sample %zu is negative",
                           (int)label_lengths.v[n], n);
        sum += (size_t)label_lengths.v[n];
    }
    for (size_t n = 0; n < input_lengths.n; n++)
        if (input_lengths.v[n] < 0 || input_lengths.v[n] > z->dim[0])
            return tw_fail(ctx, TW_ERR_RANGE,
                           "ctc_loss: input length %d of sample %zu is outside 0..%d: logits [T,N,K] %s",
                           (int)input_lengths.v[n], n, z->dim[0], tw_describe(ctx, z));
    if (sum != labels.n)
        return tw_fail(ctx, TW_ERR_SHAPE, "ctc_loss: the label lengths add up to %zu, but there are %zu symbols", sum,
                       labels.n);
    return true;
}

static bool symbols_ok(tw_ctx *ctx, const tw_tensor *z, tw_labels labels, int blank) {
    for (size_t i = 0; i < labels.n; i++) {
        if (labels.v[i] < 0 || labels.v[i] >= z->dim[2])
            return tw_fail(ctx, TW_ERR_RANGE,
                           "ctc_loss: symbol %d at position %zu of the labels is outside 0..%d: logits [T,N,K] %s",
                           (int)labels.v[i], i, z->dim[2] - 1, tw_describe(ctx, z));
        if (labels.v[i] == blank)
            return tw_fail(ctx, TW_ERR_RANGE, "ctc_loss: symbol %d at position %zu of the labels is the blank",
                           (int)labels.v[i], i);
    }
    return true;
}

/* ---- the batch ----------------------------------------------------------------------------------------- */

/* Computes every sample's loss into terms->value, and y - gamma into a->gradient. */
static bool run(tw_ctx *ctx, ctc *a, const tw_tensor *z, tw_labels labels, tw_labels label_lengths,
                tw_labels input_lengths, const tw_ctc_options *o) {
    job j = {.z = z->data,
             .T = z->dim[0],
             .N = z->dim[1],
             .K = z->dim[2],
             .blank = o->blank,
             .normalised = o->form == TW_FORM_LOG_PROBS,
             .label_length = label_lengths.v,
             .input_length = input_lengths.v,
             .loss = a->terms->value,
             .gradient = a->gradient};
    size_t N = (size_t)j.N;
    const int32_t **label = tw_scratch(ctx, N * sizeof *label);
    if (!label) return false;
    j.label = label;
    for (int n = 0; n < j.N; n++) label[n] = n == 0 ? labels.v : label[n - 1] + label_lengths.v[n - 1];
    for (int n = 0; n < j.N; n++) {
        size_t bytes = fits(&j, n) ? tw__ctc_work(frames_of(&j, n), j.K, label_lengths.v[n], j.gradient != NULL) : 0;
        if (bytes > j.work_bytes) j.work_bytes = bytes;
    }
    if (j.work_bytes < SIZE_MAX - 64) j.work_bytes = (j.work_bytes + 63) / 64 * 64; /* slots share no cache line */
    j.slot_by_sample = j.N <= tw_threads(ctx);
    size_t slots = j.slot_by_sample ? N : (size_t)tw_threads(ctx);
    if (j.work_bytes > SIZE_MAX / 1024) slots = 1; /* more than there is: let the allocator say so */
    j.work = tw_scratch(ctx, slots * j.work_bytes);
    if (!j.work) return false;
    tw_parallel_for(ctx, j.N, forward_sample, &j);
    return true;
}

tw_tensor *tw_ctc_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels labels, tw_labels label_lengths,
                       tw_labels input_lengths, const tw_ctc_options *options) {
    tw_ctc_options o = options ? *options : tw_ctc_defaults();
    if (!tw_inputs_ok(ctx, "ctc_loss", 1, &logits)) return NULL;
    if (o.form != TW_FORM_LOGITS && o.form != TW_FORM_LOG_PROBS)
        return tw_fail(ctx, TW_ERR_RANGE, "ctc_loss: form is logits or log_probs");
    if (!counts_ok(ctx, logits, labels, label_lengths, input_lengths, o.blank) ||
        !lengths_ok(ctx, logits, labels, label_lengths, input_lengths) || !symbols_ok(ctx, logits, labels, o.blank))
        return NULL;

    int N = logits->dim[1];
    ctc *a = tw_alloc(ctx, sizeof *a);
    if (!a || !(a->share = tw_alloc(ctx, (size_t)N * sizeof *a->share))) return NULL;
    a->gradient = NULL;
    if (tw_will_record(ctx, 1, &logits) && !(a->gradient = tw_alloc(ctx, logits->size * sizeof *a->gradient)))
        return NULL;
    a->terms = tw_terms_new(ctx, "ctc_loss", o.reduction, o.sample_weight, 1, &N);
    if (!a->terms || !run(ctx, a, logits, labels, label_lengths, input_lengths, &o)) return NULL;

    int infeasible = 0;
    bool by_length = o.mean_by_length && o.reduction == TW_REDUCTION_MEAN;
    for (int n = 0; n < N; n++) {
        tw_real *loss = &a->terms->value[n];
        a->share[n] = by_length && label_lengths.v[n] > 1 ? 1 / (tw_real)label_lengths.v[n] : 1;
        if (isinf(*loss) && o.infeasible_at) o.infeasible_at[infeasible] = n;
        infeasible += isinf(*loss) != 0;
        *loss = isinf(*loss) && o.zero_infinity ? 0 : *loss * a->share[n];
    }
    if (o.infeasible) *o.infeasible = infeasible;
    return tw_record(ctx, &ctc_op, a, 1, &logits, tw_terms_reduce(ctx, a->terms));
}

/* ---- the record ---------------------------------------------------------------------------------------- */

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *pred, const tw_target *target, const void *options) {
    tw_ctc_options o = *(const tw_ctc_options *)options;
    if (target->sample_weight) o.sample_weight = target->sample_weight;
    return tw_ctc_loss(ctx, pred, target->labels, target->label_lengths, target->input_lengths, &o);
}

/* A symbol other than the blank. */
static int32_t draw_symbol(uint64_t stream, uint64_t i, int K, int blank) {
    int32_t k = tw__draw_int(stream, i, 0, K - 2);
    return k < blank ? k : k + 1;
}

/* T from 0, K from 1 (from 3 with another blank than 0), lengths of every kind; one problem in four has labels that do
 * not fit. */
static tw_err sample(tw_ctx *ctx, uint64_t stream, const void *options, tw_cost_problem *p) {
    const tw_ctc_options *o = options;
    int T = tw__draw_int(stream, 0, 0, 6), N = tw__draw_int(stream, 1, 1, 3),
        K = tw__draw_int(stream, 2, o->blank + 1, o->blank + 5);
    bool any = tw__draw_int(stream, 3, 0, 3) == 0;
    *p = (tw_cost_problem){.ndim = 3, .dim = {T, N, K}, .batch_axis = 1, .class_axis = 2};
    int32_t *length = tw_alloc(ctx, (size_t)N * sizeof *length), *frames = tw_alloc(ctx, (size_t)N * sizeof *frames);
    int32_t *label = tw_alloc(ctx, (size_t)N * (size_t)(T + 1) * sizeof *label);
    if (!length || !frames || !label) return tw_error(ctx);
    size_t n = 0;
    for (int i = 0; i < N; i++) {
        uint64_t draw = 100 * (uint64_t)(i + 1);
        frames[i] = tw__draw_int(stream, draw, 0, T);
        length[i] = K == 1 ? 0 : tw__draw_int(stream, draw + 1, 0, frames[i]);
        for (int k = 0; k < length[i]; k++)
            label[n + (size_t)k] = draw_symbol(stream, draw + 2 + (uint64_t)k, K, o->blank);
        while (!any && !tw_ctc_fits(frames[i], label + n, (size_t)length[i])) length[i]--;
        n += (size_t)length[i];
    }
    p->pred = tw__draw_normals(ctx, stream, 1000, (size_t)T * (size_t)N * (size_t)K, 2);
    p->form = o->form;
    for (size_t row = 0; o->form == TW_FORM_LOG_PROBS && p->pred && row < (size_t)T * (size_t)N; row++) {
        tw_real *z = p->pred + row * (size_t)K, lse = (tw_real)tw__log_sum_exp(z, (size_t)K, 1, NULL);
        for (int k = 0; k < K; k++) z[k] -= lse;
    }
    p->labels.labels = (tw_labels){label, n};
    p->labels.label_lengths = (tw_labels){length, (size_t)N};
    p->labels.input_lengths = (tw_labels){frames, (size_t)N};
    return tw_error(ctx);
}

static tw_form form(const void *options) { return ((const tw_ctc_options *)options)->form; }

static const tw_option option_table[] = {
    TW__REDUCTION_OPTION(tw_ctc_options),
    {"form", TW_OPTION_ENUM, offsetof(tw_ctc_options, form), TW_FORM_LOGITS, 0, 0, tw__form_names,
     "what the prediction is: logits or log_probs"},
    {"blank", TW_OPTION_INT, offsetof(tw_ctc_options, blank), 0, 0, INT_MAX, NULL, "which class is the blank"},
    {"zero_infinity", TW_OPTION_BOOL, offsetof(tw_ctc_options, zero_infinity), 0, 0, 1, NULL,
     "0 instead of +inf for a label that does not fit"},
    {"mean_by_length", TW_OPTION_BOOL, offsetof(tw_ctc_options, mean_by_length), 0, 0, 1, NULL,
     "divide by the label's length before the mean"},
    {0},
};

const tw_cost_layer tw_cost_ctc = {
    .name = "ctc",
    .summary = "connectionist temporal classification, -ln p(text) over all alignments",
    .targets = TW_TARGET_SEQUENCES,
    .options = option_table,
    .options_size = sizeof(tw_ctc_options),
    .traits = TW_COST_NON_NEGATIVE | TW_COST_SHIFT_INVARIANT | TW_COST_MAY_BE_INFINITE,
    .apply = apply,
    .form = form,
    .sample = sample,
    .variants = (const char *const[]){"blank=2", "zero_infinity=1", "mean_by_length=1,zero_infinity=1",
                                      "form=log_probs", "form=log_probs,blank=1,zero_infinity=1", NULL},
};
