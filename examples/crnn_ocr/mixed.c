/* mixed.c - see mixed.h. */
#include "mixed.h"

#include <stdlib.h>
#include <thalweg/extend.h>

typedef struct mixed {
    const tw_dataset *part[2];
} mixed;

/* Which of the two sample i comes from; i becomes its number there. */
static const tw_dataset *part_of(const mixed *m, size_t *i) {
    if (*i < m->part[0]->count) return m->part[0];
    *i -= m->part[0]->count;
    return m->part[1];
}

static int mixed_width(void *user, size_t i) {
    const tw_dataset *d = part_of(user, &i);
    return d->width ? d->width(d->user, i) : d->max_width;
}

static tw_err mixed_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const tw_dataset *d = part_of(user, &i);
    sample->width = d->max_width;
    return d->get(d->user, i, stream, sample, message, size);
}

static void mixed_prefetch(void *user, size_t i) {
    const tw_dataset *d = part_of(user, &i);
    if (d->prefetch) d->prefetch(d->user, i);
}

static int larger(int a, int b) { return a > b ? a : b; }

tw_err mixed_dataset(tw_ctx *ctx, const tw_dataset *first, const tw_dataset *second, tw_dataset *both) {
    *both = (tw_dataset){0};
    if (first->height != second->height || first->channels != second->channels)
        return tw_fail_err(ctx, TW_ERR_SHAPE, "pictures %d high cannot be mixed with pictures %d high", first->height,
                           second->height);
    mixed *m = malloc(sizeof *m);
    if (!m) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    *m = (mixed){{first, second}};
    *both = *first;
    both->count = first->count + second->count;
    both->max_width = larger(first->max_width, second->max_width);
    both->max_label = larger(first->max_label, second->max_label);
    both->user = m;
    both->width = mixed_width;
    both->get = mixed_get;
    both->free = free;
    both->prefetch = mixed_prefetch;
    both->in_memory = false;
    return TW_OK;
}
