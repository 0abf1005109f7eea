/* metrics.c - see metrics.h. */
#include "metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* ---- comparing two texts ------------------------------------------------------------------------------------ */

typedef struct code_points {
    int32_t *v;
    size_t n;
} code_points;

static bool blank_at(int32_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200a);
}

typedef struct word {
    const int32_t *at;
    size_t length;
} word;

static size_t split(code_points text, word *to) {
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        while (i < text.n && blank_at(text.v[i])) i++;
        size_t start = i;
        while (i < text.n && !blank_at(text.v[i])) i++;
        if (i > start) to[n++] = (word){text.v + start, i - start};
    }
    return n;
}

static int32_t number_of(const word *w, const word *all, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (all[i].length == w->length && !memcmp(all[i].at, w->at, w->length * sizeof *w->at)) return (int32_t)i;
    return (int32_t)n;
}

static size_t word_distance(tw_ctx *ctx, code_points truth, code_points read, size_t *words) {
    size_t room = truth.n + read.n + 1;
    word *all = malloc(room * sizeof *all);
    int32_t *number = malloc(room * sizeof *number);
    size_t distance = (size_t)-1;
    if (all && number) {
        size_t nt = split(truth, all), nr = split(read, all + nt);
        for (size_t i = 0; i < nt + nr; i++) number[i] = number_of(&all[i], all, i);
        distance = tw_edit_distance(ctx, number, nt, number + nt, nr);
        *words = nt;
    } else {
        tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    }
    free(number);
    free(all);
    return distance;
}

/* Both as code points in one block; the alignment after them. */
static tw_err compare(tw_ctx *ctx, metrics *m, const char *truth, const char *read, metrics_text *to) {
    size_t a = strlen(truth), b = strlen(read), words = 0;
    int32_t *point = malloc((a + b + 2) * sizeof *point);
    align_step *step = malloc((a + b + 1) * sizeof *step);
    tw_err err = point && step ? TW_OK : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (int k = FOLD_KINDS - 1; !err && k >= 0; k--) {
        size_t nt = fold_text(truth, (fold_kind)k, point), nr = fold_text(read, (fold_kind)k, point + nt);
        to->right[k] = nt == nr && !memcmp(point, point + nt, nt * sizeof *point);
        if (k != FOLD_NOTHING) continue;
        code_points t = {point, nt}, r = {point + nt, nr};
        size_t edits = tw_text_distance(ctx, truth, read), wrong = word_distance(ctx, t, r, &words);
        size_t steps = edits ? align_texts(t.v, nt, r.v, nr, step) : 0;
        if (edits == (size_t)-1 || wrong == (size_t)-1) err = tw_error(ctx);
        else if (steps == (size_t)-1 || !confusion_add(&m->confused, step, steps))
            err = tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
        long length = tw_utf8_length(truth);
        to->edits = (uint32_t)edits, to->characters = length > 0 ? (uint32_t)length : 0;
        to->word_edits = (uint32_t)wrong, to->words = (uint32_t)words;
        to->right[k] = edits == 0; /* also when one is composed and the other not */
    }
    if (!err && to->right[FOLD_NOTHING]) to->right[FOLD_CASE] = to->right[FOLD_PLAIN] = true;
    free(step);
    free(point);
    return err;
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
    confusion_free(&m->confused);
    *m = (metrics){0};
}

score metrics_score(const metrics *m) {
    score s = {.samples = m->n};
    for (size_t i = 0; i < m->n; i++) {
        s.exact += m->text[i].right[FOLD_NOTHING];
        s.edits += m->text[i].edits;
        s.characters += m->text[i].characters;
    }
    return s;
}

/* ---- figures ------------------------------------------------------------------------------------------------ */

estimate metrics_right(const metrics *m, fold_kind kind) {
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
