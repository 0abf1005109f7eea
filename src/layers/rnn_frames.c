/* rnn_frames.c - which frames of a padded batch exist, and moving them between the batch and contiguous rows. */
#include "layers/rnn.h"

#include <string.h>

/* Places by descending length; equal lengths keep their order. active[t], the number of samples longer than t, is also
 * the first place of length t, since those samples stand before it. */
const tw__frames *tw__frames_new(tw_ctx *ctx, int T, int N, tw_labels lengths) {
    tw__frames *f = tw_alloc(ctx, sizeof *f);
    int *active = tw_alloc(ctx, (size_t)T * sizeof *active), *start = tw_alloc(ctx, ((size_t)T + 1) * sizeof *start);
    int *sample = tw_alloc(ctx, (size_t)N * sizeof *sample);
    if (!f || !active || !start || !sample) return NULL;
    *f = (tw__frames){.T = T, .N = N, .even = true, .active = active, .start = start, .sample = sample};
    int *place = start; /* for now [T + 1]: how many have each length, then the next free place of each length */
    memset(place, 0, ((size_t)T + 1) * sizeof *place);
    for (int n = 0; n < N; n++) place[lengths.v ? lengths.v[n] : T]++;
    for (int t = T, longer = 0; t >= 0; t--) {
        const int count = place[t];
        place[t] = longer;
        if (t < T) f->active[t] = longer;
        if (count && count < N) f->even = false;
        if (count && longer == 0) f->steps = t;
        longer += count;
    }
    for (int n = 0; n < N; n++) f->sample[place[lengths.v ? lengths.v[n] : T]++] = n;
    for (int t = 0; t < T; t++) {
        f->start[t] = f->rows;
        f->rows += f->active[t];
    }
    return f;
}

typedef struct move {
    const tw__frames *frames;
    size_t D;
    const tw_real *from;
    tw_real *to, beta;
} move;

static void gather_step(void *arg, int t, int thread) {
    (void)thread;
    const move *m = arg;
    const tw__frames *f = m->frames;
    tw_real *to = m->to + (size_t)f->start[t] * m->D;
    for (int p = 0; p < f->active[t]; p++, to += m->D)
        memcpy(to, m->from + ((size_t)t * (size_t)f->N + (size_t)f->sample[p]) * m->D, m->D * sizeof *to);
}

static void scatter_step(void *arg, int t, int thread) {
    (void)thread;
    const move *m = arg;
    const tw__frames *f = m->frames;
    const tw_real *from = m->from + (size_t)f->start[t] * m->D;
    for (int p = 0; p < f->N; p++, from += m->D) {
        tw_real *to = m->to + ((size_t)t * (size_t)f->N + (size_t)f->sample[p]) * m->D;
        if (p < f->active[t])
            for (size_t j = 0; j < m->D; j++) to[j] = tw_add_to(m->beta, to[j], from[j]);
        else if (m->beta == 0) memset(to, 0, m->D * sizeof *to);
    }
}

void tw__frames_gather(tw_ctx *ctx, const tw__frames *frames, int D, const tw_real *x, tw_real *rows) {
    move m = {frames, (size_t)D, x, rows, 0};
    tw_parallel_for(ctx, frames->steps, gather_step, &m);
}

void tw__frames_scatter(tw_ctx *ctx, const tw__frames *frames, int D, const tw_real *rows, tw_real beta, tw_real *x) {
    move m = {frames, (size_t)D, rows, x, beta};
    tw_parallel_for(ctx, frames->T, scatter_step, &m);
}
