/* util_shapes.h - operations on shapes that nobody means: empty ones, ones of 1, kernels larger than pictures. The
 * cases of tests/fixtures/shapes.txt, for test_break_shapes.c in float and grad_shapes.c in double. */
#ifndef TEST_UTIL_SHAPES_H
#define TEST_UTIL_SHAPES_H

#include "util.h"

enum { SHAPE_MOST_INPUTS = 3 };

typedef struct shape_case {
    const char *name;
    int inputs;
    tw_tensor *(*f)(tw_ctx *ctx, tw_tensor *const *in);
    const char *text; /* the call, as it is written */
} shape_case;

/* Number v of the case's shapes, read from shapes.txt into in; false when it has no more. */
bool shape_inputs(tw_ctx *ctx, const fixture *f, const shape_case *c, int v, tw_tensor *in[SHAPE_MOST_INPUTS]);
/* Values and gradients are PyTorch's. */
void shape_equals_pytorch(tw_ctx *ctx, const fixture *f, const shape_case *c, int v, double tol);

size_t shape_count(void);
const shape_case *shape_at(size_t i);

#endif
