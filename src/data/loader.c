/* loader.c - batches of a dataset, prepared one ahead by a thread.
 *
 * There are two slots: one is with the caller, into the other the next batch is prepared. At most one job is under
 * way, and everything it writes (its slot, the plan, its error) is the worker's until the job is done; so one mutex
 * around the job's state is all the locking. Without a thread the same job is run when its batch is wanted. */
#include "data/loader.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

enum { AHEAD = 2 }; /* samples, of which a dataset is told before they are wanted */

typedef struct slot {
    tw_batch batch;
    tw_real *x;
    int32_t *width, *label, *label_length;
    size_t *index;
} slot;

typedef enum job_state { JOB_NONE, JOB_WAITING, JOB_DONE } job_state;

struct tw_loader {
    tw_ctx *ctx;
    tw_dataset dataset;
    tw_loader_options options;
    size_t stride;         /* values a sample may take in a batch: C * H * the largest width, rounded up */
    tw_loader_position at; /* the next batch to come */
    int lent;              /* the caller's slot */
    slot slot[2];

    tw__plan plan;
    tw_real *sample; /* one sample, while it is moved to its place */
    tw_loader_position job;
    tw_err job_err;
    char message[512];

    pthread_t thread;
    bool threaded;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* state or quit */
    job_state state;
    bool quit;
    atomic_bool cancel; /* the job's result is not wanted any more */
};

/* ---- a batch, in whichever thread ------------------------------------------------------------------------ */

/* Samples come tightly, each at its stride; the batch is as wide as the widest. A sample's place in the batch begins
 * no later than where it was written, so moving them in order overwrites nothing that is still needed. */
static void pack(tw_loader *l, slot *s, int n, int width) {
    size_t rows = (size_t)l->dataset.channels * (size_t)l->dataset.height, wide = (size_t)width;
    for (int i = 0; i < n; i++) {
        size_t own = (size_t)s->width[i];
        tw_real *from = s->x + (size_t)i * l->stride, *to = s->x + (size_t)i * rows * wide;
        if (own == wide && from == to) continue;
        memcpy(l->sample, from, rows * own * sizeof *from);
        for (size_t r = 0; r < rows; r++, to += wide) {
            memcpy(to, l->sample + r * own, own * sizeof *to);
            for (size_t x = own; x < wide; x++) to[x] = l->options.pad;
        }
    }
}

static tw_err say(tw_loader *l, tw_err err, size_t index, const char *what) {
    char sentence[sizeof l->message];
    snprintf(sentence, sizeof sentence, "%s", what); /* what may be l->message */
    snprintf(l->message, sizeof l->message, "loader: sample %zu: %.460s", index, sentence);
    return err;
}

/* Sample `index` as number i of the slot, its label after the `labels` symbols that are there. */
static tw_err get_sample(tw_loader *l, slot *s, int i, size_t index, size_t labels, int *label_length) {
    const tw_dataset *d = &l->dataset;
    tw_sample sample = {s->x + (size_t)i * l->stride, d->max_width, s->label + labels, 0};
    l->message[0] = 0;
    uint64_t stream = tw__plan_stream(&l->plan, l->job.epoch, index);
    tw_err err = d->get(d->user, index, stream, &sample, l->message, sizeof l->message);
    if (err) return say(l, err, index, l->message[0] ? l->message : tw_err_name(err));
    if (sample.width < 1 || sample.width > d->max_width)
        return say(l, TW_ERR_RANGE, index, "the dataset gave a width outside 1 .. max_width");
    if (sample.label_length < 0 || sample.label_length > d->max_label || (!d->sequences && sample.label_length != 1))
        return say(l, TW_ERR_RANGE, index, "the dataset gave a label length outside what it announced");
    s->width[i] = sample.width;
    *label_length = sample.label_length;
    return TW_OK;
}

static tw_err prepare(tw_loader *l, slot *s) {
    const tw_dataset *d = &l->dataset;
    tw__plan_epoch(&l->plan, l->job.epoch);
    size_t start = (size_t)l->job.batch * (size_t)l->options.batch, labels = 0;
    int n = d->count - start < (size_t)l->options.batch ? (int)(d->count - start) : l->options.batch, widest = 1;
    for (int i = 0; i < n; i++) {
        int length = 0;
        if (atomic_load(&l->cancel)) return TW_ERR_STATE;
        if (d->prefetch && i + AHEAD < n) d->prefetch(d->user, l->plan.order[start + (size_t)(i + AHEAD)]);
        s->index[i] = l->plan.order[start + (size_t)i];
        tw_err err = get_sample(l, s, i, s->index[i], labels, &length);
        if (err) return err;
        s->label_length[i] = length;
        labels += (size_t)length;
        if (s->width[i] > widest) widest = s->width[i];
    }
    int multiple = l->options.width_multiple > 1 ? l->options.width_multiple : 1;
    int width = ((widest - 1) / multiple + 1) * multiple;
    pack(l, s, n, width);
    s->batch = (tw_batch){.n = n, .x = s->x, .dim = {n, d->channels, d->height, width}, .index = s->index};
    s->batch.width = (tw_labels){s->width, (size_t)n};
    s->batch.label = (tw_labels){s->label, labels};
    if (d->sequences) s->batch.label_length = (tw_labels){s->label_length, (size_t)n};
    return TW_OK;
}

/* ---- the job --------------------------------------------------------------------------------------------- */

static void run_job(tw_loader *l) { l->job_err = prepare(l, &l->slot[!l->lent]); }

static void *worker(void *arg) {
    tw_loader *l = arg;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (l->state != JOB_WAITING && !l->quit) pthread_cond_wait(&l->changed, &l->mutex);
        if (l->quit) break;
        pthread_mutex_unlock(&l->mutex);
        run_job(l);
        pthread_mutex_lock(&l->mutex);
        l->state = JOB_DONE;
        pthread_cond_signal(&l->changed); /* the other side waits, or nobody does */
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

static void set_state(tw_loader *l, job_state state) {
    pthread_mutex_lock(&l->mutex);
    l->state = state;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

static void begin_job(tw_loader *l, tw_loader_position position) {
    l->job = position;
    set_state(l, JOB_WAITING);
}

/* Waits for the job, which must have begun; then nothing is under way. */
static void finish_job(tw_loader *l) {
    if (!l->threaded) run_job(l);
    pthread_mutex_lock(&l->mutex);
    while (l->threaded && l->state == JOB_WAITING) pthread_cond_wait(&l->changed, &l->mutex);
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
    atomic_store(&l->cancel, true);
    if (l->threaded) finish_job(l);
    else set_state(l, JOB_NONE);
    atomic_store(&l->cancel, false);
}

/* ---- public ---------------------------------------------------------------------------------------------- */

size_t tw_loader_batches(const tw_loader *l) { return l->plan.batches; }
tw_loader_position tw_loader_tell(const tw_loader *l) { return l->at; }

tw_err tw_loader_next(tw_loader *l, const tw_batch **batch) {
    int64_t batches = (int64_t)l->plan.batches;
    *batch = NULL;
    if (l->at.batch == batches) {
        l->at = (tw_loader_position){l->at.epoch + 1, 0};
        return TW_OK;
    }
    if (!job_begun(l)) begin_job(l, l->at);
    finish_job(l);
    if (l->job_err) return tw_fail_err(l->ctx, l->job_err, "%s", l->message);
    l->lent = !l->lent;
    l->at.batch++;
    begin_job(l, l->at.batch < batches ? l->at : (tw_loader_position){l->at.epoch + 1, 0});
    *batch = &l->slot[l->lent].batch;
    return TW_OK;
}

tw_err tw_loader_seek(tw_loader *l, tw_loader_position position) {
    if (position.epoch < 0 || position.batch < 0 || (uint64_t)position.batch > l->plan.batches)
        return tw_fail_err(l->ctx, TW_ERR_RANGE,
                           "loader: cannot seek to epoch %lld, batch %lld: an epoch has %zu batches",
                           (long long)position.epoch, (long long)position.batch, l->plan.batches);
    cancel_job(l);
    l->at = position;
    return TW_OK;
}

static tw_err check(tw_ctx *ctx, const tw_dataset *d, const tw_loader_options *o) {
    if (!d->get || d->channels < 1 || d->height < 1 || d->max_width < 1 || d->max_label < (d->sequences ? 0 : 1))
        return tw_fail_err(
            ctx, TW_ERR_RANGE,
            "loader: a dataset needs get, and channels (%d), height (%d), max_width (%d) and max_label (%d) "
            "that are not too small",
            d->channels, d->height, d->max_width, d->max_label);
    if (o->batch < 1 || o->buckets < 0 || o->width_multiple < 0)
        return tw_fail_err(ctx, TW_ERR_RANGE,
                           "loader: batch %d must be at least 1, buckets %d and width_multiple %d at least 0", o->batch,
                           o->buckets, o->width_multiple);
    if (o->buckets > INT_MAX / o->batch)
        return tw_fail_err(ctx, TW_ERR_RANGE, "loader: %d buckets of %d samples are too many", o->buckets, o->batch);
    return TW_OK;
}

/* a * b * c * d, or 0 when it is too much for memory. */
static size_t product(size_t a, size_t b, size_t c, size_t d) {
    const size_t most = PTRDIFF_MAX / sizeof(tw_real);
    if (b && a > most / b) return 0;
    if (c && a * b > most / c) return 0;
    if (d && a * b * c > most / d) return 0;
    return a * b * c * d;
}

static bool allocate(tw_loader *l) {
    const tw_dataset *d = &l->dataset;
    /* No batch is larger than the dataset. */
    size_t n = d->count < (size_t)l->options.batch ? d->count + !d->count : (size_t)l->options.batch;
    size_t multiple = l->options.width_multiple > 1 ? (size_t)l->options.width_multiple : 1;
    size_t width = ((size_t)d->max_width + multiple - 1) / multiple * multiple;
    l->stride = product((size_t)d->channels, (size_t)d->height, width, 1);
    size_t values = product(l->stride, n, 1, 1), labels = product(n, (size_t)d->max_label, 1, 1);
    if (!values || (d->max_label && !labels) || width > INT_MAX) return false;
    l->sample = malloc(l->stride * sizeof *l->sample);
    bool ok = l->sample;
    for (int i = 0; i < 2; i++) {
        slot *s = &l->slot[i];
        s->x = malloc(values * sizeof *s->x);
        s->width = malloc(n * sizeof *s->width);
        s->label = malloc((labels + !labels) * sizeof *s->label);
        s->label_length = malloc(n * sizeof *s->label_length);
        s->index = malloc(n * sizeof *s->index);
        ok = ok && s->x && s->width && s->label && s->label_length && s->index;
    }
    return ok && !tw__plan_init(&l->plan, d, &l->options);
}

/* The signals of the process are for the threads that its author knows of. */
static bool start_thread(tw_loader *l) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    l->threaded = !pthread_create(&l->thread, NULL, worker, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return l->threaded;
}

tw_loader *tw_loader_new(tw_ctx *ctx, const tw_dataset *dataset, const tw_loader_options *options) {
    if (check(ctx, dataset, options)) return NULL;
    tw_loader *l = calloc(1, sizeof *l);
    if (!l) return tw_fail(ctx, TW_ERR_NOMEM, "loader: out of memory");
    l->ctx = ctx;
    l->dataset = *dataset;
    l->options = *options;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    atomic_init(&l->cancel, false);
    if (!allocate(l))
        tw_fail(ctx, TW_ERR_NOMEM, "loader: out of memory for batches of %d pictures of %d x %d x %d", options->batch,
                dataset->channels, dataset->height, dataset->max_width);
    else if (!options->no_thread && !start_thread(l))
        tw_fail(ctx, TW_ERR_NOMEM, "loader: the system gives no thread; no_thread does without");
    else return l;
    tw_loader_free(l);
    return NULL;
}

void tw_loader_free(tw_loader *l) {
    if (!l) return;
    if (l->threaded) {
        atomic_store(&l->cancel, true);
        pthread_mutex_lock(&l->mutex);
        l->quit = true;
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    tw__plan_free(&l->plan);
    free(l->sample);
    for (int i = 0; i < 2; i++) {
        slot *s = &l->slot[i];
        free(s->x);
        free(s->width);
        free(s->label);
        free(s->label_length);
        free(s->index);
    }
    free(l);
}
