/* util_programs.h - random programs of tensor operations, to try what nobody thought of. */
#ifndef TEST_UTIL_PROGRAMS_H
#define TEST_UTIL_PROGRAMS_H

#include "util.h"

enum { PROGRAM_LEAVES = 3 };
/* The shapes of a program's leaves; dimensions of 0 and 1 and tensors without dimensions occur. large: enough
 * elements that the work is cut for the threads. */
void program_leaves(uint64_t seed, bool large, int ndim[PROGRAM_LEAVES], int dim[PROGRAM_LEAVES][TW_MAX_DIMS]);
/* Some operations on the leaves and on each other's results, all smooth and bounded; the result has one dimension. The
 * same seed and shapes give the same program. NULL after an error, which a legal program must not have. */
tw_tensor *program_run(tw_ctx *ctx, uint64_t seed, tw_tensor *const *leaf);

#endif
