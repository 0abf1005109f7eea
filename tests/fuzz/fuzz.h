/* fuzz.h - what the fuzz targets share. libFuzzer calls fuzz_target's other name with inputs it invents; `make fuzz`.
 *
 * Beside what the sanitizers see, a target checks what the headers promise: an error has a sentence, of one line, and
 * leaves its result empty; what was accepted is consistent. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <thalweg/thalweg.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define fuzz_assert(condition)                                                        \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

/* A file in memory with these bytes; its path. One at a time: the next call, and fuzz_file_close, end it. */
static int fuzz_fd = -1;
static inline void fuzz_file_close(void) {
    if (fuzz_fd >= 0) close(fuzz_fd);
    fuzz_fd = -1;
}
static inline const char *fuzz_file(const uint8_t *bytes, size_t size) {
    static char path[64];
    fuzz_file_close();
    fuzz_fd = memfd_create("fuzz", 0);
    fuzz_assert(fuzz_fd >= 0 && write(fuzz_fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fuzz_fd);
    return path;
}

/* The bytes as a string: up to the first NUL. To be freed. */
static inline char *fuzz_text(const uint8_t *bytes, size_t size) {
    char *text = malloc(size + 1);
    fuzz_assert(text);
    memcpy(text, bytes, size);
    text[size] = 0;
    return text;
}

/* After a call that returned err (or, for one that returned a pointer, that of the context): is the sentence there? The
 * error is then forgotten. */
static inline void fuzz_sentence(tw_ctx *ctx, tw_err err) {
    fuzz_assert(tw_error(ctx) == err);
    fuzz_assert((err == TW_OK) == !*tw_errmsg(ctx));
    fuzz_assert(!strchr(tw_errmsg(ctx), '\n')); /* it may quote bytes that are not UTF-8 */
    tw_error_clear(ctx);
}

/* Numbers out of an input: each call takes some of its bytes, and zeros when there are none left. */
typedef struct fuzz_input {
    const uint8_t *bytes;
    size_t size;
} fuzz_input;
static inline void fuzz_take(fuzz_input *in, void *to, size_t size) {
    size_t n = size < in->size ? size : in->size;
    memset(to, 0, size);
    if (n) memcpy(to, in->bytes, n);
    in->bytes += n;
    in->size -= n;
}
static inline int fuzz_int(fuzz_input *in, int min, int max) {
    uint8_t byte;
    fuzz_take(in, &byte, 1);
    return min + byte % (max - min + 1);
}

#endif
