/* test_lstm.c - what is the LSTM's own: names, first values, errors. What it shares with the GRU is in test_rnn.c. */
#include "util_suite.h"

SUITE(lstm, 5);

static const tw_labels all = {NULL, 0};

/* ---- making it -------------------------------------------------------------------------------------------- */

Test(lstm, parameters_are_pytorchs) {
    static const char *const name[] = {
        "lstm.weight_ih_l0",         "lstm.weight_hh_l0",         "lstm.bias_ih_l0",         "lstm.bias_hh_l0",
        "lstm.weight_ih_l0_reverse", "lstm.weight_hh_l0_reverse", "lstm.bias_ih_l0_reverse", "lstm.bias_hh_l0_reverse",
        "lstm.weight_ih_l1",         "lstm.weight_hh_l1",         "lstm.bias_ih_l1",         "lstm.bias_hh_l1",
        "lstm.weight_ih_l1_reverse", "lstm.weight_hh_l1_reverse", "lstm.bias_ih_l1_reverse", "lstm.bias_hh_l1_reverse"};
    enum { D = 3, H = 25 };
    cr_assert_not_null(tw_lstm_new(params, "lstm", D, H, &(tw_lstm_options){.layers = 2, .bidirectional = true}));
    cr_assert_eq(tw_params_count(params), sizeof name / sizeof *name);
    for (int i = 0; i < 16; i++) {
        tw_tensor *p = tw_params_at(params, (size_t)i);
        cr_assert_str_eq(p->name, name[i]);
        const int in = i % 4 == 1 ? H : i < 8 ? D : 2 * H;
        assert_tensor(ctx, p, i % 4 < 2 ? 2 : 1, ((int[]){4 * H, in}), NULL, 0);
        double largest = 0;
        for (int j = 0; j < (int)p->size; j++) {
            const bool forget = i % 4 >= 2 && j >= H && j < 2 * H;
            if (forget) cr_assert(p->data[j] == (i % 4 == 2 ? 1 : 0));
            else largest = fmax(largest, fabs((double)p->data[j]));
        }
        cr_assert(largest <= 1.0 / 5 && largest > 0.9 / 5, "%s reaches %g", p->name, largest);
    }
}

Test(lstm, initialisation_options) {
    tw_lstm_new(params, "plain", 3, 100, &(tw_lstm_options){.plain_forget_bias = true});
    tw_tensor *b = tw_params_find(params, "plain.bias_ih_l0");
    bool any = false;
    for (int j = 100; j < 200; j++) {
        cr_assert(fabs((double)b->data[j]) <= 0.1);
        any = any || b->data[j] != 0;
    }
    cr_assert(any);
    tw_lstm_new(params, "given", 3, 4, &(tw_lstm_options){.init = {TW_INIT_CONSTANT, 0.25}});
    for (int j = 0; j < 16; j++) {
        cr_assert(tw_params_find(params, "given.weight_hh_l0")->data[j] == (tw_real)0.25);
        cr_assert(tw_params_find(params, "given.bias_ih_l0")->data[j] == (j / 4 == 1));
        cr_assert(tw_params_find(params, "given.bias_hh_l0")->data[j] == 0);
    }
    tw_lstm_new(params, "bare", 3, 4, &(tw_lstm_options){.no_bias = true});
    cr_assert_null(tw_params_find(params, "bare.bias_ih_l0"));
    assert_ok(ctx);
}

/* ---- errors ----------------------------------------------------------------------------------------------- */

Test(lstm, bad_options) {
    cr_assert_null(tw_lstm_new(NULL, "l", 1, 1, NULL));
    assert_ok(ctx);
    cr_assert_null(tw_lstm_new(params, "l", 0, 4, NULL));
    assert_error(ctx, TW_ERR_RANGE, "lstm: sizes are at least 1: input 0, hidden 4");
    cr_assert_null(tw_lstm_new(params, "l", 4, -1, NULL));
    assert_error(ctx, TW_ERR_RANGE, "hidden -1");
    cr_assert_null(tw_lstm_new(params, "l", 4, 1 << 30, NULL));
    assert_error(ctx, TW_ERR_RANGE, "hidden is at most");
    cr_assert_null(tw_lstm_new(params, "l", 4, 4, &(tw_lstm_options){.layers = -1}));
    assert_error(ctx, TW_ERR_RANGE, "layers");
    cr_assert_null(tw_lstm_new(params, "l", 4, 4, &(tw_lstm_options){.dropout = 1.5}));
    assert_error(ctx, TW_ERR_RANGE, "dropout");
    cr_assert_null(tw_lstm_new(params, "l", 4, 4, &(tw_lstm_options){.dropout = NAN}));
    assert_error(ctx, TW_ERR_RANGE, "dropout");
    cr_assert_not_null(tw_lstm_new(params, "l", 4, 4, NULL));
    cr_assert_null(tw_lstm_new(params, "l", 4, 4, NULL));
    assert_error(ctx, TW_ERR_RANGE, "l.weight_ih_l0");
}

Test(lstm, bad_inputs) {
    enum { T = 4, N = 2, D = 3, H = 5 };
    tw_layer *lstm = tw_lstm_new(params, "lstm", D, H, &(tw_lstm_options){.bidirectional = true});
    static const int32_t good[N] = {1, 4}, long_one[N] = {1, 5}, negative[N] = {-1, 2};
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 3, (int[]){T, N, D}), "x");
    tw_tensor *state = tw_full(ctx, 0, 3, (int[]){2, N, H}), *wrong = tw_full(ctx, 0, 3, (int[]){1, N, H});
    tw_lstm_state final = {x, x};

    cr_assert_null(tw_lstm(ctx, lstm, NULL, all, NULL, &final));
    cr_assert(!final.h && !final.c);
    cr_assert_null(tw_lstm(ctx, NULL, x, all, NULL, NULL));
    assert_ok(ctx);
    cr_assert_null(tw_lstm(ctx, lstm, tw_full(ctx, 1, 2, (int[]){T, D}), all, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the input is [T,N,D], not [4,3]");
    cr_assert_null(tw_lstm(ctx, lstm, tw_full(ctx, 1, 3, (int[]){T, N, 4}), all, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE,
                 "lstm: input has 4 features, the weight wants 3: [4,2,4], \"lstm.weight_ih_l0\" [20,3]");
    cr_assert_null(tw_lstm(ctx, lstm, x, (tw_labels){good, 1}, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "1 lengths for 2 samples: \"x\" [4,2,3]");
    cr_assert_null(tw_lstm(ctx, lstm, x, (tw_labels){NULL, N}, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "2 lengths at NULL");
    cr_assert_null(tw_lstm(ctx, lstm, x, (tw_labels){long_one, N}, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "sample 1 has length 5, outside 0..4");
    cr_assert_null(tw_lstm(ctx, lstm, x, (tw_labels){negative, N}, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "sample 0 has length -1");
    cr_assert_null(tw_lstm(ctx, lstm, x, all, &(tw_lstm_state){wrong, state}, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the initial h is [2,2,5] for this input, not [1,2,5]");
    cr_assert_null(tw_lstm(ctx, lstm, x, all, &(tw_lstm_state){state, wrong}, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "the initial c is [2,2,5]");
    tw_layer *dense = tw_dense_new(params, "fc", D, 2, NULL);
    cr_assert_null(tw_lstm(ctx, dense, x, all, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "the layer is a dense");
    cr_assert_not_null(tw_lstm(ctx, lstm, x, (tw_labels){good, N}, &(tw_lstm_state){NULL, NULL}, &final));
    assert_ok(ctx);
}
