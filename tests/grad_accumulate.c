/* grad_accumulate.c - accumulated gradients in double. */
#include "util_accumulate.h"

Test(grad_accumulate, equals_the_large_batch) { check_accumulation(1e-11); }
