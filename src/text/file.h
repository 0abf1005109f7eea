/* file.h - a whole file in memory. */
#ifndef TW_TEXT_FILE_H
#define TW_TEXT_FILE_H

#include <thalweg/base.h>

/* The bytes of a file from malloc, and a NUL after them. On an error *bytes is NULL. */
tw_err tw__file_read(tw_ctx *ctx, const char *path, char **bytes, size_t *size);

#endif
