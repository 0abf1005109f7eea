/* inputs.h - what the workloads learn from.
 *
 * Classes: Fashion-MNIST in order where it is installed, else noise around one picture for each class. It must change
 * from step to step: on one fixed batch a network soon has gradients of zero, and denormal numbers in its optimiser.
 * Texts: noise with random labels, 64 different batches. */
#ifndef BENCH_INPUTS_H
#define BENCH_INPUTS_H

#include <thalweg/thalweg.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10 };

typedef struct inputs {
    const tw_real *x, *dy; /* count inputs, `stride` numbers from each to the next; dy: the gradient to start with */
    const int32_t *label;  /* the same with `labels`; NULL: none */
    size_t stride, labels;
    int count;
    void *memory[3]; /* what is to be freed; pictures are shared and stay */
} inputs;

/* False: no memory, or an error is in ctx. */
bool inputs_classes(tw_ctx *ctx, int batch, inputs *in);
bool inputs_texts(tw_ctx *ctx, int batch, size_t pixels, int classes, int length, inputs *in);
bool inputs_logits(tw_ctx *ctx, size_t n, int batch, int classes, int length, inputs *in);
bool inputs_gradient(tw_ctx *ctx, size_t n, size_t ndy, inputs *in);
void inputs_free(inputs *in);

size_t inputs_bytes(void); /* of the shared pictures */
const char *inputs_source(void);

#endif
