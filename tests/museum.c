/* museum.c - see museum.h: the wrong losses, as they are found in the wild, and the table of them. */
#include "museum.h"

#include <math.h>
#include <stddef.h>

static size_t size_of(const museum_input *in) {
    size_t n = 1;
    for (int i = 0; i < in->ndim; i++) n *= (size_t)in->dim[i];
    return n;
}

/* ---- numbers ---------------------------------------------------------------------------------------------- */

static double half_mse(const museum_input *in, double *grad) {
    double sum = 0;
    for (size_t i = 0; i < size_of(in); i++) {
        double e = (double)(in->pred[i] - in->target[i]);
        sum += e * e;
        grad[i] = e; /* of e^2 / 2 */
    }
    return sum;
}

static double half_smooth_l1(const museum_input *in, double *grad) {
    double sum = 0;
    for (size_t i = 0; i < size_of(in); i++) {
        double e = (double)(in->pred[i] - in->target[i]), a = fabs(e);
        sum += a < 1 ? e * e : 2 * a - 1;
        grad[i] = a < 1 ? e : e > 0 ? 1 : -1;
    }
    return sum;
}

static double restless_l1(const museum_input *in, double *grad) {
    double sum = 0;
    for (size_t i = 0; i < size_of(in); i++) {
        double e = (double)(in->pred[i] - in->target[i]);
        sum += fabs(e);
        grad[i] = e > 0 ? 1 : -1; /* also at 0 */
    }
    return sum;
}

/* ---- yes or no --------------------------------------------------------------------------------------------- */

static double log_plus_epsilon(const museum_input *in, double *grad) {
    const double epsilon = 1e-7;
    double sum = 0;
    for (size_t i = 0; i < size_of(in); i++) {
        double p = (double)in->pred[i], y = (double)in->target[i];
        sum -= y * log(p + epsilon) + (1 - y) * log(1 - p + epsilon);
        grad[i] = (1 - y) / (1 - p + epsilon) - y / (p + epsilon);
    }
    return sum;
}

static double over_p_one_minus_p(const museum_input *in, double *grad) {
    double sum = 0;
    for (size_t i = 0; i < size_of(in); i++) {
        double p = (double)in->pred[i], y = (double)in->target[i];
        sum -= y == 1 ? log(p) : log(1 - p);
        grad[i] = (p - y) / (p * (1 - p)); /* 0/0 where p is certain and right */
    }
    return sum;
}

static double naive_softplus(const museum_input *in, double *grad) {
    double sum = 0;
    for (size_t i = 0; i < size_of(in); i++) {
        double z = (double)in->pred[i], y = (double)in->target[i];
        sum += log(1 + exp(z)) - y * z;
        grad[i] = exp(z) / (1 + exp(z)) - y;
    }
    return sum;
}

/* ---- classes: [N,3] ------------------------------------------------------------------------------------------ */

static void softmax(const double *z, double *p) {
    double max = fmax(z[0], fmax(z[1], z[2])), sum = 0;
    for (int k = 0; k < 3; k++) sum += p[k] = exp(z[k] - max);
    for (int k = 0; k < 3; k++) p[k] /= sum;
}

static void softmax_of(const tw_real *z, double *p) {
    softmax((const double[]){(double)z[0], (double)z[1], (double)z[2]}, p);
}

static double naive_softmax(const museum_input *in, double *grad) {
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += exp((double)in->pred[k]); /* the maximum is not taken off */
    for (int k = 0; k < 3; k++) grad[k] = exp((double)in->pred[k]) / sum - (k == in->label[0]);
    return -log(exp((double)in->pred[in->label[0]]) / sum);
}

static double double_softmax(const museum_input *in, double *grad) {
    double p[3], q[3], dot = 0;
    softmax_of(in->pred, p);
    softmax(p, q);
    for (int k = 0; k < 3; k++) dot += p[k] * (q[k] - (k == in->label[0]));
    for (int k = 0; k < 3; k++) grad[k] = p[k] * (q[k] - (k == in->label[0]) - dot);
    return -log(q[in->label[0]]);
}

/* Cross entropy with class weights and ignored positions (class -100), divided by the number of rows. */
static double divided_by_n(const museum_input *in, double *grad) {
    double sum = 0, N = (double)in->labels;
    for (size_t i = 0; i < in->labels; i++) {
        double p[3], w = in->weight[0] == 0 ? 1 : in->label[i] < 0 ? 0 : in->weight[in->label[i]];
        softmax_of(in->pred + 3 * i, p);
        for (int k = 0; k < 3; k++)
            grad[3 * i + (size_t)k] = in->label[i] < 0 ? 0 : w * (p[k] - (k == in->label[i])) / N;
        sum -= in->label[i] < 0 ? 0 : w * log(p[in->label[i]]);
    }
    return sum / N;
}

/* Differentiated as it stands: ((1-p)^gamma)' is -gamma (1-p)^(gamma-1), infinite at p = 1 for gamma < 1. */
static double focal_by_pow(const museum_input *in, double *grad) {
    const double gamma = 0.5;
    double p[3];
    softmax_of(in->pred, p);
    int c = in->label[0];
    double by_p = gamma * pow(1 - p[c], gamma - 1) * log(p[c]) - pow(1 - p[c], gamma) / p[c];
    for (int k = 0; k < 3; k++) grad[k] = by_p * p[c] * ((k == c) - p[k]);
    return -pow(1 - p[c], gamma) * log(p[c]);
}

/* The weighted cross entropy is taken for -log p_t. */
static double focal_of_weighted_ce(const museum_input *in, double *grad) {
    double p[3], alpha = in->weight[0];
    softmax_of(in->pred, p);
    double ce = -alpha * log(p[in->label[0]]), pt = exp(-ce);
    for (int k = 0; k < 3; k++) grad[k] = 0; /* nobody asks */
    return (1 - pt) * (1 - pt) * ce;
}

/* ---- distributions ------------------------------------------------------------------------------------------ */

static double swapped_kl(const museum_input *in, double *grad) {
    double sum = 0;
    for (size_t i = 0; i < size_of(in); i++) {
        double q = (double)in->pred[i], p = (double)in->target[i];
        sum += q * log(q / p);
        grad[i] = log(q / p) + 1;
    }
    return sum;
}

static double kl_without_convention(const museum_input *in, double *grad) {
    double sum = 0;
    for (size_t i = 0; i < size_of(in); i++) {
        double q = (double)in->pred[i], p = (double)in->target[i];
        sum += p * log(p / q); /* 0 times -infinity */
        grad[i] = -p / q;
    }
    return sum;
}

/* ---- sequences: [T,1,2], the blank 0 and one letter ------------------------------------------------------------ */

static double log_prob(const museum_input *in, int t, int k) {
    double a = (double)in->pred[2 * t], b = (double)in->pred[2 * t + 1];
    return (k ? b : a) - (fmax(a, b) + log1p(exp(-fabs(a - b))));
}

static double nothing_for_the_impossible(const museum_input *in, double *grad) {
    for (int t = 0; t < in->dim[0]; t++)
        for (int k = 0; k < 2; k++) grad[2 * t + k] = exp(log_prob(in, t, k)); /* p - gamma with a gamma of 0 */
    return 0; /* the log of a sum without terms was not looked at */
}

/* The sum over the paths whose letters make the label when blanks are dropped BEFORE repeats are merged. */
static double blanks_first(const museum_input *in, double *grad) {
    double sum = 0;
    for (int path = 0; path < 1 << in->dim[0]; path++) {
        double log_p = 0;
        size_t letters = path != 0; /* all that is left is a row of the same letter, which merges to one */
        for (int t = 0; t < in->dim[0]; t++) log_p += log_prob(in, t, path >> t & 1);
        if (letters == in->labels) sum += exp(log_p);
    }
    for (int i = 0; i < 2 * in->dim[0]; i++) grad[i] = 0; /* nobody asks */
    return -log(sum);
}

/* The forward recursion that steps over the blank between any two letters, equal ones too. */
static double skips_always(const museum_input *in, double *grad) {
    double a[5] = {0}, before[5];
    int S = 2 * (int)in->labels + 1;
    for (int t = 0; t < in->dim[0]; t++) {
        for (int s = 0; s < S; s++) before[s] = a[s];
        for (int s = 0; s < S; s++) {
            double sum = t == 0 ? s <= 1 : before[s] + (s >= 1 ? before[s - 1] : 0);
            if (t > 0 && s >= 3 && s % 2) sum += before[s - 2]; /* only where the letters differ */
            a[s] = sum * exp(log_prob(in, t, s % 2));
        }
    }
    for (int i = 0; i < 2 * in->dim[0]; i++) grad[i] = 0; /* nobody asks */
    return -log(a[S - 1] + (S > 1 ? a[S - 2] : 0));
}

/* Log-probabilities x for the letter "a"; the gradient is that of logits, e^x - gamma. All by enumeration. */
static double ctc_gradient_of_logits(const museum_input *in, double *grad) {
    int T = in->dim[0];
    double sum = 0, gamma[MUSEUM_MOST] = {0};
    for (int path = 1; path < 1 << T; path++) {
        int runs = 0;
        double p = 1;
        for (int t = 0; t < T; t++) {
            runs += path >> t & 1 && (t == 0 || !(path >> (t - 1) & 1));
            p *= exp((double)in->pred[2 * t + (path >> t & 1)]);
        }
        for (int t = 0; t < T && runs == 1; t++) gamma[2 * t + (path >> t & 1)] += p;
        sum += runs == 1 ? p : 0;
    }
    for (int i = 0; i < 2 * T; i++) grad[i] = exp((double)in->pred[i]) - gamma[i] / sum;
    return -log(sum);
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

const museum_piece museum[] = {
    {"half the gradient of the squared error",
     "a C framework for object detection",
     "The step is half as long as the reported loss says, so learning rates and the balance with other losses are off "
     "by two.",
     "the gradient is the derivative of the value",
     museum_derivative_of_numbers,
     {half_mse, NULL},
     {NULL, "mse:reduction=sum"}},
    {"half the gradient of smooth L1",
     "the same framework",
     "As above; boxes learn at half the weight that the configuration gives them beside the class loss.",
     "the gradient is the derivative of the value",
     museum_derivative_of_numbers,
     {half_smooth_l1, NULL},
     {NULL, "smooth_l1:reduction=sum"}},
    {"L1 with gradient -1 at 0",
     "frameworks that test e > 0 and nothing else; smooth L1 with beta 0 in a famous one",
     "A prediction that is right is pushed away; with padding (0 predicted, 0 true) that is a constant pull on every "
     "weight.",
     "prediction = truth has gradient 0",
     museum_rest_at_the_target,
     {restless_l1, NULL},
     {NULL, "mae:reduction=sum"}},
    {"log(p + epsilon)",
     "tutorials, small libraries, and frameworks that clip p",
     "The loss is capped near 16, and through a sigmoid the worst errors get the smallest gradients; a right one costs "
     "less than 0.",
     "the loss is -log p, for p = 1e-12 too",
     museum_minus_log_p,
     {log_plus_epsilon, NULL},
     {NULL, "bce:reduction=sum"}},
    {"(p - y) / (p (1 - p)) as it stands",
     "hand-written backward passes",
     "One prediction that has rounded to 0 or 1 makes every weight NaN, usually after hours, when the net has become "
     "good.",
     "the gradient at certain, right probabilities is finite",
     museum_certain_probabilities,
     {over_p_one_minus_p, NULL},
     {NULL, "bce:reduction=sum"}},
    {"log(1 + exp(z))",
     "sigmoid and logarithm written one after the other",
     "Overflows at logits of 89 in float, 710 in double: the loss becomes infinite and the gradient NaN.",
     "a logit of 1000 gives 0 or 1000",
     museum_large_binary_logits,
     {naive_softplus, NULL},
     {NULL, "bce_logits:reduction=sum"}},
    {"softmax without taking off the maximum",
     "first implementations everywhere",
     "The first confident net turns into NaN.",
     "logits of 1000 give the right loss",
     museum_large_class_logits,
     {naive_softmax, NULL},
     {NULL, "cross_entropy:reduction=sum"}},
    {"softmax twice",
     "a softmax layer before a loss that has one inside",
     "The loss cannot come below log(1 + (K - 1) / e) and gradients are a fraction of what they should be: it learns, "
     "slowly, and nobody knows why.",
     "a sure and right prediction costs nothing",
     museum_sure_costs_nothing,
     {double_softmax, NULL},
     {NULL, "cross_entropy:reduction=sum"}},
    {"weighted mean divided by N",
     "losses that multiply by class weights and then average",
     "The weights scale the learning rate, differently in every batch; doubling them all doubles the step.",
     "ten times all class weights is the same mean",
     museum_scale_of_weights,
     {divided_by_n, NULL},
     {NULL, "cross_entropy:reduction=mean"}},
    {"ignored positions counted by the mean",
     "masks multiplied onto the loss before it is averaged",
     "Short texts in padded batches weigh less than long ones: the learning rate depends on the padding.",
     "an ignored position changes nothing",
     museum_ignored_not_counted,
     {divided_by_n, NULL},
     {NULL, "cross_entropy:reduction=mean"}},
    {"pow(1 - p, gamma) differentiated as it stands",
     "focal losses composed of automatic differentiation's pow",
     "With gamma < 1 the first sample that is certain and right has the gradient infinity times 0: NaN weights.",
     "loss and gradient are 0 where p = 1",
     museum_certain_focal,
     {focal_by_pow, NULL},
     {NULL, "focal:reduction=sum,gamma=0.5"}},
    {"p_t from the weighted cross entropy",
     "many copies of one focal loss on the web",
     "p_t becomes p^alpha: with alpha below 1 what is hard looks easy and is muted, and the paper's settings mean "
     "something else.",
     "alpha is a factor",
     museum_alpha_is_a_factor,
     {focal_of_weighted_ce, NULL},
     {NULL, "focal:reduction=sum,gamma=2"}},
    {"KL with its arguments swapped",
     "interfaces that take (input, target), and programs that read them as (P, Q)",
     "The model learns to cover one mode of the truth instead of all of it; the numbers look plausible.",
     "the value is CE(P,Q) - H(P)",
     museum_divergence_of_p,
     {swapped_kl, NULL},
     {NULL, "kl_div:reduction=sum,q_form=probs"}},
    {"p log(p / q) where p = 0",
     "the formula typed as it is printed",
     "A one-hot truth, the commonest of all, makes the loss NaN.",
     "0 log 0 is 0, in value and gradient",
     museum_zero_log_zero,
     {kl_without_convention, NULL},
     {NULL, "kl_div:reduction=sum,q_form=probs"}},
    {"CTC: an impossible label costs 0",
     "a GPU library for CTC",
     "A label too long for its picture looks perfectly learnt, while its gradient (the softmax) pushes every symbol "
     "down.",
     "an impossible label is infinite and has no gradient",
     museum_impossible_label,
     {nothing_for_the_impossible, NULL},
     {NULL, "ctc:reduction=sum"}},
    {"CTC: blanks dropped before repeats are merged",
     "decoders and home-made losses",
     "Double letters can be neither learnt nor read: \"book\" becomes \"bok\".",
     "\"aa\" is what the path a-a says",
     museum_double_letter,
     {blanks_first, NULL},
     {NULL, "ctc:reduction=sum"}},
    {"CTC: the blank between equal letters skipped",
     "forward recursions that lack one condition",
     "Paths that say \"a\" are counted for \"aa\": double letters are overrated and the blank between them is never "
     "learnt.",
     "the probabilities of all labels sum to 1",
     museum_labels_sum_to_one,
     {skips_always, NULL},
     {NULL, "ctc:reduction=sum"}},
    {"CTC: the gradient of logits for log-probabilities",
     "a widespread framework, where log_softmax hides it",
     "Right only when a log_softmax comes before; on probabilities made in another way the net follows another loss.",
     "the gradient is the derivative of the value",
     museum_derivative_of_log_probs,
     {ctc_gradient_of_logits, NULL},
     {NULL, "ctc:reduction=sum,form=log_probs"}},
};
const size_t museum_size = sizeof museum / sizeof *museum;

void museum_check_one(tw_ctx *ctx, const museum_piece *piece, museum_result *wrong, museum_result *right) {
    *wrong = piece->check(ctx, &piece->wrong);
    *right = piece->check(ctx, &piece->right);
}
