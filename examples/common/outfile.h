/* outfile.h - a file of text that is written whole or not at all: it grows in memory, and then takes the old one's
 * place (tw_file_replace). */
#ifndef EXAMPLES_OUTFILE_H
#define EXAMPLES_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>
#include <thalweg/base.h>

typedef struct outfile {
    FILE *to; /* what is to be in the file goes here; NULL: it is not open */
    char *text;
    size_t size;
} outfile;

TW_MUST_CHECK tw_err outfile_open(tw_ctx *ctx, outfile *file, const char *path); /* path: for the message */
/* After either of these it is not open. One that is not open is dropped without effect. */
TW_MUST_CHECK tw_err outfile_close(tw_ctx *ctx, outfile *file, const char *path);
void outfile_drop(outfile *file);

#endif
