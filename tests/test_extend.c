/* test_extend.c - what extend.h gives to authors of ops and layers: matrix products, parallel loops, ops with several
 * outputs, named random streams, errors as codes. */
#include "util.h"

/* ---- matrix products ------------------------------------------------------------------------------------------- */

typedef struct product_case {
    bool ta, tb;
    int M, N, K;
    tw_real alpha, beta;
} product_case;

/* Rows are longer than what they hold, and the rest of a row of C stays what it was. */
enum { SLACK = 3 };

static void check_gemm(tw_ctx *ctx, const product_case *p, bool serial) {
    int lda = (p->ta ? p->M : p->K) + SLACK, ldb = (p->tb ? p->K : p->N) + SLACK, ldc = p->N + SLACK;
    size_t na = (size_t)(p->ta ? p->K : p->M) * (size_t)lda, nb = (size_t)(p->tb ? p->N : p->K) * (size_t)ldb;
    size_t nc = (size_t)p->M * (size_t)ldc;
    tw_real *A = random_reals(na, 1, -1, 1), *B = random_reals(nb, 2, -1, 1), *C = random_reals(nc, 3, -1, 1);
    tw_real *want = malloc((nc ? nc : 1) * sizeof *want);
    if (nc) memcpy(want, C, nc * sizeof *want);
    for (int i = 0; i < p->M; i++)
        for (int j = 0; j < p->N; j++) {
            double sum = 0;
            for (int k = 0; k < p->K; k++)
                sum += (double)A[p->ta ? k * lda + i : i * lda + k] * (double)B[p->tb ? j * ldb + k : k * ldb + j];
            tw_real *c = &want[i * ldc + j];
            *c = (tw_real)((double)p->alpha * sum + (p->beta == 0 ? 0 : (double)p->beta * (double)*c));
            if (p->beta == 0) C[i * ldc + j] = (tw_real)NAN; /* it must not be read */
        }
    if (serial) tw_gemm_serial(p->ta, p->tb, p->M, p->N, p->K, p->alpha, A, lda, B, ldb, p->beta, C, ldc);
    else tw_gemm(ctx, p->ta, p->tb, p->M, p->N, p->K, p->alpha, A, lda, B, ldb, p->beta, C, ldc);
    assert_near(C, want, nc, 1e-4);
    free(A), free(B), free(C), free(want);
}

Test(extend, gemm_equals_loops) {
    static const int size[][3] = {{1, 1, 1}, {5, 7, 3}, {64, 33, 70}, {150, 130, 300}, {3, 4, 0}, {0, 4, 3}};
    static const tw_real factor[][2] = {{1, 0}, {1, 1}, {-2, (tw_real)0.5}, {0, 1}};
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 3});
    for (size_t s = 0; s < sizeof size / sizeof *size; s++)
        for (int t = 0; t < 4; t++)
            for (int f = 0; f < 4; f++) {
                product_case p = {t & 1, t & 2, size[s][0], size[s][1], size[s][2], factor[f][0], factor[f][1]};
                check_gemm(ctx, &p, false);
                check_gemm(ctx, &p, true);
            }
    tw_ctx_free(ctx);
}

/* ---- parallel loops -------------------------------------------------------------------------------------------- */

typedef struct visits {
    int count[1000], threads, outside;
} visits;

static void visit(void *arg, int block, int thread) {
    visits *v = arg;
    v->count[block]++;
    if (thread < 0 || thread >= v->threads) v->outside = 1;
}

Test(extend, parallel_for_runs_every_block_once) {
    for (int threads = 1; threads <= 4; threads++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = threads});
        for (int nblocks = 0; nblocks <= 1000; nblocks = nblocks * 3 + 1) {
            visits v = {.threads = tw_threads(ctx)};
            tw_parallel_for(ctx, nblocks, visit, &v);
            for (int i = 0; i < 1000; i++)
                cr_assert_eq(v.count[i], i < nblocks, "%d threads, block %d of %d", threads, i, nblocks);
            cr_assert_not(v.outside);
        }
        tw_ctx_free(ctx);
    }
}

/* ---- an op with two outputs ------------------------------------------------------------------------------------ */

static void halves_backward(tw_ctx *ctx, tw_node *n) {
    tw_real beta, *dx = tw_grad(ctx, n->in[0], &beta);
    size_t half = n->in[0]->size / 2;
    for (int side = 0; dx && side < 2; side++)
        for (size_t i = 0; i < half; i++) {
            tw_real g = n->out[side]->grad ? n->out[side]->grad[i] : 0; /* an output that nobody used has none */
            dx[(size_t)side * half + i] = tw_add_to(beta, dx[(size_t)side * half + i], g);
        }
}
static const tw_op halves_op = {"halves", halves_backward};

static tw_tensor *halves(tw_ctx *ctx, tw_tensor *x, tw_tensor **second) {
    int half = (int)x->size / 2;
    tw_tensor *out[2] = {tw_new(ctx, 1, &half), tw_new(ctx, 1, &half)};
    if (!out[0] || !out[1]) return NULL;
    for (int i = 0; i < half; i++) out[0]->data[i] = x->data[i], out[1]->data[i] = x->data[half + i];
    *second = out[1];
    return tw_record_many(ctx, &halves_op, NULL, 1, &x, 2, out);
}

Test(extend, an_op_may_have_several_outputs) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const tw_real value[] = {1, 2, 3, 4};
    for (int used = 1; used <= 3; used++) { /* the first, the second, both */
        tw_step_begin(ctx);
        tw_tensor *second = NULL, *x = tw_input_grad(ctx, value, 1, (int[]){4}), *first = halves(ctx, x, &second);
        tw_tensor *loss = used == 1 ? tw_sum(ctx, first, 0, NULL, false)
            : used == 2             ? tw_sum(ctx, second, 0, NULL, false)
                                    : tw_sum(ctx, tw_mul(ctx, first, second), 0, NULL, false);
        cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
        static const tw_real want[3][4] = {{1, 1, 0, 0}, {0, 0, 1, 1}, {3, 4, 1, 2}};
        assert_near(x->grad, want[used - 1], 4, 0);
    }
    tw_ctx_free(ctx);
}

/* ---- a layer that counts how often it ran, in a buffer that is saved with the model ---------------------------- */

typedef struct counter {
    tw_layer base;
    tw_tensor *runs;
} counter;

static tw_tensor *count_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    if (tw_training(ctx)) ((counter *)layer)->runs->data[0]++;
    return x;
}
static const tw_layer_class counter_class = {"counter", count_forward, NULL};

Test(extend, a_layer_may_have_buffers) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(params);
    counter *c = (counter *)tw_layer_new(params, &counter_class, sizeof *c, "seen");
    c->runs = tw_layer_buffer(&c->base, "runs", 5, 1, (int[]){1});
    tw_sequential_add(net, &c->base);
    tw_sequential_add(net, tw_global_avg_pool2d_new(params));
    tw_tensor *y = tw_forward(ctx, net, tw_full(ctx, 3, 4, (int[]){2, 1, 2, 2}));
    assert_tensor(ctx, y, 2, ((int[]){2, 1}), ((tw_real[]){3, 3}), 0);
    tw_tensor *runs = tw_params_find(params, "seen.runs");
    cr_assert(runs == c->runs && runs->data[0] == 6 && !runs->requires_grad);
    cr_assert_eq(tw_params_size(params), 0);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

/* ---- small things ---------------------------------------------------------------------------------------------- */

Test(extend, a_named_stream_depends_on_seed_and_name_only) {
    tw_ctx *a = tw_ctx_new(7), *b = tw_ctx_new(7), *c = tw_ctx_new(8);
    tw_random_stream(b); /* draws from the state in between */
    cr_assert_eq(tw_random_named(a, "fc1.weight"), tw_random_named(b, "fc1.weight"));
    cr_assert_neq(tw_random_named(a, "fc1.weight"), tw_random_named(a, "fc2.weight"));
    cr_assert_neq(tw_random_named(a, "fc1.weight"), tw_random_named(c, "fc1.weight"));
    tw_ctx_free(a), tw_ctx_free(b), tw_ctx_free(c);
}

Test(extend, fail_err_returns_its_code_and_the_first_stays) {
    tw_ctx *ctx = tw_ctx_new(1);
    cr_assert_eq(tw_fail_err(ctx, TW_ERR_IO, "%s: %d", "file", 3), TW_ERR_IO);
    cr_assert_eq(tw_fail_err(ctx, TW_ERR_RANGE, "later"), TW_ERR_RANGE);
    cr_assert_str_eq(tw_errmsg(ctx), "file: 3");
    assert_error(ctx, TW_ERR_IO, "file: 3");
    tw_ctx_free(ctx);
}

Test(extend, switches_say_how_they_stand) {
    tw_ctx *ctx = tw_ctx_new(1);
    cr_assert(tw_training(ctx) && tw_recording(ctx));
    tw_set_training(ctx, false);
    cr_assert(!tw_training(ctx) && tw_recording(ctx));
    tw_set_recording(ctx, false);
    cr_assert_not(tw_recording(ctx));
    cr_assert_str_eq(tw_version(), TW_VERSION);
    tw_ctx_free(ctx);
}
