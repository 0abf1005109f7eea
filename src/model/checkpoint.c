/* checkpoint.c - everything a training needs to go on bit for bit, in one file.
 *
 * Beside the model a checkpoint holds, under reserved names,
 *     thalweg.optim.<state>.<parameter>      the optimiser's state, of the parameter's shape
 *     thalweg.optim.param.<parameter>        F64 [3]: updates so far, lr_scale, weight decay
 *     thalweg.optim.lr, .options.<option>    F64 []
 * and as metadata the random state, the loader's position, the optimiser's name and its number of steps, and which
 * parameters are frozen. */
#include "model/model.h"
#include "optim/optim.h"
#include "tensor/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define OPTIM TW__RESERVED "optim."
#define FROZEN TW__RESERVED "frozen"   /* how many names; and FROZEN.<parameter> for each */
#define MARK TW__RESERVED "checkpoint" /* the format's number, and that it is a checkpoint at all */
enum { FORMAT = 1 };
static const int per_param[] = {3};

/* A name in scratch memory. */
static const char *name_of(tw_ctx *ctx, const char *kind, const char *dot, const char *rest) {
    size_t room = sizeof OPTIM + strlen(kind) + strlen(dot) + strlen(rest);
    char *name = tw_scratch(ctx, room);
    if (name) snprintf(name, room, OPTIM "%s%s%s", kind, dot, rest);
    return name;
}

static double option_value(const tw_optim *o, const tw_option *row) {
    const void *at = (const char *)&o->options + row->offset;
    return row->type == TW_OPTION_BOOL ? *(const bool *)at : *(const double *)at;
}

static size_t option_count(const tw_optim *o) {
    size_t n = 0;
    while (o->cls->table[n].name) n++;
    return n;
}

/* Tensors that describe an optimiser: its states, a record for each parameter, its options, lr. */
static size_t tensor_count(const tw_optim *o) {
    return o ? o->nparams * ((size_t)o->nstates + 1) + option_count(o) + 1 : 0;
}

/* ---- saving -------------------------------------------------------------------------------------------- */

static bool add_scalar(tw_ctx *ctx, const char *name, double value, tw__st_item *item) {
    double *kept = tw_scratch(ctx, sizeof *kept);
    if (!name || !kept) return false;
    *kept = value;
    *item = (tw__st_item){name, tw__dtype_f64, 0, NULL, 1, kept};
    return true;
}

static bool optim_items(const tw_optim *o, tw__st_item *item) {
    tw_ctx *ctx = o->params->ctx;
    for (size_t i = 0; i < o->nparams; i++) {
        const tw__entry *e = o->params->param[i];
        const tw_tensor *t = &e->tensor;
        for (int k = 0; k < TW__MAX_STATES; k++) {
            if (!o->state[k].v) continue;
            const char *name = name_of(ctx, o->cls->state[k], ".", e->name);
            if (!name) return false;
            *item++ = (tw__st_item){name, tw__dtype_real, t->ndim, t->dim, t->size, o->state[k].v + e->offset};
        }
        const tw__optim_param *p = &o->param[i];
        const char *name = name_of(ctx, "param", ".", e->name);
        double *record = tw_scratch(ctx, 3 * sizeof *record);
        if (!name || !record) return false;
        record[0] = (double)p->steps;
        record[1] = p->lr_scale;
        record[2] = p->weight_decay;
        *item++ = (tw__st_item){name, tw__dtype_f64, 1, per_param, 3, record};
    }
    for (const tw_option *row = o->cls->table; row->name; row++)
        if (!add_scalar(ctx, name_of(ctx, "options", ".", row->name), option_value(o, row), item++)) return false;
    return add_scalar(ctx, name_of(ctx, "lr", "", ""), o->lr, item);
}

static tw_err put_number(tw_meta *meta, const char *key, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return tw__meta_put(meta, key, text);
}

/* The entry of a parameter that is frozen; in scratch memory. */
static const char *frozen_key(tw_ctx *ctx, const char *name) {
    size_t room = sizeof FROZEN + 1 + strlen(name);
    char *key = tw_scratch(ctx, room);
    if (key) snprintf(key, room, FROZEN ".%s", name);
    return key;
}

/* All names, those of tied ones too: which of them is the original may differ where the file is loaded. */
static tw_err put_frozen(tw_meta *meta, const tw_params *params) {
    tw_ctx *ctx = params->ctx;
    uint64_t n = 0;
    for (size_t i = 0; i < params->count; i++) {
        if (!tw__params_root(params, i)->frozen) continue;
        tw_mark mark = tw_scratch_mark(ctx);
        const char *key = frozen_key(ctx, params->entry[i]->name);
        tw_err err = key ? tw__meta_put(meta, key, "1") : TW_ERR_NOMEM;
        tw_scratch_release(ctx, mark);
        if (err) return err;
        n++;
    }
    return put_number(meta, FROZEN, n);
}

static tw_err put_state(tw_meta *meta, const tw_ctx *ctx, const tw_optim *o, const tw_loader_position *position) {
    tw_err err = put_number(meta, MARK, FORMAT);
    if (!err) err = put_number(meta, TW__RESERVED "rng.seed", ctx->rng.seed);
    if (!err) err = put_number(meta, TW__RESERVED "rng.counter", ctx->rng.counter);
    if (!err && o) err = tw__meta_put(meta, OPTIM "name", o->cls->name);
    if (!err && o) err = put_number(meta, OPTIM "steps", (uint64_t)o->steps);
    if (!err && position) err = put_number(meta, TW__RESERVED "loader.epoch", (uint64_t)position->epoch);
    if (!err && position) err = put_number(meta, TW__RESERVED "loader.batch", (uint64_t)position->batch);
    return err;
}

tw_err tw_checkpoint_save(const tw_params *params, const tw_optim *optim, const tw_loader_position *position,
                          const tw_meta *user, const char *path) {
    if (!params) return TW_ERR_STATE;
    tw_ctx *ctx = params->ctx;
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    if (optim && optim->params != params)
        return tw_fail_err(ctx, TW_ERR_STATE, "%s: the optimiser was made for other parameters", path);
    if (tw__check_not_averaged(params, path)) return TW_ERR_STATE;
    tw_meta *meta = tw__model_meta(ctx, user);
    tw_mark mark = tw_scratch_mark(ctx);
    tw__st_item *item = tw_scratch(ctx, (params->count + tensor_count(optim)) * sizeof *item);
    tw_err err = meta && item ? put_state(meta, ctx, optim, position) : TW_ERR_NOMEM;
    if (!err) err = put_frozen(meta, params);
    if (!err) {
        size_t n = tw__model_items(params, true, item);
        if (optim && !optim_items(optim, item + n)) err = TW_ERR_NOMEM;
        else err = tw__st_write(ctx, path, n + tensor_count(optim), item, meta);
    }
    tw_scratch_release(ctx, mark);
    tw_meta_free(meta);
    return err;
}

/* ---- loading ------------------------------------------------------------------------------------------- */

/* The numbers beside the tensors, read and checked before anything changes. */
typedef struct scalars {
    tw_rng_state rng;
    int64_t steps, epoch, batch;
    double lr, *option; /* [options] */
    double (*param)[3]; /* [nparams] */
} scalars;

static tw_err get_u64(const tw__st_file *file, const char *key, uint64_t *value) {
    const char *text = tw_meta_get(file->meta, key);
    char shown[TW__SHOWN], *end;
    if (!text) return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: the entry \"%s\" is missing", file->path, key);
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: \"%s\" is no number: \"%s\"", file->path, key,
                           tw__show(text, shown));
    return TW_OK;
}

static tw_err find_tensor(const tw__st_file *file, const char *name, int ndim, const int *dim, bool exact,
                          const tw__st_tensor **found) {
    if (!name) return TW_ERR_NOMEM;
    *found = tw__st_find(file, name);
    if (!*found) return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: there is no \"%s\"", file->path, name);
    if (exact && (*found)->dtype != tw__dtype_f64)
        return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: \"%s\" is not F64", file->path, name);
    return tw__check_shape(file, *found, ndim, dim);
}

static tw_err want_exactly(const tw__st_file *file, const char *name, int ndim, const int *dim, double *to,
                           tw__st_want *want) {
    *want = (tw__st_want){.exactly = to};
    return find_tensor(file, name, ndim, dim, true, &want->from);
}

/* Which tensors hold the numbers: read first, as they decide whether the rest fits. */
static tw_err match_scalars(const tw__st_file *file, const tw_optim *o, scalars *got, tw__st_want *want) {
    tw_ctx *ctx = file->ctx;
    tw_err err = want_exactly(file, name_of(ctx, "lr", "", ""), 0, NULL, &got->lr, want++);
    for (size_t i = 0; !err && i < option_count(o); i++)
        err = want_exactly(file, name_of(ctx, "options", ".", o->cls->table[i].name), 0, NULL, &got->option[i], want++);
    for (size_t i = 0; !err && i < o->nparams; i++)
        err = want_exactly(file, name_of(ctx, "param", ".", o->params->param[i]->name), 1, per_param, got->param[i],
                           want++);
    return err;
}

/* Only lr may differ: schedules change it, and so may the user. */
static tw_err check_scalars(const tw__st_file *file, const tw_optim *o, const scalars *got) {
    tw_ctx *ctx = file->ctx;
    for (size_t i = 0; i < option_count(o); i++) {
        const tw_option *row = &o->cls->table[i];
        double saved = got->option[i], now = option_value(o, row);
        if (strcmp(row->name, "lr") && saved != now)
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: %s was saved with %s=%.10g, and has %s=%.10g now", file->path,
                               o->cls->name, row->name, saved, row->name, now);
    }
    if (!(got->lr >= 0 && got->lr <= TW__NO_LIMIT))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: a learning rate cannot be %g", file->path, got->lr);
    for (size_t i = 0; i < o->nparams; i++) {
        const double *saved = got->param[i];
        const tw__optim_param *now = &o->param[i];
        const char *name = o->params->param[i]->name;
        if (!(saved[0] >= 0 && saved[0] <= 0x1p53) || saved[0] != (double)(int64_t)saved[0])
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" cannot have been updated %g times", file->path, name,
                               saved[0]);
        if (saved[1] != now->lr_scale || saved[2] != now->weight_decay)
            return tw_fail_err(
                ctx, TW_ERR_FORMAT,
                "%s: \"%s\" was saved with lr_scale %.10g and weight decay %.10g, and has %.10g and %.10g now",
                file->path, name, saved[1], saved[2], now->lr_scale, now->weight_decay);
    }
    return TW_OK;
}

static tw_err check_format(const tw__st_file *file) {
    uint64_t format;
    if (!tw_meta_get(file->meta, MARK))
        return tw_fail_err(file->ctx, TW_ERR_FORMAT,
                           "%s: is a model and not a checkpoint: there is no training to go on with", file->path);
    tw_err err = get_u64(file, MARK, &format);
    if (!err && format != FORMAT)
        err = tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: is a checkpoint of format %" PRIu64 "; this library reads %d",
                          file->path, format, FORMAT);
    return err;
}

static tw_err load_scalars(const tw__st_file *file, const tw_optim *o, bool position, scalars *got) {
    tw_ctx *ctx = file->ctx;
    tw_err err = check_format(file);
    if (!err) err = get_u64(file, TW__RESERVED "rng.seed", &got->rng.seed);
    if (!err) err = get_u64(file, TW__RESERVED "rng.counter", &got->rng.counter);
    if (!err && position) err = tw_meta_int(file->meta, TW__RESERVED "loader.epoch", 0, INT64_MAX, &got->epoch);
    if (!err && position) err = tw_meta_int(file->meta, TW__RESERVED "loader.batch", 0, INT64_MAX, &got->batch);
    if (err || !o) return err;

    char shown[TW__SHOWN];
    const char *name = tw_meta_get(file->meta, OPTIM "name");
    if (!name) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: holds no optimiser's state", file->path);
    if (strcmp(name, o->cls->name))
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: was saved with the optimiser %s, and this one is %s", file->path,
                           tw__show(name, shown), o->cls->name);
    err = tw_meta_int(file->meta, OPTIM "steps", 0, INT64_MAX, &got->steps);
    if (err) return err;
    size_t n = 1 + option_count(o) + o->nparams;
    tw__st_want *want = tw_scratch(ctx, n * sizeof *want);
    got->option = tw_scratch(ctx, option_count(o) * sizeof *got->option);
    got->param = tw_scratch(ctx, o->nparams * sizeof *got->param);
    if (!want || !got->option || !got->param) return TW_ERR_NOMEM;
    err = match_scalars(file, o, got, want);
    if (!err) err = tw__st_read(file, n, want);
    return err ? err : check_scalars(file, o, got);
}

/* A training that froze other parameters would go on differently. Older files have no record of it. */
static tw_err check_frozen(const tw__st_file *file, const tw_params *params) {
    tw_ctx *ctx = file->ctx;
    if (!tw_meta_get(file->meta, FROZEN)) return TW_OK;
    for (size_t i = 0; i < params->count; i++) {
        const tw__entry *e = params->entry[i];
        if (e->kind != TW__PARAM) continue;
        tw_mark mark = tw_scratch_mark(ctx);
        const char *key = frozen_key(ctx, e->name);
        bool saved = key && tw_meta_get(file->meta, key);
        tw_scratch_release(ctx, mark);
        if (!key) return TW_ERR_NOMEM;
        if (saved != e->frozen)
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" was %s when it was saved, and is %s now", file->path,
                               e->name, saved ? "frozen" : "not frozen", e->frozen ? "frozen" : "not");
    }
    return TW_OK;
}

static tw_err match_states(const tw__st_file *file, tw_optim *o, tw__st_want *want) {
    for (size_t i = 0; i < o->nparams; i++)
        for (int k = 0; k < TW__MAX_STATES; k++) {
            if (!o->state[k].v) continue;
            const tw__entry *e = o->params->param[i];
            *want = (tw__st_want){.to = o->state[k].v + e->offset};
            tw_err err = find_tensor(file, name_of(file->ctx, o->cls->state[k], ".", e->name), e->tensor.ndim,
                                     e->tensor.dim, false, &want->from);
            if (err) return err;
            want++;
        }
    return TW_OK;
}

static void take_scalars(tw_ctx *ctx, tw_optim *o, tw_loader_position *position, const scalars *got) {
    ctx->rng = got->rng;
    if (position) *position = (tw_loader_position){got->epoch, got->batch};
    if (!o) return;
    o->steps = got->steps;
    o->lr = got->lr;
    for (size_t i = 0; i < o->nparams; i++) o->param[i].steps = (int64_t)got->param[i][0];
}

tw_err tw_checkpoint_load(tw_params *params, tw_optim *optim, tw_loader_position *position, const char *path) {
    if (!params) return TW_ERR_STATE;
    tw_ctx *ctx = params->ctx;
    tw__st_file file;
    scalars got = {0};
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    if (optim && optim->params != params)
        return tw_fail_err(ctx, TW_ERR_STATE, "%s: the optimiser was made for other parameters", path);
    tw_err err = tw__check_not_averaged(params, path);
    if (!err) err = tw__st_open(ctx, path, &file); /* first: what cannot be opened leaves params open for more, too */
    if (err) return err;
    if ((err = tw_params_seal(params))) {
        tw__st_close(&file);
        return err;
    }
    tw_mark mark = tw_scratch_mark(ctx);
    size_t n = 0, states = optim ? optim->nparams * (size_t)optim->nstates : 0;
    tw__st_want *want = tw_scratch(ctx, (params->count + states) * sizeof *want);
    err = want ? load_scalars(&file, optim, position != NULL, &got) : TW_ERR_NOMEM;
    if (!err) err = check_frozen(&file, params);
    if (!err) err = tw__model_match(params, &file, true, want, &n);
    if (!err && optim) err = match_states(&file, optim, want + n);
    if (!err) err = tw__st_read(&file, n + states, want);
    if (!err) {
        take_scalars(ctx, optim, position, &got);
        tw__undo_forget_params(params);
    }
    tw_scratch_release(ctx, mark);
    tw__st_close(&file);
    return err;
}
