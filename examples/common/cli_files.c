/* cli_files.c - the files that a command line names: can they be written, are they different ones, does another
 * training write them? */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thalweg/extend.h>
#include <unistd.h>

tw_err cli_check_out(tw_ctx *ctx, const char *path) {
    struct stat old;
    if (!stat(path, &old) && !S_ISREG(old.st_mode))
        return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be written: it is not a regular file", path);
    return tw_file_check(ctx, path);
}

/* ---- the same file -------------------------------------------------------------------------------------------- */

/* Two names for a file that does not exist yet: the same name in the same folder. */
static bool same_new_file(const char *a, const char *b) {
    struct stat in_a, in_b;
    char *copy[4] = {strdup(a), strdup(b), strdup(a), strdup(b)}; /* these functions write to what they are given */
    bool same = copy[0] && copy[1] && copy[2] && copy[3] && !stat(dirname(copy[0]), &in_a) &&
        !stat(dirname(copy[1]), &in_b) && in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino &&
        !strcmp(basename(copy[2]), basename(copy[3]));
    for (int i = 0; i < 4; i++) free(copy[i]);
    return same;
}

static bool same_file(const char *a, const char *b) {
    struct stat at_a, at_b;
    bool is_a = !stat(a, &at_a), is_b = !stat(b, &at_b);
    if (is_a && is_b) return S_ISREG(at_a.st_mode) && at_a.st_dev == at_b.st_dev && at_a.st_ino == at_b.st_ino;
    if (is_a || is_b) return false;
    char *to_a = tw_file_target(a), *to_b = tw_file_target(b);
    bool same = to_a && to_b && same_new_file(to_a, to_b);
    free(to_a);
    free(to_b);
    return same;
}

/* What is written, of all that cli_check_files was told, and is there: only that can be read as well. */
enum { MOST_WRITTEN = 16 };
static struct {
    const char *option;
    dev_t dev;
    ino_t ino;
} written[MOST_WRITTEN];
static int nwritten;

static void remember(const cli_file *file) {
    struct stat s;
    if (nwritten == MOST_WRITTEN || stat(file->path, &s) || !S_ISREG(s.st_mode)) return;
    written[nwritten].option = file->option;
    written[nwritten].dev = s.st_dev;
    written[nwritten++].ino = s.st_ino;
}

void cli_check_files(const cli_command *c, size_t n, const cli_file *file) {
    for (size_t i = 0; i < n; i++) {
        const cli_file *w = &file[i];
        if (w->use != CLI_WRITTEN || !w->path) continue;
        for (size_t j = 0; j < n; j++) {
            if (!file[j].path || j == i || (j > i && file[j].use == CLI_WRITTEN)) continue;
            if (same_file(file[j].path, w->path))
                cli_usage_error(c, "%s and %s are the same file: %s", file[j].option, w->option, w->path);
        }
        remember(w);
    }
}

tw_err cli_check_read(tw_ctx *ctx, const char *path) {
    struct stat s;
    if (!nwritten || stat(path, &s)) return TW_OK;
    for (int i = 0; i < nwritten; i++)
        if (s.st_dev == written[i].dev && s.st_ino == written[i].ino)
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s: is read, and %s would overwrite it: give that another name",
                               path, written[i].option);
    return TW_OK;
}

/* ---- the locks -------------------------------------------------------------------------------------------------- */

/* The locks' files; they stay open, and with them the locks, until the process ends. */
enum { MOST_LOCKED = 4 };
static char *locked[MOST_LOCKED];
static int nlocked;

static void unlock(void) {
    while (nlocked) unlink(locked[--nlocked]);
}

/* Does the name still lead to the open file? Whoever had the lock before may have removed it meanwhile. */
static bool is_at(int fd, const char *name) {
    struct stat open, named;
    return !fstat(fd, &open) && !lstat(name, &named) && open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* Opened to be read, which is all that a lock needs: another user's is no more than readable. -1: errno. */
static int open_lock(const char *name) {
    int how = O_RDONLY | O_NOFOLLOW | O_CLOEXEC, fd = -1;
    do {
        fd = open(name, how);
        if (fd < 0 && errno == ENOENT) fd = open(name, how | O_CREAT | O_EXCL, 0666);
    } while (fd < 0 && errno == EEXIST); /* made meanwhile */
    return fd;
}

/* What is no file is nobody's alone, and neither is a descriptor, whatever it leads to. */
static bool is_lockable(const char *path) {
    struct stat s;
    return strncmp(path, "/dev/", 5) != 0 && (stat(path, &s) || S_ISREG(s.st_mode));
}

/* Where links lead, so that all names of a file have one lock. NULL: no memory, or the name cannot be had. */
static char *lock_name(const char *path) {
    char *target = tw_file_target(path), *name = target ? malloc(strlen(target) + sizeof ".lock") : NULL;
    if (name) strcat(strcpy(name, target), ".lock");
    free(target);
    return name;
}

tw_err cli_lock_out(tw_ctx *ctx, const char *option, const char *path) {
    if (!is_lockable(path) || nlocked == MOST_LOCKED) return TW_OK;
    char *name = lock_name(path);
    if (!name) return tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be locked: %s", path, strerror(errno));
    int fd, why = 0;
    for (bool again = true; again && !why;) {
        if ((fd = open_lock(name)) < 0) {
            why = errno;
            break;
        }
        if (!flock(fd, LOCK_EX | LOCK_NB)) again = !is_at(fd, name);
        else if (errno == EWOULDBLOCK) why = errno;
        else again = false; /* here are no locks */
        if (again || why) close(fd);
    }
    tw_err err = TW_OK;
    if (why == EWOULDBLOCK)
        err = tw_fail_err(ctx, TW_ERR_STATE, "%s: another training writes it; give this one another %s", path, option);
    else if (why && why != ENAMETOOLONG) /* such a file has no lock */
        err = tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be locked: %s: %s", path, name, strerror(why));
    if (why || (!nlocked && atexit(unlock))) free(name);
    else locked[nlocked++] = name;
    return err;
}
