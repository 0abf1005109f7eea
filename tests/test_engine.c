/* test_engine.c - the step and the tape: errors, stale tensors, backward, gradients kept or not, the printed tape. */
#include "util.h"

#include <float.h>

static const int two_three[2] = {2, 3};

/* ---- errors -------------------------------------------------------------------------------------------- */

Test(engine, a_message_is_one_line_that_steers_no_terminal) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_fail(ctx, TW_ERR_FORMAT, "%s: unknown model \"%s\"", "a.st", "ti\nny\x1b[2J\t\x7f \xc3\xa9");
    cr_assert_str_eq(tw_errmsg(ctx), "a.st: unknown model \"ti?ny?[2J?? \xc3\xa9\"");
    tw_ctx_free(ctx);
}

Test(engine, the_first_error_wins) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *a = tw_full(ctx, 1, 2, two_three);
    tw_tensor *bad = tw_matmul(ctx, a, false, a, false);
    cr_assert_null(bad);
    cr_assert_eq(tw_error(ctx), TW_ERR_SHAPE);
    char first[256];
    snprintf(first, sizeof first, "%s", tw_errmsg(ctx));
    /* NULL nests, other errors do not replace the first, nothing is recorded any more. */
    cr_assert_null(tw_relu(ctx, tw_add(ctx, bad, a)));
    cr_assert_null(tw_slice(ctx, a, 7, 0, 1));
    cr_assert_null(tw_relu(ctx, a));
    cr_assert_eq(tw_error(ctx), TW_ERR_SHAPE);
    cr_assert_str_eq(tw_errmsg(ctx), first);
    cr_assert_eq(tw_backward(ctx, a), TW_ERR_SHAPE);
    tw_step_begin(ctx); /* a new step does not hide it */
    cr_assert_eq(tw_error(ctx), TW_ERR_SHAPE);
    tw_error_clear(ctx);
    cr_assert_eq(tw_error(ctx), TW_OK);
    cr_assert_str_empty(tw_errmsg(ctx));
    cr_assert_not_null(tw_relu(ctx, tw_full(ctx, 1, 2, two_three)));
    tw_ctx_free(ctx);
}

Test(engine, a_stale_tensor_is_an_error) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *old = tw_set_name(tw_full(ctx, 1, 2, two_three), "old");
    tw_tensor copy = *old; /* its memory is used again: the test keeps what a program would still point at */
    tw_step_begin(ctx);
    tw_tensor *x = tw_full(ctx, 1, 2, two_three);
    cr_assert_null(tw_add(ctx, x, &copy));
    assert_error(ctx, TW_ERR_STATE, "add: input 2 belongs to an earlier step");
    cr_assert_null(tw_tanh(ctx, &copy));
    assert_error(ctx, TW_ERR_STATE, "tanh: input 1 belongs to an earlier step");
    cr_assert_null(tw_dropout(ctx, &copy, 0));
    assert_error(ctx, TW_ERR_STATE, "dropout");
    cr_assert_eq(tw_backward(ctx, &copy), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "backward: input 1 belongs");
    cr_assert_eq(tw_backward_from(ctx, &copy, x->data), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "backward: input 1 belongs to an earlier step");
    tw_ctx_free(ctx);
}

/* Steps are counted by each context, so a tensor of another one is noticed where the counts differ. */
Test(engine, a_tensor_of_another_context) {
    tw_ctx *ctx = tw_ctx_new(1), *other = tw_ctx_new(1);
    tw_step_begin(other);
    cr_assert_null(tw_tanh(ctx, tw_full(other, 1, 2, two_three)));
    assert_error(ctx, TW_ERR_STATE, "tanh: input 1 belongs to an earlier step, or to another context");
    tw_ctx_free(ctx);
    tw_ctx_free(other);
}

Test(engine, draws_that_cannot_be) {
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real most = sizeof(tw_real) == 4 ? (tw_real)3e38 : (tw_real)1.7e308, inf = INFINITY, nan = NAN;
    const tw_real range[][2] = {{5, 1}, {nan, 1}, {0, nan}, {-most, most}, {0, inf}, {-inf, inf}, {inf, inf}};
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        cr_assert_null(tw_rand(ctx, range[i][0], range[i][1], 2, two_three));
        assert_error(ctx, TW_ERR_RANGE, "rand: there is no number to draw from ");
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_null(tw_randn(ctx, 0, (const tw_real[]){-1, nan, inf}[i], 2, two_three));
        assert_error(ctx, TW_ERR_RANGE, "randn: a standard deviation is finite, and 0 or above");
    }
    cr_assert_eq(tw_rng_get(ctx).counter, 0, "nothing was drawn");
    const tw_tensor *same = tw_rand(ctx, 2, 2, 2, two_three), *one = tw_randn(ctx, 3, 0, 2, two_three);
    cr_assert(same->data[5] == 2 && one->data[5] == 3);
    tw_ctx_free(ctx);
}

Test(engine, shapes_that_cannot_be) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real v = 1;
    cr_assert_null(tw_full(ctx, 0, 2, (int[]){2, -1}));
    assert_error(ctx, TW_ERR_SHAPE, "[2,-1]");
    cr_assert_null(tw_full(ctx, 0, 5, (int[]){INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}));
    assert_error(ctx, TW_ERR_SHAPE, "too large");
    cr_assert_null(tw_full(ctx, 0, 6, (int[]){1, 1, 1, 1, 1, 1}));
    assert_error(ctx, TW_ERR_SHAPE, "0 to 5 dimensions, not 6");
    cr_assert_null(tw_full(ctx, 0, -1, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "not -1");
    cr_assert_null(tw_input(ctx, NULL, 1, (int[]){3}));
    assert_error(ctx, TW_ERR_RANGE, "NULL");
    assert_tensor(ctx, tw_input(ctx, NULL, 2, (int[]){0, 3}), 2, ((int[]){0, 3}), NULL, 0);
    assert_tensor(ctx, tw_input(ctx, &v, 0, NULL), 0, NULL, &v, 0);
    tw_ctx_free(ctx);
}

/* ---- backward ------------------------------------------------------------------------------------------ */

Test(engine, backward_runs_once_in_a_step) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 2, two_three);
    tw_tensor *loss = tw_sum(ctx, tw_mul(ctx, x, x), 0, NULL, false);
    cr_assert_eq(tw_backward(ctx, loss), TW_OK);
    cr_assert_eq(tw_backward(ctx, loss), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "backward ran already in this step");
    tw_step_begin(ctx);
    x = random_leaf(ctx, 1, -1, 1, 2, two_three);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, x, 0, NULL, false)), TW_OK);
    tw_ctx_free(ctx);
}

Test(engine, backward_refuses) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = tw_set_name(random_leaf(ctx, 1, 1, 2, 2, two_three), "x"), *c = tw_full(ctx, 1, 0, NULL);
    cr_assert_eq(tw_backward(ctx, NULL), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "NULL");
    cr_assert_eq(tw_backward(ctx, x), TW_ERR_SHAPE);
    assert_error(ctx, TW_ERR_SHAPE, "a loss has one element, this has the shape \"x\" [2,3]");
    cr_assert_eq(tw_backward(ctx, c), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "wants a gradient");
    tw_set_recording(ctx, false);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, x, 0, NULL, false)), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "recording is off");
    tw_ctx_free(ctx);
}

Test(engine, a_loss_that_is_not_finite_names_where_it_began) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real v[3] = {1, 0, 2}, w[3] = {1, NAN, 2};
    tw_tensor *x = tw_input_grad(ctx, v, 1, (int[]){3});
    tw_tensor *y = tw_set_name(tw_log(ctx, tw_scale(ctx, x, 2)), "logs");
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_exp(ctx, tw_scale(ctx, y, -1)), 0, NULL, false)), TW_ERR_NONFINITE);
    assert_error(ctx, TW_ERR_NONFINITE, "the loss is inf: the first non-finite value came out of log \"logs\" [3]");
    tw_step_begin(ctx);
    x = tw_set_name(tw_input_grad(ctx, w, 1, (int[]){3}), "picture");
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_relu(ctx, x), 0, NULL, false)), TW_ERR_NONFINITE);
    assert_error(ctx, TW_ERR_NONFINITE, "relu got a non-finite input \"picture\" [3]");
    tw_ctx_free(ctx);
}

/* The gradient that backward begins with is the caller's, and stays as it was: y's own is gone, or a copy if it is to
 * be kept, or added to. */
Test(engine, backward_from_borrows_the_gradient) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real v[2] = {2, -5}, dy[2] = {3, 7};
    for (int keep = 0; keep < 2; keep++) {
        tw_step_begin(ctx);
        tw_tensor *x = tw_input_grad(ctx, v, 1, (int[]){2}), *y = tw_scale(ctx, x, 10);
        if (keep) tw_keep_grad(y);
        cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
        assert_near(x->grad, ((tw_real[]){30, 70}), 2, 0);
        cr_assert(dy[0] == 3 && dy[1] == 7);
        cr_assert(y->grad != dy);
        cr_assert(keep ? y->grad[0] == 3 && y->grad[1] == 7 : !y->grad);
    }
    tw_step_begin(ctx); /* a later node has a gradient already: what comes from it is added to a copy */
    tw_tensor *x = tw_input_grad(ctx, v, 1, (int[]){2}), *y = tw_scale(ctx, x, 10), *z = tw_scale(ctx, y, 100);
    tw_real beta, *dz = tw_grad(ctx, z, &beta);
    dz[0] = dz[1] = 1;
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK);
    assert_near(x->grad, ((tw_real[]){1030, 1070}), 2, 0);
    cr_assert(dy[0] == 3 && dy[1] == 7);
    tw_step_begin(ctx);
    tw_tensor *leaf = tw_input_grad(ctx, v, 1, (int[]){2});
    cr_assert_eq(tw_backward_from(ctx, leaf, dy), TW_OK);
    cr_assert(leaf->grad != dy && leaf->grad[1] == 7);
    tw_ctx_free(ctx);
}

/* A diamond, an unused branch, a leaf used many times: y = sum(x x + 3 x) twice over. */
Test(engine, gradients_of_every_path_add_up) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real v[2] = {2, -5};
    tw_tensor *x = tw_input_grad(ctx, v, 1, (int[]){2});
    tw_tensor *a = tw_mul(ctx, x, x), *b = tw_scale(ctx, x, 3);
    tw_tensor *unused = tw_exp(ctx, a);
    tw_tensor *s = tw_add(ctx, a, b);
    cr_assert_not_null(unused);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_add(ctx, s, s), 0, NULL, false)), TW_OK);
    assert_near(x->grad, ((tw_real[]){14, -14}), 2, 0);
    cr_assert_null(unused->grad);
    tw_ctx_free(ctx);
}

Test(engine, keep_grad_keeps_and_others_go) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real v[2] = {2, -5};
    tw_tensor *x = tw_input_grad(ctx, v, 1, (int[]){2});
    tw_tensor *kept = tw_keep_grad(tw_scale(ctx, x, 3)), *gone = tw_mul(ctx, kept, kept);
    tw_tensor *stop = tw_detach(ctx, gone);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, tw_add(ctx, gone, stop), 0, NULL, false)), TW_OK);
    assert_near(kept->grad, ((tw_real[]){12, -30}), 2, 0);
    assert_near(x->grad, ((tw_real[]){36, -90}), 2, 0);
    cr_assert_null(gone->grad);
    cr_assert_null(stop->grad);
    cr_assert_null(tw_keep_grad(NULL));
    tw_ctx_free(ctx);
}

Test(engine, without_recording_values_are_the_same) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_tensor *x = random_leaf(ctx, 1, -1, 1, 2, two_three);
    tw_tensor *with = tw_softmax(ctx, tw_tanh(ctx, x), 1);
    cr_assert_not_null(with->node);
    tw_set_recording(ctx, false);
    tw_tensor *without = tw_softmax(ctx, tw_tanh(ctx, x), 1);
    cr_assert_null(without->node);
    cr_assert(!without->requires_grad);
    assert_near(without->data, with->data, with->size, 0);
    tw_ctx_free(ctx);
}

/* ---- the printed tape ---------------------------------------------------------------------------------- */

typedef struct tape_text {
    char text[4096];
} tape_text;

static void print_tape(tw_ctx *ctx, tape_text *tape) {
    FILE *out = fmemopen(tape->text, sizeof tape->text, "w");
    tw_tape_print(ctx, out);
    fclose(out);
}

static int lines(const char *text) {
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

Test(engine, the_tape_is_printed_in_order) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_set_profiling(ctx, true);
    tw_step_begin(ctx);
    tw_tensor *x = tw_set_name(random_leaf(ctx, 1, -1, 1, 2, two_three), "x");
    tw_tensor *y = tw_set_name(tw_matmul(ctx, x, true, x, false), "gram");
    tw_tensor *loss = tw_mean(ctx, tw_relu(ctx, y), 0, NULL, false);
    cr_assert_eq(tw_backward(ctx, loss), TW_OK);
    tape_text tape;
    const char *text = tape.text;
    print_tape(ctx, &tape);
    const char *matmul = strstr(text, "matmul"), *relu = strstr(text, "relu"), *mean = strstr(text, "mean");
    cr_assert(matmul && relu && mean && matmul < relu && relu < mean, "%s", text);
    cr_assert(strstr(text, "\"x\" [2,3] \"x\" [2,3] -> \"gram\" [3,3]"), "%s", text);
    cr_assert(strstr(text, "\"gram\" [3,3] -> [3,3]"), "%s", text);
    cr_assert(strstr(text, "[3,3] -> []"), "%s", text);
    cr_assert_eq(lines(text), 5, "a heading, three nodes and the total:\n%s", text);

    tw_step_begin(ctx);
    print_tape(ctx, &tape);
    cr_assert_eq(lines(text), 2, "%s", text);
    tw_ctx_free(ctx);
}

/* A graph whose lines are known; a name with quotes and backslashes stays inside its label. */
Test(engine, the_tape_as_a_graph) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_step_begin(ctx);
    tw_tensor *x = tw_set_name(random_leaf(ctx, 1, -1, 1, 2, two_three), "a\"\\b");
    tw_tensor *y = tw_set_name(tw_add(ctx, tw_relu(ctx, x), x), "y"); /* x twice: one leaf */
    cr_assert_not_null(tw_mean(ctx, y, 0, NULL, false));
    tape_text tape;
    FILE *out = fmemopen(tape.text, sizeof tape.text, "w");
    tw_tape_dot(ctx, out);
    fclose(out);
    cr_assert_str_eq(tape.text,
                     "digraph tape {\n"
                     "  rankdir=LR;\n"
                     "  op0 [shape=box, label=\"relu\"];\n"
                     "  leaf0 [shape=ellipse, style=bold, label=\"\\\"a\\\"\\\\b\\\" [2,3]\"];\n"
                     "  leaf0 -> op0;\n"
                     "  op1 [shape=box, label=\"add\"];\n"
                     "  op0 -> op1 [label=\"[2,3]\"];\n"
                     "  leaf0 -> op1;\n"
                     "  op2 [shape=box, label=\"mean\"];\n"
                     "  op1 -> op2 [label=\"\\\"y\\\" [2,3]\"];\n"
                     "  op2 -> leaf1;\n"
                     "  leaf1 [shape=ellipse, label=\"[]\"];\n"
                     "}\n");
    tw_step_begin(ctx);
    out = fmemopen(tape.text, sizeof tape.text, "w");
    tw_tape_dot(ctx, out);
    fclose(out);
    cr_assert_str_eq(tape.text, "digraph tape {\n  rankdir=LR;\n}\n");
    tw_ctx_free(ctx);
}

/* ---- the context --------------------------------------------------------------------------------------- */

Test(engine, same_seed_same_numbers) {
    tw_ctx *a = tw_ctx_new(5), *b = tw_ctx_new(5), *c = tw_ctx_new(6);
    tw_tensor *xa = tw_randn(a, 0, 1, 2, two_three), *xb = tw_randn(b, 0, 1, 2, two_three);
    tw_tensor *xc = tw_randn(c, 0, 1, 2, two_three), *next = tw_randn(a, 0, 1, 2, two_three);
    cr_assert(!memcmp(xa->data, xb->data, 6 * sizeof *xa->data));
    cr_assert(memcmp(xa->data, xc->data, 6 * sizeof *xa->data));
    cr_assert(memcmp(xa->data, next->data, 6 * sizeof *xa->data));
    tw_ctx_free(a), tw_ctx_free(b), tw_ctx_free(c);
}

Test(engine, random_draws_have_the_right_moments) {
    tw_ctx *ctx = tw_ctx_new(5);
    const int n = 200000;
    tw_tensor *x = tw_randn(ctx, 2, 3, 1, &n), *u = tw_rand(ctx, -1, 3, 1, &n);
    double mean = 0, square = 0, low = 9, high = -9, sum = 0;
    for (int i = 0; i < n; i++) {
        mean += (double)x->data[i] / n;
        square += (double)x->data[i] * (double)x->data[i] / n;
        sum += (double)u->data[i] / n;
        low = fmin(low, (double)u->data[i]);
        high = fmax(high, (double)u->data[i]);
    }
    cr_assert_float_eq(mean, 2, 0.03);
    cr_assert_float_eq(sqrt(square - mean * mean), 3, 0.03);
    cr_assert_float_eq(sum, 1, 0.02);
    cr_assert(low >= -1 && low < -0.99 && high < 3 && high > 2.99);
    tw_ctx_free(ctx);
}

/* Between two neighbouring numbers half of all draws round to the upper one, which is excluded. */
Test(engine, random_draws_never_reach_the_upper_end) {
    tw_ctx *ctx = tw_ctx_new(5);
    const int n = 1000;
    tw_tensor *u = tw_rand(ctx, 1, 1 + FLT_EPSILON, 1, &n), *same = tw_rand(ctx, 2, 2, 1, &n);
    for (int i = 0; i < n; i++) cr_assert(u->data[i] == 1 && same->data[i] == 2);
    tw_ctx_free(ctx);
}

Test(engine, threads_are_limited) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
    cr_assert_eq(tw_threads(ctx), 2);
    tw_set_threads(ctx, 0);
    cr_assert_eq(tw_threads(ctx), 1);
    tw_set_threads(ctx, 100000);
    cr_assert_eq(tw_threads(ctx), 256);
    tw_ctx_free(ctx);
    tw_ctx_free(NULL);
}
