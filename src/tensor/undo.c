/* undo.c - buffers that forward moves, running statistics, get their values back when the step fails.
 *
 * What a buffer held before a change is written down until the update has succeeded or another one begins: over all the
 * parts of a batch when steps accumulate, since a gradient that is not finite is found when they have been added up. */
#include "tensor/params.h"

#include <string.h>

struct tw__undo {
    tw__undo *older;
    tw_tensor *buffer; /* NULL: freed or loaded since */
    uint64_t step;     /* in which it was changed */
    tw_real old[];     /* [buffer->size] */
};

tw_err tw_buffer_will_change(tw_ctx *ctx, tw_tensor *buffer) {
    if (!buffer) return TW_ERR_STATE;
    if (ctx->error) return ctx->error;
    if (!ctx->recording || buffer->step) return TW_OK; /* no backward can fail; gone with the step anyway */
    tw__undo *u = tw__arena_alloc(ctx, &ctx->undo, sizeof *u + buffer->size * sizeof *u->old);
    if (!u) return TW_ERR_NOMEM;
    *u = (tw__undo){.older = ctx->undone, .buffer = buffer, .step = ctx->step_number};
    if (buffer->size) memcpy(u->old, buffer->data, buffer->size * sizeof *u->old);
    ctx->undone = u;
    return TW_OK;
}

void tw__undo_since(tw_ctx *ctx, uint64_t step) {
    for (; ctx->undone && ctx->undone->step >= step; ctx->undone = ctx->undone->older) {
        const tw__undo *u = ctx->undone;
        if (u->buffer && u->buffer->size) memcpy(u->buffer->data, u->old, u->buffer->size * sizeof *u->old);
    }
}

void tw__undo_forget(tw_ctx *ctx) {
    ctx->undone = NULL;
    ctx->part_failed = false;
}

void tw__undo_forget_params(const tw_params *params) {
    for (tw__undo *u = params->ctx->undone; u; u = u->older)
        for (size_t i = 0; u->buffer && i < params->count; i++)
            if (u->buffer == &params->entry[i]->tensor) u->buffer = NULL;
}
