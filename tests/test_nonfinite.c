/* test_nonfinite.c - a NaN or an infinity in data, weights, targets or gradients: the step is refused, the place named,
 * and everything that a training has is bit for bit as if the step had never been tried. */
#include "util.h"

#include "optim/optim.h"

/* ---- a training: one net, a target of its output's shape, and all that moves with the steps --------------------- */

typedef struct layer_kind {
    const char *name;
    tw_layer *(*build)(tw_params *p);
    int ndim, dim[4];
    bool indices; /* the input is indices: rounded, and not added to */
} layer_kind;

typedef struct training {
    tw_ctx *ctx;
    tw_params *params;
    tw_tensor
        *shift; /* added to the input, so that a net without parameters has one and the input's gradient is used */
    tw_layer *net;
    tw_optim *optim;
    tw_ema *ema;
    const layer_kind *kind;
    size_t size; /* of the input */
    double clip_norm, clip_value;
} training;

static training training_new(const layer_kind *kind, const char *optim) {
    training t = {.ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 3, .threads = 2}), .kind = kind};
    t.params = tw_params_new(t.ctx);
    t.shift = tw_param(t.params, "shift", (tw_init){TW_INIT_CONSTANT, 0.1}, 0, NULL);
    t.net = kind->build(t.params);
    t.ema = tw_ema_new(t.params);
    t.optim = tw_optim_new(t.params, optim);
    assert_ok(t.ctx);
    t.size = product(kind->ndim, kind->dim);
    return t;
}

static void training_free(training *t) {
    tw_optim_free(t->optim);
    tw_params_free(t->params);
    tw_ctx_free(t->ctx);
}

/* An op of one's own whose backward writes a NaN. */
static void bad_backward(tw_ctx *ctx, tw_node *n) {
    tw_real beta, *dx = tw_grad(ctx, n->in[0], &beta);
    if (!dx) return;
    for (size_t i = 0; i < n->in[0]->size; i++) dx[i] = tw_add_to(beta, dx[i], i ? n->out[0]->grad[i] : (tw_real)NAN);
}
static const tw_op bad_op = {"bad", bad_backward};

static tw_tensor *bad(tw_ctx *ctx, tw_tensor *x) {
    tw_tensor *y = tw_detach(ctx, x);
    return y ? tw_record(ctx, &bad_op, NULL, 1, &x, y) : NULL;
}

/* What is wrong with a part of a batch. */
typedef enum wrong { NOTHING, INPUT, TARGET, GRADIENT, OVERFLOW, UPSTREAM, SHAPE } wrong;
static const struct {
    wrong what;
    tw_err err;
    const char *part; /* of the message */
} wrongs[] = {
    {INPUT, TW_ERR_NONFINITE, "the loss is nan: add got a non-finite input \"x\" ["},
    {TARGET, TW_ERR_NONFINITE, "the loss is nan: mse_loss got a non-finite input \"target\" ["},
    {GRADIENT, TW_ERR_NONFINITE, "the gradient of \""},
    {OVERFLOW, TW_ERR_NONFINITE, "the loss is inf: the first non-finite value came out of mse_loss []"},
    {UPSTREAM, TW_ERR_NONFINITE, "the gradient of \""},
    {SHAPE, TW_ERR_SHAPE, "mse_loss: "},
};
enum { WRONGS = sizeof wrongs / sizeof *wrongs };

/* Forward and backward of one part, on random numbers with x[at] = value. */
static tw_err part(training *t, uint64_t seed, wrong what, size_t at, tw_real value) {
    tw_ctx *ctx = t->ctx;
    tw_real *data = tw_alloc(ctx, t->size * sizeof *data);
    fill_random(data, t->size, seed, t->kind->indices ? 0 : -1, t->kind->indices ? 5 : 1);
    for (size_t i = 0; t->kind->indices && i < t->size; i++) data[i] = (tw_real)floor((double)data[i]);
    if (what == INPUT) data[at] = value;
    tw_tensor *x = tw_set_name(tw_input(ctx, data, t->kind->ndim, t->kind->dim), "x");
    tw_tensor *y = tw_forward(ctx, t->net, t->kind->indices ? x : tw_add(ctx, x, t->shift));
    if (!y) return tw_error(ctx);
    if (t->kind->indices) y = tw_add(ctx, y, t->shift);
    if (what == GRADIENT) y = bad(ctx, y);
    if (what == OVERFLOW) y = tw_scale(ctx, y, (tw_real)(sizeof(tw_real) == 4 ? 1e30 : 1e300));
    tw_tensor *target = tw_randn(ctx, 0, 1, y->ndim, y->dim);
    if (what == TARGET) target->data[target->size / 2] = value;
    if (what == SHAPE) target = tw_randn(ctx, 0, 1, 1, (int[]){7});
    tw_tensor *loss = tw_mse_loss(ctx, y, tw_set_name(target, "target"), NULL);
    return what == UPSTREAM ? tw_backward_from(ctx, loss, &(tw_real){(tw_real)INFINITY}) : tw_backward(ctx, loss);
}

/* A whole update in `parts` steps that accumulate; part number `bad_part` is wrong. */
static tw_err update(training *t, uint64_t seed, int parts, int bad_part, wrong what) {
    tw_schedule s;
    cr_assert_eq(tw_schedule_parse(t->ctx, "cosine:warmup=3", &s), TW_OK);
    tw_optim_set_lr(t->optim, 1e-2 * tw_schedule_factor(&s, (double)tw_optim_steps(t->optim) + 1, 10));
    for (int i = 0; i < parts; i++) {
        if (i) tw_step_accumulate(t->ctx);
        else tw_step_begin(t->ctx);
        tw_err err = part(t, seed + (uint64_t)i, i == bad_part ? what : NOTHING, t->size / 2, (tw_real)NAN);
        if (err) return err;
    }
    if (t->clip_norm > 0) (void)tw_clip_grad_norm(t->params, t->clip_norm);
    if (t->clip_value > 0) (void)tw_clip_grad_value(t->params, t->clip_value);
    tw_err err = tw_optim_step(t->optim);
    if (err) return err;
    return tw_ema_update(t->ema, 0.9, tw_optim_steps(t->optim));
}

/* ---- everything that a refused step must leave as it was -------------------------------------------------------- */

typedef struct snapshot {
    char *bytes;
    size_t n;
} snapshot;

static void keep(snapshot *s, const void *from, size_t n) {
    s->bytes = realloc(s->bytes, s->n + n);
    memcpy(s->bytes + s->n, from, n);
    s->n += n;
}

/* Weights, buffers, averages, the optimiser's state, its counts and learning rate. */
static snapshot look(const tw_params *params, const tw_optim *o) {
    snapshot s = {NULL, 0};
    for (size_t i = 0; i < tw_params_count(params); i++) {
        const tw_tensor *p = tw_params_at(params, i);
        keep(&s, p->data, p->size * sizeof *p->data);
    }
    for (int k = 0; k < TW__MAX_STATES; k++)
        if (o->state[k].v) keep(&s, o->state[k].v, params->flat_size * sizeof(tw_real));
    for (size_t i = 0; i < o->nparams; i++) keep(&s, &o->param[i].steps, sizeof o->param[i].steps);
    keep(&s, &o->steps, sizeof o->steps);
    keep(&s, &o->lr, sizeof o->lr);
    return s;
}

static void assert_same(snapshot a, snapshot b, const char *what) {
    cr_assert_eq(a.n, b.n);
    for (size_t i = 0; i < a.n; i++) cr_assert_eq(a.bytes[i], b.bytes[i], "%s: byte %zu of %zu differs", what, i, a.n);
    free(a.bytes);
    free(b.bytes);
}

/* ---- nets ------------------------------------------------------------------------------------------------------ */

static tw_layer *net_of(tw_params *p, tw_layer *a, tw_layer *b) {
    tw_layer *s = tw_sequential_new(p);
    tw_sequential_add(s, a);
    if (b) tw_sequential_add(s, b);
    return s;
}
#define NET(name, a, b) \
    static tw_layer *name(tw_params *p) { return net_of(p, a, b); }
#define CONV(name, in, out, kh, kw, ...)                                                  \
    static tw_layer *name(tw_params *p) {                                                 \
        return tw_conv2d_new(p, "l", in, out, kh, kw, &(tw_conv2d_options){__VA_ARGS__}); \
    }
#define DENSE(name, activation) \
    static tw_layer *name(tw_params *p) { return tw_dense_new(p, "l", 5, 6, &(tw_dense_options){.act = activation}); }

DENSE(dense, TW_ACT_NONE)
DENSE(dense_relu, TW_ACT_RELU)
DENSE(dense_leaky, TW_ACT_LEAKY_RELU)
DENSE(dense_sigmoid, TW_ACT_SIGMOID)
DENSE(dense_tanh, TW_ACT_TANH)
DENSE(dense_gelu, TW_ACT_GELU)
DENSE(dense_gelu_tanh, TW_ACT_GELU_TANH)
CONV(conv_direct, 1, 8, 3, 3, .pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU)
CONV(conv_direct_pool, 1, 8, 3, 3, .pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU, .pool_h = 2, .pool_w = 2)
CONV(conv_winograd, 16, 16, 3, 3, .pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU)
CONV(conv_winograd5, 16, 16, 5, 5, .pad_h = 2, .pad_w = 2, .act = TW_ACT_RELU)
CONV(conv_winograd_pool, 16, 16, 3, 3, .pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU, .pool_h = 2, .pool_w = 2)
CONV(conv_columns, 20, 8, 3, 3, .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1, .act = TW_ACT_LEAKY_RELU)
CONV(conv_groups, 4, 8, 3, 3, .groups = 4, .dilation_h = 2, .dilation_w = 2, .pad_h = 2, .pad_w = 2)
CONV(conv_1x1, 3, 4, 1, 1, .act = TW_ACT_TANH)
NET(max_pool, tw_max_pool2d_new(p, 2, 2, NULL), NULL)
NET(max_pool_overlap, tw_max_pool2d_new(p, 3, 3, &(tw_pool2d_options){1, 1, 1, 1}), NULL)
NET(avg_pool, tw_avg_pool2d_new(p, 2, 2, NULL), NULL)
NET(global_avg_pool, tw_global_avg_pool2d_new(p), NULL)
NET(batchnorm, tw_batchnorm_new(p, "l", 3, NULL), NULL)
NET(batchnorm_relu, tw_batchnorm_new(p, "l", 3, &(tw_batchnorm_options){.act = TW_ACT_RELU}), NULL)
NET(layer_norm, tw_layer_norm_new(p, "l", 1, (int[]){5}, NULL), NULL)
NET(embedding, tw_embedding_new(p, "l", 5, 4, NULL), NULL)
NET(dropout, tw_dropout_new(p, 0.001), NULL)
NET(flatten, tw_flatten_new(p), NULL)
NET(image_to_sequence, tw_image_to_sequence_new(p), NULL)
NET(relu_then_max, tw_activation_new(p, TW_ACT_RELU), tw_max_pool2d_new(p, 2, 2, NULL))
NET(lstm, tw_lstm_new(p, "l", 3, 4, &(tw_lstm_options){.layers = 2, .bidirectional = true}), NULL)
NET(gru, tw_gru_new(p, "l", 3, 4, &(tw_gru_options){.layers = 2, .bidirectional = true}), NULL)

static tw_tensor *softmax_forward(tw_ctx *ctx, tw_layer *l, tw_tensor *x) {
    (void)l;
    return tw_softmax(ctx, tw_log_softmax(ctx, x, -1), -1);
}
static tw_layer *softmaxes(tw_params *p) {
    static const tw_layer_class cls = {"softmaxes", softmax_forward, NULL};
    return tw_layer_new(p, &cls, sizeof(tw_layer), NULL);
}

static const layer_kind kinds[] = {
    {"dense", dense, 2, {3, 5}, false},
    {"dense relu", dense_relu, 2, {3, 5}, false},
    {"dense leaky relu", dense_leaky, 2, {3, 5}, false},
    {"dense sigmoid", dense_sigmoid, 2, {3, 5}, false},
    {"dense tanh", dense_tanh, 2, {3, 5}, false},
    {"dense gelu", dense_gelu, 2, {3, 5}, false},
    {"dense gelu tanh", dense_gelu_tanh, 2, {3, 5}, false},
    {"conv direct", conv_direct, 4, {2, 1, 6, 34}, false},
    {"conv direct and pool", conv_direct_pool, 4, {2, 1, 6, 34}, false},
    {"conv winograd", conv_winograd, 4, {2, 16, 6, 9}, false},
    {"conv winograd 5x5", conv_winograd5, 4, {2, 16, 6, 9}, false},
    {"conv winograd and pool", conv_winograd_pool, 4, {2, 16, 6, 8}, false},
    {"conv columns", conv_columns, 4, {2, 20, 7, 7}, false},
    {"conv groups", conv_groups, 4, {2, 4, 6, 6}, false},
    {"conv 1x1", conv_1x1, 4, {2, 3, 4, 5}, false},
    {"max pool", max_pool, 4, {2, 2, 6, 38}, false},
    {"max pool overlapping", max_pool_overlap, 4, {2, 2, 5, 21}, false},
    {"avg pool", avg_pool, 4, {2, 2, 4, 6}, false},
    {"global avg pool", global_avg_pool, 4, {2, 2, 4, 6}, false},
    {"batch norm", batchnorm, 2, {6, 3}, false},
    {"batch norm relu", batchnorm_relu, 4, {2, 3, 3, 40}, false},
    {"layer norm", layer_norm, 2, {4, 5}, false},
    {"embedding", embedding, 2, {3, 7}, true},
    {"dropout", dropout, 2, {3, 50}, false},
    {"flatten", flatten, 3, {2, 3, 2}, false},
    {"image to sequence", image_to_sequence, 4, {2, 2, 3, 4}, false},
    {"relu and max", relu_then_max, 4, {1, 1, 4, 24}, false},
    {"lstm", lstm, 3, {4, 2, 3}, false},
    {"gru", gru, 3, {4, 2, 3}, false},
    {"softmax", softmaxes, 2, {3, 20}, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- each layer: in the input and in every parameter ------------------------------------------------------------- */

static bool all_finite(const tw_params *params, const tw_tensor *but) {
    for (size_t i = 0; i < tw_params_count(params); i++) {
        const tw_tensor *p = tw_params_at(params, i);
        for (size_t k = 0; p != but && k < p->size; k++)
            if (!isfinite(p->data[k])) return false;
    }
    return true;
}

/* A NaN never passes unseen. An infinity may: a ReLU makes 0 of -inf, a sigmoid 1 of +inf, and a maximum overlooks
 * -inf. Then the step is good, and every weight is finite after it. */
static bool must_be_refused(training *t, tw_err err, tw_real value, snapshot before, const char *what,
                            const tw_tensor *poisoned, const char *named) {
    const char *kind = t->kind->name;
    if (!err) err = tw_optim_step(t->optim);
    if (!err) {
        cr_assert(isinf(value), "%s, %s: a NaN passed", kind, what);
        cr_assert(all_finite(t->params, poisoned), "%s, %s: %g was accepted and spoiled a weight", kind, what,
                  (double)value);
        free(before.bytes);
        return false;
    }
    if (t->kind->indices && !strcmp(what, "input")) cr_assert_eq(err, TW_ERR_RANGE);
    else cr_assert_eq(err, TW_ERR_NONFINITE, "%s, %s: %s", kind, what, tw_errmsg(t->ctx));
    cr_assert(isinf(value) || strstr(tw_errmsg(t->ctx), named), "%s, %s: %s names no %s", kind, what, tw_errmsg(t->ctx),
              named);
    assert_same(before, look(t->params, t->optim), what);
    tw_error_clear(t->ctx);
    return true;
}

static const tw_real values[] = {(tw_real)NAN, (tw_real)INFINITY, -(tw_real)INFINITY};

Test(nonfinite, in_the_input_of_every_layer) {
    for (int k = 0; k < KINDS; k++) {
        training t = training_new(&kinds[k], "adam"), control = training_new(&kinds[k], "adam");
        cr_assert_eq(update(&t, 1, 1, -1, NOTHING), TW_OK, "%s: %s", kinds[k].name, tw_errmsg(t.ctx));
        cr_assert_eq(update(&control, 1, 1, -1, NOTHING), TW_OK);
        const tw_rng_state random = tw_rng_get(t.ctx);
        const size_t places[] = {0, 1, t.size / 3, t.size / 2, t.size - 2, t.size - 1};
        bool same = true;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            for (int v = 0; v < 3; v++) {
                snapshot before = look(t.params, t.optim);
                tw_step_begin(t.ctx);
                tw_err err = part(&t, 2, INPUT, places[i], values[v]);
                if (!err) same = false; /* an infinity that was hidden: this step counts */
                must_be_refused(&t, err, values[v], before, "input", NULL, "\"x\" [");
            }
        tw_rng_set(t.ctx, random);
        cr_assert_eq(update(&t, 3, 1, -1, NOTHING), TW_OK, "%s: %s", kinds[k].name, tw_errmsg(t.ctx));
        cr_assert_eq(update(&control, 3, 1, -1, NOTHING), TW_OK);
        snapshot a = look(t.params, t.optim), b = look(control.params, control.optim);
        if (same) {
            assert_same(a, b, kinds[k].name);
        } else {
            free(a.bytes);
            free(b.bytes);
        }
        training_free(&t);
        training_free(&control);
    }
}

Test(nonfinite, in_every_parameter_of_every_layer) {
    for (int k = 0; k < KINDS; k++) {
        training t = training_new(&kinds[k], "rmsprop:momentum=0.9,centered=1");
        cr_assert_eq(update(&t, 1, 1, -1, NOTHING), TW_OK);
        for (size_t i = 0; i < tw_params_count(t.params) * 9; i++) {
            const size_t p = i / 9, where = i / 3 % 3, v = i % 3;
            tw_tensor *w = tw_params_at(t.params, p);
            if (tw_params_is_buffer(t.params, p)) continue;
            char named[64];
            snprintf(named, sizeof named, "\"%s\" [", w->name);
            tw_real *at = &w->data[where * (w->size - 1) / 2], old = *at;
            *at = values[v];
            snapshot before = look(t.params, t.optim);
            tw_step_begin(t.ctx);
            if (must_be_refused(&t, part(&t, 2, NOTHING, 0, 0), values[v], before, w->name, w, named)) {
                *at = old;
                continue;
            }
            training_free(&t); /* an infinite weight was updated, and the optimiser remembers that */
            t = training_new(&kinds[k], "rmsprop:momentum=0.9,centered=1");
        }
        training_free(&t);
    }
}

/* Weights so large that numbers overflow somewhere on the way, forward or backward. */
Test(nonfinite, overflow_in_every_layer) {
    const tw_real huge = (tw_real)(sizeof(tw_real) == 4 ? 1e30 : 1e250);
    for (int k = 0; k < KINDS; k++) {
        training t = training_new(&kinds[k], "sgd:lr=0.1,momentum=0.9");
        cr_assert_eq(update(&t, 1, 1, -1, NOTHING), TW_OK);
        for (size_t p = 0; p < tw_params_count(t.params); p++) {
            tw_tensor *w = tw_params_at(t.params, p);
            if (tw_params_is_buffer(t.params, p) || strstr(w->name, "ema.")) continue;
            for (size_t i = 0; i < w->size; i++) w->data[i] = i % 3 ? huge : -huge;
        }
        snapshot before = look(t.params, t.optim);
        tw_step_begin(t.ctx);
        must_be_refused(&t, part(&t, 2, NOTHING, 0, 0), (tw_real)INFINITY, before, "overflow", NULL, "");
        training_free(&t);
    }
}

/* ---- each optimiser, clipping, accumulation: all that is wrong, in each part ----------------------------------- */

static tw_layer *everything(tw_params *p) {
    tw_layer *s = tw_sequential_new(p);
    tw_sequential_add(s, tw_conv2d_new(p, "conv", 1, 4, 3, 3, &(tw_conv2d_options){.pad_h = 1, .pad_w = 1}));
    tw_sequential_add(s, tw_batchnorm_new(p, "bn1", 4, &(tw_batchnorm_options){.act = TW_ACT_RELU}));
    tw_sequential_add(s, tw_max_pool2d_new(p, 2, 2, NULL));
    tw_sequential_add(s, tw_flatten_new(p));
    tw_sequential_add(s, tw_dropout_new(p, 0.2));
    tw_sequential_add(s, tw_dense_new(p, "fc1", 16, 6, &(tw_dense_options){.act = TW_ACT_TANH}));
    tw_sequential_add(s, tw_batchnorm_new(p, "bn2", 6, NULL));
    tw_sequential_add(s, tw_dense_new(p, "fc2", 6, 3, NULL));
    return s;
}
static const layer_kind everything_kind = {"everything", everything, 4, {4, 1, 4, 4}, false};

static const char *const optims[] = {
    "sgd",
    "sgd:momentum=0.9,nesterov=1,weight_decay=0.01",
    "adam:weight_decay=0.01",
    "adamw",
    "adadelta",
    "rmsprop",
    "rmsprop:momentum=0.9",
    "rmsprop:centered=1",
    "rmsprop:momentum=0.9,centered=1",
    "adagrad:lr_decay=0.1",
};

/* good, wrong, good gives the bits of good, good. What is wrong is the part number bad_part of several. */
static void good_wrong_good(const char *optim, int clip, int parts, int bad_part, int w) {
    char what[128];
    snprintf(what, sizeof what, "%s, clip %d, part %d of %d, wrong %d", optim, clip, bad_part, parts, w);
    training t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = training_new(&everything_kind, optim);
        t[i].clip_norm = clip == 1 ? 0.5 : 0;
        t[i].clip_value = clip == 2 ? 0.01 : 0;
        cr_assert_eq(update(&t[i], 1, parts, -1, NOTHING), TW_OK, "%s: %s", what, tw_errmsg(t[i].ctx));
        const tw_rng_state random = tw_rng_get(t[i].ctx);
        if (i == 0) {
            snapshot before = look(t[i].params, t[i].optim);
            /* the learning rate follows the count of steps, which stands still: the next good step has this one, too */
            const double lr = tw_optim_lr(t[i].optim);
            cr_assert_eq(update(&t[i], 50, parts, bad_part, wrongs[w].what), wrongs[w].err, "%s: %s", what,
                         tw_errmsg(t[i].ctx));
            assert_error(t[i].ctx, wrongs[w].err, wrongs[w].part);
            /* beginning gives back what good parts before the wrong one moved; when the optimiser refuses, it has */
            if (wrongs[w].what != GRADIENT && wrongs[w].what != UPSTREAM) tw_step_begin(t[i].ctx);
            tw_optim_set_lr(t[i].optim, lr);
            assert_same(before, look(t[i].params, t[i].optim), what);
            tw_rng_set(t[i].ctx, random);
        }
        cr_assert_eq(update(&t[i], 2, parts, -1, NOTHING), TW_OK, "%s: %s", what, tw_errmsg(t[i].ctx));
    }
    assert_same(look(t[0].params, t[0].optim), look(t[1].params, t[1].optim), what);
    for (int i = 0; i < 2; i++) training_free(&t[i]);
}

Test(nonfinite, every_optimiser) {
    for (size_t o = 0; o < sizeof optims / sizeof *optims; o++)
        for (int w = 0; w < WRONGS; w++) good_wrong_good(optims[o], w % 3, 1, 0, w);
}

Test(nonfinite, every_part_of_a_batch) {
    for (int clip = 0; clip < 3; clip++)
        for (int bad_part = 0; bad_part < 3; bad_part++)
            for (int w = 0; w < WRONGS; w++) good_wrong_good("adamw", clip, 3, bad_part, w);
}

/* A part whose loss is not finite can be left out: the others make the step that they make without it. */
Test(nonfinite, a_bad_part_left_out) {
    training t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = training_new(&everything_kind, "adam");
        cr_assert_eq(update(&t[i], 1, 1, -1, NOTHING), TW_OK);
        tw_step_begin(t[i].ctx);
        cr_assert_eq(part(&t[i], 2, NOTHING, 0, 0), TW_OK);
        if (i == 0) {
            const tw_rng_state random = tw_rng_get(t[i].ctx);
            tw_step_accumulate(t[i].ctx);
            cr_assert_eq(part(&t[i], 3, TARGET, 0, (tw_real)NAN), TW_ERR_NONFINITE);
            tw_error_clear(t[i].ctx);
            tw_rng_set(t[i].ctx, random);
        }
        tw_step_accumulate(t[i].ctx);
        cr_assert_eq(part(&t[i], 4, NOTHING, 0, 0), TW_OK);
        cr_assert_eq(tw_optim_step(t[i].optim), TW_OK);
    }
    assert_same(look(t[0].params, t[0].optim), look(t[1].params, t[1].optim), "left out");
    for (int i = 0; i < 2; i++) training_free(&t[i]);
}

/* An op that fails in backward has added half of the gradients: none of them can be used any more. */
static void failing_backward(tw_ctx *ctx, tw_node *n) {
    (void)n;
    tw_fail(ctx, TW_ERR_STATE, "no gradient today");
}
static const tw_op failing_op = {"failing", failing_backward};

Test(nonfinite, half_of_a_backward_is_none) {
    training t = training_new(&everything_kind, "sgd");
    cr_assert_eq(update(&t, 1, 1, -1, NOTHING), TW_OK);
    snapshot before = look(t.params, t.optim);
    tw_step_begin(t.ctx);
    cr_assert_eq(part(&t, 2, NOTHING, 0, 0), TW_OK);
    tw_step_accumulate(t.ctx);
    tw_tensor *y = tw_detach(t.ctx, t.shift);
    y = tw_record(t.ctx, &failing_op, NULL, 1, &t.shift, y);
    tw_tensor *z = tw_mul(t.ctx, y, tw_params_find(t.params, "fc2.bias"));
    cr_assert_eq(tw_backward(t.ctx, tw_sum(t.ctx, z, 0, NULL, false)), TW_ERR_STATE);
    assert_error(t.ctx, TW_ERR_STATE, "no gradient today");
    cr_assert_eq(tw_optim_step(t.optim), TW_ERR_STATE);
    assert_error(t.ctx, TW_ERR_STATE, "no parameter has a gradient");
    assert_same(before, look(t.params, t.optim), "half");
    tw_step_accumulate(t.ctx); /* begins anew: nothing of before is in the sum */
    cr_assert_eq(tw_backward(t.ctx, tw_scale(t.ctx, t.shift, 3)), TW_OK);
    cr_assert_eq(t.shift->grad[0], 3);
    training_free(&t);
}

/* The promise about random numbers: they stay drawn. */
Test(nonfinite, random_numbers_stay_drawn) {
    training t = training_new(&everything_kind, "sgd");
    const tw_rng_state before = tw_rng_get(t.ctx);
    cr_assert_eq(update(&t, 1, 1, 0, TARGET), TW_ERR_NONFINITE);
    cr_assert_neq(tw_rng_get(t.ctx).counter, before.counter);
    training_free(&t);
}

/* ---- running statistics ---------------------------------------------------------------------------------------- */

static const layer_kind norm_kind = {"batch norm", batchnorm, 2, {6, 3}, false};

Test(nonfinite, running_statistics) {
    training t = training_new(&norm_kind, "sgd"), other = training_new(&norm_kind, "sgd");
    tw_tensor *mean = tw_params_find(t.params, "l.running_mean"),
              *n = tw_params_find(t.params, "l.num_batches_tracked");
    cr_assert_eq(update(&t, 1, 1, -1, NOTHING), TW_OK);
    const tw_real was = mean->data[0];

    /* what succeeded is not undone by a later error, of a file or of another step */
    tw_fail(t.ctx, TW_ERR_IO, "a file");
    cr_assert_eq(mean->data[0], was);
    tw_error_clear(t.ctx);

    /* nor is what was only computed forward, without recording */
    tw_set_recording(t.ctx, false);
    tw_step_begin(t.ctx);
    cr_assert_eq(part(&t, 2, NOTHING, 0, 0), TW_ERR_STATE); /* there is no backward */
    tw_error_clear(t.ctx);
    tw_set_recording(t.ctx, true);
    cr_assert_neq(mean->data[0], was);
    cr_assert_eq(n->data[0], 2);

    /* in a context that has failed nothing moves */
    const tw_real now = mean->data[0];
    tw_step_begin(t.ctx);
    tw_fail(t.ctx, TW_ERR_RANGE, "something");
    cr_assert_neq(part(&t, 3, NOTHING, 0, 0), TW_OK);
    cr_assert_eq(mean->data[0], now);
    tw_error_clear(t.ctx);

    /* a model that is freed in the middle of a step that then fails */
    tw_step_begin(t.ctx);
    tw_params *gone = tw_params_new(t.ctx);
    tw_layer *norm = tw_batchnorm_new(gone, "gone", 3, NULL);
    cr_assert_not_null(tw_forward(t.ctx, norm, random_leaf(t.ctx, 1, -1, 1, 2, (int[]){4, 3})));
    cr_assert_not_null(tw_forward(t.ctx, t.net, random_leaf(t.ctx, 1, -1, 1, 2, (int[]){4, 3})));
    cr_assert_neq(mean->data[0], now);
    tw_params_free(gone);
    tw_fail(t.ctx, TW_ERR_RANGE, "something");
    cr_assert_eq(mean->data[0], now);
    cr_assert_eq(n->data[0], 2);
    training_free(&other);
    training_free(&t);
}

/* Statistics that are NaN already, as a damaged model has them: in eval the norm is named, in training it does not
 * matter to the gradient. */
Test(nonfinite, running_statistics_that_are_nan) {
    training t = training_new(&norm_kind, "sgd");
    tw_params_find(t.params, "l.running_var")->data[1] = (tw_real)NAN;
    tw_set_training(t.ctx, false);
    cr_assert_eq(update(&t, 1, 1, -1, NOTHING), TW_ERR_NONFINITE);
    assert_error(t.ctx, TW_ERR_NONFINITE, "the first non-finite value came out of batchnorm \"l\" [6,3]");
    tw_set_training(t.ctx, true);
    cr_assert_eq(update(&t, 1, 1, -1, NOTHING), TW_OK);
    training_free(&t);
}

/* A layer of one's own that counts what it has seen. */
static tw_tensor *count_forward(tw_ctx *ctx, tw_layer *layer, tw_tensor *x) {
    tw_tensor *seen = tw_params_find(layer->params, "counter.seen");
    if (tw_buffer_will_change(ctx, seen)) return NULL;
    seen->data[0] += 1;
    return x;
}

Test(nonfinite, a_buffer_of_a_layer_of_ones_own) {
    static const tw_layer_class cls = {"counter", count_forward, NULL};
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *counter = tw_layer_new(params, &cls, sizeof *counter, "counter");
    const tw_tensor *seen = tw_layer_buffer(counter, "seen", 0, 0, NULL);
    tw_tensor *w = tw_param(params, "w", (tw_init){TW_INIT_CONSTANT, 1}, 0, NULL);
    tw_optim *o = tw_optim_new(params, "sgd");
    for (int i = 0; i < 3; i++) { /* the second fails */
        tw_step_begin(ctx);
        tw_tensor *y = tw_forward(ctx, counter, tw_forward(ctx, counter, tw_scale(ctx, w, i == 1 ? (tw_real)NAN : 2)));
        cr_assert_eq(tw_backward(ctx, y), i == 1 ? TW_ERR_NONFINITE : TW_OK);
        cr_assert_eq(tw_optim_step(o), i == 1 ? TW_ERR_STATE : TW_OK);
        cr_assert_eq(seen->data[0], i < 2 ? 2 : 4);
        tw_error_clear(ctx);
    }
    cr_assert_eq(tw_buffer_will_change(ctx, NULL), TW_ERR_STATE);
    tw_optim_free(o);
    tw_params_free(params);
    tw_ctx_free(ctx);
}
