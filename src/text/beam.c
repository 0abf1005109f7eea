/* beam.c - prefix beam search (Hannun, Maas, Jurafsky, Ng 2014; Graves, Jaitly 2014), one frame at a time.
 *
 * A text's probability is the sum over its paths, so paths are added up by what they have spelled so far, the prefix.
 * Two sums are kept for each: paths that end in a blank, after which the same letter may come again, and paths that end
 * in the prefix's last letter, which that letter only prolongs.
 *
 *     blank_t(p)  = (blank_t-1(p) + letter_t-1(p)) y_t(-)
 *     letter_t(p) = letter_t-1(p) y_t(e) + q y_t(e)          p = p'e, and q = blank_t-1(p') when p' ends in e, too,
 *                                                            and blank_t-1(p') + letter_t-1(p') otherwise
 *
 * The sums are logarithms in double. What is in the beam stays as it is (`stay`), gaining from its parent when that is
 * in the beam, too; everything else that may come into it is a prefix of the beam and one symbol (`extend`), which has
 * only one term. So a candidate's score is known when it is made, and the lowest of the `width` best so far bounds what
 * is still worth making: since a symbol adds at most ln y and the bonus to a score (the language model's part is never
 * above 0), the loop over the symbols of a prefix ends at the first that cannot reach it. That leaves out nothing that
 * would have been kept. */
#include "text/beam.h"

#include <math.h>
#include <stdlib.h>

/* Sums of the same numbers in another order differ in the last digits: what is this near is tried. */
static const double SLACK = 1e-9;

/* ---- memory ---------------------------------------------------------------------------------------------- */

bool tw__beam_init(tw__beam *b, int width, int K, int blank) {
    *b = (tw__beam){.width = width, .K = K, .blank = blank};
    b->choice = malloc((size_t)K * sizeof *b->choice);
    b->taken = calloc((size_t)K, sizeof *b->taken);
    return b->choice && b->taken;
}

void tw__beam_free(tw__beam *b) {
    tw__prefixes_free(&b->prefixes);
    free(b->entry);
    free(b->heap);
    free(b->child);
    free(b->sibling);
    free(b->choice);
    free(b->taken);
    *b = (tw__beam){0};
}

/* Room for n entries. */
static bool grow(tw__beam *b, size_t n) {
    if (n <= b->room) return true;
    size_t room = b->room ? b->room : 32;
    while (room < n) room *= 2;
    tw__entry *entry = realloc(b->entry, room * sizeof *entry);
    if (entry) b->entry = entry;
    tw__candidate *heap = entry ? realloc(b->heap, room * sizeof *heap) : NULL;
    if (heap) b->heap = heap;
    int32_t *child = heap ? realloc(b->child, room * sizeof *child) : NULL;
    if (child) b->child = child;
    int32_t *sibling = child ? realloc(b->sibling, room * sizeof *sibling) : NULL;
    if (!sibling) return false;
    b->sibling = sibling;
    b->room = room;
    return true;
}

/* Room for `more` new prefixes: first by sweeping, and when that leaves the memory half full, by growing. */
static bool make_room(tw__beam *b, size_t more) {
    tw__prefixes *all = &b->prefixes;
    if (all->n + more <= all->room) return true;
    tw__prefixes_sweep(all);
    for (size_t i = 0; i < b->n; i++) b->entry[i].prefix = all->moved[b->entry[i].prefix];
    size_t wanted = all->n + more;
    return tw__prefixes_grow(all, wanted > all->room / 2 ? wanted : more);
}

bool tw__beam_begin(tw__beam *b) {
    if (!grow(b, 1) || !tw__prefixes_begin(&b->prefixes, b->lm ? tw_ngram_start(b->lm) : 0, 0)) return false;
    b->n = 1;
    b->entry[0] = (tw__entry){.prefix = 0, .blank = 0, .letter = -INFINITY, .both = 0, .score = 0};
    b->prefixes.at[0].slot = 0;
    return true;
}

/* ---- the best candidates so far: a heap with the lowest score on top -------------------------------------- */

typedef struct best {
    tw__candidate *heap;
    size_t n, room;
    double lowest; /* what a candidate must exceed */
} best;

static void sift_down(best *k, size_t i, const tw__candidate *c) {
    for (size_t child; (child = 2 * i + 1) < k->n; i = child) {
        if (child + 1 < k->n && k->heap[child + 1].entry.score < k->heap[child].entry.score) child++;
        if (!(k->heap[child].entry.score < c->entry.score)) break;
        k->heap[i] = k->heap[child];
    }
    k->heap[i] = *c;
}

static void keep(best *k, const tw__candidate *c) {
    if (!(c->entry.score > k->lowest)) return;
    if (k->n == k->room) {
        sift_down(k, 0, c);
    } else {
        size_t i = k->n++;
        for (; i && c->entry.score < k->heap[(i - 1) / 2].entry.score; i = (i - 1) / 2)
            k->heap[i] = k->heap[(i - 1) / 2];
        k->heap[i] = *c;
    }
    if (k->n == k->room) k->lowest = k->heap[0].entry.score;
}

/* ---- one frame -------------------------------------------------------------------------------------------- */

/* Which entries are one symbol longer than which others. */
static void link_children(tw__beam *b) {
    for (size_t i = 0; i < b->n; i++) b->child[i] = -1;
    for (size_t i = 0; i < b->n; i++) {
        int32_t parent = b->prefixes.at[b->entry[i].prefix].parent;
        int32_t slot = parent < 0 ? -1 : b->prefixes.at[parent].slot;
        if (slot < 0) continue;
        b->sibling[i] = b->child[slot];
        b->child[slot] = (int32_t)i;
    }
}

/* quote: stay */
/* The prefixes of the beam after frame t. */
static void stay(const tw__beam *b, const tw__frames *f, int t, best *k) {
    double blank = tw__frame_log(f, t, f->blank);
    for (size_t i = 0; i < b->n; i++) {
        const tw__entry *e = &b->entry[i];
        const tw__prefix *p = &b->prefixes.at[e->prefix];
        tw__candidate c = {.entry = {.prefix = e->prefix, .letter = -INFINITY}, .symbol = -1};
        c.entry.blank = e->both + blank;
        if (p->parent >= 0) {
            const tw__prefix *parent = &b->prefixes.at[p->parent];
            double letter = e->letter;
            if (parent->slot >= 0) { /* paths that spell this prefix from this frame on */
                const tw__entry *from = &b->entry[parent->slot];
                letter = tw__log_add(letter, parent->symbol == p->symbol ? from->blank : from->both);
            }
            c.entry.letter = letter + tw__frame_log(f, t, p->symbol);
        }
        c.entry.both = tw__log_add(c.entry.blank, c.entry.letter);
        c.entry.score = c.entry.both + p->gain;
        keep(k, &c);
    }
}
/* end quote */

static int by_log_prob(const void *x, const void *y) {
    const tw__choice *a = x, *b = y;
    if (a->log_prob != b->log_prob) return a->log_prob < b->log_prob ? 1 : -1;
    return (a->symbol > b->symbol) - (a->symbol < b->symbol);
}

/* The symbols with which the best prefix could reach the beam, likeliest first. */
static size_t choose(const tw__beam *b, const tw__frames *f, int t, double lowest) {
    double top = -INFINITY;
    for (size_t i = 0; i < b->n; i++) top = b->entry[i].score > top ? b->entry[i].score : top;
    double least = lowest - top - b->bonus - SLACK; /* in ln y .. */
    const tw_real *z = f->z + (size_t)t * f->stride;
    tw_real cut = (tw_real)(least + f->norm[t].log_sum + f->norm[t].max); /* .. and as a score, rounded */
    cut -= (tw_real)1e-5 * (1 + (tw_real)fabs((double)cut));
    size_t n = 0;
    for (int32_t s = 0; s < f->K; s++)
        if (z[s] > cut && s != f->blank) b->choice[n++] = (tw__choice){tw__frame_log(f, t, s), s};
    if (n > 16) {
        qsort(b->choice, n, sizeof *b->choice, by_log_prob);
    } else {
        for (size_t i = 1; i < n; i++) { /* insertion, which for a few is faster */
            tw__choice c = b->choice[i];
            size_t j = i;
            for (; j && b->choice[j - 1].log_prob < c.log_prob; j--) b->choice[j] = b->choice[j - 1];
            b->choice[j] = c;
        }
    }
    return n;
}

/* quote: extend */
/* Entry i and one more symbol, where that is not in the beam already. */
static void extend(tw__beam *b, size_t i, size_t choices, best *k) {
    const tw__entry *e = &b->entry[i];
    const tw__prefix *p = &b->prefixes.at[e->prefix];
    uint32_t stamp = ++b->stamp;
    for (int32_t j = b->child[i]; j >= 0; j = b->sibling[j])
        b->taken[b->prefixes.at[b->entry[j].prefix].symbol] = stamp;
    for (size_t n = 0; n < choices; n++) {
        tw__choice choice = b->choice[n];
        if (e->score + choice.log_prob + b->bonus < k->lowest - SLACK) break; /* no later one is better */
        if (b->taken[choice.symbol] == stamp) continue;
        double letter = (choice.symbol == p->symbol ? e->blank : e->both) + choice.log_prob;
        tw__candidate c = {.symbol = choice.symbol, .gain = p->gain + b->bonus};
        c.entry = (tw__entry){e->prefix, -INFINITY, letter, letter, letter + c.gain};
        if (!(c.entry.score > k->lowest)) continue;
        if (b->lexicon && (c.word = tw__lexicon_step(b->lexicon, p->word, choice.symbol)) < 0) continue;
        if (b->lm) {
            c.gain += b->lm_weight * tw__ngram_step(b->lm, p->lm, b->lm_id[choice.symbol], &c.lm);
            c.entry.score = letter + c.gain;
        }
        keep(k, &c);
    }
}
/* end quote */

/* The candidates become the beam. */
static void replace(tw__beam *b, const best *k) {
    tw__prefixes *all = &b->prefixes;
    for (size_t i = 0; i < b->n; i++) all->at[b->entry[i].prefix].slot = -1;
    b->n = k->n;
    for (size_t i = 0; i < k->n; i++) {
        const tw__candidate *c = &k->heap[i];
        tw__entry e = c->entry;
        if (c->symbol >= 0) {
            int32_t known = tw__prefix_child(all, e.prefix, c->symbol); /* it was in the beam before */
            if (known < 0) {
                known = tw__prefix_add(all, e.prefix, c->symbol);
                all->at[known].lm = c->lm;
                all->at[known].word = c->word;
                all->at[known].gain = c->gain;
            }
            e.prefix = known;
        }
        all->at[e.prefix].slot = (int32_t)i;
        b->entry[i] = e;
    }
}

bool tw__beam_frame(tw__beam *b, const tw__frames *f, int t) {
    size_t most = (size_t)b->width, possible = b->n > most / (size_t)b->K ? most : b->n * (size_t)b->K;
    if (possible > most) possible = most;
    if (!grow(b, possible) || !make_room(b, possible)) return false;
    best k = {b->heap, 0, possible, -INFINITY};
    link_children(b);
    stay(b, f, t, &k);
    size_t choices = choose(b, f, t, k.lowest);
    if (b->stamp > UINT32_MAX - b->n - 1) {
        for (int s = 0; s < b->K; s++) b->taken[s] = 0;
        b->stamp = 0;
    }
    for (size_t i = 0; choices && i < b->n; i++) extend(b, i, choices, &k);
    replace(b, &k);
    return true;
}
