/* util_trainings_crnn.c - the networks of examples/crnn_ocr, with all that its program may add to one. */
#include "../examples/crnn_ocr/ema.h"
#include "../examples/crnn_ocr/guide.h"
#include "../examples/crnn_ocr/picture.h"
#include "../examples/crnn_ocr/training.h"
#include "util_trainings.h"

enum { WIDTH = 48, SYMBOLS = 5 };

typedef struct own {
    made_up pictures;
    tw_dataset data;
    crnn net;
    training training;
} own;

static void make(small_training *t) {
    own *o = t->own;
    const crnn_design *design = crnn_designs[t->program->kind];
    const int height = design->height_step > 16 ? design->height_step : 16;
    const recipe r = {.model = design->name,
                      .optim = "adamw:lr=0.003",
                      .schedule = "cosine:warmup=0.5",
                      .epochs = 4,
                      .batch = TRAINING_BATCH,
                      .clip = 5,
                      .ema = 0.9,
                      .guide = 0.3,
                      .seed = 5};
    o->pictures = (made_up){height, t->program->stride ? WIDTH / 2 : WIDTH, SYMBOLS}; /* large networks are slow */
    tw_dataset grays = made_up_dataset(&o->pictures);
    if (picture_augmented(t->ctx, &grays, AUGMENT_STRONG, &o->data)) return;
    picture_augment(&o->data, AUGMENT_STRONG);
    tw_err err = crnn_new(t->ctx, &o->net, design, height, SYMBOLS + 1);
    t->params = o->net.params;
    if (!err) err = ema_attach(&o->net);
    if (!err) err = guide_attach(&o->net);
    if (err || training_new(t->ctx, &o->net, &o->data, &r, &o->training)) return;
    t->optim = o->training.optim;
    t->loader = o->training.loader;
}

static tw_err step(small_training *t, const tw_batch *b) {
    own *o = t->own;
    return training_step(&o->training, b);
}

static void free_all(small_training *t) {
    own *o = t->own;
    training_free(&o->training);
    crnn_free(&o->net);
    tw_dataset_free(&o->data);
}

/* In the order of crnn_designs. */
const training_program crnn_tiny = {"crnn_ocr tiny", sizeof(own), 0, make, step, free_all, 0},
                       crnn_small = {"crnn_ocr small", sizeof(own), 1, make, step, free_all, 4},
                       crnn_medium = {"crnn_ocr medium", sizeof(own), 2, make, step, free_all, 20},
                       crnn_vgg = {"crnn_ocr vgg", sizeof(own), 3, make, step, free_all, 50};
