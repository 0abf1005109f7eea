/* util_trainings_losslab.c - the small networks that `losslab experiment` trains: on classes, and with CTC. */
#include "../examples/losslab/experiment.h"
#include "util_trainings.h"

enum { CLASSES, FRAMES }; /* kinds */
enum { T = 20, D = 12, SYMBOLS = 4 };

typedef struct own {
    made_up samples;
    learner learner;
} own;

static void make(small_training *t) {
    own *o = t->own;
    bool ctc = t->program->kind == FRAMES;
    o->samples = ctc ? (made_up){T, D, SYMBOLS} : (made_up){14, 14, 0};
    tw_dataset data = made_up_dataset(&o->samples);
    tw_err err = ctc ? learner_new(t->ctx, "ctc", "adam:lr=0.002", D, 32, SYMBOLS + 1, &o->learner)
                     : learner_new(t->ctx, "cross_entropy", "adam:lr=0.002", FEATURES, 64, CLOTHES, &o->learner);
    if (err) return;
    t->params = o->learner.params;
    t->optim = o->learner.optim;
    t->loader = tw_loader_new(t->ctx, &data, &(tw_loader_options){.batch = TRAINING_BATCH, .seed = 5, .shuffle = true});
}

/* A sample's rows are frames of a text, or all of them the features of one example. */
static tw_err step(small_training *t, const tw_batch *b) {
    own *o = t->own;
    tw_step_begin(t->ctx);
    tw_tensor *x = t->program->kind == FRAMES ? tw_input(t->ctx, b->x, 3, (int[]){T, b->n, D})
                                              : tw_input(t->ctx, b->x, 2, (int[]){b->n, FEATURES});
    tw_target target = {.classes = b->label};
    if (t->program->kind == FRAMES) target = (tw_target){.labels = b->label, .label_lengths = b->label_length};
    return learner_step(&o->learner,
                        tw_cost_apply(t->ctx, &o->learner.cost, tw_forward(t->ctx, o->learner.net, x), &target));
}

static void free_all(small_training *t) {
    own *o = t->own;
    tw_loader_free(t->loader);
    learner_free(&o->learner);
}

const training_program losslab_ce = {"losslab classes", sizeof(own), CLASSES, make, step, free_all, 0},
                       losslab_ctc = {"losslab ctc", sizeof(own), FRAMES, make, step, free_all, 0};
