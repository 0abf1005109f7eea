/* plain.c - see plain.h. */
#include "plain.h"

#include "utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the character at text, which is not the end, and whether it is a control character. A byte that is no UTF-8
 * stands for itself. */
static size_t next(const char *text, bool *control) {
    const char *end = text;
    uint32_t code = utf8_next(&end);
    size_t n = (size_t)(end - text);
    if (n == 1) code = (unsigned char)*text;
    *control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    return n;
}

void plain_put(FILE *to, const char *text) {
    bool control;
    for (size_t n; *text; text += n) {
        n = next(text, &control);
        for (size_t i = 0; i < n; i++) putc(control ? '?' : text[i], to);
    }
}

char *plain_clean(char *text) {
    bool control;
    for (size_t at = 0, n; text[at]; at += n) {
        n = next(text + at, &control);
        for (size_t i = 0; control && i < n; i++) text[at + i] = '?';
    }
    return text;
}

void plain_line(FILE *to, const char *before, const char *text) {
    fputs(before, to);
    plain_put(to, text);
    putc('\n', to);
}

void plain_word(FILE *to, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:@%=";
    bool quote = !*word || word[strspn(word, plain)];
    char *copy = strdup(word);
    if (!copy) return;
    if (quote) putc('\'', to);
    for (char *at = plain_clean(copy); *at; at++) {
        if (quote && *at == '\'') fputs("'\\'", to);
        putc(*at, to);
    }
    if (quote) putc('\'', to);
    free(copy);
}
