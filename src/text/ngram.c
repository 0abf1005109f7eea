/* ngram.c - a character n-gram model with the smoothing of Witten and Bell (1991), as Chen and Goodman (1999, section
 * 2.6) write it for interpolation.
 *
 * After a string h the text had C(h) characters of N(h) different kinds. Something new is met as often as it was met so
 * far, N(h) times in C(h) + N(h), and what is new there is guessed from the shorter string h', h without its first
 * character:
 *
 *     P(c|h) = (count(hc) + N(h) P(c|h')) / (C(h) + N(h))       P(c|.) = 1 / outcomes before the empty string
 *
 * A string that does not occur has C = N = 0, and P(c|h) = P(c|h'). So the state after reading a text is the longest of
 * its ends that occurs, and P of a character that does not follow there is P after the suffix times N / (C + N). */
#include "text/ngram.h"

#include "text/utf8.h"

#include <math.h>
#include <stdlib.h>

/* ---- memory ---------------------------------------------------------------------------------------------- */

tw_ngram *tw__ngram_alloc(int order, int32_t ncode, int32_t n) {
    tw_ngram *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    size_t nodes = (size_t)n, codes = (size_t)ncode;
    m->order = order;
    m->ncode = ncode;
    m->n = n;
    m->code = malloc((codes + 1) * sizeof *m->code);
    m->id = malloc(nodes * sizeof *m->id);
    m->count = malloc(nodes * sizeof *m->count);
    m->first = malloc((nodes + 1) * sizeof *m->first);
    m->suffix = malloc(nodes * sizeof *m->suffix);
    m->log_prob = malloc(nodes * sizeof *m->log_prob);
    m->backoff = malloc(nodes * sizeof *m->backoff);
    m->single = malloc((codes + 3) * sizeof *m->single);
    if (m->code && m->id && m->count && m->first && m->suffix && m->log_prob && m->backoff && m->single) return m;
    tw_ngram_free(m);
    return NULL;
}

void tw_ngram_free(tw_ngram *m) {
    if (!m) return;
    free(m->code);
    free(m->id);
    free(m->count);
    free(m->first);
    free(m->suffix);
    free(m->log_prob);
    free(m->backoff);
    free(m->single);
    free(m);
}

/* ---- what follows from the counts ------------------------------------------------------------------------- */

/* Counts of nodes with children, and suffixes. A string occurs as often as it does after all characters and the
 * beginning: counts for which that is not so are not those of a text. */
static bool complete(tw_ngram *m, uint64_t *after) {
    const int32_t begin = tw__ngram_begin_id(m), *first = m->first;
    for (int32_t i = m->n; i-- > 0;) {
        uint64_t sum = 0;
        if (first[i] == first[i + 1]) continue;
        for (int32_t k = first[i]; k < first[i + 1]; k++)
            if (i || m->id[k] != begin) sum += m->count[k];
        if (sum > UINT32_MAX) return false;
        m->count[i] = (uint32_t)sum;
    }
    for (int32_t i = 0; i < m->ncode + 3; i++) m->single[i] = -1;
    m->suffix[0] = -1;
    for (int32_t k = first[0]; k < first[1]; k++) m->suffix[k] = 0, m->single[m->id[k]] = k;
    for (int32_t i = 1; i < m->n; i++) after[i] = 0;
    for (int32_t i = first[0]; i < m->n; i++)
        for (int32_t k = first[i]; k < first[i + 1]; k++) {
            m->suffix[k] = tw__ngram_child(m, m->suffix[i], m->id[k]);
            if (m->suffix[k] <= 0) return false;
            after[m->suffix[k]] += m->count[k];
        }
    /* Strings that begin with the beginning have nothing before them. They are those whose ancestor it is. */
    int32_t first_begin = m->single[begin], end_begin = first_begin + 1;
    for (int32_t i = first[0], level = 1; i < m->n && level < m->order; level++) {
        int32_t end = first[i];
        for (; i < end; i++)
            if (!(first_begin >= 0 && i >= first_begin && i < end_begin) && after[i] != m->count[i]) return false;
        if (first_begin >= 0) first_begin = first[first_begin], end_begin = first[end_begin];
    }
    return true;
}

/* quote: witten-bell */
/* P of every string's last character, shorter strings first, and what is kept for those that do not follow. */
static void smooth(tw_ngram *m, double *prob) {
    double uniform = 1.0 / tw__ngram_outcomes(m);
    const int32_t begin = tw__ngram_begin_id(m);
    for (int32_t h = 0; h < m->n; h++) {
        int32_t kinds = m->first[h + 1] - m->first[h];
        if (!h && m->single[begin] >= 0) kinds--; /* it stands before texts and is not predicted */
        double total = (double)m->count[h] + kinds;
        m->backoff[h] = kinds ? (float)log(kinds / total) : 0;
        for (int32_t hc = m->first[h]; hc < m->first[h + 1]; hc++) {
            double shorter = h ? prob[m->suffix[hc]] : uniform;
            prob[hc] = (m->count[hc] + kinds * shorter) / total;
            m->log_prob[hc] = (float)log(prob[hc]);
        }
    }
}
/* end quote */

tw_err tw__ngram_finish(tw_ngram *m) {
    uint64_t *after = malloc((size_t)m->n * sizeof *after);
    double *prob = malloc((size_t)m->n * sizeof *prob);
    tw_err err = !after || !prob ? TW_ERR_NOMEM : complete(m, after) ? TW_OK : TW_ERR_FORMAT;
    if (!err) smooth(m, prob);
    free(after);
    free(prob);
    return err;
}

/* ---- asking it ------------------------------------------------------------------------------------------- */

int32_t tw__ngram_id(const tw_ngram *m, int32_t point) {
    int32_t low = 0, high = m->ncode;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (m->code[middle] < point) low = middle + 1;
        else high = middle;
    }
    return low < m->ncode && m->code[low] == point ? low + TW__NGRAM_FIRST : TW__NGRAM_UNKNOWN;
}

int32_t tw__ngram_child(const tw_ngram *m, int32_t node, int32_t id) {
    if (!node) return m->single[id];
    int32_t low = m->first[node], end = m->first[node + 1], high = end;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (m->id[middle] < id) low = middle + 1;
        else high = middle;
    }
    return low < end && m->id[low] == id ? low : -1;
}

/* quote: step */
double tw__ngram_step(const tw_ngram *m, int32_t state, int32_t id, int32_t *next) {
    double kept = 0;
    int32_t node;
    while ((node = tw__ngram_child(m, state, id)) < 0) {
        kept += (double)m->backoff[state];
        if (!state) { /* it never occurs at all */
            *next = 0;
            return kept - log(tw__ngram_outcomes(m));
        }
        state = m->suffix[state];
    }
    kept += (double)m->log_prob[node];
    while (node && m->first[node] == m->first[node + 1]) node = m->suffix[node]; /* as long as the order, or an end */
    *next = node;
    return kept;
}
/* end quote */

int tw_ngram_order(const tw_ngram *m) { return m->order; }
size_t tw_ngram_strings(const tw_ngram *m) { return (size_t)m->n - 1; }

int32_t tw_ngram_start(const tw_ngram *m) {
    int32_t begin = m->single[tw__ngram_begin_id(m)];
    return begin < 0 ? 0 : begin;
}

double tw_ngram_next(const tw_ngram *m, int32_t state, int32_t code_point, int32_t *next) {
    int32_t ignored;
    int32_t id = code_point ? tw__ngram_id(m, code_point) : TW__NGRAM_END;
    return tw__ngram_step(m, state, id, next ? next : &ignored);
}

double tw_ngram_log_prob(tw_ctx *ctx, const tw_ngram *m, const char *utf8, size_t *characters) {
    tw_mark mark = tw_scratch_mark(ctx);
    size_t n;
    int32_t *point = tw__line_scratch(ctx, "language model", utf8, &n);
    double sum = point ? 0 : NAN;
    int32_t state = tw_ngram_start(m);
    for (size_t i = 0; point && i < n; i++) sum += tw_ngram_next(m, state, point[i], &state);
    if (point) sum += tw_ngram_next(m, state, 0, &state);
    if (characters) *characters = point ? n + 1 : 0;
    tw_scratch_release(ctx, mark);
    return sum;
}
