/* file.h - opening what is to be read. What is no file could be waited for (a FIFO that nobody writes) or have no end
 * (a device), so it is refused. Files are read, never mapped: one that becomes shorter meanwhile is an error, no
 * signal. */
#ifndef TW_FILE_H
#define TW_FILE_H

#include <stdio.h>
#include <thalweg/base.h>

/* TW__PIPES: also a pipe that the process has as a descriptor already, and that has a name for that reason only:
 * /dev/stdin, /dev/fd/3, as the shell's <(command) gives them. Such a file has no size: *size is then UINT64_MAX. */
typedef enum tw__open_flags { TW__FILES = 0, TW__PIPES = 1 } tw__open_flags;

/* The number of the descriptor that path names in that way, or -1. */
int tw__descriptor_named(const char *path);

/* TW_OK, or IO in ctx for a path that is NULL. Who reads or writes a file asks this first. */
tw_err tw__check_path(tw_ctx *ctx, const char *path);

/* A descriptor that reads path, or -1 and why not, also in errno. */
int tw__open(const char *path, tw__open_flags flags, uint64_t *size, const char **why);
/* The same as a stream, or NULL. */
FILE *tw__fopen(const char *path, tw__open_flags flags, uint64_t *size, const char **why);

/* Could so many bytes lie in this machine's memory? Those of a file are asked for only then. */
bool tw__fits_memory(uint64_t bytes);

/* All bytes of a text, from malloc, and a NUL behind them; on an error *data is NULL. No text has a NUL byte, so
 * reading stops soon after the first: the caller, who knows lines, says where it is. */
tw_err tw__read_text(tw_ctx *ctx, const char *path, char **data, size_t *size);

#endif
