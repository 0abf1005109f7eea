/* arena.c - the two arenas of a context: the step's memory and kernel scratch. */
#include "tensor/internal.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define TW_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TW_ASAN 1
#endif
#endif
#ifdef TW_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 64, FIRST_CHUNK = 64 * 1024 };

struct tw__chunk {
    tw__chunk *older;
    size_t capacity; /* usable bytes from `base` */
    size_t total;    /* bytes asked from the allocator */
    size_t used;     /* bytes taken when a newer chunk was put before it */
    char *base;      /* aligned */
};

static size_t round_up(size_t n) { return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

/* False, and nothing is said: there is no memory for it. */
static bool push_chunk(tw_ctx *ctx, tw__arena *a, size_t capacity) {
    size_t total = sizeof(tw__chunk) + ALIGN + capacity;
    tw__chunk *c = tw__try_malloc(ctx, total);
    if (!c) return false;
    c->older = a->head;
    c->capacity = capacity;
    c->total = total;
    c->used = 0;
    c->base = (char *)round_up((size_t)(c + 1));
    POISON(c->base, capacity);
    if (a->head) {
        a->head->used = a->used;
        a->below += a->used;
    }
    a->head = c;
    a->used = 0;
    return true;
}

static void pop_chunk(tw_ctx *ctx, tw__arena *a) {
    tw__chunk *c = a->head;
    a->head = c->older;
    a->used = a->head ? a->head->used : 0;
    a->below -= a->used;
    UNPOISON(c->base, c->capacity);
    tw__free(ctx, c, c->total);
}

size_t tw__arena_taken(const tw__arena *a) { return a->used + a->below; }

size_t tw__arena_room_of(const tw__arena *a) {
    size_t room = 0;
    for (const tw__chunk *c = a->head; c; c = c->older) room += c->capacity;
    return room;
}

void *tw__arena_alloc(tw_ctx *ctx, tw__arena *a, size_t bytes) {
    if (bytes > SIZE_MAX / 4) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory: %zu bytes asked for", bytes);
    size_t n = bytes ? round_up(bytes) : ALIGN; /* distinct addresses even for empty tensors */
    if (!a->head || a->head->capacity - a->used < n) {
        size_t grow = a->below + a->used; /* at least doubling keeps the number of chunks small */
        if (grow < FIRST_CHUNK) grow = FIRST_CHUNK;
        if (grow < n) grow = n;
        if (!push_chunk(ctx, a, grow)) return tw_fail(ctx, TW_ERR_NOMEM, "out of memory: %zu bytes asked for", grow);
    }
    void *p = a->head->base + a->used;
    a->used += n;
    if (a->used + a->below > a->peak) a->peak = a->used + a->below;
    UNPOISON(p, bytes);
    return p;
}

void tw__arena_reset(tw_ctx *ctx, tw__arena *a) {
    if (!a->head) return;
    /* It grew, perhaps by a chunk that a release has given back since: one block that holds all of it, and a little
     * for blocks that fit less well. */
    if (a->head->older || a->peak > a->head->capacity) {
        size_t want = round_up(a->peak + a->peak / 8);
        while (a->head) pop_chunk(ctx, a);
        a->below = 0;
        (void)push_chunk(ctx, a, want); /* if that fails, the next allocation tries again, and reports */
    }
    if (a->head) POISON(a->head->base, a->head->capacity);
    a->used = a->below = 0;
}

void tw__arena_free(tw_ctx *ctx, tw__arena *a) {
    while (a->head) pop_chunk(ctx, a);
    a->below = a->peak = 0;
}

tw_mark tw__arena_mark(const tw__arena *a) { return (tw_mark){a->head, a->used}; }

void tw__arena_release(tw_ctx *ctx, tw__arena *a, tw_mark mark) {
    /* The oldest chunk stays even when the mark was taken before it existed. */
    while (a->head && a->head != mark.chunk && a->head->older) pop_chunk(ctx, a);
    if (!a->head) return;
    size_t used = a->head == mark.chunk ? mark.used : 0;
    POISON(a->head->base + used, a->used - used);
    a->used = used;
}

void tw__arena_room(tw__arena *a, size_t bytes) {
    if (bytes > SIZE_MAX / 4) return; /* tw__arena_alloc refuses that */
    const size_t all = a->used + a->below + round_up(bytes);
    if (all > a->peak) a->peak = all;
}

void tw__arena_shut(void *ptr, size_t bytes) { POISON(ptr, bytes); }
void tw__arena_open(void *ptr, size_t bytes) { UNPOISON(ptr, bytes); }

/* ---- public ------------------------------------------------------------------------------------------- */

void *tw_alloc(tw_ctx *ctx, size_t bytes) { return tw__arena_alloc(ctx, &ctx->step, bytes); }
tw_mark tw_scratch_mark(tw_ctx *ctx) { return tw__arena_mark(&ctx->scratch); }
void *tw_scratch(tw_ctx *ctx, size_t bytes) { return tw__arena_alloc(ctx, &ctx->scratch, bytes); }
void tw__scratch_room(tw_ctx *ctx, size_t bytes) { tw__arena_room(&ctx->scratch, bytes); }
void tw_scratch_release(tw_ctx *ctx, tw_mark mark) { tw__arena_release(ctx, &ctx->scratch, mark); }
