/* check_costs.c - what `losslab check` verifies for every loss and every variant of its options, in double. */
#include "check.h"
#include "gradient.h"
#include "lattice.h"
#include "problem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS = 24 };

static void fail(finding *f, const char *format, ...) TW_PRINTF(2, 3);
static void fail(finding *f, const char *format, ...) {
    if (f->failed) return;
    va_list args;
    va_start(args, format);
    vsnprintf(f->why, sizeof f->why, format, args);
    va_end(args);
    f->failed = true;
}

/* Notes how far off a number is: the difference by the larger size, at least 1e-3. */
static void compare(finding *f, double bound, const char *what, size_t i, double got, double want) {
    if (got == want || (isnan(got) && isnan(want))) return;
    double error = fabs(got - want) / fmax(fmax(fabs(got), fabs(want)), 1e-3);
    if (!(error <= f->worst)) f->worst = error;
    if (!(error <= bound)) fail(f, "%s %zu is %.12g, not %.12g", what, i, got, want);
}

static bool all_finite(const tw_real *v, size_t n) {
    for (size_t i = 0; v && i < n; i++)
        if (!isfinite(v[i])) return false;
    return true;
}

typedef void (*problem_check)(tw_ctx *ctx, const tw_cost *cost, const problem *p, const outcome *none, finding *f);

/* Runs check on problems of the loss, each with its terms, the outcome of reduction none. finite: only those whose
 * terms are, and there must be at least 20. */
static void each_problem(tw_ctx *ctx, const tw_cost *cost, bool finite, finding *f, problem_check check) {
    for (uint64_t stream = 0; stream < 4 * PROBLEMS && f->problems < PROBLEMS && !f->failed; stream++) {
        problem p;
        outcome none;
        if (problem_draw(ctx, cost, stream, &p)) {
            fail(f, "problem %d cannot be drawn: %s", (int)stream, tw_errmsg(ctx));
        } else if (problem_run(ctx, &p, cost, TW_REDUCTION_NONE, &none)) {
            fail(f, "problem %d: %s", (int)stream, tw_errmsg(ctx));
            problem_free(&p);
        } else {
            if (!finite || all_finite(none.loss, none.n)) {
                check(ctx, cost, &p, &none, f);
                f->problems++;
            }
            outcome_free(&none);
            problem_free(&p);
        }
        if (tw_error(ctx)) fail(f, "problem %d: %s", (int)stream, tw_errmsg(ctx));
        tw_error_clear(ctx);
    }
    if (f->problems < 20) fail(f, "only %d problems could be tried", f->problems);
}

/* ---- gradients ---------------------------------------------------------------------------------------- */

static void run_gradient(tw_ctx *ctx, const tw_cost *cost, finding *f) {
    gradient_check r;
    if (gradient_compare(ctx, cost, PROBLEMS, &r)) return; /* the error is in ctx */
    f->problems = r.problems;
    f->worst = r.error;
    if (!r.pass) fail(f, "%s", r.problems < PROBLEMS ? "too few problems are finite" : r.where);
}

/* ---- reductions --------------------------------------------------------------------------------------- */

/* What mean divides by, if the variant does not let it be the sum of class weights: then NaN. */
static double count_of(const char *variant, const outcome *none) {
    return strstr(variant, "class_weight") || strstr(variant, "ignore_index") ? NAN : (double)none->n;
}

/* mean_by_length: what mean makes of the terms; CTC alone has it. */
static double mean_by_length(const problem *p, const outcome *none) {
    double sum = 0;
    for (size_t i = 0; i < none->n; i++) sum += (double)none->loss[i] / fmax(1, p->p.labels.label_lengths.v[i]);
    return sum / (double)none->n;
}

static void check_reductions(tw_ctx *ctx, const tw_cost *cost, const problem *p, const outcome *none, finding *f) {
    outcome sum = {0}, mean = {0}, batch = {0};
    double total = 0, count = count_of(f->variant, none);
    for (size_t i = 0; i < none->n; i++) total += (double)none->loss[i];
    if (!problem_run(ctx, p, cost, TW_REDUCTION_SUM, &sum) && !problem_run(ctx, p, cost, TW_REDUCTION_MEAN, &mean) &&
        !problem_run(ctx, p, cost, TW_REDUCTION_BATCHMEAN, &batch)) {
        compare(f, 1e-12, "the sum", 0, (double)sum.loss[0], total);
        compare(f, 1e-12, "batchmean", 0, (double)batch.loss[0], total / (double)p->samples);
        bool by_length = strstr(f->variant, "mean_by_length");
        if (by_length) compare(f, 1e-12, "the mean", 0, (double)mean.loss[0], mean_by_length(p, none));
        else if (!isnan(count)) compare(f, 1e-12, "the mean", 0, (double)mean.loss[0], total / count);
        else count = (double)mean.loss[0] == 0 ? NAN : total / (double)mean.loss[0];
        for (size_t i = 0; i < p->size; i++) {
            double g = (double)none->pred[i];
            compare(f, 1e-12, "the sum's gradient", i, (double)sum.pred[i], g);
            compare(f, 1e-12, "batchmean's gradient", i, (double)batch.pred[i], g / (double)p->samples);
            if (by_length) g /= fmax(1, p->p.labels.label_lengths.v[problem_sample_of(p, i)]);
            if (!isnan(count)) compare(f, 1e-12, "the mean's gradient", i, (double)mean.pred[i], g / count);
        }
    }
    outcome_free(&sum), outcome_free(&mean), outcome_free(&batch);
}
static void run_reductions(tw_ctx *ctx, const tw_cost *cost, finding *f) {
    each_problem(ctx, cost, true, f, check_reductions);
}

/* ---- extremes ------------------------------------------------------------------------------------------- */

/* Where the true loss is finite, value and gradient are at logits of 1e4 too. */
static void check_extremes(tw_ctx *ctx, const tw_cost *cost, const problem *p, const outcome *none, finding *f) {
    problem q;
    outcome r = {0};
    if (problem_copy(ctx, p, &q)) return;
    for (size_t i = 0; i < q.size; i++) {
        uint64_t draw = tw_random_bits(9 + (uint64_t)f->problems, i) % 3;
        if (draw) q.p.pred[i] = draw == 1 ? 1e4 : -1e4;
    }
    if (!problem_run(ctx, &q, cost, TW_REDUCTION_NONE, &r)) {
        for (size_t i = 0; i < r.n; i++)
            if (!isfinite(r.loss[i]) && isfinite(none->loss[i])) fail(f, "term %zu is %g at 1e4", i, (double)r.loss[i]);
        if (!all_finite(r.pred, q.size)) fail(f, "the gradient is not finite at 1e4");
        if (!all_finite(r.target, q.size)) fail(f, "the target's gradient is not finite at 1e4");
    }
    outcome_free(&r);
    problem_free(&q);
}
static void skip_or(tw_ctx *ctx, const tw_cost *cost, const problem *p, const outcome *none, finding *f) {
    if (p->p.form == TW_FORM_LOGITS) check_extremes(ctx, cost, p, none, f);
}
static void run_extremes(tw_ctx *ctx, const tw_cost *cost, finding *f) {
    problem p;
    if (problem_draw(ctx, cost, 0, &p)) return;
    bool logits = p.p.form == TW_FORM_LOGITS;
    problem_free(&p);
    if (logits) each_problem(ctx, cost, false, f, skip_or);
}

/* ---- traits --------------------------------------------------------------------------------------------- */

static void check_non_negative(tw_ctx *ctx, const tw_cost *cost, const problem *p, const outcome *none, finding *f) {
    (void)ctx, (void)p;
    for (size_t i = 0; i < none->n; i++)
        if (cost->layer->traits & TW_COST_NON_NEGATIVE && !(none->loss[i] >= 0))
            fail(f, "term %zu is %.9g", i, (double)none->loss[i]);
}

static void check_infinite(tw_ctx *ctx, const tw_cost *cost, const problem *p, const outcome *none, finding *f) {
    (void)ctx;
    for (size_t i = 0; i < none->n; i++)
        if (!isfinite(none->loss[i]) && !(cost->layer->traits & TW_COST_MAY_BE_INFINITE))
            fail(f, "term %zu is %.9g", i, (double)none->loss[i]);
    for (size_t i = 0; i < p->size && none->n == p->samples; i++)
        if (!isfinite(none->loss[problem_sample_of(p, i)]) && none->pred[i] != 0)
            fail(f, "an infinite term has the gradient %.9g", (double)none->pred[i]);
}

static void check_zero_at_target(tw_ctx *ctx, const tw_cost *cost, const problem *p, finding *f) {
    problem q;
    outcome r = {0};
    if (!p->p.target || problem_copy(ctx, p, &q)) return;
    memcpy(q.p.pred, q.p.target, q.size * sizeof *q.p.pred);
    if (!problem_run(ctx, &q, cost, TW_REDUCTION_NONE, &r)) {
        for (size_t i = 0; i < r.n; i++)
            if (r.loss[i] != 0) fail(f, "term %zu is %.9g at the target", i, (double)r.loss[i]);
        for (size_t i = 0; i < q.size; i++)
            if (r.pred[i] != 0) fail(f, "gradient %zu is %.9g at the target", i, (double)r.pred[i]);
    }
    outcome_free(&r);
    problem_free(&q);
}

/* A constant for each row of logits changes nothing. */
static void check_shift(tw_ctx *ctx, const tw_cost *cost, const problem *p, const outcome *none, finding *f) {
    problem q;
    outcome r = {0};
    size_t step = 1, K = (size_t)p->p.dim[p->p.class_axis];
    if (problem_copy(ctx, p, &q)) return;
    for (int i = p->p.class_axis + 1; i < p->p.ndim; i++) step *= (size_t)p->p.dim[i];
    for (size_t i = 0; i < q.size; i++)
        q.p.pred[i] += (tw_real)((double)(tw_random_bits(4, i / (K * step) * step + i % step) % 1024) / 8);
    if (!problem_run(ctx, &q, cost, TW_REDUCTION_NONE, &r)) {
        for (size_t i = 0; i < r.n; i++) compare(f, 1e-9, "term", i, (double)r.loss[i], (double)none->loss[i]);
        for (size_t i = 0; i < q.size; i++) compare(f, 1e-9, "gradient", i, (double)r.pred[i], (double)none->pred[i]);
    }
    outcome_free(&r);
    problem_free(&q);
}

static void check_traits(tw_ctx *ctx, const tw_cost *cost, const problem *p, const outcome *none, finding *f) {
    check_non_negative(ctx, cost, p, none, f);
    check_infinite(ctx, cost, p, none, f);
    if (*f->variant) return; /* the other two are promised for the default options */
    if (cost->layer->traits & TW_COST_ZERO_AT_TARGET) check_zero_at_target(ctx, cost, p, f);
    if (cost->layer->traits & TW_COST_SHIFT_INVARIANT && p->p.class_axis >= 0 && p->p.form == TW_FORM_LOGITS)
        check_shift(ctx, cost, p, none, f);
}
static void run_traits(tw_ctx *ctx, const tw_cost *cost, finding *f) {
    each_problem(ctx, cost, false, f, check_traits);
}

const cost_check cost_checks[] = {
    {"gradient", "backward equals central differences to 1e-6, for none, mean, sum, batchmean and sample weights",
     run_gradient},
    {"reductions", "mean, sum and batchmean, value and gradient, are those of the terms, to 1e-12", run_reductions},
    {"extremes", "value and gradient are finite at logits of 1e4 and -1e4", run_extremes},
    {"traits", "what the loss promises: never negative, 0 at the target, shifting logits changes nothing, no infinity",
     run_traits},
};
const int cost_check_count = sizeof cost_checks / sizeof *cost_checks;

/* ---- CTC against every path ----------------------------------------------------------------------------------- */

enum { MAX_T = 6, MAX_K = 4 };

typedef struct enumeration {
    tw_ctx *ctx;
    finding *f;
    int T, K, blank;
    tw_real z[MAX_T * MAX_K];
    double y[MAX_T * MAX_K];
} enumeration;

static void check_label(enumeration *e, const int32_t *label, int L) {
    double emits[MAX_T * MAX_K];
    path_sum sum = {.emits = emits};
    ctc_enumerate(e->y, e->T, e->K, e->blank, label, L, 1 << 20, &sum);
    tw_ctx *ctx = e->ctx;
    tw_step_begin(ctx);
    tw_ctc_options o = tw_ctc_defaults();
    o.blank = e->blank;
    tw_tensor *z = tw_input_grad(ctx, e->z, 3, (int[]){e->T, 1, e->K});
    tw_labels length = {(int32_t[]){L}, 1};
    tw_tensor *loss = tw_ctc_loss(ctx, z, (tw_labels){label, (size_t)L}, length, (tw_labels){0}, &o);
    if (!loss || tw_backward_from(ctx, loss, (tw_real[]){1})) {
        fail(e->f, "%s", tw_errmsg(ctx));
        return;
    }
    compare(e->f, 1e-9, "the loss", 0, (double)tw_item(loss), -log(sum.p));
    if ((double)sum.count != ctc_count_paths(e->T, label, L)) fail(e->f, "%ld paths were found", sum.count);
    for (int i = 0; i < e->T * e->K; i++)
        compare(e->f, 1e-9, "gradient", (size_t)i, (double)z->grad[i], sum.p > 0 ? e->y[i] - emits[i] / sum.p : 0);
    e->f->problems++;
}

/* The label, and every longer one that it begins, up to T + 1 symbols: those do not fit. */
static void check_labels_from(enumeration *e, int32_t *label, int L) {
    check_label(e, label, L);
    for (int k = 0; k < e->K && L <= e->T && !e->f->failed; k++) {
        if (k == e->blank) continue;
        label[L] = k;
        check_labels_from(e, label, L + 1);
    }
}

void check_ctc_paths(tw_ctx *ctx, finding *f) {
    for (int K = 1; K <= MAX_K; K++)
        for (int T = 1; T <= MAX_T; T++)
            for (int place = 0; place < 3; place++) {
                int blank = place == 0 ? 0 : place == 1 ? K / 2 : K - 1;
                enumeration e = {.ctx = ctx, .f = f, .T = T, .K = K, .blank = blank};
                int32_t label[MAX_T + 1];
                for (int t = 0; t < T; t++) {
                    double sum = 0;
                    for (int k = 0; k < K; k++) {
                        int i = t * K + k;
                        e.z[i] = (tw_real)(4 * tw_random_uniform((uint64_t)(100 * T + 10 * K + place), (uint64_t)i) -
                                           2);
                        sum += e.y[i] = exp((double)e.z[i]);
                    }
                    for (int k = 0; k < K; k++) e.y[t * K + k] /= sum;
                }
                check_labels_from(&e, label, 0);
            }
}
