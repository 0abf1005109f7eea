/* test_costs_options.c - options, and numbers, that cannot be are errors which say so: in a spec and in the structs. */
#include "util.h"

typedef struct wrong {
    const char *spec, *message;
    tw_err code;
    bool classes; /* compared with classes, not with a tensor */
} wrong;

/* The error comes when the spec is read or when the loss is applied, to [2,3] numbers of 0.25. */
Test(costs_options, specs_that_cannot_be) {
    static const wrong all[] = {
        {"huber:delta=0", "delta", TW_ERR_RANGE, false},
        {"huber:delta=-1", "delta", TW_ERR_RANGE, false},
        {"huber:delta=nan", "delta", TW_ERR_RANGE, false},
        {"smooth_l1:beta=-0.5", "beta", TW_ERR_RANGE, false},
        {"smooth_l1:beta=inf", "beta", TW_ERR_RANGE, false},
        {"bce:label_smoothing=1.5", "label_smoothing", TW_ERR_RANGE, false},
        {"bce_logits:label_smoothing=-0.1", "label_smoothing", TW_ERR_RANGE, false},
        {"bce_logits:pos_weight=-1", "pos_weight", TW_ERR_RANGE, false},
        {"bce_logits:pos_weight=[1,2]", "pos_weight has 2 numbers, not 3", TW_ERR_SHAPE, false},
        {"bce_logits:pos_weight=[1,2", "pos_weight", TW_ERR_RANGE, false},
        {"bce_logits:pos_weight=[]", "pos_weight", TW_ERR_RANGE, false},
        {"bce_logits:pos_weight=[1,,2]", "pos_weight", TW_ERR_RANGE, false},
        {"bce_logits:pos_weight=nan", "pos_weight", TW_ERR_RANGE, false},
        {"bce_logits:pos_weight=inf", "pos_weight", TW_ERR_RANGE, false},
        {"huber:delta=0", "delta is 0, and must be more than 0", TW_ERR_RANGE, false},
        {"cross_entropy:label_smoothing=1.01", "label_smoothing", TW_ERR_RANGE, true},
        {"cross_entropy:class_weight=[1,2]", "class_weight has 2 numbers, not 3", TW_ERR_SHAPE, true},
        {"cross_entropy:class_weight=2", "class_weight has 1 numbers, not 3", TW_ERR_SHAPE, true},
        {"cross_entropy:class_weight=[1,-2,1]", "class_weight", TW_ERR_RANGE, true},
        {"cross_entropy:class_weight=[1,inf,1]", "number 1 of class_weight is inf", TW_ERR_RANGE, true},
        {"cross_entropy:form=odds", "form", TW_ERR_RANGE, true},
        {"cross_entropy:ignore_index=1.5", "ignore_index", TW_ERR_RANGE, true},
        {"cross_entropy:reduction=average", "reduction", TW_ERR_RANGE, true},
        {"nll:class_weight=[1,2,3,4]", "class_weight has 4 numbers, not 3", TW_ERR_SHAPE, true},
        {"focal:gamma=-1", "gamma", TW_ERR_RANGE, true},
        {"focal:gamma=nan", "gamma", TW_ERR_RANGE, true},
        {"focal:gamma=inf", "gamma", TW_ERR_RANGE, true},
        {"focal:alpha=[1,2]", "alpha has 2 numbers, not 3", TW_ERR_SHAPE, true},
        {"focal:alpha=-1", "alpha", TW_ERR_RANGE, true},
        {"focal:alpha=[.2,.8]", "alpha has 2 numbers, not 1", TW_ERR_SHAPE, false},
        {"focal:alpha=1.5", "alpha is 1.5, outside 0..1", TW_ERR_RANGE, false},
        {"balanced_ce:beta=[.5,.5]", "beta has 2 numbers, not 3", TW_ERR_SHAPE, true},
        {"balanced_ce:beta=0.5", "beta has 1 numbers, not 3", TW_ERR_SHAPE, true},
        {"balanced_ce:beta=1.5", "beta is 1.5, outside 0..1", TW_ERR_RANGE, false},
        {"kl_div:p_form=logits", "p_form", TW_ERR_RANGE, false},
        {"kl_div:q_form=logits", "q_form", TW_ERR_RANGE, false},
        {"ctc:form=probs", "form", TW_ERR_RANGE, false},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tw_cost cost;
        tw_step_begin(ctx);
        tw_tensor *x = tw_full(ctx, (tw_real)0.25, 2, (int[]){2, 3});
        tw_target target = {.classes = {(int32_t[]){0, 1}, 2}};
        if (!all[i].classes) target.tensor = x;
        if (!tw_cost_find(ctx, all[i].spec, &cost))
            cr_expect_null(tw_cost_apply(ctx, &cost, x, &target), "%s is accepted", all[i].spec);
        cr_expect_eq(tw_error(ctx), all[i].code, "%s: %s \"%s\"", all[i].spec, tw_err_name(tw_error(ctx)),
                     tw_errmsg(ctx));
        cr_expect(strstr(tw_errmsg(ctx), all[i].message), "%s: \"%s\" does not say \"%s\"", all[i].spec, tw_errmsg(ctx),
                  all[i].message);
        tw_error_clear(ctx);
    }
    tw_ctx_free(ctx);
}

/* They are refused when they are read, not in the first step. */
Test(costs_options, bad_values_fail_when_parsed) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const char *const spec[] = {"huber:delta=0", "huber:delta=-0", "smooth_l1:beta=-1", "focal:gamma=-1"};
    for (size_t i = 0; i < sizeof spec / sizeof *spec; i++) {
        tw_cost cost;
        cr_expect_eq(tw_cost_find(ctx, spec[i], &cost), TW_ERR_RANGE, "%s", spec[i]);
        tw_error_clear(ctx);
    }
    tw_ctx_free(ctx);
}

/* The same in the structs, which no table of options guards. */
Test(costs_options, structs_that_cannot_be) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const tw_real two[] = {1, 2}, negative[] = {1, -2, 1}, above[] = {(tw_real)1.5},
                         infinite[] = {1, 1, (tw_real)INFINITY};
    static const int32_t class[] = {0, 1};
    const tw_labels c = {class, 2};
    tw_tensor *x = tw_full(ctx, (tw_real)0.25, 2, (int[]){2, 3});
#define REFUSED(call, code, part)                             \
    do {                                                      \
        cr_expect_null(call, "accepted: " #call);             \
        if (tw_error(ctx)) { assert_error(ctx, code, part); } \
    } while (0)
    REFUSED(tw_huber_loss(ctx, x, x, &(tw_huber_options){.delta = 0}), TW_ERR_RANGE, "delta is 0");
    REFUSED(tw_huber_loss(ctx, x, x, &(tw_huber_options){.delta = NAN}), TW_ERR_RANGE, "delta");
    REFUSED(tw_smooth_l1_loss(ctx, x, x, &(tw_smooth_l1_options){.beta = -1}), TW_ERR_RANGE, "beta is -1");
    REFUSED(tw_bce_loss(ctx, x, x, &(tw_bce_options){.label_smoothing = 2}), TW_ERR_RANGE, "label_smoothing is 2");
    REFUSED(tw_bce_logits_loss(ctx, x, x, &(tw_bce_options){.label_smoothing = NAN}), TW_ERR_RANGE, "label_smoothing");
    REFUSED(tw_bce_logits_loss(ctx, x, x, &(tw_bce_options){.pos_weight = {two, 2}}), TW_ERR_SHAPE, "2 numbers, not 3");
    REFUSED(tw_bce_logits_loss(ctx, x, x, &(tw_bce_options){.pos_weight = {NULL, 3}}), TW_ERR_RANGE, "NULL");
    REFUSED(tw_bce_logits_loss(ctx, x, x, &(tw_bce_options){.pos_weight = {negative, 3}}), TW_ERR_RANGE, "pos_weight");
    REFUSED(tw_cross_entropy_loss(ctx, x, c, &(tw_cross_entropy_options){.class_weight = {two, 2}}), TW_ERR_SHAPE,
            "class_weight has 2 numbers, not 3");
    REFUSED(tw_cross_entropy_loss(ctx, x, c, &(tw_cross_entropy_options){.class_weight = {negative, 3}}), TW_ERR_RANGE,
            "class_weight");
    REFUSED(tw_cross_entropy_loss(ctx, x, c, &(tw_cross_entropy_options){.label_smoothing = -1}), TW_ERR_RANGE,
            "label_smoothing is -1");
    REFUSED(tw_cross_entropy_loss(ctx, x, c, &(tw_cross_entropy_options){.form = (tw_form)7}), TW_ERR_RANGE, "form");
    REFUSED(tw_nll_loss(ctx, x, c, &(tw_nll_options){.class_weight = {negative, 3}}), TW_ERR_RANGE, "class_weight");
    REFUSED(tw_nll_loss(ctx, x, c, &(tw_nll_options){.class_weight = {infinite, 3}}), TW_ERR_RANGE, "class_weight");
    REFUSED(tw_focal_loss(ctx, x, c, &(tw_focal_options){.gamma = -1}), TW_ERR_RANGE, "gamma is -1");
    REFUSED(tw_focal_loss(ctx, x, c, &(tw_focal_options){.gamma = 2, .alpha = {two, 2}}), TW_ERR_SHAPE,
            "alpha has 2 numbers, not 3, or one for all");
    REFUSED(tw_focal_loss(ctx, x, c, &(tw_focal_options){.gamma = 2, .alpha = {negative, 3}}), TW_ERR_RANGE, "alpha");
    REFUSED(tw_binary_focal_loss(ctx, x, x, &(tw_focal_options){.gamma = NAN}), TW_ERR_RANGE, "gamma");
    REFUSED(tw_binary_focal_loss(ctx, x, x, &(tw_focal_options){.gamma = 2, .alpha = {above, 1}}), TW_ERR_RANGE,
            "alpha is 1.5");
    REFUSED(tw_balanced_ce_loss(ctx, x, c, &(tw_balanced_ce_options){.beta = {two, 2}}), TW_ERR_SHAPE, "beta");
    REFUSED(tw_balanced_ce_loss(ctx, x, c, &(tw_balanced_ce_options){.beta = {negative, 3}}), TW_ERR_RANGE, "beta");
    REFUSED(tw_binary_balanced_ce_loss(ctx, x, x, &(tw_balanced_ce_options){.beta = {above, 1}}), TW_ERR_RANGE,
            "beta is 1.5");
    REFUSED(tw_kl_div_loss(ctx, (tw_kl_pair){x, x},
                           &(tw_kl_div_options){TW_REDUCTION_SUM, NULL, TW_FORM_LOGITS, TW_FORM_PROBS}),
            TW_ERR_RANGE, "p_form");
    const tw_real weights[][2] = {{1, -1}, {1, NAN}, {1, INFINITY}};
    for (int i = 0; i < 3; i++) {
        tw_tensor *w = tw_input(ctx, weights[i], 1, (int[]){2});
        REFUSED(tw_mse_loss(ctx, x, x, &(tw_mse_options){.sample_weight = w}), TW_ERR_RANGE,
                "mse_loss: number 1 of sample_weight is ");
        REFUSED(tw_cross_entropy_loss(ctx, x, c, &(tw_cross_entropy_options){.sample_weight = w}), TW_ERR_RANGE,
                "number 1 of sample_weight is ");
    }
    tw_ctx_free(ctx);
}

/* Probabilities are in 0..1, whoever gives them: predictions, truths, and yeses. */
Test(costs_options, probabilities_that_cannot_be) {
    static const wrong all[] = {
        {"bce", "no probability", TW_ERR_RANGE, false},
        {"cross_entropy:form=probs", "no probability", TW_ERR_RANGE, false},
        {"cross_entropy:form=probs", "no probability", TW_ERR_RANGE, true},
        {"kl_div:q_form=probs", "no probability", TW_ERR_RANGE, false},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int above = 0; above < 2; above++) {
            tw_cost cost;
            tw_step_begin(ctx);
            const tw_real pred[] = {(tw_real)0.5, above ? (tw_real)1.25 : (tw_real)-0.25};
            tw_target target = {.classes = {(int32_t[]){0}, 1}};
            if (!all[i].classes) target.tensor = tw_full(ctx, (tw_real)0.5, 2, (int[]){1, 2});
            cr_assert_eq(tw_cost_find(ctx, all[i].spec, &cost), TW_OK);
            cr_expect_null(tw_cost_apply(ctx, &cost, tw_input(ctx, pred, 2, (int[]){1, 2}), &target),
                           "%s accepts the prediction %g", all[i].spec, (double)pred[1]);
            if (tw_error(ctx)) assert_error(ctx, all[i].code, all[i].message);
        }
    static const char *const truths[] = {"bce", "bce_logits", "focal", "balanced_ce", "kl_div"};
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
        for (int above = 0; above < 2; above++) {
            tw_cost cost;
            tw_step_begin(ctx);
            tw_tensor *half = tw_full(ctx, (tw_real)0.5, 1, (int[]){2});
            const tw_real truth[] = {1, above ? 2 : -1};
            cr_assert_eq(tw_cost_find(ctx, truths[i], &cost), TW_OK);
            cr_expect_null(tw_cost_apply(ctx, &cost, half, &(tw_target){.tensor = tw_input(ctx, truth, 1, (int[]){2})}),
                           "%s accepts the truth %g", truths[i], (double)truth[1]);
            if (tw_error(ctx)) assert_error(ctx, TW_ERR_RANGE, "no probability");
        }
    tw_ctx_free(ctx);
}

/* The defaults of a struct are those of the same loss by name: a record's table and tw_<loss>_defaults say the same. */
Test(costs_options, defaults_of_structs_and_specs_agree) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_mse_options mse = tw_mse_defaults();
    tw_mae_options mae = tw_mae_defaults();
    tw_huber_options huber = tw_huber_defaults();
    tw_smooth_l1_options smooth_l1 = tw_smooth_l1_defaults();
    tw_bce_options bce = tw_bce_defaults();
    tw_cross_entropy_options cross_entropy = tw_cross_entropy_defaults();
    tw_nll_options nll = tw_nll_defaults();
    tw_focal_options focal = tw_focal_defaults();
    tw_balanced_ce_options balanced_ce = tw_balanced_ce_defaults();
    tw_kl_div_options kl_div = tw_kl_div_defaults();
    tw_ctc_options ctc = tw_ctc_defaults();
    const struct {
        const char *name;
        const void *defaults;
    } all[] = {{"mse", &mse},       {"mae", &mae},
               {"huber", &huber},   {"smooth_l1", &smooth_l1},
               {"bce", &bce},       {"bce_logits", &bce},
               {"nll", &nll},       {"cross_entropy", &cross_entropy},
               {"focal", &focal},   {"balanced_ce", &balanced_ce},
               {"kl_div", &kl_div}, {"ctc", &ctc}};
    cr_assert_eq(sizeof all / sizeof *all, tw_cost_count(), "a loss is missing here");
    for (size_t i = 0; i < tw_cost_count(); i++) {
        tw_cost cost;
        cr_assert_eq(tw_cost_find(ctx, all[i].name, &cost), TW_OK);
        for (const tw_option *o = cost.layer->options; o->name; o++) {
            static const size_t size[] = {[TW_OPTION_REAL] = sizeof(double),
                                          [TW_OPTION_INT] = sizeof(int),
                                          [TW_OPTION_BOOL] = sizeof(bool),
                                          [TW_OPTION_ENUM] = sizeof(int),
                                          [TW_OPTION_LIST] = sizeof(tw_reals)};
            cr_assert(
                !memcmp((const char *)all[i].defaults + o->offset, (char *)cost.options + o->offset, size[o->type]),
                "%s: the defaults of %s differ", all[i].name, o->name);
        }
    }
    tw_ctx_free(ctx);
}

/* Every loss of a difference by its own function: pred 3 and -1, target 0. */
Test(costs_options, typed_functions_of_differences) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *y = tw_input(ctx, (tw_real[]){3, -1}, 1, (int[]){2}), *t = tw_full(ctx, 0, 1, (int[]){2});
    cr_assert_float_eq(tw_item(tw_mse_loss(ctx, y, t, NULL)), 5, 1e-6);
    cr_assert_float_eq(tw_item(tw_mae_loss(ctx, y, t, NULL)), 2, 1e-6);
    cr_assert_float_eq(tw_item(tw_huber_loss(ctx, y, t, NULL)), 1.5, 1e-6);
    cr_assert_float_eq(tw_item(tw_huber_loss(ctx, y, t, &(tw_huber_options){.delta = 2})), 2.25, 1e-6);
    cr_assert_float_eq(tw_item(tw_smooth_l1_loss(ctx, y, t, &(tw_smooth_l1_options){.beta = 2})), 1.125, 1e-6);
    tw_ctx_free(ctx);
}
