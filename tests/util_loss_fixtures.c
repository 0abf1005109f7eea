/* util_loss_fixtures.c - see util_loss_fixtures.h. The keys of a case are explained in tests/fixtures/make_losses.py.
 */
#include "util_loss_fixtures.h"

/* The ways a case is run, each a line of the case if it is there. */
static const struct run {
    const char *name, *options;
    bool weighted;
} runs[] = {
    {"none", "reduction=none", false},    {"sum", "reduction=sum", false},
    {"mean", "reduction=mean", false},    {"batchmean", "reduction=batchmean", false},
    {"weighted", "reduction=mean", true}, {"by_length", "reduction=mean,mean_by_length=1", false},
};
enum { RUNS = sizeof runs / sizeof *runs };

typedef struct loss_case {
    tw_ctx *ctx;
    const fixture *f;
    const char *name; /* "focal.0" */
    double tol;
    tw_tensor *pred;
    tw_target target;
    int32_t *ints[4];
    int nints;
} loss_case;

static const char *key(const loss_case *c, const char *part) {
    static char text[2][80];
    static int turn;
    turn = !turn;
    snprintf(text[turn], sizeof text[turn], "%s.%s", c->name, part);
    return text[turn];
}

static const char *key_of_run(const loss_case *c, const struct run *r, const char *leaf) {
    char part[40];
    snprintf(part, sizeof part, "%s.%s", r->name, leaf);
    return key(c, part);
}

static tw_labels ints(loss_case *c, const char *part) {
    size_t n = 0;
    if (!fixture_has(c->f, key(c, part))) return (tw_labels){0};
    int32_t *v = c->ints[c->nints++] = fixture_ints(c->f, key(c, part), &n);
    return (tw_labels){v, n};
}

/* max|a - n| / max(max|a|, max|n|, 1e-3), over what is not the same infinity or NaN. */
static double error_of(const tw_real *got, const tw_real *want, size_t n, size_t *worst) {
    double largest = 1e-3, error = 0;
    for (size_t i = *worst = 0; i < n; i++) {
        double a = (double)got[i], b = (double)want[i];
        if (isfinite(a) && isfinite(b)) {
            largest = fmax(largest, fmax(fabs(a), fabs(b)));
            if (fabs(a - b) > error) error = fabs(a - b), *worst = i;
        } else if (!(isnan(a) && isnan(b)) && !(a == b)) {
            *worst = i;
            return INFINITY;
        }
    }
    return error / largest;
}

static void check_values(const loss_case *c, const char *what, const tw_real *got, size_t size) {
    size_t n, worst;
    const tw_real *want = fixture_get(c->f, what, NULL, NULL, &n);
    cr_assert_not_null(got, "%s: nothing, %s", what, tw_errmsg(c->ctx));
    cr_assert_eq(n, size, "%s: %zu numbers, not %zu", what, size, n);
    double error = error_of(got, want, n, &worst);
    cr_expect_leq(error, c->tol, "%s (%s): element %zu is %.17g, PyTorch's is %.17g; error %.3g", what,
                  fixture_text(c->f, key(c, "spec")), worst, (double)got[worst], (double)want[worst], error);
}

static tw_tensor *apply(loss_case *c, const struct run *r) {
    tw_cost cost;
    char spec[200];
    const char *of_case = fixture_text(c->f, key(c, "spec"));
    snprintf(spec, sizeof spec, "%s%c%s", of_case, strchr(of_case, ':') ? ',' : ':', r->options);
    cr_assert_eq(tw_cost_find(c->ctx, spec, &cost), TW_OK, "%s: %s", c->name, tw_errmsg(c->ctx));
    tw_step_begin(c->ctx);
    c->pred = fixture_leaf(c->ctx, c->f, key(c, "pred"));
    c->target = (tw_target){.classes = ints(c, "class"),
                            .labels = ints(c, "labels"),
                            .label_lengths = ints(c, "label_lengths"),
                            .input_lengths = ints(c, "input_lengths")};
    if (fixture_has(c->f, key(c, "target"))) {
        int ndim, dim[TW_MAX_DIMS];
        const tw_real *v = fixture_get(c->f, key(c, "target"), &ndim, dim, NULL);
        bool wants = fixture_has(c->f, key_of_run(c, r, "target"));
        c->target.tensor = (wants ? tw_input_grad : tw_input)(c->ctx, v, ndim, dim);
    }
    if (r->weighted) {
        size_t n;
        const tw_real *v = fixture_get(c->f, key(c, "weight"), NULL, NULL, &n);
        c->target.sample_weight = tw_input(c->ctx, v, 1, (int[]){(int)n});
    }
    tw_tensor *y = tw_cost_apply(c->ctx, &cost, c->pred, &c->target);
    cr_assert_not_null(y, "%s (%s): %s", c->name, spec, tw_errmsg(c->ctx));
    while (c->nints) free(c->ints[--c->nints]); /* backward has its own copies */
    return y;
}

static void check_run(loss_case *c, const struct run *r) {
    if (!fixture_has(c->f, key(c, r->name))) return;
    const tw_real one = 1, *upstream = &one;
    tw_tensor *y = apply(c, r);
    check_values(c, key(c, r->name), y->data, y->size);
    if (!fixture_has(c->f, key_of_run(c, r, "pred"))) return;
    if (!strcmp(r->name, "none")) upstream = fixture_get(c->f, key(c, "upstream"), NULL, NULL, NULL);
    cr_assert_eq(tw_backward_from(c->ctx, y, upstream), TW_OK, "%s: %s", c->name, tw_errmsg(c->ctx));
    check_values(c, key_of_run(c, r, "pred"), c->pred->grad, c->pred->size);
    if (fixture_has(c->f, key_of_run(c, r, "target")))
        check_values(c, key_of_run(c, r, "target"), c->target.tensor->grad, c->target.tensor->size);
}

/* "focal.0" when entry i is the spec of a case of this loss, to be freed; else NULL. */
static char *case_of(const fixture *f, size_t i, const char *loss) {
    const char *name = fixture_name(f, i), *dot = strrchr(name, '.');
    if (!dot || strcmp(dot, ".spec") != 0) return NULL;
    const char *spec = fixture_text(f, name);
    size_t n = strcspn(spec, ":");
    return n == strlen(loss) && !strncmp(spec, loss, n) ? strndup(name, (size_t)(dot - name)) : NULL;
}

int check_loss_fixtures(const char *loss, double tol) {
    fixture *f = fixture_load("losses.txt");
    loss_case c = {.ctx = tw_ctx_new(1), .f = f, .tol = tol};
    int count = 0;
    for (size_t i = 0; i < fixture_count(f); i++) {
        char *name = case_of(f, i, loss);
        if (!name) continue;
        c.name = name;
        for (int k = 0; k < RUNS; k++) check_run(&c, &runs[k]);
        free(name);
        count++;
    }
    fixture_free(f);
    tw_ctx_free(c.ctx);
    return count;
}

bool loss_fixtures_cover(const char *loss, const char *option) {
    fixture *f = fixture_load("losses.txt");
    bool found = false;
    for (size_t i = 0; i < fixture_count(f); i++) {
        char *name = case_of(f, i, loss), part[80];
        if (!name) continue;
        const char *options = strchr(fixture_text(f, fixture_name(f, i)), ':');
        snprintf(part, sizeof part, "%s=", option);
        found = found || (options && strstr(options, part));
        snprintf(part, sizeof part, "%s.%s", name, option);
        found = found || fixture_has(f, part);
        free(name);
    }
    fixture_free(f);
    return found;
}
