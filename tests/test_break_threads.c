/* test_break_threads.c - whole trainings of the example programs: whatever runs beside them, however many threads they
 * have, and however many contexts there were before, they come to the same bits. */
#include "util_malloc.h"
#include "util_trainings.h"

#include <dirent.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

TestSuite(break_threads, .timeout = 600);

/* A training of some steps; in a thread of its own, where no assertion may fail. */
typedef struct course {
    const training_program *program;
    int threads, steps;
    snapshot end;
    char error[200]; /* "" */
} course;

static void do_nothing(void *arg, int block, int thread) { (void)arg, (void)block, (void)thread; }

static void learn(course *c) {
    small_training t = {0};
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = c->threads});
    bool good = ctx && small_training_new(&t, ctx, c->program);
    if (ctx) tw_parallel_for(ctx, 16, do_nothing, NULL); /* the threads are there, however small the work is */
    for (int i = 0; good && i < c->steps; i++) {
        const tw_batch *b;
        good = !small_training_next(&t, &b) && !small_training_step(&t, b);
    }
    snprintf(c->error, sizeof c->error, "%s", good ? "" : ctx ? tw_errmsg(ctx) : "no context");
    if (good) c->end = snapshot_take(&t);
    if (good && !c->end.bytes) snprintf(c->error, sizeof c->error, "no memory");
    small_training_free(&t);
    tw_ctx_free(ctx);
}

static void *learn_beside(void *user) {
    learn(user);
    return NULL;
}

static bool same(const snapshot *a, const snapshot *b) {
    return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

static course of(const training_program *program, int threads, int steps) {
    return (course){.program = program, .threads = threads, .steps = steps};
}

static void check(const course *c) { cr_assert_str_empty(c->error, "%s: %s", c->program->name, c->error); }

/* ---- beside each other ------------------------------------------------------------------------------------------ */

static void side_by_side(const training_program *first, const training_program *second) {
    enum { STEPS = 7 }; /* into the third epoch */
    course alone[2] = {of(first, 2, STEPS), of(second, 2, STEPS)}, both[2] = {alone[0], alone[1]};
    pthread_t id[2];
    for (int i = 0; i < 2; i++) {
        learn(&alone[i]);
        check(&alone[i]);
    }
    for (int i = 0; i < 2; i++) cr_assert_eq(pthread_create(&id[i], NULL, learn_beside, &both[i]), 0);
    for (int i = 0; i < 2; i++) cr_assert_eq(pthread_join(id[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        check(&both[i]);
        cr_assert(same(&alone[i].end, &both[i].end), "%s beside %s", both[i].program->name, both[!i].program->name);
        snapshot_free(&alone[i].end);
        snapshot_free(&both[i].end);
    }
}

Test(break_threads, two_trainings_at_once) {
    side_by_side(&mnist_mlp, &crnn_tiny);
    side_by_side(&crnn_tiny, &mnist_cnn);
    side_by_side(&crnn_tiny, &crnn_tiny);
    side_by_side(&losslab_ctc, &mnist_cnn_l);
}

/* ---- one after another ------------------------------------------------------------------------------------------ */

static int entries(const char *folder) {
    int n = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static long resident_kib(void) {
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld %ld", &size, &pages) != 2) pages = 0;
    if (file) fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

typedef struct footprint {
    long live, kib;
    int tasks, files;
} footprint;
static footprint footprint_now(void) {
    return (footprint){malloc_live(), resident_kib(), entries("/proc/self/task"), entries("/proc/self/fd")};
}

/* A thread that was joined may be listed for a moment more. */
static int tasks_at_most(int want) {
    int n = entries("/proc/self/task");
    for (int i = 0; n > want && i < 1000; i++) {
        nanosleep(&(struct timespec){0, 5000000}, NULL);
        n = entries("/proc/self/task");
    }
    return n;
}

Test(break_threads, a_thousand_contexts_leave_nothing) {
    enum { TIMES = 1000, FIRST = 100 };
    footprint before = {0, 0, 0, 0};
    for (int i = 0; i < FIRST + TIMES; i++) {
        course c = of(i % 3 ? &losslab_ce : &losslab_ctc, 1 + i % 3, i % 10 ? 1 : 3);
        if (i % 100 == 7) c.program = &crnn_tiny;
        if (i == FIRST) before = footprint_now();
        learn(&c);
        check(&c);
        snapshot_free(&c.end);
    }
    footprint after = footprint_now();
    if (!before.tasks || !before.files) cr_skip_test("there is no /proc");
    after.tasks = tasks_at_most(before.tasks);
    /* The C library keeps a block or two for each stack that it gives to the next thread. */
    cr_assert_lt(after.live, before.live + 16, "%ld blocks, and %ld before", after.live, before.live);
    cr_assert_leq(after.tasks, before.tasks);
    cr_assert_leq(after.files, before.files);
    /* A tenth of a KiB for each; sanitizers keep what was freed. */
    if (malloc_is_ours())
        cr_assert_lt(after.kib, before.kib + TIMES / 10, "%ld KiB, and %ld before", after.kib, before.kib);
}

/* ---- any number of threads -------------------------------------------------------------------------------------- */

Test(break_threads, any_number_of_threads) {
    static const int threads[] = {1, 2, 3, 7};
    for (int p = 0; training_programs[p]; p++) {
        if (test_share() > 1 && training_programs[p]->stride > 10) continue; /* a tool makes it too slow */
        course one = of(training_programs[p], 1, 5);
        learn(&one);
        check(&one);
        for (int i = 1; i < 4; i++) {
            course many = of(training_programs[p], threads[i], 5);
            learn(&many);
            check(&many);
            cr_assert(same(&one.end, &many.end), "%s with %d threads", many.program->name, threads[i]);
            snapshot_free(&many.end);
        }
        snapshot_free(&one.end);
    }
}
