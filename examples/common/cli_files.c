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

bool cli_same_file(const char *a, const char *b) {
    struct stat at_a, at_b;
    bool is_a = !stat(a, &at_a), is_b = !stat(b, &at_b);
    if (is_a && is_b) return S_ISREG(at_a.st_mode) && at_a.st_dev == at_b.st_dev && at_a.st_ino == at_b.st_ino;
    return !is_a && !is_b && same_new_file(a, b);
}

void cli_check_files(const cli_command *c, int n, const cli_file *file) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            if (file[i].path && file[j].path && (file[i].written || file[j].written) &&
                cli_same_file(file[i].path, file[j].path))
                cli_usage_error(c, "%s and %s are the same file: %s", file[j].option, file[i].option, file[i].path);
}

/* ---- the lock --------------------------------------------------------------------------------------------------- */

static char *locked; /* the lock's file; it stays open, and with it the lock, until the process ends */

static void unlock(void) { unlink(locked); }

/* Does the name still lead to the open file? Whoever had the lock before may have removed it meanwhile. */
static bool is_at(int fd, const char *name) {
    struct stat open, named;
    return !fstat(fd, &open) && !lstat(name, &named) && open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

tw_err cli_lock_out(tw_ctx *ctx, const char *path) {
    size_t room = strlen(path) + sizeof ".lock";
    char *name = malloc(room);
    if (!name) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    strcat(strcpy(name, path), ".lock");
    int fd;
    for (bool again = true; again;) {
        again = false;
        fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0) break; /* the name may be too long: then there is no lock */
        if (!flock(fd, LOCK_EX | LOCK_NB)) again = !is_at(fd, name);
        else if (errno == EWOULDBLOCK) {
            close(fd);
            free(name);
            return tw_fail_err(ctx, TW_ERR_STATE, "%s: another training writes it; give this one another --out", path);
        }
        if (again) close(fd);
    }
    if (fd < 0 || atexit(unlock)) free(name);
    else locked = name;
    return TW_OK;
}
