/* isa.c - which compiled variant of the hot loops this machine runs. */
#include "tensor/hot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
static int best_isa(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq"))
        return 2;
    return 1;
}

int tw__isa(void) {
    static atomic_int cache = -1; /* of a constant: two threads that fill it write the same */
    int known = atomic_load_explicit(&cache, memory_order_relaxed);
    if (known < 0) {
        int best = best_isa();
        const char *most = getenv("TW_ISA");
        if (most && !strcmp(most, "base")) best = 0;
        if (most && !strcmp(most, "avx2") && best > 1) best = 1;
        known = best;
        atomic_store_explicit(&cache, known, memory_order_relaxed);
    }
    return known;
}
#else
int tw__isa(void) { return 0; }
#endif
