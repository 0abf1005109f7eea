/* model.h - the recognisers: convolutions that look at the picture, LSTMs that read along it.
 *
 * A picture [N,1,H,W] becomes a sequence of frames from left to right, and each frame a score for every character and
 * for CTC's blank (Shi, Bai, Yao 2015). */
#ifndef CRNN_OCR_MODEL_H
#define CRNN_OCR_MODEL_H

#include <thalweg/thalweg.h>

typedef struct crnn_design crnn_design;

typedef struct crnn {
    const crnn_design *design;
    tw_params *params;
    tw_layer *features;           /* [N,1,H,W] -> [T,N,D] */
    tw_layer *lstm[2], *dense[2]; /* in turn; the last dense gives the logits */
    tw_layer *guide;              /* training may have it (guide.h): [T,N,D] -> logits; otherwise NULL */
    tw_ema *ema;                  /* training may have it (ema.h); otherwise NULL */
    int levels;                   /* LSTMs with their dense layer: 1 or 2 */
    int height, classes;
} crnn;

struct crnn_design {
    const char *name, *about;
    int height_step, max_height; /* heights it can read: multiples of height_step up to max_height */
    int (*frames)(int width);    /* T for a picture of this width, a multiple of CRNN_STEP */
    void (*build)(crnn *net);    /* adds the layers; errors stay in the context */
    /* the recipe that a bare command uses */
    const char *optim, *schedule;
    int epochs, batch;
};
enum { CRNN_STEP = 4 }; /* pixels a frame: pictures are widened to a multiple of it */

extern const crnn_design *const crnn_designs[];        /* tiny, small, medium, vgg; NULL at the end */
const crnn_design *crnn_design_find(const char *name); /* NULL: no such name */

/* Makes the layers with fresh weights. An error is left in ctx; crnn_free is needed in either case. */
tw_err crnn_new(tw_ctx *ctx, crnn *net, const crnn_design *design, int height, int classes);
void crnn_free(crnn *net);

/* x [N,1,H,W] and each sample's width (multiples of CRNN_STEP, at most W) -> logits [T,N,K], and how many of its T
 * frames belong to each sample. What stands right of a sample is 0, the background, and reaches its frames only as far
 * as the kernels of the convolutions do; the LSTMs stop at its last frame. */
tw_tensor *crnn_forward(tw_ctx *ctx, const crnn *net, tw_tensor *x, tw_labels widths, tw_labels *frames);
/* The same, and in *guided what the guide makes of the features; NULL when there is none. */
tw_tensor *crnn_forward_guided(tw_ctx *ctx, const crnn *net, tw_tensor *x, tw_labels widths, tw_labels *frames,
                               tw_tensor **guided);

#endif
