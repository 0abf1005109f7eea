/* util_loss_fixtures.h - the losses against PyTorch's float64 (tests/fixtures/losses.txt), for both libraries. */
#ifndef TEST_UTIL_LOSS_FIXTURES_H
#define TEST_UTIL_LOSS_FIXTURES_H

#include "util.h"

/* Every case of the loss, its values and gradients: max|a - n| / max(max|a|, max|n|, 1e-3) <= tol for each tensor.
 * Returns how many cases there were. */
int check_loss_fixtures(const char *loss, double tol);
/* Is the option, or reduction, of the loss in some case? */
bool loss_fixtures_cover(const char *loss, const char *option);

#endif
