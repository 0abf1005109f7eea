/* test_text_beam.c - prefix beam search against every path, against a plain beam search, and on hostile input. */
#include "util_ctc.h"
#include "util_files.h"

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) { tw_ctx_free(ctx); }
TestSuite(text_beam, .init = begin, .fini = end);

/* Scores of a network that is rather sure (scale 6) or hardly (scale 1). */
static tw_real *random_scores(uint64_t seed, int T, int K, double scale) {
    return random_reals((size_t)T * (size_t)K, seed, -scale, scale);
}

/* ---- exact when it is wide enough ------------------------------------------------------------------------ */

Test(text_beam, equals_every_path) {
    for (uint64_t round = 0; round < 120; round++) {
        int T = (int)(round % 6), K = 1 + (int)(tw_random_bits(1, round) % 4);
        int blank = (int)(tw_random_bits(2, round) % (uint64_t)K);
        tw_real *x = random_scores(round, T, K, round % 2 ? 6 : 1);
        if (round % 3 == 0 && K > 1)
            for (int t = 0; t < T; t++)
                x[t * K + (int)(tw_random_bits(3, round + (uint64_t)t) % (uint64_t)K)] = -INFINITY;
        tw_alphabet *a = letters(ctx, K - 1, blank);
        tw_decoder *d = tw_decoder_new(ctx, a, &(tw_decoder_options){.width = 2000});
        spelled *all;
        size_t n = every_text(x, T, K, (size_t)K, blank, &all);
        static tw_reading r[2000];
        int found = 2000;
        cr_assert_eq(tw_decoder_read(d, x, T, (size_t)K, r, &found), TW_OK, "%s", tw_errmsg(ctx));
        double sum = 0;
        for (int i = 0; i < found; i++) {
            cr_assert(near(r[i].log_prob, all[i].log_prob, 1e-5), "round %d, reading %d: %g, not %g", (int)round, i,
                      r[i].log_prob, all[i].log_prob);
            double exact = tw_ctc_log_prob(ctx, x, T, K, (size_t)K, r[i].symbols, r[i].n, blank);
            cr_assert(near(r[i].log_prob, exact, 1e-5));
            cr_assert_eq(r[i].score, r[i].log_prob);
            if (i && all[i - 1].log_prob - all[i].log_prob > 1e-4 &&
                (i + 1 == found || all[i].log_prob - all[i + 1].log_prob > 1e-4))
                cr_assert(r[i].n == all[i].n && !memcmp(r[i].symbols, all[i].symbols, (size_t)r[i].n * 4));
            sum += exp(r[i].log_prob);
        }
        while (n && isinf(all[n - 1].log_prob)) n--; /* impossible ones are not readings */
        cr_assert_eq((size_t)found, n, "round %d: %d readings of %zu texts", (int)round, found, n);
        cr_assert(near(sum, 1, 1e-5), "the probabilities of all texts add up to %g", sum);
        free(all);
        free(x);
        tw_decoder_free(d);
        tw_alphabet_free(a);
    }
}

/* The example of docs/text.md: the best path spells nothing, the best text is "a". */
Test(text_beam, finds_what_greedy_does_not) {
    tw_alphabet *a = letters(ctx, 1, 0);
    tw_real x[] = {(tw_real)log(.6), (tw_real)log(.4), (tw_real)log(.6), (tw_real)log(.4)};
    int32_t symbols[2];
    cr_assert_eq(tw_ctc_greedy(x, 2, 2, 2, 0, symbols), 0);
    tw_decoder *d = tw_decoder_new(ctx, a, NULL);
    tw_reading r[4];
    int n = 4;
    cr_assert_eq(tw_decoder_read(d, x, 2, 2, r, &n), TW_OK);
    cr_assert_eq(n, 2); /* "aa" would need three frames */
    cr_assert(r[0].n == 1 && r[0].symbols[0] == 1 && near(exp(r[0].log_prob), .64, 1e-6));
    cr_assert(r[1].n == 0 && near(exp(r[1].log_prob), .36, 1e-6));
    tw_decoder_free(d);
    tw_alphabet_free(a);
}

/* ---- a plain beam search: all candidates of a frame, sorted; nothing is left out ------------------------- */

enum { MOST_T = 40, MOST_PREFIXES = 20000 };
typedef struct plain {
    int32_t symbols[MOST_T];
    int n;
    double blank, letter; /* probabilities */
    double gain, score;
} plain;

static int by_score(const void *x, const void *y) {
    const plain *a = x, *b = y;
    return (a->score < b->score) - (a->score > b->score);
}

typedef struct weights {
    const tw_ngram *lm;
    double lm_weight, bonus;
} weights;

/* Of letters(): what the language model and the length add. */
static double gain_of(const weights *w, const int32_t *symbols, int n, int blank, bool whole) {
    double gain = w->bonus * n;
    if (!w->lm) return gain;
    int32_t state = tw_ngram_start(w->lm);
    for (int i = 0; i < n; i++)
        gain += w->lm_weight * tw_ngram_next(w->lm, state, 'a' + symbols[i] - (symbols[i] > blank), &state);
    return whole ? gain + w->lm_weight * tw_ngram_next(w->lm, state, 0, NULL) : gain;
}

static void rank(const weights *w, plain *list, size_t n, int blank, bool whole) {
    for (size_t i = 0; i < n; i++)
        list[i].score = log(list[i].blank + list[i].letter) + gain_of(w, list[i].symbols, list[i].n, blank, whole);
    qsort(list, n, sizeof *list, by_score);
}

static plain *of_text(plain *list, size_t *n, const int32_t *symbols, int length) {
    for (size_t i = 0; i < *n; i++)
        if (list[i].n == length && !memcmp(list[i].symbols, symbols, (size_t)length * sizeof *symbols)) return &list[i];
    cr_assert_lt(*n, MOST_PREFIXES);
    plain *p = &list[(*n)++];
    *p = (plain){.n = length};
    if (length) memcpy(p->symbols, symbols, (size_t)length * sizeof *symbols);
    return p;
}

/* Returns how many are left, the best first. */
static size_t plain_search(const tw_real *x, int T, int K, int blank, size_t width, const weights *w, plain *now) {
    plain *next = malloc(MOST_PREFIXES * sizeof *next);
    size_t n = 1;
    now[0] = (plain){.blank = 1};
    for (int t = 0; t < T; t++) {
        size_t m = 0;
        double sum = 0;
        for (int k = 0; k < K; k++) sum += exp((double)x[t * K + k]);
        for (size_t i = 0; i < n; i++) {
            const plain *p = &now[i];
            for (int k = 0; k < K; k++) {
                double y = exp((double)x[t * K + k]) / sum;
                int32_t longer[MOST_T + 1];
                memcpy(longer, p->symbols, sizeof p->symbols);
                longer[p->n] = k;
                bool same = p->n && p->symbols[p->n - 1] == k;
                if (k == blank) of_text(next, &m, p->symbols, p->n)->blank += (p->blank + p->letter) * y;
                else if (same) of_text(next, &m, p->symbols, p->n)->letter += p->letter * y;
                if (k != blank)
                    of_text(next, &m, longer, p->n + 1)->letter += (same ? p->blank : p->blank + p->letter) * y;
            }
        }
        rank(w, next, m, blank, false);
        n = m < width ? m : width;
        memcpy(now, next, n * sizeof *now);
    }
    free(next);
    rank(w, now, n, blank, true);
    while (n && isinf(now[n - 1].score)) n--;
    return n;
}

Test(text_beam, leaves_out_nothing_that_a_plain_search_keeps) {
    plain *want = malloc(MOST_PREFIXES * sizeof *want);
    tw_ngram *lm = tw_ngram_train(ctx, 3, 3, (const char *[]){"abcabdabe", "bcdefgabc", "aabbccddaa"});
    for (uint64_t round = 0; round < 90; round++) {
        int T = 5 + (int)(round % 30), K = 2 + (int)(tw_random_bits(1, round) % 20), width = 1 + (int)(round * 7 % 30);
        int blank = (int)(tw_random_bits(2, round) % (uint64_t)K);
        weights w = {round % 5 < 3 ? lm : NULL, 0.8, round % 4 == 1 ? 1.5 : round % 4 == 2 ? -0.7 : 0};
        tw_real *x = random_scores(1000 + round, T, K, (double[]){1, 5, 15}[round % 3]);
        tw_alphabet *a = letters(ctx, K - 1, blank);
        tw_decoder_options o = {.width = width, .lm = w.lm, .lm_weight = w.lm_weight, .length_bonus = w.bonus};
        tw_decoder *d = tw_decoder_new(ctx, a, &o);
        tw_reading r[40];
        int n = 40;
        cr_assert_eq(tw_decoder_read(d, x, T, (size_t)K, r, &n), TW_OK, "%s", tw_errmsg(ctx));
        size_t m = plain_search(x, T, K, blank, (size_t)width, &w, want);
        cr_assert_eq((size_t)n, m);
        for (int i = 0; i < n; i++) {
            cr_assert(near(r[i].score, want[i].score, 1e-5), "round %d, reading %d: %.9g, not %.9g", (int)round, i,
                      r[i].score, want[i].score);
            cr_assert(near(r[i].log_prob, log(want[i].blank + want[i].letter), 1e-5));
            cr_assert(r[i].n == want[i].n && !memcmp(r[i].symbols, want[i].symbols, (size_t)r[i].n * 4), "round %d: %s",
                      (int)round, shown(r[i].symbols, r[i].n, blank));
        }
        free(x);
        tw_decoder_free(d);
        tw_alphabet_free(a);
    }
    tw_ngram_free(lm);
    free(want);
}

/* Found by fuzzing: beside scores of this size the logarithm of a sum was lost, and probabilities came out above 1. */
Test(text_beam, equal_scores_far_from_zero) {
    tw_alphabet *alphabet = tw_alphabet_new(ctx, "ab");
    tw_decoder *decoder = tw_decoder_new(ctx, alphabet, &(tw_decoder_options){.width = 16});
    const tw_real far = (tw_real)-1e30, z[2][3] = {{0, far, far}, {far, far, far}};
    tw_reading reading[3];
    int n = 3;
    cr_assert_eq(tw_decoder_read(decoder, z[0], 2, 3, reading, &n), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(n, 3);
    for (int i = 0; i < 3; i++) cr_assert_float_eq(reading[i].log_prob, -log(3), 1e-12);
    double whole;
    tw_span span[1];
    cr_assert_eq(tw_ctc_align(ctx, z[0], 2, 3, 3, 0, (int32_t[]){2}, 1, span, &whole), TW_OK);
    cr_assert_float_eq(whole, -log(3), 1e-12);
    tw_decoder_free(decoder);
    tw_alphabet_free(alphabet);
}
