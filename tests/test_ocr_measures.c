/* test_ocr_measures.c - what crnn_ocr says of its readings: confused characters, shares and rates with
 * their intervals, and the log that survives a resumed training. */
#include "../examples/crnn_ocr/history.h"
#include "../examples/crnn_ocr/metrics.h"
#include "../examples/crnn_ocr/trust.h"
#include "util.h"
#include "util_files.h"

#include <math.h>
#include <stdlib.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) { tw_ctx_free(ctx); }
TestSuite(ocr_measures, .init = begin, .fini = end);

/* ---- shares and rates ------------------------------------------------------------------------------------------- */

static void add(metrics *m, const char *truth, const char *read) {
    cr_assert_eq(metrics_add(ctx, m, truth, read), TW_OK, "%s", tw_errmsg(ctx));
}

Test(ocr_measures, case_and_punctuation_may_not_count) {
    metrics m = {0};
    add(&m, "Hello, World", "Hello, World");
    add(&m, "Hello, World", "hello, world");
    add(&m, "Hello, World", "HELLO WORLD!");
    add(&m, "\xc3\x84rger-1", "\xc3\xa4rger1"); /* Ärger-1, ärger1 */
    add(&m, "abc", "abd");
    cr_assert_float_eq(metrics_right(&m, METRICS_EXACT).value, 0.2, 1e-12);
    cr_assert_float_eq(metrics_right(&m, METRICS_CASE).value, 0.4, 1e-12);
    cr_assert_float_eq(metrics_right(&m, METRICS_PLAIN).value, 0.8, 1e-12);
    metrics_free(&m);
}

Test(ocr_measures, the_most_frequent_confusions_come_first) {
    metrics m = {0};
    for (int i = 0; i < 3; i++) add(&m, "cat", "cot");
    for (int i = 0; i < 2; i++) add(&m, "ax", "axz");
    add(&m, "quit", "uit");
    size_t n;
    tw_confusion_pair *pair = metrics_confused(ctx, &m, 100, &n);
    cr_assert_eq(n, 3);
    cr_assert(pair[0].truth == 'a' && pair[0].read == 'o' && pair[0].count == 3);
    cr_assert(pair[1].truth == 0 && pair[1].read == 'z' && pair[1].count == 2);
    cr_assert(pair[2].truth == 'q' && pair[2].read == 0 && pair[2].count == 1);
    free(pair);
    pair = metrics_confused(ctx, &m, 2, &n);
    cr_assert_eq(n, 2);
    free(pair);
    metrics_free(&m);
    pair = metrics_confused(ctx, &m, 2, &n);
    cr_assert_eq(n, 0);
    free(pair);
}

Test(ocr_measures, composed_and_decomposed_are_the_same_text) {
    metrics m = {0};
    add(&m, "caf\xc3\xa9", "cafe\xcc\x81");
    cr_assert_eq(m.text[0].edits, 0u);
    cr_assert_eq(m.text[0].characters, 4u);
    for (int k = 0; k < METRICS_KINDS; k++) cr_assert(m.text[0].right[k]);
    metrics_free(&m);
}

Test(ocr_measures, rates_are_edits_by_length_over_all_texts) {
    metrics m = {0};
    add(&m, "the cat sat", "the hat sat on"); /* 1 + 3 edits of 11; words: 1 replaced, 1 inserted, of 3 */
    add(&m, "a", "a");
    add(&m, "", "xy"); /* 2 edits of 0, 1 word of 0 */
    cr_assert_float_eq(metrics_cer(&m).value, 6.0 / 12, 1e-12);
    cr_assert_float_eq(metrics_wer(&m).value, 3.0 / 4, 1e-12);
    score s = metrics_score(&m);
    cr_assert(s.samples == 3 && s.exact == 1 && s.edits == 6 && s.characters == 12);
    metrics_free(&m);
}

static metrics of_right(size_t right, size_t n) {
    metrics m = {0};
    for (size_t i = 0; i < n; i++) add(&m, "word", i < right ? "word" : "ward");
    return m;
}

/* The roots of (p - x/n)^2 = z^2 p (1 - p) / n, which is what defines Wilson's interval, computed apart. */
Test(ocr_measures, wilsons_interval) {
    static const double cases[][4] = {{8, 10, 0.490162, 0.943318},
                                      {0, 10, 0, 0.277533},
                                      {10, 10, 0.722467, 1},
                                      {999, 1000, 0.994357, 0.999823}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        metrics m = of_right((size_t)cases[i][0], (size_t)cases[i][1]);
        estimate e = metrics_right(&m, METRICS_EXACT);
        cr_assert_float_eq(e.low, cases[i][2], 2e-6, "%g", e.low);
        cr_assert_float_eq(e.high, cases[i][3], 2e-6, "%g", e.high);
        metrics_free(&m);
    }
    metrics none = {0};
    estimate e = metrics_right(&none, METRICS_EXACT);
    cr_assert(e.value == 0 && e.low == 0 && e.high == 1);
}

/* One mistake in four characters with probability q: the interval must be near q/4 +- 1.96 sqrt(q (1 - q) / n) / 4. */
Test(ocr_measures, the_bootstrap_is_as_wide_as_theory_says) {
    metrics m = of_right(320, 400);
    estimate a = metrics_cer(&m), b = metrics_cer(&m);
    double q = 0.2, half = 1.96 * sqrt(q * (1 - q) / 400) / 4;
    cr_assert_float_eq(a.value, q / 4, 1e-12);
    cr_assert_float_eq(a.value - a.low, half, 0.15 * half, "%g %g", a.value - a.low, half);
    cr_assert_float_eq(a.high - a.value, half, 0.15 * half, "%g %g", a.high - a.value, half);
    cr_assert(a.low == b.low && a.high == b.high);
    metrics_free(&m);
    m = of_right(300, 300);
    cr_assert_float_eq(metrics_cer(&m).high, 3.0 / 1200, 1e-12);
    metrics_free(&m);
}

/* ---- the log ---------------------------------------------------------------------------------------------------- */

Test(ocr_measures, the_log_is_read_as_it_was_written) {
    history h = {0};
    history_row a = {.epoch = 1, .step = 140, .loss = 3.25, .cer = 0.5, .infeasible = 2, .valid_exact = NAN};
    a.valid_cer = NAN, a.lr = 1e-3, a.norm = 2, a.norm_most = 4, a.rate = 512.5, a.seconds = 60;
    history_row b = a, got;
    b.epoch = 2, b.valid_exact = 0.75, b.valid_cer = 0.125;
    cr_assert(history_add(&h, &a) && history_add(&h, &b));
    const char *at = h.text;
    cr_assert(history_next(&at, &got));
    cr_assert(got.epoch == 1 && got.step == 140 && got.loss == 3.25 && got.infeasible == 2 && got.rate == 512.5);
    cr_assert(isnan(got.valid_exact) && isnan(got.valid_cer));
    cr_assert(history_next(&at, &got));
    cr_assert(got.epoch == 2 && got.valid_exact == 0.75 && got.valid_cer == 0.125 && got.seconds == 60);
    cr_assert(!history_next(&at, &got));
    history again = {0};
    cr_assert(csvlog_set(&again, h.text));
    cr_assert_str_eq(again.text, h.text);
    csvlog_free(&again);
    csvlog_free(&h);
}

Test(ocr_measures, a_damaged_log_ends_and_does_not_crash) {
    static const char *const damaged[] = {"", "\n", ",,,,\n", "x,y\nz", "1e99,2,3\n", "-5,1\n", "nan,1\n", "1,2,3"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        const char *at = damaged[i];
        history_row row;
        for (int k = 0; k < 10 && history_next(&at, &row); k++) {}
    }
}

/* ---- are confidences honest? ------------------------------------------------------------------------------------ */

/* "1" a right word, "0" a wrong one: each word has the confidence of a bin of its own. */
static void assert_right(const char *truth, const char *read, const char *right) {
    double confidence[TW_RELIABILITY_BINS];
    tw_reliability r = {0};
    size_t n = strlen(right);
    for (size_t i = 0; i < n; i++) confidence[i] = ((double)i + 0.5) / TW_RELIABILITY_BINS;
    cr_assert_eq(tw_reliability_add_words(ctx, &r, truth, read, confidence, n), TW_OK, "%s", tw_errmsg(ctx));
    for (size_t i = 0; i < n; i++)
        cr_assert(r.n[i] == 1 && r.right[i] == (right[i] == '1'), "\"%s\" for \"%s\": word %zu", read, truth, i);
    assert_sentence(ctx, tw_reliability_add_words(ctx, &r, truth, read, confidence, n + 1), TW_ERR_SHAPE,
                    "reliability: ", "words");
}

Test(ocr_measures, a_word_is_right_where_it_stands) {
    assert_right("the cat sat", "the cat sat", "111");
    assert_right("the cat sat", "the cot sat", "101");
    assert_right("the cat sat", "thecat sat", "01");
    assert_right("thecat sat", "the cat sat", "001");
    assert_right("a b c d", "b c a d", "1101"); /* the longest common subsequence is b c d */
    assert_right("to be or not to be", "be or not", "111");
    assert_right("one", "two one one", "001"); /* one of the two: the last */
    assert_right("", "something", "0");
    assert_right("nothing", "", "");
    assert_right(" caf\xc3\xa9\xe3\x80\x80"
                 "au\xc2\xa0lait ",
                 "cafe\xcc\x81 au lait", "111"); /* spaces of other kinds */
}

Test(ocr_measures, the_reliability_plot_is_a_file_or_an_error) {
    tw_reliability r = {0};
    for (int i = 0; i < 100; i++) tw_reliability_add(&r, 0.01 * i, i % 3 > 0);
    const char *path = write_text("plot.svg", "");
    cr_assert_eq(trust_save(ctx, path, &r), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(trust_save(ctx, path, &(tw_reliability){0}), TW_OK, "%s", tw_errmsg(ctx));
    remove_files();
    assert_sentence(ctx, trust_save(ctx, "/nowhere/plot.svg", &r), TW_ERR_IO, "/nowhere/plot.svg: ", "No such file");
}
