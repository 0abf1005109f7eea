/* decoder.c - a prefix beam search over the frames of one sample, and the readings that are left at its end. */
#include "text/beam.h"

#include <math.h>
#include <stdlib.h>

enum { DEFAULT_WIDTH = 25 };

/* An entry of the last beam. */
typedef struct sorting {
    double score, log_prob;
    int32_t length, prefix;
} sorting;

struct tw_decoder {
    tw_ctx *ctx;
    tw__beam beam;
    double *lse; /* [nlse] of the frames */
    size_t nlse;
    int32_t *symbols; /* [nsymbols] of the readings */
    size_t nsymbols;
    sorting *order; /* [norder] */
    size_t norder;
};

tw_decoder *tw_decoder_new(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_decoder_options *options) {
    tw_decoder_options o = options ? *options : (tw_decoder_options){0};
    if (!o.width) o.width = DEFAULT_WIDTH;
    if (o.width < 0) return tw_fail(ctx, TW_ERR_RANGE, "decoder: a beam's width is 1 or more, not %d", o.width);
    if (!isfinite(o.length_bonus)) return tw_fail(ctx, TW_ERR_RANGE, "decoder: the length bonus is not a number");
    tw_decoder *d = calloc(1, sizeof *d);
    if (!d || !tw__beam_init(&d->beam, o.width, tw_alphabet_classes(alphabet), tw_alphabet_blank(alphabet))) {
        tw_decoder_free(d);
        return tw_fail(ctx, TW_ERR_NOMEM, "decoder: out of memory");
    }
    d->ctx = ctx;
    d->beam.bonus = o.length_bonus;
    return d;
}

void tw_decoder_free(tw_decoder *d) {
    if (!d) return;
    tw__beam_free(&d->beam);
    free(d->lse);
    free(d->symbols);
    free(d->order);
    free(d);
}

static tw_err no_memory(const tw_decoder *d) { return tw_fail_err(d->ctx, TW_ERR_NOMEM, "decoder: out of memory"); }

/* `want` things at least, with room to spare; memory and *have are as before when it fails. */
static void *more(void *memory, size_t *have, size_t want, size_t size) {
    want += want / 2;
    void *grown = want > SIZE_MAX / size ? NULL : realloc(memory, want * size);
    if (grown) *have = want;
    return grown;
}
/* Best first; of equal ones the shorter text, then the one that was met first. */
static int by_score(const void *x, const void *y) {
    const sorting *a = x, *b = y;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    return (a->prefix > b->prefix) - (a->prefix < b->prefix);
}

/* The best entries of the beam, as readings. */
static tw_err finish(tw_decoder *d, tw_reading *reading, int *n) {
    const tw__beam *b = &d->beam;
    size_t count = 0, symbols = 0, most = (size_t)(*n > 0 ? *n : 0);
    *n = 0;
    if (b->n > d->norder) {
        sorting *grown = more(d->order, &d->norder, b->n, sizeof *grown);
        if (!grown) return no_memory(d);
        d->order = grown;
    }
    sorting *order = d->order;
    for (size_t i = 0; i < b->n; i++) {
        const tw__entry *e = &b->entry[i];
        order[count++] = (sorting){e->score, e->both, b->prefixes.at[e->prefix].length, e->prefix};
    }
    qsort(order, count, sizeof *order, by_score);
    if (count > most) count = most;
    for (size_t i = 0; i < count; i++) symbols += (size_t)order[i].length;
    if (symbols > d->nsymbols) {
        int32_t *grown = more(d->symbols, &d->nsymbols, symbols, sizeof *grown);
        if (!grown) return no_memory(d);
        d->symbols = grown;
    }
    int32_t *at = d->symbols; /* NULL when all texts are empty */
    for (size_t i = 0; i < count; i++) {
        tw__prefix_symbols(&b->prefixes, order[i].prefix, at);
        reading[i] = (tw_reading){at, order[i].length, order[i].log_prob, order[i].score};
        at += order[i].length;
    }
    *n = (int)count;
    return TW_OK;
}

tw_err tw_decoder_read(tw_decoder *d, const tw_real *scores, int T, size_t row_stride, tw_reading *reading, int *n) {
    tw__beam *b = &d->beam;
    int wanted = *n;
    *n = 0;
    tw_err err = tw__frames_check(d->ctx, "decoder", T, b->K, row_stride, b->blank);
    if (err) return err;
    if ((size_t)T > d->nlse) {
        double *grown = more(d->lse, &d->nlse, (size_t)T, sizeof *grown);
        if (!grown) return no_memory(d);
        d->lse = grown;
    }
    err = tw__frames_lse(d->ctx, "decoder", scores, T, b->K, row_stride, d->lse);
    if (err) return err;
    tw__frames frames = {scores, row_stride, T, b->K, b->blank, d->lse};
    if (!tw__beam_begin(b)) return no_memory(d);
    for (int t = 0; t < T; t++)
        if (!tw__beam_frame(b, &frames, t)) return no_memory(d);
    *n = wanted;
    return finish(d, reading, n);
}
