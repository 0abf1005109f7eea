/* util_trainings.h - the networks that the example programs train, each with its program's own step, on a few made-up
 * samples: for tests of what holds for whole trainings. */
#ifndef TEST_UTIL_TRAININGS_H
#define TEST_UTIL_TRAININGS_H

#include "util.h"

typedef struct small_training small_training;

/* What is different from program to program. They know each other's names for too many things to share a file. */
typedef struct training_program {
    const char *name;
    size_t size; /* of its own data */
    int kind;    /* which of its networks */
    /* Makes params, optim and loader of *t, which has ctx and own. Errors stay in ctx. */
    void (*make)(small_training *t);
    tw_err (*step)(small_training *t, const tw_batch *b);
    void (*free)(small_training *t);
    int stride; /* a large network: what tries each of many places tries every stride-th; 0: all */
} training_program;

/* mnist's four networks, with augmented pictures; crnn_ocr's four, with guide, averaged weights and augmented pictures;
 * losslab's, on classes and with CTC. */
extern const training_program *const training_programs[]; /* NULL at the end */
extern const training_program mnist_mlp, mnist_lenet, mnist_cnn, mnist_cnn_l, crnn_tiny, crnn_small, crnn_medium,
    crnn_vgg, losslab_ce, losslab_ctc;

struct small_training {
    const training_program *program;
    tw_ctx *ctx;
    tw_params *params;
    tw_optim *optim;
    tw_loader *loader;
    void *own;
};
enum { TRAINING_SAMPLES = 10, TRAINING_BATCH = 4 }; /* the last batch of an epoch is smaller */

/* In a fresh ctx. False: an error is there. small_training_free takes that, too. */
bool small_training_new(small_training *t, tw_ctx *ctx, const training_program *program);
void small_training_free(small_training *t);
tw_err small_training_step(small_training *t, const tw_batch *b);
/* The loader's next batch, of the next epoch when this one is over. */
tw_err small_training_next(small_training *t, const tw_batch **b);

/* A dataset of made-up gray pictures with a class of ten, or with texts of 1 to 3 of so many symbols. s stays the
 * caller's. */
typedef struct made_up {
    int height, width, symbols; /* symbols 0: classes */
} made_up;
tw_dataset made_up_dataset(const made_up *s);
void made_up_picture(uint8_t *pixel, int height, int width, uint64_t sample);

/* All that a step changes for good: weights, buffers, the optimiser's states and counts, the random state. */
typedef struct snapshot {
    size_t size;
    char *bytes;
} snapshot;
snapshot snapshot_take(const small_training *t);
bool snapshot_holds(const snapshot *s, const small_training *t); /* nothing has changed since */
void snapshot_restore(const snapshot *s, small_training *t);
void snapshot_free(snapshot *s);

#endif
