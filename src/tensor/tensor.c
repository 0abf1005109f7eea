/* tensor.c - making tensors: inputs, constants, random values. */
#include "tensor/internal.h"

#include <string.h>
#include <tgmath.h>

bool tw__shape_size(int ndim, const int *dim, size_t *size) {
    size_t n = 1;
    if (ndim < 0 || ndim > TW_MAX_DIMS || (ndim && !dim)) return false;
    for (int i = 0; i < ndim; i++) {
        if (dim[i] < 0) return false;
        if (dim[i] && n > SIZE_MAX / 64 / (size_t)dim[i]) return false; /* room to multiply by a number's size */
        n *= (size_t)dim[i];
    }
    *size = n;
    return true;
}

void tw__tensor_init(tw_tensor *t, tw_real *data, int ndim, const int *dim) {
    memset(t, 0, sizeof *t);
    t->data = data;
    t->ndim = ndim;
    t->size = 1;
    for (int i = 0; i < TW_MAX_DIMS; i++) {
        t->dim[i] = i < ndim ? dim[i] : 1;
        t->size *= (size_t)t->dim[i];
    }
}

/* data NULL: memory of the step. */
static tw_tensor *make(tw_ctx *ctx, tw_real *data, int ndim, const int *dim) {
    size_t size;
    if (!tw__shape_size(ndim, dim, &size)) {
        if (ndim < 0 || ndim > TW_MAX_DIMS)
            return tw_fail(ctx, TW_ERR_SHAPE, "a tensor has 0 to %d dimensions, not %d", TW_MAX_DIMS, ndim);
        if (!dim) return tw_fail(ctx, TW_ERR_SHAPE, "a tensor's dim is NULL for %d dimensions", ndim);
        tw_tensor shape = {.ndim = ndim};
        memcpy(shape.dim, dim, (size_t)ndim * sizeof *dim);
        return tw_fail(ctx, TW_ERR_SHAPE, "not a tensor's shape (negative or too large): %s", tw_describe(ctx, &shape));
    }
    tw_tensor *t = tw_alloc(ctx, sizeof *t);
    bool owned = !data;
    if (t && owned)
        data = ctx->recording ? tw_alloc(ctx, size * sizeof *data) : tw__block_take(ctx, size * sizeof *data);
    if (!t || !data) return NULL;
    tw__tensor_init(t, data, ndim, dim);
    t->owned = owned;
    t->step = ctx->step_number;
    return t;
}

tw_tensor *tw_new(tw_ctx *ctx, int ndim, const int *dim) { return make(ctx, NULL, ndim, dim); }

tw_tensor *tw_new_like(tw_ctx *ctx, const tw_tensor *x) { return x ? make(ctx, NULL, x->ndim, x->dim) : NULL; }

tw_tensor *tw_input(tw_ctx *ctx, const tw_real *data, int ndim, const int *dim) {
    size_t size;
    if (!data && (!tw__shape_size(ndim, dim, &size) || size))
        return tw_fail(ctx, TW_ERR_RANGE, "input: data is NULL for a shape that has elements");
    return make(ctx, (tw_real *)data, ndim, dim); /* operations never write to an input's data */
}

tw_tensor *tw_input_grad(tw_ctx *ctx, const tw_real *data, int ndim, const int *dim) {
    tw_tensor *t = tw_input(ctx, data, ndim, dim);
    if (t) t->requires_grad = true;
    return t;
}

tw_tensor *tw_full(tw_ctx *ctx, tw_real value, int ndim, const int *dim) {
    tw_tensor *t = tw_new(ctx, ndim, dim);
    for (size_t i = 0; t && i < t->size; i++) t->data[i] = value;
    return t;
}

tw_tensor *tw_randn(tw_ctx *ctx, tw_real mean, tw_real std, int ndim, const int *dim) {
    if (!(std >= 0 && isfinite(std)))
        return tw_fail(ctx, TW_ERR_RANGE, "randn: a standard deviation is finite, and 0 or above, not %g", (double)std);
    tw_tensor *t = tw_new(ctx, ndim, dim);
    uint64_t stream = t ? tw_random_stream(ctx) : 0;
    for (size_t i = 0; t && i < t->size; i++) t->data[i] = mean + std * (tw_real)tw_random_normal(stream, i);
    return t;
}

tw_tensor *tw_rand(tw_ctx *ctx, tw_real low, tw_real high, int ndim, const int *dim) {
    if (!(low <= high && isfinite(high - low)))
        return tw_fail(ctx, TW_ERR_RANGE,
                       "rand: there is no number to draw from %g to %g: low is at most high, and high - low finite",
                       (double)low, (double)high);
    tw_tensor *t = tw_new(ctx, ndim, dim);
    const tw_real below = nextafter(high, low);
    uint64_t stream = t ? tw_random_stream(ctx) : 0;
    for (size_t i = 0; t && i < t->size; i++) {
        tw_real draw = low + (high - low) * (tw_real)tw_random_uniform(stream, i);
        t->data[i] = draw < high || high == low ? draw : below; /* rounding may reach what is excluded */
    }
    return t;
}

tw_tensor *tw_detach(tw_ctx *ctx, tw_tensor *x) {
    if (!x || !tw_inputs_ok(ctx, "detach", 1, &x)) return NULL;
    tw_tensor *y = tw_new_like(ctx, x);
    if (y && x->size) memcpy(y->data, x->data, x->size * sizeof *x->data);
    return y;
}

tw_tensor *tw_keep_grad(tw_tensor *x) {
    if (x) x->keep_grad = true;
    return x;
}

tw_tensor *tw_set_name(tw_tensor *x, const char *name) {
    if (x) x->name = name;
    return x;
}

tw_real tw_item(const tw_tensor *x) { return x && x->size == 1 ? x->data[0] : (tw_real)NAN; }

tw_err tw_tensor_copy_out(tw_ctx *ctx, const tw_tensor *x, tw_real *to, size_t n) {
    if (ctx->error) return ctx->error;
    if (!x) return tw_fail_err(ctx, TW_ERR_STATE, "copy_out: the tensor is NULL");
    if (x->step && x->step != ctx->step_number) {
        (void)tw_inputs_ok(ctx, "copy_out", 1, &(tw_tensor *){(tw_tensor *)x}); /* for its sentence */
        return ctx->error;
    }
    if (n != x->size)
        return tw_fail_err(ctx, TW_ERR_SHAPE, "copy_out: room for %zu numbers, but %s has %zu", n, tw_describe(ctx, x),
                           x->size);
    if (n) memcpy(to, x->data, n * sizeof *to);
    return TW_OK;
}
