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

static const char *const name[] = {
    [TW_SCHEDULE_CONSTANT] = "constant", [TW_SCHEDULE_STEP] = "step", [TW_SCHEDULE_COSINE] = "cosine"};
static const tw_option *const table[] = {
    [TW_SCHEDULE_CONSTANT] = constant_table, [TW_SCHEDULE_STEP] = step_table, [TW_SCHEDULE_COSINE] = cosine_table};
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

static double base_factor(const tw_schedule *s, double epoch, double epochs) {
    switch (s->kind) {
    case TW_SCHEDULE_STEP: return s->every > 0 ? pow(s->gamma, floor(epoch / s->every)) : 1;
    case TW_SCHEDULE_COSINE: {
        /* Half a cosine from the end of the warm-up to the last epoch (Loshchilov, Hutter 2017, without restarts). */
        double length = epochs - s->warmup, done = length > 0 ? (epoch - s->warmup) / length : 0;
        done = done < 0 ? 0 : done > 1 ? 1 : done;
        return s->min + (1 - s->min) * 0.5 * (1 + cos(3.14159265358979323846 * done));
    }
    case TW_SCHEDULE_CONSTANT: break;
    }
    return 1;
}

double tw_schedule_factor(const tw_schedule *schedule, double epoch, double epochs) {
    double warm = schedule->warmup > 0 && epoch < schedule->warmup ? epoch / schedule->warmup : 1;
    return warm * base_factor(schedule, epoch, epochs);
}
