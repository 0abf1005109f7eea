/* facts.c - every number that the tutorials on loss functions print, computed by the library. Some are misprints there;
 * the table says what is printed and what it should be, and `losslab check` verifies both. */
#include "check.h"
#include "lattice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/thalweg.h>

bool fact_agrees(double x, const char *text) {
    char *end;
    double printed = strtod(text, &end);
    if (end == text || *end) return false;
    if (isnan(printed) || isinf(printed)) return isnan(printed) ? isnan(x) : x == printed;
    const char *point = strchr(text, '.'), *e = strpbrk(text, "eE");
    const char *stop = e ? e : end;
    if (!point) return fabs(x - printed) <= 1e-12 * fabs(printed); /* a whole number is meant exactly */
    double half = 0.5 * pow(10, (e ? atof(e + 1) : 0) - (double)(stop - point - 1));
    return fabs(x - printed) <= half * (1 + 1e-9);
}

const char FACT_FAILS[] = "FAIL";

const char *fact_verdict(tw_ctx *ctx, const fact *f, double *x) {
    *x = f->compute(ctx, f);
    bool printed = f->printed && fact_agrees(*x, f->printed), exact = f->exact && fact_agrees(*x, f->exact);
    if (tw_error(ctx)) return FACT_FAILS;
    if (!f->exact) return printed ? "reproduced" : FACT_FAILS;
    if (!f->printed) return exact ? "ok" : FACT_FAILS;
    return exact && !printed ? "misprint there" : FACT_FAILS;
}

/* ---- computing -------------------------------------------------------------------------------------------- */

static double apply(tw_ctx *ctx, const char *spec, int N, int K, const tw_real *x, const tw_real *t, const int32_t *c,
                    tw_real *grad) {
    tw_cost cost;
    tw_step_begin(ctx);
    if (tw_cost_find(ctx, spec, &cost)) return NAN;
    int dim[] = {N, K};
    tw_tensor *pred = tw_input_grad(ctx, x, 2, dim);
    tw_target target = {.tensor = t ? tw_input(ctx, t, 2, dim) : NULL, .classes = {c, c ? (size_t)N : 0}};
    tw_tensor *loss = tw_cost_apply(ctx, &cost, pred, &target);
    if (!loss || loss->size != 1) return NAN;
    if (grad && (tw_backward_from(ctx, loss, (tw_real[]){1}) || !pred->grad)) return NAN;
    if (grad) memcpy(grad, pred->grad, pred->size * sizeof *grad);
    return (double)loss->data[0];
}

static double value(tw_ctx *ctx, const fact *f) {
    return apply(ctx, f->spec, f->N, f->K, f->input, f->target, f->classes, NULL);
}

enum { MOST = 16 };

static double gradient(tw_ctx *ctx, const fact *f) {
    tw_real g[MOST] = {0};
    double l = apply(ctx, f->spec, f->N, f->K, f->input, f->target, f->classes, g);
    return isnan(l) ? l : (double)g[(int)f->number];
}

/* In other units: bits, decimal logarithms. */
static double scaled(tw_ctx *ctx, const fact *f) { return value(ctx, f) * f->number; }

/* The same truth as classes and one-hot. */
static double sparse_minus_categorical(tw_ctx *ctx, const fact *f) {
    tw_real a[MOST], b[MOST], onehot[MOST] = {0};
    for (int n = 0; n < f->N; n++) onehot[n * f->K + f->classes[n]] = 1;
    double worst = fabs(apply(ctx, f->spec, f->N, f->K, f->input, NULL, f->classes, a) -
                        apply(ctx, f->spec, f->N, f->K, f->input, onehot, NULL, b));
    for (int i = 0; i < f->N * f->K; i++) worst = fmax(worst, fabs((double)(a[i] - b[i])));
    return worst;
}

/* Two losses of the same numbers: value and gradient, how far apart they are when the first is multiplied. */
static double apart(tw_ctx *ctx, const fact *f, const char *a, double factor, const char *b) {
    tw_real ga[MOST] = {0}, gb[MOST] = {0};
    double worst = fabs(factor * apply(ctx, a, f->N, f->K, f->input, f->target, f->classes, ga) -
                        apply(ctx, b, f->N, f->K, f->input, f->target, f->classes, gb));
    for (int i = 0; i < f->N * f->K; i++) worst = fmax(worst, fabs(factor * (double)ga[i] - (double)gb[i]));
    return worst;
}
static double focal_minus_ce(tw_ctx *ctx, const fact *f) {
    return apart(ctx, f, "focal:gamma=0", 1, f->target ? "bce_logits" : "cross_entropy");
}
static double huber_minus_smooth(tw_ctx *ctx, const fact *f) {
    return apart(ctx, f, "huber:delta=2", 0.5, "smooth_l1:beta=2");
}

/* A Huber loss by another one, for one error of 3: what it tends to. */
static double huber_by(tw_ctx *ctx, const fact *f) {
    return value(ctx, f) / apply(ctx, f->number < 0 ? "mae" : "mse", f->N, f->K, f->input, f->target, NULL, NULL);
}
static double huber_by_delta(tw_ctx *ctx, const fact *f) { return value(ctx, f) / f->number / 3; }

/* One outlier of 999 among nine small errors: its share of the loss. */
static double share_of_outlier(tw_ctx *ctx, const fact *f) {
    double all = value(ctx, f);
    tw_real x[MOST];
    memcpy(x, f->input, (size_t)(f->N * f->K) * sizeof *x);
    for (int i = 0; i < f->N * f->K; i++)
        if (x[i] > 100) x[i] = f->target[i];
    return 1 - apply(ctx, f->spec, f->N, f->K, x, f->target, NULL, NULL) / all;
}

/* Gradient to z through a sigmoid, as a network has it. */
static double through_sigmoid(tw_ctx *ctx, const fact *f) {
    tw_cost cost;
    tw_step_begin(ctx);
    if (tw_cost_find(ctx, f->spec, &cost)) return NAN;
    tw_tensor *z = tw_input_grad(ctx, f->input, 1, (int[]){1});
    tw_target target = {.tensor = tw_input(ctx, f->target, 1, (int[]){1})};
    tw_tensor *loss = tw_cost_apply(ctx, &cost, tw_sigmoid(ctx, z), &target);
    return loss && !tw_backward(ctx, loss) ? (double)z->grad[0] : NAN;
}
static double sigmoid_minus_y(tw_ctx *ctx, const fact *f) {
    return gradient(ctx, f) - (1 / (1 + exp(-(double)f->input[0])) - (double)f->target[0]);
}

/* ---- softmax ---------------------------------------------------------------------------------------------- */

static double softmax_entry(tw_ctx *ctx, const fact *f) {
    tw_step_begin(ctx);
    tw_tensor *p = tw_softmax(ctx, tw_input(ctx, f->input, 2, (int[]){f->N, f->K}), 1);
    return p ? (double)p->data[(int)f->number] : NAN;
}

/* The Jacobian row by row from backward, against p_i (1 - p_i) and -p_i p_j: the largest difference. */
static double jacobian_error(tw_ctx *ctx, const fact *f) {
    double worst = 0;
    for (int i = 0; i < f->K; i++) {
        tw_step_begin(ctx);
        tw_tensor *z = tw_input_grad(ctx, f->input, 1, &f->K), *p = tw_softmax(ctx, z, 0);
        tw_real pick[MOST] = {0};
        pick[i] = 1;
        if (!p || tw_backward_from(ctx, p, pick)) return NAN;
        for (int j = 0; j < f->K; j++) {
            double pi = (double)p->data[i], pj = (double)p->data[j];
            worst = fmax(worst, fabs((double)z->grad[j] - (i == j ? pi * (1 - pi) : -pi * pj)));
        }
    }
    return worst;
}

static double nll_of_log_softmax_minus_ce(tw_ctx *ctx, const fact *f) {
    tw_cost nll, ce;
    tw_real g[MOST];
    if (tw_cost_find(ctx, "nll", &nll) || tw_cost_find(ctx, "cross_entropy", &ce)) return NAN;
    double want = apply(ctx, "cross_entropy", f->N, f->K, f->input, NULL, f->classes, g);
    tw_step_begin(ctx);
    tw_tensor *z = tw_input_grad(ctx, f->input, 2, (int[]){f->N, f->K});
    tw_target target = {.classes = {f->classes, (size_t)f->N}};
    tw_tensor *loss = tw_cost_apply(ctx, &nll, tw_log_softmax(ctx, z, 1), &target);
    if (!loss || tw_backward(ctx, loss)) return NAN;
    double worst = fabs((double)tw_item(loss) - want);
    for (int i = 0; i < f->N * f->K; i++) worst = fmax(worst, fabs((double)(z->grad[i] - g[i])));
    return worst;
}

/* The part of the samples whose largest probability is not the truth's. */
static double error_rate(tw_ctx *ctx, const fact *f) {
    (void)ctx;
    int wrong = 0;
    for (int n = 0; n < f->N; n++) {
        int best = 0;
        for (int k = 1; k < f->K; k++)
            if (f->input[n * f->K + k] > f->input[n * f->K + best]) best = k;
        wrong += best != f->classes[n];
    }
    return (double)wrong / f->N;
}

/* MSE against one-hot truth: with number 0 the sum by the samples, else by the elements. */
static double mse_of_onehot(tw_ctx *ctx, const fact *f) {
    tw_real onehot[MOST] = {0};
    for (int n = 0; n < f->N; n++) onehot[n * f->K + f->classes[n]] = 1;
    return apply(ctx, f->number > 0 ? "mse" : "mse:reduction=batchmean", f->N, f->K, f->input, onehot, NULL, NULL);
}

/* ---- weights ---------------------------------------------------------------------------------------------- */

/* All logits are 0, so that each gradient is half the term's weight: those of the positives, or of the negatives. */
static double weight_of(tw_ctx *ctx, const fact *f) {
    tw_real g[MOST] = {0};
    double sum = 0;
    if (isnan(apply(ctx, f->spec, f->N, f->K, f->input, f->target, NULL, g))) return NAN;
    for (int i = 0; i < f->N * f->K; i++)
        if (f->target[i] == (f->number > 0)) sum += 2 * fabs((double)g[i]);
    return sum;
}

/* ---- KL ------------------------------------------------------------------------------------------------------ */

static double kl(tw_ctx *ctx, int K, const tw_real *p, const tw_real *q) {
    return apply(ctx, "kl_div:q_form=probs,reduction=sum", 1, K, q, p, NULL, NULL);
}
static double kl_swapped(tw_ctx *ctx, const fact *f) { return kl(ctx, f->K, f->input, f->target); }
static double kl_minus_ce_plus_entropy(tw_ctx *ctx, const fact *f) {
    double ce = apply(ctx, "cross_entropy:form=probs", 1, f->K, f->input, f->target, NULL, NULL);
    double h = apply(ctx, "cross_entropy:form=probs", 1, f->K, f->target, f->target, NULL, NULL);
    return kl(ctx, f->K, f->target, f->input) - (ce - h);
}

/* ---- CTC ------------------------------------------------------------------------------------------------------ */

static double collapses(tw_ctx *ctx, const fact *f) {
    static const char symbols[] = "-stae";
    int path[MOST];
    int32_t label[MOST];
    char text[MOST + 1] = "";
    (void)ctx;
    int T = (int)strcspn(f->spec, " ");
    for (int t = 0; t < T; t++) path[t] = (int)(strchr(symbols, f->spec[t]) - symbols);
    int n = ctc_collapse(path, T, 0, label);
    for (int i = 0; i < n; i++) text[i] = symbols[label[i]];
    return !strcmp(text, f->spec + T + 1);
}

/* T frames of K equal probabilities and L symbols without repeats. */
static double uniform_ctc(tw_ctx *ctx, const fact *f) {
    int32_t label[MOST];
    int T = f->N, K = f->K, L = (int)f->number;
    for (int i = 0; i < L; i++) label[i] = 1 + i % (K - 1);
    tw_step_begin(ctx);
    tw_tensor *z = tw_full(ctx, 0, 3, (int[]){T, 1, K});
    tw_labels length = {(int32_t[]){L}, 1};
    tw_tensor *loss = tw_ctc_loss(ctx, z, (tw_labels){label, (size_t)L}, length, (tw_labels){0}, NULL);
    return loss ? (double)tw_item(loss) : NAN;
}

/* Two frames, y = (0.6, 0.4) and (0.5, 0.5), the label "a": what CTC maximises, a sum over paths. */
static double sum_of_paths(tw_ctx *ctx, const fact *f) {
    const tw_real z[] = {(tw_real)log(0.6), (tw_real)log(0.4), (tw_real)log(0.5), (tw_real)log(0.5)};
    (void)f;
    return exp(tw_ctc_log_prob(ctx, z, 2, 2, 2, (int32_t[]){1}, 1, 0));
}

/* ---- the table -------------------------------------------------------------------------------------------- */

#define NUMBERS(...) \
    (const tw_real[]) { __VA_ARGS__ }
#define CLASSES(...) \
    (const int32_t[]) { __VA_ARGS__ }
#define MODEL_1 NUMBERS(.3, .3, .4, .3, .4, .3, .1, .2, .7)
#define MODEL_2 NUMBERS(.1, .2, .7, .1, .7, .2, .3, .4, .3)
#define TRUTH CLASSES(2, 1, 0)
#define LOG10E 0.43429448190325182765 /* 1 / ln 10 */
#define LOG2E 1.4426950408889634074   /* 1 / ln 2 */

const fact facts[] = {
    {"mse", "reduction of (1,4): size_average=True is the mean", "loss.sum()", "2.5", value, "mse", 1, 2, NUMBERS(1, 2),
     NUMBERS(0, 0), NULL, 0},
    {"mse", "the minimum, at the truth 100", "0", NULL, value, "mse", 1, 1, NUMBERS(100), NUMBERS(100), NULL, 0},
    {"mse", "at -10000 for the truth 100", NULL, "102010000", value, "mse", 1, 1, NUMBERS(-10000), NUMBERS(100), NULL,
     0},
    {"mse", "its gradient at 100.5, which at 101 is 2", NULL, "1", gradient, "mse", 1, 1, NUMBERS(100.5), NUMBERS(100),
     NULL, 0},
    {"mse", "share of one 1000 among nine near 1 in the loss", NULL, "1.0000", share_of_outlier, "mse", 1, 10,
     NUMBERS(1.1, .9, 1, 1.2, .8, 1, 1.1, .9, 1, 1000), NUMBERS(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), NULL, 0},
    {"mae", "gradient at 0", "0", NULL, gradient, "mae", 1, 1, NUMBERS(7), NUMBERS(7), NULL, 0},
    {"mae", "gradient far away", NULL, "1", gradient, "mae", 1, 1, NUMBERS(1e6), NUMBERS(1), NULL, 0},
    {"mae", "the L1 loss is the sum", NULL, "6", value, "mae:reduction=sum", 1, 3, NUMBERS(1, -2, 3), NUMBERS(0, 0, 0),
     NULL, 0},
    {"huber", "delta to 0, what it tends to: Huber by the MSE", "the MSE", "0.0000", huber_by, "huber:delta=1e-9", 1, 1,
     NUMBERS(3), NUMBERS(0), NULL, 1},
    {"huber", "delta to 0: Huber / delta by the MAE", NULL, "1.0000", huber_by_delta, "huber:delta=1e-9", 1, 1,
     NUMBERS(3), NUMBERS(0), NULL, 1e-9},
    {"huber", "delta to infinity, what it tends to: Huber by the MAE", "the MAE", "1.5", huber_by, "huber:delta=inf", 1,
     1, NUMBERS(3), NUMBERS(0), NULL, -1},
    {"huber", "delta to infinity: Huber by the MSE", NULL, "0.5", huber_by, "huber:delta=inf", 1, 1, NUMBERS(3),
     NUMBERS(0), NULL, 1},
    {"huber", "the gradient is at most delta", NULL, "0.1", gradient, "huber:delta=0.1", 1, 1, NUMBERS(1000),
     NUMBERS(0), NULL, 0},
    {"smooth_l1", "Huber / beta less smooth L1, value and gradient", NULL, "0.0000", huber_minus_smooth, "", 1, 4,
     NUMBERS(.5, -3, 7, 0), NUMBERS(0, 0, 0, 0), NULL, 0},
    {"bce_logits", "sigmoid + MSE at z = 10, truth 0: gradient", NULL, "0.0001", through_sigmoid, "mse", 1, 1,
     NUMBERS(10), NUMBERS(0), NULL, 0},
    {"bce_logits", "sigmoid + CE at z = 10, truth 0: gradient", NULL, "1.0000", gradient, "bce_logits", 1, 1,
     NUMBERS(10), NUMBERS(0), NULL, 0},
    {"bce_logits", "its gradient less sigmoid(z) - y", NULL, "0.000000000000", sigmoid_minus_y, "bce_logits", 1, 1,
     NUMBERS(-1.3), NUMBERS(1), NULL, 0},
    {"cross_entropy", "entropy of 63 wins in 64 matches, in bits", "0.1164", "0.11612", scaled,
     "cross_entropy:form=probs", 1, 2, NUMBERS(63. / 64, 1. / 64), NUMBERS(63. / 64, 1. / 64), NULL, LOG2E},
    {"cross_entropy", "p = (1,0,0), q = (0.5,0.2,0.3)", "0.6931", NULL, value, "cross_entropy:form=probs", 1, 3,
     NUMBERS(.5, .2, .3), NUMBERS(1, 0, 0), NULL, 0},
    {"cross_entropy", "p = (1,0,0), q = (0.8,0.1,0.1)", "0.2231", NULL, value, "cross_entropy:form=probs", 1, 3,
     NUMBERS(.8, .1, .1), NUMBERS(1, 0, 0), NULL, 0},
    {"bce", "person .9, man .6, woman .3, all true: a sum of three", NULL, "1.8202", value, "bce:reduction=sum", 1, 3,
     NUMBERS(.9, .6, .3), NUMBERS(1, 1, 1), NULL, 0},
    {"cross_entropy", "y = 1 of p = (.05,.95,0)", "0.0513", NULL, value, "cross_entropy:form=probs", 1, 3,
     NUMBERS(.05, .95, 0), NULL, CLASSES(1), 0},
    {"cross_entropy", "y = 2 of p = (.1,.8,.1)", "2.3026", NULL, value, "cross_entropy:form=probs", 1, 3,
     NUMBERS(.1, .8, .1), NULL, CLASSES(2), 0},
    {"cross_entropy", "their mean", "1.1769", NULL, value, "cross_entropy:form=probs", 2, 3,
     NUMBERS(.05, .95, 0, .1, .8, .1), NULL, CLASSES(1, 2), 0},
    {"cross_entropy", "sparse less categorical, value and gradient", "0", NULL, sparse_minus_categorical,
     "cross_entropy", 3, 3, MODEL_1, NULL, TRUTH, 0},
    {"cross_entropy", "softmax of (1,1,1,1)", "0.25", NULL, softmax_entry, "", 1, 4, NUMBERS(1, 1, 1, 1), NULL, NULL,
     2},
    {"cross_entropy", "softmax of (1000,1000,0) does not overflow", NULL, "0.5", softmax_entry, "", 1, 3,
     NUMBERS(1000, 1000, 0), NULL, NULL, 1},
    {"cross_entropy", "softmax's Jacobian less p_i(1-p_i), -p_i p_j", NULL, "0.000000000000", jacobian_error, "", 1, 4,
     NUMBERS(.3, -1, 2, .5), NULL, NULL, 0},
    {"cross_entropy", "softmax + CE, p = (.34,.46,.20): gradient 0", "-0.66", NULL, gradient, "cross_entropy", 1, 3,
     NUMBERS(-1.0788096613719298, -.7765287894989963, -1.6094379124341003), NULL, CLASSES(0), 0},
    {"cross_entropy", "gradient 1", "0.46", NULL, gradient, "cross_entropy", 1, 3,
     NUMBERS(-1.0788096613719298, -.7765287894989963, -1.6094379124341003), NULL, CLASSES(0), 1},
    {"cross_entropy", "gradient 2", "0.20", NULL, gradient, "cross_entropy", 1, 3,
     NUMBERS(-1.0788096613719298, -.7765287894989963, -1.6094379124341003), NULL, CLASSES(0), 2},
    {"nll", "at p = 1", "0", NULL, value, "nll", 1, 2, NUMBERS(0, -INFINITY), NULL, CLASSES(0), 0},
    {"nll", "at p = 1e-300: it grows without bound", NULL, "690.7755", value, "nll", 1, 2,
     NUMBERS(-690.77552789821368, 0), NULL, CLASSES(0), 0},
    {"nll", "NLL of log-softmax less sparse CE, value and gradient", NULL, "0.000000000000",
     nll_of_log_softmax_minus_ce, "", 3, 3, MODEL_2, NULL, TRUTH, 0},
    {"cross_entropy", "model 1: error rate", "0.3333", NULL, error_rate, "", 3, 3, MODEL_1, NULL, TRUTH, 0},
    {"cross_entropy", "model 2: error rate", "0.3333", NULL, error_rate, "", 3, 3, MODEL_2, NULL, TRUTH, 0},
    {"mse", "model 1: MSE, sum by samples", "0.81", NULL, mse_of_onehot, "", 3, 3, MODEL_1, NULL, TRUTH, 0},
    {"mse", "model 1: MSE, sum by samples, four digits", NULL, "0.8067", mse_of_onehot, "", 3, 3, MODEL_1, NULL, TRUTH,
     0},
    {"mse", "model 2: MSE, sum by samples", "0.34", NULL, mse_of_onehot, "", 3, 3, MODEL_2, NULL, TRUTH, 0},
    {"mse", "model 1: MSE, mean of the elements", NULL, "0.2689", mse_of_onehot, "", 3, 3, MODEL_1, NULL, TRUTH, 1},
    {"mse", "model 2: MSE, mean of the elements", NULL, "0.1133", mse_of_onehot, "", 3, 3, MODEL_2, NULL, TRUTH, 1},
    {"cross_entropy", "model 1: CE, summed, with ln", "1.8", "4.1352", value, "cross_entropy:form=probs,reduction=sum",
     3, 3, MODEL_1, NULL, TRUTH, 0},
    {"cross_entropy", "model 1: CE, summed, with log10", "1.8", NULL, scaled, "cross_entropy:form=probs,reduction=sum",
     3, 3, MODEL_1, NULL, TRUTH, LOG10E},
    {"cross_entropy", "model 1: CE, summed, with log10, four digits", NULL, "1.7959", scaled,
     "cross_entropy:form=probs,reduction=sum", 3, 3, MODEL_1, NULL, TRUTH, LOG10E},
    {"cross_entropy", "model 2: CE, summed, with ln", "0.697", "1.9173", value,
     "cross_entropy:form=probs,reduction=sum", 3, 3, MODEL_2, NULL, TRUTH, 0},
    {"cross_entropy", "model 2: CE, summed, with log10", "0.697", "0.8327", scaled,
     "cross_entropy:form=probs,reduction=sum", 3, 3, MODEL_2, NULL, TRUTH, LOG10E},
    {"cross_entropy", "model 1: CE, mean", NULL, "1.3784", value, "cross_entropy:form=probs", 3, 3, MODEL_1, NULL,
     TRUTH, 0},
    {"cross_entropy", "model 2: CE, mean", NULL, "0.6391", value, "cross_entropy:form=probs", 3, 3, MODEL_2, NULL,
     TRUTH, 0},
    {"balanced_ce", "1 of 5 is positive: its weight n / (m + n)", NULL, "0.8", weight_of, "balanced_ce:reduction=sum",
     1, 5, NUMBERS(0, 0, 0, 0, 0), NUMBERS(0, 0, 1, 0, 0), NULL, 1},
    {"balanced_ce", "the four negatives together, 0.2 each", NULL, "0.8", weight_of, "balanced_ce:reduction=sum", 1, 5,
     NUMBERS(0, 0, 0, 0, 0), NUMBERS(0, 0, 1, 0, 0), NULL, 0},
    {"balanced_ce", "finite without a positive", NULL, "0", value, "balanced_ce", 1, 3, NUMBERS(5, -2, 100),
     NUMBERS(0, 0, 0), NULL, 0},
    {"focal", "an easy negative, p = 0.01", "1.005e-6", NULL, value, "focal", 1, 1, NUMBERS(-4.5951198501345898),
     NUMBERS(0), NULL, 0},
    {"focal", "its cross entropy", "0.01005", NULL, value, "bce_logits", 1, 1, NUMBERS(-4.5951198501345898), NUMBERS(0),
     NULL, 0},
    {"focal", "a hard positive, p = 0.1", "1.8651", NULL, value, "focal", 1, 1, NUMBERS(-2.1972245773362196),
     NUMBERS(1), NULL, 0},
    {"focal", "its cross entropy", "2.3026", NULL, value, "bce_logits", 1, 1, NUMBERS(-2.1972245773362196), NUMBERS(1),
     NULL, 0},
    {"focal", "alpha 0.8, 1 of 5 positive: the positives' part", "0.16", NULL, weight_of, "focal:gamma=0,alpha=0.8", 1,
     5, NUMBERS(0, 0, 0, 0, 0), NUMBERS(1, 0, 0, 0, 0), NULL, 1},
    {"focal", "alpha 0.8, 4 of 5 negative: the negatives' part", "0.16", NULL, weight_of, "focal:gamma=0,alpha=0.8", 1,
     5, NUMBERS(0, 0, 0, 0, 0), NUMBERS(1, 0, 0, 0, 0), NULL, 0},
    {"focal", "gamma 0 less binary CE, value and gradient", "0", NULL, focal_minus_ce, "", 1, 4, NUMBERS(-3, .1, 2, 9),
     NUMBERS(1, 0, 1, 0), NULL, 0},
    {"focal", "gamma 0 less CE of classes, value and gradient", "0", NULL, focal_minus_ce, "", 3, 3, MODEL_1, NULL,
     TRUTH, 0},
    {"kl_div", "KL less (CE - H), P = (.5,.3,.2), Q = (.2,.2,.6)", NULL, "0.000000000000", kl_minus_ce_plus_entropy, "",
     1, 3, NUMBERS(.2, .2, .6), NUMBERS(.5, .3, .2), NULL, 0},
    {"kl_div", "KL(P||Q), P = (.5,.5), Q = (.9,.1)", NULL, "0.5108", value, "kl_div:q_form=probs,reduction=sum", 1, 2,
     NUMBERS(.9, .1), NUMBERS(.5, .5), NULL, 0},
    {"kl_div", "KL(Q||P) is another number", NULL, "0.3681", kl_swapped, "", 1, 2, NUMBERS(.9, .1), NUMBERS(.5, .5),
     NULL, 0},
    {"kl_div", "one-hot P: KL is CE, -ln 0.9", NULL, "0.1054", value, "kl_div:q_form=probs,reduction=sum", 1, 2,
     NUMBERS(.9, .1), NUMBERS(1, 0), NULL, 0},
    {"kl_div", "0 log 0 in the value", "0", NULL, value, "kl_div:q_form=probs,reduction=sum", 1, 2, NUMBERS(1, 0),
     NUMBERS(1, 0), NULL, 0},
    {"kl_div", "0 log 0 in the gradient", "0", NULL, gradient, "kl_div:q_form=probs,reduction=sum", 1, 2, NUMBERS(1, 0),
     NUMBERS(1, 0), NULL, 1},
    {"ctc", "B(-s-t-aatte) is \"state\"", "1", NULL, collapses, "-s-t-aatte state", 0, 0, NULL, NULL, NULL, 0},
    {"ctc", "B(ss-t-a-t-e) is \"state\"", "1", NULL, collapses, "ss-t-a-t-e state", 0, 0, NULL, NULL, NULL, 0},
    {"ctc", "B(sstt-aat-e) is \"state\"", "1", NULL, collapses, "sstt-aat-e state", 0, 0, NULL, NULL, NULL, 0},
    {"ctc", "B(-s-t-tatte) is \"sttate\"", "1", NULL, collapses, "-s-t-tatte sttate", 0, 0, NULL, NULL, NULL, 0},
    {"ctc", "what CTC maximises (0.3 is the best path's)", "p(path|x)", "0.7", sum_of_paths, "", 0, 0, NULL, NULL, NULL,
     0},
    {"ctc", "uniform, T = 10, K = 5, L = 4", "8.0870", NULL, uniform_ctc, "", 10, 5, NULL, NULL, NULL, 4},
    {"ctc", "uniform, T = 3, L = 4: it does not fit", NULL, "Infinity", uniform_ctc, "", 3, 5, NULL, NULL, NULL, 4},
};
const int fact_count = sizeof facts / sizeof *facts;
