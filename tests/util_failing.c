/* util_failing.c - see util_failing.h. */
#include "util_failing.h"

const char *const failing_name[FAILINGS] = {"from allocation", "only allocation"};

void failing_begin(failing way, long left) {
    if (way == FAIL_ONCE) malloc_fail_once(left);
    else malloc_fail_after(left);
}

long failing_end(void) {
    long failures = malloc_failures();
    malloc_fail_after(-1);
    return failures;
}

void assert_no_memory(tw_ctx *ctx, tw_err err, const char *what, failing way, long k) {
    cr_assert_eq(tw_error(ctx), TW_ERR_NOMEM, "%s, %s %ld: %s, \"%s\"", what, failing_name[way], k,
                 tw_err_name(tw_error(ctx)), tw_errmsg(ctx));
    cr_assert(err == TW_ERR_NOMEM || err == TW_ERR_STATE, "%s, %s %ld: returned %s", what, failing_name[way], k,
              tw_err_name(err));
    cr_assert(strlen(tw_errmsg(ctx)) > 8 && !strchr(tw_errmsg(ctx), '\n'), "%s, %s %ld: \"%s\"", what,
              failing_name[way], k, tw_errmsg(ctx));
    tw_error_clear(ctx);
}

static tw_ctx *fresh(void) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 3, .threads = 2});
    cr_assert_not_null(ctx);
    return ctx;
}

/* One try; true: no allocation was left to fail. */
static bool try_once(const failing_case *c, failing way, long k, uint64_t want) {
    long live = malloc_live();
    tw_ctx *ctx = fresh();
    uint64_t digest = 0;
    failing_begin(way, k);
    tw_err err = c->fn(ctx, c->user, &digest);
    bool through = failing_end() == 0;
    if (err) assert_no_memory(ctx, err, c->name, way, k);
    else
        cr_assert(digest == want && !tw_error(ctx), "%s, %s %ld: succeeded with something else, \"%s\"", c->name,
                  failing_name[way], k, tw_errmsg(ctx));
    if (c->after) c->after(c->user, !err);
    tw_ctx_free(ctx);
    cr_assert_eq(malloc_live(), live, "%s, %s %ld (%s): %ld blocks are left", c->name, failing_name[way], k,
                 err ? "failed" : "done", malloc_live() - live);
    return through;
}

long each_allocation_fails(const failing_case *c) {
    uint64_t want = 0;
    long count = 0;
    for (int i = 0; i < 2; i++) { /* the first time, libraries may keep something for good */
        tw_ctx *ctx = fresh();
        want = 0;
        cr_assert_eq(c->fn(ctx, c->user, &want), TW_OK, "%s: %s", c->name, tw_errmsg(ctx));
        if (c->after) c->after(c->user, true);
        tw_ctx_free(ctx);
    }
    for (failing way = FAIL_FROM; way < FAILINGS; way++) {
        long k = 0, stride = 1;
        for (; !try_once(c, way, k, want); k += stride)
            if (c->all && k >= c->all) stride = c->stride;
        count = k;
    }
    return count;
}

void digest_add(uint64_t *digest, const void *bytes, size_t size) { /* FNV-1a */
    const unsigned char *b = bytes;
    uint64_t h = *digest ^ UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) h = (h ^ b[i]) * UINT64_C(0x100000001b3);
    *digest = h;
}
