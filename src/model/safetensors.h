/* safetensors.h - reading and writing the format, below models and checkpoints.
 *
 * A file is: the header's length as a little-endian 64-bit number; the header, JSON, padded with spaces so that data
 * begins on a multiple of 8; the tensors' bytes without gaps. The header maps each name to {dtype, shape,
 * data_offsets}, and "__metadata__" to a table of strings.  (github.com/huggingface/safetensors, README) */
#ifndef TW_SAFETENSORS_H
#define TW_SAFETENSORS_H

#include "tensor/internal.h"
#include "tensor/utf8_valid.h"

#include <string.h>
#include <thalweg/model.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are little-endian, and are read and written without swapping bytes"
#endif

/* Names of tensors and metadata that begin so belong to the library. */
#define TW__RESERVED "thalweg."
static inline bool tw__is_reserved(const char *name) { return !strncmp(name, TW__RESERVED, sizeof TW__RESERVED - 1); }

/* The format allows headers of 100 MB; a hundred thousand tensors fit into this. */
enum { TW__LARGEST_HEADER = 16 << 20 };

/* ---- dtype.c: the kinds of numbers in files ------------------------------------------------------------ */
typedef struct tw__dtype {
    const char *name;
    size_t size;
    void (*to_real)(const void *from, size_t n, tw_real *to);
    /* How many of n numbers come before the first finite one that tw_real cannot hold. NULL: it holds them all. */
    size_t (*fit)(const void *from, size_t n);
    /* Rounds to nearest even. Stops at the first number that is not finite or becomes infinite; returns how many were
     * written. NULL: only read. */
    size_t (*from_real)(const tw_real *from, size_t n, void *to);
    double largest; /* finite number that can be written */
} tw__dtype;
const tw__dtype *tw__dtype_find(const char *name); /* NULL: not one we read */
extern const tw__dtype *const tw__dtype_f64, *const tw__dtype_real;

/* ---- meta.c -------------------------------------------------------------------------------------------- */
struct tw_meta {
    tw_ctx *ctx;
    char *source; /* the file it was read from, or NULL */
    struct tw__meta_pair {
        char *key, *value;
    } * pair; /* sorted by key */
    size_t n, room;
};
tw_err tw__meta_put(tw_meta *meta, const char *key, const char *value); /* reserved keys, too */
/* A table in any order: its pairs one after another, then sorted once, for a file may have a million. The sorting
 * gives a key that is there twice, or NULL. */
tw_err tw__meta_append(tw_meta *meta, const char *key, const char *value);
const char *tw__meta_sort(tw_meta *meta);
/* name as it may stand in a message: one line, and not too long. */
enum { TW__SHOWN = 64 };
const char *tw__show(const char *name, char shown[TW__SHOWN]);

/* ---- read.c -------------------------------------------------------------------------------------------- */
typedef struct tw__st_tensor {
    const char *name;
    const tw__dtype *dtype;
    int ndim, dim[TW_MAX_DIMS];
    size_t size;         /* numbers */
    uint64_t begin, end; /* bytes, from the start of the data */
} tw__st_tensor;

typedef struct tw__st_file {
    tw_ctx *ctx;
    const char *path; /* the caller's */
    int fd;
    uint64_t data; /* where the data begins in the file, and how much there is */
    uint64_t data_size;
    struct cJSON *json;    /* holds the names */
    tw__st_tensor *tensor; /* sorted by name */
    size_t n, room;
    tw_meta *meta;
} tw__st_file;

/* Reads and checks the header: afterwards every tensor is known to lie inside the file, apart from the others, with
 * as many bytes as its shape says. */
tw_err tw__st_open(tw_ctx *ctx, const char *path, tw__st_file *file);
void tw__st_close(tw__st_file *file);
const tw__st_tensor *tw__st_find(const tw__st_file *file, const char *name); /* NULL: not there */

typedef struct tw__st_want {
    const tw__st_tensor *from;
    tw_real *to;                /* room for from->size numbers, converted .. */
    double *exactly;            /* .. or an F64 tensor as it is .. */
    const tw__st_tensor *equal; /* .. or nothing is read, only compared with this one: they must have the same bytes */
} tw__st_want;
/* All or nothing: memory is written only when everything has been read. */
tw_err tw__st_read(const tw__st_file *file, size_t n, const tw__st_want *want);

/* ---- write.c ------------------------------------------------------------------------------------------- */
typedef struct tw__st_item {
    const char *name;
    const tw__dtype *dtype;
    int ndim;
    const int *dim;
    size_t size; /* numbers */
    const void *data;
} tw__st_item;
/* Names are UTF-8. Sorts the items: the widest numbers first (so that all are aligned), then by name. The same content
 * gives the same bytes. Atomic. */
tw_err tw__st_write(tw_ctx *ctx, const char *path, size_t n, tw__st_item *item, const tw_meta *meta);

#endif
