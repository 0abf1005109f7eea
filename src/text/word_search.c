/* word_search.c - the likeliest words of a lexicon, by branch and bound over its trie.
 *
 * For a string w let blank(t) and letter(t) be the sums over all paths of the first t frames that spell w and end in a
 * blank or in w's last letter: the forward variables of CTC, of which p(w) = blank(T) + letter(T). Those of wc follow
 * from those of w:
 *
 *     letter'(t+1) = y_t(c) (letter'(t) + from(t))        from = blank when w ends in c, too, else blank + letter
 *     blank'(t+1)  = y_t(-) (blank'(t) + letter'(t))
 *
 * A path spells wc for the first time at one frame, whatever comes after, so the texts that begin with wc have together
 *
 *     mass(wc) = sum over t of from(t) y_t(c)             (Graves 2008, section 7.5.1, prefix search)
 *
 * No word with that beginning is likelier. The trie is searched depth first, the likeliest branch before the others, and
 * branches whose mass is below the n-th best word so far are cut: what is found is exact, and most of a lexicon is never
 * looked at.
 *
 * Sums are first those of doubles. What is lost at their lower end is below 1e-290 in all, so words above e^-600 are
 * right; otherwise everything is done again with logarithms. */
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
    const tw__frames *f;
    bool logs;
    size_t T;
    tw__found *found;
    int n, wanted;
    double lowest; /* the score that a word must reach */
} search;

void tw__word_search_free(tw__word_search *s) {
    free(s->y);
    free(s->column);
    free(s->stack);
    s->y = s->column = NULL;
    s->stack = NULL;
}

static double *fit(double **memory, size_t *have, size_t want) {
    if (want > *have || !*memory) {
        size_t room = want + want / 2 + 1;
        double *grown = room > SIZE_MAX / sizeof *grown ? NULL : realloc(*memory, room * sizeof *grown);
        if (!grown) return NULL;
        *memory = grown;
        *have = room;
    }
    return *memory;
}

/* ---- sums over paths, as numbers or as logarithms --------------------------------------------------------- */

/* ln mass of w and one symbol, y [T] that symbol's. */
static double mass(const search *q, const double *from, const double *y) {
    if (q->logs) {
        double sum = -INFINITY;
        for (size_t t = 0; t < q->T; t++) sum = tw__log_add(sum, from[t] + y[t]);
        return sum;
    }
    double sum[4] = {0}; /* four that do not wait for each other */
    size_t t = 0;
    for (; t + 4 <= q->T; t += 4)
        for (size_t k = 0; k < 4; k++) sum[k] += from[t + k] * y[t + k];
    for (; t < q->T; t++) sum[0] += from[t] * y[t];
    return log((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* blank and both [T+1] of wc, from those of w. */
static void advance(const search *q, const double *from, const double *y, const double *y_blank, double *blank,
                    double *both) {
    if (q->logs) {
        double letter = -INFINITY;
        blank[0] = both[0] = -INFINITY;
        for (size_t t = 0; t < q->T; t++) {
            letter = tw__log_add(letter, from[t]) + y[t];
            blank[t + 1] = both[t] + y_blank[t];
            both[t + 1] = tw__log_add(blank[t + 1], letter);
        }
        return;
    }
    double letter = 0;
    blank[0] = both[0] = 0;
    for (size_t t = 0; t < q->T; t++) {
        letter = (letter + from[t]) * y[t];
        blank[t + 1] = both[t] * y_blank[t];
        both[t + 1] = blank[t + 1] + letter;
    }
}

/* y of all symbols that the lexicon has, and of the blank. */
static bool chances(search *q) {
    const tw__frames *f = q->f;
    size_t K = (size_t)f->K;
    if (q->T && K > SIZE_MAX / q->T) return false;
    double *y = fit(&q->s->y, &q->s->ny, K * q->T);
    if (!y) return false;
    for (size_t t = 0; t < q->T; t++)
        for (int k = 0; k < f->K; k++) {
            if (k != f->blank && !q->s->lexicon->letter[k]) continue;
            double log_y = tw__frame_log(f, (int)t, k);
            y[(size_t)k * q->T + t] = q->logs ? log_y : exp(log_y);
        }
    return true;
}

/* ---- the search -------------------------------------------------------------------------------------------- */

/* [2][T+1] blank and both of the string of that length. */
static double *column(const search *q, int32_t length) { return q->s->column + (size_t)length * 2 * (q->T + 1); }

static bool is_before(const tw__found *a, const tw__found *b, int na, int nb) {
    if (a->score != b->score) return a->score > b->score;
    return na != nb ? na < nb : a->node < b->node;
}

/* A word: into the list of the best, at its place. */
static void keep(search *q, const tw__branch *b) {
    const tw__word_search *s = q->s;
    double last = column(q, b->depth)[2 * q->T + 1], gain = b->gain;
    tw__found w = {.log_prob = q->logs ? last : log(last), .node = b->node};
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
    const double *blank = column(q, b->depth), *both = blank + q->T + 1;
    for (int32_t k = l->first[b->node]; k < l->first[b->node + 1]; k++) {
        int32_t symbol = l->symbol[k];
        tw__branch next = {.gain = b->gain + s->bonus, .node = k, .depth = b->depth + 1};
        double ahead = s->bonus > 0 ? s->bonus * l->height[k] : 0;
        double here = mass(q, symbol == l->symbol[b->node] ? blank : both, s->y + (size_t)symbol * q->T);
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
    size_t n = 0, row = q->T + 1;
    q->n = 0;
    q->lowest = -INFINITY;
    if (!chances(q) || !fit(&s->column, &s->ncolumn, 2 * row)) return false;
    const double *y_blank = s->y + (size_t)q->f->blank * q->T;
    double *blank = s->column, *both = blank + row;
    blank[0] = both[0] = q->logs ? 0 : 1;
    for (size_t t = 0; t < q->T; t++)
        blank[t + 1] = both[t + 1] = q->logs ? blank[t] + y_blank[t] : blank[t] * y_blank[t];
    if (!branch(q, &(tw__branch){.lm = s->lm ? tw_ngram_start(s->lm) : 0}, &n)) return false;
    while (n) {
        tw__branch b = s->stack[--n];
        if (!(b.bound > q->lowest - SLACK)) continue;
        if (!fit(&s->column, &s->ncolumn, 2 * row * ((size_t)b.depth + 1))) return false;
        const double *from = column(q, b.depth - 1);
        int32_t symbol = l->symbol[b.node];
        if (symbol != l->symbol[l->parent[b.node]]) from += row; /* both */
        double *own = column(q, b.depth);
        advance(q, from, s->y + (size_t)symbol * q->T, s->y + (size_t)q->f->blank * q->T, own, own + row);
        if (l->word[b.node]) keep(q, &b);
        if (!branch(q, &b, &n)) return false;
    }
    return true;
}

bool tw__word_search_run(tw__word_search *s, const tw__frames *f, tw__found *found, int *n) {
    search q = {.s = s, .f = f, .T = (size_t)f->T, .found = found, .wanted = *n};
    *n = 0;
    if (q.wanted <= 0) return true;
    bool ok = run(&q);
    bool trusted = q.n == q.wanted;
    for (int i = 0; ok && i < q.n; i++) trusted = trusted && found[i].log_prob > TRUSTED;
    if (ok && !trusted) {
        q.logs = true;
        ok = run(&q);
    }
    *n = ok ? q.n : 0;
    return ok;
}

int tw__word_symbols(const tw_lexicon *l, int32_t node, int32_t *symbols) {
    int n = 0;
    for (int32_t i = node; i; i = l->parent[i]) n++;
    for (int32_t i = node, at = n; symbols && i; i = l->parent[i]) symbols[--at] = l->symbol[i];
    return n;
}
