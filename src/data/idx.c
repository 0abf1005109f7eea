/* idx.c - IDX files, the format of MNIST: two zero bytes, a type, the number of dimensions, each dimension as four
 * big-endian bytes, then the values row-major. zlib reads raw and gzipped files through the same calls. */
#include "tensor/file.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/data.h>
#include <thalweg/extend.h>

#include "tensor/internal.h"
#include <unistd.h>
#include <zlib.h>

enum { FIRST_BLOCK = 1 << 20, UNSIGNED_BYTE = 0x08 };

typedef struct reader {
    tw_ctx *ctx;
    const char *path;
    gzFile file;
    uint64_t size; /* of the file; UINT64_MAX: not known */
} reader;

/* ---- bytes ----------------------------------------------------------------------------------------------- */

/* After a read that came back short: the plain end of the file is no error. */
static tw_err why_short(const reader *r) {
    int code, system = errno;
    const char *why = gzerror(r->file, &code);
    long long at = (long long)gztell(r->file);
    if (code == Z_OK || code == Z_STREAM_END) return TW_OK;
    if (code == Z_ERRNO)
        return tw_fail_err(r->ctx, tw__os_err(system), "%s: cannot be read: %s", r->path, strerror(system));
    if (code == Z_MEM_ERROR) return tw_fail_err(r->ctx, TW_ERR_NOMEM, "%s: out of memory", r->path);
    if (code == Z_BUF_ERROR)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: the gzip stream breaks off after %lld bytes of data", r->path,
                           at);
    const char *reason = strrchr(why, ':'); /* zlib puts the path before it */
    return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: damaged gzip stream after %lld bytes of data:%s", r->path, at,
                       reason ? reason + 1 : why);
}

/* Reads size bytes, or as many as there are. */
static tw_err read_bytes(const reader *r, uint8_t *to, size_t size, size_t *got) {
    *got = 0;
    while (*got < size) {
        unsigned ask = size - *got > INT_MAX ? INT_MAX : (unsigned)(size - *got);
        errno = 0;
        int n = gzread(r->file, to + *got, ask);
        if (n > 0) *got += (size_t)n;
        if (n != (int)ask) return why_short(r);
    }
    return TW_OK;
}

/* ---- the header ------------------------------------------------------------------------------------------ */

static const char *type_name(int type) {
    switch (type) {
    case 0x09: return "signed bytes";
    case 0x0b: return "2-byte integers";
    case 0x0c: return "4-byte integers";
    case 0x0d: return "4-byte floats";
    case 0x0e: return "8-byte floats";
    }
    return "values of an unknown type";
}

/* "60000x28x28" */
static const char *shape_text(const tw_idx *idx, char *text, size_t size) {
    size_t at = 0;
    for (int i = 0; i < idx->ndim && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, i ? "x%d" : "%d", idx->dim[i]);
    return text;
}

static tw_err read_header(const reader *r, tw_idx *idx) {
    uint8_t head[4 + 4 * TW_MAX_DIMS];
    size_t got;
    tw_err err = read_bytes(r, head, 4, &got);
    if (err) return err;
    if (got < 4)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: not an IDX file: %zu bytes, too short for a header", r->path,
                           got);
    if (head[0] || head[1])
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s: not an IDX file: it begins with the bytes %02x %02x %02x %02x, not 00 00 08", r->path,
                           head[0], head[1], head[2], head[3]);
    if (head[2] != UNSIGNED_BYTE)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: holds %s (IDX type 0x%02x); only unsigned bytes (0x08) are read",
                           r->path, type_name(head[2]), head[2]);
    if (head[3] < 1 || head[3] > TW_MAX_DIMS)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: the IDX header announces %d dimensions; 1 to %d are read",
                           r->path, head[3], TW_MAX_DIMS);
    idx->ndim = head[3];
    size_t bytes = 4 * (size_t)idx->ndim;
    if ((err = read_bytes(r, head + 4, bytes, &got))) return err;
    if (got < bytes)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: ends in the IDX header, after %zu of its %zu bytes", r->path,
                           4 + got, 4 + bytes);
    idx->size = 1;
    for (int i = 0; i < idx->ndim; i++) {
        const uint8_t *b = head + 4 + 4 * i;
        uint32_t n = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (n > INT_MAX || (n && idx->size > PTRDIFF_MAX / n))
            return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: dimension %d in the IDX header is %lu: too large", r->path,
                               i, (unsigned long)n);
        idx->dim[i] = (int)n;
        idx->size *= n;
    }
    return TW_OK;
}

/* ---- the values ------------------------------------------------------------------------------------------ */

/* Deflate makes at most 1032 bytes of one, so a file's size says how much it can hold. */
enum { MOST_DEFLATED = 1032 };

/* Can the file hold what the header announces, and the machine? Before any of it is read. */
static tw_err check_size(const reader *r, const tw_idx *idx) {
    char shape[80];
    shape_text(idx, shape, sizeof shape);
    uint64_t header = 4 + 4 * (uint64_t)idx->ndim, most = UINT64_MAX;
    bool plain = gzdirect(r->file);
    if (r->size < UINT64_MAX / MOST_DEFLATED) most = plain ? r->size - header : r->size * MOST_DEFLATED;
    if (idx->size > most && plain)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s: the IDX header announces %s = %zu bytes of data, and only %llu follow", r->path, shape,
                           idx->size, (unsigned long long)most);
    if (idx->size > most)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s: the IDX header announces %s = %zu bytes of data, more than a gzip file of %llu bytes "
                           "can hold",
                           r->path, shape, idx->size, (unsigned long long)r->size);
    if (!tw__fits_memory(idx->size))
        return tw_fail_err(r->ctx, TW_ERR_NOMEM, "%s: %s = %zu bytes are more than this machine's memory", r->path,
                           shape, idx->size);
    return TW_OK;
}

/* Memory grows as data really arrives, so a header that lies costs at most twice what the file holds. */
static tw_err read_values(const reader *r, tw_idx *idx) {
    size_t room = 0, have = 0, got = 0;
    char shape[80];
    tw_err checked = check_size(r, idx);
    if (checked) return checked;
    do {
        room = room ? (room > idx->size / 2 ? idx->size : 2 * room) : idx->size < FIRST_BLOCK ? idx->size : FIRST_BLOCK;
        uint8_t *grown = realloc(idx->data, room + 1); /* one more: even no data is not NULL */
        if (!grown) return tw_fail_err(r->ctx, TW_ERR_NOMEM, "%s: out of memory for %zu bytes", r->path, room);
        idx->data = grown;
        tw_err err = read_bytes(r, idx->data + have, room - have, &got);
        if (err) return err;
        have += got;
    } while (have == room && have < idx->size);
    if (have < idx->size)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s: the IDX header announces %s = %zu bytes of data, and only %zu follow", r->path,
                           shape_text(idx, shape, sizeof shape), idx->size, have);
    uint8_t more;
    tw_err err = read_bytes(r, &more, 1, &got); /* also makes zlib compare the check sum at the end */
    if (err) return err;
    if (got)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s: more data follows the %s = %zu bytes that the IDX header announces", r->path,
                           shape_text(idx, shape, sizeof shape), idx->size);
    return TW_OK;
}

tw_err tw_idx_load(tw_ctx *ctx, const char *path, tw_idx *idx) {
    *idx = (tw_idx){0};
    const char *why;
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    reader r = {.ctx = ctx, .path = path};
    int fd = tw__open(path, TW__PIPES, &r.size, &why);
    if (fd < 0) return tw_fail_err(ctx, tw__os_err(errno), "%s: cannot be opened: %s", path, why);
    r.file = gzdopen(fd, "rb");
    if (!r.file) {
        close(fd);
        return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    }
    gzbuffer(r.file, 1 << 17);
    tw_err err = read_header(&r, idx);
    if (!err) err = read_values(&r, idx);
    gzclose_r(r.file);
    if (!err && !(idx->path = strdup(path))) err = tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    if (err) tw_idx_free(idx);
    return err;
}

/* ---- the usual names ------------------------------------------------------------------------------------- */

tw_err tw_idx_find(tw_ctx *ctx, const char *dir, const char *stem, int ndim, tw_idx *idx) {
    *idx = (tw_idx){0};
    if (tw__check_path(ctx, dir) || tw__check_path(ctx, stem)) return TW_ERR_IO;
    size_t size = strlen(dir) + strlen(stem) + 32;
    char *path = malloc(size);
    if (!path) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s/%s: out of memory", dir, stem);
    tw_err err = TW_ERR_IO;
    bool found = false;
    for (int i = 0; i < 4 && !found; i++) {
        snprintf(path, size, "%s/%s%cidx%d-ubyte%s", dir, stem, i & 2 ? '.' : '-', ndim, i & 1 ? ".gz" : "");
        found = !access(path, F_OK) || (errno != ENOENT && errno != ENOTDIR);
    }
    if (!found) {
        tw_fail(ctx, err, "%s: holds none of %s-idx%d-ubyte, %s-idx%d-ubyte.gz, %s.idx%d-ubyte, %s.idx%d-ubyte.gz", dir,
                stem, ndim, stem, ndim, stem, ndim, stem, ndim);
    } else if (!(err = tw_idx_load(ctx, path, idx)) && idx->ndim != ndim) {
        err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: has %d dimensions where its name says %d", path, idx->ndim, ndim);
        tw_idx_free(idx);
    }
    free(path);
    return err;
}

void tw_idx_free(tw_idx *idx) {
    if (!idx) return;
    free(idx->data);
    free(idx->path);
    *idx = (tw_idx){0};
}

void tw_idx_mean_std(const tw_idx *idx, double *mean, double *std) {
    size_t count[256] = {0}; /* exact, whatever the order */
    for (size_t i = 0; i < idx->size; i++) count[idx->data[i]]++;
    double n = idx->size ? (double)idx->size : 1, sum = 0, square = 0;
    for (int v = 0; v < 256; v++) sum += (double)count[v] * v / 255;
    *mean = sum / n;
    for (int v = 0; v < 256; v++) square += (double)count[v] * (v / 255.0 - *mean) * (v / 255.0 - *mean);
    *std = sqrt(square / n);
}
