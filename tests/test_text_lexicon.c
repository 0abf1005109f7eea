/* test_text_lexicon.c - words of a lexicon: all of them scored one by one, sequences of words against every text. */
#include "text/word_sums.h"
#include "util_ctc.h"
#include "util_files.h"

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(text_lexicon, .init = begin, .fini = end);

/* Up to n different random words of a..; NULL after the last. The caller frees them. */
static char **random_words(uint64_t seed, int n, int letters_, int longest) {
    char **words = calloc((size_t)n, sizeof *words);
    int m = 0;
    for (int i = 0; i < n; i++) {
        char *word = calloc((size_t)longest + 1, 1);
        uint64_t at = (uint64_t)i * 64;
        int length = 1 + (int)(tw_random_bits(seed, at) % (uint64_t)longest);
        for (int k = 0; k < length; k++)
            word[k] = (char)('a' + tw_random_bits(seed, at + 1 + (uint64_t)k) % (uint64_t)letters_);
        bool known = false;
        for (int j = 0; j < m; j++) known |= !strcmp(words[j], word);
        if (known) free(word);
        else words[m++] = word;
    }
    return words;
}

static int count_of(char **words, int n) {
    int m = 0;
    while (m < n && words[m]) m++;
    return m;
}

static void free_words(char **words, int n) {
    for (int i = 0; i < n; i++) free(words[i]);
    free(words);
}

/* ---- one word: exactly the best ------------------------------------------------------------------------------ */

typedef struct scored {
    const char *word;
    double log_prob, score;
} scored;

static int by_score(const void *x, const void *y) {
    const scored *a = x, *b = y;
    return (a->score < b->score) - (a->score > b->score);
}

Test(text_lexicon, finds_exactly_the_best_words) {
    tw_ngram *lm = tw_ngram_train(ctx, 3, 2, (const char *[]){"abcabdabe", "bcdefgabc"});
    for (uint64_t round = 0; round < 60; round++) {
        int T = (int)(round % 25), letters_ = 1 + (int)(round % 6), n = 1 + (int)(round * 13 % 300), K = letters_ + 1;
        int blank = (int)(tw_random_bits(2, round) % (uint64_t)K);
        double scale = (double[]){1, 6, 30, 120}[round / 15];
        double bonus = round % 4 == 1 ? 2 : round % 4 == 2 ? -1 : 0, weight = round % 3 == 0 ? 0.7 : 0;
        char **words = random_words(round, n, letters_, 9);
        n = count_of(words, n);
        tw_alphabet *a = letters(ctx, letters_, blank);
        tw_lexicon *l = tw_lexicon_new(ctx, a, (size_t)n, (const char *const *)words, false, NULL);
        cr_assert(l && tw_lexicon_words(l) == (size_t)n, "%s", tw_errmsg(ctx));
        tw_decoder_options o = {.lexicon = l, .lm = lm, .lm_weight = weight, .length_bonus = bonus};
        tw_decoder *d = tw_decoder_new(ctx, a, &o);
        tw_real *x = random_reals((size_t)T * (size_t)K, round, -scale, scale);
        scored *all = malloc((size_t)n * sizeof *all);
        int possible = 0;
        for (int i = 0; i < n; i++) {
            int32_t symbols[10];
            size_t length = 10;
            cr_assert_eq(tw_alphabet_encode(ctx, a, words[i], symbols, &length), TW_OK);
            double p = -INFINITY;
            if (tw_ctc_fits(T, symbols, length))
                p = tw_ctc_log_prob(ctx, x, T, K, (size_t)K, symbols, (int)length, blank);
            double lm_part = weight * tw_ngram_log_prob(ctx, lm, words[i], NULL);
            all[i] = (scored){words[i], p, p + lm_part + bonus * (double)length};
            possible += !isinf(p);
        }
        qsort(all, (size_t)n, sizeof *all, by_score);
        static tw_reading r[400];
        for (int wanted = 1; wanted < 400; wanted = 20 * wanted - 1) {
            int found = wanted, expected = wanted < possible ? wanted : possible;
            cr_assert_eq(tw_decoder_read(d, x, T, (size_t)K, r, &found), TW_OK, "%s", tw_errmsg(ctx));
            cr_assert_eq(found, expected, "round %d: %d of %d", (int)round, found, expected);
            for (int i = 0; i < found; i++) {
                cr_assert(near(r[i].score, all[i].score, 1e-5), "round %d, word %d: %.9g, not %.9g", (int)round, i,
                          r[i].score, all[i].score);
                char text[40];
                cr_assert_eq(tw_alphabet_decode(ctx, a, r[i].symbols, (size_t)r[i].n, text, sizeof text), TW_OK);
                int at = 0;
                while (at < n && strcmp(all[at].word, text)) at++;
                cr_assert(at < n && near(all[at].score, r[i].score, 1e-5) &&
                              near(all[at].log_prob, r[i].log_prob, 1e-5),
                          "round %d: \"%s\"", (int)round, text);
            }
        }
        free(all);
        free(x);
        tw_decoder_free(d);
        tw_lexicon_free(l);
        tw_alphabet_free(a);
        free_words(words, (int)(1 + round * 13 % 300));
    }
    tw_ngram_free(lm);
}

/* What a branch may hold is at least what all texts in it have together, and not much more. */
Test(text_lexicon, bounds_hold) {
    for (uint64_t round = 0; round < 40; round++) {
        enum { K = 4 };
        int T = 2 + (int)(round % 5), blank = (int)(round % K);
        tw_real *x = random_reals((size_t)T * K, round, -2, 2);
        bool letter[K] = {true, true, true, true};
        tw__norm norm[8];
        double blank_row[8], both[8], own_blank[8], own[8];
        letter[blank] = false;
        cr_assert_eq(tw__frames_norm(ctx, "test", x, T, K, K, norm), TW_OK);
        tw__frames f = {x, K, T, K, blank, norm};
        spelled *all;
        size_t n = every_text(x, T, K, K, blank, &all);
        for (int logs = 0; logs < 2; logs++) {
            tw__sums s = {0};
            cr_assert(tw__sums_begin(&s, &f, letter, 5, logs));
            tw__sums_first(&s, blank_row, both);
            int32_t first = blank == 0, second = blank == 3 ? 2 : 3;
            tw__sums_extend(&s, both, first, own_blank, own);
            for (int height = 0; height < 6; height++)
                for (int same = 0; same < 2; same++) { /* texts "ab..", "aa.." */
                    int32_t next = same ? first : second;
                    double sum = 0, bound = exp(tw__sums_bound(&s, same ? own_blank : own, next, height));
                    for (size_t i = 0; i < n; i++)
                        if (all[i].n >= 2 && all[i].n <= 2 + height && all[i].symbols[0] == first &&
                            all[i].symbols[1] == next)
                            sum += exp(all[i].log_prob);
                    cr_assert(bound >= sum - 1e-6, "round %d: %g, and the texts have %g", (int)round, bound, sum);
                    if (!height) cr_assert(near(bound, sum, 1e-6)); /* then nothing is counted twice */
                }
            tw__sums_free(&s);
        }
        free(all);
        free(x);
    }
}

/* Certain of something that no word has: the words' chances are far below what a double holds. */
Test(text_lexicon, far_below_what_a_double_holds) {
    enum { T = 60, K = 5 };
    tw_real x[T * K];
    for (int t = 0; t < T; t++)
        for (int k = 0; k < K; k++) x[t * K + k] = k == 4 ? 0 : (tw_real)(-100 - 10 * ((t * 7 + k * 3) % 5));
    tw_alphabet *a = letters(ctx, K - 1, 0); /* the certain one, d, is in no word */
    tw_lexicon *l = tw_lexicon_new(ctx, a, 4, (const char *[]){"abc", "ab", "cab", "c"}, false, NULL);
    tw_decoder *d = tw_decoder_new(ctx, a, &(tw_decoder_options){.lexicon = l});
    tw_reading r[4];
    int n = 4;
    cr_assert_eq(tw_decoder_read(d, x, T, K, r, &n), TW_OK);
    cr_assert_eq(n, 4);
    for (int i = 0; i < 4; i++) {
        cr_assert_lt(r[i].log_prob, -5000);
        cr_assert(near(r[i].log_prob, tw_ctc_log_prob(ctx, x, T, K, K, r[i].symbols, r[i].n, 0), 1e-9));
        cr_assert(!i || r[i - 1].score >= r[i].score);
    }
    tw_decoder_free(d);
    tw_lexicon_free(l);
    tw_alphabet_free(a);
}

/* ---- several words with anything else between ----------------------------------------------------------------- */

/* Is it made of words, cut at symbols that are in none? */
static bool is_phrase(const char *text, char **words, int n, const char *between) {
    while (*text) {
        size_t length = strcspn(text, between);
        bool known = !length;
        for (int i = 0; i < n; i++) known |= strlen(words[i]) == length && !strncmp(words[i], text, length);
        if (!known) return false;
        text += length;
        if (*text) text++;
    }
    return true;
}

Test(text_lexicon, phrases_against_every_text) {
    for (uint64_t round = 0; round < 60; round++) {
        int T = (int)(round % 7), K = 5, blank = (int)(round % 5); /* a b in words, c d between */
        char **words = random_words(round, 4, 2, 3);
        int n = count_of(words, 4);
        if (n < 2) words[n++] = strdup("ab");
        const char *between = "cd";
        bool has[2] = {false, false};
        for (int i = 0; i < n; i++)
            for (const char *p = words[i]; *p; p++) has[*p - 'a'] = true;
        if (!has[0]) between = "acd";
        if (!has[1]) between = "bcd";
        tw_alphabet *a = letters(ctx, 4, blank);
        tw_lexicon *l = tw_lexicon_new(ctx, a, (size_t)n, (const char *const *)words, false, NULL);
        tw_decoder *d = tw_decoder_new(ctx, a, &(tw_decoder_options){.width = 4000, .lexicon = l, .phrases = true});
        tw_real *x = random_reals((size_t)T * 5, round, -3, 3);
        spelled *all;
        size_t m = every_text(x, T, K, 5, blank, &all), kept = 0;
        for (size_t i = 0; i < m; i++)
            if (is_phrase(shown(all[i].symbols, all[i].n, blank), words, n, between)) all[kept++] = all[i];
        static tw_reading r[4000];
        int found = 4000;
        cr_assert_eq(tw_decoder_read(d, x, T, 5, r, &found), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq((size_t)found, kept, "round %d: %d of %zu", (int)round, found, kept);
        for (int i = 0; i < found; i++) {
            cr_assert(near(r[i].log_prob, all[i].log_prob, 1e-5));
            cr_assert(is_phrase(shown(r[i].symbols, r[i].n, blank), words, n, between));
        }
        free(all);
        free(x);
        tw_decoder_free(d);
        tw_lexicon_free(l);
        tw_alphabet_free(a);
        free_words(words, 4);
    }
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

Test(text_lexicon, words_and_their_cases) {
    tw_alphabet *a = tw_alphabet_new(ctx, "aehlotwzHW\u00e9\u00c9'");
    const char *words[] = {"hello", "two", "hello", "", "quiz", "\u00e9te", "e\u0301te", "h'a"};
    size_t skipped;
    tw_lexicon *l = tw_lexicon_new(ctx, a, 8, words, false, &skipped);
    cr_assert(l && tw_lexicon_words(l) == 4 && skipped == 1, "%zu words, %zu skipped", tw_lexicon_words(l), skipped);
    tw_lexicon_free(l);
    l = tw_lexicon_new(ctx, a, 8, words, true, &skipped); /* Hello; neither HELLO nor Two can be written */
    cr_assert(l && tw_lexicon_words(l) == 7 && skipped == 1, "%zu words", tw_lexicon_words(l));
    tw_lexicon_free(l);
    cr_assert_null(tw_lexicon_new(ctx, a, 1, (const char *[]){"quiz"}, true, &skipped));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "lexicon: none of its 1 words can be written", "");
    cr_assert_null(tw_lexicon_new(ctx, a, 0, NULL, true, NULL));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "lexicon: none of its 0 words", "");
    cr_assert_null(tw_lexicon_new(ctx, a, 2, (const char *[]){"two", "a\xff"}, true, NULL));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "lexicon: word 1: not UTF-8 at byte 2", "");
    tw_lexicon_free(NULL);
    tw_alphabet_free(a);
}

Test(text_lexicon, files_of_lines) {
    tw_lines lines;
    cr_assert_eq(tw_lines_load(ctx, write_text("a", "\xef\xbb\xbfone\r\n\r\ntwo\n\nthree"), &lines), TW_OK);
    cr_assert_eq(lines.n, 3);
    cr_assert_str_eq(lines.line[0], "one");
    cr_assert_str_eq(lines.line[1], "two");
    cr_assert_str_eq(lines.line[2], "three");
    tw_lines_free(&lines);
    cr_assert_eq(tw_lines_load(ctx, write_text("empty", ""), &lines), TW_OK);
    cr_assert_eq(lines.n, 0);
    tw_lines_free(&lines);
    size_t n = 3000000; /* one line */
    char *text = malloc(n);
    memset(text, 'x', n);
    const char *path = write_file("long", text, n);
    cr_assert_eq(tw_lines_load(ctx, path, &lines), TW_OK);
    cr_assert(lines.n == 1 && strlen(lines.line[0]) == n);
    tw_lines_free(&lines);
    free(text);

    path = write_file("nul", "a\nb\0c", 5);
    assert_sentence(ctx, tw_lines_load(ctx, path, &lines), TW_ERR_FORMAT, path, ":2: a NUL byte");
    path = write_text("latin", "a\nb\ncaf\xe9\n");
    assert_sentence(ctx, tw_lines_load(ctx, path, &lines), TW_ERR_FORMAT, path, ":3: not UTF-8 at byte 4 of the line");
    assert_sentence(ctx, tw_lines_load(ctx, "/nowhere/x", &lines), TW_ERR_IO, "/nowhere/x: ", "No such file");

    tw_alphabet *a = tw_alphabet_new(ctx, "enotw");
    size_t skipped;
    tw_lexicon *l = tw_lexicon_load(ctx, a, write_text("b", "one\ntwo\nthree\n"), false, &skipped);
    cr_assert(l && tw_lexicon_words(l) == 2 && skipped == 1);
    tw_lexicon_free(l);
    path = write_text("none", "123\n");
    cr_assert_null(tw_lexicon_load(ctx, a, path, false, &skipped));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, path, "none of its 1 words");
    cr_assert_null(tw_lexicon_load(ctx, a, "/nowhere/x", false, &skipped));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_IO, "/nowhere/x: ", "");
    tw_alphabet_free(a);
}

/* A lexicon of another alphabet does not do. */
Test(text_lexicon, belongs_to_its_alphabet) {
    tw_alphabet *a = letters(ctx, 4, 0), *b = letters(ctx, 4, 2), *c = letters(ctx, 5, 0);
    tw_lexicon *l = tw_lexicon_new(ctx, a, 1, (const char *[]){"ab"}, false, NULL);
    cr_assert_null(tw_decoder_new(ctx, b, &(tw_decoder_options){.lexicon = l}));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_SHAPE, "decoder: the lexicon was made for 5 classes with blank 0", "");
    cr_assert_null(tw_decoder_new(ctx, c, &(tw_decoder_options){.lexicon = l}));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_SHAPE, "decoder: the lexicon", "has 6 with blank 0");
    tw_lexicon_free(l);
    tw_alphabet_free(a);
    tw_alphabet_free(b);
    tw_alphabet_free(c);
}
