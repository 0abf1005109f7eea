/* grad_gru.c - the GRU in double: PyTorch's numbers, and its gradients against central differences. */
#include "util.h"

static tw_ctx *ctx;
static tw_params *params;

static void setup(void) {
    ctx = tw_ctx_new(3);
    params = tw_params_new(ctx);
}
static void teardown(void) {
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(gru_grad, .init = setup, .fini = teardown);

/* ---- PyTorch ---------------------------------------------------------------------------------------------- */

typedef struct key {
    char text[96];
} key;
static key key_of(const char *name, const char *what) {
    key k;
    snprintf(k.text, sizeof k.text, "%.60s%.30s", name, what);
    return k;
}

/* sum(t * the fixture's upstream gradient). */
static tw_tensor *weighted(const fixture *f, key name, tw_tensor *t) {
    int ndim, dim[TW_MAX_DIMS];
    const tw_real *upstream = fixture_get(f, name.text, &ndim, dim, NULL);
    return tw_sum(ctx, tw_mul(ctx, t, tw_input(ctx, upstream, ndim, dim)), 0, NULL, false);
}

static void check_case(const char *name) {
    fixture *f = fixture_load("gru.txt");
    int32_t *size = fixture_ints(f, key_of(name, ".sizes").text, NULL), *length = NULL;
    tw_layer *gru = tw_gru_new(
        params, name, size[0], size[1],
        &(tw_gru_options){.layers = size[2], .bidirectional = size[3] != 0, .no_bias = size[4] != 0});
    assert_ok(ctx);
    const size_t expected = (size_t)(size[2] * (1 + size[3]) * (size[4] ? 2 : 4));
    cr_assert_eq(tw_params_count(params), expected);
    for (size_t i = 0; i < expected; i++) { /* a state_dict loads by name and shape */
        tw_tensor *p = tw_params_at(params, i);
        assert_fixture(ctx, f, p->name, p, INFINITY);
        memcpy(p->data, fixture_get(f, p->name, NULL, NULL, NULL), p->size * sizeof *p->data);
    }
    tw_labels lengths = {NULL, 0};
    if (fixture_has(f, key_of(name, ".lengths").text))
        lengths.v = length = fixture_ints(f, key_of(name, ".lengths").text, &lengths.n);

    tw_step_begin(ctx);
    tw_tensor *x = fixture_leaf(ctx, f, key_of(name, ".x").text), *hn;
    const bool state = fixture_has(f, key_of(name, ".h0").text);
    tw_tensor *h0 = state ? fixture_leaf(ctx, f, key_of(name, ".h0").text) : NULL;
    tw_tensor *y = tw_gru(ctx, gru, x, lengths, h0, &hn);
    assert_ok(ctx);
    assert_fixture(ctx, f, key_of(name, ".y").text, y, 1e-13);
    assert_fixture(ctx, f, key_of(name, ".hn").text, hn, 1e-13);
    tw_tensor *loss = tw_add(ctx, weighted(f, key_of(name, ".dy"), y), weighted(f, key_of(name, ".dhn"), hn));
    cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
    assert_fixture_grad(ctx, f, key_of(name, ".x.grad").text, x, 1e-12);
    if (state) assert_fixture_grad(ctx, f, key_of(name, ".h0.grad").text, h0, 1e-12);
    for (size_t i = 0; i < expected; i++) {
        tw_tensor *p = tw_params_at(params, i);
        assert_fixture_grad(ctx, f, key_of(p->name, ".grad").text, p, 1e-12);
    }
    free(size);
    free(length);
    fixture_free(f);
}

Test(gru_grad, pytorch_uni) { check_case("uni"); }
Test(gru_grad, pytorch_nobias) { check_case("nobias"); }
Test(gru_grad, pytorch_bi) { check_case("bi"); }
Test(gru_grad, pytorch_ragged) { check_case("ragged"); }
Test(gru_grad, pytorch_stack) { check_case("stack"); }

/* ---- central differences ---------------------------------------------------------------------------------- */

enum { T = 4, N = 3, D = 3, H = 2, LEAVES = 6 };

/* The weights of one direction are leaves too: they take the place of the layer's parameters. */
typedef struct problem {
    tw_layer *gru;
    tw_labels lengths;
    bool final; /* the result has hn too */
} problem;

static const char *const weight_name[] = {"gru.weight_ih_l0", "gru.weight_hh_l0", "gru.bias_ih_l0", "gru.bias_hh_l0"};

/* A parameter's values, and its gradient on the way back, are those of a leaf. */
static void hand_over(tw_ctx *c, tw_node *n) {
    tw_tensor *leaf = n->in[0], *param = n->attr;
    tw_real beta, *to = tw_grad(c, leaf, &beta);
    for (size_t i = 0; to && i < leaf->size; i++) to[i] = tw_add_to(beta, to[i], param->grad[i]);
}
static const tw_op hand_over_op = {"hand_over", hand_over};

/* y, or y and hn one after another; and 0 times a node that is the last to run backward. */
static tw_tensor *apply(tw_ctx *c, tw_tensor *const *leaf, void *user) {
    const problem *p = user;
    tw_tensor *zero = tw_full(c, 0, 1, (int[]){1});
    for (int k = 0; k < 4; k++) {
        tw_tensor *w = tw_params_find(params, weight_name[k]), *mark = tw_full(c, 0, 1, (int[]){1});
        memcpy(w->data, leaf[2 + k]->data, w->size * sizeof *w->data);
        zero = tw_add(c, zero, tw_record(c, &hand_over_op, w, 1, (tw_tensor *[]){leaf[2 + k]}, mark));
    }
    tw_tensor *hn, *y = tw_gru(c, p->gru, leaf[0], p->lengths, leaf[1], p->final ? &hn : NULL);
    if (!y) return NULL;
    tw_tensor *part[] = {tw_reshape(c, y, 1, (int[]){-1}), zero, NULL};
    if (p->final) part[2] = tw_reshape(c, hn, 1, (int[]){-1});
    return tw_concat(c, p->final ? 3 : 2, part, 0);
}

static void check(const tw_gru_options *options, const int32_t *lengths, bool final) {
    const int directions = options->bidirectional ? 2 : 1, rows = (options->layers ? options->layers : 1) * directions;
    problem p = {tw_gru_new(params, "gru", D, H, options), {lengths, lengths ? N : 0}, final};
    assert_ok(ctx);
    tw_gradcheck_leaf leaf[LEAVES] = {{.ndim = 3, .dim = {T, N, D}},  {.ndim = 3, .dim = {rows, N, H}},
                                      {.ndim = 2, .dim = {3 * H, D}}, {.ndim = 2, .dim = {3 * H, H}},
                                      {.ndim = 1, .dim = {3 * H}},    {.ndim = 1, .dim = {3 * H}}};
    tw_real *value[LEAVES];
    for (int i = 0; i < LEAVES; i++)
        leaf[i].value = value[i] = random_reals(product(leaf[i].ndim, leaf[i].dim), 40 + (uint64_t)i, -1.5, 1.5);
    assert_gradcheck(ctx, apply, &p, LEAVES, leaf, 1e-6);
    for (int i = 0; i < LEAVES; i++) free(value[i]);
}

static const int32_t mixed[N] = {2, 4, 1}, with_empty[N] = {3, 0, 4};

Test(gru_grad, plain) { check(&(tw_gru_options){0}, NULL, false); }
Test(gru_grad, lengths) { check(&(tw_gru_options){0}, mixed, true); }
Test(gru_grad, bidirectional_two_layers) { check(&(tw_gru_options){.layers = 2, .bidirectional = true}, NULL, true); }
Test(gru_grad, a_sample_without_frames) {
    check(&(tw_gru_options){.layers = 2, .bidirectional = true}, with_empty, true);
}
/* tw_gradcheck gives every evaluation the same random state, hence the same dropout. */
Test(gru_grad, dropout_between_layers) { check(&(tw_gru_options){.layers = 3, .dropout = 0.4}, mixed, true); }
