/* train_run.c - the epochs of `crnn_ocr train`: steps, validation, when to stop. */
#include "ema.h"
#include "report.h"
#include "stop.h"
#include "train_run.h"

#include <math.h>
#include <thalweg/extend.h>

#include "../common/cli.h"
#include "../common/plain.h"

/* *ended: it was not stopped before its last step. */
static tw_err one_epoch(run *r, long done, bool *ended) {
    training *t = &r->training;
    const tw_batch *batch = NULL;
    tw_err err;
    if (tw_loader_tell(t->loader).batch == 0) training_epoch(t); /* otherwise it is gone on with */
    while (!(err = tw_loader_next(t->loader, &batch)) && batch) {
        if ((err = training_step(t, batch))) break;
        progress_show(&r->bar, done + (long)t->read.samples, "loss %.4f  cer %.4f", training_recent_loss(t),
                      training_recent_cer(t));
        if (stop_wanted()) break;
        if (r->o->save_minutes > 0 && progress_clock() - r->saved > 60 * r->o->save_minutes &&
            (err = train_save_checkpoint(r)))
            break;
    }
    *ended = !batch;
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
    return train_save_model(r, r->best_path, epoch);
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
    row.seconds = train_seconds(r);
    progress_print(&r->bar, "epoch %2d/%d  loss %.4f  cer %.4f  gradient %.2f%s", epoch, r->plan.epochs, row.loss,
                   row.cer, row.norm, valid);
    return history_add(&r->past, &row) ? TW_OK : tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
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
    tw_err unseen = TW_OK; /* what cannot be logged or shown is learned and kept all the same */
    *why = FINISHED;
    while (*epoch < epochs && *why == FINISHED && !unseen) {
        double began = progress_clock();
        r->epoch = *epoch + 1;
        progress_label(&r->bar, "epoch %d/%d", r->epoch, epochs);
        bool ended;
        tw_err err = one_epoch(r, *epoch * n, &ended);
        if (!err && !ended) {
            *why = INTERRUPTED;
            return train_save_checkpoint(r);
        }
        if (!err) err = tell(r, ++*epoch, began);
        if (err) return err;
        *infeasible += t->infeasible;
        if (*epoch < epochs && (err = begin_augmenting(r, *epoch))) return err;
        unseen = train_log(r);
        if (!unseen && r->o->report) unseen = write_report(r, *epoch);
        if (*epoch < epochs && *epoch - first == r->o->pause_after) *why = PAUSED;
        if (*epoch < epochs && stop_wanted()) *why = INTERRUPTED;
        if (*epoch < epochs && tw_early_stop_now(&r->stop, *epoch)) *why = PATIENCE;
        if (*epoch < epochs && *why != PATIENCE && (err = train_save_checkpoint(r))) return err;
    }
    if (*why == PAUSED || *why == INTERRUPTED || (unseen && *why == FINISHED && *epoch < epochs)) return unseen;
    tw_err err = train_save_result(r, *epoch);
    return err ? err : unseen;
}

static void tell_how_to_go_on(const char *what, const char *out) {
    fprintf(stderr, "%s; go on with the same data and --resume ", what);
    plain_word(stderr, out);
    fputs(" --out ", stderr);
    plain_word(stderr, out);
    fputc('\n', stderr);
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
        cli_explain_divergence(r->ctx, r->epoch);
        return err;
    }
    progress_end(&r->bar, epoch * n + (tw_loader_tell(t->loader).batch ? (long)t->read.samples : 0),
                 "loss %.4f  cer %.4f", training_recent_loss(t), training_recent_cer(t));
    if (infeasible)
        fprintf(stderr, "%ld times a text did not fit into its picture's frames and taught nothing\n", infeasible);
    if (why == PATIENCE)
        fprintf(stderr, "stopped: nothing better on the validation set for %d epochs\n", r->plan.patience);
    if (why == PAUSED || why == INTERRUPTED)
        tell_how_to_go_on(why == PAUSED ? "paused" : "interrupted, and saved", r->o->out);
    plain_line(stdout, "model: ", r->o->out);
    if (r->best_epoch) printf("exact: %.4f\ncer: %.4f\n", r->best_exact, r->stop.best);
    return why == INTERRUPTED ? TW_ERR_STATE : TW_OK;
}

tw_err train_run(tw_ctx *ctx, const train_options *o) {
    run r = {.ctx = ctx, .o = o, .plan = o->recipe};
    tw_err err = train_begin(&r);
    if (!err) err = train(&r);
    train_end(&r);
    return err;
}
