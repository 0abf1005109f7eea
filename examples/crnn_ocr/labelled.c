/* labelled.c - see labelled.h. */
#include "labelled.h"

#include "picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>

#include "../common/cli.h"
#include "../common/utf8.h"

/* Opening a pipe would wait for whoever writes into it. */
static tw_err check_files(tw_ctx *ctx, const tw_tsv *tsv) {
    struct stat about;
    for (size_t i = 0; i < tsv->n; i++) {
        const tw_tsv_row *row = &tsv->row[i];
        const char *what = NULL;
        if (stat(row->path, &about)) what = strerror(errno);
        else if (S_ISDIR(about.st_mode)) what = "is a folder";
        else if (!S_ISREG(about.st_mode)) what = "is not a regular file";
        if (what) return tw_fail_err(ctx, TW_ERR_IO, "%s:%d: %s: %s", tsv->path, row->line, row->path, what);
        tw_err err = cli_check_read(ctx, row->path);
        if (err) return err;
    }
    return TW_OK;
}

tw_err labelled_load(tw_ctx *ctx, const char *labels, const char *images, labelled *data) {
    *data = (labelled){0};
    tw_err err = tw_tsv_load(ctx, labels, &data->tsv);
    if (!err && images) {
        err = tw_idx_load(ctx, images, &data->images);
        if (!err && data->images.ndim != 3)
            err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: pictures have 3 dimensions, this file has %d", images,
                              data->images.ndim);
        if (!err && (size_t)data->images.dim[0] != data->tsv.n)
            err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s labels %zu pictures, but there are %d in %s", labels, data->tsv.n,
                              data->images.dim[0], images);
    }
    if (!err && !images) err = check_files(ctx, &data->tsv);
    if (!err && data->tsv.n == 0) err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: there is no picture in it", labels);
    if (err) labelled_free(data);
    return err;
}

/* ---- a part put aside ------------------------------------------------------------------------------------ */

/* FNV-1a, begun with NO_TEXT or gone on with. */
#define NO_TEXT UINT64_C(0xcbf29ce484222325)
static uint64_t hash_text(uint64_t h, const char *s) {
    for (; *s; s++) h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    return h;
}

uint64_t labelled_hash(const labelled *data) {
    uint64_t h = NO_TEXT;
    for (size_t i = 0; i < data->tsv.n; i++) h = hash_text(hash_text(h, data->tsv.row[i].text), "\n");
    return h;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* key[i] of each row, and the largest key of those that go. Names are taken as they stand in the TSV: the part does not
 * depend on the folder that it is called from or lies in. */
static uint64_t *draw_keys(const labelled *data, double part, uint64_t seed, uint64_t *most) {
    size_t n = data->tsv.n, take = (size_t)(part * (double)n + 0.5);
    uint64_t *key = malloc(2 * n * sizeof *key), *sorted = key ? key + n : NULL;
    if (!key) return NULL;
    uint64_t stream = tw_random_bits(seed, 0x73706c6974u);
    for (size_t i = 0; i < n; i++)
        key[i] = tw_random_bits(stream, data->images.ndim ? i : hash_text(NO_TEXT, data->tsv.row[i].name));
    memcpy(sorted, key, n * sizeof *key);
    qsort(sorted, n, sizeof *sorted, by_value);
    *most = sorted[take < 1 ? 0 : take >= n ? n - 1 : take - 1];
    return key;
}

tw_err labelled_split(tw_ctx *ctx, labelled *data, double part, uint64_t seed, labelled *other) {
    *other = (labelled){0};
    size_t n = data->tsv.n, kept = 0, gone = 0;
    size_t pixels = data->images.ndim ? (size_t)data->images.dim[1] * (size_t)data->images.dim[2] : 0;
    uint64_t most = 0, *key = draw_keys(data, part, seed, &most);
    for (size_t i = 0; key && i < n; i++) gone += key[i] <= most;
    tw_tsv_row *row = malloc((gone + 1) * sizeof *row);
    uint8_t *picture = pixels ? malloc(gone * pixels + 1) : NULL;
    char *path = data->images.path ? strdup(data->images.path) : NULL;
    bool whole = key && row && (picture || !pixels) && (path || !data->images.path);
    if (!whole || gone == n) {
        free(key);
        free(row);
        free(picture);
        free(path);
        if (!whole) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory for %zu labels", n);
        return tw_fail_err(ctx, TW_ERR_RANGE, "%s: too few pictures to put some aside for validation", data->tsv.path);
    }
    other->tsv = (tw_tsv){.row = row, .path = data->tsv.path};
    if (pixels) other->images = data->images, other->images.data = picture, other->images.path = path;
    for (size_t i = 0; i < n; i++) {
        bool goes = key[i] <= most;
        uint8_t *to = pixels ? goes ? picture + other->tsv.n * pixels : data->images.data + kept * pixels : NULL;
        if (to && to != data->images.data + i * pixels) memcpy(to, data->images.data + i * pixels, pixels);
        if (goes) row[other->tsv.n++] = data->tsv.row[i];
        else data->tsv.row[kept++] = data->tsv.row[i];
    }
    data->tsv.n = kept;
    if (pixels) {
        data->images.dim[0] = (int)kept, data->images.size = kept * pixels;
        other->images.dim[0] = (int)gone, other->images.size = gone * pixels;
    }
    free(key);
    return TW_OK;
}

/* ---- alphabets and symbols ------------------------------------------------------------------------------- */

tw_alphabet *labelled_alphabet(tw_ctx *ctx, const labelled *data) {
    const char **text = malloc((data->tsv.n + 1) * sizeof *text);
    if (!text) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory for %zu labels", data->tsv.n);
    for (size_t i = 0; i < data->tsv.n; i++) text[i] = data->tsv.row[i].text;
    tw_alphabet *alphabet = tw_alphabet_from_texts(ctx, data->tsv.n, text);
    free(text);
    if (alphabet && tw_alphabet_classes(alphabet) < 2) {
        tw_alphabet_free(alphabet);
        return tw_fail(ctx, TW_ERR_FORMAT, "%s: every text is empty", data->tsv.path);
    }
    return alphabet;
}

/* Character by character, because the alphabet refuses the text as a whole. Only memory may be missing, which stays in
 * ctx. */
static size_t encode_foreign(tw_ctx *ctx, const tw_alphabet *alphabet, const char *text, int32_t *symbol) {
    size_t n = 0;
    uint32_t code;
    while ((code = utf8_next(&text))) {
        char one[5] = {0};
        size_t room = 4;
        utf8_put(one, code);
        if (tw_alphabet_encode(ctx, alphabet, one, symbol + n, &room)) {
            if (tw_error(ctx) == TW_ERR_NOMEM) break;
            tw_error_clear(ctx);
            symbol[n] = tw_alphabet_classes(alphabet);
            room = 1;
        }
        n += room;
    }
    return n;
}

static int frames_needed(const int32_t *symbol, size_t n) {
    int need = (int)n;
    for (size_t i = 1; i < n; i++) need += symbol[i] == symbol[i - 1];
    return need;
}

/* symbol has room for a symbol a byte. */
static tw_err encode_all(tw_ctx *ctx, const tw_alphabet *alphabet, size_t *foreign, labelled *data, int32_t *symbol,
                         size_t *used, int32_t *length) {
    const tw_tsv *tsv = &data->tsv;
    for (size_t i = 0; i < tsv->n; i++) {
        const char *text = tsv->row[i].text;
        size_t n = strlen(text);
        if (tw_alphabet_encode(ctx, alphabet, text, symbol + *used, &n)) {
            if (tw_error(ctx) == TW_ERR_NOMEM) return TW_ERR_NOMEM;
            char why[256];
            snprintf(why, sizeof why, "%s", tw_errmsg(ctx));
            tw_error_clear(ctx);
            if (!foreign) return tw_fail_err(ctx, TW_ERR_RANGE, "%s:%d: %s", tsv->path, tsv->row[i].line, why);
            n = encode_foreign(ctx, alphabet, text, symbol + *used);
            if (tw_error(ctx)) return tw_error(ctx);
            ++*foreign;
        }
        length[i] = (int32_t)n;
        data->need[i] = frames_needed(symbol + *used, n);
        *used += n;
    }
    return TW_OK;
}

tw_err labelled_encode(tw_ctx *ctx, const tw_alphabet *alphabet, int height, const augment_strength *training,
                       bool trim, size_t *foreign, labelled *data) {
    size_t n = data->tsv.n, room = 1, used = 0;
    for (size_t i = 0; i < n; i++) room += strlen(data->tsv.row[i].text) + 4;
    int32_t *symbol = malloc(room * sizeof *symbol), *length = malloc(n * sizeof *length);
    tw_picture_options options = {.height = height, .max_width = PICTURE_MAX_WIDTH, .crop = trim ? trim_find : NULL};
    tw_dataset grays = {0};
    tw_err err = TW_OK;
    if (foreign) *foreign = 0;
    data->need = malloc(n * sizeof *data->need);
    data->width = malloc(n * sizeof *data->width);
    if (!symbol || !length || !data->need || !data->width)
        err = tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory for %zu labels", n);
    if (!err) err = encode_all(ctx, alphabet, foreign, data, symbol, &used, length);
    tw_labels labels = {symbol, used}, lengths = {length, n};
    if (!err && data->images.ndim) err = tw_dataset_texts(ctx, &data->images, labels, lengths, &options, &grays);
    else if (!err) err = tw_dataset_files(ctx, &data->tsv, labels, lengths, &options, &grays);
    for (size_t i = 0; !err && i < n; i++)
        data->width[i] = picture_width(height, grays.width ? grays.width(grays.user, i) : grays.max_width);
    if (!err && training) err = picture_augmented(ctx, &grays, *training, &data->dataset);
    else if (!err) err = picture_dataset(ctx, &grays, false, &data->dataset);
    free(symbol);
    free(length);
    return err;
}

size_t labelled_unfit(const labelled *data, int (*frames)(int width)) {
    size_t unfit = 0;
    for (size_t i = 0; i < data->tsv.n; i++) unfit += data->need[i] > frames(data->width[i]);
    return unfit;
}

void labelled_free(labelled *data) {
    free(data->need);
    free(data->width);
    tw_dataset_free(&data->dataset);
    tw_idx_free(&data->images);
    tw_tsv_free(&data->tsv);
    *data = (labelled){0};
}
