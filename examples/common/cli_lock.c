/* cli_lock.c - what a training writes is locked, so that no other training writes it meanwhile. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thalweg/extend.h>
#include <unistd.h>

/* Open, and with that locked, until the process ends. */
enum { MOST = 8 };
static struct {
    int fd;
    char *name;
} held[MOST];
static int nheld;

/* Does the name still lead to the open file? Another may have been put in its place. */
static bool is_at(int fd, const char *name) {
    struct stat open, named;
    return !fstat(fd, &open) && !lstat(name, &named) && open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

static void let_go(void) {
    for (int i = 0; i < nheld; i++)
        if (is_at(held[i].fd, held[i].name)) unlink(held[i].name);
}

/* To be read, which is all that a lock needs: one that another user left is no more than readable. -1: errno. */
static int open_lock(const char *name) {
    const int how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd;
    do {
        fd = open(name, how);
        if (fd < 0 && errno == ENOENT) fd = open(name, how | O_CREAT | O_EXCL, 0666);
    } while (fd < 0 && errno == EEXIST); /* it was made meanwhile */
    return fd;
}

/* The lock of this name, open; -1: errno. EWOULDBLOCK: somebody has it; EEXIST: it is some other file. */
static int take(const char *name) {
    for (;;) {
        struct stat s;
        int fd = open_lock(name), why = 0;
        if (fd < 0) return -1;
        if (fstat(fd, &s) || !S_ISREG(s.st_mode) || s.st_size) why = EEXIST;
        else if (!flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) { /* some file systems have no locks */
            if (is_at(fd, name)) return fd;
        } else why = EWOULDBLOCK;
        close(fd);
        errno = why;
        if (why) return -1;
    }
}

/* Devices and descriptors may be written by many. */
static bool is_shared(const char *path) {
    static const char *const descriptors[] = {"/dev/std", "/dev/fd/", "/proc/self/fd/"};
    struct stat s;
    for (int i = 0; i < 3; i++)
        if (!strncmp(path, descriptors[i], strlen(descriptors[i]))) return true;
    return !stat(path, &s) && !S_ISREG(s.st_mode);
}

/* Where links lead, so that a file has one lock, whatever its names. */
static char *lock_name(const char *path) {
    char *target = tw_file_target(path), *name = target ? malloc(strlen(target) + sizeof ".lock") : NULL;
    if (name) strcat(strcpy(name, target), ".lock");
    free(target);
    return name;
}

static tw_err lock(tw_ctx *ctx, const char *option, const char *path) {
    if (is_shared(path)) return TW_OK;
    char *name = lock_name(path);
    int fd = name && nheld < MOST ? take(name) : -1, why = nheld < MOST ? errno : ENOLCK;
    if (fd >= 0) {
        if (!nheld) atexit(let_go); /* should that fail, the lock's file is left as a killed training leaves it */
        held[nheld].fd = fd;
        held[nheld++].name = name;
        return TW_OK;
    }
    tw_err err = TW_OK;
    if (why == EWOULDBLOCK)
        err = tw_fail_err(ctx, TW_ERR_STATE, "%s: another training writes it; give this one another %s", path, option);
    else if (why == EEXIST)
        err = tw_fail_err(ctx, TW_ERR_IO, "%s: is in the way: a training locks %s with it; give that another name",
                          name, option);
    else if (why != ENAMETOOLONG) /* such a file goes without */
        err = tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be locked: %s: %s", path, name ? name : "", strerror(why));
    free(name);
    return err;
}

tw_err cli_claim(tw_ctx *ctx, const char *option, const char *path, bool streams) {
    tw_err err = streams ? tw_file_check(ctx, path) : cli_check_out(ctx, path);
    return err ? err : lock(ctx, option, path);
}
