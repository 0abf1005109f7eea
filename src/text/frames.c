/* frames.c - see frames.h. */
#include "text/frames.h"

#include "losses/ctc.h"

#include <math.h>

tw_err tw__frames_check(tw_ctx *ctx, const char *what, int T, int K, size_t stride, int blank) {
    if (T < 0 || K < 1) return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %d frames of %d classes", what, T, K);
    if (blank < 0 || blank >= K)
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: the blank is class %d of %d", what, blank, K);
    if (T > 1 && stride < (size_t)K)
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: frames of %d classes are %zu numbers apart", what, K, stride);
    return TW_OK;
}

static tw_err bad_frame(tw_ctx *ctx, const char *what, const tw_real *z, int t, int K) {
    for (int k = 0; k < K; k++)
        if (isnan(z[k]) || (isinf(z[k]) && z[k] > 0))
            return tw_fail_err(ctx, TW_ERR_NONFINITE, "%s: class %d of frame %d is %s", what, k, t,
                               isnan(z[k]) ? "NaN" : "infinite");
    return tw_fail_err(ctx, TW_ERR_NONFINITE, "%s: every class of frame %d is -inf", what, t);
}

tw_err tw__frames_norm(tw_ctx *ctx, const char *what, const tw_real *z, int T, int K, size_t stride, tw__norm *norm) {
    for (int t = 0; t < T; t++, z += stride) {
        tw__ctc_frame sum;
        TW_ISA_CALL(tw__ctc_softmax)(1, (size_t)K, z, &sum);
        if (!isfinite(sum.max) || !isfinite(sum.sum)) return bad_frame(ctx, what, z, t, K);
        norm[t] = (tw__norm){(double)sum.max, log(sum.sum)};
    }
    return TW_OK;
}
