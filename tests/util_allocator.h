/* util_allocator.h - a context's allocator that counts, fails when told to, and knows what was not given back. */
#ifndef TEST_UTIL_ALLOCATOR_H
#define TEST_UTIL_ALLOCATOR_H

#include "util.h"

typedef struct counted {
    long calls;              /* allocations asked for */
    long fail_from, fail_to; /* calls fail_from .. fail_to - 1 fail, of which the first is number 1; 0, 0: none does */
    long blocks;             /* taken and not given back, and their bytes, now and at most */
    size_t bytes, most;
} counted;

/* A context that allocates so. threads 0: as many as the machine has. NULL where an allocation failed. */
tw_ctx *counted_ctx(counted *c, int threads);
/* From now on `left` allocations succeed, and all after them fail; -1: none fails. */
void counted_fail_after(counted *c, long left);

#endif
