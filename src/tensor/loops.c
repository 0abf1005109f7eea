/* loops.c - cutting long loops into ranges, and naming axes. */
#include "tensor/ops.h"

#include <limits.h>

typedef struct ranges {
    size_t n, grain;
    tw__range_fn fn;
    void *arg;
} ranges;

static void one_range(void *arg, int block, int thread) {
    const ranges *r = arg;
    (void)thread;
    size_t begin = (size_t)block * r->grain, left = r->n - begin;
    r->fn(r->arg, begin, begin + (left < r->grain ? left : r->grain));
}

void tw__for_ranges(tw_ctx *ctx, size_t n, size_t grain, tw__range_fn fn, void *arg) {
    if (n == 0) return;
    if (grain == 0) grain = TW__GRAIN;
    while ((n - 1) / grain >= INT_MAX) grain *= 2;
    ranges r = {n, grain, fn, arg};
    tw_parallel_for(ctx, (int)((n - 1) / grain + 1), one_range, &r);
}

size_t tw__grain(size_t work) { return work == 0 ? TW__GRAIN : work >= TW__GRAIN ? 1 : TW__GRAIN / work; }

bool tw__axis(tw_ctx *ctx, const char *op, const tw_tensor *x, int axis, int *found) {
    *found = axis < 0 ? axis + x->ndim : axis;
    if (*found >= 0 && *found < x->ndim) return true;
    tw_fail(ctx, TW_ERR_RANGE, "%s: axis %d of a tensor with %d dimensions: %s", op, axis, x->ndim,
            tw_describe(ctx, x));
    return false;
}

bool tw__axis_to_reduce(tw_ctx *ctx, const char *op, const tw_tensor *x, int axis, int *found) {
    *found = 0;
    return (x->ndim == 0 && (axis == 0 || axis == -1)) || tw__axis(ctx, op, x, axis, found);
}

tw__around tw__around_axis(const tw_tensor *x, int axis) {
    tw__around r = {1, (size_t)x->dim[axis], 1};
    for (int i = 0; i < axis; i++) r.outer *= (size_t)x->dim[i];
    for (int i = axis + 1; i < x->ndim; i++) r.inner *= (size_t)x->dim[i];
    return r;
}
