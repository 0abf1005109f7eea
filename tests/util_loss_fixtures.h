/* util_loss_fixtures.h - the losses against PyTorch's float64 (tests/fixtures/losses.txt), for both libraries. */
#ifndef TEST_UTIL_LOSS_FIXTURES_H
#define TEST_UTIL_LOSS_FIXTURES_H

#include "util.h"

/* tol: what the library's number type allows. */
void check_mse_fixtures(double tol);
void check_cross_entropy_fixtures(double tol);
void check_ctc_fixtures(double tol);

#endif
