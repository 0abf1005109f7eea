/* numbered.c - see numbered.h. */
#include "numbered.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>
#include <unistd.h>

#include "../common/cli.h"

#define ASIDE ".tmp-old" /* .tmp-: like all that a killed process may leave */

static tw_err failed(const numbered *to, const char *path) {
    return tw_fail_err(to->ctx, TW_ERR_IO, "%s: %s", path, strerror(errno));
}

tw_err numbered_begin(numbered *to) {
    if (!*to->folder) return tw_fail_err(to->ctx, TW_ERR_IO, "a folder with an empty name cannot be made");
    return mkdir(to->folder, 0777) && errno != EEXIST ? failed(to, to->folder) : TW_OK;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

void numbered_name(const numbered *to, size_t number, char *name, size_t size) {
    snprintf(name, size, "%s%06zu.png", to->prefix, number);
}

char *numbered_in(const numbered *to, const char *name) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s", to->folder, name) >= 0) return path;
    return tw_fail(to->ctx, TW_ERR_NOMEM, "%s: out of memory", to->folder);
}

char *numbered_path(const numbered *to, size_t number) {
    char name[64];
    numbered_name(to, number, name, sizeof name);
    return numbered_in(to, name);
}

/* Is it the name of one of them, to the letter? */
static bool number_of(const numbered *to, const char *name, size_t *number) {
    char again[64];
    size_t n = strlen(to->prefix);
    if (strncmp(name, to->prefix, n) != 0) return false;
    *number = strtoul(name + n, NULL, 10);
    numbered_name(to, *number, again, sizeof again);
    return !strcmp(name, again);
}

static int by_value(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

tw_err numbered_list(const numbered *to, size_t **number, size_t *count) {
    size_t room = 0, one, *all = NULL;
    *number = NULL, *count = 0;
    DIR *dir = opendir(to->folder);
    if (!dir) return failed(to, to->folder);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!number_of(to, entry->d_name, &one)) continue;
        if (*count == room) {
            room = 2 * room + 64;
            size_t *grown = realloc(all, room * sizeof *all);
            if (!grown) {
                free(all);
                closedir(dir);
                return tw_fail_err(to->ctx, TW_ERR_NOMEM, "%s: out of memory", to->folder);
            }
            all = grown;
        }
        all[(*count)++] = one;
    }
    closedir(dir);
    if (*count) qsort(all, *count, sizeof *all, by_value);
    *number = all;
    return TW_OK;
}

tw_err numbered_refuse_more(const numbered *to, size_t count) {
    size_t *number, n, less = 0;
    char name[64];
    tw_err err = numbered_list(to, &number, &n);
    while (less < n && number[less] < count) less++;
    if (!err && less < n) {
        numbered_name(to, number[less], name, sizeof name);
        err = tw_fail_err(
            to->ctx, TW_ERR_IO,
            "%s: %zu pictures of an older set, %s .., would be left over; remove it, or choose another folder",
            to->folder, n - less, name);
    }
    free(number);
    return err;
}

/* Takes path over. */
static tw_err claim(const numbered *to, const char *option, char *path) {
    if (!path) return tw_error(to->ctx);
    cli_will_write(option, path);
    free(path);
    return TW_OK;
}

tw_err numbered_claim(const numbered *to, const char *option) {
    size_t *number = NULL, n = 0;
    if (access(to->folder, F_OK)) return TW_OK; /* nothing is there that could be read */
    tw_err err = numbered_list(to, &number, &n);
    for (size_t i = 0; !err && i < n; i++) err = claim(to, option, numbered_path(to, number[i]));
    for (int i = 0; !err && i < NUMBERED_TABLES; i++)
        if (to->table[i]) err = claim(to, option, numbered_in(to, to->table[i]));
    free(number);
    return err;
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

/* What a link leads to goes aside, and the link stays: files are written through links. A device cannot be moved out of
 * the way. Where no table is, one that a killed process left aside goes for good. */
static tw_err hide(numbered *to, int i) {
    struct stat about;
    char *path = numbered_in(to, to->table[i]), *real = path ? realpath(path, NULL) : NULL, *aside = NULL;
    tw_err err = path ? TW_OK : tw_error(to->ctx);
    bool there = real && !stat(real, &about), file = there && S_ISREG(about.st_mode);
    if (path && (file || !there) && asprintf(&aside, "%s" ASIDE, real ? real : path) < 0) {
        aside = NULL;
        err = tw_fail_err(to->ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    }
    if (aside && file && rename(real, aside))
        err = tw_fail_err(to->ctx, TW_ERR_IO, "%s: cannot be replaced: %s", path, strerror(errno));
    if (aside && !there) unlink(aside);
    if (!err && file) to->aside[i] = aside;
    else free(aside);
    free(real);
    free(path);
    return err;
}

static tw_err hide_all(numbered *to) {
    tw_err err = TW_OK;
    if (to->hidden) return TW_OK;
    to->hidden = true;
    for (int i = 0; !err && i < NUMBERED_TABLES; i++)
        if (to->table[i]) err = hide(to, i);
    return err;
}

/* Back to where it was, unless a new one stands there. */
static void show(const char *aside) {
    char *path = strdup(aside);
    if (!path) return; /* it can still be found */
    path[strlen(path) - strlen(ASIDE)] = 0;
    if (access(path, F_OK)) rename(aside, path);
    free(path);
}

void numbered_end(numbered *to, tw_err err) {
    for (int i = 0; i < NUMBERED_TABLES; i++) {
        if (!to->aside[i]) continue;
        if (err && !to->changed) show(to->aside[i]);
        else unlink(to->aside[i]);
        free(to->aside[i]);
    }
    *to = (numbered){0};
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

tw_err numbered_write(numbered *to, size_t number, const tw_image *picture) {
    char *path = numbered_path(to, number);
    tw_err err = path ? hide_all(to) : tw_error(to->ctx);
    if (!err) err = tw_image_save_png(to->ctx, path, picture);
    if (!err) to->changed = true;
    free(path);
    return err;
}

tw_err numbered_remove(numbered *to, size_t number) {
    char *path = numbered_path(to, number);
    tw_err err = path ? hide_all(to) : tw_error(to->ctx);
    if (!err && unlink(path) && errno != ENOENT) err = failed(to, path);
    if (!err) to->changed = true;
    free(path);
    return err;
}
