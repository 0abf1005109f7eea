/* thalweg/losses.h - CostLayers: the last layer of a network, which compares a prediction with the truth.
 *
 * Each loss takes logits where a softmax or sigmoid precedes it and works in log space. Options NULL means the
 * defaults; otherwise start from tw_<loss>_defaults(): every value is taken literally. The result has no
 * dimensions (mean, sum) or one value per sample or element (none), as in PyTorch; the mean over nothing (an empty
 * batch) is NaN and the sum 0, also as there.
 *
 * Every options struct has a sample_weight: NULL, or a tensor [N] that multiplies each sample's terms. mean still
 * divides by the number of terms. A weight of 0 leaves a sample out, even one whose loss is infinite. The weights
 * are constants: a tensor that wants a gradient is refused (tw_detach it). */
#ifndef THALWEG_LOSSES_H
#define THALWEG_LOSSES_H

#include <thalweg/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_reduction { TW_REDUCTION_MEAN = 0, TW_REDUCTION_SUM, TW_REDUCTION_NONE } tw_reduction;

/* ---- mean squared error: (y - t)^2 per element; pred and target of one shape; gradient 2 (y - t), and its
 * negative to the target when that wants one. mean is over elements. */
typedef struct tw_mse_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
} tw_mse_options;
TW_API tw_mse_options tw_mse_defaults(void);
TW_API tw_tensor *tw_mse_loss(tw_ctx *ctx, tw_tensor *pred, tw_tensor *target, const tw_mse_options *options);

/* ---- cross entropy with softmax: -log softmax(z)[class]; z [N,K] or [N,K,..] (classes on axis 1), target one
 * index per remaining position, row-major. Gradient p - onehot. An index outside 0..K-1 is a RANGE error.
 * tw_soft_cross_entropy_loss: -sum_k t_k log softmax(z)_k, target of z's shape; gradient p sum(t) - t, and
 * -log p to the target when it wants one. mean is over N (times the remaining positions). */
typedef struct tw_cross_entropy_options {
    tw_reduction reduction;
    tw_tensor *sample_weight;
} tw_cross_entropy_options;
TW_API tw_cross_entropy_options tw_cross_entropy_defaults(void);
TW_API tw_tensor *tw_cross_entropy_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels target,
                                        const tw_cross_entropy_options *options);
TW_API tw_tensor *tw_soft_cross_entropy_loss(tw_ctx *ctx, tw_tensor *logits, tw_tensor *target,
                                             const tw_cross_entropy_options *options);

/* ---- connectionist temporal classification: -ln p(l|x), p(l|x) the sum over all paths that B (merge repeats,
 * drop blanks) maps to l; logits [T,N,K], softmax inside. labels: the samples' texts one after another, without
 * blanks; label_lengths [N]; input_lengths [N], or {NULL,0} for all T. Gradient p - gamma: rows sum to 0, and are
 * exactly 0 on frames past a sample's length. A label that does not fit (length < L + adjacent repeats) gives
 * +inf and gradient 0, or 0 and gradient 0 with zero_infinity. So one such sample makes mean and sum +inf, which
 * tw_backward refuses as NONFINITE; with reduction none the others' gradients are there. mean: PyTorch's divides
 * each by its label length (at least 1) first; here that is `mean_by_length`, and plain mean is the mean over N.
 * Lengths or symbols that cannot be (outside 0..K-1, equal to the blank, longer than T, not adding up) are errors
 * before anything is read.  (Graves et al. 2006) */
typedef struct tw_ctc_options {
    tw_reduction reduction;
    int blank; /* 0 <= blank < K; default 0 */
    bool zero_infinity;
    bool mean_by_length; /* divide each sample's loss by max(L,1) before the reduction mean */
    int *infeasible;     /* NULL, or where to write how many samples have loss +inf (with zero_infinity: would have) */
    tw_tensor *sample_weight;
} tw_ctc_options;
TW_API tw_ctc_options tw_ctc_defaults(void);
TW_API tw_tensor *tw_ctc_loss(tw_ctx *ctx, tw_tensor *logits, tw_labels labels, tw_labels label_lengths,
                              tw_labels input_lengths, const tw_ctc_options *options);
/* Does a label of n symbols fit into T frames? T >= n + adjacent repeats. */
TW_API bool tw_ctc_fits(int T, const int32_t *label, size_t n);
/* ln p(label|x) of one sample by the forward recursion over logits [T,K] with a row stride; -inf: impossible.
 * NaN after an error (a label that cannot be, no memory), which is in ctx. */
TW_API double tw_ctc_log_prob(tw_ctx *ctx, const tw_real *logits, int T, int K, size_t row_stride, const int32_t *label,
                              int L, int blank);

/* ---- the registry: every loss by name, "ctc:blank=0,zero_infinity=1" -------------------------------- */
typedef enum tw_target_kind { TW_TARGET_TENSOR, TW_TARGET_CLASSES, TW_TARGET_SEQUENCES } tw_target_kind;
typedef struct tw_target {
    tw_tensor *tensor;                              /* TENSOR: of the prediction's shape */
    tw_labels classes;                              /* CLASSES: an index per position */
    tw_labels labels, label_lengths, input_lengths; /* SEQUENCES */
    tw_tensor *sample_weight;                       /* NULL, or [N]: the sample_weight of the loss's options */
} tw_target;

typedef struct tw_cost_layer tw_cost_layer; /* the record; its members are in extend.h */
typedef struct tw_cost {                    /* a loss with its options, ready to apply */
    const tw_cost_layer *layer;
    double options[32]; /* storage for the loss's options struct */
} tw_cost;
/* "name" or "name:k=v,k=v". RANGE for an unknown name or option, with the nearest suggested. */
TW_API TW_MUST_CHECK tw_err tw_cost_find(tw_ctx *ctx, const char *spec, tw_cost *cost);
TW_API tw_tensor *tw_cost_apply(tw_ctx *ctx, const tw_cost *cost, tw_tensor *pred, const tw_target *target);
TW_API size_t tw_cost_count(void);
TW_API const tw_cost_layer *tw_cost_at(size_t i);
TW_API const char *tw_cost_name(const tw_cost_layer *layer);
TW_API tw_target_kind tw_cost_target_kind(const tw_cost_layer *layer);

#ifdef __cplusplus
}
#endif
#endif
