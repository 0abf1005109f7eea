/* params.c - the parameters and buffers of a model: making, naming, tying, sealing into one flat block. */
#include "tensor/params.h"
#include "tensor/utf8_valid.h"

#include <string.h>

enum { PAD = 16 }; /* numbers: a cache line of floats */

static size_t padded(size_t n) { return (n + PAD - 1) / PAD * PAD; }

/* ---- memory outside steps ------------------------------------------------------------------------------ */

tw_err tw__reals_new(tw_ctx *ctx, size_t n, tw__reals *reals) {
    size_t bytes = n * sizeof(tw_real) + 64;
    void *memory = tw__malloc(ctx, bytes);
    if (!memory) return TW_ERR_NOMEM;
    memset(memory, 0, bytes);
    *reals = (tw__reals){(tw_real *)(((uintptr_t)memory + 63) & ~(uintptr_t)63), memory, bytes};
    return TW_OK;
}

void tw__reals_free(tw_ctx *ctx, tw__reals *reals) {
    tw__free(ctx, reals->memory, reals->bytes);
    *reals = (tw__reals){0};
}

/* Room for one more item of `size` bytes in the array *items, which holds n of *room. */
static tw_err grow(tw_ctx *ctx, void *items, size_t size, size_t n, size_t *room) {
    if (n < *room) return TW_OK;
    void *old, *larger = tw__malloc(ctx, 2 * (*room + 8) * size);
    if (!larger) return TW_ERR_NOMEM;
    memcpy(&old, items, sizeof old); /* items points to a pointer of any type */
    if (n) memcpy(larger, old, n * size);
    tw__free(ctx, old, *room * size);
    memcpy(items, &larger, sizeof larger);
    *room = 2 * (*room + 8);
    return TW_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

tw_params *tw_params_new(tw_ctx *ctx) {
    tw_params *params = tw__calloc(ctx, sizeof *params);
    if (params) params->ctx = ctx;
    return params;
}

/* Places are given out again when they are asked for. Never once data lies in them. */
static void forget_layout(tw_params *params) {
    tw__free(params->ctx, params->param, params->nparams * sizeof *params->param);
    params->param = NULL;
    params->nparams = params->flat_size = 0;
}

static void entry_free(tw_ctx *ctx, tw__entry *e) {
    tw__reals_free(ctx, &e->own);
    tw__free(ctx, e, e->bytes);
}

void tw__params_take_back(tw_params *params, size_t count) {
    while (params->count > count) entry_free(params->ctx, params->entry[--params->count]);
    forget_layout(params);
}

void tw_params_free(tw_params *params) {
    if (!params) return;
    tw_ctx *ctx = params->ctx;
    while (params->nowned) {
        tw__owned last = params->owned[--params->nowned];
        last.free_fn(last.object);
    }
    tw__undo_forget_params(params);
    tw__params_take_back(params, 0);
    tw__reals_free(ctx, &params->values);
    tw__reals_free(ctx, &params->grads);
    tw__free(ctx, params->entry, params->room * sizeof *params->entry);
    tw__free(ctx, params->owned, params->owned_room * sizeof *params->owned);
    tw__free(ctx, params, sizeof *params);
}

tw_ctx *tw_params_ctx(const tw_params *params) { return params ? params->ctx : NULL; }

tw_err tw__params_own(tw_params *params, void *object, void (*free_fn)(void *)) {
    tw_err err = grow(params->ctx, &params->owned, sizeof *params->owned, params->nowned, &params->owned_room);
    if (!err) params->owned[params->nowned++] = (tw__owned){object, free_fn};
    return err;
}

/* A NULL where a name is wanted: RANGE in the context. */
static bool has_name(tw_ctx *ctx, const char *what, const char *name) {
    return name || tw_fail(ctx, TW_ERR_RANGE, "%s: the name is NULL", what);
}

/* ---- making entries ------------------------------------------------------------------------------------ */

static bool check_new(tw_params *params, const char *name, int ndim, const int *dim, size_t *size) {
    tw_ctx *ctx = params->ctx;
    if (params->flat)
        tw_fail(ctx, TW_ERR_STATE,
                "\"%s\" comes too late: the parameters have been sealed since an optimiser or a file used them", name);
    else if (!*name || !strncmp(name, "thalweg.", 8) || !strcmp(name, "__metadata__"))
        tw_fail(ctx, TW_ERR_RANGE, "\"%s\" cannot name a parameter: model files reserve it", name);
    else if (tw__utf8_valid(name, strlen(name)) != strlen(name))
        tw_fail(ctx, TW_ERR_RANGE, "\"%s\" cannot name a parameter: it is not UTF-8, as the names in model files are",
                name);
    else if (tw_params_find(params, name))
        tw_fail(ctx, TW_ERR_RANGE, "the name \"%s\" is taken by %s", name,
                tw_describe(ctx, tw_params_find(params, name)));
    else if (ndim > 0 && !dim) tw_fail(ctx, TW_ERR_SHAPE, "\"%s\": dim is NULL for %d dimensions", name, ndim);
    else if (!tw__shape_size(ndim, dim, size))
        tw_fail(ctx, TW_ERR_SHAPE, "\"%s\": a parameter has at most %d dimensions, none of them negative or too large",
                name, TW_MAX_DIMS);
    else return true;
    return false;
}

static tw__entry *entry_new(tw_params *params, const char *name, tw__entry_kind kind, int ndim, const int *dim) {
    tw_ctx *ctx = params->ctx;
    if (!has_name(ctx, kind == TW__BUFFER ? "buffer" : "param", name)) return NULL;
    size_t size, bytes = sizeof(tw__entry) + strlen(name) + 1;
    if (!check_new(params, name, ndim, dim, &size)) return NULL;
    if (grow(ctx, &params->entry, sizeof *params->entry, params->count, &params->room)) return NULL;
    tw__entry *e = tw__calloc(ctx, bytes);
    if (!e) return NULL;
    if (tw__reals_new(ctx, size, &e->own)) {
        tw__free(ctx, e, bytes);
        return NULL;
    }
    tw__tensor_init(&e->tensor, e->own.v, ndim, dim);
    e->tensor.requires_grad = kind == TW__PARAM;
    e->tensor.name = strcpy(e->name, name);
    e->kind = kind;
    e->bytes = bytes;
    return e;
}

static tw_tensor *add(tw_params *params, tw__entry *e) {
    forget_layout(params);
    params->entry[params->count++] = e;
    return &e->tensor;
}

tw_tensor *tw_param(tw_params *params, const char *name, tw_init init, int ndim, const int *dim) {
    if (!params) return NULL;
    tw__entry *e = entry_new(params, name, TW__PARAM, ndim, dim);
    if (!e) return NULL;
    if (tw__init_fill(params->ctx, init, &e->tensor)) {
        entry_free(params->ctx, e);
        return NULL;
    }
    return add(params, e);
}

tw_tensor *tw_buffer(tw_params *params, const char *name, tw_real value, int ndim, const int *dim) {
    if (!params) return NULL;
    tw__entry *e = entry_new(params, name, TW__BUFFER, ndim, dim);
    if (!e) return NULL;
    for (size_t i = 0; i < e->tensor.size; i++) e->tensor.data[i] = value;
    return add(params, e);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static tw__entry *find(const tw_params *params, const char *name) {
    for (size_t i = 0; i < params->count; i++)
        if (!strcmp(params->entry[i]->name, name)) return params->entry[i];
    return NULL;
}

static tw__entry *root_of(tw__entry *e) {
    return e->tensor.alias ? (tw__entry *)((char *)e->tensor.alias - offsetof(tw__entry, tensor)) : e;
}

tw__entry *tw__params_root(const tw_params *params, size_t i) { return root_of(params->entry[i]); }

size_t tw_params_count(const tw_params *params) { return params ? params->count : 0; }

tw_tensor *tw_params_at(const tw_params *params, size_t i) {
    return params && i < params->count ? &params->entry[i]->tensor : NULL;
}

tw_tensor *tw_params_find(const tw_params *params, const char *name) {
    tw__entry *e = params && has_name(params->ctx, "params_find", name) ? find(params, name) : NULL;
    return e ? &e->tensor : NULL;
}

bool tw_params_is_buffer(const tw_params *params, size_t i) {
    return params && i < params->count && params->entry[i]->kind == TW__BUFFER;
}

size_t tw_params_size(const tw_params *params) {
    size_t n = 0;
    for (size_t i = 0; params && i < params->count; i++) {
        const tw__entry *e = params->entry[i];
        if (e->kind == TW__PARAM && !e->frozen) n += e->tensor.size;
    }
    return n;
}

bool tw__name_matches(const char *pattern, const char *name) {
    const char *star = NULL, *retry = NULL; /* the last * seen, and where in name its match ends */
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            retry = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

/* ---- tied and frozen ----------------------------------------------------------------------------------- */

tw_err tw_params_tie(tw_params *params, const char *name, const char *original) {
    if (!params) return TW_ERR_STATE;
    tw_ctx *ctx = params->ctx;
    if (!has_name(ctx, "params_tie", name) || !has_name(ctx, "params_tie", original)) return TW_ERR_RANGE;
    if (params->flat)
        return tw_fail_err(ctx, TW_ERR_STATE, "\"%s\" cannot be tied any more: the parameters are sealed", name);
    tw__entry *e = find(params, name), *to = find(params, original);
    if (!e || !to) return tw_fail_err(ctx, TW_ERR_RANGE, "there is no parameter \"%s\" to tie", e ? original : name);
    if (e->kind == TW__BUFFER || to->kind == TW__BUFFER)
        return tw_fail_err(ctx, TW_ERR_RANGE, "\"%s\" is a buffer, and only parameters can be tied",
                           e->kind == TW__BUFFER ? name : original);
    to = root_of(to);
    if (root_of(e) == to)
        return e == to ? tw_fail_err(ctx, TW_ERR_RANGE, "\"%s\" cannot be tied to itself", name) : TW_OK;
    bool same = e->tensor.ndim == to->tensor.ndim;
    for (int i = 0; same && i < e->tensor.ndim; i++) same = e->tensor.dim[i] == to->tensor.dim[i];
    if (!same)
        return tw_fail_err(ctx, TW_ERR_SHAPE, "tied parameters need the same shape: %s and %s",
                           tw_describe(ctx, &e->tensor), tw_describe(ctx, &to->tensor));
    for (size_t i = 0; i < params->count; i++) { /* name itself, and whatever was tied to it before */
        tw__entry *t = params->entry[i];
        if (t != e && t->tensor.alias != &e->tensor) continue;
        t->kind = TW__TIED;
        t->tensor.alias = &to->tensor;
        t->tensor.data = to->tensor.data;
        t->tensor.grad = NULL;
        t->tensor.requires_grad = to->tensor.requires_grad;
    }
    tw__reals_free(ctx, &e->own);
    forget_layout(params);
    return TW_OK;
}

tw_err tw_params_set_frozen(tw_params *params, const char *pattern, bool frozen) {
    if (!params) return TW_ERR_STATE;
    bool matched = false;
    if (!has_name(params->ctx, "params_set_frozen", pattern)) return TW_ERR_RANGE;
    for (size_t i = 0; i < params->count; i++) {
        tw__entry *e = params->entry[i];
        if (e->kind == TW__BUFFER || !tw__name_matches(pattern, e->name)) continue;
        root_of(e)->frozen = frozen;
        matched = true;
    }
    if (!matched) return tw_fail_err(params->ctx, TW_ERR_RANGE, "no parameter matches \"%s\"", pattern);
    for (size_t i = 0; i < params->count; i++)
        if (params->entry[i]->kind != TW__BUFFER)
            params->entry[i]->tensor.requires_grad = !tw__params_root(params, i)->frozen;
    if (!params->flat) forget_layout(params); /* once the flat blocks exist, everything keeps its place */
    return TW_OK;
}

/* ---- the flat space ------------------------------------------------------------------------------------ */

tw_err tw__params_layout(tw_params *params) {
    if (params->param) return TW_OK;
    size_t n = 0, at = 0;
    for (size_t i = 0; i < params->count; i++) n += params->entry[i]->kind == TW__PARAM;
    tw__entry **param = tw__malloc(params->ctx, n * sizeof *param);
    if (!param) return TW_ERR_NOMEM;
    n = 0;
    for (int frozen = 0; frozen < 2; frozen++)
        for (size_t i = 0; i < params->count; i++) {
            tw__entry *e = params->entry[i];
            if (e->kind != TW__PARAM || e->frozen != frozen) continue;
            e->offset = at;
            at += padded(e->tensor.size);
            param[n++] = e;
        }
    params->param = param;
    params->nparams = n;
    params->flat_size = at;
    return TW_OK;
}

static void move(tw_ctx *ctx, tw__entry *e, tw_real *data, tw_real *grad) {
    tw_tensor *t = &e->tensor;
    if (t->size) memcpy(data, t->data, t->size * sizeof *data);
    if (grad && t->size && tw__has_grad(ctx, e)) memcpy(grad, t->grad, t->size * sizeof *grad);
    t->data = data;
    t->grad = grad;
    t->flat = grad != NULL;
    tw__reals_free(ctx, &e->own);
}

/* The memory of a gradient goes with its step before sealing: one that is to be added to would be taken for zeros. */
static tw_err check_gradients(const tw_params *params) {
    const tw_ctx *ctx = params->ctx;
    for (size_t i = 0; i < params->count; i++) {
        const tw_tensor *t = &params->entry[i]->tensor;
        if (t->grad_step >= ctx->grads_since && t->grad_step < ctx->step_number)
            return tw_fail_err(params->ctx, TW_ERR_STATE,
                               "the gradient of %s is of a step before its parameters were sealed, and cannot add up; "
                               "seal them first, or begin with tw_step_begin",
                               tw_describe(params->ctx, t));
    }
    return TW_OK;
}

tw_err tw_params_seal(tw_params *params) {
    if (!params) return TW_ERR_STATE;
    if (params->flat) return TW_OK;
    tw_ctx *ctx = params->ctx;
    tw_err err = check_gradients(params);
    if (err || (err = tw__params_layout(params))) return err;
    size_t size = params->flat_size;
    for (size_t i = 0; i < params->count; i++)
        if (params->entry[i]->kind == TW__BUFFER) size += padded(params->entry[i]->tensor.size);
    if ((err = tw__reals_new(ctx, params->flat_size, &params->grads))) return err;
    if ((err = tw__reals_new(ctx, size, &params->values))) {
        tw__reals_free(ctx, &params->grads);
        return err;
    }
    tw_real *values = params->values.v, *grads = params->grads.v, *buffers = values + params->flat_size;
    for (size_t i = 0; i < params->count; i++) {
        tw__entry *e = params->entry[i];
        if (e->kind == TW__PARAM) move(ctx, e, values + e->offset, grads + e->offset);
        if (e->kind != TW__BUFFER) continue;
        move(ctx, e, buffers, NULL);
        buffers += padded(e->tensor.size);
    }
    for (size_t i = 0; i < params->count; i++) {
        tw_tensor *t = &params->entry[i]->tensor;
        if (!t->alias) continue;
        t->data = t->alias->data;
        t->grad = t->alias->grad;
        t->flat = true;
    }
    params->flat = true;
    return TW_OK;
}

int tw__params_blocks(const tw_params *params) {
    return (int)((params->flat_size + TW__PARAM_BLOCK - 1) / TW__PARAM_BLOCK);
}

/* The first parameter from `param` on that has elements between `from` and end. */
static tw__span span_at(const tw_params *params, size_t param, size_t from, size_t end) {
    for (; param < params->nparams && params->param[param]->offset < end; param++) {
        size_t offset = params->param[param]->offset, last = offset + params->param[param]->tensor.size;
        size_t start = from > offset ? from : offset, stop = last < end ? last : end;
        if (start < stop) return (tw__span){param, start - offset, stop - start, end};
    }
    return (tw__span){.end = end};
}

tw__span tw__span_first(const tw_params *params, int block) {
    size_t from = (size_t)block * TW__PARAM_BLOCK, low = 0, high = params->nparams;
    while (low + 1 < high) { /* the last parameter that begins at or before the block */
        size_t middle = (low + high) / 2;
        if (params->param[middle]->offset <= from) low = middle;
        else high = middle;
    }
    return span_at(params, low, from, from + TW__PARAM_BLOCK);
}

tw__span tw__span_next(const tw_params *params, tw__span span) { return span_at(params, span.param + 1, 0, span.end); }
