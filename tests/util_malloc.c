/* util_malloc.c - see util_malloc.h. */
#include "util_malloc.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#endif
/* TEST_FOREIGN_MALLOC: the tests run under valgrind, which has a malloc of its own. */
#if defined(__GLIBC__) && !defined(TEST_FOREIGN_MALLOC) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && !defined(HAS_SANITIZER)

static atomic_long allocations, live, failures, left = -1;
static atomic_bool once;

/* Criterion's threads send messages when they like, and OpenBLAS takes a buffer for some small products, which it does
 * not check: what these libraries take is neither counted nor made to fail. */
enum { STRANGERS = 8 };
static struct { uintptr_t low, high; } stranger[STRANGERS];
static int strangers;

static int note_stranger(struct dl_phdr_info *info, size_t size, void *user) {
    (void)size, (void)user;
    static const char *const name[] = {"nanomsg", "criterion", "openblas"};
    bool known = false;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) known |= strstr(info->dlpi_name, name[i]) != NULL;
    if (!known) return 0;
    for (int i = 0; i < info->dlpi_phnum && strangers < STRANGERS; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        stranger[strangers].low = info->dlpi_addr + part->p_vaddr;
        stranger[strangers].high = stranger[strangers].low + part->p_memsz;
        strangers++;
    }
    return 0;
}
__attribute__((constructor)) static void note_strangers(void) { dl_iterate_phdr(note_stranger, NULL); }

static bool is_ours(const void *caller) {
    for (int i = 0; i < strangers; i++)
        if ((uintptr_t)caller >= stranger[i].low && (uintptr_t)caller < stranger[i].high) return false;
    return true;
}

/* Counts one; false: it is to fail. */
static bool allowed(bool ours) {
    if (!ours) return true;
    atomic_fetch_add(&allocations, 1);
    long n = atomic_load(&left), none = 0;
    while (n > 0 && !atomic_compare_exchange_weak(&left, &n, n - 1)) {}
    if (n != 0) return true;
    if (atomic_load(&once) && !atomic_compare_exchange_strong(&left, &none, -1)) return true; /* another was the one */
    atomic_fetch_add(&failures, 1);
    errno = ENOMEM;
    return false;
}

static void *taken(void *p, bool ours) {
    if (p && ours) atomic_fetch_add(&live, 1);
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
#define OURS is_ours(__builtin_return_address(0))
void *malloc(size_t size) {
    bool ours = OURS;
    return allowed(ours) ? taken(__libc_malloc(size), ours) : NULL;
}
void *calloc(size_t n, size_t size) {
    bool ours = OURS;
    return allowed(ours) ? taken(__libc_calloc(n, size), ours) : NULL;
}
void *realloc(void *p, size_t size) {
    bool ours = OURS;
    if (!allowed(ours)) return NULL;
    void *moved = __libc_realloc(p, size);
    if (ours && p && !size && !moved) atomic_fetch_sub(&live, 1); /* that gave it back */
    return p ? moved : taken(moved, ours);
}
void *memalign(size_t alignment, size_t size) {
    bool ours = OURS;
    return allowed(ours) ? taken(__libc_memalign(alignment, size), ours) : NULL;
}
void *aligned_alloc(size_t alignment, size_t size) {
    bool ours = OURS;
    return allowed(ours) ? taken(__libc_memalign(alignment, size), ours) : NULL;
}
int posix_memalign(void **p, size_t alignment, size_t size) {
    bool ours = OURS;
    *p = allowed(ours) ? taken(__libc_memalign(alignment, size), ours) : NULL;
    return *p ? 0 : ENOMEM;
}
void free(void *p) {
    if (p && OURS) atomic_fetch_sub(&live, 1);
    __libc_free(p);
}
#pragma GCC visibility pop
/* Not seen by the others: OpenBLAS takes a buffer when two threads multiply at once for the first time. */
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    atomic_fetch_add(&allocations, 1);
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset); // NOLINT
}

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
