/* test_costs_corners.c - where popular losses go wrong: infinite logits, weights of 0, ignored positions, certain
 * probabilities, absent classes, 0 log 0. */
#include "util_setting.h"

/* All ignored: 0 and no gradient, or NaN and no gradient for those who ask for it. */
Test(costs_corners, only_ignored_positions) {
    static const char *const losses[] = {"cross_entropy", "nll", "cross_entropy:label_smoothing=.1",
                                         "nll:class_weight=[1,2,3]"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        for (int way = 0; way < 4; way++) {
            char spec[120];
            static const char *const reduction[] = {"mean", "sum", "none", "mean,strict_mean=1"};
            snprintf(spec, sizeof spec, "%s%cignore_index=2,reduction=%s", losses[i],
                     strchr(losses[i], ':') ? ',' : ':', reduction[way]);
            setting s = {.ndim = 2,
                         .dim = {2, 3},
                         .pred = (tw_real[]){-1, -2, (tw_real)-INFINITY, -3, -1, (tw_real)NAN},
                         .class = (int32_t[]){2, 2}};
            outcome o = run_setting(ctx, spec, &s);
            for (size_t k = 0; k < o.n; k++) cr_assert(way == 3 ? isnan(o.loss[k]) : o.loss[k] == 0, "%s", spec);
            for (size_t k = 0; k < o.size; k++) cr_assert_eq(o.grad[k], 0, "%s: gradient %g", spec, (double)o.grad[k]);
        }
    tw_ctx_free(ctx);
}

/* An ignored position has no part in the mean, be it NaN: the rest alone gives the same. */
Test(costs_corners, ignored_positions_have_no_part) {
    tw_ctx *ctx = tw_ctx_new(1);
    setting with = {.ndim = 2, .dim = {3, 2}, .pred = (tw_real[]){-1, -2, (tw_real)NAN, 1, -3, -1}};
    setting without = {.ndim = 2, .dim = {2, 2}, .pred = (tw_real[]){-1, -2, -3, -1}, .class = (int32_t[]){1, 0}};
    with.class = (int32_t[]){1, -100, 0};
    static const char *const specs[] = {"cross_entropy", "nll", "nll:class_weight=[1,3]",
                                        "cross_entropy:class_weight=[1,3],label_smoothing=.2"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        outcome a = run_setting(ctx, specs[i], &with), b = run_setting(ctx, specs[i], &without);
        cr_assert_eq(a.loss[0], b.loss[0], "%s: %g and %g", specs[i], (double)a.loss[0], (double)b.loss[0]);
        cr_assert(a.grad[2] == 0 && a.grad[3] == 0);
        for (int k = 0; k < 2; k++) cr_assert(a.grad[k] == b.grad[k] && a.grad[4 + k] == b.grad[2 + k], "%s", specs[i]);
    }
    tw_ctx_free(ctx);
}

/* The ignored class may be any integer: in range, just outside, or far away; -1 is common, and is what a truth that is
 * ignored is kept as. What is not ignored is still refused outside 0..K-1. */
Test(costs_corners, any_integer_may_be_the_ignored_class) {
    static const int ignored[] = {-1, -100, 0, 1, 2, 255, INT32_MIN, INT32_MAX};
    static const char *const losses[] = {"cross_entropy", "nll"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        for (int l = 0; l < 2; l++) {
            char spec[80];
            snprintf(spec, sizeof spec, "%s:ignore_index=%d", losses[l], ignored[i]);
            int32_t class[] = {ignored[i], ignored[i] == 1 ? 0 : 1};
            setting s = {.ndim = 2, .dim = {2, 2}, .pred = (tw_real[]){-3, -1, -1, -2}, .class = class};
            setting alone = {.ndim = 2, .dim = {1, 2}, .pred = s.pred + 2, .class = class + 1};
            outcome both = run_setting(ctx, spec, &s), one = run_setting(ctx, spec, &alone);
            cr_expect_eq(both.loss[0], one.loss[0], "%s: %g, not %g", spec, (double)both.loss[0], (double)one.loss[0]);
            cr_expect(both.grad[0] == 0 && both.grad[1] == 0, "%s: a gradient where nothing counts", spec);
            cr_expect(both.grad[2] == one.grad[0] && both.grad[3] == one.grad[1], "%s: gradient", spec);
        }
    tw_cost cost;
    cr_assert_eq(tw_cost_find(ctx, "nll:ignore_index=-100", &cost), TW_OK);
    tw_target target = {.classes = {(int32_t[]){-1}, 1}};
    cr_assert_null(tw_cost_apply(ctx, &cost, tw_full(ctx, -1, 2, (int[]){1, 2}), &target));
    assert_error(ctx, TW_ERR_RANGE, "class -1 at position 0 is outside 0..1");
    tw_ctx_free(ctx);
}

/* Losses and gradients where the logits are enormous or infinite: the limits, never NaN. */
Test(costs_corners, bce_at_enormous_and_infinite_logits) {
    static const struct {
        double z, y, loss, slope;
    } at[] = {{1e4, 1, 0, 0},
              {1e4, 0, 1e4, 1},
              {-1e4, 1, 1e4, -1},
              {-1e4, 0, 0, 0},
              {1e4, .5, 5e3, .5},
              {-1e4, .25, 2500, -.25},
              {INFINITY, 1, 0, 0},
              {INFINITY, 0, INFINITY, 1},
              {-INFINITY, 0, 0, 0},
              {-INFINITY, 1, INFINITY, -1},
              {INFINITY, .5, INFINITY, .5},
              {-INFINITY, .5, INFINITY, -.5},
              {1e30, 0, 1e30, 1},
              {-1e30, 0, 0, 0}};
    static const char *const specs[] = {"bce_logits:reduction=none", "focal:reduction=none,gamma=0",
                                        "bce_logits:reduction=none,pos_weight=1"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        for (int k = 0; k < 3; k++) {
            tw_real z = (tw_real)at[i].z, y = (tw_real)at[i].y;
            outcome o = run_setting(ctx, specs[k], &(setting){.ndim = 1, .dim = {1}, .pred = &z, .target = &y});
            cr_expect(near((double)o.loss[0], at[i].loss, 1e-6) && near((double)o.grad[0], at[i].slope, 1e-6),
                      "%s at %g, truth %g: loss %g, gradient %g", specs[k], at[i].z, at[i].y, (double)o.loss[0],
                      (double)o.grad[0]);
        }
    tw_ctx_free(ctx);
}

/* A term whose weight is 0 is left out, where the loss is infinite too: 0 times infinity is no NaN. */
Test(costs_corners, weights_of_zero_beside_infinite_logits) {
    static const struct {
        const char *spec;
        double z, y;
    } at[] = {{"bce_logits:reduction=none,pos_weight=0", -INFINITY, 1},
              {"focal:reduction=none,alpha=0", -INFINITY, 1},
              {"focal:reduction=none,alpha=1", INFINITY, 0},
              {"balanced_ce:reduction=none,beta=0", -INFINITY, 1},
              {"balanced_ce:reduction=none", INFINITY, 0},
              {"bce:reduction=none,pos_weight=0", 0, 1}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        tw_real z = (tw_real)at[i].z, y = (tw_real)at[i].y;
        outcome o = run_setting(ctx, at[i].spec, &(setting){.ndim = 1, .dim = {1}, .pred = &z, .target = &y});
        cr_expect(o.loss[0] == 0 && o.grad[0] == 0, "%s at %g: loss %g, gradient %g", at[i].spec, at[i].z,
                  (double)o.loss[0], (double)o.grad[0]);
    }
    static const tw_real row[] = {0, 1, (tw_real)-INFINITY};
    static const int32_t class[] = {2};
    static const char *const specs[] = {"focal:reduction=none,alpha=[1,1,0]", "balanced_ce:reduction=none,beta=[1,1,0]",
                                        "cross_entropy:reduction=none,class_weight=[1,1,0]",
                                        "balanced_ce:reduction=none"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        outcome o = run_setting(ctx, specs[i], &(setting){.ndim = 2, .dim = {1, 3}, .pred = row, .class = class});
        cr_expect(o.loss[0] == 0 && o.grad[0] == 0 && o.grad[2] == 0, "%s: loss %g, gradient %g, %g", specs[i],
                  (double)o.loss[0], (double)o.grad[0], (double)o.grad[2]);
    }
    tw_ctx_free(ctx);
}

/* From probabilities nothing is clamped: what is excluded and true costs infinity, what is certain and right 0. */
Test(costs_corners, bce_at_certain_probabilities) {
    tw_ctx *ctx = tw_ctx_new(1);
    setting s = {.ndim = 1, .dim = {4}, .pred = (tw_real[]){0, 1, 0, 1}, .target = (tw_real[]){0, 1, 1, 0}};
    outcome o = run_setting(ctx, "bce:reduction=none", &s);
    cr_assert(o.loss[0] == 0 && o.loss[1] == 0 && o.loss[2] == INFINITY && o.loss[3] == INFINITY);
    cr_assert(o.grad[0] == 1 && o.grad[1] == (tw_real)-1.25 && isinf(o.grad[2]) && o.grad[2] < 0 && isinf(o.grad[3]));
    tw_real tiny[] = {(tw_real)1e-30, (tw_real)1e-7}, y[] = {1, 0};
    s = (setting){.ndim = 1, .dim = {2}, .pred = tiny, .target = y};
    o = run_setting(ctx, "bce:reduction=none", &s);
    cr_assert_float_eq(o.loss[0], 30 * log(10), 1e-4);
    cr_assert(near((double)o.loss[1] * 1e7, 1, 1e-5), "log1p, not log(1 - p): %g", (double)o.loss[1]);
    tw_ctx_free(ctx);
}

/* As p goes to 1 the loss and its gradient go to 0, also for gamma < 1, where (1 - p)^(gamma - 1) goes to infinity. */
Test(costs_corners, focal_where_p_is_one) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const char *const gammas[] = {"0.1", "0.5", "0.999", "1", "2", "5"};
    static const double sure[] = {20, 50, 100, 1e4, 1e30};
    for (int g = 0; g < 6; g++)
        for (int i = 0; i < 5; i++) {
            char spec[60];
            snprintf(spec, sizeof spec, "focal:reduction=none,gamma=%s", gammas[g]);
            tw_real z[] = {(tw_real)sure[i], 0, 0}, yes = 1;
            double bound = sure[i] == 20 ? 1e-8 : 1e-20;
            outcome a = run_setting(ctx, spec,
                                    &(setting){.ndim = 2, .dim = {1, 3}, .pred = z, .class = (int32_t[]){0}}),
                    b = run_setting(ctx, spec, &(setting){.ndim = 1, .dim = {1}, .pred = z, .target = &yes});
            cr_assert(fabs((double)a.loss[0]) <= bound && fabs((double)b.loss[0]) <= bound, "%s at %g: %g, %g", spec,
                      sure[i], (double)a.loss[0], (double)b.loss[0]);
            for (int k = 0; k < 3; k++)
                cr_assert(fabs((double)a.grad[k]) <= bound, "%s at %g: %g", spec, sure[i], (double)a.grad[k]);
            cr_assert(fabs((double)b.grad[0]) <= bound, "%s at %g: %g", spec, sure[i], (double)b.grad[0]);
        }
    tw_real z[] = {0, 1e4f, -1e4f}, no = 0; /* and far on the wrong side it is cross entropy */
    outcome a = run_setting(ctx, "focal:reduction=none,gamma=2",
                            &(setting){.ndim = 2, .dim = {1, 3}, .pred = z, .class = (int32_t[]){2}});
    cr_assert(a.loss[0] == 2e4f && a.grad[1] == 1 && a.grad[2] == -1);
    a = run_setting(ctx, "focal:reduction=none,gamma=2",
                    &(setting){.ndim = 1, .dim = {1}, .pred = z + 1, .target = &no});
    cr_assert(a.loss[0] == 1e4f && a.grad[0] == 1);
    tw_ctx_free(ctx);
}

Test(costs_corners, balanced_where_one_class_is_all_there_is) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real z[] = {1, -2, 3, 4, 1e4f, -1e4f};
    for (int32_t only = 0; only < 2; only++) {
        tw_real y[6] = {0};
        for (int i = 0; i < 6; i++) y[i] = (tw_real)only;
        outcome a = run_setting(ctx, "balanced_ce", &(setting){.ndim = 1, .dim = {6}, .pred = z, .target = y}),
                b = run_setting(
                    ctx, "balanced_ce",
                    &(setting){.ndim = 2, .dim = {3, 2}, .pred = z, .class = (int32_t[]){only, only, only}});
        cr_assert(a.loss[0] == 0 && b.loss[0] == 0);
        for (int i = 0; i < 6; i++) cr_assert(a.grad[i] == 0 && b.grad[i] == 0);
    }
    tw_ctx_free(ctx);
}

Test(costs_corners, zero_log_zero_is_zero) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const tw_real zero_one[] = {0, 1}, logs[] = {(tw_real)-INFINITY, 0};
    static const struct {
        const char *spec;
        const tw_real *pred, *target;
    } at[] = {{"kl_div:reduction=none,q_form=probs", zero_one, zero_one},
              {"kl_div:reduction=none", logs, zero_one},
              {"kl_div:reduction=none,p_form=log_probs", logs, logs},
              {"kl_div:reduction=none,p_form=log_probs,q_form=probs", zero_one, logs},
              {"cross_entropy:reduction=none,form=probs", zero_one, zero_one},
              {"cross_entropy:reduction=none,form=log_probs", logs, zero_one}};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        outcome o = run_setting(ctx, at[i].spec,
                                &(setting){.ndim = 2, .dim = {1, 2}, .pred = at[i].pred, .target = at[i].target});
        for (size_t k = 0; k < o.n; k++) cr_expect_eq(o.loss[k], 0, "%s: %g", at[i].spec, (double)o.loss[k]);
        cr_expect_eq(o.grad[0], 0, "%s: gradient %g", at[i].spec, (double)o.grad[0]);
        cr_expect(o.grad[1] < 0 && isfinite(o.grad[1]), "%s: gradient %g", at[i].spec, (double)o.grad[1]);
    }
    tw_ctx_free(ctx);
}
