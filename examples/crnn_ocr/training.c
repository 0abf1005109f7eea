/* training.c - see training.h. */
#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include <thalweg/extend.h>

static tw_loader *open_loader(tw_ctx *ctx, const tw_dataset *dataset, const recipe *r) {
    tw_loader_options options = reading_batches(r->batch);
    options.seed = r->seed;
    options.shuffle = true;
    return tw_loader_new(ctx, dataset, &options);
}

tw_err training_open_loader(training *t, const tw_dataset *dataset, const recipe *r, tw_loader_position at) {
    t->loader = open_loader(t->ctx, dataset, r);
    return t->loader ? tw_loader_seek(t->loader, at) : tw_error(t->ctx);
}

tw_err training_new(tw_ctx *ctx, const crnn *net, const tw_dataset *dataset, const recipe *r, training *t) {
    *t = (training){.ctx = ctx, .net = net, .clip = r->clip, .epochs = r->epochs};
    tw_err err = tw_schedule_parse(ctx, r->schedule, &t->schedule);
    if (err) return err;
    t->symbols = malloc(((size_t)net->design->frames(dataset->max_width) + 1) * sizeof *t->symbols);
    if (!t->symbols) tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    else t->loader = open_loader(ctx, dataset, r);
    if (t->loader) t->optim = tw_optim_new(net->params, r->optim);
    if (t->optim) err = tw_optim_no_decay(t->optim);
    if (!t->optim || err) {
        training_free(t);
        return tw_error(ctx);
    }
    t->lr = r->lr > 0 ? r->lr : tw_optim_lr(t->optim);
    t->ema = net->ema ? r->ema : 0;
    t->guide = net->guide ? r->guide : 0;
    return TW_OK;
}

void training_free(training *t) {
    tw_optim_free(t->optim);
    tw_loader_free(t->loader);
    free(t->symbols);
    *t = (training){0};
}

void training_epoch(training *t) {
    t->loss = 0;
    t->read = (score){0};
    t->infeasible = 0;
    t->norm_sum = t->norm_most = 0;
    t->steps = 0;
}

static void remember(training *t, double loss, const score *before) {
    const double fade = 0.98;
    t->recent_weight = fade * t->recent_weight + 1;
    t->recent_loss = fade * t->recent_loss + loss;
    t->recent_edits = fade * t->recent_edits + (double)(t->read.edits - before->edits);
    t->recent_characters = fade * t->recent_characters + (double)(t->read.characters - before->characters);
}

tw_err training_step(training *t, const tw_batch *b) {
    tw_ctx *ctx = t->ctx;
    tw_loader_position next = tw_loader_tell(t->loader);
    double epoch = (double)next.epoch + (double)next.batch / (double)tw_loader_batches(t->loader);
    tw_optim_set_lr(t->optim, t->lr * tw_schedule_factor(&t->schedule, epoch, t->epochs));

    tw_step_begin(ctx);
    tw_labels frames = {0};
    tw_tensor *guided, *input = tw_input(ctx, b->x, 4, b->dim);
    tw_tensor *logits = crnn_forward_guided(ctx, t->net, input, b->width, &frames, &guided);
    tw_ctc_options options = tw_ctc_defaults();
    int infeasible = 0;
    options.zero_infinity = true;
    options.infeasible = &infeasible;
    tw_tensor *loss = tw_ctc_loss(ctx, logits, b->label, b->label_length, frames, &options), *sum = loss;
    if (t->guide > 0) {
        options.infeasible = NULL;
        tw_tensor *more = tw_ctc_loss(ctx, guided, b->label, b->label_length, frames, &options);
        sum = tw_add(ctx, loss, tw_scale(ctx, more, (tw_real)t->guide));
    }
    score read = t->read;
    if (sum) (void)score_add(ctx, &read, logits, frames, b, t->symbols); /* its error is backward's: no step is made */
    tw_err err = tw_backward(ctx, sum);
    if (err) return err;
    double norm = tw_clip_grad_norm(t->net->params, t->clip);
    if ((err = tw_optim_step(t->optim))) return err;
    if (t->ema > 0 && (err = tw_ema_update(t->net->ema, t->ema, tw_optim_steps(t->optim)))) return err;

    t->loss += (double)tw_item(loss) * b->n;
    t->infeasible += infeasible;
    t->norm_sum += norm;
    if (norm > t->norm_most) t->norm_most = norm;
    t->steps++;
    score before = t->read;
    t->read = read;
    remember(t, (double)tw_item(loss), &before);
    return TW_OK;
}

double training_recent_loss(const training *t) { return t->recent_weight > 0 ? t->recent_loss / t->recent_weight : 0; }
double training_recent_cer(const training *t) {
    return t->recent_characters > 0 ? t->recent_edits / t->recent_characters : t->recent_edits > 0;
}

void training_write(const training *t, char text[TRAINING_FIGURES]) {
    snprintf(text, TRAINING_FIGURES, "%.17g %zu %zu %zu %zu %ld %.17g %.17g %ld %.17g %.17g %.17g %.17g", t->loss,
             t->read.samples, t->read.exact, t->read.edits, t->read.characters, t->infeasible, t->norm_sum,
             t->norm_most, t->steps, t->recent_weight, t->recent_loss, t->recent_edits, t->recent_characters);
}

bool training_read(training *t, const char *text) {
    training got = *t;
    int n = sscanf(text, "%lg %zu %zu %zu %zu %ld %lg %lg %ld %lg %lg %lg %lg", &got.loss, &got.read.samples,
                   &got.read.exact, &got.read.edits, &got.read.characters, &got.infeasible, &got.norm_sum,
                   &got.norm_most, &got.steps, &got.recent_weight, &got.recent_loss, &got.recent_edits,
                   &got.recent_characters);
    if (n == 13) *t = got;
    return n == 13;
}
