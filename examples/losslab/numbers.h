/* numbers.h - nested lists of numbers as JSON writes them: [[0.5, -1], [NaN, Infinity]].
 *
 * Beside JSON's numbers NaN, Infinity and -Infinity are read and printed, for losses have them. Numbers print with
 * %.9g. */
#ifndef LOSSLAB_NUMBERS_H
#define LOSSLAB_NUMBERS_H

#include <stdio.h>
#include <thalweg/base.h>

typedef struct numbers {
    int ndim; /* 0: a single number */
    int dim[TW_MAX_DIMS];
    size_t size;
    tw_real *v; /* [size], to be freed with numbers_free; never NULL once parsed */
} numbers;

/* The JSON in n bytes of text; `what` names it in messages ("--input"). FORMAT for everything that is not lists of
 * numbers of one shape. An empty list is a shape with a 0. A byte order mark in front is passed over. */
TW_MUST_CHECK tw_err numbers_parse(tw_ctx *ctx, const char *what, const char *text, size_t n, numbers *out);
/* The same for an argument of the command line: the text itself, @FILE, or - for stdin. */
TW_MUST_CHECK tw_err numbers_read(tw_ctx *ctx, const char *what, const char *argument, numbers *out);
void numbers_free(numbers *n);

/* As JSON: values of that shape in brackets. */
void numbers_print(FILE *out, int ndim, const int *dim, const tw_real *v);
/* One number, as text of at most 31 bytes. */
const char *number_text(double x, char text[32]);
/* "[2,3]", "[]" for a single number. */
const char *shape_text(int ndim, const int *dim, char text[80]);

#endif
