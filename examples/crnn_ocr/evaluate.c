/* evaluate.c - see evaluate.h. */
#include "evaluate.h"

#include <stdlib.h>
#include <thalweg/extend.h>

double score_exact(const score *s) { return s->samples ? (double)s->exact / (double)s->samples : 0; }
double score_cer(const score *s) { return s->characters ? (double)s->edits / (double)s->characters : s->edits ? 1 : 0; }

tw_loader_options reading_batches(int batch) {
    return (tw_loader_options){.batch = batch, .buckets = 16, .width_multiple = CRNN_STEP};
}

bool score_add(tw_ctx *ctx, score *s, const tw_tensor *logits, tw_labels frames, const tw_batch *batch,
               int32_t *symbols) {
    int N = logits->dim[1], K = logits->dim[2];
    const int32_t *label = batch->label.v;
    for (int i = 0; i < N; i++) {
        size_t length = (size_t)batch->label_length.v[i];
        int n = tw_ctc_greedy(logits->data + (size_t)i * (size_t)K, frames.v[i], K, (size_t)N * (size_t)K, 0, symbols);
        size_t edits = tw_edit_distance(ctx, symbols, (size_t)n, label, length);
        if (edits == (size_t)-1) return false;
        s->samples++;
        s->exact += edits == 0;
        s->edits += edits;
        s->characters += length;
        label += length;
    }
    return true;
}

static void tell(tw_ctx *ctx, const tw_tensor *logits, tw_labels frames, const tw_batch *batch, int32_t *symbols,
                 evaluate_fn read, void *user) {
    int N = logits->dim[1], K = logits->dim[2];
    size_t stride = (size_t)N * (size_t)K;
    for (int i = 0; i < N; i++) {
        const tw_real *own = logits->data + (size_t)i * (size_t)K;
        int n = tw_ctc_greedy(own, frames.v[i], K, stride, 0, symbols);
        read(user, batch->index[i], symbols, n, tw_ctc_log_prob(ctx, own, frames.v[i], K, stride, symbols, n, 0));
    }
}

static tw_err read_all(tw_ctx *ctx, const crnn *net, tw_loader *loader, int32_t *symbols, score *s, evaluate_fn read,
                       void *user) {
    const tw_batch *batch;
    for (;;) {
        tw_err err = tw_loader_next(loader, &batch);
        if (err) return err;
        if (!batch) return TW_OK;
        tw_step_begin(ctx);
        tw_labels frames;
        tw_tensor *logits = crnn_forward(ctx, net, tw_input(ctx, batch->x, 4, batch->dim), batch->width, &frames);
        if (!logits || !score_add(ctx, s, logits, frames, batch, symbols)) return tw_error(ctx);
        if (read) tell(ctx, logits, frames, batch, symbols, read, user);
    }
}

tw_err evaluate(tw_ctx *ctx, const crnn *net, const tw_dataset *dataset, score *s, evaluate_fn read, void *user) {
    bool training = tw_training(ctx), recording = tw_recording(ctx);
    *s = (score){0};
    tw_loader_options options = reading_batches(32);
    int32_t *symbols = malloc(((size_t)net->design->frames(dataset->max_width) + 1) * sizeof *symbols);
    tw_loader *loader = symbols ? tw_loader_new(ctx, dataset, &options) : NULL;
    if (!symbols) tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    tw_set_training(ctx, false);
    tw_set_recording(ctx, false);
    tw_err err = loader ? read_all(ctx, net, loader, symbols, s, read, user) : tw_error(ctx);
    tw_set_training(ctx, training);
    tw_set_recording(ctx, recording);
    tw_loader_free(loader);
    free(symbols);
    return err;
}
