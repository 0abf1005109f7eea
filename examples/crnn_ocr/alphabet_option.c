/* alphabet_option.c - see alphabet_option.h. */
#include "alphabet_option.h"

#include <stdio.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"

/* Each code point of Unicode once fits into this, with a joiner in front. */
enum { LONGEST = 0x110000 * 6 };

static tw_alphabet *from_line(tw_ctx *ctx, const char *path, const char *line) {
    if (strlen(line) > LONGEST)
        return tw_fail(ctx, TW_ERR_FORMAT, "%s: a line of more than %d bytes is no alphabet", path, LONGEST);
    tw_alphabet *alphabet = tw_alphabet_new(ctx, line);
    if (alphabet) return alphabet;
    char why[1024]; /* the sentence says what is wrong with an alphabet, and not where it stands */
    tw_err err = tw_error(ctx);
    snprintf(why, sizeof why, "%s", tw_errmsg(ctx));
    tw_error_clear(ctx);
    return tw_fail(ctx, err, "%s: %s", path, why);
}

tw_alphabet *alphabet_option(tw_ctx *ctx, const char *given) {
    if (given[0] != '@') return tw_alphabet_new(ctx, given);
    tw_lines lines;
    if (cli_check_read(ctx, given + 1) || tw_lines_load(ctx, given + 1, &lines)) return NULL;
    tw_alphabet *alphabet = lines.n
        ? from_line(ctx, given + 1, lines.line[0])
        : tw_fail(ctx, TW_ERR_FORMAT, "%s: is empty, and should have the alphabet", given + 1);
    tw_lines_free(&lines);
    return alphabet;
}
