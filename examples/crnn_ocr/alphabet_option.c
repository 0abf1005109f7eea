/* alphabet_option.c - see alphabet_option.h. */
#include "alphabet_option.h"

#include "../common/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* Each code point of Unicode once fits into this, with a joiner in front. */
enum { LONGEST = 0x110000 * 6 };

static char *first_line(tw_ctx *ctx, const char *path) {
    FILE *file = input_open(ctx, path);
    if (!file) return NULL;
    char *line = malloc(LONGEST + 2);
    size_t n = line ? fread(line, 1, LONGEST + 1, file) : 0;
    const int why = ferror(file) ? errno : 0;
    fclose(file);
    if (!line) return tw_fail(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    const char *end = memchr(line, '\n', n), *nul;
    if (end) n = (size_t)(end - line);
    if (n && line[n - 1] == '\r') n--;
    line[n] = 0;
    char *begin = line + (strncmp(line, "\xef\xbb\xbf", 3) ? 0 : 3); /* a byte order mark */
    memmove(line, begin, n + 1 - (size_t)(begin - line));
    nul = memchr(line, 0, n - (size_t)(begin - line));
    if (why) tw_fail(ctx, TW_ERR_IO, "%s: cannot be read: %s", path, strerror(why));
    else if (n > LONGEST)
        tw_fail(ctx, TW_ERR_FORMAT, "%s:1: a line of more than %d bytes is no alphabet", path, LONGEST);
    else if (nul) tw_fail(ctx, TW_ERR_FORMAT, "%s:1: a NUL byte; is it a text file?", path);
    else if (!*line) tw_fail(ctx, TW_ERR_FORMAT, "%s: its first line should be the alphabet, but is empty", path);
    else return line;
    free(line);
    return NULL;
}

tw_alphabet *alphabet_option(tw_ctx *ctx, const char *given) {
    if (given[0] != '@') return tw_alphabet_new(ctx, given);
    char *line = first_line(ctx, given + 1);
    tw_alphabet *alphabet = line ? tw_alphabet_new(ctx, line) : NULL;
    if (line && !alphabet) { /* the sentence says what is wrong with an alphabet, and not where it stands */
        char why[1024];
        tw_err err = tw_error(ctx);
        snprintf(why, sizeof why, "%s", tw_errmsg(ctx));
        tw_error_clear(ctx);
        tw_fail(ctx, err, "%s:1: %s", given + 1, why);
    }
    free(line);
    return alphabet;
}
