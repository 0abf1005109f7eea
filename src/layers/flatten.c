/* flatten.c - the two reshapings networks need between their parts: [N,..] -> [N,D] and image -> sequence. */
#include <limits.h>
#include <thalweg/extend.h>

/* The product of n dimensions, or -1 when it is no int. */
static int product(int n, const int *dim) {
    long long p = 1;
    bool empty = false;
    for (int i = 0; i < n; i++) {
        empty |= !dim[i];
        if (p <= INT_MAX) p *= dim[i];
    }
    return empty ? 0 : p > INT_MAX ? -1 : (int)p;
}

tw_tensor *tw_flatten(tw_ctx *ctx, tw_tensor *x) {
    if (!x) return NULL;
    if (x->ndim < 1)
        return tw_fail(ctx, TW_ERR_SHAPE, "flatten: the input has no batch dimension: %s", tw_describe(ctx, x));
    int rest = product(x->ndim - 1, x->dim + 1);
    if (rest < 0)
        return tw_fail(ctx, TW_ERR_SHAPE, "flatten: too many features in one sample: %s", tw_describe(ctx, x));
    return tw_reshape(ctx, x, 2, (int[]){x->dim[0], rest});
}

tw_tensor *tw_image_to_sequence(tw_ctx *ctx, tw_tensor *x) {
    if (!x) return NULL;
    if (x->ndim != 4)
        return tw_fail(ctx, TW_ERR_SHAPE, "image_to_sequence: the input is [N,C,H,W], not %s", tw_describe(ctx, x));
    int N = x->dim[0], W = x->dim[3], features = product(2, x->dim + 1);
    if (features < 0)
        return tw_fail(ctx, TW_ERR_SHAPE, "image_to_sequence: too many features in one column: %s",
                       tw_describe(ctx, x));
    tw_tensor *columns = tw_permute(ctx, x, (int[]){3, 0, 1, 2}); /* [W,N,C,H] */
    return tw_reshape(ctx, columns, 3, (int[]){W, N, features});
}

/* ---- the layers --------------------------------------------------------------------------------------- */

static tw_tensor *flatten_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    (void)layer;
    return tw_flatten(ctx, x);
}

static tw_tensor *sequence_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    (void)layer;
    return tw_image_to_sequence(ctx, x);
}

static const tw_layer_class flatten_class = {"flatten", flatten_forward, NULL};
static const tw_layer_class sequence_class = {"image_to_sequence", sequence_forward, NULL};

tw_layer *tw_flatten_new(tw_params *params) { return tw_layer_new(params, &flatten_class, sizeof(tw_layer), NULL); }

tw_layer *tw_image_to_sequence_new(tw_params *params) {
    return tw_layer_new(params, &sequence_class, sizeof(tw_layer), NULL);
}
