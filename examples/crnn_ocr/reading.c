/* reading.c - see reading.h. */
#include "reading.h"

#include "picture.h"
#include "shipped.h"

#include <math.h>
#include <stdlib.h>
#include <thalweg/extend.h>

tw_err reader_open(tw_ctx *ctx, const char *model, const decoding_options *options, bool spans, reader *r) {
    char shipped[4096];
    *r = (reader){.ctx = ctx, .spans = spans};
    tw_err err = model ? TW_OK : shipped_find(ctx, shipped, sizeof shipped);
    if (!err) err = trained_load(ctx, model ? model : shipped, true, &r->model);
    if (!err) err = decoding_open(ctx, options, r->model.alphabet, &r->decoding);
    if (err) reader_close(r);
    tw_set_training(ctx, false);
    tw_set_recording(ctx, false);
    return err;
}

void reader_close(reader *r) {
    decoding_close(&r->decoding);
    trained_free(&r->model);
    free(r->span);
    *r = (reader){0};
}

double reading_confidence(const decoded *d) { return exp(d->log_prob); }

/* The frames of each character as columns of the picture. The spans of the network are narrow, for it says a character
 * where it is sure of it: what lies between two of them is divided in the middle. */
static tw_err find_spans(reader *r, const tw_tensor *logits, int frames, const picture_part *part, const decoded *d,
                         reading *result) {
    tw_ctx *ctx = r->ctx;
    size_t n = (size_t)d->n;
    if (n > r->room) {
        reading_span *span = realloc(r->span, n * sizeof *span);
        if (!span) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory for the places of %zu characters", n);
        r->span = span;
        r->room = n;
    }
    tw_mark mark = tw_scratch_mark(ctx);
    tw_span *at = tw_scratch(ctx, (n + !n) * sizeof *at);
    int K = logits->dim[2];
    tw_err err = at ? TW_OK : TW_ERR_NOMEM;
    if (!err && n)
        err = tw_ctc_align(ctx, logits->data, frames, K, (size_t)K, tw_alphabet_blank(r->model.alphabet), d->symbols, n,
                           at, NULL);
    /* A frame is CRNN_STEP columns of the scaled picture. */
    double column = CRNN_STEP * (double)part->seen.width / part->columns, left = 0;
    for (size_t i = 0; !err && i < n; i++) {
        double right = i + 1 < n ? 0.5 * (at[i].end + at[i + 1].begin) : frames;
        double from = i ? left : at[i].begin - (i + 1 < n ? right - at[i].end : 1);
        if (i + 1 == n) right = at[i].end + (i ? at[i].begin - from : 1);
        left = right;
        reading_span *s = &r->span[i];
        double x = from * column, end = right * column;
        if (x < 0) x = 0;
        if (end > part->seen.width) end = part->seen.width;
        s->x = part->seen.x + x;
        s->width = end > x ? end - x : 0;
        s->confidence = at[i].confidence;
        err = tw_alphabet_decode(ctx, r->model.alphabet, &d->symbols[i], 1, s->text, sizeof s->text);
    }
    tw_scratch_release(ctx, mark);
    if (!err) result->span = r->span;
    return err;
}

tw_err reader_read(reader *r, const tw_image *gray, reading *result) {
    tw_ctx *ctx = r->ctx;
    int width, height = r->model.recipe.height;
    *result = (reading){.width = gray->width, .height = gray->height};
    picture_part part;
    tw_real *x = picture_from(ctx, gray, height, trained_trims(&r->model), &width, &part);
    if (!x) return tw_error(ctx);
    result->seen = part.seen;
    tw_labels frames, widths = {&(int32_t){width}, 1};
    tw_step_begin(ctx);
    tw_tensor *input = tw_input(ctx, x, 4, (int[]){1, 1, height, width});
    tw_tensor *logits = crnn_forward(ctx, &r->model.net, input, widths, &frames);
    free(x);
    if (!logits) return tw_error(ctx);
    tw_err err = decoding_read(ctx, &r->decoding, logits->data, frames.v[0], (size_t)logits->dim[2]);
    result->n = r->decoding.n;
    result->best = r->decoding.reading;
    if (!err && r->spans && result->n) err = find_spans(r, logits, frames.v[0], &part, &result->best[0], result);
    return err;
}
