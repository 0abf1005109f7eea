/* util_optim.c - see util_optim.h. Compiled for float and for double. */
#include "util_optim.h"

#include "optim/optim.h"

/* ---- an op that gives gradients ------------------------------------------------------------------------ */
static void give_backward(tw_ctx *ctx, tw_node *n) {
    const tw_real *const *g = n->attr;
    for (int i = 0; i < n->nin; i++) {
        tw_real beta, *d = g[i] ? tw_grad(ctx, n->in[i], &beta) : NULL;
        for (size_t k = 0; d && k < n->in[i]->size; k++) d[k] = tw_add_to(beta, d[k], g[i][k] * n->out[0]->grad[0]);
    }
}

tw_tensor *give_gradients(tw_ctx *ctx, int n, tw_tensor *const *t, const tw_real *const *g) {
    static const tw_op op = {"give_gradients", give_backward};
    const tw_real **kept = tw_alloc(ctx, (size_t)n * sizeof *kept);
    tw_tensor *y = tw_full(ctx, 0, 0, NULL);
    if (!kept) return NULL;
    for (int i = 0; i < n; i++) kept[i] = g[i];
    return tw_record(ctx, &op, kept, n, t, y);
}

void step_with_gradient(tw_ctx *ctx, tw_tensor *t, const tw_real *g) {
    tw_step_begin(ctx);
    cr_assert_eq(tw_backward(ctx, give_gradients(ctx, 1, &t, &g)), TW_OK, "%s", tw_errmsg(ctx));
}

/* ---- the fixture --------------------------------------------------------------------------------------- */
enum { PARAMS = 4, STEPS = 10 };
static const char *const names[PARAMS] = {"a.weight", "a.bias", "b.weight", "b.bias"};

static const tw_real *value(const fixture *f, const char *format, int step, const char *name, int *ndim, int *dim) {
    char key[64];
    snprintf(key, sizeof key, format, step, name);
    return fixture_has(f, key) ? fixture_get(f, key, ndim, dim, NULL) : NULL;
}

static tw_params *params_from(tw_ctx *ctx, const fixture *f, tw_tensor *t[PARAMS]) {
    tw_params *params = tw_params_new(ctx);
    for (int i = 0; i < PARAMS; i++) {
        int ndim, dim[TW_MAX_DIMS];
        const tw_real *start = value(f, "start%.0d.%s", 0, names[i], &ndim, dim);
        t[i] = tw_param(params, names[i], (tw_init){0}, ndim, dim);
        cr_assert_not_null(t[i], "%s", tw_errmsg(ctx));
        memcpy(t[i]->data, start, t[i]->size * sizeof *start);
    }
    return params;
}

static void backward_of_step(tw_ctx *ctx, const fixture *f, int step, tw_tensor *const t[PARAMS]) {
    const tw_real *g[PARAMS];
    tw_step_begin(ctx);
    for (int i = 0; i < PARAMS; i++) g[i] = value(f, "grad.%d.%s", step, names[i], NULL, NULL);
    cr_assert_eq(tw_backward(ctx, give_gradients(ctx, PARAMS, t, g)), TW_OK, "%s", tw_errmsg(ctx));
}

static void check_case(const fixture *f, const char *name, const char *spec, double bias_lr_scale, double tol) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *t[PARAMS];
    tw_params *params = params_from(ctx, f, t);
    tw_optim *optim = tw_optim_new(params, spec);
    cr_assert_not_null(optim, "%s", tw_errmsg(ctx));
    if (bias_lr_scale != 1) cr_assert_eq(tw_optim_group(optim, "*.bias", bias_lr_scale, 0), TW_OK);
    for (int step = 0; step < STEPS; step++) {
        backward_of_step(ctx, f, step, t);
        cr_assert_eq(tw_optim_step(optim), TW_OK, "%s", tw_errmsg(ctx));
    }
    cr_assert_eq(tw_optim_steps(optim), STEPS);
    for (int i = 0; i < PARAMS; i++) {
        char key[96];
        snprintf(key, sizeof key, "%s.%s", name, names[i]);
        assert_fixture(ctx, f, key, t[i], tol);
        for (int k = 0; k < TW__MAX_STATES; k++) {
            if (!optim->state[k].v) continue;
            snprintf(key, sizeof key, "%s.state.%s.%s", name, optim->cls->state[k], names[i]);
            if (bias_lr_scale == 1)
                assert_near(optim->state[k].v + params->param[i]->offset, fixture_get(f, key, NULL, NULL, NULL),
                            t[i]->size, tol);
        }
    }
    tw_optim_free(optim);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

void check_optimisers(double tol) {
    static const struct {
        const char *name, *spec;
        double bias_lr_scale;
    } cases[] = {
        {"sgd", "sgd:lr=0.05", 1},
        {"sgd_decay", "sgd:lr=0.05,weight_decay=0.1", 1},
        {"sgd_momentum", "sgd:lr=0.05,momentum=0.9", 1},
        {"sgd_dampening", "sgd:lr=0.05,momentum=0.8,dampening=0.3,weight_decay=0.01", 1},
        {"sgd_nesterov", "sgd:lr=0.05,momentum=0.9,nesterov=1,weight_decay=0.02", 1},
        {"sgd_nesterov_groups", "sgd:lr=0.05,momentum=0.9,nesterov=1,weight_decay=0.02", 0.1},
        {"adam", "adam", 1},
        {"adam_decay", "adam:lr=0.02,beta1=0.8,beta2=0.95,eps=1e-6,weight_decay=0.1", 1},
        {"adam_decay_groups", "adam:lr=0.02,beta1=0.8,beta2=0.95,eps=1e-6,weight_decay=0.1", 0.1},
        {"adamw", "adamw:lr=0.02", 1},
        {"adamw_decay", "adamw:lr=0.03,beta1=0.85,beta2=0.9,weight_decay=0.2", 1},
        {"adamw_decay_groups", "adamw:lr=0.03,beta1=0.85,beta2=0.9,weight_decay=0.2", 0.1},
        {"adadelta", "adadelta", 1},
        {"adadelta_decay", "adadelta:lr=0.7,rho=0.8,eps=1e-4,weight_decay=0.1", 1},
        {"adadelta_decay_groups", "adadelta:lr=0.7,rho=0.8,eps=1e-4,weight_decay=0.1", 0.1},
        {"rmsprop", "rmsprop", 1},
        {"rmsprop_decay", "rmsprop:lr=0.02,alpha=0.9,eps=1e-6,weight_decay=0.1", 1},
        {"rmsprop_momentum", "rmsprop:lr=0.005,alpha=0.95,momentum=0.9", 1},
        {"rmsprop_centered", "rmsprop:lr=0.01,alpha=0.9,centered=1", 1},
        {"rmsprop_all", "rmsprop:lr=0.005,alpha=0.9,eps=1e-4,weight_decay=0.05,momentum=0.8,centered=1", 1},
        {"rmsprop_all_groups", "rmsprop:lr=0.005,alpha=0.9,eps=1e-4,weight_decay=0.05,momentum=0.8,centered=1", 0.1},
        {"adagrad", "adagrad", 1},
        {"adagrad_decay", "adagrad:lr=0.1,lr_decay=0.2,weight_decay=0.1,eps=1e-6", 1},
        {"adagrad_initial", "adagrad:lr=0.1,lr_decay=0.1,initial_accumulator_value=0.5", 1},
        {"adagrad_all", "adagrad:lr=0.1,lr_decay=0.1,weight_decay=0.1,initial_accumulator_value=0.5", 1},
        {"adagrad_all_groups", "adagrad:lr=0.1,lr_decay=0.1,weight_decay=0.1,initial_accumulator_value=0.5", 0.1},
    };
    fixture *f = fixture_load("optim.txt");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(f, cases[i].name, cases[i].spec, cases[i].bias_lr_scale, tol);
    fixture_free(f);
}

/* Before and after sealing: gradients lie in the step's memory, then in the flat block. */
void check_clipping(double tol) {
    static const struct {
        const char *name;
        double max_norm;
    } cases[] = {{"below", 2.5}, {"above", 1000}};
    fixture *f = fixture_load("optim.txt");
    for (int c = 0; c < 4; c++) {
        char key[64];
        tw_ctx *ctx = tw_ctx_new(1);
        tw_tensor *t[PARAMS];
        tw_params *params = params_from(ctx, f, t);
        if (c / 2) cr_assert_eq(tw_params_seal(params), TW_OK);
        backward_of_step(ctx, f, 0, t);
        snprintf(key, sizeof key, "clip.%s.norm", cases[c % 2].name);
        double norm = tw_clip_grad_norm(params, cases[c % 2].max_norm);
        cr_assert(near(norm, (double)*fixture_get(f, key, NULL, NULL, NULL), tol));
        for (int i = 0; i < PARAMS; i++) {
            snprintf(key, sizeof key, "clip.%s.%s", cases[c % 2].name, names[i]);
            if (fixture_has(f, key)) assert_fixture_grad(ctx, f, key, t[i], tol);
        }
        tw_params_free(params);
        tw_ctx_free(ctx);
    }
    fixture_free(f);
}

void check_clipping_by_value(double tol) {
    static const struct {
        const char *name;
        double bound;
    } cases[] = {{"some", 0.3}, {"none", 100}, {"all", 1e-3}};
    fixture *f = fixture_load("optim.txt");
    for (int c = 0; c < 6; c++) {
        tw_ctx *ctx = tw_ctx_new(1);
        tw_tensor *t[PARAMS];
        tw_params *params = params_from(ctx, f, t);
        if (c / 3) cr_assert_eq(tw_params_seal(params), TW_OK);
        backward_of_step(ctx, f, 0, t);
        size_t want = 0, moved = tw_clip_grad_value(params, cases[c % 3].bound);
        for (int i = 0; i < PARAMS; i++) {
            char key[64];
            snprintf(key, sizeof key, "clip_value.%s.%s", cases[c % 3].name, names[i]);
            if (!fixture_has(f, key)) continue;
            assert_fixture_grad(ctx, f, key, t[i], tol);
            const tw_real *g = value(f, "grad.%d.%s", 0, names[i], NULL, NULL);
            for (size_t k = 0; k < t[i]->size; k++) want += fabs((double)g[k]) > cases[c % 3].bound;
        }
        cr_assert_eq(moved, want, "%s: %zu numbers moved, not %zu", cases[c % 3].name, moved, want);
        tw_params_free(params);
        tw_ctx_free(ctx);
    }
    fixture_free(f);
}

void check_one_cycle(double tol) {
    static const struct {
        const char *name, *spec;
    } cases[] = {
        {"one_cycle", "one_cycle:steps=50"},
        {"one_cycle_linear", "one_cycle:steps=37,anneal=linear,pct_start=0.4,div_factor=10,final_div_factor=100"},
        {"one_cycle_three", "one_cycle:steps=41,three_phase=1,pct_start=0.35"},
        {"one_cycle_late", "one_cycle:steps=20,pct_start=1,anneal=linear"},
        {"one_cycle_early", "one_cycle:steps=20,pct_start=0"},
    };
    fixture *f = fixture_load("optim.txt");
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char key[64];
        size_t n;
        tw_schedule s;
        snprintf(key, sizeof key, "%s.factor", cases[c].name);
        const tw_real *want = fixture_get(f, key, NULL, NULL, &n);
        cr_assert_eq(tw_schedule_parse(ctx, cases[c].spec, &s), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq((size_t)s.steps, n);
        for (size_t k = 0; k < n; k++) {
            double got = tw_schedule_factor(&s, 7.0 * (double)(k + 1) / (double)n, 7);
            cr_assert(near(got, (double)want[k], tol), "%s, step %zu: %.15g, not %.15g", cases[c].spec, k, got,
                      (double)want[k]);
        }
    }
    tw_ctx_free(ctx);
    fixture_free(f);
}
