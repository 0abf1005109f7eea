/* grad_optim.c - the optimisers in double, against PyTorch in float64. */
#include "util_optim.h"

Test(grad_optim, pytorch) { check_optimisers(1e-12); }
Test(grad_optim, clipping) { check_clipping(1e-12); }
Test(grad_optim, clipping_by_value) { check_clipping_by_value(1e-12); }
Test(grad_optim, one_cycle) { check_one_cycle(1e-12); }
