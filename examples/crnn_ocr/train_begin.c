/* train_begin.c - what `crnn_ocr train` needs before its first step: data, networks, lengths that were left open. */
#include "ema.h"
#include "guide.h"
#include "train_run.h"
#include "transfer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"

void train_end(run *r) {
    training_free(&r->training);
    readings_free(&r->readings);
    metrics_free(&r->metrics);
    csvlog_free(&r->past);
    tw_meta_free(r->meta);
    if (r->net.params != r->known.net.params) crnn_free(&r->net);
    crnn_free(&r->shown);
    trained_free(&r->known);
    train_data_free(&r->data);
    free(r->best_path);
    free(r->rendered);
}

static const char *data_kind(const train_options *o) {
    return o->synth && o->labels ? "mixed" : o->synth ? "synth" : "labels";
}

/* With other options of rendered text the result would be neither training's. */
static tw_err check_rendered(const run *r) {
    const char *before = r->plan.rendered;
    char *now = synth_options_text(&r->o->rendered);
    tw_err err = now ? TW_OK : tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
    if (!err && before && strcmp(before, now) != 0)
        err = tw_fail_err(r->ctx, TW_ERR_RANGE, "%s was trained with --synth%s%s: continue with the same", r->o->resume,
                          *before ? " " : " and none of its options", before);
    free(now);
    return err;
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
    if (o->synth && (err = check_rendered(r))) return err;
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
static tw_err settle_lengths(run *r) {
    double batches = ceil((double)r->data.dataset->count / r->plan.batch);
    if (batches < 1) batches = 1;
    if (r->o->steps) r->plan.epochs = (int)ceil(r->o->steps / batches);
    if (r->plan.epochs > MOST_EPOCHS)
        return tw_fail_err(r->ctx, TW_ERR_RANGE,
                           "--steps %d are %d epochs of %.0f steps; at most %d epochs are trained", r->o->steps,
                           r->plan.epochs, batches, MOST_EPOCHS);
    if (!r->plan.epochs) {
        const double least_steps = 3000, most_epochs = 300;
        double epochs = crnn_design_find(r->plan.model)->epochs, enough = ceil(least_steps / batches);
        if (enough > most_epochs) enough = most_epochs;
        r->plan.epochs = (int)(enough > epochs && r->o->labels ? enough : epochs);
    }
    double steps = batches * r->plan.epochs;
    if (r->plan.ema < 0) r->plan.ema = steps < 500 ? 0.9 : steps > 500000 ? 0.9999 : 1 - 50 / steps;
    return TW_OK;
}

/* Beside --out, which comes first. To find out after hours that something cannot be written would be too late. */
static tw_err claim_others(run *r) {
    const train_options *o = r->o;
    bool measured = o->val || r->plan.val_split > 0;
    char *last = train_beside(o->out, "last");
    r->best_path = train_beside(o->out, "best");
    tw_err err = last && r->best_path ? TW_OK : tw_fail_err(r->ctx, TW_ERR_NOMEM, "out of memory");
    if (!err && measured) err = cli_claim(r->ctx, "--out", r->best_path, false);
    if (!err && measured) err = cli_claim(r->ctx, "--out", last, false);
    if (!err && o->report) err = cli_claim(r->ctx, "--report", o->report, false);
    if (!err && o->log) err = cli_claim(r->ctx, "--log", o->log, true);
    free(last);
    return err;
}

tw_err train_begin(run *r) {
    const train_options *o = r->o;
    tw_ctx *ctx = r->ctx;
    tw_err err = cli_claim(ctx, "--out", o->out, false); /* before --resume is read: it may be the same file */
    if (!err && o->resume) err = open_resumed(r);
    else if (!err && o->init) err = open_init(r);
    if (!err) err = claim_others(r);
    if (err) return err;
    if (!o->resume) complete(&r->plan, o);
    if (!o->resume && o->synth && !(r->plan.rendered = r->rendered = synth_options_text(&o->rendered)))
        return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    err = train_data_open(ctx, o, r->known.net.params ? &r->known : NULL, o->resume != NULL, &r->plan, &r->data);
    if (err) return err;
    if (!o->resume && (err = settle_lengths(r))) return err;
    r->augmented = o->init || (o->resume && tw_meta_get(r->known.meta, "augmented"));
    if (r->augmented) train_data_augment(&r->data);
    err = open_networks(r);
    if (!err) err = training_new(ctx, &r->net, r->data.dataset, &r->plan, &r->training);
    if (!err) err = tw_params_seal(r->shown.params);
    if (err) return err;
    r->meta = tw_meta_new(ctx);
    if (!r->meta) return tw_error(ctx);
    err = recipe_write(r->meta, &r->plan, r->data.alphabet);
    if (!err && o->resume) err = train_load_checkpoint(r);
    return err ? err : train_log(r);
}
