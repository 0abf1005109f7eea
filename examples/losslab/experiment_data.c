/* experiment_data.c - the pictures that experiments learn. */
#include "experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28 };

static tw_err no_memory(tw_ctx *ctx) { return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory"); }

static tw_err examples_new(tw_ctx *ctx, int n, examples *e) {
    e->n = n;
    e->x = malloc((size_t)n * FEATURES * sizeof *e->x);
    e->label = malloc((size_t)n * sizeof *e->label);
    return e->x && e->label ? TW_OK : no_memory(ctx);
}

void examples_free(examples *e) {
    free(e->x);
    free(e->label);
    *e = (examples){0};
}

/* Mean 0, deviation 1. */
static void standardise(examples *e) {
    size_t size = (size_t)e->n * FEATURES;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < size; i++) sum += (double)e->x[i], squares += (double)e->x[i] * (double)e->x[i];
    double mean = sum / (double)size, deviation = sqrt(squares / (double)size - mean * mean);
    for (size_t i = 0; i < size; i++) e->x[i] = (tw_real)(((double)e->x[i] - mean) / deviation);
}

/* Ten prototypes of smooth random blots; classes 2k and 2k + 1 are alike, so that some are hard to tell apart. */
static void make_up(tw_ctx *ctx, bool test, examples *e) {
    uint64_t kinds = tw_random_named(ctx, "kinds"), noise = tw_random_named(ctx, test ? "test" : "train");
    for (int i = 0; i < e->n; i++) {
        int class = (int)(tw_random_bits(noise, (uint64_t)i * 1000) % CLOTHES);
        e->label[i] = class;
        for (int k = 0; k < FEATURES; k++) {
            uint64_t at = (uint64_t)(k / 14 / 2 * 7 + k % 14 / 2); /* blots of 2 x 2 */
            double own = tw_random_normal(kinds, (uint64_t) class * 100 + at);
            double pair = tw_random_normal(kinds, 5000 + (uint64_t)(class / 2) * 100 + at);
            double more = tw_random_normal(noise, (uint64_t)i * 1000 + 1 + (uint64_t)k);
            e->x[(size_t)i * FEATURES + (size_t)k] = (tw_real)(pair + 0.4 * own + 2.5 * more);
        }
    }
    e->synthetic = true;
}

static void halve(const tw_idx *image, const tw_idx *label, examples *e) {
    for (int i = 0; i < e->n; i++) {
        const uint8_t *from = image->data + (size_t)i * SIDE * SIDE;
        e->label[i] = label->data[i];
        for (int k = 0; k < FEATURES; k++) {
            const uint8_t *p = from + k / 14 * 2 * SIDE + k % 14 * 2;
            e->x[(size_t)i * FEATURES + (size_t)k] = (tw_real)(p[0] + p[1] + p[SIDE] + p[SIDE + 1]);
        }
    }
}

static bool fits(const tw_idx *image, const tw_idx *label) {
    bool good = image->dim[1] == SIDE && image->dim[2] == SIDE && label->dim[0] == image->dim[0] && image->dim[0] > 0;
    for (int i = 0; good && i < label->dim[0]; i++) good = label->data[i] < CLOTHES;
    return good;
}

tw_err examples_load(trial *t, const char *part, int n, examples *e) {
    tw_ctx *ctx = t->ctx;
    tw_idx image = {0}, label = {0};
    char stem[64];
    *e = (examples){0};
    snprintf(stem, sizeof stem, "%s-images", part);
    tw_err err = tw_idx_find(ctx, t->data, stem, 3, &image);
    snprintf(stem, sizeof stem, "%s-labels", part);
    if (!err) err = tw_idx_find(ctx, t->data, stem, 1, &label);
    if (err == TW_ERR_IO) { /* not installed */
        if (!strcmp(part, "train"))
            printf("no Fashion-MNIST in %s (Debian: dataset-fashion-mnist): made-up pictures instead\n", t->data);
        tw_error_clear(ctx);
        err = examples_new(ctx, n, e);
        if (!err) make_up(ctx, strcmp(part, "train") != 0, e);
    } else if (!err && !fits(&image, &label)) {
        err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: not 28 x 28 pictures of ten classes with a label each", t->data);
    } else if (!err) {
        err = examples_new(ctx, n < image.dim[0] ? n : image.dim[0], e);
        if (!err) halve(&image, &label, e);
    }
    tw_idx_free(&image);
    tw_idx_free(&label);
    if (!err) standardise(e);
    else examples_free(e);
    return err;
}
