/* words.c - how sure a reading is of each of its words. */
#include "text/alphabet.h"
#include "text/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <thalweg/extend.h>
#include <thalweg/losses.h>

static bool is_space(const tw_alphabet *a, int32_t symbol) {
    int32_t point = tw__alphabet_point(a, symbol);
    return point >= 0 && tw__is_space(point);
}

/* The next word at or after `at`; false: there is none. */
static bool next_word(const tw_alphabet *a, const int32_t *symbols, int n, int at, tw_word *word) {
    while (at < n && is_space(a, symbols[at])) at++;
    *word = (tw_word){.begin = at, .end = at};
    while (word->end < n && !is_space(a, symbols[word->end])) word->end++;
    return at < n;
}

/* ---- by its own frames ---------------------------------------------------------------------------------------- */

tw_err tw_ctc_words(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_real *scores, int T, size_t row_stride,
                    const int32_t *symbols, int n, const tw_span *span, tw_word *word, int *words) {
    int K = tw_alphabet_classes(alphabet), blank = tw_alphabet_blank(alphabet);
    *words = 0;
    for (tw_word w = {0}; next_word(alphabet, symbols, n, w.end, &w); (*words)++) {
        w.frame_begin = w.begin ? span[w.begin - 1].end : 0;
        w.frame_end = w.end < n ? span[w.end].begin : T;
        double p = tw_ctc_log_prob(ctx, scores + (size_t)w.frame_begin * row_stride, w.frame_end - w.frame_begin, K,
                                   row_stride, symbols + w.begin, w.end - w.begin, blank);
        if (isnan(p)) {
            *words = 0;
            tw_err err = tw_error(ctx);
            return err ? err : tw_fail_err(ctx, TW_ERR_NONFINITE, "ctc_words: the scores are not finite");
        }
        w.confidence = p < 0 ? exp(p) : 1; /* rounding may lead above 1 */
        word[*words] = w;
    }
    return TW_OK;
}

/* ---- by the other readings ------------------------------------------------------------------------------------- */

/* Marks in same[] the symbols of the best reading that another has, too, and where: its place there, or -1. */
static tw_err match(tw_ctx *ctx, const tw_reading *best, const tw_reading *other, tw_edit *edit, int32_t *same) {
    size_t n;
    tw_err err = tw_edit_align(ctx, best->symbols, (size_t)best->n, other->symbols, (size_t)other->n, edit, &n);
    for (int i = 0; i < best->n; i++) same[i] = -1;
    for (size_t i = 0; !err && i < n; i++)
        if (edit[i].a >= 0 && edit[i].b >= 0 && best->symbols[edit[i].a] == other->symbols[edit[i].b])
            same[edit[i].a] = edit[i].b;
    return err;
}

/* Is it a word of the other reading, letter by letter and with its ends? */
static bool has_word(const tw_alphabet *a, const tw_reading *other, const tw_word *w, const int32_t *same) {
    int32_t from = same[w->begin];
    if (from < 0 || (from && !is_space(a, other->symbols[from - 1]))) return false;
    for (int i = w->begin; i < w->end; i++)
        if (same[i] != from + i - w->begin) return false;
    int32_t end = from + w->end - w->begin;
    return end == other->n || is_space(a, other->symbols[end]);
}

tw_err tw_readings_words(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_reading *reading, int n, tw_word *word,
                         int *words) {
    *words = 0;
    if (n < 1) return TW_OK;
    const tw_reading *best = &reading[0];
    for (tw_word w = {0}; next_word(alphabet, best->symbols, best->n, w.end, &w); (*words)++) word[*words] = w;
    int longest = 0;
    for (int i = 0; i < n; i++) longest = reading[i].n > longest ? reading[i].n : longest;
    tw_mark mark = tw_scratch_mark(ctx);
    int32_t *same = tw_scratch(ctx, ((size_t)best->n + 1) * sizeof *same);
    tw_edit *edit = same ? tw_scratch(ctx, 2 * ((size_t)longest + 1) * sizeof *edit) : NULL;
    tw_err err = edit ? TW_OK : tw_error(ctx);
    double all = 0;
    for (int i = 0; !err && i < n; i++) {
        double p = exp(reading[i].score - best->score);
        all += p;
        err = match(ctx, best, &reading[i], edit, same);
        for (int k = 0; !err && k < *words; k++)
            if (has_word(alphabet, &reading[i], &word[k], same)) word[k].confidence += p;
    }
    for (int k = 0; k < *words; k++) word[k].confidence /= all;
    tw_scratch_release(ctx, mark);
    if (err) *words = 0;
    return err;
}
