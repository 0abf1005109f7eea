/* atomic.c - replacing a file whole or not at all.
 *
 * The new content goes to a temporary file in the same folder (a rename does not cross file systems), is forced to
 * the disk, and then takes the old one's name in one step. Whatever fails before that leaves the old file alone.
 *
 * Who writes FILE.tmp-0 holds a lock on it, and the lock goes with the process, however that ends. So one that nobody
 * has locked was left by a killed process, and the next to write FILE removes it; one that is locked belongs to
 * another thread or process, and the next number is free. */
#include "tensor/atomic.h"

#include "tensor/file.h"
#include "tensor/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAMES = 100,
    NUMBERED = 8,  /* names without the process's number: all that can be left where locks work */
    SUFFIX = 40,   /* bytes behind the file's name */
    LONGEST = 200, /* of the file's name as the temporary one repeats it: most file systems allow 255 bytes */
};

void tw__atomic_abort(tw__atomic *file) {
    if (file->fd >= 0) {
        if (file->temp) unlink(file->temp); /* before the lock goes */
        close(file->fd);
    }
    if (file->temp) tw__free(file->ctx, file->temp, file->room);
    if (file->target) tw__free(file->ctx, file->target, strlen(file->target) + 1);
    *file = (tw__atomic){.fd = -1};
}

/* Reports errno and gives everything up. */
static tw_err failed(tw__atomic *file) {
    tw_err err = tw_fail_err(file->ctx, tw__os_err(errno), "%s: cannot be written: %s", file->path, strerror(errno));
    tw__atomic_abort(file);
    return err;
}

static bool is_link(const char *path) {
    struct stat s;
    return !lstat(path, &s) && S_ISLNK(s.st_mode);
}

/* Where a link leads that leads to no file yet, to be freed; NULL: errno says why not. */
static char *follow(const char *path) {
    char to[4096], *at = strdup(path);
    for (int links = 0; at && links < 40; links++) {
        ssize_t n = readlink(at, to, sizeof to);
        if (n < 0) return at; /* not a link any more */
        const char *slash = *to == '/' ? NULL : strrchr(at, '/');
        size_t above = slash ? (size_t)(slash + 1 - at) : 0;
        char *next = malloc(above + (size_t)n + 1);
        if (next) {
            memcpy(next, at, above);
            memcpy(next + above, to, (size_t)n);
            next[above + (size_t)n] = 0;
        }
        free(at);
        at = next;
    }
    if (at) errno = ELOOP;
    free(at);
    return NULL;
}

/* A link is written through, not replaced. One in /proc that leads to a file without a name cannot be. */
char *tw_file_target(const char *path) {
    struct stat s;
    errno = EINVAL;
    char *real = path ? realpath(path, NULL) : NULL;
    if (real || !path || errno == ENOMEM) return real;
    int why = errno;
    if (!is_link(path)) return strdup(path);
    if (stat(path, &s)) return follow(path);
    errno = why;
    return NULL;
}

static tw_err resolve(tw__atomic *file) {
    char *target = tw_file_target(file->path);
    if (!target) return failed(file);
    file->target = tw__strdup(file->ctx, target);
    free(target);
    return file->target ? TW_OK : TW_ERR_NOMEM;
}

/* ---- the temporary file ---------------------------------------------------------------------------------- */

static void name_temp(tw__atomic *file, int i) {
    const char *slash = strrchr(file->target, '/'), *name = slash ? slash + 1 : file->target;
    size_t n = strlen(name);
    if (n > LONGEST)
        for (n = LONGEST; n && ((unsigned char)name[n] & 0xc0) == 0x80;) n--; /* no half character */
    int keep = (int)((size_t)(name - file->target) + n);
    if (i < NUMBERED) snprintf(file->temp, file->room, "%.*s.tmp-%d", keep, file->target, i);
    else snprintf(file->temp, file->room, "%.*s.tmp-%ld-%d", keep, file->target, (long)getpid(), i);
}

/* Does this name still lead to the open file? */
static bool is_at(int fd, const char *name) {
    struct stat open, named;
    return !fstat(fd, &open) && !lstat(name, &named) && open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* Takes a new file's lock. False: meanwhile somebody else took the file for one that was left, and has it, or has
 * removed it. Some file systems have no locks: there nothing that is left is removed, so it is ours all the same. */
static bool hold(int fd, const char *name) {
    return (!flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) && is_at(fd, name);
}

/* False: it cannot be known to be left by one who has ended. */
static bool remove_left(const char *name) {
    struct stat s;
    int fd = open(name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return false;
    bool left = !fstat(fd, &s) && S_ISREG(s.st_mode) && !flock(fd, LOCK_EX | LOCK_NB) && is_at(fd, name) &&
        !unlink(name);
    close(fd);
    return left;
}

static int open_temp(tw__atomic *file, mode_t mode) {
    for (int i = 0; i < NAMES; i++) {
        name_temp(file, i);
        for (bool again = true; again;) {
            int fd = open(file->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
            if (fd >= 0 && hold(fd, file->temp)) return fd;
            if (fd < 0 && errno != EEXIST) return -1;
            again = fd < 0 && remove_left(file->temp);
            if (fd >= 0) close(fd);
        }
    }
    errno = EEXIST;
    return -1;
}

/* The new file is whose the old one was, as far as this process may give it away, and not for one moment for more
 * people to read. */
static bool like(int fd, const struct stat *old) {
    bool given = !fchown(fd, old->st_uid, old->st_gid) || !fchown(fd, (uid_t)-1, old->st_gid);
    (void)given;
    return !fchmod(fd, old->st_mode & 0777);
}

/* ---- from the first byte to the last --------------------------------------------------------------------- */

tw_err tw__atomic_begin(tw_ctx *ctx, const char *path, unsigned how, tw__atomic *file) {
    struct stat old;
    *file = (tw__atomic){.ctx = ctx, .path = path, .how = how, .fd = -1};
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    int own = how & TW__STREAMS ? tw__descriptor_named(path) : -1;
    if (own >= 0) { /* also when it is a file: who writes more to it would write to the one that was replaced */
        file->fd = fcntl(own, F_DUPFD_CLOEXEC, 0);
        return file->fd < 0 ? failed(file) : TW_OK;
    }
    if (!*path) return tw_fail_err(ctx, TW_ERR_IO, "a file with an empty name cannot be written");
    bool exists = !stat(path, &old);
    if (!exists && errno != ENOENT) return failed(file);
    if (exists && !S_ISREG(old.st_mode)) { /* a rename would replace a device by a file */
        if (!(how & TW__STREAMS))
            return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be written: it is not a regular file", path);
        file->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return file->fd < 0 ? failed(file) : TW_OK;
    }
    tw_err err = resolve(file);
    if (err) return err;
    file->room = strlen(file->target) + SUFFIX;
    file->temp = tw__malloc(ctx, file->room);
    if (!file->temp) {
        tw__atomic_abort(file);
        return TW_ERR_NOMEM;
    }
    if (exists && access(file->target, W_OK)) return failed(file);
    file->fd = open_temp(file, exists ? old.st_mode & 0700 : 0666);
    if (file->fd < 0 || (exists && !like(file->fd, &old))) return failed(file);
    return TW_OK;
}

tw_err tw__atomic_write(tw__atomic *file, const void *data, size_t n) {
    for (const char *from = data; n;) {
        ssize_t done = write(file->fd, from, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return failed(file);
        from += done;
        n -= (size_t)done;
    }
    return TW_OK;
}

/* Some file systems tell only when a file is closed that it could not be written; a copy is closed, as the lock must
 * stay. */
static bool flush(const tw__atomic *file) {
    if (file->how & TW__SYNCED && file->target)
        return !fsync(file->fd) || errno == EINVAL; /* EINVAL: cannot be synced */
    int copy = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 || !close(copy);
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
    if (!flush(file)) return failed(file);
    if (file->target) {
        if (rename(file->temp, file->target)) return failed(file);
        if (file->how & TW__SYNCED) sync_folder(strcpy(file->temp, file->target));
        tw__free(file->ctx, file->temp, file->room); /* it has another name now */
        file->temp = NULL;
    }
    tw__atomic_abort(file);
    return TW_OK;
}

/* A pipe that is opened and closed again would end for whoever reads it, and one that nobody reads would wait. */
tw_err tw_file_check(tw_ctx *ctx, const char *path) {
    struct stat s;
    tw__atomic file = {.ctx = ctx, .path = path, .fd = -1};
    if (path && !stat(path, &s) && (S_ISFIFO(s.st_mode) || S_ISCHR(s.st_mode)) && tw__descriptor_named(path) < 0)
        return access(path, W_OK) ? failed(&file) : TW_OK;
    tw_err err = tw__atomic_begin(ctx, path, TW__STREAMS, &file);
    if (!err) tw__atomic_abort(&file);
    return err;
}

tw_err tw_file_replace(tw_ctx *ctx, const char *path, const void *data, size_t size) {
    tw__atomic file;
    tw_err err = tw__atomic_begin(ctx, path, TW__SYNCED | TW__STREAMS, &file);
    if (!err) err = tw__atomic_write(&file, data, size);
    return err ? err : tw__atomic_commit(&file);
}
