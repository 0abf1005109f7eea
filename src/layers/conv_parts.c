/* conv_parts.c - see conv_parts.h. */
#include "layers/conv_parts.h"

#include "layers/conv_lines.h"

#include <thalweg/extend.h>

static size_t numbers(const tw__conv *s, int chunks) { return (size_t)chunks * (size_t)s->O * (size_t)s->K; }
static size_t sums(const tw__conv *s, int chunks) { return (size_t)chunks * (size_t)s->O * TW__SUM_LANES; }

size_t tw__conv_parts_room(const tw__conv *s, int chunks) {
    return numbers(s, chunks) * sizeof(tw_real) + sums(s, chunks) * sizeof(double) + (size_t)2 * 64;
}

bool tw__conv_parts_new(tw_ctx *ctx, const tw__conv *s, int chunks, tw__conv_parts *p) {
    p->chunks = chunks;
    p->dw = tw_scratch(ctx, numbers(s, chunks) * sizeof *p->dw);
    p->db = tw_scratch(ctx, sums(s, chunks) * sizeof *p->db);
    return p->dw && p->db;
}

void tw__conv_parts_add(const tw__conv *s, const tw__conv_parts *p, const tw__conv_grads *g) {
    const size_t weights = (size_t)s->O * (size_t)s->K;
    for (size_t i = 0; g->dw && i < weights; i++) {
        tw_real sum = p->dw[i];
        for (int k = 1; k < p->chunks; k++) sum += p->dw[(size_t)k * weights + i];
        g->dw[i] = tw_add_to(g->dw_beta, g->dw[i], sum);
    }
    for (int o = 0; g->db && o < s->O; o++) {
        double sum = 0;
        for (int k = 0; k < p->chunks; k++) {
            const double *lane = p->db + ((size_t)k * (size_t)s->O + (size_t)o) * TW__SUM_LANES;
            for (int i = 0; i < TW__SUM_LANES; i++) sum += lane[i];
        }
        g->db[o] = tw_add_to(g->db_beta, g->db[o], (tw_real)sum);
    }
}
