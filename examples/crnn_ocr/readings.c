/* readings.c - see readings.h. */
#include "readings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/progress.h"

typedef struct keeper {
    tw_ctx *ctx;
    decoding decoding;
    const labelled *data;
    readings *readings;
} keeper;

/* The words of a reading with their confidences, against the truth. */
static tw_err weigh(keeper *k, const decoded *d, const char *truth, const tw_real *logits, int T, size_t row_stride) {
    tw_ctx *ctx = k->ctx;
    const tw_alphabet *alphabet = k->decoding.alphabet;
    size_t most = (size_t)d->n / 2 + 1;
    int words = 0;
    tw_mark mark = tw_scratch_mark(ctx);
    tw_span *span = tw_scratch(ctx, ((size_t)d->n + 1) * sizeof *span);
    tw_word *word = tw_scratch(ctx, most * sizeof *word);
    double *confidence = tw_scratch(ctx, most * sizeof *confidence);
    tw_err err = span && word && confidence ? TW_OK : tw_error(ctx);
    if (!err && d->n)
        err = tw_ctc_align(ctx, logits, T, tw_alphabet_classes(alphabet), row_stride, tw_alphabet_blank(alphabet),
                           d->symbols, (size_t)d->n, span, NULL);
    if (!err && d->n) err = tw_ctc_words(ctx, alphabet, logits, T, row_stride, d->symbols, d->n, span, word, &words);
    for (int i = 0; !err && i < words; i++) confidence[i] = word[i].confidence;
    if (!err) err = tw_reliability_add_words(ctx, &k->readings->trust, truth, d->text, confidence, (size_t)words);
    tw_scratch_release(ctx, mark);
    return err;
}

static tw_err keep(void *user, size_t index, const tw_real *logits, int T, size_t row_stride) {
    keeper *k = user;
    tw_err err = decoding_read(k->ctx, &k->decoding, logits, T, row_stride);
    if (err) return err;
    bool found = k->decoding.n > 0;
    char *text = strdup(found ? k->decoding.reading[0].text : "");
    if (!text) return tw_fail_err(k->ctx, TW_ERR_NOMEM, "out of memory");
    k->readings->unread += !found;
    k->readings->of[index] = (reading){text, found ? k->decoding.reading[0].log_prob : -INFINITY};
    return found ? weigh(k, k->decoding.reading, k->data->tsv.row[index].text, logits, T, row_stride) : TW_OK;
}

tw_err readings_make(tw_ctx *ctx, const crnn *net, const tw_alphabet *alphabet, const labelled *data,
                     const decoding_options *how, readings *r, metrics *m) {
    *r = (readings){.of = calloc(data->tsv.n + 1, sizeof *r->of)};
    *m = (metrics){0};
    if (!r->of) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory for %zu readings", data->tsv.n);
    r->n = data->tsv.n;
    keeper k = {.ctx = ctx, .data = data, .readings = r};
    decoding_options greedy = decoding_defaults();
    tw_err err = decoding_open(ctx, how ? how : &greedy, alphabet, &k.decoding);
    if (err) return err;
    double began = progress_clock();
    err = evaluate_frames(ctx, net, &data->dataset, keep, &k);
    r->seconds = progress_clock() - began;
    decoding_close(&k.decoding);
    for (size_t i = 0; !err && i < r->n; i++)
        err = metrics_add(ctx, m, data->tsv.row[i].text, r->of[i].text ? r->of[i].text : "");
    return err;
}

typedef struct fault {
    double share, log_prob;
    size_t row;
} fault;

static int worst_first(const void *a, const void *b) {
    const fault *x = a, *y = b;
    if (x->share != y->share) return x->share < y->share ? 1 : -1;
    if (x->log_prob != y->log_prob) return x->log_prob < y->log_prob ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

void readings_worst(const readings *r, const metrics *m, size_t *row, size_t *n) {
    size_t wrong = 0, room = *n;
    *n = 0;
    for (size_t i = 0; i < m->n; i++) wrong += m->text[i].edits > 0;
    fault *all = malloc((wrong + 1) * sizeof *all);
    if (!all) return;
    size_t used = 0;
    for (size_t i = 0; i < m->n; i++) {
        const metrics_text *t = &m->text[i];
        double length = t->characters > 0 ? t->characters : 1;
        if (t->edits) all[used++] = (fault){t->edits / length, r->of[i].log_prob, i};
    }
    qsort(all, used, sizeof *all, worst_first);
    for (size_t i = 0; i < used && i < room; i++) row[(*n)++] = all[i].row;
    free(all);
}

void readings_free(readings *r) {
    for (size_t i = 0; r->of && i < r->n; i++) free(r->of[i].text);
    free(r->of);
    *r = (readings){0};
}
