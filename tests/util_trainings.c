/* util_trainings.c - see util_trainings.h. */
#include "util_trainings.h"

#include "optim/optim.h"

const training_program *const training_programs[] = {&mnist_mlp,  &mnist_lenet, &mnist_cnn,   &mnist_cnn_l,
                                                     &crnn_tiny,  &crnn_small,  &crnn_medium, &crnn_vgg,
                                                     &losslab_ce, &losslab_ctc, NULL};

bool small_training_new(small_training *t, tw_ctx *ctx, const training_program *program) {
    *t = (small_training){.program = program, .ctx = ctx, .own = calloc(1, program->size)};
    if (t->own) program->make(t);
    else tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
    return !tw_error(ctx);
}

void small_training_free(small_training *t) {
    if (t->own) t->program->free(t);
    free(t->own);
    *t = (small_training){0};
}

tw_err small_training_step(small_training *t, const tw_batch *b) { return t->program->step(t, b); }

tw_err small_training_next(small_training *t, const tw_batch **b) {
    tw_err err = tw_loader_next(t->loader, b);
    return err || *b ? err : tw_loader_next(t->loader, b);
}

/* ---- made-up samples ------------------------------------------------------------------------------------------ */

/* Blots whose places depend on the sample. */
void made_up_picture(uint8_t *pixel, int height, int width, uint64_t sample) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint64_t place = sample * 10000 + (uint64_t)(y / 3 * 100 + x / 3);
            pixel[y * width + x] = tw_random_bits(7, place) % 3 ? 0 : (uint8_t)(100 + tw_random_bits(8, place) % 156);
        }
}

static tw_err get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const made_up *s = user;
    uint8_t pixel[1024];
    (void)stream, (void)message, (void)size;
    made_up_picture(pixel, s->height, s->width, i);
    for (int k = 0; k < s->height * s->width; k++) sample->x[k] = 1 - (tw_real)pixel[k] / 255;
    sample->width = s->width;
    sample->label_length = s->symbols ? 1 + (int)(i % 3) : 1;
    for (int k = 0; k < sample->label_length; k++)
        sample->label[k] = s->symbols ? 1 + (int)(tw_random_bits(i, (uint64_t)k) % (uint64_t)s->symbols) : (int)i % 10;
    return TW_OK;
}

tw_dataset made_up_dataset(const made_up *s) {
    return (tw_dataset){.count = TRAINING_SAMPLES,
                        .channels = 1,
                        .height = s->height,
                        .max_width = s->width,
                        .max_label = s->symbols ? 3 : 1,
                        .sequences = s->symbols > 0,
                        .user = (void *)s,
                        .get = get};
}

/* ---- snapshots -------------------------------------------------------------------------------------------------- */

typedef enum walk_kind { MEASURE, SAVE, COMPARE, RESTORE } walk_kind;
typedef struct walk {
    walk_kind kind;
    size_t at;
    char *bytes;
    bool same;
} walk;

static void visit(walk *w, void *data, size_t size) {
    if (w->kind == SAVE) memcpy(w->bytes + w->at, data, size);
    if (w->kind == COMPARE) w->same = w->same && !memcmp(w->bytes + w->at, data, size);
    if (w->kind == RESTORE) memcpy(data, w->bytes + w->at, size);
    w->at += size;
}

static walk all_of(const small_training *t, walk_kind kind, char *bytes) {
    walk w = {kind, 0, bytes, true};
    tw_rng_state rng = tw_rng_get(t->ctx);
    for (size_t i = 0; i < t->params->count; i++) {
        const tw_tensor *p = &t->params->entry[i]->tensor;
        visit(&w, p->data, p->size * sizeof *p->data);
    }
    for (int k = 0; k < TW__MAX_STATES; k++)
        if (t->optim->state[k].v) visit(&w, t->optim->state[k].v, t->params->flat_size * sizeof(tw_real));
    for (size_t i = 0; i < t->optim->nparams; i++) visit(&w, &t->optim->param[i].steps, sizeof(int64_t));
    visit(&w, &t->optim->steps, sizeof t->optim->steps);
    visit(&w, &rng, sizeof rng);
    if (kind == RESTORE) tw_rng_set(t->ctx, rng);
    return w;
}

snapshot snapshot_take(const small_training *t) {
    snapshot s = {.size = all_of(t, MEASURE, NULL).at};
    s.bytes = malloc(s.size);
    if (s.bytes) all_of(t, SAVE, s.bytes);
    return s;
}

bool snapshot_holds(const snapshot *s, const small_training *t) { return all_of(t, COMPARE, s->bytes).same; }
void snapshot_restore(const snapshot *s, small_training *t) { all_of(t, RESTORE, s->bytes); }
void snapshot_free(snapshot *s) { free(s->bytes); }
