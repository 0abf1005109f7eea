/* score.c - character and word error rates over many texts. */
#include "text/fold.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

typedef struct word {
    const int32_t *point;
    size_t n, place; /* place: which one it is of both texts together */
} word;

static size_t split(const int32_t *point, size_t n, size_t place, word *words) {
    size_t count = 0;
    for (size_t i = 0; i < n;) {
        size_t from = i;
        while (i < n && !tw__is_space(point[i])) i++;
        if (i > from) words[count] = (word){point + from, i - from, place + count}, count++;
        else i++;
    }
    return count;
}

static int compare(const word *a, const word *b) {
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (a->point[i] != b->point[i]) return a->point[i] < b->point[i] ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}

static int by_word(const void *x, const void *y) {
    const word *a = x, *b = y;
    int c = compare(a, b);
    return c ? c : (a->place > b->place) - (a->place < b->place);
}

/* The words of two texts as numbers, equal words with one: [n] of a, then [m] of b. In scratch; NULL: no memory. */
static int32_t *number_words(tw_ctx *ctx, const int32_t *a, size_t na, const int32_t *b, size_t nb, size_t *n,
                             size_t *m) {
    word *all = tw_scratch(ctx, (na / 2 + nb / 2 + 2) * sizeof *all);
    int32_t *number = all ? tw_scratch(ctx, (na / 2 + nb / 2 + 2) * sizeof *number) : NULL;
    if (!number) return NULL;
    *n = split(a, na, 0, all), *m = split(b, nb, *n, all + *n);
    qsort(all, *n + *m, sizeof *all, by_word);
    for (size_t i = 0; i < *n + *m; i++)
        number[all[i].place] = i && !compare(&all[i - 1], &all[i]) ? number[all[i - 1].place] : (int32_t)i;
    return number;
}

/* The edit distance of two texts by word, and how many words the first has. (size_t)-1: an error, in ctx. */
static size_t word_distance(tw_ctx *ctx, const int32_t *a, size_t na, const int32_t *b, size_t nb, size_t *words) {
    size_t m;
    int32_t *number = number_words(ctx, a, na, b, nb, words, &m);
    return number ? tw_edit_distance(ctx, number, *words, number + *words, m) : (size_t)-1;
}

tw_err tw_score_add(tw_ctx *ctx, tw_score *s, const char *truth, const char *read, unsigned ignore) {
    tw_mark mark = tw_scratch_mark(ctx);
    size_t nt, nr, words = 0, edits = (size_t)-1, word_edits = (size_t)-1;
    int32_t *t = tw__fold_scratch(ctx, "score, truth", truth, ignore, &nt);
    int32_t *r = t ? tw__fold_scratch(ctx, "score, reading", read, ignore, &nr) : NULL;
    if (r) edits = tw_edit_distance(ctx, t, nt, r, nr);
    if (edits != (size_t)-1) word_edits = word_distance(ctx, t, nt, r, nr, &words);
    tw_scratch_release(ctx, mark);
    if (word_edits == (size_t)-1) return tw_error(ctx);
    s->texts++;
    s->exact += edits == 0;
    s->edits += edits;
    s->characters += nt;
    s->word_edits += word_edits;
    s->words += words;
    return TW_OK;
}

tw_err tw_reliability_add_words(tw_ctx *ctx, tw_reliability *r, const char *truth, const char *read,
                                const double *confidence, size_t words) {
    tw_mark mark = tw_scratch_mark(ctx);
    size_t nt, nr, n, m, edits;
    int32_t *t = tw__fold_scratch(ctx, "reliability, truth", truth, 0, &nt);
    int32_t *s = t ? tw__fold_scratch(ctx, "reliability, reading", read, 0, &nr) : NULL;
    int32_t *number = s ? number_words(ctx, t, nt, s, nr, &n, &m) : NULL;
    tw_edit *edit = number ? tw_scratch(ctx, (n + m + 1) * sizeof *edit) : NULL;
    bool *right = edit ? tw_scratch(ctx, m + 1) : NULL;
    tw_err err = right ? TW_OK : tw_error(ctx);
    if (!err && m != words)
        err = tw_fail_err(ctx, TW_ERR_SHAPE, "reliability: %zu confidences, but \"%s\" has %zu words", words, read, m);
    if (!err) err = tw_edit_align(ctx, number, n, number + n, m, edit, &edits);
    for (size_t i = 0; !err && i < m; i++) right[i] = false;
    for (size_t i = 0; !err && i < edits; i++)
        if (edit[i].a >= 0 && edit[i].b >= 0) right[edit[i].b] = number[edit[i].a] == number[n + (size_t)edit[i].b];
    for (size_t i = 0; !err && i < m; i++) tw_reliability_add(r, confidence[i], right[i]);
    tw_scratch_release(ctx, mark);
    return err;
}

static double rate(size_t edits, size_t of) { return of ? (double)edits / (double)of : edits ? 1 : 0; }

double tw_score_exact(const tw_score *s) { return s->texts ? (double)s->exact / (double)s->texts : 0; }
double tw_score_cer(const tw_score *s) { return rate(s->edits, s->characters); }
double tw_score_wer(const tw_score *s) { return rate(s->word_edits, s->words); }
