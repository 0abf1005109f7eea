/* test_costs.c - what holds for every loss. The tests loop over the registry, and over one loss outside it: a new
 * loss is tested by its line in losses.def. The gradients themselves are checked in grad_costs.c. */
#include "util_costs.h"

enum { DRAWS = 24 };

/* Runs check on DRAWS problems of every loss and each of its variants. */
static void for_each_problem(void (*check)(tw_ctx *ctx, const problem *p)) {
    const char *variant;
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    for (size_t i = 0; i < every_cost_count(); i++)
        for (size_t v = 0; (variant = every_variant(every_cost_at(i), v)); v++)
            for (uint64_t stream = 0; stream < DRAWS; stream++) {
                problem p = problem_draw(ctx, every_cost_at(i), variant, stream);
                check(ctx, &p);
                problem_free(&p);
                cr_assert_eq(tw_error(ctx), TW_OK, "%s:%s: %s", every_cost_at(i)->name, variant, tw_errmsg(ctx));
            }
    tw_ctx_free(ctx);
}

static void same_bits(const problem *p, const char *what, const tw_real *got, const tw_real *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        cr_assert(!memcmp(&got[i], &want[i], sizeof *got), "%s: %s %zu is %.9g, not %.9g", p->cost->name, what, i,
                  (double)got[i], (double)want[i]);
}

/* ---- the registry -------------------------------------------------------------------------------------- */

static void check_record(const tw_cost_layer *c) {
    cr_assert(c->name && *c->name && c->summary && *c->summary && c->apply && c->sample);
    cr_assert_leq(c->options_size, sizeof((tw_cost *)0)->options);
    cr_assert_str_eq(tw_cost_name(c), c->name);
    unsigned kinds = 0;
    for (unsigned kind = TW_TARGET_TENSOR; kind <= TW_TARGET_SEQUENCES; kind *= 2)
        kinds += tw_cost_accepts(c, (tw_target_kind)kind) ? kind : 0;
    cr_assert(kinds && kinds == c->targets);
    const tw_option *o = c->options;
    for (; o->name; o++) cr_assert(o->help && *o->help, "%s: the option %s has no help", c->name, o->name);
    cr_assert_str_eq(c->options[0].name, "reduction", "%s: the first option is the reduction", c->name);
}

static void check_form(tw_ctx *ctx, const problem *p) {
    tw_cost cost = problem_cost(ctx, p, NULL);
    cr_assert_eq(tw_cost_form(&cost), p->p.form, "%s:%s", p->cost->name, p->variant);
}
Test(costs, problems_have_the_form_the_loss_wants) { for_each_problem(check_form); }

Test(costs, records_are_complete_and_found_by_name) {
    tw_ctx *ctx = tw_ctx_new(1);
    cr_assert_geq(tw_cost_count(), 4);
    cr_assert_null(tw_cost_at(tw_cost_count()));
    for (size_t i = 0; i < tw_cost_count(); i++) {
        tw_cost cost;
        check_record(tw_cost_at(i));
        cr_assert_eq(tw_cost_find(ctx, tw_cost_at(i)->name, &cost), TW_OK);
        cr_assert_eq(cost.layer, tw_cost_at(i), "two losses are called %s", tw_cost_at(i)->name);
    }
    check_record(&log_cosh_cost);
    tw_ctx_free(ctx);
}

Test(costs, specs_with_options) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_cost cost;
    cr_assert_eq(tw_cost_find(ctx, "ctc:blank=3,zero_infinity=1,reduction=sum", &cost), TW_OK);
    const tw_ctc_options *o = (const tw_ctc_options *)cost.options;
    cr_assert(o->blank == 3 && o->zero_infinity && !o->mean_by_length && o->reduction == TW_REDUCTION_SUM);
    cr_assert(o->infeasible == NULL && o->sample_weight == NULL);
    cr_assert_eq(tw_cost_find(ctx, "mse:", &cost), TW_OK);
    cr_assert_eq(tw_cost_of(ctx, &log_cosh_cost, "scale=2.5", &cost), TW_OK);
    tw_ctx_free(ctx);
}

Test(costs, wrong_specs_suggest_the_nearest) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_cost cost;
    static const struct {
        const char *spec, *message;
    } wrong[] = {
        {"cros_entropy", "there is no loss \"cros_entropy\"; did you mean \"cross_entropy\"?"},
        {"quantum", "there is no loss \"quantum\"; known: mse, mae"},
        {"", "there is no loss \"\"; known: mse"},
        {"mse:reducton=sum", "mse: unknown option \"reducton\"; did you mean \"reduction\"?"},
        {"mse:reduction=men", "mse: reduction has no choice \"men\"; did you mean \"mean\"?"},
        {"ctc:blank=-1", "ctc: blank is -1, less than 0"},
        {"ctc:blank=1.5", "ctc: blank wants an integer, not \"1.5\""},
        {"ctc:zero_infinity", "ctc: options are written name=value,name=value, not \"zero_infinity\""},
        {"ctc:zero_infinity=maybe", "ctc: zero_infinity is 0 or 1, not \"maybe\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(tw_cost_find(ctx, wrong[i].spec, &cost), TW_ERR_RANGE, "%s", wrong[i].spec);
        cr_assert_null(cost.layer);
        assert_error(ctx, TW_ERR_RANGE, wrong[i].message);
    }
    tw_tensor *x = tw_full(ctx, 1, 1, (int[]){2});
    cr_assert_null(tw_cost_apply(ctx, &cost, x, &(tw_target){.tensor = x}));
    assert_error(ctx, TW_ERR_STATE, "did not find");
    cr_assert_eq(tw_cost_find(ctx, "mse", &cost), TW_OK);
    cr_assert_null(tw_cost_apply(ctx, &cost, x, &(tw_target){.classes = {(int32_t[]){0, 1}, 2}}));
    assert_error(ctx, TW_ERR_RANGE, "mse: compares with a tensor");
    static const tw_cost_layer huge = {.name = "huge", .options_size = 10000};
    cr_assert_eq(tw_cost_of(ctx, &huge, NULL, &cost), TW_ERR_RANGE);
    tw_ctx_free(ctx);
}

/* ---- reductions, weights, upstream --------------------------------------------------------------------- */

/* Random upstream numbers for n terms, none of them 1; the caller frees them. */
static tw_real *random_upstream(size_t n, uint64_t seed) { return random_reals(n, seed, -3, 3); }

/* What the mean of a problem divides by: its n terms, but with class weights or an ignored class something the loss
 * knows (the tests of its own check it), and then the gradient must know the same. */
static double counted(const problem *p, double n, double sum, double mean) {
    bool own = !p->p.target && (strstr(p->variant, "class_weight") || strstr(p->variant, "ignore_index"));
    return own ? mean == 0 ? INFINITY : sum / mean : n;
}

/* Terms divided by the length of their label: tested in test_ctc.c. */
static bool divides_terms(const problem *p) { return strstr(p->variant, "mean_by_length"); }

static void check_reductions(tw_ctx *ctx, const problem *p) {
    if (divides_terms(p)) return;
    result none = problem_run(ctx, p, "reduction=none", NULL, NULL);
    double sum = 0;
    for (size_t i = 0; i < none.n; i++) sum += (double)none.loss[i];
    tw_real up = (tw_real)-2.5;
    result total = problem_run(ctx, p, "reduction=sum", NULL, &up), mean = problem_run(ctx, p, NULL, NULL, &up);
    cr_assert(total.n == 1 && mean.n == 1);
    cr_assert(near((double)total.loss[0], sum, 1e-6), "%s", p->cost->name);
    double count = counted(p, (double)none.n, sum, (double)mean.loss[0]);
    cr_assert(near((double)mean.loss[0], sum / count, 1e-6), "%s: mean is the default", p->cost->name);
    result batch = problem_run(ctx, p, "reduction=batchmean", NULL, &up);
    cr_assert(near((double)batch.loss[0], sum / (double)p->samples, 1e-6), "%s: batchmean", p->cost->name);
    for (size_t i = 0; i < p->size; i++) {
        double g = -2.5 * (double)none.pred[i];
        cr_assert(near((double)total.pred[i], g, 1e-6), "%s: sum ignores the upstream gradient", p->cost->name);
        cr_assert(near((double)mean.pred[i], g / count, 1e-6), "%s: mean", p->cost->name);
        cr_assert(near((double)batch.pred[i], g / (double)p->samples, 1e-6), "%s: batchmean", p->cost->name);
        if (!none.target) continue;
        cr_assert(near((double)mean.target[i], -2.5 * (double)none.target[i] / count, 1e-6));
    }
    result_free(&none), result_free(&total), result_free(&mean), result_free(&batch);
}
Test(costs, mean_and_sum_are_those_of_none) { for_each_problem(check_reductions); }

/* Backward is linear in the upstream gradient, and a term's upstream number reaches only its own sample. */
static void check_upstream(tw_ctx *ctx, const problem *p) {
    result ones = problem_run(ctx, p, "reduction=none", NULL, NULL);
    tw_real *a = random_upstream(ones.n, 1), *b = random_upstream(ones.n, 2), *sum = random_upstream(ones.n, 3);
    size_t each = p->samples ? ones.n / p->samples : 0;
    for (size_t i = 0; i < ones.n; i++) sum[i] = a[i] + b[i];
    for (size_t i = 0; i < each; i++) a[i] = b[i] = sum[i] = 0; /* nothing flows into sample 0 */
    result ra = problem_run(ctx, p, "reduction=none", NULL, a), rb = problem_run(ctx, p, "reduction=none", NULL, b);
    result rs = problem_run(ctx, p, "reduction=none", NULL, sum);
    for (size_t i = 0; i < p->size; i++) {
        cr_assert(near((double)rs.pred[i], (double)ra.pred[i] + (double)rb.pred[i], 1e-5), "%s", p->cost->name);
        if (problem_sample_of(p, i) == 0) cr_assert_eq(rs.pred[i], 0, "%s: sample 0 got a gradient", p->cost->name);
    }
    free(a), free(b), free(sum);
    result_free(&ones), result_free(&ra), result_free(&rb), result_free(&rs);
}
Test(costs, upstream_gradient_per_term) { for_each_problem(check_upstream); }

static void check_scaled(tw_ctx *ctx, const problem *p) {
    result plain = problem_run(ctx, p, NULL, NULL, NULL);
    if (isfinite(plain.loss[0])) {
        tw_step_begin(ctx);
        tw_cost cost = problem_cost(ctx, p, NULL);
        tw_tensor *pred = tw_input_grad(ctx, p->p.pred, p->p.ndim, p->p.dim);
        tw_target target = problem_target(ctx, p, false);
        /* The same loss three times on one tape: the second and third add to the first one's gradient. */
        tw_tensor *twice = tw_add(ctx, tw_cost_apply(ctx, &cost, pred, &target),
                                  tw_cost_apply(ctx, &cost, pred, &target));
        tw_tensor *loss = tw_add(ctx, twice, tw_scale(ctx, tw_cost_apply(ctx, &cost, pred, &target), 5));
        cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s: %s", p->cost->name, tw_errmsg(ctx));
        for (size_t i = 0; i < p->size; i++)
            cr_assert(near((double)pred->grad[i], 7 * (double)plain.pred[i], 1e-5), "%s", p->cost->name);
    }
    result_free(&plain);
}
Test(costs, scaled_and_added_losses) { for_each_problem(check_scaled); }

static void check_weights(tw_ctx *ctx, const problem *p) {
    if (divides_terms(p)) return;
    tw_real *weight = random_reals(p->samples, 7, 0, 2);
    weight[0] = 0;
    tw_real *taking_part = random_reals(p->samples, 7, 1, 1); /* all weigh 1, but for the sample that is left out */
    taking_part[0] = 0;
    result plain = problem_run(ctx, p, "reduction=none", taking_part, NULL);
    tw_real *term_weight = malloc((plain.n + 1) * sizeof *term_weight);
    for (size_t i = 0; i < plain.n; i++) term_weight[i] = weight[i / (plain.n / p->samples)];
    result want = problem_run(ctx, p, "reduction=none", taking_part, term_weight);
    result none = problem_run(ctx, p, "reduction=none", weight, NULL);
    result mean = problem_run(ctx, p, "reduction=mean", weight, NULL);
    double sum = 0;
    for (size_t i = 0; i < plain.n; i++) {
        double w = (double)term_weight[i], l = w == 0 ? 0 : w * (double)plain.loss[i]; /* 0 times +inf is left out */
        cr_assert(near((double)none.loss[i], l, 1e-6), "%s: term %zu", p->cost->name, i);
        sum += l;
    }
    double count = counted(p, (double)plain.n, sum, (double)mean.loss[0]);
    cr_assert(near((double)mean.loss[0], sum / count, 1e-6), "%s", p->cost->name);
    same_bits(p, "weighted gradient", none.pred, want.pred, p->size);
    for (size_t i = 0; i < p->size; i++)
        cr_assert(near((double)mean.pred[i], (double)want.pred[i] / count, 1e-6), "%s", p->cost->name);
    free(weight), free(taking_part), free(term_weight);
    result_free(&plain), result_free(&want), result_free(&none), result_free(&mean);
}
Test(costs, sample_weights) { for_each_problem(check_weights); }

/* A sample that has no truth, NaN, or that went astray in the network, is left out by a weight of 0. */
static void check_left_out(tw_ctx *ctx, const problem *p) {
    tw_real *weight = random_reals(p->samples, 7, 1, 2);
    weight[0] = 0;
    for (int astray = 0; astray < 2; astray++) {
        problem bad = problem_copy(p);
        tw_real *spoilt = astray ? bad.p.pred : bad.p.target;
        for (size_t i = 0; spoilt && i < p->size; i++)
            if (problem_sample_of(p, i) == 0) spoilt[i] = NAN;
        result want = problem_run(ctx, p, "reduction=sum", weight, NULL);
        result got = problem_run(ctx, &bad, "reduction=sum", weight, NULL);
        same_bits(p, "loss without the sample", got.loss, want.loss, 1);
        same_bits(p, "gradient without the sample", got.pred, want.pred, p->size);
        if (want.target) same_bits(p, "its target's gradient", got.target, want.target, p->size);
        result_free(&want), result_free(&got);
        problem_free(&bad);
    }
    free(weight);
}
Test(costs, a_weight_of_zero_leaves_a_sample_out) { for_each_problem(check_left_out); }

static void check_bad_weights(tw_ctx *ctx, const problem *p) {
    tw_step_begin(ctx);
    tw_cost cost = problem_cost(ctx, p, NULL);
    tw_tensor *pred = tw_input_grad(ctx, p->p.pred, p->p.ndim, p->p.dim);
    tw_target target = problem_target(ctx, p, false);
    target.sample_weight = tw_full(ctx, 1, 1, (int[]){(int)p->samples + 1});
    cr_assert_null(tw_cost_apply(ctx, &cost, pred, &target));
    assert_error(ctx, TW_ERR_SHAPE, "sample_weight wants a weight for each of");
    tw_real *one = random_reals(p->samples, 1, 1, 1);
    target.sample_weight = tw_input_grad(ctx, one, 1, (int[]){(int)p->samples});
    cr_assert_null(tw_cost_apply(ctx, &cost, pred, &target));
    assert_error(ctx, TW_ERR_RANGE, "no gradient passes to sample_weight");
    free(one);
}
Test(costs, wrong_sample_weights_are_refused) { for_each_problem(check_bad_weights); }

/* ---- degenerate, permuted, extreme --------------------------------------------------------------------- */

static void check_empty_batch(tw_ctx *ctx, const problem *p) {
    problem none = problem_without_samples(p);
    result terms = problem_run(ctx, &none, "reduction=none", NULL, NULL);
    result sum = problem_run(ctx, &none, "reduction=sum", NULL, NULL), mean = problem_run(ctx, &none, NULL, NULL, NULL);
    cr_assert(terms.n == 0 && sum.loss[0] == 0 && isnan((double)mean.loss[0]), "%s: as PyTorch", p->cost->name);
    result_free(&terms), result_free(&sum), result_free(&mean);
    problem_free(&none);
}
Test(costs, empty_batch) { for_each_problem(check_empty_batch); }

static void check_permutation(tw_ctx *ctx, const problem *p) {
    size_t *order = malloc((p->samples + 1) * sizeof *order);
    for (size_t i = 0; i < p->samples; i++) order[i] = (i + 1) % p->samples;
    if (p->samples > 2) order[0] = 2, order[1] = 1, order[2] = 0, order[p->samples - 1] = p->samples > 3 ? 3 : 0;
    problem q = problem_permuted(p, order);
    result a = problem_run(ctx, p, "reduction=none", NULL, NULL),
           b = problem_run(ctx, &q, "reduction=none", NULL, NULL);
    size_t each = a.n / p->samples, stride = 1;
    for (int i = p->p.batch_axis + 1; i < p->p.ndim; i++) stride *= (size_t)p->p.dim[i];
    for (size_t i = 0; i < a.n; i++)
        same_bits(p, "permuted loss", &b.loss[i], &a.loss[order[i / each] * each + i % each], 1);
    for (size_t i = 0; i < p->size; i++) {
        size_t s = problem_sample_of(p, i), from = i - s * stride + order[s] * stride;
        same_bits(p, "permuted gradient", &b.pred[i], &a.pred[from], 1);
    }
    free(order);
    problem_free(&q);
    result_free(&a), result_free(&b);
}
Test(costs, batch_permutation) { for_each_problem(check_permutation); }

static void check_extreme(tw_ctx *ctx, const problem *p) {
    problem q = problem_copy(p);
    static const tw_real extreme[][2] = {[TW_FORM_LOGITS] = {1e4f, -1e4f}, /* the ends of what is finite in a float */
                                         [TW_FORM_PROBS] = {1e-30f, 1 - 6e-8f},
                                         [TW_FORM_LOG_PROBS] = {-1e4f, -1e-7f}};
    for (size_t i = 0; i < q.size; i++)
        if (tw_random_bits(9, i) % 3) q.p.pred[i] = extreme[p->p.form][tw_random_bits(9, i) % 3 - 1];
    result usual = problem_run(ctx, p, "reduction=none", NULL, NULL);
    result r = problem_run(ctx, &q, "reduction=none", NULL, NULL);
    for (size_t i = 0; i < r.n; i++)
        cr_assert(isfinite(r.loss[i]) || isinf(usual.loss[i]), "%s is %g at 1e4", p->cost->name, (double)r.loss[i]);
    for (size_t i = 0; i < q.size; i++) cr_assert(isfinite(r.pred[i]), "%s: gradient at 1e4", p->cost->name);
    for (size_t i = 0; r.target && i < q.size; i++) cr_assert(isfinite(r.target[i]), "%s", p->cost->name);
    problem_free(&q);
    result_free(&usual), result_free(&r);
}
Test(costs, extreme_logits) { for_each_problem(check_extreme); }

/* A target that does not belong to the prediction is an error, whatever its kind. */
static void check_wrong_target(tw_ctx *ctx, const problem *p) {
    tw_step_begin(ctx);
    tw_cost cost = problem_cost(ctx, p, NULL);
    tw_tensor *pred = tw_input_grad(ctx, p->p.pred, p->p.ndim, p->p.dim);
    tw_target target = problem_target(ctx, p, false), wrong = target;
    cr_assert_null(tw_cost_apply(ctx, &cost, NULL, &target), "NULL in, NULL out");
    cr_assert_eq(tw_error(ctx), TW_OK);
    if (p->p.target) wrong.tensor = tw_full(ctx, 0, 1, (int[]){(int)p->size + 1});
    wrong.classes.n++;
    wrong.label_lengths.n++;
    cr_assert_null(tw_cost_apply(ctx, &cost, pred, &wrong), "%s", p->cost->name);
    cr_assert_eq(tw_error(ctx), TW_ERR_SHAPE, "%s", p->cost->name);
    tw_error_clear(ctx);
    if (p->p.target || !(p->cost->targets & TW_TARGET_CLASSES) || strstr(p->variant, "ignore_index")) return;
    for (int bad = 0; bad < 2; bad++) {
        int32_t *class = (int32_t *)target.classes.v, kept = class[target.classes.n - 1];
        class[target.classes.n - 1] = bad ? p->p.dim[p->p.class_axis] : -1;
        cr_assert_null(tw_cost_apply(ctx, &cost, pred, &target));
        assert_error(ctx, TW_ERR_RANGE, "outside 0..");
        class[target.classes.n - 1] = kept;
    }
}
Test(costs, wrong_targets_are_refused) { for_each_problem(check_wrong_target); }

/* ---- traits -------------------------------------------------------------------------------------------- */

static void check_non_negative(tw_ctx *ctx, const problem *p) {
    if (!(p->cost->traits & TW_COST_NON_NEGATIVE)) return;
    for (int scale = 1; scale <= (p->p.form == TW_FORM_PROBS ? 1 : 1000); scale *= 10) {
        problem q = problem_copy(p);
        for (size_t i = 0; i < q.size; i++) q.p.pred[i] *= (tw_real)scale;
        result r = problem_run(ctx, &q, "reduction=none", NULL, NULL);
        for (size_t i = 0; i < r.n; i++) cr_assert_geq(r.loss[i], 0, "%s", p->cost->name);
        result_free(&r);
        problem_free(&q);
    }
}
Test(costs, trait_non_negative) { for_each_problem(check_non_negative); }

static void check_zero_at_target(tw_ctx *ctx, const problem *p) {
    if (!(p->cost->traits & TW_COST_ZERO_AT_TARGET)) return;
    problem q = problem_copy(p);
    memcpy(q.p.pred, q.p.target, q.size * sizeof *q.p.pred);
    result r = problem_run(ctx, &q, "reduction=none", NULL, NULL);
    for (size_t i = 0; i < r.n; i++) cr_assert_eq(r.loss[i], 0, "%s", p->cost->name);
    for (size_t i = 0; i < q.size; i++) cr_assert_eq(r.pred[i], 0, "%s", p->cost->name);
    result_free(&r);
    problem_free(&q);
}
Test(costs, trait_zero_at_target) { for_each_problem(check_zero_at_target); }

/* A constant for each row of logits changes nothing, hence each row of the gradient sums to 0. */
static void check_shift_invariant(tw_ctx *ctx, const problem *p) {
    if (!(p->cost->traits & TW_COST_SHIFT_INVARIANT) || p->p.class_axis < 0 || p->p.form != TW_FORM_LOGITS) return;
    size_t step = 1, K = (size_t)p->p.dim[p->p.class_axis];
    for (int i = p->p.class_axis + 1; i < p->p.ndim; i++) step *= (size_t)p->p.dim[i];
    problem q = problem_copy(p);
    for (size_t i = 0; i < q.size; i++) /* a multiple of 1/8 below 128 costs the logits few bits */
        q.p.pred[i] += (tw_real)((double)(tw_random_bits(4, i / (K * step) * step + i % step) % 1024) / 8);
    result a = problem_run(ctx, p, "reduction=none", NULL, NULL),
           b = problem_run(ctx, &q, "reduction=none", NULL, NULL);
    for (size_t i = 0; i < a.n; i++) cr_assert(near((double)b.loss[i], (double)a.loss[i], 1e-4), "%s", p->cost->name);
    for (size_t i = 0; i < p->size; i++) {
        double row = 0, first = (double)(i / step % K);
        cr_assert(near((double)b.pred[i], (double)a.pred[i], 1e-4), "%s", p->cost->name);
        for (size_t k = 0; first == 0 && k < K; k++) row += (double)a.pred[i + k * step];
        cr_assert_float_eq(row, 0, 1e-6, "%s: a row of the gradient sums to %g", p->cost->name, row);
    }
    problem_free(&q);
    result_free(&a), result_free(&b);
}
Test(costs, trait_shift_invariant) { for_each_problem(check_shift_invariant); }

static void check_target_grad(tw_ctx *ctx, const problem *p) {
    if (!p->p.target) return;
    tw_step_begin(ctx);
    tw_cost cost = problem_cost(ctx, p, NULL);
    bool gives = p->cost->traits & TW_COST_TARGET_GRAD; /* then only the target wants one */
    tw_tensor *pred = (gives ? tw_input : tw_input_grad)(ctx, p->p.pred, p->p.ndim, p->p.dim);
    tw_target target = problem_target(ctx, p, true);
    cr_assert_eq(tw_backward(ctx, tw_cost_apply(ctx, &cost, pred, &target)), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(target.tensor->grad || !gives, "%s", p->cost->name); /* without the trait, some options may give one */
    cr_assert_eq(pred->grad != NULL, !gives);
}
Test(costs, trait_target_grad) { for_each_problem(check_target_grad); }

Test(costs, trait_may_be_infinite) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < every_cost_count(); i++) {
        int infinite = 0;
        for (uint64_t stream = 0; stream < 100; stream++) {
            problem p = problem_draw(ctx, every_cost_at(i), "", stream);
            result r = problem_run(ctx, &p, "reduction=none", NULL, NULL);
            for (size_t k = 0; k < p.size; k++) { /* such a sample has gradient 0 */
                size_t s = problem_sample_of(&p, k), each = r.n / p.samples;
                cr_assert(isfinite(r.pred[k]), "%s", p.cost->name);
                if (each == 1 && isinf(r.loss[s])) cr_assert_eq(r.pred[k], 0, "%s", p.cost->name);
            }
            for (size_t k = 0; k < r.n; k++) infinite += isinf(r.loss[k]) != 0;
            result_free(&r);
            problem_free(&p);
        }
        cr_assert_eq(infinite > 0, (every_cost_at(i)->traits & TW_COST_MAY_BE_INFINITE) != 0, "%s: %d infinite losses",
                     every_cost_at(i)->name, infinite);
    }
    tw_ctx_free(ctx);
}
