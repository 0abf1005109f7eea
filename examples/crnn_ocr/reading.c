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

tw_err reader_read(reader *r, const tw_image *gray, reading *result) {
    tw_ctx *ctx = r->ctx;
    int width, height = r->model.recipe.height;
    *result = (reading){.width = gray->width, .height = gray->height};
    picture_part part;
    tw_real *x = picture_from(ctx, gray, height, &width, &part);
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
    return err;
}
