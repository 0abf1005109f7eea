/* measure.c - see measure.h. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <thalweg/extend.h>

#include "../../examples/common/progress.h"

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

spread spread_of(int n, double *value) {
    qsort(value, (size_t)n, sizeof *value, ascending);
    return (spread){n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2, value[0], value[n - 1]};
}

/* ---- time -------------------------------------------------------------------------------------------------- */

bool measure_warm_up(workload *w, double seconds) {
    double began = progress_clock();
    for (int steps = 0; steps < 2 || progress_clock() - began < seconds; steps++)
        if (!workload_step(w)) return false;
    return true;
}

double measure_block(workload *w, bool (*step)(workload *w), double seconds) {
    double began = progress_clock(), spent = 0;
    long steps = 0;
    for (; spent < seconds; steps++, spent = progress_clock() - began)
        if (!step(w)) return 0;
    return (double)steps * workload_batch(w) / spent;
}

/* Of two sizes each, for rows a power of two apart compete for the same places of a cache. */
double measure_sgemm(int threads, double seconds) {
    enum { SMALLEST = 256, LARGEST = 2048, TIMES = 3 };
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads});
    size_t room = (size_t)LARGEST * LARGEST;
    tw_real *A = ctx ? malloc(3 * room * sizeof *A) : NULL;
    double best = 0, began = progress_clock();
    for (size_t i = 0; A && i < 3 * room; i++) A[i] = (tw_real)(i % 7) / 7;
    for (int size = SMALLEST; A && size <= LARGEST && (!best || progress_clock() - began < seconds); size *= 2)
        for (int i = 0; i < 2 * TIMES; i++) {
            int n = i % 2 ? size * 45 / 64 : size;
            double start = progress_clock();
            tw_gemm(ctx, false, false, n, n, n, 1, A, n, A + room, n, 0, A + 2 * room, n);
            double rate = 2e-9 * n * n * n / (progress_clock() - start);
            if (rate > best) best = rate;
        }
    free(A);
    tw_ctx_free(ctx);
    return best;
}

/* ---- counting ------------------------------------------------------------------------------------------------ */

typedef struct counter {
    size_t calls, bytes;
} counter;

static void *counted_alloc(void *user, size_t size) {
    counter *c = user;
    void *p = malloc(size);
    c->calls++;
    if (p) c->bytes += size;
    return p;
}
static void counted_free(void *user, void *ptr, size_t size) {
    counter *c = user;
    if (ptr) c->bytes -= size;
    free(ptr);
}

bool measure_facts_of(const char *spec, int threads, measure_facts *facts, char *error, size_t size) {
    enum { WARM = 3, COUNTED = 2 };
    counter c = {0};
    workload_options o = {.threads = threads, .allocator = {counted_alloc, counted_free, &c}};
    workload *w = workload_new(spec, &o, error, size);
    bool ok = w;
    size_t before = 0;
    for (int i = 0; ok && i < WARM + COUNTED; i++) {
        if (i == WARM) before = c.calls;
        ok = workload_step(w);
    }
    if (ok)
        *facts = (measure_facts){workload_nodes(w), workload_batch(w), workload_gflop(w), (double)c.bytes / (1 << 20),
                                 (double)(c.calls - before) / COUNTED};
    else if (w) snprintf(error, size, "%s", workload_error(w));
    workload_free(w);
    return ok;
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

void measure_memory_reset(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5\n", file); /* the peak begins anew */
    fclose(file);
}

double measure_memory_mib(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    long kib = use.ru_maxrss;
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
    if (file) fclose(file);
    return (double)kib / 1024;
}
