/* grad_own.c - the gradients of the layer and the loss of docs/own.md. */
#include "util.h"
#include "util_own.h"

static tw_tensor *block(tw_ctx *ctx, tw_tensor *const *leaf, void *layer) { return tw_forward(ctx, layer, leaf[0]); }

static tw_tensor *loss(tw_ctx *ctx, tw_tensor *const *leaf, void *q) {
    return quantile_loss(ctx, leaf[0], leaf[1], *(double *)q);
}

Test(grad_own, layer) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *dense = tw_dense_new(params, "fc", 4, 4, &(tw_dense_options){.act = TW_ACT_TANH});
    tw_layer *layer = residual_new(params, "block", dense);
    tw_real x[12];
    fill_random(x, 12, 3, -1, 1);
    assert_gradcheck(ctx, block, layer, 1, &((tw_gradcheck_leaf){.value = x, .ndim = 2, .dim = {3, 4}}), 1e-6);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

Test(grad_own, loss) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real y[12], t[12];
    fill_distinct(y, 12, 3, 0.1); /* away from e = 0, where the loss has a kink */
    for (int i = 0; i < 12; i++) t[i] = y[(i + 5) % 12];
    for (double q = 0.1; q < 1; q += 0.4) {
        tw_gradcheck_leaf leaf[] = {{.value = y, .ndim = 2, .dim = {3, 4}}, {.value = t, .ndim = 2, .dim = {3, 4}}};
        assert_gradcheck(ctx, loss, &q, 2, leaf, 1e-6);
    }
    tw_ctx_free(ctx);
}
