/* test_source_facts.c - every number of the five tutorials from which the losses are taken, by the number of the fact.
 * What they print is given as a text and reproduced to its last digit; what is a misprint is shown to be one, beside
 * what is right. */
#include "util.h"

/* Half a unit of the last digit of a printed number, "0.6931" or "1.005e-6". */
static double half_unit(const char *printed) {
    const char *dot = strchr(printed, '.'), *e = strchr(printed, 'e');
    size_t end = e ? (size_t)(e - printed) : strlen(printed);
    double decimals = dot ? (double)(end - (size_t)(dot - printed) - 1) : 0;
    return 0.5 * pow(10, (e ? strtod(e + 1, NULL) : 0) - decimals);
}

static bool agrees(const char *printed, double computed) {
    return fabs(strtod(printed, NULL) - computed) <= half_unit(printed) * (1 + 1e-3);
}

#define IS(printed, computed) \
    cr_expect(agrees(printed, computed), "line %d: %s is printed, %.7g computed", __LINE__, printed, (double)(computed))
#define MISPRINT(printed, computed)                                                                     \
    cr_expect(!agrees(printed, computed), "line %d: %s is right, no misprint: %.7g", __LINE__, printed, \
              (double)(computed))

enum { MOST = 64 };

typedef struct answer {
    tw_real loss[MOST], grad[MOST];
} answer;

/* A loss of [N,K] numbers, by spec, with a target of the same shape or, when that is NULL, with N classes. */
static answer ask(const char *spec, int N, int K, const tw_real *pred, const tw_real *target, const int32_t *class) {
    answer a = {{0}, {0}};
    tw_ctx *ctx = tw_ctx_new(1);
    tw_cost cost;
    cr_assert_eq(tw_cost_find(ctx, spec, &cost), TW_OK, "%s", tw_errmsg(ctx));
    tw_tensor *x = tw_input_grad(ctx, pred, 2, (int[]){N, K});
    tw_target t = {.classes = {class, class ? (size_t)N : 0}};
    if (target) t.tensor = tw_input(ctx, target, 2, (int[]){N, K});
    tw_tensor *y = tw_cost_apply(ctx, &cost, x, &t);
    cr_assert_not_null(y, "%s: %s", spec, tw_errmsg(ctx));
    memcpy(a.loss, y->data, y->size * sizeof *y->data);
    tw_real ones[MOST];
    for (int i = 0; i < MOST; i++) ones[i] = 1;
    cr_assert_eq(tw_backward_from(ctx, y, ones), TW_OK);
    memcpy(a.grad, x->grad, x->size * sizeof *x->grad);
    tw_ctx_free(ctx);
    return a;
}

static double one(const char *spec, int n, const tw_real *pred, const tw_real *target) {
    return (double)ask(spec, 1, n, pred, target, NULL).loss[0];
}

/* ---- the vocabulary: one source prints loss.sum() for size_average=True and for False; True is the mean ------- */

Test(source_facts, size_average_true_is_the_mean) {
    const tw_real y[] = {1, 2, 3, 4}, t[] = {0, 0, 0, 0};
    IS("30", one("mse:reduction=sum", 4, y, t));
    IS("7.5", one("mse:reduction=mean", 4, y, t));
    MISPRINT("30", one("mse:reduction=mean", 4, y, t));
}

/* ---- regression ------------------------------------------------------------------------------------------- */

Test(source_facts, f01_mse_has_its_minimum_at_the_truth_and_a_gradient_that_shrinks) {
    const tw_real truth = 100;
    for (int y = -10000; y <= 10000; y += 50) {
        tw_real pred = (tw_real)y;
        answer a = ask("mse", 1, 1, &pred, &truth, NULL);
        cr_assert_eq(a.loss[0] == 0, y == 100);
        cr_assert_eq(a.grad[0], 2 * (pred - truth), "in proportion to the error");
    }
}

Test(source_facts, f01_squares_enlarge_errors_above_one_and_one_outlier_sets_the_loss) {
    const tw_real zero = 0, large = 3, small = .3f;
    cr_assert(one("mse", 1, &large, &zero) > 3 && one("mse", 1, &small, &zero) < .3);
    tw_real near_one[10], truth[10];
    for (int i = 0; i < 10; i++) near_one[i] = 1 + (tw_real)(i % 2 ? .1 : -.1), truth[i] = 1;
    near_one[9] = 1000;
    double all = one("mse:reduction=sum", 10, near_one, truth), outlier = 999. * 999.;
    cr_assert_gt(outlier / all, 0.9999);
}

Test(source_facts, f02_mae_has_a_gradient_of_constant_size_and_none_at_zero) {
    const tw_real y[] = {-1000, -.001f, 0, .001f, 1000}, t[5] = {0};
    answer a = ask("mae:reduction=sum", 1, 5, y, t, NULL); /* "the L1 loss" */
    assert_near(a.grad, ((tw_real[]){-1, -1, 0, 1, 1}), 5, 0);
    IS("2000.002", a.loss[0]);
}

/* "delta to 0 tends to MSE, delta to infinity to MAE": it is the reverse. */
Test(source_facts, f03_huber_limits_are_printed_the_wrong_way_round) {
    const tw_real y[] = {3, -.5f}, t[] = {0, 0};
    double mse = one("mse", 2, y, t), mae = one("mae", 2, y, t);
    double wide = one("huber:delta=1e6", 2, y, t), narrow = one("huber:delta=1e-3", 2, y, t) / 1e-3;
    cr_assert(near(wide, mse / 2, 1e-6) && fabs(wide - mae) > 0.1, "a large delta gives half the MSE, not the MAE");
    cr_assert(near(narrow, mae, 1e-3) && fabs(narrow - mse) > 0.1,
              "a small one, divided by delta, the MAE, not the MSE");
}

Test(source_facts, f03_huber_gradient_is_at_most_delta) {
    const tw_real zero = 0;
    for (int i = -100; i <= 100; i++) {
        tw_real y = (tw_real)(i / 5.);
        double narrow = (double)ask("huber:delta=0.1", 1, 1, &y, &zero, NULL).grad[0],
               wide = (double)ask("huber:delta=10", 1, 1, &y, &zero, NULL).grad[0];
        cr_assert(fabs(narrow) <= 0.1 + 1e-7 && fabs(wide) <= 10 && fabs(wide) <= fabs((double)y));
        double smooth = one("smooth_l1:beta=0.1", 1, &y, &zero);
        cr_assert(near(0.1 * smooth, one("huber:delta=0.1", 1, &y, &zero), 1e-6), "smooth L1 is Huber / beta");
    }
}

/* The prediction is about 1, the truth 0: sigma' is flat there. Cross entropy cancels it: sigma(z) - y. */
Test(source_facts, f04_sigmoid_with_mse_vanishes_and_with_cross_entropy_does_not) {
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real z[] = {10}, y[] = {0};
    tw_tensor *x = tw_input_grad(ctx, z, 1, (int[]){1}), *t = tw_input(ctx, y, 1, (int[]){1});
    cr_assert_eq(tw_backward(ctx, tw_mse_loss(ctx, tw_sigmoid(ctx, x), t, NULL)), TW_OK);
    cr_assert_lt(fabs((double)x->grad[0]), 1e-4);
    tw_ctx_free(ctx);
    cr_assert_gt(ask("bce_logits", 1, 1, z, y, NULL).grad[0], 0.9999);
}

/* ---- classification --------------------------------------------------------------------------------------- */

/* 64 matches, 63 won. The source prints 0.1164, and no minus before the sum. */
Test(source_facts, f05_entropy_is_0_11612_bits_not_0_1164) {
    const tw_real p[] = {63 / (tw_real)64, 1 / (tw_real)64};
    double bits = one("cross_entropy:form=probs", 2, p, p) / log(2);
    IS("0.11612", bits);
    MISPRINT("0.1164", bits);
    cr_assert_gt(bits, 0, "with the sign as printed it would be negative");
    const tw_real log_p[] = {(tw_real)log((double)p[0]), (tw_real)log((double)p[1])};
    IS("6", ask("nll", 1, 2, log_p, NULL, (int32_t[]){1}).loss[0] / log(2)); /* the information of a defeat, in bits */
    IS("0.0227", ask("nll", 1, 2, log_p, NULL, (int32_t[]){0}).loss[0] / log(2)); /* and of a victory */
}

Test(source_facts, f06_cross_entropy_of_two_distributions) {
    const tw_real p[] = {1, 0, 0}, q1[] = {.5f, .2f, .3f}, q2[] = {.8f, .1f, .1f};
    IS("0.6931", one("cross_entropy:form=probs", 3, q1, p));
    IS("0.2231", one("cross_entropy:form=probs", 3, q2, p));
}

/* Person 0.9, man 0.6, woman 0.3: independent, they sum to more than 1, and all may be on. */
Test(source_facts, f07_binary_cross_entropy_is_for_each_output_by_itself) {
    const tw_real p[] = {.9f, .6f, .3f}, all[] = {1, 1, 1}, other[] = {1, 1, 0};
    answer a = ask("bce:reduction=none", 1, 3, p, all, NULL), b = ask("bce:reduction=none", 1, 3, p, other, NULL);
    IS("0.1054", a.loss[0]);
    IS("0.5108", a.loss[1]);
    IS("1.2040", a.loss[2]);
    IS("0.3567", b.loss[2]);
    cr_assert(a.loss[0] == b.loss[0] && a.loss[1] == b.loss[1], "the third output changes neither of the others");
    tw_real z[3];
    for (int i = 0; i < 3; i++) z[i] = (tw_real)(log((double)p[i]) - log1p(-(double)p[i]));
    assert_near(ask("bce_logits:reduction=none", 1, 3, z, all, NULL).loss, a.loss, 3, 1e-6);
}

Test(source_facts, f08_categorical_and_sparse_are_identical) {
    const tw_real p[] = {.05f, .95f, 0, .1f, .8f, .1f}, y[] = {0, 1, 0, 0, 0, 1};
    const int32_t class[] = {1, 2};
    answer sparse = ask("cross_entropy:form=probs,reduction=none", 2, 3, p, NULL, class),
           categorical = ask("cross_entropy:form=probs,reduction=none", 2, 3, p, y, NULL);
    IS("0.0513", sparse.loss[0]);
    IS("2.3026", sparse.loss[1]);
    IS("1.1769", ask("cross_entropy:form=probs", 2, 3, p, NULL, class).loss[0]);
    assert_near(categorical.loss, sparse.loss, 2, 0);
    assert_near(categorical.grad, sparse.grad, 6, 0);
}

Test(source_facts, f09_softmax) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *p = tw_softmax(ctx, tw_full(ctx, 1, 1, (int[]){4}), 0);
    for (int i = 0; i < 4; i++) cr_assert_eq(p->data[i], 0.25f);
    tw_tensor *z = tw_input_grad(ctx, (tw_real[]){10000, 10001, 9999}, 1, (int[]){3});
    p = tw_softmax(ctx, z, 0);
    cr_assert_float_eq(p->data[0] + p->data[1] + p->data[2], 1, 1e-6);
    cr_assert_eq(tw_backward_from(ctx, p, (tw_real[]){1, 0, 0}), TW_OK); /* the first row of the Jacobian */
    cr_assert_float_eq(z->grad[0], p->data[0] * (1 - p->data[0]), 1e-6);
    cr_assert_float_eq(z->grad[1], -p->data[0] * p->data[1], 1e-6);
    cr_assert_float_eq(z->grad[2], -p->data[0] * p->data[2], 1e-6);
    tw_ctx_free(ctx);
}

Test(source_facts, f10_gradient_of_softmax_and_cross_entropy_is_p_minus_y) {
    const tw_real z[] = {(tw_real)log(.34), (tw_real)log(.46), (tw_real)log(.20)};
    answer a = ask("cross_entropy", 1, 3, z, NULL, (int32_t[]){0});
    IS("-0.66", a.grad[0]);
    IS("0.46", a.grad[1]);
    IS("0.20", a.grad[2]);
}

Test(source_facts, f11_log_likelihood) {
    const tw_real certain[] = {0}, never[] = {-1000};
    cr_assert_eq(ask("nll", 1, 1, certain, NULL, (int32_t[]){0}).loss[0], 0);
    cr_assert_eq(ask("nll", 1, 1, never, NULL, (int32_t[]){0}).loss[0], 1000);
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *z = tw_input(ctx, (tw_real[]){1, 2, 0}, 2, (int[]){1, 3});
    tw_labels class = {(int32_t[]){2}, 1};
    cr_assert_float_eq(tw_item(tw_nll_loss(ctx, tw_log_softmax(ctx, z, 1), class, NULL)),
                       tw_item(tw_cross_entropy_loss(ctx, z, class, NULL)), 1e-6);
    tw_ctx_free(ctx);
}

static const tw_real model1[] = {.3f, .3f, .4f, .3f, .4f, .3f, .1f, .2f, .7f};
static const tw_real model2[] = {.1f, .2f, .7f, .1f, .7f, .2f, .3f, .4f, .3f};
static const tw_real truth12[] = {0, 0, 1, 0, 1, 0, 1, 0, 0};

Test(source_facts, f12_error_rate_is_blind) {
    for (int m = 0; m < 2; m++) {
        int wrong = 0;
        for (int n = 0; n < 3; n++) {
            const tw_real *p = (m ? model2 : model1) + 3 * n, *y = truth12 + 3 * n;
            int best = 0, truth = 0;
            for (int k = 1; k < 3; k++) best = p[k] > p[best] ? k : best, truth = y[k] > y[truth] ? k : truth;
            wrong += best != truth;
        }
        cr_assert_eq(wrong, 1, "model %d: 1/3", m + 1);
    }
}

Test(source_facts, f12_mse_of_two_models) {
    double one_sum = (double)ask("mse:reduction=batchmean", 3, 3, model1, truth12, NULL).loss[0],
           two_sum = (double)ask("mse:reduction=batchmean", 3, 3, model2, truth12, NULL).loss[0];
    IS("0.8067", one_sum);
    IS("0.3400", two_sum);
    IS("0.81", one_sum); /* the totals the source prints; its terms for model 2 do not add up to them */
    IS("0.34", two_sum);
    IS("0.2689", ask("mse", 3, 3, model1, truth12, NULL).loss[0]);
    IS("0.1133", ask("mse", 3, 3, model2, truth12, NULL).loss[0]);
}

/* The source took logarithms to the base 10, and slipped on the last term of model 2. */
Test(source_facts, f12_cross_entropy_of_two_models_is_printed_in_base_10_and_wrong_for_the_second) {
    const int32_t class[] = {2, 1, 0};
    double sum1 = (double)ask("cross_entropy:form=probs,reduction=sum", 3, 3, model1, NULL, class).loss[0],
           sum2 = (double)ask("cross_entropy:form=probs,reduction=sum", 3, 3, model2, NULL, class).loss[0];
    IS("4.1352", sum1);
    IS("1.9173", sum2);
    IS("1.3784", ask("cross_entropy:form=probs", 3, 3, model1, NULL, class).loss[0]);
    IS("0.6391", ask("cross_entropy:form=probs", 3, 3, model2, NULL, class).loss[0]);
    IS("1.7959", sum1 / log(10));
    IS("0.8327", sum2 / log(10));
    IS("1.8", sum1 / log(10));
    MISPRINT("0.697", sum2 / log(10));
    MISPRINT("1.8", sum1);
    MISPRINT("0.697", sum2);
}

Test(source_facts, f13_balanced_cross_entropy_weighs_by_the_other_class) {
    const tw_real z[] = {0, 0, 0, 0, 0}, y[] = {1, 0, 0, 0, 0};
    answer counted = ask("balanced_ce:reduction=none", 1, 5, z, y, NULL),
           given = ask("balanced_ce:reduction=none,beta=0.8", 1, 5, z, y, NULL);
    assert_near(counted.loss, given.loss, 5, 1e-7); /* m = 1, n = 4: beta = n / (m + n) = 0.8 */
    cr_assert_float_eq(counted.loss[0], 0.8 * log(2), 1e-6);
    cr_assert_float_eq(counted.loss[1] + counted.loss[2] + counted.loss[3] + counted.loss[4], 0.8 * log(2), 1e-6,
                       "the noes together weigh as much");
    const tw_real none[5] = {0};
    cr_assert(isfinite(ask("balanced_ce", 1, 5, z, none, NULL).loss[0]), "no positives");
}

Test(source_facts, f14_focal_examples) {
    const tw_real easy = (tw_real)log(.01 / .99), hard = (tw_real)log(.1 / .9), yes = 1, no = 0;
    IS("1.005e-6", one("focal:gamma=2", 1, &easy, &no));
    IS("0.01005", one("bce_logits", 1, &easy, &no));
    IS("1.8651", one("focal:gamma=2", 1, &hard, &yes));
    IS("2.3026", one("bce_logits", 1, &hard, &yes));
    cr_assert_eq(one("focal:gamma=0", 1, &hard, &yes), one("bce_logits", 1, &hard, &yes), "gamma 0 is cross entropy");
}

/* 4/5 negatives weighted 0.2 and 1/5 positives weighted 0.8 count 0.16 each. */
Test(source_facts, f14_alpha_balances_the_classes) {
    const tw_real z[5] = {0}, y[] = {1, 0, 0, 0, 0};
    answer weighted = ask("focal:gamma=0,alpha=0.8,reduction=none", 1, 5, z, y, NULL);
    double plain = log(2), yes = (double)weighted.loss[0] / plain / 5, no = 0;
    for (int i = 1; i < 5; i++) no += (double)weighted.loss[i] / plain / 5;
    IS("0.16", yes);
    IS("0.16", no);
}

Test(source_facts, f15_kullback_leibler) {
    const tw_real p[] = {.5f, .25f, .25f}, q[] = {.1f, .2f, .7f}, sure[] = {0, 1, 0};
    const char *kl = "kl_div:reduction=sum,q_form=probs", *ce = "cross_entropy:reduction=sum,form=probs";
    double entropy = one(ce, 3, p, p);
    cr_assert_float_eq(one(kl, 3, q, p), one(ce, 3, q, p) - entropy, 1e-6);
    cr_assert_float_eq(one(kl, 3, q, sure), one(ce, 3, q, sure), 1e-6, "equal to CE for one-hot P");
    cr_assert(one(kl, 3, q, p) > 0 && one(kl, 3, p, q) > 0 && one(kl, 3, p, p) == 0);
    cr_assert_float_eq(one(kl, 3, q, p), 0.6031, 5e-5);
    cr_assert_float_eq(one(kl, 3, p, q), 0.5152, 5e-5, "KL(Q || P) is another number");
}

/* ---- CTC --------------------------------------------------------------------------------------------------- */

/* Scores that are 1 at the symbols of a path, written with '-' for the blank. */
static int greedy_of(const char *path, int32_t *symbols) {
    static const char alphabet[] = "-stae";
    tw_real scores[50] = {0};
    int T = (int)strlen(path);
    for (int t = 0; t < T; t++) scores[5 * t + (strchr(alphabet, path[t]) - alphabet)] = 1;
    return tw_ctc_greedy(scores, T, 5, 5, 0, symbols);
}

/* 16, 17: input and label have different lengths; T rows of probabilities, each summing to 1. 18: */
Test(source_facts, f18_the_b_transform) {
    static const char *const paths[] = {"-s-t-aatte", "ss-t-a-t-e", "sstt-aat-e", "-s-t-tatte"};
    static const int32_t state[] = {1, 2, 3, 2, 4}, sttate[] = {1, 2, 2, 3, 2, 4};
    for (int i = 0; i < 4; i++) {
        int32_t got[10];
        int want = i < 3 ? 5 : 6;
        cr_assert_eq(strlen(paths[i]), 10);
        cr_assert_eq(greedy_of(paths[i], got), want, "%s", paths[i]);
        cr_assert_eq(memcmp(got, i < 3 ? state : sttate, (size_t)want * sizeof *got), 0, "%s", paths[i]);
    }
}

/* What CTC maximises is p(l|x), the sum over all paths, not the p(pi|x) of one, as the source's last sentence says. */
Test(source_facts, f19_the_sum_over_paths_not_one_path) {
    static const double y[3][2] = {{.6, .4}, {.3, .7}, {.8, .2}}; /* the blank, a */
    tw_real z[6];
    for (int i = 0; i < 6; i++) z[i] = (tw_real)log(y[i / 2][i % 2]);
    double sum = 0, best = 0;
    for (int path = 0; path < 8; path++) {
        int a[3] = {path & 1, path >> 1 & 1, path >> 2 & 1}, runs = a[0] + (!a[0] && a[1]) + (!a[1] && a[2]);
        double p = y[0][a[0]] * y[1][a[1]] * y[2][a[2]];
        if (runs == 1) sum += p, best = fmax(best, p);
    }
    tw_ctx *ctx = tw_ctx_new(1);
    double p = exp(tw_ctc_log_prob(ctx, z, 3, 2, 2, (int32_t[]){1}, 1, 0));
    cr_assert_float_eq(p, sum, 1e-6);
    cr_assert_gt(p - best, 0.1, "the best path alone has %g of %g", best, p);
    tw_ctx_free(ctx);
}

Test(source_facts, f20_uniform_probabilities) {
    enum { T = 10, K = 5 };
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real z[T * K] = {0};
    static const int32_t label[] = {1, 2, 3, 4};
    tw_tensor *x = tw_input(ctx, z, 3, (int[]){T, 1, K});
    tw_tensor *l = tw_ctc_loss(ctx, x, (tw_labels){label, 4}, (tw_labels){(int32_t[]){4}, 1}, (tw_labels){0}, NULL);
    IS("8.0870", tw_item(l));
    IS("8.0870", T * log(K) - log(3003)); /* binom(14, 6) paths of equal probability */
    tw_ctx_free(ctx);
}
