/* words.c - drawing texts: from lists, patterns and phrases, in changing case, never one that is excluded. */
#include "words.h"

#include "pattern.h"
#include "phrases.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../common/cli.h"
#include "../common/utf8.h"

enum { LISTS = 16 };

struct word_source {
    uint32_t *code; /* the alphabet: code[i] is symbol i + 1 */
    int ncode;
    int32_t low[128];              /* the symbols of ASCII; 0: not in the alphabet */
    bool lower, upper, digits;     /* all letters, all digits are in the alphabet */
    tw_lines text[LISTS + 1];      /* the files; the last: what is excluded */
    const char **word;             /* all lists, one after another */
    size_t nword, list[LISTS + 1]; /* where each list begins */
    int nlist;
    const char **except; /* sorted */
    size_t nexcept;
    pattern *pattern;
};

/* ---- the alphabet ---------------------------------------------------------------------------------------------- */

/* 0: not of the alphabet. */
static int32_t symbol_of(const word_source *s, uint32_t code) {
    if (code < 128) return s->low[code];
    int i = 0;
    while (i < s->ncode && s->code[i] != code) i++;
    return i < s->ncode ? i + 1 : 0;
}

bool words_spell(const word_source *s, const char *text) {
    uint32_t code;
    int length = 0;
    bool visible = false; /* a blank picture teaches nothing */
    for (; (code = utf8_next(&text)); length++) {
        if (!symbol_of(s, code)) return false;
        if (code != ' ' && code != 0xa0) visible = true;
    }
    return visible && length <= WORDS_MAX;
}

int words_encode(const word_source *s, const char *text, int32_t symbol[WORDS_MAX]) {
    uint32_t code;
    int n = 0;
    while ((code = utf8_next(&text)) && n < WORDS_MAX) symbol[n++] = symbol_of(s, code);
    return n;
}

static bool has_all(const word_source *s, char from, char to) {
    for (char c = from; c <= to; c++)
        if (!s->low[(unsigned char)c]) return false;
    return true;
}

static tw_err read_alphabet(tw_ctx *ctx, word_source *s, const tw_alphabet *alphabet) {
    int n = tw_alphabet_classes(alphabet) - 1;
    s->code = calloc((size_t)n + 1, sizeof *s->code);
    if (!s->code) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (int32_t symbol = 1; symbol <= n; symbol++) {
        char text[8];
        const char *at = text;
        tw_err err = tw_alphabet_decode(ctx, alphabet, &symbol, 1, text, sizeof text);
        if (err) return err;
        uint32_t code = utf8_next(&at);
        s->code[s->ncode++] = code;
        if (code < 128) s->low[code] = symbol;
    }
    if (!s->ncode) return tw_fail_err(ctx, TW_ERR_RANGE, "the alphabet is empty");
    s->lower = has_all(s, 'a', 'z'), s->upper = has_all(s, 'A', 'Z'), s->digits = has_all(s, '0', '9');
    return TW_OK;
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static bool excluded(const word_source *s, const char *text) {
    return s->nexcept && bsearch(&text, s->except, s->nexcept, sizeof *s->except, by_text);
}

static tw_err exclude(tw_ctx *ctx, word_source *s, const word_options *o) {
    size_t n = 0;
    tw_lines *without = &s->text[LISTS];
    while (o->except && o->except[n]) n++;
    if (o->without && (cli_check_read(ctx, o->without) || tw_lines_load(ctx, o->without, without)))
        return tw_error(ctx);
    s->except = calloc(n + without->n + 1, sizeof *s->except);
    if (!s->except) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) s->except[s->nexcept++] = o->except[i];
    for (size_t i = 0; i < without->n; i++) s->except[s->nexcept++] = without->line[i];
    qsort(s->except, s->nexcept, sizeof *s->except, by_text);
    return TW_OK;
}

static tw_err read_list(tw_ctx *ctx, word_source *s, const char *path) {
    size_t before = s->nword;
    if (s->nlist == LISTS) return tw_fail_err(ctx, TW_ERR_RANGE, "more than %d word lists", LISTS);
    tw_lines *text = &s->text[s->nlist];
    tw_err err = cli_check_read(ctx, path);
    if (!err) err = tw_lines_load(ctx, path, text);
    if (err) return err;
    const char **word = realloc(s->word, (s->nword + text->n + 1) * sizeof *word);
    if (!word) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    s->word = word;
    for (size_t i = 0; i < text->n; i++)
        if (words_spell(s, text->line[i]) && !excluded(s, text->line[i])) s->word[s->nword++] = text->line[i];
    s->list[++s->nlist] = s->nword;
    if (s->nword > before) return TW_OK;
    return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: no line is a word of the alphabet's characters", path);
}

static tw_err read_lists(tw_ctx *ctx, word_source *s, const char *files) {
    char *copy = strdup(files), *save = NULL;
    tw_err err = copy ? TW_OK : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (char *path = copy ? strtok_r(copy, ",", &save) : NULL; path && !err; path = strtok_r(NULL, ",", &save))
        err = read_list(ctx, s, path);
    free(copy);
    if (!err && !s->nlist) err = tw_fail_err(ctx, TW_ERR_RANGE, "--words names no file");
    return err;
}

word_source *words_new(tw_ctx *ctx, const tw_alphabet *alphabet, const word_options *options) {
    static const word_options none;
    const word_options *o = options ? options : &none;
    word_source *s = calloc(1, sizeof *s);
    if (!s) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    tw_err err = read_alphabet(ctx, s, alphabet);
    if (!err) err = exclude(ctx, s, o);
    if (!err && o->files) err = read_lists(ctx, s, o->files);
    if (!err && o->pattern) {
        s->pattern = pattern_new(ctx, o->pattern, s->code, s->ncode, WORDS_MAX);
        err = s->pattern ? TW_OK : tw_error(ctx);
    }
    if (!err) return s;
    words_free(s);
    return NULL;
}

void words_free(word_source *s) {
    if (!s) return;
    pattern_free(s->pattern);
    free(s->code);
    free(s->except);
    free(s->word);
    for (int i = 0; i <= LISTS; i++) tw_lines_free(&s->text[i]);
    free(s);
}

/* ---- one word -------------------------------------------------------------------------------------------------- */

static void change_case(const word_source *s, const word_mix *mix, dice *d, char *text) {
    float which = dice_between(d, 0, 1);
    bool upper = which < mix->upper, title = !upper && which < mix->upper + mix->title,
         odd = !upper && !title && which < mix->upper + mix->title + mix->odd;
    if (!s->lower) upper = true;
    if (!s->upper) return;
    if (odd) {
        for (char *p = text; *p; p++)
            *p = (char)(dice_chance(d, 0.5) ? toupper((unsigned char)*p) : tolower((unsigned char)*p));
    } else if (upper) {
        for (char *p = text; *p; p++) *p = (char)toupper((unsigned char)*p);
    } else if (title) {
        text[0] = (char)toupper((unsigned char)text[0]);
    }
}

static void draw_word(const word_source *s, dice *d, char *text) {
    if (!s->nword) {
        phrase_invented(d, text);
        return;
    }
    int list = dice_below(d, s->nlist);
    size_t first = s->list[list], n = s->list[list + 1] - first;
    strcpy(text, s->word[first + (size_t)dice_below(d, (int)n)]);
    size_t length = strlen(text); /* lists have every noun a second time with 's */
    if (length > 2 && !strcmp(text + length - 2, "'s") && dice_chance(d, 0.9)) text[length - 2] = 0;
}

/* Any characters in any order: rare letters become common, and nothing can be guessed from its neighbours. */
static void draw_salad(const word_source *s, dice *d, int n, char *text) {
    for (int i = 0; i < n; i++) {
        uint32_t code;
        do code = s->code[dice_below(d, s->ncode)];
        while (code == ' ' && (i == 0 || i == n - 1) && s->ncode > 1); /* a space at an end cannot be seen */
        text += utf8_put(text, code);
    }
    *text = 0;
}

/* Punctuation around a word. */
static void mark(const word_source *s, dice *d, char *text) {
    static const char *const marks[] = {"\"\"", "''", "()", "[]", " ,", " ,", " .", " .", " .", " !",
                                        " !",   " ?", " :", " ;", "- ", "* ", " *", " -", "& ", " &",
                                        "# ",   " '", "<>", "{}", "$ ", " %", "/ ", "_ ", "~ ", " +"};
    const char *m = PICK(d, marks);
    size_t n = strlen(text);
    if (n + 2 >= WORDS_MAX) return;
    if (m[1] != ' ' && s->low[(unsigned char)m[1]]) text[n] = m[1], text[n + 1] = 0, n++;
    if (m[0] != ' ' && s->low[(unsigned char)m[0]]) {
        memmove(text + 1, text, n + 1);
        text[0] = m[0];
    }
}

typedef enum word_kind {
#define WORD_KIND(name) WORD_##name,
    WORD_KINDS(WORD_KIND)
#undef WORD_KIND
        KINDS
} word_kind;

static word_kind draw_kind(const word_mix *mix, dice *d, bool lines) {
    const float weight[KINDS] = {
#define WORD_WEIGHT(name) mix->name,
        WORD_KINDS(WORD_WEIGHT)
#undef WORD_WEIGHT
    };
    int kinds = lines ? KINDS : WORD_line;
    float all = 0;
    for (int i = 0; i < kinds; i++) all += weight[i];
    float at = dice_between(d, 0, all);
    int kind = 0;
    while (kind < kinds - 1 && at >= weight[kind]) at -= weight[kind++];
    return (word_kind)kind;
}

/* Anything but a line; it may have characters that the alphabet has not. */
static void draw_one(const word_source *s, const word_mix *mix, dice *d, word_kind kind, char *text) {
    char word[3][WORDS_BYTES];
    switch (kind) {
    case WORD_word:
        draw_word(s, d, text);
        change_case(s, mix, d, text);
        break;
    case WORD_invented:
        phrase_invented(d, text);
        change_case(s, mix, d, text);
        break;
    case WORD_number: phrase_number(d, text); break;
    case WORD_date:
        phrase_date(d, text);
        if (dice_chance(d, mix->upper)) change_case(s, &(word_mix){.upper = 1}, d, text);
        break;
    case WORD_phone: phrase_phone(d, text); break;
    case WORD_code: phrase_code(d, text); break;
    case WORD_address:
        for (int i = 0; i < 2; i++) draw_word(s, d, word[i]);
        word[2][0] = 0;
        phrase_address(d, (const char *const[]){word[0], word[1], word[2]}, text);
        break;
    case WORD_brief: draw_salad(s, d, 1 + dice_below(d, 2), text); break;
    default: draw_salad(s, d, 1 + dice_below(d, 8), text); break;
    }
    if (kind <= WORD_number && dice_chance(d, mix->marked)) mark(s, d, text);
}

/* What running text is full of, about as often. */
static const char *const common[] = {
    "the",   "the",  "the",  "the",   "of",   "of",   "of",    "and",   "and",    "and",   "to",    "to",    "to",
    "a",     "a",    "in",   "in",    "that", "that", "is",    "is",    "was",    "was",   "he",    "he",    "it",
    "it",    "his",  "for",  "for",   "with", "with", "as",    "as",    "I",      "I",     "on",    "on",    "be",
    "at",    "by",   "by",   "had",   "not",  "not",  "but",   "are",   "from",   "or",    "have",  "an",    "they",
    "which", "one",  "you",  "were",  "her",  "all",  "she",   "there", "would",  "their", "we",    "him",   "been",
    "has",   "when", "who",  "will",  "more", "no",   "if",    "out",   "so",     "said",  "what",  "up",    "its",
    "about", "into", "than", "them",  "can",  "only", "other", "new",   "some",   "could", "time",  "these", "two",
    "may",   "then", "do",   "first", "any",  "my",   "now",   "such",  "like",   "our",   "over",  "man",   "me",
    "even",  "most", "made", "after", "also", "did",  "many",  "must",  "before", "back",  "years", "where", "much"};

static void draw_in_line(const word_source *s, const word_mix *mix, dice *d, char *text) {
    word_kind kind = dice_chance(d, 0.6) ? WORD_word : draw_kind(mix, d, false);
    if (kind == WORD_word && dice_chance(d, 0.45)) {
        strcpy(text, PICK(d, common));
        if (dice_chance(d, mix->upper)) change_case(s, &(word_mix){.upper = 1}, d, text);
        else if (dice_chance(d, 0.1)) change_case(s, &(word_mix){.title = 1}, d, text);
        if (dice_chance(d, 0.3 * mix->marked)) mark(s, d, text);
    } else {
        draw_one(s, mix, d, kind, text);
    }
}

/* Words until the line is about as long as drawn beforehand; all in capitals, or none but some. */
static void draw_line(const word_source *s, const word_mix *mix, dice *d, char *text) {
    int longest = mix->longest < WORDS_MAX ? mix->longest : WORDS_MAX,
        wanted = 6 + dice_below(d, longest > 7 ? longest - 6 : 1);
    word_mix own = *mix;
    if (dice_chance(d, mix->upper)) own.upper = 1;
    else own.upper *= 0.1f, own.odd = 0;
    if (own.marked < 0.12f) own.marked = 0.12f;
    size_t n = 0;
    for (int i = 0; i < 12 && (int)n < wanted; i++) {
        char word[WORDS_BYTES];
        draw_in_line(s, &own, d, word);
        size_t more = strlen(word);
        if (n + more + 1 > (size_t)longest) {
            if (n) break;
            continue;
        }
        if (n) text[n++] = ' ';
        memcpy(text + n, word, more + 1);
        n += more;
    }
    if (!n) draw_word(s, d, text);
}

/* Spaces at the ends cannot be seen. */
static char *trim(char *text) {
    while (*text == ' ') text++;
    size_t n = strlen(text);
    while (n && text[n - 1] == ' ') text[--n] = 0;
    return text;
}

void words_draw(const word_source *s, const word_mix *mix, dice *d, char text[WORDS_BYTES]) {
    enum { TRIES = 64 };
    char draft[256];
    for (int i = 0; i < TRIES; i++) {
        if (s->pattern) {
            pattern_draw(s->pattern, d, draft);
        } else {
            word_kind kind = draw_kind(mix, d, true);
            if (kind == WORD_line) draw_line(s, mix, d, draft);
            else draw_one(s, mix, d, kind, draft);
        }
        const char *seen = trim(draft);
        if (words_spell(s, seen) && !excluded(s, seen)) {
            strcpy(text, seen);
            return;
        }
    }
    draw_salad(s, d, 1 + dice_below(d, 8), text); /* an alphabet that has little of the above */
}
