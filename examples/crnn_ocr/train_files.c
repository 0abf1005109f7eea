/* train_files.c - what `crnn_ocr train` writes: checkpoints, the best model so far, the log, the result; and what it
 * reads of them when it is resumed. */
#include "ema.h"
#include "guide.h"
#include "train_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/plain.h"

/* Of the checkpoint's metadata: how many pictures it is trained and measured with. */
#define PICTURES_KEY "pictures"
#define VALIDATION_KEY "validation_pictures"
#define TEXTS_KEY "texts" /* labelled_hash of those to train on */
#define VALIDATION_TEXTS_KEY "validation_texts"

char *train_beside(const char *path, const char *word) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    size_t stem = dot && dot > (slash ? slash + 1 : path) ? (size_t)(dot - path) : strlen(path);
    size_t room = strlen(path) + strlen(word) + 2;
    char *name = malloc(room);
    if (name) snprintf(name, room, "%.*s.%s%s", (int)stem, path, word, path + stem);
    return name;
}

/* ---- where a training stands, as strings in its checkpoint ------------------------------------------------ */

double train_seconds(const run *r) { return r->seconds + progress_clock() - r->began; }

static tw_err write_texts(tw_meta *meta, const char *key, const labelled *data) {
    return tw_meta_setf(meta, key, "%016llx", (unsigned long long)labelled_hash(data));
}

static tw_err write_state(run *r) {
    char figures[TRAINING_FIGURES];
    training_write(&r->training, figures);
    tw_err err = tw_meta_set(r->meta, "figures", figures);
    if (!err) err = tw_meta_setf(r->meta, PICTURES_KEY, "%zu", r->data.dataset->count);
    if (!err) err = tw_meta_setf(r->meta, VALIDATION_KEY, "%zu", r->data.valid.tsv.n);
    if (!err) err = write_texts(r->meta, TEXTS_KEY, &r->data.train);
    if (!err) err = write_texts(r->meta, VALIDATION_TEXTS_KEY, &r->data.valid);
    if (!err && r->past.text) err = tw_meta_set(r->meta, "history", r->past.text);
    if (!err) err = tw_meta_setf(r->meta, "seconds", "%.1f", train_seconds(r));
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

/* With other pictures than before the result would be neither training's. */
static tw_err check_count(const run *r, const char *key, size_t now, const char *what) {
    int64_t before = 0;
    if (!tw_meta_get(r->known.meta, key)) return TW_OK;
    tw_err err = tw_meta_int(r->known.meta, key, 0, INT64_MAX, &before);
    if (!err && (uint64_t)before != now)
        err = tw_fail_err(r->ctx, TW_ERR_FORMAT,
                          "%s was trained with %lld %s, and there are %zu: continue with the same, or begin another "
                          "training with --init",
                          r->o->resume, (long long)before, what, now);
    return err;
}

static tw_err check_texts(const run *r, const char *key, const labelled *data, const char *labels) {
    char now[24];
    const char *before = tw_meta_get(r->known.meta, key);
    snprintf(now, sizeof now, "%016llx", (unsigned long long)labelled_hash(data));
    if (before && strcmp(before, now) != 0)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s was trained with other texts than those of %s, or in another order: continue with the "
                           "same, or begin another training with --init",
                           r->o->resume, labels ? labels : "(none)");
    if (!before && r->plan.val_split > 0)
        return tw_fail_err(r->ctx, TW_ERR_FORMAT,
                           "%s does not say which texts were put aside to validate on; begin another training with "
                           "--init",
                           r->o->resume);
    return TW_OK;
}

static tw_err read_state(run *r) {
    const tw_meta *meta = r->known.meta;
    const char *figures = tw_meta_get(meta, "figures"), *rows = tw_meta_get(meta, "history"),
               *seconds = tw_meta_get(meta, "seconds"), *best = tw_meta_get(meta, "best");
    if (figures && !training_read(&r->training, figures)) return bad_state(r, "figures");
    if (rows && !csvlog_set(&r->past, rows)) return tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
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
    char *from = train_beside(r->o->resume, "best");
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

/* ---- files ------------------------------------------------------------------------------------------------ */

/* The loss of a step is that of the weights before it, so the last one may have spoiled them unseen. Do they still make
 * numbers of a picture? What was saved before is better than what does not. */
static tw_err check_weights(const run *r, const crnn *net) {
    enum { WIDTH = 32 };
    tw_ctx *ctx = r->ctx;
    tw_labels frames;
    if (tw_error(ctx)) return TW_OK; /* the log's: in a context that has failed nothing can be computed */
    tw_set_training(ctx, false);
    tw_set_recording(ctx, false);
    tw_step_begin(ctx);
    tw_tensor *x = tw_full(ctx, 0.5f, 4, (int[]){1, 1, net->height, WIDTH});
    const tw_tensor *y = crnn_forward(ctx, net, x, (tw_labels){(int32_t[]){WIDTH}, 1}, &frames);
    tw_err err = y ? TW_OK : tw_error(ctx);
    for (size_t i = 0; y && !err && i < y->size; i++)
        if (!isfinite(y->data[i]))
            err = tw_fail_err(ctx, TW_ERR_NONFINITE, "the network's scores are not finite any more, and are not saved");
    tw_set_training(ctx, true);
    tw_set_recording(ctx, true);
    return err;
}

tw_err train_save_checkpoint(run *r) {
    tw_loader_position at = tw_loader_tell(r->training.loader);
    tw_err err = check_weights(r, &r->net);
    if (!err) err = write_state(r);
    if (!err) err = tw_checkpoint_save(r->net.params, r->training.optim, &at, r->meta, r->o->out);
    r->saved = progress_clock();
    return err;
}

tw_err train_load_checkpoint(run *r) {
    tw_loader_position at;
    tw_err err = check_count(r, PICTURES_KEY, r->data.dataset->count, "pictures");
    if (!err) err = check_count(r, VALIDATION_KEY, r->data.valid.tsv.n, "pictures to validate on");
    if (!err) err = check_texts(r, TEXTS_KEY, &r->data.train, r->o->labels);
    if (!err) err = check_texts(r, VALIDATION_TEXTS_KEY, &r->data.valid, r->o->val ? r->o->val : r->o->labels);
    if (!err) err = tw_checkpoint_load(r->net.params, r->training.optim, &at, r->o->resume);
    if (!err && at.epoch >= r->plan.epochs) err = bad_state(r, "thalweg.loader.epoch");
    if (!err) err = tw_loader_seek(r->training.loader, at);
    if (!err) err = read_state(r);
    return err ? err : bring_best(r);
}

tw_err train_save_model(run *r, const char *path, int epoch) {
    tw_err err = check_weights(r, &r->shown);
    if (err) return err;
    tw_meta *meta = tw_meta_new(r->ctx);
    err = meta ? recipe_write(meta, &r->plan, r->data.alphabet) : tw_error(r->ctx);
    if (!err) err = tw_meta_set(meta, "finished", "yes");
    if (!err) err = tw_meta_setf(meta, "epoch", "%d", epoch);
    if (!err && r->data.valid.tsv.n)
        err = tw_meta_setf(meta, "validation", "exact %.4f, cer %.4f, %zu pictures", score_exact(&r->validation),
                           score_cer(&r->validation), r->validation.samples);
    if (!err) err = tw_model_save(r->shown.params, meta, path);
    tw_meta_free(meta);
    return err;
}

tw_err train_save_result(run *r, int epoch) {
    if (ema_copy(&r->net, &r->shown)) return tw_error(r->ctx);
    if (!r->best_epoch || r->best_epoch == epoch) return train_save_model(r, r->o->out, epoch);
    char *last = train_beside(r->o->out, "last");
    tw_err err = last ? train_save_model(r, last, epoch) : tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
    trained best;
    if (!err && (err = trained_load(r->ctx, r->best_path, true, &best)) == TW_OK) {
        err = tw_model_save(best.net.params, best.meta, r->o->out);
        trained_free(&best);
    }
    if (!err) {
        printf("best: epoch %d; the last: ", r->best_epoch);
        plain_line(stdout, "", last);
    }
    free(last);
    return err;
}

tw_err train_log(const run *r) { return csvlog_save(r->ctx, &r->past, HISTORY_HEADER, r->o->log); }
