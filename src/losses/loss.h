/* loss.h - what several losses share beside extend.h: a row's softmax, one logit's sigmoid, losses of a difference,
 * the options every loss has, drawing samples. */
#ifndef TW_LOSS_H
#define TW_LOSS_H

#include <thalweg/extend.h>

#include <math.h>

/* ---- softmax and sigmoid --------------------------------------------------------------------------------- */

/* Returns ln sum_k e^(z_k) of K logits, `step` elements apart, and writes p_k = e^(z_k) / sum_k e^(z_k) at the same
 * distances unless p is NULL. The maximum is taken out first, so nothing overflows; sums are in double, so that
 * z_k minus the result is log p_k to the accuracy of z even for logits of 1e4. A row of -inf only, or one that holds
 * NaN or +inf, gives NaN. No logits: -inf. */
double tw__log_sum_exp(const tw_real *z, size_t K, size_t step, tw_real *p);

/* quote: sigmoid */
/* p = 1 / (1 + e^-z), exact also where p is tiny. */
static inline double tw__sigmoid(double z) {
    double e = exp(-fabs(z));
    return (z < 0 ? e : 1) / (1 + e);
}
/* log(1 + e^z): -log of 1 - sigmoid(z), and for -z of sigmoid(z). 0 at -inf, +inf at +inf. */
static inline double tw__softplus(double z) { return (z > 0 ? z : 0) + log1p(exp(-fabs(z))); }
/* end quote */

/* ---- losses of the difference e = y - t ------------------------------------------------------------------- */

/* value[i] = l(y[i] - t[i]), and slope[i] = dl/de at y[i] - t[i]; param is the loss's delta or beta. */
typedef struct tw__difference {
    const char *what;
    const tw_op *op; /* whose backward is tw__difference_backward */
    void (*value)(size_t n, const tw_real *y, const tw_real *t, double param, tw_real *l);
    void (*slope)(size_t n, const tw_real *y, const tw_real *t, double param, tw_real *d);
} tw__difference;
/* kind must be static. */
tw_tensor *tw__difference_loss(tw_ctx *ctx, const tw__difference *kind, tw_tensor *pred, tw_tensor *target,
                               tw_reduction reduction, tw_tensor *sample_weight, double param);
void tw__difference_backward(tw_ctx *ctx, tw_node *n);
/* Two or three dimensions, so that a sample has several elements; no two elements are nearer than 1e-3, and none of
 * `kinks` (n of them) nearer to |y - t|. */
tw_err tw__difference_sample(tw_ctx *ctx, uint64_t stream, int n, const double *kinks, tw_cost_problem *p);

/* ---- checks and options ----------------------------------------------------------------------------------- */

/* True when pred and target have one shape, else a SHAPE error is in ctx. */
bool tw__same_shape(tw_ctx *ctx, const char *what, const tw_tensor *pred, const tw_tensor *target);
/* True when no element lies outside 0..1, else a RANGE error names it. NaN passes: a sample left out may hold it. */
bool tw__probabilities(tw_ctx *ctx, const char *what, const tw_tensor *t);
/* A copy in the step of a list of weights: n finite numbers of 0 or above, or one when one_for_all; {NULL, 0} for an
 * empty one. False after an error. */
bool tw__list_copy(tw_ctx *ctx, const char *what, const char *name, tw_reals list, size_t n, bool one_for_all,
                   tw_reals *copy);
/* True when low <= value <= high (false for NaN), else a RANGE error is in ctx. */
bool tw__in_range(tw_ctx *ctx, const char *what, const char *name, double value, double low, double high);

extern const char *const tw__reduction_names[]; /* "mean", "sum", "none", "batchmean", NULL */
extern const char *const tw__form_names[];      /* "logits", "probs", "log_probs", NULL */
/* The line of an option table for the member `reduction` of struct type. */
#define TW__REDUCTION_OPTION(type)                                                                            \
    {                                                                                                         \
        "reduction", TW_OPTION_ENUM, offsetof(type, reduction), TW_REDUCTION_MEAN, 0, 0, tw__reduction_names, \
            "mean over all terms, their sum, none: a loss for each, or batchmean: the sum by N"               \
    }
/* Every options struct begins with a reduction and a sample_weight, which target may replace: `o` is a copy. */
#define TW__WITH_WEIGHT(o, target) \
    if ((target)->sample_weight) (o).sample_weight = (target)->sample_weight

/* ---- drawing problems, for `sample` -------------------------------------------------------------------- */

/* Draw i of a stream as an integer in low..high. */
int tw__draw_int(uint64_t stream, uint64_t i, int low, int high);
/* n numbers from N(0, scale^2), draws first, first + 1, ..; NULL when memory ran out. */
tw_real *tw__draw_normals(tw_ctx *ctx, uint64_t stream, uint64_t first, size_t n, double scale);
/* n numbers from U[low, high). */
tw_real *tw__draw_uniforms(tw_ctx *ctx, uint64_t stream, uint64_t first, size_t n, double low, double high);
/* A shape of low..high dimensions from 1 to 4; returns its size. */
size_t tw__draw_shape(uint64_t stream, int low, int high, tw_cost_problem *p);

#endif
