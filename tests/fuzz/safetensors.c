/* safetensors.c - model files and checkpoints: what is refused changes nothing. */
#include "fuzz.h"

static tw_params *net(tw_ctx *ctx, tw_tensor *p[3]) {
    tw_params *params = tw_params_new(ctx);
    p[0] = tw_param(params, "a", (tw_init){TW_INIT_CONSTANT, 5}, 1, (int[]){2});
    p[1] = tw_param(params, "b", (tw_init){TW_INIT_CONSTANT, 6}, 2, (int[]){1, 3});
    p[2] = tw_param(params, "scale", (tw_init){TW_INIT_CONSTANT, 7}, 1, (int[]){1});
    fuzz_assert(p[0] && p[1] && p[2]);
    return params;
}
static const int count[3] = {2, 3, 1};

static void untouched(tw_tensor *const p[3]) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < count[i]; j++) fuzz_assert(p[i]->data[j] == (tw_real)(5 + i));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 1});
    const char *path = fuzz_file(bytes, size);
    tw_tensor *p[3];
    tw_meta *meta = NULL;
    tw_err err = tw_meta_load(ctx, path, &meta);
    fuzz_sentence(ctx, err);
    fuzz_assert(!err == !!meta);
    if (meta) (void)tw_meta_get(meta, "arch");
    tw_meta_free(meta);

    tw_params *params = net(ctx, p);
    err = tw_model_load(params, path);
    if (err) untouched(p);
    fuzz_sentence(ctx, err);
    tw_params_free(params);

    params = net(ctx, p);
    tw_optim *optim = tw_optim_new(params, "adam:lr=0.01");
    tw_loader_position position = {-1, -1};
    err = tw_checkpoint_load(params, optim, &position, path);
    if (err) {
        untouched(p);
        fuzz_assert(position.epoch == -1 && position.batch == -1 && tw_optim_steps(optim) == 0 &&
                    tw_optim_lr(optim) == 0.01);
    }
    fuzz_sentence(ctx, err);
    tw_optim_free(optim);
    tw_params_free(params);
    tw_ctx_free(ctx);
    fuzz_file_close();
    return 0;
}
