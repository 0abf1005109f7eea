/* util_files.h - files that tests write: raw, gzipped, and gone when the test is. */
#ifndef TEST_UTIL_FILES_H
#define TEST_UTIL_FILES_H

#include "util.h"

/* Writes a temporary file and returns its path, which stays good for the test. A bad write fails the test. */
const char *write_file(const char *name, const void *bytes, size_t size);
const char *write_text(const char *name, const char *text);
const char *write_gz(const char *name, const void *bytes, size_t size);
/* An empty temporary folder. */
const char *make_folder(const char *name);
/* Removes everything the functions above made. */
void remove_files(void);
/* A message of the library is one sentence: it begins with the path of the file (NULL: anything) and is one line. */
void assert_sentence(tw_ctx *ctx, tw_err got, tw_err want, const char *path, const char *part);

#endif
