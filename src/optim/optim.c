/* optim.c - what all optimisers share: finding one by name, groups, and the step over the flat parameters. */
#include "optim/optim.h"
#include "tensor/options.h"

#include <math.h>
#include <string.h>

/* A new optimiser is one file and one line here. */
static const tw__optim_class *const registry[] = {&tw__sgd_class,      &tw__adam_class,    &tw__adamw_class,
                                                  &tw__adadelta_class, &tw__rmsprop_class, &tw__adagrad_class};
enum { REGISTERED = sizeof registry / sizeof *registry };

/* ---- making one ---------------------------------------------------------------------------------------- */

/* Options that come as text were checked while parsing; those filled in by hand were not. */
static tw_err check_options(tw_ctx *ctx, const tw__optim_class *cls, const void *options) {
    for (const tw_option *row = cls->table; row->name; row++) {
        double value;
        if (row->type != TW_OPTION_REAL) continue;
        memcpy(&value, (const char *)options + row->offset, sizeof value);
        if (!(value >= row->min && value <= row->max))
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s must be between %.10g and %.10g, not %.10g", cls->name,
                               row->name, row->min, row->max, value);
    }
    const char *complaint = cls->complain ? cls->complain(options) : NULL;
    return complaint ? tw_fail_err(ctx, TW_ERR_RANGE, "%s: %s", cls->name, complaint) : TW_OK;
}

tw_optim *tw__optim_make(tw_params *params, const tw__optim_class *cls, const void *options) {
    if (!params) return NULL;
    tw_ctx *ctx = params->ctx;
    tw_optim *o = tw__calloc(ctx, sizeof *o);
    if (!o) return NULL;
    o->params = params;
    o->cls = cls;
    if (options) memcpy(&o->options, options, cls->options_size);
    else tw_options_default(cls->table, &o->options);
    if (check_options(ctx, cls, &o->options) || tw_params_seal(params)) goto failed;

    o->param = tw__calloc(ctx, params->nparams * sizeof *o->param);
    if (!o->param) goto failed;
    o->nparams = params->nparams;
    memcpy(&o->lr, &o->options, sizeof o->lr);
    for (size_t i = 0; i < o->nparams; i++) {
        o->param[i].lr_scale = 1;
        memcpy(&o->param[i].weight_decay, (const char *)&o->options + cls->weight_decay, sizeof(double));
    }
    unsigned kept = cls->states(&o->options);
    for (int k = 0; k < TW__MAX_STATES; k++) {
        if (!(kept >> k & 1)) continue;
        if (tw__reals_new(ctx, params->flat_size, &o->state[k])) goto failed;
        for (size_t i = 0; cls->first && i < params->flat_size; i++)
            o->state[k].v[i] = (tw_real)cls->first(&o->options);
        o->nstates++;
    }
    return o;
failed:
    tw_optim_free(o);
    return NULL;
}

tw_optim *tw_optim_new(tw_params *params, const char *spec) {
    if (!params) return NULL;
    tw_ctx *ctx = params->ctx;
    const char *names[REGISTERED], *text;
    for (int i = 0; i < REGISTERED; i++) names[i] = registry[i]->name;
    int found = tw__find_named(ctx, "optimiser", spec, REGISTERED, names, &text);
    if (found < 0) return NULL;
    const tw__optim_class *cls = registry[found];
    tw_optim parsed = {0}; /* only for its options */
    tw_options_default(cls->table, &parsed.options);
    if (tw_options_parse(ctx, cls->name, cls->table, text, &parsed.options)) return NULL;
    return tw__optim_make(params, cls, &parsed.options);
}

void tw_optim_free(tw_optim *o) {
    if (!o) return;
    tw_ctx *ctx = o->params->ctx;
    for (int k = 0; k < TW__MAX_STATES; k++) tw__reals_free(ctx, &o->state[k]);
    tw__free(ctx, o->param, o->nparams * sizeof *o->param);
    tw__free(ctx, o, sizeof *o);
}

void tw_optim_set_lr(tw_optim *o, double lr) {
    if (!o) return;
    if (lr >= 0 && lr <= TW__NO_LIMIT) o->lr = lr;
    else tw_fail(o->params->ctx, TW_ERR_RANGE, "%s: a learning rate cannot be %g", o->cls->name, lr);
}
double tw_optim_lr(const tw_optim *o) { return o ? o->lr : 0; }
int64_t tw_optim_steps(const tw_optim *o) { return o ? o->steps : 0; }
const char *tw_optim_name(const tw_optim *o) { return o ? o->cls->name : NULL; }

/* ---- groups -------------------------------------------------------------------------------------------- */

static tw__optim_param *param_of(tw_optim *o, const tw__entry *e) {
    size_t i = 0;
    while (o->params->param[i] != e) i++;
    return &o->param[i];
}

tw_err tw_optim_group(tw_optim *o, const char *pattern, double lr_scale, double weight_decay) {
    if (!o) return TW_ERR_STATE;
    tw_params *params = o->params;
    bool matched = false;
    if (!pattern) return tw_fail_err(params->ctx, TW_ERR_RANGE, "optim_group: the name is NULL");
    if (!(lr_scale >= 0 && lr_scale <= TW__NO_LIMIT && weight_decay >= 0 && weight_decay <= TW__NO_LIMIT))
        return tw_fail_err(params->ctx, TW_ERR_RANGE,
                           "group \"%s\": neither lr_scale nor weight_decay can be negative: %g, %g", pattern, lr_scale,
                           weight_decay);
    for (size_t i = 0; i < params->count; i++) {
        const tw__entry *e = params->entry[i];
        if (e->kind == TW__BUFFER || !tw__name_matches(pattern, e->name)) continue;
        tw__optim_param *p = param_of(o, tw__params_root(params, i));
        p->lr_scale = lr_scale;
        p->weight_decay = weight_decay;
        matched = true;
    }
    return matched ? TW_OK : tw_fail_err(params->ctx, TW_ERR_RANGE, "no parameter matches \"%s\"", pattern);
}

tw_err tw_optim_no_decay(tw_optim *o) {
    if (!o) return TW_ERR_STATE;
    for (size_t i = 0; i < o->nparams; i++)
        if (o->params->param[i]->tensor.ndim <= 1) o->param[i].weight_decay = 0;
    return TW_OK;
}

/* ---- the step ------------------------------------------------------------------------------------------ */

typedef struct finite_arg {
    const tw_optim *optim;
    size_t *bad; /* [blocks] the first parameter with a bad gradient, or SIZE_MAX */
} finite_arg;

static void check_block(void *arg, int block, int thread) {
    const finite_arg *a = arg;
    const tw_params *params = a->optim->params;
    (void)thread;
    a->bad[block] = SIZE_MAX;
    for (tw__span s = tw__span_first(params, block); s.n; s = tw__span_next(params, s)) {
        if (!a->optim->param[s.param].active) continue;
        if (TW_ISA_CALL(tw__all_finite)(s.n, params->param[s.param]->tensor.grad + s.start)) continue;
        a->bad[block] = s.param;
        return;
    }
}

static tw_err report_nonfinite(tw_ctx *ctx, const tw_tensor *t) {
    size_t i = 0;
    while (isfinite(t->grad[i])) i++;
    return tw_fail_err(ctx, TW_ERR_NONFINITE, "the gradient of %s is %g at element %zu; the weights stay as they were",
                       tw_describe(ctx, t), isnan(t->grad[i]) ? (double)NAN : (double)t->grad[i], i);
}

static tw_err check_gradients(tw_optim *o) {
    tw_ctx *ctx = o->params->ctx;
    int blocks = tw__params_blocks(o->params);
    tw_mark mark = tw_scratch_mark(ctx);
    size_t *bad = tw_scratch(ctx, (size_t)blocks * sizeof *bad), first = SIZE_MAX;
    if (!bad) return TW_ERR_NOMEM;
    tw_parallel_for(ctx, blocks, check_block, &(finite_arg){o, bad});
    for (int i = 0; i < blocks && first == SIZE_MAX; i++) first = bad[i];
    tw_scratch_release(ctx, mark);
    return first == SIZE_MAX ? TW_OK : report_nonfinite(ctx, &o->params->param[first]->tensor);
}

static void update_block(void *arg, int block, int thread) {
    const tw_optim *o = arg;
    const tw_params *params = o->params;
    (void)thread;
    for (tw__span s = tw__span_first(params, block); s.n; s = tw__span_next(params, s)) {
        const tw__optim_param *p = &o->param[s.param];
        const tw__entry *e = params->param[s.param];
        tw_real *state[TW__MAX_STATES] = {NULL};
        if (!p->active) continue;
        for (int k = 0; k < TW__MAX_STATES; k++)
            if (o->state[k].v) state[k] = o->state[k].v + e->offset + s.start;
        o->cls->update(s.n, e->tensor.data + s.start, e->tensor.grad + s.start, state, &p->coef);
    }
}

tw_err tw_optim_step(tw_optim *o) {
    if (!o) return TW_ERR_STATE;
    tw_params *params = o->params;
    tw_ctx *ctx = params->ctx;
    bool any = false;
    if (ctx->error) return TW_ERR_STATE; /* its sentence is there already */
    if (params->averaged)
        return tw_fail_err(ctx, TW_ERR_STATE, "%s: the averages are in the weights' place; tw_ema_swap_out first",
                           o->cls->name);
    for (size_t i = 0; i < o->nparams; i++) {
        o->param[i].active = tw__has_grad(ctx, params->param[i]);
        any = any || o->param[i].active;
    }
    if (!any)
        return tw_fail_err(ctx, TW_ERR_STATE, "%s: no parameter has a gradient in this step; tw_backward comes first",
                           o->cls->name);
    tw_err err = check_gradients(o);
    if (err == TW_ERR_NONFINITE) tw__undo_since(ctx, ctx->grads_since); /* all that was added up is lost */
    if (err) return err;
    for (size_t i = 0; i < o->nparams; i++) {
        tw__optim_param *p = &o->param[i];
        if (p->active) o->cls->prepare(&o->options, o->lr * p->lr_scale, p->weight_decay, ++p->steps, &p->coef);
    }
    tw_parallel_for(ctx, tw__params_blocks(params), update_block, o);
    o->steps++;
    tw__undo_forget_params(params); /* another optimiser may yet refuse its own */
    ctx->part_failed = false;
    return TW_OK;
}
