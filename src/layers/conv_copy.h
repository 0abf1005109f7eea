/* conv_copy.h - lines of a plane into padded ones. Lines are short: these are loops of constant pieces, not calls. */
#ifndef TW_CONV_COPY_H
#define TW_CONV_COPY_H

#include <string.h>
#include <thalweg/base.h>

enum { TW__ZEROS = 16 };

/* Zeros to[0..n) and up to 15 numbers beyond. */
static inline void tw__zero_line(tw_real *to, int n) {
    for (int i = 0; i < n; i += TW__ZEROS) memset(to + i, 0, TW__ZEROS * sizeof *to);
}

static inline void tw__copy_line(const tw_real *from, int n, tw_real *to) {
    enum { PIECE = 8 };
    if (n < PIECE) {
        for (int i = 0; i < n; i++) to[i] = from[i];
        return;
    }
    int i = 0;
    for (; i + PIECE <= n; i += PIECE) memcpy(to + i, from + i, PIECE * sizeof *to);
    if (i < n) memcpy(to + n - PIECE, from + n - PIECE, PIECE * sizeof *to);
}

#endif
