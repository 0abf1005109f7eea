/* utf8_valid.h - where a text stops being UTF-8: for names, labels and metadata that come from files. */
#ifndef TW_UTF8_VALID_H
#define TW_UTF8_VALID_H

#include <stddef.h>

/* How many of the first n bytes, up to the first that is wrong, are well-formed UTF-8 without a NUL; n when all are.
 * RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t tw__utf8_valid(const char *text, size_t n);

#endif
