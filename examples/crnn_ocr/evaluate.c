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

/* ---- a whole dataset ------------------------------------------------------------------------------------------ */

typedef tw_err (*batch_fn)(void *user, const tw_tensor *logits, tw_labels frames, const tw_batch *batch);

static tw_err read_all(tw_ctx *ctx, const crnn *net, tw_loader *loader, batch_fn each, void *user) {
    const tw_batch *batch;
    for (;;) {
        tw_err err = tw_loader_next(loader, &batch);
        if (err) return err;
        if (!batch) return TW_OK;
        tw_step_begin(ctx);
        tw_labels frames;
        tw_tensor *logits = crnn_forward(ctx, net, tw_input(ctx, batch->x, 4, batch->dim), batch->width, &frames);
        if (!logits) return tw_error(ctx);
        if ((err = each(user, logits, frames, batch))) return err;
    }
}

static tw_err read_dataset(tw_ctx *ctx, const crnn *net, const tw_dataset *dataset, batch_fn each, void *user) {
    bool training = tw_training(ctx), recording = tw_recording(ctx);
    tw_loader_options options = reading_batches(32);
    tw_loader *loader = tw_loader_new(ctx, dataset, &options);
    if (!loader) return tw_error(ctx);
    tw_set_training(ctx, false);
    tw_set_recording(ctx, false);
    tw_err err = read_all(ctx, net, loader, each, user);
    tw_set_training(ctx, training);
    tw_set_recording(ctx, recording);
    tw_loader_free(loader);
    return err;
}

typedef struct greedy {
    tw_ctx *ctx;
    score *score;
    int32_t *symbols;
    evaluate_fn read;
    void *user;
} greedy;

static tw_err read_greedily(void *user, const tw_tensor *logits, tw_labels frames, const tw_batch *batch) {
    const greedy *g = user;
    int N = logits->dim[1], K = logits->dim[2];
    size_t stride = (size_t)N * (size_t)K;
    if (!score_add(g->ctx, g->score, logits, frames, batch, g->symbols)) return tw_error(g->ctx);
    for (int i = 0; g->read && i < N; i++) {
        const tw_real *own = logits->data + (size_t)i * (size_t)K;
        int n = tw_ctc_greedy(own, frames.v[i], K, stride, 0, g->symbols);
        g->read(g->user, batch->index[i], g->symbols, n,
                tw_ctc_log_prob(g->ctx, own, frames.v[i], K, stride, g->symbols, n, 0));
    }
    return TW_OK;
}

tw_err evaluate(tw_ctx *ctx, const crnn *net, const tw_dataset *dataset, score *s, evaluate_fn read, void *user) {
    *s = (score){0};
    greedy g = {ctx, s, NULL, read, user};
    g.symbols = malloc(((size_t)net->design->frames(dataset->max_width) + 1) * sizeof *g.symbols);
    if (!g.symbols) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    tw_err err = read_dataset(ctx, net, dataset, read_greedily, &g);
    free(g.symbols);
    return err;
}

typedef struct by_frames {
    evaluate_frames_fn each;
    void *user;
} by_frames;

static tw_err give_frames(void *user, const tw_tensor *logits, tw_labels frames, const tw_batch *batch) {
    const by_frames *f = user;
    int N = logits->dim[1], K = logits->dim[2];
    tw_err err = TW_OK;
    for (int i = 0; !err && i < N; i++)
        err = f->each(f->user, batch->index[i], logits->data + (size_t)i * (size_t)K, frames.v[i],
                      (size_t)N * (size_t)K);
    return err;
}

tw_err evaluate_frames(tw_ctx *ctx, const crnn *net, const tw_dataset *dataset, evaluate_frames_fn each, void *user) {
    by_frames f = {each, user};
    return read_dataset(ctx, net, dataset, give_frames, &f);
}
