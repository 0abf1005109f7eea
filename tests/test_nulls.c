/* test_nulls.c - NULL where a name, a path, a list or an object is wanted: a sentence, or nothing, never a crash. */
#include "util_files.h"

static tw_ctx *ctx;
static tw_params *params;
static void begin(void) {
    ctx = tw_ctx_new(1);
    params = tw_params_new(ctx);
    tw_dense_new(params, "fc", 2, 2, NULL);
}
static void end(void) {
    tw_params_free(params);
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(nulls, .init = begin, .fini = end);

Test(nulls, names) {
    cr_assert_null(tw_param(params, NULL, (tw_init){0}, 0, NULL));
    assert_error(ctx, TW_ERR_RANGE, "param: the name is NULL");
    cr_assert_null(tw_buffer(params, NULL, 0, 0, NULL));
    assert_error(ctx, TW_ERR_RANGE, "buffer: the name is NULL");
    cr_assert_null(tw_params_find(params, NULL));
    assert_error(ctx, TW_ERR_RANGE, "params_find: the name is NULL");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(tw_params_tie(params, i ? "fc.bias" : NULL, i ? NULL : "fc.bias"), TW_ERR_RANGE);
        assert_error(ctx, TW_ERR_RANGE, "params_tie: the name is NULL");
    }
    cr_assert_eq(tw_params_set_frozen(params, NULL, true), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "params_set_frozen: the name is NULL");
    cr_assert_null(tw_optim_new(params, NULL));
    assert_error(ctx, TW_ERR_RANGE, "the name of the optimiser is NULL");
    tw_optim *optim = tw_optim_new(params, "sgd");
    cr_assert_eq(tw_optim_group(optim, NULL, 1, 0), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "optim_group: the name is NULL");
    tw_optim_free(optim);
    tw_csv csv = {.columns = 1};
    cr_assert_eq(tw_csv_column(ctx, &csv, NULL), -1);
    assert_error(ctx, TW_ERR_RANGE, "the name of a column is NULL");
}

/* Everything that reads or writes a file. */
static void no_path(tw_err err) {
    cr_expect_eq(err, TW_ERR_IO);
    assert_error(ctx, TW_ERR_IO, "a path is NULL");
}

Test(nulls, paths) {
    tw_meta *meta;
    tw_csv csv;
    tw_npy npy;
    tw_idx idx;
    tw_tsv tsv;
    tw_image image, picture = {1, 1, 1, (uint8_t[]){0}};
    tw_lines lines;
    no_path(tw_file_replace(ctx, NULL, "x", 1));
    no_path(tw_model_save(params, NULL, NULL));
    no_path(tw_model_save_as(params, NULL, "F32", NULL));
    no_path(tw_model_load(params, NULL));
    no_path(tw_checkpoint_save(params, NULL, NULL, NULL, NULL));
    no_path(tw_checkpoint_load(params, NULL, NULL, NULL));
    no_path(tw_meta_load(ctx, NULL, &meta));
    cr_assert_null(meta);
    no_path(tw_csv_load(ctx, NULL, NULL, &csv));
    no_path(tw_npy_load(ctx, NULL, &npy));
    no_path(tw_npy_save(ctx, NULL, (tw_real[]){1}, 0, NULL));
    no_path(tw_idx_load(ctx, NULL, &idx));
    no_path(tw_idx_find(ctx, NULL, "train", 3, &idx));
    no_path(tw_idx_find(ctx, ".", NULL, 3, &idx));
    no_path(tw_tsv_load(ctx, NULL, &tsv));
    no_path(tw_image_load(ctx, NULL, 1, &image));
    no_path(tw_image_load(ctx, NULL, 2, &image));
    no_path(tw_image_save_png(ctx, NULL, &picture));
    cr_assert_eq(tw_image_decode(ctx, NULL, "x", 1, 1, &image), TW_ERR_IO);
    assert_error(ctx, TW_ERR_IO, "a name is NULL");
    no_path(tw_lines_load(ctx, NULL, &lines));
    tw_alphabet *alphabet = tw_alphabet_new(ctx, "ab");
    cr_assert_null(tw_lexicon_load(ctx, alphabet, NULL, true, NULL));
    no_path(tw_error(ctx));
    tw_alphabet_free(alphabet);
    cr_assert_null(tw_ngram_load(ctx, NULL));
    no_path(tw_error(ctx));
    tw_ngram *ngram = tw_ngram_train(ctx, 2, 1, (const char *const[]){"a"});
    no_path(tw_ngram_save(ctx, ngram, NULL));
    tw_ngram_free(ngram);
    cr_assert(tw_params_at(params, 0)->data && !tw_param(params, "fc.weight", (tw_init){0}, 0, NULL));
    assert_error(ctx, TW_ERR_RANGE, "is taken"); /* not sealed by a load that never began */
}

Test(nulls, metadata) {
    tw_meta *meta = tw_meta_new(ctx);
    int64_t value;
    cr_assert_eq(tw_meta_set(meta, NULL, "x"), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "metadata: the key is NULL");
    cr_assert_eq(tw_meta_set(meta, "x", NULL), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "metadata: the value is NULL");
    cr_assert_eq(tw_meta_int(meta, NULL, 0, 1, &value), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "metadata: the key is NULL");
    cr_assert_null(tw_meta_get(meta, NULL));
    tw_meta_free(meta);
}

Test(nulls, lists) {
    tw_tensor *x = tw_full(ctx, 1, 2, (int[]){2, 2});
    tw_real v[] = {1, 2};
    cr_assert_null(tw_full(ctx, 1, 1, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "a tensor's dim is NULL for 1 dimensions");
    cr_assert_null(tw_input(ctx, v, 2, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "dim is NULL for 2 dimensions");
    cr_assert_null(tw_param(params, "p", (tw_init){0}, 1, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "\"p\": dim is NULL");
    cr_assert_null(tw_reshape(ctx, x, 1, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "reshape: dim is NULL");
    cr_assert_null(tw_permute(ctx, x, NULL));
    assert_error(ctx, TW_ERR_RANGE, "permute: order is NULL: [2,2]");
    cr_assert_null(tw_pad(ctx, x, NULL, (int[]){0, 0}, TW_PAD_CONSTANT, 0));
    assert_error(ctx, TW_ERR_RANGE, "pad: before is NULL");
    cr_assert_null(tw_pad(ctx, x, (int[]){0, 0}, NULL, TW_PAD_CONSTANT, 0));
    assert_error(ctx, TW_ERR_RANGE, "pad: after is NULL");
    cr_assert_null(tw_sum(ctx, x, 1, NULL, false));
    assert_error(ctx, TW_ERR_RANGE, "sum: the list of 1 axes is NULL");
    cr_assert_null(tw_amax(ctx, x, 2, NULL, false));
    assert_error(ctx, TW_ERR_RANGE, "the list of 2 axes is NULL");
    cr_assert_null(tw_concat(ctx, 2, NULL, 0));
    assert_error(ctx, TW_ERR_RANGE, "concat: the list of tensors is NULL");
    cr_assert_null(tw_layer_norm(ctx, x, 1, NULL, NULL, NULL, 0));
    assert_error(ctx, TW_ERR_SHAPE, "layer_norm: dim is NULL");
    cr_assert_null(tw_layer_norm_new(params, "norm", 1, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "layer_norm: dim is NULL");
    cr_assert_null(tw_embedding(ctx, x, (tw_labels){NULL, 0}, 1, NULL, NULL));
    assert_error(ctx, TW_ERR_SHAPE, "embedding: dim is NULL");
    cr_assert_eq(tw_npy_save(ctx, "nowhere.npy", v, 1, NULL), TW_ERR_SHAPE);
    assert_error(ctx, TW_ERR_SHAPE, "not an array's shape");
    tw_tensor *scalar = tw_full(ctx, 1, 0, NULL);
    cr_assert(tw_reshape(ctx, scalar, 0, NULL) && tw_permute(ctx, scalar, NULL) &&
                  tw_pad(ctx, scalar, NULL, NULL, TW_PAD_CONSTANT, 0) && tw_sum(ctx, x, 0, NULL, false),
              "%s", tw_errmsg(ctx));
}

/* What a constructor that failed has returned. */
Test(nulls, objects) {
    const tw_batch *batch = (const tw_batch *)params;
    tw_optim_set_lr(NULL, 1);
    cr_assert(tw_optim_lr(NULL) == 0 && tw_optim_steps(NULL) == 0 && !tw_optim_name(NULL));
    cr_assert(tw_optim_step(NULL) == TW_ERR_STATE && tw_optim_group(NULL, "*", 1, 0) == TW_ERR_STATE &&
              tw_optim_no_decay(NULL) == TW_ERR_STATE);
    cr_assert(tw_loader_next(NULL, &batch) == TW_ERR_STATE && !batch);
    cr_assert(tw_loader_tell(NULL).epoch == 0 && tw_loader_tell(NULL).batch == 0 && tw_loader_batches(NULL) == 0);
    cr_assert_eq(tw_loader_seek(NULL, (tw_loader_position){0, 0}), TW_ERR_STATE);
    cr_assert(tw_params_count(NULL) == 0 && tw_params_size(NULL) == 0 && !tw_params_at(NULL, 0) &&
              !tw_params_find(NULL, "fc.weight") && !tw_params_is_buffer(NULL, 0) && !tw_params_ctx(NULL));
    cr_assert_eq(tw_error(ctx), TW_OK, "their sentence is there already");
    tw_dataset none = {0};
    cr_assert_null(tw_loader_new(ctx, NULL, &(tw_loader_options){.batch = 1}));
    assert_error(ctx, TW_ERR_RANGE, "loader: the dataset is NULL");
    cr_assert_null(tw_loader_new(ctx, &none, NULL));
    assert_error(ctx, TW_ERR_RANGE, "loader: the options are NULL");
    tw_cost cost;
    tw_tensor *x = tw_full(ctx, 1, 1, (int[]){2});
    cr_assert(!tw_cost_name(NULL) && tw_cost_form(NULL) == TW_FORM_LOGITS && !tw_cost_accepts(NULL, TW_TARGET_TENSOR));
    cr_assert_null(tw_cost_apply(ctx, NULL, x, &(tw_target){.tensor = x}));
    assert_error(ctx, TW_ERR_STATE, "a loss that tw_cost_find did not find");
    cr_assert_eq(tw_cost_find(ctx, "mse", &cost), TW_OK);
    cr_assert_null(tw_cost_apply(ctx, &cost, x, NULL));
    assert_error(ctx, TW_ERR_RANGE, "mse: the target is NULL");
}
