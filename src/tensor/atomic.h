/* atomic.h - a new file beside the old one, which takes its place when it is whole. */
#ifndef TW_ATOMIC_H
#define TW_ATOMIC_H

#include <thalweg/base.h>

enum {
    TW__SYNCED = 1, /* on the disk before it takes the old one's place: that costs milliseconds */
    TW__STREAMS = 2 /* a device, a pipe or a descriptor (/dev/stdout) is written to as it is; else it is an error */
};

typedef struct tw__atomic {
    tw_ctx *ctx;
    const char *path; /* the caller's, for messages */
    unsigned how;
    char *target; /* where it goes: path, or what path is a link to; NULL: it is written to as it is */
    char *temp;
    size_t room; /* bytes of temp */
    int fd;
} tw__atomic;

/* After an error in one of these there is nothing left to clean up. */
tw_err tw__atomic_begin(tw_ctx *ctx, const char *path, unsigned how, tw__atomic *file);
tw_err tw__atomic_write(tw__atomic *file, const void *data, size_t n);
tw_err tw__atomic_commit(tw__atomic *file);
void tw__atomic_abort(tw__atomic *file);

#endif
