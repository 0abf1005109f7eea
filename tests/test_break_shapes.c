/* test_break_shapes.c - every operation, layer and loss on shapes that nobody means: PyTorch's value, or one sentence
 * with names and shapes. (Empty batches of every loss: costs/empty_batch.) */
#include "util_shapes.h"

#include "util_costs.h"

Test(break_shapes, equal_pytorch) {
    fixture *f = fixture_load("shapes.txt");
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 2});
    tw_tensor *in[SHAPE_MOST_INPUTS];
    size_t run = 0, have = 0;
    for (size_t i = 0; i < fixture_count(f); i++) {
        const char *name = fixture_name(f, i);
        have += strcmp(name + strlen(name) - 2, ".y") == 0;
    }
    for (size_t i = 0; i < shape_count(); i++)
        for (int v = 0; tw_step_begin(ctx), shape_inputs(ctx, f, shape_at(i), v, in); v++, run++) {
            tw_step_begin(ctx);
            shape_equals_pytorch(ctx, f, shape_at(i), v, 1e-4);
        }
    cr_assert_eq(run, have, "the fixture has %zu cases, %zu were found by their names", have, run);
    tw_ctx_free(ctx);
    fixture_free(f);
}
