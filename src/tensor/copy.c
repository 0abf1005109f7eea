/* copy.c - copying, or adding, rows between two row strides: concat, slice and reshape, both ways. */
#include "tensor/ops.h"

#include <string.h>

typedef struct copy {
    size_t columns, pieces, from_stride, to_stride; /* pieces of TW__GRAIN in a row */
    const tw_real *from;
    tw_real beta, *to;
} copy;

static void copy_pieces(void *arg, size_t begin, size_t end) {
    const copy *c = arg;
    for (size_t p = begin; p < end; p++) {
        size_t row = p / c->pieces, column = p % c->pieces * TW__GRAIN, left = c->columns - column;
        const tw_real *restrict from = c->from + row * c->from_stride + column;
        tw_real *restrict to = c->to + row * c->to_stride + column;
        size_t n = left < TW__GRAIN ? left : TW__GRAIN;
        if (c->beta == 0) memcpy(to, from, n * sizeof *to);
        else
            for (size_t i = 0; i < n; i++) to[i] += from[i];
    }
}

void tw__copy_rows(tw_ctx *ctx, size_t rows, size_t columns, const tw_real *from, size_t from_stride, tw_real beta,
                   tw_real *to, size_t to_stride) {
    if (!rows || !columns) return;
    copy c = {columns, (columns - 1) / TW__GRAIN + 1, from_stride, to_stride, from, beta, to};
    tw__for_ranges(ctx, rows * c.pieces, tw__grain(columns), copy_pieces, &c);
}
