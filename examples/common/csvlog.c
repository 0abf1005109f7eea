/* csvlog.c - see csvlog.h. */
#include "csvlog.h"

#include <stdarg.h>

bool csvlog_open(csvlog *log, const char *path, const char *header, bool append) {
    *log = (csvlog){NULL, path};
    if (!path) return true;
    log->file = fopen(path, append ? "a" : "w");
    if (!log->file) return false;
    if (fseek(log->file, 0, SEEK_END) == 0 && ftell(log->file) > 0) return true;
    return csvlog_row(log, "%s", header);
}

bool csvlog_row(csvlog *log, const char *format, ...) {
    va_list args;
    if (!log->file) return true;
    va_start(args, format);
    bool ok = vfprintf(log->file, format, args) >= 0;
    va_end(args);
    return ok && fputc('\n', log->file) != EOF && fflush(log->file) == 0;
}

void csvlog_close(csvlog *log) {
    if (log->file) fclose(log->file);
    log->file = NULL;
}
