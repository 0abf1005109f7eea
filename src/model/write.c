/* write.c - writing safetensors files. */
#include "model/safetensors.h"
#include "tensor/atomic.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    const tw__st_item *x = a, *y = b;
    if (x->dtype->size != y->dtype->size) return x->dtype->size > y->dtype->size ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool add_number(cJSON *array, double value) {
    cJSON *number = cJSON_CreateNumber(value);
    if (number && cJSON_AddItemToArray(array, number)) return true;
    cJSON_Delete(number);
    return false;
}

static bool add_tensor(cJSON *root, const tw__st_item *item, double begin, double end) {
    cJSON *entry = cJSON_AddObjectToObject(root, item->name);
    if (!entry || !cJSON_AddStringToObject(entry, "dtype", item->dtype->name)) return false;
    cJSON *shape = cJSON_AddArrayToObject(entry, "shape");
    for (int i = 0; shape && i < item->ndim; i++)
        if (!add_number(shape, item->dim[i])) return false;
    cJSON *offsets = shape ? cJSON_AddArrayToObject(entry, "data_offsets") : NULL;
    return offsets && add_number(offsets, begin) && add_number(offsets, end);
}

/* The header as JSON, from malloc; NULL: out of memory. */
static char *make_header(size_t n, const tw__st_item *item, const tw_meta *meta) {
    cJSON *root = cJSON_CreateObject();
    cJSON *table = root && meta && meta->n ? cJSON_AddObjectToObject(root, "__metadata__") : NULL;
    bool ok = root && (table || !meta || !meta->n);
    for (size_t i = 0; ok && table && i < meta->n; i++)
        ok = cJSON_AddStringToObject(table, meta->pair[i].key, meta->pair[i].value);
    double at = 0; /* exact: no file comes near 2^53 bytes */
    for (size_t i = 0; ok && i < n; i++) {
        double end = at + (double)(item[i].size * item[i].dtype->size);
        ok = add_tensor(root, &item[i], at, end);
        at = end;
    }
    char *text = ok ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text;
}

static tw_err write_all(tw__atomic *file, const char *header, size_t n, const tw__st_item *item) {
    size_t length = strlen(header), padding = (8 - length % 8) % 8;
    uint64_t total = length + padding;
    tw_err err = tw__atomic_write(file, &total, sizeof total);
    if (!err) err = tw__atomic_write(file, header, length);
    if (!err) err = tw__atomic_write(file, "        ", padding);
    for (size_t i = 0; !err && i < n; i++)
        err = tw__atomic_write(file, item[i].data, item[i].size * item[i].dtype->size);
    return err ? err : tw__atomic_commit(file);
}

tw_err tw__st_write(tw_ctx *ctx, const char *path, size_t n, tw__st_item *item, const tw_meta *meta) {
    if (n) qsort(item, n, sizeof *item, compare);
    char *header = make_header(n, item, meta);
    if (!header) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory for the file's header", path);
    tw__atomic file;
    tw_err err = strlen(header) <= TW__LARGEST_HEADER - 8
        ? tw__atomic_begin(ctx, path, TW__SYNCED, &file)
        : tw_fail_err(ctx, TW_ERR_RANGE, "%s: cannot write: %zu bytes of names and metadata are too many", path,
                      strlen(header));
    if (!err) err = write_all(&file, header, n, item);
    cJSON_free(header);
    return err;
}
