/* util_accumulate.h - trainings whose steps are several backward passes, beside the same ones with large batches. */
#ifndef TEST_UTIL_ACCUMULATE_H
#define TEST_UTIL_ACCUMULATE_H

#include "util.h"

/* Weights and, after clipping, norms of some steps with each optimiser of a list; within tol (0: the same bits, for
 * numbers with which every sum is exact). */
void check_accumulation(double tol);

#endif
