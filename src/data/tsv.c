/* tsv.c - labels.tsv: path TAB text, a line each.
 *
 * The file is read whole; pass one checks every line and measures, pass two copies paths and texts into one block. */
#include "data/file.h"
#include "tensor/utf8_valid.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/data.h>
#include <thalweg/extend.h>

/* ---- lines ----------------------------------------------------------------------------------------------- */

typedef struct scan {
    const char *at, *end; /* what is left */
    size_t number;        /* of the line last given */
    const char *line;     /* without its end */
    size_t length;
} scan;

static scan scan_begin(const char *data, size_t size) {
    size_t skip = size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : 0; /* a byte order mark */
    return (scan){data + skip, data + size, 0, NULL, 0};
}

/* The next line that is not empty. */
static bool scan_next(scan *s) {
    while (s->at < s->end) {
        const char *stop = memchr(s->at, '\n', (size_t)(s->end - s->at));
        s->line = s->at;
        s->at = stop ? stop + 1 : s->end;
        s->length = (size_t)((stop ? stop : s->end) - s->line);
        if (s->length && s->line[s->length - 1] == '\r') s->length--;
        s->number++;
        if (s->length) return true;
    }
    return false;
}

static tw_err check_line(tw_ctx *ctx, const char *path, const scan *s) {
    size_t bad = tw__utf8_valid(s->line, s->length);
    const char *tab = memchr(s->line, '\t', s->length);
    if (s->number > INT_MAX) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: more than %d lines", path, INT_MAX);
    if (bad < s->length && !s->line[bad])
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s:%zu: a NUL byte at byte %zu of the line", path, s->number, bad + 1);
    if (bad < s->length)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s:%zu: not UTF-8 at byte %zu of the line (0x%02x)", path, s->number,
                           bad + 1, (unsigned char)s->line[bad]);
    if (!tab) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s:%zu: no TAB between path and text", path, s->number);
    if (tab == s->line) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s:%zu: no path before the TAB", path, s->number);
    return TW_OK;
}

/* ---- the file -------------------------------------------------------------------------------------------- */

static const char *put(char **at, const char *folder, size_t folder_length, const char *s, size_t n) {
    char *start = *at;
    memcpy(start, folder, folder_length);
    memcpy(start + folder_length, s, n);
    start[folder_length + n] = 0;
    *at += folder_length + n + 1;
    return start;
}

static tw_err parse(tw_ctx *ctx, const char *path, const char *data, size_t size, tw_tsv *tsv) {
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0, path_length = strlen(path), rows = 0,
           bytes = path_length + 1;
    tw_err err;
    for (scan s = scan_begin(data, size); scan_next(&s); rows++) {
        if ((err = check_line(ctx, path, &s))) return err;
        bytes += s.length + 1 + (s.line[0] == '/' ? 0 : folder); /* the TAB's place takes the path's NUL */
    }
    tsv->row = malloc((rows + !rows) * sizeof *tsv->row);
    char *at = tsv->memory = malloc(bytes);
    if (!tsv->row || !at) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory for %zu lines", path, rows);
    tsv->path = put(&at, "", 0, path, path_length);
    for (scan s = scan_begin(data, size); scan_next(&s); tsv->n++) {
        const char *tab = memchr(s.line, '\t', s.length);
        size_t before = (size_t)(tab - s.line);
        tw_tsv_row *row = &tsv->row[tsv->n];
        size_t above = s.line[0] == '/' ? 0 : folder;
        row->path = put(&at, path, above, s.line, before);
        row->name = row->path + above;
        row->text = put(&at, "", 0, tab + 1, s.length - before - 1);
        row->line = (int)s.number;
    }
    return TW_OK;
}

tw_err tw_tsv_load(tw_ctx *ctx, const char *path, tw_tsv *tsv) {
    *tsv = (tw_tsv){0};
    char *data;
    size_t size;
    tw_err err = tw__read_text(ctx, path, &data, &size);
    if (err) return err;
    err = parse(ctx, path, data, size, tsv);
    free(data);
    if (err) tw_tsv_free(tsv);
    return err;
}

void tw_tsv_free(tw_tsv *tsv) {
    if (!tsv) return;
    free(tsv->row);
    free(tsv->memory);
    *tsv = (tw_tsv){0};
}
