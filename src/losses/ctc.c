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
 * -1. Here are the batch, the checks and the op. The sum over the paths of one sample is in ctc_scaled.isa.c, and in
 * ctc_paths.c for those that it refuses.
 *
 * Two passes over the logits do it: forward reads a frame's K logits for their softmax, keeps its maximum and its sum,
 * and the logits of the label's symbols in a table of their own; the paths see that table only, and leave gamma there.
 * Backward reads the logits again and writes the gradient; to keep y would save its exponentials and cost more memory
 * traffic than they do. Both are cut into rows, a frame of a sample each; the paths are summed a sample at a time. */
#include "losses/ctc.h"
#include "losses/loss.h"
#include "tensor/ops.h"

#include <limits.h>
#include <math.h>
#include <string.h>

typedef struct ctc_sample {
    int T, L;             /* T: the frames that count; 0 when the loss is infinite, and nothing is to be learnt */
    bool fits;            /* otherwise there is no path */
    const int32_t *label; /* a copy */
    tw__ctc_table table;
    tw_real share; /* 1, or 1 / max(L, 1) for mean_by_length */
} ctc_sample;

typedef struct ctc {
    tw_terms *terms; /* one for each sample */
    int T, N, K, blank;
    bool normalised;      /* from log-probabilities: there is no softmax, and frame is NULL */
    ctc_sample *sample;   /* [N] */
    tw__ctc_frame *frame; /* [T,N] */
} ctc;

/* One call: what the threads read, and where they write. */
typedef struct job {
    const ctc *a;
    const tw_real *z;
    const int *order; /* [N] samples, the longest first */
    char *work;
    size_t work_bytes; /* of one slot */
    bool slot_by_sample;
    const tw_real *g; /* [N] what flows into each sample, by its share */
    tw_real beta, *dz;
} job;

/* quote: kernels */
/* Not past its sample's length, nor where nothing flows into it (g NULL: not yet known). */
static bool row_counts(const ctc *a, const tw_real *g, size_t t, size_t n) {
    return t < (size_t)a->sample[n].T && (!g || g[n] != 0);
}

/* How many rows from this one on count, if it does, or do not, at most `most`. */
static size_t run_of_rows(const ctc *a, const tw_real *g, size_t row, size_t most) {
    const size_t N = (size_t)a->N;
    size_t t = row / N, n = row % N, run = 0;
    for (bool counts = row_counts(a, g, t, n); run < most && row_counts(a, g, t, n) == counts; run++)
        if (++n == N) n = 0, t++;
    return run;
}

/* Rows begin .. end-1: the softmax, and the logits of the label's symbols; -inf beside them. */
static void read_rows(void *arg, size_t begin, size_t end) {
    const job *j = arg;
    const ctc *a = j->a;
    const size_t N = (size_t)a->N, K = (size_t)a->K;
    for (size_t row = begin, run; row < end; row += run) {
        size_t t = row / N, n = row % N;
        run = run_of_rows(a, NULL, row, end - row);
        if (!row_counts(a, NULL, t, n)) continue;
        if (a->frame) TW_ISA_CALL(tw__ctc_softmax)(run, K, j->z + row * K, a->frame + row);
        for (const tw_real *z = j->z + row * K; z < j->z + (row + run) * K; z += K) {
            const ctc_sample *s = &a->sample[n];
            tw_real *letter = s->table.letter + t * s->table.pitch;
            s->table.blank[t] = z[a->blank];
            for (size_t i = 0; i < s->table.pitch; i++) letter[i] = i < (size_t)s->L ? z[s->label[i]] : -INFINITY;
            if (++n == N) n = 0, t++;
        }
    }
}

/* ln of the product of the softmax's denominators of sample n. A product of sums, each from 1 to K, wants one logarithm
 * for many frames. */
static double log_denominators(const ctc *a, int n) {
    double max = 0, product = 1, logs = 0;
    for (int t = 0; a->frame && t < a->sample[n].T; t++) {
        const tw__ctc_frame *f = &a->frame[(size_t)t * (size_t)a->N + (size_t)n];
        max += (double)f->max;
        product *= f->sum;
        if (product < 1e280) continue;
        logs += log(product);
        product = 1;
    }
    return max + logs + log(product);
}

/* Block b: the loss of one sample, and gamma in its table. */
static void sum_paths(void *arg, int b, int thread) {
    const job *j = arg;
    const ctc *a = j->a;
    const int n = j->order[b];
    ctc_sample *s = &a->sample[n];
    const size_t stride = (size_t)a->N * (size_t)a->K;
    void *work = j->work + (size_t)(j->slot_by_sample ? n : thread) * j->work_bytes;
    double loss = INFINITY;
    if (s->fits) {
        double log_sum = s->T > 0 ? TW_ISA_CALL(tw__ctc_scaled)(s->T, s->L, s->label, &s->table, a->normalised, work)
                                  : NAN;
        loss = log_denominators(a, n) - log_sum;
        if (loss < 0 && !a->normalised) loss = 0; /* a probability just above 1 is rounding */
        if (isnan(loss))
            loss = tw__ctc_paths(&(tw__ctc_sample){j->z + (size_t)n * (size_t)a->K, stride, s->T, a->K, a->blank, s->L,
                                                   s->label, a->normalised},
                                 work, &s->table);
    }
    if (isinf(loss)) s->T = 0;
    a->terms->value[n] = (tw_real)loss;
}

/* Rows begin .. end-1 of dl_n/dz_tnk = g_n (y_tnk - gamma_tn(k)); 0 past a sample's length, and where g is 0. */
static void write_rows(void *arg, size_t begin, size_t end) {
    const job *j = arg;
    const ctc *a = j->a;
    const size_t N = (size_t)a->N, K = (size_t)a->K;
    for (size_t row = begin, run; row < end; row += run) {
        size_t t = row / N, n = row % N;
        tw_real *dz = j->dz + row * K;
        run = run_of_rows(a, j->g, row, end - row < N - n ? end - row : N - n); /* of one frame */
        const bool counts = row_counts(a, j->g, t, n);
        if (counts && a->frame)
            TW_ISA_CALL(tw__ctc_softmax_grad)(run, K, j->z + row * K, a->frame + row, j->g + n, j->beta, dz);
        else if (j->beta == 0) memset(dz, 0, run * K * sizeof *dz);
        for (; counts && n < row % N + run; n++, dz += K) {
            const ctc_sample *s = &a->sample[n];
            const tw_real *letter = s->table.letter + t * s->table.pitch, g = j->g[n];
            dz[a->blank] -= g * s->table.blank[t];
            for (int i = 0; i < s->L; i++) dz[s->label[i]] -= g * letter[i];
        }
    }
}
/* end quote */

static void backward(tw_ctx *ctx, tw_node *node) {
    const ctc *a = node->attr;
    tw_tensor *z = node->in[0];
    tw_mark mark = tw_scratch_mark(ctx);
    job j = {.a = a, .z = z->data};
    j.dz = tw_grad(ctx, z, &j.beta);
    tw_real *g = tw_scratch(ctx, (size_t)a->N * sizeof *g);
    j.g = g;
    const tw_real *upstream = tw_terms_upstream(ctx, a->terms, node->out[0]);
    for (int n = 0; g && upstream && n < a->N; n++) g[n] = upstream[n] * a->sample[n].share;
    if (j.dz && g && upstream)
        tw__for_ranges(ctx, (size_t)a->T * (size_t)a->N, tw__grain(4 * (size_t)a->K), write_rows, &j);
    tw_scratch_release(ctx, mark);
}

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

/* Memory until backward, or until the terms are reduced. */
static void *memory(tw_ctx *ctx, bool keep, size_t n, size_t size) {
    if (size && n > SIZE_MAX / size) n = SIZE_MAX / size; /* more than there is: let the allocator say so */
    return keep ? tw_alloc(ctx, n * size) : tw_scratch(ctx, n * size);
}

/* Fills a->sample. */
static bool lay_out(tw_ctx *ctx, ctc *a, bool keep, tw_labels labels, tw_labels label_lengths,
                    tw_labels input_lengths) {
    size_t N = (size_t)a->N, cells = 0;
    a->sample = memory(ctx, keep, N, sizeof *a->sample);
    int32_t *label = memory(ctx, keep, labels.n, sizeof *label);
    if (!a->sample || !label) return false;
    if (labels.n) memcpy(label, labels.v, labels.n * sizeof *label);
    for (size_t n = 0; n < N; n++) {
        ctc_sample *s = &a->sample[n];
        *s = (ctc_sample){.T = input_lengths.n ? input_lengths.v[n] : a->T, .L = label_lengths.v[n], .label = label};
        label += s->L;
        s->fits = tw_ctc_fits(s->T, s->label, (size_t)s->L);
        if (!s->fits) s->T = 0;
        s->table.pitch = tw__ctc_pitch(s->L);
        cells += (size_t)s->T * (s->table.pitch + 1);
    }
    tw_real *cell = memory(ctx, keep, cells, sizeof *cell);
    if (!cell) return false;
    for (size_t n = 0; n < N; n++) {
        ctc_sample *s = &a->sample[n];
        s->table.letter = cell;
        s->table.blank = cell += (size_t)s->T * s->table.pitch;
        cell += s->T;
    }
    return true;
}

/* The samples by their frames, most first: what takes longest does not begin last. */
static const int *longest_first(tw_ctx *ctx, const ctc *a) {
    const size_t T = a->N ? (size_t)a->T : 0;
    int *order = memory(ctx, false, (size_t)a->N, sizeof *order);
    int *begin = memory(ctx, false, T + 2, sizeof *begin); /* [T - frames] where those begin in order */
    if (!order || !begin) return NULL;
    memset(begin, 0, (T + 2) * sizeof *begin);
    for (int n = 0; n < a->N; n++) begin[a->T - a->sample[n].T + 1]++;
    for (size_t i = 0; i <= T; i++) begin[i + 1] += begin[i];
    for (int n = 0; n < a->N; n++) order[begin[a->T - a->sample[n].T]++] = n;
    return order;
}

/* Computes every sample's loss into terms->value, and gamma into its table. */
static bool run(tw_ctx *ctx, ctc *a, const tw_tensor *z) {
    size_t N = (size_t)a->N, rows = (size_t)a->T * N;
    job j = {.a = a, .z = z->data, .order = longest_first(ctx, a)};
    if (!j.order) return false;
    for (size_t n = 0; n < N; n++) {
        const ctc_sample *s = &a->sample[n];
        if (!s->fits) continue;
        size_t scaled = tw__ctc_scaled_work(s->T, s->L), exact = tw__ctc_work(s->T, s->L, true);
        size_t bytes = scaled > exact ? scaled : exact;
        if (bytes > j.work_bytes) j.work_bytes = bytes;
    }
    if (j.work_bytes < SIZE_MAX - 64) j.work_bytes = (j.work_bytes + 63) / 64 * 64; /* slots share no cache line */
    j.slot_by_sample = a->N <= tw_threads(ctx);
    j.work = memory(ctx, false, j.slot_by_sample ? N : (size_t)tw_threads(ctx), j.work_bytes);
    if (!j.work) return false;
    tw__for_ranges(ctx, rows, tw__grain(4 * (size_t)a->K), read_rows, &j);
    tw_parallel_for(ctx, a->N, sum_paths, &j);
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

    const int T = logits->dim[0], N = logits->dim[1], K = logits->dim[2];
    const bool keep = tw_will_record(ctx, 1, &logits);
    ctc *a = tw_alloc(ctx, sizeof *a);
    if (!a) return NULL;
    *a = (ctc){.T = T, .N = N, .K = K, .blank = o.blank, .normalised = o.form == TW_FORM_LOG_PROBS};
    a->terms = tw_terms_new(ctx, "ctc_loss", o.reduction, o.sample_weight, 1, &N);
    if (!a->terms || !lay_out(ctx, a, keep, labels, label_lengths, input_lengths)) return NULL;
    if (!a->normalised && !(a->frame = memory(ctx, keep, (size_t)T * (size_t)N, sizeof *a->frame))) return NULL;
    if (!run(ctx, a, logits)) return NULL;

    int infeasible = 0;
    bool by_length = o.mean_by_length && o.reduction == TW_REDUCTION_MEAN;
    for (int n = 0; n < N; n++) {
        tw_real *loss = &a->terms->value[n];
        ctc_sample *s = &a->sample[n];
        s->share = by_length && s->L > 1 ? 1 / (tw_real)s->L : 1;
        if (isinf(*loss) && o.infeasible_at) o.infeasible_at[infeasible] = n;
        infeasible += isinf(*loss) != 0;
        *loss = isinf(*loss) && o.zero_infinity ? 0 : *loss * s->share;
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
