/* utf8.h - reading code points one by one, for drawing text; and names that may be no text. */
#ifndef EXAMPLES_UTF8_H
#define EXAMPLES_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The code point at *text, which moves past it; 0 at the end. An invalid byte counts as U+FFFD. */
uint32_t utf8_next(const char **text);
/* Writes code (below 0x110000) as up to 4 bytes; returns how many. No terminator. */
size_t utf8_put(char *to, uint32_t code);
/* In place: where text is not UTF-8, every byte of it that is not ASCII becomes a question mark. */
void utf8_or_ascii(char *text);

#endif
