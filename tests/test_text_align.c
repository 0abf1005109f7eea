/* test_text_align.c - forced alignment against every path, confidences of words, and what they are worth. */
#include "util_ctc.h"
#include "util_files.h"

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) { tw_ctx_free(ctx); }
TestSuite(text_align, .init = begin, .fini = end);

static double log_y(const tw_real *x, int K, int t, int k) {
    double sum = 0;
    for (int j = 0; j < K; j++) sum += exp((double)x[t * K + j]);
    return (double)x[t * K + k] - log(sum);
}

/* The likeliest of all paths that spell the text. */
static double best_path(const tw_real *x, int T, int K, int blank, const int32_t *text, int n) {
    size_t paths = 1;
    double best = -INFINITY;
    for (int t = 0; t < T; t++) paths *= (size_t)K;
    for (size_t p = 0; p < paths; p++) {
        size_t rest = p;
        double sum = 0;
        int last = -1, m = 0;
        bool same = true;
        for (int t = 0; t < T; t++, rest /= (size_t)K) {
            int k = (int)(rest % (size_t)K);
            sum += log_y(x, K, t, k);
            if (k != blank && k != last) same = same && m < n && text[m] == k, m++;
            last = k;
        }
        if (same && m == n && sum > best) best = sum;
    }
    return best;
}

/* The path that the spans describe. */
static double of_spans(const tw_real *x, int T, int K, int blank, const int32_t *text, int n, const tw_span *span) {
    double sum = 0;
    int i = 0;
    for (int t = 0; t < T; t++) {
        while (i < n && t >= span[i].end) i++;
        sum += log_y(x, K, t, i < n && t >= span[i].begin ? text[i] : blank);
    }
    return sum;
}

Test(text_align, is_the_likeliest_path) {
    for (uint64_t round = 0; round < 300; round++) {
        int T = (int)(round % 7), K = 2 + (int)(round % 3), blank = (int)(tw_random_bits(1, round) % (uint64_t)K);
        int n = (int)(tw_random_bits(2, round) % 5);
        int32_t text[5];
        for (int i = 0; i < n; i++) {
            text[i] = (int32_t)(tw_random_bits(3, 5 * round + (uint64_t)i) % (uint64_t)(K - 1));
            text[i] += text[i] >= blank;
        }
        tw_real *x = random_reals((size_t)T * (size_t)K, round, -3, 3);
        tw_span span[5];
        double log_prob;
        tw_err err = tw_ctc_align(ctx, x, T, K, (size_t)K, blank, text, (size_t)n, span, &log_prob);
        if (!tw_ctc_fits(T, text, (size_t)n)) {
            assert_sentence(ctx, err, TW_ERR_RANGE, "align: a text of ", "frames, and there are");
        } else {
            cr_assert_eq(err, TW_OK, "%s", tw_errmsg(ctx));
            cr_assert(near(log_prob, best_path(x, T, K, blank, text, n), 1e-5), "round %d", (int)round);
            cr_assert(near(log_prob, of_spans(x, T, K, blank, text, n, span), 1e-5), "round %d", (int)round);
            for (int i = 0; i < n; i++) {
                double most = 0;
                cr_assert(span[i].begin >= (i ? span[i - 1].end : 0) && span[i].begin < span[i].end &&
                          span[i].end <= T);
                if (i && text[i] == text[i - 1]) cr_assert_gt(span[i].begin, span[i - 1].end);
                for (int t = span[i].begin; t < span[i].end; t++) most = fmax(most, exp(log_y(x, K, t, text[i])));
                cr_assert(near(span[i].confidence, most, 1e-6));
            }
        }
        free(x);
    }
}

Test(text_align, wrong_arguments) {
    tw_real x[] = {0, 0, 0, 0, (tw_real)-INFINITY, 0};
    tw_span span[3];
    static const struct {
        int32_t text[2];
        tw_err err;
        const char *part;
    } table[] = {
        {{1, 3}, TW_ERR_RANGE, "align: symbol 3 at place 1"},
        {{0, 1}, TW_ERR_RANGE, "align: symbol 0 at place 0"}, /* the blank */
        {{-1, 1}, TW_ERR_RANGE, "align: symbol -1 at place 0"},
        {{1, 1}, TW_ERR_RANGE, "align: a text of 2 symbols needs 3 frames, and there are 2"},
        {{2, 1}, TW_ERR_RANGE, "align: the text is impossible"}, /* frame 1 cannot be 1 */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_sentence(ctx, tw_ctc_align(ctx, x, 2, 3, 3, 0, table[i].text, 2, span, NULL), table[i].err,
                        table[i].part, "");
    x[1] = (tw_real)NAN;
    assert_sentence(ctx, tw_ctc_align(ctx, x, 2, 3, 3, 0, table[0].text, 1, span, NULL), TW_ERR_NONFINITE,
                    "align: class 1 of frame 0 is NaN", "");
    assert_sentence(ctx, tw_ctc_align(ctx, x, 2, 3, 3, 3, table[0].text, 1, span, NULL), TW_ERR_RANGE,
                    "align: the blank is class 3 of 3", "");
    assert_sentence(ctx, tw_ctc_align(ctx, x, -1, 3, 3, 0, table[0].text, 1, span, NULL), TW_ERR_RANGE,
                    "align: -1 frames", "");
    cr_assert_eq(tw_ctc_align(ctx, NULL, 0, 3, 3, 0, NULL, 0, NULL, NULL), TW_OK);
}

/* ---- words ------------------------------------------------------------------------------------------------ */

/* "ab c": symbols 1 2 4 3 of "abc ", a frame each with a blank between; frame 2 is 0.7 b. */
Test(text_align, words_by_their_frames) {
    enum { T = 7, K = 5 };
    static const int shows[T] = {1, 0, 2, 0, 4, 0, 3};
    tw_alphabet *a = tw_alphabet_new(ctx, "abc ");
    tw_real x[T * K];
    for (int t = 0; t < T; t++)
        for (int k = 0; k < K; k++) x[t * K + k] = (tw_real)log(k == shows[t] ? 0.92 : 0.02);
    for (int k = 0; k < K; k++) x[2 * K + k] = (tw_real)log(k == 2 ? 0.7 : 0.075);
    int32_t symbols[4];
    int n = tw_ctc_greedy(x, T, K, K, 0, symbols);
    cr_assert(n == 4 && symbols[2] == 4);
    tw_span span[4];
    tw_word word[3];
    int words;
    cr_assert_eq(tw_ctc_align(ctx, x, T, K, K, 0, symbols, 4, span, NULL), TW_OK);
    cr_assert_eq(tw_ctc_words(ctx, a, x, T, K, symbols, 4, span, word, &words), TW_OK);
    cr_assert_eq(words, 2);
    cr_assert(word[0].begin == 0 && word[0].end == 2 && word[0].frame_begin == 0 && word[0].frame_end == 4);
    cr_assert(word[1].begin == 3 && word[1].end == 4 && word[1].frame_begin == 5 && word[1].frame_end == 7);
    double p = tw_ctc_log_prob(ctx, x, 4, K, K, symbols, 2, 0),
           q = tw_ctc_log_prob(ctx, x + 5 * K, 2, K, K, symbols + 3, 1, 0);
    cr_assert(near(word[0].confidence, exp(p), 1e-9) && near(word[1].confidence, exp(q), 1e-9));
    cr_assert(word[0].confidence > 0.5 && word[0].confidence < word[1].confidence);
    /* one word: p(text|frames) */
    cr_assert_eq(tw_ctc_words(ctx, a, x, 4, K, symbols, 2, span, word, &words), TW_OK);
    cr_assert(words == 1 && near(word[0].confidence, exp(p), 1e-9));
    cr_assert_eq(tw_ctc_words(ctx, a, x, 4, K, symbols, 0, span, word, &words), TW_OK);
    cr_assert_eq(words, 0);
    /* of the second word, after the first has been found */
    x[6 * K] = (tw_real)NAN;
    cr_assert_eq(tw_ctc_words(ctx, a, x, T, K, symbols, 4, span, word, &words), TW_ERR_NONFINITE);
    assert_error(ctx, TW_ERR_NONFINITE, "ctc_words: the scores are not finite");
    cr_assert_eq(words, 0);
    tw_alphabet_free(a);
}

static tw_reading reading(const tw_alphabet *a, const char *text, int32_t *symbols, double p) {
    size_t n = 20;
    cr_assert_eq(tw_alphabet_encode(ctx, a, text, symbols, &n), TW_OK);
    return (tw_reading){symbols, (int)n, log(p), log(p)};
}

Test(text_align, words_by_other_readings) {
    static const char *const texts[] = {"the cat", "the hat", "he cat", "thecat", "the the cat", "then cat"};
    static const double p[] = {.4, .2, .1, .15, .1, .05};
    tw_alphabet *a = tw_alphabet_new(ctx, "acehnt ");
    int32_t symbols[6][20];
    tw_reading r[6];
    for (int i = 0; i < 6; i++) r[i] = reading(a, texts[i], symbols[i], p[i] / 10);
    tw_word word[5];
    int words;
    cr_assert_eq(tw_readings_words(ctx, a, r, 6, word, &words), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(words == 2 && word[1].begin == 4 && word[1].end == 7);
    cr_assert(near(word[0].confidence, .4 + .2 + .1, 1e-9), "the: %g", word[0].confidence);
    cr_assert(near(word[1].confidence, .4 + .1 + .1 + .05, 1e-9), "cat: %g", word[1].confidence);
    cr_assert_eq(tw_readings_words(ctx, a, r, 1, word, &words), TW_OK);
    cr_assert(words == 2 && word[0].confidence == 1 && word[1].confidence == 1);
    cr_assert_eq(tw_readings_words(ctx, a, r, 0, word, &words), TW_OK);
    cr_assert_eq(words, 0);
    tw_alphabet_free(a);
}

/* ---- reliability ------------------------------------------------------------------------------------------ */

Test(text_align, reliability) {
    tw_reliability r = {0};
    cr_assert_eq(tw_reliability_error(&r), 0);
    for (int i = 0; i < 10; i++) tw_reliability_add(&r, 0.85, i < 6); /* too sure */
    cr_assert(near(tw_reliability_error(&r), .25, 1e-12));
    for (int i = 0; i < 10; i++) tw_reliability_add(&r, 0.25, i < 2);
    cr_assert(near(tw_reliability_error(&r), (10 * .25 + 10 * .05) / 20, 1e-12));
    cr_assert(r.n[8] == 10 && r.right[8] == 6 && near(r.confidence[8], 8.5, 1e-12) && r.n[2] == 10);
    tw_reliability_add(&r, 1, true);
    tw_reliability_add(&r, 1.5, true);
    tw_reliability_add(&r, -3, false);
    tw_reliability_add(&r, NAN, false);
    cr_assert(r.n[9] == 2 && r.n[0] == 2 && r.confidence[0] == 0 && r.confidence[9] == 2);
    tw_reliability even = {0}; /* as sure as right */
    for (uint64_t i = 0; i < 100000; i++) {
        double c = tw_random_uniform(1, i);
        tw_reliability_add(&even, c, tw_random_uniform(2, i) < c);
    }
    cr_assert_lt(tw_reliability_error(&even), 0.01);
}
