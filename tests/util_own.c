/* util_own.c - see util_own.h. It includes public headers only, as a program of yours would. */
#include "util_own.h"

#include <stdio.h>
#include <string.h>
#include <thalweg/extend.h>

/* quote: layer */
/* A layer around another one: y = x + f(x). It is made of operations that know their gradients, so it needs none. */
typedef struct residual {
    tw_layer base; /* must be first */
    tw_layer *inner;
} residual;

static tw_tensor *residual_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    tw_tensor *y = tw_forward(ctx, ((residual *)layer)->inner, x);
    if (x && y && (x->ndim != y->ndim || memcmp(x->dim, y->dim, sizeof x->dim))) /* tw_add would stretch one of them */
        return tw_fail(ctx, TW_ERR_SHAPE, "residual \"%s\": input %s and output %s differ", layer->name,
                       tw_describe(ctx, x), tw_describe(ctx, y));
    return tw_add(ctx, x, y); /* NULL in, NULL out */
}

static const tw_layer_class residual_class = {"residual", residual_forward, NULL};

tw_layer *residual_new(tw_params *params, const char *name, tw_layer *inner) {
    residual *r = inner ? (residual *)tw_layer_new(params, &residual_class, sizeof *r, name) : NULL;
    if (!r) return NULL;
    r->inner = inner; /* params frees both */
    return &r->base;
}
/* end quote */

/* quote: loss */
/* The mean of max(q e, (q - 1) e) = q max(e, 0) + (1 - q) max(-e, 0), e = t - y. */
tw_tensor *quantile_loss(tw_ctx *ctx, tw_tensor *y, tw_tensor *t, double q) {
    if (!(q > 0 && q < 1)) return tw_fail(ctx, TW_ERR_RANGE, "quantile_loss: q is between 0 and 1, not %g", q);
    tw_tensor *e = tw_sub(ctx, t, y);
    tw_tensor *below = tw_scale(ctx, tw_relu(ctx, e), (tw_real)q);
    tw_tensor *above = tw_scale(ctx, tw_relu(ctx, tw_scale(ctx, e, -1)), (tw_real)(1 - q));
    return tw_mean(ctx, tw_add(ctx, below, above), 0, NULL, false);
}
/* end quote */

/* quote: dataset */
/* Sample i of the other dataset, moved by random whole pixels; what comes in from outside is 0. */
static tw_err shifted_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const shifted *s = user;
    const tw_dataset *of = s->of;
    tw_err err = of->get(of->user, i, stream, sample, message, size);
    if (err) return err;
    uint64_t choices = 2 * (uint64_t)s->most + 1;
    /* Draws 0, 1, .. of the stream may be the other dataset's. */
    int right = (int)(tw_random_bits(stream, 1000000) % choices) - s->most;
    int down = (int)(tw_random_bits(stream, 1000001) % choices) - s->most;
    int H = of->height, W = sample->width;
    for (int c = 0; c < of->channels; c++) {
        tw_real *plane = sample->x + (size_t)c * (size_t)H * (size_t)W;
        for (int k = 0; k < H; k++) { /* in place: no pixel is overwritten before it is read */
            int h = down > 0 ? H - 1 - k : k;
            for (int j = 0; j < W; j++) {
                int w = right > 0 ? W - 1 - j : j, from_h = h - down, from_w = w - right;
                bool inside = from_h >= 0 && from_h < H && from_w >= 0 && from_w < W;
                plane[h * W + w] = inside ? plane[from_h * W + from_w] : 0;
            }
        }
    }
    return TW_OK;
}

static int shifted_width(void *user, size_t i) {
    const tw_dataset *of = ((const shifted *)user)->of;
    return of->width ? of->width(of->user, i) : of->max_width;
}

tw_dataset shifted_dataset(shifted *s) {
    return (tw_dataset){
        .count = s->of->count,
        .channels = s->of->channels,
        .height = s->of->height,
        .max_width = s->of->max_width,
        .max_label = s->of->max_label,
        .sequences = s->of->sequences,
        .targets = s->of->targets,
        .user = s,
        .width = shifted_width,
        .get = shifted_get,
        .in_memory = s->of->in_memory, /* this one changes nothing but the sample */
    };
}
/* end quote */

/* quote: series */
/* Windows of a series: sample i is the `width` values from i on, and its target the value that follows them. */
static tw_err series_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const series *s = user;
    (void)stream, (void)message, (void)size; /* nothing is random, nothing can fail */
    memcpy(sample->x, s->value + i, (size_t)s->width * sizeof *s->value);
    sample->width = s->width;
    sample->label_length = 0;
    sample->target[0] = s->value[i + (size_t)s->width];
    return TW_OK;
}

tw_dataset series_dataset(series *s) {
    size_t width = (size_t)s->width;
    return (tw_dataset){
        .count = s->n > width ? s->n - width : 0,
        .channels = 1,
        .height = 1,
        .max_width = s->width,
        .targets = 1,
        .user = s,
        .get = series_get,
        .in_memory = true,
    };
}
/* end quote */
