/* model.c - saving and loading the parameters and buffers of a model. */
#include "model/model.h"
#include "tensor/file.h"

/* ---- saving -------------------------------------------------------------------------------------------- */

size_t tw__model_items(const tw_params *params, bool averages, tw__st_item *item) {
    size_t n = 0;
    for (size_t i = 0; i < params->count; i++) {
        const tw__entry *e = params->entry[i];
        const tw_tensor *t = &e->tensor;
        if (e->kind == TW__TIED || (e->average_of && !averages)) continue;
        item[n++] = (tw__st_item){e->name, tw__dtype_real, t->ndim, t->dim, t->size, t->data};
    }
    return n;
}

tw_meta *tw__model_meta(tw_ctx *ctx, const tw_meta *user) {
    tw_meta *meta = tw_meta_new(ctx);
    tw_err err = meta ? tw__meta_put(meta, TW__RESERVED "version", TW_VERSION) : TW_ERR_NOMEM;
    for (size_t i = 0; !err && user && i < user->n; i++)
        if (!tw__is_reserved(user->pair[i].key)) err = tw__meta_put(meta, user->pair[i].key, user->pair[i].value);
    if (!err) return meta;
    tw_meta_free(meta);
    return NULL;
}

tw_err tw_model_save(const tw_params *params, const tw_meta *user, const char *path) {
    if (!params) return TW_ERR_STATE;
    tw_ctx *ctx = params->ctx;
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    tw_meta *meta = tw__model_meta(ctx, user);
    tw_mark mark = tw_scratch_mark(ctx);
    tw__st_item *item = tw_scratch(ctx, params->count * sizeof *item);
    tw_err err = TW_ERR_NOMEM;
    if (meta && item) err = tw__st_write(ctx, path, tw__model_items(params, false, item), item, meta);
    tw_scratch_release(ctx, mark);
    tw_meta_free(meta);
    return err;
}

/* The kind of numbers called dtype; NULL after an error, which lists what can be written. */
static const tw__dtype *writable(tw_ctx *ctx, const char *dtype, const char *path) {
    const tw__dtype *kind = dtype ? tw__dtype_find(dtype) : NULL;
    char shown[TW__SHOWN];
    if (kind && kind->from_real) return kind;
    return tw_fail(ctx, TW_ERR_RANGE, "%s: cannot write numbers as \"%s\"; F64, F32, F16 and BF16 are possible", path,
                   tw__show(dtype ? dtype : "", shown));
}

/* Converts each item's numbers into room, one after another, and lets the item point there. */
static tw_err convert_items(tw_ctx *ctx, const tw__dtype *kind, const char *path, size_t n, tw__st_item *item,
                            char *room) {
    for (size_t i = 0; i < n; i++) {
        const tw_real *from = item[i].data;
        char shown[TW__SHOWN];
        size_t good = kind->from_real(from, item[i].size, room);
        if (good < item[i].size)
            return tw_fail_err(ctx, TW_ERR_RANGE,
                               "%s: \"%s\" has the number %g, and %s goes to %g; nothing was written", path,
                               tw__show(item[i].name, shown), (double)from[good], kind->name, kind->largest);
        item[i].dtype = kind;
        item[i].data = room;
        room += item[i].size * kind->size;
    }
    return TW_OK;
}

tw_err tw_model_save_as(const tw_params *params, const tw_meta *user, const char *dtype, const char *path) {
    if (!params) return TW_ERR_STATE;
    tw_ctx *ctx = params->ctx;
    if (tw__check_path(ctx, path)) return TW_ERR_IO;
    const tw__dtype *kind = writable(ctx, dtype, path);
    if (!kind) return TW_ERR_RANGE;
    tw_meta *meta = tw__model_meta(ctx, user);
    tw_mark mark = tw_scratch_mark(ctx);
    tw__st_item *item = tw_scratch(ctx, params->count * sizeof *item);
    size_t n = item ? tw__model_items(params, false, item) : 0, bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += item[i].size * kind->size;
    char *room = item ? tw_scratch(ctx, bytes) : NULL;
    tw_err err = meta && room ? convert_items(ctx, kind, path, n, item, room) : TW_ERR_NOMEM;
    if (!err) err = tw__st_write(ctx, path, n, item, meta);
    tw_scratch_release(ctx, mark);
    tw_meta_free(meta);
    return err;
}

/* ---- loading ------------------------------------------------------------------------------------------- */

tw_err tw__check_shape(const tw__st_file *file, const tw__st_tensor *t, int ndim, const int *dim) {
    char shown[TW__SHOWN];
    bool same = t->ndim == ndim;
    for (int i = 0; same && i < ndim; i++) same = t->dim[i] == dim[i];
    if (same) return TW_OK;
    tw_tensor have = {.ndim = t->ndim}, want = {.ndim = ndim};
    memcpy(have.dim, t->dim, (size_t)t->ndim * sizeof *dim);
    memcpy(want.dim, dim, (size_t)ndim * sizeof *dim);
    return tw_fail_err(file->ctx, TW_ERR_FORMAT, "%s: \"%s\" has the shape %s, and the model wants %s", file->path,
                       tw__show(t->name, shown), tw_describe(file->ctx, &have), tw_describe(file->ctx, &want));
}

tw_err tw__check_not_averaged(const tw_params *params, const char *path) {
    if (!params->averaged) return TW_OK;
    return tw_fail_err(params->ctx, TW_ERR_STATE, "%s: the averages are in the weights' place; tw_ema_swap_out first",
                       path);
}

/* The average that a checkpoint holds of something params has. */
static bool is_average(const tw_params *params, const char *name) {
    return !strncmp(name, "ema.", 4) && tw_params_find(params, name + 4);
}

/* The first tensor that belongs neither to params nor to a checkpoint. */
static const tw__st_tensor *stranger(const tw_params *params, const tw__st_file *file, bool averages) {
    for (size_t i = 0; i < file->n; i++) {
        const char *name = file->tensor[i].name;
        if (tw__is_reserved(name) || tw_params_find(params, name)) continue;
        if (averages || !is_average(params, name)) return &file->tensor[i];
    }
    return NULL;
}

/* e's own name, or one of those tied to it. */
static const tw__st_tensor *find_any_name(const tw_params *params, const tw__st_file *file, const tw__entry *e) {
    const tw__st_tensor *found = tw__st_find(file, e->name);
    for (size_t i = 0; !found && i < params->count; i++)
        if (params->entry[i]->tensor.alias == &e->tensor) found = tw__st_find(file, params->entry[i]->name);
    return found;
}

tw_err tw__model_match(const tw_params *params, const tw__st_file *file, bool averages, tw__st_want *want, size_t *n) {
    tw_ctx *ctx = params->ctx;
    const tw__st_tensor *other = stranger(params, file, averages);
    char shown[TW__SHOWN];
    *n = 0;
    for (size_t i = 0; i < params->count; i++) {
        const tw__entry *e = params->entry[i], *root = tw__params_root(params, i);
        const tw_tensor *t = &e->tensor;
        const tw__st_tensor *from = e == root ? find_any_name(params, file, e) : tw__st_find(file, e->name);
        if (!from && e != root) continue; /* a tied parameter comes with its original */
        if (!from && e->average_of && !averages) from = find_any_name(params, file, e->average_of);
        if (!from && other)
            return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: there is no %s, and \"%s\" is unknown to the model", file->path,
                               tw_describe(ctx, t), tw__show(other->name, shown));
        if (!from) return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: there is no %s", file->path, tw_describe(ctx, t));
        tw_err err = tw__check_shape(file, from, t->ndim, t->dim);
        if (err) return err;
        const tw__st_tensor *original = find_any_name(params, file, root);
        if (e == root) want[(*n)++] = (tw__st_want){.from = from, .to = t->data};
        else if (from != original) want[(*n)++] = (tw__st_want){.from = from, .equal = original};
    }
    if (other)
        return tw_fail_err(ctx, TW_ERR_FORMAT, "%s: \"%s\" is unknown to the model", file->path,
                           tw__show(other->name, shown));
    return TW_OK;
}

tw_err tw_model_load(tw_params *params, const char *path) {
    if (!params) return TW_ERR_STATE;
    tw_ctx *ctx = params->ctx;
    tw__st_file file;
    tw_err err = tw__check_path(ctx, path);
    if (!err) err = tw__check_not_averaged(params, path);
    if (!err) err = tw__st_open(ctx, path, &file); /* first: what cannot be opened leaves params open for more, too */
    if (err) return err;
    if ((err = tw_params_seal(params))) {
        tw__st_close(&file);
        return err;
    }
    size_t n;
    tw_mark mark = tw_scratch_mark(ctx);
    tw__st_want *want = tw_scratch(ctx, params->count * sizeof *want);
    err = want ? tw__model_match(params, &file, false, want, &n) : TW_ERR_NOMEM;
    if (!err) err = tw__st_read(&file, n, want);
    if (!err) tw__undo_forget_params(params);
    tw_scratch_release(ctx, mark);
    tw__st_close(&file);
    return err;
}
