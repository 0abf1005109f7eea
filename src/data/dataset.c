/* dataset.c - the ready-made datasets: IDX pictures with classes, IDX pictures with texts, picture files with texts. */
#include "data/image.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

void tw_dataset_free(tw_dataset *dataset) {
    if (!dataset) return;
    if (dataset->free) dataset->free(dataset->user);
    *dataset = (tw_dataset){0};
}

static const char *name_of(const char *path) { return path ? path : "(in memory)"; }

static tw_err check_options(tw_ctx *ctx, const tw_picture_options *given, tw_picture_options *options) {
    *options = given ? *given : (tw_picture_options){0};
    if (options->std == 0) options->std = 1;
    if (options->height < 0 || options->max_width < 0)
        return tw_fail_err(ctx, TW_ERR_RANGE, "dataset: height %d or max_width %d is negative", options->height,
                           options->max_width);
    if (!(options->std > 0)) return tw_fail_err(ctx, TW_ERR_RANGE, "dataset: the std cannot be %g", options->std);
    double darkest = -options->mean / options->std, lightest = (1 - options->mean) / options->std;
    if (!isfinite((tw_real)darkest) || !isfinite((tw_real)lightest) || isinf(options->std))
        return tw_fail_err(ctx, TW_ERR_RANGE, "dataset: pixels cannot be normalised by the mean %g and the std %g",
                           options->mean, options->std);
    return TW_OK;
}

/* ---- sequences: sample i's symbols are symbol[start[i]] .. symbol[start[i + 1] - 1] ---------------------- */

typedef struct sequences {
    int32_t *symbol;
    size_t *start;
    int longest;
} sequences;

static void sequences_free(sequences *s) {
    free(s->symbol);
    free(s->start);
}

/* place names the samples in messages. */
static tw_err sequences_copy(tw_ctx *ctx, const char *place, size_t count, tw_labels label, tw_labels length,
                             sequences *s) {
    if (length.n != count)
        return tw_fail_err(ctx, TW_ERR_SHAPE, "dataset: %zu pictures in %s, but %zu label lengths", count, place,
                           length.n);
    if ((count && !length.v) || (label.n && !label.v))
        return tw_fail_err(ctx, TW_ERR_RANGE, "dataset: the %s of %s are NULL",
                           label.n && !label.v ? "labels" : "label lengths", place);
    s->start = malloc((count + 1) * sizeof *s->start);
    s->symbol = malloc((label.n + !label.n) * sizeof *s->symbol);
    if (!s->start || !s->symbol) return tw_fail_err(ctx, TW_ERR_NOMEM, "dataset: out of memory for %zu labels", count);
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t n = length.v[i];
        if (n < 0 || (size_t)n > label.n - total)
            return tw_fail_err(ctx, TW_ERR_RANGE,
                               "dataset: label length %ld of sample %zu, but %zu of %zu symbols are left", (long)n, i,
                               label.n - total, label.n);
        s->start[i] = total;
        total += (size_t)n;
        if (n > s->longest) s->longest = n;
    }
    s->start[count] = total;
    if (total != label.n)
        return tw_fail_err(ctx, TW_ERR_SHAPE, "dataset: the label lengths add up to %zu, but there are %zu symbols",
                           total, label.n);
    if (total) memcpy(s->symbol, label.v, total * sizeof *s->symbol);
    return TW_OK;
}

static void give_sequence(const sequences *s, size_t i, tw_sample *sample) {
    size_t n = s->start[i + 1] - s->start[i];
    if (n) memcpy(sample->label, s->symbol + s->start[i], n * sizeof *sample->label);
    sample->label_length = (int)n;
}

/* ---- IDX pictures ---------------------------------------------------------------------------------------- */

typedef struct pictures {
    const uint8_t *pixel; /* [n][height][width]: the IDX file's, or scaled */
    uint8_t *scaled;
    int width, height;
    tw_real value[256];     /* of each pixel value */
    const uint8_t *classes; /* or NULL, and then */
    sequences text;
} pictures;

static void pictures_free(void *user) {
    pictures *p = user;
    if (!p) return;
    sequences_free(&p->text);
    free(p->scaled);
    free(p);
}

/* Pictures are wanted in random order, and fetching one from memory takes as long as all the rest. */
static void pictures_prefetch(void *user, size_t i) {
#if defined(__GNUC__)
    const pictures *p = user;
    size_t n = (size_t)p->width * (size_t)p->height;
    enum { LINE = 64, MOST = 64 * LINE };
    for (size_t k = 0; k < n && k < MOST; k += LINE) __builtin_prefetch(p->pixel + i * n + k);
#else
    (void)user, (void)i;
#endif
}

static tw_err pictures_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const pictures *p = user;
    (void)stream, (void)message, (void)size;
    size_t n = (size_t)p->width * (size_t)p->height;
    const uint8_t *restrict pixel = p->pixel + i * n;
    const tw_real *restrict value = p->value;
    tw_real *restrict x = sample->x;
    size_t k = 0;
    for (; k + 8 <= n; k += 8) /* counting would take as long as converting */
        for (size_t j = k; j < k + 8; j++) x[j] = value[pixel[j]];
    for (; k < n; k++) x[k] = value[pixel[k]];
    sample->width = p->width;
    if (p->classes) {
        sample->label[0] = p->classes[i];
        sample->label_length = 1;
    } else {
        give_sequence(&p->text, i, sample);
    }
    return TW_OK;
}

static tw_err pictures_scale(tw_ctx *ctx, const tw_idx *images, pictures *p) {
    size_t count = (size_t)images->dim[0], from = (size_t)images->dim[1] * (size_t)images->dim[2];
    size_t to = (size_t)p->width * (size_t)p->height;
    if (to && count > PTRDIFF_MAX / to)
        return tw_fail_err(ctx, TW_ERR_NOMEM, "dataset: %zu scaled pictures are too large", count);
    p->pixel = p->scaled = malloc(count * to + 1);
    if (!p->scaled) return tw_fail_err(ctx, TW_ERR_NOMEM, "dataset: out of memory for %zu scaled pictures", count);
    for (size_t i = 0; i < count; i++) {
        tw_image one = {images->dim[2], images->dim[1], 1, images->data + i * from}, scaled;
        tw_err err = tw_image_resize(ctx, &one, p->width, p->height, &scaled);
        if (err) return err;
        memcpy(p->scaled + i * to, scaled.data, to);
        tw_image_free(&scaled);
    }
    return TW_OK;
}

/* All but the labels. */
static tw_err pictures_open(tw_ctx *ctx, const tw_idx *images, const tw_picture_options *given, tw_dataset *dataset) {
    *dataset = (tw_dataset){0};
    tw_picture_options options;
    tw_err err = check_options(ctx, given, &options);
    if (err) return err;
    const char *path = name_of(images->path);
    if (images->ndim != 3 || !images->data)
        return tw_fail_err(ctx, TW_ERR_SHAPE, "dataset: pictures have 3 dimensions [n,H,W], those in %s %d", path,
                           images->ndim);
    if (!tw__image_size_ok(images->dim[2], images->dim[1]))
        return tw_fail_err(ctx, TW_ERR_SHAPE, "dataset: the pictures in %s are %d x %d pixels", path, images->dim[2],
                           images->dim[1]);
    pictures *p = calloc(1, sizeof *p);
    if (!p) return tw_fail_err(ctx, TW_ERR_NOMEM, "dataset: out of memory");
    *dataset = (tw_dataset){.user = p,
                            .get = pictures_get,
                            .free = pictures_free,
                            .prefetch = pictures_prefetch,
                            .in_memory = true};
    p->pixel = images->data;
    p->height = options.height ? options.height : images->dim[1];
    p->width = tw__image_fit_width(images->dim[2], images->dim[1], options.height, options.max_width);
    uint8_t every[256];
    for (int v = 0; v < 256; v++) every[v] = (uint8_t)v;
    tw_image_to_reals(&(tw_image){256, 1, 1, every}, options.mean, options.std, p->value);
    if (p->width != images->dim[2] || p->height != images->dim[1]) err = pictures_scale(ctx, images, p);
    dataset->count = (size_t)images->dim[0];
    dataset->channels = 1;
    dataset->height = p->height;
    dataset->max_width = p->width;
    return err;
}

tw_err tw_dataset_classes(tw_ctx *ctx, const tw_idx *images, const tw_idx *labels, int classes,
                          const tw_picture_options *options, tw_dataset *dataset) {
    tw_err err = pictures_open(ctx, images, options, dataset);
    const char *path = name_of(labels->path);
    if (!err && (labels->ndim != 1 || !labels->data))
        err = tw_fail_err(ctx, TW_ERR_SHAPE, "dataset: classes have 1 dimension, those in %s %d", path, labels->ndim);
    if (!err && labels->dim[0] != images->dim[0])
        err = tw_fail_err(ctx, TW_ERR_SHAPE, "dataset: %d pictures in %s, but %d labels in %s", images->dim[0],
                          name_of(images->path), labels->dim[0], path);
    for (size_t i = 0; !err && i < dataset->count; i++)
        if (labels->data[i] >= classes)
            err = tw_fail_err(ctx, TW_ERR_RANGE, "dataset: label %d of sample %zu in %s is not below %d",
                              labels->data[i], i, path, classes);
    if (err) {
        tw_dataset_free(dataset);
        return err;
    }
    ((pictures *)dataset->user)->classes = labels->data;
    dataset->max_label = 1;
    return TW_OK;
}

tw_err tw_dataset_texts(tw_ctx *ctx, const tw_idx *images, tw_labels label, tw_labels label_length,
                        const tw_picture_options *options, tw_dataset *dataset) {
    tw_err err = pictures_open(ctx, images, options, dataset);
    pictures *p = dataset->user;
    if (!err) err = sequences_copy(ctx, name_of(images->path), dataset->count, label, label_length, &p->text);
    if (err) {
        tw_dataset_free(dataset);
        return err;
    }
    dataset->sequences = true;
    dataset->max_label = p->text.longest;
    return TW_OK;
}

/* ---- picture files --------------------------------------------------------------------------------------- */

typedef struct files {
    const tw_tsv *tsv;
    tw_picture_options options;
    int height;
    int *width; /* [n], after scaling */
    sequences text;
} files;

static void files_free(void *user) {
    files *f = user;
    if (!f) return;
    sequences_free(&f->text);
    free(f->width);
    free(f);
}

static int files_width(void *user, size_t i) { return ((const files *)user)->width[i]; }

/* Puts the place in the TSV before what is said of a picture. */
static tw_err at_line(const files *f, size_t i, tw_err err, const char *what, char *message, size_t size) {
    char shown[TW__SHOWN_PATH];
    snprintf(message, size, "%s:%d: %s", tw__message_shorten(f->tsv->path, shown, sizeof shown), f->tsv->row[i].line,
             what);
    return err;
}

/* Makes the picture its part; the bytes that are left stand at the front of its memory. */
static bool cut(tw_image *image, tw_box b) {
    if (b.x < 0 || b.y < 0 || b.width < 1 || b.height < 1 || b.width > image->width - b.x ||
        b.height > image->height - b.y)
        return false;
    size_t channels = (size_t)image->channels, row = (size_t)b.width * channels;
    for (size_t y = 0; y < (size_t)b.height; y++)
        memmove(image->data + y * row,
                image->data + (((size_t)b.y + y) * (size_t)image->width + (size_t)b.x) * channels, row);
    image->width = b.width, image->height = b.height;
    return true;
}

static tw_err files_read(const files *f, size_t i, tw_image *image, char *message, size_t size) {
    tw_err err = tw__image_read(f->tsv->row[i].path, 1, image, message, size);
    if (err || !f->options.crop || cut(image, f->options.crop(image))) return err;
    char shown[TW__SHOWN_PATH];
    snprintf(message, size, "%s: crop gives a part that is not in the picture of %d x %d pixels",
             tw__message_shorten(f->tsv->row[i].path, shown, sizeof shown), image->width, image->height);
    tw_image_free(image);
    return TW_ERR_RANGE;
}

/* From the header, or from the picture where only that tells. */
static tw_err file_measure(const files *f, size_t i, int *width, int *height, char *message, size_t size) {
    if (!f->options.crop) return tw__image_measure(f->tsv->row[i].path, width, height, message, size);
    tw_image image;
    tw_err err = files_read(f, i, &image, message, size);
    if (err) return err;
    *width = image.width, *height = image.height;
    tw_image_free(&image);
    return TW_OK;
}

static tw_err files_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const files *f = user;
    (void)stream;
    tw_image image, scaled;
    char what[640];
    tw_err err = files_read(f, i, &image, what, sizeof what);
    if (err) return at_line(f, i, err, what, message, size);
    int width = tw__image_fit_width(image.width, image.height, f->options.height, f->options.max_width);
    if (width != f->width[i] || (!f->options.height && image.height != f->height)) {
        tw_image_free(&image);
        return at_line(f, i, TW_ERR_STATE, "the picture's size has changed since the dataset was made", message, size);
    }
    err = tw__image_scale(&image, width, f->height, &scaled, what, sizeof what);
    tw_image_free(&image);
    if (err) return at_line(f, i, err, what, message, size);
    tw_image_to_reals(&scaled, f->options.mean, f->options.std, sample->x);
    tw_image_free(&scaled);
    sample->width = width;
    give_sequence(&f->text, i, sample);
    return TW_OK;
}

/* Looks at every file: the widths, and whether the heights agree when they must. */
static tw_err files_measure(tw_ctx *ctx, files *f, int *max_width) {
    char what[640], message[1024];
    *max_width = 1;
    f->height = f->options.height;
    for (size_t i = 0; i < f->tsv->n; i++) {
        int width, height;
        tw_err err = file_measure(f, i, &width, &height, what, sizeof what);
        if (!err && !f->height) f->height = height;
        if (!err && !f->options.height && height != f->height) {
            char shown[TW__SHOWN_PATH];
            snprintf(what, sizeof what, "%s: %d rows where the pictures before it have %d; give a height to scale to",
                     tw__message_shorten(f->tsv->row[i].path, shown, sizeof shown), height, f->height);
            err = TW_ERR_SHAPE;
        }
        if (err) {
            at_line(f, i, err, what, message, sizeof message);
            return tw_fail_err(ctx, err, "%s", message);
        }
        f->width[i] = tw__image_fit_width(width, height, f->options.height, f->options.max_width);
        if (f->width[i] > *max_width) *max_width = f->width[i];
    }
    if (!f->height) f->height = 1; /* no pictures at all */
    return TW_OK;
}

tw_err tw_dataset_files(tw_ctx *ctx, const tw_tsv *tsv, tw_labels label, tw_labels label_length,
                        const tw_picture_options *given, tw_dataset *dataset) {
    *dataset = (tw_dataset){0};
    tw_picture_options options;
    tw_err err = check_options(ctx, given, &options);
    if (err) return err;
    files *f = calloc(1, sizeof *f);
    if (!f) return tw_fail_err(ctx, TW_ERR_NOMEM, "dataset: out of memory");
    f->tsv = tsv;
    f->options = options;
    f->width = malloc((tsv->n + !tsv->n) * sizeof *f->width);
    *dataset = (tw_dataset){.count = tsv->n,
                            .channels = 1,
                            .sequences = true,
                            .user = f,
                            .width = files_width,
                            .get = files_get,
                            .free = files_free};
    if (!f->width) err = tw_fail_err(ctx, TW_ERR_NOMEM, "dataset: out of memory for %zu widths", tsv->n);
    if (!err) err = sequences_copy(ctx, name_of(tsv->path), tsv->n, label, label_length, &f->text);
    if (!err) err = files_measure(ctx, f, &dataset->max_width);
    dataset->height = f->height;
    dataset->max_label = f->text.longest;
    if (err) tw_dataset_free(dataset);
    return err;
}
