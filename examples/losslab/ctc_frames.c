/* ctc_frames.c - frames for `losslab ctc`: made up, or read from a picture by a trained network. */
#include "ctc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../crnn_ocr/picture.h"
#include "../crnn_ocr/recipe.h"

/* The symbols of text, to be freed. */
static int32_t *encode(tw_ctx *ctx, const tw_alphabet *alphabet, const char *text, size_t *n) {
    *n = strlen(text) + 1;
    int32_t *symbols = malloc(*n * sizeof *symbols);
    if (!symbols) tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    else if (tw_alphabet_encode(ctx, alphabet, text, symbols, n)) free(symbols), symbols = NULL;
    return symbols;
}

/* A random walk through the text: each symbol gets a part of the frames, a spike inside it, blanks around. */
static void draw(tw_ctx *ctx, ctc_frames *f, const int32_t *label, int L) {
    uint64_t stream = tw_random_stream(ctx);
    for (int i = 0; i < f->T * f->K; i++) f->logits[i] = (tw_real)(0.8 * tw_random_normal(stream, (uint64_t)i));
    for (int t = 0; t < f->T; t++) {
        double u = tw_random_uniform(stream, 100000 + (uint64_t)t);
        double place = L ? (t + 0.5) / f->T * L : 0, inside = place - floor(place);
        int at = (int)place;
        bool spike = L && (f->T < 2 * L ? inside > 0.2 : inside > 0.25 && inside < 0.8);
        f->logits[t * f->K + (spike ? label[at < L ? at : L - 1] : 0)] += (tw_real)(1.5 + 2.5 * u);
    }
}

tw_err ctc_frames_draw(tw_ctx *ctx, const char *text, int T, ctc_frames *f) {
    *f = (ctc_frames){.T = T};
    size_t n;
    f->alphabet = *text ? tw_alphabet_from_texts(ctx, 1, &text) : tw_alphabet_new(ctx, "a");
    if (!f->alphabet) return tw_error(ctx);
    f->K = tw_alphabet_classes(f->alphabet);
    int32_t *label = encode(ctx, f->alphabet, text, &n);
    f->logits = malloc((size_t)T * (size_t)f->K * sizeof *f->logits);
    if (label && f->logits) draw(ctx, f, label, (int)n);
    else if (label) tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    free(label);
    if (tw_error(ctx)) ctc_frames_free(f);
    return tw_error(ctx);
}

static tw_err run_network(tw_ctx *ctx, trained *t, const tw_real *x, int width, ctc_frames *f) {
    int32_t widths = width;
    tw_labels frames;
    tw_step_begin(ctx);
    tw_tensor *input = tw_input(ctx, x, 4, (int[]){1, 1, t->recipe.height, width});
    tw_tensor *logits = crnn_forward(ctx, &t->net, input, (tw_labels){&widths, 1}, &frames);
    if (!logits) return tw_error(ctx);
    f->T = frames.v[0], f->K = t->net.classes;
    size_t bytes = (size_t)f->T * (size_t)f->K * sizeof *f->logits;
    f->logits = malloc(bytes);
    if (!f->logits) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    memcpy(f->logits, logits->data, bytes);
    return TW_OK;
}

/* The file's numbers are floats; the double library reads them all the same. */
tw_err ctc_frames_read(tw_ctx *ctx, const char *model, const char *image, ctc_frames *f) {
    trained t;
    int width;
    *f = (ctc_frames){0};
    if (trained_load(ctx, model, true, &t)) return tw_error(ctx);
    bool training = tw_training(ctx), recording = tw_recording(ctx);
    tw_set_training(ctx, false);
    tw_set_recording(ctx, false);
    tw_real *x = picture_load(ctx, image, t.recipe.height, trained_trims(&t), &width);
    tw_err err = x ? run_network(ctx, &t, x, width, f) : tw_error(ctx);
    tw_set_training(ctx, training);
    tw_set_recording(ctx, recording);
    free(x);
    f->alphabet = t.alphabet, t.alphabet = NULL;
    trained_free(&t);
    if (err) ctc_frames_free(f);
    return err;
}

void ctc_frames_free(ctc_frames *f) {
    tw_alphabet_free(f->alphabet);
    free(f->logits);
    *f = (ctc_frames){0};
}

const char *ctc_symbol(tw_ctx *ctx, const ctc_frames *f, int symbol, char text[16]) {
    int32_t s = symbol;
    if (symbol == 0) return strcpy(text, "-");
    if (tw_alphabet_decode(ctx, f->alphabet, &s, 1, text, 16)) {
        tw_error_clear(ctx);
        strcpy(text, "?");
    }
    if (!strcmp(text, " ")) strcpy(text, "␣");
    return text;
}
