/* util_ctc.h - slow oracles for decoders: every path, every text. */
#ifndef TEST_UTIL_CTC_H
#define TEST_UTIL_CTC_H

#include "util.h"

/* The texts that paths of T frames can spell, with ln of the sum over the paths of each, most likely first. */
typedef struct spelled {
    int32_t symbols[8];
    int n;
    double log_prob;
} spelled;
/* Runs through all K^T paths. Returns how many texts; *all is the caller's to free. T at most 8. */
size_t every_text(const tw_real *scores, int T, int K, size_t stride, int blank, spelled **all);

/* An alphabet of n letters "abc.." with the blank as that class. */
tw_alphabet *letters(tw_ctx *ctx, int n, int blank);
/* Symbols as the letters a.. of such an alphabet, "-" for the blank, in a buffer of the function: for messages. */
const char *shown(const int32_t *symbols, int n, int blank);

#endif
