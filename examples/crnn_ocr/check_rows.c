/* check_rows.c - reading the rows of a labels.tsv and their pictures, whatever is in them. */
#include "check.h"

#include "../common/input.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>

#include "../common/plain.h"
#include "../common/progress.h"

static tw_err no_memory(const check *c) { return tw_fail_err(c->ctx, TW_ERR_NOMEM, "%s: out of memory", c->labels); }

tw_err check_note(check *c, check_kind kind, int line, const char *format, ...) {
    char words[1024];
    if (c->count[kind]++ >= (size_t)c->shown) return TW_OK;
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    if (c->nfinding == c->finding_room) {
        size_t room = 2 * c->finding_room + 64;
        check_finding *grown = realloc(c->finding, room * sizeof *grown);
        if (!grown) return no_memory(c);
        c->finding = grown, c->finding_room = room;
    }
    char *kept = strdup(plain_clean(words));
    if (!kept) return no_memory(c);
    c->finding[c->nfinding++] = (check_finding){kind, line, kept};
    return TW_OK;
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static tw_err add_row(check *c, int line, const char *path, size_t path_length, const char *text) {
    if (c->n == c->room) {
        size_t room = 2 * c->room + 256;
        check_row *grown = realloc(c->row, room * sizeof *grown);
        if (!grown) return no_memory(c);
        c->row = grown, c->room = room;
    }
    const char *slash = path[0] == '/' ? NULL : strrchr(c->labels, '/');
    int folder = slash ? (int)(slash - c->labels) + 1 : 0;
    size_t room = (size_t)folder + path_length + 1;
    check_row row = {.path = malloc(room), .text = strdup(text), .line = line};
    if (!row.path || !row.text) {
        free(row.path);
        free(row.text);
        return no_memory(c);
    }
    snprintf(row.path, room, "%.*s%s", folder, c->labels, path);
    c->row[c->n++] = row;
    return TW_OK;
}

/* line holds n bytes and a NUL behind them. */
static tw_err take_line(check *c, int number, char *line, size_t n) {
    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = 0;
    if (!n) return TW_OK;
    char *tab = memchr(line, '\t', n);
    const char *nul = memchr(line, 0, n);
    if (nul) return check_note(c, CHECK_LINE, number, "a NUL byte at byte %zu", (size_t)(nul - line) + 1);
    if (n > INT_MAX / 8) return check_note(c, CHECK_LINE, number, "a line of %zu bytes", n);
    if (tw_utf8_length(line) < 0) return check_note(c, CHECK_LINE, number, "not UTF-8");
    if (!tab) return check_note(c, CHECK_LINE, number, "no TAB between path and text");
    if (tab == line) return check_note(c, CHECK_LINE, number, "no path before the TAB");
    *tab = 0;
    return add_row(c, number, line, (size_t)(tab - line), tab + 1);
}

tw_err check_read_labels(check *c) {
    FILE *file = input_open(c->ctx, c->labels);
    if (!file) return tw_error(c->ctx);
    char *line = NULL;
    size_t room = 0;
    tw_err err = TW_OK;
    for (int number = 1; !err; number++) {
        errno = 0;
        ssize_t n = getline(&line, &room, file);
        if (n < 0 && (ferror(file) || errno == ENOMEM))
            err = tw_fail_err(c->ctx, TW_ERR_IO, "%s:%d: cannot be read: %s", c->labels, number, strerror(errno));
        if (n < 0) break;
        bool mark = number == 1 && n >= 3 && !memcmp(line, "\xef\xbb\xbf", 3);
        err = take_line(c, number, line + (mark ? 3 : 0), (size_t)n - (mark ? 3 : 0));
        if (number == INT_MAX) break;
    }
    free(line);
    fclose(file);
    return err;
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

/* FNV-1a over eight bytes at a time, and the size: equal pictures are equal numbers, and others hardly ever. */
static uint64_t hash_pixels(const uint8_t *pixel, size_t n, int width, int height) {
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)width << 32 ^ (uint64_t)height;
    for (; n >= 8; n -= 8, pixel += 8) {
        uint64_t v;
        memcpy(&v, pixel, 8);
        h = (h ^ v) * 0x100000001b3u;
        h ^= h >> 29;
    }
    for (; n; n--) h = (h ^ *pixel++) * 0x100000001b3u;
    return h;
}

static void take_picture(check_row *row, const uint8_t *pixel, int width, int height) {
    row->width = width, row->height = height;
    row->hash = hash_pixels(pixel, (size_t)width * (size_t)height, width, height);
}

static tw_err read_file(check *c, check_row *row) {
    struct stat about;
    tw_image image;
    if (stat(row->path, &about)) return check_note(c, CHECK_PICTURE, row->line, "%s: %s", row->path, strerror(errno));
    if (S_ISDIR(about.st_mode)) return check_note(c, CHECK_PICTURE, row->line, "%s: is a folder", row->path);
    if (!S_ISREG(about.st_mode)) return check_note(c, CHECK_PICTURE, row->line, "%s: is not a regular file", row->path);
    tw_err err = tw_image_load(c->ctx, row->path, 1, &image);
    if (err == TW_ERR_NOMEM) return err;
    if (err) {
        err = check_note(c, CHECK_PICTURE, row->line, "%s", tw_errmsg(c->ctx));
        tw_error_clear(c->ctx);
        return err;
    }
    take_picture(row, image.data, image.width, image.height);
    tw_image_free(&image);
    return TW_OK;
}

static tw_err read_idx(check *c, const char *path) {
    tw_idx images;
    tw_err err = tw_idx_load(c->ctx, path, &images);
    if (!err && images.ndim != 3)
        err = tw_fail_err(c->ctx, TW_ERR_FORMAT, "%s: pictures have 3 dimensions, this file has %d", path, images.ndim);
    if (!err && (size_t)images.dim[0] != c->n)
        err = tw_fail_err(c->ctx, TW_ERR_FORMAT, "%s labels %zu pictures, but there are %d in %s", c->labels, c->n,
                          images.dim[0], path);
    if (!err && (images.dim[1] < 1 || images.dim[2] < 1))
        err = tw_fail_err(c->ctx, TW_ERR_FORMAT, "%s: its pictures are empty", path);
    for (size_t i = 0; !err && i < c->n; i++) {
        size_t pixels = (size_t)images.dim[1] * (size_t)images.dim[2];
        take_picture(&c->row[i], images.data + i * pixels, images.dim[2], images.dim[1]);
    }
    tw_idx_free(&images);
    return err;
}

tw_err check_read_pictures(check *c, const char *images) {
    if (images) return read_idx(c, images);
    progress bar;
    tw_err err = TW_OK;
    progress_begin(&bar, "pictures", 0, (long)c->n);
    for (size_t i = 0; !err && i < c->n; i++) {
        err = read_file(c, &c->row[i]);
        progress_show(&bar, (long)i + 1, "%zu unreadable", c->count[CHECK_PICTURE]);
    }
    progress_clear(&bar);
    return err;
}

void check_free(check *c) {
    for (size_t i = 0; i < c->n; i++) {
        free(c->row[i].path);
        free(c->row[i].text);
    }
    for (size_t i = 0; i < c->nfinding; i++) free(c->finding[i].words);
    free(c->row);
    free(c->finding);
    tw_alphabet_free(c->own);
    *c = (check){0};
}
