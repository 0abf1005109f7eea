/* train_run.c - the epochs of `crnn_ocr train`: checkpoints, validation, when to stop. */
#include "commands.h"
#include "ema.h"
#include "guide.h"
#include "history.h"
#include "report.h"
#include "stop.h"
#include "train.h"
#include "training.h"
#include "transfer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"
#include "../common/progress.h"

/* Everything with a life of its own; one place frees it. */
typedef struct run {
    tw_ctx *ctx;
    const train_options *o;
    recipe plan;
    train_data data;
    trained known; /* what is resumed, or begun with */
    crnn net;      /* what is trained */
    crnn shown;    /* what is measured and written as a model: net's weights, or their average */
    tw_meta *meta;
    training training;
    history past;
    progress bar;
    double began, seconds, saved; /* of this process; of the processes before; of the last checkpoint */
    bool augmented;               /* labelled pictures are */
    /* the best network on the validation set */
    char *best_path;
    int best_epoch;     /* 0: none yet */
    tw_early_stop stop; /* of its CER; among equal ones exact decides. Being only as good is no improvement */
    double best_exact;
    /* of the last epoch */
    score validation;
    readings readings;
    metrics metrics;
} run;

static void run_free(run *r) {
    training_free(&r->training);
    readings_free(&r->readings);
    metrics_free(&r->metrics);
    history_free(&r->past);
    tw_meta_free(r->meta);
    if (r->net.params != r->known.net.params) crnn_free(&r->net);
    crnn_free(&r->shown);
    trained_free(&r->known);
    train_data_free(&r->data);
    free(r->best_path);
}

/* "m.safetensors" gives "m.best.safetensors". */
static char *beside(const char *path, const char *word) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    size_t stem = dot && dot > (slash ? slash + 1 : path) ? (size_t)(dot - path) : strlen(path);
    size_t room = strlen(path) + strlen(word) + 2;
    char *name = malloc(room);
    if (name) snprintf(name, room, "%.*s.%s%s", (int)stem, path, word, path + stem);
    return name;
}

/* ---- where a training stands, as strings in its checkpoint ------------------------------------------------ */

static double seconds_so_far(const run *r) { return r->seconds + progress_clock() - r->began; }

static tw_err write_state(run *r) {
    char figures[TRAINING_FIGURES];
    training_write(&r->training, figures);
    tw_err err = tw_meta_set(r->meta, "figures", figures);
    if (!err && r->past.text) err = tw_meta_set(r->meta, "history", r->past.text);
    if (!err) err = tw_meta_setf(r->meta, "seconds", "%.1f", seconds_so_far(r));
    if (!err && r->best_epoch)
        err = tw_meta_setf(r->meta, "best", "%d %d %.17g %.17g", r->best_epoch, (int)r->stop.since, r->stop.best,
                           r->best_exact);
    if (!err && r->training.ema > 0) err = tw_meta_set(r->meta, EMA_KEY, "yes");
    if (!err && r->net.guide) err = tw_meta_set(r->meta, GUIDE_KEY, "yes");
    if (!err && r->augmented) err = tw_meta_set(r->meta, "augmented", "yes");
    return err;
}

static tw_err bad_state(const run *r, const char *key) {
    return tw_fail_err(r->ctx, TW_ERR_FORMAT, "%s: its entry \"%s\" is damaged", r->o->resume, key);
}

static tw_err read_state(run *r) {
    const tw_meta *meta = r->known.meta;
    const char *figures = tw_meta_get(meta, "figures"), *rows = tw_meta_get(meta, "history"),
               *seconds = tw_meta_get(meta, "seconds"), *best = tw_meta_get(meta, "best");
    if (figures && !training_read(&r->training, figures)) return bad_state(r, "figures");
    if (rows && !history_set(&r->past, rows)) return tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
    if (seconds) r->seconds = strtod(seconds, NULL);
    int improved = 0;
    if (best && sscanf(best, "%d %d %lg %lg", &r->best_epoch, &improved, &r->stop.best, &r->best_exact) != 4)
        return bad_state(r, "best");
    r->stop.since = improved;
    r->stop.measured = r->best_epoch > 0;
    return TW_OK;
}

/* The best model so far lies beside the checkpoint; where --out is another file it goes along. */
static tw_err bring_best(run *r) {
    if (!r->best_epoch) return TW_OK;
    char *from = beside(r->o->resume, "best");
    tw_err err = from ? TW_OK : tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
    trained best;
    if (!err && (err = trained_load(r->ctx, from, true, &best)) == TW_OK) {
        if (strcmp(from, r->best_path)) err = tw_model_save(best.net.params, best.meta, r->best_path);
        trained_free(&best);
    } else if (err == TW_ERR_IO) {
        fprintf(stderr, "%s; what is best is found out anew\n", tw_errmsg(r->ctx));
        tw_error_clear(r->ctx);
        r->best_epoch = 0;
        r->stop.measured = false;
        err = TW_OK;
    }
    free(from);
    return err;
}

/* ---- beginning -------------------------------------------------------------------------------------------- */

static const char *data_kind(const train_options *o) {
    return o->synth && o->labels ? "mixed" : o->synth ? "synth" : "labels";
}

static tw_err open_resumed(run *r) {
    static const struct {
        const char *data, *options;
    } kinds[] = {{"labels", "--labels"}, {"synth", "--synth"}, {"mixed", "--labels and --synth"}};
    const train_options *o = r->o;
    tw_err err = trained_load(r->ctx, o->resume, false, &r->known);
    if (err) return err;
    r->plan = r->known.recipe;
    if (tw_meta_get(r->known.meta, "finished"))
        return tw_fail_err(r->ctx, TW_ERR_STATE, "%s: this training has finished; --init %s begins another with it",
                           o->resume, o->resume);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(r->plan.data, kinds[i].data) && strcmp(r->plan.data, data_kind(o)) != 0)
            return tw_fail_err(r->ctx, TW_ERR_RANGE, "%s was trained with %s: continue with the same", o->resume,
                               kinds[i].options);
    /* as the first start had it; the checkpoint sets the rest */
    tw_rng_set(r->ctx, (tw_rng_state){r->plan.seed, 0});
    return TW_OK;
}

static tw_err open_init(run *r) {
    const char *path = r->o->init, *slash = strrchr(path, '/');
    tw_err err = trained_load(r->ctx, path, true, &r->known);
    if (err) return err;
    r->plan.init = slash ? slash + 1 : path;
    if (!r->plan.model) r->plan.model = r->known.recipe.model;
    if (!r->plan.height) r->plan.height = r->known.net.height;
    return TW_OK;
}

/* What the command line left open, by the model's design. */
static void complete(recipe *plan, const train_options *o) {
    const crnn_design *design = crnn_design_find(plan->model);
    if (!plan->optim) plan->optim = design->optim;
    if (!plan->schedule) plan->schedule = design->schedule;
    if (!plan->batch) plan->batch = design->batch;
    plan->data = data_kind(o);
}

static tw_err open_networks(run *r) {
    const crnn_design *design = crnn_design_find(r->plan.model);
    int classes = tw_alphabet_classes(r->data.alphabet);
    tw_err err = TW_OK;
    if (r->o->resume) {
        r->net = r->known.net;
    } else {
        err = crnn_new(r->ctx, &r->net, design, r->plan.height, classes);
        if (!err && r->plan.ema > 0) err = ema_attach(&r->net);
        if (!err && r->plan.guide > 0) err = guide_attach(&r->net);
    }
    if (!err) err = crnn_new(r->ctx, &r->shown, design, r->plan.height, classes);
    if (err || !r->o->init) return err;
    int kept = 0;
    err = transfer_weights(r->ctx, &r->known, r->o->init, r->data.alphabet, &r->net, &kept);
    if (!err) fprintf(stderr, "begins with %s: %d of %d characters are known to it\n", r->o->init, kept, classes - 1);
    return err;
}

/* --steps as whole epochs; otherwise the design's, but more when pictures are few: the plateau of CTC takes some
 * hundred steps however many pictures there are. The average reaches over a fiftieth of the training: what is
 * averaged longer lags behind while the network still learns fast. */
static void settle_lengths(run *r) {
    double batches = ceil((double)r->data.dataset->count / r->plan.batch);
    if (batches < 1) batches = 1;
    if (r->o->steps) r->plan.epochs = (int)ceil(r->o->steps / batches);
    if (!r->plan.epochs) {
        const double least_steps = 3000, most_epochs = 300;
        double epochs = crnn_design_find(r->plan.model)->epochs, enough = ceil(least_steps / batches);
        if (enough > most_epochs) enough = most_epochs;
        r->plan.epochs = (int)(enough > epochs && r->o->labels ? enough : epochs);
    }
    double steps = batches * r->plan.epochs;
    if (r->plan.ema < 0) r->plan.ema = steps < 500 ? 0.9 : steps > 500000 ? 0.9999 : 1 - 50 / steps;
}

static tw_err prepare(run *r) {
    const train_options *o = r->o;
    tw_ctx *ctx = r->ctx;
    tw_err err = cli_check_out(ctx, o->out);
    if (!err && o->report) err = cli_check_out(ctx, o->report);
    if (!err && o->resume) err = open_resumed(r);
    else if (!err && o->init) err = open_init(r);
    if (err) return err;
    if (!o->resume) complete(&r->plan, o);
    err = train_data_open(ctx, o, r->known.net.params ? &r->known : NULL, o->resume != NULL, &r->plan, &r->data);
    if (err) return err;
    if (!o->resume) settle_lengths(r);
    r->augmented = o->init || (o->resume && tw_meta_get(r->known.meta, "augmented"));
    if (r->augmented) train_data_augment(&r->data);
    err = open_networks(r);
    if (!err) err = training_new(ctx, &r->net, r->data.dataset, &r->plan, &r->training);
    if (!err) err = tw_params_freeze(r->shown.params);
    if (err) return err;
    r->best_path = beside(o->out, "best");
    r->meta = tw_meta_new(ctx);
    if (!r->meta || !r->best_path) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    err = recipe_write(r->meta, &r->plan, r->data.alphabet);
    if (!err && o->resume) {
        tw_loader_position at;
        err = tw_checkpoint_load(r->net.params, r->training.optim, &at, o->resume);
        if (!err) err = tw_loader_seek(r->training.loader, at);
        if (!err) err = read_state(r);
        if (!err) err = bring_best(r);
    }
    if (!err && o->log && !history_save(&r->past, o->log))
        err = tw_fail_err(ctx, TW_ERR_IO, "%s: cannot be written: %s", o->log, strerror(errno));
    return err;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

static tw_err save_checkpoint(run *r) {
    tw_loader_position at = tw_loader_tell(r->training.loader);
    tw_err err = write_state(r);
    if (!err) err = tw_checkpoint_save(r->net.params, r->training.optim, &at, r->meta, r->o->out);
    r->saved = progress_clock();
    return err;
}

/* The network that is shown, alone: what reading needs, and the recipe. */
static tw_err save_model(run *r, const char *path, int epoch) {
    tw_meta *meta = tw_meta_new(r->ctx);
    tw_err err = meta ? recipe_write(meta, &r->plan, r->data.alphabet) : tw_error(r->ctx);
    if (!err) err = tw_meta_set(meta, "finished", "yes");
    if (!err) err = tw_meta_setf(meta, "epoch", "%d", epoch);
    if (!err && r->data.valid.tsv.n)
        err = tw_meta_setf(meta, "validation", "exact %.4f, cer %.4f, %zu pictures", score_exact(&r->validation),
                           score_cer(&r->validation), r->validation.samples);
    if (!err) err = tw_model_save(r->shown.params, meta, path);
    tw_meta_free(meta);
    return err;
}

/* The best model becomes the result; if the last is another it is kept beside it. */
static tw_err finish(run *r, int epoch) {
    if (ema_copy(&r->net, &r->shown)) return tw_error(r->ctx);
    if (!r->best_epoch || r->best_epoch == epoch) return save_model(r, r->o->out, epoch);
    char *last = beside(r->o->out, "last");
    tw_err err = last ? save_model(r, last, epoch) : tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
    trained best;
    if (!err && (err = trained_load(r->ctx, r->best_path, true, &best)) == TW_OK) {
        err = tw_model_save(best.net.params, best.meta, r->o->out);
        trained_free(&best);
    }
    if (!err) printf("best: epoch %d; the last: %s\n", r->best_epoch, last);
    free(last);
    return err;
}

/* ---- epochs ------------------------------------------------------------------------------------------------ */

static tw_err one_epoch(run *r, long done) {
    training *t = &r->training;
    const tw_batch *batch;
    tw_err err;
    if (tw_loader_tell(t->loader).batch == 0) training_epoch(t); /* otherwise it is gone on with */
    while (!(err = tw_loader_next(t->loader, &batch)) && batch) {
        if ((err = training_step(t, batch))) break;
        progress_show(&r->bar, done + (long)t->read.samples, "loss %.4f  cer %.4f", training_recent_loss(t),
                      training_recent_cer(t));
        if (stop_wanted()) break;
        if (r->o->save_minutes > 0 && progress_clock() - r->saved > 60 * r->o->save_minutes &&
            (err = save_checkpoint(r)))
            break;
    }
    return err;
}

/* Of epochs that are equally good the last is kept: its learning rate was the smallest. */
static tw_err validate(run *r, int epoch) {
    const double nothing_read = 0.98; /* the plateau before the first letters tests nobody's patience */
    tw_err err = ema_copy(&r->net, &r->shown);
    readings_free(&r->readings);
    metrics_free(&r->metrics);
    if (err) return err;
    if (r->o->report) {
        err = readings_make(r->ctx, &r->shown, r->data.alphabet, &r->data.valid, NULL, &r->readings, &r->metrics);
        r->validation = metrics_score(&r->metrics);
    } else {
        err = evaluate(r->ctx, &r->shown, &r->data.valid.dataset, &r->validation, NULL, NULL);
    }
    if (err) return err;
    double cer = score_cer(&r->validation), exact = score_exact(&r->validation);
    bool better = tw_early_stop_add(&r->stop, epoch, cer), equal = !better && cer <= r->stop.best;
    if ((equal && exact > r->best_exact) || cer > nothing_read) tw_early_stop_wait(&r->stop, epoch);
    if (!better && !(equal && exact >= r->best_exact)) return TW_OK;
    r->best_epoch = epoch, r->best_exact = exact;
    return save_model(r, r->best_path, epoch);
}

static tw_err write_report(run *r, int epoch) {
    char state[64];
    bool valid = r->data.valid.tsv.n > 0;
    snprintf(state, sizeof state, "epoch %d of %d", epoch, r->plan.epochs);
    report_of of = {.model = r->o->out,
                    .recipe = &r->plan,
                    .alphabet = r->data.alphabet,
                    .past = &r->past,
                    .state = state,
                    .pictures = r->data.dataset->count,
                    .weights = tw_params_size(r->shown.params),
                    .best_epoch = r->best_epoch,
                    .valid = valid ? &r->data.valid : NULL,
                    .readings = valid ? &r->readings : NULL,
                    .metrics = valid ? &r->metrics : NULL};
    return report_write(r->ctx, r->o->report, &of);
}

/* What there is to say of an epoch that has ended. */
static tw_err tell(run *r, int epoch, double began) {
    const training *t = &r->training;
    double samples = t->read.samples ? (double)t->read.samples : 1, steps = t->steps ? (double)t->steps : 1,
           now = progress_clock();
    char valid[96] = "";
    history_row row = {.epoch = epoch,
                       .step = (long)tw_optim_steps(t->optim),
                       .loss = t->loss / samples,
                       .cer = score_cer(&t->read),
                       .infeasible = t->infeasible,
                       .valid_exact = NAN,
                       .valid_cer = NAN,
                       .lr = tw_optim_lr(t->optim),
                       .norm = t->norm_sum / steps,
                       .norm_most = t->norm_most,
                       .rate = now > began ? samples / (now - began) : 0};
    if (r->data.valid.tsv.n) {
        tw_err err = validate(r, epoch);
        if (err) return err;
        row.valid_exact = score_exact(&r->validation), row.valid_cer = score_cer(&r->validation);
        snprintf(valid, sizeof valid, "  validation: exact %.4f  cer %.4f%s", row.valid_exact, row.valid_cer,
                 r->best_epoch == epoch ? "  (best)" : "");
    }
    row.seconds = seconds_so_far(r);
    progress_print(&r->bar, "epoch %2d/%d  loss %.4f  cer %.4f  gradient %.2f%s", epoch, r->plan.epochs, row.loss,
                   row.cer, row.norm, valid);
    if (!history_add(&r->past, &row)) return tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
    if (r->o->log && !history_save(&r->past, r->o->log))
        return tw_fail_err(r->ctx, TW_ERR_IO, "%s: cannot be written: %s", r->o->log, strerror(errno));
    return r->o->report ? write_report(r, epoch) : TW_OK;
}

/* Pictures are augmented from when half of their characters are read, or a quarter of the epochs is over: CTC finds its
 * first letters sooner where they look alike. */
static tw_err begin_augmenting(run *r, int epoch) {
    if (r->augmented || !r->o->labels || r->data.augment == AUGMENT_NONE) return TW_OK;
    if (score_cer(&r->training.read) > 0.5 && 4 * epoch < r->plan.epochs) return TW_OK;
    r->augmented = true;
    training *t = &r->training;
    /* The loader's thread has begun with the next batch. */
    tw_loader_position at = tw_loader_tell(t->loader);
    tw_loader_free(t->loader);
    t->loader = NULL;
    train_data_augment(&r->data);
    tw_err err = training_open_loader(t, r->data.dataset, &r->plan, at);
    if (!err) progress_print(&r->bar, "from here on pictures are augmented (%s)", r->plan.augment);
    return err;
}

typedef enum outcome { FINISHED, PATIENCE, PAUSED, INTERRUPTED } outcome;

/* *epoch: how many are done. */
static tw_err all_epochs(run *r, int *epoch, long *infeasible, outcome *why) {
    training *t = &r->training;
    long n = (long)r->data.dataset->count;
    int first = *epoch, epochs = r->plan.epochs;
    *why = FINISHED;
    while (*epoch < epochs && *why == FINISHED) {
        double began = progress_clock();
        progress_label(&r->bar, "epoch %d/%d", *epoch + 1, epochs);
        tw_err err = one_epoch(r, *epoch * n);
        if (!err && stop_wanted()) {
            *why = INTERRUPTED;
            return save_checkpoint(r);
        }
        if (!err) err = tell(r, ++*epoch, began);
        if (err) return err;
        *infeasible += t->infeasible;
        if (*epoch < epochs && (err = begin_augmenting(r, *epoch))) return err;
        if (*epoch < epochs && *epoch - first == r->o->pause_after) *why = PAUSED;
        if (*epoch < epochs && tw_early_stop_now(&r->stop, *epoch)) *why = PATIENCE;
        if (*epoch < epochs && *why != PATIENCE && (err = save_checkpoint(r))) return err;
    }
    return *why == PAUSED ? TW_OK : finish(r, *epoch);
}

static tw_err train(run *r) {
    training *t = &r->training;
    long n = (long)r->data.dataset->count, infeasible = 0;
    tw_loader_position at = tw_loader_tell(t->loader);
    int epoch = (int)at.epoch;
    outcome why;
    fprintf(stderr, "%s: %zu weights, %d characters, pictures %d high, %ld %s, %d threads\n", r->plan.model,
            tw_params_size(r->shown.params), r->net.classes - 1, r->plan.height, n,
            r->o->synth ? "an epoch" : "of them", tw_threads(r->ctx));
    if (r->data.valid.tsv.n) fprintf(stderr, "validation: %zu pictures\n", r->data.valid.tsv.n);
    r->stop.patience = r->plan.patience;
    r->began = r->saved = progress_clock();
    stop_watch();
    progress_begin(&r->bar, "epoch", epoch * n + (at.batch ? (long)t->read.samples : 0), r->plan.epochs * n);
    tw_err err = all_epochs(r, &epoch, &infeasible, &why);
    if (err) {
        progress_clear(&r->bar);
        return err;
    }
    progress_end(&r->bar, epoch * n + (why == INTERRUPTED ? (long)t->read.samples : 0), "loss %.4f  cer %.4f",
                 training_recent_loss(t), training_recent_cer(t));
    if (infeasible)
        fprintf(stderr, "%ld times a text did not fit into its picture's frames and taught nothing\n", infeasible);
    if (why == PATIENCE)
        fprintf(stderr, "stopped: nothing better on the validation set for %d epochs\n", r->plan.patience);
    if (why == PAUSED || why == INTERRUPTED)
        fprintf(stderr, "%s; go on with the same data and --resume %s --out %s\n",
                why == PAUSED ? "paused" : "interrupted, and saved", r->o->out, r->o->out);
    printf("model: %s\n", r->o->out);
    if (r->best_epoch) printf("exact: %.4f\ncer: %.4f\n", r->best_exact, r->stop.best);
    return why == INTERRUPTED ? TW_ERR_STATE : TW_OK;
}

tw_err train_run(tw_ctx *ctx, const train_options *o) {
    run r = {.ctx = ctx, .o = o, .plan = o->recipe};
    tw_err err = prepare(&r);
    if (!err) err = train(&r);
    run_free(&r);
    return err;
}
