/* word_sums.h - sums over the paths of one sample that spell words: what word_search.c asks for. */
#ifndef TW_TEXT_WORD_SUMS_H
#define TW_TEXT_WORD_SUMS_H

#include "text/frames.h"

/* Sums are numbers, or their logarithms. */
typedef struct tw__sums {
    bool logs;
    size_t T;
    size_t letters; /* symbols that words are made of */
    int most;       /* heights 0 .. most-1 have a table of their own */
    int32_t *row;   /* [K] of each symbol in the tables, or -1 */
    double *y;      /* [letters + 1][T] the chance of each, and of the blank, in each frame */
    double *ahead;  /* [most + 1][letters][T] y, times that of what may follow; the last for all greater heights */
    double *work;   /* [3][T + 1] */
    size_t nrow, ny, nahead, nwork; /* room */
} tw__sums;

/* letter [K]: the symbols of words. longest: how many a word has at most. False: out of memory. */
bool tw__sums_begin(tw__sums *sums, const tw__frames *frames, const bool *letter, int longest, bool logs);
void tw__sums_free(tw__sums *sums);

/* blank and both [T+1] of the empty string; of a string and one symbol, `from` being the string's blank or both. */
void tw__sums_first(const tw__sums *sums, double *blank, double *both);
void tw__sums_extend(const tw__sums *sums, const double *from, int32_t symbol, double *blank, double *both);
/* ln of an upper bound of the sum over all texts of a string, the symbol, and at most `height` more. */
double tw__sums_bound(const tw__sums *sums, const double *from, int32_t symbol, int height);
/* ln p of a string, from its both [T+1]. */
double tw__sums_log_prob(const tw__sums *sums, const double *both);

/* At least `want` doubles in *memory, of which there are *have; NULL: out of memory. */
double *tw__sums_fit(double **memory, size_t *have, size_t want);

#endif
