/* test_checkpoint.c - a training that is stopped and resumed ends with the same bits as one that was not. */
#include "util_allocator.h"
#include "util_model.h"

#include <unistd.h>

static char path[300];
static void setup(void) { temp_path("checkpoint", path, sizeof path); }
static void teardown(void) {
    unlink(path);
    remove_files();
}
TestSuite(checkpoint, .init = setup, .fini = teardown);

/* ---- a small training with everything that has a state: Adam, dropout, batch norm, groups, a changing lr  */
enum { N = 8, IN = 6, OUT = 3 };
typedef struct training {
    tw_ctx *ctx;
    tw_params *params;
    tw_layer *net;
    tw_optim *optim;
} training;

static training training_new(uint64_t seed, const char *optim) {
    training t = {.ctx = tw_ctx_new(seed)};
    t.params = tw_params_new(t.ctx);
    t.net = tw_sequential_new(t.params);
    tw_sequential_add(t.net, tw_dense_new(t.params, "fc1", IN, 10, NULL));
    tw_sequential_add(t.net, tw_batchnorm_new(t.params, "bn", 10, NULL));
    tw_sequential_add(t.net, tw_activation_new(t.params, TW_ACT_RELU));
    tw_sequential_add(t.net, tw_dropout_new(t.params, 0.3));
    tw_sequential_add(t.net, tw_dense_new(t.params, "fc2", 10, OUT, NULL));
    t.optim = optim ? tw_optim_new(t.params, optim) : NULL;
    if (optim) cr_assert_eq(tw_optim_no_decay(t.optim), TW_OK, "%s", tw_errmsg(t.ctx));
    return t;
}

static void training_free(training *t) {
    tw_optim_free(t->optim);
    tw_params_free(t->params);
    tw_ctx_free(t->ctx);
}

static void train(training *t, int from, int to) {
    for (int step = from; step < to; step++) {
        tw_real x[N * IN], y[N * OUT];
        fill_random(x, N * IN, (uint64_t)step, -1, 1);
        fill_random(y, N * OUT, (uint64_t)step + 100, -1, 1);
        tw_step_begin(t->ctx);
        tw_optim_set_lr(t->optim, 0.01 / (1 + step));
        tw_tensor *out = tw_forward(t->ctx, t->net, tw_input(t->ctx, x, 2, (int[]){N, IN}));
        tw_tensor *error = tw_sub(t->ctx, out, tw_input(t->ctx, y, 2, (int[]){N, OUT}));
        cr_assert_eq(tw_backward(t->ctx, tw_mean(t->ctx, tw_mul(t->ctx, error, error), 0, NULL, false)), TW_OK, "%s",
                     tw_errmsg(t->ctx));
        cr_assert_eq(tw_optim_step(t->optim), TW_OK);
    }
}

static bool same_weights(const training *a, const training *b) {
    for (size_t i = 0; i < tw_params_count(a->params); i++) {
        const tw_tensor *x = tw_params_at(a->params, i), *y = tw_params_at(b->params, i);
        if (memcmp(x->data, y->data, x->size * sizeof *x->data)) return false;
    }
    return true;
}

static void check_resume(const char *optim) {
    training whole = training_new(7, optim), first = training_new(7, optim), second = training_new(99, optim);
    train(&whole, 0, 9);
    train(&first, 0, 4);
    tw_loader_position position = {3, 14}, back;
    tw_meta *meta = tw_meta_new(first.ctx);
    cr_assert_eq(tw_meta_set(meta, "architecture", "two layers"), TW_OK);
    cr_assert_eq(tw_checkpoint_save(first.params, first.optim, &position, meta, path), TW_OK, "%s",
                 tw_errmsg(first.ctx));
    cr_assert_eq(tw_checkpoint_load(second.params, second.optim, &back, path), TW_OK, "%s", tw_errmsg(second.ctx));
    cr_assert(back.epoch == 3 && back.batch == 14);
    cr_assert(same_weights(&first, &second));
    cr_assert_eq(tw_optim_steps(second.optim), 4);
    cr_assert_eq(tw_optim_lr(second.optim), tw_optim_lr(first.optim));
    cr_assert(tw_rng_get(second.ctx).seed == 7 && tw_rng_get(second.ctx).counter == tw_rng_get(first.ctx).counter);
    train(&second, 4, 9);
    cr_assert(same_weights(&whole, &second), "%s: resumed is not the same as uninterrupted", optim);
    train(&first, 4, 9);
    cr_assert(same_weights(&whole, &first), "saving changes nothing");
    tw_meta_free(meta);
    training_free(&whole);
    training_free(&first);
    training_free(&second);
}

Test(checkpoint, resumed_equals_uninterrupted) {
    check_resume("adam:lr=0.01,weight_decay=0.1");
    check_resume("adamw");
    check_resume("sgd:momentum=0.9,dampening=0.1");
    check_resume("sgd");
    check_resume("adadelta");
    check_resume("rmsprop");
    check_resume("rmsprop:centered=1");
    check_resume("rmsprop:momentum=0.9,centered=1,alpha=0.9");
    check_resume("rmsprop:momentum=0.5,weight_decay=0.1");
    check_resume("adagrad:lr_decay=0.1,initial_accumulator_value=0.2");
}

Test(checkpoint, is_a_model_as_well) {
    training t = training_new(1, "adam"), plain = training_new(2, NULL);
    train(&t, 0, 3);
    tw_meta *meta = tw_meta_new(t.ctx), *back;
    cr_assert_eq(tw_meta_set(meta, "alphabet", "abc"), TW_OK);
    cr_assert_eq(tw_checkpoint_save(t.params, t.optim, NULL, meta, path), TW_OK);
    cr_assert_eq(tw_model_load(plain.params, path), TW_OK, "%s", tw_errmsg(plain.ctx));
    cr_assert(same_weights(&t, &plain));
    cr_assert_eq(tw_rng_get(plain.ctx).seed, 2, "only the model was loaded");
    cr_assert_eq(tw_meta_load(t.ctx, path, &back), TW_OK);
    cr_assert_str_eq(tw_meta_get(back, "alphabet"), "abc");
    cr_assert_str_eq(tw_meta_get(back, "thalweg.optim.name"), "adam");
    cr_assert_eq(tw_model_save(plain.params, back, path), TW_OK, "the metadata of a checkpoint, saved with a model");
    cr_assert_eq(tw_checkpoint_load(plain.params, NULL, NULL, path), TW_ERR_FORMAT, "does not make it a checkpoint");
    assert_sentence(plain.ctx, TW_ERR_FORMAT, TW_ERR_FORMAT, path, "is a model and not a checkpoint");
    tw_meta_free(meta);
    tw_meta_free(back);
    training_free(&t);
    training_free(&plain);
}

Test(checkpoint, without_optimiser_and_position) {
    training t = training_new(1, "adam");
    tw_loader_position position = {1, 2};
    train(&t, 0, 2);
    cr_assert_eq(tw_checkpoint_save(t.params, NULL, NULL, NULL, path), TW_OK);
    cr_assert_eq(tw_checkpoint_load(t.params, NULL, NULL, path), TW_OK, "%s", tw_errmsg(t.ctx));
    assert_sentence(t.ctx, tw_checkpoint_load(t.params, t.optim, NULL, path), TW_ERR_FORMAT, path,
                    "no optimiser's state");
    assert_sentence(t.ctx, tw_checkpoint_load(t.params, NULL, &position, path), TW_ERR_FORMAT, path,
                    "\"thalweg.loader.epoch\" is missing");
    cr_assert(position.epoch == 1 && position.batch == 2);
    cr_assert_eq(tw_checkpoint_save(t.params, t.optim, &position, NULL, path), TW_OK);
    cr_assert_eq(tw_checkpoint_load(t.params, NULL, NULL, path), TW_OK, "what is not wanted is left out");
    cr_assert_eq(tw_optim_steps(t.optim), 2);
    training_free(&t);
}

/* ---- what does not fit --------------------------------------------------------------------------------- */

/* Refused, and nothing of it has been taken over. */
static void refuse(training *t, const char *part) {
    training before = training_new(5, NULL);
    memcpy(tw_params_find(t->params, "fc1.weight")->data, tw_params_find(before.params, "fc1.weight")->data,
           sizeof(tw_real) * 60);
    tw_rng_state rng = tw_rng_get(t->ctx);
    assert_sentence(t->ctx, tw_checkpoint_load(t->params, t->optim, NULL, path), TW_ERR_FORMAT, path, part);
    cr_assert_arr_eq(tw_params_find(t->params, "fc1.weight")->data, tw_params_find(before.params, "fc1.weight")->data,
                     sizeof(tw_real) * 60);
    cr_assert(tw_rng_get(t->ctx).seed == rng.seed && tw_rng_get(t->ctx).counter == rng.counter);
    cr_assert_eq(tw_optim_steps(t->optim), 0);
    training_free(&before);
}

Test(checkpoint, of_another_training) {
    training saved = training_new(1, "adam:beta1=0.8");
    train(&saved, 0, 2);
    cr_assert_eq(tw_checkpoint_save(saved.params, saved.optim, NULL, NULL, path), TW_OK);
    static const struct {
        const char *optim, *part;
    } cases[] = {{"sgd", "saved with the optimiser adam, and this one is sgd"},
                 {"adam", "adam was saved with beta1=0.8, and has beta1=0.9 now"},
                 {"adam:beta1=0.8,weight_decay=0.5", "weight_decay=0, and has weight_decay=0.5 now"}};
    for (int i = 0; i < 3; i++) {
        training other = training_new(1, cases[i].optim);
        refuse(&other, cases[i].part);
        training_free(&other);
    }
    training grouped = training_new(1, "adam:beta1=0.8"), faster = training_new(1, "adam:beta1=0.8,lr=0.5");
    cr_assert_eq(tw_optim_group(grouped.optim, "fc2.weight", 0.5, 0), TW_OK);
    refuse(&grouped, "\"fc2.weight\" was saved with lr_scale 1 and weight decay 0, and has 0.5 and 0 now");
    cr_assert_eq(tw_checkpoint_load(faster.params, faster.optim, NULL, path), TW_OK, "lr is part of the state");
    cr_assert_eq(tw_optim_lr(faster.optim), 0.005);
    cr_assert_eq(tw_checkpoint_save(faster.params, saved.optim, NULL, NULL, path), TW_ERR_STATE);
    assert_sentence(faster.ctx, TW_ERR_STATE, TW_ERR_STATE, path, "other parameters");
    training_free(&saved);
    training_free(&grouped);
    training_free(&faster);
}

/* A program that forgets to freeze would train what was frozen. */
Test(checkpoint, of_other_frozen_parameters) {
    training saved = training_new(1, "adam"), other = training_new(1, "adam");
    cr_assert_eq(tw_params_set_frozen(saved.params, "fc1.*", true), TW_OK);
    train(&saved, 0, 2);
    cr_assert_eq(tw_checkpoint_save(saved.params, saved.optim, NULL, NULL, path), TW_OK);
    refuse(&other, "\"fc1.weight\" was frozen when it was saved, and is not now");
    cr_assert_eq(tw_params_set_frozen(other.params, "fc1.weight", true), TW_OK);
    refuse(&other, "\"fc1.bias\" was frozen when it was saved, and is not now");
    cr_assert_eq(tw_params_set_frozen(other.params, "fc*", true), TW_OK);
    refuse(&other, "\"fc2.weight\" was not frozen when it was saved, and is frozen now");
    cr_assert_eq(tw_params_set_frozen(other.params, "fc2.*", false), TW_OK);
    cr_assert_eq(tw_checkpoint_load(other.params, other.optim, NULL, path), TW_OK, "%s", tw_errmsg(other.ctx));
    train(&saved, 2, 4);
    train(&other, 2, 4);
    cr_assert(same_weights(&saved, &other));
    cr_assert_eq(tw_params_set_frozen(other.params, "*", false), TW_OK);
    cr_assert_eq(tw_model_load(other.params, path), TW_OK, "of a model it is no part");

    size_t n; /* files of before have no record */
    char *bytes = read_file(path, &n), *at = memmem(bytes, n, "\"thalweg.frozen\"", 16);
    cr_assert_not_null(at);
    at[14] = '?';
    FILE *out = fopen(path, "wb");
    cr_assert(out && fwrite(bytes, 1, n, out) == n && fclose(out) == 0);
    free(bytes);
    cr_assert_eq(tw_checkpoint_load(other.params, other.optim, NULL, path), TW_OK, "%s", tw_errmsg(other.ctx));
    training_free(&saved);
    training_free(&other);
}

/* Which of the tied names is the original may differ. */
Test(checkpoint, of_frozen_parameters_that_are_tied) {
    for (int loading = 0; loading < 2; loading++) {
        tw_ctx *ctx = tw_ctx_new(1);
        tw_params *params = tw_params_new(ctx);
        for (int i = 0; i < 2; i++)
            cr_assert_not_null(tw_param(params, i ? "b" : "a", (tw_init){TW_INIT_NORMAL, 1}, 1, (int[]){3}));
        cr_assert_eq(tw_params_tie(params, loading ? "a" : "b", loading ? "b" : "a"), TW_OK);
        cr_assert_eq(tw_params_set_frozen(params, "a", true), TW_OK);
        cr_assert_eq(loading ? tw_checkpoint_load(params, NULL, NULL, path)
                             : tw_checkpoint_save(params, NULL, NULL, NULL, path),
                     TW_OK, "%s", tw_errmsg(ctx));
        tw_params_free(params);
        tw_ctx_free(ctx);
    }
}

/* A checkpoint whose own entries have been tampered with. */
Test(checkpoint, damaged) {
    static const struct {
        const char *from, *to, *part;
    } cases[] = {
        {"\"thalweg.checkpoint\":\"1\"", "\"thalweg.checkpoint\":\"2\"",
         "is a checkpoint of format 2; this library reads 1"},
        {"\"thalweg.checkpoint\":\"1\"", "\"thalweg.checkpoint\":\"0\"", "is a checkpoint of format 0"},
        {"\"thalweg.checkpoint\":\"1\"", "\"thalweg.checkpoint\":\"?\"", "\"thalweg.checkpoint\" is no number: \"?\""},
        {"\"thalweg.rng.seed\":\"1\"", "\"thalweg.rng.seed\":\"x\"", "\"thalweg.rng.seed\" is no number: \"x\""},
        {"\"thalweg.rng.seed\"", "\"thalweg.rng.sead\"", "\"thalweg.rng.seed\" is missing"},
        {"\"thalweg.optim.steps\":\"2\"", "\"thalweg.optim.steps\":\"-\"", "must be a whole number from 0"},
        {"\"thalweg.optim.exp_avg.fc2.bias\"", "\"thalweg.optim.exp_avg.fc2.bios\"",
         "no \"thalweg.optim.exp_avg.fc2.bias\""},
        {"\"thalweg.optim.options.eps\"", "\"thalweg.optim.options.epp\"", "no \"thalweg.optim.options.eps\""},
        {"thalweg.optim.exp_avg.fc1.weight\":{\"dtype\":\"F32\",\"shape\":[10,6]",
         "thalweg.optim.exp_avg.fc1.weight\":{\"dtype\":\"F32\",\"shape\":[6,10]", "has the shape [6,10]"},
        {"thalweg.optim.lr\":{\"dtype\":\"F64\"", "thalweg.optim.lr\":{\"dtype\":\"I64\"",
         "\"thalweg.optim.lr\" is not F64"},
    };
    training t = training_new(1, "adam"), other = training_new(1, "adam");
    train(&t, 0, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        cr_assert_eq(tw_checkpoint_save(t.params, t.optim, NULL, NULL, path), TW_OK);
        char *bytes = read_file(path, &n), *at = memmem(bytes, n, cases[i].from, strlen(cases[i].from));
        cr_assert_not_null(at, "%s", cases[i].from);
        cr_assert_eq(strlen(cases[i].from), strlen(cases[i].to));
        memcpy(at, cases[i].to, strlen(cases[i].to));
        FILE *out = fopen(path, "wb");
        cr_assert(out && fwrite(bytes, 1, n, out) == n && fclose(out) == 0);
        free(bytes);
        refuse(&other, cases[i].part);
    }
    training_free(&t);
    training_free(&other);
}

/* One try whose k-th allocation fails; true when k was more than it needed. */
static bool try_with(int k, bool load) {
    counted c = {0};
    tw_ctx *ctx = counted_ctx(&c, 1);
    tw_params *params = tw_params_new(ctx);
    tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, load ? 1 : 4}, 1, (int[]){3});
    tw_optim *optim = tw_optim_new(params, "adam");
    counted_fail_after(&c, k);
    bool done = !(load ? tw_checkpoint_load(params, optim, NULL, path)
                       : tw_checkpoint_save(params, optim, NULL, NULL, path));
    if (!done) assert_error(ctx, TW_ERR_NOMEM, "out of memory");
    cr_assert_eq(access(path, F_OK) == 0, load || done);
    cr_assert_eq(w->data[0], load && !done ? 1 : 4);
    tw_optim_free(optim);
    tw_params_free(params);
    tw_ctx_free(ctx);
    return done;
}

Test(checkpoint, each_allocation_may_fail) {
    for (int load = 0; load < 2; load++) {
        int k = 0;
        while (!try_with(k, load)) k++;
        cr_assert_gt(k, 8);
    }
}
