/* file.h - what the readers of text files and of arrays share. */
#ifndef TW_DATA_FILE_H
#define TW_DATA_FILE_H

#include <thalweg/base.h>

/* All bytes of a file, from malloc, and a NUL behind them; on an error *data is NULL. */
tw_err tw__data_read(tw_ctx *ctx, const char *path, char **data, size_t *size);

/* The first bytes of what stands in a file, for messages: what cannot be printed becomes '?'. */
enum { TW__QUOTED = 48 };
const char *tw__quoted(const char *text, size_t length, char quoted[TW__QUOTED]);

#endif
