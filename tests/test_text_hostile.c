/* test_text_hostile.c - decoding what no network should give, with every allocation failing once. */
#include "util_ctc.h"
#include "util_files.h"
#include "util_malloc.h"

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(text_hostile, .init = begin, .fini = end);

/* A decoder of each kind for letters(n, blank). */
enum { KINDS = 4 };
typedef struct kinds {
    tw_alphabet *alphabet;
    tw_lexicon *lexicon;
    tw_ngram *lm;
    tw_decoder *decoder[KINDS];
} kinds;

static kinds kinds_new(int n, int blank, int width) {
    kinds k = {.alphabet = letters(ctx, n, blank)};
    k.lexicon = n ? tw_lexicon_new(ctx, k.alphabet, 3, (const char *[]){"a", "aa", "ba"}, false, NULL) : NULL;
    k.lm = tw_ngram_train(ctx, 3, 2, (const char *[]){"abba", "aab"});
    tw_decoder_options o[KINDS] = {{.width = width},
                                   {.width = width, .lm = k.lm, .lm_weight = 1, .length_bonus = 1},
                                   {.width = width, .lexicon = k.lexicon},
                                   {.width = width, .lexicon = k.lexicon, .phrases = true}};
    for (int i = 0; i < KINDS; i++) {
        k.decoder[i] = tw_decoder_new(ctx, k.alphabet, &o[i]);
        cr_assert(k.decoder[i], "%s", tw_errmsg(ctx));
    }
    return k;
}

static void kinds_free(kinds *k) {
    for (int i = 0; i < KINDS; i++) tw_decoder_free(k->decoder[i]);
    tw_lexicon_free(k->lexicon);
    tw_ngram_free(k->lm);
    tw_alphabet_free(k->alphabet);
}

Test(text_hostile, not_finite) {
    static const struct {
        double value;
        bool whole_frame;
        const char *part;
    } table[] = {
        {NAN, false, "decoder: class 2 of frame 3 is NaN"},
        {INFINITY, false, "decoder: class 2 of frame 3 is infinite"},
        {-INFINITY, true, "decoder: every class of frame 3 is -inf"},
        {NAN, true, "decoder: class 0 of frame 3 is NaN"},
    };
    kinds k = kinds_new(3, 1, 25);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        tw_real x[6 * 4] = {0};
        for (int c = 0; c < 4; c++)
            if (table[i].whole_frame || c == 2) x[3 * 4 + c] = (tw_real)table[i].value;
        for (int d = 0; d < KINDS; d++) {
            tw_reading r[2];
            int n = 2;
            assert_sentence(ctx, tw_decoder_read(k.decoder[d], x, 6, 4, r, &n), TW_ERR_NONFINITE, table[i].part, "");
            cr_assert_eq(n, 0);
        }
        int32_t symbols[6];
        cr_assert_leq(tw_ctc_greedy(x, 6, 4, 4, 1, symbols), 6); /* it has no context to complain in */
    }
    kinds_free(&k);
}

/* Probabilities of 0 are no mistake. */
Test(text_hostile, impossible_symbols) {
    kinds k = kinds_new(2, 0, 25);
    tw_real no = (tw_real)-INFINITY, x[] = {no, 0, no, no, 0, no, no, no, 0}; /* certainly a, a, b */
    tw_reading r[5];
    int n = 5;
    cr_assert_eq(tw_decoder_read(k.decoder[0], x, 3, 3, r, &n), TW_OK);
    cr_assert(n == 1 && r[0].n == 2 && r[0].log_prob == 0);
    n = 5;
    cr_assert_eq(tw_decoder_read(k.decoder[2], x, 3, 3, r, &n), TW_OK);
    cr_assert_eq(n, 0, "no word of the lexicon is possible");
    n = 5;
    cr_assert_eq(tw_decoder_read(k.decoder[3], x, 3, 3, r, &n), TW_OK);
    cr_assert_eq(n, 0);
    kinds_free(&k);
}

Test(text_hostile, no_frames_no_classes_no_readings) {
    kinds k = kinds_new(2, 2, 25);
    tw_reading r[3];
    for (int d = 0; d < KINDS; d++) {
        int n = 3;
        cr_assert_eq(tw_decoder_read(k.decoder[d], NULL, 0, 3, r, &n), TW_OK);
        cr_assert_eq(n, d != 2); /* the empty text, which is no word */
        if (n) cr_assert(r[0].n == 0 && r[0].log_prob == 0);
        tw_real x[3] = {0};
        for (int wanted = 0; wanted > -3; wanted--) {
            n = wanted;
            cr_assert_eq(tw_decoder_read(k.decoder[d], x, 1, 3, NULL, &n), TW_OK);
            cr_assert_eq(n, 0);
        }
        n = 1;
        assert_sentence(ctx, tw_decoder_read(k.decoder[d], x, -1, 3, r, &n), TW_ERR_RANGE, "decoder: -1 frames", "");
        n = 1;
        assert_sentence(ctx, tw_decoder_read(k.decoder[d], x, 2, 2, r, &n), TW_ERR_RANGE,
                        "decoder: frames of 3 classes are 2 numbers apart", "");
    }
    kinds_free(&k);
    tw_alphabet *none = tw_alphabet_new(ctx, ""); /* K = 1: only the blank */
    tw_decoder *d = tw_decoder_new(ctx, none, NULL);
    tw_real x[5] = {1, 2, 3, 4, 5};
    int n = 3;
    cr_assert_eq(tw_decoder_read(d, x, 5, 1, r, &n), TW_OK);
    cr_assert(n == 1 && r[0].n == 0 && r[0].log_prob == 0);
    tw_decoder_free(d);
    tw_alphabet_free(none);
}

Test(text_hostile, options_that_cannot_be) {
    tw_alphabet *a = letters(ctx, 2, 0);
    static const struct {
        tw_decoder_options o;
        const char *part;
    } table[] = {
        {{.width = -1}, "decoder: a beam's width is 1 or more, not -1"},
        {{.length_bonus = INFINITY}, "decoder: the length bonus is not finite"},
        {{.length_bonus = -INFINITY}, "decoder: the length bonus is not finite"},
        {{.lm_weight = -0.5}, "decoder: the language model's weight is 0 or more, not -0.5"},
        {{.lm_weight = INFINITY}, "decoder: the language model's weight"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_null(tw_decoder_new(ctx, a, &table[i].o));
        assert_sentence(ctx, tw_error(ctx), TW_ERR_RANGE, table[i].part, "");
    }
    cr_assert_null(tw_decoder_new(ctx, a, &(tw_decoder_options){.lm_weight = NAN}));
    tw_error_clear(ctx);
    for (int blank = -2; blank <= 3; blank += 5) {
        cr_assert_null(tw_alphabet_new_with(ctx, "ab", blank));
        assert_sentence(ctx, tw_error(ctx), TW_ERR_RANGE, "alphabet: with 2 characters the blank is class 0 to 2, not",
                        "");
    }
    tw_alphabet_free(a);
}

/* A width of all that an int holds takes what there is, not what could be. */
Test(text_hostile, huge_and_tiny_widths) {
    tw_real *x = random_reals(200 * 4, 5, -9, 9);
    for (int width = 1; width > 0 && width <= INT32_MAX; width = width == 1 ? INT32_MAX : -1) {
        kinds k = kinds_new(3, 0, width);
        for (int d = 0; d < KINDS; d++) {
            tw_reading r[2];
            int n = 2;
            cr_assert_eq(tw_decoder_read(k.decoder[d], x, 8, 4, r, &n), TW_OK, "%s", tw_errmsg(ctx));
            cr_assert_geq(n, d == 0);
        }
        kinds_free(&k);
    }
    free(x);
}

/* Many frames: the trie of prefixes is swept many times. */
Test(text_hostile, ten_thousand_frames) {
    enum { T = 10000, K = 5 };
    tw_real *x = random_reals((size_t)T * K, 6, -4, 4);
    tw_alphabet *a = letters(ctx, K - 1, 0);
    tw_decoder *d = tw_decoder_new(ctx, a, &(tw_decoder_options){.width = 30});
    tw_reading r[30];
    int n = 30;
    cr_assert_eq(tw_decoder_read(d, x, T, K, r, &n), TW_OK);
    cr_assert_eq(n, 30);
    for (int i = 0; i < n; i++) {
        cr_assert_gt(r[i].n, T / 4);
        if (i % 15 == 0) { /* a sum over 10,000 frames and 15,000 states takes its time */
            double exact = tw_ctc_log_prob(ctx, x, T, K, K, r[i].symbols, r[i].n, 0);
            cr_assert(r[i].log_prob <= exact + 1e-2, "%g of %g", r[i].log_prob, exact);
        }
        for (int j = 0; j < i; j++)
            cr_assert(r[i].n != r[j].n || memcmp(r[i].symbols, r[j].symbols, (size_t)r[i].n * sizeof *r[i].symbols));
    }
    tw_decoder_free(d);
    tw_alphabet_free(a);
    free(x);
}

/* What the readings say of themselves holds for any width. */
Test(text_hostile, probabilities_of_readings) {
    for (uint64_t round = 0; round < 40; round++) {
        int T = 12, K = 6, N = 50;
        tw_real *x = random_reals((size_t)(T * K), round, -3, 3);
        tw_alphabet *a = letters(ctx, K - 1, 0);
        double kept = 0;
        for (int width = 1; width < 3000; width *= 3) {
            tw_decoder *d = tw_decoder_new(ctx, a, &(tw_decoder_options){.width = width});
            tw_reading r[50];
            int n = N;
            double sum = 0;
            cr_assert_eq(tw_decoder_read(d, x, T, (size_t)K, r, &n), TW_OK);
            cr_assert_eq(n, width < N ? width : N);
            for (int i = 0; i < n; i++) {
                double exact = tw_ctc_log_prob(ctx, x, T, K, (size_t)K, r[i].symbols, r[i].n, 0);
                cr_assert_leq(r[i].log_prob, exact + 1e-5); /* a sum over some of the paths */
                cr_assert(!i || r[i].score <= r[i - 1].score);
                sum += exp(r[i].log_prob);
            }
            cr_assert_leq(sum, 1 + 1e-5);
            if (width >= N) cr_assert_geq(sum, kept - 0.02); /* of 50 readings, hardly ever less */
            kept = sum;
            tw_decoder_free(d);
        }
        tw_alphabet_free(a);
        free(x);
    }
}

/* ---- memory ----------------------------------------------------------------------------------------------- */

Test(text_hostile, warm_decoders_allocate_nothing) {
    if (!malloc_is_ours()) cr_skip_test("malloc belongs to a sanitizer or another C library");
    kinds k = kinds_new(3, 0, 25);
    tw_real *x = random_reals(300 * 4, 7, -4, 4);
    for (int d = 0; d < KINDS; d++) {
        tw_reading r[5];
        int n = 5;
        cr_assert_eq(tw_decoder_read(k.decoder[d], x, 300, 4, r, &n), TW_OK);
        long before = malloc_count();
        for (int T = 0; T < 300; T += 7) {
            n = 5;
            cr_assert_eq(tw_decoder_read(k.decoder[d], x + 4 * (T % 11), T < 280 ? T : 280, 4, r, &n), TW_OK);
        }
        cr_assert_eq(malloc_count(), before, "decoder %d: %ld allocations", d, malloc_count() - before);
    }
    free(x);
    kinds_free(&k);
}

/* One of everything, with whatever stops it. */
static tw_err everything(tw_ctx *c, const char *file, const char *words) {
    int32_t symbols[8];
    size_t n = 8, skipped;
    tw_real x[40 * 4];
    tw_reading r[3];
    tw_span span[8];
    tw_word word[8];
    int count = 3, nwords;
    for (int i = 0; i < 160; i++) x[i] = (tw_real)tw_random_normal(3, (uint64_t)i);
    tw_alphabet *a = tw_alphabet_from_texts(c, 2, (const char *[]){"ab", "b "}), *b = NULL;
    tw_ngram *m = a ? tw_ngram_train(c, 4, 2, (const char *[]){"ab ba", "aab bab aba"}) : NULL, *m2 = NULL;
    tw_err err = m ? tw_ngram_save(c, m, file) : tw_error(c);
    if (!err && !(m2 = tw_ngram_load(c, file))) err = tw_error(c);
    tw_lexicon *l = err ? NULL : tw_lexicon_load(c, a, words, true, &skipped);
    if (!err && l) err = tw_alphabet_encode(c, a, "ab b", symbols, &n);
    if (!err && l && !(b = tw_alphabet_new_with(c, "ab ", -1))) err = tw_error(c);
    for (int i = 0; !err && l && i < 3; i++) {
        tw_decoder_options o = {.width = 40, .lm = m2, .lm_weight = 1, .lexicon = i ? l : NULL, .phrases = i == 2};
        tw_decoder *d = tw_decoder_new(c, a, &o);
        count = 3;
        err = d ? tw_decoder_read(d, x, 40, 4, r, &count) : tw_error(c);
        if (!err) err = tw_readings_words(c, a, r, count, word, &nwords);
        tw_decoder_free(d);
    }
    if (!err && l) err = tw_ctc_align(c, x, 40, 4, 4, 0, symbols, n, span, NULL);
    if (!err && l) err = tw_ctc_words(c, a, x, 40, 4, symbols, (int)n, span, word, &nwords);
    tw_score s = {0};
    if (!err && l) err = tw_score_add(c, &s, "a Bc", "a c", TW_IGNORE_CASE);
    tw_confusion *f = !err && l ? tw_confusion_new(c) : NULL;
    tw_confusion_pair pair;
    n = 1;
    if (f) err = tw_confusion_add(f, "abc", "adc");
    if (f && !err) err = tw_confusion_top(f, &pair, &n);
    tw_confusion_free(f);
    tw_lexicon_free(l);
    tw_ngram_free(m);
    tw_ngram_free(m2);
    tw_alphabet_free(a);
    tw_alphabet_free(b);
    return err ? err : tw_error(c);
}

Test(text_hostile, each_allocation_may_fail) {
    if (!malloc_is_ours()) cr_skip_test("malloc belongs to a sanitizer or another C library");
    char file[300];
    temp_path("lm", file, sizeof file);
    const char *words = write_text("words", "ab\nba\nxy\n");
    cr_assert_eq(everything(ctx, file, words), TW_OK, "%s", tw_errmsg(ctx));
    bool through = false;
    for (long k = 0; !through && k < 2000; k++) {
        tw_ctx *c = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
        malloc_fail_after(k);
        tw_err err = everything(c, file, words);
        malloc_fail_after(-1);
        through = !err;
        /* the C library opens files with malloc, and then it is an IO error */
        cr_assert(!err || err == TW_ERR_NOMEM || err == TW_ERR_IO, "allocation %ld: %s", k, tw_errmsg(c));
        cr_assert_eq(tw_error(c), err);
        if (err) cr_assert_gt(strlen(tw_errmsg(c)), 5);
        tw_ctx_free(c);
    }
    cr_assert(through);
    remove(file);
}
