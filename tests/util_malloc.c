/* util_malloc.c - see util_malloc.h. */
#include "util_malloc.h"

#include <errno.h>
#include <malloc.h>
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

static atomic_long allocations, live, failures, left = -1;
static atomic_bool once;

/* Counts one; false: it is to fail. */
static bool allowed(void) {
    atomic_fetch_add(&allocations, 1);
    long n = atomic_load(&left), none = 0;
    while (n > 0 && !atomic_compare_exchange_weak(&left, &n, n - 1)) {}
    if (n != 0) return true;
    if (atomic_load(&once) && !atomic_compare_exchange_strong(&left, &none, -1)) return true; /* another was the one */
    atomic_fetch_add(&failures, 1);
    errno = ENOMEM;
    return false;
}

static void *taken(void *p) {
    if (p) atomic_fetch_add(&live, 1);
    return p;
}

static void fail(long n, bool only_one) {
    atomic_store(&left, -1);
    atomic_store(&once, only_one);
    atomic_store(&failures, 0);
    atomic_store(&left, n);
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

/* Seen by the shared libraries, too: they call these, not the C library's. */
#pragma GCC visibility push(default)
void *malloc(size_t size) { return allowed() ? taken(__libc_malloc(size)) : NULL; }
void *calloc(size_t n, size_t size) { return allowed() ? taken(__libc_calloc(n, size)) : NULL; }
void *realloc(void *p, size_t size) {
    if (!allowed()) return NULL;
    void *moved = __libc_realloc(p, size);
    if (p && !size && !moved) atomic_fetch_sub(&live, 1); /* that gave it back */
    return p ? moved : taken(moved);
}
void *memalign(size_t alignment, size_t size) { return allowed() ? taken(__libc_memalign(alignment, size)) : NULL; }
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **p, size_t alignment, size_t size) {
    *p = memalign(alignment, size);
    return *p ? 0 : ENOMEM;
}
void free(void *p) {
    if (p) atomic_fetch_sub(&live, 1);
    __libc_free(p);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    atomic_fetch_add(&allocations, 1);
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset); // NOLINT
}

#pragma GCC visibility pop

bool malloc_is_ours(void) { return true; }
long malloc_count(void) { return atomic_load(&allocations); }
long malloc_live(void) { return atomic_load(&live); }
void malloc_fail_after(long n) { fail(n, false); }
void malloc_fail_once(long n) { fail(n, true); }
long malloc_failures(void) { return atomic_load(&failures); }

#else

bool malloc_is_ours(void) { return false; }
long malloc_count(void) { return 0; }
long malloc_live(void) { return 0; }
void malloc_fail_after(long n) { (void)n; }
void malloc_fail_once(long n) { (void)n; }
long malloc_failures(void) { return 0; }

#endif
