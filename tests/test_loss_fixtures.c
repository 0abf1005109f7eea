/* test_loss_fixtures.c - every registered loss against PyTorch's float64, with every option and reduction it has.
 * Double meets 1e-12 in grad_costs.c. */
#include "util_loss_fixtures.h"

Test(loss_fixtures, equal_pytorch) {
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const char *name = tw_cost_name(tw_cost_at(i));
        cr_expect_gt(check_loss_fixtures(name, 1e-5), 0, "no fixtures for %s", name);
    }
}

/* A loss, option or reduction that is added is added to the fixtures. batchmean is PyTorch's for kl_div only. */
Test(loss_fixtures, cover_every_option) {
    for (size_t i = 0; i < tw_cost_count(); i++) {
        const char *name = tw_cost_name(tw_cost_at(i));
        static const char *const always[] = {"none", "sum", "mean"};
        for (int k = 0; k < 3; k++) cr_expect(loss_fixtures_cover(name, always[k]), "%s: %s", name, always[k]);
        cr_expect(loss_fixtures_cover(name, "weighted"), "%s: sample weights", name);
        for (const tw_option *o = tw_cost_at(i)->options; o->name; o++) {
            if (!strcmp(o->name, "reduction")) continue;
            if (!strcmp(o->name, "mean_by_length")) cr_expect(loss_fixtures_cover(name, "by_length"));
            else cr_expect(loss_fixtures_cover(name, o->name), "%s: no case sets %s", name, o->name);
        }
    }
    cr_expect(loss_fixtures_cover("kl_div", "batchmean"));
}
