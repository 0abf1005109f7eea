/* plain.c - see plain.h. */
#include "plain.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at p, which is not the end; a byte that is no UTF-8 stands for itself. */
static size_t next(const unsigned char *p, bool *control) {
    size_t n = *p < 0xc2 || *p > 0xf4 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) n = 1;
    *control = *p < 0x20 || *p == 0x7f || (*p >= 0x80 && *p < 0xa0) || (n == 2 && *p == 0xc2 && p[1] < 0xa0);
    return n;
}

void plain_put(FILE *to, const char *text) {
    bool control;
    for (size_t n; *text; text += n) {
        n = next((const unsigned char *)text, &control);
        for (size_t i = 0; i < n; i++) putc(control ? '?' : text[i], to);
    }
}

char *plain_clean(char *text) {
    bool control;
    for (size_t at = 0, n; text[at]; at += n) {
        n = next((const unsigned char *)text + at, &control);
        for (size_t i = 0; control && i < n; i++) text[at + i] = '?';
    }
    return text;
}
