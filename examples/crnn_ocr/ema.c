/* ema.c - see ema.h. */
#include "ema.h"

#include <string.h>

tw_err ema_attach(crnn *net) {
    net->ema = tw_ema_new(net->params);
    return net->ema ? TW_OK : tw_error(tw_params_ctx(net->params));
}

tw_err ema_use(const crnn *net) { return ema_copy(net, net); }

tw_err ema_copy(const crnn *from, const crnn *to) {
    if (from->ema) return tw_ema_copy(from->ema, to->params);
    for (size_t i = 0; i < tw_params_count(from->params); i++) {
        const tw_tensor *a = tw_params_at(from->params, i), *b = tw_params_at(to->params, i);
        if (!strncmp(a->name, "guide.", 6)) break; /* it comes behind what the network needs to read */
        if (a->data != b->data && a->size) memcpy(b->data, a->data, a->size * sizeof *a->data);
    }
    return TW_OK;
}
