/* registry.c - every loss by name. losses.def lists them; each record is in its loss's file. */
#include "tensor/options.h"

#include <thalweg/extend.h>

#include <string.h>

#define TW_COST(name) extern const tw_cost_layer tw_cost_##name;
#include "losses/losses.def"
#undef TW_COST

static const tw_cost_layer *const registry[] = {
#define TW_COST(name) &tw_cost_##name,
#include "losses/losses.def"
#undef TW_COST
};
enum { COUNT = sizeof registry / sizeof *registry };

size_t tw_cost_count(void) { return COUNT; }
const tw_cost_layer *tw_cost_at(size_t i) { return i < COUNT ? registry[i] : NULL; }
const char *tw_cost_name(const tw_cost_layer *layer) { return layer ? layer->name : NULL; }
bool tw_cost_accepts(const tw_cost_layer *layer, tw_target_kind kind) { return layer && layer->targets & kind; }

tw_form tw_cost_form(const tw_cost *cost) {
    return cost && cost->layer && cost->layer->form ? cost->layer->form(cost->options) : TW_FORM_LOGITS;
}

tw_err tw_cost_of(tw_ctx *ctx, const tw_cost_layer *layer, const char *spec, tw_cost *cost) {
    memset(cost, 0, sizeof *cost);
    if (layer->options_size > sizeof cost->options)
        return tw_fail_err(ctx, TW_ERR_RANGE, "loss %s: its options take %zu bytes, a tw_cost has %zu", layer->name,
                           layer->options_size, sizeof cost->options);
    tw_options_default(layer->options, cost->options);
    tw_err err = tw_options_parse(ctx, layer->name, layer->options, spec, cost->options);
    if (!err) cost->layer = layer;
    return err;
}

tw_err tw_cost_find(tw_ctx *ctx, const char *spec, tw_cost *cost) {
    const char *names[COUNT], *options;
    for (size_t i = 0; i < COUNT; i++) names[i] = registry[i]->name;
    memset(cost, 0, sizeof *cost);
    int found = tw__find_named(ctx, "loss", spec, COUNT, names, &options);
    return found < 0 ? TW_ERR_RANGE : tw_cost_of(ctx, registry[found], options, cost);
}

tw_tensor *tw_cost_apply(tw_ctx *ctx, const tw_cost *cost, tw_tensor *pred, const tw_target *target) {
    if (!cost || !cost->layer) return tw_fail(ctx, TW_ERR_STATE, "a loss that tw_cost_find did not find was applied");
    if (!target) return tw_fail(ctx, TW_ERR_RANGE, "%s: the target is NULL", cost->layer->name);
    if (cost->layer->targets == TW_TARGET_TENSOR && pred && !target->tensor)
        return tw_fail(ctx, TW_ERR_RANGE, "%s: compares with a tensor, and the target has none", cost->layer->name);
    return cost->layer->apply(ctx, pred, target, cost->options);
}
