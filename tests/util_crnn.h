/* util_crnn.h - a small recogniser of pictures of any width: what the tests of the engine train. */
#ifndef TEST_UTIL_CRNN_H
#define TEST_UTIL_CRNN_H

#include "util.h"

enum { CRNN_BATCH = 3, CRNN_HEIGHT = 8, CRNN_CLASSES = 6 };

typedef struct toy_crnn {
    tw_ctx *ctx;
    tw_params *params;
    tw_layer *net; /* [N,1,8,W] -> [W/2,N,K] */
    tw_optim *optim;
} toy_crnn;

/* False, with the error in ctx, when something could not be made; toy_crnn_free takes that too. */
bool toy_crnn_new(toy_crnn *c, tw_ctx *ctx);
void toy_crnn_free(toy_crnn *c);
/* One step of training on a random picture of this width (at least 8). The loss, or NaN after an error. */
tw_real toy_crnn_step(toy_crnn *c, uint64_t seed, int width);

#endif
