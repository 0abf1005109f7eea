/* train.c - `mnist train`: the training loop, its log and its checkpoints. */
#include "mnist.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../common/cli.h"
#include "../common/csvlog.h"
#include "../common/plain.h"
#include "../common/progress.h"

#define LOG_HEADER "epoch,loss,accuracy,test_loss,test_accuracy,lr"
#define LOG_KEY "log" /* of the checkpoint's metadata: the rows */

/* What the command line says; what it leaves open comes from the model's recipe, or from the file resumed. */
typedef struct options {
    const char *data, *model, *loss, *optim, *schedule, *out, *resume, *log;
    int epochs, batch, threads, pause_after;
    uint64_t seed;
    bool augment, no_augment, mirror, no_mirror;
} options;

/* ---- the recipe as metadata, so that a resumed training repeats it ---------------------------------------- */

/* The pictures, as far as figures tell them from others. */
static tw_err describe_data(tw_meta *meta, const picture_source *source) {
    tw_err err = tw_meta_setf(meta, "pictures", "%d", source->from->image.dim[0]);
    if (!err) err = tw_meta_setf(meta, "mean", "%.9g", source->mean);
    if (!err) err = tw_meta_setf(meta, "std", "%.9g", source->std);
    return err;
}

static tw_err describe(tw_meta *meta, const options *o, const picture_source *source) {
    tw_err err = tw_meta_set(meta, "program", "mnist");
    if (!err) err = tw_meta_set(meta, "model", o->model);
    if (!err) err = tw_meta_set(meta, "loss", o->loss);
    if (!err) err = tw_meta_set(meta, "optim", o->optim);
    if (!err) err = tw_meta_set(meta, "schedule", o->schedule);
    if (!err) err = tw_meta_setf(meta, "epochs", "%d", o->epochs);
    if (!err) err = tw_meta_setf(meta, "batch", "%d", o->batch);
    if (!err) err = tw_meta_setf(meta, "seed", "%llu", (unsigned long long)o->seed);
    if (!err) err = tw_meta_setf(meta, "augment", "%d", o->augment);
    if (!err) err = tw_meta_setf(meta, "mirror", "%d", o->mirror);
    return err ? err : describe_data(meta, source);
}

/* Other pictures would go unnoticed, and the result would be neither training's. */
static tw_err check_data(tw_ctx *ctx, const options *o, const tw_meta *saved, const tw_meta *now) {
    static const char *const keys[] = {"pictures", "mean", "std"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *before = tw_meta_get(saved, keys[i]), *is = tw_meta_get(now, keys[i]);
        if (before && strcmp(before, is) != 0)
            return tw_fail_err(ctx, TW_ERR_FORMAT,
                               "%s: was trained on other data than %s: \"%s\" was %.40s, and is %s now", o->resume,
                               o->data, keys[i], before, is);
    }
    return TW_OK;
}

static const char *want(tw_ctx *ctx, const tw_meta *meta, const char *key, const char *path) {
    const char *text = tw_meta_get(meta, key);
    if (!text)
        tw_fail(ctx, TW_ERR_FORMAT, "%s: no \"%s\" in its metadata; is it a checkpoint of mnist train?", path, key);
    return text;
}

/* The recipe of the file that --resume names. The strings stay meta's. */
static tw_err recall(tw_ctx *ctx, const tw_meta *meta, options *o) {
    int64_t epochs, batch, augment, mirror;
    o->model = want(ctx, meta, "model", o->resume);
    o->loss = want(ctx, meta, "loss", o->resume);
    o->optim = want(ctx, meta, "optim", o->resume);
    o->schedule = want(ctx, meta, "schedule", o->resume);
    const char *seed = want(ctx, meta, "seed", o->resume);
    tw_err err = tw_error(ctx);
    if (!err) err = tw_meta_int(meta, "epochs", 1, 100000, &epochs);
    if (!err) err = tw_meta_int(meta, "batch", 1, 60000, &batch);
    if (!err) err = tw_meta_int(meta, "augment", 0, 1, &augment);
    if (!err) err = tw_meta_int(meta, "mirror", 0, 1, &mirror);
    if (err) return err;
    o->epochs = (int)epochs;
    o->batch = (int)batch;
    o->augment = augment;
    o->mirror = mirror;
    o->seed = strtoull(seed, NULL, 10);
    return TW_OK;
}

/* ---- the training ---------------------------------------------------------------------------------------- */

typedef struct training {
    tw_ctx *ctx;
    const options *o;
    pictures train, test;
    picture_source source;
    tw_params *params;
    tw_layer *net;
    tw_optim *optim;
    tw_loader *loader;
    tw_meta *recipe; /* of the file resumed, or NULL */
    tw_meta *meta;
    tw_cost cost;
    tw_schedule schedule;
    double base_lr;
    csvlog log;
    progress bar;
} training;

/* One epoch; the means of loss and accuracy as they were during it. */
static tw_err train_epoch(training *t, int64_t epoch, double *loss, double *accuracy) {
    const options *o = t->o;
    double batches = (double)tw_loader_batches(t->loader), sum = 0;
    long seen = 0, right = 0, n = t->train.image.dim[0];
    const tw_batch *b;
    tw_err err;
    while (!(err = tw_loader_next(t->loader, &b)) && b) {
        double at = (double)epoch + (double)tw_loader_tell(t->loader).batch / batches, of_batch;
        tw_optim_set_lr(t->optim, t->base_lr * tw_schedule_factor(&t->schedule, at, o->epochs));
        if ((err = train_step(t->ctx, t->net, t->optim, &t->cost, b, &of_batch, &right))) return err;
        sum += of_batch * b->n;
        seen += b->n;
        progress_show(&t->bar, epoch * n + seen, "loss %.4f  accuracy %.4f", sum / (double)seen,
                      (double)right / (double)seen);
    }
    *loss = seen ? sum / (double)seen : NAN;
    *accuracy = seen ? (double)right / (double)seen : NAN;
    return err;
}

/* The checkpoint while more epochs follow, with the log so far; the model alone after the last. */
static tw_err save(training *t, bool finished) {
    tw_loader_position at = tw_loader_tell(t->loader);
    if (finished) return tw_model_save(t->params, t->meta, t->o->out);
    tw_meta *meta = tw_meta_new(t->ctx);
    tw_err err = meta ? describe(meta, t->o, &t->source) : tw_error(t->ctx);
    if (!err) err = tw_meta_set(meta, LOG_KEY, t->log.text);
    if (!err) err = tw_checkpoint_save(t->params, t->optim, &at, meta, t->o->out);
    tw_meta_free(meta);
    return err;
}

static void tell_how_to_go_on(const options *o) {
    const char *const part[] = {
        "paused; go on with: mnist train --data ", o->data, " --resume ", o->out, " --out ", o->out};
    for (int i = 0; i < 6; i += 2) {
        fputs(part[i], stderr);
        plain_word(stderr, part[i + 1]);
    }
    fputc('\n', stderr);
}

static tw_err run(training *t, int64_t first) {
    const options *o = t->o;
    long n = t->train.image.dim[0];
    scores s = {0};
    double loss = NAN, accuracy = NAN;
    int64_t done = first; /* epochs */
    progress_begin(&t->bar, "epoch", first * n, o->epochs * n);
    for (int64_t epoch = first; epoch < o->epochs; epoch++) {
        progress_label(&t->bar, "epoch %d/%d", (int)epoch + 1, o->epochs);
        tw_err err = train_epoch(t, epoch, &loss, &accuracy);
        if (!err) err = evaluate(t->ctx, t->net, &t->test, t->source.mean, t->source.std, &s);
        if (!err && !isfinite(s.loss)) /* the last step spoiled the weights: what was saved before is better */
            err = tw_fail_err(t->ctx, TW_ERR_NONFINITE,
                              "the loss of the test pictures is not finite, and the network is not saved");
        bool last = epoch + 1 == o->epochs, pause = !last && epoch + 1 - first == o->pause_after;
        double tested = (double)s.right / (double)s.total, lr = tw_optim_lr(t->optim);
        if (!err &&
            !csvlog_add(&t->log, "%d,%.6f,%.6f,%.6f,%.6f,%.3e", (int)epoch + 1, loss, accuracy, s.loss, tested, lr))
            err = tw_fail_err(t->ctx, TW_ERR_NOMEM, "out of memory");
        /* What cannot be logged is learned all the same. */
        tw_err unlogged = err ? err : csvlog_save(t->ctx, &t->log, LOG_HEADER, o->log);
        if (!err) err = save(t, last);
        if (!err) err = unlogged;
        if (err) {
            progress_clear(&t->bar);
            cli_explain_divergence(t->ctx, (int)epoch + 1);
            return err;
        }
        progress_print(&t->bar, "epoch %2d/%d  loss %.4f  accuracy %.4f  test loss %.4f  test accuracy %.4f",
                       (int)epoch + 1, o->epochs, loss, accuracy, s.loss, tested);
        done = epoch + 1;
        if (pause) {
            progress_clear(&t->bar);
            tell_how_to_go_on(o);
            break;
        }
    }
    progress_end(&t->bar, done * n, "loss %.4f  accuracy %.4f", loss, accuracy);
    double low, high;
    wilson(s.right, s.total, &low, &high);
    plain_line(stdout, "model: ", o->out);
    printf("95%% interval: %.4f to %.4f\ntest accuracy: %.4f\n", low, high, (double)s.right / (double)s.total);
    return TW_OK;
}

static tw_err prepare(training *t, int64_t *first) {
    const options *o = t->o;
    tw_ctx *ctx = t->ctx;
    tw_err err = pictures_load(ctx, o->data, "train", &t->train);
    if (!err) err = pictures_load(ctx, o->data, "t10k", &t->test);
    if (err) return err;
    if (!t->train.image.dim[0] || !t->test.image.dim[0])
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: no pictures",
                           (t->train.image.dim[0] ? &t->test : &t->train)->image.path);
    double mean, std;
    tw_idx_mean_std(&t->train.image, &mean, &std);
    t->source = (picture_source){&t->train, (float)mean, std > 0 ? (float)std : 1, o->augment, o->mirror};
    tw_dataset data = pictures_dataset(&t->source);

    const char *nearest;
    const model_kind *kind = model_find(o->model, &nearest);
    if (!kind) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: unknown model \"%s\"", o->resume, o->model);
    t->params = tw_params_new(ctx);
    t->net = t->params ? kind->build(t->params) : NULL;
    t->optim = t->net ? tw_optim_new(t->params, o->optim) : NULL;
    if (!t->optim) return tw_error(ctx);
    t->base_lr = tw_optim_lr(t->optim);
    if ((err = tw_optim_no_decay(t->optim))) return err;
    if ((err = tw_cost_find(ctx, o->loss, &t->cost))) return err;
    if ((err = tw_schedule_parse(ctx, o->schedule, &t->schedule))) return err;
    if (tw_cost_accepts(t->cost.layer, TW_TARGET_SEQUENCES))
        return tw_fail_err(ctx, TW_ERR_RANGE,
                           "the loss %s compares sequences; a classifier needs one on classes or tensors",
                           tw_cost_name(t->cost.layer));

    tw_loader_options lo = {.batch = o->batch, .seed = o->seed, .shuffle = true};
    t->loader = tw_loader_new(ctx, &data, &lo);
    t->meta = t->loader ? tw_meta_new(ctx) : NULL;
    if (!t->meta) return tw_error(ctx);
    if ((err = describe(t->meta, o, &t->source))) return err;
    *first = 0;
    if (o->resume) {
        tw_loader_position at;
        const char *rows = tw_meta_get(t->recipe, LOG_KEY);
        if ((err = check_data(ctx, o, t->recipe, t->meta))) return err;
        if ((err = tw_checkpoint_load(t->params, t->optim, &at, o->resume))) return err;
        if ((err = tw_loader_seek(t->loader, at))) return err;
        *first = at.epoch;
        if (*first >= o->epochs) return tw_fail_err(ctx, TW_ERR_STATE, "%s: this training has finished", o->resume);
        if (rows && !csvlog_set(&t->log, rows)) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    }
    if ((err = csvlog_save(ctx, &t->log, LOG_HEADER, o->log))) return err;
    fprintf(stderr, "%s: %zu weights, %d pictures, %d threads\n", o->model, tw_params_size(t->params),
            t->train.image.dim[0], tw_threads(ctx));
    return TW_OK;
}

static void claim(tw_ctx *ctx, const options *o) {
    tw_err err = cli_claim(ctx, "--out", o->out, false);
    if (!err && o->log) err = cli_claim(ctx, "--log", o->log, true);
    if (err) give_up("mnist train", ctx);
}

int command_train(int argc, char **argv) {
    options o = {.data = DEFAULT_DATA, .model = "mlp", .out = "mnist.safetensors", .loss = "cross_entropy", .seed = 1};
    bool given[11] = {0};
    cli_option table[] = {
        {"data", 'd', CLI_TEXT, &o.data, "DIR", "folder with the four IDX files, raw or .gz", 0, 0, NULL},
        {"model", 'm', CLI_TEXT, &o.model, "NAME", "mlp, lenet, cnn or cnn-l", 0, 0, &given[0]},
        {"loss", 'l', CLI_TEXT, &o.loss, "SPEC", "loss NAME[:key=value,..]", 0, 0, &given[1]},
        {"optim", 'p', CLI_TEXT, &o.optim, "SPEC", "optimiser NAME[:key=value,..] (default: the model's)", 0, 0,
         &given[2]},
        {"schedule", 0, CLI_TEXT, &o.schedule, "SPEC",
         "learning rate: constant, step:every=N,gamma=G or\ncosine:min=M, with warmup=EPOCHS, or one_cycle\n(default: "
         "the model's)",
         0, 0, &given[3]},
        {"epochs", 'e', CLI_INT, &o.epochs, "N", "passes over the data (default: the model's)", 1, 100000, &given[4]},
        {"batch", 'b', CLI_INT, &o.batch, "N", "pictures a step (default: the model's)", 1, 60000, &given[5]},
        {"seed", 's', CLI_SEED, &o.seed, "N", "of weights, order, dropout and augmentation", 0, 0, &given[6]},
        {"threads", 't', CLI_INT, &o.threads, "N", "threads, without effect on the result (default: all cores)", 1, 256,
         NULL},
        {"augment", 'a', CLI_FLAG, &o.augment, NULL, "shift, turn, scale and partly erase pictures (cnn-l: on)", 0, 0,
         &given[7]},
        {"no-augment", 0, CLI_FLAG, &o.no_augment, NULL, "leave the pictures as they are", 0, 0, &given[8]},
        {"mirror", 0, CLI_FLAG, &o.mirror, NULL, "augment, and mirror left and right (augmented clothes: on)", 0, 0,
         &given[9]},
        {"no-mirror", 0, CLI_FLAG, &o.no_mirror, NULL, "do not mirror", 0, 0, &given[10]},
        {"out", 'o', CLI_TEXT, &o.out, "FILE", "where the model goes; a checkpoint after each epoch", 0, 0, NULL},
        {"resume", 'r', CLI_TEXT, &o.resume, "FILE", "go on from a checkpoint, with its recipe", 0, 0, NULL},
        {"pause-after", 0, CLI_INT, &o.pause_after, "N", "stop after N epochs, to be resumed", 1, 100000, NULL},
        {"log", 0, CLI_TEXT, &o.log, "FILE.csv", "a row an epoch; when resumed, all of them anew", 0, 0, NULL},
    };
    cli_command command = {"mnist",
                           "train",
                           "[OPTION]..",
                           "Trains a classifier of 28 x 28 pictures (MNIST, Fashion-MNIST) and tests it.\n"
                           "The last line of the output is `test accuracy: 0.xxxx`.",
                           sizeof table / sizeof *table,
                           table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    if (o.augment && o.no_augment) cli_usage_error(&command, "--augment and --no-augment contradict each other");
    if (o.mirror && (o.no_augment || o.no_mirror))
        cli_usage_error(&command, "--mirror contradicts %s", o.no_mirror ? "--no-mirror" : "--no-augment");

    bool in_place = o.resume && cli_same_file(o.resume, o.out);
    const cli_file files[] = {{"--resume", in_place ? NULL : o.resume, CLI_READ},
                              {"--out", o.out, CLI_WRITTEN},
                              {"--log", o.log, CLI_WRITTEN}};
    cli_check_files(&command, sizeof files / sizeof *files, files);
    tw_ctx *ctx = NULL;
    training t = {.o = &o};
    if (o.resume) {
        for (size_t i = 0; i < sizeof given; i++)
            if (given[i])
                cli_usage_error(&command,
                                "--resume takes the recipe from the file: leave out --model, --loss, --optim, "
                                "--schedule, --epochs, --batch, --seed, --[no-]augment and --[no-]mirror");
        if (!(ctx = tw_ctx_new(0))) cli_die("mnist train", "out of memory");
        claim(ctx, &o); /* before --resume is read: it may be the same file */
        if (tw_meta_load(ctx, o.resume, &t.recipe) || recall(ctx, t.recipe, &o)) give_up("mnist train", ctx);
        tw_rng_set(ctx, (tw_rng_state){o.seed, 0}); /* what the first start had; the checkpoint sets the rest */
    } else {
        const char *nearest;
        const model_kind *kind = model_find(o.model, &nearest);
        if (!kind && nearest) cli_usage_error(&command, "unknown model \"%s\"; did you mean %s?", o.model, nearest);
        if (!kind) cli_usage_error(&command, "unknown model \"%s\": one of %s", o.model, model_names());
        if (!o.optim) o.optim = kind->optim;
        if (!o.schedule) o.schedule = kind->schedule;
        if (!o.epochs) o.epochs = kind->epochs;
        if (!o.batch) o.batch = kind->batch;
        o.augment = (o.augment || kind->augment || o.mirror) && !o.no_augment;
        o.mirror = o.mirror || (o.augment && is_clothes(o.data) && !o.no_mirror);
        if (!(ctx = tw_ctx_new(o.seed))) cli_die("mnist train", "out of memory");
        cli_check_specs(&command, ctx, o.optim, o.schedule);
        if (tw_cost_find(ctx, o.loss, &t.cost)) cli_usage_error(&command, "%s", tw_errmsg(ctx));
        claim(ctx, &o);
    }
    if (o.threads) tw_set_threads(ctx, o.threads);

    t.ctx = ctx;
    int64_t first = 0;
    tw_err err = prepare(&t, &first);
    if (!err) err = run(&t, first);
    if (err) report("mnist train", ctx);
    csvlog_free(&t.log);
    tw_loader_free(t.loader);
    tw_optim_free(t.optim);
    tw_params_free(t.params);
    tw_meta_free(t.meta);
    tw_meta_free(t.recipe);
    pictures_free(&t.train);
    pictures_free(&t.test);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
