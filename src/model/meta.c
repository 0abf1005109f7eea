/* meta.c - metadata of a model file: strings by name. */
#include "model/safetensors.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---------------------------------------------------------------------------------------------- */

static bool is_utf8(const char *text) { return tw__utf8_valid(text, strlen(text)) == strlen(text); }

const char *tw__show(const char *name, char shown[TW__SHOWN]) {
    size_t n = strlen(name);
    if (n > TW__SHOWN - 4) n = TW__SHOWN - 4;
    while (n && ((unsigned char)name[n] & 0xc0) == 0x80) n--; /* never half a character */
    for (size_t i = 0; i < n; i++) shown[i] = name[i];
    strcpy(shown + n, name[n] ? "..." : "");
    for (char *c = shown; *c; c++)
        if (iscntrl((unsigned char)*c)) *c = '?';
    return shown;
}

/* ---- the table ----------------------------------------------------------------------------------------- */

tw_meta *tw_meta_new(tw_ctx *ctx) {
    tw_meta *meta = tw__calloc(ctx, sizeof *meta);
    if (meta) meta->ctx = ctx;
    return meta;
}

static void free_string(tw_ctx *ctx, char *s) {
    if (s) tw__free(ctx, s, strlen(s) + 1);
}

void tw_meta_free(tw_meta *meta) {
    if (!meta) return;
    for (size_t i = 0; i < meta->n; i++) {
        free_string(meta->ctx, meta->pair[i].key);
        free_string(meta->ctx, meta->pair[i].value);
    }
    tw__free(meta->ctx, meta->pair, meta->room * sizeof *meta->pair);
    free_string(meta->ctx, meta->source);
    tw__free(meta->ctx, meta, sizeof *meta);
}

/* Where key is, or would be inserted. */
static size_t place(const tw_meta *meta, const char *key) {
    size_t low = 0, high = meta->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(meta->pair[middle].key, key) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool is_at(const tw_meta *meta, size_t i, const char *key) {
    return i < meta->n && !strcmp(meta->pair[i].key, key);
}

static tw_err make_room(tw_meta *meta) {
    if (meta->n < meta->room) return TW_OK;
    size_t room = 2 * meta->room + 8;
    struct tw__meta_pair *larger = tw__malloc(meta->ctx, room * sizeof *larger);
    if (!larger) return TW_ERR_NOMEM;
    if (meta->n) memcpy(larger, meta->pair, meta->n * sizeof *larger);
    tw__free(meta->ctx, meta->pair, meta->room * sizeof *larger);
    meta->pair = larger;
    meta->room = room;
    return TW_OK;
}

static tw_err insert(tw_meta *meta, size_t at, const char *key, const char *value) {
    tw_ctx *ctx = meta->ctx;
    if (make_room(meta)) return TW_ERR_NOMEM;
    char *value_copy = tw__strdup(ctx, value), *key_copy = value_copy ? tw__strdup(ctx, key) : NULL;
    if (!key_copy) {
        free_string(ctx, value_copy);
        return TW_ERR_NOMEM;
    }
    memmove(meta->pair + at + 1, meta->pair + at, (meta->n - at) * sizeof *meta->pair);
    meta->pair[at] = (struct tw__meta_pair){key_copy, value_copy};
    meta->n++;
    return TW_OK;
}

tw_err tw__meta_put(tw_meta *meta, const char *key, const char *value) {
    size_t at = place(meta, key);
    if (!is_at(meta, at, key)) return insert(meta, at, key, value);
    char *copy = tw__strdup(meta->ctx, value);
    if (!copy) return TW_ERR_NOMEM;
    free_string(meta->ctx, meta->pair[at].value);
    meta->pair[at].value = copy;
    return TW_OK;
}

tw_err tw__meta_append(tw_meta *meta, const char *key, const char *value) { return insert(meta, meta->n, key, value); }

static int by_key(const void *a, const void *b) {
    return strcmp(((const struct tw__meta_pair *)a)->key, ((const struct tw__meta_pair *)b)->key);
}

const char *tw__meta_sort(tw_meta *meta) {
    if (meta->n) qsort(meta->pair, meta->n, sizeof *meta->pair, by_key);
    for (size_t i = 1; i < meta->n; i++)
        if (!by_key(&meta->pair[i - 1], &meta->pair[i])) return meta->pair[i].key;
    return NULL;
}

tw_err tw_meta_set(tw_meta *meta, const char *key, const char *value) {
    if (!meta) return TW_ERR_STATE;
    char shown[TW__SHOWN];
    if (!key || !value) return tw_fail_err(meta->ctx, TW_ERR_RANGE, "metadata: the %s is NULL", key ? "value" : "key");
    if (!*key || tw__is_reserved(key))
        return tw_fail_err(meta->ctx, TW_ERR_RANGE, "\"%s\" cannot be a key of metadata: %s", tw__show(key, shown),
                           *key ? "names that begin with " TW__RESERVED " are the library's" : "it is empty");
    if (!is_utf8(key) || !is_utf8(value))
        return tw_fail_err(meta->ctx, TW_ERR_RANGE, "metadata \"%s\" is not valid UTF-8", tw__show(key, shown));
    return tw__meta_put(meta, key, value);
}

tw_err tw_meta_setf(tw_meta *meta, const char *key, const char *format, ...) {
    if (!meta) return TW_ERR_STATE;
    if (!format) return tw_fail_err(meta->ctx, TW_ERR_RANGE, "metadata: the format of a value is NULL");
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t bytes = n < 0 ? 1 : (size_t)n + 1;
    char *text = tw__malloc(meta->ctx, bytes);
    if (text) vsnprintf(text, bytes, format, again);
    va_end(again);
    tw_err err = text ? tw_meta_set(meta, key, text) : TW_ERR_NOMEM;
    tw__free(meta->ctx, text, bytes);
    return err;
}

const char *tw_meta_get(const tw_meta *meta, const char *key) {
    if (!meta || !key) return NULL;
    size_t at = place(meta, key);
    return is_at(meta, at, key) ? meta->pair[at].value : NULL;
}

tw_err tw_meta_int(const tw_meta *meta, const char *key, int64_t min, int64_t max, int64_t *value) {
    if (!meta) return TW_ERR_STATE;
    if (!key) return tw_fail_err(meta->ctx, TW_ERR_RANGE, "metadata: the key is NULL");
    const char *text = tw_meta_get(meta, key), *source = meta->source ? meta->source : "metadata";
    char shown[TW__SHOWN], *end;
    if (!text) return tw_fail_err(meta->ctx, TW_ERR_FORMAT, "%s: the entry \"%s\" is missing", source, key);
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool plain = isdigit((unsigned char)text[*text == '-']); /* no blanks and no plus sign before the digits */
    if (!plain || *end || errno || number < min || number > max)
        return tw_fail_err(meta->ctx, TW_ERR_FORMAT,
                           "%s: \"%s\" must be a whole number from %" PRId64 " to %" PRId64 ", not \"%s\"", source, key,
                           min, max, tw__show(text, shown));
    *value = number;
    return TW_OK;
}

tw_err tw_meta_load(tw_ctx *ctx, const char *path, tw_meta **meta) {
    tw__st_file file;
    *meta = NULL;
    tw_err err = tw__st_open(ctx, path, &file);
    if (err) return err;
    *meta = file.meta;
    file.meta = NULL;
    tw__st_close(&file);
    return TW_OK;
}
