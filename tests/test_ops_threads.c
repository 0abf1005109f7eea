/* test_ops_threads.c - values and gradients of every operation are the same bits for any number of threads. */
#include "util.h"

#include <pthread.h>
#include <time.h>

/* Many blocks of everything: each operation is used at a size that is cut, forward and backward. */
static tw_tensor *everything(tw_ctx *ctx, tw_tensor *const *leaf) {
    tw_tensor *x = leaf[0], *row = leaf[1], *column = leaf[2], *w = leaf[3], *small = leaf[4];
    tw_tensor *y = tw_mul(ctx, tw_add(ctx, x, row), column); /* [600,300] */
    y = tw_div(ctx, tw_sub(ctx, y, row), tw_add(ctx, tw_exp(ctx, column), tw_sigmoid(ctx, x)));
    y = tw_dropout(ctx, tw_leaky_relu(ctx, y, (tw_real)0.1), (tw_real)0.3);
    tw_tensor *z = tw_relu(ctx, tw_matmul(ctx, y, false, w, true));                          /* [600,200] */
    z = tw_concat(ctx, 2, (tw_tensor *[]){z, tw_slice(ctx, tw_tanh(ctx, y), 1, 20, 60)}, 1); /* [600,240] */
    z = tw_permute(ctx, tw_reshape(ctx, z, 3, (int[]){30, 20, 240}), (int[]){1, 2, 0});      /* [20,240,30] */
    z = tw_add(ctx, tw_softmax(ctx, z, 1), tw_log_softmax(ctx, z, 2));
    z = tw_matmul(ctx, z, false, small, false); /* [20,240,30] x [20,30,5] */
    tw_tensor *s = tw_sqrt(ctx, tw_log(ctx, tw_add(ctx, tw_mul(ctx, y, y), tw_full(ctx, 3, 0, NULL))));
    return tw_concat(ctx, 3,
                     (tw_tensor *[]){tw_reshape(ctx, tw_sum(ctx, z, 2, (int[]){0, 1}, false), 1, (int[]){-1}),
                                     tw_scale(ctx, tw_mean(ctx, s, 1, (int[]){0}, false), 3),
                                     tw_reshape(ctx, tw_sum(ctx, s, 0, NULL, false), 1, (int[]){1})},
                     0);
}

enum { LEAVES = 5 };

typedef struct outcome {
    tw_real *v[LEAVES + 1];
    size_t n[LEAVES + 1];
} outcome;

static outcome run(int threads) {
    static const int dim[LEAVES][3] = {{600, 300}, {300}, {600, 1}, {200, 300}, {20, 30, 5}};
    static const int ndim[LEAVES] = {2, 1, 2, 2, 3};
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 3, .threads = threads});
    tw_tensor *leaf[LEAVES];
    for (int i = 0; i < LEAVES; i++) leaf[i] = random_leaf(ctx, (uint64_t)i + 1, -1, 1, ndim[i], dim[i]);
    tw_tensor *y = everything(ctx, leaf);
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    tw_real *dy = random_reals(y->size, 99, -1, 1);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s", tw_errmsg(ctx));
    outcome o;
    for (int i = 0; i <= LEAVES; i++) {
        const tw_tensor *t = i < LEAVES ? leaf[i] : y;
        o.n[i] = t->size;
        o.v[i] = malloc(t->size * sizeof(tw_real));
        memcpy(o.v[i], i < LEAVES ? t->grad : t->data, t->size * sizeof(tw_real));
    }
    free(dy);
    tw_ctx_free(ctx);
    return o;
}

Test(threads, same_bits_for_one_two_three_and_five) {
    outcome one = run(1);
    for (int threads = 2; threads <= 5; threads += 1 + threads / 3)
        for (int again = 0; again < 3; again++) {
            outcome o = run(threads);
            for (int i = 0; i <= LEAVES; i++) {
                cr_assert(!memcmp(o.v[i], one.v[i], o.n[i] * sizeof(tw_real)), "tensor %d, %d threads", i, threads);
                free(o.v[i]);
            }
        }
    for (int i = 0; i <= LEAVES; i++) free(one.v[i]);
}

/* How much stack is enough is not asked of the sanitizers, whose frames are larger. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(HAS_SANITIZER)
enum { BLOCKS = 16 };
static void note_stack(void *arg, int block, int thread) {
    (void)thread;
    pthread_attr_t mine;
    if (pthread_getattr_np(pthread_self(), &mine)) return;
    pthread_attr_getstacksize(&mine, (size_t *)arg + block);
    pthread_attr_destroy(&mine);
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* so that no thread takes all blocks */
}

/* Where a thread has little stack by itself, as with musl, the pool's threads have what products need to pack. */
Test(threads, have_the_stack_they_need) {
    pthread_attr_t small;
    cr_assert_eq(pthread_attr_init(&small), 0);
    cr_assert_eq(pthread_attr_setstacksize(&small, 128 << 10), 0);
    cr_assert_eq(pthread_setattr_default_np(&small), 0);
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 4});
    size_t size[BLOCKS] = {0};
    tw_parallel_for(ctx, BLOCKS, note_stack, size);
    for (int i = 0; i < BLOCKS; i++) cr_assert(size[i] >= 512 << 10, "%zu bytes", size[i]);
    tw_ctx_free(ctx);
}

/* A program's own thread with 128 KiB: products in all orientations, and each algorithm of convolution. An overflow
 * meets the guard page. */
static void *multiply_and_convolve(void *arg) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 1});
    for (int k = 0; k < 8; k++) {
        tw_tensor *a = random_leaf(ctx, 1, -1, 1, 2, k & 1 ? (int[]){600, 150} : (int[]){150, 600});
        tw_tensor *b = random_leaf(ctx, 2, -1, 1, 2, k & 2 ? (int[]){3 + 90 * (k >> 2), 600} : (int[]){600, 97});
        tw_backward(ctx, tw_sum(ctx, tw_matmul(ctx, a, k & 1, b, k & 2), 0, NULL, false));
        tw_step_begin(ctx);
    }
    const int C[] = {3, 20, 20}, size[] = {3, 3, 4};
    for (int k = 0; k < 3; k++) {
        tw_tensor *x = random_leaf(ctx, 1, -1, 1, 4, (int[]){2, C[k], 20, 31});
        tw_tensor *w = random_leaf(ctx, 2, -1, 1, 4, (int[]){24, C[k], size[k], size[k]});
        tw_backward(ctx, tw_sum(ctx, tw_conv2d(ctx, x, w, NULL, NULL), 0, NULL, false));
        tw_step_begin(ctx);
    }
    *(tw_err *)arg = tw_error(ctx);
    tw_ctx_free(ctx);
    return NULL;
}

Test(threads, a_small_stack_of_the_callers_is_enough) {
    pthread_attr_t small;
    pthread_t id;
    tw_err err = TW_ERR_STATE;
    cr_assert_eq(pthread_attr_init(&small), 0);
    cr_assert_eq(pthread_attr_setstacksize(&small, 128 << 10), 0);
    cr_assert_eq(pthread_create(&id, &small, multiply_and_convolve, &err), 0);
    cr_assert_eq(pthread_join(id, NULL), 0);
    cr_assert_eq(err, TW_OK);
}
#endif
