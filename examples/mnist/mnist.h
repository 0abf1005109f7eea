/* mnist.h - what the files of this program share: the models, the data, and the recipe of a training. */
#ifndef MNIST_H
#define MNIST_H

#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

enum { CLASSES = 10, SIDE = 28 };
#define DEFAULT_DATA "/usr/share/datasets/fashion-mnist"

/* ---- models.c ---- */
typedef struct model_kind {
    const char *name, *about;
    tw_layer *(*build)(tw_params *params);
    /* the recipe that a bare command uses */
    const char *optim, *schedule;
    int epochs, batch;
    bool augment;
} model_kind;
/* NULL: no such model; *nearest is then a name to suggest, or NULL. */
const model_kind *model_find(const char *name, const char **nearest);
/* "mlp, lenet, cnn, cnn-l" */
const char *model_names(void);

/* ---- pictures.c: the four IDX files, and a tw_dataset over two of them ---- */
typedef struct pictures {
    tw_idx image, label;
} pictures;
/* part "train" or "t10k". Checks that there are as many labels as images, of 28 x 28, below 10. */
tw_err pictures_load(tw_ctx *ctx, const char *dir, const char *part, pictures *p);
void pictures_free(pictures *p);

typedef struct picture_source { /* a tw_dataset's user data; lives as long as the dataset is used */
    const pictures *from;
    float mean, std;
    bool augment, mirror;
} picture_source;
tw_dataset pictures_dataset(picture_source *source);

/* ---- augment.c: a slightly different picture, drawn from a random stream. In place. ---- */
void augment(float *pixel /* [28][28], 0..1 */, bool mirror, uint64_t stream);

/* ---- step.c ---- */
/* One step on a batch: its mean loss, and to *right are added those that were classified right before the step. */
tw_err train_step(tw_ctx *ctx, tw_layer *net, tw_optim *optim, const tw_cost *cost, const tw_batch *b, double *loss,
                  long *right);

/* ---- evaluate.c ---- */
typedef struct scores {
    long count[CLASSES][CLASSES]; /* [truth][answer] */
    long right, total;
    double loss; /* mean cross entropy */
} scores;
tw_err evaluate(tw_ctx *ctx, tw_layer *net, const pictures *test, float mean, float std, scores *s);
/* The 95 % interval of a proportion (Wilson 1927). */
void wilson(long right, long total, double *low, double *high);
void print_scores(const scores *s, const char *const *name);
tw_err write_confusion(tw_ctx *ctx, const scores *s, const char *path);
/* Is this folder Fashion-MNIST's, to judge by its name? */
bool is_clothes(const char *data);
/* Names for messages and tables: of clothes or of digits. */
const char *const *class_names(const char *data);

/* ---- the commands ---- */
int command_train(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_predict(int argc, char **argv);

/* A trained network as it comes from a file. */
typedef struct trained {
    tw_params *params;
    tw_layer *net;
    tw_meta *meta;
    float mean, std;
} trained;
tw_err trained_load(tw_ctx *ctx, const char *path, trained *t);
void trained_free(trained *t);

/* "mnist train: <the context's message>" on stderr, exit code 1. */
_Noreturn void give_up(const char *program, const tw_ctx *ctx);
/* The same without giving up, and where the default data comes from when it is not there. */
void report(const char *program, const tw_ctx *ctx);

#endif
