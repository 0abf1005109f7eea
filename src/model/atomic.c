/* atomic.c - replacing a file whole or not at all.
 *
 * The new content goes to a temporary file in the same folder (a rename does not cross file systems), is forced to
 * the disk, and then takes the old one's name in one step. Whatever fails before that leaves the old file alone. */
#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void tw__atomic_abort(tw__atomic *file) {
    if (file->fd >= 0) {
        close(file->fd);
        unlink(file->temp);
    }
    tw__free(file->ctx, file->temp, file->room);
    if (file->target) tw__free(file->ctx, file->target, strlen(file->target) + 1);
    *file = (tw__atomic){.fd = -1};
}

/* Reports errno and gives everything up. */
static tw_err failed(tw__atomic *file, const char *what) {
    tw_err err = tw_fail_err(file->ctx, TW_ERR_IO, "%s: cannot %s: %s", file->path, what, strerror(errno));
    tw__atomic_abort(file);
    return err;
}

/* A link is written through, not replaced. */
static char *resolve(tw_ctx *ctx, const char *path) {
    char *real = realpath(path, NULL), *copy = tw__strdup(ctx, real ? real : path);
    free(real);
    return copy;
}

static int open_temp(tw__atomic *file) {
    for (int i = 0; i < 100; i++) { /* the name may be taken: by another thread, or left by a crash */
        snprintf(file->temp, file->room, "%s.tmp-%ld-%02d", file->target, (long)getpid(), i);
        int fd = open(file->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

tw_err tw__atomic_begin(tw_ctx *ctx, const char *path, tw__atomic *file) {
    *file = (tw__atomic){.ctx = ctx, .path = path, .fd = -1};
    file->target = resolve(ctx, path);
    file->room = file->target ? strlen(file->target) + 40 : 0;
    file->temp = file->target ? tw__malloc(ctx, file->room) : NULL;
    if (!file->temp) {
        tw__atomic_abort(file);
        return TW_ERR_NOMEM;
    }
    struct stat old;
    bool exists = !stat(file->target, &old);
    if (exists && !S_ISREG(old.st_mode)) { /* a rename would replace a device by a file */
        tw_err err = tw_fail_err(ctx, TW_ERR_IO, "%s: cannot write: it is not a regular file", path);
        tw__atomic_abort(file);
        return err;
    }
    if (exists && access(file->target, W_OK)) return failed(file, "write");
    if (*path) file->fd = open_temp(file);
    else errno = ENOENT;
    if (file->fd < 0) return failed(file, "write");
    if (exists && fchmod(file->fd, old.st_mode & 0777)) return failed(file, "give the new file the old one's mode");
    return TW_OK;
}

tw_err tw__atomic_write(tw__atomic *file, const void *data, size_t n) {
    for (const char *from = data; n;) {
        ssize_t done = write(file->fd, from, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return failed(file, "write");
        from += done;
        n -= (size_t)done;
    }
    return TW_OK;
}

/* The folder's entry must reach the disk as well. The content is whole either way, so this does not fail. */
static void sync_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path] = 0;
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

tw_err tw__atomic_commit(tw__atomic *file) {
    if (fsync(file->fd) && errno != EINVAL) return failed(file, "write"); /* EINVAL: nothing that can be synced */
    if (rename(file->temp, file->target)) return failed(file, "put the new file in the old one's place");
    close(file->fd); /* its content is on the disk already */
    file->fd = -1;
    sync_folder(strcpy(file->temp, file->target));
    tw__atomic_abort(file);
    return TW_OK;
}
