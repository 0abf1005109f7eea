/* plain.h - texts and names from files, printed so that they steer no terminal and break no line or column. */
#ifndef EXAMPLES_PLAIN_H
#define EXAMPLES_PLAIN_H

#include <stdio.h>

/* Control characters (U+0001 to U+001F, U+007F to U+009F, the latter also as single bytes) become '?' a byte. Other
 * bytes stay, UTF-8 or not: a name should lead to its file. */
void plain_put(FILE *to, const char *text);
void plain_line(FILE *to, const char *before, const char *text); /* "model: ", a path, and the line's end */
void plain_word(FILE *to, const char *word);                     /* quoted where a shell wants that */
char *plain_clean(char *text);                                   /* the same in place; returns text */

#endif
