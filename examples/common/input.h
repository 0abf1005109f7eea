/* input.h - opening the files that a command line names. */
#ifndef EXAMPLES_INPUT_H
#define EXAMPLES_INPUT_H

#include <stdio.h>
#include <thalweg/base.h>

/* A file to read, to be closed. As the library does, it opens files, and pipes that the process has already
 * (/dev/stdin, the shell's <(command)), but waits for no FIFO and reads no device; NULL: the context says why. */
FILE *input_open(tw_ctx *ctx, const char *path);

#endif
