/* test_gru.c - what is the GRU's own: names, first values, errors. What it shares with the LSTM is in test_rnn.c. */
#include "util_suite.h"

SUITE(gru, 5);

static const tw_labels all = {NULL, 0};

/* ---- making it, and errors ------------------------------------------------------------------------------------ */

Test(gru, parameters_are_pytorchs) {
    static const char *const name[] = {"gru.weight_ih_l0",       "gru.weight_hh_l0",         "gru.bias_ih_l0",
                                       "gru.bias_hh_l0",         "gru.weight_ih_l0_reverse", "gru.weight_hh_l0_reverse",
                                       "gru.bias_ih_l0_reverse", "gru.bias_hh_l0_reverse",   "gru.weight_ih_l1"};
    enum { D = 3, H = 25 };
    cr_assert_not_null(tw_gru_new(params, "gru", D, H, &(tw_gru_options){.layers = 2, .bidirectional = true}));
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
    tw_layer *gru = tw_gru_new(params, "gru", D, H, &(tw_gru_options){.bidirectional = true});
    tw_tensor *x = tw_set_name(tw_full(ctx, 1, 3, (int[]){T, N, D}), "x"), *hn = x;
    cr_assert_null(tw_gru(ctx, gru, NULL, all, NULL, &hn));
    cr_assert_null(hn);
    assert_ok(ctx);
    cr_assert_null(tw_gru(ctx, gru, tw_full(ctx, 1, 3, (int[]){T, N, 4}), all, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE,
                 "gru: input has 4 features, the weight wants 3: [4,2,4], \"gru.weight_ih_l0\" [15,3]");
    cr_assert_null(tw_gru(ctx, gru, x, (tw_labels){(int32_t[]){1, 5}, N}, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "gru: sample 1 has length 5, outside 0..4");
    cr_assert_null(tw_gru(ctx, gru, x, all, tw_full(ctx, 0, 3, (int[]){1, N, H}), NULL));
    assert_error(ctx, TW_ERR_SHAPE, "gru: the initial h is [2,2,5] for this input, not [1,2,5]");
    tw_layer *lstm = tw_lstm_new(params, "lstm", D, H, NULL);
    cr_assert_null(tw_gru(ctx, lstm, x, all, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "gru: the layer is a lstm");
    cr_assert_null(tw_lstm(ctx, gru, x, all, NULL, NULL));
    assert_error(ctx, TW_ERR_RANGE, "lstm: the layer is a gru");
    cr_assert_not_null(tw_forward(ctx, gru, x));
    assert_ok(ctx);
}
