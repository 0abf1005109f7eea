/* test_museum.c - every wrong loss of the museum fails the very check that ours passes. */
#include "museum.h"
#include "util.h"

Test(museum, the_wrong_ones_fail_and_ours_pass) {
    tw_ctx *ctx = tw_ctx_new(1);
    cr_assert_geq(museum_size, 8);
    for (size_t i = 0; i < museum_size; i++) {
        const museum_piece *m = &museum[i];
        museum_result wrong, right;
        museum_check_one(ctx, m, &wrong, &right);
        assert_ok(ctx);
        cr_expect(!wrong.passes, "%s passes: %s", m->name, wrong.found);
        cr_expect(right.passes, "%s fails where %s: %s", m->right.spec, m->demands, right.found);
        cr_assert(*m->seen && *m->harm && *wrong.found && *right.found, "%s has no explanation", m->name);
    }
    tw_ctx_free(ctx);
}
