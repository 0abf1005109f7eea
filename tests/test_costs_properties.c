/* test_costs_properties.c - identities between the losses, and their limits. The corners are in test_costs_corners.c,
 * what holds for every loss by itself is in test_costs.c. */
#include "util_setting.h"

/* ---- classes ----------------------------------------------------------------------------------------------- */

Test(costs_properties, softmax_and_cross_entropy_is_log_softmax_and_nll) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const tw_real weight[] = {2, 0.5, 1, 3, 0.25};
    for (int i = 0; i < 3; i++)
        for (int option = 0; option < 3; option++)
            for (int r = 0; r < 3; r++) {
                setting s = random_setting(i, 4);
                size_t n = setting_size(&s), positions = n / (size_t)s.dim[1];
                tw_reals w = {option ? weight : NULL, option ? (size_t)s.dim[1] : 0};
                int ignore = option == 2 ? s.class[0] : -100;
                tw_real up[SETTING_MOST], want[SETTING_MOST];
                fill_random(up, positions, 5, -2, 2);
                tw_step_begin(ctx);
                tw_tensor *x = tw_input_grad(ctx, s.pred, s.ndim, s.dim);
                tw_tensor *a = tw_cross_entropy_loss(ctx, x, (tw_labels){s.class, positions},
                                                     &(tw_cross_entropy_options){.reduction = (tw_reduction)r,
                                                                                 .class_weight = w,
                                                                                 .ignore_index = ignore});
                tw_real value[SETTING_MOST];
                memcpy(value, a->data, a->size * sizeof *value);
                cr_assert_eq(tw_backward_from(ctx, a, up), TW_OK);
                memcpy(want, x->grad, n * sizeof *want);
                tw_step_begin(ctx);
                x = tw_input_grad(ctx, s.pred, s.ndim, s.dim);
                tw_tensor *b = tw_nll_loss(
                    ctx, tw_log_softmax(ctx, x, 1), (tw_labels){s.class, positions},
                    &(tw_nll_options){.reduction = (tw_reduction)r, .class_weight = w, .ignore_index = ignore});
                assert_near(b->data, value, b->size, 1e-6);
                cr_assert_eq(tw_backward_from(ctx, b, up), TW_OK);
                assert_near(x->grad, want, n, 2e-6);
                setting_free(&s);
            }
    tw_ctx_free(ctx);
}

/* With equal truths, categorical and sparse are the same numbers, bit for bit. */
Test(costs_properties, categorical_of_one_hot_is_sparse) {
    static const char *const specs[] = {"cross_entropy:reduction=none", "cross_entropy:reduction=mean",
                                        "cross_entropy:reduction=none,label_smoothing=0.1",
                                        "cross_entropy:reduction=sum,form=log_probs",
                                        "cross_entropy:reduction=none,form=probs"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
            setting s = random_setting(i, 4), categorical;
            tw_real t[SETTING_MOST];
            for (size_t j = 0; strstr(specs[k], "=probs") && j < setting_size(&s);
                 j++) /* any numbers in 0..1 will do */
                ((tw_real *)s.pred)[j] = (tw_real)(((double)s.pred[j] + 4.1) / 8.2);
            for (size_t j = 0; strstr(specs[k], "log_probs") && j < setting_size(&s); j++) ((tw_real *)s.pred)[j] -= 4;
            setting_one_hot(&s, t);
            categorical = s;
            categorical.target = t;
            outcome a = run_setting(ctx, specs[k], &s), b = run_setting(ctx, specs[k], &categorical);
            same_outcome(specs[k], &a, &b, 0);
            setting_free(&s);
        }
    tw_ctx_free(ctx);
}

/* Smoothing mixes the loss of the truth with the mean of the losses of all classes. */
Test(costs_properties, label_smoothing_mixes_losses) {
    tw_ctx *ctx = tw_ctx_new(1);
    const double smoothing = 0.3;
    setting s = random_setting(0, 3);
    int32_t every[4];
    outcome got = run_setting(ctx, "cross_entropy:reduction=none,label_smoothing=0.3", &s);
    outcome plain = run_setting(ctx, "cross_entropy:reduction=none", &s);
    double want[4];
    for (int n = 0; n < 4; n++) want[n] = (1 - smoothing) * (double)plain.loss[n];
    for (int k = 0; k < 3; k++) {
        setting of_k = s;
        for (int n = 0; n < 4; n++) every[n] = k;
        of_k.class = every;
        outcome o = run_setting(ctx, "cross_entropy:reduction=none", &of_k);
        for (int n = 0; n < 4; n++) want[n] += smoothing / 3 * (double)o.loss[n];
    }
    for (int n = 0; n < 4; n++) cr_assert_float_eq(got.loss[n], want[n], 1e-6);
    setting_free(&s);
    tw_ctx_free(ctx);
}

/* [N,K,H,W] is [N H W, K] with the classes moved to the end: the same bits. */
Test(costs_properties, class_axis_equals_rows) {
    static const char *const specs[] = {"cross_entropy:reduction=none",
                                        "cross_entropy:reduction=mean,class_weight=[1,2,.5],label_smoothing=.1",
                                        "cross_entropy:reduction=none,form=log_probs",
                                        "nll:reduction=none,class_weight=[1,2,.5]",
                                        "focal:reduction=none,gamma=1.5,alpha=[.2,.3,.5]",
                                        "focal:reduction=mean,gamma=0.5",
                                        "balanced_ce:reduction=none",
                                        "balanced_ce:reduction=none,beta=[.2,.3,.5]"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++)
        for (int soft = 0; soft < (strstr(specs[k], "cross") ? 2 : 1); soft++) {
            setting s = random_setting(2, 3);
            enum { N = 2, K = 3, STEP = 8 };
            tw_real rows[SETTING_MOST], t[SETTING_MOST], t_rows[SETTING_MOST];
            fill_random(t, setting_size(&s), 8, 0, 1);
            for (size_t i = 0; i < setting_size(&s); i++) {
                size_t to = (i / (K * STEP) * STEP + i % STEP) * K + i / STEP % K;
                rows[to] = s.pred[i];
                t_rows[to] = t[i];
            }
            setting flat = {.ndim = 2, .dim = {N * STEP, K}, .pred = rows, .class = s.class};
            if (soft) s.target = t, flat.target = t_rows;
            outcome a = run_setting(ctx, specs[k], &s), b = run_setting(ctx, specs[k], &flat);
            for (size_t i = 0; i < a.n; i++)
                cr_assert_eq(a.loss[i], b.loss[i], "%s: %.9g and %.9g", specs[k], (double)a.loss[i], (double)b.loss[i]);
            for (size_t i = 0; i < setting_size(&s); i++) {
                size_t to = (i / (K * STEP) * STEP + i % STEP) * K + i / STEP % K;
                cr_assert_eq(a.grad[i], b.grad[to], "%s: gradient %zu", specs[k], i);
                if (soft) cr_assert_eq(a.target[i], b.target[to], "%s: gradient of the target %zu", specs[k], i);
            }
            setting_free(&s);
        }
    tw_ctx_free(ctx);
}

/* ---- yes or no --------------------------------------------------------------------------------------------- */

Test(costs_properties, bce_of_logits_is_bce_of_their_sigmoid_and_two_class_cross_entropy) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real z[12], y[12], p[12], two[24];
    int32_t class[12];
    fill_random(z, 12, 1, -4, 4);
    for (int i = 0; i < 12; i++) {
        class[i] = (int32_t)(y[i] = i % 3 == 0);
        p[i] = (tw_real)(1 / (1 + exp(-(double)z[i])));
        two[2 * i] = 0, two[2 * i + 1] = z[i];
    }
    setting logits = {.ndim = 1, .dim = {12}, .pred = z, .target = y}, probs = logits;
    setting classes = {.ndim = 2, .dim = {12, 2}, .pred = two, .class = class};
    probs.pred = p;
    outcome a = run_setting(ctx, "bce_logits:reduction=none,pos_weight=2", &logits),
            b = run_setting(ctx, "bce:reduction=none,pos_weight=2", &probs),
            c = run_setting(ctx, "cross_entropy:reduction=none,class_weight=[1,2]", &classes);
    assert_near(a.loss, b.loss, 12, 2e-6);
    assert_near(a.loss, c.loss, 12, 1e-6);
    for (int i = 0; i < 12; i++) {
        cr_assert(near((double)a.grad[i], (double)(b.grad[i] * p[i] * (1 - p[i])), 1e-5));
        cr_assert(near((double)a.grad[i], (double)c.grad[2 * i + 1], 1e-6));
    }
    tw_ctx_free(ctx);
}

/* ---- focal and balanced ------------------------------------------------------------------------------------- */

Test(costs_properties, focal_without_gamma_is_cross_entropy_bit_for_bit) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const double scales[] = {1, 10, 100, 1e4};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            setting s = random_setting(i, scales[k]), yes_no = s;
            outcome a = run_setting(ctx, "focal:reduction=none,gamma=0", &s),
                    b = run_setting(ctx, "cross_entropy:reduction=none", &s);
            same_outcome("classes", &a, &b, 0);
            tw_real y[SETTING_MOST];
            for (size_t j = 0; j < setting_size(&s); j++) y[j] = j % 3 == 2 ? (tw_real)0.375 : (tw_real)(j % 3);
            yes_no.target = y;
            a = run_setting(ctx, "focal:reduction=none,gamma=0", &yes_no),
            b = run_setting(ctx, "bce_logits:reduction=none", &yes_no);
            same_outcome("yes or no", &a, &b, 0);
            for (size_t j = 0; j < setting_size(&s); j++) cr_assert_eq(a.target[j], b.target[j]);
            setting_free(&s);
        }
    tw_ctx_free(ctx);
}

/* Balanced cross entropy is cross entropy with weights that are counted; a class that is absent changes nothing. */
Test(costs_properties, balanced_is_cross_entropy_with_counted_weights) {
    tw_ctx *ctx = tw_ctx_new(1);
    setting s = random_setting(0, 3); /* [4,3] */
    s.class = memcpy((int32_t *)s.class, (int32_t[]){0, 0, 1, 0}, 4 * sizeof *s.class);
    outcome a = run_setting(ctx, "balanced_ce:reduction=none", &s),
            b = run_setting(ctx, "cross_entropy:reduction=none,class_weight=[.25,.75,1]", &s);
    same_outcome("counted", &a, &b, 1e-7);
    a = run_setting(ctx, "balanced_ce", &s), b = run_setting(ctx, "balanced_ce:beta=[.25,.75,123]", &s);
    same_outcome("given", &a, &b, 1e-7);
    tw_real y[12];
    for (int i = 0; i < 12; i++) y[i] = i % 4 == 0;
    setting yes_no = {.ndim = 1, .dim = {12}, .pred = s.pred, .target = y};
    a = run_setting(ctx, "balanced_ce:reduction=none", &yes_no),
    b = run_setting(ctx, "bce_logits:reduction=none,pos_weight=3", &yes_no);
    for (int i = 0; i < 12; i++)
        cr_assert_float_eq(a.loss[i], b.loss[i] / 4, 1e-6); /* .75 and .25 are 3 and 1, over 4 */
    setting_free(&s);
    tw_ctx_free(ctx);
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

Test(costs_properties, huber_between_half_the_mse_and_delta_times_the_mae) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real y[20], t[20];
    fill_random(y, 20, 1, -5, 5), fill_random(t, 20, 2, -5, 5);
    y[3] = t[3];
    setting s = {.ndim = 2, .dim = {4, 5}, .pred = y, .target = t};
    outcome mse = run_setting(ctx, "mse:reduction=none", &s), mae = run_setting(ctx, "mae:reduction=none", &s);
    static const char *const wide[] = {"huber:reduction=none,delta=inf", "huber:reduction=none,delta=1e6"};
    for (int k = 0; k < 2; k++) {
        outcome o = run_setting(ctx, wide[k], &s);
        for (int i = 0; i < 20; i++)
            cr_assert(near(2 * (double)o.loss[i], (double)mse.loss[i], 1e-6) &&
                          near(2 * (double)o.grad[i], (double)mse.grad[i], 1e-6),
                      "%s", wide[k]);
    }
    outcome narrow = run_setting(ctx, "huber:reduction=none,delta=1e-4", &s);
    for (int i = 0; i < 20; i++) {
        cr_assert_float_eq(narrow.loss[i] / 1e-4f, mae.loss[i], 1e-3);
        cr_assert_float_eq(narrow.grad[i] / 1e-4f, mae.grad[i], 1e-5);
    }
    cr_assert(mae.grad[3] == 0 && narrow.grad[3] == 0);
    tw_ctx_free(ctx);
}

/* Both agree where their pieces meet, and no gradient is longer than delta, or than 1. */
Test(costs_properties, smooth_l1_is_huber_over_beta) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const double betas[] = {0.1, 0.5, 1, 3};
    tw_real e[] = {0, .05f, -.1f, .1f, .5f, -.5f, 1, -1, 2, -3, 3, 100}, zero[12] = {0};
    setting s = {.ndim = 1, .dim = {12}, .pred = e, .target = zero};
    for (int k = 0; k < 4; k++) {
        char huber[60], smooth[60];
        snprintf(huber, sizeof huber, "huber:reduction=none,delta=%g", betas[k]);
        snprintf(smooth, sizeof smooth, "smooth_l1:reduction=none,beta=%g", betas[k]);
        outcome a = run_setting(ctx, huber, &s), b = run_setting(ctx, smooth, &s);
        for (int i = 0; i < 12; i++) {
            double up = 1 + 0.25 * (i % 5);
            cr_assert(near((double)a.loss[i], betas[k] * (double)b.loss[i], 1e-6), "%s", smooth);
            cr_assert(near((double)a.grad[i], betas[k] * (double)b.grad[i], 1e-6), "%s", smooth);
            cr_assert_leq(fabs((double)b.grad[i]), up * (1 + 1e-6));
        }
    }
    outcome a = run_setting(ctx, "smooth_l1:reduction=none,beta=0", &s), b = run_setting(ctx, "mae:reduction=none", &s);
    same_outcome("beta 0", &a, &b, 0);
    tw_ctx_free(ctx);
}

/* ---- distributions ------------------------------------------------------------------------------------------- */

static double entropy(const tw_real *p, size_t n) {
    double h = 0;
    for (size_t i = 0; i < n; i++) h -= p[i] == 0 ? 0 : (double)p[i] * log((double)p[i]);
    return h;
}

Test(costs_properties, kl_is_cross_entropy_minus_entropy) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real p[] = {.5f, .25f, .25f, 0, 1, 0, .125f, .125f, .75f}, q[] = {.1f, .2f, .7f, .25f, .25f, .5f, .4f, .4f, .2f};
    tw_real log_p[9], log_q[9];
    for (int i = 0; i < 9; i++) log_p[i] = (tw_real)log((double)p[i]), log_q[i] = (tw_real)log((double)q[i]);
    setting s = {.ndim = 2, .dim = {3, 3}, .pred = q, .target = p};
    double ce = (double)run_setting(ctx, "cross_entropy:reduction=sum,form=probs", &s).loss[0],
           want = ce - entropy(p, 9);
    for (int form = 0; form < 4; form++) {
        char spec[100];
        snprintf(spec, sizeof spec, "kl_div:reduction=sum,q_form=%s,p_form=%s", form & 1 ? "log_probs" : "probs",
                 form & 2 ? "log_probs" : "probs");
        s.pred = form & 1 ? log_q : q, s.target = form & 2 ? log_p : p;
        outcome o = run_setting(ctx, spec, &s);
        cr_assert_float_eq(o.loss[0], want, 1e-6, "%s: %g", spec, (double)o.loss[0]);
        for (int i = 0; i < 9; i++) { /* the gradient to Q is that of cross entropy; nothing where P is 0 */
            double up = -(double)p[i] / (form & 1 ? 1 : (double)q[i]);
            cr_assert(near((double)o.grad[i], up, 1e-6), "%s: %d", spec, i);
            if (p[i] == 0) cr_assert_eq(o.target[i], 0, "%s: gradient %g to P where P is 0", spec, (double)o.target[i]);
        }
    }
    tw_ctx_free(ctx);
}

Test(costs_properties, kl_is_not_symmetric_and_zero_only_where_both_are_equal) {
    tw_ctx *ctx = tw_ctx_new(1);
    const char *spec = "kl_div:reduction=batchmean,q_form=probs";
    for (uint64_t seed = 1; seed < 30; seed++) {
        tw_real p[4], q[4];
        double sp = 0, sq = 0;
        fill_random(p, 4, seed, .01, 1), fill_random(q, 4, seed + 100, .01, 1);
        for (int i = 0; i < 4; i++) sp += (double)p[i], sq += (double)q[i];
        for (int i = 0; i < 4; i++) p[i] = (tw_real)((double)p[i] / sp), q[i] = (tw_real)((double)q[i] / sq);
        outcome pq = run_setting(ctx, spec, &(setting){.ndim = 2, .dim = {1, 4}, .pred = q, .target = p}),
                qp = run_setting(ctx, spec, &(setting){.ndim = 2, .dim = {1, 4}, .pred = p, .target = q}),
                pp = run_setting(ctx, spec, &(setting){.ndim = 2, .dim = {1, 4}, .pred = p, .target = p});
        cr_assert(pq.loss[0] > 1e-4f && qp.loss[0] > 1e-4f && pp.loss[0] == 0);
        cr_assert(fabs((double)(pq.loss[0] - qp.loss[0])) > 1e-6);
    }
    /* Q forgets half of what happens: infinite. Q expects what never happens: log 2. */
    tw_real half[] = {.5f, .5f}, one[] = {1, 0};
    cr_assert(isinf(run_setting(ctx, spec, &(setting){.ndim = 2, .dim = {1, 2}, .pred = one, .target = half}).loss[0]));
    outcome o = run_setting(ctx, spec, &(setting){.ndim = 2, .dim = {1, 2}, .pred = half, .target = one});
    cr_assert_float_eq(o.loss[0], log(2), 1e-6);
    tw_ctx_free(ctx);
}
