/* test_data_in_memory.c - batches made by the context's threads: the same as a loader's thread makes, and as early. */
#include "util_files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { H = 2, MOST_LABELS = 3 };

/* Sample i is 1 .. widths wide, its values are draws of its stream, its label is i % 4 symbols. Widths of 3000 and more
 * make every third sample or so a block of its own. */
typedef struct draws {
    size_t count;
    int widths;
    size_t fails_from; /* this sample and all after it fail; count: none */
    int together;      /* get waits until so many calls have been there at once */
    int patience;      /* or, all calls together, for so many milliseconds */
    pthread_t home;    /* the thread that calls the loader */
    atomic_int gets, inside, most, abroad, waits;
} draws;

static int draws_width(void *user, size_t i) {
    const draws *d = user;
    return 1 + (int)(tw_random_bits(5, i) % (unsigned)d->widths);
}

static void meet(draws *d) {
    int inside = atomic_fetch_add(&d->inside, 1) + 1, most = atomic_load(&d->most);
    while (inside > most && !atomic_compare_exchange_weak(&d->most, &most, inside)) {}
    while (atomic_load(&d->most) < d->together && atomic_fetch_add(&d->waits, 1) < d->patience) usleep(1000);
    atomic_fetch_sub(&d->inside, 1);
}

static tw_err draws_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    draws *d = user;
    atomic_fetch_add(&d->gets, 1);
    if (!pthread_equal(pthread_self(), d->home)) atomic_fetch_add(&d->abroad, 1);
    meet(d);
    if (i >= d->fails_from) {
        snprintf(message, size, "number %zu is broken", i);
        return TW_ERR_FORMAT;
    }
    sample->width = draws_width(user, i);
    for (int k = 0; k < H * sample->width; k++) sample->x[k] = (tw_real)tw_random_uniform(stream, (uint64_t)k);
    for (size_t k = 0; k < i % (MOST_LABELS + 1); k++) sample->label[sample->label_length++] = (int32_t)(i + k);
    return TW_OK;
}

static tw_dataset dataset_of(draws *d, bool in_memory) {
    d->home = pthread_self();
    return (tw_dataset){.count = d->count,
                        .channels = 1,
                        .height = H,
                        .max_width = d->widths,
                        .max_label = MOST_LABELS,
                        .sequences = true,
                        .user = d,
                        .width = draws_width,
                        .get = draws_get,
                        .in_memory = in_memory};
}

static uint64_t mix(uint64_t h, const void *data, size_t size) {
    const uint8_t *byte = data;
    for (size_t i = 0; i < size; i++) h = (h ^ byte[i]) * 0x100000001b3u; /* FNV-1a */
    return h;
}

/* All bits of a batch. */
static uint64_t digest(const tw_batch *b) {
    uint64_t h = 0xcbf29ce484222325u;
    size_t n = (size_t)b->n;
    h = mix(h, b->dim, sizeof b->dim);
    h = mix(h, b->x, n * H * (size_t)b->dim[3] * sizeof *b->x);
    h = mix(h, b->label.v, b->label.n * sizeof *b->label.v);
    h = mix(h, b->label_length.v, n * sizeof *b->label_length.v);
    h = mix(h, b->width.v, n * sizeof *b->width.v);
    return mix(h, b->index, n * sizeof *b->index);
}

/* The next n calls of next; 0 for an epoch's end. */
static void record(tw_ctx *ctx, tw_loader *l, int n, uint64_t *to) {
    for (int i = 0; i < n; i++) {
        const tw_batch *b;
        cr_assert_eq(tw_loader_next(l, &b), TW_OK, "%s", tw_errmsg(ctx));
        to[i] = b ? digest(b) : 0;
    }
}

static tw_ctx *context(int threads) { return tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads}); }

static tw_loader *loader(tw_ctx *ctx, const tw_dataset *set, const tw_loader_options *o) {
    tw_loader *l = tw_loader_new(ctx, set, o);
    cr_assert(l, "%s", tw_errmsg(ctx));
    return l;
}

enum { CALLS = 24 };

/* For batches of one block and of many, smaller and larger than the number of threads, empty datasets, with and without
 * padding and sorting: what the loader's thread makes. */
Test(data_in_memory, same_bits_for_any_number_of_threads) {
    static const size_t counts[] = {0, 1, 5, 20};
    static const int widths[] = {1, 9, 3000}, batches[] = {1, 2, 3, 8, 50}, threads[] = {1, 2, 3, 5};
    for (size_t c = 0; c < 4 * 3 * 5; c++)
        for (int flags = 0; flags < 4; flags++) {
            draws d = {.count = counts[c % 4], .widths = widths[c / 4 % 3], .fails_from = counts[c % 4]};
            tw_dataset ahead = dataset_of(&d, false), now = dataset_of(&d, true);
            tw_loader_options o = {.batch = batches[c / 12],
                                   .seed = 3,
                                   .shuffle = true,
                                   .drop_last = flags & 1,
                                   .buckets = flags & 2,
                                   .width_multiple = flags & 1 ? 4 : 0,
                                   .pad = (tw_real)-1.5};
            uint64_t want[CALLS], got[CALLS];
            tw_ctx *ctx = context(1);
            tw_loader *l = loader(ctx, &ahead, &o);
            record(ctx, l, CALLS, want);
            tw_loader_free(l);
            tw_ctx_free(ctx);
            for (size_t t = 0; t < 4; t++) {
                ctx = context(threads[t]);
                o.no_thread = t & 1;
                l = loader(ctx, &now, &o);
                record(ctx, l, CALLS, got);
                cr_assert_arr_eq(got, want, sizeof want, "%zu samples of up to %d, batch %d, %d threads", d.count,
                                 d.widths, o.batch, threads[t]);
                tw_loader_free(l);
                tw_ctx_free(ctx);
            }
        }
}

/* Each get waits for another one, and alone would give up some time. A dataset that does not say that it may be
 * shared is not, neither with a thread nor without. */
Test(data_in_memory, threads_share_a_batch, .timeout = 60) {
    tw_ctx *ctx = context(2);
    for (int how = 0; how < 3; how++) {
        draws d = {.count = 20, .widths = 3000, .fails_from = 20, .together = 2, .patience = how ? 100 : 10000};
        tw_dataset set = dataset_of(&d, how == 0);
        const tw_batch *b;
        tw_loader *l = loader(ctx, &set, &(tw_loader_options){.batch = 20, .no_thread = how == 2});
        for (int i = 0; i < 5; i++) cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        tw_loader_free(l);
        int abroad = atomic_load(&d.abroad), gets = atomic_load(&d.gets);
        cr_assert_eq(atomic_load(&d.most), how ? 1 : 2);
        if (how == 0) cr_assert(abroad > 0 && abroad < gets);
        if (how == 1) cr_assert_eq(abroad, gets);
        if (how == 2) cr_assert_eq(abroad, 0);
    }
    tw_ctx_free(ctx);
}

/* Nothing is fetched that nobody has asked for, and seeking costs nothing. */
Test(data_in_memory, nothing_is_made_ahead) {
    draws d = {.count = 20, .widths = 9, .fails_from = 20};
    tw_dataset set = dataset_of(&d, true);
    tw_ctx *ctx = context(2);
    tw_loader *l = loader(ctx, &set, &(tw_loader_options){.batch = 6, .seed = 1, .shuffle = true});
    const tw_batch *b;
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(tw_loader_seek(l, (tw_loader_position){i, i % 3}), TW_OK);
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        usleep(200);
        cr_assert_eq(atomic_load(&d.gets), 6 * (i + 1));
    }
    tw_loader_free(l);
    tw_ctx_free(ctx);
}

Test(data_in_memory, tell_and_seek) {
    draws d = {.count = 20, .widths = 3000, .fails_from = 20};
    tw_dataset now = dataset_of(&d, true), ahead = dataset_of(&d, false);
    tw_ctx *ctx = context(3);
    tw_loader_options o = {.batch = 7, .seed = 9, .shuffle = true};
    uint64_t all[CALLS], rest[CALLS];
    tw_loader_position at[CALLS];
    tw_loader *l = loader(ctx, &now, &o), *other = loader(ctx, &ahead, &o);
    for (int i = 0; i < CALLS; i++) {
        at[i] = tw_loader_tell(l);
        cr_assert(at[i].epoch == i / 4 && at[i].batch == i % 4);
        record(ctx, l, 1, all + i);
    }
    for (int i = 0; i < CALLS; i++) {
        tw_loader *from = i % 2 ? other : l;
        cr_assert_eq(tw_loader_seek(from, at[i]), TW_OK);
        record(ctx, from, CALLS - i, rest);
        cr_assert_arr_eq(rest, all + i, (size_t)(CALLS - i) * sizeof *all, "from %d", i);
    }
    tw_loader_free(l);
    tw_loader_free(other);
    tw_ctx_free(ctx);
}

/* Of many samples that fail in several threads the first of the batch is named, as one thread would. */
Test(data_in_memory, the_first_error_is_reported) {
    for (int threads = 1; threads <= 3; threads++) {
        draws d = {.count = 60, .widths = 3000, .fails_from = 33};
        tw_dataset set = dataset_of(&d, true);
        tw_ctx *ctx = context(threads);
        tw_loader *l = loader(ctx, &set, &(tw_loader_options){.batch = 30});
        const tw_batch *b;
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        for (int again = 0; again < 20; again++) {
            tw_err err = tw_loader_next(l, &b);
            cr_assert_null(b);
            assert_sentence(ctx, err, TW_ERR_FORMAT, "loader: sample 33: number 33 is broken", "");
            tw_loader_position at = tw_loader_tell(l);
            cr_assert(at.epoch == 0 && at.batch == 1);
        }
        d.fails_from = d.count; /* mended: the same batch comes */
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        cr_assert(b->n == 30 && b->index[0] == 30 && b->index[29] == 59);
        tw_loader_free(l);
        tw_ctx_free(ctx);
    }
}

/* The threads may be others from batch to batch. */
Test(data_in_memory, threads_are_set_between_batches) {
    draws d = {.count = 20, .widths = 3000, .fails_from = 20};
    tw_dataset set = dataset_of(&d, true);
    tw_ctx *ctx = context(1);
    tw_loader *l = loader(ctx, &set, &(tw_loader_options){.batch = 8, .seed = 2, .shuffle = true});
    uint64_t want[CALLS], got[CALLS];
    record(ctx, l, CALLS, want);
    cr_assert_eq(tw_loader_seek(l, (tw_loader_position){0, 0}), TW_OK);
    for (int i = 0; i < CALLS; i++) {
        tw_set_threads(ctx, 1 + i % 3);
        record(ctx, l, 1, got + i);
    }
    cr_assert_arr_eq(got, want, sizeof want);
    tw_loader_free(l);
    tw_ctx_free(ctx);
}

/* IDX pictures of every size that may end differently, each value what tw_image_to_reals gives. */
Test(data_in_memory, idx_pictures_of_any_size) {
    enum { N = 40, MOST = 35 };
    uint8_t pixel[N * MOST], class[N];
    for (size_t i = 0; i < sizeof pixel; i++) pixel[i] = (uint8_t)tw_random_bits(1, i);
    for (int i = 0; i < N; i++) class[i] = (uint8_t)(i % 10);
    tw_ctx *ctx = context(2);
    for (int width = 1; width <= MOST; width++) {
        tw_idx images = {.ndim = 3, .dim = {N, 1, width}, .data = pixel, .size = (size_t)(N * width)};
        tw_idx labels = {.ndim = 1, .dim = {N}, .data = class, .size = N};
        tw_picture_options options = {.mean = 0.3, .std = 0.7};
        tw_dataset set;
        cr_assert_eq(tw_dataset_classes(ctx, &images, &labels, 10, &options, &set), TW_OK);
        cr_assert(set.in_memory);
        tw_loader *l = loader(ctx, &set, &(tw_loader_options){.batch = N, .seed = 1, .shuffle = true});
        const tw_batch *b;
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        for (int i = 0; i < N; i++) {
            tw_real want[MOST];
            size_t index = b->index[i];
            tw_image one = {width, 1, 1, pixel + index * (size_t)width};
            tw_image_to_reals(&one, 0.3, 0.7, want);
            cr_assert_arr_eq(b->x + i * width, want, (size_t)width * sizeof *want);
            cr_assert_eq(b->label.v[i], (int)(index % 10));
        }
        tw_loader_free(l);
        tw_dataset_free(&set);
    }
    tw_ctx_free(ctx);
}
