/* test_text.c - alphabets in several scripts, UTF-8 lengths, edit distances. */
#include "util_files.h"

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) { tw_ctx_free(ctx); }
TestSuite(text, .init = begin, .fini = end);

/* ---- alphabets ------------------------------------------------------------------------------------------- */

/* Encodes, decodes, and gets the normalised text back. */
static void check_round_trip(const tw_alphabet *a, const char *text, const char *normalised) {
    int32_t symbols[64];
    size_t n = 64;
    char back[300];
    cr_assert_eq(tw_alphabet_encode(ctx, a, text, symbols, &n), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq((long)n, tw_utf8_length(text));
    for (size_t i = 0; i < n; i++) cr_assert(symbols[i] >= 1 && symbols[i] < tw_alphabet_classes(a));
    cr_assert_eq(tw_alphabet_decode(ctx, a, symbols, n, back, sizeof back), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_str_eq(back, normalised, "\"%s\" came back as \"%s\"", text, back);
}

/* The same numbering from the alphabet's own text: what a model file relies on. */
static void check_same_from_its_text(const tw_alphabet *a) {
    tw_alphabet *b = tw_alphabet_new(ctx, tw_alphabet_text(a));
    cr_assert(b, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_alphabet_classes(a), tw_alphabet_classes(b));
    for (int32_t s = 1; s < tw_alphabet_classes(a); s++) {
        char x[5], y[5];
        cr_assert_eq(tw_alphabet_decode(ctx, a, &s, 1, x, sizeof x), TW_OK);
        cr_assert_eq(tw_alphabet_decode(ctx, b, &s, 1, y, sizeof y), TW_OK);
        cr_assert_str_eq(x, y, "symbol %d", (int)s);
    }
    cr_assert_str_eq(tw_alphabet_text(a), tw_alphabet_text(b));
    tw_alphabet_free(b);
}

Test(text, symbols_in_the_order_given) {
    tw_alphabet *a = tw_alphabet_new(ctx, "zya \xc3\xa9");
    cr_assert_eq(tw_alphabet_classes(a), 6);
    cr_assert_str_eq(tw_alphabet_text(a), "zya \xc3\xa9");
    int32_t symbols[8];
    size_t n = 8;
    cr_assert_eq(tw_alphabet_encode(ctx, a, "a \xc3\xa9y", symbols, &n), TW_OK);
    cr_assert(n == 4 && !memcmp(symbols, (int32_t[]){3, 4, 5, 2}, 16));
    char text[32];
    cr_assert_eq(tw_alphabet_decode(ctx, a, (int32_t[]){0, 1, 0, 0, 5, 2, 0}, 7, text, sizeof text), TW_OK);
    cr_assert_str_eq(text, "z\xc3\xa9y"); /* blanks are skipped */
    check_same_from_its_text(a);
    tw_alphabet_free(a);
    tw_alphabet_free(NULL);
}

/* The blank may be any class; the characters take the others, in order. */
Test(text, blank_anywhere) {
    for (int blank = -1; blank <= 3; blank++) {
        tw_alphabet *a = tw_alphabet_new_with(ctx, "xyz", blank);
        int at = blank < 0 ? 3 : blank;
        cr_assert(tw_alphabet_classes(a) == 4 && tw_alphabet_blank(a) == at);
        int32_t symbols[4];
        size_t n = 4;
        cr_assert_eq(tw_alphabet_encode(ctx, a, "xyz", symbols, &n), TW_OK);
        for (int i = 0; i < 3; i++) cr_assert_eq(symbols[i], i < at ? i : i + 1);
        char text[8];
        symbols[3] = at;
        cr_assert_eq(tw_alphabet_decode(ctx, a, symbols, 4, text, sizeof text), TW_OK);
        cr_assert_str_eq(text, "xyz");
        tw_alphabet_free(a);
    }
}

/* Latin with accents, Greek, Cyrillic, Hangul, Han, Devanagari, Arabic, emoji; each also decomposed. */
static const struct {
    const char *nfc, *nfd;
} scripts[] = {
    {"Caf\u00e9 \u00c5ngstr\u00f6m \u1e69", "Cafe\u0301 A\u030angstro\u0308m s\u0323\u0307"},
    {"\u03ac\u03c3\u03c4\u03c1\u03bf", "\u03b1\u0301\u03c3\u03c4\u03c1\u03bf"},
    {"\u0451\u0439 \u0416", "\u0435\u0308\u0438\u0306 \u0416"},
    {"\ud55c\uad6d\uc5b4", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"},
    {"\u8bfb\u4e66", "\u8bfb\u4e66"},
    {"\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940"},
    {"\u0622\u0628", "\u0627\u0653\u0628"},
    {"\U0001f600!", "\U0001f600!"},
    {"\u00c5", "\u212b"}, /* the Angstrom sign is a ring A */
};

Test(text, many_scripts_composed_or_not) {
    const char *texts[2 * sizeof scripts / sizeof *scripts];
    size_t n = 0;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) texts[n++] = i % 2 ? scripts[i].nfc : scripts[i].nfd;
    tw_alphabet *a = tw_alphabet_from_texts(ctx, n, texts);
    cr_assert(a, "%s", tw_errmsg(ctx));
    for (size_t i = 0; i < n; i++) {
        check_round_trip(a, scripts[i].nfc, scripts[i].nfc);
        check_round_trip(a, scripts[i].nfd, scripts[i].nfc);
        cr_assert_eq(tw_text_distance(ctx, scripts[i].nfc, scripts[i].nfd), 0);
        tw_alphabet *own = tw_alphabet_from_texts(ctx, 1, &scripts[i].nfd);
        check_round_trip(own, scripts[i].nfc, scripts[i].nfc);
        check_same_from_its_text(own);
        tw_alphabet_free(own);
    }
    check_same_from_its_text(a);
    tw_alphabet_free(a);
}

Test(text, from_texts_is_sorted) {
    const char *texts[] = {"banana", "", "\u00e9cole", "Zoo 9"};
    tw_alphabet *a = tw_alphabet_from_texts(ctx, 4, texts);
    cr_assert_str_eq(tw_alphabet_text(a),
                     " 9Zabceln"
                     "o\u00e9");
    cr_assert_eq(tw_alphabet_classes(a), 12);
    check_same_from_its_text(a);
    tw_alphabet_free(a);
    a = tw_alphabet_from_texts(ctx, 0, NULL);
    cr_assert_eq(tw_alphabet_classes(a), 1);
    cr_assert_str_eq(tw_alphabet_text(a), "");
    check_same_from_its_text(a);
    tw_alphabet_free(a);
}

/* Sorted, a mark may stand after a letter it would melt into, or after a mark it would change places with: the
 * alphabet's text keeps them apart. */
Test(text, marks_stay_apart) {
    static const char *const texts[] = {
        "z q\u030c",                /* z with caron exists, q with caron does not */
        "z q\u0322\u0323",          /* the dot below reaches z over the hook between them */
        "z q\u030c\u0316",          /* two marks of different classes */
        "\u064b\u0652\u0653\u0670", /* Arabic vowel signs */
        "\u1100 \u1161",            /* Hangul letters that would become a syllable */
        "\u0bc6\u0b95\u0bd7",       /* Tamil vowel signs */
        "\u0300\u0301\u0327",       /* nothing but marks */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tw_alphabet *a = tw_alphabet_from_texts(ctx, 1, &texts[i]);
        cr_assert(a, "%s", tw_errmsg(ctx));
        check_same_from_its_text(a);
        tw_alphabet_free(a);
    }
    /* Every mark there is, with every Latin letter. */
    char all[2000], *at = all;
    for (int c = 'A'; c <= 'z'; c++) *at++ = (char)c;
    for (int mark = 0x300; mark < 0x370; mark++) at += sprintf(at, "0%c%c", 0xc0 | mark >> 6, 0x80 | (mark & 63));
    const char *one = all;
    tw_alphabet *a = tw_alphabet_from_texts(ctx, 1, &one);
    cr_assert(a && tw_alphabet_classes(a) > 150, "%s", tw_errmsg(ctx));
    check_same_from_its_text(a);
    tw_alphabet_free(a);
}

Test(text, alphabets_are_checked) {
    static const struct {
        const char *text, *part;
    } wrong[] = {
        {"abca", "alphabet: \"a\" (U+0061) appears twice"},
        {"e\u0301\u00e9", "alphabet: \"\u00e9\" (U+00E9) appears twice"}, /* the same once normalised */
        {"a\n\n", "alphabet: U+000A appears twice"},
        {"ab\xff", "alphabet: not UTF-8 at byte 3 (0xff)"},
        {"\xc3", "alphabet: not UTF-8 at byte 1 (0xc3)"},
        {"\xed\xa0\x80", "alphabet: not UTF-8 at byte 1 (0xed)"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_null(tw_alphabet_new(ctx, wrong[i].text));
        assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, wrong[i].part, "");
    }
    cr_assert_null(tw_alphabet_from_texts(ctx, 2, (const char *[]){"ok", "a\xff"}));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "alphabet: text 1: not UTF-8 at byte 2 (0xff)", "");
}

Test(text, encoding_is_checked) {
    tw_alphabet *a = tw_alphabet_new(ctx, "abc");
    int32_t symbols[4] = {-1, -1, -1, -1};
    size_t n = 4;
    tw_err err = tw_alphabet_encode(ctx, a, "ab\u00e9", symbols, &n);
    assert_sentence(ctx, err, TW_ERR_RANGE,
                    "encode: character 3 of \"ab\u00e9\" is not in the alphabet: \"\u00e9\" (U+00E9)", "");
    n = 4;
    err = tw_alphabet_encode(ctx, a, "abcab", symbols, &n);
    assert_sentence(ctx, err, TW_ERR_RANGE, "encode: \"abcab\" has 5 characters, and there is room for 4", "");
    n = 4;
    err = tw_alphabet_encode(ctx, a, "a\x80", symbols, &n);
    assert_sentence(ctx, err, TW_ERR_FORMAT, "encode: not UTF-8 at byte 2 (0x80)", "");
    n = 0;
    cr_assert_eq(tw_alphabet_encode(ctx, a, "", NULL, &n), TW_OK);
    cr_assert_eq(n, 0);
    char many[400]; /* 133 characters of 3 bytes: the message keeps them whole */
    for (int i = 0; i < 133; i++) memcpy(many + 3 * i, "\u20ac", 4);
    n = 4;
    err = tw_alphabet_encode(ctx, a, many, symbols, &n);
    cr_assert_geq(tw_utf8_length(tw_errmsg(ctx)), 0, "the message is not UTF-8");
    assert_sentence(ctx, err, TW_ERR_RANGE, "encode: ", "133 characters");
    tw_alphabet_free(a);
}

Test(text, decoding_is_checked) {
    tw_alphabet *a = tw_alphabet_new(ctx, "a\u20ac");
    char text[8];
    tw_err err = tw_alphabet_decode(ctx, a, (int32_t[]){1, 3}, 2, text, sizeof text);
    assert_sentence(ctx, err, TW_ERR_RANGE, "decode: symbol 3 at place 1 is not in 0 .. 2", "");
    err = tw_alphabet_decode(ctx, a, (int32_t[]){-1}, 1, text, sizeof text);
    assert_sentence(ctx, err, TW_ERR_RANGE, "decode: symbol -1 at place 0", "");
    int32_t both[] = {1, 2};
    for (size_t size = 0; size < 5; size++) {
        memset(text, '#', sizeof text);
        err = tw_alphabet_decode(ctx, a, both, 2, text, size);
        assert_sentence(ctx, err, TW_ERR_RANGE, "decode: the text takes 5 bytes with its NUL", "");
        for (size_t i = size; i < sizeof text; i++) cr_assert_eq(text[i], '#');
    }
    cr_assert_eq(tw_alphabet_decode(ctx, a, both, 2, text, 5), TW_OK);
    cr_assert_str_eq(text, "a\u20ac");
    cr_assert_eq(tw_alphabet_decode(ctx, a, NULL, 0, text, 1), TW_OK);
    cr_assert_str_eq(text, "");
    tw_alphabet_free(a);
}

Test(text, length_in_code_points) {
    cr_assert_eq(tw_utf8_length(""), 0);
    cr_assert_eq(tw_utf8_length("abc"), 3);
    cr_assert_eq(tw_utf8_length("e\u0301"), 1);
    cr_assert_eq(tw_utf8_length("\u0958"), 2); /* normalisation takes this letter apart */
    cr_assert_eq(tw_utf8_length("\U0001f600"), 1);
    cr_assert_eq(tw_utf8_length("a\xc3"), -1);
    cr_assert_eq(tw_utf8_length("\xf8"), -1);
}

/* ---- distances ------------------------------------------------------------------------------------------- */

Test(text, known_distances) {
    static const struct {
        const char *a, *b;
        size_t distance;
    } table[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "", 3},
        {"kitten", "sitting", 3},
        {"flaw", "lawn", 2},
        {"intention", "execution", 5},
        {"ab", "ba", 2},
        {"same", "same", 0},
        {"caf\u00e9", "cafe", 1},
        {"cafe\u0301", "caf\u00e9", 0},
        {"\u8bfb\u4e66", "\u4e66", 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_eq(tw_text_distance(ctx, table[i].a, table[i].b), table[i].distance, "%s, %s", table[i].a,
                     table[i].b);
        cr_assert_eq(tw_text_distance(ctx, table[i].b, table[i].a), table[i].distance);
    }
    cr_assert_eq(tw_text_distance(ctx, "a", "b\xff"), (size_t)-1);
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "text distance, second text: not UTF-8 at byte 2", "");
    cr_assert_eq(tw_text_distance(ctx, "\xff", "b"), (size_t)-1);
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "text distance, first text: not UTF-8 at byte 1", "");
}

/* The definition, without a table: exponential, so only for short strings. */
static size_t by_definition(const int32_t *a, size_t na, const int32_t *b, size_t nb) {
    if (!na || !nb) return na + nb;
    size_t replace = by_definition(a + 1, na - 1, b + 1, nb - 1) + (*a != *b);
    size_t remove = by_definition(a + 1, na - 1, b, nb) + 1, insert = by_definition(a, na, b + 1, nb - 1) + 1;
    size_t least = remove < insert ? remove : insert;
    return replace < least ? replace : least;
}

Test(text, distance_by_definition) {
    for (uint64_t round = 0; round < 3000; round++) {
        int32_t a[6], b[6];
        size_t na = tw_random_bits(1, round) % 7, nb = tw_random_bits(2, round) % 7;
        for (uint64_t i = 0; i < 6; i++) {
            a[i] = (int32_t)(tw_random_bits(3, 6 * round + i) % 3);
            b[i] = (int32_t)(tw_random_bits(4, 6 * round + i) % 3);
        }
        cr_assert_eq(tw_edit_distance(ctx, a, na, b, nb), by_definition(a, na, b, nb), "round %d", (int)round);
    }
    cr_assert_eq(tw_edit_distance(ctx, NULL, 0, NULL, 0), 0);
    cr_assert_eq(tw_edit_distance(ctx, NULL, 0, (int32_t[]){1, 2}, 2), 2);
}
