/* options.h - the end of a message about an unknown name. */
#ifndef TW_OPTIONS_H
#define TW_OPTIONS_H

#include <stddef.h>

/* Writes `; did you mean "x"?` or, when none of the n names is near, `; known: a, b, c`. Returns buffer. */
const char *tw__hint(char *buffer, size_t size, const char *word, int n, const char *const *names);

#endif
