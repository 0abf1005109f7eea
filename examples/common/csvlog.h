/* csvlog.h - a log of training as CSV, a row an epoch. The rows are kept in the checkpoint as well and the file is
 * written anew with each, so that the log of a training that was killed and resumed has no row twice, half or not at
 * all. */
#ifndef EXAMPLES_CSVLOG_H
#define EXAMPLES_CSVLOG_H

#include <thalweg/base.h>

typedef struct csvlog {
    char *text; /* the rows, without the header; NULL: none yet */
    size_t used, room;
} csvlog;

bool csvlog_set(csvlog *log, const char *rows);                        /* false: out of memory */
bool csvlog_add(csvlog *log, const char *format, ...) TW_PRINTF(2, 3); /* adds the newline; false: out of memory */
/* Header and rows to a file. path NULL: nowhere, and all is well. */
TW_MUST_CHECK tw_err csvlog_save(tw_ctx *ctx, const csvlog *log, const char *header, const char *path);
void csvlog_free(csvlog *log);

#endif
