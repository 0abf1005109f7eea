/* file.h - what the readers of tables and arrays share. */
#ifndef TW_DATA_FILE_H
#define TW_DATA_FILE_H

#include "tensor/file.h"

/* The first bytes of what stands in a file, for messages: what cannot be printed becomes '?'. */
enum { TW__QUOTED = 48 };
const char *tw__quoted(const char *text, size_t length, char quoted[TW__QUOTED]);

#endif
