/* guide.c - see guide.h. */
#include "guide.h"

#include <stdio.h>
#include <thalweg/extend.h>

tw_err guide_attach(crnn *net) {
    tw_ctx *ctx = tw_params_ctx(net->params);
    char name[256];
    snprintf(name, sizeof name, "%s.weight_ih_l0", net->lstm[0]->name);
    const tw_tensor *weight = tw_params_find(net->params, name); /* [4 hidden, D] */
    if (!weight) return tw_fail_err(ctx, TW_ERR_STATE, "the network has no %s", name);
    net->guide = tw_dense_new(net->params, "guide", weight->dim[1], net->classes, NULL);
    return net->guide ? TW_OK : tw_error(ctx);
}
