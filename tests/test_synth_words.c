/* test_synth_words.c - what is written in rendered pictures: patterns, phrases, lists, exclusion. */
#include "../examples/crnn_ocr/pattern.h"
#include "../examples/crnn_ocr/presets.h"
#include "../examples/common/utf8.h"
#include "../examples/crnn_ocr/words.h"
#include "util_files.h"

#include <ctype.h>
#include <regex.h>
#include <strings.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(synth_words, .init = begin, .fini = end);

static const char ascii[] =
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

/* ---- patterns -------------------------------------------------------------------------------------------------- */

static pattern *of_ascii(const char *text) {
    uint32_t code[95];
    for (int i = 0; i < 95; i++) code[i] = (unsigned char)ascii[i];
    return pattern_new(ctx, text, code, 95, WORDS_MAX);
}

/* What is drawn is what the C library's regular expressions match, written in their dialect where it differs. */
Test(synth_words, patterns_draw_what_they_say) {
    static const struct {
        const char *pattern, *regex;
    } all[] = {{"[A-Z]{2}-[0-9]{4}", NULL},
               {"\\d{3}\\.\\d\\d", "[0-9]{3}[.][0-9][0-9]"},
               {"(Mon|Tues|Wednes)day", NULL},
               {"a?b*c+", "a?b{0,8}c{1,8}"},
               {"x(1|2(3|4){2}){1,3}", NULL},
               {"[^a-zA-Z0-9 ]", NULL},
               {"[]-]", NULL},
               {"\\w\\s\\(\\)", "[a-zA-Z0-9] [(][)]"},
               {"[+\\-]?[1-9]", "[-+]?[1-9]"},
               {"(a|)b", "a?b"},
               {".{5}", NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!strcmp(all[i].pattern, "[]-]")) continue; /* here ] always ends a class */
        pattern *p = of_ascii(all[i].pattern);
        regex_t re;
        char whole[100], text[4 * WORDS_MAX + 1];
        cr_assert(p, "%s: %s", all[i].pattern, tw_errmsg(ctx));
        snprintf(whole, sizeof whole, "^(%s)$", all[i].regex ? all[i].regex : all[i].pattern);
        cr_assert_eq(regcomp(&re, whole, REG_EXTENDED | REG_NOSUB), 0);
        for (uint64_t k = 0; k < 300; k++) {
            dice d = dice_of(k);
            pattern_draw(p, &d, text);
            cr_assert_eq(regexec(&re, text, 0, NULL, 0), 0, "%s drew \"%s\"", all[i].pattern, text);
        }
        regfree(&re);
        pattern_free(p);
    }
}

Test(synth_words, patterns_reach_every_character_and_branch) {
    pattern *p = of_ascii("[a-e]|(x|y)z");
    bool seen[128] = {0};
    char text[64];
    for (uint64_t k = 0; k < 400; k++) {
        dice d = dice_of(k);
        pattern_draw(p, &d, text);
        seen[(unsigned char)text[0]] = true;
    }
    for (const char *c = "abcdexy"; *c; c++) cr_assert(seen[(unsigned char)*c], "%c", *c);
    pattern_free(p);
}

Test(synth_words, patterns_that_cannot_be) {
    static const struct {
        const char *pattern, *part;
    } bad[] = {{"[A-", "] is missing"},
               {"[z-a]", "end comes before"},
               {"[]", "[] has no character"},
               {"(a", ") is missing"},
               {"a)", "not opened"},
               {"a]", "not opened"},
               {"*a", "nothing to repeat"},
               {"a**", "repeated twice"},
               {"a{", "a number should follow"},
               {"a{2", "} is missing"},
               {"a{2,", "a number should follow the comma"},
               {"a{3,2}", "m below n"},
               {"a\\", "\\ at the end"},
               {"a{49}", "up to 49 characters: 48 are possible"},
               {"(((a{999}){999}){999}){999}", "48 are possible"},
               {"((a*)*)*", "48 are possible"},
               {"a*", "an empty text"},
               {"", "an empty text"},
               {"(|)", "an empty text"},
               {"caf\xc3\xa9", "the alphabet has no"},
               {"[\xc3\xa0-\xc3\xa9]", "no character of this range"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(of_ascii(bad[i].pattern), "%s", bad[i].pattern);
        cr_assert(strstr(tw_errmsg(ctx), bad[i].part), "%s: %s", bad[i].pattern, tw_errmsg(ctx));
        cr_assert_null(strchr(tw_errmsg(ctx), '\n'));
        tw_error_clear(ctx);
    }
    char deep[200];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    cr_assert_null(of_ascii(deep));
    cr_assert(strstr(tw_errmsg(ctx), "too many groups"));
}

/* Any bytes give a pattern or a sentence. */
Test(synth_words, patterns_of_random_bytes) {
    static const char letters[] = "ab[](){}*+?|\\^-.,019\xc3\xa9";
    for (uint64_t i = 0; i < 20000; i++) {
        dice d = dice_of(i);
        char text[24], drawn[4 * WORDS_MAX + 1];
        int n = 1 + dice_below(&d, 20);
        for (int k = 0; k < n; k++) text[k] = letters[dice_below(&d, sizeof letters - 1)];
        text[n] = 0;
        pattern *p = of_ascii(text);
        if (p) {
            for (int k = 0; k < 20; k++) {
                pattern_draw(p, &d, drawn);
                long length = tw_utf8_length(drawn);
                cr_assert(length >= 1 && length <= WORDS_MAX, "%s drew \"%s\"", text, drawn);
            }
        } else {
            cr_assert(tw_error(ctx));
        }
        tw_error_clear(ctx);
        pattern_free(p);
    }
}

/* ---- texts ----------------------------------------------------------------------------------------------------- */

static void check_draws(const word_source *s, const word_mix *mix, const char *name) {
    for (uint64_t i = 0; i < 3000; i++) {
        char text[WORDS_BYTES];
        int32_t symbol[WORDS_MAX];
        dice d = dice_of(i);
        memset(text, 'x', sizeof text);
        words_draw(s, mix, &d, text);
        cr_assert(words_spell(s, text), "%s drew \"%s\"", name, text);
        cr_assert(text[0] != ' ' && text[strlen(text) - 1] != ' ', "%s drew \"%s\": a space that cannot be seen", name,
                  text);
        int n = words_encode(s, text, symbol);
        cr_assert_eq(n, (int)tw_utf8_length(text));
        for (int k = 0; k < n; k++) cr_assert(symbol[k] > 0);
    }
}

Test(synth_words, texts_are_of_the_alphabet) {
    static const char *const alphabets[] = {
        ascii, "0123456789", "abcdefghijklmnopqrstuvwxyz",          "ABC", "\xe4\xb8\x80\xe4\xba\x8c",
        "x",   " ab",        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"};
    const char *list = write_text(
        "list",
        "apple\nBanana\ncherry's\n\ntoo long for a picture because it has more than forty-eight letters\n"
        "x\nna\xc3\xafve\n\xe4\xb8\x80\n0\n");
    for (size_t a = 0; a < sizeof alphabets / sizeof *alphabets; a++) {
        tw_alphabet *alphabet = tw_alphabet_new(ctx, alphabets[a]);
        for (int with = 0; with < 2; with++) {
            word_source *s = words_new(ctx, alphabet, &(word_options){.files = with ? list : NULL});
            if (!s) { /* a list may have no word of this alphabet */
                cr_assert(with && strstr(tw_errmsg(ctx), "no line is a word"), "%s", tw_errmsg(ctx));
                tw_error_clear(ctx);
                continue;
            }
            for (int p = 0; presets[p]; p++)
                if (!presets[p]->part[0].name) check_draws(s, &presets[p]->text, presets[p]->name);
            words_free(s);
        }
        tw_alphabet_free(alphabet);
    }
}

Test(synth_words, patterns_lose_spaces_at_their_ends) {
    tw_alphabet *alphabet = tw_alphabet_new(ctx, ascii);
    word_source *s = words_new(ctx, alphabet, &(word_options){.pattern = " {0,3}a? b {1,3}"});
    cr_assert(s, "%s", tw_errmsg(ctx));
    for (uint64_t i = 0; i < 100; i++) {
        char text[WORDS_BYTES];
        dice d = dice_of(i);
        words_draw(s, &(word_mix){0}, &d, text);
        cr_assert(!strcmp(text, "b") || !strcmp(text, "a b"), "\"%s\"", text);
    }
    words_free(s);
    tw_alphabet_free(alphabet);
}

Test(synth_words, every_kind_is_drawn) {
    static const char *const kinds[] = {"^[A-Za-z]+$",
                                        "^[0-9]+$",
                                        "^[$0-9][0-9.,]+$",
                                        "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                                        "^www\\.",
                                        "@",
                                        "^[A-Z]{3}-[0-9]{4}$",
                                        "^[^A-Za-z0-9]+$",
                                        "^.$",
                                        "^[0-9]{3}-[0-9]{3}-[0-9]{4}$",
                                        "[a-z]+ [a-z]+",
                                        "^[A-Z]+$",
                                        "^[A-Z][a-z]+$",
                                        "^\\(.*\\)$"};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    int count[KINDS] = {0};
    regex_t re[KINDS];
    tw_alphabet *alphabet = tw_alphabet_new(ctx, ascii);
    word_source *s = words_new(ctx, alphabet, NULL);
    for (int k = 0; k < KINDS; k++) cr_assert_eq(regcomp(&re[k], kinds[k], REG_EXTENDED | REG_NOSUB), 0);
    for (uint64_t i = 0; i < 20000; i++) {
        char text[WORDS_BYTES];
        dice d = dice_of(i);
        words_draw(s, &preset_find(ctx, "scene")->text, &d, text);
        for (int k = 0; k < KINDS; k++) count[k] += !regexec(&re[k], text, 0, NULL, 0);
    }
    for (int k = 0; k < KINDS; k++) {
        cr_assert(count[k] > 0, "no %s in 20000 texts", kinds[k]);
        regfree(&re[k]);
    }
    words_free(s);
    tw_alphabet_free(alphabet);
}

Test(synth_words, excluded_texts_are_never_drawn) {
    const char *list = write_text("list", "one\ntwo\nthree\nfour\n"), *without = write_text("without", "TWO\r\nfour\n");
    const char *const except[] = {"One", NULL};
    tw_alphabet *alphabet = tw_alphabet_new(ctx, ascii);
    word_source *s = words_new(ctx, alphabet, &(word_options){.files = list, .without = without, .except = except});
    cr_assert(s, "%s", tw_errmsg(ctx));
    word_mix mix = {.word = 1, .upper = 0.3f, .title = 0.3f};
    for (uint64_t i = 0; i < 1000; i++) {
        char text[WORDS_BYTES];
        dice d = dice_of(i);
        words_draw(s, &mix, &d, text);
        cr_assert_eq(strcasecmp(text, "three"), 0, "%s", text);
    }
    words_free(s);
    tw_alphabet_free(alphabet);
}

Test(synth_words, lists_that_cannot_be) {
    const char *empty = write_text("empty", ""), *foreign = write_text("foreign", "\xc3\xa9\n"),
               *good = write_text("good", "a\n");
    const char *latin1 = write_text("latin1", "apple\nna\xefve\n");
    char two[2000];
    tw_alphabet *alphabet = tw_alphabet_new(ctx, ascii);
    snprintf(two, sizeof two, "%s,%s", good, foreign);
    const struct {
        word_options o;
        const char *part;
    } bad[] = {{{.files = "/nowhere/words"}, "/nowhere/words: cannot be opened: No such file"},
               {{.files = make_folder("folder")}, "Is a directory"},
               {{.files = empty}, "no line is a word of the alphabet's characters"},
               {{.files = two}, "foreign"},
               {{.files = latin1}, "latin1:2: not UTF-8 at byte 3 of the line (0xef)"},
               {{.without = latin1}, "latin1:2: not UTF-8"},
               {{.files = ","}, "names no file"},
               {{.without = "/nowhere/list"}, "/nowhere/list: cannot be opened: No such file"},
               {{.pattern = "["}, "pattern"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(words_new(ctx, alphabet, &bad[i].o), "%zu", i);
        cr_assert(strstr(tw_errmsg(ctx), bad[i].part), "%s", tw_errmsg(ctx));
        tw_error_clear(ctx);
    }
    tw_alphabet_free(alphabet);
}
