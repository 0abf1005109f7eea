/* util_trainings_mnist.c - the networks of examples/mnist, as its program trains them. */
#include "../examples/mnist/mnist.h"
#include "util_trainings.h"

typedef struct own {
    uint8_t pixel[TRAINING_SAMPLES * SIDE * SIDE], class[TRAINING_SAMPLES];
    pictures pictures;
    picture_source source;
    tw_layer *net;
    tw_cost cost;
} own;

static void make(small_training *t) {
    static const char *const name[] = {"mlp", "lenet", "cnn", "cnn-l"};
    own *o = t->own;
    const char *nearest;
    const model_kind *kind = model_find(name[t->program->kind], &nearest);
    for (int i = 0; i < TRAINING_SAMPLES; i++) {
        made_up_picture(o->pixel + i * SIDE * SIDE, SIDE, SIDE, (uint64_t)i);
        o->class[i] = (uint8_t)(i % CLASSES);
    }
    o->pictures.image = (tw_idx){.ndim = 3, .dim = {TRAINING_SAMPLES, SIDE, SIDE}, .data = o->pixel};
    o->pictures.label = (tw_idx){.ndim = 1, .dim = {TRAINING_SAMPLES}, .data = o->class};
    o->source = (picture_source){&o->pictures, 0.25f, 0.3f, true, true};
    tw_dataset data = pictures_dataset(&o->source);
    t->params = tw_params_new(t->ctx);
    o->net = t->params ? kind->build(t->params) : NULL;
    t->optim = o->net ? tw_optim_new(t->params, kind->optim) : NULL;
    if (!t->optim || tw_optim_no_decay(t->optim) || tw_cost_find(t->ctx, "cross_entropy", &o->cost)) return;
    t->loader = tw_loader_new(t->ctx, &data, &(tw_loader_options){.batch = TRAINING_BATCH, .seed = 5, .shuffle = true});
}

static tw_err step(small_training *t, const tw_batch *b) {
    own *o = t->own;
    double loss;
    long right = 0;
    return train_step(t->ctx, o->net, t->optim, &o->cost, b, &loss, &right);
}

static void free_all(small_training *t) {
    tw_loader_free(t->loader);
    tw_optim_free(t->optim);
    tw_params_free(t->params);
}

const training_program mnist_mlp = {"mnist mlp", sizeof(own), 0, make, step, free_all, 0},
                       mnist_lenet = {"mnist lenet", sizeof(own), 1, make, step, free_all, 4},
                       mnist_cnn = {"mnist cnn", sizeof(own), 2, make, step, free_all, 0},
                       mnist_cnn_l = {"mnist cnn-l", sizeof(own), 3, make, step, free_all, 0};
