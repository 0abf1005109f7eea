/* word_search.c - the likeliest words of a lexicon, by branch and bound over its trie.
 *
 * The trie is searched depth first, the branch with the highest bound before the others, and branches that cannot
 * reach the n-th best word so far are cut. So what is found is exact, and most of a lexicon is never looked at. Sums
 * and bounds are those of word_sums.c, first as numbers. What is lost at their lower end is below 1e-290 in all, so
 * words above e^-600 are right; when not all are, everything is done again with logarithms. */
#include "text/word_search.h"

#include <math.h>
#include <stdlib.h>

static const double SLACK = 1e-9;   /* bounds and scores are sums in different orders */
static const double TRUSTED = -600; /* ln of the least probability that the first way is trusted with */

struct tw__branch {
    double bound; /* no word in it has a higher score */
    double gain;  /* of the language model and the length, up to and with its node */
    int32_t node, depth, lm;
};

typedef struct search {
    tw__word_search *s;
    tw__found *found;
    int n, wanted;
    double lowest; /* the score that a word must reach */
} search;

void tw__word_search_free(tw__word_search *s) {
    tw__sums_free(&s->sums);
    free(s->column);
    free(s->stack);
    s->column = NULL;
    s->stack = NULL;
}

/* ---- the search -------------------------------------------------------------------------------------------- */

/* [2][T+1] blank and both of the string of that length. */
static double *column(const tw__word_search *s, int32_t length) {
    return s->column + (size_t)length * 2 * (s->sums.T + 1);
}

static bool is_before(const tw__found *a, const tw__found *b, int na, int nb) {
    if (a->score != b->score) return a->score > b->score;
    return na != nb ? na < nb : a->node < b->node;
}

/* A word: into the list of the best, at its place. */
static void keep(search *q, const tw__branch *b) {
    const tw__word_search *s = q->s;
    double gain = b->gain;
    tw__found w = {.log_prob = tw__sums_log_prob(&s->sums, column(s, b->depth) + s->sums.T + 1), .node = b->node};
    if (s->lm) {
        int32_t ignored;
        gain += s->lm_weight * tw__ngram_step(s->lm, b->lm, TW__NGRAM_END, &ignored);
    }
    w.score = w.log_prob + gain;
    if (!(w.score > -INFINITY)) return;
    int at = q->n;
    for (; at; at--) {
        const tw__found *other = &q->found[at - 1];
        if (!is_before(&w, other, b->depth, tw__word_symbols(s->lexicon, other->node, NULL))) break;
        if (at < q->wanted) q->found[at] = *other;
    }
    if (at == q->wanted) return;
    q->found[at] = w;
    if (q->n < q->wanted) q->n++;
    if (q->n == q->wanted) q->lowest = q->found[q->n - 1].score;
}

static int by_bound(const void *x, const void *y) {
    const tw__branch *a = x, *b = y;
    if (a->bound != b->bound) return a->bound < b->bound ? -1 : 1;
    return (a->node < b->node) - (a->node > b->node);
}

/* Puts what can still reach the list on the stack, the best on top. */
static bool branch(search *q, const tw__branch *b, size_t *n) {
    tw__word_search *s = q->s;
    const tw_lexicon *l = s->lexicon;
    size_t most = *n + (size_t)(l->first[b->node + 1] - l->first[b->node]), began = *n;
    if (most > s->nstack) {
        tw__branch *grown = realloc(s->stack, 2 * most * sizeof *grown);
        if (!grown) return false;
        s->stack = grown;
        s->nstack = 2 * most;
    }
    const double *blank = column(s, b->depth), *both = blank + s->sums.T + 1;
    for (int32_t k = l->first[b->node]; k < l->first[b->node + 1]; k++) {
        int32_t symbol = l->symbol[k];
        tw__branch next = {.gain = b->gain + s->bonus, .node = k, .depth = b->depth + 1};
        double ahead = s->bonus > 0 ? s->bonus * l->height[k] : 0;
        const double *from = symbol == l->symbol[b->node] ? blank : both;
        double here = tw__sums_bound(&s->sums, from, symbol, l->height[k]);
        if (!(here + next.gain + ahead > q->lowest - SLACK) || here == -INFINITY) continue;
        if (s->lm) next.gain += s->lm_weight * tw__ngram_step(s->lm, b->lm, s->lm_id[symbol], &next.lm);
        next.bound = here + next.gain + ahead;
        if (next.bound > q->lowest - SLACK) s->stack[(*n)++] = next;
    }
    if (*n - began > 1) qsort(s->stack + began, *n - began, sizeof *s->stack, by_bound);
    return true;
}

static bool run(search *q) {
    tw__word_search *s = q->s;
    const tw_lexicon *l = s->lexicon;
    size_t n = 0, row = s->sums.T + 1;
    q->n = 0;
    q->lowest = -INFINITY;
    if (!tw__sums_fit(&s->column, &s->ncolumn, 2 * row)) return false;
    tw__sums_first(&s->sums, s->column, s->column + row);
    if (!branch(q, &(tw__branch){.lm = s->lm ? tw_ngram_start(s->lm) : 0}, &n)) return false;
    while (n) {
        tw__branch b = s->stack[--n];
        if (!(b.bound > q->lowest - SLACK)) continue;
        if (!tw__sums_fit(&s->column, &s->ncolumn, 2 * row * ((size_t)b.depth + 1))) return false;
        const double *from = column(s, b.depth - 1); /* blank, .. */
        int32_t symbol = l->symbol[b.node];
        if (symbol != l->symbol[l->parent[b.node]]) from += row; /* .. or both */
        double *own = column(s, b.depth);
        tw__sums_extend(&s->sums, from, symbol, own, own + row);
        if (l->word[b.node]) keep(q, &b);
        if (!branch(q, &b, &n)) return false;
    }
    return true;
}

bool tw__word_search_run(tw__word_search *s, const tw__frames *f, tw__found *found, int *n) {
    search q = {.s = s, .found = found, .wanted = *n};
    int longest = s->lexicon->height[0];
    *n = 0;
    if (q.wanted <= 0) return true;
    if (!tw__sums_begin(&s->sums, f, s->lexicon->letter, longest, false) || !run(&q)) return false;
    bool trusted = q.n == q.wanted;
    for (int i = 0; i < q.n; i++) trusted = trusted && found[i].log_prob > TRUSTED;
    if (!trusted && (!tw__sums_begin(&s->sums, f, s->lexicon->letter, longest, true) || !run(&q))) return false;
    *n = q.n;
    return true;
}

int tw__word_symbols(const tw_lexicon *l, int32_t node, int32_t *symbols) {
    int n = 0;
    for (int32_t i = node; i; i = l->parent[i]) n++;
    for (int32_t i = node, at = n; symbols && i; i = l->parent[i]) symbols[--at] = l->symbol[i];
    return n;
}
