/* loss.h - what several losses share beside extend.h: a row's softmax, the option every loss has, drawing samples. */
#ifndef TW_LOSS_H
#define TW_LOSS_H

#include <thalweg/extend.h>

/* Returns ln sum_k e^(z_k) of K logits, `step` elements apart, and writes p_k = e^(z_k) / sum_k e^(z_k) at the same
 * distances unless p is NULL. The maximum is taken out first, so nothing overflows; sums are in double, so that
 * z_k minus the result is log p_k to the accuracy of z even for logits of 1e4. A row of -inf only, or one that holds
 * NaN or +inf, gives NaN. No logits: -inf. */
double tw__log_sum_exp(const tw_real *z, size_t K, size_t step, tw_real *p);

/* True when pred and target have one shape, else a SHAPE error is in ctx. */
bool tw__same_shape(tw_ctx *ctx, const char *what, const tw_tensor *pred, const tw_tensor *target);

extern const char *const tw__reduction_names[]; /* "mean", "sum", "none", NULL */
/* The line of an option table for the member `reduction` of struct type. */
#define TW__REDUCTION_OPTION(type)                                                                            \
    {                                                                                                         \
        "reduction", TW_OPTION_ENUM, offsetof(type, reduction), TW_REDUCTION_MEAN, 0, 0, tw__reduction_names, \
            "mean over all terms, their sum, or none: a loss for each"                                        \
    }

/* ---- drawing problems, for `sample` -------------------------------------------------------------------- */

/* Draw i of a stream as an integer in low..high. */
int tw__draw_int(uint64_t stream, uint64_t i, int low, int high);
/* n numbers from N(0, scale^2), draws first, first + 1, ..; NULL when memory ran out. */
tw_real *tw__draw_normals(tw_ctx *ctx, uint64_t stream, uint64_t first, size_t n, double scale);

#endif
