/* layer.c - what every layer shares: making it, naming its parameters, running it. */
#include "layers/layer.h"

#include <string.h>

#include "tensor/internal.h"
#include "tensor/params.h"

enum { NAME_ROOM = 256 };

/* A layer's own memory: the struct of its class, of whatever size, and behind it the name. */
typedef struct block {
    size_t bytes;
    _Alignas(16) char layer[];
} block;

static block *block_of(tw_layer *layer) { return (block *)((char *)layer - offsetof(block, layer)); }

static void free_layer(void *object) {
    tw_layer *layer = object;
    tw_ctx *ctx = tw_params_ctx(layer->params);
    if (layer->cls->free) layer->cls->free(layer);
    block *b = block_of(layer);
    tw__free(ctx, b, b->bytes);
}

tw_layer *tw_layer_new(tw_params *params, const tw_layer_class *cls, size_t size, const char *name) {
    if (!params) return NULL;
    tw_ctx *ctx = tw_params_ctx(params);
    if (size < sizeof(tw_layer))
        return tw_fail(ctx, TW_ERR_RANGE,
                       "%s: a layer's struct begins with a tw_layer, so it has at least %zu bytes, not %zu", cls->type,
                       sizeof(tw_layer), size);
    size_t name_bytes = name ? strlen(name) + 1 : 0;
    if (name_bytes > NAME_ROOM / 2)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: a layer's name has at most %d bytes: %.40s...", cls->type,
                       NAME_ROOM / 2 - 1, name);
    size_t bytes = offsetof(block, layer) + size + name_bytes;
    block *b = tw__calloc(ctx, bytes);
    if (!b) return NULL;
    b->bytes = bytes;
    tw_layer *layer = (tw_layer *)b->layer;
    layer->cls = cls;
    layer->params = params;
    if (name) layer->name = memcpy(b->layer + size, name, name_bytes);
    if (tw__params_own(params, layer, free_layer)) {
        tw__free(ctx, b, bytes);
        return NULL;
    }
    return layer;
}

/* "<layer's name>.<suffix>", or the suffix alone for a layer without a name. */
static bool full_name(tw_layer *layer, const char *suffix, char out[NAME_ROOM]) {
    const char *name = layer->name ? layer->name : "";
    if (strlen(name) + 1 + strlen(suffix) + 1 > NAME_ROOM) {
        tw_fail(tw_params_ctx(layer->params), TW_ERR_RANGE,
                "%s: a parameter's name has at most %d bytes: %.40s.%.40s...", layer->cls->type, NAME_ROOM - 1, name,
                suffix);
        return false;
    }
    size_t n = strlen(name);
    memcpy(out, name, n);
    if (n) out[n++] = '.';
    memcpy(out + n, suffix, strlen(suffix) + 1);
    return true;
}

tw_tensor *tw_layer_param(tw_layer *layer, const char *suffix, tw_init init, int ndim, const int *dim) {
    char name[NAME_ROOM];
    return layer && full_name(layer, suffix, name) ? tw_param(layer->params, name, init, ndim, dim) : NULL;
}

tw_tensor *tw_layer_buffer(tw_layer *layer, const char *suffix, tw_real value, int ndim, const int *dim) {
    char name[NAME_ROOM];
    return layer && full_name(layer, suffix, name) ? tw_buffer(layer->params, name, value, ndim, dim) : NULL;
}

bool tw__layer_ok(tw_ctx *ctx, const tw_layer *layer) {
    if (tw_params_ctx(layer->params) == ctx) return true;
    const char *quote = layer->name ? "\"" : "";
    return tw_fail(ctx, TW_ERR_STATE, "%s%s%s%s%s was made in another context, and cannot be used in this one",
                   layer->cls->type, layer->name ? " " : "", quote, layer->name ? layer->name : "", quote);
}

tw_tensor *tw_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    if (!layer || !x || tw_error(ctx) || !tw__layer_ok(ctx, layer)) return NULL;
    tw_tensor *y = layer->cls->forward(ctx, layer, x);
    if (y && y != x && !y->name) y->name = layer->name; /* so that the next layer's complaint says where x came from */
    return y;
}
