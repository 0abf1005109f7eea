/* input.c - see input.h. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>
#include <unistd.h>

static bool is_descriptor(const char *path) {
    return !strcmp(path, "/dev/stdin") || !strncmp(path, "/dev/fd/", 8) || !strncmp(path, "/proc/self/fd/", 14);
}

FILE *input_open(tw_ctx *ctx, const char *path) {
    struct stat about;
    const char *why = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &about)) {
        why = strerror(errno);
    } else if (!S_ISREG(about.st_mode) && !(S_ISFIFO(about.st_mode) && is_descriptor(path))) {
        why = S_ISDIR(about.st_mode) ? strerror(EISDIR) : "it is not a regular file";
    } else if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0) {
        why = strerror(errno);
    }
    FILE *file = why ? NULL : fdopen(fd, "rb");
    if (file) return file;
    tw_fail(ctx, TW_ERR_IO, "%s: cannot be opened: %s", path, why ? why : strerror(errno));
    if (fd >= 0) close(fd);
    return NULL;
}
