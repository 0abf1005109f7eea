/* thalweg/losses.h - CostLayers: the last layer of a network, which compares a prediction with the truth.
 *
 * Each loss takes logits where a softmax or sigmoid precedes it and works in log space. What a loss of several
 * numbers compares is called a term: an element, a position, or a sample, as said with each.
 *
 * OPTIONS: NULL means the defaults. Otherwise START FROM tw_<loss>_defaults(), unlike with layers: every value is taken
 * literally, and 0 too. In &(tw_cross_entropy_options){.label_smoothing = 0.1} ignore_index is 0, so that class 0 is
 * left out of the loss; in &(tw_focal_options){0} gamma is 0. Right is
 *     tw_cross_entropy_options o = tw_cross_entropy_defaults();
 *     o.label_smoothing = 0.1;
 *
 * Every options struct begins with a reduction and a sample_weight: NULL, or a tensor [N] that multiplies each
 * sample's terms. mean still divides by the number of terms. A weight of 0 leaves a sample out, even one whose loss is
 * infinite. The weights are constants, finite and 0 or above: others are a RANGE error, and so is a tensor that wants a
 * gradient (tw_detach it).
 *
 * Targets that are tensors get a gradient when they want one. Errors: SHAPE for targets that do not belong to the
 * prediction, RANGE for classes, options or probabilities that cannot be. docs/losses derives every gradient. */
#ifndef THALWEG_LOSSES_H
#define THALWEG_LOSSES_H

#include <thalweg/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* mean: the sum of the terms by their number, or by the sum of the class weights where a loss has them. none: every
 * term. batchmean: the sum by N. The mean over nothing (an empty batch) is NaN and the sum 0, as in PyTorch. */
typedef enum tw_reduction {
    TW_REDUCTION_MEAN = 0,
    TW_REDUCTION_SUM,
    TW_REDUCTION_NONE,
    TW_REDUCTION_BATCHMEAN
} tw_reduction;

/* What the numbers of a prediction are, for losses that take more than one form. */
typedef enum tw_form { TW_FORM_LOGITS = 0, TW_FORM_PROBS, TW_FORM_LOG_PROBS } tw_form;

/* ==== numbers: a term for each element; pred and target of one shape; e = y - t =============================== */

/* ---- mean squared error: e^2; gradient 2 e.  (Legendre 1805) */
typedef struct tw_mse_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
} tw_mse_options;
TW_API tw_mse_options tw_mse_defaults(void);
TW_API tw_tensor *tw_mse_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_mse_options *options);

/* ---- mean absolute error: |e|; gradient sign(e), 0 at 0.  (Boscovich 1757) */
typedef struct tw_mae_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
} tw_mae_options;
TW_API tw_mae_options tw_mae_defaults(void);
TW_API tw_tensor *tw_mae_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_mae_options *options);

/* ---- Huber: e^2 / 2 where |e| <= delta, delta (|e| - delta / 2) beyond; gradient e, held to -delta..delta. delta > 0;
 * infinity gives half the MSE, and loss / delta comes to the MAE as delta goes to 0.  (Huber 1964) */
typedef struct tw_huber_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    double delta; /* 1 */
} tw_huber_options;
TW_API tw_huber_options tw_huber_defaults(void);
TW_API tw_tensor *tw_huber_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_huber_options *options);

/* ---- smooth L1: Huber / beta, which is e^2 / (2 beta) where |e| < beta and |e| - beta / 2 beyond; gradient e / beta,
 * held to -1..1. beta >= 0; 0 is the MAE.  (Girshick 2015) */
typedef struct tw_smooth_l1_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    double beta; /* 1 */
} tw_smooth_l1_options;
TW_API tw_smooth_l1_options tw_smooth_l1_defaults(void);
TW_API tw_tensor *tw_smooth_l1_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target,
                                    const tw_smooth_l1_options *options);

/* ==== yes or no: a term for each element, independent of the others (multi-label); target y in 0..1 ============= */

/* ---- binary cross entropy: -(w y log p + (1 - y) log(1 - p)), w the pos_weight. tw_bce_logits_loss has
 * p = sigmoid(z) inside: gradient (1 - y) p - w y (1 - p), for w = 1 p - y; finite for all finite logits, and the right
 * limit at infinite ones. tw_bce_loss takes p in 0..1, else RANGE: gradient (1 - y)/(1 - p) - w y / p, and +inf where
 * p excludes what is true: nothing is clamped. */
typedef struct tw_bce_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    tw_reals pos_weight;    /* none, one number, or one for each entry of the last axis */
    double label_smoothing; /* 0; y becomes (1 - s) y + s / 2 */
} tw_bce_options;
TW_API tw_bce_options tw_bce_defaults(void);
TW_API tw_tensor *tw_bce_loss(tw_ctx *ctx, tw_tensor *probs, tw_tensor *target, const tw_bce_options *options);
TW_API tw_tensor *tw_bce_logits_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target, const tw_bce_options *options);

/* ==== classes: logits [N,K] or [N,K,..], classes on axis 1; a term for each remaining position [N,..] ============
 * A target is one index per position, row-major; an index outside 0..K-1 is a RANGE error. */

/* ---- cross entropy with softmax: -w_c log softmax(z)_c for class c, in Keras "sparse categorical"; gradient
 * w_c (p - onehot). tw_soft_cross_entropy_loss, "categorical": -sum_k w_k t_k log softmax(z)_k, target of z's shape
 * (a distribution, but any numbers are taken as they are); gradient p sum(w t) - w t. Label smoothing s makes t into
 * (1 - s) t + s / K. With class weights the mean over indices divides by the sum of w_c, as in PyTorch; over soft
 * targets by the number of positions.
 * form PROBS takes p itself, as textbooks write it (gradient -w t / p), LOG_PROBS log p (gradient -w t). */
typedef struct tw_cross_entropy_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    tw_form form;           /* LOGITS */
    tw_reals class_weight;  /* none, or [K] */
    double label_smoothing; /* 0 */
    int ignore_index;       /* -100; positions of this class have loss and gradient 0 and are not counted by mean */
    bool strict_mean;       /* false: the mean over ignored positions only is 0; true: NaN, as in PyTorch */
} tw_cross_entropy_options;
TW_API tw_cross_entropy_options tw_cross_entropy_defaults(void);
TW_API tw_tensor *tw_cross_entropy_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels target,
                                        const tw_cross_entropy_options *options);
TW_API tw_tensor *tw_soft_cross_entropy_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target,
                                             const tw_cross_entropy_options *options);

/* ---- negative log-likelihood: -w_c x_c, x log-probabilities (tw_log_softmax); gradient -w_c at the class. */
typedef struct tw_nll_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    tw_reals class_weight; /* none, or [K] */
    int ignore_index;      /* -100; as for cross entropy */
    bool strict_mean;
} tw_nll_options;
TW_API tw_nll_options tw_nll_defaults(void);
TW_API tw_tensor *tw_nll_loss(tw_ctx *ctx, tw_tensor *log_probs, tw_labels target, const tw_nll_options *options);

/* ---- focal: -alpha_t (1 - p_t)^gamma log p_t, p_t the probability of the truth before any weight; gamma >= 0. Without
 * alpha gamma 0 is cross entropy, bit for bit. mean divides by the number of terms, also with alpha.
 * tw_focal_loss: softmax over K classes, alpha none, one number for all, or [K]. tw_binary_focal_loss: sigmoid of each
 * element, alpha one number: alpha for y = 1, 1 - alpha for y = 0; a y in between mixes the two.  (Lin et al. 2017) */
typedef struct tw_focal_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    double gamma;   /* 2 */
    tw_reals alpha; /* none */
} tw_focal_options;
TW_API tw_focal_options tw_focal_defaults(void);
TW_API tw_tensor *tw_focal_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels target, const tw_focal_options *options);
TW_API tw_tensor *tw_binary_focal_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target,
                                       const tw_focal_options *options);

/* ---- balanced cross entropy: -beta_c log p_c, the rarer class weighing more; mean divides by the number of terms.
 * Without beta it comes from the batch: the share of the terms that are NOT of class c, (n - n_c) / n, over samples
 * whose sample_weight is not 0. A class that is absent has weight 1 and no term; if only one class is there its weight
 * is 0, hence the loss and the gradient: such a batch says nothing about the balance. Targets get a gradient only when
 * beta is given.
 * tw_balanced_ce_loss: softmax over K classes, beta [K]. tw_binary_balanced_ce_loss: sigmoid of each element, beta one
 * number: -(beta y log p + (1 - beta) (1 - y) log(1 - p)).  (Xie and Tu 2015) */
typedef struct tw_balanced_ce_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    tw_reals beta; /* none: from the batch */
} tw_balanced_ce_options;
TW_API tw_balanced_ce_options tw_balanced_ce_defaults(void);
TW_API tw_tensor *tw_balanced_ce_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels target,
                                      const tw_balanced_ce_options *options);
TW_API tw_tensor *tw_binary_balanced_ce_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target,
                                             const tw_balanced_ce_options *options);

/* ==== distributions ============================================================================================== */

/* ---- Kullback-Leibler divergence KL(P || Q) = sum P log(P / Q): what it costs to take Q (the model) for P (the
 * truth). Say which is which: tw_kl_div_loss(ctx, (tw_kl_pair){.p = truth, .q = model}, NULL). Both of one shape, a
 * term for each element, 0 where P is 0; PyTorch's `input` is q, its `target` p. Gradient -P to log Q, -P/Q to Q,
 * log(P/Q) + 1 to P, P (log(P/Q) + 1) to log P. Over a distribution per sample use batchmean.
 * (Kullback and Leibler 1951) */
typedef struct tw_kl_pair {
    tw_tensor *p, *q;
} tw_kl_pair;
typedef struct tw_kl_div_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    tw_form p_form; /* PROBS, or LOG_PROBS */
    tw_form q_form; /* LOG_PROBS, or PROBS */
} tw_kl_div_options;
TW_API tw_kl_div_options tw_kl_div_defaults(void);
TW_API tw_tensor *tw_kl_div_loss(tw_ctx *ctx, tw_kl_pair pair, const tw_kl_div_options *options);

/* ==== sequences =================================================================================================== */

/* ---- connectionist temporal classification: -ln p(l|x), p(l|x) the sum over all paths that B (merge repeats,
 * drop blanks) maps to l; a term for each sample; logits [T,N,K], softmax inside. labels: the samples' texts one after
 * another, without blanks; label_lengths [N]; input_lengths [N], or {NULL,0} for all T. Gradient p - gamma: rows sum
 * to 0, and are exactly 0 on frames past a sample's length. form LOG_PROBS takes log p, without the softmax: gradient
 * -gamma, rows sum to -1 (PyTorch's ctc_loss returns p - gamma there too: the gradient through log_softmax).
 * A label that does not fit (length < L + adjacent repeats) gives +inf and gradient 0, or 0 and gradient 0 with
 * zero_infinity. So one such sample makes mean and sum +inf, which tw_backward refuses as NONFINITE; with reduction
 * none the others' gradients are there. mean: PyTorch's divides each by its label length (at least 1) first; here that
 * is `mean_by_length`, and plain mean is the mean over N. Lengths or symbols that cannot be (outside 0..K-1, equal to
 * the blank, longer than T, not adding up) are errors before anything is read.  (Graves et al. 2006) */
typedef struct tw_ctc_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
    tw_form form; /* LOGITS, or LOG_PROBS */
    int blank;    /* 0 <= blank < K; default 0 */
    bool zero_infinity;
    bool mean_by_length; /* divide each sample's loss by max(L,1) before the reduction mean */
    int *infeasible;     /* NULL, or where to write how many samples have loss +inf (with zero_infinity: would have) */
    int32_t *infeasible_at; /* NULL, or room for N: which samples those are, ascending */
} tw_ctc_options;
TW_API tw_ctc_options tw_ctc_defaults(void);
TW_API tw_tensor *tw_ctc_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels labels, tw_labels label_lengths,
                              tw_labels input_lengths, const tw_ctc_options *options);
/* Does a label of n symbols fit into T frames? T >= n + adjacent repeats. */
TW_API bool tw_ctc_fits(int T, const int32_t *label, size_t n);
/* ln p(label|x) of one sample by the forward recursion over logits [T,K] with a row stride; -inf: impossible.
 * NaN after an error (a label that cannot be, no memory), which is in ctx; and, which is none, where a frame's logits
 * include NaN or +inf, or are all -inf. */
TW_API double tw_ctc_log_prob(tw_ctx *ctx, const tw_real *logits, int T, int K, size_t row_stride, const int32_t *label,
                              int L, int blank);

/* ==== the registry: every loss by name, "focal:gamma=2,alpha=[.2,.8]" ============================================= */

/* What a loss compares the prediction with; some accept two kinds (focal: classes, or a tensor of yes and no). */
typedef enum tw_target_kind { TW_TARGET_TENSOR = 1, TW_TARGET_CLASSES = 2, TW_TARGET_SEQUENCES = 4 } tw_target_kind;
typedef struct tw_target {
    tw_tensor *tensor;                              /* TENSOR: of the prediction's shape; NULL for the others */
    tw_labels classes;                              /* CLASSES: an index per position */
    tw_labels labels, label_lengths, input_lengths; /* SEQUENCES */
    tw_tensor *sample_weight;                       /* NULL, or [N]: the sample_weight of the loss's options */
} tw_target;

typedef struct tw_cost_layer tw_cost_layer; /* the record; its members are in extend.h */
typedef struct tw_cost {                    /* a loss with its options, ready to apply */
    const tw_cost_layer *layer;
    double options[32]; /* storage for the loss's options struct */
} tw_cost;
/* "name" or "name:k=v,k=v". RANGE for an unknown name or option, with the nearest suggested. Lists in the options are
 * ctx's memory. */
TW_API TW_MUST_CHECK tw_err tw_cost_find(tw_ctx *ctx, const char *spec, tw_cost *cost);
/* Compares with target->tensor where the loss accepts one and it is there, else with the classes or sequences. */
TW_API tw_tensor *tw_cost_apply(tw_ctx *ctx, const tw_cost *cost, tw_tensor *pred, const tw_target *target);
TW_API size_t tw_cost_count(void);
TW_API const tw_cost_layer *tw_cost_at(size_t i);
TW_API const char *tw_cost_name(const tw_cost_layer *layer);
TW_API bool tw_cost_accepts(const tw_cost_layer *layer, tw_target_kind kind);
/* What the prediction must be for this loss with its options: nll wants LOG_PROBS (a tw_log_softmax before it), bce
 * PROBS. LOGITS: the network's own numbers. */
TW_API tw_form tw_cost_form(const tw_cost *cost);

#ifdef __cplusplus
}
#endif
#endif
