/* A layer in a user's own file: a scale per feature, y[r][d] = x[r][d] scale[d]. It includes public headers only. */
#include <criterion/criterion.h>
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

static void scale_backward(tw_ctx *ctx, tw_node *n) {
    tw_tensor *x = n->in[0], *scale = n->in[1], *y = n->out[0];
    size_t D = scale->size;
    tw_real beta, *dx = tw_grad(ctx, x, &beta);
    for (size_t i = 0; dx && i < x->size; i++) dx[i] = tw_add_to(beta, dx[i], y->grad[i] * scale->data[i % D]);
    tw_real *ds = tw_grad(ctx, scale, &beta);
    for (size_t d = 0; ds && d < D; d++) ds[d] = tw_add_to(beta, ds[d], 0);
    for (size_t i = 0; ds && i < x->size; i++) ds[i % D] += y->grad[i] * x->data[i];
}

static const tw_op scale_op = {"scale_features", scale_backward};

typedef struct scale_features {
    tw_layer base;
    tw_tensor *scale;
    int *freed;
} scale_features;

static tw_tensor *scale_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    tw_tensor *in[] = {x, ((scale_features *)layer)->scale}, *y = tw_new_like(ctx, x);
    if (!y || !tw_inputs_ok(ctx, "scale_features", 2, in)) return NULL;
    for (size_t i = 0; i < x->size; i++) y->data[i] = x->data[i] * in[1]->data[i % in[1]->size];
    return tw_record(ctx, &scale_op, NULL, 2, in, y);
}

static void scale_free(tw_layer *layer) { ++*((scale_features *)layer)->freed; }

static const tw_layer_class scale_class = {"scale_features", scale_forward, scale_free};

static tw_layer *scale_features_new(tw_params *params, const char *name, int features, int *freed) {
    scale_features *s = (scale_features *)tw_layer_new(params, &scale_class, sizeof *s, name);
    if (!s) return NULL;
    s->freed = freed;
    s->scale = tw_layer_param(&s->base, "scale", (tw_init){TW_INIT_CONSTANT, 2}, 1, &features);
    return s->scale ? &s->base : NULL;
}

Test(layers_custom, a_layer_of_ones_own_works_inside_a_network) {
    int freed = 0;
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(params);
    tw_sequential_add(net, tw_flatten_new(params));
    tw_sequential_add(net, scale_features_new(params, "own", 3, &freed));
    cr_assert_not_null(tw_params_find(params, "own.scale"));

    tw_real x[] = {1, 2, 3, 4, 5, 6};
    tw_tensor *t = tw_input_grad(ctx, x, 3, (int[]){2, 3, 1});
    tw_tensor *y = tw_forward(ctx, net, t);
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    cr_assert_str_eq(y->name, "own");
    cr_assert_eq(y->data[5], 12);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
    const tw_real *ds = tw_params_find(params, "own.scale")->grad;
    cr_assert(ds[0] == 5 && ds[1] == 7 && ds[2] == 9);
    for (int i = 0; i < 6; i++) cr_assert_eq(t->grad[i], 2);

    tw_params_free(params);
    cr_assert_eq(freed, 1);
    tw_ctx_free(ctx);
}

Test(layers_custom, a_struct_without_room_for_the_base_is_refused) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    cr_assert_null(tw_layer_new(params, &scale_class, 4, "own"));
    cr_assert_eq(tw_error(ctx), TW_ERR_RANGE);
    cr_assert(strstr(tw_errmsg(ctx), "a layer's struct begins with a tw_layer"));
    tw_params_free(params);
    tw_ctx_free(ctx);
}
