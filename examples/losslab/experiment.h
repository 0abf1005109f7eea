/* experiment.h - what the files of `losslab experiment` share. */
#ifndef LOSSLAB_EXPERIMENT_H
#define LOSSLAB_EXPERIMENT_H

#include "canvas.h"

#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

/* One run of an experiment: what it is given, and what it leaves. */
typedef struct trial {
    tw_ctx *ctx; /* of the seed; errors stay there */
    const char *data;
    canvas *picture;      /* WIDE x HIGH; the experiment draws on it */
    char conclusion[600]; /* one sentence or two, made of the numbers */
} trial;
enum { WIDE = 900, HIGH = 560 };

typedef struct experiment {
    const char *name, *question;
    tw_err (*run)(trial *t);
} experiment;

tw_err experiment_saturation(trial *t);
tw_err experiment_outliers(trial *t);
tw_err experiment_imbalance(trial *t);
tw_err experiment_noisy_labels(trial *t);
tw_err experiment_mse_vs_ce(trial *t);
tw_err experiment_ctc_plateau(trial *t);

/* ---- experiment_data.c: pictures of clothes, or something like them ------------------------------------------ */

enum { FEATURES = 14 * 14, CLOTHES = 10 };
typedef struct examples {
    int n;
    tw_real *x;     /* [n,FEATURES], mean 0 and deviation 1 over all */
    int32_t *label; /* [n] 0..9 */
    bool synthetic;
} examples;
/* The first n of a part ("train" or "t10k") of Fashion-MNIST in the folder, halved in size; where it is not installed,
 * made-up pictures of ten kinds, and a line on stdout says so. */
TW_MUST_CHECK tw_err examples_load(trial *t, const char *part, int n, examples *e);
void examples_free(examples *e);

/* ---- learner.c: training a small network -------------------------------------------------------------------- */

typedef struct learner {
    tw_ctx *ctx;
    tw_params *params;
    tw_layer *net;
    tw_optim *optim;
    tw_cost cost;
    uint64_t stream; /* of the batches: the same for every learner of a trial */
    int step;
} learner;
/* in -> hidden (ReLU) -> out; hidden 0: in -> out. All learners of a trial begin with the same weights. */
TW_MUST_CHECK tw_err learner_new(tw_ctx *ctx, const char *loss, const char *optim, int in, int hidden, int out,
                                 learner *l);
void learner_free(learner *l);
/* The index, below n, of example i of this step's batch. */
int learner_draw(const learner *l, int i, int n);
/* Backward and a step of the optimiser; loss NULL: an error before it. */
TW_MUST_CHECK tw_err learner_step(learner *l, tw_tensor *loss);
/* What the network says of n inputs [n,in], without recording; n * out numbers into y. */
TW_MUST_CHECK tw_err learner_apply(learner *l, const tw_real *x, int n, int in, tw_real *y, int out);

#endif
