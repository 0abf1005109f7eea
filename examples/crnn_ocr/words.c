/* words.c - invented words, digit strings, and words from a file. */
#include "words.h"

#include "utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct word_source {
    uint32_t *code; /* the alphabet: code[i] is symbol i + 1 */
    int ncode;
    bool lower, upper, digits; /* all letters, all digits are in the alphabet */
    char *text;                /* the file, cut into words */
    const char **word;
    size_t nword;
    const char **except; /* sorted */
    size_t nexcept;
};

/* ---- invented words ------------------------------------------------------------------------------------
 * A syllable is an onset, a vowel and an ending; what is listed twice comes twice as often. */

static const char *const onsets[] = {
    "b",  "b",  "c",   "c",  "c",  "d",  "d",  "d",  "f",  "f",  "g",  "g",  "h",  "h",  "h",  "j",  "k",
    "l",  "l",  "l",   "m",  "m",  "m",  "n",  "n",  "n",  "p",  "p",  "p",  "qu", "r",  "r",  "r",  "s",
    "s",  "s",  "t",   "t",  "t",  "v",  "v",  "w",  "w",  "x",  "y",  "z",  "bl", "br", "ch", "ch", "cl",
    "cr", "dr", "fl",  "fr", "gl", "gr", "kn", "ph", "pl", "pr", "sc", "sh", "sk", "sl", "sm", "sn", "sp",
    "st", "st", "str", "sw", "th", "th", "tr", "tw", "wh", "wr", "",   "",   "",   ""};
static const char *const vowels[] = {"a",  "a",  "a",  "a",  "e",  "e",  "e",  "e",  "e", "i",  "i",
                                     "i",  "i",  "o",  "o",  "o",  "o",  "u",  "u",  "y", "ai", "au",
                                     "ea", "ee", "ei", "ie", "oa", "oo", "ou", "ow", "ue"};
static const char *const endings[] = {"",   "",   "",   "",   "",   "",   "",   "",   "",   "b",   "c",  "d",
                                      "d",  "f",  "g",  "k",  "l",  "l",  "m",  "m",  "n",  "n",   "n",  "p",
                                      "r",  "r",  "r",  "s",  "s",  "t",  "t",  "v",  "w",  "x",   "z",  "ck",
                                      "ct", "ff", "ft", "gh", "ld", "ll", "lt", "mp", "nd", "ng",  "nk", "nt",
                                      "pt", "rd", "rk", "rm", "rn", "rt", "sh", "ss", "st", "tch", "tt", "zz"};
static const char *const suffixes[] = {"ing",  "ed",  "er",   "s",   "ly",  "ion", "tion", "ness",
                                       "able", "ful", "ment", "est", "ity", "al",  "ive"};

#define PICK(d, list) ((list)[dice_below(d, (int)(sizeof(list) / sizeof *(list)))])

static void invent(dice *d, char *text, size_t size) {
    int syllables = dice_chance(d, 0.35) ? 1 : dice_chance(d, 0.6) ? 2 : 3;
    text[0] = 0;
    for (int i = 0; i < syllables; i++) {
        size_t n = strlen(text);
        const char *onset = PICK(d, onsets), *vowel = PICK(d, vowels), *ending = PICK(d, endings);
        snprintf(text + n, size - n, "%s%s%s", onset, vowel, ending);
    }
    if (dice_chance(d, 0.25)) {
        size_t n = strlen(text);
        snprintf(text + n, size - n, "%s", PICK(d, suffixes));
    }
}

static void change_case(const word_source *s, dice *d, char *text) {
    bool all = !s->lower || dice_chance(d, 0.15), first = all || dice_chance(d, 0.3);
    if (!s->upper) return;
    for (char *p = text; *p && (all || (first && p == text)); p++) *p = (char)toupper((unsigned char)*p);
}

static void digit_string(dice *d, char *text) {
    int n = 1 + dice_below(d, 8);
    for (int i = 0; i < n; i++) text[i] = (char)('0' + dice_below(d, 10));
    text[n] = 0;
}

/* Any characters in any order: rare letters become common, and nothing can be guessed from its neighbours. */
static void salad(const word_source *s, dice *d, char *text) {
    int n = 1 + dice_below(d, 8);
    for (int i = 0; i < n; i++) {
        uint32_t code;
        do code = s->code[dice_below(d, s->ncode)];
        while (code == ' ' && (i == 0 || i == n - 1) && s->ncode > 1); /* a space at an end cannot be seen */
        text += utf8_put(text, code);
    }
    *text = 0;
}

/* ---- lists ----------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static bool excluded(const word_source *s, const char *text) {
    return s->nexcept && bsearch(&text, s->except, s->nexcept, sizeof *s->except, by_text);
}

/* 0: not in the alphabet. */
static int32_t symbol_of(const word_source *s, uint32_t code) {
    int i = 0;
    while (i < s->ncode && s->code[i] != code) i++;
    return i < s->ncode ? i + 1 : 0;
}

static bool spelled_by(const word_source *s, const char *text) {
    uint32_t code;
    int length = 0;
    bool visible = false; /* a blank picture teaches nothing */
    for (; (code = utf8_next(&text)); length++) {
        if (!symbol_of(s, code)) return false;
        if (code != ' ' && code != 0xa0) visible = true;
    }
    return visible && length <= WORDS_MAX;
}

static tw_err read_words(tw_ctx *ctx, word_source *s, const char *path) {
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0) {
        if (file) fclose(file);
        return tw_fail_err(ctx, TW_ERR_IO, "%s: %s", path, strerror(errno));
    }
    s->text = malloc((size_t)size + 1);
    size_t got = s->text ? fread(s->text, 1, (size_t)size, file) : 0, lines = 1;
    fclose(file);
    if (s->text) {
        s->text[got] = 0;
        for (size_t i = 0; i < got; i++) lines += s->text[i] == '\n';
        s->word = calloc(lines, sizeof *s->word);
    }
    if (!s->word) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    for (char *save = NULL, *line = strtok_r(s->text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
        if (spelled_by(s, line) && !excluded(s, line)) s->word[s->nword++] = line;
    if (!s->nword) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: no line is a word of the alphabet's characters", path);
    return TW_OK;
}

static bool has_all(const word_source *s, char from, char to) {
    for (char c = from; c <= to; c++)
        if (!spelled_by(s, (char[]){c, 0})) return false;
    return true;
}

static tw_err fill(tw_ctx *ctx, word_source *s, const tw_alphabet *alphabet, const char *file,
                   const char *const *except) {
    int n = tw_alphabet_classes(alphabet) - 1;
    while (except && except[s->nexcept]) s->nexcept++;
    s->code = calloc((size_t)n + 1, sizeof *s->code);
    s->except = calloc(s->nexcept + 1, sizeof *s->except);
    if (!s->code || !s->except) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (int32_t symbol = 1; symbol <= n; symbol++) {
        char text[8];
        const char *at = text;
        tw_err err = tw_alphabet_decode(ctx, alphabet, &symbol, 1, text, sizeof text);
        if (err) return err;
        s->code[s->ncode++] = utf8_next(&at);
    }
    if (!s->ncode) return tw_fail_err(ctx, TW_ERR_RANGE, "the alphabet is empty");
    if (s->nexcept) {
        memcpy(s->except, except, s->nexcept * sizeof *s->except);
        qsort(s->except, s->nexcept, sizeof *s->except, by_text);
    }
    s->lower = has_all(s, 'a', 'z'), s->upper = has_all(s, 'A', 'Z'), s->digits = has_all(s, '0', '9');
    return file ? read_words(ctx, s, file) : TW_OK;
}

word_source *words_new(tw_ctx *ctx, const tw_alphabet *alphabet, const char *file, const char *const *except) {
    word_source *s = calloc(1, sizeof *s);
    if (!s) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    if (fill(ctx, s, alphabet, file, except) == TW_OK) return s;
    words_free(s);
    return NULL;
}

void words_free(word_source *s) {
    if (!s) return;
    free(s->code);
    free(s->except);
    free(s->word);
    free(s->text);
    free(s);
}

void words_draw(const word_source *s, dice *d, char text[WORDS_BYTES]) {
    do {
        if (s->nword) {
            strcpy(text, s->word[dice_below(d, (int)s->nword)]);
        } else if (s->digits && dice_chance(d, 0.2)) {
            digit_string(d, text);
        } else if ((s->lower || s->upper) && dice_chance(d, 0.92)) {
            invent(d, text, WORDS_MAX + 1);
            change_case(s, d, text);
        } else {
            salad(s, d, text);
        }
    } while (excluded(s, text));
}

int words_encode(const word_source *s, const char *text, int32_t symbol[WORDS_MAX]) {
    uint32_t code;
    int n = 0;
    while ((code = utf8_next(&text)) && n < WORDS_MAX) symbol[n++] = symbol_of(s, code);
    return n;
}
