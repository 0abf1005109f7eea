/* csvlog.c - see csvlog.h. */
#include "csvlog.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "outfile.h"

static bool append(csvlog *log, const char *text, size_t n) {
    if (log->used + n + 1 > log->room) {
        size_t room = 2 * (log->used + n + 512);
        char *grown = realloc(log->text, room);
        if (!grown) return false;
        log->text = grown;
        log->room = room;
    }
    memcpy(log->text + log->used, text, n);
    log->used += n;
    log->text[log->used] = 0;
    return true;
}

bool csvlog_set(csvlog *log, const char *rows) {
    log->used = 0;
    return append(log, rows, strlen(rows));
}

bool csvlog_add(csvlog *log, const char *format, ...) {
    char row[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(row, sizeof row, format, args);
    va_end(args);
    return n >= 0 && n < (int)sizeof row && append(log, row, (size_t)n) && append(log, "\n", 1);
}

tw_err csvlog_save(tw_ctx *ctx, const csvlog *log, const char *header, const char *path) {
    outfile file;
    if (!path) return TW_OK;
    tw_err err = outfile_open(ctx, &file, path);
    if (err) return err;
    fprintf(file.to, "%s\n%s", header, log->text ? log->text : "");
    return outfile_close(ctx, &file, path);
}

void csvlog_free(csvlog *log) {
    free(log->text);
    *log = (csvlog){0};
}
