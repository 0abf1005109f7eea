/* message.c - see message.h. */
#include "tensor/message.h"

#include "tensor/utf8_valid.h"

#include <string.h>

void tw__message_clean(char *text) {
    for (size_t left = strlen(text), good; left; text += good, left -= good) {
        good = tw__utf8_valid(text, left);
        for (size_t i = 0; i < good; i++) {
            unsigned char c = (unsigned char)text[i];
            if (c < 0x20 || c == 0x7f) text[i] = '?';
            if (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0) text[i] = text[i + 1] = '?';
        }
        if (good < left) text[good++] = '?';
    }
}

static int continues(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

const char *tw__message_shorten(const char *from, char *to, size_t size) {
    size_t n = strlen(from), head = size / 2, tail = size - head - 4;
    if (n < size) return memcpy(to, from, n + 1);
    for (int i = 0; i < 3 && continues(from[head]); i++) head--; /* never half a character */
    for (int i = 0; i < 3 && continues(from[n - tail]); i++) tail--;
    memcpy(to, from, head);
    memcpy(to + head, "...", 3);
    memcpy(to + head + 3, from + n - tail, tail + 1);
    return to;
}
