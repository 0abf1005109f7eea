/* picture.c - see picture.h. */
#include "picture.h"

#include "dice.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 64 };

static int level_of(tw_real gray) {
    int level = (int)(gray * LEVELS);
    return level < 0 ? 0 : level >= LEVELS ? LEVELS - 1 : level;
}

/* The level below which `part` of the counted pixels lie, as a gray. */
static tw_real quantile(const int *count, int total, double part) {
    int level = 0;
    double below = count[0];
    while (level < LEVELS - 1 && below < part * total) below += count[++level];
    return ((tw_real)level + (tw_real)0.5) / LEVELS;
}

void picture_prepare(tw_real *x, int height, int *width) {
    int all[LEVELS] = {0}, border[LEVELS] = {0}, w = *width, wide = picture_width(w);
    for (int y = 0; y < height; y++)
        for (int i = 0; i < w; i++) {
            int level = level_of(x[(size_t)y * (size_t)w + (size_t)i]);
            all[level]++;
            border[level] += y == 0 || y == height - 1 || i == 0 || i == w - 1;
        }
    int pixels = height * w, rim = 0;
    for (int i = 0; i < LEVELS; i++) rim += border[i];
    tw_real back = quantile(border, rim, 0.5), dark = quantile(all, pixels, 0.02), light = quantile(all, pixels, 0.98);
    tw_real contrast = back - dark >= light - back ? back - dark : back - light;
    /* An empty picture's noise is not blown up to look like ink. */
    tw_real least = (tw_real)0.1;
    if (contrast >= 0 && contrast < least) contrast = least;
    if (contrast < 0 && contrast > -least) contrast = -least;
    tw_real scale = 1 / contrast;
    for (int y = height - 1; y >= 0; y--) { /* from the end, because rows move to the right */
        tw_real *to = x + (size_t)y * (size_t)wide;
        const tw_real *from = x + (size_t)y * (size_t)w;
        for (int i = wide - 1; i >= w; i--) to[i] = 0;
        for (int i = w - 1; i >= 0; i--) to[i] = (back - from[i]) * scale;
    }
    *width = wide;
}

int picture_width(int width) { return (width + CRNN_STEP - 1) / CRNN_STEP * CRNN_STEP; }

/* Where the text begins must not tell the network what comes when: pictures that all have the same layout would
 * otherwise be read by position. */
void picture_move(tw_real *x, int height, int *width, uint64_t stream) {
    dice d = dice_of(stream);
    int w = *width, right = dice_below(&d, PICTURE_MOVE + 1), down = dice_below(&d, 3) - 1,
        wide = picture_width(w + right);
    tw_real ink = (tw_real)dice_between(&d, 0.85f, 1.15f);
    for (int y = height - 1; y >= 0; y--) {
        tw_real *to = x + (size_t)y * (size_t)wide;
        const tw_real *from = x + (size_t)y * (size_t)w;
        for (int i = wide - 1; i >= right + w; i--) to[i] = 0;
        for (int i = w - 1; i >= 0; i--) to[right + i] = ink * from[i];
        for (int i = 0; i < right; i++) to[i] = 0;
    }
    size_t row = (size_t)wide, rest = row * (size_t)(height - 1);
    if (down > 0) {
        memmove(x + row, x, rest * sizeof *x);
        memset(x, 0, row * sizeof *x);
    } else if (down < 0) {
        memmove(x, x + row, rest * sizeof *x);
        memset(x + rest, 0, row * sizeof *x);
    }
    *width = wide;
}

/* ---- a dataset around another ---------------------------------------------------------------------------- */

typedef struct around {
    tw_dataset inner;
    bool moved;
} around;

static int prepared_width(void *user, size_t i) {
    const tw_dataset *inner = &((around *)user)->inner;
    return picture_width(inner->width ? inner->width(inner->user, i) : inner->max_width);
}

static tw_err prepared_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const around *a = user;
    sample->width = a->inner.max_width;
    tw_err err = a->inner.get(a->inner.user, i, stream, sample, message, size);
    if (err) return err;
    picture_prepare(sample->x, a->inner.height, &sample->width);
    if (a->moved) picture_move(sample->x, a->inner.height, &sample->width, stream);
    return TW_OK;
}

static void prepared_free(void *user) {
    around *a = user;
    tw_dataset_free(&a->inner);
    free(a);
}

tw_err picture_dataset(tw_ctx *ctx, tw_dataset *inner, bool moved, tw_dataset *prepared) {
    around *a = malloc(sizeof *a);
    if (!a) {
        tw_dataset_free(inner);
        return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    }
    *a = (around){*inner, moved};
    *prepared = *inner;
    *inner = (tw_dataset){0};
    prepared->user = a;
    prepared->max_width = picture_width(a->inner.max_width + (moved ? PICTURE_MOVE : 0));
    prepared->width = prepared_width;
    prepared->get = prepared_get;
    prepared->free = prepared_free;
    return TW_OK;
}
