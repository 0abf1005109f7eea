/* ctc.h - what the files of `losslab ctc` share. */
#ifndef LOSSLAB_CTC_H
#define LOSSLAB_CTC_H

#include "canvas.h"
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

/* A text, the frames it is looked for in, and what CTC makes of them. */
typedef struct ctc_scene {
    tw_ctx *ctx;
    const char *text;
    ctc_frames frames;
    int32_t *label; /* [L] */
    int L;
    int *greedy; /* [T] the best symbol of each frame */
    lattice w;
} ctc_scene;

/* Fills in the rest: label, greedy path and lattice of s->text in s->frames. Free the scene in any case. */
TW_MUST_CHECK tw_err ctc_scene_prepare(ctc_scene *s);
void ctc_scene_free(ctc_scene *s); /* all but ctx and text */

/* The picture of it all. NULL: no memory. Its size is known before it is drawn; it depends on the text's length and the
 * number of frames. */
canvas *ctc_picture(const ctc_scene *s);
TW_MUST_CHECK tw_err ctc_picture_size(const ctc_scene *s, double *width, double *height);

#endif
