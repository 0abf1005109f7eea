/* csvlog.h - a log of training as CSV, a row an epoch, flushed row by row so that it can be plotted meanwhile. */
#ifndef EXAMPLES_CSVLOG_H
#define EXAMPLES_CSVLOG_H

#include <stdbool.h>
#include <stdio.h>
#include <thalweg/base.h>

typedef struct csvlog {
    FILE *file; /* NULL: logging is off */
    const char *path;
} csvlog;

/* path NULL: off. append (a resumed training): rows are added, and the header only when the file is empty.
 * False: it cannot be opened; errno says why. */
bool csvlog_open(csvlog *log, const char *path, const char *header, bool append);
bool csvlog_row(csvlog *log, const char *format, ...) TW_PRINTF(2, 3); /* adds the newline; false: not written */
void csvlog_close(csvlog *log);

#endif
