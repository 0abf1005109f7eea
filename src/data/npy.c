/* npy.c - NumPy's file of one array (NEP 1): the bytes 93 "NUMPY", two of the version, the header's length (two bytes
 * in version 1, four after it, little-endian), a header that is a Python dictionary, and the numbers without gaps.
 *
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 */
#include "data/file.h"
#include "tensor/atomic.h"
#include "tensor/internal.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/data.h>

#ifdef TW_DOUBLE
#define LARGEST DBL_MAX
#define OWN_TYPE "<f8"
#else
#define LARGEST FLT_MAX
#define OWN_TYPE "<f4"
#endif

enum { MAGIC = 6, LONGEST_HEADER = 1 << 20, CHUNK = 4096 /* numbers */ };
static const char magic[] = "\x93NUMPY";

typedef struct reader {
    tw_ctx *ctx;
    const char *path;
    FILE *file;
    uint64_t left; /* bytes that have not been read */
    /* of the header */
    char kind; /* f i u b */
    int item;  /* bytes of a number */
    bool fortran;
} reader;

/* ---- the header: a dictionary with three entries in any order ---------------------------------------------- */

typedef struct scan {
    const char *at; /* ends with a NUL */
} scan;

static void skip_space(scan *s) {
    while (*s->at && strchr(" \t\n\r", *s->at)) s->at++;
}

static bool take(scan *s, char c) {
    skip_space(s);
    if (*s->at != c) return false;
    s->at++;
    return true;
}

static bool take_word(scan *s, const char *word) {
    skip_space(s);
    size_t n = strlen(word);
    if (strncmp(s->at, word, n) || isalnum((unsigned char)s->at[n])) return false;
    s->at += n;
    return true;
}

/* 'text' or "text", without backslashes. */
static bool take_text(scan *s, char text[TW__QUOTED]) {
    skip_space(s);
    char quote = *s->at;
    if (quote != '\'' && quote != '"') return false;
    const char *start = ++s->at;
    while (*s->at && *s->at != quote && *s->at != '\\') s->at++;
    if (*s->at != quote) return false;
    tw__quoted(start, (size_t)(s->at++ - start), text);
    return true;
}

static tw_err bad_header(const reader *r, const scan *s, const char *what) {
    char quoted[TW__QUOTED];
    return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: the npy header wants %s at \"%s\"", r->path, what,
                       tw__quoted(s->at, strlen(s->at), quoted));
}

static tw_err read_type(reader *r, scan *s) {
    char type[TW__QUOTED];
    skip_space(s);
    if (*s->at == '[')
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: holds structured records; arrays of numbers are read", r->path);
    if (!take_text(s, type)) return bad_header(r, s, "a type");
    const char *t = type + (strchr("<>=|", type[0]) && type[0]);
    r->kind = *t;
    r->item = t[0] && t[1] && !t[2] && isdigit((unsigned char)t[1]) ? t[1] - '0' : 0;
    bool whole = r->kind == 'i' || r->kind == 'u', one = r->item == 1, more = r->item == 4 || r->item == 8;
    if (!((r->kind == 'f' && more) || (whole && (one || more || r->item == 2)) || (r->kind == 'b' && one)))
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s: holds numbers of the type \"%s\"; f4, f8, i1 to i8, u1 to u8 and b1 are read", r->path,
                           type);
    if (type[0] == '>' && !one)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s: holds numbers of the type \"%s\": the most significant byte first is not read", r->path,
                           type);
    return TW_OK;
}

static tw_err read_shape(const reader *r, scan *s, tw_npy *npy) {
    if (!take(s, '(')) return bad_header(r, s, "a shape");
    for (npy->ndim = 0; !take(s, ')');) {
        char *end;
        skip_space(s);
        if (!isdigit((unsigned char)*s->at)) return bad_header(r, s, "a dimension");
        errno = 0;
        unsigned long long n = strtoull(s->at, &end, 10);
        if (errno || n > INT_MAX) return bad_header(r, s, "a dimension that is not too large");
        if (npy->ndim == TW_MAX_DIMS)
            return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: has more than %d dimensions", r->path, TW_MAX_DIMS);
        npy->dim[npy->ndim++] = (int)n;
        s->at = end + (*end == 'L'); /* Python 2 wrote that */
        bool comma = take(s, ',');
        skip_space(s);
        if (*s->at != ')' && !comma) return bad_header(r, s, "a comma");
        if (*s->at == ')' && npy->ndim == 1 && !comma) return bad_header(r, s, "a comma, as (3,) has,");
    }
    return TW_OK;
}

static tw_err parse_header(reader *r, const char *text, tw_npy *npy) {
    static const char *const names[] = {"descr", "fortran_order", "shape"};
    scan s = {text};
    unsigned seen = 0;
    if (!take(&s, '{')) return bad_header(r, &s, "a dictionary");
    while (!take(&s, '}')) {
        char key[TW__QUOTED];
        if (!take_text(&s, key) || !take(&s, ':')) return bad_header(r, &s, "a key");
        unsigned which = 0;
        while (which < 3 && strcmp(key, names[which])) which++;
        if (which == 3) return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: the npy header has a key \"%s\"", r->path, key);
        if (seen >> which & 1)
            return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: the npy header has \"%s\" twice", r->path, key);
        seen |= 1u << which;
        tw_err err = which == 0 ? read_type(r, &s) : which == 2 ? read_shape(r, &s, npy) : TW_OK;
        if (err) return err;
        if (which == 1 && !(r->fortran = take_word(&s, "True")) && !take_word(&s, "False"))
            return bad_header(r, &s, "True or False");
        bool comma = take(&s, ',');
        skip_space(&s);
        if (!comma && *s.at != '}') return bad_header(r, &s, "a comma");
    }
    skip_space(&s);
    if (*s.at) return bad_header(r, &s, "nothing more");
    for (unsigned i = 0; i < 3; i++)
        if (!(seen >> i & 1))
            return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: the npy header has no \"%s\"", r->path, names[i]);
    return TW_OK;
}

static tw_err read_bytes(reader *r, void *to, size_t n) {
    if (n > r->left) return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: ends in its npy header", r->path);
    if (fread(to, 1, n, r->file) != n)
        return tw_fail_err(r->ctx, tw__os_err(errno), "%s: cannot be read: %s", r->path,
                           ferror(r->file) ? strerror(errno) : "it became shorter");
    r->left -= n;
    return TW_OK;
}

static tw_err read_header(reader *r, tw_npy *npy) {
    uint8_t head[MAGIC + 2], bytes[4] = {0};
    if (r->left < sizeof head)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: not an npy file: %llu bytes are too few", r->path,
                           (unsigned long long)r->left);
    tw_err err = read_bytes(r, head, sizeof head);
    if (err) return err;
    if (memcmp(head, magic, MAGIC))
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: not an npy file: it does not begin with 93 NUMPY", r->path);
    if (head[MAGIC] < 1 || head[MAGIC] > 3)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: version %d.%d of the npy format; 1 to 3 are read", r->path,
                           head[MAGIC], head[MAGIC + 1]);
    if ((err = read_bytes(r, bytes, head[MAGIC] == 1 ? 2 : 4))) return err;
    uint32_t length = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    if (length <= r->left && length > LONGEST_HEADER)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: has an npy header of %lu bytes; at most %d are read", r->path,
                           (unsigned long)length, LONGEST_HEADER);
    if (length > r->left)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: announces an npy header of %lu bytes, and %llu follow", r->path,
                           (unsigned long)length, (unsigned long long)r->left);
    char *text = malloc((size_t)length + 1);
    if (!text) return tw_fail_err(r->ctx, TW_ERR_NOMEM, "%s: out of memory", r->path);
    err = read_bytes(r, text, length);
    text[length] = 0;
    if (!err && strlen(text) != length)
        err = tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: a NUL byte in the npy header", r->path);
    if (!err) err = parse_header(r, text, npy);
    free(text);
    return err;
}

/* ---- the numbers --------------------------------------------------------------------------------------------- */

static uint64_t little_endian(const uint8_t *b, int n) {
    uint64_t v = 0;
    for (int i = n - 1; i >= 0; i--) v = v << 8 | b[i];
    return v;
}

/* One number of the file. *whole is its value where that is an int32_t; returns whether it is. */
static bool decode(const reader *r, const uint8_t *b, double *value, int32_t *whole) {
    uint64_t bits = little_endian(b, r->item);
    *whole = 0;
    if (r->kind == 'f') {
        uint32_t half = (uint32_t)bits;
        float f;
        if (r->item == 8) {
            memcpy(value, &bits, sizeof *value);
        } else {
            memcpy(&f, &half, sizeof f);
            *value = (double)f;
        }
        return false;
    }
    if (r->kind == 'b') bits = bits != 0;
    if (r->kind == 'i') {
        int unused = 64 - 8 * r->item;
        int64_t v = (int64_t)(bits << unused) >> unused; /* extends the sign */
        *value = (double)v;
        *whole = v >= INT32_MIN && v <= INT32_MAX ? (int32_t)v : 0;
        return v >= INT32_MIN && v <= INT32_MAX;
    }
    *value = (double)bits;
    *whole = bits <= INT32_MAX ? (int32_t)bits : 0;
    return bits <= INT32_MAX;
}

/* Where the file's next number belongs in row-major order. at: its indices, which step on to the next. */
static size_t place(const tw_npy *npy, int at[TW_MAX_DIMS]) {
    size_t to = 0;
    for (int k = 0; k < npy->ndim; k++) to = to * (size_t)npy->dim[k] + (size_t)at[k];
    for (int k = 0; k < npy->ndim && ++at[k] == npy->dim[k]; k++) at[k] = 0; /* the first index varies fastest */
    return to;
}

static tw_err read_numbers(reader *r, tw_npy *npy) {
    uint8_t chunk[CHUNK * 8];
    int at[TW_MAX_DIMS] = {0};
    bool fits = npy->integer != NULL;
    for (size_t i = 0; i < npy->size;) {
        size_t n = npy->size - i < CHUNK ? npy->size - i : CHUNK;
        tw_err err = read_bytes(r, chunk, n * (size_t)r->item);
        if (err) return err;
        for (size_t k = 0; k < n; k++, i++) {
            size_t to = r->fortran ? place(npy, at) : i;
            double value;
            int32_t whole;
            fits &= decode(r, chunk + k * (size_t)r->item, &value, &whole);
            if (isfinite(value) && fabs(value) > LARGEST)
                return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: element %zu is %g: too large", r->path, to, value);
            npy->data[to] = (tw_real)value;
            if (npy->integer) npy->integer[to] = whole;
        }
    }
    if (!fits) {
        free(npy->integer);
        npy->integer = NULL;
    }
    return TW_OK;
}

/* As in NumPy, a shape with a 0 must be one without it, too, wherever it stands. */
static bool shape_size(int ndim, const int *dim, size_t *size) {
    int others[TW_MAX_DIMS], n = 0;
    if (ndim > 0 && !dim) return false;
    for (int i = 0; i < ndim && ndim <= TW_MAX_DIMS; i++)
        if (dim[i]) others[n++] = dim[i];
    return tw__shape_size(n, others, size) && tw__shape_size(ndim, dim, size);
}

/* No memory before the file is known to hold what is announced. */
static tw_err load(reader *r, tw_npy *npy) {
    tw_err err = read_header(r, npy);
    if (err) return err;
    tw_tensor shape = {.ndim = npy->ndim};
    memcpy(shape.dim, npy->dim, sizeof npy->dim);
    if (!shape_size(npy->ndim, npy->dim, &npy->size))
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: the shape %s is too large", r->path,
                           tw_describe(r->ctx, &shape));
    if (npy->size != r->left / (unsigned)r->item || r->left % (unsigned)r->item)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: %s numbers of %d bytes are announced, and %llu bytes follow",
                           r->path, tw_describe(r->ctx, &shape), r->item, (unsigned long long)r->left);
    if (!tw__fits_memory(npy->size * (uint64_t)(sizeof *npy->data + (r->kind != 'f') * sizeof *npy->integer)))
        return tw_fail_err(r->ctx, TW_ERR_NOMEM, "%s: %s numbers are more than this machine's memory", r->path,
                           tw_describe(r->ctx, &shape));
    npy->data = malloc((npy->size + !npy->size) * sizeof *npy->data);
    if (r->kind != 'f') npy->integer = malloc((npy->size + !npy->size) * sizeof *npy->integer);
    npy->path = strdup(r->path);
    if (!npy->data || !npy->path || (r->kind != 'f' && !npy->integer))
        return tw_fail_err(r->ctx, TW_ERR_NOMEM, "%s: out of memory for %zu numbers", r->path, npy->size);
    return read_numbers(r, npy);
}

tw_err tw_npy_load(tw_ctx *ctx, const char *path, tw_npy *npy) {
    *npy = (tw_npy){0};
    const char *why;
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    reader r = {.ctx = ctx, .path = path};
    r.file = tw__fopen(path, TW__FILES, &r.left, &why);
    if (!r.file) return tw_fail_err(ctx, tw__os_err(errno), "%s: cannot be opened: %s", path, why);
    tw_err err = load(&r, npy);
    fclose(r.file);
    if (err) tw_npy_free(npy);
    return err;
}

void tw_npy_free(tw_npy *npy) {
    if (!npy) return;
    free(npy->data);
    free(npy->integer);
    free(npy->path);
    *npy = (tw_npy){0};
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* NumPy ends the header with a newline and fills it with spaces, so that the numbers begin on a multiple of 64. */
static size_t write_header(char *to, size_t room, int ndim, const int *dim) {
    size_t start = MAGIC + 4, n = start;
    n += (size_t)snprintf(to + n, room - n, "{'descr': '%s', 'fortran_order': False, 'shape': (", OWN_TYPE);
    for (int i = 0; i < ndim; i++)
        n += (size_t)snprintf(to + n, room - n, i ? " %d%s" : "%d%s", dim[i], i + 1 < ndim || ndim == 1 ? "," : "");
    n += (size_t)snprintf(to + n, room - n, "), }");
    while ((n + 1) % 64) to[n++] = ' ';
    to[n++] = '\n';
    memcpy(to, magic, MAGIC);
    to[MAGIC] = 1;
    to[MAGIC + 1] = 0;
    to[MAGIC + 2] = (char)((n - start) & 255);
    to[MAGIC + 3] = (char)((n - start) >> 8);
    return n;
}

static tw_err write_numbers(tw__atomic *file, const tw_real *data, size_t size) {
    uint8_t chunk[CHUNK * sizeof *data];
    for (size_t i = 0; i < size;) {
        size_t n = size - i < CHUNK ? size - i : CHUNK;
        for (size_t k = 0; k < n; k++) {
            uint8_t bytes[sizeof *data];
            memcpy(bytes, &data[i + k], sizeof bytes);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
            for (size_t b = 0; b < sizeof bytes; b++) chunk[k * sizeof bytes + b] = bytes[sizeof bytes - 1 - b];
#else
            memcpy(chunk + k * sizeof bytes, bytes, sizeof bytes);
#endif
        }
        tw_err err = tw__atomic_write(file, chunk, n * sizeof *data);
        if (err) return err;
        i += n;
    }
    return TW_OK;
}

tw_err tw_npy_save(tw_ctx *ctx, const char *path, const tw_real *data, int ndim, const int *dim) {
    char head[512];
    size_t size;
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    if (!shape_size(ndim, dim, &size) || (size && !data))
        return tw_fail_err(ctx, TW_ERR_SHAPE, "%s: not an array's shape (%d dimensions), or no data", path, ndim);
    tw__atomic file;
    tw_err err = tw__atomic_begin(ctx, path, TW__SYNCED | TW__STREAMS, &file);
    if (!err) err = tw__atomic_write(&file, head, write_header(head, sizeof head, ndim, dim));
    if (!err) err = write_numbers(&file, data, size);
    return err ? err : tw__atomic_commit(&file);
}
