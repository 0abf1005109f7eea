/* utf8_valid.c - see utf8_valid.h. */
#include "tensor/utf8_valid.h"

/* Bytes of the well-formed sequence at s, or 0. */
static size_t sequence(const unsigned char *s, size_t left) {
    unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
    if (s[0] < 0x80) return s[0] != 0;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] == 0xe0) low = 0xa0;
    if (s[0] == 0xed) high = 0x9f;
    if (s[0] == 0xf0) low = 0x90;
    if (s[0] == 0xf4) high = 0x8f;
    if (left < n || s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    return n;
}

size_t tw__utf8_valid(const char *text, size_t n) {
    size_t at = 0;
    for (size_t step; at < n; at += step)
        if (!(step = sequence((const unsigned char *)text + at, n - at))) break;
    return at;
}
