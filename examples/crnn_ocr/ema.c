/* ema.c - see ema.h. */
#include "ema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#define PREFIX "ema."

static bool begins(const tw_tensor *t, const char *with) { return !strncmp(t->name, with, strlen(with)); }

/* The parameters and buffers of the network itself come first, then the averages in the same order, then the guide. */
static size_t own_count(const crnn *net) {
    size_t n = tw_params_count(net->params), own = 0;
    for (; own < n; own++) {
        const tw_tensor *t = tw_params_at(net->params, own);
        if (begins(t, PREFIX) || begins(t, "guide.")) break;
    }
    return own;
}

tw_err ema_attach(crnn *net) {
    tw_ctx *ctx = tw_params_ctx(net->params);
    size_t n = tw_params_count(net->params);
    for (size_t i = 0; i < n; i++) {
        const tw_tensor *t = tw_params_at(net->params, i);
        char name[256];
        snprintf(name, sizeof name, PREFIX "%s", t->name);
        if (!tw_buffer(net->params, name, 0, t->ndim, t->dim)) return tw_error(ctx);
    }
    return TW_OK;
}

bool ema_attached(const crnn *net) {
    size_t own = own_count(net);
    return own < tw_params_count(net->params) && begins(tw_params_at(net->params, own), PREFIX);
}

void ema_update(const crnn *net, double decay, int64_t step) {
    size_t n = own_count(net);
    double most = (1 + (double)step) / (10 + (double)step);
    if (step <= 1) decay = 0;
    tw_real d = (tw_real)(decay < most ? decay : most), rest = 1 - d;
    for (size_t i = 0; i < n; i++) {
        const tw_tensor *w = tw_params_at(net->params, i), *a = tw_params_at(net->params, n + i);
        const tw_real *from = w->data;
        tw_real *to = a->data;
        for (size_t k = 0; k < w->size; k++) to[k] = d * to[k] + rest * from[k];
    }
}

void ema_use(const crnn *net) { ema_copy(net, net); }

void ema_copy(const crnn *from, const crnn *to) {
    size_t n = own_count(from), offset = ema_attached(from) ? n : 0;
    for (size_t i = 0; i < n; i++) {
        const tw_tensor *a = tw_params_at(from->params, offset + i), *b = tw_params_at(to->params, i);
        if (a->data != b->data) memcpy(b->data, a->data, a->size * sizeof *a->data);
    }
}
