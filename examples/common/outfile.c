/* outfile.c - see outfile.h. */
#include "outfile.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

static tw_err no_memory(tw_ctx *ctx, const char *path) {
    return tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
}

tw_err outfile_open(tw_ctx *ctx, outfile *file, const char *path) {
    *file = (outfile){0};
    file->to = open_memstream(&file->text, &file->size);
    return file->to ? TW_OK : no_memory(ctx, path);
}

tw_err outfile_close(tw_ctx *ctx, outfile *file, const char *path) {
    bool whole = !ferror(file->to);
    if (fclose(file->to)) whole = false;
    tw_err err = whole ? tw_file_replace(ctx, path, file->text, file->size) : no_memory(ctx, path);
    free(file->text);
    *file = (outfile){0};
    return err;
}

void outfile_drop(outfile *file) {
    if (file->to) fclose(file->to);
    free(file->text);
    *file = (outfile){0};
}

/* The path without links, dots and what else two names may differ in, to be freed. Of a file that is not there the
 * folder is looked at. NULL: there is no such folder, or no memory. */
static char *real_name(const char *path) {
    char *whole = realpath(path, NULL);
    if (whole) return whole;
    char *for_folder = strdup(path), *for_name = strdup(path); /* dirname and basename write to it */
    char *folder = for_folder ? realpath(dirname(for_folder), NULL) : NULL;
    if (folder && for_name && asprintf(&whole, "%s/%s", folder, basename(for_name)) < 0) whole = NULL;
    free(folder);
    free(for_folder);
    free(for_name);
    return whole;
}

bool outfile_same(const char *a, const char *b) {
    char *x = real_name(a), *y = real_name(b);
    bool same = x && y ? !strcmp(x, y) : !strcmp(a, b);
    free(x);
    free(y);
    return same;
}
