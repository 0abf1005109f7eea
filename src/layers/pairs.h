/* pairs.h - layers that do together what a sequential finds one after the other. */
#ifndef TW_PAIRS_H
#define TW_PAIRS_H

#include <thalweg/layers.h>

/* The window of a max_pool2d layer that takes windows side by side, without padding; false: it is another layer. */
bool tw__pool2d_is_plain_max(const tw_layer *layer, int *kh, int *kw);
/* Is layer a conv2d that does not pool yet? Then tw__conv2d_pooled is the layer and a pooling in one operation. */
bool tw__conv2d_may_pool(const tw_layer *layer);
tw_tensor *tw__conv2d_pooled(tw_ctx *ctx, tw_layer *layer, tw_tensor *x, int pool_h, int pool_w);

#endif
