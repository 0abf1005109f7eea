/* schedule.c - learning-rate schedules: a factor as a function of how far training is. */
#include "tensor/options.h"

#include <thalweg/extend.h>
#include <thalweg/optim.h>

#include <math.h>

#define ROW(field, value, min, max, help) \
    { #field, TW_OPTION_REAL, offsetof(tw_schedule, field), value, min, max, NULL, help }
#define WARMUP ROW(warmup, 0, 0, 1e9, "epochs of linear increase before")
static const tw_option constant_table[] = {WARMUP, {0}};
static const tw_option step_table[] = {
    WARMUP,
    ROW(every, 10, 1e-9, 1e9, "epochs between drops"),
    ROW(gamma, 0.1, 0, 1e9, "factor of a drop"),
    {0},
};
static const tw_option cosine_table[] = {WARMUP, ROW(min, 0, 0, 1, "the last factor"), {0}};

static const char *const anneals[] = {[TW_ANNEAL_COS] = "cos", [TW_ANNEAL_LINEAR] = "linear", NULL};
static const tw_option one_cycle_table[] = {
    ROW(pct_start, 0.3, 0, 1, "share of the epochs in which the rate grows"),
    ROW(div_factor, 25, 1e-9, 1e300, "the first factor is 1 / this"),
    ROW(final_div_factor, 1e4, 1e-9, 1e300, "the last factor is the first / this"),
    {"anneal", TW_OPTION_ENUM, offsetof(tw_schedule, anneal), TW_ANNEAL_COS, 0, 0, anneals, "cos or linear"},
    {"three_phase", TW_OPTION_BOOL, offsetof(tw_schedule, three_phase), 0, 0, 1, NULL,
     "down as it went up, then to the end"},
    {"steps", TW_OPTION_INT, offsetof(tw_schedule, steps), 0, 0, 2147483647, NULL, "of the training; 0: very many"},
    {0},
};

static const char *const name[] = {[TW_SCHEDULE_CONSTANT] = "constant",
                                   [TW_SCHEDULE_STEP] = "step",
                                   [TW_SCHEDULE_COSINE] = "cosine",
                                   [TW_SCHEDULE_ONE_CYCLE] = "one_cycle"};
static const tw_option *const table[] = {[TW_SCHEDULE_CONSTANT] = constant_table,
                                         [TW_SCHEDULE_STEP] = step_table,
                                         [TW_SCHEDULE_COSINE] = cosine_table,
                                         [TW_SCHEDULE_ONE_CYCLE] = one_cycle_table};
enum { KINDS = sizeof name / sizeof *name };

tw_err tw_schedule_parse(tw_ctx *ctx, const char *spec, tw_schedule *schedule) {
    const char *options;
    int kind = tw__find_named(ctx, "schedule", spec, KINDS, name, &options);
    if (kind < 0) return TW_ERR_RANGE;
    tw_schedule s = {.kind = (tw_schedule_kind)kind};
    tw_options_default(table[kind], &s);
    tw_err err = tw_options_parse(ctx, name[kind], table[kind], options, &s);
    if (!err) *schedule = s;
    return err;
}

#define PI 3.14159265358979323846

/* The value at step of a way from one value at begin to another at end. */
static double anneal(const tw_schedule *s, double from, double to, double begin, double end, double step) {
    double done = end > begin ? (step - begin) / (end - begin) : 1;
    if (s->anneal == TW_ANNEAL_LINEAR) return from + (to - from) * done;
    return to + (from - to) / 2 * (1 + cos(PI * done));
}

/* PyTorch numbers the steps 0 .. T-1 and ends the phases with the steps p T - 1, (2 p T - 2) and T - 1. Where T is not
 * known, steps are so short that one more or less is nothing: T is 1 then, and a step the share of the epochs. */
static double one_cycle(const tw_schedule *s, double epoch, double epochs) {
    double steps = s->steps ? s->steps : 1, one = s->steps ? 1 : 0, share = epochs > 0 ? epoch / epochs : 1;
    double peak = s->pct_start * steps - one, end = steps - one, step = fmin(fmax(share * steps - one, 0), end);
    double first = s->div_factor > 0 ? 1 / s->div_factor : 1;
    double last = s->final_div_factor > 0 ? first / s->final_div_factor : first;
    if (step <= peak) return anneal(s, first, 1, 0, peak, step);
    if (!s->three_phase) return anneal(s, 1, last, peak, end, step);
    if (step <= 2 * peak) return anneal(s, 1, first, peak, 2 * peak, step);
    return anneal(s, first, last, 2 * peak, end, step);
}

static double base_factor(const tw_schedule *s, double epoch, double epochs) {
    switch (s->kind) {
    case TW_SCHEDULE_STEP: return s->every > 0 ? pow(s->gamma, floor(epoch / s->every)) : 1;
    case TW_SCHEDULE_COSINE: {
        /* Half a cosine from the end of the warm-up to the last epoch (Loshchilov, Hutter 2017, without restarts). */
        double length = epochs - s->warmup, done = length > 0 ? (epoch - s->warmup) / length : 0;
        done = done < 0 ? 0 : done > 1 ? 1 : done;
        return s->min + (1 - s->min) * 0.5 * (1 + cos(PI * done));
    }
    case TW_SCHEDULE_ONE_CYCLE: return one_cycle(s, epoch, epochs);
    case TW_SCHEDULE_CONSTANT: break;
    }
    return 1;
}

double tw_schedule_factor(const tw_schedule *schedule, double epoch, double epochs) {
    if (!(epoch > 0)) epoch = 0; /* NaN, too */
    double warm = schedule->warmup > 0 && epoch < schedule->warmup ? epoch / schedule->warmup : 1;
    return warm * base_factor(schedule, epoch, epochs);
}
