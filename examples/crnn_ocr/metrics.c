/* metrics.c - see metrics.h. */
#include "metrics.h"

#include <math.h>
#include <stdlib.h>
#include <thalweg/extend.h>

/* ---- texts ---------------------------------------------------------------------------------------------------- */

static tw_err compare(tw_ctx *ctx, metrics *m, const char *truth, const char *read, metrics_text *to) {
    static const unsigned ignored[METRICS_KINDS] =
        {[METRICS_CASE] = TW_IGNORE_CASE, [METRICS_PLAIN] = TW_IGNORE_CASE | TW_IGNORE_ALL_BUT_LETTERS_AND_DIGITS};
    tw_score plain = {0};
    tw_err err = tw_score_add(ctx, &plain, truth, read, 0);
    to->edits = (uint32_t)plain.edits, to->characters = (uint32_t)plain.characters;
    to->word_edits = (uint32_t)plain.word_edits, to->words = (uint32_t)plain.words;
    for (int k = 0; k < METRICS_KINDS; k++) to->right[k] = plain.exact > 0;
    for (int k = 1; !err && !plain.exact && k < METRICS_KINDS; k++) {
        tw_score other = {0};
        err = tw_score_add(ctx, &other, truth, read, ignored[k]);
        to->right[k] = other.exact > 0;
    }
    if (err || plain.exact) return err;
    if (!m->confused && !(m->confused = tw_confusion_new(ctx))) return tw_error(ctx);
    return tw_confusion_add(m->confused, truth, read);
}

tw_err metrics_add(tw_ctx *ctx, metrics *m, const char *truth, const char *read) {
    if (m->n == m->room) {
        size_t room = 2 * m->room + 256;
        metrics_text *grown = realloc(m->text, room * sizeof *grown);
        if (!grown) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory for %zu texts", room);
        m->text = grown, m->room = room;
    }
    m->text[m->n] = (metrics_text){0};
    tw_err err = compare(ctx, m, truth, read, &m->text[m->n]);
    m->n += !err;
    return err;
}

void metrics_free(metrics *m) {
    free(m->text);
    tw_confusion_free(m->confused);
    *m = (metrics){0};
}

tw_confusion_pair *metrics_confused(tw_ctx *ctx, const metrics *m, size_t most, size_t *n) {
    *n = 0;
    for (size_t room = 64;; room *= 4) {
        if (room > most) room = most;
        tw_confusion_pair *pair = malloc(room * sizeof *pair);
        if (!pair) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
        *n = room;
        if (!m->confused) *n = 0;
        else if (tw_confusion_top(m->confused, pair, n)) {
            free(pair);
            return NULL;
        }
        if (*n < room || room == most) return pair;
        free(pair);
    }
}

score metrics_score(const metrics *m) {
    score s = {.samples = m->n};
    for (size_t i = 0; i < m->n; i++) {
        s.exact += m->text[i].right[METRICS_EXACT];
        s.edits += m->text[i].edits;
        s.characters += m->text[i].characters;
    }
    return s;
}

/* ---- figures ------------------------------------------------------------------------------------------------ */

estimate metrics_right(const metrics *m, metrics_kind kind) {
    const double z = 1.959963984540054; /* of the normal distribution, 2.5 % lie above */
    double n = (double)m->n, right = 0;
    for (size_t i = 0; i < m->n; i++) right += m->text[i].right[kind];
    if (m->n == 0) return (estimate){0, 0, 1};
    double p = right / n, middle = (p + z * z / (2 * n)) / (1 + z * z / n),
           half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    double low = middle - half, high = middle + half;
    return (estimate){p, right > 0 && low > 0 ? low : 0, right < n && high < 1 ? high : 1};
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { DRAWS = 1000, LOW = 25, HIGH = DRAWS - 1 - LOW };

static double ratio(double edits, double length) { return length > 0 ? edits / length : edits > 0 ? 1 : 0; }

static estimate rate(const metrics *m, bool words) {
    double drawn[DRAWS];
    double edits = 0, length = 0;
    for (size_t i = 0; i < m->n; i++) {
        const metrics_text *t = &m->text[i];
        edits += words ? t->word_edits : t->edits;
        length += words ? t->words : t->characters;
    }
    double value = ratio(edits, length);
    if (edits == 0) return (estimate){value, 0, length > 3 ? 3 / length : 1};
    for (int k = 0; k < DRAWS; k++) {
        uint64_t stream = tw_random_bits(20060704, (uint64_t)k);
        double e = 0, l = 0;
        for (size_t i = 0; i < m->n; i++) {
            const metrics_text *t = &m->text[tw_random_bits(stream, i) % m->n];
            e += words ? t->word_edits : t->edits;
            l += words ? t->words : t->characters;
        }
        drawn[k] = ratio(e, l);
    }
    qsort(drawn, DRAWS, sizeof *drawn, by_size);
    return (estimate){value, drawn[LOW], drawn[HIGH]};
}

estimate metrics_cer(const metrics *m) { return rate(m, false); }
estimate metrics_wer(const metrics *m) { return rate(m, true); }
