/* csv.c - tables of numbers as text (RFC 4180, and what is found in the wild): one row a line.
 *
 * The file is read whole and cut into fields in place: a field ends where its separator stood, and a quoted one is
 * moved together where it had two quotes for one. */
#include "data/file.h"
#include "tensor/utf8_valid.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <thalweg/data.h>
#include <thalweg/extend.h>

#ifdef TW_DOUBLE
#define LARGEST DBL_MAX
#else
#define LARGEST FLT_MAX
#endif

typedef struct reader {
    tw_ctx *ctx;
    const char *path;
    char *at, *end;     /* what is left; *end is 0 */
    size_t line, begun; /* of `at`; of the row at hand */
    char separator;
    locale_t plain; /* whose numbers have a point, whatever those of the process have */
} reader;

typedef struct field {
    char *text; /* ends with a NUL */
    size_t length;
    bool last; /* of its row */
} field;

/* ---- fields ---------------------------------------------------------------------------------------------- */

static bool is_blank(const reader *r, char c) { return (c == ' ' || c == '\t') && c != r->separator; }
static bool is_end(const reader *r, const char *p) {
    return p == r->end || *p == '\n' || (*p == '\r' && (p[1] == '\n' || p + 1 == r->end));
}

/* What follows a field: the separator, the end of the line or that of the file. */
static void step_over(reader *r, field *f, char *stop) {
    f->last = is_end(r, r->at);
    if (r->at < r->end && *r->at == '\r') r->at++;
    if (r->at < r->end && *r->at++ == '\n') r->line++;
    *stop = 0;
}

static tw_err quoted_field(reader *r, field *f) {
    size_t begun = r->line;
    char *to = ++r->at;
    f->text = to;
    for (;; r->at++) {
        if (r->at == r->end)
            return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: the quote that begins in this line has no end", r->path,
                               begun);
        if (*r->at == '"' && r->at[1] != '"') break;
        if (*r->at == '"') r->at++;
        if (*r->at == '\n') r->line++;
        *to++ = *r->at;
    }
    r->at++;
    while (is_blank(r, *r->at)) r->at++;
    f->length = (size_t)(to - f->text);
    if (!is_end(r, r->at) && *r->at != r->separator)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: something follows a closing quote", r->path, r->line);
    step_over(r, f, to);
    return TW_OK;
}

static tw_err next_field(reader *r, field *f) {
    while (is_blank(r, *r->at)) r->at++;
    if (*r->at == '"') return quoted_field(r, f);
    f->text = r->at;
    while (!is_end(r, r->at) && *r->at != r->separator) r->at++;
    char *stop = r->at;
    while (stop > f->text && is_blank(r, stop[-1])) stop--;
    f->length = (size_t)(stop - f->text);
    step_over(r, f, stop);
    return TW_OK;
}

/* Goes to the next line that is not empty; false at the end of the file. */
static bool next_row(reader *r) {
    while (r->at < r->end) {
        char *p = r->at;
        while (is_blank(r, *p)) p++;
        if (!is_end(r, p)) {
            r->begun = r->line;
            return true;
        }
        r->at = p;
        field none;
        step_over(r, &none, p);
    }
    return false;
}

/* ---- numbers ---------------------------------------------------------------------------------------------- */

/* [+-]digits[.digits][e[+-]digits], nothing else of what strtod knows. */
static bool looks_like_a_number(const char *s) {
    size_t whole, fraction = 0;
    s += *s == '+' || *s == '-';
    s += whole = strspn(s, "0123456789");
    if (*s == '.') s += 1 + (fraction = strspn(s + 1, "0123456789"));
    if (!whole && !fraction) return false;
    if (*s == 'e' || *s == 'E') {
        s += 1 + (s[1] == '+' || s[1] == '-');
        size_t digits = strspn(s, "0123456789");
        if (!digits) return false;
        s += digits;
    }
    return !*s;
}

static bool is_missing(const field *f) {
    static const char *const word[] = {"NA", "N/A", "nan", "null", "none", "?", "-"};
    if (!f->length) return true;
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (!strcasecmp(f->text, word[i])) return true;
    return false;
}

/* `column 3 ("age")` */
static const char *column_text(const tw_csv *csv, int column, char text[96]) {
    char quoted[TW__QUOTED];
    if (csv->name)
        snprintf(text, 96, "column %d (\"%s\")", column,
                 tw__quoted(csv->name[column], strlen(csv->name[column]), quoted));
    else snprintf(text, 96, "column %d", column);
    return text;
}

static tw_err parse_number(const reader *r, const tw_csv *csv, int column, const field *f, tw_real *value) {
    char where[96], shown[TW__QUOTED];
    if (looks_like_a_number(f->text) && strlen(f->text) == f->length) {
        double number = strtod_l(f->text, NULL, r->plain);
        *value = (tw_real)number;
        if (fabs(number) <= LARGEST) return TW_OK;
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: %s: \"%s\" is too large a number", r->path, r->begun,
                           column_text(csv, column, where), tw__quoted(f->text, f->length, shown));
    }
    if (is_missing(f))
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: %s: the value is missing (\"%s\")", r->path, r->begun,
                           column_text(csv, column, where), tw__quoted(f->text, f->length, shown));
    return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: %s: \"%s\" is no number%s", r->path, r->begun,
                       column_text(csv, column, where), tw__quoted(f->text, f->length, shown),
                       csv->rows || csv->name ? "" : "; is this line a header?");
}

/* ---- the table --------------------------------------------------------------------------------------------- */

static tw_err out_of_memory(const reader *r) {
    return tw_fail_err(r->ctx, TW_ERR_NOMEM, "%s: out of memory in line %zu", r->path, r->begun);
}

/* The names stay where they stand in the file's bytes. */
static tw_err read_header(reader *r, tw_csv *csv) {
    size_t room = 0;
    field f;
    do {
        tw_err err = next_field(r, &f);
        if (err) return err;
        if (strlen(f.text) != f.length || tw__utf8_valid(f.text, f.length) != f.length)
            return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: the name of column %d is not UTF-8", r->path, r->begun,
                               csv->columns);
        const char *cr = strchr(f.text, '\r');
        if (cr && cr[1] != '\n') /* all lines would be one */
            return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                               "%s:%zu: the name of column %d has a CR; lines end with LF or CRLF, not with CR alone",
                               r->path, r->begun, csv->columns);
        if (csv->columns == INT_MAX)
            return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: too many columns", r->path, r->begun);
        if ((size_t)csv->columns == room) {
            const char **grown = realloc(csv->name, (room = 2 * room + 16) * sizeof *grown);
            if (!grown) return out_of_memory(r);
            csv->name = grown;
        }
        csv->name[csv->columns++] = f.text;
    } while (!f.last);
    return TW_OK;
}

/* The number of fields of the first row, where no header says it; nothing is moved. */
static tw_err count_columns(const reader *given, tw_csv *csv) {
    size_t n = 1;
    bool quoted = false;
    for (const char *p = given->at; p < given->end && (quoted || *p != '\n'); p++) {
        if (*p == '"') quoted = !quoted;
        n += !quoted && *p == given->separator;
    }
    if (n > INT_MAX)
        return tw_fail_err(given->ctx, TW_ERR_FORMAT, "%s:%zu: too many columns", given->path, given->line);
    csv->columns = (int)n;
    return TW_OK;
}

static tw_err read_row(reader *r, tw_csv *csv, size_t *room) {
    size_t columns = (size_t)csv->columns;
    if (csv->rows == *room) { /* a row has a byte for each column, so room is a few times the file's size at most */
        size_t more = 2 * *room + (columns < 4096 ? 64 : 1);
        if (more > PTRDIFF_MAX / sizeof *csv->value / columns) return out_of_memory(r);
        tw_real *value = realloc(csv->value, more * columns * sizeof *value);
        if (value) csv->value = value;
        size_t *line = value ? realloc(csv->line, more * sizeof *line) : NULL;
        if (!line) return out_of_memory(r);
        csv->line = line;
        *room = more;
    }
    tw_real *value = csv->value + csv->rows * columns;
    size_t n = 0;
    field f;
    do {
        tw_err err = next_field(r, &f);
        if (!err && n < columns) err = parse_number(r, csv, (int)n, &f, &value[n]);
        if (err) return err;
        n++;
    } while (!f.last);
    if (n != columns)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: %zu fields where %s %zu", r->path, r->begun, n,
                           csv->name ? "the header has" : "the first row has", columns);
    csv->line[csv->rows++] = r->begun;
    return TW_OK;
}

static tw_err read_table(reader *r, bool header, tw_csv *csv) {
    size_t room = 0;
    const char *zero = memchr(r->at, 0, (size_t)(r->end - r->at));
    tw_err err = TW_OK;
    if (zero) {
        for (const char *p = r->at; p < zero; p++) r->line += *p == '\n';
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s:%zu: a NUL byte; this is no text", r->path, r->line);
    }
    if (!next_row(r)) return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: the file is empty", r->path);
    err = header ? read_header(r, csv) : count_columns(r, csv);
    while (!err && next_row(r)) err = read_row(r, csv, &room);
    return err;
}

tw_err tw_csv_load(tw_ctx *ctx, const char *path, const tw_csv_options *options, tw_csv *csv) {
    *csv = (tw_csv){0};
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    tw_csv_options o = options ? *options : (tw_csv_options){0};
    if (!o.separator) o.separator = ',';
    if (strchr("0123456789+-.eE\"\r\n", o.separator))
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: the character 0x%02x cannot separate numbers", path,
                           (unsigned char)o.separator);
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    char *data;
    size_t size;
    tw_err err = tw__read_text(ctx, path, &data, &size);
    if (err) {
        freelocale(plain);
        return err;
    }
    size_t skip = size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : 0; /* a byte order mark */
    reader r = {.ctx = ctx,
                .path = path,
                .at = data + skip,
                .end = data + size,
                .line = 1,
                .separator = o.separator,
                .plain = plain};
    err = read_table(&r, o.header, csv);
    freelocale(plain);
    if (!err && !(csv->path = strdup(path))) err = tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    if (csv->name) csv->memory = data; /* the names are in it */
    else free(data);
    if (err) tw_csv_free(csv);
    return err;
}

void tw_csv_free(tw_csv *csv) {
    if (!csv) return;
    free(csv->value);
    free(csv->name);
    free(csv->line);
    free(csv->path);
    free(csv->memory);
    *csv = (tw_csv){0};
}

/* ---- columns ----------------------------------------------------------------------------------------------- */

int tw_csv_column(tw_ctx *ctx, const tw_csv *csv, const char *column) {
    char quoted[TW__QUOTED], *end;
    int found = -1;
    if (!column) {
        tw_fail(ctx, TW_ERR_RANGE, "the name of a column is NULL");
        return -1;
    }
    for (int i = 0; csv->name && i < csv->columns; i++) {
        if (strcmp(csv->name[i], column)) continue;
        if (found >= 0) {
            tw_fail(ctx, TW_ERR_RANGE, "%s: columns %d and %d are both called \"%s\"; give a number", csv->path, found,
                    i, tw__quoted(column, strlen(column), quoted));
            return -1;
        }
        found = i;
    }
    if (found >= 0) return found;
    errno = 0;
    long number = strtol(column, &end, 10);
    if (*column && !*end && !errno && number < csv->columns && number >= -(long)csv->columns)
        return (int)(number < 0 ? number + csv->columns : number);
    const char *nearest = csv->name ? tw_nearest(column, csv->columns, csv->name) : NULL;
    char near_quoted[TW__QUOTED];
    tw_fail(ctx, TW_ERR_RANGE, "%s: there is no column \"%s\" among %d%s%s%s", csv->path,
            tw__quoted(column, strlen(column), quoted), csv->columns, nearest ? "; did you mean \"" : "",
            nearest ? tw__quoted(nearest, strlen(nearest), near_quoted) : "", nearest ? "\"?" : "");
    return -1;
}

void tw_csv_mean_std(const tw_csv *csv, int column, double *mean, double *std) {
    double n = (double)csv->rows, sum = 0, square = 0;
    size_t columns = (size_t)csv->columns;
    bool there = column >= 0 && column < csv->columns;
    *mean = *std = there ? 0 : (double)NAN; /* -1 is what tw_csv_column returns after an error */
    if (!there || !csv->rows) return;
    const tw_real *value = csv->value + column;
    for (size_t i = 0; i < csv->rows; i++) sum += (double)value[i * columns];
    *mean = sum / n;
    for (size_t i = 0; i < csv->rows; i++) {
        double off = (double)value[i * columns] - *mean;
        square += off * off;
    }
    *std = sqrt(square / n);
}
