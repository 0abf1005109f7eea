/* layer.h - what every function that uses a layer checks. */
#ifndef TW_LAYER_H
#define TW_LAYER_H

#include <thalweg/layers.h>

/* False, with STATE in ctx, for a layer of another context: its gradients are counted by the steps there. */
bool tw__layer_ok(tw_ctx *ctx, const tw_layer *layer);

#endif
