/* test_text_ngram.c - the language model against its formula written down slowly, and its file against damage. */
#include "util_files.h"
#include "util_model.h"

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(text_ngram, .init = begin, .fini = end);

/* ---- the formula, by counting again for every question ---------------------------------------------------- */

enum { MOST = 40 }; /* characters of a text */
typedef struct corpus {
    size_t n;
    int text[30][MOST + 2]; /* BEGIN, characters, 0 */
    size_t length[30];
    int kinds; /* characters that occur, and: any other, the end */
} corpus;
enum { BEGIN = -1 };

static size_t occurrences(const corpus *c, const int *s, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k + n <= c->length[i]; k++) count += !memcmp(c->text[i] + k, s, n * sizeof *s);
    return count;
}

/* P(next | the n characters before it), straight from the recursion. */
static double by_formula(const corpus *c, const int *before, size_t n, int next) {
    int s[16];
    size_t total = 0, kinds = 0;
    if (n) memcpy(s, before, n * sizeof *s);
    for (int k = 0; k < 256; k++) {
        s[n] = k;
        size_t count = occurrences(c, s, n + 1);
        total += count;
        kinds += count > 0;
    }
    double shorter = n ? by_formula(c, before + 1, n - 1, next) : 1.0 / c->kinds;
    if (!total) return shorter;
    s[n] = next;
    return ((double)occurrences(c, s, n + 1) + (double)kinds * shorter) / (double)(total + kinds);
}

static void add(corpus *c, const char *text) {
    size_t n = strlen(text), i = c->n++;
    c->text[i][0] = BEGIN;
    for (size_t k = 0; k <= n; k++) c->text[i][k + 1] = text[k]; /* the NUL is the end */
    c->length[i] = n + 2;
}

static void count_kinds(corpus *c) {
    c->kinds = 2;
    for (int k = 1; k < 256; k++) c->kinds += occurrences(c, &k, 1) > 0;
}

static void random_text(uint64_t stream, uint64_t i, int letters, char *text) {
    size_t n = 1 + tw_random_bits(stream, 100 * i) % 12;
    for (size_t k = 0; k < n; k++) {
        double u = tw_random_uniform(stream, 100 * i + k + 1);
        text[k] = (char)('a' + (int)(u * u * letters)); /* some are rare */
    }
    text[n] = 0;
}

Test(text_ngram, equals_its_formula) {
    for (int order = 1; order <= 5; order++) {
        corpus c = {0};
        char text[20][MOST + 1];
        const char *texts[20];
        for (size_t i = 0; i < 20; i++) {
            random_text((uint64_t)order, i, 5, text[i]);
            texts[i] = text[i];
            add(&c, text[i]);
        }
        count_kinds(&c);
        tw_ngram *m = tw_ngram_train(ctx, order, 20, texts);
        cr_assert(m, "%s", tw_errmsg(ctx));
        cr_assert_eq(tw_ngram_order(m), order);
        for (uint64_t round = 0; round < 60; round++) { /* texts it knows, and others */
            char other[MOST + 1];
            int read[MOST + 2] = {BEGIN};
            random_text(round < 20 ? (uint64_t)order : 77, round, 5 + (round > 40), other);
            int32_t state = tw_ngram_start(m);
            double sum = 0;
            for (size_t k = 0; k <= strlen(other); k++) {
                size_t seen = k + 1, use = seen < (size_t)order ? seen : (size_t)order - 1;
                double want = by_formula(&c, read + seen - use, use, other[k]), all = 0;
                for (int next = 0; next < 256; next++)
                    if (!next || occurrences(&c, &next, 1)) all += exp(tw_ngram_next(m, state, next, NULL));
                all += exp(tw_ngram_next(m, state, 'Z', NULL)); /* any other character */
                cr_assert(near(all, 1, 1e-6), "order %d: P adds up to %.9g after \"%.*s\"", order, all, (int)k, other);
                double got = tw_ngram_next(m, state, other[k], &state);
                cr_assert(near(got, log(want), 1e-6), "order %d, \"%s\" at %zu: %g, not %g", order, other, k, exp(got),
                          want);
                sum += got;
                read[k + 1] = other[k];
            }
            size_t n;
            double whole = tw_ngram_log_prob(ctx, m, other, &n);
            cr_assert(near(whole, sum, 1e-12) && n == strlen(other) + 1);
        }
        tw_ngram_free(m);
    }
}

/* The example of docs/text.md: "abab" with order 2. */
Test(text_ngram, worked_example) {
    tw_ngram *m = tw_ngram_train(ctx, 2, 1, (const char *[]){"abab"});
    int32_t state = tw_ngram_start(m);
    /* before the empty string 1/4 each of a, b, any other, the end; alone a and b 2, the end 1, of 3 kinds in 5 */
    double a = (2 + 3.0 / 4) / 8, b = a, stop = (1 + 3.0 / 4) / 8, other = 3.0 / 4 / 8;
    cr_assert(near(exp(tw_ngram_next(m, state, 'a', &state)), (1 + 1 * a) / 2, 1e-6));
    cr_assert(near(exp(tw_ngram_next(m, state, 'a', NULL)), 1 * a / 3, 1e-6));
    cr_assert(near(exp(tw_ngram_next(m, state, 'b', &state)), (2 + 1 * b) / 3, 1e-6));
    cr_assert(near(exp(tw_ngram_next(m, state, 0, NULL)), (1 + 2 * stop) / 4, 1e-6));
    cr_assert(near(exp(tw_ngram_next(m, state, 'x', &state)), 2 * other / 4, 1e-6));
    cr_assert(near(exp(tw_ngram_next(m, state, 'a', &state)), a, 1e-6)); /* after an unknown one nothing is known */
    cr_assert(near(exp(tw_ngram_log_prob(ctx, m, "ab", NULL)), 0.671875 * 0.78125 * 0.359375, 1e-6));
    tw_ngram_free(m);
}

Test(text_ngram, texts_are_lines_in_form_c) {
    tw_ngram *m = tw_ngram_train(ctx, 3, 2, (const char *[]){"caf\u00e9  au\tlait ", " "});
    double x = tw_ngram_log_prob(ctx, m, "cafe\u0301 au lait", NULL);
    cr_assert_eq(x, tw_ngram_log_prob(ctx, m, "\u00a0caf\u00e9 \n au lait", NULL));
    cr_assert_gt(x, tw_ngram_log_prob(ctx, m, "cafe au lait", NULL));
    cr_assert_eq(tw_ngram_strings(m), 11 + 13 + 12);
    tw_ngram_free(m);
    cr_assert_null(tw_ngram_train(ctx, 3, 2, (const char *[]){"ab", "a\xff"}));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "language model: text 1: not UTF-8 at byte 2", "");
    cr_assert_null(tw_ngram_train(ctx, 3, 1, (const char *[]){" \n"}));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "language model: there is no text to learn from", "");
    cr_assert_null(tw_ngram_train(ctx, 3, 0, NULL));
    tw_error_clear(ctx);
    for (int order = -1; order < 13; order += order ? 11 : 1) {
        if (order == 10) continue;
        cr_assert_null(tw_ngram_train(ctx, order, 1, (const char *[]){"ab"}));
        assert_sentence(ctx, tw_error(ctx), TW_ERR_RANGE, "language model: the order is 1 to 10, not", "");
    }
    m = tw_ngram_train(ctx, 3, 1, (const char *[]){"ab"});
    cr_assert(isnan(tw_ngram_log_prob(ctx, m, "\xc3", NULL)));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, "language model: not UTF-8 at byte 1", "");
    tw_ngram_free(m);
}

/* A line of a million characters, in little time and memory. */
Test(text_ngram, a_long_line) {
    size_t n = 1000000;
    char *text = malloc(n + 1);
    for (size_t i = 0; i < n; i++) text[i] = (char)('a' + tw_random_bits(5, i) % 3);
    text[n] = 0;
    tw_ngram *m = tw_ngram_train(ctx, 4, 1, (const char *const *)&text);
    cr_assert(m, "%s", tw_errmsg(ctx));
    size_t characters;
    double p = tw_ngram_log_prob(ctx, m, text, &characters);
    cr_assert_eq(characters, n + 1);
    cr_assert(near(exp(-p / (double)characters), 3, 1e-3), "perplexity %g", exp(-p / (double)characters));
    tw_ngram_free(m);
    free(text);
}

enum { LONGEST = 5 };
static int by_bytes(const void *x, const void *y) { return memcmp(x, y, LONGEST); }

/* So many strings that their table grows several times: as many as there are different ones, each met again. */
Test(text_ngram, many_strings) {
    enum { N = 200000 };
    char *text = malloc(N + 1), (*window)[LONGEST] = calloc(LONGEST * ((size_t)N + 3), sizeof *window);
    for (size_t i = 0; i < N; i++) text[i] = (char)('a' + tw_random_bits(6, i) % 8);
    text[N] = 0;
    size_t n = 0, different = 0;
    for (int i = -1; i <= N; i++) /* of begin, characters, end */
        for (int length = 1; length <= LONGEST && i + length <= N + 1; length++, n++)
            for (int k = 0; k < length; k++) window[n][k] = (char)(i + k < 0 ? 1 : i + k == N ? 2 : text[i + k]);
    qsort(window, n, LONGEST, by_bytes);
    for (size_t i = 0; i < n; i++) different += !i || by_bytes(window[i - 1], window[i]) != 0;
    tw_ngram *m = tw_ngram_train(ctx, LONGEST, 1, (const char *const *)&text);
    cr_assert(m && different > 35000 && tw_ngram_strings(m) == different, "%zu strings, not %zu", tw_ngram_strings(m),
              different);
    tw_ngram_free(m);
    free(text);
    free(window);
}

/* ---- files -------------------------------------------------------------------------------------------------- */

static const char *const lines[] = {"the cat sat on the mat", "\u8bfb\u4e66 \U0001f600", "a"};

static void assert_same_model(const tw_ngram *a, const tw_ngram *b) {
    cr_assert_eq(tw_ngram_order(a), tw_ngram_order(b));
    cr_assert_eq(tw_ngram_strings(a), tw_ngram_strings(b));
    static const char *const asked[] = {"the cat", "mat \u4e66", "zebra", "", "\U0001f600\U0001f600"};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        cr_assert_eq(tw_ngram_log_prob(ctx, a, asked[i], NULL), tw_ngram_log_prob(ctx, b, asked[i], NULL));
}

Test(text_ngram, saved_and_loaded) {
    for (int order = 1; order <= 10; order++) {
        const char *path = write_file("lm", "old", 3);
        tw_ngram *m = tw_ngram_train(ctx, order, 3, lines);
        cr_assert_eq(tw_ngram_save(ctx, m, path), TW_OK, "%s", tw_errmsg(ctx));
        tw_ngram *again = tw_ngram_load(ctx, path);
        cr_assert(again, "order %d: %s", order, tw_errmsg(ctx));
        assert_same_model(m, again);
        tw_ngram_free(m);
        tw_ngram_free(again);
        tw_ngram_free(NULL);
    }
    tw_ngram *m = tw_ngram_train(ctx, 2, 3, lines);
    cr_assert_neq(tw_ngram_save(ctx, m, "/nowhere/lm"), TW_OK);
    assert_sentence(ctx, tw_error(ctx), TW_ERR_IO, "/nowhere/lm: ", "No such file");
    cr_assert_null(tw_ngram_load(ctx, "/nowhere/lm"));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_IO, "/nowhere/lm: ", "No such file");
    tw_ngram_free(m);
}

static char *saved(size_t *n) {
    tw_ngram *m = tw_ngram_train(ctx, 3, 3, lines);
    const char *path = write_file("good", "", 0);
    cr_assert_eq(tw_ngram_save(ctx, m, path), TW_OK);
    tw_ngram_free(m);
    return read_file(path, n);
}

static void assert_refused(const void *bytes, size_t n, const char *part) {
    remove_files();
    const char *path = write_file("bad", bytes, n);
    cr_assert_null(tw_ngram_load(ctx, path), "%s: loaded", part);
    assert_sentence(ctx, tw_error(ctx), TW_ERR_FORMAT, path, part);
}

Test(text_ngram, every_truncation) {
    size_t n;
    char *bytes = saved(&n);
    for (size_t i = 0; i < n; i++) assert_refused(bytes, i, i < 40 ? "not a language model" : "cut off");
    free(bytes);
}

Test(text_ngram, every_changed_byte) {
    size_t n;
    char *bytes = saved(&n);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(bytes[i] ^ 0x41);
        assert_refused(bytes, n, "");
        bytes[i] = (char)(bytes[i] ^ 0x41);
    }
    free(bytes);
}

/* Lies with a right checksum: refused, or a model that can be asked. */
static void seal(char *bytes, size_t n) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i + 8 < n; i++) h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    for (int i = 0; i < 8; i++) bytes[n - 8 + (size_t)i] = (char)(h >> (8 * i));
}

static void set4(char *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) bytes[i] = (char)(value >> (8 * i));
}

Test(text_ngram, lies) {
    size_t n;
    char *bytes = saved(&n), *copy = malloc(n);
    static const struct {
        size_t at;
        uint32_t value;
        const char *part;
    } table[] = {
        {8, 2, "version 2"},
        {12, 0, "order 0"},
        {12, 11, "order 11"},
        {12, 2, "its counts"},
        {12, 4, "its counts"},
        {16, 0, "its counts"},
        {16, 0x7fffffff, "do not fit"},
        {16, 0xffffffff, "do not fit"},
        {20, 0, "do not fit"},
        {20, 0x7ffffffe, "do not fit"},
        {20, 0xffffffff, "do not fit"},
        {24, 7, "cut off"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        memcpy(copy, bytes, n);
        set4(copy + table[i].at, table[i].value);
        seal(copy, n);
        assert_refused(copy, n, table[i].part);
    }
    memcpy(copy, bytes, n);
    copy[n - 9]++; /* how often the last string occurs */
    seal(copy, n);
    assert_refused(copy, n, "not those of any text");
    int refused = 0, rounds = 4000;
    for (int round = 0; round < rounds; round++) {
        memcpy(copy, bytes, n);
        int changes = 1 + round % 3;
        for (int k = 0; k < changes; k++) {
            uint64_t i = (uint64_t)(8 * round + 2 * k);
            copy[32 + tw_random_bits(9, i) % (n - 40)] = (char)tw_random_bits(9, i + 1);
        }
        seal(copy, n);
        remove_files();
        tw_ngram *m = tw_ngram_load(ctx, write_file("lie", copy, n));
        refused += !m;
        if (m) cr_assert(isfinite(tw_ngram_log_prob(ctx, m, "the cat \u8bfb", NULL)));
        else cr_assert_eq(tw_error(ctx), TW_ERR_FORMAT);
        tw_error_clear(ctx);
        tw_ngram_free(m);
    }
    cr_assert_gt(refused, rounds / 2, "%d of %d", refused, rounds);
    free(bytes);
    free(copy);
}
