/* loader.c - batches of a dataset: prepared one ahead by a thread, or made when they are wanted.
 *
 * A thread pays for what is slow to get: a picture to decode, a text to render. Then there are two slots: one is with
 * the caller, into the other the next batch is prepared. At most one job is under way, and everything it writes (its
 * slot, the batcher, its error) is the worker's until the job is done; so one mutex around the job's state is all the
 * locking.
 *
 * What only has to be copied out of memory takes microseconds, and a thread beside a step that uses every core takes
 * more than that from it. Such a batch is made in tw_loader_next by the context's own threads, into the only slot. */
#include "data/loader.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <thalweg/extend.h>

typedef enum job_state { JOB_NONE, JOB_WAITING, JOB_DONE } job_state;

struct tw_loader {
    tw_ctx *ctx;
    tw_dataset dataset;
    tw__batcher batcher;
    tw_loader_position at; /* the next batch to come */
    int lent;              /* the caller's slot */
    tw__slot slot[2];      /* without a thread only the first is used */

    bool threaded, started;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* state or quit */
    job_state state;
    bool quit;
    tw_loader_position job;
    tw_err job_err;
};

/* ---- the job --------------------------------------------------------------------------------------------- */

static void *worker(void *arg) {
    tw_loader *l = arg;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (l->state != JOB_WAITING && !l->quit) pthread_cond_wait(&l->changed, &l->mutex);
        if (l->quit) break;
        pthread_mutex_unlock(&l->mutex);
        l->job_err = tw__batcher_run(&l->batcher, NULL, l->job, &l->slot[!l->lent]);
        pthread_mutex_lock(&l->mutex);
        l->state = JOB_DONE;
        pthread_cond_signal(&l->changed); /* the other side waits, or nobody does */
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

static void begin_job(tw_loader *l, tw_loader_position position) {
    l->job = position;
    pthread_mutex_lock(&l->mutex);
    l->state = JOB_WAITING;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

/* Waits for the job, which must have begun; then nothing is under way. */
static void finish_job(tw_loader *l) {
    pthread_mutex_lock(&l->mutex);
    while (l->state == JOB_WAITING) pthread_cond_wait(&l->changed, &l->mutex);
    l->state = JOB_NONE;
    pthread_mutex_unlock(&l->mutex);
}

static bool job_begun(tw_loader *l) {
    pthread_mutex_lock(&l->mutex);
    bool begun = l->state != JOB_NONE;
    pthread_mutex_unlock(&l->mutex);
    return begun;
}

static void cancel_job(tw_loader *l) {
    if (!job_begun(l)) return;
    atomic_store(&l->batcher.cancel, true);
    finish_job(l);
    atomic_store(&l->batcher.cancel, false);
}

/* The batch at l->at into the slot that is lent next. */
static tw_err make_batch(tw_loader *l) {
    if (!l->threaded) return tw__batcher_run(&l->batcher, l->dataset.in_memory ? l->ctx : NULL, l->at, &l->slot[0]);
    if (!job_begun(l)) begin_job(l, l->at);
    finish_job(l);
    if (!l->job_err) l->lent = !l->lent;
    return l->job_err;
}

/* ---- public ---------------------------------------------------------------------------------------------- */

size_t tw_loader_batches(const tw_loader *l) { return l ? l->batcher.plan.batches : 0; }
tw_loader_position tw_loader_tell(const tw_loader *l) { return l ? l->at : (tw_loader_position){0, 0}; }

tw_err tw_loader_next(tw_loader *l, const tw_batch **batch) {
    *batch = NULL;
    if (!l) return TW_ERR_STATE;
    int64_t batches = (int64_t)l->batcher.plan.batches;
    if (l->at.batch == batches) {
        l->at = (tw_loader_position){l->at.epoch + 1, 0};
        return TW_OK;
    }
    tw_err err = make_batch(l);
    if (err) return tw_fail_err(l->ctx, err, "%s", l->batcher.message);
    l->at.batch++;
    if (l->threaded) begin_job(l, l->at.batch < batches ? l->at : (tw_loader_position){l->at.epoch + 1, 0});
    *batch = &l->slot[l->lent].batch;
    return TW_OK;
}

tw_err tw_loader_seek(tw_loader *l, tw_loader_position position) {
    if (!l) return TW_ERR_STATE;
    if (position.epoch < 0 || position.batch < 0 || (uint64_t)position.batch > l->batcher.plan.batches)
        return tw_fail_err(l->ctx, TW_ERR_RANGE,
                           "loader: cannot seek to epoch %lld, batch %lld: an epoch has %zu batches",
                           (long long)position.epoch, (long long)position.batch, l->batcher.plan.batches);
    if (l->threaded) cancel_job(l);
    l->at = position;
    return TW_OK;
}

static tw_err check(tw_ctx *ctx, const tw_dataset *d, const tw_loader_options *o) {
    if (!d || !o) return tw_fail_err(ctx, TW_ERR_RANGE, "loader: the %s NULL", d ? "options are" : "dataset is");
    if (!d->get || d->channels < 1 || d->height < 1 || d->max_width < 1 || d->targets < 0 ||
        d->max_label < (d->sequences || d->targets ? 0 : 1))
        return tw_fail_err(
            ctx, TW_ERR_RANGE,
            "loader: a dataset needs get, and channels (%d), height (%d), max_width (%d) and max_label (%d) "
            "that are not too small",
            d->channels, d->height, d->max_width, d->max_label);
    if (o->batch < 1 || o->buckets < 0 || o->width_multiple < 0)
        return tw_fail_err(ctx, TW_ERR_RANGE,
                           "loader: batch %d must be at least 1, buckets %d and width_multiple %d at least 0", o->batch,
                           o->buckets, o->width_multiple);
    if (o->width_multiple > 1 && d->max_width > INT_MAX - o->width_multiple)
        return tw_fail_err(ctx, TW_ERR_RANGE, "loader: a width of %d, rounded up to a multiple of %d, is too large",
                           d->max_width, o->width_multiple);
    if (o->buckets > INT_MAX / o->batch)
        return tw_fail_err(ctx, TW_ERR_RANGE, "loader: %d buckets of %d samples are too many", o->buckets, o->batch);
    return TW_OK;
}

static bool allocate(tw_loader *l, const tw_loader_options *o) {
    if (tw__batcher_init(&l->batcher, &l->dataset, o)) return false;
    return tw__slot_init(&l->slot[0], &l->dataset, o) && (!l->threaded || tw__slot_init(&l->slot[1], &l->dataset, o));
}

/* The signals of the process are for the threads that its author knows of. */
static bool start_thread(tw_loader *l) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    l->started = !pthread_create(&l->thread, NULL, worker, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return l->started;
}

tw_loader *tw_loader_new(tw_ctx *ctx, const tw_dataset *dataset, const tw_loader_options *options) {
    if (check(ctx, dataset, options)) return NULL;
    tw_loader *l = calloc(1, sizeof *l);
    if (!l) return tw_fail(ctx, TW_ERR_NOMEM, "loader: out of memory");
    l->ctx = ctx;
    l->dataset = *dataset;
    l->threaded = !options->no_thread && !dataset->in_memory;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    if (!allocate(l, options))
        tw_fail(ctx, TW_ERR_NOMEM, "loader: out of memory for batches of %d pictures of %d x %d x %d", options->batch,
                dataset->channels, dataset->height, tw__rounded_width(dataset->max_width, options));
    else if (l->threaded && !start_thread(l))
        tw_fail(ctx, TW_ERR_NOMEM, "loader: the system gives no thread; no_thread does without");
    else return l;
    tw_loader_free(l);
    return NULL;
}

void tw_loader_free(tw_loader *l) {
    if (!l) return;
    if (l->started) {
        atomic_store(&l->batcher.cancel, true);
        pthread_mutex_lock(&l->mutex);
        l->quit = true;
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    tw__batcher_free(&l->batcher);
    for (int i = 0; i < 2; i++) tw__slot_free(&l->slot[i]);
    free(l);
}
