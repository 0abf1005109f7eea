/* check_find.c - what the rows of a labels.tsv tell when they are compared: with an alphabet, with a model's frames,
 * and with each other. */
#include "check.h"

#include "picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

static tw_err no_memory(const check *c) { return tw_fail_err(c->ctx, TW_ERR_NOMEM, "%s: out of memory", c->labels); }

/* ---- texts ------------------------------------------------------------------------------------------------------ */

/* The characters of a text that an alphabet lacks, each once, in quotes. Empty: none. */
static void strangers(tw_ctx *ctx, const tw_alphabet *own, const tw_alphabet *given, const int32_t *symbol, size_t n,
                      char *words, size_t size) {
    size_t used = 0;
    words[0] = 0;
    for (size_t i = 0; i < n && used + 16 < size; i++) {
        char one[8];
        int32_t there[8];
        size_t room = 8;
        bool again = false;
        for (size_t k = 0; k < i; k++) again = again || symbol[k] == symbol[i];
        if (again || tw_alphabet_decode(ctx, own, &symbol[i], 1, one, sizeof one)) continue;
        if (!tw_alphabet_encode(ctx, given, one, there, &room)) continue;
        if (tw_error(ctx) == TW_ERR_NOMEM) return; /* which stays in ctx */
        tw_error_clear(ctx);
        used += (size_t)snprintf(words + used, size - used, "%s\"%s\"", used ? " " : "", one);
    }
}

static tw_err check_text(check *c, check_row *row, const tw_alphabet *given, int32_t *symbol, char *again,
                         size_t room) {
    size_t n = room;
    tw_err err = tw_alphabet_encode(c->ctx, c->own, row->text, symbol, &n);
    if (!err) err = tw_alphabet_decode(c->ctx, c->own, symbol, n, again, 4 * room + 1);
    if (err) return err;
    row->length = row->need = (int)n;
    for (size_t i = 1; i < n; i++) row->need += symbol[i] == symbol[i - 1];
    if (!n) return check_note(c, CHECK_EMPTY, row->line, "the text is empty");
    if (strcmp(again, row->text) != 0)
        err = check_note(c, CHECK_NFC, row->line, "\"%.100s\" is learnt as \"%.100s\"", row->text, again);
    if (err || !given) return err;
    char words[400];
    strangers(c->ctx, c->own, given, symbol, n, words, sizeof words);
    if (tw_error(c->ctx)) return tw_error(c->ctx);
    return *words ? check_note(c, CHECK_ALPHABET, row->line, "%s in \"%.100s\"", words, row->text) : TW_OK;
}

tw_err check_texts(check *c, const tw_alphabet *given) {
    size_t longest = 0;
    const char **text = malloc((c->n + 1) * sizeof *text);
    for (size_t i = 0; text && i < c->n; i++) {
        size_t bytes = strlen(c->row[i].text);
        text[i] = c->row[i].text;
        if (bytes > longest) longest = bytes;
    }
    /* A byte becomes three code points at most when it is normalised. */
    size_t room = 3 * longest + 1;
    int32_t *symbol = malloc(room * sizeof *symbol);
    char *again = malloc(4 * room + 1);
    tw_err err = text && symbol && again ? TW_OK : no_memory(c);
    if (!err && !(c->own = tw_alphabet_from_texts(c->ctx, c->n, text))) err = tw_error(c->ctx);
    for (size_t i = 0; !err && i < c->n; i++) err = check_text(c, &c->row[i], given, symbol, again, room);
    free(again);
    free(symbol);
    free(text);
    return err;
}

/* ---- the same picture twice ------------------------------------------------------------------------------------- */

static int by_picture(const void *a, const void *b) {
    const check_row *x = *(const check_row *const *)a, *y = *(const check_row *const *)b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static bool same_picture(const check_row *a, const check_row *b) {
    return a->hash == b->hash && a->width == b->width && a->height == b->height;
}

/* row[first .. i) show the same as row[i]: the last with the same text, or the first of them. */
static const check_row *twin_of(const check_row *const *row, size_t first, size_t i) {
    enum { MOST = 100 }; /* of a hundred thousand equal pictures not every one is compared with each */
    for (size_t k = i; k > first && i - k < MOST; k--)
        if (!strcmp(row[k - 1]->text, row[i]->text)) return row[k - 1];
    return row[first];
}

tw_err check_duplicates(check *c) {
    const check_row **row = malloc((c->n + 1) * sizeof *row);
    size_t n = 0;
    if (!row) return no_memory(c);
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].width) row[n++] = &c->row[i];
    qsort(row, n, sizeof *row, by_picture);
    tw_err err = TW_OK;
    for (size_t i = 1, first = 0; !err && i < n; i++) {
        const check_row *b = row[i];
        if (!same_picture(row[first], b)) {
            first = i;
            continue;
        }
        const check_row *a = twin_of(row, first, i);
        const char *what = strcmp(a->path, b->path) ? "shows the same picture as" : "is the same file as that of";
        if (strcmp(a->text, b->text) != 0)
            err = check_note(c, CHECK_CONTRARY, b->line, "%s %s line %d, but there it is \"%.60s\" and here \"%.60s\"",
                             b->path, what, a->line, a->text, b->text);
        else err = check_note(c, CHECK_TWICE, b->line, "%s %s line %d", b->path, what, a->line);
    }
    free(row);
    return err;
}

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *value, size_t n) {
    if (!n) return 0;
    qsort(value, n, sizeof *value, by_size);
    return n % 2 ? value[n / 2] : 0.5 * (value[n / 2 - 1] + value[n / 2]);
}

/* Width in heights that a character has. */
static double room_of(const check_row *row) { return (double)row->width / row->height / row->length; }

/* Far from the median: by a factor of three, and of what is usual in this set. */
tw_err check_aspects(check *c) {
    double *value = malloc((c->n + 1) * sizeof *value);
    size_t n = 0;
    tw_err err = TW_OK;
    if (!value) return no_memory(c);
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].width && c->row[i].length) value[n++] = log(room_of(&c->row[i]));
    double middle = median(value, n);
    for (size_t i = 0; i < n; i++) value[i] = fabs(value[i] - middle);
    double usual = median(value, n), far = 6 * usual > log(3.0) ? 6 * usual : log(3.0);
    for (size_t i = 0; !err && n > 4 && i < c->n; i++) {
        const check_row *row = &c->row[i];
        if (!row->width || !row->length || fabs(log(room_of(row)) - middle) <= far) continue;
        err = check_note(c, CHECK_ASPECT, row->line,
                         "%s: %d x %d pixels for %d characters, \"%.60s\": %.1f times as %s", row->path, row->width,
                         row->height, row->length, row->text, exp(fabs(log(room_of(row)) - middle)),
                         log(room_of(row)) > middle ? "wide as usual" : "narrow as usual");
    }
    free(value);
    return err;
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

static int frames_of(const check_row *row, const crnn_design *design, int height) {
    double fit = floor((double)row->width * height / row->height + 0.5);
    return design->frames(picture_width(height, fit < 1 ? 1 : fit > PICTURE_MAX_WIDTH ? PICTURE_MAX_WIDTH : (int)fit));
}

size_t check_unfit(const check *c, const crnn_design *design, int height, double *comfort) {
    double *value = malloc((c->n + 1) * sizeof *value);
    size_t unfit = 0, n = 0;
    for (size_t i = 0; i < c->n; i++) {
        const check_row *row = &c->row[i];
        if (!row->width) continue;
        int frames = frames_of(row, design, height);
        unfit += frames < row->need;
        if (value && row->need) value[n++] = (double)frames / row->need;
    }
    *comfort = value ? median(value, n) : 0;
    free(value);
    return unfit;
}

tw_err check_fits(check *c, const crnn_design *design, int height) {
    tw_err err = TW_OK;
    for (size_t i = 0; !err && i < c->n; i++) {
        const check_row *row = &c->row[i];
        int frames = row->width ? frames_of(row, design, height) : row->need;
        if (frames < row->need)
            err = check_note(c, CHECK_FIT, row->line, "%s: %d x %d pixels give %d frames, and \"%.100s\" needs %d",
                             row->path, row->width, row->height, frames, row->text, row->need);
    }
    return err;
}
