/* util_same.h - operations that are given one tensor several times: conv2d(w, w), matmul(a, a), an LSTM with tied
 * weights. Used by test_same.c and grad_same.c. */
#ifndef TEST_UTIL_SAME_H
#define TEST_UTIL_SAME_H

#include "util.h"

enum { SAME_MOST = 4 };

typedef struct same_case {
    char name[48];
    tw_tensor *(*f)(tw_ctx *ctx, tw_tensor *const *leaf, const struct same_case *c);
    int leaves, ndim, dim[4];
    int arg
        [3]; /* matmul: transpose a, b; lstm, gru: directions, are the lengths uneven, is it a GRU; loss: its number */
    tw_conv2d_options conv;
    bool large; /* too large for finite differences */
} same_case;

size_t same_count(void);
same_case same_at(size_t i);

#endif
