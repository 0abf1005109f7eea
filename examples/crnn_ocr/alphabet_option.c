/* alphabet_option.c - see alphabet_option.h. */
#include "alphabet_option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

static char *first_line(tw_ctx *ctx, const char *path) {
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "rb");
    ssize_t n = file ? getline(&line, &room, file) : -1;
    const int why = errno;
    if (file) fclose(file);
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = 0;
    if (n > 0) return line;
    free(line);
    return tw_fail(ctx, TW_ERR_IO, "%s: %s", path,
                   file ? "its first line should be the alphabet, but is empty" : strerror(why));
}

tw_alphabet *alphabet_option(tw_ctx *ctx, const char *given) {
    if (given[0] != '@') return tw_alphabet_new(ctx, given);
    char *line = first_line(ctx, given + 1);
    tw_alphabet *alphabet = line ? tw_alphabet_new(ctx, line) : NULL;
    free(line);
    return alphabet;
}
