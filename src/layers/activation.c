/* activation.c - tw_activation and its layer: an activation by its tw_act value. */
#include <thalweg/extend.h>

#include "layers/epilogue.h"
#include "tensor/internal.h"

bool tw__act_ok(tw_ctx *ctx, const char *what, tw_act act) {
    if ((unsigned)act <= TW_ACT_GELU_TANH) return true;
    tw_fail(ctx, TW_ERR_RANGE, "%s: %d is not an activation", what, (int)act);
    return false;
}

tw_tensor *tw_activation(tw_ctx *ctx, tw_tensor *x, tw_act act) {
    switch (act) {
    case TW_ACT_NONE: return x;
    case TW_ACT_RELU: return tw_relu(ctx, x);
    case TW_ACT_LEAKY_RELU: return tw_leaky_relu(ctx, x, TW__LEAKY_SLOPE);
    case TW_ACT_SIGMOID: return tw_sigmoid(ctx, x);
    case TW_ACT_TANH: return tw_tanh(ctx, x);
    case TW_ACT_GELU: return tw_gelu(ctx, x);
    case TW_ACT_GELU_TANH: return tw_gelu_tanh(ctx, x);
    }
    tw__act_ok(ctx, "activation", act);
    return NULL;
}

tw_tensor *tw__act_apart(tw_ctx *ctx, tw_tensor *z, tw_act act) {
    tw_tensor *y = tw_activation(ctx, z, act);
    if (z && y && !ctx->recording) tw__tensor_recycle(ctx, z);
    return y;
}

/* ---- the layer ---------------------------------------------------------------------------------------- */

typedef struct activation {
    tw_layer base;
    tw_act act;
} activation;

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    return tw_activation(ctx, x, ((activation *)layer)->act);
}

static const tw_layer_class activation_class = {"activation", forward, NULL};

tw_layer *tw_activation_new(tw_params *params, tw_act act) {
    if (!params || !tw__act_ok(tw_params_ctx(params), "activation", act)) return NULL;
    activation *a = (activation *)tw_layer_new(params, &activation_class, sizeof *a, NULL);
    if (!a) return NULL;
    a->act = act;
    return &a->base;
}
