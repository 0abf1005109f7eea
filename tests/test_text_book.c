/* test_text_book.c - the code of docs/text.md, run. */
#include "util.h"

/* quote: read-batch */
/* The text of sample n from scores [T,N,K], its frames 0 .. length-1. text has room for 4 * length + 1 bytes. */
static tw_err read_sample(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_tensor *scores, int n, int length,
                          char *text) {
    int N = scores->dim[1], K = scores->dim[2];
    int32_t *symbols = tw_alloc(ctx, (size_t)length * sizeof *symbols);
    if (!symbols) return tw_error(ctx);
    int count = tw_ctc_greedy(scores->data + (size_t)n * (size_t)K, length, K, (size_t)N * (size_t)K, 0, symbols);
    return tw_alphabet_decode(ctx, alphabet, symbols, (size_t)count, text, 4 * (size_t)length + 1);
}
/* end quote */

/* quote: cer */
/* The character error rate of n texts: all edits over all true characters. Negative after an error. */
static double character_error_rate(tw_ctx *ctx, size_t n, const char *const *read, const char *const *truth) {
    size_t edits = 0, characters = 0;
    for (size_t i = 0; i < n; i++) {
        size_t distance = tw_text_distance(ctx, read[i], truth[i]);
        if (distance == (size_t)-1) return -1;
        edits += distance;
        characters += (size_t)tw_utf8_length(truth[i]);
    }
    return characters ? (double)edits / (double)characters : 0;
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
    const char *read[] = {"hallo", "", "caf\u00e9"}, *truth[] = {"hello", "ab", "cafe\u0301"};
    cr_assert(near(character_error_rate(ctx, 3, read, truth), 3.0 / 11, 1e-12));
    cr_assert_eq(character_error_rate(ctx, 0, read, truth), 0);
    cr_assert_lt(character_error_rate(ctx, 1, (const char *[]){"\xff"}, truth), 0);
    assert_error(ctx, TW_ERR_FORMAT, "not UTF-8 at byte 1");
    tw_ctx_free(ctx);
}
