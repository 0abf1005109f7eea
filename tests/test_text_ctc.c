/* test_text_ctc.c - greedy decoding of CTC outputs, and real network outputs. */
#include "util_files.h"

/* Scores that are 1 at each frame's symbol; stride wider than K, what lies between must not be read. */
static int decode(const int *frames, int T, int K, int blank, int32_t *symbols) {
    size_t stride = (size_t)K + 3;
    tw_real *scores = malloc(((size_t)T * stride + 1) * sizeof *scores);
    for (size_t i = 0; i < (size_t)T * stride; i++) scores[i] = i % stride < (size_t)K ? 0 : 1000;
    for (int t = 0; t < T; t++) scores[(size_t)t * stride + (size_t)frames[t]] = 1;
    int n = tw_ctc_greedy(scores, T, K, stride, blank, symbols);
    free(scores);
    return n;
}

/* The B transform of "state": symbols s t a e = 1 2 3 4, blank 0, then with the blank as the last class. */
Test(text_ctc, merges_repeats_then_drops_blanks) {
    static const struct {
        int T, frames[10], n;
        int32_t want[6];
    } table[] = {
        {10, {0, 1, 0, 2, 0, 3, 3, 2, 2, 4}, 5, {1, 2, 3, 2, 4}},
        {10, {1, 1, 0, 2, 0, 3, 0, 2, 0, 4}, 5, {1, 2, 3, 2, 4}},
        {10, {1, 1, 2, 2, 0, 3, 3, 2, 0, 4}, 5, {1, 2, 3, 2, 4}},
        {10, {0, 1, 0, 2, 0, 2, 3, 2, 2, 4}, 6, {1, 2, 2, 3, 2, 4}}, /* a blank between equal symbols keeps both */
        {4, {0, 0, 0, 0}, 0, {0}},
        {1, {3}, 1, {3}},
        {0, {0}, 0, {0}},
        {5, {3, 3, 3, 3, 3}, 1, {3}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int32_t got[10];
        int frames[10];
        cr_assert_eq(decode(table[i].frames, table[i].T, 5, 0, got), table[i].n);
        cr_assert_eq(memcmp(got, table[i].want, (size_t)table[i].n * sizeof *got), 0);
        for (int t = 0; t < table[i].T; t++) frames[t] = table[i].frames[t] ? table[i].frames[t] - 1 : 4;
        cr_assert_eq(decode(frames, table[i].T, 5, 4, got), table[i].n);
        for (int k = 0; k < table[i].n; k++) cr_assert_eq(got[k], table[i].want[k] - 1);
    }
}

Test(text_ctc, ties_go_to_the_lower_index) {
    tw_real scores[] = {0, 5, 5, 1, 7, 7, 7, 7, -1, -2, -1, -3};
    int32_t got[3];
    cr_assert_eq(tw_ctc_greedy(scores, 3, 4, 4, 3, got), 2);
    cr_assert(got[0] == 1 && got[1] == 0); /* 0 twice: frames 1 and 2 */
    tw_real low[] = {(tw_real)-INFINITY, (tw_real)-INFINITY, -5};
    cr_assert_eq(tw_ctc_greedy(low, 1, 3, 3, 0, got), 1);
    cr_assert_eq(got[0], 2);
}

/* Random paths against the B transform written down in two passes. */
Test(text_ctc, random_paths) {
    for (uint64_t round = 0; round < 500; round++) {
        int frames[30], T = (int)(tw_random_bits(1, round) % 31), merged[30], n = 0, m = 0;
        int32_t got[30];
        for (int t = 0; t < T; t++) frames[t] = (int)(tw_random_bits(2, 31 * round + (uint64_t)t) % 4);
        for (int t = 0; t < T; t++)
            if (!t || frames[t] != frames[t - 1]) merged[m++] = frames[t];
        int count = decode(frames, T, 4, 2, got);
        for (int k = 0; k < m; k++)
            if (merged[k] != 2) cr_assert(n < count && got[n++] == merged[k]);
        cr_assert_eq(n, count);
    }
}

/* ---- real network outputs: K columns and one empty after the last semicolon ---------------------------- */

static int read_matrix(const char *path, int K, tw_real *scores, int rows) {
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in);
    char *line = NULL;
    size_t room = 0;
    int T = 0;
    while (getline(&line, &room, in) > 0) {
        char *at = line;
        cr_assert_lt(T, rows);
        for (int k = 0; k < K; k++, at++) scores[T * K + k] = (tw_real)strtod(at, &at);
        T++;
    }
    free(line);
    fclose(in);
    return T;
}

Test(text_ctc, real_outputs) {
    enum { K = 80 };
    static const struct {
        const char *name;
        int T;
        const char *text, *beam, *truth;
        size_t distance;
    } table[] = {
        {"ctc_matrices/harald_line_logits.csv", 100, "the fak friend of the fomly hae tC",
         "the fak friend of the fomcly hae tC", "the fake friend of the family, like the", 9},
        {"ctc_matrices/harald_word_logits.csv", 32, "aircrapt", "aircrapt", "aircraft", 1},
    };
    char path[600];
    if (!test_data("ctc_matrices/harald_chars.txt", path, sizeof path)) return;
    tw_ctx *ctx = tw_ctx_new(1);
    char characters[200];
    FILE *in = fopen(path, "rb");
    size_t n = fread(characters, 1, sizeof characters - 1, in);
    fclose(in);
    while (n && strchr("\r\n", characters[n - 1])) n--;
    characters[n] = 0;
    tw_alphabet *a = tw_alphabet_new_with(ctx, characters, -1);
    cr_assert(a && tw_alphabet_classes(a) == K && tw_alphabet_blank(a) == K - 1, "%s", tw_errmsg(ctx));
    tw_decoder *d = tw_decoder_new(ctx, a, &(tw_decoder_options){.width = 25});
    for (size_t i = 0; i < 2; i++) {
        static tw_real scores[100 * K];
        int32_t symbols[100];
        char text[401];
        if (!test_data(table[i].name, path, sizeof path)) continue;
        int T = read_matrix(path, K, scores, 100);
        cr_assert_eq(T, table[i].T);
        int length = tw_ctc_greedy(scores, T, K, K, K - 1, symbols);
        cr_assert_eq(tw_alphabet_decode(ctx, a, symbols, (size_t)length, text, sizeof text), TW_OK);
        cr_assert_str_eq(text, table[i].text, "\"%s\"", text);
        cr_assert_eq(tw_text_distance(ctx, text, table[i].truth), table[i].distance);
        tw_reading best;
        int found = 1;
        cr_assert_eq(tw_decoder_read(d, scores, T, K, &best, &found), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(found, 1);
        cr_assert_eq(tw_alphabet_decode(ctx, a, best.symbols, (size_t)best.n, text, sizeof text), TW_OK);
        cr_assert_str_eq(text, table[i].beam, "\"%s\"", text);
        double exact = tw_ctc_log_prob(ctx, scores, T, K, K, best.symbols, best.n, K - 1);
        cr_assert(best.log_prob < exact + 1e-4 && best.log_prob > exact - 1, "%g of %g", best.log_prob, exact);
    }
    tw_decoder_free(d);
    if (test_data("ctc_matrices/harald_word_corpus.txt", path, sizeof path)) {
        static tw_real word[32 * K];
        size_t skipped;
        tw_lexicon *l = tw_lexicon_load(ctx, a, path, false, &skipped);
        cr_assert(l && tw_lexicon_words(l) + skipped > 90, "%s", tw_errmsg(ctx));
        d = tw_decoder_new(ctx, a, &(tw_decoder_options){.lexicon = l});
        if (test_data("ctc_matrices/harald_word_logits.csv", path, sizeof path)) {
            tw_reading best;
            int found = 1;
            char text[200];
            read_matrix(path, K, word, 32);
            cr_assert_eq(tw_decoder_read(d, word, 32, K, &best, &found), TW_OK, "%s", tw_errmsg(ctx));
            cr_assert_eq(found, 1);
            cr_assert_eq(tw_alphabet_decode(ctx, a, best.symbols, (size_t)best.n, text, sizeof text), TW_OK);
            cr_assert_str_eq(text, "aircraft");
        }
        tw_decoder_free(d);
        tw_lexicon_free(l);
    }
    tw_alphabet_free(a);
    tw_ctx_free(ctx);
}
