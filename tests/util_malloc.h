/* util_malloc.h - every malloc and mmap of a test's process: counted, and made to fail. */
#ifndef TEST_UTIL_MALLOC_H
#define TEST_UTIL_MALLOC_H

#include <stdbool.h>

/* False where malloc belongs to a sanitizer or another C library: then nothing is counted and nothing fails. */
bool malloc_is_ours(void);
long malloc_count(void);
/* From now on `left` allocations succeed and all later ones fail; -1: none fails. mmap is only counted. */
void malloc_fail_after(long left);

#endif
