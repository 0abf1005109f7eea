/* lines.c - text files, line by line: word lists, and what language models learn from. */
#include "tensor/file.h"
#include "tensor/utf8_valid.h"

#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/text.h>

/* Cuts bytes [size] into lines and lists those that are not empty. */
static tw_err cut(tw_ctx *ctx, const char *path, char *bytes, size_t size, tw_lines *lines) {
    char *at = bytes, *end = bytes + size;
    if (size >= 3 && !memcmp(at, "\xef\xbb\xbf", 3)) at += 3; /* a byte order mark */
    for (size_t number = 1; at < end; number++) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        size_t length = (size_t)(stop - at), bad = tw__utf8_valid(at, length);
        if (bad < length && !at[bad])
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s:%zu: a NUL byte; is it a text file?", path, number);
        if (bad < length)
            return tw_fail_err(ctx, TW_ERR_FORMAT,
                               "%s:%zu: not UTF-8 at byte %zu of the line (0x%02x); `iconv -t UTF-8` converts files",
                               path, number, bad + 1, (unsigned char)at[bad]);
        if (length && at[length - 1] == '\r') length--;
        at[length] = 0;
        if (length) lines->line[lines->n++] = at;
        at = stop + 1;
    }
    return TW_OK;
}

tw_err tw_lines_load(tw_ctx *ctx, const char *path, tw_lines *lines) {
    size_t size, count = 1;
    *lines = (tw_lines){0};
    tw_err err = tw__read_text(ctx, path, &lines->bytes, &size);
    if (err) return err;
    for (size_t i = 0; i < size; i++) count += lines->bytes[i] == '\n';
    lines->line = malloc(count * sizeof *lines->line);
    err = lines->line ? cut(ctx, path, lines->bytes, size, lines)
                      : tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    if (err) tw_lines_free(lines);
    return err;
}

void tw_lines_free(tw_lines *lines) {
    free(lines->bytes);
    free(lines->line);
    *lines = (tw_lines){0};
}
