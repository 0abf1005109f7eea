/* grad_model.c - model files in the double build: F64 is written, float files are read exactly. */
#include "util_model.h"

#include <unistd.h>

Test(grad_model, pytorch_net_in_double) {
    const char *dir = getenv("TW_FIXTURES");
    char file[400];
    snprintf(file, sizeof file, "%s/model.safetensors", dir ? dir : "tests/fixtures");
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net[] = {
        tw_conv2d_new(params, "conv", 1, 3, 3, 2, &(tw_conv2d_options){.pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU}),
        tw_batchnorm_new(params, "bn", 3, NULL),
        tw_image_to_sequence_new(params),
        tw_lstm_new(params, "lstm", 18, 4, &(tw_lstm_options){.bidirectional = true}),
        tw_dense_new(params, "fc", 8, 5, NULL),
    };
    cr_assert_eq(tw_model_load(params, file), TW_OK, "%s", tw_errmsg(ctx));
    tw_set_training(ctx, false);
    fixture *f = fixture_load("model.txt");
    tw_step_begin(ctx);
    tw_tensor *y = fixture_leaf(ctx, f, "x");
    for (int i = 0; i < 5; i++) y = tw_forward(ctx, net[i], y);
    assert_ok(ctx);
    assert_fixture(ctx, f, "y", y, 1e-12);
    fixture_free(f);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

Test(grad_model, doubles_are_kept_whole) {
    char path[300];
    temp_path("double", path, sizeof path);
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *a = tw_params_new(ctx), *b = tw_params_new(ctx);
    tw_tensor *x = tw_param(a, "w", (tw_init){TW_INIT_NORMAL, 1}, 2, (int[]){5, 7});
    tw_tensor *y = tw_param(b, "w", (tw_init){0}, 2, (int[]){5, 7});
    cr_assert_eq(tw_model_save(a, NULL, path), TW_OK);
    cr_assert_eq(tw_model_load(b, path), TW_OK);
    cr_assert_arr_eq(x->data, y->data, x->size * sizeof(tw_real));
    size_t n;
    char *bytes = read_file(path, &n);
    cr_assert(memmem(bytes, n, "\"dtype\":\"F64\"", 13));
    free(bytes);
    unlink(path);
    tw_params_free(a);
    tw_params_free(b);
    tw_ctx_free(ctx);
}
