/* read.c - reading safetensors files that may be broken or hostile.
 *
 * Nothing in the header is believed: every number is checked before it is used, and the data is looked at only when
 * the whole header has proved to be consistent with the file's size. */
#include "model/safetensors.h"
#include "tensor/file.h"

#include <cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- bytes --------------------------------------------------------------------------------------------- */

static tw_err read_at(const tw__st_file *file, uint64_t at, void *to, uint64_t n) {
    for (char *p = to; n;) {
        ssize_t done = pread(file->fd, p, n < 1u << 30 ? n : 1u << 30, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0)
            return tw_fail_err(file->ctx, tw__os_err(errno), "%s: cannot read: %s", file->path, strerror(errno));
        if (!done)
            return tw_fail_err(file->ctx, TW_ERR_IO, "%s: the file became shorter while it was read", file->path);
        p += done;
        at += (uint64_t)done;
        n -= (uint64_t)done;
    }
    return TW_OK;
}

/* The header as a string, in memory from the context that the caller frees with *bytes. */
static tw_err load_header(tw__st_file *file, char **header, size_t *bytes) {
    tw_ctx *ctx = file->ctx;
    uint64_t length, size;
    const char *why;
    file->fd = tw__open(file->path, TW__FILES, &size, &why);
    if (file->fd < 0) return tw_fail_err(ctx, tw__os_err(errno), "%s: cannot be opened: %s", file->path, why);
    if (size < 8)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: %" PRIu64 " bytes are too few for a safetensors file", file->path,
                           size);
    tw_err err = read_at(file, 0, &length, 8);
    if (err) return err;
    if (length > size - 8)
        return tw_fail_err(ctx, TW_ERR_FORMAT,
                           "%s: cut short, or not a safetensors file: a header of %" PRIu64
                           " bytes in a file of %" PRIu64,
                           file->path, length, size);
    if (length > TW__LARGEST_HEADER)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: a header of %" PRIu64 " bytes is more than the %d that are allowed",
                           file->path, length, (int)TW__LARGEST_HEADER);
    file->data = 8 + length;
    file->data_size = size - file->data;
    *bytes = (size_t)length + 1;
    *header = tw__malloc(ctx, *bytes);
    if (!*header) return TW_ERR_NOMEM;
    (*header)[length] = 0;
    return read_at(file, 8, *header, length);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

/* Each value takes some hundred bytes once it is parsed, and two in the file: as many as the largest models need. */
enum { MOST_VALUES = 1 << 20 };

/* The commas that are not in strings. */
static size_t count_commas(const char *json) {
    size_t n = 0;
    bool quoted = false;
    for (const char *p = json; *p; p++) {
        if (quoted && *p == '\\' && p[1]) p++;
        else if (*p == '"') quoted = !quoted;
        else n += !quoted && *p == ',';
    }
    return n;
}

/* Is there a "\u0000" in a string? cJSON ends the string there, and a value or a name would be cut. */
static bool has_nul(const char *json) {
    for (const char *p = strchr(json, '\\'); p && p[1]; p = strchr(p + 2, '\\'))
        if (!strncmp(p + 1, "u0000", 5)) return true;
    return false;
}

static tw_err parse_header(tw__st_file *file, const char *header, size_t length) {
    tw_ctx *ctx = file->ctx;
    const char *end = NULL;
    if (header[0] != '{' || tw__utf8_valid(header, length) != length)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: the header is not a JSON object in UTF-8", file->path);
    if (has_nul(header))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: a string of the header has a NUL character", file->path);
    size_t values = count_commas(header);
    if (values > MOST_VALUES)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: the header has %zu values; at most %d are read", file->path, values,
                           MOST_VALUES);
    errno = 0; /* cJSON does not say whether it has failed for lack of memory; malloc does */
    file->json = cJSON_ParseWithOpts(header, &end, 0);
    if (!file->json && errno == ENOMEM)
        return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory for the file's header", file->path);
    if (!file->json)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: the header is not JSON near its byte %zu", file->path,
                           end ? (size_t)(end - header) : 0);
    end += strspn(end, " \t\r\n");
    if (*end)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: something follows the header's JSON at byte %zu", file->path,
                           (size_t)(end - header));
    return TW_OK;
}

/* A whole number that a double holds exactly. */
static bool whole(const cJSON *item, uint64_t *value) {
    double d = item->valuedouble;
    if (!cJSON_IsNumber(item) || !(d >= 0 && d <= 0x1p53) || d != floor(d)) return false;
    *value = (uint64_t)d;
    return true;
}

/* The one member called key; NULL when there is none or more than one. */
static const cJSON *only(const cJSON *object, const char *key) {
    const cJSON *found = NULL, *item;
    cJSON_ArrayForEach(item, object) {
        if (strcmp(item->string, key)) continue;
        if (found) return NULL;
        found = item;
    }
    return found;
}

static tw_err parse_shape(const tw__st_file *file, const cJSON *shape, tw__st_tensor *t) {
    char shown[TW__SHOWN];
    const cJSON *item;
    uint64_t dim, size = 1;
    bool ok = cJSON_IsArray(shape);
    if (ok) cJSON_ArrayForEach(item, shape) {
            ok = ok && whole(item, &dim) && dim <= INT_MAX && t->ndim < TW_MAX_DIMS &&
                size <= (UINT64_MAX >> 4) / (dim + !dim);
            if (!ok) break;
            t->dim[t->ndim++] = (int)dim;
            size *= dim;
        }
    if (!ok || size > SIZE_MAX / 64)
        return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: \"%s\" has no shape of at most %d dimensions", file->path,
                           tw__show(t->name, shown), TW_MAX_DIMS);
    t->size = (size_t)size;
    return TW_OK;
}

static tw_err parse_tensor(const tw__st_file *file, const cJSON *entry, tw__st_tensor *t) {
    tw_ctx *ctx = file->ctx;
    char shown[TW__SHOWN], type[TW__SHOWN];
    *t = (tw__st_tensor){.name = entry->string};
    tw__show(t->name, shown);
    if (!cJSON_IsObject(entry))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: the entry \"%s\" does not describe a tensor", file->path, shown);
    const cJSON *dtype = only(entry, "dtype"), *offsets = only(entry, "data_offsets");
    if (!cJSON_IsString(dtype)) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" has no dtype", file->path, shown);
    t->dtype = tw__dtype_find(dtype->valuestring);
    if (!t->dtype)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" has the dtype %s, which is not supported", file->path, shown,
                           tw__show(dtype->valuestring, type));
    tw_err err = parse_shape(file, only(entry, "shape"), t);
    if (err) return err;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 || !whole(offsets->child, &t->begin) ||
        !whole(offsets->child->next, &t->end) || t->begin > t->end)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" has no data_offsets [begin, end]", file->path, shown);
    if (t->end > file->data_size)
        return tw_fail_err(ctx, TW_ERR_FORMAT,
                           "%s: cut short: \"%s\" ends at byte %" PRIu64 " of the data, which has %" PRIu64, file->path,
                           shown, t->end, file->data_size);
    if (t->end - t->begin != t->size * t->dtype->size)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" has %" PRIu64 " bytes, and its shape and dtype say %zu",
                           file->path, shown, t->end - t->begin, t->size * t->dtype->size);
    return TW_OK;
}

static tw_err parse_meta(tw__st_file *file, const cJSON *table) {
    char shown[TW__SHOWN];
    const cJSON *item;
    if (!cJSON_IsObject(table))
        return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: __metadata__ is not a table of strings", file->path);
    cJSON_ArrayForEach(item, table) {
        tw__show(item->string, shown);
        if (!cJSON_IsString(item))
            return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: metadata \"%s\" is not a string", file->path, shown);
        tw_err err = tw__meta_append(file->meta, item->string, item->valuestring);
        if (err) return err;
    }
    const char *twice = tw__meta_sort(file->meta);
    if (!twice) return TW_OK;
    return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: metadata \"%s\" is there twice", file->path,
                       tw__show(twice, shown));
}

/* ---- the whole header ---------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b) {
    const tw__st_tensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const tw__st_tensor *)a)->name, ((const tw__st_tensor *)b)->name);
}

/* The tensors must fill the data from end to end, and each name may come once. */
static tw_err check_together(tw__st_file *file) {
    tw_ctx *ctx = file->ctx;
    char shown[TW__SHOWN];
    uint64_t at = 0;
    if (file->n) qsort(file->tensor, file->n, sizeof *file->tensor, by_place);
    for (size_t i = 0; i < file->n; i++) {
        const tw__st_tensor *t = &file->tensor[i];
        if (t->begin != at)
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" %s", file->path, tw__show(t->name, shown),
                               t->begin < at ? "overlaps another tensor" : "begins after a hole in the data");
        at = t->end;
    }
    if (at != file->data_size)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: %" PRIu64 " bytes of data belong to no tensor", file->path,
                           file->data_size - at);
    if (file->n) qsort(file->tensor, file->n, sizeof *file->tensor, by_name);
    for (size_t i = 1; i < file->n; i++)
        if (!by_name(&file->tensor[i - 1], &file->tensor[i]))
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" is there twice", file->path,
                               tw__show(file->tensor[i].name, shown));
    return TW_OK;
}

static tw_err parse_entries(tw__st_file *file) {
    const cJSON *item;
    size_t n = (size_t)cJSON_GetArraySize(file->json);
    bool meta = false;
    file->tensor = tw__malloc(file->ctx, n * sizeof *file->tensor);
    file->room = n;
    if (!file->tensor) return TW_ERR_NOMEM;
    cJSON_ArrayForEach(item, file->json) {
        bool is_meta = !strcmp(item->string, "__metadata__");
        if (is_meta && meta)
            return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: __metadata__ is there twice", file->path);
        tw_err err = is_meta ? parse_meta(file, item) : parse_tensor(file, item, &file->tensor[file->n]);
        if (err) return err;
        file->n += !is_meta;
        meta = meta || is_meta;
    }
    return check_together(file);
}

tw_err tw__st_open(tw_ctx *ctx, const char *path, tw__st_file *file) {
    char *header = NULL;
    size_t bytes = 0;
    *file = (tw__st_file){.ctx = ctx, .path = path, .fd = -1};
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    file->meta = tw_meta_new(ctx);
    if (file->meta) file->meta->source = tw__strdup(ctx, path);
    tw_err err = file->meta && file->meta->source ? TW_OK : TW_ERR_NOMEM;
    if (!err) err = load_header(file, &header, &bytes);
    if (!err) err = parse_header(file, header, bytes - 1);
    tw__free(ctx, header, bytes);
    if (!err) err = parse_entries(file);
    if (err) tw__st_close(file);
    return err;
}

void tw__st_close(tw__st_file *file) {
    if (file->fd >= 0) close(file->fd);
    cJSON_Delete(file->json);
    tw__free(file->ctx, file->tensor, file->room * sizeof *file->tensor);
    tw_meta_free(file->meta);
    *file = (tw__st_file){.fd = -1};
}

const tw__st_tensor *tw__st_find(const tw__st_file *file, const char *name) {
    tw__st_tensor key = {.name = name};
    return file->n ? bsearch(&key, file->tensor, file->n, sizeof key, by_name) : NULL;
}

/* ---- the data ------------------------------------------------------------------------------------------ */

static size_t bytes_of(const tw__st_tensor *t) { return t->size * t->dtype->size; }

/* Infinities and NaNs are read as they are: a model may hold them. What was finite must not become one of them. */
static tw_err check_fits(const tw__st_file *file, const tw__st_tensor *t, const char *bytes) {
    char shown[TW__SHOWN];
    size_t fit = t->dtype->fit ? t->dtype->fit(bytes, t->size) : t->size;
    double value;
    if (fit == t->size) return TW_OK;
    memcpy(&value, bytes + fit * sizeof value, sizeof value);
    return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: \"%s\" has %g at element %zu, which is too large for a float",
                       file->path, tw__show(t->name, shown), value, fit);
}

/* Reads everything into one block, compares, and only then writes to where it is wanted. */
static tw_err read_staged(const tw__st_file *file, size_t n, const tw__st_want *want, char *stage) {
    char *at = stage;
    for (size_t i = 0; i < n; at += bytes_of(want[i++].from)) {
        tw_err err = read_at(file, file->data + want[i].from->begin, at, bytes_of(want[i].from));
        if (!err && want[i].to) err = check_fits(file, want[i].from, at);
        if (err) return err;
    }
    const char *left = stage;
    for (size_t i = 0; i < n; left += bytes_of(want[i++].from)) {
        const char *right = stage;
        char a[TW__SHOWN], b[TW__SHOWN];
        if (!want[i].equal) continue;
        for (size_t k = 0; want[k].from != want[i].equal; k++) right += bytes_of(want[k].from);
        if (want[i].from->dtype != want[i].equal->dtype || memcmp(left, right, bytes_of(want[i].from)))
            return tw_fail_err(file->ctx, TW_ERR_FORMAT,
                               "%s: \"%s\" and \"%s\" are one parameter, but have different values", file->path,
                               tw__show(want[i].from->name, a), tw__show(want[i].equal->name, b));
    }
    at = stage;
    for (size_t i = 0; i < n; at += bytes_of(want[i++].from)) {
        if (want[i].to) want[i].from->dtype->to_real(at, want[i].from->size, want[i].to);
        if (want[i].exactly) memcpy(want[i].exactly, at, bytes_of(want[i].from));
    }
    return TW_OK;
}

tw_err tw__st_read(const tw__st_file *file, size_t n, const tw__st_want *want) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += bytes_of(want[i].from);
    char *stage = tw__malloc(file->ctx, bytes);
    if (!stage) return TW_ERR_NOMEM;
    tw_err err = read_staged(file, n, want, stage);
    tw__free(file->ctx, stage, bytes);
    return err;
}
