/* file.c - see file.h. */
#include "tensor/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>
#include <unistd.h>

#include "tensor/internal.h"

/* The number that follows folder in path, or -1. */
static int number_in(const char *folder, const char *path) {
    size_t n = strlen(folder), digits = strncmp(path, folder, n) ? 0 : strspn(path + n, "0123456789");
    return digits && digits < 10 && !path[n + digits] ? atoi(path + n) : -1;
}

static int descriptor_of(const char *path) {
    static const char *const standard[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(path, standard[i])) return i;
    int number = number_in("/dev/fd/", path);
    return number < 0 ? number_in("/proc/self/fd/", path) : number;
}

int tw__descriptor_named(const char *path) {
    char to[64];
    int number = descriptor_of(path);
    ssize_t n = number < 0 ? readlink(path, to, sizeof to - 1) : -1;
    if (n < 0) return number;
    to[n] = 0;
    return descriptor_of(to);
}

tw_err tw__check_path(tw_ctx *ctx, const char *path) {
    return path ? TW_OK : tw_fail_err(ctx, TW_ERR_IO, "a path is NULL; it should name a file");
}

int tw__open(const char *path, tw__open_flags flags, uint64_t *size, const char **why) {
    struct stat about;
    /* Not blocking: a FIFO is opened at once, and a file does not know the difference. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &about)) {
        *why = strerror(errno);
    } else if (S_ISREG(about.st_mode) ||
               (S_ISFIFO(about.st_mode) && flags & TW__PIPES && tw__descriptor_named(path) >= 0)) {
        *size = S_ISREG(about.st_mode) ? (uint64_t)about.st_size : UINT64_MAX;
        /* What is written to a pipe may take long, as may a file that has to be fetched from a tape. */
        if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) >= 0) return fd;
        *why = strerror(errno);
    } else {
        errno = EINVAL;
        *why = S_ISDIR(about.st_mode) ? strerror(EISDIR)
            : S_ISFIFO(about.st_mode) ? "it is a FIFO, not a regular file"
                                      : "it is not a regular file";
    }
    int kept = errno;
    if (fd >= 0) close(fd);
    errno = kept;
    return -1;
}

FILE *tw__fopen(const char *path, tw__open_flags flags, uint64_t *size, const char **why) {
    int fd = tw__open(path, flags, size, why);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
    if (fd >= 0 && !file) {
        int kept = errno;
        *why = strerror(kept);
        close(fd);
        errno = kept;
    }
    return file;
}

bool tw__fits_memory(uint64_t bytes) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages < 1 || page < 1) return bytes <= PTRDIFF_MAX;
    return bytes <= PTRDIFF_MAX && bytes / (uint64_t)page < (uint64_t)pages;
}

static tw_err read_stream(tw_ctx *ctx, const char *path, FILE *file, char **data, size_t *size) {
    size_t room = 1 << 16, got;
    *data = malloc(room);
    while (*data) {
        got = fread(*data + *size, 1, room - 1 - *size, file);
        bool zero = memchr(*data + *size, 0, got) != NULL;
        *size += got;
        if (zero || *size < room - 1) break;
        char *grown = realloc(*data, room *= 2);
        if (!grown) free(*data);
        *data = grown;
    }
    if (!*data) return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    if (ferror(file)) return tw_fail_err(ctx, tw__os_err(errno), "%s: cannot be read: %s", path, strerror(errno));
    (*data)[*size] = 0;
    return TW_OK;
}

tw_err tw__read_text(tw_ctx *ctx, const char *path, char **data, size_t *size) {
    uint64_t bytes;
    const char *why;
    *data = NULL;
    *size = 0;
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    FILE *file = tw__fopen(path, TW__PIPES, &bytes, &why);
    if (!file) return tw_fail_err(ctx, tw__os_err(errno), "%s: cannot be opened: %s", path, why);
    tw_err err = bytes == UINT64_MAX || tw__fits_memory(bytes)
        ? read_stream(ctx, path, file, data, size)
        : tw_fail_err(ctx, TW_ERR_NOMEM, "%s: its %llu bytes are more than this machine's memory", path,
                      (unsigned long long)bytes);
    fclose(file);
    if (err) {
        free(*data);
        *data = NULL;
    }
    return err;
}
