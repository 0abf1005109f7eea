/* plain.h - texts and names from files, printed so that they steer no terminal and break no line or column. */
#ifndef EXAMPLES_PLAIN_H
#define EXAMPLES_PLAIN_H

#include <stdio.h>

/* Control characters (U+0001 to U+001F, U+007F to U+009F, the latter also as single bytes) become '?' a byte. Other
 * bytes stay, UTF-8 or not: a name should lead to its file. */
void plain_put(FILE *to, const char *text);
char *plain_clean(char *text); /* the same in place; returns text */

#endif
