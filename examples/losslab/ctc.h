/* ctc.h - what the files of `losslab ctc` share. */
#ifndef LOSSLAB_CTC_H
#define LOSSLAB_CTC_H

#include "lattice.h"

#include <thalweg/text.h>

/* Frames, and how their symbols are written. */
typedef struct ctc_frames {
    int T, K;
    tw_real *logits; /* [T,K] */
    tw_alphabet *alphabet;
} ctc_frames;

/* Made up: peaks along a random alignment of text, some of them weak. */
TW_MUST_CHECK tw_err ctc_frames_draw(tw_ctx *ctx, const char *text, int T, ctc_frames *f);
/* What a model of crnn_ocr makes of a picture. */
TW_MUST_CHECK tw_err ctc_frames_read(tw_ctx *ctx, const char *model, const char *image, ctc_frames *f);
void ctc_frames_free(ctc_frames *f);

/* One symbol as text: "-" is the blank. */
const char *ctc_symbol(tw_ctx *ctx, const ctc_frames *f, int symbol, char text[16]);

/* The picture of it all; greedy [T] is the best symbol of each frame. False: a sentence is in error[size]. */
bool ctc_draw(tw_ctx *ctx, const ctc_frames *f, const lattice *w, const int *greedy, const char *text, const char *path,
              char *error, size_t size);

#endif
