/* readings.c - see readings.h. */
#include "readings.h"

#include "picture.h"

#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/progress.h"

typedef struct keeper {
    tw_ctx *ctx;
    const tw_alphabet *alphabet;
    readings *readings;
} keeper;

/* An error stays in the context, where evaluate's caller finds it. */
static void keep(void *user, size_t index, const int32_t *symbol, int n, double log_prob) {
    const keeper *k = user;
    size_t room = 4 * (size_t)n + 1;
    char *text = malloc(room);
    if (!text) {
        tw_fail(k->ctx, TW_ERR_NOMEM, "out of memory");
        return;
    }
    if (tw_alphabet_decode(k->ctx, k->alphabet, symbol, (size_t)n, text, room)) {
        free(text);
        return;
    }
    free(k->readings->of[index].text);
    k->readings->of[index] = (reading){text, log_prob};
}

tw_err readings_make(tw_ctx *ctx, const crnn *net, const tw_alphabet *alphabet, const labelled *data, score *s,
                     readings *r, metrics *m) {
    *r = (readings){.of = calloc(data->tsv.n + 1, sizeof *r->of)};
    *m = (metrics){0};
    if (!r->of) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory for %zu readings", data->tsv.n);
    r->n = data->tsv.n;
    keeper k = {ctx, alphabet, r};
    double began = progress_clock();
    tw_err err = evaluate(ctx, net, &data->dataset, s, keep, &k);
    r->seconds = progress_clock() - began;
    if (!err) err = tw_error(ctx);
    for (size_t i = 0; !err && i < r->n; i++)
        err = metrics_add(ctx, m, data->tsv.row[i].text, r->of[i].text ? r->of[i].text : "");
    if (!err) confusion_sort(&m->confused);
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
