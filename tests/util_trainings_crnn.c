/* util_trainings_crnn.c - the smallest network of examples/crnn_ocr, with all that its program may add to one. */
#include "../examples/crnn_ocr/ema.h"
#include "../examples/crnn_ocr/guide.h"
#include "../examples/crnn_ocr/picture.h"
#include "../examples/crnn_ocr/training.h"
#include "util_trainings.h"

enum { HEIGHT = 16, WIDTH = 48, SYMBOLS = 5 };

typedef struct own {
    made_up pictures;
    tw_dataset data;
    crnn net;
    training training;
} own;

static void make(small_training *t) {
    own *o = t->own;
    const recipe r = {.model = "tiny",
                      .optim = "adamw:lr=0.003",
                      .schedule = "cosine:warmup=0.5",
                      .epochs = 4,
                      .batch = TRAINING_BATCH,
                      .clip = 5,
                      .ema = 0.9,
                      .guide = 0.3,
                      .seed = 5};
    o->pictures = (made_up){HEIGHT, WIDTH, SYMBOLS};
    tw_dataset grays = made_up_dataset(&o->pictures);
    if (picture_augmented(t->ctx, &grays, AUGMENT_STRONG, &o->data)) return;
    picture_augment(&o->data, AUGMENT_STRONG);
    tw_err err = crnn_new(t->ctx, &o->net, crnn_design_find("tiny"), HEIGHT, SYMBOLS + 1);
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

const training_program crnn_tiny = {"crnn_ocr tiny", sizeof(own), 0, make, step, free_all};
