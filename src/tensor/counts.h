/* counts.h - the arithmetic of cutting work into pieces. */
#ifndef TW_COUNTS_H
#define TW_COUNTS_H

static inline int tw__least(int a, int b) { return a < b ? a : b; }
static inline int tw__most(int a, int b) { return a > b ? a : b; }
/* How many pieces of a size hold n things, and how many things those pieces could hold. */
static inline int tw__blocks(int n, int size) { return n / size + (n % size != 0); }
static inline int tw__up(int n, int size) { return tw__blocks(n, size) * size; }

#endif
