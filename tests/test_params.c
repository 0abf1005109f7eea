/* test_params.c - parameters: names, ties, sealing, the flat space, first values. */
#include "util_allocator.h"
#include "util_optim.h"
#include "util_suite.h"

#include "tensor/params.h"

SUITE(params, 1);

static tw_tensor *vector(const char *name, int n, double value) {
    return tw_param(params, name, (tw_init){TW_INIT_CONSTANT, value}, 1, &n);
}

Test(params, asking) {
    tw_tensor *w = tw_param(params, "fc.weight", (tw_init){TW_INIT_CONSTANT, 2}, 2, (int[]){3, 4});
    tw_tensor *m = tw_buffer(params, "bn.running_mean", 0.5f, 1, (int[]){5});
    tw_tensor *s = tw_param(params, "scale", (tw_init){0}, 0, NULL);
    cr_assert_eq(tw_params_ctx(params), ctx);
    cr_assert_eq(tw_params_count(params), 3);
    cr_assert(tw_params_at(params, 0) == w && tw_params_at(params, 1) == m && tw_params_at(params, 2) == s);
    cr_assert_null(tw_params_at(params, 3));
    cr_assert(!tw_params_is_buffer(params, 0) && tw_params_is_buffer(params, 1) && !tw_params_is_buffer(params, 9));
    cr_assert_eq(tw_params_find(params, "scale"), s);
    cr_assert_null(tw_params_find(params, "scal"));
    cr_assert_eq(tw_params_size(params), 13, "buffers are not trained");
    cr_assert(w->requires_grad && !m->requires_grad && w->step == 0 && w->grad == NULL);
    cr_assert_str_eq(w->name, "fc.weight");
    cr_assert(w->data[11] == 2 && m->data[4] == 0.5f && s->data[0] == 0 && s->size == 1);
}

Test(params, mistakes) {
    vector("a", 3, 0);
    cr_assert_null(vector("a", 2, 0));
    assert_error(ctx, TW_ERR_RANGE, "the name \"a\" is taken by \"a\" [3]");
    cr_assert_null(vector("", 2, 0));
    assert_error(ctx, TW_ERR_RANGE, "cannot name a parameter");
    cr_assert_null(vector("thalweg.optim", 2, 0));
    assert_error(ctx, TW_ERR_RANGE, "model files reserve it");
    cr_assert_null(vector("a\xff", 2, 0));
    assert_error(ctx, TW_ERR_RANGE, "\"a?\" cannot name a parameter: it is not UTF-8");
    cr_assert_null(tw_buffer(params, "\xc3", 0, 0, NULL));
    assert_error(ctx, TW_ERR_RANGE, "it is not UTF-8");
    cr_assert_null(vector("b", -2, 0));
    assert_error(ctx, TW_ERR_SHAPE, "\"b\"");
    cr_assert_null(tw_buffer(params, "b", 0, 6, (int[]){1, 1, 1, 1, 1, 1}));
    assert_error(ctx, TW_ERR_SHAPE, "at most 5 dimensions");
    cr_assert_null(tw_param(params, "b", (tw_init){TW_INIT_KAIMING_NORMAL, 0}, 1, (int[]){3}));
    assert_error(ctx, TW_ERR_SHAPE, "two dimensions");
    cr_assert_null(tw_param(params, "b", (tw_init){(tw_init_kind)77, 0}, 1, (int[]){3}));
    assert_error(ctx, TW_ERR_RANGE, "no initialiser 77");
    cr_assert_null(vector("b", 2, NAN));
    assert_error(ctx, TW_ERR_RANGE, "finite");
    cr_assert_null(tw_param(NULL, "b", (tw_init){0}, 0, NULL));
    cr_assert_null(tw_buffer(NULL, "b", 0, 0, NULL));
    cr_assert_eq(tw_params_count(params), 1);
    cr_assert_eq(tw_params_seal(params), TW_OK);
    cr_assert_null(vector("late", 2, 0));
    assert_error(ctx, TW_ERR_STATE, "\"late\" comes too late");
    cr_assert_eq(tw_params_tie(params, "a", "a"), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "\"a\" cannot be tied any more");
    tw_params_free(NULL);
}

/* ---- sealing ------------------------------------------------------------------------------------------ */

static bool aligned(const tw_real *p) { return (uintptr_t)p % 64 == 0; }

Test(params, sealing_moves_everything_into_one_block) {
    tw_tensor *a = vector("a", 17, 1), *frozen = vector("frozen", 3, 2);
    tw_tensor *buffer = tw_buffer(params, "buffer", 9, 1, (int[]){2});
    tw_tensor *empty = vector("empty", 0, 0), *b = vector("b", 16, 3);
    cr_assert(aligned(a->data) && aligned(frozen->data) && aligned(b->data));
    cr_assert_eq(tw_params_set_frozen(params, "frozen", true), TW_OK);
    cr_assert_eq(tw_params_seal(params), TW_OK);
    const tw_real *block = a->data;
    cr_assert_eq(tw_params_seal(params), TW_OK, "a second time does nothing");
    cr_assert_eq(a->data, block);
    cr_assert(aligned(block));
    cr_assert(empty->data == block + 32 && b->data == block + 32, "each starts on a multiple of 16 numbers");
    cr_assert(frozen->data == block + 48 && buffer->data == block + 64, "then frozen ones, then buffers");
    for (int i = 0; i < 17; i++) cr_assert_eq(a->data[i], 1);
    cr_assert(frozen->data[2] == 2 && b->data[15] == 3 && buffer->data[1] == 9);
    cr_assert(aligned(a->grad) && b->grad == a->grad + 32 && !buffer->grad);
    cr_assert_eq(block[17], 0, "padding");
    const tw_real g[16] = {5};
    step_with_gradient(ctx, b, g);
    cr_assert_eq(b->grad, a->grad + 32, "backward writes into the block");
    cr_assert_eq(a->grad[32], 5);
}

Test(params, sealing_between_backward_and_step_keeps_gradients) {
    tw_tensor *a = vector("a", 3, 1), *b = vector("b", 2, 1);
    const tw_real g[] = {4, 5, 6};
    step_with_gradient(ctx, a, g);
    tw_optim *o = tw_optim_new(params, "sgd:lr=1");
    cr_assert_eq(tw_optim_step(o), TW_OK);
    cr_assert(a->data[0] == -3 && a->data[2] == -5 && b->data[0] == 1);
    tw_optim_free(o);
}

Test(params, frozen_parameters_want_no_gradient) {
    tw_tensor *a = vector("conv.weight", 3, 1), *b = vector("fc.weight", 4, 1), *tied = vector("tied", 4, 1);
    cr_assert_eq(tw_params_tie(params, "tied", "fc.weight"), TW_OK);
    cr_assert_eq(tw_params_set_frozen(params, "conv.*", true), TW_OK);
    cr_assert_eq(tw_params_size(params), 4);
    cr_assert(!tw_will_record(ctx, 1, &a) && tw_will_record(ctx, 1, &b));
    cr_assert_eq(tw_params_set_frozen(params, "t*d", true), TW_OK, "a tied name stands for its original");
    cr_assert(!tw_will_record(ctx, 1, &b) && !tw_will_record(ctx, 1, &tied));
    cr_assert_eq(tw_params_set_frozen(params, "*", false), TW_OK);
    cr_assert(tw_will_record(ctx, 1, &a) && tw_will_record(ctx, 1, &tied));
    tw_buffer(params, "mean", 0, 0, NULL);
    cr_assert_eq(tw_params_set_frozen(params, "mea*", true), TW_ERR_RANGE, "buffers are no parameters");
    assert_error(ctx, TW_ERR_RANGE, "no parameter matches \"mea*\"");
}

Test(params, patterns) {
    static const struct {
        const char *pattern, *name;
        bool match;
    } cases[] = {
        {"a", "a", true},
        {"a", "ab", false},
        {"ab", "a", false},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "fc.bias", true},
        {"*.bias", "fc.bias", true},
        {"*.bias", "bias", false},
        {"fc.*", "fc.", true},
        {"fc.*", "fcc.", false},
        {"*a*b", "xaxbxb", true},
        {"*a*b", "xaxbxbx", false},
        {"a**c", "abc", true},
        {"*bc", "abcbc", true},
        {"a*", "ba", false},
        {"*.l?.*", "a.l1.b", false},
        {"l*w*0", "l.w.0.0", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(tw__name_matches(cases[i].pattern, cases[i].name), cases[i].match, "\"%s\" and \"%s\"",
                     cases[i].pattern, cases[i].name);
}

/* ---- tied parameters ----------------------------------------------------------------------------------- */

Test(params, tied_parameters_are_one) {
    tw_tensor *a = vector("a", 2, 1), *b = vector("b", 2, 5), *c = vector("c", 2, 7), *d = vector("d", 2, 8);
    cr_assert_eq(tw_params_tie(params, "c", "b"), TW_OK);
    cr_assert_eq(tw_params_tie(params, "b", "a"), TW_OK, "b takes along what was tied to it");
    cr_assert_eq(tw_params_tie(params, "d", "c"), TW_OK, "and tying to c means a");
    cr_assert_eq(tw_params_tie(params, "d", "a"), TW_OK, "once more changes nothing");
    cr_assert(b->data == a->data && c->data == a->data && d->data == a->data && c->data[1] == 1);
    cr_assert_eq(tw_params_size(params), 2);
    cr_assert_eq(tw_params_count(params), 4);
    for (int flat = 0; flat < 2; flat++) {
        const tw_real g[] = {1, 2}, h[] = {10, 20}, k[] = {100, 200};
        tw_step_begin(ctx);
        tw_tensor *t[] = {b, a, d};
        const tw_real *gradients[] = {g, h, k};
        cr_assert_eq(tw_backward(ctx, give_gradients(ctx, 3, t, gradients)), TW_OK);
        cr_assert(a->grad[0] == 111 && a->grad[1] == 222, "the gradients of all uses add up");
        cr_assert_eq(b->grad, a->grad);
        cr_assert_eq(tw_params_seal(params), TW_OK);
        cr_assert(b->data == a->data && c->data == a->data && c->grad == a->grad);
    }
}

Test(params, what_cannot_be_tied) {
    vector("a", 2, 1), vector("b", 3, 1);
    tw_buffer(params, "buffer", 0, 1, (int[]){2});
    cr_assert_eq(tw_params_tie(params, "b", "a"), TW_ERR_SHAPE);
    assert_error(ctx, TW_ERR_SHAPE, "tied parameters need the same shape: \"b\" [3] and \"a\" [2]");
    cr_assert_eq(tw_params_tie(params, "a", "x"), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "no parameter \"x\"");
    cr_assert_eq(tw_params_tie(params, "y", "a"), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "no parameter \"y\"");
    cr_assert_eq(tw_params_tie(params, "a", "buffer"), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "\"buffer\" is a buffer");
    cr_assert_eq(tw_params_tie(params, "a", "a"), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "itself");
}

/* ---- the flat space ------------------------------------------------------------------------------------ */

Test(params, spans_visit_every_number_once) {
    const int size[] = {5, 0, TW__PARAM_BLOCK - 16, 1, 3 * TW__PARAM_BLOCK + 7, 0, 16, TW__PARAM_BLOCK, 0};
    enum { N = sizeof size / sizeof *size };
    int *seen[N];
    for (int i = 0; i < N; i++) {
        vector((char[]){(char)('a' + i), 0}, size[i], 0);
        seen[i] = calloc((size_t)size[i] + 1, sizeof(int));
    }
    cr_assert_eq(tw__params_layout(params), TW_OK);
    for (int block = 0; block < tw__params_blocks(params); block++)
        for (tw__span s = tw__span_first(params, block); s.n; s = tw__span_next(params, s)) {
            cr_assert_lt(s.param, N);
            cr_assert_leq(s.start + s.n, (size_t)size[s.param]);
            cr_assert_eq((params->param[s.param]->offset + s.start) / TW__PARAM_BLOCK, block);
            for (size_t i = 0; i < s.n; i++) seen[s.param][s.start + i]++;
        }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < size[i]; k++) cr_assert_eq(seen[i][k], 1, "parameter %d, element %d", i, k);
        free(seen[i]);
    }
}

Test(params, no_parameters_at_all) {
    cr_assert_eq(tw_clip_grad_norm(params, 1), 0);
    cr_assert_eq(tw_params_seal(params), TW_OK);
    cr_assert_eq(tw_params_size(params), 0);
    cr_assert_eq(tw_clip_grad_norm(params, 1), 0);
}

/* ---- ownership and memory ------------------------------------------------------------------------------ */

static char freed[8];
static void note(void *object) { strcat(freed, object); }

Test(params, owned_objects_are_freed_newest_first) {
    tw_params *own = tw_params_new(ctx);
    freed[0] = 0;
    cr_assert_eq(tw__params_own(own, "a", note), TW_OK);
    cr_assert_eq(tw__params_own(own, "b", note), TW_OK);
    cr_assert_eq(tw__params_own(own, "c", note), TW_OK);
    tw_params_free(own);
    cr_assert_str_eq(freed, "cba");
}

static bool make_some(tw_params *p) {
    return tw_param(p, "w", (tw_init){TW_INIT_ORTHOGONAL, 0}, 2, (int[]){3, 4}) &&
        tw_buffer(p, "m", 1, 1, (int[]){4}) && tw_param(p, "v", (tw_init){0}, 1, (int[]){4}) &&
        !tw__params_own(p, "x", note) && !tw_params_seal(p);
}

Test(params, each_allocation_may_fail) {
    int k = 0;
    for (bool done = false; !done; k++) {
        cr_assert_lt(k, 100);
        counted c = {0};
        tw_ctx *own = counted_ctx(&c, 1);
        counted_fail_after(&c, k);
        tw_params *p = tw_params_new(own);
        done = p && make_some(p);
        if (!done) assert_error(own, TW_ERR_NOMEM, "out of memory");
        counted_fail_after(&c, -1);
        freed[0] = 0;
        tw_params_free(p);
        tw_ctx_free(own);
    }
    cr_assert_gt(k, 8);
}

/* ---- first values -------------------------------------------------------------------------------------- */

typedef struct moments {
    double mean, std, largest;
} moments;
static moments measure(const tw_tensor *t) {
    double sum = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < t->size; i++) {
        double x = (double)t->data[i];
        sum += x;
        squares += x * x;
        largest = fmax(largest, fabs(x));
    }
    double mean = sum / (double)t->size;
    return (moments){mean, sqrt(squares / (double)t->size - mean * mean), largest};
}

/* Standard deviation and, for uniform ones, bound of each kind; the bounds allow for five standard errors. */
Test(params, distributions) {
    static const struct {
        tw_init init;
        double std;
        bool uniform;
    } cases[] = {
        /* [24, 8, 3, 5]: fan_in 120, fan_out 360 */
        {{TW_INIT_UNIFORM, 0.3}, 0.17320508, true},       {{TW_INIT_NORMAL, 0.3}, 0.3, false},
        {{TW_INIT_KAIMING_UNIFORM, 0}, 0.12909944, true}, /* sqrt(2/120) */
        {{TW_INIT_KAIMING_NORMAL, 0}, 0.12909944, false}, {{TW_INIT_KAIMING_NORMAL, 1}, 0.09128709, false},
        {{TW_INIT_XAVIER_UNIFORM, 0}, 0.06454972, true}, /* sqrt(2/480) */
        {{TW_INIT_XAVIER_NORMAL, 3}, 0.19364917, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_tensor *t = tw_param(params, (char[]){(char)('a' + i), 0}, cases[i].init, 4, (int[]){24, 8, 3, 5});
        moments m = measure(t);
        double n = (double)t->size, bound = cases[i].uniform ? sqrt(3.0) * cases[i].std : 6 * cases[i].std;
        cr_assert_lt(fabs(m.mean), 5 * cases[i].std / sqrt(n), "case %zu: mean %g", i, m.mean);
        cr_assert_lt(fabs(m.std / cases[i].std - 1), 5 / sqrt(2 * n), "case %zu: std %g", i, m.std);
        cr_assert_leq(m.largest, bound * (1 + 1e-6), "case %zu: %g", i, m.largest);
        if (cases[i].uniform) cr_assert_gt(m.largest, 0.99 * bound, "case %zu: %g", i, m.largest);
        else cr_assert_gt(m.largest, 2.5 * cases[i].std);
    }
}

Test(params, orthogonal) {
    static const int shape[][4] = {{5, 3, 1, 2}, {3, 20, 1, 1}, {20, 3, 1, 1},
                                   {7, 7, 1, 1}, {1, 4, 1, 1},  {64, 16, 2, 2}};
    for (int c = 0; c < 6; c++) {
        double gain = c % 2 ? 1.5 : 1;
        tw_tensor *t = tw_param(params, (char[]){(char)('a' + c), 0}, (tw_init){TW_INIT_ORTHOGONAL, c % 2 ? 1.5 : 0}, 4,
                                shape[c]);
        int rows = t->dim[0], cols = (int)t->size / rows;
        bool wide = rows < cols;
        int count = wide ? rows : cols, length = wide ? cols : rows;
        for (int i = 0; i < count; i++)
            for (int j = 0; j <= i; j++) {
                double sum = 0;
                for (int k = 0; k < length; k++)
                    sum += (double)t->data[wide ? i * cols + k : k * cols + i] *
                        (double)t->data[wide ? j * cols + k : k * cols + j];
                cr_assert_float_eq(sum, i == j ? gain * gain : 0, 2e-6, "shape %d: %d times %d is %g", c, i, j, sum);
            }
    }
}

Test(params, draws_depend_on_seed_and_name_only) {
    tw_init normal = {TW_INIT_NORMAL, 1};
    tw_tensor *a = tw_param(params, "a", normal, 1, (int[]){4}), *b = tw_param(params, "b", normal, 1, (int[]){4});
    tw_ctx *other = tw_ctx_new(1), *seeded = tw_ctx_new(2);
    tw_params *p = tw_params_new(other), *q = tw_params_new(seeded);
    (void)tw_random_stream(other);
    tw_tensor *b2 = tw_param(p, "b", normal, 1, (int[]){4}), *a2 = tw_param(p, "a", normal, 1, (int[]){4});
    tw_tensor *a3 = tw_param(q, "a", normal, 1, (int[]){4});
    cr_assert_arr_eq(a->data, a2->data, 4 * sizeof(tw_real));
    cr_assert_arr_eq(b->data, b2->data, 4 * sizeof(tw_real));
    cr_assert(a->data[0] != b->data[0] && a->data[0] != a3->data[0]);
    tw_params_free(p);
    tw_params_free(q);
    tw_ctx_free(other);
    tw_ctx_free(seeded);
}
