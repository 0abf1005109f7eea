/* util.h - what several tests share: fixtures, comparisons, random numbers, the place of real data. */
#ifndef TEST_UTIL_H
#define TEST_UTIL_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

/* ---- fixtures: text files written by tests/fixtures/make_*.py, a line each `name ndim d0 d1 .. : v v v ..`, or
 * `name = text` ---- */
typedef struct fixture fixture;
/* file is a name below tests/fixtures (or below TW_FIXTURES): "ops.txt". A missing or bad file fails the test. */
fixture *fixture_load(const char *file);
void fixture_free(fixture *f);
bool fixture_has(const fixture *f, const char *name);
size_t fixture_count(const fixture *f); /* the lines, and the name of each */
const char *fixture_name(const fixture *f, size_t i);
/* The values, borrowed from f. A missing name fails the test. ndim, dim, n may be NULL. */
const tw_real *fixture_get(const fixture *f, const char *name, int *ndim, int dim[TW_MAX_DIMS], size_t *n);
const char *fixture_text(const fixture *f, const char *name);
/* The same as a leaf of the step (tw_input_grad), named; and as integers, which the caller frees. */
tw_tensor *fixture_leaf(tw_ctx *ctx, const fixture *f, const char *name);
int32_t *fixture_ints(const fixture *f, const char *name, size_t *n);

/* ---- comparisons: |got - want| <= tol * max(1, |want|); NaN equals NaN, infinities equal themselves -------------- */
bool near(double got, double want, double tol);
/* Index of the first pair that is not near, or n. */
size_t first_far(const tw_real *got, const tw_real *want, size_t n, double tol);
void assert_near_at(const char *file, int line, const char *what, const tw_real *got, const tw_real *want, size_t n,
                    double tol);
#define assert_near(got, want, n, tol) assert_near_at(__FILE__, __LINE__, #got, got, want, n, tol)
/* t's shape, then its values (want NULL: only the shape). ndim and dim are those wanted. */
void assert_tensor_at(const char *file, int line, tw_ctx *ctx, const tw_tensor *t, int ndim, const int *dim,
                      const tw_real *want, double tol);
#define assert_tensor(ctx, t, ndim, dim, want, tol) assert_tensor_at(__FILE__, __LINE__, ctx, t, ndim, dim, want, tol)
/* t's shape and values are those of the fixture called name; and the same of t's gradient. */
void assert_fixture_at(const char *file, int line, tw_ctx *ctx, const fixture *f, const char *name, const tw_tensor *t,
                       double tol);
void assert_fixture_grad_at(const char *file, int line, tw_ctx *ctx, const fixture *f, const char *name,
                            const tw_tensor *t, double tol);
#define assert_fixture(ctx, f, name, t, tol) assert_fixture_at(__FILE__, __LINE__, ctx, f, name, t, tol)
#define assert_fixture_grad(ctx, f, name, t, tol) assert_fixture_grad_at(__FILE__, __LINE__, ctx, f, name, t, tol)
/* The context failed with this code and a message that contains `part`; then clears the error. */
void assert_error_at(const char *file, int line, tw_ctx *ctx, tw_err code, const char *part);
#define assert_error(ctx, code, part) assert_error_at(__FILE__, __LINE__, ctx, code, part)
void assert_ok_at(const char *file, int line, const tw_ctx *ctx);
#define assert_ok(ctx) assert_ok_at(__FILE__, __LINE__, ctx)
/* tw_gradcheck meets the bound (1e-6 in the double build). */
void assert_gradcheck_at(const char *file, int line, tw_ctx *ctx, tw_gradcheck_fn f, void *user, int n,
                         const tw_gradcheck_leaf *leaf, double bound);
#define assert_gradcheck(ctx, f, user, n, leaf, bound) \
    assert_gradcheck_at(__FILE__, __LINE__, ctx, f, user, n, leaf, bound)

/* ---- numbers and memory ---------------------------------------------------------------------------------------- */
/* x[0..n) from U[low, high), the same for the same seed. */
void fill_random(tw_real *x, size_t n, uint64_t seed, double low, double high);
/* The same in new memory, which the caller frees. */
tw_real *random_reals(size_t n, uint64_t seed, double low, double high);
/* Distinct values, at least `gap` apart and at least gap/2 from 0, in random order: samples without kinks and ties. */
void fill_distinct(tw_real *x, size_t n, uint64_t seed, double gap);
/* A leaf of random values with a gradient, whose values are the step's memory. */
tw_tensor *random_leaf(tw_ctx *ctx, uint64_t seed, double low, double high, int ndim, const int *dim);
size_t product(int ndim, const int *dim);
/* For slow oracles: the coordinates of element i of a shape, and the element of a shape at coordinates of (at_ndim)
 * dimensions, aligned from the right, where a dimension of 1 stays. */
void coordinates(int ndim, const int *dim, size_t i, int *at);
size_t element(int ndim, const int *dim, int at_ndim, const int *at);

/* Real data, which is not part of the repository: TW_TEST_DATA, else ../shared/data. Writes the path of `name` and
 * returns true, or prints one line saying that the calling test is skipped and returns false. */
bool test_data(const char *name, char *path, size_t size);
/* 1; or n where TW_TEST_SHARE=n is set, because a tool makes tests many times slower: long ones try one case of n. */
int test_share(void);
/* A path for a temporary file of this test process. */
const char *temp_path(const char *name, char *path, size_t size);

#endif
