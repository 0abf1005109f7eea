/* util_model.h - safetensors files made byte by byte, and files read back whole. */
#ifndef TEST_UTIL_MODEL_H
#define TEST_UTIL_MODEL_H

#include "util_files.h"

/* A file of this header (JSON as text) and n bytes of data, with the right length in front. */
const char *write_model(const char *name, const char *header, const void *data, size_t n);
/* A whole file, from malloc. */
char *read_file(const char *path, size_t *n);
/* The number of entries of a folder. */
int count_entries(const char *folder);

#endif
