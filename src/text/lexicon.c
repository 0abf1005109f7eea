/* lexicon.c - lists of words, as a trie over the symbols of an alphabet. */
#include "text/lexicon.h"

#include "text/alphabet.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* ---- memory ---------------------------------------------------------------------------------------------- */

void tw_lexicon_free(tw_lexicon *l) {
    if (!l) return;
    free(l->symbol);
    free(l->parent);
    free(l->first);
    free(l->height);
    free(l->word);
    free(l->letter);
    free(l);
}

size_t tw_lexicon_words(const tw_lexicon *l) { return l->words; }

int32_t tw__lexicon_child(const tw_lexicon *l, int32_t node, int32_t symbol) {
    int32_t low = l->first[node], end = l->first[node + 1], high = end;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (l->symbol[middle] < symbol) low = middle + 1;
        else high = middle;
    }
    return low < end && l->symbol[low] == symbol ? low : -1;
}

/* ---- words as symbols --------------------------------------------------------------------------------------- */

typedef struct word {
    const int32_t *symbol;
    size_t n;
} word;

typedef struct list {
    const tw_alphabet *alphabet;
    word *word; /* [n], room for 3 for each that is given */
    size_t n;
    int32_t *symbols; /* of all, one after another */
    size_t used;
} list;

/* One word as symbols at the end of the list's; false when the alphabet lacks one of them. */
static bool add(list *l, const int32_t *point, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((l->symbols[l->used + i] = tw__alphabet_symbol(l->alphabet, point[i])) < 0) return false;
    l->word[l->n++] = (word){l->symbols + l->used, n};
    l->used += n;
    return true;
}

/* "Word" and "WORD" beside "word". point is changed. */
static void add_cases(list *l, int32_t *point, size_t n) {
    int32_t first = utf8proc_totitle(point[0]);
    if (first != point[0]) {
        point[0] = first;
        (void)!add(l, point, n); /* without them the word itself is still there */
    }
    bool changed = false;
    for (size_t i = 0; i < n; i++) {
        int32_t upper = utf8proc_toupper(point[i]);
        changed |= upper != point[i];
        point[i] = upper;
    }
    if (changed) (void)!add(l, point, n);
}

static int by_symbols(const void *x, const void *y) {
    const word *a = x, *b = y;
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (a->symbol[i] != b->symbol[i]) return a->symbol[i] < b->symbol[i] ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}

/* ---- the trie ----------------------------------------------------------------------------------------------- */

/* The words that begin with a node's string are a range of the sorted list. */
typedef struct range {
    size_t from, to;
    int32_t depth;
} range;

/* Level by level; each range is cut where the next symbol changes. range [nodes]. */
static void build(tw_lexicon *t, const word *w, size_t n, range *range_of) {
    t->n = 1;
    t->symbol[0] = t->parent[0] = -1;
    range_of[0] = (range){0, n, 0};
    for (int32_t i = 0; i < t->n; i++) {
        range r = range_of[i];
        t->word[i] = false;
        t->first[i] = t->n;
        while (r.from < r.to && w[r.from].n == (size_t)r.depth) { /* the same word twice is one */
            t->words += !t->word[i];
            t->word[i] = true;
            r.from++;
        }
        while (r.from < r.to) {
            int32_t symbol = w[r.from].symbol[r.depth];
            size_t to = r.from + 1;
            while (to < r.to && w[to].symbol[r.depth] == symbol) to++;
            t->letter[symbol] = true;
            t->symbol[t->n] = symbol;
            t->parent[t->n] = i;
            range_of[t->n++] = (range){r.from, to, r.depth + 1};
            r.from = to;
        }
    }
    t->first[t->n] = t->n;
    for (int32_t i = t->n; i-- > 0;) {
        t->height[i] = 0;
        for (int32_t k = t->first[i]; k < t->first[i + 1]; k++)
            if (t->height[k] + 1 > t->height[i]) t->height[i] = t->height[k] + 1;
    }
}

/* How many nodes the sorted words have: each word's symbols that it does not share with the one before. */
static size_t count_nodes(const word *w, size_t n) {
    size_t nodes = 1;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        while (i && same < w[i - 1].n && same < w[i].n && w[i - 1].symbol[same] == w[i].symbol[same]) same++;
        nodes += w[i].n - same;
    }
    return nodes;
}

static tw_lexicon *trie_of(tw_ctx *ctx, const list *l) {
    size_t nodes = count_nodes(l->word, l->n), K = (size_t)tw_alphabet_classes(l->alphabet);
    tw_lexicon *t = nodes < INT32_MAX ? calloc(1, sizeof *t) : NULL;
    range *range_of = t ? malloc(nodes * sizeof *range_of) : NULL;
    if (t) {
        t->K = (int)K;
        t->blank = tw_alphabet_blank(l->alphabet);
        t->symbol = malloc(nodes * sizeof *t->symbol);
        t->parent = malloc(nodes * sizeof *t->parent);
        t->first = malloc((nodes + 1) * sizeof *t->first);
        t->height = malloc(nodes * sizeof *t->height);
        t->word = malloc(nodes * sizeof *t->word);
        t->letter = calloc(K, sizeof *t->letter);
    }
    bool ok = range_of && t->symbol && t->parent && t->first && t->height && t->word && t->letter;
    if (ok) build(t, l->word, l->n, range_of);
    free(range_of);
    if (ok) return t;
    tw_lexicon_free(t);
    return tw_fail(ctx, TW_ERR_NOMEM, "lexicon: out of memory for %zu words", l->n);
}

/* ---- making one ---------------------------------------------------------------------------------------------- */

/* A word is one picture's text. Its letters are nodes of 25 bytes, so a file without line ends is no list of words. */
enum { LONGEST = 1 << 16 };

/* All words as symbols, in memory that the list gets; those that cannot be are counted. */
static tw_err read_words(tw_ctx *ctx, const char *what, size_t n, const char *const *words, bool cases, list *l,
                         size_t *skipped) {
    size_t bytes = 0, forms = cases ? 3 : 1;
    *skipped = 0;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(words[i]);
        if (length > LONGEST)
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: word %zu has %zu bytes; at most %d are read", what, i, length,
                               LONGEST);
        bytes += length;
    }
    /* normalisation never makes more code points than there were bytes */
    bool fits = n < SIZE_MAX / (4 * sizeof *l->word) && bytes < SIZE_MAX / (4 * sizeof *l->symbols);
    l->word = fits ? malloc((forms * n + 1) * sizeof *l->word) : NULL;
    l->symbols = fits ? malloc((forms * bytes + 1) * sizeof *l->symbols) : NULL;
    if (!l->word || !l->symbols) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory for %zu words", what, n);
    for (size_t i = 0; i < n; i++) {
        char which[64];
        size_t length;
        tw_mark mark = tw_scratch_mark(ctx);
        snprintf(which, sizeof which, "lexicon: word %zu", i);
        int32_t *point = tw__line_scratch(ctx, which, words[i], &length);
        if (point && length) {
            bool known = add(l, point, length);
            *skipped += !known;
            if (known && cases) add_cases(l, point, length);
        }
        tw_scratch_release(ctx, mark);
        if (!point) return tw_error(ctx);
    }
    if (l->n) return TW_OK;
    return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: none of its %zu words can be written with the alphabet", what, n);
}

static tw_lexicon *make(tw_ctx *ctx, const char *what, const tw_alphabet *alphabet, size_t n, const char *const *words,
                        bool cases, size_t *skipped) {
    list l = {.alphabet = alphabet};
    size_t unknown;
    tw_lexicon *t = NULL;
    tw_err err = read_words(ctx, what, n, words, cases, &l, &unknown);
    if (!err) {
        qsort(l.word, l.n, sizeof *l.word, by_symbols);
        t = trie_of(ctx, &l);
    }
    free(l.word);
    free(l.symbols);
    if (skipped) *skipped = unknown;
    return t;
}

tw_lexicon *tw_lexicon_new(tw_ctx *ctx, const tw_alphabet *alphabet, size_t n, const char *const *words, bool cases,
                           size_t *skipped) {
    return make(ctx, "lexicon", alphabet, n, words, cases, skipped);
}

tw_lexicon *tw_lexicon_load(tw_ctx *ctx, const tw_alphabet *alphabet, const char *path, bool cases, size_t *skipped) {
    tw_lines lines;
    if (skipped) *skipped = 0;
    if (tw_lines_load(ctx, path, &lines)) return NULL;
    tw_lexicon *t = make(ctx, path, alphabet, lines.n, (const char *const *)lines.line, cases, skipped);
    tw_lines_free(&lines);
    return t;
}
