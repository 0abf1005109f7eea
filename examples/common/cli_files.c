/* cli_files.c - the files that a command line names, and those that it leads to: can they be written, is one that is
 * written also read? */
#include "cli.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>

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
    if (is_a || is_b) return false;
    char *to_a = tw_file_target(a), *to_b = tw_file_target(b);
    bool same = to_a && to_b && same_new_file(to_a, to_b);
    free(to_a);
    free(to_b);
    return same;
}

/* ---- what is written ------------------------------------------------------------------------------------------- */

typedef struct place {
    const char *option;
    dev_t dev;
    ino_t ino;
} place;
static struct {
    place *at;
    size_t n, room;
} written; /* only what is there: the rest cannot be read as well */

void cli_will_write(const char *option, const char *path) {
    struct stat s;
    if (stat(path, &s) || !S_ISREG(s.st_mode)) return;
    if (written.n == written.room) {
        size_t room = 2 * written.room + 16;
        place *larger = realloc(written.at, room * sizeof *larger);
        if (!larger) cli_die(option, "out of memory");
        written.at = larger;
        written.room = room;
    }
    written.at[written.n++] = (place){option, s.st_dev, s.st_ino};
}

void cli_check_files(const cli_command *c, size_t n, const cli_file *file) {
    for (size_t i = 0; i < n; i++) {
        const cli_file *w = &file[i];
        if (w->use != CLI_WRITTEN || !w->path) continue;
        for (size_t j = 0; j < n; j++) {
            if (!file[j].path || j == i || (j > i && file[j].use == CLI_WRITTEN)) continue;
            if (cli_same_file(file[j].path, w->path))
                cli_usage_error(c, "%s and %s are the same file: %s", file[j].option, w->option, w->path);
        }
        cli_will_write(w->option, w->path);
    }
}

tw_err cli_check_read(tw_ctx *ctx, const char *path) {
    struct stat s;
    if (!written.n || (strcmp(path, "-") ? stat(path, &s) : fstat(0, &s))) return TW_OK;
    for (size_t i = 0; i < written.n; i++)
        if (s.st_dev == written.at[i].dev && s.st_ino == written.at[i].ino)
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s: is used, and %s would overwrite it: give that another name",
                               path, written.at[i].option);
    return TW_OK;
}
