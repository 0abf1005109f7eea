/* util_apart.h - reading a file in a process apart, where it may take neither time nor memory, nor kill the test. */
#ifndef TEST_UTIL_APART_H
#define TEST_UTIL_APART_H

#include "util_files.h"

typedef tw_err (*apart_read)(tw_ctx *ctx, const char *path);

typedef struct apart {
    tw_err err;
    char message[1024];
    double seconds; /* of the processor */
    long kilobytes; /* by which the process grew at most */
} apart;

/* Reads path in a process that gets a signal after 20 seconds and, where malloc is no sanitizer's, no more memory than
 * megabytes beyond what it has. A signal fails the test. */
apart read_apart(apart_read read, const char *path, long megabytes);

/* The file is refused with this code and a sentence that begins with its path (or a part of a long one) and has `part`,
 * within a second of the processor (20 under sanitizers) and 64 megabytes. */
void assert_refused(const char *what, apart_read read, const char *path, tw_err code, const char *part);

#endif
