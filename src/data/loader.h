/* loader.h - the order of an epoch (plan.c), a batch of it (batch.c), and what loader.c needs of both. */
#ifndef TW_DATA_LOADER_H
#define TW_DATA_LOADER_H

#include <stdatomic.h>
#include <thalweg/data.h>

/* Which samples an epoch's batches hold: order[b * batch] .. is batch b. A pure function of the options, the widths,
 * and the epoch. */
typedef struct tw__plan {
    const tw_dataset *dataset;
    tw_loader_options options;
    size_t batches;
    size_t window; /* samples sorted by width together; 0: none */
    int64_t epoch; /* that order is for; -1: none yet */
    size_t *order; /* [count] */
    int *width;    /* [count], when there are windows */
    uint64_t *key; /* [window] */
    size_t *moved; /* [window] */
} tw__plan;

/* Checks nothing; NOMEM when memory runs out. Calls dataset->width for every sample when there are buckets. */
tw_err tw__plan_init(tw__plan *plan, const tw_dataset *dataset, const tw_loader_options *options);
void tw__plan_free(tw__plan *plan);
void tw__plan_epoch(tw__plan *plan, int64_t epoch);
/* The random stream of a sample in an epoch. */
uint64_t tw__plan_stream(const tw__plan *plan, int64_t epoch, size_t sample);

/* A batch and the memory it lies in. */
typedef struct tw__slot {
    tw_batch batch;
    tw_real *x;
    int32_t *width, *label, *label_length;
    tw_real *target;
    size_t *index;
} tw__slot;

/* A batch's width, which loader.c has found to be an int. */
int tw__rounded_width(int width, const tw_loader_options *options);

/* Room for any batch; false when memory runs out. What was taken is freed by tw__slot_free in either case. */
bool tw__slot_init(tw__slot *slot, const tw_dataset *dataset, const tw_loader_options *options);
void tw__slot_free(tw__slot *slot);

/* Makes one batch. */
typedef struct tw__batcher {
    const tw_dataset *dataset;
    tw_loader_options options;
    size_t stride; /* values a sample may take in a batch: C * H * the largest width, rounded up */
    tw__plan plan;
    tw_real *sample;    /* one sample, while it is moved to its place */
    atomic_bool cancel; /* the batch is not wanted any more */
    char message[1024];
} tw__batcher;

/* The dataset is borrowed. NOMEM when memory runs out; what was taken is freed by tw__batcher_free in either case. */
tw_err tw__batcher_init(tw__batcher *b, const tw_dataset *dataset, const tw_loader_options *options);
void tw__batcher_free(tw__batcher *b);
/* The batch of a position. With a context its threads share the samples; NULL: the calling thread gets them one by one.
 * An error's sentence is in b->message: that of the first sample that fails. STATE after a cancel. */
tw_err tw__batcher_run(tw__batcher *b, tw_ctx *ctx, tw_loader_position at, tw__slot *slot);

#endif
