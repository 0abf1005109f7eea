/* test_gru.c - the GRU against one built from matmul, sigmoid and tanh, and its promises: lengths, padding, threads,
 * memory, errors. What it shares with the LSTM has its tests in test_lstm.c too. */
#include "util.h"

static tw_ctx *ctx;
static tw_params *params;

static void setup(void) {
    ctx = tw_ctx_new(5);
    params = tw_params_new(ctx);
}
static void teardown(void) {
    tw_params_free(params);
    tw_ctx_free(ctx);
}
TestSuite(gru, .init = setup, .fini = teardown);

static const tw_labels all = {NULL, 0};

/* ---- the same from primitives ----------------------------------------------------------------------------- */

typedef struct model {
    tw_layer *layer;
    int D, H, layers, directions;
} model;

static model model_new(int D, int H, tw_gru_options options) {
    model m = {tw_gru_new(params, "gru", D, H, &options), D, H, options.layers ? options.layers : 1,
               options.bidirectional ? 2 : 1};
    assert_ok(ctx);
    return m;
}

static tw_tensor *weight(const char *kind, int k, int direction) {
    char name[64];
    snprintf(name, sizeof name, "gru.%s_l%d%s", kind, k, direction ? "_reverse" : "");
    return tw_params_find(params, name);
}

/* x [1,..] W^T + b */
static tw_tensor *affine(tw_tensor *x, tw_tensor *w, tw_tensor *b) {
    tw_tensor *z = tw_matmul(ctx, x, false, w, true);
    return b ? tw_add(ctx, z, b) : z;
}

static tw_tensor *gate(tw_tensor *z, int H, int which) { return tw_slice(ctx, z, 1, which * H, (which + 1) * H); }

/* One direction of one sample: the output [T,1,H]; *h is the first state [1,H] and becomes the last. */
static tw_tensor *oracle_sample(const model *m, tw_tensor *x, int n, int length, int k, int d, tw_tensor **h) {
    const int T = x->dim[0], H = m->H;
    tw_tensor **out = tw_alloc(ctx, (size_t)(length + 1) * sizeof(tw_tensor *));
    for (int s = 0; s < length; s++) {
        const int t = d ? length - 1 - s : s;
        tw_tensor *frame = tw_slice(ctx, tw_slice(ctx, x, 0, t, t + 1), 1, n, n + 1);
        frame = tw_reshape(ctx, frame, 2, (int[]){1, x->dim[2]});
        tw_tensor *a = affine(frame, weight("weight_ih", k, d), weight("bias_ih", k, d));
        tw_tensor *b = affine(*h, weight("weight_hh", k, d), weight("bias_hh", k, d));
        tw_tensor *r = tw_sigmoid(ctx, tw_add(ctx, gate(a, H, 0), gate(b, H, 0)));
        tw_tensor *z = tw_sigmoid(ctx, tw_add(ctx, gate(a, H, 1), gate(b, H, 1)));
        tw_tensor *c = tw_tanh(ctx, tw_add(ctx, gate(a, H, 2), tw_mul(ctx, r, gate(b, H, 2))));
        tw_tensor *one = tw_full(ctx, 1, 0, NULL);
        *h = tw_add(ctx, tw_mul(ctx, tw_sub(ctx, one, z), c), tw_mul(ctx, z, *h));
        out[t] = tw_reshape(ctx, *h, 3, (int[]){1, 1, H});
    }
    out[length] = tw_full(ctx, 0, 3, (int[]){T - length, 1, H});
    return tw_concat(ctx, length + 1, out, 0);
}

static tw_tensor *oracle(const model *m, tw_tensor *x, tw_labels lengths, tw_tensor *h0, tw_tensor **final) {
    enum { MOST = 64 };
    tw_tensor *hn[MOST];
    const int N = x->dim[1], H = m->H;
    cr_assert(N <= MOST && m->layers * m->directions <= MOST);
    for (int k = 0; k < m->layers; k++) {
        tw_tensor *half[2];
        for (int d = 0; d < m->directions; d++) {
            tw_tensor *y[MOST], *end[MOST];
            const int r = k * m->directions + d;
            for (int n = 0; n < N; n++) {
                tw_tensor *h = tw_slice(ctx, tw_slice(ctx, h0, 0, r, r + 1), 1, n, n + 1);
                h = tw_reshape(ctx, h, 2, (int[]){1, H});
                y[n] = oracle_sample(m, x, n, lengths.v ? lengths.v[n] : x->dim[0], k, d, &h);
                end[n] = tw_reshape(ctx, h, 3, (int[]){1, 1, H});
            }
            half[d] = tw_concat(ctx, N, y, 1);
            hn[r] = tw_concat(ctx, N, end, 1);
        }
        x = tw_concat(ctx, m->directions, half, 2);
    }
    *final = tw_concat(ctx, m->layers * m->directions, hn, 0);
    return x;
}

/* ---- everything a step computes, as one array ------------------------------------------------------------- */

typedef struct batch {
    int T, N;
    tw_real *x, *h;
    const int32_t *lengths; /* NULL: all T */
} batch;

static batch batch_new(const model *m, int T, int N, const int32_t *lengths) {
    const size_t state = (size_t)(m->layers * m->directions * N * m->H);
    return (batch){T, N, random_reals((size_t)(T * N * m->D), 1, -2, 2), random_reals(state, 2, -1, 1), lengths};
}
static void batch_free(batch *b) { free(b->x), free(b->h); }

typedef struct snapshot {
    tw_real *v;
    size_t n;
} snapshot;

/* v NULL: zeros. */
static void append(snapshot *s, const tw_real *v, size_t n) {
    if (!n) return;
    s->v = realloc(s->v, (s->n + n) * sizeof *s->v);
    if (v) memcpy(s->v + s->n, v, n * sizeof *v);
    else memset(s->v + s->n, 0, n * sizeof *v);
    s->n += n;
}
static void append_grad(snapshot *s, const tw_tensor *t, uint64_t step) {
    append(s, t->grad_step == step ? t->grad : NULL, t->size);
}

/* y, hn, then the gradients of x, h0 and every parameter for a random upstream of y and hn. */
static snapshot run(const model *m, const batch *b, bool primitives) {
    snapshot s = {0};
    const tw_labels lengths = {b->lengths, b->lengths ? (size_t)b->N : 0};
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, b->x, 3, (int[]){b->T, b->N, m->D}), *hn;
    tw_tensor *h0 = tw_input_grad(ctx, b->h, 3, (int[]){m->layers * m->directions, b->N, m->H});
    tw_tensor *y = primitives ? oracle(m, x, lengths, h0, &hn) : tw_gru(ctx, m->layer, x, lengths, h0, &hn);
    assert_ok(ctx);
    tw_tensor *out[] = {y, hn}, *flat[2];
    for (int i = 0; i < 2; i++) {
        append(&s, out[i]->data, out[i]->size);
        flat[i] = tw_reshape(ctx, out[i], 1, (int[]){(int)out[i]->size});
    }
    tw_tensor *whole = tw_concat(ctx, 2, flat, 0);
    tw_real *upstream = random_reals(whole->size, 4, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, whole, upstream), TW_OK, "%s", tw_errmsg(ctx));
    free(upstream);
    append_grad(&s, x, x->step);
    append_grad(&s, h0, x->step);
    for (size_t i = 0; i < tw_params_count(params); i++) append_grad(&s, tw_params_at(params, i), x->step);
    return s;
}

static void compare(int T, int N, int D, int H, tw_gru_options options, const int32_t *lengths) {
    model m = model_new(D, H, options);
    batch b = batch_new(&m, T, N, lengths);
    snapshot fused = run(&m, &b, false), primitive = run(&m, &b, true);
    cr_assert_eq(fused.n, primitive.n);
    assert_near(fused.v, primitive.v, fused.n, 2e-5);
    batch_free(&b);
    free(fused.v), free(primitive.v);
}

static const int32_t mixed[] = {3, 7, 1, 7, 0, 5, 2, 6, 7, 3, 4};
enum { MIXED = sizeof mixed / sizeof *mixed };

Test(gru, equals_primitives) { compare(6, 3, 5, 4, (tw_gru_options){0}, NULL); }
Test(gru, equals_primitives_wide) { compare(3, 19, 37, 45, (tw_gru_options){.bidirectional = true}, NULL); }
Test(gru, equals_primitives_no_bias) { compare(4, 2, 3, 17, (tw_gru_options){.no_bias = true, .layers = 2}, NULL); }
Test(gru, equals_primitives_lengths) { compare(7, MIXED, 4, 9, (tw_gru_options){0}, mixed); }
Test(gru, equals_primitives_stack) {
    compare(7, MIXED, 4, 6, (tw_gru_options){.layers = 3, .bidirectional = true}, mixed);
}
Test(gru, equals_primitives_one) { compare(1, 1, 1, 1, (tw_gru_options){0}, NULL); }
Test(gru, equals_primitives_all_short) {
    compare(5, 3, 2, 3, (tw_gru_options){.bidirectional = true}, (const int32_t[]){2, 2, 2});
}
Test(gru, equals_primitives_without_frames) {
    compare(2, 2, 2, 3, (tw_gru_options){.bidirectional = true}, (const int32_t[]){0, 0});
}

/* ---- lengths, padding, states ------------------------------------------------------------------------------ */

/* NaN in the padding changes not one bit of anything, gradients included. */
Test(gru, padding_is_never_read) {
    enum { T = 7, D = 5, H = 12 };
    model m = model_new(D, H, (tw_gru_options){.layers = 2, .bidirectional = true});
    for (int even = 0; even < 2; even++) {
        int32_t lengths[MIXED];
        for (int n = 0; n < MIXED; n++) lengths[n] = even ? 4 : mixed[n];
        batch b = batch_new(&m, T, MIXED, lengths);
        snapshot clean = run(&m, &b, false);
        for (int t = 0; t < T; t++)
            for (int n = 0; n < MIXED; n++)
                for (int j = 0; t >= lengths[n] && j < D; j++) b.x[(t * MIXED + n) * D + j] = (tw_real)NAN;
        snapshot dirty = run(&m, &b, false);
        cr_assert(!memcmp(clean.v, dirty.v, clean.n * sizeof *clean.v));
        const tw_real *y = dirty.v, *dx = y + T * MIXED * 2 * H + 4 * MIXED * H;
        for (int t = 0; t < T; t++)
            for (int n = 0; n < MIXED; n++) {
                for (int j = 0; t >= lengths[n] && j < 2 * H; j++) cr_assert(y[(t * MIXED + n) * 2 * H + j] == 0);
                for (int j = 0; t >= lengths[n] && j < D; j++) cr_assert(dx[(t * MIXED + n) * D + j] == 0);
            }
        batch_free(&b);
        free(clean.v), free(dirty.v);
    }
}

/* A second use of x and h0 adds to their gradients, in padding too. */
Test(gru, gradients_add_up) {
    enum { T = 3, N = 2, D = 2, H = 3 };
    static const int32_t lengths[N] = {3, 1};
    model m = model_new(D, H, (tw_gru_options){0});
    for (int even = 0; even < 2; even++) {
        tw_real alone[2][T * N * D];
        for (int both = 0; both < 2; both++) {
            tw_step_begin(ctx);
            tw_tensor *leaf[] = {random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, D}),
                                 random_leaf(ctx, 2, -1, 1, 3, (int[]){1, N, H})};
            tw_tensor *y = tw_gru(ctx, m.layer, leaf[0], even ? all : (tw_labels){lengths, N}, leaf[1], NULL);
            tw_tensor *loss = tw_sum(ctx, y, 0, NULL, false);
            for (int k = 0; both && k < 2; k++)
                loss = tw_add(ctx, loss, tw_scale(ctx, tw_sum(ctx, leaf[k], 0, NULL, false), 10));
            cr_assert_eq(tw_backward(ctx, loss), TW_OK);
            for (int k = 0; k < 2; k++)
                for (size_t i = 0; i < leaf[k]->size; i++) {
                    if (!both) alone[k][i] = leaf[k]->grad[i];
                    else cr_assert(near((double)leaf[k]->grad[i], (double)alone[k][i] + 10, 1e-5));
                }
        }
    }
}

/* A sequence in two pieces, the state handed over, is the sequence. */
Test(gru, states_continue) {
    enum { T = 6, N = 3, D = 4, H = 5 };
    model m = model_new(D, H, (tw_gru_options){.layers = 2});
    batch b = batch_new(&m, T, N, NULL);
    tw_tensor *x = tw_input(ctx, b.x, 3, (int[]){T, N, D}), *h, *end;
    tw_tensor *whole = tw_gru(ctx, m.layer, x, all, NULL, &end);
    tw_tensor *first = tw_gru(ctx, m.layer, tw_slice(ctx, x, 0, 0, 2), all, NULL, &h);
    tw_tensor *rest = tw_gru(ctx, m.layer, tw_slice(ctx, x, 0, 2, T), all, h, &h);
    assert_ok(ctx);
    assert_near(first->data, whole->data, first->size, 1e-6);
    assert_near(rest->data, whole->data + first->size, rest->size, 1e-6);
    assert_near(h->data, end->data, h->size, 1e-6);
    batch_free(&b);
}

Test(gru, nothing_to_do) {
    static const int size[][2] = {{0, 3}, {4, 0}, {0, 0}};
    model m = model_new(2, 3, (tw_gru_options){.layers = 2, .bidirectional = true});
    for (int i = 0; i < 3; i++) {
        batch b = batch_new(&m, size[i][0], size[i][1], NULL);
        snapshot s = run(&m, &b, false);
        const size_t state = (size_t)(4 * size[i][1] * 3); /* hn = h0, and dh0 is what came from hn */
        cr_assert(!state || !memcmp(s.v, b.h, state * sizeof *b.h));
        for (size_t j = 2 * state; j < s.n; j++) cr_assert(s.v[j] == 0);
        batch_free(&b);
        free(s.v);
    }
}

/* ---- threads, modes, memory ---------------------------------------------------------------------------------- */

Test(gru, same_bits_for_any_number_of_threads) {
    enum { N = 37 };
    int32_t lengths[N];
    for (int n = 0; n < N; n++) lengths[n] = 1 + n * 7 % 20;
    model m = model_new(48, 64, (tw_gru_options){.layers = 2, .bidirectional = true});
    batch b = batch_new(&m, 20, N, lengths);
    tw_set_threads(ctx, 1);
    snapshot one = run(&m, &b, false);
    for (int threads = 2; threads <= 3; threads++) {
        tw_set_threads(ctx, threads);
        snapshot more = run(&m, &b, false);
        cr_assert(!memcmp(one.v, more.v, one.n * sizeof *one.v), "%d threads differ", threads);
        free(more.v);
    }
    batch_free(&b);
    free(one.v);
}

Test(gru, values_do_not_depend_on_recording) {
    model m = model_new(5, 12, (tw_gru_options){.layers = 2, .bidirectional = true});
    batch b = batch_new(&m, 7, MIXED, mixed);
    tw_real *kept = NULL;
    for (int recording = 1; recording >= 0; recording--) {
        tw_set_recording(ctx, recording);
        tw_step_begin(ctx);
        tw_tensor *hn, *x = tw_input(ctx, b.x, 3, (int[]){7, MIXED, 5});
        tw_tensor *y = tw_gru(ctx, m.layer, x, (tw_labels){mixed, MIXED}, NULL, &hn);
        assert_ok(ctx);
        tw_tensor *both = tw_concat(
            ctx, 2, (tw_tensor *[]){tw_reshape(ctx, y, 1, (int[]){-1}), tw_reshape(ctx, hn, 1, (int[]){-1})}, 0);
        if (recording) kept = memcpy(malloc(both->size * sizeof *kept), both->data, both->size * sizeof *kept);
        else cr_assert(!memcmp(kept, both->data, both->size * sizeof *kept));
    }
    free(kept);
    batch_free(&b);
}

typedef struct allocator {
    int calls, allowed; /* allowed < 0: any number */
    long in_use;
} allocator;
static void *take(void *user, size_t size) {
    allocator *a = user;
    a->calls++;
    if (a->allowed == 0) return NULL;
    a->allowed -= a->allowed > 0;
    a->in_use++;
    return malloc(size);
}
static void give(void *user, void *ptr, size_t size) {
    (void)size;
    ((allocator *)user)->in_use -= ptr != NULL;
    free(ptr);
}

enum { LONGEST = 40, BATCH = 9, IN = 6 };
static tw_layer *layer_of(tw_params *p) {
    return tw_gru_new(p, "gru", IN, 10, &(tw_gru_options){.layers = 2, .bidirectional = true, .dropout = 0.3});
}
static tw_err step(tw_ctx *c, tw_layer *gru, const tw_real *x, int t, const int32_t *lengths) {
    tw_step_begin(c);
    tw_tensor *hn, *in = tw_input_grad(c, x, 3, (int[]){t, BATCH, IN});
    tw_tensor *y = tw_gru(c, gru, in, (tw_labels){lengths, BATCH}, NULL, &hn);
    return tw_backward(c, tw_add(c, tw_sum(c, y, 0, NULL, false), tw_sum(c, hn, 0, NULL, false)));
}

Test(gru, warm_steps_allocate_nothing) {
    allocator a = {.allowed = -1};
    tw_ctx *c = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .allocator = {take, give, &a}});
    tw_params *p = tw_params_new(c);
    tw_layer *gru = layer_of(p);
    tw_real *x = random_reals(LONGEST * BATCH * IN, 1, -1, 1);
    int warm = 0;
    for (int k = 0; k < 60; k++) {
        const int t = k < 3 ? LONGEST : (int)(tw_random_bits(1, (uint64_t)k) % (LONGEST + 1));
        int32_t lengths[BATCH];
        for (int n = 0; n < BATCH; n++) /* the first steps are the largest: almost full, but not even */
            lengths[n] = k < 3 ? t - (n == 0)
                               : (int32_t)(tw_random_bits(2, (uint64_t)(k * BATCH + n)) % (uint64_t)(t + 1));
        cr_assert_eq(step(c, gru, x, t, lengths), TW_OK, "%s", tw_errmsg(c));
        if (k == 3) warm = a.calls;
    }
    cr_assert_eq(a.calls, warm, "%d calls of the allocator after the warm-up", a.calls - warm);
    free(x);
    tw_params_free(p);
    tw_ctx_free(c);
}

Test(gru, any_failed_allocation_is_reported_and_leaks_nothing) {
    static const int32_t lengths[BATCH] = {40, 3, 0, 17, 40, 8, 21, 1, 30};
    tw_real *x = random_reals(LONGEST * BATCH * IN, 1, -1, 1);
    bool done = false;
    for (int k = 0; !done; k++) {
        allocator a = {.allowed = k};
        tw_ctx *c = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .allocator = {take, give, &a}});
        if (!c) continue;
        tw_params *p = tw_params_new(c);
        if (p) {
            done = !step(c, layer_of(p), x, LONGEST, lengths);
            cr_assert(done || tw_error(c) == TW_ERR_NOMEM, "allocation %d: %s", k, tw_errmsg(c));
        }
        tw_params_free(p);
        tw_ctx_free(c);
        cr_assert_eq(a.in_use, 0, "allocation %d", k);
    }
    free(x);
}

/* ---- making it, and errors ------------------------------------------------------------------------------------ */

Test(gru, parameters_are_pytorchs) {
    static const char *const name[] = {"gru.weight_ih_l0",       "gru.weight_hh_l0",         "gru.bias_ih_l0",
                                       "gru.bias_hh_l0",         "gru.weight_ih_l0_reverse", "gru.weight_hh_l0_reverse",
                                       "gru.bias_ih_l0_reverse", "gru.bias_hh_l0_reverse",   "gru.weight_ih_l1"};
    enum { D = 3, H = 25 };
    model_new(D, H, (tw_gru_options){.layers = 2, .bidirectional = true});
    cr_assert_eq(tw_params_count(params), 16);
    for (int i = 0; i < 9; i++) {
        tw_tensor *p = tw_params_at(params, (size_t)i);
        cr_assert_str_eq(p->name, name[i]);
        assert_tensor(ctx, p, i % 4 < 2 ? 2 : 1, ((int[]){3 * H, i % 4 == 1 ? H : i < 8 ? D : 2 * H}), NULL, 0);
        double largest = 0;
        for (size_t j = 0; j < p->size; j++) largest = fmax(largest, fabs((double)p->data[j]));
        cr_assert(largest <= 1.0 / 5 && largest > 0.9 / 5, "%s reaches %g", p->name, largest);
    }
    tw_gru_new(params, "given", 3, 4, &(tw_gru_options){.init = {TW_INIT_CONSTANT, 0.25}});
    cr_assert(tw_params_find(params, "given.weight_hh_l0")->data[11] == (tw_real)0.25);
    cr_assert(tw_params_find(params, "given.bias_hh_l0")->data[5] == 0);
}

Test(gru, errors) {
    enum { T = 4, N = 2, D = 3, H = 5 };
    cr_assert_null(tw_gru_new(NULL, "g", 1, 1, NULL));
    assert_ok(ctx);
    cr_assert_null(tw_gru_new(params, "g", 0, 4, NULL));
    assert_error(ctx, TW_ERR_RANGE, "gru: sizes are at least 1: input 0, hidden 4");
    cr_assert_null(tw_gru_new(params, "g", 4, 4, &(tw_gru_options){.dropout = 1.5}));
    assert_error(ctx, TW_ERR_RANGE, "gru: the dropout is between 0 and 1");
    model m = model_new(D, H, (tw_gru_options){.bidirectional = true});
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 3, (int[]){T, N, D}), "x"), *hn = x;
    cr_assert_null(tw_gru(ctx, m.layer, NULL, all, NULL, &hn));
    cr_assert_null(hn);
    assert_ok(ctx);
    cr_assert_null(tw_gru(ctx, m.layer, tw_full(ctx, 1, 3, (int[]){T, N, 4}), all, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE,
                 "gru: input has 4 features, the weight wants 3: [4,2,4], \"gru.weight_ih_l0\" [15,3]");
    cr_assert_null(tw_gru(ctx, m.layer, x, (tw_labels){(int32_t[]){1, 5}, N}, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "gru: sample 1 has length 5, outside 0..4");
    cr_assert_null(tw_gru(ctx, m.layer, x, all, tw_full(ctx, 0, 3, (int[]){1, N, H}), NULL));
    assert_error(ctx, TW_ERR_SHAPE, "gru: the initial h is [2,2,5] for this input, not [1,2,5]");
    tw_layer *lstm = tw_lstm_new(params, "lstm", D, H, NULL);
    cr_assert_null(tw_gru(ctx, lstm, x, all, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "gru: the layer is a lstm");
    cr_assert_null(tw_lstm(ctx, m.layer, x, all, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "lstm: the layer is a gru");
    cr_assert_not_null(tw_forward(ctx, m.layer, x));
    assert_ok(ctx);
}
