/* pattern.h - random strings by a regular expression: "[A-Z]{2}-[0-9]{4}" gives "KX-8204".
 *
 * Literals; \ before a special character; \d \w and \s (a space); . for any character of the alphabet; classes
 * [A-Z_] and [^..] (of the alphabet); groups ( ) with alternatives |; and after any of these ? * + {n} {n,m},
 * where * and + end after PATTERN_MANY. */
#ifndef CRNN_OCR_PATTERN_H
#define CRNN_OCR_PATTERN_H

#include "dice.h"

enum { PATTERN_MANY = 8 };
typedef struct pattern pattern;

/* code: the alphabet. NULL: an error in ctx that names the place, also when a text of it may have more than `most`
 * characters. */
pattern *pattern_new(tw_ctx *ctx, const char *text, const uint32_t *code, int ncode, int most);
void pattern_free(pattern *p);
/* text has room for 4 * most + 1 bytes. */
void pattern_draw(const pattern *p, dice *d, char *text);

#endif
