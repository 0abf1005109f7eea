/* test_text_score.c - error rates, what they overlook, edits and confusions. */
#include "util_files.h"

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) { tw_ctx_free(ctx); }
TestSuite(text_score, .init = begin, .fini = end);

static tw_score one(const char *truth, const char *read, unsigned ignore) {
    tw_score s = {0};
    cr_assert_eq(tw_score_add(ctx, &s, truth, read, ignore), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(s.texts, 1);
    return s;
}

enum { C = TW_IGNORE_CASE, P = TW_IGNORE_PUNCTUATION, LD = TW_IGNORE_ALL_BUT_LETTERS_AND_DIGITS };

Test(text_score, known_texts) {
    static const struct {
        const char *truth, *read;
        unsigned ignore;
        size_t edits, characters, word_edits, words;
    } table[] = {
        {"", "", 0, 0, 0, 0, 0},
        {"", "a b", 0, 3, 0, 2, 0},
        {"a b", "", 0, 3, 3, 2, 2},
        {"the cat sat", "the hat sat", 0, 1, 11, 1, 3},
        {"the cat sat", "the cat", 0, 4, 11, 1, 3},
        {"the cat sat", "thecat sat", 0, 1, 11, 2, 3},
        {"a b c", "c b a", 0, 2, 5, 2, 3},
        {"a a a b", "a a b", 0, 2, 7, 1, 4},
        {" two  spaces\t", "two spaces", 0, 3, 13, 0, 2},
        {"Caf\u00e9", "cafe\u0301", 0, 1, 4, 1, 1},
        {"Caf\u00e9", "cafe\u0301", C, 0, 4, 0, 1},
        {"Stra\u00dfe", "STRASSE", C, 0, 7, 0, 1},
        {"\u03a3\u03c3\u03c2", "\u03c3\u03c3\u03c3", C, 0, 3, 0, 1},
        {"\u00c5ngstr\u00f6m", "\u212bNGSTRO\u0308M", C, 0, 8, 0, 1},
        {"Don't - stop!", "dont stop", 0, 5, 13, 3, 3},
        {"Don't - stop!", "dont stop", C | P, 0, 9, 0, 2},
        {"Don't - stop!", "dont stop", P, 1, 9, 1, 2},
        {"$ 1.50 (net)", "150 net", P, 0, 7, 0, 2},
        {"$ 1.50 (net)", "150NET", C | LD, 0, 6, 0, 1},
        {"\u201ea\u201c \u2014 b\u3002", "a b", P, 0, 3, 0, 2},
        {"\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940!", LD, 0, 6, 0, 1},
        {"\u8bfb\u4e66\u3001", "\u8bfb \u4e66", LD, 0, 2, 0, 1},
        {"a\u00a0b\u3000c", "a b c", 0, 2, 5, 0, 3},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        tw_score s = one(table[i].truth, table[i].read, table[i].ignore);
        cr_assert(s.edits == table[i].edits && s.characters == table[i].characters, "\"%s\", \"%s\", %u: %zu of %zu",
                  table[i].truth, table[i].read, table[i].ignore, s.edits, s.characters);
        cr_assert(s.word_edits == table[i].word_edits && s.words == table[i].words,
                  "\"%s\", \"%s\", %u: %zu of %zu words", table[i].truth, table[i].read, table[i].ignore, s.word_edits,
                  s.words);
        cr_assert_eq(s.exact, s.edits == 0);
    }
}

Test(text_score, rates_of_several) {
    tw_score s = {0};
    cr_assert(tw_score_exact(&s) == 0 && tw_score_cer(&s) == 0 && tw_score_wer(&s) == 0);
    cr_assert_eq(tw_score_add(ctx, &s, "", "x", 0), TW_OK);
    cr_assert(tw_score_cer(&s) == 1 && tw_score_wer(&s) == 1);
    cr_assert_eq(tw_score_add(ctx, &s, "hello world", "hallo world", 0), TW_OK);
    cr_assert_eq(tw_score_add(ctx, &s, "same", "same", 0), TW_OK);
    cr_assert(near(tw_score_exact(&s), 1. / 3, 1e-12) && near(tw_score_cer(&s), 2. / 15, 1e-12) &&
              near(tw_score_wer(&s), 2. / 3, 1e-12));
    tw_score before = s;
    assert_sentence(ctx, tw_score_add(ctx, &s, "a\xff", "", 0), TW_ERR_FORMAT, "score, truth: not UTF-8 at byte 2", "");
    assert_sentence(ctx, tw_score_add(ctx, &s, "a", "\xff", C), TW_ERR_FORMAT, "score, reading: not UTF-8 at byte 1",
                    "");
    cr_assert_eq(memcmp(&s, &before, sizeof s), 0); /* a text that could not be compared does not count */
}

/* ---- edits ------------------------------------------------------------------------------------------------ */

Test(text_score, edits_lead_from_one_to_the_other_at_least_cost) {
    for (uint64_t round = 0; round < 3000; round++) {
        int32_t a[12], b[12], made[24];
        size_t na = tw_random_bits(1, round) % 13, nb = tw_random_bits(2, round) % 13, n, m = 0, cost = 0;
        int32_t next_a = 0, next_b = 0;
        for (uint64_t i = 0; i < 12; i++) {
            a[i] = (int32_t)(tw_random_bits(3, 12 * round + i) % 3);
            b[i] = (int32_t)(tw_random_bits(4, 12 * round + i) % 3);
        }
        tw_edit edit[24];
        cr_assert_eq(tw_edit_align(ctx, a, na, b, nb, edit, &n), TW_OK);
        for (size_t i = 0; i < n; i++) {
            cr_assert(edit[i].a == -1 || edit[i].a == next_a++);
            cr_assert(edit[i].b == -1 || edit[i].b == next_b++);
            cr_assert(edit[i].a >= 0 || edit[i].b >= 0);
            cost += edit[i].a < 0 || edit[i].b < 0 || a[edit[i].a] != b[edit[i].b];
            if (edit[i].b >= 0) made[m++] = b[edit[i].b];
        }
        cr_assert(next_a == (int32_t)na && next_b == (int32_t)nb && m == nb && (!m || !memcmp(made, b, m * sizeof *b)));
        cr_assert_eq(cost, tw_edit_distance(ctx, a, na, b, nb));
    }
}

Test(text_score, edits_too_long) {
    size_t n = 40000, m;
    int32_t *a = calloc(n, sizeof *a), *b = malloc(n * sizeof *b);
    for (size_t i = 0; i < n; i++) b[i] = 1 + (int32_t)(i % 7);
    tw_edit *edit = malloc(2 * n * sizeof *edit);
    assert_sentence(ctx, tw_edit_align(ctx, a, n, b, n, edit, &m), TW_ERR_RANGE, "edits: texts of 40000 and 40000", "");
    b[n / 2] = 0; /* what is equal at both ends does not count */
    memcpy(a, b, n * sizeof *a);
    a[n / 2] = 5;
    cr_assert_eq(tw_edit_align(ctx, a, n, b, n, edit, &m), TW_OK);
    cr_assert_eq(m, n);
    free(a);
    free(b);
    free(edit);
}

/* ---- confusions ------------------------------------------------------------------------------------------- */

Test(text_score, confusions) {
    tw_confusion *c = tw_confusion_new(ctx);
    tw_confusion_pair p[3];
    size_t n = 3;
    cr_assert(tw_confusion_top(c, p, &n) == TW_OK && n == 0);
    cr_assert_eq(tw_confusion_add(c, "hello world", "hallo vorld"), TW_OK);
    cr_assert_eq(tw_confusion_add(c, "hello", "hallo"), TW_OK);
    cr_assert_eq(tw_confusion_add(c, "ab", "a"), TW_OK);
    cr_assert_eq(tw_confusion_add(c, "a", "\u00e9a"), TW_OK);
    cr_assert_eq(tw_confusion_count(c, 'l', 'l'), 5);
    cr_assert_eq(tw_confusion_count(c, 'e', 'a'), 2);
    cr_assert_eq(tw_confusion_count(c, 'b', 0), 1);
    cr_assert_eq(tw_confusion_count(c, 0, 0xe9), 1);
    cr_assert_eq(tw_confusion_count(c, 'x', 'y'), 0);
    n = 3;
    cr_assert(tw_confusion_top(c, p, &n) == TW_OK && n == 3);
    cr_assert(p[0].truth == 'e' && p[0].read == 'a' && p[0].count == 2);
    cr_assert(p[1].truth == 0 && p[1].read == 0xe9 && p[2].truth == 'b' && p[2].read == 0);
    assert_sentence(ctx, tw_confusion_add(c, "a", "\xff"), TW_ERR_FORMAT, "confusion, reading: not UTF-8", "");
    tw_confusion_free(c);
    tw_confusion_free(NULL);
}

/* Many different pairs, so that its table grows. */
Test(text_score, many_confusions) {
    tw_confusion *c = tw_confusion_new(ctx);
    for (int i = 0; i < 3000; i++) {
        char truth[8], read[8];
        snprintf(truth, sizeof truth, "%c%c", 0xc0 | (0x100 + i % 60) >> 6, 0x80 | ((0x100 + i % 60) & 63));
        snprintf(read, sizeof read, "%c", '0' + i / 60);
        cr_assert_eq(tw_confusion_add(c, truth, read), TW_OK);
    }
    for (int i = 0; i < 3000; i++) cr_assert_eq(tw_confusion_count(c, 0x100 + i % 60, '0' + i / 60), 1);
    tw_confusion_free(c);
}
