/* outfile.c - see outfile.h. */
#include "outfile.h"

#include <stdlib.h>
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
