/* user.c - what a program that uses the library looks like; also compiled as C++. */
#include <stdio.h>
#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

int main(void) {
    tw_ctx *ctx = tw_ctx_new(1);
    if (!ctx) return 1;
    const tw_real value[2] = {3, 4};
    const int dim[1] = {2};
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, value, 1, dim);
    tw_tensor *y = tw_sum(ctx, tw_mul(ctx, x, x), 0, NULL, false);
    if (tw_backward(ctx, y)) return 1;
    printf("version %s: |x|^2 = %g, its gradient [%g, %g] of %d bytes\n", tw_version(), (double)tw_item(y),
           (double)x->grad[0], (double)x->grad[1], (int)sizeof *x->grad);
    int wrong = tw_item(y) != 25 || x->grad[0] != 6 || x->grad[1] != 8;
    tw_ctx_free(ctx);
    return wrong;
}
