/* numbers.c - see numbers.h. The grammar is JSON's (RFC 8259) without strings, objects, true, false and null. */
#include "numbers.h"

#include "../common/input.h"
#include "../common/utf8.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* ---- reading ------------------------------------------------------------------------------------------- */

typedef struct reader {
    tw_ctx *ctx;
    const char *what, *text, *at, *end;
    numbers *out;
    size_t room;
    int count[TW_MAX_DIMS]; /* entries so far of the list that is open at each depth */
    bool known;             /* out->ndim is: the first number was read, or an empty list */
} reader;

/* What does not show when it is quoted, by its number. */
static void name_character(const char *at, const char *end, char text[40]) {
    char few[5] = "";
    const char *next = few;
    memcpy(few, at, end - at < 4 ? (size_t)(end - at) : 4);
    uint32_t code = utf8_next(&next);
    if (next - few > 1) snprintf(text, 40, "the character U+%04X", (unsigned)code);
    else snprintf(text, 40, "the byte 0x%02x", (unsigned char)*at);
}

static bool shows(char c) { return c > ' ' && c <= '~'; }

/* A mistake at the place where reading stands. */
static tw_err wrong(const reader *r, const char *problem) {
    long line = 1, column = 1;
    for (const char *p = r->text; p < r->at; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    char found[40] = "the end";
    if (r->at < r->end) {
        int n = 0;
        do n++;
        while (n < 16 && r->at + n < r->end && shows(r->at[n]) && !strchr(",[]", r->at[n]));
        if (!shows(*r->at)) name_character(r->at, r->end, found);
        else if (*r->at == '"') strcpy(found, "a string");
        else snprintf(found, sizeof found, "\"%.*s\"", n, r->at);
    }
    return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: line %ld, column %ld: %s, not %s", r->what, line, column, problem,
                       found);
}

static void skip_space(reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool take_word(reader *r, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return false;
    r->at += n;
    return true;
}

static const char *digits(const char *p, const char *end) {
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

/* -? digits (. digits)? (e [+-]? digits)?, and the leading 0 or + that JSON forbids is allowed no more than by it. */
static tw_err read_number(reader *r, double *value) {
    if (take_word(r, "NaN")) return *value = NAN, TW_OK;
    if (take_word(r, "Infinity")) return *value = INFINITY, TW_OK;
    if (take_word(r, "-Infinity")) return *value = -INFINITY, TW_OK;
    const char *whole = r->at + (r->at < r->end && *r->at == '-'), *p = digits(whole, r->end);
    if (p == whole) return wrong(r, "here belongs a number or a list of numbers");
    if (*whole == '0' && p - whole > 1) return wrong(r, "a number of JSON does not begin with 0");
    if (p < r->end && *p == '.') {
        const char *part = p + 1;
        p = digits(part, r->end);
        if (p == part) return wrong(r, "digits belong behind the point");
    }
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        const char *part = p + 1;
        if (part < r->end && (*part == '+' || *part == '-')) part++;
        p = digits(part, r->end);
        if (p == part) return wrong(r, "an exponent has digits");
    }
    char word[400]; /* longer ones are mistakes: 17 digits tell every double */
    size_t n = (size_t)(p - r->at);
    if (n >= sizeof word) return wrong(r, "a number has less than 400 characters");
    memcpy(word, r->at, n);
    word[n] = 0;
    *value = strtod(word, NULL);
    if (isinf(*value)) return wrong(r, "a number fits into a double (Infinity is a word of its own)");
    r->at = p;
    return TW_OK;
}

/* The first way down to a number says how deep the lists are. */
static tw_err depth_is(reader *r, int depth) {
    if (!r->known) r->out->ndim = depth, r->known = true;
    else if (r->out->ndim != depth)
        return depth < r->out->ndim ? wrong(r, "the lists before are nested deeper: here belongs a list")
                                    : wrong(r, "the lists before are less deep: here belongs a number");
    return TW_OK;
}

static tw_err append(reader *r, double value) {
    numbers *o = r->out;
    if (o->size == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        tw_real *v = realloc(o->v, room * sizeof *v);
        if (!v) return tw_fail_err(r->ctx, TW_ERR_NOMEM, "%s: out of memory", r->what);
        o->v = v;
        r->room = room;
    }
    o->v[o->size++] = (tw_real)value;
    return TW_OK;
}

static tw_err read_value(reader *r, int depth);

/* A list that has been opened, its bracket read; closes when the bracket comes. */
static tw_err read_list(reader *r, int depth) {
    const char *opened = r->at;
    int n = 0;
    skip_space(r);
    bool empty = r->at < r->end && *r->at == ']';
    while (!empty) {
        tw_err err = read_value(r, depth + 1);
        if (err) return err;
        if (++n == INT_MAX) return wrong(r, "a list has less than 2^31 entries");
        skip_space(r);
        if (r->at < r->end && *r->at == ']') break;
        if (r->at == r->end || *r->at != ',') return wrong(r, "a comma or a closing bracket belongs here");
        r->at++;
        skip_space(r);
    }
    tw_err err = empty ? depth_is(r, depth + 1) : TW_OK;
    if (err) return err;
    if (r->count[depth] < 0) {
        r->out->dim[depth] = r->count[depth] = n;
    } else if (n != r->out->dim[depth]) {
        char sentence[120];
        r->at = opened - 1;
        snprintf(sentence, sizeof sentence,
                 "lists side by side are equally long: %d entries as before, and this has %d", r->out->dim[depth], n);
        return wrong(r, sentence);
    }
    r->at++;
    return TW_OK;
}

static tw_err read_value(reader *r, int depth) {
    skip_space(r);
    if (r->at < r->end && *r->at == '[') {
        if (r->known && depth == r->out->ndim) return depth_is(r, depth + 1);
        if (depth == TW_MAX_DIMS) return wrong(r, "lists are nested at most 5 deep: here belongs a number");
        r->at++;
        return read_list(r, depth);
    }
    const char *start = r->at;
    double value;
    tw_err err = read_number(r, &value);
    if (err) return err;
    const char *end = r->at;
    r->at = start;
    err = depth_is(r, depth);
    r->at = end;
    return err ? err : append(r, value);
}

tw_err numbers_parse(tw_ctx *ctx, const char *what, const char *text, size_t n, numbers *out) {
    *out = (numbers){0};
    reader r = {.ctx = ctx, .what = what, .text = text, .at = text, .end = text + n, .out = out};
    for (int i = 0; i < TW_MAX_DIMS; i++) r.count[i] = -1, out->dim[i] = 1;
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) r.text = r.at = text + 3; /* a byte order mark */
    skip_space(&r);
    tw_err err = read_value(&r, 0);
    if (!err) {
        skip_space(&r);
        if (r.at < r.end) err = wrong(&r, "nothing follows the list");
    }
    if (!err && !out->v && !(out->v = malloc(sizeof *out->v)))
        err = tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", what);
    if (err) numbers_free(out);
    return err;
}

static tw_err read_all(tw_ctx *ctx, const char *what, FILE *in, const char *name, char **text, size_t *n) {
    size_t room = 0, more;
    bool zero;
    *text = NULL;
    *n = 0;
    do {
        if (*n == room) {
            char *larger = realloc(*text, room = room ? 2 * room : 4096);
            if (!larger) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", what);
            *text = larger;
        }
        more = fread(*text + *n, 1, room - *n, in);
        zero = memchr(*text + *n, 0, more) != NULL; /* is no JSON: what follows needs no memory */
        *n += more;
    } while (more && !zero);
    return ferror(in) ? tw_fail_err(ctx, TW_ERR_IO, "%s: %s cannot be read: %s", what, name, strerror(errno)) : TW_OK;
}

tw_err numbers_read(tw_ctx *ctx, const char *what, const char *argument, numbers *out) {
    bool standard = !strcmp(argument, "-");
    *out = (numbers){0};
    if (!standard && *argument != '@') return numbers_parse(ctx, what, argument, strlen(argument), out);
    const char *name = standard ? "stdin" : argument + 1;
    FILE *in = standard ? stdin : input_open(ctx, name);
    if (!in) return tw_error(ctx);
    char *text;
    size_t n;
    tw_err err = read_all(ctx, what, in, name, &text, &n);
    if (!err) err = numbers_parse(ctx, standard ? what : name, text, n, out); /* a place in a file */
    free(text);
    if (!standard) fclose(in);
    return err;
}

void numbers_free(numbers *n) {
    free(n->v);
    *n = (numbers){0};
}

/* ---- printing ------------------------------------------------------------------------------------------ */

const char *number_text(double x, char text[32]) {
    if (isnan(x)) return strcpy(text, "NaN");
    if (isinf(x)) return strcpy(text, x > 0 ? "Infinity" : "-Infinity");
    snprintf(text, 32, "%.9g", x);
    return text;
}

void numbers_print(FILE *out, int ndim, const int *dim, const tw_real *v) {
    char text[32];
    if (ndim == 0) {
        fputs(number_text((double)*v, text), out);
        return;
    }
    size_t each = 1;
    for (int i = 1; i < ndim; i++) each *= (size_t)dim[i];
    fputc('[', out);
    for (int i = 0; i < dim[0]; i++) {
        if (i) fputs(", ", out);
        numbers_print(out, ndim - 1, dim + 1, v + (size_t)i * each);
    }
    fputc(']', out);
}

const char *shape_text(int ndim, const int *dim, char text[80]) {
    int n = snprintf(text, 80, "[");
    for (int i = 0; i < ndim; i++) n += snprintf(text + n, (size_t)(80 - n), "%s%d", i ? "," : "", dim[i]);
    snprintf(text + n, (size_t)(80 - n), "]");
    return text;
}
