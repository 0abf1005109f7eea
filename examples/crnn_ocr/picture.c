/* picture.c - see picture.h. */
#include "picture.h"

#include "dice.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

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

/* So many columns that they are whole frames. */
static int frames_wide(int columns) { return (columns + CRNN_STEP - 1) / CRNN_STEP * CRNN_STEP; }

/* The row of n pixels at `at` pixels from its left edge, where pixel i is in the middle of i and i + 1. */
static tw_real between(const tw_real *row, int n, tw_real at) {
    int left = (int)(at - (tw_real)0.5);
    tw_real part = at - (tw_real)0.5 - (tw_real)left;
    if (part <= 0 || left + 1 >= n) return row[left];
    return row[left] + part * (row[left + 1] - row[left]);
}

void picture_prepare(tw_real *x, int height, int *width) {
    int all[LEVELS] = {0}, border[LEVELS] = {0}, w = *width, wide = picture_width(height, w);
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
    int columns = picture_columns(height, w);
    tw_real scale = 1 / contrast, step = (tw_real)w / (tw_real)columns;
    for (int y = height - 1; y >= 0; y--) { /* from the end, because rows move to the right, and pixels in them */
        tw_real *to = x + (size_t)y * (size_t)wide;
        const tw_real *from = x + (size_t)y * (size_t)w;
        for (int i = wide - 1; i >= columns; i--) to[i] = 0;
        for (int i = columns - 1; i >= 0; i--)
            to[i] = (back - between(from, w, ((tw_real)i + (tw_real)0.5) * step)) * scale;
    }
    *width = wide;
}

int picture_columns(int height, int width) {
    int least = PICTURE_LEAST_ASPECT * height;
    return width >= least ? width : (width + least + 1) / 2;
}

int picture_width(int height, int width) { return frames_wide(picture_columns(height, width)); }

tw_real *picture_from(tw_ctx *ctx, const tw_image *gray, int height, bool trim, int *width, picture_part *part) {
    tw_image cut = {0}, scaled = {0};
    tw_real *x = NULL;
    part->seen = trim ? trim_find(gray) : (tw_box){0, 0, gray->width, gray->height};
    /* A strip of one row is no line of text, and not worth the time of a long one. */
    int most = PICTURE_ENLARGED * part->seen.width < PICTURE_READ_WIDTH ? PICTURE_ENLARGED * part->seen.width
                                                                        : PICTURE_READ_WIDTH;
    if (!trim_cut(ctx, gray, part->seen, &cut) && !tw_image_fit(ctx, &cut, height, most, &scaled)) {
        *width = scaled.width;
        part->columns = picture_columns(height, scaled.width);
        x = malloc((size_t)height * (size_t)picture_width(height, scaled.width) * sizeof *x);
        if (x) {
            tw_image_to_reals(&scaled, 0, 1, x);
            picture_prepare(x, height, width);
        } else {
            tw_fail(ctx, TW_ERR_NOMEM, "out of memory for a picture of %d x %d pixels", scaled.width, height);
        }
    }
    tw_image_free(&scaled);
    tw_image_free(&cut);
    return x;
}

tw_real *picture_load(tw_ctx *ctx, const char *path, int height, bool trim, int *width) {
    tw_image gray;
    picture_part part;
    if (tw_image_load(ctx, path, 1, &gray)) return NULL;
    tw_real *x = picture_from(ctx, &gray, height, trim, width, &part);
    tw_image_free(&gray);
    return x;
}

void picture_move(tw_real *x, int height, int *width, uint64_t stream) {
    dice d = dice_of(stream);
    int w = *width, right = dice_below(&d, PICTURE_MOVE + 1), down = dice_below(&d, 3) - 1,
        wide = frames_wide(w + right);
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

/* ---- a dataset around another ----------------------------------------------------------------------------
 * A bidirectional LSTM can carry a whole short text to its first and last frames and write it there: the loss falls,
 * but equal neighbours are lost and nothing longer can be read. Pairs have too much text for that. */

typedef struct around {
    tw_dataset inner;
    bool training;
    augment_strength augment, most;
    tw_real *right; /* the picture that is set beside another */
    tw_real *spare; /* working memory of augmentation */
} around;

static bool paired(const around *a, size_t i) { return a->training && i % 2; }

/* Of a pair only the left half is known here; that is enough to put like widths together. */
static int prepared_width(void *user, size_t i) {
    const around *a = user;
    const tw_dataset *inner = &a->inner;
    int own = picture_width(inner->height, inner->width ? inner->width(inner->user, i) : inner->max_width);
    return paired(a, i) ? 2 * own : own;
}

static tw_err get_one(const around *a, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    sample->width = a->inner.max_width;
    tw_err err = a->inner.get(a->inner.user, i, stream, sample, message, size);
    if (err) return err;
    picture_prepare(sample->x, a->inner.height, &sample->width);
    if (a->augment != AUGMENT_NONE)
        augment_picture(sample->x, a->spare, a->inner.height, &sample->width, a->augment, stream);
    if (a->training) picture_move(sample->x, a->inner.height, &sample->width, stream);
    return TW_OK;
}

static void set_beside(tw_real *x, int height, int *width, const tw_real *right, int more) {
    size_t w = (size_t)*width, r = (size_t)more, wide = w + r;
    for (size_t y = (size_t)height; y-- > 0;) {
        memmove(x + y * wide, x + y * w, w * sizeof *x);
        memcpy(x + y * wide + w, right + y * r, r * sizeof *x);
    }
    *width = (int)wide;
}

static tw_err prepared_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const around *a = user;
    tw_err err = get_one(a, i, stream, sample, message, size);
    if (err || !paired(a, i)) return err;
    dice d = dice_of(tw_random_bits(stream, i));
    size_t other = (size_t)dice_below(&d, (int)a->inner.count);
    tw_sample next = {.x = a->right, .label = sample->label + sample->label_length};
    err = get_one(a, other, dice_bits(&d), &next, message, size);
    if (err) return err;
    set_beside(sample->x, a->inner.height, &sample->width, next.x, next.width);
    sample->label_length += next.label_length;
    return TW_OK;
}

static void prepared_free(void *user) {
    around *a = user;
    tw_dataset_free(&a->inner);
    free(a->right);
    free(a->spare);
    free(a);
}

static tw_err open(tw_ctx *ctx, tw_dataset *inner, bool training, augment_strength most, tw_dataset *prepared) {
    int widest = frames_wide(augment_widest(picture_width(inner->height, inner->max_width), most) +
                             (training ? PICTURE_MOVE : 0));
    size_t room = (size_t)inner->height * (size_t)widest;
    around *a = malloc(sizeof *a);
    tw_real *right = malloc(room * sizeof *right), *spare = malloc(room * sizeof *spare);
    if (!a || !right || !spare) {
        free(a);
        free(right);
        free(spare);
        tw_dataset_free(inner);
        return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    }
    *a = (around){*inner, training, AUGMENT_NONE, most, right, spare};
    /* prefetch and in_memory are not taken over: they are promises about the other one's get and user. */
    *prepared = (tw_dataset){.count = inner->count,
                             .channels = inner->channels,
                             .height = inner->height,
                             .max_width = training ? 2 * widest : widest,
                             .max_label = inner->max_label * (training ? 2 : 1),
                             .sequences = inner->sequences,
                             .user = a,
                             .width = prepared_width,
                             .get = prepared_get,
                             .free = prepared_free};
    *inner = (tw_dataset){0};
    return TW_OK;
}

tw_err picture_dataset(tw_ctx *ctx, tw_dataset *inner, bool training, tw_dataset *prepared) {
    return open(ctx, inner, training, AUGMENT_NONE, prepared);
}

tw_err picture_augmented(tw_ctx *ctx, tw_dataset *inner, augment_strength most, tw_dataset *prepared) {
    return open(ctx, inner, true, most, prepared);
}

void picture_augment(tw_dataset *prepared, augment_strength augment) {
    around *a = prepared->user;
    a->augment = augment < a->most ? augment : a->most;
}
