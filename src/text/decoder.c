/* decoder.c - the readings of one sample: what is left at the end of a prefix beam search, or words of a lexicon. */
#include "text/alphabet.h"
#include "text/beam.h"
#include "text/word_search.h"

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
    tw__word_search search;
    bool one_word;    /* search, not beam */
    int32_t *lm_id;   /* [K] */
    tw__found *found; /* [nfound] */
    size_t nfound;
    tw__norm *norm; /* [nnorm] of the frames */
    size_t nnorm;
    int32_t *symbols; /* [nsymbols] of the readings */
    size_t nsymbols;
    sorting *order; /* [norder] */
    size_t norder;
};

static tw_err check(tw_ctx *ctx, const tw_alphabet *a, const tw_decoder_options *o) {
    if (o->width < 0) return tw_fail_err(ctx, TW_ERR_RANGE, "decoder: a beam's width is 1 or more, not %d", o->width);
    if (!isfinite(o->length_bonus)) return tw_fail_err(ctx, TW_ERR_RANGE, "decoder: the length bonus is not finite");
    if (!isfinite(o->lm_weight) || o->lm_weight < 0)
        return tw_fail_err(ctx, TW_ERR_RANGE, "decoder: the language model's weight is 0 or more, not %g",
                           o->lm_weight);
    if (o->lexicon && (o->lexicon->K != tw_alphabet_classes(a) || o->lexicon->blank != tw_alphabet_blank(a)))
        return tw_fail_err(
            ctx, TW_ERR_SHAPE,
            "decoder: the lexicon was made for %d classes with blank %d, the alphabet has %d with blank %d",
            o->lexicon->K, o->lexicon->blank, tw_alphabet_classes(a), tw_alphabet_blank(a));
    return TW_OK;
}

tw_decoder *tw_decoder_new(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_decoder_options *options) {
    tw_decoder_options o = options ? *options : (tw_decoder_options){0};
    if (check(ctx, alphabet, &o)) return NULL;
    if (!o.width) o.width = DEFAULT_WIDTH;
    if (o.lm_weight == 0) o.lm = NULL;
    int K = tw_alphabet_classes(alphabet);
    tw_decoder *d = calloc(1, sizeof *d);
    if (d) d->lm_id = malloc((size_t)K * sizeof *d->lm_id);
    if (!d || !d->lm_id || !tw__beam_init(&d->beam, o.width, K, tw_alphabet_blank(alphabet))) {
        tw_decoder_free(d);
        return tw_fail(ctx, TW_ERR_NOMEM, "decoder: out of memory");
    }
    d->ctx = ctx;
    for (int32_t s = 0; s < K; s++) d->lm_id[s] = o.lm ? tw__ngram_id(o.lm, tw__alphabet_point(alphabet, s)) : 0;
    tw__beam *b = &d->beam;
    b->bonus = o.length_bonus;
    b->lexicon = o.lexicon;
    b->lm = o.lm;
    b->lm_id = d->lm_id;
    b->lm_weight = o.lm_weight;
    d->one_word = o.lexicon && !o.phrases;
    d->search = (tw__word_search){.lexicon = o.lexicon,
                                  .lm = o.lm,
                                  .lm_id = d->lm_id,
                                  .lm_weight = o.lm_weight,
                                  .bonus = o.length_bonus};
    return d;
}

void tw_decoder_free(tw_decoder *d) {
    if (!d) return;
    tw__beam_free(&d->beam);
    tw__word_search_free(&d->search);
    free(d->lm_id);
    free(d->found);
    free(d->norm);
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

static bool room_for_symbols(tw_decoder *d, size_t n) {
    if (n <= d->nsymbols) return true;
    int32_t *grown = more(d->symbols, &d->nsymbols, n, sizeof *grown);
    if (grown) d->symbols = grown;
    return grown != NULL;
}

/* The entries of the beam that may be a whole text; returns how many. */
static size_t finished(const tw_decoder *d, sorting *order) {
    const tw__beam *b = &d->beam;
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const tw__entry *e = &b->entry[i];
        const tw__prefix *p = &b->prefixes.at[e->prefix];
        double end = 0;
        int32_t ignored;
        if (b->lexicon && !tw__lexicon_may_end(b->lexicon, p->word)) continue;
        if (b->lm) end = b->lm_weight * tw__ngram_step(b->lm, p->lm, TW__NGRAM_END, &ignored);
        order[n++] = (sorting){e->score + end, e->both, p->length, e->prefix};
    }
    return n;
}

static tw_err beam(tw_decoder *d, const tw__frames *frames, tw_reading *reading, int *n) {
    tw__beam *b = &d->beam;
    size_t symbols = 0, wanted = (size_t)*n;
    *n = 0;
    if (!tw__beam_begin(b)) return no_memory(d);
    for (int t = 0; t < frames->T; t++)
        if (!tw__beam_frame(b, frames, t)) return no_memory(d);
    if (b->n > d->norder) {
        sorting *grown = more(d->order, &d->norder, b->n, sizeof *grown);
        if (!grown) return no_memory(d);
        d->order = grown;
    }
    sorting *order = d->order;
    size_t count = finished(d, order);
    if (count > 1) qsort(order, count, sizeof *order, by_score);
    if (count > wanted) count = wanted;
    for (size_t i = 0; i < count; i++) symbols += (size_t)order[i].length;
    if (!room_for_symbols(d, symbols + 1)) return no_memory(d);
    int32_t *at = d->symbols;
    for (size_t i = 0; i < count; i++) {
        tw__prefix_symbols(&b->prefixes, order[i].prefix, at);
        reading[i] = (tw_reading){at, order[i].length, order[i].log_prob, order[i].score};
        at += order[i].length;
    }
    *n = (int)count;
    return TW_OK;
}

static tw_err one_word(tw_decoder *d, const tw__frames *frames, tw_reading *reading, int *n) {
    const tw_lexicon *l = d->search.lexicon;
    size_t symbols = 0, wanted = (size_t)*n < tw_lexicon_words(l) ? (size_t)*n : tw_lexicon_words(l);
    *n = 0;
    if (wanted > d->nfound) {
        tw__found *grown = more(d->found, &d->nfound, wanted, sizeof *grown);
        if (!grown) return no_memory(d);
        d->found = grown;
    }
    int count = (int)wanted;
    if (!tw__word_search_run(&d->search, frames, d->found, &count)) return no_memory(d);
    for (int i = 0; i < count; i++) symbols += (size_t)tw__word_symbols(l, d->found[i].node, NULL);
    if (!room_for_symbols(d, symbols + 1)) return no_memory(d);
    int32_t *at = d->symbols;
    for (int i = 0; i < count; i++) {
        int length = tw__word_symbols(l, d->found[i].node, at);
        reading[i] = (tw_reading){at, length, d->found[i].log_prob, d->found[i].score};
        at += length;
    }
    *n = count;
    return TW_OK;
}

tw_err tw_decoder_read(tw_decoder *d, const tw_real *scores, int T, size_t row_stride, tw_reading *reading, int *n) {
    tw__beam *b = &d->beam;
    int wanted = *n;
    *n = 0;
    tw_err err = tw__frames_check(d->ctx, "decoder", T, b->K, row_stride, b->blank);
    if (err) return err;
    if ((size_t)T > d->nnorm) {
        tw__norm *grown = more(d->norm, &d->nnorm, (size_t)T, sizeof *grown);
        if (!grown) return no_memory(d);
        d->norm = grown;
    }
    err = tw__frames_norm(d->ctx, "decoder", scores, T, b->K, row_stride, d->norm);
    if (err) return err;
    tw__frames frames = {scores, row_stride, T, b->K, b->blank, d->norm};
    if (wanted <= 0) return TW_OK;
    *n = wanted;
    return d->one_word ? one_word(d, &frames, reading, n) : beam(d, &frames, reading, n);
}
