/* rng.c - random numbers as pure functions of (stream, index), so that threads cannot change them.
 *
 * A stream is a 64-bit key; draw i is a bijective mix of the key and i (the finaliser of SplitMix64, Steele, Lea,
 * Flood 2014, applied twice with the key added in between). The context's state is its seed and the number of
 * streams handed out. */
#include "tensor/fnv.h"
#include "tensor/internal.h"

#include <math.h>
#include <string.h>

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio: an odd step through the counter */

uint64_t tw_random_bits(uint64_t stream, uint64_t i) { return mix(mix(stream + golden * (i + 1)) + stream); }

/* The top 53 bits, so that every value is a double and 1 is never reached. */
double tw_random_uniform(uint64_t stream, uint64_t i) { return (double)(tw_random_bits(stream, i) >> 11) * 0x1p-53; }

/* Box and Muller 1958: two uniforms of this index's own, the first in (0, 1]. */
double tw_random_normal(uint64_t stream, uint64_t i) {
    double u = 1 - tw_random_uniform(stream, 2 * i), v = tw_random_uniform(stream, 2 * i + 1);
    return sqrt(-2 * log(u)) * cos(6.283185307179586476925 * v);
}

uint64_t tw_random_stream(tw_ctx *ctx) { return tw_random_bits(mix(ctx->rng.seed + golden), ctx->rng.counter++); }

uint64_t tw_random_named(tw_ctx *ctx, const char *name) {
    uint64_t h = tw__fnv1a(name, strlen(name));
    return tw_random_bits(mix(ctx->rng.seed + golden) ^ h, h);
}

tw_rng_state tw_rng_get(const tw_ctx *ctx) { return ctx->rng; }
void tw_rng_set(tw_ctx *ctx, tw_rng_state state) { ctx->rng = state; }
