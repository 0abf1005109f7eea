/* plan.c - the order of an epoch: shuffled, and inside windows of some batches sorted by width. */
#include "data/loader.h"

#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

/* What a stream is for, so that the epoch's shuffle, its order of batches and its samples draw apart. */
enum purpose { SAMPLES = 1, BATCHES, AUGMENTATION };

static uint64_t stream_for(const tw__plan *p, enum purpose purpose, int64_t epoch) {
    return tw_random_bits(tw_random_bits(p->options.seed, (uint64_t)purpose), (uint64_t)epoch);
}

uint64_t tw__plan_stream(const tw__plan *p, int64_t epoch, size_t sample) {
    return tw_random_bits(stream_for(p, AUGMENTATION, epoch), sample);
}

tw_err tw__plan_init(tw__plan *p, const tw_dataset *dataset, const tw_loader_options *options) {
    size_t count = dataset->count, batch = (size_t)options->batch;
    *p = (tw__plan){.dataset = dataset, .options = *options, .epoch = -1};
    p->batches = count / batch + (!options->drop_last && count % batch ? 1 : 0);
    p->order = malloc((count + !count) * sizeof *p->order);
    if (!p->order) return TW_ERR_NOMEM;
    if (!options->buckets || !dataset->width || !count) return TW_OK;
    p->window = (size_t)options->buckets > p->batches ? count : (size_t)options->buckets * batch;
    p->width = malloc(count * sizeof *p->width);
    p->key = malloc(p->window * sizeof *p->key);
    p->moved = malloc(p->window * sizeof *p->moved);
    if (!p->width || !p->key || !p->moved) return TW_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        int width = dataset->width(dataset->user, i);
        p->width[i] = width > 0 ? width : 0;
    }
    return TW_OK;
}

void tw__plan_free(tw__plan *p) {
    free(p->order);
    free(p->width);
    free(p->key);
    free(p->moved);
}

/* ---- sorting and shuffling in place, so that an epoch begins without asking for memory (qsort may) ------- */

/* Puts value into the heap a[0..n) at the hole or below it. */
static void sift_down(uint64_t *a, size_t n, size_t hole, uint64_t value) {
    for (size_t child; (child = 2 * hole + 1) < n; hole = child) {
        if (child + 1 < n && a[child + 1] > a[child]) child++;
        if (a[child] <= value) break;
        a[hole] = a[child];
    }
    a[hole] = value;
}

static void heap_sort(uint64_t *a, size_t n) {
    for (size_t i = n / 2; i-- > 0;) sift_down(a, n, i, a[i]);
    for (size_t end = n; end-- > 1;) {
        uint64_t last = a[end];
        a[end] = a[0];
        sift_down(a, end, 0, last);
    }
}

/* Fisher and Yates, over blocks of `block` entries. The remainder's bias is below n / 2^64. */
static void shuffle(size_t *order, size_t blocks, size_t block, uint64_t stream) {
    for (size_t i = blocks; i > 1; i--) {
        size_t *a = order + (i - 1) * block, *b = order + (size_t)(tw_random_bits(stream, i) % i) * block;
        for (size_t k = 0; k < block; k++) {
            size_t t = a[k];
            a[k] = b[k], b[k] = t;
        }
    }
}

/* ---- an epoch -------------------------------------------------------------------------------------------- */

/* Samples of like width side by side; equal widths keep their order, by the position in the key. */
static void sort_by_width(tw__plan *p, size_t *order, size_t n) {
    for (size_t i = 0; i < n; i++) p->key[i] = (uint64_t)p->width[order[i]] << 32 | i;
    heap_sort(p->key, n);
    for (size_t i = 0; i < n; i++) p->moved[i] = order[p->key[i] & UINT32_MAX];
    memcpy(order, p->moved, n * sizeof *order);
}

void tw__plan_epoch(tw__plan *p, int64_t epoch) {
    if (p->epoch == epoch) return;
    p->epoch = epoch;
    size_t count = p->dataset->count, batch = (size_t)p->options.batch;
    for (size_t i = 0; i < count; i++) p->order[i] = i;
    if (p->options.shuffle) shuffle(p->order, count, 1, stream_for(p, SAMPLES, epoch));
    if (!p->window) return;
    size_t used = p->options.drop_last ? p->batches * batch : count; /* what is left out is drawn before the sorting */
    uint64_t stream = stream_for(p, BATCHES, epoch);
    for (size_t start = 0; start < used; start += p->window) {
        size_t n = used - start < p->window ? used - start : p->window;
        sort_by_width(p, p->order + start, n);
        /* From narrow to wide would be an order too; a smaller last batch stays the last. */
        if (p->options.shuffle) shuffle(p->order + start, n / batch, batch, tw_random_bits(stream, start));
    }
}
