/* util_malloc.h - every malloc of a test's process, those of shared libraries among them, but not those of the test
 * runner: counted, and made to fail. mmap is counted where the program itself calls it. */
#ifndef TEST_UTIL_MALLOC_H
#define TEST_UTIL_MALLOC_H

#include <stdbool.h>

/* False where malloc belongs to a sanitizer or another C library: then nothing is counted and nothing fails. */
bool malloc_is_ours(void);
long malloc_count(void);
/* Blocks that were taken and not given back, by all of the process. mmap is not among them. */
long malloc_live(void);
/* From now on `left` allocations succeed and all later ones fail; -1: none fails. mmap is only counted. */
void malloc_fail_after(long left);
/* From now on `left` allocations succeed, the next fails, and all later ones succeed again. */
void malloc_fail_once(long left);
/* How many have failed since one of the two was called. */
long malloc_failures(void);

#endif
