/* test_break_engine.c - the engine in company: signals, forks, other threads, and things done at odd moments. */
#include "util.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* A little work that is cut for the threads: sum(tanh(x W)) and the gradient of W. */
static tw_real work(tw_ctx *ctx, uint64_t seed, tw_real *checksum) {
    tw_step_begin(ctx);
    tw_tensor *x = random_leaf(ctx, seed, -1, 1, 2, (int[]){200, 300});
    tw_tensor *w = random_leaf(ctx, seed + 1, -1, 1, 2, (int[]){300, 250});
    tw_tensor *y = tw_sum(ctx, tw_tanh(ctx, tw_matmul(ctx, x, false, w, false)), 0, NULL, false);
    if (!y || tw_backward(ctx, y)) return (tw_real)NAN;
    *checksum = 0;
    for (size_t i = 0; i < w->size; i++) *checksum += w->grad[i] * (tw_real)(1 + i % 7);
    return tw_item(y);
}

/* ---- what a program does around the library -------------------------------------------------------------- */

typedef struct masks {
    atomic_int workers, open; /* blocks run by workers; how many of them would take a signal */
} masks;

static void look_at_mask(void *arg, int block, int thread) {
    masks *m = arg;
    sigset_t set;
    (void)block;
    usleep(200); /* long enough for the workers to come */
    if (thread == 0) return;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    atomic_fetch_add(&m->workers, 1);
    if (!sigismember(&set, SIGUSR1) || !sigismember(&set, SIGINT)) atomic_fetch_add(&m->open, 1);
}

/* The handlers of a program run in its own threads, where it expects them. */
Test(break_engine, signals_are_not_for_the_workers) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 4});
    masks m = {0, 0};
    for (int i = 0; i < 100 && !atomic_load(&m.workers); i++) tw_parallel_for(ctx, 50, look_at_mask, &m);
    cr_assert_gt(atomic_load(&m.workers), 0);
    cr_assert_eq(atomic_load(&m.open), 0);
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    cr_assert_not(sigismember(&set, SIGINT), "the caller's own mask has changed");
    tw_ctx_free(ctx);
}

Test(break_engine, a_forked_child_goes_on) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 3});
    tw_real sum, child_sum, loss = work(ctx, 1, &sum);
    int status;
    for (int i = 0; i < 20; i++) { /* the workers may be spinning, falling asleep, or asleep */
        if (i % 2) usleep(200);
        pid_t child = fork();
        if (!child) {
            bool same = work(ctx, 1, &child_sum) == loss && child_sum == sum;
            tw_ctx_free(ctx);
            _exit(same ? 0 : 1);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    tw_ctx_free(ctx);
}

/* Denormals are flushed inside the library only. */
Test(break_engine, the_callers_arithmetic_is_as_it_was) {
    volatile float tiny = 1e-40f;
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 2});
    tw_real sum;
    for (int i = 0; i < 3; i++) {
        work(ctx, 1, &sum);
        cr_assert(tiny * 0.5f > 0, "denormals are flushed after the call");
    }
    tw_ctx_free(ctx);
}

typedef struct job {
    uint64_t seed;
    int threads;
    tw_real loss[20], sum[20];
} job;

static void *run_job(void *arg) {
    job *j = arg;
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = j->threads});
    for (int i = 0; i < 20; i++) {
        j->loss[i] = work(ctx, j->seed + (uint64_t)i, &j->sum[i]);
        if (i % 5 == 4) tw_set_threads(ctx, 1 + i % 4);
    }
    tw_ctx_free(ctx);
    return NULL;
}

Test(break_engine, contexts_in_several_threads) {
    job alone = {.seed = 7, .threads = 1}, together[3];
    run_job(&alone);
    pthread_t id[3];
    for (int i = 0; i < 3; i++) {
        together[i] = (job){.seed = 7, .threads = i + 1};
        cr_assert_eq(pthread_create(&id[i], NULL, run_job, &together[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(id[i], NULL);
        cr_assert_eq(memcmp(alone.loss, together[i].loss, sizeof alone.loss), 0);
        cr_assert_eq(memcmp(alone.sum, together[i].sum, sizeof alone.sum), 0);
    }
}

static void *use_context(void *arg) {
    tw_real *answer = malloc(2 * sizeof *answer);
    answer[0] = work(arg, 3, &answer[1]);
    return answer;
}

/* One thread at a time, but not always the same one. */
Test(break_engine, a_context_changes_hands) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 3});
    tw_real sum, loss = work(ctx, 3, &sum);
    for (int i = 0; i < 5; i++) {
        pthread_t id;
        void *answer;
        cr_assert_eq(pthread_create(&id, NULL, use_context, ctx), 0);
        pthread_join(id, &answer);
        cr_assert(((tw_real *)answer)[0] == loss && ((tw_real *)answer)[1] == sum);
        free(answer);
    }
    tw_ctx_free(ctx);
}

/* ---- parallel loops -------------------------------------------------------------------------------------- */

typedef struct tally {
    int *runs;
    int threads;
    bool bad_thread;
} tally;

static void count_block(void *arg, int block, int thread) {
    tally *t = arg;
    t->runs[block]++; /* each block is its thread's alone */
    if (thread < 0 || thread >= t->threads) t->bad_thread = true;
}

/* Thousands of loops of all lengths, so short that workers come late: each block runs once, whoever runs it. */
Test(break_engine, every_block_runs_once) {
    enum { MOST = 40 };
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    for (int round = 0; round < 20000; round++) {
        if (round % 500 == 0) tw_set_threads(ctx, 1 + round / 500 % 7);
        int runs[MOST] = {0}, n = (int)(tw_random_bits(5, (uint64_t)round) % (MOST + 1));
        tally t = {runs, tw_threads(ctx), false};
        tw_parallel_for(ctx, n, count_block, &t);
        for (int i = 0; i < MOST; i++)
            cr_assert_eq(runs[i], i < n, "round %d, block %d ran %d times", round, i, runs[i]);
        cr_assert_not(t.bad_thread);
        if (round % 1000 == 999) usleep(1000); /* now they sleep */
    }
    tw_ctx_free(ctx);
}

/* ---- odd moments ----------------------------------------------------------------------------------------- */

/* An optimiser made between forward and backward moves the parameters; views of them stay right. */
Test(break_engine, sealing_in_the_middle_of_a_step) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_NORMAL, 1}, 1, (int[]){6});
    tw_tensor *b = tw_buffer(params, "b", 3, 1, (int[]){6});
    tw_tensor *twin = tw_param(params, "twin", (tw_init){0}, 1, (int[]){6});
    cr_assert_eq(tw_params_tie(params, "twin", "w"), TW_OK);
    tw_tensor *v = tw_reshape(ctx, w, 2, (int[]){2, 3}), *c = tw_reshape(ctx, b, 2, (int[]){2, 3});
    tw_tensor *t = tw_reshape(ctx, twin, 2, (int[]){2, 3});
    tw_tensor *y = tw_sum(ctx, tw_mul(ctx, tw_mul(ctx, v, t), c), 0, NULL, false); /* 3 sum(w^2) */
    tw_optim *o = tw_sgd_new(params, NULL);
    cr_assert(o, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_backward(ctx, y), TW_OK, "%s", tw_errmsg(ctx));
    for (int i = 0; i < 6; i++) cr_assert(near((double)w->grad[i], 6 * (double)w->data[i], 1e-6));
    tw_optim_free(o);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

/* Thousands of small nodes: backward is a loop; finished gradients beyond what the pool of blocks holds are let go. */
Test(break_engine, a_long_tape) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int step = 0; step < 3; step++) {
        tw_step_begin(ctx);
        tw_tensor *x = random_leaf(ctx, 1, -1, 1, 1, (int[]){3}), *y = x, *all[400];
        for (int i = 0; i < 20000; i++) y = tw_scale(ctx, y, i % 2 ? 2 : (tw_real)0.5);
        for (int i = 0; i < 400; i++) all[i] = tw_scale(ctx, y, 1); /* 400 gradients alive at once */
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_concat(ctx, 400, all, 0), 0, NULL, false)), TW_OK);
        for (int i = 0; i < 3; i++) cr_assert_eq(x->grad[i], 400);
    }
    tw_ctx_free(ctx);
}

/* Sizes that no machine has are errors before anything is touched. */
Test(break_engine, absurd_sizes) {
    tw_ctx *ctx = tw_ctx_new(1);
    cr_assert_null(tw_alloc(ctx, SIZE_MAX));
    assert_error(ctx, TW_ERR_NOMEM, "out of memory");
    cr_assert_null(tw_scratch(ctx, SIZE_MAX / 2));
    assert_error(ctx, TW_ERR_NOMEM, "out of memory");
    tw_real one = 1; /* never read as far as these shapes pretend */
    tw_tensor *row = tw_input(ctx, &one, 2, (int[]){1, 1 << 30}), *column = tw_input(ctx, &one, 2, (int[]){1 << 30, 1});
    cr_assert_null(tw_mul(ctx, row, column));
    assert_error(ctx, TW_ERR_SHAPE, "too large");
    cr_assert_null(tw_matmul(ctx, column, false, row, false));
    assert_error(ctx, TW_ERR_SHAPE, "too large");
    cr_assert_null(tw_concat(ctx, 2, (tw_tensor *[]){row, row}, 1));
    assert_error(ctx, TW_ERR_SHAPE, "2147483648 long");
    cr_assert_null(tw_full(ctx, 1, 5, (int[]){1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30}));
    assert_error(ctx, TW_ERR_SHAPE, "too large");
    tw_step_begin(ctx);
    tw_real sum;
    cr_assert(isfinite(work(ctx, 1, &sum)), "%s", tw_errmsg(ctx)); /* and the context goes on */
    tw_ctx_free(ctx);
}
