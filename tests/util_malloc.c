/* util_malloc.c - see util_malloc.h. */
#include "util_malloc.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#endif
/* TEST_FOREIGN_MALLOC: the tests run under valgrind, which has a malloc of its own. */
#if defined(__GLIBC__) && !defined(TEST_FOREIGN_MALLOC) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(HAS_SANITIZER)

static atomic_long allocations, left = -1;

/* Counts one; false: it is to fail. */
static bool allowed(void) {
    atomic_fetch_add(&allocations, 1);
    long n = atomic_load(&left);
    if (n > 0) atomic_store(&left, n - 1);
    return n != 0;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) { return allowed() ? __libc_malloc(size) : NULL; }
void *calloc(size_t n, size_t size) { return allowed() ? __libc_calloc(n, size) : NULL; }
void *realloc(void *p, size_t size) { return allowed() ? __libc_realloc(p, size) : NULL; }
void *aligned_alloc(size_t alignment, size_t size) { return allowed() ? __libc_memalign(alignment, size) : NULL; }
int posix_memalign(void **p, size_t alignment, size_t size) {
    *p = allowed() ? __libc_memalign(alignment, size) : NULL;
    return *p ? 0 : 12;
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    atomic_fetch_add(&allocations, 1);
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset); // NOLINT
}

bool malloc_is_ours(void) { return true; }
long malloc_count(void) { return atomic_load(&allocations); }
void malloc_fail_after(long n) { atomic_store(&left, n); }

#else

bool malloc_is_ours(void) { return false; }
long malloc_count(void) { return 0; }
void malloc_fail_after(long n) { (void)n; }

#endif
