/* inputs.c - see inputs.h. */
#include "inputs.h"

#include <stdlib.h>
#include <thalweg/extend.h>

#define FASHION "/usr/share/datasets/fashion-mnist"
enum { RENDERED = 16384, TEXT_BATCHES = 64 };

/* ---- pictures, read once for all workloads of the process ---------------------------------------------------- */

static struct {
    tw_real *x;
    int32_t *label;
    int n;
    bool fashion;
} pool;

size_t inputs_bytes(void) { return (size_t)pool.n * (PIXELS * sizeof *pool.x + sizeof *pool.label); }
const char *inputs_source(void) { return pool.fashion ? "Fashion-MNIST" : "noise around class means"; }

static bool pool_room(int n) {
    pool.x = malloc((size_t)n * PIXELS * sizeof *pool.x);
    pool.label = malloc((size_t)n * sizeof *pool.label);
    if (pool.x && pool.label) {
        pool.n = n;
        return true;
    }
    free(pool.x);
    free(pool.label);
    pool.x = NULL, pool.label = NULL;
    return false;
}

static bool read_fashion(void) {
    tw_ctx *ctx = tw_ctx_new(1); /* of its own, for the files may be missing, which is no error */
    tw_idx image = {0}, label = {0};
    bool ok = ctx && !tw_idx_find(ctx, FASHION, "train-images", 3, &image) &&
        !tw_idx_find(ctx, FASHION, "train-labels", 1, &label) && label.dim[0] == image.dim[0] &&
        image.size == (size_t)image.dim[0] * PIXELS && pool_room(image.dim[0]);
    for (size_t i = 0; ok && i < image.size; i++) pool.x[i] = (tw_real)image.data[i] / 255;
    for (int i = 0; ok && i < pool.n; i++) pool.label[i] = label.data[i] % CLASSES;
    tw_idx_free(&image);
    tw_idx_free(&label);
    tw_ctx_free(ctx);
    return ok;
}

static bool render(tw_ctx *ctx) {
    uint64_t noise = tw_random_stream(ctx), mean = tw_random_stream(ctx), label = tw_random_stream(ctx);
    if (!pool_room(RENDERED)) return false;
    for (size_t i = 0; i < RENDERED; i++) {
        pool.label[i] = (int32_t)(tw_random_bits(label, i) % CLASSES);
        for (size_t k = 0; k < PIXELS; k++) {
            double m = tw_random_uniform(mean, (size_t)pool.label[i] * PIXELS + k);
            pool.x[i * PIXELS + k] = (tw_real)((m + tw_random_uniform(noise, i * PIXELS + k)) / 2);
        }
    }
    return true;
}

bool inputs_classes(tw_ctx *ctx, int batch, inputs *in) {
    if (!pool.n && read_fashion()) pool.fashion = true;
    if (!pool.n && !render(ctx)) return false;
    *in = (inputs){.x = pool.x, .label = pool.label, .stride = (size_t)batch * PIXELS, .labels = (size_t)batch};
    in->count = pool.n / batch;
    if (!in->count) tw_fail(ctx, TW_ERR_RANGE, "a batch of %d is more than the %d pictures there are", batch, pool.n);
    return in->count > 0;
}

/* ---- noise --------------------------------------------------------------------------------------------------- */

static tw_real *numbers(tw_ctx *ctx, size_t n, bool normal) {
    tw_real *x = malloc(n * sizeof *x);
    uint64_t stream = tw_random_stream(ctx);
    for (size_t i = 0; x && i < n; i++)
        x[i] = (tw_real)(normal ? tw_random_normal(stream, i) : tw_random_uniform(stream, i));
    return x;
}

/* Symbols other than 0, the blank. */
static int32_t *symbols(tw_ctx *ctx, size_t n, int classes) {
    int32_t *label = malloc(n * sizeof *label);
    uint64_t stream = tw_random_stream(ctx);
    for (size_t i = 0; label && i < n; i++)
        label[i] = 1 + (int32_t)(tw_random_bits(stream, i) % (uint64_t)(classes - 1));
    return label;
}

static bool with_texts(tw_ctx *ctx, size_t stride, bool normal, int count, int batch, int classes, int length,
                       inputs *in) {
    size_t labels = (size_t)batch * (size_t)length;
    if (classes < 2) {
        tw_fail(ctx, TW_ERR_RANGE, "K is at least 2: the blank and one symbol");
        return false;
    }
    tw_real *x = numbers(ctx, (size_t)count * stride, normal);
    int32_t *label = symbols(ctx, (size_t)count * labels, classes);
    *in = (inputs){.x = x, .label = label, .stride = stride, .labels = labels, .count = count, .memory = {x, label}};
    return x && label;
}

bool inputs_texts(tw_ctx *ctx, int batch, size_t pixels, int classes, int length, inputs *in) {
    return with_texts(ctx, (size_t)batch * pixels, false, TEXT_BATCHES, batch, classes, length, in);
}

bool inputs_logits(tw_ctx *ctx, size_t n, int batch, int classes, int length, inputs *in) {
    return with_texts(ctx, n, true, 1, batch, classes, length, in);
}

bool inputs_gradient(tw_ctx *ctx, size_t n, size_t ndy, inputs *in) {
    tw_real *x = numbers(ctx, n, true), *dy = numbers(ctx, ndy, true);
    *in = (inputs){.x = x, .dy = dy, .count = 1, .memory = {x, dy}};
    return x && dy;
}

void inputs_free(inputs *in) {
    for (size_t i = 0; i < sizeof in->memory / sizeof *in->memory; i++) free(in->memory[i]);
    *in = (inputs){0};
}
