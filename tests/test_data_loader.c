/* test_data_loader.c - the loader: what a batch holds, in which order, from which thread, and after which mishap. */
#include "util_files.h"

#include <limits.h>
#include <stdatomic.h>
#include <unistd.h>

/* A dataset whose pixels tell what they are: sample i is `width_of(i)` wide, its value at (c, y, x) is
 * i + c/10 + y/100 + x/1000 + 1000 * (a draw of its stream, when noisy). Its label is the digits of i. */
typedef struct numbers {
    size_t count;
    int widths; /* widths are 1 .. widths */
    bool noisy;
    long fails_at; /* sample that fails; -1: none */
    tw_err failure;
    const char *message;
    int delay_us;
    atomic_int gets, running;
    atomic_bool overlapped; /* two calls at once */
} numbers;

enum { C = 2, H = 3 };

static int width_of(void *user, size_t i) {
    const numbers *d = user;
    return 1 + (int)(tw_random_bits(99, i) % (unsigned)d->widths);
}

static tw_real value_of(size_t i, int c, int y, int x) {
    return (tw_real)i + (tw_real)c / 10 + (tw_real)y / 100 + (tw_real)x / 1000;
}

static tw_err numbers_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    numbers *d = user;
    if (atomic_fetch_add(&d->running, 1)) d->overlapped = true;
    atomic_fetch_add(&d->gets, 1);
    if (d->delay_us) usleep((unsigned)d->delay_us);
    int room = sample->width;
    sample->width = width_of(user, i);
    tw_real *x = sample->x;
    for (int c = 0; c < C; c++)
        for (int y = 0; y < H; y++)
            for (int k = 0; k < sample->width; k++)
                *x++ = value_of(i, c, y, k) + (d->noisy ? 1000 * (tw_real)tw_random_uniform(stream, 0) : 0);
    for (; sample->label_length < 1 + (int)(i % 3); sample->label_length++)
        sample->label[sample->label_length] = (int32_t)i + sample->label_length;
    atomic_fetch_sub(&d->running, 1);
    if ((long)i != d->fails_at) return room == d->widths ? TW_OK : TW_ERR_STATE;
    if (d->message) snprintf(message, size, "%s", d->message);
    return d->failure;
}

static tw_dataset dataset_of(numbers *d) {
    return (tw_dataset){.count = d->count,
                        .channels = C,
                        .height = H,
                        .max_width = d->widths,
                        .max_label = 3,
                        .sequences = true,
                        .user = d,
                        .width = width_of,
                        .get = numbers_get};
}

static void check_batch(const tw_batch *b, tw_real pad, int multiple) {
    int widest = 0;
    size_t labels = 0;
    for (int i = 0; i < b->n; i++) widest = b->width.v[i] > widest ? b->width.v[i] : widest;
    cr_assert_eq(b->dim[3], (widest + multiple - 1) / multiple * multiple);
    cr_assert(b->dim[0] == b->n && b->dim[1] == C && b->dim[2] == H);
    cr_assert(b->width.n == (size_t)b->n && b->label_length.n == (size_t)b->n);
    const tw_real *x = b->x;
    for (int i = 0; i < b->n; i++) {
        size_t index = b->index[i];
        for (int c = 0; c < C; c++)
            for (int y = 0; y < H; y++)
                for (int k = 0; k < b->dim[3]; k++, x++)
                    cr_assert_eq(*x, k < b->width.v[i] ? value_of(index, c, y, k) : pad, "sample %zu", index);
        cr_assert_eq(b->label_length.v[i], 1 + (int)(index % 3));
        for (int k = 0; k < b->label_length.v[i]; k++) cr_assert_eq(b->label.v[labels++], (int32_t)index + k);
    }
    cr_assert_eq(b->label.n, labels);
}

/* A digest of all that a batch holds. */
static uint64_t digest(const tw_batch *b) {
    uint64_t h = 1;
    size_t values = (size_t)b->dim[0] * (size_t)b->dim[1] * (size_t)b->dim[2] * (size_t)b->dim[3];
    for (size_t i = 0; i < values; i++) {
        uint64_t bits = 0;
        memcpy(&bits, &b->x[i], sizeof *b->x);
        h = tw_random_bits(h, bits);
    }
    for (int i = 0; i < 4; i++) h = tw_random_bits(h, (uint64_t)b->dim[i]);
    for (size_t i = 0; i < b->label.n; i++) h = tw_random_bits(h, (uint64_t)b->label.v[i]);
    for (int i = 0; i < b->n; i++) h = tw_random_bits(tw_random_bits(h, b->index[i]), (uint64_t)b->width.v[i]);
    return h;
}

enum { MOST = 512 };
/* Digests of the next n calls of next; 0 for an epoch's end. */
static void record(tw_ctx *ctx, tw_loader *l, int n, uint64_t *to) {
    for (int i = 0; i < n; i++) {
        const tw_batch *b;
        cr_assert_eq(tw_loader_next(l, &b), TW_OK, "%s", tw_errmsg(ctx));
        to[i] = b ? digest(b) : 0;
    }
}

/* ---- what is in the batches ------------------------------------------------------------------------------ */

/* Over many shapes: every sample once an epoch (but those drop_last leaves out), and every value in its place. */
Test(data_loader, every_sample_once) {
    static const int counts[] = {0, 1, 2, 7, 8, 9, 23, 64, 100}, batches[] = {1, 2, 7, 8, 200};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof batches / sizeof *batches; k++)
            for (int flags = 0; flags < 16; flags++) {
                numbers d = {.count = (size_t)counts[c], .widths = flags & 8 ? 1 : 9, .fails_at = -1};
                tw_dataset set = dataset_of(&d);
                tw_loader_options o = {.batch = batches[k],
                                       .seed = 5,
                                       .shuffle = flags & 1,
                                       .drop_last = flags & 2,
                                       .buckets = flags & 4 ? 3 : 0,
                                       .width_multiple = flags & 1 ? 4 : 0,
                                       .pad = (tw_real)-7.5,
                                       .no_thread = flags & 2};
                tw_loader *l = tw_loader_new(ctx, &set, &o);
                cr_assert(l, "%s", tw_errmsg(ctx));
                int full = counts[c] / o.batch, rest = counts[c] % o.batch;
                int want = full + (rest && !o.drop_last);
                cr_assert_eq(tw_loader_batches(l), (size_t)want);
                for (int epoch = 0; epoch < 3; epoch++) {
                    int seen[100] = {0}, total = 0;
                    const tw_batch *b;
                    for (int i = 0; i < want; i++) {
                        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
                        cr_assert(b && b->n == (i < full ? o.batch : rest));
                        check_batch(b, o.pad, o.width_multiple ? o.width_multiple : 1);
                        for (int j = 0; j < b->n; j++) seen[b->index[j]]++;
                        total += b->n;
                    }
                    cr_assert_eq(tw_loader_next(l, &b), TW_OK);
                    cr_assert_null(b);
                    for (int i = 0; i < counts[c]; i++) cr_assert_leq(seen[i], 1);
                    cr_assert_eq(total, o.drop_last ? full * o.batch : counts[c]);
                }
                tw_loader_free(l);
            }
    tw_ctx_free(ctx);
}

Test(data_loader, classes_have_no_lengths) {
    tw_idx images = {.ndim = 3, .dim = {3, 1, 2}, .data = (uint8_t[]){0, 255, 51, 102, 153, 204}, .size = 6};
    tw_idx labels = {.ndim = 1, .dim = {3}, .data = (uint8_t[]){2, 0, 1}, .size = 3};
    tw_ctx *ctx = tw_ctx_new(1);
    tw_dataset set;
    cr_assert_eq(tw_dataset_classes(ctx, &images, &labels, 3, &(tw_picture_options){.mean = 0.2, .std = 0.4}, &set),
                 TW_OK);
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 2});
    const tw_batch *b;
    cr_assert_eq(tw_loader_next(l, &b), TW_OK);
    cr_assert(b->n == 2 && b->dim[0] == 2 && b->dim[1] == 1 && b->dim[2] == 1 && b->dim[3] == 2);
    assert_near(b->x, ((tw_real[]){(tw_real)-0.5, 2, 0, (tw_real)0.5}), 4, 1e-6);
    cr_assert(b->label.n == 2 && b->label.v[0] == 2 && b->label.v[1] == 0);
    cr_assert(b->label_length.v == NULL && b->label_length.n == 0);
    cr_assert_eq(tw_loader_next(l, &b), TW_OK);
    cr_assert(b->n == 1 && b->label.n == 1 && b->label.v[0] == 1 && b->index[0] == 2);
    tw_loader_free(l);
    tw_dataset_free(&set);
    cr_assert(!set.get && !set.user);
    tw_ctx_free(ctx);
}

/* ---- order ----------------------------------------------------------------------------------------------- */

static tw_loader *open_loader(tw_ctx *ctx, const tw_dataset *set, uint64_t seed, bool no_thread, int buckets) {
    tw_loader_options o = {.batch = 6, .seed = seed, .shuffle = true, .buckets = buckets, .no_thread = no_thread};
    tw_loader *l = tw_loader_new(ctx, set, &o);
    cr_assert(l, "%s", tw_errmsg(ctx));
    return l;
}

Test(data_loader, order_is_the_seeds_and_the_epochs) {
    numbers d = {.count = 50, .widths = 9, .noisy = true, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1), *other = tw_ctx_new(2);
    uint64_t a[30], b[30];
    for (int buckets = 0; buckets < 4; buckets += 3) {
        tw_loader *l = open_loader(ctx, &set, 7, false, buckets);
        record(ctx, l, 30, a);
        tw_loader_free(l);
        for (int i = 0; i < 10; i++) cr_assert((a[i] == 0) == (i == 9)); /* 9 batches an epoch, then its end */
        cr_assert(memcmp(a, a + 10, 9 * sizeof *a), "two epochs of the same order");

        l = open_loader(other, &set, 7, true, buckets); /* another context, no thread */
        record(other, l, 30, b);
        cr_assert_eq(memcmp(a, b, sizeof a), 0);
        tw_loader_free(l);

        l = open_loader(ctx, &set, 8, false, buckets);
        record(ctx, l, 30, b);
        cr_assert(memcmp(a, b, sizeof a), "two seeds, the same order");
        tw_loader_free(l);
    }
    tw_ctx_free(ctx);
    tw_ctx_free(other);
}

Test(data_loader, without_shuffle_as_it_is) {
    numbers d = {.count = 20, .widths = 4, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1);
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 6, .seed = 3});
    const tw_batch *b;
    for (size_t next = 0; next < 20;) {
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        for (int i = 0; i < b->n; i++) cr_assert_eq(b->index[i], next++);
    }
    tw_loader_free(l);
    tw_ctx_free(ctx);
}

/* With one window over all, batches hold neighbours in width; with none they do not. Shuffling is uniform enough that
 * the first place sees every sample. */
Test(data_loader, buckets_hold_like_widths) {
    numbers d = {.count = 600, .widths = 100, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1);
    double spread[2];
    for (int k = 0; k < 2; k++) {
        tw_loader *l = open_loader(ctx, &set, 3, true, k ? 50 : 0);
        const tw_batch *b;
        spread[k] = 0;
        int rising = 0, before = 0;
        for (int i = 0; i < 100; i++) {
            cr_assert_eq(tw_loader_next(l, &b), TW_OK);
            int low = 1000, high = 0;
            for (int j = 0; j < b->n; j++) {
                low = b->width.v[j] < low ? b->width.v[j] : low;
                high = b->width.v[j] > high ? b->width.v[j] : high;
            }
            spread[k] += high - low;
            rising += low >= before;
            before = low;
        }
        cr_assert(rising > 20 && rising < 80, "the order of the batches is not random: %d", rising);
        tw_loader_free(l);
    }
    cr_assert_lt(spread[1] * 10, spread[0], "%g and %g", spread[1], spread[0]);
    tw_ctx_free(ctx);
}

/* Sorting comes after leaving out, or it would always be the widest that is left out. */
Test(data_loader, drop_last_leaves_out_any) {
    numbers d = {.count = 23, .widths = 100, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1);
    tw_loader_options o = {.batch = 8, .seed = 3, .shuffle = true, .drop_last = true, .buckets = 9, .no_thread = true};
    tw_loader *l = tw_loader_new(ctx, &set, &o);
    const tw_batch *b;
    int seen[23] = {0};
    for (int epoch = 0; epoch < 200; epoch++) {
        for (int k = 0; k < 2; k++) {
            cr_assert_eq(tw_loader_next(l, &b), TW_OK);
            for (int i = 0; i < b->n; i++) seen[b->index[i]]++;
        }
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
    }
    for (int i = 0; i < 23; i++) cr_assert(seen[i] > 100 && seen[i] < 175, "sample %d was seen %d times", i, seen[i]);
    tw_loader_free(l);
    tw_ctx_free(ctx);
}

/* Chi-square of where a sample lands: 20 samples, 2000 epochs. 36.19 is passed by chance once in a hundred draws, 60
 * practically never. */
Test(data_loader, shuffle_is_uniform) {
    numbers d = {.count = 20, .widths = 1, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1);
    tw_loader *l = tw_loader_new(ctx, &set,
                                 &(tw_loader_options){.batch = 20, .seed = 11, .shuffle = true, .no_thread = true});
    static int at[20][20];
    const tw_batch *b;
    for (int epoch = 0; epoch < 2000; epoch++) {
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        for (int i = 0; i < 20; i++) at[i][b->index[i]]++;
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
    }
    for (int i = 0; i < 20; i++) {
        double chi = 0;
        for (int k = 0; k < 20; k++) chi += (at[i][k] - 100) * (at[i][k] - 100) / 100.0;
        cr_assert_lt(chi, 60, "place %d: %g", i, chi);
    }
    tw_loader_free(l);
    tw_ctx_free(ctx);
}

/* ---- positions ------------------------------------------------------------------------------------------- */

Test(data_loader, tell_and_seek) {
    numbers d = {.count = 50, .widths = 9, .noisy = true, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1);
    for (int mode = 0; mode < 4; mode++) {
        bool no_thread = mode & 1;
        int buckets = mode & 2;
        uint64_t all[40], rest[40];
        tw_loader_position at[40];
        tw_loader *l = open_loader(ctx, &set, 7, no_thread, buckets);
        for (int i = 0; i < 40; i++) {
            at[i] = tw_loader_tell(l);
            record(ctx, l, 1, all + i);
        }
        tw_loader *fresh = open_loader(ctx, &set, 7, !no_thread, buckets);
        for (int i = 0; i < 40; i++) {
            cr_assert(at[i].epoch == i / 10 && at[i].batch == i % 10);
            cr_assert_eq(tw_loader_seek(i % 2 ? l : fresh, at[i]), TW_OK);
            tw_loader_position told = tw_loader_tell(i % 2 ? l : fresh);
            cr_assert(told.epoch == at[i].epoch && told.batch == at[i].batch);
            record(ctx, i % 2 ? l : fresh, 40 - i, rest);
            cr_assert_eq(memcmp(all + i, rest, (size_t)(40 - i) * sizeof *all), 0, "from %d", i);
        }
        tw_loader_free(l);
        tw_loader_free(fresh);
    }
    tw_ctx_free(ctx);
}

Test(data_loader, seek_out_of_range) {
    numbers d = {.count = 50, .widths = 9, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1);
    tw_loader *l = open_loader(ctx, &set, 7, false, 0);
    static const tw_loader_position bad[] = {{-1, 0}, {0, -1}, {0, 10}, {5, INT64_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_sentence(ctx, tw_loader_seek(l, bad[i]), TW_ERR_RANGE, "loader: cannot seek", "an epoch has 9 batches");
    uint64_t first;
    record(ctx, l, 1, &first);
    cr_assert_neq(first, 0);
    tw_loader_free(l);
    tw_ctx_free(ctx);
}

/* ---- threads --------------------------------------------------------------------------------------------- */

Test(data_loader, a_batch_is_borrowed_until_the_next_call) {
    numbers d = {.count = 64, .widths = 9, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1);
    tw_loader *l = open_loader(ctx, &set, 7, false, 0);
    for (int i = 0; i < 40; i++) {
        const tw_batch *b;
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        if (!b) continue;
        uint64_t before = digest(b);
        usleep(500); /* the thread has the next batch ready by now */
        if (i % 5 == 0) cr_assert_eq(tw_loader_seek(l, (tw_loader_position){i / 5, 2}), TW_OK);
        cr_assert_eq(digest(b), before);
    }
    cr_assert_not(d.overlapped, "two calls of get at the same time");
    tw_loader_free(l);
    tw_ctx_free(ctx);
}

Test(data_loader, freed_at_any_time, .timeout = 30) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int i = 0; i < 200; i++) {
        numbers d = {.count = 50,
                     .widths = 9,
                     .fails_at = i % 7 ? -1 : 3,
                     .failure = TW_ERR_IO,
                     .delay_us = i % 3 ? 0 : 200};
        tw_dataset set = dataset_of(&d);
        tw_loader *l = open_loader(ctx, &set, (uint64_t)i, false, i % 2);
        const tw_batch *b;
        for (int k = 0; k < i % 5; k++)
            if (tw_loader_next(l, &b)) tw_error_clear(ctx);
        if (i % 11 == 0) cr_assert_eq(tw_loader_seek(l, (tw_loader_position){i, 3}), TW_OK);
        tw_loader_free(l);
        int gets = atomic_load(&d.gets);
        usleep(20);
        cr_assert_eq(gets, atomic_load(&d.gets), "the thread still runs");
    }
    tw_loader_free(NULL);
    tw_ctx_free(ctx);
}

/* A slow dataset does not make free wait for a whole batch. */
Test(data_loader, free_does_not_wait_for_the_batch, .timeout = 30) {
    numbers d = {.count = 1000, .widths = 9, .fails_at = -1};
    tw_dataset set = dataset_of(&d);
    tw_ctx *ctx = tw_ctx_new(1);
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 100});
    const tw_batch *b;
    cr_assert_eq(tw_loader_next(l, &b), TW_OK);
    cr_assert_eq(tw_loader_seek(l, (tw_loader_position){0, 0}), TW_OK);
    d.delay_us = 5000;
    cr_assert_eq(tw_loader_next(l, &b), TW_OK); /* waits: half a second */
    usleep(20000);                              /* the next batch is under way */
    int before = atomic_load(&d.gets);
    tw_loader_free(l);
    cr_assert_lt(atomic_load(&d.gets) - before, 5);
    tw_ctx_free(ctx);
}

/* ---- errors ---------------------------------------------------------------------------------------------- */

Test(data_loader, errors_surface_where_they_belong) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int no_thread = 0; no_thread < 2; no_thread++) {
        numbers d = {.count = 20, .widths = 9, .fails_at = 13, .failure = TW_ERR_FORMAT, .message = "x.png: broken"};
        tw_dataset set = dataset_of(&d);
        tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 5, .no_thread = no_thread});
        const tw_batch *b;
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        for (int again = 0; again < 2; again++) {
            tw_err err = tw_loader_next(l, &b);
            cr_assert_null(b);
            assert_sentence(ctx, err, TW_ERR_FORMAT, "loader: sample 13: x.png: broken", "");
            tw_loader_position at = tw_loader_tell(l);
            cr_assert(at.epoch == 0 && at.batch == 2);
        }
        d.fails_at = -1; /* mended: the same batch comes */
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        cr_assert_eq(b->index[0], 10);
        check_batch(b, 0, 1);
        tw_loader_free(l);

        d.fails_at = 0;
        d.message = NULL;
        d.failure = TW_ERR_IO;
        l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 5, .no_thread = no_thread});
        assert_sentence(ctx, tw_loader_next(l, &b), TW_ERR_IO, "loader: sample 0: IO", "");
        cr_assert_eq(tw_loader_seek(l, (tw_loader_position){0, 1}), TW_OK); /* past it */
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        tw_loader_free(l);
    }
    tw_ctx_free(ctx);
}

static tw_err liar_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const int *lie = user;
    (void)i, (void)stream, (void)message, (void)size;
    for (int k = 0; k < sample->width; k++) sample->x[k] = 0;
    sample->width = lie[0];
    sample->label_length = lie[1];
    sample->label[0] = 0;
    return TW_OK;
}

Test(data_loader, a_dataset_that_lies) {
    static const int lies[][2] = {{0, 1}, {-1, 1}, {5, 1}, {4, -1}, {4, 2}, {4, 0}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        tw_dataset set = {.count = 3,
                          .channels = 1,
                          .height = 1,
                          .max_width = 4,
                          .max_label = 1,
                          .user = (void *)&lies[i],
                          .get = liar_get};
        tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 2});
        const tw_batch *b;
        assert_sentence(ctx, tw_loader_next(l, &b), TW_ERR_RANGE, "loader: sample 0: the dataset gave",
                        i < 3 ? "width" : "label");
        tw_loader_free(l);
    }
    tw_ctx_free(ctx);
}

Test(data_loader, options_are_checked) {
    numbers d = {.count = 20, .widths = 9, .fails_at = -1};
    tw_dataset good = dataset_of(&d), bad;
    tw_ctx *ctx = tw_ctx_new(1);
    static const tw_loader_options options[] = {{.batch = 0},
                                                {.batch = -3},
                                                {.batch = 1, .buckets = -1},
                                                {.batch = 1, .width_multiple = -1},
                                                {.batch = 1 << 20, .buckets = 1 << 20}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        cr_assert_null(tw_loader_new(ctx, &good, &options[i]));
        assert_sentence(ctx, tw_error(ctx), TW_ERR_RANGE, "loader: ", "");
    }
    for (int k = 0; k < 5; k++) {
        bad = good;
        if (k == 0) bad.get = NULL;
        if (k == 1) bad.channels = 0;
        if (k == 2) bad.height = -1;
        if (k == 3) bad.max_width = 0;
        if (k == 4) bad.max_label = -1;
        cr_assert_null(tw_loader_new(ctx, &bad, &(tw_loader_options){.batch = 2}));
        assert_sentence(ctx, tw_error(ctx), TW_ERR_RANGE, "loader: a dataset needs", "");
    }
    bad = good;
    bad.count = SIZE_MAX / 2, bad.max_width = 1 << 30, bad.height = 1 << 30;
    cr_assert_null(tw_loader_new(ctx, &bad, &(tw_loader_options){.batch = 1 << 30}));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_NOMEM, "loader: out of memory", "");
    cr_assert_null(tw_loader_new(ctx, &bad, &(tw_loader_options){.batch = 1 << 30, .width_multiple = 1000}));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_NOMEM, "loader: out of memory", " x 1073742000");
    cr_assert_null(tw_loader_new(ctx, &good, &(tw_loader_options){.batch = 1, .width_multiple = INT_MAX}));
    assert_sentence(ctx, tw_error(ctx), TW_ERR_RANGE, "loader: a width of ",
                    ", rounded up to a multiple of 2147483647");
    tw_ctx_free(ctx);
}
