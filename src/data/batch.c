/* batch.c - one batch of a dataset, by one thread or shared by a context's.
 *
 * Samples are fetched in blocks of neighbours, each to a place of its own, and what depends on all of them (where the
 * labels of one end and the next begin, how wide the widest is) is done after the last. So the threads share nothing,
 * and a batch is the same whoever made it. */
#include "data/loader.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

enum {
    AHEAD = 2,    /* samples, of which a dataset is told before they are wanted */
    BLOCK = 12288 /* values at least that a thread converts at a time: some microseconds' work */
};

/* ---- memory ---------------------------------------------------------------------------------------------- */

/* a * b * c, or 0 when it is too much for memory. */
static size_t product(size_t a, size_t b, size_t c) {
    const size_t most = PTRDIFF_MAX / sizeof(tw_real);
    if (b && a > most / b) return 0;
    if (c && a * b > most / c) return 0;
    return a * b * c;
}

/* No batch is larger than the dataset. */
static size_t largest(const tw_dataset *d, const tw_loader_options *o) {
    return d->count < (size_t)o->batch ? d->count + !d->count : (size_t)o->batch;
}

int tw__rounded_width(int width, const tw_loader_options *o) {
    int multiple = o->width_multiple > 1 ? o->width_multiple : 1;
    return ((width - 1) / multiple + 1) * multiple;
}

static size_t stride_of(const tw_dataset *d, const tw_loader_options *o) {
    return product((size_t)d->channels, (size_t)d->height, (size_t)tw__rounded_width(d->max_width, o));
}

bool tw__slot_init(tw__slot *s, const tw_dataset *d, const tw_loader_options *o) {
    size_t n = largest(d, o);
    size_t values = product(stride_of(d, o), n, 1), labels = product(n, (size_t)d->max_label, 1);
    size_t targets = product(n, (size_t)d->targets, 1);
    *s = (tw__slot){0};
    if (!values || (d->max_label && !labels) || (d->targets && !targets)) return false;
    s->x = malloc(values * sizeof *s->x);
    s->width = malloc(n * sizeof *s->width);
    s->label = malloc((labels + !labels) * sizeof *s->label);
    s->label_length = malloc(n * sizeof *s->label_length);
    s->index = malloc(n * sizeof *s->index);
    s->target = malloc((targets + !targets) * sizeof *s->target);
    return s->x && s->width && s->label && s->label_length && s->index && s->target;
}

void tw__slot_free(tw__slot *s) {
    free(s->x);
    free(s->width);
    free(s->label);
    free(s->label_length);
    free(s->index);
    free(s->target);
}

tw_err tw__batcher_init(tw__batcher *b, const tw_dataset *dataset, const tw_loader_options *options) {
    *b = (tw__batcher){.dataset = dataset, .options = *options};
    atomic_init(&b->cancel, false);
    b->stride = stride_of(dataset, options);
    b->sample = b->stride ? malloc(b->stride * sizeof *b->sample) : NULL;
    return b->sample ? tw__plan_init(&b->plan, dataset, options) : TW_ERR_NOMEM;
}

void tw__batcher_free(tw__batcher *b) {
    tw__plan_free(&b->plan);
    free(b->sample);
}

/* ---- samples, in whichever thread ------------------------------------------------------------------------ */

/* What the threads of one batch are given. */
typedef struct job {
    tw__batcher *b;
    tw__slot *slot;
    int64_t epoch;
    const size_t *order; /* of the batch's samples */
    int n, block;        /* samples in all, and in a block */
    pthread_mutex_t mutex;
    int failed; /* the first sample known to fail; n: none */
    tw_err err; /* its error; the sentence is in b->message */
} job;

/* Blocks finish in any order; the first sample's error is kept. */
static void fail(job *j, int i, tw_err err, const char *what) {
    pthread_mutex_lock(&j->mutex);
    if (i < j->failed) {
        j->failed = i;
        j->err = err;
        snprintf(j->b->message, sizeof j->b->message, "loader: sample %zu: %.460s", j->order[i], what);
    }
    pthread_mutex_unlock(&j->mutex);
}

/* Sample i of the batch to its place. */
static bool get_sample(job *j, int i) {
    const tw_dataset *d = j->b->dataset;
    tw__slot *s = j->slot;
    size_t index = j->order[i];
    tw_sample sample = {.x = s->x + (size_t)i * j->b->stride,
                        .width = d->max_width,
                        .label = s->label + (size_t)i * (size_t)d->max_label,
                        .target = s->target + (size_t)i * (size_t)d->targets};
    char message[sizeof j->b->message];
    message[0] = 0;
    tw_err err = d->get(d->user, index, tw__plan_stream(&j->b->plan, j->epoch, index), &sample, message,
                        sizeof message);
    if (err) {
        fail(j, i, err, message[0] ? message : tw_err_name(err));
    } else if (sample.width < 1 || sample.width > d->max_width) {
        fail(j, i, err = TW_ERR_RANGE, "the dataset gave a width outside 1 .. max_width");
    } else if (sample.label_length < 0 || sample.label_length > d->max_label ||
               (!d->sequences && sample.label_length != (d->max_label > 0))) {
        fail(j, i, err = TW_ERR_RANGE, "the dataset gave a label length outside what it announced");
    }
    s->index[i] = index;
    s->width[i] = sample.width;
    s->label_length[i] = sample.label_length;
    return !err;
}

static void tell_ahead(const job *j, int i, int end) {
    const tw_dataset *d = j->b->dataset;
    if (d->prefetch && i < end) d->prefetch(d->user, j->order[i]);
}

static void get_block(void *arg, int block, int thread) {
    job *j = arg;
    int first = block * j->block, end = j->n - first < j->block ? j->n : first + j->block;
    (void)thread;
    for (int i = first; i < first + AHEAD; i++) tell_ahead(j, i, end);
    for (int i = first; i < end; i++) {
        if (atomic_load(&j->b->cancel)) {
            fail(j, i, TW_ERR_STATE, "cancelled");
            return;
        }
        tell_ahead(j, i + AHEAD, end);
        if (!get_sample(j, i)) return;
    }
}

/* ---- the batch they make --------------------------------------------------------------------------------- */

/* Samples come tightly, each at its stride; the batch is as wide as the widest. A sample's place in the batch begins
 * no later than where it was written, so moving them in order overwrites nothing that is still needed. */
static void pack(tw__batcher *b, tw__slot *s, int n, int width) {
    size_t rows = (size_t)b->dataset->channels * (size_t)b->dataset->height, wide = (size_t)width;
    for (int i = 0; i < n; i++) {
        size_t own = (size_t)s->width[i];
        tw_real *from = s->x + (size_t)i * b->stride, *to = s->x + (size_t)i * rows * wide;
        if (own == wide && from == to) continue;
        memcpy(b->sample, from, rows * own * sizeof *from);
        for (size_t r = 0; r < rows; r++, to += wide) {
            memcpy(to, b->sample + r * own, own * sizeof *to);
            for (size_t x = own; x < wide; x++) to[x] = b->options.pad;
        }
    }
}

/* Labels one after another; returns how many. */
static size_t pack_labels(tw__slot *s, int n, int max_label) {
    size_t labels = 0;
    for (int i = 0; i < n; i++) {
        const int32_t *from = s->label + (size_t)i * (size_t)max_label;
        size_t length = (size_t)s->label_length[i];
        if (from != s->label + labels) memmove(s->label + labels, from, length * sizeof *from);
        labels += length;
    }
    return labels;
}

tw_err tw__batcher_run(tw__batcher *b, tw_ctx *ctx, tw_loader_position at, tw__slot *s) {
    const tw_dataset *d = b->dataset;
    tw__plan_epoch(&b->plan, at.epoch);
    size_t start = (size_t)at.batch * (size_t)b->options.batch, left = d->count - start;
    int n = left < (size_t)b->options.batch ? (int)left : b->options.batch;
    job j = {.b = b, .slot = s, .epoch = at.epoch, .order = b->plan.order + start, .n = n, .block = n, .failed = n};
    pthread_mutex_init(&j.mutex, NULL);
    if (ctx) {
        if (b->stride * (size_t)n > BLOCK) j.block = (int)((BLOCK + b->stride - 1) / b->stride);
        tw_parallel_for(ctx, (n - 1) / j.block + 1, get_block, &j);
    } else {
        get_block(&j, 0, 0);
    }
    pthread_mutex_destroy(&j.mutex);
    if (j.failed < n) return j.err;

    int widest = 1;
    for (int i = 0; i < n; i++)
        if (s->width[i] > widest) widest = s->width[i];
    int width = tw__rounded_width(widest, &b->options);
    pack(b, s, n, width);
    size_t labels = pack_labels(s, n, d->max_label);
    s->batch = (tw_batch){.n = n, .x = s->x, .dim = {n, d->channels, d->height, width}, .index = s->index};
    s->batch.width = (tw_labels){s->width, (size_t)n};
    s->batch.label = (tw_labels){s->label, labels};
    s->batch.target = (tw_reals){s->target, (size_t)n * (size_t)d->targets};
    if (d->sequences) s->batch.label_length = (tw_labels){s->label_length, (size_t)n};
    return TW_OK;
}
