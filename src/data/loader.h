/* loader.h - the order of an epoch: what loader.c and plan.c share. */
#ifndef TW_DATA_LOADER_H
#define TW_DATA_LOADER_H

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

#endif
