/* block.c - blocks of the step's memory that are finished before the step is, and may be used again: gradients whose
 * backward has run, and values nobody will look at when nothing is recorded. */
#include "tensor/internal.h"

void *tw__block_take(tw_ctx *ctx, size_t bytes) {
    int best = -1;
    for (int i = 0; i < ctx->free_blocks; i++)
        if (ctx->free_block[i].bytes >= bytes && (best < 0 || ctx->free_block[i].bytes < ctx->free_block[best].bytes))
            best = i;
    if (best < 0) return tw_alloc(ctx, bytes);
    tw__arena_room(&ctx->step, bytes); /* in a narrower step it may be the larger of the two */
    tw__block *b = &ctx->free_block[best];
    void *p = b->ptr;
    size_t taken = (bytes + 63) & ~(size_t)63;
    if (b->bytes > taken) { /* the rest stays free */
        b->ptr = (char *)b->ptr + taken;
        b->bytes -= taken;
    } else {
        *b = ctx->free_block[--ctx->free_blocks];
    }
    tw__arena_open(p, bytes);
    return p;
}

void tw__block_give(tw_ctx *ctx, void *ptr, size_t bytes) {
    bytes = (bytes + 63) & ~(size_t)63;
    tw__arena_shut(ptr, bytes);
    if (bytes && ctx->free_blocks < TW__FREE_BLOCKS) ctx->free_block[ctx->free_blocks++] = (tw__block){ptr, bytes};
}

void tw__tensor_recycle(tw_ctx *ctx, tw_tensor *t) {
    if (!t || !t->owned) return;
    t->owned = false;
    tw__block_give(ctx, t->data, t->size * sizeof *t->data);
}
