/* test_text_book.c - the code of docs/text.md, run. */
#include "util.h"

/* quote: read-batch */
/* The text of sample n from scores [T,N,K], its frames 0 .. length-1. text has room for 4 * length + 1 bytes. */
static tw_err read_sample(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_tensor *scores, int n, int length,
                          char *text) {
    int N = scores->dim[1], K = scores->dim[2];
    int32_t *symbols = tw_alloc(ctx, (size_t)length * sizeof *symbols);
    if (!symbols) return tw_error(ctx);
    int count = tw_ctc_greedy(scores->data + (size_t)n * (size_t)K, length, K, (size_t)N * (size_t)K,
                              tw_alphabet_blank(alphabet), symbols);
    return tw_alphabet_decode(ctx, alphabet, symbols, (size_t)count, text, 4 * (size_t)length + 1);
}
/* end quote */

/* quote: read-line */
/* The best text of scores [T,K] under a language model. text has room for 4 * T + 1 bytes. */
static tw_err read_line(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_ngram *lm, const tw_real *scores, int T,
                        char *text) {
    size_t K = (size_t)tw_alphabet_classes(alphabet);
    tw_decoder_options o = {.width = 25, .lm = lm, .lm_weight = 0.5, .length_bonus = 0.5};
    tw_decoder *decoder = tw_decoder_new(ctx, alphabet, &o); /* made once, it reads many lines */
    tw_reading best;
    int n = 1;
    tw_err err = decoder ? tw_decoder_read(decoder, scores, T, K, &best, &n) : tw_error(ctx);
    if (!err) err = tw_alphabet_decode(ctx, alphabet, best.symbols, (size_t)best.n, text, 4 * (size_t)T + 1);
    tw_decoder_free(decoder);
    return err;
}
/* end quote */

/* quote: measure */
/* Error rates of n readings, without regard to case. */
static tw_err measure(tw_ctx *ctx, size_t n, const char *const *truth, const char *const *read, tw_score *score) {
    *score = (tw_score){0};
    for (size_t i = 0; i < n; i++) {
        tw_err err = tw_score_add(ctx, score, truth[i], read[i], TW_IGNORE_CASE);
        if (err) return err;
    }
    return TW_OK; /* tw_score_exact(score), tw_score_cer(score), tw_score_wer(score) */
}
/* end quote */

Test(text_book, reads_a_batch) {
    /* T = 6, N = 2, K = 4: the symbols of "a b c", frame by frame. */
    static const int frames[6][2] = {{1, 3}, {1, 3}, {0, 0}, {2, 3}, {3, 1}, {0, 2}};
    tw_ctx *ctx = tw_ctx_new(1);
    tw_alphabet *alphabet = tw_alphabet_new(ctx, "abc");
    tw_tensor *scores = tw_full(ctx, 0, 3, (int[]){6, 2, 4});
    for (int t = 0; t < 6; t++)
        for (int n = 0; n < 2; n++) scores->data[(t * 2 + n) * 4 + frames[t][n]] = 2;
    char text[25];
    cr_assert_eq(read_sample(ctx, alphabet, scores, 0, 6, text), TW_OK);
    cr_assert_str_eq(text, "abc");
    cr_assert_eq(read_sample(ctx, alphabet, scores, 1, 6, text), TW_OK);
    cr_assert_str_eq(text, "ccab");
    cr_assert_eq(read_sample(ctx, alphabet, scores, 1, 3, text), TW_OK); /* only its own frames */
    cr_assert_str_eq(text, "c");
    tw_alphabet_free(alphabet);
    tw_ctx_free(ctx);
}

Test(text_book, measures) {
    tw_ctx *ctx = tw_ctx_new(1);
    const char *read[] = {"hallo", "", "Caf\u00e9"}, *truth[] = {"hello", "ab", "cafe\u0301"};
    tw_score s;
    cr_assert_eq(measure(ctx, 3, truth, read, &s), TW_OK);
    cr_assert(near(tw_score_cer(&s), 3.0 / 11, 1e-12) && near(tw_score_exact(&s), 1.0 / 3, 1e-12));
    cr_assert_eq(measure(ctx, 1, truth, (const char *[]){"\xff"}, &s), TW_ERR_FORMAT);
    assert_error(ctx, TW_ERR_FORMAT, "not UTF-8 at byte 1");
    tw_ctx_free(ctx);
}

/* Frames of a text, each character in one frame and a blank after it; `other` is what one of them might be, too. */
Test(text_book, a_language_model_decides) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_alphabet *alphabet = tw_alphabet_new(ctx, "achrt");
    tw_ngram *lm = tw_ngram_train(ctx, 3, 3, (const char *[]){"cat", "hat", "chart"});
    tw_real x[6 * 6];
    for (int i = 0; i < 36; i++) x[i] = i % 6 == 0 && i / 6 % 2 ? 6 : -2;
    x[0 * 6 + 2] = 6;                      /* c */
    x[2 * 6 + 4] = 3, x[2 * 6 + 1] = 2.5f; /* r, or a */
    x[4 * 6 + 5] = 6;                      /* t */
    char text[25];
    cr_assert_eq(read_line(ctx, alphabet, NULL, x, 6, text), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_str_eq(text, "crt");
    cr_assert_eq(read_line(ctx, alphabet, lm, x, 6, text), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_str_eq(text, "cat");
    tw_ngram_free(lm);
    tw_alphabet_free(alphabet);
    tw_ctx_free(ctx);
}

/* The example of the chapter's section on lexicons. */
Test(text_book, the_likeliest_word) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_alphabet *alphabet = tw_alphabet_new(ctx, "ab");
    tw_lexicon *lexicon = tw_lexicon_new(ctx, alphabet, 3, (const char *[]){"a", "ab", "b"}, false, NULL);
    static const double p[] = {.2, .5, .3, .5, .1, .4};
    tw_real x[6];
    for (int i = 0; i < 6; i++) x[i] = (tw_real)log(p[i]);
    tw_decoder *decoder = tw_decoder_new(ctx, alphabet, &(tw_decoder_options){.lexicon = lexicon});
    tw_reading r[3];
    int n = 3;
    static const double want[] = {.35, .32, .2};
    cr_assert_eq(tw_decoder_read(decoder, x, 2, 3, r, &n), TW_OK);
    cr_assert_eq(n, 3);
    for (int i = 0; i < 3; i++) cr_assert(near(exp(r[i].log_prob), want[i], 1e-6));
    cr_assert(r[0].n == 1 && r[0].symbols[0] == 2);
    tw_decoder_free(decoder);
    tw_lexicon_free(lexicon);
    tw_alphabet_free(alphabet);
    tw_ctx_free(ctx);
}
