/* example.c - which example shows which loss; those with probabilities of classes, of yes and no, and of paths. */
#include "example.h"

#include <math.h>
#include <string.h>

#include "options.h"
#include "worked.h"

/* ---- yes or no ------------------------------------------------------------------------------------------------ */

tw_err worked_binary(worked *w, bool probabilities) {
    static const double logits[] = {2, -1, 0.5, 3, -2, 1, 0, -0.5}, probs[] = {0.9, 0.6, 0.3, 0.5, 0.8, 0.2, 0.7, 0.4};
    static const double yes[] = {1, 1, 0, 0, 1, 0, 1, 0};
    tw_reals pos = option_list(&w->cost, "pos_weight"), alpha = option_list(&w->cost, "alpha"),
             beta = option_list(&w->cost, "beta");
    bool balanced = !strcmp(w->cost.layer->name, "balanced_ce");
    double p[8], truth[8], surprise[8], weight[8], focus[8], smoothing = option_real(&w->cost, "label_smoothing", 0);
    double gamma = option_real(&w->cost, "gamma", 0), no = 0;
    w->ndim = 1, w->dim[0] = w->n = pos.n > 1 && pos.n <= 8 ? (int)pos.n : 3, w->has_tensor = true;
    for (int i = 0; i < w->n; i++) no += 1 - yes[i];
    for (int i = 0; i < w->n; i++) {
        w->pred[i] = probabilities ? probs[i] : logits[i];
        w->tensor[i] = yes[i];
        p[i] = probabilities ? probs[i] : 1 / (1 + exp(-logits[i]));
        truth[i] = yes[i] > 0 ? p[i] : 1 - p[i];
        surprise[i] = -log(truth[i]);
        focus[i] = pow(1 - truth[i], gamma);
        weight[i] = 1;
        if (pos.n && yes[i] > 0) weight[i] = (double)pos.v[pos.n > 1 ? i : 0];
        if (alpha.n) weight[i] = yes[i] > 0 ? (double)alpha.v[0] : 1 - (double)alpha.v[0];
        if (balanced) {
            double b = beta.n ? (double)beta.v[0] : no / w->n;
            weight[i] = yes[i] > 0 ? b : 1 - b;
        }
    }
    worked_labels(w, 0);
    worked_row(w, probabilities ? "prediction p" : "logit z", w->pred);
    worked_row(w, "truth y", w->tensor);
    if (!probabilities) worked_row(w, "p = σ(z)", p);
    if (smoothing > 0) {
        double smooth[8], other[8];
        for (int i = 0; i < w->n; i++) smooth[i] = (1 - smoothing) * yes[i] + smoothing / 2, other[i] = -log(1 - p[i]);
        for (int i = 0; i < w->n; i++) surprise[i] = -log(p[i]);
        worked_row(w, "y smoothed", smooth);
        worked_row(w, "−log p", surprise);
        worked_row(w, "−log(1 − p)", other);
    } else {
        worked_row(w, "probability of the truth", truth);
        worked_row(w, "surprise, −log of it", surprise);
        if (gamma > 0) worked_row(w, "(1 − probability of the truth)^γ", focus);
    }
    if (pos.n || alpha.n || balanced) worked_row(w, alpha.n ? "α" : balanced ? "β" : "pos_weight", weight);
    return worked_answer(w, 1);
}

/* ---- classes --------------------------------------------------------------------------------------------------- */

enum { N = 2 };
typedef struct classes {
    int K;
    double z[WORKED_MAX], p[WORKED_MAX], log_p[WORKED_MAX];
    int32_t truth[N];
} classes;

static tw_err make_classes(worked *w, classes *c) {
    static const double pool[] = {1, 2, 0, 0.5, -1, 1.5, -0.5, 2.5, 0.2};
    static const tw_form forms[] = {TW_FORM_LOGITS, TW_FORM_PROBS, TW_FORM_LOG_PROBS};
    size_t list = option_longest_list(&w->cost);
    c->K = list > 1 && list <= 8 ? (int)list : 3;
    for (int i = 0; i < N * c->K; i++) c->z[i] = pool[i % 9];
    c->truth[0] = 0, c->truth[1] = c->K - 1;
    tw_err err = worked_softmax(w->ctx, N, c->K, c->z, c->p, false);
    if (!err) err = worked_softmax(w->ctx, N, c->K, c->z, c->log_p, true);
    tw_form form = forms[option_int(&w->cost, "form", TW_FORM_LOGITS)];
    if (!strcmp(w->cost.layer->name, "nll")) form = TW_FORM_LOG_PROBS;
    w->ndim = 2, w->dim[0] = N, w->dim[1] = c->K, w->n = N * c->K;
    w->target.classes = (tw_labels){c->truth, N};
    memcpy(w->pred, form == TW_FORM_LOGITS ? c->z : form == TW_FORM_PROBS ? c->p : c->log_p, sizeof w->pred);
    worked_labels(w, c->K);
    if (form == TW_FORM_LOGITS) worked_row(w, "logit z", c->z);
    worked_row(w, form == TW_FORM_PROBS ? "prediction p" : "p = softmax(z)", c->p);
    worked_row(w, form == TW_FORM_LOG_PROBS ? "prediction log p" : "log p", c->log_p);
    return err;
}

static double count(const classes *c, int32_t class) {
    double n = 0;
    for (int i = 0; i < N; i++) n += c->truth[i] == class;
    return n;
}

tw_err worked_classes(worked *w) {
    classes c;
    tw_err err = make_classes(w, &c);
    if (err) return err;
    const char *name = w->cost.layer->name;
    bool focal = !strcmp(name, "focal"), balanced = !strcmp(name, "balanced_ce");
    double smoothing = option_real(&w->cost, "label_smoothing", 0), gamma = option_real(&w->cost, "gamma", 0);
    tw_reals list = option_list(&w->cost, focal ? "alpha" : balanced ? "beta" : "class_weight");
    int ignore = option_int(&w->cost, "ignore_index", -100);
    double t[WORKED_MAX], focus[WORKED_MAX], weight[WORKED_MAX];
    for (int i = 0; i < w->n; i++) {
        int32_t k = i % c.K, truth = c.truth[i / c.K];
        t[i] = truth == ignore ? 0 : (1 - smoothing) * (k == truth) + smoothing / c.K;
        focus[i] = k == truth ? pow(1 - c.p[i], gamma) : NAN;
        weight[i] = list.n ? (double)list.v[list.n > 1 ? k : 0] : balanced ? (N - count(&c, k)) / N : 1;
        if (t[i] == 0) weight[i] = NAN;
    }
    worked_row(w, smoothing > 0 ? "truth t, smoothed" : "truth t", t);
    if (focal) worked_row(w, "(1 − p)^γ", focus);
    if (list.n || balanced) worked_row(w, focal ? "α" : balanced ? "β" : "class weight", weight);
    double product[WORKED_MAX];
    for (int i = 0; i < w->n; i++)
        product[i] = t[i] == 0 ? 0 : -t[i] * c.log_p[i] * (focal ? focus[i] : 1) * (list.n || balanced ? weight[i] : 1);
    char words[96];
    snprintf(words, sizeof words, "−t log p%s%s", focal ? " (1 − p)^γ" : "",
             list.n || balanced ? (focal          ? " α"
                                       : balanced ? " β"
                                                  : " · weight")
                                : "");
    worked_row(w, words, product);
    return worked_answer(w, c.K);
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

enum { T = 3, L = 2 };

/* Merges repeats, then drops blanks; true when what remains is the label. */
static bool reads(const int *path, int blank, const int32_t *label) {
    int n = 0;
    for (int t = 0; t < T; t++) {
        if (path[t] == blank || (t && path[t] == path[t - 1])) continue;
        if (n == L || path[t] != label[n]) return false;
        n++;
    }
    return n == L;
}

tw_err worked_paths(worked *w) {
    static const double pool[] = {0.5, 2, -1, 1, 0.2, 1.1, -0.5, 0.3, 1.8};
    int blank = option_int(&w->cost, "blank", 0), K = blank < 3 ? 3 : blank + 1;
    int32_t label[L], lengths = L;
    double p[WORKED_MAX], log_p[WORKED_MAX], sum = 0;
    for (int k = 0, n = 0; k < K && n < L; k++)
        if (k != blank) label[n++] = k;
    w->ndim = 3, w->dim[0] = T, w->dim[1] = 1, w->dim[2] = K, w->n = T * K;
    for (int i = 0; i < w->n; i++) w->pred[i] = pool[i % 9];
    w->target.labels = (tw_labels){label, L}, w->target.label_lengths = (tw_labels){&lengths, 1};
    tw_err err = worked_softmax(w->ctx, T, K, w->pred, p, false);
    if (!err) err = worked_softmax(w->ctx, T, K, w->pred, log_p, true);
    if (err) return err;
    fprintf(
        w->out,
        "\n%d frames, %d symbols of which %d is the blank (written `-`), and the label `%c%c` of symbols %d and %d.\n",
        T, K, blank, 'a', 'b', label[0], label[1]);

    char name[8];
    for (int k = 0, letters = 0; k < K; k++) name[k] = k == blank ? '-' : (char)('a' + letters++);
    fprintf(w->out, "\n| path | product of its probabilities |\n|---|---|\n");
    int all = K * K * K;
    for (int code = 0; code < all; code++) {
        int path[T] = {code / (K * K), code / K % K, code % K};
        if (!reads(path, blank, label)) continue;
        double product = p[path[0]] * p[K + path[1]] * p[2 * K + path[2]];
        sum += product;
        fprintf(w->out, "| `%c%c%c` | %.5g · %.5g · %.5g = %.6g |\n", name[path[0]], name[path[1]], name[path[2]],
                p[path[0]], p[K + path[1]], p[2 * K + path[2]], product);
    }
    fprintf(w->out, "| their sum, p(l\\|x) | %.6g |\n| −ln of it | %.6g |\n", sum, -log(sum));

    const bool log_probs = option_int(&w->cost, "form", TW_FORM_LOGITS) == TW_FORM_LOG_PROBS;
    if (log_probs) memcpy(w->pred, log_p, (size_t)w->n * sizeof *log_p);
    w->corner = "frame, symbol";
    for (int i = 0; i < w->n; i++) snprintf(w->label[i], sizeof w->label[i], "%d, `%c`", i / K, name[i % K]);
    worked_row(w, log_probs ? "prediction log p" : "logit z", w->pred);
    worked_row(w, "p = softmax(z)", p);
    return worked_answer(w, w->n);
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

typedef enum kind { DRAWN, DIFFERENCE, PROBABILITY, LOGIT, CLASSES, CLASSES_AND_LOGIT, DIVERGENCE, PATHS } kind;

static kind kind_of(const char *loss) {
    static const struct {
        const char *name;
        kind kind;
    } kinds[] = {{"mse", DIFFERENCE},          {"mae", DIFFERENCE},
                 {"huber", DIFFERENCE},        {"smooth_l1", DIFFERENCE},
                 {"bce", PROBABILITY},         {"bce_logits", LOGIT},
                 {"cross_entropy", CLASSES},   {"nll", CLASSES},
                 {"focal", CLASSES_AND_LOGIT}, {"balanced_ce", CLASSES_AND_LOGIT},
                 {"kl_div", DIVERGENCE},       {"ctc", PATHS}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, loss)) return kinds[i].kind;
    return DRAWN;
}

enum { MOST_CLASSES = 8 };

tw_err example_write(tw_ctx *ctx, const tw_cost *cost, FILE *out) {
    worked fresh = {.ctx = ctx, .cost = *cost, .out = out}, w = fresh;
    tw_err err = TW_OK;
    kind what = kind_of(cost->layer->name);
    if (option_longest_list(cost) > MOST_CLASSES || option_int(cost, "blank", 0) >= MOST_CLASSES) {
        fprintf(out, "\n(These options are for more classes than an example on paper has: %d at most.)\n",
                MOST_CLASSES);
        return TW_OK;
    }
    bool both = what == CLASSES_AND_LOGIT, several = option_longest_list(cost) > 1;
    switch (what) {
    case DIFFERENCE: return worked_difference(&w);
    case PROBABILITY: return worked_binary(&w, true);
    case LOGIT: return worked_binary(&w, false);
    case CLASSES:
    case CLASSES_AND_LOGIT:
        if (both && !several) {
            fputs("\nYes or no, a sigmoid for each element:\n", out);
            err = worked_binary(&w, false);
        }
        if (both) fputs("\nClasses, a softmax for each sample:\n", out);
        w = fresh;
        return err ? err : worked_classes(&w);
    case DIVERGENCE: return worked_divergence(&w);
    case PATHS: return worked_paths(&w);
    case DRAWN: break;
    }
    return worked_drawn(&w);
}
