/* thalweg/optim.h - optimisers, learning-rate schedules. Formulas and defaults are PyTorch 1.13's.
 *
 * Making an optimiser seals params (tensor.h). The optimiser is freed with tw_optim_free, before params. */
#ifndef THALWEG_OPTIM_H
#define THALWEG_OPTIM_H

#include <thalweg/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_optim tw_optim;

/* Options NULL: the defaults; otherwise start from tw_<optimiser>_defaults(), every value is taken literally.
 * SGD:      g += wd p;  v = momentum v + (1 - dampening) g  (first step v = g);
 *           p -= lr v, or with nesterov p -= lr (g + momentum v)
 * Adam:     g += wd p;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  p -= lr m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps)
 *           (Kingma, Ba 2015).  AdamW: p -= lr wd p first, instead of adding to g (Loshchilov, Hutter 2019)
 * Adadelta: g += wd p;  s = rho s + (1-rho) g^2;  d = sqrt(u + eps)/sqrt(s + eps) g;  u = rho u + (1-rho) d^2;
 *           p -= lr d  (Zeiler 2012)
 * RMSprop:  g += wd p;  s = alpha s + (1-alpha) g^2;  d = g / (sqrt(s) + eps), or centered, with
 *           m = alpha m + (1-alpha) g:  d = g / (sqrt(s - m^2) + eps);  p -= lr d, or with momentum
 *           v = momentum v + d;  p -= lr v  (Tieleman, Hinton 2012; centered: Graves 2013)
 * Adagrad:  g += wd p;  s += g^2;  p -= lr / (1 + (t-1) lr_decay) g / (sqrt(s) + eps)  (Duchi, Hazan, Singer 2011) */
typedef struct tw_sgd_options {
    double lr, momentum, dampening, weight_decay; /* 0.01, 0, 0, 0 */
    bool nesterov;                                /* needs momentum > 0 and dampening 0 */
} tw_sgd_options;
typedef struct tw_adam_options {
    double lr, beta1, beta2, eps, weight_decay; /* 1e-3, 0.9, 0.999, 1e-8, 0; AdamW's weight_decay 1e-2 */
} tw_adam_options;
typedef struct tw_adadelta_options {
    double lr, rho, eps, weight_decay; /* 1, 0.9, 1e-6, 0 */
} tw_adadelta_options;
typedef struct tw_rmsprop_options {
    double lr, alpha, eps, weight_decay, momentum; /* 0.01, 0.99, 1e-8, 0, 0 */
    bool centered;
} tw_rmsprop_options;
typedef struct tw_adagrad_options {
    double lr, lr_decay, eps, weight_decay; /* 0.01, 0, 1e-10, 0 */
    double initial_accumulator_value;       /* 0: what each s begins at */
} tw_adagrad_options;
TW_API tw_sgd_options tw_sgd_defaults(void);
TW_API tw_adam_options tw_adam_defaults(void);
TW_API tw_adam_options tw_adamw_defaults(void);
TW_API tw_adadelta_options tw_adadelta_defaults(void);
TW_API tw_rmsprop_options tw_rmsprop_defaults(void);
TW_API tw_adagrad_options tw_adagrad_defaults(void);
TW_API TW_MUST_CHECK tw_optim *tw_sgd_new(tw_params *params, const tw_sgd_options *options);
TW_API TW_MUST_CHECK tw_optim *tw_adam_new(tw_params *params, const tw_adam_options *options);
TW_API TW_MUST_CHECK tw_optim *tw_adamw_new(tw_params *params, const tw_adam_options *options);
TW_API TW_MUST_CHECK tw_optim *tw_adadelta_new(tw_params *params, const tw_adadelta_options *options);
TW_API TW_MUST_CHECK tw_optim *tw_rmsprop_new(tw_params *params, const tw_rmsprop_options *options);
TW_API TW_MUST_CHECK tw_optim *tw_adagrad_new(tw_params *params, const tw_adagrad_options *options);
/* "adam", "sgd:lr=0.1,momentum=0.9,nesterov=1": RANGE for an unknown name or option, with the nearest suggested. */
TW_API TW_MUST_CHECK tw_optim *tw_optim_new(tw_params *params, const char *spec);
TW_API void tw_optim_free(tw_optim *optim); /* NULL is allowed */

/* Updates every parameter that got a gradient in this step. A failed context, or no gradient at all: STATE. A
 * non-finite gradient: NONFINITE naming the first such parameter. After an error weights and state are as before. */
TW_API TW_MUST_CHECK tw_err tw_optim_step(tw_optim *optim);

TW_API void tw_optim_set_lr(tw_optim *optim, double lr); /* negative or not finite: a RANGE error */
TW_API double tw_optim_lr(const tw_optim *optim);
TW_API int64_t tw_optim_steps(const tw_optim *optim);
TW_API const char *tw_optim_name(const tw_optim *optim);

/* Parameters whose name matches pattern (* wildcards) take these instead; a later call wins. RANGE when nothing
 * matches. tw_optim_no_decay: weight decay 0 for every parameter with one dimension (biases and norms). */
TW_API TW_MUST_CHECK tw_err tw_optim_group(tw_optim *optim, const char *pattern, double lr_scale, double weight_decay);
TW_API TW_MUST_CHECK tw_err tw_optim_no_decay(tw_optim *optim);

/* ---- the average of the weights ------------------------------------------------------------------------
 * a = d a + (1 - d) w for every parameter and buffer (Polyak, Juditsky 1992), d = min(decay, (1 + step) / (10 + step)).
 * Averaged weights usually generalise better than the current ones, which move with every batch. Averages are buffers
 * called "ema.<name>": a checkpoint holds both, tw_model_save writes weights alone, and tw_model_load of a file that
 * has no averages sets them to the weights. */
typedef struct tw_ema tw_ema;
/* Of all that params holds now, before they are sealed; freed with params. */
TW_API TW_MUST_CHECK tw_ema *tw_ema_new(tw_params *params);
/* After step number `step` (1, 2, ..: tw_optim_steps; less is RANGE). decay is in [0, 1); in the first step the
 * averages become the weights. */
TW_API TW_MUST_CHECK tw_err tw_ema_update(tw_ema *ema, double decay, int64_t step);
/* Weights and averages change places, to measure or to save a model, and back. In between, updates, steps of the
 * optimiser, loading and checkpoints are STATE errors. */
TW_API TW_MUST_CHECK tw_err tw_ema_swap_in(tw_ema *ema);
TW_API TW_MUST_CHECK tw_err tw_ema_swap_out(tw_ema *ema);
/* Copies the averages over another model's weights, matched by name. `to` may be the averaged model itself, whose
 * weights are then overwritten. A name that is missing is RANGE, another shape SHAPE, averages in the weights' place of
 * either STATE, and nothing is copied. These sentences are in the context of `to`; that of averages in the weights'
 * place of ema's own model is in the context of that. */
TW_API TW_MUST_CHECK tw_err tw_ema_copy(const tw_ema *ema, tw_params *to);

/* ---- early stopping --------------------------------------------------------------------------------------
 * Plain numbers, to be saved with a checkpoint's metadata; begin with {.patience = 5}. */
typedef struct tw_early_stop {
    int64_t patience; /* epochs without improvement after which to stop; 0: never */
    double min_delta; /* a smaller improvement is none */
    bool higher;      /* larger values are better: an accuracy; else smaller ones: a loss */

    bool measured;      /* there is a best value .. */
    double best;        /* .. this one .. */
    int64_t best_epoch; /* .. of this epoch */
    int64_t since;      /* the epoch that patience counts from */
} tw_early_stop;
/* The value measured after an epoch. True: it is the best so far (the moment to save a model). NaN never is. */
TW_API bool tw_early_stop_add(tw_early_stop *stop, int64_t epoch, double value);
/* Patience counts from this epoch, though nothing improved: a warm-up, a plateau that is expected. */
TW_API void tw_early_stop_wait(tw_early_stop *stop, int64_t epoch);
TW_API bool tw_early_stop_now(const tw_early_stop *stop, int64_t epoch); /* after this epoch: patience is over */

/* ---- schedules: lr(step) = base * factor -------------------------------------------------------------
 * "constant", "step:every=10,gamma=0.1" (epochs), "cosine:min=0" (to min * base over all epochs); these take
 * "warmup=N" epochs (fractions allowed) of linear increase first.
 * "one_cycle:pct_start=0.3,anneal=cos,div_factor=25,final_div_factor=1e4,three_phase=0,steps=0" is PyTorch's OneCycleLR
 * with max_lr = base (Smith, Topin 2018): from base / div_factor up to base in the share pct_start of all epochs, then
 * down to base / (div_factor final_div_factor), along half a cosine or a line (anneal=linear). With three_phase the way
 * down first mirrors the way up. steps: of the whole training; then the factor at epoch epochs (k + 1) / steps is the
 * one that PyTorch has in step k = 0, 1, ..; 0: the limit for many steps. */
typedef enum tw_schedule_kind {
    TW_SCHEDULE_CONSTANT,
    TW_SCHEDULE_STEP,
    TW_SCHEDULE_COSINE,
    TW_SCHEDULE_ONE_CYCLE
} tw_schedule_kind;
typedef enum tw_anneal { TW_ANNEAL_COS, TW_ANNEAL_LINEAR } tw_anneal;
typedef struct tw_schedule {
    tw_schedule_kind kind;
    double warmup; /* epochs */
    double every;  /* step: epochs between drops */
    double gamma;  /* step: factor of a drop */
    double min;    /* cosine: last factor */

    double pct_start, div_factor, final_div_factor; /* one_cycle: these .. */
    int anneal;                                     /* .. a tw_anneal */
    bool three_phase;
    int steps;
} tw_schedule;
TW_API TW_MUST_CHECK tw_err tw_schedule_parse(tw_ctx *ctx, const char *spec, tw_schedule *schedule);
/* The factor at `epoch` of `epochs`. 3.5 is half-way through the fourth; negative and NaN: the same as 0. */
TW_API double tw_schedule_factor(const tw_schedule *schedule, double epoch, double epochs);

#ifdef __cplusplus
}
#endif
#endif
