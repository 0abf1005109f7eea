/* resize.c - pictures to another size: a triangle filter, first along the rows, then along the columns.
 *
 * Growing, the triangle spans two pixels of the source: bilinear. Shrinking, it spans two pixels of the result, so
 * every source pixel has its share. Weights that would reach over the edge are left out and the rest scaled to 1. */
#include "data/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* The weights of one direction: result i takes source first[i] .. first[i] + count[i] - 1. */
typedef struct filter {
    int *first, *count;
    float *weight; /* [to][taps] */
    int taps;      /* room for the largest count */
} filter;

static bool filter_make(filter *f, int from, int to) {
    double scale = (double)from / to, radius = scale > 1 ? scale : 1;
    f->taps = (int)ceil(2 * radius) + 1;
    if (f->taps > from) f->taps = from;
    f->first = malloc((size_t)to * 2 * sizeof(int));
    f->weight = malloc((size_t)to * (size_t)f->taps * sizeof(float));
    if (!f->first || !f->weight) return false;
    f->count = f->first + to;
    for (int i = 0; i < to; i++) {
        double center = (i + 0.5) * scale, sum = 0;
        int first = (int)(center - radius + 0.5), last = (int)(center + radius + 0.5); /* last is not in it */
        if (first < 0) first = 0;
        if (last > from) last = from;
        if (last - first > f->taps) last = first + f->taps;
        float *w = f->weight + (size_t)i * (size_t)f->taps;
        for (int k = first; k < last; k++) {
            double away = fabs(k + 0.5 - center) / radius;
            w[k - first] = (float)(away < 1 ? 1 - away : 0);
            sum += (double)w[k - first];
        }
        for (int k = first; k < last; k++) w[k - first] = (float)((double)w[k - first] / sum);
        f->first[i] = first;
        f->count[i] = last - first;
    }
    return true;
}

static void filter_free(filter *f) {
    free(f->first);
    free(f->weight);
}

/* from [height][from_width][channels] to [height][to_width][channels] */
static void along_rows(const filter *f, const tw_image *from, int to_width, float *to) {
    int channels = from->channels;
    for (int y = 0; y < from->height; y++) {
        const uint8_t *row = from->data + (size_t)y * (size_t)from->width * (size_t)channels;
        for (int x = 0; x < to_width; x++) {
            const float *w = f->weight + (size_t)x * (size_t)f->taps;
            for (int c = 0; c < channels; c++) {
                const uint8_t *p = row + (size_t)f->first[x] * (size_t)channels + c;
                float sum = 0;
                for (int k = 0; k < f->count[x]; k++, p += channels) sum += w[k] * (float)*p;
                *to++ = sum;
            }
        }
    }
}

/* from [..][line] to [height][line], line = width * channels; sum holds one line. */
static void along_columns(const filter *f, const float *from, size_t line, int height, float *sum, uint8_t *to) {
    for (int y = 0; y < height; y++, to += line) {
        const float *w = f->weight + (size_t)y * (size_t)f->taps;
        for (size_t x = 0; x < line; x++) sum[x] = 0.5f; /* rounds */
        for (int k = 0; k < f->count[y]; k++) {
            const float *row = from + (size_t)(f->first[y] + k) * line;
            for (size_t x = 0; x < line; x++) sum[x] += w[k] * row[x];
        }
        for (size_t x = 0; x < line; x++) to[x] = (uint8_t)(sum[x] > 255 ? 255 : sum[x]);
    }
}

tw_err tw__image_scale(const tw_image *from, int width, int height, tw_image *to, char *message, size_t size) {
    size_t line = (size_t)width * (size_t)from->channels;
    *to = (tw_image){width, height, from->channels, malloc(line * (size_t)height)};
    bool same = width == from->width && height == from->height;
    filter across = {0}, down = {0};
    float *rows = same ? NULL : malloc((line * (size_t)from->height + line) * sizeof *rows);
    bool ok = to->data &&
        (same || (rows && filter_make(&across, from->width, width) && filter_make(&down, from->height, height)));
    if (ok && same) memcpy(to->data, from->data, line * (size_t)height);
    if (ok && !same) {
        along_rows(&across, from, width, rows);
        along_columns(&down, rows, line, height, rows + line * (size_t)from->height, to->data);
    }
    filter_free(&across);
    filter_free(&down);
    free(rows);
    if (ok) return TW_OK;
    tw_image_free(to);
    snprintf(message, size, "out of memory for a picture of %d x %d pixels", width, height);
    return TW_ERR_NOMEM;
}

int tw__image_fit_width(int width, int height, int to_height, int max_width) {
    double fit = to_height ? floor((double)width * to_height / height + 0.5) : width;
    if (fit < 1) fit = 1;
    if (max_width && fit > max_width) fit = max_width;
    return fit > 1 << 27 ? 1 << 27 : (int)fit;
}

tw_err tw_image_resize(tw_ctx *ctx, const tw_image *from, int width, int height, tw_image *to) {
    *to = (tw_image){0};
    if (!from->data || !tw__image_size_ok(from->width, from->height))
        return tw_fail_err(ctx, TW_ERR_RANGE, "image: an empty picture cannot be resized");
    if (!tw__image_size_ok(width, height))
        return tw_fail_err(ctx, TW_ERR_RANGE, "image: cannot resize to %d x %d pixels", width, height);
    char message[128];
    tw_err err = tw__image_scale(from, width, height, to, message, sizeof message);
    return err ? tw_fail_err(ctx, err, "image: %s", message) : TW_OK;
}

tw_err tw_image_fit(tw_ctx *ctx, const tw_image *from, int height, int max_width, tw_image *to) {
    *to = (tw_image){0};
    if (!from->data || !tw__image_size_ok(from->width, from->height))
        return tw_fail_err(ctx, TW_ERR_RANGE, "image: an empty picture cannot be resized");
    if (height < 0 || max_width < 0)
        return tw_fail_err(ctx, TW_ERR_RANGE, "image: cannot fit into height %d, width %d", height, max_width);
    return tw_image_resize(ctx, from, tw__image_fit_width(from->width, from->height, height, max_width),
                           height ? height : from->height, to);
}
