/* util_allocator.c - see util_allocator.h. */
#include "util_allocator.h"

#include <limits.h>

static void *take(void *user, size_t size) {
    counted *c = user;
    c->calls++;
    void *p = c->calls >= c->fail_from && c->calls < c->fail_to ? NULL : malloc(size);
    if (!p) return NULL;
    c->blocks++;
    c->bytes += size;
    if (c->bytes > c->most) c->most = c->bytes;
    return p;
}

static void give(void *user, void *p, size_t size) {
    counted *c = user;
    if (!p) return;
    c->blocks--;
    c->bytes -= size; /* a wrong size leaves a rest */
    free(p);
}

tw_ctx *counted_ctx(counted *c, int threads) {
    return tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads, .allocator = {take, give, c}});
}

void counted_fail_after(counted *c, long left) {
    c->fail_from = c->calls + 1 + left;
    c->fail_to = left < 0 ? 0 : LONG_MAX;
}
