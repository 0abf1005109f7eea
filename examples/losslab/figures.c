/* figures.c - which curves show which loss. */
#include <string.h>

#include "figure.h"

#define ERROR "error e = y − t"
#define LOGIT "logit z, truth 1"
#define LOGIT_OF_NO "logit z, truth 0"
#define PROBABILITY "probability p of the truth"

static const figure_row mse[] = {
    {.title = "Around a truth of 100",
     .label = "prediction",
     .from = -10000,
     .to = 10000,
     .mark = 100,
     .note = "truth 100",
     .curve = {{"MSE", "mse", curve_direct, 100, false}}},
    {.title = "Beside its family",
     .label = ERROR,
     .from = -3,
     .to = 3,
     .high = 5,
     .curve = {{"MSE", "mse", curve_direct, 0, false},
               {"MAE", "mae", curve_direct, 0, true},
               {"Huber, δ = 1", "huber", curve_direct, 0, true}}},
};

static const figure_row mae[] = {
    {.title = "Beside its family",
     .label = ERROR,
     .from = -3,
     .to = 3,
     .high = 4,
     .grad_low = -3,
     .grad_high = 3,
     .curve = {{"MAE", "mae", curve_direct, 0, false},
               {"MSE", "mse", curve_direct, 0, true},
               {"Huber, δ = 1", "huber", curve_direct, 0, true}}},
};

#define HUBERS                                                        \
    .curve = {{"δ = 0.1", "huber:delta=0.1", curve_direct, 0, false}, \
              {"δ = 1", "huber:delta=1", curve_direct, 0, false},     \
              {"δ = 10", "huber:delta=10", curve_direct, 0, false},   \
              {"MSE", "mse", curve_direct, 0, true},                  \
              {"MAE", "mae", curve_direct, 0, true}}
static const figure_row huber[] = {
    {.title = "Small errors", .label = ERROR, .from = -3, .to = 3, .high = 5, .grad_low = -3, .grad_high = 3, HUBERS},
    {.title = "Large errors",
     .label = ERROR,
     .from = -15,
     .to = 15,
     .high = 110,
     .grad_low = -15,
     .grad_high = 15,
     HUBERS},
};

static const figure_row smooth_l1[] = {
    {.title = "Beside its limit, the MAE",
     .label = ERROR,
     .from = -3,
     .to = 3,
     .high = 3,
     .grad_low = -1.5,
     .grad_high = 1.5,
     .curve = {{"β = 0.1", "smooth_l1:beta=0.1", curve_direct, 0, false},
               {"β = 1", "smooth_l1:beta=1", curve_direct, 0, false},
               {"β = 3", "smooth_l1:beta=3", curve_direct, 0, false},
               {"MAE", "mae", curve_direct, 0, true}}},
};

#define PAIRINGS                                                                                                 \
    {                                                                                                            \
        .title = "The same logit through two losses", .label = LOGIT, .from = -8, .to = 8, .high = 5, .curve = { \
            {"sigmoid + cross entropy", "bce_logits", curve_direct, 1, false},                                   \
            {"sigmoid + MSE", "mse", curve_sigmoid, 1, false}                                                    \
        }                                                                                                        \
    }
static const figure_row bce[] = {
    {.title = "Over the probability",
     .label = "prediction p",
     .from = 0,
     .to = 1,
     .high = 5,
     .grad_low = -10,
     .grad_high = 10,
     .curve = {{"BCE, truth 1", "bce", curve_direct, 1, false},
               {"BCE, truth 0", "bce", curve_direct, 0, false},
               {"MSE, truth 1", "mse", curve_direct, 1, true}}},
    PAIRINGS,
};
static const figure_row bce_logits[] = {
    PAIRINGS,
    {.title = "Its options",
     .label = LOGIT,
     .from = -8,
     .to = 8,
     .high = 8,
     .curve = {{"plain", "bce_logits", curve_direct, 1, false},
               {"pos_weight 3", "bce_logits:pos_weight=3", curve_direct, 1, false},
               {"smoothing 0.2", "bce_logits:label_smoothing=0.2", curve_direct, 1, false}}},
};

static const figure_row cross_entropy[] = {
    {.title = "Three classes, two logits 0",
     .label = "logit of the true class",
     .from = -6,
     .to = 8,
     .high = 6,
     .curve = {{"cross entropy", "cross_entropy", curve_class, 0, false},
               {"smoothing 0.1", "cross_entropy:label_smoothing=0.1", curve_class, 0, false},
               {"smoothing 0.3", "cross_entropy:label_smoothing=0.3", curve_class, 0, false},
               {"softmax + MSE", "mse", curve_softmax, 0, true}}},
    {.map = {{"Truth: class 0", "cross_entropy:form=probs", {0, 0, 0}, false, 3.5},
             {"Truth: the distribution (0.5, 0.3, 0.2)", "cross_entropy:form=probs", {0.5, 0.3, 0.2}, false, 3.5}}},
};

static const figure_row nll[] = {
    {.title = "Over the log-probability",
     .label = "log p of the truth",
     .from = -6,
     .to = 0,
     .grad_low = -2,
     .grad_high = 0.5,
     .curve = {{"NLL", "nll", curve_log_prob, 0, false}}},
    {.title = "Over the probability",
     .label = PROBABILITY,
     .from = 0,
     .to = 1,
     .high = 6,
     .grad_low = -12,
     .grad_high = 1,
     .curve = {{"NLL of log p", "nll", curve_prob, 0, false}}},
};

static const figure_row kl_div[] = {
    {.title = "Two classes, P = (0.3, 0.7)",
     .label = "q, where Q = (q, 1 − q)",
     .from = 0,
     .to = 1,
     .high = 2.5,
     .grad_low = -6,
     .grad_high = 6,
     .mark = 0.3,
     .note = "Q = P",
     .curve = {{"KL(P ‖ Q)", "kl_div:q_form=probs", curve_model, 0.3, false},
               {"KL(Q ‖ P)", "kl_div:q_form=probs", curve_truth, 0.3, false},
               {"CE(P, Q)", "cross_entropy:form=probs", curve_model, 0.3, true}}},
    {.map = {{"KL(P ‖ Q) over Q, P = (0.6, 0.3, 0.1)", "kl_div:q_form=probs", {0.6, 0.3, 0.1}, false, 2},
             {"KL(Q ‖ P) over Q, P = (0.6, 0.3, 0.1)", "kl_div:q_form=probs", {0.6, 0.3, 0.1}, true, 2}}},
};

#define FOCALS(f)                                          \
    .curve = {{"γ = 0", "focal:gamma=0", f, 1, false},     \
              {"γ = 0.5", "focal:gamma=0.5", f, 1, false}, \
              {"γ = 1", "focal:gamma=1", f, 1, false},     \
              {"γ = 2", "focal:gamma=2", f, 1, false},     \
              {"γ = 5", "focal:gamma=5", f, 1, false}}
static const figure_row focal[] = {
    {.title = "Over the probability",
     .label = PROBABILITY,
     .from = 0,
     .to = 1,
     .high = 5,
     .grad_low = -12,
     .grad_high = 1,
     FOCALS(curve_odds)},
    {.title = "Over the logit", .label = LOGIT, .from = -5, .to = 5, .high = 5, FOCALS(curve_direct)},
};

#define BALANCED(truth)                                                        \
    .curve = {{"β = 0.1", "balanced_ce:beta=0.1", curve_direct, truth, false}, \
              {"β = 0.5", "balanced_ce:beta=0.5", curve_direct, truth, false}, \
              {"β = 0.9", "balanced_ce:beta=0.9", curve_direct, truth, false}, \
              {"unweighted", "bce_logits", curve_direct, truth, true}}
static const figure_row balanced_ce[] = {
    {.title = "Truth 1, weighted with β", .label = LOGIT, .from = -6, .to = 6, .high = 6, BALANCED(1)},
    {.title = "Truth 0, weighted with 1 − β", .label = LOGIT_OF_NO, .from = -6, .to = 6, .high = 6, BALANCED(0)},
};

static const figure_row ctc[] = {
    {.title = "Surer of one alignment of “ab”",
     .label = "logit on its symbols, 8 frames",
     .from = -2,
     .to = 8,
     .high = 20,
     .curve = {{"-aa--bb-", "ctc", curve_alignment, 0, false},
               {"only blanks", "ctc", curve_alignment, 1, false},
               {"-cc--cc-", "ctc", curve_alignment, 2, false}}},
    {.title = "The same guess in all 20 frames",
     .label = "probability of the blank",
     .from = 0,
     .to = 1,
     .high = 70,
     .grad_low = -250,
     .grad_high = 250,
     .curve = {{"2 letters", "ctc", curve_blank, 2, false},
               {"5 letters", "ctc", curve_blank, 5, false},
               {"10 letters", "ctc", curve_blank, 10, false}}},
};

const figure_row *figure_rows_of(const char *loss, int *rows) {
#define ROWS(name) \
    { #name, name, sizeof name / sizeof *name }
    static const struct {
        const char *name;
        const figure_row *row;
        int n;
    } all[] = {ROWS(mse),           ROWS(mae), ROWS(huber),  ROWS(smooth_l1), ROWS(bce),         ROWS(bce_logits),
               ROWS(cross_entropy), ROWS(nll), ROWS(kl_div), ROWS(focal),     ROWS(balanced_ce), ROWS(ctc)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i].name, loss)) {
            *rows = all[i].n;
            return all[i].row;
        }
    return NULL;
}
