/* util_rnn.h - a recurrent layer of either kind, what computes the same without it (matmul, sigmoid, tanh), and all
 * that a step of it computes, as one array. */
#ifndef TEST_UTIL_RNN_H
#define TEST_UTIL_RNN_H

#include "util.h"

typedef enum rnn_kind { RNN_LSTM, RNN_GRU, RNN_KINDS } rnn_kind;

/* A test of this name for each kind, with the body that follows:
 *     BOTH(rnn, states_continue) { .. kind .. } */
#define BOTH(suite, name)                        \
    static void name(rnn_kind kind);             \
    Test(suite, lstm_##name) { name(RNN_LSTM); } \
    Test(suite, gru_##name) { name(RNN_GRU); }   \
    static void name(rnn_kind kind)

typedef struct rnn {
    rnn_kind kind;
    tw_layer *layer;
    tw_params *params;
    const char *name;
    int D, H, layers, directions, gates; /* of the weights: [gates H,..] */
    int states;                          /* 2: h and c; 1: h */
} rnn;
/* name is borrowed. The GRU takes of the options what it has. */
rnn rnn_new(tw_params *params, rnn_kind kind, const char *name, int D, int H, tw_lstm_options options);
tw_tensor *rnn_weight(const rnn *r, const char *what, int layer, int direction); /* "weight_ih", "bias_hh" .. */

/* initial and final: h, and where there is one c; each NULL, as the members of initial may be. */
tw_tensor *rnn_call(tw_ctx *ctx, const rnn *r, tw_tensor *x, tw_labels lengths, tw_tensor *const *initial,
                    tw_tensor **final);
/* The same, a sample and a frame at a time. It wants initial and final. */
tw_tensor *rnn_oracle(tw_ctx *ctx, const rnn *r, tw_tensor *x, tw_labels lengths, tw_tensor *const *initial,
                      tw_tensor **final);
typedef tw_tensor *rnn_function(tw_ctx *ctx, const rnn *r, tw_tensor *x, tw_labels lengths, tw_tensor *const *initial,
                                tw_tensor **final);

typedef struct rnn_batch {
    int T, N;
    tw_real *x, *state[2];  /* random */
    const int32_t *lengths; /* NULL: all T */
} rnn_batch;
rnn_batch rnn_batch_new(const rnn *r, int T, int N, const int32_t *lengths);
void rnn_batch_free(rnn_batch *b);
tw_labels rnn_lengths(const rnn_batch *b);

/* A step: y, the last states, then the gradients of x, the first states and every parameter, for a random gradient of y
 * and the last states (random_reals of seed 4). The caller frees v. */
typedef struct rnn_snapshot {
    tw_real *v;
    size_t n;
} rnn_snapshot;
rnn_snapshot rnn_step(tw_ctx *ctx, const rnn *r, const rnn_batch *b, rnn_function *function);

#endif
