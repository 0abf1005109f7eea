/* ctx.c - the context: making and freeing it, its switches, its allocator, its first error. */
#include "tensor/internal.h"
#include "tensor/message.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#include <time.h>

#ifdef TW_OPENBLAS
#include <cblas.h>
#endif

/* Large blocks are asked to lie in large pages: a step walks through all of its memory, and with pages of 4 kB finding
 * them is a good part of the work: 1 to 2 % of a step with convolutions. */
enum { LARGE = 4 << 20, LARGE_PAGE = 2 << 20 };

static void *system_alloc(void *user, size_t size) {
    (void)user;
#ifdef MADV_HUGEPAGE
    void *block = NULL;
    if (size >= LARGE && size < SIZE_MAX / 2) {
        if (posix_memalign(&block, LARGE_PAGE, size)) return NULL;
        (void)madvise(block, size, MADV_HUGEPAGE); /* advice: not following it is no error */
        return block;
    }
#endif
    return malloc(size);
}
static void system_free(void *user, void *ptr, size_t size) {
    (void)user, (void)size;
    free(ptr);
}

tw_ctx *tw_ctx_new_with(const tw_ctx_options *o) {
    tw_ctx_options options = o ? *o : (tw_ctx_options){0};
    if (!options.allocator.alloc) options.allocator = (tw_allocator){system_alloc, system_free, NULL};
    tw_ctx *ctx = options.allocator.alloc(options.allocator.user, sizeof *ctx);
    if (!ctx) return NULL;
    memset(ctx, 0, sizeof *ctx);
    ctx->allocator = options.allocator;
    ctx->rng.seed = options.seed;
    ctx->step_number = ctx->grads_since = 1;
    ctx->training = ctx->recording = true;
    tw_set_threads(ctx, options.threads > 0 ? options.threads : tw__default_threads());
    tw__log_init(ctx);
#ifdef TW_OPENBLAS
    openblas_set_num_threads(1); /* the blocks of a product are handed out by our own pool */
#endif
    return ctx;
}

tw_ctx *tw_ctx_new(uint64_t seed) { return tw_ctx_new_with(&(tw_ctx_options){.seed = seed}); }

void tw_ctx_free(tw_ctx *ctx) {
    if (!ctx) return;
    tw__pool_free(ctx);
    tw__arena_free(ctx, &ctx->step);
    tw__arena_free(ctx, &ctx->scratch);
    tw__arena_free(ctx, &ctx->kept);
    tw__arena_free(ctx, &ctx->undo);
    ctx->allocator.free(ctx->allocator.user, ctx, sizeof *ctx);
}

void tw_set_training(tw_ctx *ctx, bool on) { ctx->training = on; }
bool tw_training(const tw_ctx *ctx) { return ctx->training; }
void tw_set_recording(tw_ctx *ctx, bool on) { ctx->recording = on; }
bool tw_recording(const tw_ctx *ctx) { return ctx->recording; }
void tw_set_profiling(tw_ctx *ctx, bool on) {
    ctx->profiling = on;
    ctx->clock = on ? tw__now_ms() : 0;
}

double tw__now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

const char *tw_version(void) { return TW_VERSION; }

/* ---- memory ------------------------------------------------------------------------------------------- */

void *tw__try_malloc(tw_ctx *ctx, size_t size) {
    if (!size) size = 1;
    void *p = ctx->allocator.alloc(ctx->allocator.user, size);
    ctx->allocations++;
    if (!p) return NULL;
    ctx->allocated += size;
    if (ctx->allocated > ctx->allocated_peak) ctx->allocated_peak = ctx->allocated;
    return p;
}

void *tw__malloc(tw_ctx *ctx, size_t size) {
    void *p = tw__try_malloc(ctx, size);
    if (!p) tw_fail(ctx, TW_ERR_NOMEM, "out of memory: %zu bytes asked for", size);
    return p;
}

void *tw__calloc(tw_ctx *ctx, size_t size) {
    void *p = tw__malloc(ctx, size);
    return p ? memset(p, 0, size) : NULL;
}

void tw__free(tw_ctx *ctx, void *ptr, size_t size) {
    if (!ptr) return;
    if (!size) size = 1;
    ctx->frees++;
    ctx->allocated -= size;
    ctx->allocator.free(ctx->allocator.user, ptr, size);
}

tw_stats tw_ctx_stats(const tw_ctx *ctx) {
    return (tw_stats){
        .steps = ctx->step_number - 1,
        .nodes = (size_t)ctx->nodes,
        .step_used = tw__arena_taken(&ctx->step),
        .step_peak = ctx->step.peak,
        .step_room = tw__arena_room_of(&ctx->step),
        .scratch_peak = ctx->scratch.peak,
        .scratch_room = tw__arena_room_of(&ctx->scratch),
        .allocations = ctx->allocations,
        .frees = ctx->frees,
        .allocated = ctx->allocated,
        .allocated_peak = ctx->allocated_peak,
    };
}

void *tw__keep(tw_ctx *ctx, size_t size) { return tw__arena_alloc(ctx, &ctx->kept, size); }

char *tw__strdup(tw_ctx *ctx, const char *s) {
    size_t n = strlen(s) + 1;
    char *copy = tw__malloc(ctx, n);
    return copy ? memcpy(copy, s, n) : NULL;
}

/* ---- errors ------------------------------------------------------------------------------------------- */

const char *tw_err_name(tw_err err) {
    static const char *const name[] = {"OK", "NOMEM", "SHAPE", "RANGE", "IO", "FORMAT", "NONFINITE", "STATE"};
    return (size_t)err < sizeof name / sizeof *name ? name[err] : "?";
}

tw_err tw__os_err(int why) { return why == ENOMEM ? TW_ERR_NOMEM : TW_ERR_IO; }

tw_err tw_error(const tw_ctx *ctx) { return ctx->error; }
const char *tw_errmsg(const tw_ctx *ctx) { return ctx->message; }
void tw_error_clear(tw_ctx *ctx) {
    ctx->error = TW_OK;
    ctx->message[0] = 0;
}

static void keep_first(tw_ctx *ctx, tw_err err, const char *format, va_list args) {
    char whole[8192];       /* more than a path that a system takes */
    if (ctx->error) return; /* the first error explains the later ones */
    ctx->error = err;
    tw__undo_since(ctx, ctx->step_number); /* this step will be refused */
    ctx->part_failed = true;
    vsnprintf(whole, sizeof whole, format, args);
    tw__message_clean(whole);
    tw__message_shorten(whole, ctx->message, sizeof ctx->message);
}

void *tw_fail(tw_ctx *ctx, tw_err err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    keep_first(ctx, err, format, args);
    va_end(args);
    return NULL;
}

tw_err tw_fail_err(tw_ctx *ctx, tw_err err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    keep_first(ctx, err, format, args);
    va_end(args);
    return err;
}

const char *tw_describe(tw_ctx *ctx, const tw_tensor *t) {
    size_t size = sizeof ctx->describe[0], at = 0;
    char *s = ctx->describe[ctx->described++ % 8];
    if (!t) return strcpy(s, "NULL");
    if (t->name) at += (size_t)snprintf(s, size - 70, "\"%s\" ", t->name); /* a long name leaves room for the shape */
    if (at > size - 71) at = size - 71;
    s[at++] = '[';
    for (int i = 0; i < t->ndim; i++) at += (size_t)snprintf(s + at, size - at, i ? ",%d" : "%d", t->dim[i]);
    snprintf(s + at, size - at, "]");
    return s;
}
