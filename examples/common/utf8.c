/* utf8.c - see utf8.h. */
#include "utf8.h"

#include <thalweg/text.h>

uint32_t utf8_next(const char **text) {
    const unsigned char *p = (const unsigned char *)*text;
    int more = *p < 0x80 ? 0 : *p < 0xc2 ? -1 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : *p < 0xf5 ? 3 : -1;
    if (!*p) return 0;
    *text += 1;
    if (more < 0) return 0xfffd;
    uint32_t code = more == 0 ? *p : *p & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0xfffd;
        code = code << 6 | (p[i] & 0x3fu);
    }
    if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) || code > 0x10ffff) return 0xfffd;
    if (code >= 0xd800 && code < 0xe000) return 0xfffd; /* half of a pair in UTF-16 */
    *text += more;
    return code;
}

size_t utf8_put(char *to, uint32_t code) {
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6) to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)((0xf00u >> n) | code);
    return n;
}

void utf8_or_ascii(char *text) {
    if (tw_utf8_length(text) >= 0) return;
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80) *text = '?';
}
