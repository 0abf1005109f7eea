/* parallel.c - the only parallelism: a small pool that runs numbered blocks of work.
 *
 * Blocks are claimed one by one from a counter, so a thread that is late takes fewer. Which thread runs a block
 * never matters to the result. Workers spin for some microseconds after a loop, because the next one usually comes
 * at once, and then sleep: a pool that only spins starves whatever else runs on the machine.
 *
 * The caller never waits for a worker that has not started: a worker joins by raising `inside` and then looking at
 * `open`; the caller closes the loop and then waits until `inside` is 0. As both sides write before they read, and the
 * atomics are sequentially consistent, either the worker sees the loop closed or the caller sees the worker inside. */
#include "tensor/internal.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define RELAX() _mm_pause()
typedef unsigned fp_state;
/* Flush-to-zero and denormals-are-zero: a denormal operand costs a hundred cycles and carries no information here. */
static fp_state fp_flush_denormals(void) {
    fp_state old = _mm_getcsr();
    _mm_setcsr(old | 0x8040u);
    return old;
}
static void fp_restore(fp_state old) { _mm_setcsr(old); }
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
typedef unsigned long fp_state;
static fp_state fp_flush_denormals(void) {
    fp_state old;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" ::"r"(old | (1ul << 24)));
    return old;
}
static void fp_restore(fp_state old) { __asm__ volatile("msr fpcr, %0" ::"r"(old)); }
#else
#define RELAX() ((void)0)
typedef int fp_state;
static fp_state fp_flush_denormals(void) { return 0; }
static void fp_restore(fp_state old) { (void)old; }
#endif

/* The stack is what matrix products need to pack, and a BLAS, with room to spare; a system may give less by itself
 * (musl: 128 KiB). */
enum { SPINS = 2000, MAX_THREADS = 256, STACK = 1 << 20 };

typedef struct worker {
    struct tw__pool *pool;
    pthread_t id;
    int thread; /* 1 .. ; the caller is 0 */
} worker;

struct tw__pool {
    void (*fn)(void *arg, int block, int thread);
    void *arg;
    int nblocks;
    atomic_int next;   /* the next unclaimed block */
    atomic_int open;   /* a loop may be joined */
    atomic_int inside; /* workers that are looking at the loop */
    atomic_uint loops; /* counts the loops begun: what idle workers watch */
    atomic_int sleepers;
    atomic_int stop;
    pthread_mutex_t mutex; /* for sleeping only */
    pthread_cond_t wake;
    pid_t owner; /* a forked child has a copy of the pool, but not its threads */
    size_t bytes;
    int workers;
    worker worker[];
};

/* In a forked child the lock, the condition and `inside` may stand as a worker left them that does not exist there. */
static bool has_workers(const struct tw__pool *p) { return p && p->owner == getpid(); }

static void run_blocks(struct tw__pool *p, int thread) {
    for (int b; (b = atomic_fetch_add(&p->next, 1)) < p->nblocks;) p->fn(p->arg, b, thread);
}

/* Returns when a loop after `seen` has begun, or the pool is to stop. */
static void wait_for_loop(struct tw__pool *p, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&p->loops, memory_order_acquire) != seen) return;
        RELAX();
    }
    pthread_mutex_lock(&p->mutex);
    atomic_fetch_add(&p->sleepers, 1);
    while (atomic_load(&p->loops) == seen && !atomic_load(&p->stop)) pthread_cond_wait(&p->wake, &p->mutex);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->mutex);
}

static void *worker_main(void *arg) {
    worker *w = arg;
    struct tw__pool *p = w->pool;
    fp_flush_denormals();
    unsigned seen = 0;
    for (;;) {
        wait_for_loop(p, seen);
        if (atomic_load(&p->stop)) return NULL;
        seen = atomic_load(&p->loops);
        atomic_fetch_add(&p->inside, 1);
        if (atomic_load(&p->open)) run_blocks(p, w->thread);
        atomic_fetch_sub(&p->inside, 1);
    }
}

static void wake_all(struct tw__pool *p) {
    if (!atomic_load(&p->sleepers)) return;
    pthread_mutex_lock(&p->mutex);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->mutex);
}

static bool start(worker *w) {
    pthread_attr_t attr;
    if (pthread_attr_init(&attr)) return false;
    size_t size = 0;
    bool enough = !pthread_attr_getstacksize(&attr, &size) && size >= STACK;
    bool done = (enough || !pthread_attr_setstacksize(&attr, STACK)) && !pthread_create(&w->id, &attr, worker_main, w);
    pthread_attr_destroy(&attr);
    return done;
}

/* A pool of threads - 1 workers, or of as many as the system gives; NULL: none, and the caller works alone. */
static struct tw__pool *pool_new(tw_ctx *ctx) {
    size_t bytes = sizeof(struct tw__pool) + (size_t)(ctx->threads - 1) * sizeof(worker);
    struct tw__pool *p = tw__try_malloc(ctx, bytes); /* doing without is not an error */
    if (!p) return NULL;
    p->bytes = bytes;
    p->owner = getpid();
    p->workers = 0;
    atomic_init(&p->next, 0);
    atomic_init(&p->open, 0);
    atomic_init(&p->inside, 0);
    atomic_init(&p->loops, 0);
    atomic_init(&p->sleepers, 0);
    atomic_init(&p->stop, 0);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->wake, NULL);
    sigset_t all, before; /* signals are for the program's own threads: a worker inherits that it takes none */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < ctx->threads - 1; i++) {
        worker *w = &p->worker[i];
        w->pool = p;
        w->thread = i + 1;
        if (!start(w)) break;
        p->workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p;
}

void tw__pool_free(tw_ctx *ctx) {
    struct tw__pool *p = ctx->pool;
    if (!p) return;
    if (has_workers(p)) {
        atomic_store(&p->stop, 1);
        atomic_fetch_add(&p->loops, 1);
        pthread_mutex_lock(&p->mutex);
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->mutex);
        for (int i = 0; i < p->workers; i++) pthread_join(p->worker[i].id, NULL);
        pthread_cond_destroy(&p->wake);
        pthread_mutex_destroy(&p->mutex);
    }
    tw__free(ctx, p, p->bytes);
    ctx->pool = NULL;
}

void tw_parallel_for(tw_ctx *ctx, int nblocks, void (*fn)(void *arg, int block, int thread), void *arg) {
    if (nblocks <= 0) return;
    fp_state old = fp_flush_denormals();
    if (nblocks > 1 && ctx->threads > 1 && !ctx->pool) ctx->pool = pool_new(ctx);
    struct tw__pool *p = ctx->pool;
    if (nblocks == 1 || ctx->threads == 1 || !has_workers(p)) {
        for (int b = 0; b < nblocks; b++) fn(arg, b, 0);
    } else {
        p->fn = fn;
        p->arg = arg;
        p->nblocks = nblocks;
        atomic_store(&p->next, 0);
        atomic_store(&p->open, 1);
        atomic_fetch_add(&p->loops, 1);
        wake_all(p);
        run_blocks(p, 0);
        atomic_store(&p->open, 0);
        for (int i = 0; atomic_load(&p->inside); i++) {
            if (i < SPINS) RELAX();
            else sched_yield();
        }
    }
    fp_restore(old);
}

/* ---- how many ------------------------------------------------------------------------------------------- */

int tw__default_threads(void) {
    const char *text = getenv("TW_THREADS");
    if (text && *text) {
        char *end;
        long n = strtol(text, &end, 10);
        if (!*end && n >= 1 && n <= MAX_THREADS) return (int)n;
    }
#ifdef __linux__
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) {
        int n = CPU_COUNT(&set);
        if (n >= 1) return n < MAX_THREADS ? n : MAX_THREADS;
    }
#endif
    return 1;
}

void tw_set_threads(tw_ctx *ctx, int threads) {
    if (threads < 1) threads = 1;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    if (threads == ctx->threads) return;
    tw__pool_free(ctx);
    ctx->threads = threads;
}

int tw_threads(const tw_ctx *ctx) { return ctx->threads; }
