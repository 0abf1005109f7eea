/* options.h - finding what a text like "name:key=value" names, and the end of a message about an unknown name. */
#ifndef TW_OPTIONS_H
#define TW_OPTIONS_H

#include <thalweg/base.h>

/* Writes `; did you mean "x"?` or, when none of the n names is near, `; known: a, b, c`. Returns buffer. */
const char *tw__hint(char *buffer, size_t size, const char *word, int n, const char *const *names);

/* Which of the n names stands before the colon of spec; *options is what follows it, "" when nothing does. -1 and RANGE
 * when it is none of them: there is no <what> "<name>", with a hint. */
int tw__find_named(tw_ctx *ctx, const char *what, const char *spec, int n, const char *const *names,
                   const char **options);

#endif
