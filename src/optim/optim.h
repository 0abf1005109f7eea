/* optim.h - what the optimisers' files share: the record that describes one, and the object every one makes. */
#ifndef TW_OPTIM_H
#define TW_OPTIM_H

#include "optim/update.h"
#include "tensor/params.h"

#include <thalweg/optim.h>

typedef union tw__coef {
    tw__sgd_coef sgd;
    tw__adam_coef adam;
    tw__adadelta_coef adadelta;
    tw__rmsprop_coef rmsprop;
    tw__adagrad_coef adagrad;
} tw__coef;

enum { TW__MAX_STATES = 3 };

typedef struct tw__optim_class {
    const char *name;
    const tw_option *table;                  /* of the options struct, whose first member is `double lr` */
    size_t options_size, weight_decay;       /* sizeof, offsetof */
    const char *state[TW__MAX_STATES];       /* PyTorch's names of what is kept for each number */
    unsigned (*states)(const void *options); /* which of them these options need: 1 << k for state[k] */
    double (*first)(const void *options);    /* what they begin as; NULL: 0 */
    /* What is wrong with options whose fields are each in range, or NULL; may be NULL itself. */
    const char *(*complain)(const void *options);
    /* The coefficients of a parameter's t-th update, t from 1. */
    void (*prepare)(const void *options, double lr, double weight_decay, int64_t t, tw__coef *coef);
    /* Updates n numbers p with gradient g; a state that is not kept is NULL. */
    void (*update)(size_t n, tw_real *p, const tw_real *g, tw_real *const state[TW__MAX_STATES], const tw__coef *coef);
} tw__optim_class;

extern const tw__optim_class tw__sgd_class, tw__adam_class, tw__adamw_class, tw__adadelta_class, tw__rmsprop_class,
    tw__adagrad_class;

/* Limits for option tables. Something that must be below 1 may go up to here. */
#define TW__BELOW_ONE 0.999999999
#define TW__NO_LIMIT 1e300

typedef struct tw__optim_param {
    int64_t steps; /* updates so far: PyTorch counts for each parameter, as one may get no gradient in some steps */
    double lr_scale, weight_decay;
    bool active; /* in the step at hand */
    tw__coef coef;
} tw__optim_param;

struct tw_optim {
    tw_params *params;
    const tw__optim_class *cls;
    union {
        tw_sgd_options sgd;
        tw_adam_options adam;
        tw_adadelta_options adadelta;
        tw_rmsprop_options rmsprop;
        tw_adagrad_options adagrad;
    } options;
    double lr;
    int64_t steps;
    int nstates;                     /* how many are kept */
    tw__reals state[TW__MAX_STATES]; /* laid out as the flat parameters; v NULL: not kept */
    tw__optim_param *param;          /* [nparams] */
    size_t nparams;
};

/* options NULL: the defaults. */
tw_optim *tw__optim_make(tw_params *params, const tw__optim_class *cls, const void *options);

#endif
