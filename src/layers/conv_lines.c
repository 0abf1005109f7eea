/* conv_lines.c - what of conv_lines.h is done once a call. */
#include "layers/conv_lines.h"

#include <thalweg/extend.h>

tw__conv_lines tw__conv_lines_of(const tw__conv *s, tw_act act, int pool_h, int pool_w) {
    tw__conv_lines l = {.N = s->N, .O = s->O, .OH = s->OH, .OW = s->OW, .act = act};
    l.pool_h = pool_h > 0 ? pool_h : 1;
    l.pool_w = pool_w > 0 ? pool_w : 1;
    l.PH = l.OH / l.pool_h;
    l.PW = l.OW / l.pool_w;
    return l;
}

typedef struct bias_grad {
    const tw__conv_lines *from;
    tw_real beta, *db;
} bias_grad;

static void bias_grad_block(void *arg, int o, int thread) {
    (void)thread;
    const bias_grad *a = arg;
    a->db[o] = tw_add_to(a->beta, a->db[o], (tw_real)TW_ISA_CALL(tw__conv_dz_sum)(a->from, o));
}

void tw__conv_bias_grad(tw_ctx *ctx, const tw__conv_lines *from, tw_real beta, tw_real *db) {
    bias_grad a = {from, beta, db};
    tw_parallel_for(ctx, from->O, bias_grad_block, &a);
}
