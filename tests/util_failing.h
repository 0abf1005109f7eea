/* util_failing.h - something is done again and again, and each time another allocation fails. */
#ifndef TEST_UTIL_FAILING_H
#define TEST_UTIL_FAILING_H

#include "util.h"
#include "util_malloc.h"

/* The two ways to run out of memory: for good, and for a moment. Code that overlooks one failed allocation and goes on
 * shows itself by the second alone. */
typedef enum failing { FAIL_FROM, FAIL_ONCE, FAILINGS } failing;
extern const char *const failing_name[FAILINGS];
/* From now on: `left` allocations succeed, and then the next or all next fail. */
void failing_begin(failing way, long left);
/* How many have failed; from now on none does. */
long failing_end(void);

/* ctx has failed for lack of memory, with a sentence (what and k name the case); then clears the error. */
void assert_no_memory(tw_ctx *ctx, tw_err err, const char *what, failing way, long k);

/* All of fn's allocations fail in turn, in both ways: each must end in NOMEM with a sentence, or do without and give
 * the digest that it gives when nothing fails; and nothing may leak. fn frees what it makes. Of more than `all`
 * allocations every `stride`-th after those. `after` (may be NULL) is told whether a try succeeded. Returns how many
 * allocations there are. */
typedef struct failing_case {
    const char *name;
    tw_err (*fn)(tw_ctx *ctx, void *user, uint64_t *digest);
    void *user;
    void (*after)(void *user, bool done);
    long all, stride; /* 0: all of them */
} failing_case;
long each_allocation_fails(const failing_case *c);

/* Adds bytes to a digest. */
void digest_add(uint64_t *digest, const void *bytes, size_t size);

#endif
