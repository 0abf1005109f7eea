/* dropout_layer.c - tw_dropout as a layer. */
#include <thalweg/extend.h>

typedef struct dropout {
    tw_layer base;
    double p;
} dropout;

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    return tw_dropout(ctx, x, (tw_real)((dropout *)layer)->p);
}

static const tw_layer_class dropout_class = {"dropout", forward, NULL};

tw_layer *tw_dropout_new(tw_params *params, double p) {
    if (!params) return NULL;
    if (!(p >= 0 && p <= 1))
        return tw_fail(tw_params_ctx(params), TW_ERR_RANGE, "dropout: the probability is between 0 and 1, not %g", p);
    dropout *d = (dropout *)tw_layer_new(params, &dropout_class, sizeof *d, NULL);
    if (!d) return NULL;
    d->p = p;
    return &d->base;
}
