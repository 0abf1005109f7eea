/* sequential.c - layers one after another; a sequential may hold others. */
#include "layers/layer.h"
#include "layers/pairs.h"

#include <string.h>

#include "tensor/internal.h"

typedef struct sequential {
    tw_layer base;
    tw_layer **layer;
    int n, room;
    int broken; /* the 1-based place of a layer that could not be added, or 0 */
} sequential;

/* Does b begin within the numbers of a? As integers: pointers into different blocks must not be compared. */
static bool shares(const tw_tensor *a, const tw_tensor *b) {
    const uintptr_t from = (uintptr_t)a->data, at = (uintptr_t)b->data;
    return at >= from && at < from + (a->size ? a->size : 1) * sizeof *a->data;
}

/* Layer *i, or two layers that are one operation together: then *i is the second of them. */
static tw_tensor *forward_next(tw_ctx *ctx, const sequential *s, int *i, tw_tensor *x) {
    tw_layer *layer = s->layer[*i];
    int kh, kw;
    if (*i + 1 == s->n || !tw__conv2d_may_pool(layer) || !tw__pool2d_is_plain_max(s->layer[*i + 1], &kh, &kw))
        return tw_forward(ctx, layer, x);
    ++*i;
    if (!tw__layer_ok(ctx, layer)) return NULL;
    x = tw__conv2d_pooled(ctx, layer, x, kh, kw);
    return x && !x->name ? tw_set_name(x, layer->name) : x; /* as tw_forward does */
}

static tw_tensor *forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    const sequential *s = (const sequential *)layer;
    if (s->broken)
        return tw_fail(ctx, TW_ERR_STATE, "sequential: layer %d could not be made, so the network is not whole",
                       s->broken);
    const tw_tensor *input = x;
    tw_tensor *made = NULL; /* by a layer of this loop, and x lies in its memory */
    for (int i = 0; x && i < s->n; i++) {
        x = forward_next(ctx, s, &i, x);
        /* Without recording nobody looks back: what a layer read is finished, unless its output shares that memory
         * (a reshape) or it is the caller's. */
        if (!x || ctx->recording || (made && shares(made, x))) continue;
        tw__tensor_recycle(ctx, made);
        made = shares(input, x) ? NULL : x;
    }
    return x;
}

static void free_list(tw_layer *layer) {
    sequential *s = (sequential *)layer;
    tw__free(tw_params_ctx(layer->params), s->layer, (size_t)s->room * sizeof(tw_layer *));
}

static const tw_layer_class sequential_class = {"sequential", forward, free_list};

tw_layer *tw_sequential_new(tw_params *params) {
    return tw_layer_new(params, &sequential_class, sizeof(sequential), NULL);
}

static bool make_room(tw_ctx *ctx, sequential *s) {
    if (s->n < s->room) return true;
    int room = s->room ? 2 * s->room : 8;
    tw_layer **list = tw__malloc(ctx, (size_t)room * sizeof(tw_layer *));
    if (!list) return false;
    if (s->n) memcpy(list, s->layer, (size_t)s->n * sizeof(tw_layer *));
    tw__free(ctx, s->layer, (size_t)s->room * sizeof(tw_layer *));
    s->layer = list;
    s->room = room;
    return true;
}

static bool holds(const tw_layer *layer, const tw_layer *what) {
    if (layer == what) return true;
    if (layer->cls != &sequential_class) return false;
    const sequential *s = (const sequential *)layer;
    for (int i = 0; i < s->n; i++)
        if (holds(s->layer[i], what)) return true;
    return false;
}

void tw_sequential_add(tw_layer *to, tw_layer *layer) {
    if (!to) return;
    tw_ctx *ctx = tw_params_ctx(to->params);
    sequential *s = (sequential *)to;
    if (to->cls != &sequential_class) {
        tw_fail(ctx, TW_ERR_RANGE, "sequential_add: a layer of type %s holds no others", to->cls->type);
        return;
    }
    if (layer && holds(layer, to)) {
        tw_fail(ctx, TW_ERR_RANGE, "sequential_add: a sequential cannot hold itself%s",
                layer == to ? "" : ", nor one that holds it");
        layer = NULL;
    }
    if (s->broken) return;
    if (layer && make_room(ctx, s)) s->layer[s->n++] = layer;
    else s->broken = s->n + 1;
}
